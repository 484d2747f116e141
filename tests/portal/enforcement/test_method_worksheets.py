"""Every method of the catalogue: adopted by two people, its inputs asked by the form, worked to the cent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.enforcement import inputs, worksheets
from portal.law import methods, penalties
from portal.law.method_inputs import asked
from secure_access.workflow import Denied
from tests.fixtures.app import World
from tests.fixtures.enforcement import TODAY, Bench, make_bench
from tests.portal.enforcement.test_enforcement_pages import SHEET, client, page, post
from tests.portal.enforcement.test_method_pages import HOME, form

ON = TODAY.date()


@dataclass(frozen=True)
class Worked:
    """A method under a law, what is typed, and the amount in minor units, worked by hand."""

    method: str
    regime: str
    total_minor: int
    typed: dict[str, str] = field(default_factory=dict)
    shows: tuple[str, ...] = ()


RESTS = {"inputs_reason": "The accounts and the decision of the board.", "fault": "negligent"}
WORKED = (
    # 20 % of the maximum of EUR 15,000,000 by the office's scale; + 15, + 20 and − 10 % of that.
    Worked("share-of-maximum", "eu-ai-act", 375_000_000, SHEET, ("Why it has this gravity",)),
    # 2,000,000 × 10 % × 2 + 15 % of 2,000,000 = 700,000; + 20 % − 10 % of it = 770,000; settlement − 10 %.
    Worked(
        "ec-2006",
        "eu-ai-act",
        69_300_000,
        {
            **RESTS,
            "input-value_of_sales": "2,000,000",
            "input-gravity_percent": "10 %",
            "input-years": "2",
            "input-entry_fee_percent": "15",
            "input-aggravating-0-label": "refusal",
            "input-aggravating-0-percent": "20",
            "input-mitigating-1-label": "early end",
            "input-mitigating-1-percent": "10",
            "input-settlement_percent": "10",
        },
        (
            "Value of sales (EUR)",
            "0 to 30.",
            "Guidelines on fines, point 21",
            "Needed where basic amount is not stated.",
            "Needed with value of sales.",
        ),
    ),
    # 10 % of 15,000,000 = 1,500,000; turnover of 480,000,000 lies in 250m-500m: 50 % of it; − 20 %.
    Worked(
        "edpb-2023",
        "eu-ai-act",
        60_000_000,
        {
            **RESTS,
            "input-seriousness-band": "low",
            "input-seriousness-percent": "10",
            "input-size-percent": "50",
            "input-adjust_percent": "− 20",
        },
        ("low: 0 to 10 %", "Share (%)", "step 3, aggravating"),
    ),
    # The basic fine of category II, plus a stated amount.
    Worked(
        "nl-2019",
        "eu-ai-act",
        33_000_000,
        {
            **RESTS,
            "input-category": "II",
            "input-amounts-0-label": "repetition",
            "input-amounts-0-amount": "20,000",
        },
        ("II: 120,000 to 500,000 EUR", "Why the next class applies"),
    ),
    # Base and days, and half of it again for two previous violations: (1,000 + 10 × 50) × 1.5.
    Worked(
        "fec-111-43",
        "ny-raise",
        225_000,
        {
            "inputs_reason": "The filing was ten days late.",
            "input-base": "1000",
            "input-per_day": "50",
            "input-days": "10",
            "input-priors": "2",
        },
        ("Amount for each day (USD)", "Days (days)"),
    ),
    # Level 10 is USD 35,000 since 2015; score 5 + 1; the amount is chosen in the range.
    Worked(
        "ussg-ch8",
        "ny-raise",
        5_000_000,
        {
            "inputs_reason": "The level follows from the offense.",
            "input-offense_level": "10",
            "input-culpability-0-code": "start",
            "input-culpability-0-points": "5",
            "input-culpability-0-reason": "Every organisation starts so.",
            "input-culpability-1-code": "e",
            "input-culpability-1-points": "1",
            "input-culpability-1-reason": "A record was kept back.",
            "input-chosen-amount": "50,000",
            "input-chosen-reason": "Within the range.",
        },
        ("Offense level", "start: 5 points", "Amount (USD)"),
    ),
)


@pytest.fixture
def b(make_world: Callable[[str], World], own_sqlite_url: str) -> Bench:
    """A bench of the test's own: what is adopted here would be adopted in every other test."""
    return make_bench(make_world(own_sqlite_url))


