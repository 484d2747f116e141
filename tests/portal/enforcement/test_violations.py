"""Suggestions, once an event and regime; allegations on evidence of the case; revenue and priors."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal.enforcement import consider, figures, grounds, priors, rates, service
from portal.enforcement.service import Allegation
from portal.enforcement.tables import AllegedViolation, PriorViolation
from portal.enforcement.workflow import ViolationState
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FilingState
from portal.law import statute
from portal.review import cases
from portal.review.tables import Condition
from portal.review.workflow import ConditionState
from secure_access import documents, ledger
from secure_access.db import Session, new_id, select
from secure_access.workflow import Denied, NotFound
from tests.fixtures.enforcement import IN_DOLLARS, PRIOR, REFERRED, REVENUE, Bench


def suggest(bench: Bench, subject: str) -> list[AllegedViolation]:
    with bench.world.wired.database.write() as session:
        return consider.suggest(session, subject, now=bench.now)


def options(bench: Bench, violation: AllegedViolation) -> list[str]:
    with bench.world.wired.database.read() as session:
        return [e.subject for e in service.evidence_options(session, violation, by=bench.officer)]


def test_every_ground_stands_in_its_pack() -> None:
    for ground in grounds.GROUNDS:
        assert ground.row["citation"]
        assert statute.load(ground.regime).status == "enacted"
    with pytest.raises(LookupError):
        grounds.provision("ny-raise", "9999")


def test_a_late_answer_suggests_article_101(bench: Bench) -> None:
    violation = bench.late_answer()
    assert (violation.regime, violation.provision) == ("eu-ai-act", "101(1)(b)")
    assert violation.state is ViolationState.SUGGESTED
    assert (violation.occurred_from, violation.occurred_to) == (date(2027, 8, 10), date(2027, 8, 28))
    assert violation.items == 3
    assert "19 days late" in violation.facts


def test_the_worker_suggests_it(bench: Bench) -> None:
    bench.world.at(datetime(2027, 7, 9, 10, tzinfo=UTC))
    case = bench.desk.under_review()
    asked = bench.desk.served(case, due_at=bench.now + timedelta(days=5))
    bench.desk.later(days=6)
    bench.desk.answered(asked)
    bench.world.run_jobs()
    assert suggest(bench, f"information_request:{asked.id}") == []
    with bench.world.wired.database.read() as session:
        subject = AllegedViolation.subject == f"information_request:{asked.id}"
        assert len(session.exec(select(AllegedViolation).where(subject)).all()) == 1


def test_an_answer_in_time_suggests_nothing(bench: Bench) -> None:
    case = bench.desk.under_review()
    asked = bench.desk.served(case)
    assert suggest(bench, f"information_request:{asked.id}") == []
    bench.desk.answered(asked)
    assert suggest(bench, f"information_request:{asked.id}") == []


def test_a_late_incident_suggests_new_york(bench: Bench) -> None:
    violation = bench.late_incident()
    assert (violation.regime, violation.provision) == ("ny-raise", "1422")
    assert (violation.occurred_from, violation.occurred_to) == (date(2027, 8, 1), date(2027, 8, 3))
    assert "49 h late" in violation.facts


def test_an_incident_in_time_suggests_nothing(bench: Bench) -> None:
    case = bench.desk.case()
    incident = bench.incident(case, due=bench.now + timedelta(hours=1))
    assert suggest(bench, f"incident:{incident.id}") == []


def test_an_incident_in_no_case_is_tried_again(bench: Bench) -> None:
    incident = bench.desk.incident()
    with pytest.raises(NotFound):
        suggest(bench, f"incident:{incident.id}")


@pytest.mark.parametrize("subject", ["filing:x", "incident:00000000-0000-4000-8000-000000000000"])
def test_what_cannot_be_considered(sqlite_bench: Bench, subject: str) -> None:
    with pytest.raises(NotFound):
        suggest(sqlite_bench, subject)


@pytest.mark.parametrize("state", [ConditionState.BREACHED, ConditionState.IN_FORCE])
def test_only_a_breached_condition_suggests(bench: Bench, state: ConditionState) -> None:
    decision = bench.desk.decided(bench.desk.under_review())
    row = Condition(
        decision_id=decision.id,
        number=1,
        text="Repeat the drill.",
        due_on=date(2027, 6, 1),
        breached_on=date(2027, 6, 4),
        state=state,
    )
    bench.desk.keep(row)
    bench.desk.later(days=9)
    found = suggest(bench, f"condition:{row.id}")
    assert [v.provision for v in found] == (["101(1)(c)"] if state is ConditionState.BREACHED else [])
    if found:
        # From the day of the breach to the day on which it is considered, and never a day to come.
        assert (found[0].occurred_from, found[0].occurred_to) == (date(2027, 6, 4), bench.now.date())
        assert "not kept from 4 Jun 2027" in found[0].facts


def test_considered_at_once_it_is_suggested_once(bench: Bench) -> None:
    bench.world.at(datetime(2027, 7, 9, 10, tzinfo=UTC))
    asked = bench.desk.served(bench.desk.under_review(), due_at=bench.now + timedelta(days=5))
    bench.desk.later(days=6)
    bench.desk.answered(asked)
    found: list[int] = []
    subject = f"information_request:{asked.id}"
    threads = [threading.Thread(target=lambda: found.append(len(suggest(bench, subject)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [0] * 7 + [1]


def test_alleged_on_evidence_with_a_reason(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    assert violation.state is ViolationState.ALLEGED
    assert {e["subject"].partition(":")[0] for e in violation.evidence} == {
        "filing",
        "information_request",
        "entry",
    }
    with bench.world.wired.database.read() as session:
        types = [e.type for e in ledger.entries(session, about=f"violation:{violation.id}")]
    assert types == ["violation.suggested", "violation.alleged"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"facts": " "}, "Say what happened"),
        ({"reason": ""}, "Say why this is alleged"),
        ({"evidence": []}, "at least one piece of evidence"),
        ({"occurred_to": date(2027, 8, 1)}, "ends before it starts"),
        ({"occurred_to": date(2028, 8, 1)}, "in the future"),
    ],
)
def test_an_allegation_is_complete(sqlite_bench: Bench, change: dict[str, Any], words: str) -> None:
    violation = sqlite_bench.late_answer()
    stated = Allegation(
        "It was late.",
        violation.occurred_from,
        violation.occurred_to,
        options(sqlite_bench, violation),
        "Late.",
    )
    with pytest.raises(Denied, match=words):
        sqlite_bench.on(violation, service.allege, replace(stated, **change))


def test_filings_outside_the_case_are_not_visible_to_enforcement(bench: Bench) -> None:
    violation = bench.late_answer()
    elsewhere = bench.desk.filing()
    draft = Filing(
        kind=FilingKind.RISK_REPORT,
        state=FilingState.DRAFT,
        developer_id=bench.desk.developer.organisation_id,
        prepared_by=bench.desk.developer.person_id,
        prepared_at=bench.now,
        saved_at=bench.now,
    )
    bench.desk.keep(draft)
    assert {f"filing:{elsewhere.id}", f"filing:{draft.id}"}.isdisjoint(options(bench, violation))
    for filing in (elsewhere, draft):
        stated = Allegation("Late.", date(2027, 8, 10), date(2027, 8, 28), [f"filing:{filing.id}"], "Late.")
        with pytest.raises(NotFound):
            bench.on(violation, service.allege, stated)
    with bench.world.wired.database.read() as session, pytest.raises(NotFound):
        cases.load(session, bench_case(session, violation), by=bench.officer)


def bench_case(session: Session, violation: AllegedViolation) -> str:
    return service.case_of(session, violation).reference


def test_a_case_closes_to_enforcement_when_its_violation_is_dropped(bench: Bench) -> None:
    violation = bench.on(bench.late_answer(), service.drop, reason="Force majeure, documented.")
    assert violation.state is ViolationState.DROPPED
    with pytest.raises(NotFound):
        options(bench, violation)
    with pytest.raises(Denied, match="dropped"):
        bench.on(violation, service.drop, reason="Again.")


def test_dropped_only_with_a_reason(sqlite_bench: Bench) -> None:
    with pytest.raises(Denied, match="Say why this is not pursued"):
        sqlite_bench.on(sqlite_bench.late_answer(), service.drop, reason="")


def test_violations_do_not_exist_for_others(bench: Bench) -> None:
    violation = bench.late_answer()
    for actor in (bench.desk.officer, bench.desk.decider, bench.desk.developer, bench.desk.evaluator):
        with bench.world.wired.database.read() as session:
            with pytest.raises(NotFound):
                service.load(session, violation.reference, by=actor)
            with pytest.raises(NotFound):
                service.violations(session, by=actor)
            with pytest.raises(NotFound):
                figures.revenue_of(session, violation.developer_id, by=actor)
    with bench.world.wired.database.read() as session, pytest.raises(NotFound):
        service.load(session, "V-1999-001", by=bench.officer)


def test_the_list_shows_what_is_open(bench: Bench) -> None:
    violation = bench.late_answer()
    with bench.world.wired.database.read() as session:
        listed = {row.violation.id: row for row in service.violations(session, by=bench.head)}
    assert listed[violation.id].case.startswith("C-")
    assert listed[violation.id].developer.startswith("Quillmark")


def test_revenue_is_kept_in_minor_units_with_its_document(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    row = bench.revenue(violation, amount=Decimal("1234.56"), sample_of="Example Corp.")
    assert (row.amount_minor, row.currency, row.sample_of) == (123_456, "EUR", "Example Corp.")
    with bench.world.wired.database.read() as session:
        document = figures.document_of(session, row)
        assert document is not None
        assert document.file_name == "accounts.csv"
    yen = bench.revenue(violation, amount=Decimal(500), currency="JPY")
    assert yen.amount_minor == 500


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"entity": ""}, "Name the company"),
        ({"source": " "}, "Name the source"),
        ({"period_end": date(2026, 1, 1)}, "ends before it starts"),
        ({"period_end": date(2027, 7, 8)}, "longer than a fiscal year"),
        ({"period_end": date(2026, 1, 1) + rates.LONGEST_YEAR}, "longer than a fiscal year"),
        ({"amount": Decimal(-1)}, "below zero"),
        ({"amount": Decimal("0.001")}, "too many digits"),
        ({"currency": "XXX"}, "not known"),
        ({"amount": Decimal("1e20")}, "larger than any revenue"),
    ],
)
def test_revenue_is_checked(sqlite_bench: Bench, change: dict[str, Any], words: str) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    with pytest.raises(Denied, match=words):
        sqlite_bench.on(violation, figures.attach_revenue, replace(REVENUE, **change), file=None)


def test_a_program_is_no_evidence_of_revenue(sqlite_bench: Bench) -> None:
    vault = sqlite_bench.world.wired.vault
    document_id = new_id()
    stored = vault.put([b"MZ\x90\x00" * 100], context=documents.document_context(document_id))
    with pytest.raises(Denied, match="not taken here"):
        documents.accept(vault, stored, document_id=document_id, name="accounts.exe", use=figures.ACCOUNTS)


def test_a_year_without_rates_is_said(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    row = sqlite_bench.revenue(
        violation, currency="USD", period_start=date(2031, 1, 1), period_end=date(2031, 12, 31)
    )
    with pytest.raises(Denied, match="reference rates in this installation"):
        figures.rate_of(row, "EUR", figures.AVERAGE, row.period_end)


def test_a_rate_says_its_days_and_source(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    row = sqlite_bench.revenue(violation, **IN_DOLLARS)
    rate = figures.rate_of(row, "EUR", figures.AVERAGE, row.period_end)
    assert rate == rates.average("USD", row.period_start, row.period_end)
    assert "European Central Bank" in rate.source
    assert str(rate.days) in rate.source


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regime": "nowhere"}, "Choose the law"),
        ({"link": "cousin"}, "from the lists"),
        ({"status": "rumoured"}, "from the lists"),
        ({"decision": ""}, "Name the decision"),
        ({"conduct_to": date(2026, 1, 1)}, "ends before it starts"),
        ({"final_on": None}, "became so"),
    ],
)
def test_priors_are_checked(sqlite_bench: Bench, change: dict[str, Any], words: str) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_incident())
    with pytest.raises(Denied, match=words):
        sqlite_bench.on(violation, figures.record_prior, replace(PRIOR, **change))


def test_a_figure_is_corrected_by_attaching_it_again(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    wrong = bench.revenue(violation, amount=Decimal(900_000_000))
    bench.desk.later(minutes=1)
    right = bench.revenue(violation, corrects=True)
    row = bench.drafted(violation)
    assert row.evidence == [str(right.id)]
    assert str(wrong.id) not in row.evidence


def happened(bench: Bench, prior: PriorViolation, what: priors.Changed) -> PriorViolation:
    with bench.world.wired.database.write() as session:
        found = priors.load(session, prior.id, by=bench.officer, for_update=True)
        return priors.change(session, found, what, by=bench.officer, now=bench.now)


def test_a_prior_that_is_set_aside_counts_no_more(bench: Bench) -> None:
    violation = bench.alleged(bench.late_incident())
    prior = bench.prior(violation)
    happened(bench, prior, priors.Changed("set_aside", "Judgment of 3 September."))
    row = bench.drafted(violation, REFERRED)
    assert row.maximum_minor == 100_000_000
    assert [p["status"] for p in row.facts["priors"]] == ["set_aside"]


def test_nothing_is_attached_to_what_was_dropped(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.on(sqlite_bench.late_incident(), service.drop, reason="Not large.")
    with pytest.raises(Denied, match="dropped"):
        sqlite_bench.prior(violation)
