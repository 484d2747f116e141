"""Drift: each disagreement of outline, sections, plan and register is found once, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access.custodian import oscal
from secure_access.custodian.drift import (
    DriftReport,
    FindingKind,
    OutlineSection,
    Told,
    compare,
    digest,
    encoded,
)
from secure_access.custodian.oscal import Format, SchemaState, SystemPlan
from secure_access.custodian.register import Actor, Capability, Kind, Register
from secure_access.ledger.canonical import decode
from tests.fixtures.oscal import as_json, tree

IN_PLACE = {
    "ac-2": "implemented",
    "ac-2.1": "planned",
    "sc-7": "not-applicable",
    "au-2": "partial",
    "ra-3": "",
}
TIERS = {"1", "2"}


def plan(**states: str) -> SystemPlan:
    named = {name.replace("_", "-"): state for name, state in states.items()}
    return oscal.read(as_json(tree(named or IN_PLACE)), Format.JSON).plan


def actor(*controls: str, name: str = "Rival", tier: str = "1") -> Actor:
    return Actor(name, Kind.COMPETITOR, Capability.HIGH, "Weights", tier, controls)


def outline(text: str = "We meet AC-2.") -> list[OutlineSection]:
    return [OutlineSection("access", "Access control", text)]


def found(report: DriftReport) -> list[tuple[FindingKind, str]]:
    return [(finding.kind, finding.about) for finding in report.findings]


GOOD = Register((actor("ac-2"),))


def test_what_agrees_has_no_finding() -> None:
    report = compare(outline(), ["access", "threat-actors"], [plan()], GOOD, tiers=TIERS)
    assert report.findings == ()
    assert (report.sections, report.controls, report.actors) == (("access", "threat-actors"), 5, 1)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (
            "AC-6 holds.",
            FindingKind.CONTROL_ABSENT,
            "“Access control” of the outline claims AC-6 (Least Privilege); the plan does not have it.",
        ),
        (
            "AC-2(1) holds.",
            FindingKind.CONTROL_NOT_IN_PLACE,
            "“Access control” of the outline claims AC-2(1) (Account Management: Automated System Account "
            "Management); in the plan it is planned.",
        ),
        (
            "SC-7 holds.",
            FindingKind.CONTROL_NOT_IN_PLACE,
            "“Access control” of the outline claims SC-7 (Boundary Protection); in the plan it is "
            "not-applicable.",
        ),
        (
            "RA-3 holds.",
            FindingKind.CONTROL_WITHOUT_STATUS,
            "“Access control” of the outline claims RA-3 (Risk Assessment); the plan does not say whether it "
            "is in place.",
        ),
        (
            "AC-99 holds.",
            FindingKind.CONTROL_UNKNOWN,
            "“Access control” of the outline claims AC-99; NIST SP 800-53 Rev. 5, release 5.2.0 has no such "
            "control.",
        ),
        (
            "AC-2(10) holds.",
            FindingKind.CONTROL_WITHDRAWN,
            "“Access control” of the outline claims AC-2(10) (Account Management: Shared and Group Account "
            "Credential Change), which NIST has withdrawn.",
        ),
    ],
)
def test_a_claim_of_the_outline(text: str, kind: FindingKind, words: str) -> None:
    report = compare(outline(text), ["access"], [plan()], GOOD, tiers=TIERS)
    assert [(finding.kind, finding.words) for finding in report.findings] == [(kind, words)]


def test_a_control_partly_in_place_is_claimed_rightly() -> None:
    assert compare(outline("AU-2"), ["access"], [plan()], GOOD, tiers=TIERS).findings == ()


def test_a_control_in_place_in_one_of_two_plans_is_in_place() -> None:
    plans = [plan(ac_2="planned"), plan(ac_2="implemented")]
    assert compare(outline(), ["access"], plans, GOOD, tiers=TIERS).findings == ()


def test_a_claim_made_twice_is_one_finding() -> None:
    sections = [*outline("AC-6, AC-06"), OutlineSection("more", "More", "AC-6")]
    report = compare(sections, ["access", "more"], [plan()], GOOD, tiers=TIERS)
    assert found(report) == [(FindingKind.CONTROL_ABSENT, "ac-6")]


def test_sections_of_one_side_only() -> None:
    report = compare(outline(), ["other", "threat-actors", "drift-report"], [plan()], GOOD, tiers=TIERS)
    assert found(report) == [
        (FindingKind.SECTION_WITHOUT_DETAIL, "access"),
        (FindingKind.SECTION_NOT_IN_OUTLINE, "other"),
    ]


def test_actors() -> None:
    register = Register(
        (
            actor(name="Nobody answers"),
            actor("ac-6", "ac-2.1", "ac-2", name="Half answered"),
            actor("ac-2", name="Of no tier", tier="9"),
        )
    )
    report = compare(outline(), ["access"], [plan()], register, tiers=TIERS)
    assert found(report) == [
        (FindingKind.ACTOR_WITHOUT_CONTROL, "Nobody answers"),
        (FindingKind.ACTOR_CONTROL_ABSENT, "Half answered"),
        (FindingKind.ACTOR_CONTROL_NOT_IN_PLACE, "Half answered"),
        (FindingKind.TIER_UNKNOWN, "Of no tier"),
    ]
    assert compare(outline(), ["access"], [plan()], Register(register.actors[2:]), tiers=None).findings == ()


def test_without_a_plan_controls_are_said_not_to_be_compared() -> None:
    report = compare(outline("AC-2, AC-6"), ["access"], [], Register((actor("ac-6", "sc-7"),)), tiers=TIERS)
    assert found(report) == [(FindingKind.CONTROLS_NOT_COMPARED, "")]
    assert "3 controls" in report.findings[0].words
    assert compare(outline("No claim."), ["access"], [], Register(()), tiers=TIERS).findings == ()


def test_without_a_register_that_is_said() -> None:
    assert found(compare(outline(), ["access"], [plan()], None, tiers=TIERS)) == [
        (FindingKind.NO_REGISTER, "threat-actors")
    ]


TEXT = st.text(max_size=40)


@given(
    st.lists(st.builds(OutlineSection, TEXT, TEXT, TEXT), max_size=4),
    st.lists(TEXT, max_size=4),
    st.lists(st.sampled_from(["ac-2", "ac-6", "x"]), max_size=3, unique=True),
)
def test_the_report_is_canonical_and_the_same_each_time(
    sections: list[OutlineSection], delivered: list[str], controls: list[str]
) -> None:
    register = Register((actor(*controls),))
    report = compare(sections, delivered, [PLAN], register, tiers=TIERS)
    again = compare(sections, delivered, [PLAN], register, tiers=TIERS)
    assert encoded(report) == encoded(again)
    value = decode(encoded(report))
    assert isinstance(value, dict)
    assert set(value) == {"v", "outline", "sections", "controls", "actors", "findings"}
    assert value["v"] == "assay.drift-report/v1"
    assert value["outline"] == digest(sections)


PLAN = plan()


def test_the_report_s_bytes_are_these() -> None:
    report = compare(outline("AC-6"), ["access"], [plan(ac_2="implemented")], GOOD, tiers=TIERS)
    assert json.loads(encoded(report)) == {
        "v": "assay.drift-report/v1",
        "outline": digest(outline("AC-6")),
        "sections": ["access"],
        "controls": 1,
        "actors": 1,
        "findings": [
            {
                "kind": "control absent",
                "about": "ac-6",
                "words": "“Access control” of the outline claims AC-6 (Least Privilege); the plan does not "
                "have it.",
            }
        ],
    }


def test_another_outline_has_another_digest() -> None:
    assert len({digest(outline(text)) for text in ("", "a", "b")}) == 3


@pytest.mark.parametrize(
    ("state", "valid"),
    [
        (SchemaState.VALID, True),
        (SchemaState.INVALID, False),
        (SchemaState.NOT_INSTALLED, False),
        (None, False),
    ],
)
def test_what_is_told_is_three_things_and_only_valid_is_valid(state: SchemaState | None, valid: bool) -> None:
    told = Told(openable=True, pages=3, schema=state)
    assert told.schema_valid is valid
    assert [field.name for field in fields(Told)] == ["openable", "pages", "schema"]
