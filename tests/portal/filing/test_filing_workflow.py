"""Who may do what with a filing and an incident, state by state: the whole table, written out."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import pytest

from portal.filing.tables import FilingKind
from portal.filing.workflow import (
    DRAFT_PERSON,
    FILING,
    INCIDENT,
    FilingState,
    IncidentState,
    Place,
    PlaceState,
)
from secure_access.workflow import Role

ME, SOMEBODY = uuid.UUID(int=1), uuid.UUID(int=2)
P, C, O = Role.PREPARER, Role.CERTIFYING_OFFICER, Role.CASE_OFFICER  # noqa: E741 - columns of a table
A, D, R = Role.ORGANISATION_ADMINISTRATOR, Role.DRAFTING_AGENT, Role.REPORTING_AGENT

CHOOSING = ["restrict", "open_to_everyone"]
WRITING = ["save", "attach", "discard"]
FILING_TABLE = {
    (FilingState.DRAFT, P): [*WRITING, *CHOOSING, "send_for_certification"],
    (FilingState.DRAFT, C): [*WRITING, *CHOOSING, "send_for_certification"],
    (FilingState.DRAFT, A): ["hand_over"],
    (FilingState.DRAFT, D): [*WRITING, "send_for_certification"],
    (FilingState.IN_CERTIFICATION, A): ["hand_over"],
    (FilingState.IN_CERTIFICATION, D): ["recall"],
    (FilingState.IN_CERTIFICATION, P): [*CHOOSING, "recall"],
    (FilingState.IN_CERTIFICATION, C): [*CHOOSING, "recall", "submit"],
    (FilingState.SUBMITTED, C): ["withdraw", "supersede"],
    (FilingState.SUBMITTED, O): ["accept_for_review", "return"],
    (FilingState.RETURNED, C): ["withdraw", "supersede"],
    (FilingState.ACCEPTED, C): ["supersede"],
}
NAMED_TABLE = {
    # Of a draft of named people, by what somebody is to it: the rest is refused.
    ("outside", FilingState.DRAFT): ["ask_to_join"],
    ("outside", FilingState.IN_CERTIFICATION): ["ask_to_join"],
    ("reads", FilingState.DRAFT): [],
    ("reads", FilingState.IN_CERTIFICATION): [],
    ("reads, asked to sign", FilingState.DRAFT): [],
    ("reads, asked to sign", FilingState.IN_CERTIFICATION): ["recall", "submit"],
    ("prepares", FilingState.DRAFT): [*WRITING, *CHOOSING, "send_for_certification"],
    ("prepares", FilingState.IN_CERTIFICATION): [*CHOOSING, "recall"],
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
    filing = SimpleNamespace(
        state=state, kind=FilingKind.TEST_SUMMARY, authors=[], certifier_id=ME, named_only=False
    )
    assert FILING.allowed(who(role), filing) == FILING_TABLE.get((state, role), [])


@pytest.mark.parametrize(("part", "state"), NAMED_TABLE)
def test_a_draft_of_named_people(part, state):
    filing = SimpleNamespace(
        state=state,
        kind=FilingKind.TEST_SUMMARY,
        authors=[],
        certifier_id=ME if "asked" in part else SOMEBODY,
        named_only=True,
        preparers=frozenset({ME} if part == "prepares" else {SOMEBODY}),
        readers=frozenset({ME} if part.startswith("reads") else ()),
    )
    assert FILING.allowed(who(P, C, D), filing) == NAMED_TABLE[part, state]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(PlaceState))
def test_a_place_among_the_people_of_a_draft(state, role):
    """By each role of somebody who prepares the draft, about a colleague who does not."""
    place = Place(state, SOMEBODY, frozenset({ME}), frozenset({ME}))
    acts = {PlaceState.ASKED: ["name", "refuse"], PlaceState.NAMED: ["remove"]}.get(state, [])
    assert DRAFT_PERSON.allowed(who(role), place) == (acts if role in (P, C, A) else [])


@pytest.mark.parametrize(
    ("about", "preparers", "able", "role", "acts"),
    [
        (SOMEBODY, {SOMEBODY}, {SOMEBODY}, P, {"name": 0, "refuse": 0, "remove": 0}),
        (ME, {SOMEBODY}, {SOMEBODY}, P, {"name": 0, "refuse": 0, "remove": 1}),
        (ME, {SOMEBODY}, {SOMEBODY}, A, {"name": 0, "refuse": 1, "remove": 1}),
        (SOMEBODY, {SOMEBODY}, {SOMEBODY}, A, {"name": 1, "refuse": 1, "remove": 0}),
        (SOMEBODY, {ME, SOMEBODY}, {ME, SOMEBODY}, A, {"name": 1, "refuse": 1, "remove": 1}),
        (SOMEBODY, {ME, SOMEBODY}, {SOMEBODY}, A, {"name": 1, "refuse": 1, "remove": 0}),
        (ME, {ME}, {ME}, P, {"name": 0, "refuse": 1, "remove": 0}),
        (ME, {ME, SOMEBODY}, {ME, SOMEBODY}, P, {"name": 0, "refuse": 1, "remove": 1}),
    ],
)
def test_who_chooses_the_people_of_a_draft(about, preparers, able, role, acts):
    for act, allowed in acts.items():
        state = PlaceState.NAMED if act == "remove" else PlaceState.ASKED
        place = Place(state, about, frozenset(preparers), frozenset(able))
        assert (act in DRAFT_PERSON.allowed(who(role), place)) == bool(allowed), act


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(IncidentState))
def test_incident(state, role):
    assert INCIDENT.allowed(who(role), SimpleNamespace(state=state)) == INCIDENT_TABLE.get((state, role), [])


@pytest.mark.parametrize("kind", list(FilingKind))
@pytest.mark.parametrize("authors", [(ME,), (SOMEBODY, ME), (SOMEBODY,)])
def test_two_kinds_take_two_people(kind, authors):
    written_by = [str(one) for one in authors]
    filing = SimpleNamespace(
        state=FilingState.IN_CERTIFICATION, kind=kind, authors=written_by, certifier_id=ME, named_only=False
    )
    refusal = FILING.refusal("submit", who(P, C), filing)
    two = kind in (FilingKind.RISK_REPORT, FilingKind.SAFETY_FRAMEWORK)
    assert (refusal is not None) == (two and ME in authors)
    if refusal is not None:
        assert "Ask another certifying officer" in refusal.reason


@pytest.mark.parametrize("asked", [SOMEBODY, None])
@pytest.mark.parametrize("kind", list(FilingKind))
def test_only_the_officer_who_was_asked_signs(kind, asked):
    filing = SimpleNamespace(
        state=FilingState.IN_CERTIFICATION, kind=kind, authors=[], certifier_id=asked, named_only=False
    )
    refusal = FILING.refusal("submit", who(P, C), filing)
    assert refusal is not None
    assert "Another officer was asked to sign" in refusal.reason
    assert "recall it" in refusal.reason


def test_after_the_end_nobody_does_anything():
    for state in (FilingState.WITHDRAWN, FilingState.SUPERSEDED):
        filing = SimpleNamespace(
            state=state, kind=FilingKind.TEST_SUMMARY, authors=[], certifier_id=ME, named_only=False
        )
        assert FILING.allowed(who(*Role), filing) == []
