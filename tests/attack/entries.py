"""Entries and tiles of the log, for addresses that name one."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from typing import Any

from werkzeug.routing import Rule

from secure_access.ledger.tables import Audience, LedgerAbout, LedgerCheckpoint, LedgerEntry, Log
from tests.attack.conftest import Siege


def entry_of(siege: Siege, subject: str, types: Collection[str] = ()) -> uuid.UUID:
    """One entry about a subject, of one of these types if any; an identifier of nothing for none."""
    numbers = {row.entry_number for row in siege.rows(LedgerAbout) if row.subject == subject}
    found = (row for row in siege.rows(LedgerEntry) if row.number in numbers)
    return next((row.id for row in found if not types or row.type in types), uuid.uuid4())


def log(siege: Siege, rule: Rule) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """Entries for everybody, and the tile of the newest checkpoint; of a successor, which is not there."""
    if "generation" in rule.arguments:
        yield {"generation": 2, "address": "000.p/1", "level": "0", "index": 0}, None, None
        return
    if "address" in rule.arguments:
        sizes = [row.size for row in siege.rows(LedgerCheckpoint) if row.log == Log.PUBLIC]
        yield {"address": f"000.p/{max(sizes)}", "level": "0"}, None, None
        return
    for row in siege.rows(LedgerEntry):
        if row.audience is Audience.PUBLIC and row.leaf_index is not None:
            yield {"index": row.leaf_index}, None, None
