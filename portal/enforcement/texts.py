"""The texts of the law that were used, kept under their digests, so that a result can be computed again.

A release may drop a pack or a method, and a version may go live without one. The text stays here, so that
`portal.law.statute.version` and `portal.law.methods.version` find it years later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from portal.enforcement import events
from portal.enforcement.tables import StatuteText
from portal.law.methods import Method
from portal.law.statute import Pack
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Actor


def keep(
    session: Session, packs: Iterable[Pack | Method], now: datetime, by: Actor | None = None
) -> list[StatuteText]:
    """Keep the text of each pack or method under its digest, with an entry; what is kept already stays.

    Returns the rows that are new. ``by`` is whoever caused it, ``None`` for the system.
    """
    made = []
    for pack in packs:
        if session.get(StatuteText, pack.digest) is None:
            row = StatuteText(digest=pack.digest, pack_id=pack.id, text=pack.text, first_used_at=now)
            if _added(session, row, by=by, now=now):
                made.append(row)
    return made


def _added(session: Session, row: StatuteText, *, by: Actor | None, now: datetime) -> bool:
    """Whether the row was ours to add: of two who keep a text at once, the second finds it there."""
    fields = {"digest": row.digest, "pack": row.pack_id}
    try:
        with session.begin_nested():
            session.add(row)
            ledger.append(
                session,
                events.TEXT_KEPT,
                fields,
                by=by,
                now=now,
                about=(f"statute:{row.pack_id}",),
                records=(row,),
            )
    except IntegrityError:
        return False
    return True


def stored(session: Session) -> dict[str, str]:
    """Every kept text by its digest, as `statute.version` and `methods.version` take them."""
    return {row.digest: row.text for row in rows(session)}


def rows(session: Session) -> list[StatuteText]:
    """Every kept text, the first used first."""
    query = select(StatuteText).order_by(col(StatuteText.first_used_at), col(StatuteText.pack_id))
    return list(session.exec(query))
