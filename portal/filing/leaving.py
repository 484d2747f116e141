"""What somebody of a developer leaves behind: drafts, and filings that wait for their signature."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime

from portal.filing import certification, openness, people, service
from portal.filing.tables import Filing
from portal.filing.workflow import FilingState
from secure_access.db import Session, select
from secure_access.identity import Actor, OrganisationKind, Person, leaving, roles, roles_of
from secure_access.identity.leaving import HandOver, Holding
from secure_access.workflow import Denied, Role

_AUTHORS = frozenset({Role.PREPARER, Role.CERTIFYING_OFFICER})
_OFFICERS = frozenset({Role.CERTIFYING_OFFICER})


def drafts(session: Session, person: Person) -> Iterator[Holding]:
    """Drafts that this person prepared, and those of named people that nobody else prepares."""
    query = select(Filing).where(Filing.prepared_by == person.id, Filing.state == FilingState.DRAFT)
    found = [filing for filing in session.exec(query).all() if _prepares(filing, person)]
    found += [filing for filing in openness.last_prepared_by(session, person) if filing not in found]
    for filing in found:
        yield Holding(f"draft:{filing.id}", f"draft: {called(session, filing)}", _AUTHORS)


def _prepares(filing: Filing, person: Person) -> bool:
    """Who began a draft of named people may have left it since."""
    return not filing.named_only or person.id in filing.preparers


def called(session: Session, filing: Filing) -> str:
    """What an administrator reads of a draft: of one of named people its kind and period, and no title."""
    return service.notice(filing) if filing.named_only else service.title(session, filing)


def signatures(session: Session, person: Person) -> Iterator[Holding]:
    """Filings that wait for this person's signature."""
    query = select(Filing).where(
        Filing.certifier_id == person.id, Filing.state == FilingState.IN_CERTIFICATION
    )
    for filing in session.exec(query):
        what = f"signature asked for: {called(session, filing)}"
        yield Holding(f"signature:{filing.id}", what, _OFFICERS, "Recall the draft and send it again.")


def _draft(session: Session, handed: HandOver, by: Actor, now: datetime) -> None:
    certification.name_author(session, filing=_filing(session, handed), to=handed.heir, by=by, now=now)


def _signature(session: Session, handed: HandOver, by: Actor, now: datetime) -> None:
    certification.name_officer(session, filing=_filing(session, handed), to=handed.heir, by=by, now=now)


def _filing(session: Session, handed: HandOver) -> Filing:
    return session.get_one(Filing, uuid.UUID(handed.key), with_for_update=True)


def last_role(session: Session, person: Person, role: Role) -> Denied | None:
    """A role is not taken from the last who prepares a draft of named people: nobody could go on with it."""
    left = set(roles_of(session, person.id)) - {role}
    if role not in _AUTHORS or left & _AUTHORS:
        return None
    alone = openness.last_prepared_by(session, person)
    if not alone:
        return None
    return Denied(
        f"{person.name} is the last who prepares a draft of named people: {service.notice(alone[0])}.",
        "Hand the draft over on this page, then take the role.",
    )


leaving.declare("draft", drafts, _draft)
leaving.declare("signature", signatures, _signature)
leaving.declare_end(people.end_of_person, of=OrganisationKind.DEVELOPER)
roles.declare_bar(last_role, of=OrganisationKind.DEVELOPER)
