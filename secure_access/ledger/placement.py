"""Where an entry stands in its log, and what shows it: for the pages of people who may see the entry.

Who may see it is decided by the page, by the visibility of its job; nothing here asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from secure_access.db import Session
from secure_access.ledger import merkle, recording, tiles, witnesses
from secure_access.ledger.sequencer import anchor_of, latest
from secure_access.ledger.tables import LedgerCheckpoint, LedgerCosignature, LedgerEntry, Log
from secure_access.ledger.witnesses import Witnesses
from secure_access.workflow import NotFound

FOLLOWS = "Recorded, proof follows"


@dataclass(frozen=True)
class Joined:
    """A step of the path to the root: ``sibling`` stands at its left or right, both give ``made``."""

    sibling: bytes
    left: bool
    made: bytes


@dataclass(frozen=True)
class Placement:
    """The proof of an entry: the hash of its leaf, the path to the root, the head, and who cosigned that."""

    index: int
    leaf: bytes
    path: tuple[Joined, ...]
    checkpoint: LedgerCheckpoint
    cosignatures: Sequence[LedgerCosignature]


@dataclass(frozen=True)
class Anchor:
    """The entry of the public log at ``index`` that fixes the first ``size`` entries of the custody log."""

    index: int
    size: int
    at: datetime


@dataclass(frozen=True)
class Signed:
    """How many entries the newest signed heads hold, by log."""

    sizes: dict[Log, int]

    def words(self, entry: LedgerEntry) -> str:
        """``Entry 1,234 of the ledger``, or that the proof follows."""
        if entry.leaf_index is None or entry.leaf_index >= self.sizes.get(Log(entry.log), 0):
            return FOLLOWS
        name = "ledger" if entry.log is Log.PUBLIC else "custody log"
        return f"Entry {entry.leaf_index:,} of the {name}"


def signed(session: Session, logs: Collection[Log] = (Log.PUBLIC,)) -> Signed:
    """The sizes of the newest signed heads of these logs, 0 where there is none."""
    heads = {log: latest(session, log) for log in logs}
    return Signed({log: head.size if head else 0 for log, head in heads.items()})


def placement(session: Session, entry: LedgerEntry, wanted: Witnesses) -> Placement | None:
    """The proof of an entry in its own log; ``None`` until a signed head holds it."""
    if entry.leaf_index is None:
        return None
    log, index = Log(entry.log), entry.leaf_index
    checkpoint = witnesses.best(session, wanted, log, reaching=index + 1)
    if checkpoint is None:
        return None
    hashes = merkle.inclusion_proof(index, checkpoint.size, tiles.nodes(tiles.stored(session, log)))
    leaf = merkle.leaf_hash(entry.leaf)
    path = _joined(leaf, index, checkpoint.size, hashes)
    return Placement(index, leaf, path, checkpoint, witnesses.cosignatures(session, log, checkpoint.size))


def anchor(session: Session, entry: LedgerEntry) -> Anchor | None:
    """What fixes an entry of the custody log; ``None`` for one of the public log, and before it is fixed."""
    found = anchor_of(session, entry) if entry.log is Log.CUSTODY else None
    if found is None or found.leaf_index is None:
        return None
    size = found.fields["size"]
    assert isinstance(size, int)
    return Anchor(found.leaf_index, size, found.recorded_at)


def told(session: Session, subject: str, types: Collection[str]) -> list[LedgerEntry]:
    """The entries of the public log about a subject that are of these types, in order of recording.

    For pages outside the authority: the custody log has nothing there, not even its size.
    """
    every = recording.entries(session, subject)
    return [entry for entry in every if entry.log is Log.PUBLIC and entry.type in types]


def find(session: Session, subject: str, types: Collection[str], entry_id: uuid.UUID) -> LedgerEntry:
    """The one with this identifier among those `told`. Raises `NotFound`."""
    for entry in told(session, subject, types):
        if entry.id == entry_id:
            return entry
    raise NotFound


def _joined(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> tuple[Joined, ...]:
    steps, position, last, found = [], index, size - 1, leaf
    for sibling in hashes:
        left = bool(position & 1) or position == last
        found = merkle.node_hash(sibling, found) if left else merkle.node_hash(found, sibling)
        steps.append(Joined(sibling, left, found))
        while left and position and not position & 1:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    return tuple(steps)
