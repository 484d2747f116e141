"""Who may do what with a filing and an incident, state by state: the whole table, written out."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import pytest

from portal.filing.tables import FilingKind
from portal.filing.workflow import FILING, INCIDENT, FilingState, IncidentState
from secure_access.workflow import Role

ME, SOMEBODY = uuid.UUID(int=1), uuid.UUID(int=2)
P, C, O = Role.PREPARER, Role.CERTIFYING_OFFICER, Role.CASE_OFFICER  # noqa: E741 - columns of a table
A, D, R = Role.ORGANISATION_ADMINISTRATOR, Role.DRAFTING_AGENT, Role.REPORTING_AGENT

FILING_TABLE = {
    (FilingState.DRAFT, P): ["save", "attach", "discard", "send_for_certification"],
    (FilingState.DRAFT, C): ["save", "attach", "discard", "send_for_certification"],
    (FilingState.DRAFT, A): ["hand_over"],
    (FilingState.DRAFT, D): ["save", "attach", "discard", "send_for_certification"],
    (FilingState.IN_CERTIFICATION, A): ["hand_over"],
    (FilingState.IN_CERTIFICATION, D): ["recall"],
    (FilingState.IN_CERTIFICATION, P): ["recall"],
    (FilingState.IN_CERTIFICATION, C): ["recall", "submit"],
    (FilingState.SUBMITTED, C): ["withdraw", "supersede"],
    (FilingState.SUBMITTED, O): ["accept_for_review", "return"],
    (FilingState.RETURNED, C): ["withdraw", "supersede"],
    (FilingState.ACCEPTED, C): ["supersede"],
}
INCIDENT_TABLE = {
    (state, role): acts
    for state in (IncidentState.REPORTED, IncidentState.UPDATED)
    for role, acts in (
        (P, ["update", "resolve"]),
        (C, ["update", "resolve"]),
        (R, ["update", "resolve"]),
        (O, ["close"]),
    )
} | {
    (IncidentState.RESOLVED, role): acts
    for role, acts in (
        (P, ["update", "correct_resolution", "report_finally"]),
        (C, ["update", "correct_resolution", "report_finally"]),
        (R, ["update", "correct_resolution", "report_finally"]),
        (O, ["close"]),
    )
}


def who(*roles: Role) -> SimpleNamespace:
    return SimpleNamespace(roles=frozenset(roles), person_id=ME)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(FilingState))
def test_filing(state, role):
    filing = SimpleNamespace(state=state, kind=FilingKind.TEST_SUMMARY, authors=[], certifier_id=ME)
    assert FILING.allowed(who(role), filing) == FILING_TABLE.get((state, role), [])


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(IncidentState))
def test_incident(state, role):
    assert INCIDENT.allowed(who(role), SimpleNamespace(state=state)) == INCIDENT_TABLE.get((state, role), [])


@pytest.mark.parametrize("kind", list(FilingKind))
@pytest.mark.parametrize("authors", [(ME,), (SOMEBODY, ME), (SOMEBODY,)])
def test_two_kinds_take_two_people(kind, authors):
    written_by = [str(one) for one in authors]
    filing = SimpleNamespace(
        state=FilingState.IN_CERTIFICATION, kind=kind, authors=written_by, certifier_id=ME
    )
    refusal = FILING.refusal("submit", who(P, C), filing)
    two = kind in (FilingKind.RISK_REPORT, FilingKind.SAFETY_FRAMEWORK)
    assert (refusal is not None) == (two and ME in authors)
    if refusal is not None:
        assert "Ask another certifying officer" in refusal.reason


@pytest.mark.parametrize("asked", [SOMEBODY, None])
@pytest.mark.parametrize("kind", list(FilingKind))
def test_only_the_officer_who_was_asked_signs(kind, asked):
    filing = SimpleNamespace(state=FilingState.IN_CERTIFICATION, kind=kind, authors=[], certifier_id=asked)
    refusal = FILING.refusal("submit", who(P, C), filing)
    assert refusal is not None
    assert "Another officer was asked to sign" in refusal.reason
    assert "recall it" in refusal.reason


def test_after_the_end_nobody_does_anything():
    for state in (FilingState.WITHDRAWN, FilingState.SUPERSEDED):
        filing = SimpleNamespace(state=state, kind=FilingKind.TEST_SUMMARY, authors=[], certifier_id=ME)
        assert FILING.allowed(who(*Role), filing) == []
