"""The workflows of a filing, of the people of a draft and of an incident. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secure_access.workflow import Role, Step, Workflow


class FilingState(StrEnum):
    """Where a filing stands."""

    DRAFT = "draft"
    IN_CERTIFICATION = "in_certification"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


DRAFTS = (FilingState.DRAFT, FilingState.IN_CERTIFICATION)
"""Not yet of record."""


class Part(StrEnum):
    """What one of the named people of a draft does with it."""

    PREPARES = "prepares"
    READS = "reads"


class PlaceState(StrEnum):
    """Where a place among the people of a draft stands."""

    ASKED = "asked"
    NAMED = "named"
    REFUSED = "refused"
    ENDED = "ended"


class IncidentState(StrEnum):
    """Where an incident stands."""

    REPORTED = "reported"
    UPDATED = "updated"
    RESOLVED = "resolved"
    CLOSED = "closed"


def certifies_own_draft(filing: Any, by: Any) -> str | None:
    """A risk report and a safety framework take two people: one prepares, another certifies."""
    if filing.kind in ("risk_report", "safety_framework") and str(by.person_id) in filing.authors:
        return (
            "You prepared this filing or wrote in it, so you cannot also certify it. "
            "Ask another certifying officer of your organisation to sign."
        )
    return None


def asked_another(filing: Any, by: Any) -> str | None:
    """The officer who was asked signs, and no other: a name on the page is who answers for it."""
    if filing.certifier_id != by.person_id:
        return (
            "Another officer was asked to sign this filing. "
            "To sign it yourself, recall it, and send it for certification with your name."
        )
    return None


def outside(filing: Any, by: Any) -> str | None:
    """A draft of named people is theirs alone, whatever roles others of the organisation hold."""
    if filing.named_only and by.person_id not in filing.preparers | filing.readers:
        return "This draft is open to named people only, and you are not one of them. Ask to join it."
    return None


def only_reads(filing: Any, by: Any) -> str | None:
    """Who was named to read a draft of named people changes nothing of it."""
    if filing.named_only and by.person_id in filing.readers:
        return "You read this draft and do not prepare it. Ask who prepares it to let you do so too."
    return None


def only_reads_unasked(filing: Any, by: Any) -> str | None:
    """Who reads it recalls it as the officer who was asked to sign, and not otherwise."""
    return None if filing.certifier_id == by.person_id else only_reads(filing, by)


def open_already(filing: Any, by: Any) -> str | None:
    """Nobody asks for what they have."""
    return None if outside(filing, by) else "This draft is open to you already."


def not_theirs(place: Any, by: Any) -> str | None:
    """The people of a draft are chosen by who prepares it, and by administrators, who do not read it."""
    if Role.ORGANISATION_ADMINISTRATOR in by.roles or by.person_id in place.preparers:
        return None
    return "Only who prepares this draft, or an administrator of your organisation, chooses its people."


def neither_theirs_nor_own(place: Any, by: Any) -> str | None:
    """Everybody may leave a draft."""
    return None if place.person_id == by.person_id else not_theirs(place, by)


def oneself(place: Any, by: Any) -> str | None:
    """Nobody lets themselves into a draft, an administrator neither."""
    if place.person_id == by.person_id:
        return "Nobody lets themselves into a draft. Ask to join it, or ask another administrator."
    return None


def last_preparer(place: Any, _by: Any) -> str | None:
    """A draft is never left without somebody who prepares it."""
    if place.person_id in place.preparers and not set(place.able) - {place.person_id}:
        return "Nobody else prepares this draft. Name another colleague who prepares it first."
    return None


_OWN_PEOPLE = (Role.PREPARER, Role.CERTIFYING_OFFICER)
_DEVELOPER = (*_OWN_PEOPLE, Role.DRAFTING_AGENT)
FILERS = frozenset(_DEVELOPER)
"""Who files for a developer: its own people, and agents to whom drafting is delegated."""
_CHOOSING = (*_OWN_PEOPLE, Role.ORGANISATION_ADMINISTRATOR)
_REPORTING = (Role.PREPARER, Role.CERTIFYING_OFFICER, Role.REPORTING_AGENT)


@dataclass(frozen=True)
class Place:
    """What the steps ask of one place among the people of a draft.

    ``preparers`` are named to prepare the draft; ``able`` are those of them who are of the developer itself,
    can sign in and may still file.
    """

    state: PlaceState
    person_id: uuid.UUID
    preparers: frozenset[uuid.UUID]
    able: frozenset[uuid.UUID]


FILING = Workflow(
    "filing",
    start=FilingState.DRAFT,
    steps=(
        Step("save", by=_DEVELOPER, frm={FilingState.DRAFT}, to=None, unless=(outside, only_reads)),
        Step("attach", by=_DEVELOPER, frm={FilingState.DRAFT}, to=None, unless=(outside, only_reads)),
        Step("discard", by=_DEVELOPER, frm={FilingState.DRAFT}, to=None, unless=(outside, only_reads)),
        Step("restrict", by=_OWN_PEOPLE, frm=DRAFTS, to=None, unless=(outside, only_reads)),
        Step("open_to_everyone", by=_OWN_PEOPLE, frm=DRAFTS, to=None, unless=(outside, only_reads)),
        Step("ask_to_join", by=_DEVELOPER, frm=DRAFTS, to=None, unless=(open_already,)),
        Step(
            "send_for_certification",
            by=_DEVELOPER,
            frm={FilingState.DRAFT},
            to=FilingState.IN_CERTIFICATION,
            unless=(outside, only_reads),
        ),
        Step("hand_over", by=Role.ORGANISATION_ADMINISTRATOR, frm=DRAFTS, to=None),
        Step(
            "recall",
            by=_DEVELOPER,
            frm={FilingState.IN_CERTIFICATION},
            to=FilingState.DRAFT,
            unless=(outside, only_reads_unasked),
        ),
        Step(
            "submit",
            by=Role.CERTIFYING_OFFICER,
            frm={FilingState.IN_CERTIFICATION},
            to=FilingState.SUBMITTED,
            unless=(outside, certifies_own_draft, asked_another),
        ),
        Step(
            "withdraw",
            by=Role.CERTIFYING_OFFICER,
            frm={FilingState.SUBMITTED, FilingState.RETURNED},
            to=FilingState.WITHDRAWN,
        ),
        Step("accept_for_review", by=Role.CASE_OFFICER, frm={FilingState.SUBMITTED}, to=FilingState.ACCEPTED),
        Step("return", by=Role.CASE_OFFICER, frm={FilingState.SUBMITTED}, to=FilingState.RETURNED),
        Step(
            "supersede",
            by=Role.CERTIFYING_OFFICER,
            frm={FilingState.SUBMITTED, FilingState.RETURNED, FilingState.ACCEPTED},
            to=FilingState.SUPERSEDED,
        ),
    ),
)

DRAFT_PERSON = Workflow(
    "person of a draft",
    start=PlaceState.ASKED,
    steps=(
        Step("name", by=_CHOOSING, frm={PlaceState.ASKED}, to=PlaceState.NAMED, unless=(not_theirs, oneself)),
        Step("refuse", by=_CHOOSING, frm={PlaceState.ASKED}, to=PlaceState.REFUSED, unless=(not_theirs,)),
        Step(
            "remove",
            by=_CHOOSING,
            frm={PlaceState.NAMED},
            to=PlaceState.ENDED,
            unless=(neither_theirs_nor_own, last_preparer),
        ),
    ),
)
"""Acts on a `Place`."""

INCIDENT = Workflow(
    "incident",
    start=IncidentState.REPORTED,
    steps=(
        Step(
            "update",
            by=_REPORTING,
            frm={IncidentState.REPORTED, IncidentState.UPDATED},
            to=IncidentState.UPDATED,
        ),
        Step("update", by=_REPORTING, frm={IncidentState.RESOLVED}, to=None),
        Step(
            "resolve",
            by=_REPORTING,
            frm={IncidentState.REPORTED, IncidentState.UPDATED},
            to=IncidentState.RESOLVED,
        ),
        Step("correct_resolution", by=_REPORTING, frm={IncidentState.RESOLVED}, to=None),
        Step("report_finally", by=_REPORTING, frm={IncidentState.RESOLVED}, to=None),
        Step(
            "close",
            by=Role.CASE_OFFICER,
            frm={IncidentState.REPORTED, IncidentState.UPDATED, IncidentState.RESOLVED},
            to=IncidentState.CLOSED,
        ),
    ),
)
