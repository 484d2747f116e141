"""Sequencing: contiguous, idempotent, one checkpoint a size, whatever fails in between."""

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from secure_access import ledger
from secure_access.db import Database, select
from secure_access.keys import SigningKey
from secure_access.ledger import Log, merkle, note, sequencer, tiles
from secure_access.ledger.log_keys import origin
from secure_access.ledger.note import Checkpoint
from secure_access.ledger.sequencer import LogDamaged
from secure_access.ledger.signer import KeptSigner, Signed
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, LedgerHead
from tests.fixtures.ledger import keys_of, signing_keys


def record(book: Database, kinds: SimpleNamespace, times: int = 1, name: str = "sample.submitted") -> None:
    fields = {"reference": "S"} if name == "sample.submitted" else {}
    with book.write() as session:
        for _ in range(times):
            ledger.append(session, name, fields, by=None, now=kinds.now)


def check(book: Database, key: SigningKey) -> dict[Log, int]:
    """What must hold at all times; the sizes of the signed heads."""
    sizes = {}
    with book.read() as session:
        for log in Log:
            rows = session.exec(
                select(LedgerEntry).where(LedgerEntry.log == log).order_by(LedgerEntry.number)
            ).all()  # type: ignore[arg-type]
            # On PostgreSQL a number is taken before its transaction ends: a later one may be placed first.
            placed = sorted((r for r in rows if r.leaf_index is not None), key=lambda r: r.leaf_index or 0)
            assert [row.leaf_index for row in placed] == list(range(len(placed)))
            tree = merkle.from_leaves([merkle.leaf_hash(row.leaf) for row in placed])
            signed = session.exec(select(LedgerCheckpoint).where(LedgerCheckpoint.log == log)).all()
            for row in signed:
                parsed = note.parse(row.note)
                assert parsed.verified(keys_of(key).of(log)) == keys_of(key).of(log)
                assert Checkpoint.parse(parsed.text) == Checkpoint(
                    origin(key.name, log), row.size, merkle.root(row.size, tree)
                )
            sizes[log] = max((row.size for row in signed), default=-1)
    return sizes


def test_entries_get_contiguous_places_and_a_signed_head(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner
) -> None:
    assert sequencer.sequence(book, log_key, ledger_kinds.now)[Log.PUBLIC].size == 0
    for times in (1, 2, 300, 0, 5):
        record(book, ledger_kinds, times)
        record(book, ledger_kinds, 1, "sample.read")
        heads = sequencer.sequence(book, log_key, ledger_kinds.now)
        assert sequencer.sequence(book, log_key, ledger_kinds.now) == heads
        assert check(book, log_key) == {log: head.size for log, head in heads.items()}
    assert {log: head.size for log, head in heads.items()} == {Log.PUBLIC: 308, Log.CUSTODY: 5}
    with book.read() as session:
        tree = tiles.nodes(tiles.stored(session, Log.PUBLIC))
        assert merkle.root(308, tree) == heads[Log.PUBLIC].root
        old = session.get_one(LedgerCheckpoint, (Log.PUBLIC, 3))
        proof = merkle.consistency_proof(3, 308, tree)
        merkle.verify_consistency(3, 308, proof, old.root, heads[Log.PUBLIC].root)


def test_batches_are_drained(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 4)
    record(book, ledger_kinds, 12)
    assert sequencer.sequence(book, log_key, ledger_kinds.now)[Log.PUBLIC].size == 12
    check(book, log_key)


class Broken(KeptSigner):
    """A signer that fails before or after it signs, once."""

    def __init__(self, memory: Path, *, after: bool) -> None:
        super().__init__(signing_keys(), memory)
        self._after, self._left = after, 1

    def sign(self, head: Checkpoint, proof: Sequence[bytes], time: int) -> Signed:
        if self._left and not self._after:
            self._left -= 1
            raise OSError("the key went away")
        signed = super().sign(head, proof, time)
        if self._left and head.size:
            self._left -= 1
            raise OSError("the key went away")
        return signed


