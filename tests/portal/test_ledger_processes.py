"""Signer and witness as processes of their own, killed and started again; what `ledger verify` is told."""

from __future__ import annotations

import shutil
import signal

from secure_access.ledger import verify_receipt
from tests.fixtures.machine import Machine, Start, machine, start

__all__ = ["machine", "start"]


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
    service = machine.witness(start)
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
    for path in (machine.home / "signer").glob("*.memory"):
        path.unlink()
    machine.record(1)
    said = machine.assay("ledger", "sequence", status=1)
    assert "none answers" in said
    machine.witness(start)
    said = machine.assay("ledger", "sequence", status=1)
    assert "a witness (http://127.0.0.1:" in said
    assert "5 entries" in said
    said = machine.assay("ledger", "verify", status=1)
    assert "witness http://127.0.0.1:" in said
    assert "knows 5 entries of the public log, and there are 4" in said
    # Entries that were never signed do not make up for those that were lost, however many there are.
    machine.record(4)
    for path in (machine.home / "signer").glob("*.memory"):
        path.unlink()
    said = machine.assay("ledger", "sequence", status=1)
    assert "has seen assay.localhost/ledger/demonstration with 5 entries, and 3 were signed" in said
    said = machine.assay("ledger", "verify", status=1)
    assert "has seen 5 entries of the public log, whose signed checkpoint is not here" in said


def test_another_history_is_not_what_a_witness_has_seen(machine: Machine, start: Start) -> None:
    """Signed again without asking the witness, past what it saw, with a checkpoint of that very size."""
    machine.assay("migrate")
    machine.witness(start)
    trusted = machine.settings["ASSAY_WITNESSES"]
    machine.record(3)
    machine.assay("ledger", "sequence")
    copy = machine.database.read_bytes()
    machine.record(2)
    machine.assay("ledger", "sequence")
    assert "Compared with the witness http://127.0.0.1:" in machine.assay("ledger", "verify")
    machine.database.write_bytes(copy)
    shutil.rmtree(machine.home / "signer")
    del machine.settings["ASSAY_WITNESSES"]
    machine.record(2)
    machine.assay("ledger", "sequence")
    machine.record(1)
    machine.assay("ledger", "sequence")
    assert "Everything matches" in machine.assay("ledger", "verify")
    machine.settings["ASSAY_WITNESSES"] = trusted
    said = machine.assay("ledger", "verify", status=1)
    assert "has signed another history" in said


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
