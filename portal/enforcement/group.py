"""What is on file of related companies and follows a relation: earlier penalties, and revenue of the group.

A relation is asked about on a day: revenue on the last day of its year, an earlier penalty on the first day
of the new violation and, for a parent, on the day of the penalty too. Nothing counts by itself: a person
takes it over with a reason, and the row keeps the relations as they stood.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portal.enforcement import events, figures, priors
from portal.enforcement.choices import needs_turnover
from portal.enforcement.service import about, guard
from portal.enforcement.tables import AllegedViolation, PriorViolation, RevenueEvidence
from portal.enforcement.turnover import plain_name
from portal.enforcement.workflow import VIOLATION
from portal.law import statute
from portal.law.penalty_priors import rule_of_pack
from portal.ui.formats import date_only
from secure_access import ledger
from secure_access.db import Session, Table
from secure_access.identity import Actor, Organisation, organisations
from secure_access.identity.tables import OrganisationRelation, RelationKind
from secure_access.workflow import Denied

PREDECESSOR, PARENT, SILENT = "predecessor", "parent", ""


@dataclass(frozen=True)
class Tie:
    """How a company belongs to a developer on a day: by which relations, seen from the developer.

    ``link`` is what the law calls it, `SILENT` where it has no word: a subsidiary, a sister.
    """

    organisation: Organisation
    link: str
    relations: tuple[OrganisationRelation, ...]
    words: str


@dataclass(frozen=True)
class Offer:
    """A row of a related company that may be taken over; else ``why_not`` says why the law asks for none."""

    tie: Tie
    row: Any
    days: tuple[date, ...]
    why_not: str = ""


def ties(session: Session, developer_id: uuid.UUID, *, on: date, by: Actor) -> list[Tie]:
    """The companies of one group with a developer on a day, but for those with whom ``by`` has a conflict."""
    found: dict[uuid.UUID, tuple[str, tuple[OrganisationRelation, ...]]] = {developer_id: ("same", ())}
    # What the law has a word for goes first: a company can be a predecessor and a sister at once.
    for link, fits in ((PREDECESSOR, _merged), (PARENT, _parent), (SILENT, _any)):
        _walk(session, found, [developer_id] if link else list(found), link, fits, on)
    made = []
    for organisation_id, (link, path) in found.items():
        if path and organisation_id not in by.conflicts:
            organisation = session.get_one(Organisation, organisation_id)
            made.append(Tie(organisation, link, path, "; ".join(_said(session, row) for row in path)))
    return sorted(made, key=lambda tie: tie.organisation.name)


def _walk(
    session: Session,
    found: dict[uuid.UUID, tuple[str, tuple[OrganisationRelation, ...]]],
    start: list[uuid.UUID],
    link: str,
    fits: Callable[[OrganisationRelation, uuid.UUID], bool],
    on: date,
) -> None:
    """Add what the relations that fit lead to. Whoever was found is not visited again, so a circle ends."""
    waiting = deque(start)
    while waiting:
        here = waiting.popleft()
        for row in organisations.relations(session, here):
            other = row.other_id if row.organisation_id == here else row.organisation_id
            if other not in found and fits(row, here) and organisations.lasts(row, on):
                found[other] = (link, (*found[here][1], row))
                waiting.append(other)


def _merged(row: OrganisationRelation, here: uuid.UUID) -> bool:
    return row.kind is RelationKind.MERGED_INTO and row.other_id == here


def _parent(row: OrganisationRelation, here: uuid.UUID) -> bool:
    return row.kind is RelationKind.PARENT_OF and row.other_id == here


def _any(row: OrganisationRelation, here: uuid.UUID) -> bool:
    return here in (row.organisation_id, row.other_id)


def _said(session: Session, row: OrganisationRelation) -> str:
    """A relation in words: ``A was merged into B on 1 Mar 2027 (source)``."""
    one, other = (session.get_one(Organisation, key).name for key in (row.organisation_id, row.other_id))
    if row.kind is RelationKind.MERGED_INTO:
        return f"{one} was merged into {other} on {date_only(row.from_on)} ({row.source})"
    until = f" until {date_only(row.until_on)}" if row.until_on else ""
    if row.kind is RelationKind.AFFILIATE_OF:
        return f"{one} is an affiliate of {other} from {date_only(row.from_on)}{until} ({row.source})"
    return f"{one} is the parent of {other} from {date_only(row.from_on)}{until} ({row.source})"


# Earlier penalties


def prior_offers(session: Session, violation: AllegedViolation, *, by: Actor) -> list[Offer]:
    """The earlier penalties of related companies that are not on file for the developer itself."""
    guard(by)
    own = {(row.regime, row.decision) for row in priors.recorded(session, violation.developer_id)}
    found = []
    for tie in ties(session, violation.developer_id, on=violation.occurred_from, by=by):
        for row in priors.relied_on(priors.recorded(session, tie.organisation.id)):
            if row.follows is None and (row.regime, row.decision) not in own:
                days = (violation.occurred_from, row.final_on or row.conduct_to)
                why_not = _why_not(session, violation, tie, row, by)
                found.append(Offer(tie, row, days, why_not))
    return found


def says(regime: str) -> str:
    """What the text of a law says of whose earlier penalties count, in words for a reader."""
    pack = statute.load(regime)
    stated = pack.history("penalty.prior_links")
    if stated:
        return f"{stated[-1].citation} names whose earlier penalties count."
    return (
        f"The text of the {pack.short} does not say whose earlier penalties count. This authority counts "
        "those of the company itself, of a predecessor that was merged into it, and of its parent; of a "
        "subsidiary or a sister it counts none."
    )


def _why_not(session: Session, violation: AllegedViolation, tie: Tie, row: PriorViolation, by: Actor) -> str:
    pack = statute.load(violation.regime)
    links = rule_of_pack(pack, max(violation.occurred_from, pack.starts)).links
    if tie.link not in links or row.link not in ("same", tie.link):
        return "It hit neither the company itself, nor a predecessor, nor its parent: not counted."
    day = row.final_on or row.conduct_to
    if tie.link == PARENT and not any(
        then.organisation.id == tie.organisation.id and then.link == PARENT
        for then in ties(session, violation.developer_id, on=day, by=by)
    ):
        return f"It was not the parent on {date_only(day)}, the day of the penalty: not counted."
    return ""


def take_prior(
    session: Session, violation: AllegedViolation, row_id: uuid.UUID, *, reason: str, by: Actor, now: datetime
) -> PriorViolation:
    """Have an earlier penalty of a related company held against the developer. Raises `Denied`.

    What happens to it later is recorded once, with the company that it hit, and counts here too.
    """
    offer = _chosen(prior_offers(session, violation, by=by), violation, row_id, reason, by)
    row = PriorViolation(
        **_copied(offer.row, "recorded", by, now)
        | {
            "developer_id": violation.developer_id,
            "link": offer.tie.link,
            "reason": reason.strip(),
            "replaces_id": None,
            "change_reason": None,
            "follows": _kept(offer),
        }
    )
    session.add(row)
    fields = {"violation": violation.reference, "prior": str(row.id), "status": row.status}
    ledger.append(
        session, events.PRIOR_RECORDED, fields, by=by, now=now, about=about(violation), records=(row,)
    )
    return row


# Revenue


def revenue_offers(session: Session, violation: AllegedViolation, *, by: Actor) -> list[Offer]:
    """Figures of companies that were of the group on the last day of a year of which revenue is on file."""
    guard(by)
    if not needs_turnover(violation.regime):
        return []
    here = figures.turnover_of(session, violation.developer_id)
    own = {(plain_name(row.entity), row.period_end) for figure in here.figures for row in figure.rows}
    return list(_revenue(session, violation, {day for _, day in own}, own, by))


def _revenue(
    session: Session, violation: AllegedViolation, days: set[date], own: set[tuple[str, date]], by: Actor
) -> Iterator[Offer]:
    for day in sorted(days, reverse=True):
        for tie in ties(session, violation.developer_id, on=day, by=by):
            for figure in figures.turnover_of(session, tie.organisation.id).figures:
                row = figure.used
                known = (plain_name(row.entity), row.period_end) in own
                if row.period_end == day and not known and row.follows is None:
                    yield Offer(tie, row, (day,))


def take_revenue(
    session: Session, violation: AllegedViolation, row_id: uuid.UUID, *, reason: str, by: Actor, now: datetime
) -> RevenueEvidence:
    """Count the figure of a company of the group with the developer's. Raises `Denied`.

    Consolidated figures of the developer hold it already, so it adds up only where there are none.
    """
    offer = _chosen(revenue_offers(session, violation, by=by), violation, row_id, reason, by)
    row = RevenueEvidence(
        **_copied(offer.row, "attached", by, now)
        | {
            "developer_id": violation.developer_id,
            # Accounts of a parent hold the developer too; those of any other company stand beside it.
            "consolidated": bool(offer.row.consolidated) and offer.tie.link == PARENT,
            "restated": False,
            "corrects": False,
            "follows": _kept(offer) | {"reason": reason.strip()},
        }
    )
    session.add(row)
    fields = {"violation": violation.reference, "evidence": str(row.id)}
    ledger.append(
        session, events.REVENUE_ATTACHED, fields, by=by, now=now, about=about(violation), records=(row,)
    )
    return row


def _chosen(
    offers: list[Offer], violation: AllegedViolation, row_id: uuid.UUID, reason: str, by: Actor
) -> Offer:
    VIOLATION.take("add_evidence", by, violation)
    offer = next((one for one in offers if one.row.id == row_id), None)
    if offer is None:
        raise Denied("This is not on offer any more.", "Reload the page to see what is.")
    if offer.why_not:
        raise Denied(offer.why_not)
    if not reason.strip():
        raise Denied("Say why it is taken over. The reason stays with the record.")
    return offer


def _copied(row: Table, act: str, by: Actor, now: datetime) -> dict[str, Any]:
    return row.model_dump(exclude={"id"}) | {f"{act}_by": by.person_id, f"{act}_at": now}


def _kept(offer: Offer) -> dict[str, Any]:
    """What a row keeps of where it comes from: the relations as they stood, and the days asked about."""
    return {
        "row": str(offer.row.id),
        "organisation": str(offer.tie.organisation.id),
        "words": offer.tie.words,
        "relations": [
            {
                "relation": str(row.id),
                "kind": row.kind.value,
                "from": row.from_on.isoformat(),
                "until": row.until_on.isoformat() if row.until_on else "",
            }
            for row in offer.tie.relations
        ],
        "asked_on": [day.isoformat() for day in offer.days],
    }
