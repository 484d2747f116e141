"""By which legal entity of a developer something is filed, and under which laws that entity answers.

A filing is filed by one entity. It counts under the laws for which that entity answers; where another law
asks for the same filing, the entity that answers there files its own. A proposal binds nobody, so it refuses
nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from portal.filing import duties, publication, service
from portal.filing.duty_events import answers, binds
from portal.filing.tables import Filing
from portal.filing.workflow import FILING, FilingState
from secure_access.db import Session
from secure_access.identity import Actor, organisations
from secure_access.identity.tables import LegalEntity
from secure_access.identity.workflow import EntityState
from secure_access.workflow import Denied

_CLAIM = "An administrator of your organisation names one under Organisation, and the authority verifies it."


@dataclass(frozen=True)
class Reach:
    """Which of the laws that ask for a filing its entity answers, in words; and who answers the others.

    ``elsewhere`` has a law with the entities that stand and answer for it, empty where there is none.
    """

    here: str
    elsewhere: tuple[tuple[str, str], ...]


def choose(session: Session, *, filing: Filing, entity_id: uuid.UUID, by: Actor, now: datetime) -> None:
    """Say which legal entity files. One that is not verified yet can be drafted for, and not signed for.

    Raises `Denied` by state and for an entity that was refused or is over, `NotFound` for one that is not
    the developer's.
    """
    FILING.take("save", by, filing)
    entity = organisations.of(session, entity_id, organisation_id=filing.developer_id)
    if entity not in organisations.offered(session, filing.developer_id, on=now.date()):
        raise Denied(f"{entity.name} cannot file: {_standing(entity, now.date())}.", "Choose another one.")
    if filing.entity_id == entity.id:
        return
    filing.entity_id, filing.saved_at = entity.id, now
    service.note_author(filing, by.person_id)
    session.add(filing)


def choices(session: Session, developer_id: uuid.UUID, *, on: date) -> list[tuple[str, str]]:
    """The entities of a developer as a list offers them: identifier, and name with how it stands."""
    return [
        (str(entity.id), described(entity, on))
        for entity in organisations.offered(session, developer_id, on=on)
    ]


def described(entity: LegalEntity, on: date) -> str:
    """An entity in a line: ``Quillmark Ireland Ltd (Ireland): EU AI Act; not verified yet``."""
    laws = publication.laws(entity.regimes) or "no law"
    standing = ""
    if entity.state is EntityState.CLAIMED:
        standing = "; not verified yet"
    elif on < entity.from_on:
        standing = f"; from {entity.from_on:%-d %b %Y}"
    return f"{entity.name} ({entity.jurisdiction}): {laws}{standing}"


def reach(session: Session, filing: Filing, *, on: date) -> Reach | None:
    """What a filing answers by its entity; ``None`` where no entity is named or no law asks for it."""
    entity, asking = service.entity_of(session, filing), duties.asking(session, filing)
    if entity is None or not asking:
        return None
    others = _standing_entities(session, filing, on)
    elsewhere = []
    for regime in asking:
        if not answers(entity, regime):
            named = ", ".join(other.name for other in others if regime in other.regimes)
            elsewhere.append((publication.laws([regime]), named))
    here = publication.laws(regime for regime in asking if answers(entity, regime))
    return Reach(here, tuple(elsewhere))


def hold(session: Session, filing: Filing) -> None:
    """Lock the row of the entity until the transaction ends, so that it does not end while it is signed for.

    Raises `NotFound` for an entity of another organisation.
    """
    if filing.entity_id is not None:
        organisations.of(session, filing.entity_id, organisation_id=filing.developer_id, for_update=True)


def signing_refusal(session: Session, filing: Filing, *, now: datetime) -> Denied | None:
    """Why nobody can sign a filing for the entity that it names, or ``None``.

    The entity has to be verified and within its days, and to answer under one at least of the laws that ask
    for this filing.
    """
    on = now.date()
    entity = service.entity_of(session, filing)
    asking = [regime for regime in duties.asking(session, filing) if binds(regime)]
    fix = _instead(filing, _standing_entities(session, filing, on), asking)
    if entity is None:
        return Denied("No legal entity is named that files this. Your draft is kept.", fix)
    if not organisations.stands(entity, on):
        return Denied(f"{entity.name} cannot file now: {_standing(entity, on)}. Your draft is kept.", fix)
    if asking and not set(asking) & set(entity.regimes):
        under = publication.laws(entity.regimes) or "no law"
        return Denied(
            f"{entity.name} answers under {under}. This filing is due under {publication.laws(asking)}.", fix
        )
    return None


def _standing_entities(session: Session, filing: Filing, on: date) -> list[LegalEntity]:
    found = organisations.entities(session, filing.developer_id)
    return [entity for entity in found if organisations.stands(entity, on)]


def _instead(filing: Filing, standing: Iterable[LegalEntity], asking: Sequence[str]) -> str:
    """Which entity would answer, and what to do."""
    able = [entity for entity in standing if not asking or set(asking) & set(entity.regimes)]
    if not able:
        laws = f" for {publication.laws(asking)}" if asking else ""
        return f"None of your verified legal entities can answer{laws}. {_CLAIM}"
    names = " or ".join(
        f"{entity.name} ({publication.laws(entity.regimes)})" if entity.regimes else entity.name
        for entity in able
    )
    if filing.state is FilingState.DRAFT:
        return f"Choose {names}."
    return f"Recall the draft, choose {names} under Check and certify, and send it again."


def _standing(entity: LegalEntity, on: date) -> str:
    """How an entity stands that cannot be signed for."""
    match entity.state:
        case EntityState.CLAIMED:
            return "the authority has not verified yet that it is yours"
        case EntityState.REFUSED:
            return "the authority refused the claim that it is yours"
    if on < entity.from_on:
        return f"it is part of your organisation from {entity.from_on:%-d %B %Y} on"
    return f"it was part of your organisation until {entity.until_on:%-d %B %Y}"
