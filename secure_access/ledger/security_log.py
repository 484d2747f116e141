"""The security log: sign-ins, refusals, administration. Append-only, each row chained to the one before.

It holds identifiers only: no name, address, password, token or text of a person. A refusal is written after
the refused transaction was rolled back, in one of its own. The end of the chain is fixed in the custody log
at fixed times (`secure_access.ledger.sequencer.anchor`), so that cutting off its end shows too.

An act whose row cannot be written does not happen: `note` raises, and its transaction is rolled back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from secure_access.actor import Actor
from secure_access.db import Session, col, select
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from secure_access.ledger.tables import SecurityLogRow

FORMAT = "assay.security-log/v1"
START = bytes(32)
# Rows are chained, so writers on PostgreSQL take turns; on SQLite a writing transaction has no other
# beside it.
LOCK = 7_105_822

ALARM = "security_log_alarm"
"""Key of `secure_access.db.Database.context` that holds ``alarm(kind)``, called when a row is not written."""

_KIND = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_VALUE = re.compile(r"[\w.:/ -]{0,100}")
_kinds: dict[str, Kind] = {}


@dataclass(frozen=True)
class Kind:
    """A kind of row: what it means and when it is written, and its detail keys with what each says."""

    name: str
    means: str
    keys: Mapping[str, str] = field(default_factory=dict)


class KindError(ValueError):
    """A kind, a detail key or a value that was not declared for the security log. A fault of the program."""


class NotLogged(RuntimeError):
    """A row of the security log cannot be written, so that what it would tell must not happen."""


def declare_kind(name: str, means: str, keys: Mapping[str, str] | None = None) -> None:
    """Allow a kind of row, with its meaning and its detail keys.

    Raises `KindError` for a second, other declaration.
    """
    kind = Kind(name, means, keys or {})
    if not _KIND.fullmatch(name):
        raise KindError(f"a kind is named like sign_in.refused, not {name!r}")
    if not means or not all(kind.keys.values()):
        raise KindError(f"{name} and each of its keys say what they mean")
    if _kinds.setdefault(name, kind) != kind:
        raise KindError(f"{name} is declared twice, differently")


def kinds() -> dict[str, Kind]:
    """Every kind declared so far, by name."""
    return dict(_kinds)


declare_kind("sign_in.succeeded", "Somebody signed in.")
declare_kind("sign_in.failed", "An attempt to sign in failed; the row does not say for which reason.")
declare_kind(
    "security_log.interrupted",
    "Rows could not be written for a time. Written when the log can be written again.",
    {
        "rows": "how many attempts failed",
        "since": "when the first failed, UTC",
        "until": "when the last failed, UTC",
    },
)


def note(
    session: Session,
    kind: str,
    *,
    by: Actor | None,
    now: datetime,
    zone: str = "",
    subject: str = "",
    **detail: str | int | bool,
) -> SecurityLogRow:
    """Write one row. ``detail`` uses declared keys; its texts are short words, never what a person typed.

    Raises `KindError`, and `NotLogged` when the database does not take the row.
    """
    allowed = _kinds.get(kind)
    if allowed is None:
        raise KindError(f"{kind} is not declared")
    for key, value in detail.items():
        if key not in allowed.keys or not _VALUE.fullmatch(str(value)):
            raise KindError(f"{kind} may not say {key}={value!r}"[:120])
    row = SecurityLogRow(
        number=0,
        at=now,
        kind=kind,
        zone=zone,
        person_id=by.person_id if by else None,
        organisation_id=by.organisation_id if by else None,
        subject=_UNPRINTABLE.sub("?", subject)[:200],
        detail=canonical.encode(detail).decode(),
        previous=b"",
        digest=b"",
    )
    session.flush()  # what fails here is not the log's
    try:
        number, row.previous = _take_turn(session)
        row.number = number + 1
        row.digest = row_digest(row)
        session.add(row)
        session.flush()
    except SQLAlchemyError as problem:
        alarm: Callable[[str], None] | None = session.info.get(ALARM)
        if alarm is not None:
            alarm(kind)
        raise NotLogged(f"a row of kind {kind} cannot be written") from problem
    return row


def last(session: Session) -> tuple[int, bytes]:
    """How many rows there are, and the digest of the last; of none, 32 zero bytes."""
    row = session.exec(select(SecurityLogRow).order_by(col(SecurityLogRow.number).desc()).limit(1)).first()
    return (row.number, row.digest) if row else (0, START)


def row_digest(row: SecurityLogRow) -> bytes:
    """SHA-256 of the canonical form of a row with the digest of the row before it."""
    return hashlib.sha256(canonical.encode(content(row))).digest()


def content(row: SecurityLogRow) -> dict[str, Any]:
    """What the digest of a row covers, under the names of `FORMAT`; ``detail`` is JSON inside a string."""
    return {
        "v": FORMAT,
        "number": row.number,
        "at": timestamp(row.at),
        "kind": row.kind,
        "zone": row.zone,
        "person": str(row.person_id or ""),
        "organisation": str(row.organisation_id or ""),
        "subject": row.subject,
        "detail": row.detail,
        "previous": row.previous.hex(),
    }


def breaks(rows: Iterable[SecurityLogRow], anchors: Mapping[int, str]) -> list[tuple[str, str]]:
    """What does not match in the chain ``rows``, in order: row number and reason.

    ``anchors`` are digests in hex by row number, as the custody log holds them.
    """
    found: list[tuple[str, str]] = []
    number, previous, seen = 0, START, {0: START.hex()}
    for row in rows:
        if row.number != number + 1:
            found.append((str(number + 1), f"is missing: the next row is {row.number}"))
        if row.previous != previous:
            found.append((str(row.number), "does not continue the row before it"))
        if row_digest(row) != row.digest:
            found.append((str(row.number), "was changed: its digest does not match"))
        number, previous = row.number, row.digest
        seen[number] = row.digest.hex()
    for anchored, digest in sorted(anchors.items()):
        if anchored not in seen:
            found.append((str(anchored), "is missing: the custody log names it"))
        elif seen[anchored] != digest:
            found.append((str(anchored), "does not match its digest in the custody log"))
    return found


def _take_turn(session: Session) -> tuple[int, bytes]:
    if session.connection().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    return last(session)
