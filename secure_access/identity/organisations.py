"""Legal entities of an organisation, its relations to others over time, and the yearly look at its people."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from secure_access import jobs, ledger
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import Session, col, select
from secure_access.identity.people import Organisation, Person, organisation_subject
from secure_access.identity.roles import administers, of_organisation, oversees
from secure_access.identity.tables import (
    LegalEntity,
    OrganisationRelation,
    PeopleConfirmation,
    RelationKind,
)
from secure_access.identity.workflow import LEGAL_ENTITY, EntityState
from secure_access.workflow import Denied, NotFound

CONTACT_REPLACED = "mail.contact_replaced"
"""The job that tells a second contact that it is no longer that: the organisation, and its place in
``former_contacts``."""


@dataclass(frozen=True)
class NewEntity:
    """A legal person as an organisation names it. ``regimes`` are packs of the law it answers for."""

    name: str
    jurisdiction: str
    number: str
    regimes: Sequence[str]
    from_on: date


@dataclass(frozen=True)
class NewRelation:
    """That ``organisation_id`` is the parent of, or was merged into, ``other_id``."""

    organisation_id: uuid.UUID
    other_id: uuid.UUID
    kind: RelationKind
    from_on: date
    source: str
    until_on: date | None = None


def load(session: Session, organisation_id: uuid.UUID, *, by: Actor) -> Organisation:
    """An organisation that ``by`` administers or oversees. Raises `NotFound` for any other."""
    found = session.get(Organisation, organisation_id)
    if found is None or not (administers(by, found.id) or oversees(by)):
        raise NotFound
    return found


def every(session: Session, *, by: Actor) -> list[Organisation]:
    """Every organisation, by name, for the authority's administrators."""
    if not oversees(by):
        raise NotFound
    return list(session.exec(select(Organisation).order_by(Organisation.name)))


def of_kind(session: Session, *kinds: OrganisationKind) -> list[Organisation]:
    """Organisations of these kinds, by name: what a form offers."""
    query = select(Organisation).where(col(Organisation.kind).in_(kinds))
    return list(session.exec(query.order_by(Organisation.name)))


def describe(
    session: Session,
    *,
    organisation: Organisation,
    mail_domains: Sequence[str],
    contact_email: str,
    by: Actor,
    now: datetime,
) -> None:
    """Say from which mail domains its people write, and who is told of changes to credentials.

    A second contact that is replaced is told so: whoever took over an account could silence it otherwise.
    """
    load(session, organisation.id, by=by)
    organisation.mail_domains = sorted(
        {name.strip().lower().lstrip("@") for name in mail_domains if name.strip()}
    )
    before, organisation.contact_email = organisation.contact_email, contact_email.strip().lower()
    if before and before != organisation.contact_email:
        jobs.add(session, CONTACT_REPLACED, f"{organisation.id}:{len(organisation.former_contacts)}")
        organisation.former_contacts = [*organisation.former_contacts, before]
    session.add(organisation)
    about = (organisation_subject(organisation.id),)
    ledger.append(session, "organisation.changed", {}, by=by, now=now, about=about, records=(organisation,))


# Legal entities


def entities(session: Session, organisation_id: uuid.UUID) -> list[LegalEntity]:
    """The legal entities of an organisation, in the order in which they were claimed."""
    query = select(LegalEntity).where(LegalEntity.organisation_id == organisation_id)
    return list(session.exec(query.order_by(col(LegalEntity.claimed_at), col(LegalEntity.name))))


def claim(
    session: Session, *, organisation: Organisation, new: NewEntity, by: Actor | None, now: datetime
) -> LegalEntity:
    """Say that a legal person belongs to an organisation. The authority verifies it before it counts.

    Raises `Denied` where something is missing, `NotFound` for whoever does not run that organisation.
    """
    if by is not None and not (administers(by, organisation.id) or oversees(by)):
        raise NotFound
    if organisation.kind is not OrganisationKind.DEVELOPER:
        raise Denied("Only a developer has legal entities here.", "Choose a developer.")
    if not new.name.strip() or not new.jurisdiction.strip():
        raise Denied(
            "Name and jurisdiction of the entity are needed.", "Write both as its register has them."
        )
    row = LegalEntity(
        organisation_id=organisation.id,
        name=new.name.strip(),
        jurisdiction=new.jurisdiction.strip(),
        number=new.number.strip(),
        regimes=sorted(set(new.regimes)),
        from_on=new.from_on,
        claimed_by=by.person_id if by else None,
        claimed_at=now,
    )
    session.add(row)
    session.flush()
    fields = {"entity": str(row.id), "regimes": row.regimes}
    _append(session, "entity.claimed", fields, row, by, now)
    return row


