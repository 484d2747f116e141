"""The tiles of both logs made again out of the leaves, byte for byte: tiles are a cache, leaves are not."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select, text

from secure_access.db import Database, Session, col
from secure_access.ledger import merkle, tiles
from secure_access.ledger.mirror import MirrorError, leaves_of
from secure_access.ledger.sequencer import LOCK
from secure_access.ledger.tables import LedgerHead, LedgerTile, Log


@dataclass
class Rebuilt:
    """What a rebuild came to: tiles by log that were right, written again, and taken out."""

    right: dict[Log, int] = field(default_factory=dict)
    written: dict[Log, int] = field(default_factory=dict)
    removed: dict[Log, int] = field(default_factory=dict)


def rebuild(database: Database) -> Rebuilt:
    """Make the tiles of both logs again, byte for byte, out of the leaves.

    Raises `MirrorError` where the leaves do not have the root of the head; nothing is changed then.
    """
    report = Rebuilt()
    with database.write() as session:
        if not database.is_sqlite:
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        for log in Log:
            _rebuild(session, log, report)
    return report


def _rebuild(session: Session, log: Log, report: Rebuilt) -> None:
    head = session.get(LedgerHead, log)
    size = head.size if head else 0
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves_of(session, log, 0, size)]
    if len(hashes) != size:
        raise MirrorError(f"the {log} log has {size} entries by its head, and {len(hashes)} with a place")
    if head is not None and merkle.root(size, merkle.from_leaves(hashes)) != head.root:
        raise MirrorError(f"the leaves of the {log} log do not have the root of its head")
    made = tiles.grow(tiles.nothing, 0, hashes)
    held = {
        (row.level, row.number): row
        for row in session.execute(select(LedgerTile).where(col(LedgerTile.log) == log)).scalars()
    }
    wrong = {place: content for place, content in made.items() if _hashes(held.get(place)) != content}
    tiles.save(session, log, wrong)
    extra = held.keys() - made.keys()
    for place in extra:
        session.delete(held[place])
    report.right[log], report.written[log], report.removed[log] = (
        len(made) - len(wrong),
        len(wrong),
        len(extra),
    )


def _hashes(row: LedgerTile | None) -> bytes:
    return row.hashes if row else b""
