"""A worksheet: computed exactly, changed only as a new version, behind which two different people stand."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.enforcement import checks, pictures, worksheets
from portal.enforcement.choices import Factor
from portal.enforcement.tables import Worksheet
from portal.enforcement.workflow import WorksheetState
from secure_access import ledger
from secure_access.db import select
from secure_access.workflow import Denied, NotFound
from tests.fixtures.enforcement import CHOSEN, IN_DOLLARS, REFERRED, Bench


def test_the_told_amount_to_the_cent(bench: Bench) -> None:
    row = bench.drafted()
    assert (row.total_minor, row.maximum_minor, row.currency) == (375_000_000, 1_500_000_000, "EUR")
    cards = pictures.readings(row)
    assert [card.amount for card in cards] == [
        "EUR 3,750,000.00",
        "EUR 11,250,000.00",
        "EUR 3,726,000.00",
    ]
    assert [card.beside for card in cards] == ["", "7,500,000.00 more", "24,000.00 less"]
    assert pictures.share(row) == "25 % of the legal maximum."
    assert checks.recompute(row).words == "Recomputed now: same cents"


def test_revenue_in_dollars_is_converted_at_the_average_of_its_year(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    bench.revenue(violation, amount=Decimal("540000000.00"), **IN_DOLLARS)
    row = bench.drafted(violation)
    line = next(line for line in row.result["lines"] if line["operation"] == "rate")
    assert "daily rates, 3 Nov 2025 to 30 Oct 2026" in line["citation"]
    assert row.facts["revenue"][0]["rate_basis"] == "average_of_fiscal_year"


def test_without_revenue_nothing_is_computed(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    with pytest.raises(Denied, match="no revenue is on file"):
        bench.drafted(violation)


def test_a_suggestion_gets_no_worksheet(bench: Bench) -> None:
    violation = bench.late_answer()
    with pytest.raises(Denied, match="suggested"):
        bench.drafted(violation)


def test_one_worksheet_a_violation(bench: Bench) -> None:
    row = bench.drafted()
    with bench.world.wired.database.read() as session:
        violation = worksheets.load(session, row.reference, by=bench.officer).violation
    with pytest.raises(Denied, match="has a worksheet already"):
        bench.drafted(violation)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gravity": "extreme"}, "from the office's scale"),
        ({"gravity_reason": " "}, "why the violation has this gravity"),
        ({"fault": "careless"}, "intentional, negligent"),
        ({"factors": (Factor("weather", "It rained."),)}, "no factor “weather”"),
        ({"factors": (Factor("duration", ""),)}, "Say why “Duration"),
        ({"factors": (Factor("duration", "a"), Factor("duration", "b"))}, "listed twice"),
        ({"factors": (Factor("reminder_ignored", "x", Decimal(50)),)}, "Leave its percentage empty"),
        ({"factors": (Factor("other_aggravating", "x"),)}, "between . 0 and . 30"),
        ({"factors": (Factor("other_aggravating", "x", Decimal(31)),)}, "between . 0 and . 30"),
        ({"factors": (Factor("other_aggravating", "x", Decimal(-5)),)}, "between . 0 and . 30"),
        ({"factors": (Factor("other_mitigating", "x", Decimal(-16)),)}, "between . 0 and . 15"),
    ],
)
def test_choices_are_held_to_the_office_scale(
    sqlite_bench: Bench, change: dict[str, Any], words: str
) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    sqlite_bench.revenue(violation)
    with pytest.raises(Denied, match=words):
        sqlite_bench.drafted(violation, replace(CHOSEN, **change))


def test_a_free_factor_counts_as_stated(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    sqlite_bench.revenue(violation)
    factor = Factor("other_mitigating", "It helped the others.", Decimal(-5))
    row = sqlite_bench.drafted(violation, replace(CHOSEN, factors=(factor,)))
    assert row.total_minor == 285_000_000


def test_a_change_is_a_version_and_voids_signatures(bench: Bench) -> None:
    first = bench.prepared()
    second = bench.changed(first, replace(CHOSEN, factors=CHOSEN.factors[:2]))
    assert (second.version, second.state, second.prepared_by) == (2, WorksheetState.DRAFT, None)
    assert bench.desk.fresh(first).state is WorksheetState.SUPERSEDED
    changed = checks.compare(first.result, second.result)
    assert ("Answer complete, unprompted: − 10 %", Decimal(-300_000), None) in [
        (line.label, line.before, line.after) for line in changed
    ]
    with pytest.raises(Denied, match="Version 2 replaced"):
        bench.step(first, worksheets.approve, bench.head)


def test_a_change_says_why_and_changes_something(sqlite_bench: Bench) -> None:
    row = sqlite_bench.drafted()
    with pytest.raises(Denied, match="Say why the worksheet changes"):
        sqlite_bench.step(row, worksheets.change, sqlite_bench.officer, REFERRED, reason="")
    with pytest.raises(Denied, match="Nothing would change"):
        sqlite_bench.changed(row, CHOSEN)


def test_who_prepared_cannot_approve(bench: Bench) -> None:
    row = bench.prepared(by=bench.head)
    with pytest.raises(Denied, match="You prepared this version"):
        bench.step(row, worksheets.approve, bench.head)
    assert bench.step(row, worksheets.approve, bench.other_head).state is WorksheetState.APPROVED


def test_who_changed_an_earlier_version_cannot_approve(bench: Bench) -> None:
    first = bench.drafted()
    second = bench.changed(first, replace(CHOSEN, gravity="high"), by=bench.head)
    third = bench.changed(second, CHOSEN)
    bench.prepared(third)
    with pytest.raises(Denied, match="You changed a version"):
        bench.step(third, worksheets.approve, bench.head)


def test_an_officer_cannot_approve(bench: Bench) -> None:
    row = bench.prepared()
    with pytest.raises(Denied, match="Only a head of enforcement"):
        bench.step(row, worksheets.approve, bench.officer)


def test_an_unprepared_version_cannot_be_approved(bench: Bench) -> None:
    with pytest.raises(Denied, match="draft"):
        bench.step(bench.drafted(), worksheets.approve, bench.head)


def test_revenue_without_a_document_stops_preparation(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    bench.revenue(violation, file=False)
    row = bench.drafted(violation)
    with pytest.raises(Denied, match="a document behind the revenue"):
        bench.prepared(row)


def test_fault_not_stated_stops_preparation(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    bench.revenue(violation)
    row = bench.drafted(violation, replace(CHOSEN, fault=""))
    with pytest.raises(Denied, match="intentional or negligent"):
        bench.prepared(row)


def test_sent_back_with_a_reason_and_prepared_again_only_as_a_new_version(bench: Bench) -> None:
    row = bench.prepared()
    with pytest.raises(Denied, match="Say what has to change"):
        bench.step(row, worksheets.send_back, bench.head, reason=" ")
    back = bench.step(row, worksheets.send_back, bench.head, reason="Count the days again.")
    assert back.sent_back_reason == "Count the days again."
    with pytest.raises(Denied, match="sent back"):
        bench.prepared(row)
    assert bench.changed(back, replace(CHOSEN, gravity="low")).version == 2


def test_facts_that_no_longer_compute_the_same_are_not_approved(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    row = bench.prepared()
    with bench.world.wired.database.write() as session:
        kept = session.get_one(Worksheet, row.id)
        kept.facts = {**kept.facts, "revenue": [{**kept.facts["revenue"][0], "amount": "900000000"}]}
        session.add(kept)
        ledger.append(session, "test.row_made", {"table": "x"}, by=None, now=bench.now, records=(kept,))
    with pytest.raises(Denied, match="another result"):
        bench.step(row, worksheets.approve, bench.head)


def test_a_proposed_value_is_not_approved(bench: Bench) -> None:
    row = bench.prepared()
    with bench.world.wired.database.write() as session:
        kept = session.get_one(Worksheet, row.id)
        lines = [{**line, "status": "proposed"} for line in kept.result["lines"]]
        kept.result = {**kept.result, "lines": lines}
        session.add(kept)
        ledger.append(session, "test.row_made", {"table": "x"}, by=None, now=bench.now, records=(kept,))
    with pytest.raises(Denied, match="proposed value"):
        bench.step(row, worksheets.approve, bench.head)


def test_fifty_parallel_approvals_make_one(bench: Bench) -> None:
    row = bench.prepared()
    done: list[str] = []

    def approve() -> None:
        try:
            bench.step(row, worksheets.approve, bench.head)
            done.append("approved")
        except Denied:
            done.append("refused")

    threads = [threading.Thread(target=approve) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == ["approved"] + ["refused"] * 49
    with bench.world.wired.database.read() as session:
        entries = ledger.entries(session, about=f"worksheet:{row.id}")
    assert [entry.type for entry in entries].count("worksheet.approved") == 1


def test_parallel_changes_make_one_version(bench: Bench) -> None:
    row = bench.drafted()
    done: list[str] = []

    def change(gravity: str) -> None:
        try:
            bench.changed(row, replace(CHOSEN, gravity=gravity))
            done.append("changed")
        except Denied:
            done.append("refused")

    threads = [threading.Thread(target=change, args=(level,)) for level in ("low", "high") * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == ["changed"] + ["refused"] * 9
    with bench.world.wired.database.read() as session:
        rows = session.exec(select(Worksheet).where(Worksheet.reference == row.reference)).all()
    assert sorted(w.version for w in rows) == [1, 2]


def test_the_prior_in_new_york_counts_and_says_why(bench: Bench) -> None:
    row = bench.referred()
    assert (row.total_minor, row.maximum_minor, row.currency) == (150_000_000, 300_000_000, "USD")
    [prior] = pictures.priors(row)
    assert (prior.counted, prior.why) == (
        True,
        "It hit the same company. Final before the conduct; it raises the maximum.",
    )


def test_a_prior_that_is_not_final_does_not_count_and_says_why(bench: Bench) -> None:
    violation = bench.alleged(bench.late_incident())
    bench.prior(violation, status="under_appeal", final_on=None)
    row = bench.drafted(violation, REFERRED)
    [prior] = pictures.priors(row)
    assert (prior.counted, prior.why) == (False, "It is under appeal.")
    assert row.maximum_minor == 100_000_000


def test_the_command_line_computes_the_same(sqlite_bench: Bench, tmp_path: Path) -> None:
    for row in (sqlite_bench.drafted(), sqlite_bench.referred()):
        file = tmp_path / "facts.json"
        file.write_text(json.dumps(row.facts))
        printed = CliRunner().invoke(main, ["law", "penalty", str(file), "--format", "json"])
        assert printed.exit_code == 0, printed.output
        assert json.loads(printed.output)["total"] == row.result["total"]


def test_worksheets_do_not_exist_for_others(bench: Bench) -> None:
    row = bench.drafted()
    for actor in (bench.desk.officer, bench.desk.decider, bench.desk.developer, bench.desk.evaluator):
        with bench.world.wired.database.read() as session, pytest.raises(NotFound):
            worksheets.load(session, row.reference, by=actor)


@pytest.mark.parametrize(("reference", "version"), [("W-1999-001", None), (None, 7)])
def test_what_is_not_there_is_not_found(
    sqlite_bench: Bench, reference: str | None, version: int | None
) -> None:
    row = sqlite_bench.drafted()
    with sqlite_bench.world.wired.database.read() as session, pytest.raises(NotFound):
        worksheets.load(session, reference or row.reference, by=sqlite_bench.head, version=version)