def verify(session: Session, *, entity: LegalEntity, evidence: str, by: Actor, now: datetime) -> None:
    """Say that the authority compared the claim with evidence. Raises `Denied` without it."""
    state = LEGAL_ENTITY.take("verify", by, entity)
    _settle(
        entity, state, evidence, by, now, "Write what you compared, for example an extract of the register."
    )
    _append(session, "entity.verified", {"entity": str(entity.id)}, entity, by, now)


def refuse(session: Session, *, entity: LegalEntity, why: str, by: Actor, now: datetime) -> None:
    """Refuse a claim, with the reason that its developer reads. Raises `Denied` without one."""
    state = LEGAL_ENTITY.take("refuse", by, entity)
    _settle(entity, state, why, by, now, "Write what has to be different.")
    _append(session, "entity.refused", {"entity": str(entity.id)}, entity, by, now)


def end(session: Session, *, entity: LegalEntity, until_on: date, by: Actor, now: datetime) -> None:
    """Say until which day an entity belonged there. Raises `Denied` for a day before it began."""
    state = LEGAL_ENTITY.take("end", by, entity)
    if until_on < entity.from_on:
        raise Denied("The end lies before the beginning.", f"Give a day from {entity.from_on} on.")
    entity.state, entity.until_on = state, until_on
    _append(session, "entity.ended", {"entity": str(entity.id)}, entity, by, now)