def alleged(b: Bench, regime: str) -> str:
    """The address of a violation that a worksheet can be opened for."""
    violation = b.alleged(b.late_answer() if regime == "eu-ai-act" else b.late_incident())
    if regime == "eu-ai-act":
        b.revenue(violation)
    else:
        b.revenue(violation, currency="USD")
    return f"/penalties/violations/{violation.reference}/worksheet"


def adopted(b: Bench, method: str, regime: str) -> None:
    """The officer proposes it, a head of enforcement signs it; both through their pages."""
    at = post(client(b, b.officer), HOME, HOME, form(method=method, regime=regime))
    post(client(b, b.head), at, f"{at}/adopt", {})


@pytest.mark.parametrize("worked", WORKED, ids=lambda one: one.method)
def test_a_method_is_adopted_by_two_and_worked_to_the_cent(b: Bench, worked: Worked, tmp_path: Path) -> None:
    at = alleged(b, worked.regime)
    adopted(b, worked.method, worked.regime)
    officer = client(b, b.officer)
    asks = page(officer, at)
    assert methods.load(worked.method).name in asks
    for words in worked.shows:
        assert words in asks
    sheet = post(officer, at, at, worked.typed)
    shown = page(officer, sheet)
    assert "Adopted by" in shown
    facts = officer.get(f"{sheet}/facts.json").text
    file = tmp_path / "facts.json"
    file.write_text(facts)
    printed = CliRunner().invoke(main, ["law", "penalty", str(file), "--format", "json"])
    assert printed.exit_code == 0, printed.output
    found = json.loads(printed.stdout)
    assert (found["method"], Decimal(found["total"]) * 100) == (worked.method, worked.total_minor)
    with b.world.wired.database.read() as session:
        row = worksheets.load(session, sheet.rpartition("/")[2], by=b.officer).worksheet
    assert row.total_minor == worked.total_minor
    if worked.method == "ec-2006":
        assert "2,000,000 EUR" in shown
        assert "early end, 10 %" in shown
    if "inputs_reason" in worked.typed:
        assert worked.typed["inputs_reason"] in shown
        assert set(row.choices["inputs"]) == set(row.facts["inputs"]) - {"violations"}
    unchanged = {**worked.typed, "change_reason": "None.", "version": "1"}
    assert "Nothing would change" in post(officer, f"{sheet}/change", f"{sheet}/change", unchanged, 422)


def test_every_method_that_is_law_and_has_a_law_in_its_currency_is_worked_here() -> None:
    """A method that is added to the catalogue is worked above, or is known to be out of reach."""
    out_of_reach = {"aaif-proposal", "ico-2024"}  # a proposal; and pounds, in which no law here counts
    assert {one.method for one in WORKED} == {one.id for one in methods.methods()} - out_of_reach


def test_a_method_in_pounds_works_by_itself_and_is_refused_for_a_law_in_euros(b: Bench) -> None:
    b.world.at(TODAY)
    said = post(client(b, b.officer), HOME, HOME, form(method="ico-2024"), 422)
    assert "counts in GBP" in said
    method = methods.load("ico-2024")
    typed = {"input-seriousness-band": "low", "input-seriousness-percent": "10", "input-adjust_percent": "5"}
    facts = {
        "method": method.id,
        "currency": "GBP",
        "on": ON.isoformat(),
        "maximum": {"amount": "1000000"},
        "inputs": inputs.stated(method, ON, typed),
    }
    assert penalties.compute(facts).total == 105_000


