"""The workflows of a filing and of an incident. Pure."""

from __future__ import annotations

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


_DEVELOPER = (Role.PREPARER, Role.CERTIFYING_OFFICER, Role.DRAFTING_AGENT)
_REPORTING = (Role.PREPARER, Role.CERTIFYING_OFFICER, Role.REPORTING_AGENT)

FILING = Workflow(
    "filing",
    start=FilingState.DRAFT,
    steps=(
        Step("save", by=_DEVELOPER, frm={FilingState.DRAFT}, to=None),
        Step("attach", by=_DEVELOPER, frm={FilingState.DRAFT}, to=None),
        Step("discard", by=_DEVELOPER, frm={FilingState.DRAFT}, to=None),
        Step(
            "send_for_certification",
            by=_DEVELOPER,
            frm={FilingState.DRAFT},
            to=FilingState.IN_CERTIFICATION,
        ),
        Step(
            "hand_over",
            by=Role.ORGANISATION_ADMINISTRATOR,
            frm={FilingState.DRAFT, FilingState.IN_CERTIFICATION},
            to=None,
        ),
        Step("recall", by=_DEVELOPER, frm={FilingState.IN_CERTIFICATION}, to=FilingState.DRAFT),
        Step(
            "submit",
            by=Role.CERTIFYING_OFFICER,
            frm={FilingState.IN_CERTIFICATION},
            to=FilingState.SUBMITTED,
            unless=(certifies_own_draft, asked_another),
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
