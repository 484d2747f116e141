"""A log that cannot go on, and its successor: what is left, whom policies trust, at which addresses it is."""

from __future__ import annotations

import json

from secure_access import ledger
from secure_access.db import Database
from secure_access.ledger import verify_receipt
from tests.fixtures.kms import kms
from tests.fixtures.machine import Machine, Start, machine, start

__all__ = ["machine", "start"]


def test_a_restored_log_is_frozen_and_a_successor_goes_on(machine: Machine) -> None:
    machine.assay("migrate")
    machine.record(3)
    machine.assay("ledger", "sequence")
    copy = machine.database.read_bytes()
    machine.record(4)
    machine.assay("ledger", "sequence")
    kept, lost = machine.receipt(1), machine.receipt(6)
    machine.database.write_bytes(copy)
    for times in (1, 3, 5):
        machine.record(times)
        assert "Nothing was signed" in machine.assay("ledger", "sequence", status=1)
    said = machine.assay("ledger", "succeed", "--reason", "restored", "--yes")
    assert "signed with 7 entries: 3 are in its successor, 4 are missing" in said
    assert "assay.localhost/ledger/demonstration/2 goes on" in said
    assert "13 entries, signed" in machine.assay("ledger", "sequence")
    done = machine.assay("ledger", "verify")
    assert "Everything matches" in done
    # What was signed stays proved, also what the database has lost; what goes on is signed by the new log.
    for receipt in (kept, lost, machine.receipt(1), machine.receipt(11)):
        assert machine.outcome(receipt).state is verify_receipt.State.NOT_WITNESSED
    assert json.loads(machine.receipt(11))["log"].endswith("/2")
    database = Database(f"sqlite:///{machine.database}")
    with database.read() as session:
        (entry,) = [
            one for one in ledger.entries(session, about="ledger:succession") if one.log == ledger.Log.PUBLIC
        ]
        assert entry.fields["size"] == 7
        assert entry.fields["left"] == 3
    ended = machine.home / "keys" / "ended"
    assert len(list(ended.iterdir())) == 2


def test_a_lost_key_is_not_replaced_in_silence(machine: Machine) -> None:
    machine.assay("migrate")
    machine.record(2)
    machine.assay("ledger", "sequence")
    (machine.home / "keys" / "ledger-key").unlink()
    assert "is gone, and the log was signed with it" in machine.assay("ledger", "sequence", status=1)
    assert "matches" in machine.assay("ledger", "verify")
    machine.assay("ledger", "succeed", "--reason", "key_lost", "--yes")
    assert "3 entries, signed" in machine.assay("ledger", "sequence")
    assert "Everything matches" in machine.assay("ledger", "verify")


def test_a_log_whose_keys_lie_in_kms_is_succeeded_with_new_ones(machine: Machine) -> None:
    with kms() as address:
        machine.settings |= {
            "AWS_ENDPOINT_URL_KMS": address,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "ASSAY_LEDGER_KMS": "one two",
        }
        machine.assay("migrate")
        machine.record(3)
        machine.assay("ledger", "sequence")
        said = machine.assay("ledger", "succeed", "--reason", "key_known", "--yes", status=1)
        assert "those of ASSAY_LEDGER_KMS have signed the log before" in said
        machine.settings["ASSAY_LEDGER_KMS"] = "new-one new-two"
        machine.record(1)
        assert "names other keys" in machine.assay("ledger", "sequence", status=1)
        machine.assay("ledger", "succeed", "--reason", "key_known", "--yes")
        machine.assay("ledger", "sequence")
        assert "6 entries read: 5 in the public log" in machine.assay("ledger", "verify"), (
            "refused is not begun"
        )
        assert not list((machine.home / "keys").glob("ledger-key")), "no key of the log lies in a file"
        assert machine.outcome(machine.receipt(3)).state is verify_receipt.State.NOT_WITNESSED
        assert json.loads(machine.receipt(3))["log"].endswith("/2")