@pytest.mark.parametrize("method", methods.methods(), ids=lambda one: one.id)
def test_the_form_asks_each_input_of_a_method_and_nothing_else(method: methods.Method) -> None:
    own = {"violations", "factors"}
    assert {one.name for one in asked(method, ON)} == set(method.inputs) - own
    assert all(one.label and one.parts and one.help for one in asked(method, ON))


def test_what_is_typed_comes_back_as_it_was_and_what_is_empty_is_left_out() -> None:
    for worked in WORKED:
        method = methods.load(worked.method)
        stated = inputs.stated(method, ON, worked.typed)
        assert inputs.stated(method, ON, inputs.typed(stated)) == stated
    assert inputs.stated(methods.load("ec-2006"), ON, {"input-years": " ", "input-nothing": "5"}) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input-gravity_percent": "31"}, "out of bounds"),
        ({"input-gravity_percent": "ten"}, "Write “Gravity” in digits"),
        ({"input-gravity_percent": ""}, "“Gravity”"),
        ({"input-basic_amount": "5"}, "stated beside “Basic amount as stated”"),
        ({"inputs_reason": " "}, "Say what these figures rest on"),
        ({"input-aggravating-0-percent": ""}, "“Aggravating”"),
    ],
)
def test_what_the_method_refuses_is_said_at_the_form_with_what_was_typed(
    b: Bench, change: dict[str, str], words: str
) -> None:
    at = alleged(b, "eu-ai-act")
    adopted(b, "ec-2006", "eu-ai-act")
    typed = {**WORKED[1].typed, **change}
    said = post(client(b, b.officer), at, at, typed, 422)
    assert words in said
    assert "2,000,000" in said
    assert "inputs." not in said


def test_gravity_is_not_taken_by_a_method_without_it_nor_figures_by_one_with_it(b: Bench) -> None:
    row = b.drafted()
    adopted(b, "nl-2019", "eu-ai-act")
    officer, at = client(b, b.officer), f"/penalties/worksheets/{row.reference}/change"
    assert "Gravity, as a share" not in page(officer, at)
    typed = {**SHEET, "version": "1", "change_reason": "The method changed."}
    assert "State what Dutch Fine Policy Rules 2019 asks" in post(officer, at, at, typed, 422)
    with pytest.raises(Denied, match="takes no gravity and no factors"):
        b.changed(row, worksheets.Choices.from_json(row.choices))
    post(officer, at, at, {**typed, "input-category": "I", "inputs_reason": "The category of the duty."})
    assert "EUR 100,000.00" in page(officer, f"/penalties/worksheets/{row.reference}")


def test_an_earlier_penalty_gets_its_percentage_where_the_method_asks_one(b: Bench) -> None:
    violation = b.alleged(b.late_answer())
    b.revenue(violation)
    b.prior(violation, regime="eu-ai-act", decision="Decision 7")
    adopted(b, "ec-2006", "eu-ai-act")
    officer, at = client(b, b.officer), f"/penalties/violations/{violation.reference}/worksheet"
    assert "Uplift for Decision 7 (%)" in page(officer, at)
    typed = {**RESTS, "input-basic_amount": "100,000"}
    assert "uplift_percent" in post(officer, at, at, typed, 422)
    sheet = post(officer, at, at, {**typed, "uplift-Decision 7": "50"})
    shown = page(officer, sheet)
    assert "EUR 150,000.00" in shown
    assert "Uplift for Decision 7" in shown


def test_a_range_without_a_chosen_amount_is_refused_in_words(b: Bench) -> None:
    at = alleged(b, "ny-raise")
    adopted(b, "ussg-ch8", "ny-raise")
    typed = {key: text for key, text in WORKED[-1].typed.items() if "chosen" not in key}
    assert "There is no amount" in post(client(b, b.officer), at, at, typed, 422)
