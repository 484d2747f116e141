"""What a worksheet lacks, and whether it computes the same again: on rows that no verb would make."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest

from portal.enforcement import checks
from portal.enforcement.choices import PROVISIONAL
from portal.enforcement.tables import AllegedViolation, RevenueEvidence, Worksheet
from portal.law import penalties, statute
from portal.law.deadlines import dated

FACTS: dict[str, Any] = {
    "regime": "ca-tfaia",
    "on": "2027-06-01",
    "decided_on": "2027-10-01",
    "currency": "USD",
    "inputs": {
        "violations": [
            {"provision": "22757.13(c)(1)", "severity_percent": "20", "occurred_on": "2027-06-01"},
            {"provision": "22757.13(c)(1)", "severity_percent": "10", "occurred_on": "2027-06-02"},
        ]
    },
}


def sheet(**values: Any) -> Worksheet:
    result = penalties.compute(FACTS).as_json()
    choices = {"gravity": "low", "gravity_reason": "x", "fault": "", "factors": []}
    given = {
        "regime": "ca-tfaia",
        "facts": FACTS,
        "result": result,
        "choices": choices,
        "statute_digest": result["statute_digest"],
    }
    return Worksheet(**(given | values))


def violation(**values: Any) -> AllegedViolation:
    given = {"regime": "ca-tfaia", "occurred_to": date(2027, 6, 2), "evidence": [{"subject": "entry:1"}]}
    return AllegedViolation(**(given | values))


def test_nothing_is_lacking() -> None:
    assert checks.gaps(sheet(), violation(), []) == []


def test_evidence_of_the_violation_is_needed() -> None:
    assert [gap.where for gap in checks.gaps(sheet(), violation(evidence=[]), [])] == ["violation"]


def test_turnover_needs_evidence() -> None:
    row = sheet(regime="eu-ai-act", choices={**sheet().choices, "fault": "negligent"})
    found = checks.gaps(row, violation(regime="eu-ai-act"), [])
    assert [gap.where for gap in found] == ["revenue"]


@pytest.mark.parametrize(
    ("warning", "where"),
    [
        ("eu-ai-act penalty.fixed (Art. 101) is not verified in a source.", "statute"),
        ("revenue[0].source is not stated; it is needed.", "revenue"),
        ("priors[0].decision is not stated; a prior needs it.", "priors"),
        ("decided_on is not stated; the date of the law is used.", "choices"),
    ],
)
def test_a_warning_that_stops_says_where_to_mend_it(warning: str, where: str) -> None:
    row = sheet(result={**sheet().result, "warnings": [warning]})
    assert [gap.where for gap in checks.gaps(row, violation(), [])] == [where]


def eu_sheet(period_end: str, decided: str = "2027-10-01", source: str = "Accounts") -> Worksheet:
    figure = {"entity": "undertaking", "amount": "1000000000", "period_end": period_end, "source": source}
    figure |= {"period_start": f"{int(period_end[:4]) - 1}{period_end[4:]}", "consolidated": True}
    facts: dict[str, Any] = {
        "regime": "eu-ai-act",
        "on": "2027-06-01",
        "decided_on": decided,
        "currency": "EUR",
        "revenue": [{**figure, "restated": False}],
        "inputs": {
            "violations": [
                {
                    "provision": "101(1)(b)",
                    "severity_percent": "20",
                    "fault": "negligent",
                    "occurred_on": "2027-06-01",
                }
            ]
        },
    }
    choices = {**sheet().choices, "fault": "negligent"}
    result = penalties.compute(facts).as_json()
    return sheet(regime="eu-ai-act", facts=facts, result=result, choices=choices)


@pytest.mark.parametrize(
    ("period_end", "decided", "source", "stopped"),
    [
        ("2026-12-31", "2027-10-01", "Accounts", False),
        ("2025-12-31", "2027-10-01", "Accounts", True),
        ("2025-12-31", "2026-12-31", "Accounts", False),
        ("2025-12-31", "2027-01-01", "Accounts", True),
        ("2025-12-31", "2027-10-01", f"Accounts ({PROVISIONAL})", False),
    ],
)
def test_turnover_of_an_older_year_stops_approval(
    period_end: str, decided: str, source: str, stopped: bool
) -> None:
    paper = RevenueEvidence(entity="undertaking", period_end=date(2026, 12, 31), document_id=uuid.uuid4())
    row = eu_sheet(period_end, decided, source)
    found = [gap.what for gap in checks.gaps(row, violation(regime="eu-ai-act"), [paper])]
    told = "the turnover of the year that the law asks for: revenue[0]: a later financial year had ended"
    assert found == ([f"{told} before {dated(date.fromisoformat(decided))}"] if stopped else [])


def test_facts_that_do_not_compute() -> None:
    again = checks.recompute(sheet(facts={**FACTS, "currency": "EUR"}))
    assert not again.same
    assert again.words.startswith("The facts no longer compute.")


def test_the_same_cents_under_a_newer_pack() -> None:
    again = checks.recompute(sheet(statute_digest="sha256:" + "0" * 64))
    assert again.same
    assert again.words == "Recomputed now: same cents, under newer texts of the law."


def test_a_proposal_as_a_whole_is_proposed() -> None:
    assert checks.uses_proposed(sheet(regime="aaif-proposal"))
    assert statute.load("aaif-proposal").status == "proposed"
    assert not checks.uses_proposed(sheet())


def test_lines_of_the_same_words_are_told_apart() -> None:
    result = sheet().result
    assert checks.compare(result, result) == []
    lines = [{**line, "amount": "7"} if line["operation"] == "start" else line for line in result["lines"]]
    assert len(checks.compare(result, {**result, "lines": lines})) == 2
