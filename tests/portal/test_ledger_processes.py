"""Signer and witness as processes of their own, killed and started again; a restored log; a successor."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import main
from secure_access import ledger
from secure_access.db import Database
from secure_access.ledger import entry_rules, verify_receipt
from secure_access.ledger.receipts import receipt_text
from tests.fixtures.instance import COMMAND, DAY_ONE
from tests.fixtures.kms import kms

NOW = datetime.fromisoformat(DAY_ONE).astimezone(UTC)
ledger.declare("sample.counted", keys=("number",), audience="public")
entry_rules.alone("sample.counted")
Start = Callable[..., subprocess.Popen[str]]


class Machine:
    """An instance on SQLite without a web process, and what runs beside it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder = folder / "home", folder
        self.settings = {"ASSAY_NOW": DAY_ONE, "ASSAY_HOME": str(self.home)}

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
        return {**kept, **self.settings}

    def assay(self, *words: str, status: int = 0) -> str:
        """Run a short command, in this process: starting an interpreter for each would take minutes."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("ASSAY_")]:
                patch.delenv(name)
            for name, value in self.settings.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(main, words)
        assert done.exit_code == status, done.output
        return done.output

    @property
    def database(self) -> Path:
        return self.home / "assay.db"

    def record(self, times: int) -> None:
        database = Database(f"sqlite:///{self.database}")
        try:
            with database.write() as session:
                for number in range(times):
                    fields = {"number": number}
                    ledger.append(session, "sample.counted", fields, by=None, now=NOW, about=("sample:1",))
        finally:
            database.dispose()

    def receipt(self, index: int) -> str:
        database = Database(f"sqlite:///{self.database}")
        try:
            with database.read() as session:
                found = ledger.entries(session, about="sample:1")
                return receipt_text(session, found[index])
        finally:
            database.dispose()

    def outcome(self, receipt: str) -> verify_receipt.Outcome:
        policy = verify_receipt.Policy.parse(self.assay("ledger", "policy"))
        return verify_receipt.verify(receipt, policy)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def start(machine: Machine) -> Iterator[Start]:
    """Start a command and wait until it says a word; whatever runs is ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def run(*words: str, until: str, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [COMMAND, *words],
            env={**machine.environment, **settings, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if until in line:
                process.said = said  # type: ignore[attr-defined]
                return process
        raise AssertionError(f"{words} ended: {said}")

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def test_the_signer_apart_is_killed_and_goes_on(machine: Machine, start: Start) -> None:
    """The portal holds no key of the log. While the signer is away nothing is signed, and nothing is lost."""
    apart = {"ASSAY_HOME": str(machine.folder / "signer")}
    socket = machine.folder / "sock"
    words = ("ledger", "signer", "--socket", str(socket))
    service = start(*words, until="signing behind", **apart)
    keys = machine.home / "keys"
    keys.mkdir(parents=True)
    shutil.copy(machine.folder / "signer" / "keys" / "ledger-keys.pub", keys)
    machine.settings["ASSAY_SIGNER"] = str(socket)
    machine.assay("migrate")
    assert not list(keys.glob("ledger-key*.pub.*"))
    assert {path.name for path in keys.glob("ledger-key*")} == {"ledger-keys.pub"}
    machine.record(3)
    assert "3 entries, signed" in machine.assay("ledger", "sequence")
    copy = machine.database.read_bytes()
    service.send_signal(signal.SIGKILL)
    service.wait(20)
    machine.record(2)
    assert "Nothing was signed" in machine.assay("ledger", "sequence", status=1)
    assert machine.outcome(machine.receipt(1)).state is verify_receipt.State.NOT_WITNESSED
    assert machine.outcome(machine.receipt(4)).state is verify_receipt.State.PROOF_FOLLOWS
    service = start(*words, until="signing behind", **apart)
    assert "5 entries, signed" in machine.assay("ledger", "sequence")
    said = machine.assay("ledger", "verify")
    assert "Compared with the signer public: 5 entries of the public log." in said
    assert "Everything matches" in said
    # A database that was restored agrees with itself: the signer is asked over its socket.
    machine.database.write_bytes(copy)
    said = machine.assay("ledger", "verify", status=1)
    assert "signer public: knows 5 entries of the public log, and there are 3" in said
    said = machine.assay("ledger", "verify", "--offline")
    assert "Not asked: the signer and the witnesses: --offline." in said
    service.send_signal(signal.SIGKILL)
    service.wait(20)
    said = machine.assay("ledger", "verify")
    assert f"Not asked: the signer: the signer behind {socket} does not answer" in said


def test_a_witness_is_killed_and_still_remembers(machine: Machine, start: Start) -> None:
    machine.assay("migrate")
    ngo = machine.folder / "ngo"
    ngo.mkdir()
    (ngo / "logs.txt").write_text(machine.assay("ledger", "policy"))
    words = ("ledger", "witness", "--home", str(ngo), "--listen", "127.0.0.1:0")
    assert "no keys yet" in machine.assay(*words, status=2)
    service = start(*words, "--name", "witness.example", until="listening")

    def trust(process: subprocess.Popen[str]) -> None:
        said = process.said.splitlines()  # type: ignore[attr-defined]
        url = said[-1].split()[-1]
        lines = [f"{line} {url}" for line in said if line.startswith("witness ")]
        names = [line.split()[1] for line in lines]
        quorum = [f"group ngo all {' '.join(names)}", "quorum ngo"]
        (machine.folder / "policy").write_text("\n".join([*lines, *quorum]) + "\n")

    trust(service)
    machine.settings["ASSAY_WITNESSES"] = str(machine.folder / "policy")
    machine.record(3)
    machine.assay("ledger", "sequence")
    assert machine.outcome(machine.receipt(1)).state is verify_receipt.State.PROVED
    copy = machine.database.read_bytes()
    machine.record(2)
    machine.assay("ledger", "sequence")
    service.send_signal(signal.SIGKILL)
    service.wait(20)
    # The operator's whole machine goes back to the copy: database, and the signer's memory.
    machine.database.write_bytes(copy)
    for path in (machine.home / "signer").glob("*.json"):
        path.unlink()
    machine.record(1)
    said = machine.assay("ledger", "sequence", status=1)
    assert "none answers" in said
    trust(start(*words, until="listening"))
    said = machine.assay("ledger", "sequence", status=1)
    assert "a witness (http://127.0.0.1:" in said
    assert "5 entries" in said
    said = machine.assay("ledger", "verify", status=1)
    assert "witness http://127.0.0.1:" in said
    assert "knows 5 entries of the public log, and there are 4" in said


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
        assert entry.fields["left"] == 12
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
        kept = machine.receipt(1)
        old = machine.assay("ledger", "policy")
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
        policy = machine.assay("ledger", "policy")
        assert [line for line in old.splitlines() if line not in policy] == []
        assert not list((machine.home / "keys").glob("ledger-key")), "no key of the log lies in a file"
        for receipt in (kept, machine.receipt(1), machine.receipt(3)):
            assert machine.outcome(receipt).state is verify_receipt.State.NOT_WITNESSED
        assert json.loads(machine.receipt(3))["log"].endswith("/2")


def test_to_see_no_entry_is_a_failure(machine: Machine) -> None:
    """Also where everything that the database holds agrees with itself: the signer remembers more."""
    machine.assay("migrate")
    assert "has no rows" in machine.assay("ledger", "verify", status=1)
    machine.record(3)
    machine.assay("ledger", "sequence")
    assert "Everything matches" in machine.assay("ledger", "verify")
    machine.database.unlink()
    for journal in machine.home.glob("assay.db-*"):
        journal.unlink()
    machine.assay("migrate")
    said = machine.assay("ledger", "verify", status=1)
    assert "signer public: knows 3 entries of the public log, and there are 0" in said
    assert "ledger_entry : has no rows" in said


def test_another_history_is_not_what_the_signer_remembers(machine: Machine) -> None:
    machine.assay("migrate")
    machine.record(3)
    machine.assay("ledger", "sequence")
    machine.database.unlink()
    for journal in machine.home.glob("assay.db-*"):
        journal.unlink()
    memory = machine.home / "signer"
    memory.rename(machine.home / "kept")
    machine.assay("migrate")
    machine.record(4)
    machine.assay("ledger", "sequence")
    shutil.rmtree(memory)
    (machine.home / "kept").rename(memory)
    said = machine.assay("ledger", "verify", status=1)
    assert "signer public: knows another root for 3 entries of the public log" in said


def test_the_database_is_held_to_a_checkpoint_that_somebody_kept(machine: Machine) -> None:
    machine.assay("migrate")
    machine.record(3)
    machine.assay("ledger", "sequence")
    copy, mirror = machine.database.read_bytes(), machine.folder / "mirror"
    machine.record(2)
    machine.assay("ledger", "sequence")
    machine.assay("ledger", "export", str(mirror))
    kept = mirror / "checkpoint"
    said = machine.assay("ledger", "verify", "--checkpoint", str(kept))
    assert "Compared with the checkpoint checkpoint: 5 entries of the public log." in said
    forged = machine.folder / "forged"
    forged.write_text(kept.read_text().replace("\n5\n", "\n4\n"))
    said = machine.assay("ledger", "verify", "--checkpoint", str(forged), status=2)
    assert "the signature of assay.localhost/ledger/demonstration is false" in said
    forged.write_text(kept.read_text().replace("assay.localhost", "other.example"))
    said = machine.assay("ledger", "verify", "--checkpoint", str(forged), status=2)
    assert "is none of the logs of this instance" in said
    # The whole machine goes back to a copy, with the signer's memory, and another history is written on it.
    machine.database.write_bytes(copy)
    shutil.rmtree(machine.home / "signer")
    assert "Everything matches" in machine.assay("ledger", "verify")
    said = machine.assay("ledger", "verify", "--checkpoint", str(kept), status=1)
    assert "checkpoint checkpoint: knows 5 entries of the public log, and there are 3" in said
    machine.record(4)
    machine.assay("ledger", "sequence")
    assert "Everything matches" in machine.assay("ledger", "verify")
    said = machine.assay("ledger", "verify", "--checkpoint", str(kept), status=1)
    assert "checkpoint checkpoint: knows another root for 5 entries of the public log" in said


def test_a_copy_of_the_database_alone_is_verified_without_its_vault(machine: Machine) -> None:
    machine.assay("migrate")
    machine.record(3)
    machine.assay("ledger", "sequence")
    ring = machine.home / "keys" / "vault-ring.json"
    ring.unlink()
    said = machine.assay("ledger", "verify", status=1)
    assert "The key ring of the vault is not here" in said
    assert "--no-vault" in said
    said = machine.assay("ledger", "verify", "--no-vault")
    assert "The vault was left out" in said
    assert "Everything matches" in said
    assert not ring.exists(), "verifying makes no keys"