def test_nobody_trusts_a_key_any_more_that_others_know(machine: Machine, start: Start) -> None:
    """Who has it could sign anything: it is in no policy, and the entries that are left have new proofs."""
    machine.assay("migrate")
    machine.witness(start)
    machine.record(2)
    machine.assay("ledger", "sequence")
    kept, before = machine.receipt(1), machine.assay("ledger", "policy")
    assert machine.outcome(kept).state is verify_receipt.State.PROVED
    said = machine.assay("ledger", "succeed", "--reason", "key_known", "--yes")
    assert "signed with 2 entries: 2 are in its successor, none is missing" in said
    old = [line for line in before.splitlines() if line.startswith("log ")]
    assert len(old) == 2
    # Not even before the successor has signed: what only the old key proves, nothing proves any more.
    assert json.loads(machine.receipt(1)).get("proof") is None
    machine.assay("ledger", "sequence")
    for policy in (said, machine.assay("ledger", "policy")):
        assert policy.count("log assay.localhost/ledger/demonstration/2+") == 2
        assert not [line for line in old if line in policy]
    # The old receipt: by the policy kept from before, and by no newer one. The same entry has a new one.
    assert (
        verify_receipt.verify(kept, verify_receipt.Policy.parse(before)).state is verify_receipt.State.PROVED
    )
    assert machine.outcome(kept).state is verify_receipt.State.NOT_PROVED
    assert json.loads(machine.receipt(1))["log"].endswith("/2")
    assert machine.outcome(machine.receipt(1)).state is verify_receipt.State.NOT_WITNESSED
    # The database is held to the old checkpoints still, and a mirror has no line of the old key.
    assert "Everything matches" in machine.assay("ledger", "verify")
    machine.assay("ledger", "export", str(machine.folder / "mirror"))
    assert not [line for line in old if line in (machine.folder / "mirror" / "policy.txt").read_text()]


def test_a_memory_that_is_older_than_the_database_is_not_the_end_of_the_log(machine: Machine) -> None:
    machine.assay("migrate")
    machine.record(3)
    machine.assay("ledger", "sequence")
    old = {path: path.read_bytes() for path in (machine.home / "signer").glob("*.memory")}
    machine.record(2)
    machine.assay("ledger", "sequence")
    for path, content in old.items():
        path.write_bytes(content)
    machine.record(2)
    said = machine.assay("ledger", "succeed", "--reason", "key_lost", "--yes")
    assert "signed with 5 entries: 5 are in its successor, none is missing" in said


def test_the_addresses_of_a_successor_are_its_own(machine: Machine) -> None:
    """Caches keep tiles for years: no address ever has two contents, and no mirror two logs."""
    machine.assay("migrate")
    machine.record(3)
    machine.assay("ledger", "sequence")
    copy, mirror = machine.database.read_bytes(), machine.folder / "mirror"
    machine.record(4)
    machine.assay("ledger", "sequence")
    machine.assay("ledger", "export", str(mirror))
    before = machine.served("/ledger", mirror)
    assert before["tile/0/000.p/7"]
    assert None not in before.values()
    machine.database.write_bytes(copy)
    for _ in range(3):
        machine.record(1)
        machine.assay("ledger", "sequence", status=1)
    machine.assay("ledger", "succeed", "--reason", "restored", "--yes")
    machine.assay("ledger", "sequence")
    said = machine.assay("ledger", "export", str(mirror), status=1)
    assert "the mirror is of assay.localhost/ledger/demonstration, and this log is" in said
    second = machine.folder / "second"
    machine.assay("ledger", "export", str(second))
    after = machine.served("/ledger", mirror)
    gone = {name for name, content in after.items() if content is None}
    assert "tile/0/000.p/7" in gone
    assert "tile/0/000.p/3" not in gone
    for name in after.keys() - gone - {"checkpoint"}:
        assert after[name] == before[name], name
    new = machine.served("/ledger/2", second)
    assert {name for name in new if name.startswith("tile/0")} == {"tile/0/000.p/7"}
    for name, content in new.items():
        assert content == (second / name).read_bytes(), name
    assert new["tile/0/000.p/7"] != before["tile/0/000.p/7"]
    page = machine.page("/ledger")
    assert 'href="/ledger/2/checkpoint"' in page
    assert "signed with 7 entries: 3 are in its successor, 4 are missing" in page
    assert machine.page("/ledger/3/checkpoint", status=404)
    assert machine.page("/ledger/1/checkpoint", status=404)
