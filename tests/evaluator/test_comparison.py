"""The comparison: every gap between developer and evaluator is flagged by its rule, and nothing else is."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.comparison import (
    Assessment,
    Comparison,
    Finding,
    Outcome,
    Report,
    Rule,
    Subject,
    Terms,
    Untiered,
    compare,
)

TODAY = date(2027, 10, 1)
NAMES = {
    "cyber": "Cyber offence",
    "cbrn": "CBRN",
    "sabotage": "Sabotage, loss of control",
    "manipulation": "Harmful manipulation",
    "ai-rd": "Speeding up AI R&D",
}
TERMS = Terms(NAMES, TODAY, 90, {("other-set", "kyber"): "cyber"})
CYBER_ON, CYBER_OFF = Subject("cyber", "safeguards on"), Subject("cyber", "safeguards off")
CBRN_ON, CBRN_OFF = Subject("cbrn", "safeguards on"), Subject("cbrn", "safeguards off")
CYBER = Subject("cyber")
BOTH_NONE = Untiered.NOT_TIERED


def report(answers: dict[Subject, int | Untiered], **changes: Any) -> Report:
    made = Report("RR-2027-031", "corvane-4-20270628", date(2027, 9, 1), "framework-2.1", answers)
    return replace(made, **changes)


def assessment(*findings: Finding, **changes: Any) -> Assessment:
    made = Assessment(
        "IA-2027-018",
        "Larkfield Assurance",
        "corvane-4-20270628",
        date(2027, 9, 17),
        "framework-2.1",
        findings,
    )
    return replace(made, **changes)


def one(answer: int | Untiered | None, *findings: Finding) -> Comparison:
    answers = {} if answer is None else {CYBER: answer}
    sides = [
        assessment(finding, reference=f"IA-{n}", evaluator=f"E{n}") for n, finding in enumerate(findings, 1)
    ]
    return compare(report(answers), sides, TERMS)


def told() -> Comparison:
    """The case of the start page: five tiered rows, two gaps of tiers, one category that was not tested."""
    answers: dict[Subject, int | Untiered] = dict.fromkeys((CYBER_ON, CYBER_OFF, CBRN_ON, CBRN_OFF), 2)
    answers |= {Subject("sabotage"): 2, Subject("manipulation"): Untiered.NOT_TIERED}
    answers |= {Subject("ai-rd"): Untiered.NARRATIVE}
    return compare(
        report(answers),
        [
            assessment(
                Finding(CYBER_ON, 1, 2),
                Finding(CYBER_OFF, 3, None, 4, "two of ten long tasks stopped at the token limit"),
                Finding(CBRN_ON, 1, 2),
                Finding(CBRN_OFF, 2, None, 3, "no wet-lab baseline within the window"),
                Finding(Subject("sabotage"), 1, 2),
                Finding(Subject("manipulation")),
                Finding(Subject("ai-rd"), not_tested="access refused"),
            )
        ],
        TERMS,
    )


def test_the_told_case_has_its_rows_flags_and_sentence() -> None:
    told_case = told()
    assert [(flag.code, flag.title, flag.text) for flag in told_case.flags] == [
        (
            "F-1",
            "Cyber offence, safeguards off: developer tier 2, evaluator at least tier 3",
            "independent “at least” is above the developer’s tier.",
        ),
        (
            "F-2",
            "CBRN, safeguards off: tier 3 cannot be ruled out",
            "“cannot rule out” is above the developer’s tier.",
        ),
        ("F-3", "Speeding up AI R&D: one side is missing", "the evaluator recorded “not tested”."),
    ]
    assert [row.outcome for row in told_case.rows] == [
        Outcome.AGREE, Outcome.FLAGGED, Outcome.AGREE, Outcome.FLAGGED, Outcome.AGREE,
        Outcome.UNTIERED, Outcome.FLAGGED,
    ]  # fmt: skip
    assert told_case.sentence() == "They agree on three of the five tiered rows. Three flags are open."
    assert told_case.sentence([told_case.flags[1].key]) == (
        "They agree on three of the five tiered rows. Two flags are open; one is resolved."
    )


WHY = "the window was too short"
GAPS: list[tuple[int | Untiered | None, list[Finding], list[tuple[Rule, str]]]] = [
    (2, [Finding(CYBER, 2, 2)], []),
    (2, [Finding(CYBER, 1, None)], []),
    (2, [Finding(CYBER, 1, None, 2, WHY)], []),
    (2, [Finding(CYBER, None, 3)], []),
    (2, [Finding(CYBER, 3)], [(Rule.AT_LEAST_ABOVE, "developer tier 2, evaluator at least tier 3")]),
    (
        2,
        [Finding(CYBER, 3, 4, 4, WHY)],
        [(Rule.AT_LEAST_ABOVE, "developer tier 2, evaluator at least tier 3")],
    ),
    (2, [Finding(CYBER, 2, 3, 3, WHY)], [(Rule.CANNOT_RULE_OUT, "tier 3 cannot be ruled out")]),
    (2, [Finding(CYBER, None, None, 4, WHY)], [(Rule.CANNOT_RULE_OUT, "tier 4 cannot be ruled out")]),
    (3, [Finding(CYBER, 1, 2)], [(Rule.ABOVE_AT_MOST, "developer tier 3, evaluator at most tier 2")]),
    (2, [], [(Rule.NO_ASSESSMENT, "one side is missing")]),
    (BOTH_NONE, [], [(Rule.NO_ASSESSMENT, "one side is missing")]),
    (None, [Finding(CYBER, 1)], [(Rule.NOT_DECLARED, "one side is missing")]),
    (None, [Finding(CYBER)], [(Rule.NOT_DECLARED, "one side is missing")]),
    (2, [Finding(CYBER)], [(Rule.NO_EVALUATOR_TIER, "developer tier 2, evaluator not tiered")]),
    (2, [Finding(CYBER, not_tested="refused")], [(Rule.NOT_TESTED, "one side is missing")]),
    (BOTH_NONE, [Finding(CYBER, not_tested="refused")], [(Rule.NOT_TESTED, "one side is missing")]),
    (BOTH_NONE, [Finding(CYBER)], []),
    (Untiered.NARRATIVE, [Finding(CYBER)], []),
    (
        BOTH_NONE,
        [Finding(CYBER, 2)],
        [(Rule.NO_DEVELOPER_TIER, "developer not tiered, evaluator at least tier 2")],
    ),
    (
        Untiered.NARRATIVE,
        [Finding(CYBER, None, 2)],
        [(Rule.NO_DEVELOPER_TIER, "developer narrative, evaluator at most tier 2")],
    ),
    (
        BOTH_NONE,
        [Finding(CYBER, None, None, 2, WHY)],
        [(Rule.NO_DEVELOPER_TIER, "developer not tiered, evaluator cannot rule out tier 2")],
    ),
    (
        3,
        [Finding(CYBER, 1, 2), Finding(CYBER, 3)],
        [
            (Rule.ABOVE_AT_MOST, "developer tier 3, evaluator at most tier 2"),
            (Rule.EVALUATORS_DISAGREE, "E1 at most tier 2, E2 at least tier 3"),
        ],
    ),
    (
        2,
        [Finding(CYBER, 1, None, 3, WHY), Finding(CYBER, 2, 2)],
        [
            (Rule.CANNOT_RULE_OUT, "tier 3 cannot be ruled out"),
            (Rule.EVALUATORS_DISAGREE, "E2 at most tier 2, E1 cannot rule out tier 3"),
        ],
    ),
    (2, [Finding(CYBER, 1, 2), Finding(CYBER, 2)], []),
    (
        2,
        [Finding(CYBER, 1, 2), Finding(CYBER, not_tested="time")],
        [(Rule.NOT_TESTED, "one side is missing")],
    ),
]


@pytest.mark.parametrize(("answer", "findings", "expected"), GAPS)
def test_each_gap_is_flagged_by_its_rule(
    answer: int | Untiered | None, findings: list[Finding], expected: list[tuple[Rule, str]]
) -> None:
    compared = one(answer, *findings)
    assert [(flag.rule, flag.title) for flag in compared.flags] == [
        (rule, f"Cyber offence: {title}") for rule, title in expected
    ]
    assert len(compared.rows) == 1


def test_tiers_of_another_set_are_compared_only_where_they_are_mapped() -> None:
    mapped = assessment(Finding(Subject("kyber"), 3), tier_set="other-set")
    [row] = compare(report({CYBER: 2}), [mapped], TERMS).rows
    assert [flag.rule for flag in row.flags] == [Rule.AT_LEAST_ABOVE]
    strange = assessment(Finding(CYBER, 3), reference="IA-2", tier_set="other-set")
    compared = compare(report({CYBER: 2}), [strange], TERMS)
    assert [(flag.rule, flag.title) for flag in compared.flags] == [
        (Rule.NO_COMMON_TIERS, "Cyber offence: no tier set in common")
    ]
    ours = assessment(Finding(CYBER, 1, 2))
    both = compare(report({CYBER: 2}), [ours, strange], TERMS)
    assert [flag.rule for flag in both.flags] == [Rule.NO_COMMON_TIERS]
    twice = compare(
        report({CYBER: 2}), [strange, assessment(Finding(CYBER, 1, 2), tier_set="other-set")], TERMS
    )
    assert Rule.EVALUATORS_DISAGREE in [flag.rule for flag in twice.flags]


def test_another_snapshot_and_old_documents_are_flagged_once_a_document() -> None:
    compared = compare(
        report({CYBER: 2}, on=TODAY - timedelta(days=91)),
        [
            assessment(Finding(CYBER, 1), snapshot="c4-0501", on=TODAY - timedelta(days=90)),
            assessment(Finding(CYBER, 1), reference="IA-2", on=TODAY - timedelta(days=200)),
        ],
        TERMS,
    )
    assert [(flag.code, flag.rule, flag.title, flag.subject) for flag in compared.flags] == [
        (
            "F-1",
            Rule.OTHER_SNAPSHOT,
            "IA-2027-018 by Larkfield Assurance tested c4-0501, the report is about corvane-4-20270628",
            None,
        ),
        ("F-2", Rule.TOO_OLD, "RR-2027-031 is 91 days old, more than 90", None),
        ("F-3", Rule.TOO_OLD, "IA-2 is 200 days old, more than 90", None),
    ]
    assert compared.rows[0].outcome is Outcome.AGREE


def test_rows_follow_the_order_of_categories_and_unknown_ones_come_last() -> None:
    answers: dict[Subject, int | Untiered] = {
        Subject("zeta"): 1, Subject("cbrn"): 1, CYBER_OFF: 1, CYBER_ON: 1, Subject("alpha"): 1,
    }  # fmt: skip
    rows = compare(report(answers), [], TERMS).rows
    assert [(row.name, row.subject.variant) for row in rows] == [
        ("Cyber offence", "safeguards off"), ("Cyber offence", "safeguards on"), ("CBRN", ""),
        ("zeta", ""), ("alpha", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"at_least": 0}, "count from 1"),
        ({"at_least": 3, "at_most": 2}, "below what was shown"),
        ({"at_most": 2, "cannot_rule_out": 3, "why": WHY}, "below what was shown"),
        ({"cannot_rule_out": 3}, "says why"),
        ({"at_least": 1, "not_tested": "refused"}, "has no tier"),
    ],
)
def test_a_finding_that_contradicts_itself_is_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Finding(CYBER, **wrong)


def test_an_assessment_has_one_finding_for_each_subject() -> None:
    with pytest.raises(ValueError, match="one finding"):
        assessment(Finding(CYBER, 1), Finding(CYBER, 2))


def test_sentences_for_few_and_many_rows() -> None:
    assert compare(report({}), [], TERMS).sentence() == "No row has a risk tier. No flag is open."
    assert (
        one(2, Finding(CYBER, 3)).sentence() == "They do not agree on the one tiered row. One flag is open."
    )
    assert one(2, Finding(CYBER, 1)).sentence() == "They agree on the one tiered row. No flag is open."
    flagged = one(2, Finding(CYBER, 3), Finding(CYBER, not_tested="time"))
    assert flagged.sentence([flag.key for flag in flagged.flags]).endswith(
        "No flag is open; two are resolved."
    )
    many = compare(report({Subject(f"c{n}"): 1 for n in range(12)}), [], TERMS)
    assert many.sentence() == "They agree on none of the 12 tiered rows. 12 flags are open."


def test_every_rule_has_its_sentence() -> None:
    assert all(rule.text.endswith(".") for rule in Rule)
    assert len({rule.text for rule in Rule}) == len(Rule)


tiers = st.none() | st.integers(1, 4)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    if draw(st.booleans()):
        return Finding(CYBER, not_tested=draw(st.sampled_from(["", "refused"])))
    least, open_, most = draw(tiers), draw(tiers), draw(tiers)
    floor = max(least or 0, open_ or 0)
    return Finding(CYBER, least, max(most, floor) if most else None, open_, WHY)


@given(
    st.none() | st.sampled_from(Untiered) | st.integers(1, 4),
    st.lists(findings(), max_size=3),
)
def test_a_row_agrees_or_is_flagged_and_no_gap_stays_silent(
    answer: int | Untiered | None, found: list[Finding]
) -> None:
    compared = one(answer, *found)
    assert [flag.code for flag in compared.flags] == [f"F-{n}" for n in range(1, len(compared.flags) + 1)]
    assert len({flag.key for flag in compared.flags}) == len(compared.flags)
    for row in compared.rows:
        assert (row.outcome is Outcome.FLAGGED) == bool(row.flags)
        if row.outcome is Outcome.AGREE:
            tiered = [finding for finding in found if finding.tiered]
            assert isinstance(answer, int)
            assert tiered
            assert all(finding.reaches <= answer <= (finding.at_most or 4) for finding in tiered)
        if row.outcome is Outcome.UNTIERED:
            assert isinstance(answer, Untiered)
            assert not any(finding.tiered or finding.not_tested for finding in found)


@given(st.integers(1, 4), st.lists(findings(), max_size=3), st.randoms())
def test_the_order_of_assessments_changes_no_flag(answer: int, found: list[Finding], random: Any) -> None:
    sides = [assessment(finding, reference=f"IA-{n}") for n, finding in enumerate(found)]
    shuffled = random.sample(sides, len(sides))
    first, second = (compare(report({CYBER: answer}), order, TERMS) for order in (sides, shuffled))
    assert {flag.key for flag in first.flags} == {flag.key for flag in second.flags}
