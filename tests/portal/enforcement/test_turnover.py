"""Which revenue counts: companies, currencies, odd years, restated, provisional, sources that disagree."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.enforcement import figures, outdated, pictures, rates, turnover, worksheets
from portal.enforcement.tables import RevenueChoice, RevenueEvidence
from portal.law import statute
from secure_access import ledger
from secure_access.workflow import Denied
from tests.fixtures.enforcement import CHOSEN, IN_DOLLARS, Bench
from tests.portal.enforcement.test_enforcement_pages import REVENUE, client, page, post

MADE = datetime(2027, 9, 1, tzinfo=UTC)
SCALED = statute.load("eu-ai-act").text + (
    '\n[[value]]\nkey = "penalty.period"\nfrom = 2026-08-02\nvalue = "scaled to 12 months"\nunit = "text"\n'
    'citation = "Practice note 5"\nsource = "made up"\nverified = true\n'
)
AT_END = statute.load("eu-ai-act").text.replace('"average_of_fiscal_year"', '"period_end"')
ON_DATE = statute.load("eu-ai-act").text.replace('"average_of_fiscal_year"', '"on_date"')


def figure(order: int, **values: Any) -> RevenueEvidence:
    plain: dict[str, Any] = {
        "developer_id": uuid.uuid4(),
        "entity": "Quillmark Systems, Inc.",
        "period_start": date(2026, 1, 1),
        "period_end": date(2026, 12, 31),
        "amount_minor": 100,
        "currency": "EUR",
        "source": "Accounts",
        "attached_by": uuid.uuid4(),
        "attached_at": MADE + timedelta(minutes=order),
    }
    return RevenueEvidence(**{**plain, **values})


def counted(*rows: RevenueEvidence, choices: tuple[RevenueChoice, ...] = ()) -> turnover.Turnover:
    return turnover.of(rows, choices, "Quillmark Systems Inc")


def test_a_consolidated_figure_holds_what_it_controls() -> None:
    whole, own, other = figure(0), figure(1, consolidated=False), figure(2, consolidated=False, entity="Sub")
    found = counted(whole, own, other)
    assert [(name, row) for name, row in found.counted] == [("undertaking", whole), ("provider", own)]
    assert found.lost == {other.id: turnover.WITHIN}
    assert found.added == ()


def test_without_one_the_companies_add_up_each_once() -> None:
    rows = (
        figure(0, consolidated=False),
        figure(1, consolidated=False, entity="quillmark systems inc"),
        figure(2, consolidated=False, entity="Sub", currency="USD"),
    )
    found = counted(*rows)
    assert [name for name, _ in found.counted] == ["quillmark systems inc", "Sub"]
    assert found.added == rows[1:]
    assert found.lost == {rows[0].id: turnover.SAME}


def test_one_company_alone_is_the_provider() -> None:
    row = figure(0, consolidated=False, entity="Trading name")
    assert counted(row).counted == (("provider", row),)


@pytest.mark.parametrize(
    ("first", "then", "why"),
    [
        ({}, {"restated": True, "amount_minor": 90}, turnover.RESTATED),
        ({}, {"corrects": True, "amount_minor": 90}, turnover.CORRECTED),
        ({"provisional": True}, {"amount_minor": 90}, turnover.TRUE_UP),
        ({"provisional": True}, {}, turnover.TRUE_UP),
        ({}, {"source": "Register"}, turnover.SAME),
    ],
)
def test_a_later_figure_replaces_and_the_earlier_says_why(
    first: dict[str, Any], then: dict[str, Any], why: str
) -> None:
    old, new = figure(0, **first), figure(1, **then)
    found = counted(old, new)
    assert (found.counted, found.lost, found.disagree) == ((("undertaking", new),), {old.id: why}, ())


def test_an_audited_figure_is_not_replaced_by_a_provisional_one() -> None:
    audited, provisional = figure(0), figure(1, provisional=True, amount_minor=90)
    found = counted(audited, provisional)
    assert (found.counted, found.lost) == ((("undertaking", audited),), {provisional.id: turnover.UNAUDITED})


def test_two_sources_disagree_until_one_is_chosen_and_a_third_opens_it_again() -> None:
    one, two, three = figure(0), figure(1, amount_minor=90), figure(2, amount_minor=80)
    assert [f.standing for f in counted(one, two).disagree] == [(one, two)]
    choice = RevenueChoice(
        developer_id=one.developer_id,
        chosen_id=one.id,
        over=[str(two.id)],
        reason="Audited.",
        chosen_by=uuid.uuid4(),
        chosen_at=MADE,
    )
    found = counted(one, two, choices=(choice,))
    assert (found.disagree, found.counted) == ((), (("undertaking", one),))
    assert found.lost == {two.id: turnover.CHOSEN}
    assert len(counted(one, two, three, choices=(choice,)).disagree) == 1


AMOUNTS = st.integers(min_value=1, max_value=3)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "entity": st.sampled_from(["Quillmark Systems, Inc.", "Sub", "Other"]),
            "consolidated": st.booleans(),
            "period_end": st.sampled_from([date(2025, 12, 31), date(2026, 12, 31)]),
            "amount_minor": AMOUNTS,
            "restated": st.booleans(),
            "corrects": st.booleans(),
            "provisional": st.booleans(),
        }
    ),
    max_size=7,
)


@given(ROWS)
def test_no_company_and_year_counts_twice_and_every_row_is_accounted_for(
    stated: list[dict[str, Any]],
) -> None:
    rows = [figure(n, **values) for n, values in enumerate(stated)]
    found = counted(*rows)
    used = [(name, row.period_end) for name, row in found.counted]
    assert len(set(used)) == len(used)
    assert not {row.id for _, row in found.counted} & set(found.lost)
    open_ones = {row.id for f in found.disagree for row in f.standing}
    assert {row.id for _, row in found.counted} | set(found.lost) | open_ones == {row.id for row in rows}
    if any(row.consolidated for row in rows):
        assert {name for name, _ in found.counted} <= {"undertaking", "provider"}


def test_companies_in_two_currencies_make_one_turnover(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    bench.revenue(violation, consolidated=False, entity="Quillmark France", amount=Decimal(300_000_000))
    bench.desk.later(minutes=1)
    bench.revenue(
        violation, consolidated=False, entity="Quillmark US", amount=Decimal(600_000_000), **IN_DOLLARS
    )
    row = bench.drafted(violation)
    assert [stated["entity"] for stated in row.facts["revenue"]] == ["Quillmark France", "Quillmark US"]
    [total] = [line for line in row.result["lines"] if line["label"] == "Turnover in all"]
    dollars = next(line for line in row.result["lines"] if line["label"] == "Turnover in EUR")
    assert Decimal(total["amount"]) == Decimal(300_000_000) + Decimal(dollars["amount"])


def test_a_restated_figure_makes_the_worksheet_stale(bench: Bench) -> None:
    row = bench.drafted()
    with bench.world.wired.database.read() as session:
        violation = worksheets.load(session, row.reference, by=bench.officer).violation
    bench.desk.later(minutes=1)
    new = bench.revenue(violation, restated=True, amount=Decimal(900_000_000))
    with bench.world.wired.database.read() as session:
        found = worksheets.load(session, row.reference, by=bench.officer)
    assert [one.mark for one in found.stale] == ["Restated"]
    again = bench.step(row, worksheets.again, bench.officer)
    assert (again.evidence, again.maximum_minor) == ([str(new.id)], 2_700_000_000)


def test_a_provisional_figure_is_marked_and_trued_up(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    bench.revenue(violation, provisional=True)
    row = bench.prepared(bench.drafted(violation))
    assert "not audited, provisional" in row.facts["revenue"][0]["source"]
    assert any("is provisional: not audited" in words for words in pictures.uncertain(row))
    bench.desk.later(minutes=1)  # of two at one moment either may stand last
    bench.revenue(violation, amount=Decimal("490000000.00"))
    with bench.world.wired.database.read() as session:
        listed = {kept.reference: stale for kept, stale in outdated.listed(session, by=bench.officer)}
    assert [one.mark for one in listed[row.reference]] == ["To be trued up"]
    with pytest.raises(Denied, match="to be trued up"):
        bench.step(row, worksheets.approve, bench.head)
    again = bench.step(row, worksheets.again, bench.officer)
    assert pictures.provisional(again) == []
    assert again.change_reason.endswith("the audited figure is on file, to be trued up")


def test_sources_that_disagree_are_a_gap_until_one_is_chosen(bench: Bench) -> None:
    violation = bench.alleged(bench.late_answer())
    first = bench.revenue(violation)
    second = bench.revenue(violation, amount=Decimal(470_000_000), source="Register extract")
    row = bench.drafted(violation)
    with pytest.raises(Denied, match="a choice between sources that disagree"):
        bench.prepared(row)
    with pytest.raises(Denied, match="Say why this source"):
        bench.on(violation, figures.choose, first.id, reason=" ")
    with pytest.raises(Denied, match="one of the sources that disagree"):
        bench.on(violation, figures.choose, uuid.uuid4(), reason="x")
    choice = bench.on(violation, figures.choose, first.id, reason="It is audited.")
    assert choice.over == [str(second.id)]
    with bench.world.wired.database.read() as session:
        found = worksheets.load(session, row.reference, by=bench.officer)
        types = [e.type for e in ledger.entries(session, about=f"violation:{violation.id}")]
    assert [one.mark for one in found.stale] == ["Other source"]
    assert types[-1] == "revenue.chosen"
    again = bench.step(row, worksheets.again, bench.officer)
    assert again.evidence == [str(first.id)]
    bench.desk.later(minutes=1)
    bench.on(violation, figures.choose, second.id, reason="The accounts were withdrawn.")
    assert bench.step(again, worksheets.again, bench.officer).evidence == [str(second.id)]
    bench.desk.later(minutes=1)
    bench.on(violation, figures.choose, first.id, reason="They were not.")
    with bench.world.wired.database.read() as session:
        latest = worksheets.load(session, row.reference, by=bench.officer).worksheet
    again = bench.step(latest, worksheets.again, bench.officer)
    assert bench.prepared(again).prepared_by == bench.officer.person_id


@pytest.mark.parametrize(
    ("text", "basis", "words"),
    [
        (None, "average_of_fiscal_year", "daily rates, 3 Nov 2025 to 30 Oct 2026"),
        (AT_END, "period_end", "reference rate, USD per EUR: 30 Oct 2026"),
    ],
)
def test_the_rate_is_that_of_the_pack(sqlite_bench: Bench, text: str | None, basis: str, words: str) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    sqlite_bench.revenue(violation, **IN_DOLLARS)
    packs = [statute.parse(text, "changed")] if text else []
    with statute.using(*packs):
        row = sqlite_bench.drafted(violation)
    [stated] = row.facts["revenue"]
    assert stated["rate_basis"] == basis
    assert words in stated["rate_source"]
    assert not any("rate_basis" in warning for warning in row.result["warnings"])


def test_a_rate_on_the_day_of_decision_needs_rates_of_that_day(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    row = sqlite_bench.revenue(violation, currency="USD")
    with statute.using(statute.parse(ON_DATE, "changed")):
        assert figures.basis_of("eu-ai-act", violation.occurred_to) == "on_date"
        rate = figures.rate_of(row, "EUR", "on_date", date(2026, 3, 1))  # a Sunday
        assert (rate.last, rate.days) == (date(2026, 2, 27), 1)
        with pytest.raises(Denied, match="reference rates in this installation run"):
            sqlite_bench.drafted(violation)


def test_no_rate_leads_to_another_currency_than_the_euro(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    row = sqlite_bench.revenue(violation, currency="GBP")
    with pytest.raises(Denied, match="they are all for the euro"):
        figures.rate_of(row, "USD", figures.AVERAGE, row.period_end)
    assert figures.basis_of("ny-raise", violation.occurred_to) == figures.PERIOD_END


def test_an_odd_year_is_scaled_where_the_law_says_so(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    sqlite_bench.revenue(violation, period_start=date(2026, 7, 1), amount=Decimal(600_000_000))
    with statute.using(statute.parse(SCALED, "scaled")):
        row = sqlite_bench.drafted(violation)
    [line] = [line for line in row.result["lines"] if line["operation"] == "scale"]
    assert (line["amount"], line["how"]) == ("1200000000", "600,000,000.00 × 12 ÷ 6 months")
    again = sqlite_bench.changed(row, CHOSEN)
    assert any("states no scaling to a year" in words for words in pictures.uncertain(again))


@pytest.mark.parametrize(
    ("currency", "day", "words"),
    [
        ("USD", date(1998, 1, 1), "run from 4 Jan 1999"),
        ("USD", date(2099, 1, 1), "run from"),
        ("RUB", date(2024, 1, 1), "RUB has no reference rate on 1 Jan 2024"),
        ("EUR", date(2024, 1, 1), "needs no rate"),
    ],
)
def test_a_day_without_a_rate_is_refused(currency: str, day: date, words: str) -> None:
    with pytest.raises(rates.NoRate, match=words):
        rates.at(currency, day)


def test_the_page_shows_both_sources_and_takes_a_choice(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    officer = client(sqlite_bench, sqlite_bench.officer)
    at = f"/penalties/violations/{violation.reference}"
    post(officer, f"{at}/figures", f"{at}/revenue", {**REVENUE, "provisional": "yes"})
    text = page(officer, f"{at}/figures")
    assert "Provisional, not audited" in text
    assert "mean of 254 daily rates" in text
    assert "Sources that disagree" not in text
    post(officer, f"{at}/figures", f"{at}/revenue", {**REVENUE, "amount": "500,000,000.00"})
    post(
        officer,
        f"{at}/figures",
        f"{at}/revenue",
        {**REVENUE, "amount": "505,000,000.00", "source": "Register"},
    )
    text = page(officer, f"{at}/figures")
    assert "Sources that disagree" in text
    assert "Replaced by the audited figure" in text
    typed = {"why-1": "It is the later one.", "chosen-1": "nonsense"}
    text = post(officer, f"{at}/figures", f"{at}/sources", typed, 422)
    assert "It is the later one." in text
    chosen = text.rpartition('name="chosen-1"')[2].partition('value="')[2].partition('"')[0]
    post(officer, f"{at}/figures", f"{at}/sources", {**typed, "chosen-1": chosen})
    text = page(officer, f"{at}/figures")
    assert "It is the later one." in text
    assert "Not relied on: another source was chosen" in text
    assert "Sources that disagree" not in text
    assert "Choose one of the sources" in post(
        officer, f"{at}/figures", f"{at}/sources", {"why-1": "Once more.", "chosen-1": chosen}, 422
    )


def test_the_page_says_what_adds_up(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    sqlite_bench.revenue(violation, consolidated=False, entity="Quillmark France")
    sqlite_bench.revenue(violation, consolidated=False, entity="Quillmark US", currency="USD")
    text = page(
        client(sqlite_bench, sqlite_bench.officer), f"/penalties/violations/{violation.reference}/figures"
    )
    assert "Quillmark France and Quillmark US add up" in text
    assert "Added to the turnover" in text
