"""The security log for a SIEM: rows in order from a number on, their chain verified, as lines of text.

Three forms. *jsonl* is the row itself: exactly what its digest covers, and the digest, so that whoever
receives it can verify the chain without the portal. *ocsf* are events of the Open Cybersecurity Schema
Framework, which was chosen before ECS because it belongs to no one product and has classes for sign-ins and
for accounts. *syslog* are messages of RFC 5424, whose text is the line of jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from secure_access.db import Database, col, select
from secure_access.ledger.security_log import START, content, row_digest
from secure_access.ledger.tables import SecurityLogRow

BATCH = 500
OCSF = "1.3.0"
NAME = "Assay"
FACILITY = 13
"""Log audit, of RFC 5424."""
NOTICE, WARNING, ALERT = 5, 4, 1
"""Severities of RFC 5424."""

FIELDS = {
    "v": "the form, `assay.security-log/v1`",
    "number": "the place of the row, from 1 without a gap",
    "at": "when, UTC, with six digits of a second",
    "kind": "what happened, see the kinds",
    "zone": "where: developer, evaluator, government; empty for the machine itself",
    "person": "who, as an identifier; empty for nobody who is known",
    "organisation": "of which organisation, as an identifier",
    "subject": "what it was about: an identifier, or the method and address asked for",
    "detail": "JSON inside a string, as the digest covers it: the keys of the kind",
    "previous": "the digest of the row before, in hex; 64 zeros for the first",
    "digest": "SHA-256 in hex of the canonical JSON (RFC 8785) of all other members",
}


@dataclass(frozen=True)
class Mapped:
    """How a kind stands in OCSF: class, activity, whether it went well, and the severity of a message."""

    class_uid: int
    activity_id: int
    succeeded: bool
    severity: int = NOTICE


AUTHENTICATION, ACCOUNT_CHANGE, BASE_EVENT = 3002, 3001, 0
LOGON, LOGOFF, OTHER = 1, 2, 99
OTHERWISE = Mapped(BASE_EVENT, OTHER, True)
"""For a kind that OCSF has no class for."""
MAPPED: dict[str, Mapped] = {
    "act.refused": Mapped(BASE_EVENT, OTHER, False, WARNING),
    "administrator.recovered": Mapped(ACCOUNT_CHANGE, OTHER, True, WARNING),
    "credential.changed": Mapped(ACCOUNT_CHANGE, OTHER, True),
    "page.not_found": Mapped(BASE_EVENT, OTHER, False),
    "security_log.interrupted": Mapped(BASE_EVENT, OTHER, False, ALERT),
    "session.ended": Mapped(AUTHENTICATION, LOGOFF, True),
    "session.ended_by_administrator": Mapped(AUTHENTICATION, LOGOFF, True),
    "session.ended_by_policy": Mapped(AUTHENTICATION, LOGOFF, True),
    "session.ended_by_provider": Mapped(AUTHENTICATION, LOGOFF, True),
    "sign_in.failed": Mapped(AUTHENTICATION, LOGON, False, WARNING),
    "sign_in.succeeded": Mapped(AUTHENTICATION, LOGON, True),
    "sign_in_policy.recovered": Mapped(ACCOUNT_CHANGE, OTHER, True, WARNING),
}
_OCSF_SEVERITY = {NOTICE: 1, WARNING: 3, ALERT: 5}


class ChainBroken(Exception):
    """A row does not continue the chain: it was changed, or one is missing. ``number`` says where."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"row {number} {why}")
        self.number = number


def rows(database: Database, start: int = 1) -> Iterator[SecurityLogRow]:
    """The rows from number ``start`` on that are there now, each after its place in the chain was checked.

    The first is held to the row before it. Raises `ChainBroken` at the first row that does not match.
    """
    number, previous = start - 1, _digest_before(database, start)
    while True:
        with database.read() as session:
            query = select(SecurityLogRow).where(col(SecurityLogRow.number) > number)
            batch = session.exec(query.order_by(col(SecurityLogRow.number)).limit(BATCH)).all()
        for row in batch:
            if row.number != number + 1:
                raise ChainBroken(number + 1, f"is missing: the next row is {row.number}")
            if row.previous != previous:
                raise ChainBroken(row.number, "does not continue the row before it")
            if row_digest(row) != row.digest:
                raise ChainBroken(row.number, "was changed: its digest does not match")
            yield row
            number, previous = row.number, row.digest
        if len(batch) < BATCH:
            return


def _digest_before(database: Database, start: int) -> bytes:
    if start == 1:
        return START
    with database.read() as session:
        before = session.get(SecurityLogRow, start - 1)
    if before is None:
        raise ChainBroken(start - 1, "is missing, so the rows after it cannot be held to it")
    return before.digest


def jsonl(row: SecurityLogRow) -> str:
    """A row as one line of JSON, in ASCII: see `FIELDS`."""
    return json.dumps({**content(row), "digest": row.digest.hex()})


def ocsf(row: SecurityLogRow) -> str:
    """A row as one event of OCSF, in one line of JSON.

    What the log does not hold, such as addresses and names, is left out and not invented. The row itself
    stands under ``unmapped``.
    """
    kind = MAPPED.get(row.kind, OTHERWISE)
    event: dict[str, Any] = {
        "metadata": {
            "version": OCSF,
            "product": {"name": NAME, "vendor_name": NAME},
            "log_name": "security_log",
            "uid": str(row.number),
            "sequence": row.number,
        },
        "time": int(row.at.timestamp() * 1000),
        "class_uid": kind.class_uid,
        "category_uid": kind.class_uid // 1000,
        "activity_id": kind.activity_id,
        "type_uid": kind.class_uid * 100 + kind.activity_id,
        "severity_id": _OCSF_SEVERITY[kind.severity],
        "status_id": 1 if kind.succeeded else 2,
        "message": row.kind,
        "unmapped": {**content(row), "digest": row.digest.hex()},
    }
    if kind.activity_id == OTHER:
        event["activity_name"] = row.kind
    who = _who(row)
    if kind.class_uid == AUTHENTICATION:
        event["user"] = who
    elif row.person_id:
        event["actor"] = {"user": who}
    if kind.class_uid == ACCOUNT_CHANGE:
        event["user"] = {"uid": row.subject.partition(":")[2], "type_id": 0}
    return json.dumps(event)


def _who(row: SecurityLogRow) -> dict[str, Any]:
    if row.person_id is None:
        return {"type_id": 0}
    organisation = {"org": {"uid": str(row.organisation_id)}} if row.organisation_id else {}
    return {"uid": str(row.person_id), "type_id": 1, **organisation}


def syslog(row: SecurityLogRow, host: str = "-") -> str:
    """A row as one message of RFC 5424 from ``host``, without a frame around it."""
    severity = MAPPED.get(row.kind, OTHERWISE).severity
    at = row.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    origin = f'[origin software="{NAME}"]'
    return f"<{FACILITY * 8 + severity}>1 {at} {host} assay - {row.kind[:32]} {origin} {jsonl(row)}"


FORMS: dict[str, Callable[[SecurityLogRow], str]] = {"jsonl": jsonl, "ocsf": ocsf, "syslog": syslog}