def entity(session: Session, entity_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> LegalEntity:
    """A legal entity of an organisation that ``by`` administers or oversees. Raises `NotFound`."""
    query = select(LegalEntity).where(LegalEntity.id == entity_id)
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None:
        raise NotFound
    load(session, found.organisation_id, by=by)
    return found


def of(
    session: Session, entity_id: uuid.UUID, *, organisation_id: uuid.UUID, for_update: bool = False
) -> LegalEntity:
    """A legal entity of that organisation. Raises `NotFound` for another's as for none."""
    query = select(LegalEntity).where(
        LegalEntity.id == entity_id, LegalEntity.organisation_id == organisation_id
    )
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None:
        raise NotFound
    return found


def offered(session: Session, organisation_id: uuid.UUID, *, on: date) -> list[LegalEntity]:
    """The entities of an organisation that can act on a day or may still come to: not refused, not over."""
    return [
        row
        for row in entities(session, organisation_id)
        if row.state is not EntityState.REFUSED and (row.until_on is None or on <= row.until_on)
    ]


def stands(row: LegalEntity, on: date) -> bool:
    """Whether the authority has verified an entity and a day lies within its days, both ends inside."""
    bound = row.state in (EntityState.VERIFIED, EntityState.ENDED)
    return bound and row.from_on <= on and (row.until_on is None or on <= row.until_on)


def _settle(row: LegalEntity, state: EntityState, said: str, by: Actor, now: datetime, missing: str) -> None:
    if not said.strip():
        raise Denied("The evidence is missing.", missing)
    row.state, row.evidence = state, said.strip()
    row.verified_by, row.verified_at = by.person_id, now


def _append(
    session: Session,
    event: str,
    fields: Mapping[str, object],
    row: LegalEntity,
    by: Actor | None,
    now: datetime,
) -> None:
    session.add(row)
    about = (organisation_subject(row.organisation_id),)
    ledger.append(session, event, fields, by=by, now=now, about=about, records=(row,))


# Relations


def relations(session: Session, organisation_id: uuid.UUID) -> list[OrganisationRelation]:
    """The relations of an organisation, from either side, oldest first."""
    query = select(OrganisationRelation).where(
        (col(OrganisationRelation.organisation_id) == organisation_id)
        | (col(OrganisationRelation.other_id) == organisation_id)
    )
    return list(session.exec(query.order_by(col(OrganisationRelation.from_on))))


def relate(session: Session, *, new: NewRelation, by: Actor, now: datetime) -> OrganisationRelation:
    """Record a relation, with its source. Raises `Denied`, `NotFound` for whoever does not oversee."""
    if not oversees(by):
        raise NotFound
    if new.organisation_id == new.other_id:
        raise Denied("An organisation has no relation to itself.", "Choose another organisation.")
    if not new.source.strip():
        raise Denied("The source is missing.", "Say where the relation is published, with its date.")
    if new.until_on is not None and new.until_on < new.from_on:
        raise Denied("The end lies before the beginning.", "Correct one of the dates.")
    if new.kind is RelationKind.PARENT_OF and new.organisation_id in related(
        session, new.other_id, on=new.from_on, down=True
    ):
        raise Denied("That would make an organisation its own parent.", "Look at the relations once more.")
    row = OrganisationRelation(
        organisation_id=new.organisation_id,
        other_id=new.other_id,
        kind=new.kind,
        from_on=new.from_on,
        until_on=new.until_on,
        source=new.source.strip(),
        recorded_by=by.person_id,
        recorded_at=now,
    )
    session.add(row)
    session.flush()
    fields = {
        "relation": row.kind,
        "other": str(row.other_id),
        "from": row.from_on.isoformat(),
        "until": row.until_on.isoformat() if row.until_on else "",
    }
    ledger.append(session, "relation.recorded", fields, by=by, now=now, about=_sides(row), records=(row,))
    return row


def end_relation(
    session: Session, *, relation: OrganisationRelation, until_on: date, by: Actor, now: datetime
) -> None:
    """Say on which day a relation ended. Raises `Denied` for a day before it began."""
    if not oversees(by):
        raise NotFound
    if until_on < relation.from_on:
        raise Denied("The end lies before the beginning.", f"Give a day from {relation.from_on} on.")
    relation.until_on = until_on
    session.add(relation)
    fields = {"relation": relation.kind, "other": str(relation.other_id), "until": until_on.isoformat()}
    ledger.append(
        session, "relation.ended", fields, by=by, now=now, about=_sides(relation), records=(relation,)
    )


def related(
    session: Session, organisation_id: uuid.UUID, *, on: date, down: bool = False
) -> frozenset[uuid.UUID]:
    """The organisations of one group on a day, this one among them: what revenue and priors follow.

    A parent and its subsidiaries belong together while the relation lasts, and so do affiliates; what was
    merged into another belongs to it from that day on, whether or not the relation has an end. ``down`` goes
    to subsidiaries.
    """
    found, waiting = {organisation_id}, [organisation_id]
    while waiting:
        here = waiting.pop()
        for row in relations(session, here):
            other = row.other_id if row.organisation_id == here else row.organisation_id
            wrong_way = down and (row.kind is not RelationKind.PARENT_OF or row.organisation_id != here)
            if lasts(row, on) and not wrong_way and other not in found:
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def lasts(row: OrganisationRelation, on: date) -> bool:
    """Whether a relation holds on a day; what was merged into another stays so, whatever its end says."""
    merged = row.kind is RelationKind.MERGED_INTO
    return row.from_on <= on and (merged or row.until_on is None or on <= row.until_on)


def _sides(row: OrganisationRelation) -> tuple[str, str]:
    return organisation_subject(row.organisation_id), organisation_subject(row.other_id)


# The yearly look at who is still there


def due_on(session: Session, organisation: Organisation) -> date:
    """The day by which an organisation confirms its people: a year after the last time, or after it came."""
    query = select(PeopleConfirmation).where(PeopleConfirmation.organisation_id == organisation.id)
    last = session.exec(query.order_by(col(PeopleConfirmation.confirmed_at).desc())).first()
    return _a_year_after((last.confirmed_at if last else organisation.created_at).date())


def confirm(
    session: Session, *, organisation: Organisation, shown: Sequence[uuid.UUID], by: Actor, now: datetime
) -> PeopleConfirmation:
    """Say that everybody shown still belongs there. Raises `Denied` where the list has changed since."""
    if not administers(by, organisation.id):
        raise NotFound
    there = [person.id for person in present(session, organisation.id)]
    if set(there) != set(shown):
        raise Denied(
            "The list of people changed after your page was opened.",
            "Open it again and look at it once more.",
        )
    row = PeopleConfirmation(
        organisation_id=organisation.id,
        people=sorted(str(one) for one in there),
        confirmed_by=by.person_id,
        confirmed_at=now,
    )
    session.add(row)
    session.flush()
    fields = {"people": len(there), "next_due": _a_year_after(now.date()).isoformat()}
    about = (organisation_subject(organisation.id),)
    ledger.append(session, "people.confirmed", fields, by=by, now=now, about=about, records=(row,))
    return row


def present(session: Session, organisation_id: uuid.UUID) -> list[Person]:
    """Whose account has not ended, by name."""
    return [person for person in of_organisation(session, organisation_id) if person.ended_at is None]


def _a_year_after(day: date) -> date:
    leap = (day.month, day.day) == (2, 29)
    return date(day.year + 1, 3, 1) if leap else day.replace(year=day.year + 1)
