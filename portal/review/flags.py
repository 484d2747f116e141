"""Flags of the comparison: the developer replies, the authority resolves or carries them."""

from __future__ import annotations

from datetime import datetime

from evaluator.tables import Flag
from evaluator.workflow import FLAG, FlagState
from portal.review import cases
from portal.review.tables import Case
from portal.review.visibility import FLAGS
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Actor
from secure_access.workflow import NotFound


def of_case(session: Session, case: Case) -> list[Flag]:
    """The flags of a case in the order of their codes."""
    query = select(Flag).where(Flag.case_id == case.id).order_by(col(Flag.raised_at), col(Flag.code))
    return list(session.exec(query))


def still_open(session: Session, case: Case) -> list[Flag]:
    """The flags of a case that are neither resolved nor carried."""
    return [flag for flag in of_case(session, case) if flag.state is FlagState.OPEN]


def find(session: Session, case: Case, code: str, *, for_update: bool = False) -> Flag:
    """The flag of that code in this case. Raises `NotFound`."""
    query = select(Flag).where(Flag.case_id == case.id, Flag.code == code)
    found = session.exec(
        query.with_for_update().execution_options(populate_existing=True) if for_update else query
    ).first()
    if found is None:
        raise NotFound
    return found


def of_developer(session: Session, case_reference: str, *, by: Actor) -> tuple[Case, list[Flag]]:
    """Her own case and its flags, for a developer. Raises `NotFound` for anybody else's."""
    case = cases.find(session, case_reference)
    if case.developer_id != by.organisation_id:
        raise NotFound
    query = select(Flag).where(Flag.case_id == case.id, FLAGS.to(by))
    return case, list(session.exec(query.order_by(col(Flag.raised_at), col(Flag.code))))


def reply(session: Session, *, case: Case, flag: Flag, text: str, by: Actor, now: datetime) -> None:
    """The developer's answer. Raises `Denied`, `NotFound` for another's flag, ``ValueError`` when blank."""
    if flag.developer_id != by.organisation_id:
        raise NotFound
    FLAG.take("reply", by, flag)
    flag.developer_reply, flag.developer_replied_at = _said(text), now
    _record(session, "flag.replied", case, flag, by, now)


def resolve(session: Session, *, case: Case, flag: Flag, reason: str, by: Actor, now: datetime) -> None:
    """Close a flag with a reason. Raises `Denied`; ``ValueError`` when blank."""
    said = _said(reason)
    flag.state = FLAG.take("resolve", by, flag)
    flag.resolution, flag.resolved_by, flag.resolved_at = said, by.person_id, now
    _record(session, "flag.resolved", case, flag, by, now)


def carry(session: Session, *, case: Case, flag: Flag, reason: str, by: Actor, now: datetime) -> None:
    """Carry a flag expressly into the decision, with a reason. Raises `Denied`; ``ValueError`` when blank."""
    said = _said(reason)
    flag.state = FLAG.take("carry", by, flag)
    flag.resolution, flag.resolved_by, flag.resolved_at = said, by.person_id, now
    _record(session, "flag.carried", case, flag, by, now)


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("Write the reason: it stands beside the flag.")
    return text.strip()


def _record(session: Session, event: str, case: Case, flag: Flag, by: Actor, now: datetime) -> None:
    session.add(flag)
    ledger.append(
        session, event, {"code": flag.code}, by=by, now=now, about=cases.about(case), records=(flag,)
    )
