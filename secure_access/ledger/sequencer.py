"""One at a time: gives entries their place, and signs the head that is committed.

The steps of `sequence`, for each log, each in a transaction of its own under one lock:

1. assign the next indexes to what was recorded, extend the tiles, move the head;
2. have the committed head signed, once for each size, after proving that it continues the last one signed.

A crash between or within them loses nothing and repeats nothing: what is not committed is done again from
the same rows, the signer gives the same note again for the same head, a head that was signed and not saved
is saved the next time, and a size has one checkpoint.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text

from secure_access.db import Database, Session, col
from secure_access.ledger import merkle, note, tiles
from secure_access.ledger.log_keys import origin
from secure_access.ledger.note import Checkpoint
from secure_access.ledger.recording import append, declare
from secure_access.ledger.security_log import last
from secure_access.ledger.signer import LogSigner, Signed
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, LedgerHead, Log

BATCH = 1000
# One lock for all sequencers on one PostgreSQL database; the number is arbitrary and never changes.
LOCK = 7_105_821

# One statement for a whole batch; its numbers come as a JSON array, which both databases read in order.
_PLACES = {
    "sqlite": text(
        "UPDATE ledger_entry SET leaf_index = :first + one.key FROM json_each(:numbers) AS one"
        " WHERE ledger_entry.number = one.value AND leaf_index IS NULL"
    ),
    "postgresql": text(
        "UPDATE ledger_entry SET leaf_index = :first + one.place - 1"
        " FROM json_array_elements_text(CAST(:numbers AS json)) WITH ORDINALITY AS one(value, place)"
        " WHERE ledger_entry.number = CAST(one.value AS bigint) AND leaf_index IS NULL"
    ),
}

ANCHORED = declare("ledger.anchored", keys=("log", "size", "root"), log="public", audience="parties")
declare("security_log.anchored", keys=("rows", "digest"), log="custody", audience="parties")


class LogDamaged(RuntimeError):
    """The stored tree does not continue the last signed checkpoint. Nothing is signed until someone looks."""


def sequence(database: Database, signer: LogSigner, now: datetime) -> dict[Log, Checkpoint]:
    """Give every recorded entry its place in its log and sign the new heads; the head of each log.

    Does nothing where nothing is new. Raises `LogDamaged`, and `signer.Frozen`.
    """
    heads = {}
    # The public one first: it is the one that witnesses see, and where it is frozen the other is too.
    for log in (Log.PUBLIC, Log.CUSTODY):
        while _assign(database, log, now) == BATCH:
            pass
        heads[log] = _sign(database, log, signer, now)
    return heads


def anchor(database: Database, now: datetime) -> None:
    """Fix the custody log in the public one, and the security log in the custody log.

    Called at fixed times whether anything grew or not, so that its entries tell nobody that somebody reads.
    """
    with database.write() as session:
        rows, digest = last(session)
        fields = {"rows": rows, "digest": digest.hex()}
        append(session, "security_log.anchored", fields, by=None, now=now, about=("ledger:security",))
        signed = latest(session, Log.CUSTODY)
        if signed is not None:
            root = base64.b64encode(signed.root).decode()
            fields = {"log": Log.CUSTODY.value, "size": signed.size, "root": root}
            append(session, ANCHORED.name, fields, by=None, now=now, about=("ledger:custody",))


def anchor_of(session: Session, entry: LedgerEntry) -> LedgerEntry | None:
    """The first entry of the public log that fixes the custody log with this entry in it; ``None`` before.

    It has a place of its own already.
    """
    if entry.leaf_index is None:
        return None
    query = (
        select(LedgerEntry)
        .where(col(LedgerEntry.type) == ANCHORED.name, col(LedgerEntry.leaf_index).is_not(None))
        .where(col(LedgerEntry.number) > entry.number)
        .order_by(col(LedgerEntry.number))
        .execution_options(yield_per=10)
    )
    found = session.execute(query).scalars()
    return next((anchor for anchor in found if _fixed(anchor) > entry.leaf_index), None)


def _fixed(anchor: LedgerEntry) -> int:
    size = anchor.fields["size"]
    return size if isinstance(size, int) else 0


def latest(session: Session, log: Log, reaching: int = 0) -> LedgerCheckpoint | None:
    """The newest checkpoint of a log, or ``None`` when none has at least ``reaching`` leaves."""
    query = (
        select(LedgerCheckpoint)
        .where(col(LedgerCheckpoint.log) == log, col(LedgerCheckpoint.size) >= reaching)
        .order_by(col(LedgerCheckpoint.size).desc())
        .limit(1)
    )
    return session.execute(query).scalars().first()


@contextmanager
def _alone(database: Database) -> Iterator[Session]:
    """A writing transaction that no other sequencer shares."""
    with database.write() as session:
        # On SQLite the transaction itself is the lock: it began with BEGIN IMMEDIATE.
        if not database.is_sqlite:
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        yield session


def _assign(database: Database, log: Log, now: datetime) -> int:
    """Step 1. How many entries were given a place."""
    with _alone(database) as session:
        head = session.get(LedgerHead, log)
        if head is None:
            head = LedgerHead(log=log, size=0, root=merkle.root(0, tiles.nodes(tiles.nothing)), moved_at=now)
            session.add(head)
            session.flush()
        new = _waiting(session, log)
        if new:
            _place(session, [row.number for row in new], head.size)
            # Whoever recorded may have a clock a little ahead: nothing is placed before it was recorded.
            moved_at = max(now, *(row.recorded_at for row in new))
            _extend(session, head, [merkle.leaf_hash(row.leaf) for row in new], moved_at)
        return len(new)


def _waiting(session: Session, log: Log) -> list[Any]:
    query = (
        select(col(LedgerEntry.number), col(LedgerEntry.leaf), col(LedgerEntry.recorded_at))
        .where(col(LedgerEntry.log) == log, col(LedgerEntry.leaf_index).is_(None))
        .order_by(col(LedgerEntry.number))
        .limit(BATCH)
    )
    return list(session.execute(query).all())


def _place(session: Session, numbers: list[int], first: int) -> None:
    """Give the entries with these numbers the places from ``first`` on."""
    statement = _PLACES[session.get_bind().dialect.name]
    session.connection().execute(statement, {"numbers": json.dumps(numbers), "first": first})


def _extend(session: Session, head: LedgerHead, added: list[bytes], moved_at: datetime) -> None:
    log = Log(head.log)
    changed = tiles.grow(tiles.stored(session, log), head.size, added)
    tiles.save(session, log, changed)
    size = head.size + len(added)
    root = merkle.root(size, tiles.nodes(tiles.stored(session, log)))
    # All at once: the database refuses a head that moves its root without its size.
    head.size, head.root, head.moved_at = size, root, max(moved_at, head.moved_at)
    session.flush()


def _sign(database: Database, log: Log, signer: LogSigner, now: datetime) -> Checkpoint:
    """Step 2. The signed head."""
    _remind(database, log, signer)
    while (signed := _sign_next(database, log, signer, now)) is None:
        pass
    return signed


def _remind(database: Database, log: Log, signer: LogSigner) -> None:
    """Give the signer the newest checkpoint that it signed, where its memory is older than that.

    Before the lock: after a start, and for what it had forgotten, the signer asks the witnesses first.
    """
    name = origin(signer.name, log)
    last = signer.last(name)
    with database.read() as session:
        newest = latest(session, log)
        if newest is None or origin_of(newest) != name or (last is not None and last.size >= newest.size):
            return
        head = session.get_one(LedgerHead, log)
        _check_continues(session, head, newest)
        size = last.size if last else 0
        tree = tiles.nodes(tiles.stored(session, log))
        proof = merkle.consistency_proof(size, newest.size, tree) if size else []
    signer.recall(newest.note, proof)
    signer.last(name)


def origin_of(checkpoint: LedgerCheckpoint) -> str:
    """The log that signed it; empty for a damaged one, which is of no log."""
    try:
        return Checkpoint.parse(note.parse(checkpoint.note).text).origin
    except note.NoteError:
        return ""


def _sign_next(database: Database, log: Log, signer: LogSigner, now: datetime) -> Checkpoint | None:
    """The signed head; or ``None`` once a head was saved that was signed and not saved.

    That one is committed before anything is signed, for the signer remembers the last head only: a crash
    after the next signature would leave a size that was signed and has no checkpoint.
    """
    name = origin(signer.name, log)
    with _alone(database) as session:
        head = session.get_one(LedgerHead, log)
        checkpoint = Checkpoint(name, head.size, head.root)
        before = latest(session, log)
        _check_continues(session, head, before)
        if before is None or before.size < head.size:
            last = signer.last(name)
            if last is not None and (before.size if before else -1) < last.size < head.size:
                _save(session, head, last, before)
                return None
            at = max(now, head.moved_at, before.at if before else now)
            time = math.ceil(at.timestamp())
            signed = signer.sign(checkpoint, _proof(session, head, last), time)
            _save(session, head, signed, before)
        return checkpoint


def _proof(session: Session, head: LedgerHead, last: Signed | None) -> list[bytes]:
    """What shows the signer that the head continues the last one that it signed; where it cannot, nothing."""
    if last is None or not 0 < last.size < head.size:
        return []
    return merkle.consistency_proof(last.size, head.size, tiles.nodes(tiles.stored(session, Log(head.log))))


def _save(session: Session, head: LedgerHead, signed: Signed, before: LedgerCheckpoint | None) -> None:
    """The checkpoint of a signed head: the newest, or one that was signed and then not saved."""
    row = LedgerCheckpoint(
        log=Log(head.log),
        size=signed.size,
        previous=before.size if before else -1,
        root=signed.root,
        note=signed.note,
        at=datetime.fromtimestamp(signed.time, UTC),
    )
    tree = tiles.nodes(tiles.stored(session, Log(head.log)))
    if merkle.root(row.size, tree) != row.root:
        raise LogDamaged(f"the {head.log} log was signed with {row.size} entries and another root")
    session.add(row)
    session.flush()


def _check_continues(session: Session, head: LedgerHead, before: LedgerCheckpoint | None) -> None:
    """Raises `LogDamaged` unless the tiles hold both the last signed tree and the one of the head."""
    if before is not None and before.size > head.size:
        raise LogDamaged(f"the {head.log} log has {head.size} entries and was signed with {before.size}")
    tree = tiles.nodes(tiles.stored(session, Log(head.log)))
    for held in (head, before):
        try:
            sound = held is None or merkle.root(held.size, tree) == held.root
        except LookupError:
            sound = False
        if not sound:
            raise LogDamaged(
                f"the tree of the {head.log} log does not have the root that was recorded for it"
            )