FAULTS = ("_waiting", "_place", "_extend", "_check_continues", "tiles.save", "latest")


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("step", FAULTS)
def test_a_failure_at_any_step_loses_and_repeats_nothing(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    late: bool,
) -> None:
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    record(book, ledger_kinds, 4)
    owner, name = (tiles, "save") if step == "tiles.save" else (sequencer, step)
    real = getattr(owner, name)

    def failing(*arguments: Any) -> Any:
        if late:
            real(*arguments)
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing)
        with pytest.raises(OSError, match="disk full"):
            sequencer.sequence(book, log_key, ledger_kinds.now)
    check(book, log_key)
    assert sequencer.sequence(book, log_key, ledger_kinds.now)[Log.PUBLIC].size == 7
    assert check(book, log_key)[Log.PUBLIC] == 7


@pytest.mark.parametrize("after", [False, True])
def test_signed_and_not_saved_is_saved_the_next_time(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner, tmp_path: Path, after: bool
) -> None:
    """Also when the log has grown since: the size that was signed gets its checkpoint too."""
    record(book, ledger_kinds, 3)
    broken = Broken(tmp_path / "signer", after=after)
    with pytest.raises(OSError, match="went away"):
        sequencer.sequence(book, broken, ledger_kinds.now)
    record(book, ledger_kinds, 1)
    assert sequencer.sequence(book, broken, ledger_kinds.now)[Log.PUBLIC].size == 4
    assert check(book, log_key)[Log.PUBLIC] == 4
    with book.read() as session:
        query = select(LedgerCheckpoint.size).where(LedgerCheckpoint.log == Log.PUBLIC)
        assert set(session.exec(query)) == ({3, 4} if after else {4})


def test_two_sequencers_take_turns(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner
) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                record(book, ledger_kinds, 3)
                sequencer.sequence(book, log_key, ledger_kinds.now)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert sequencer.sequence(book, log_key, ledger_kinds.now)[Log.PUBLIC].size == 45
    check(book, log_key)


def test_a_damaged_tree_is_not_signed(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner
) -> None:
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    record(book, ledger_kinds, 1)
    with book.write() as session:
        session.execute(
            text("UPDATE ledger_tile SET hashes = :zero WHERE log = 'public'"), {"zero": bytes(96)}
        )
    with pytest.raises(LogDamaged, match="does not have the root"):
        sequencer.sequence(book, log_key, ledger_kinds.now)
    with book.write() as session:
        session.execute(text("DELETE FROM ledger_tile WHERE log = 'public'"))
    with pytest.raises(LogDamaged, match="does not have the root"):
        sequencer.sequence(book, log_key, ledger_kinds.now)


def test_a_log_restored_behind_its_checkpoint_is_not_signed(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner
) -> None:
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    with book.write() as session:
        head = session.get_one(LedgerHead, Log.PUBLIC)
        ahead = LedgerCheckpoint(
            log=Log.PUBLIC, size=9, previous=3, root=head.root, note="", at=ledger_kinds.now
        )
        session.add(ahead)
    with pytest.raises(LogDamaged, match="has 3 entries and was signed with 9"):
        sequencer.sequence(book, log_key, ledger_kinds.now)


def test_the_custody_log_is_anchored_in_the_public_one(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner
) -> None:
    sequencer.anchor(book, ledger_kinds.now)
    record(book, ledger_kinds, 2, "sample.read")
    heads = sequencer.sequence(book, log_key, ledger_kinds.now)
    assert heads[Log.PUBLIC].size == 0
    sequencer.anchor(book, ledger_kinds.now)
    with book.read() as session:
        (entry,) = ledger.entries(session, about="ledger:custody")
        assert entry.audience == "parties"
        assert entry.fields["size"] == 3
        assert entry.fields["log"] == "custody"
        fixed = [e.fields for e in ledger.entries(session, about="ledger:security")]
        assert fixed == [{"rows": 0, "digest": "00" * 32}] * 2
