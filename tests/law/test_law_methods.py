"""Methods as data: strict form, dated tables, a new regime and method from TOML alone, adoption."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner

from portal.law import cli, methods, penalties, statute
from portal.law.facts import FactError, LawError
from portal.law.methods import Adoption, UnknownMethod
from portal.law.packs import PackError
from portal.law.penalties import NoAmount
from portal.law.penalty_facts import NotBuilt
from portal.law.penalty_priors import months_before
from portal.law.statute import NotInForce, UnknownVersion

METHOD = """
id = "harbour-2030"
name = "Harbour dues"
status = "enacted"
from = 2030-01-01
citation = "Harbour Act s. 4"
source = "made up"
inputs = ["tons", "berth", "pilots", "days", "daily", "weight"]
maximum = ["amount", "formula"]

[[table]]
key = "berth"
from = 2030-01-01
unit = "EUR"
citation = "schedule 1"
source = "made up"
verified = true
rows = [ { name = "quay", amount = "100", low = "50", high = "900" }, { name = "roads" } ]

[[table]]
key = "weight"
from = 2030-01-01
unit = "EUR"
edges = "upper"
citation = "schedule 2"
source = "made up"
verified = true
rows = [
  { name = "light", up_to = "1000", low = "1", high = "50" },
  { name = "heavy", over = "1000", low = "60", high = "100" },
]

[[step]]
do = "maximum"

[[step]]
do = "lookup"
label = "Berth"
input = "berth"
table = "berth"
needed = true

[[step]]
do = "per_day"
label = "Days at berth"
input = "daily"
days = "days"

[[step]]
do = "multiply"
label = "Tons"
input = "tons"
as = "share"

[[step]]
do = "size"
label = "Weight of the owner"
input = "weight"
table = "weight"
citation = "s. 5"

[[step]]
do = "cap"
label = "Dues ceiling"

[[step]]
do = "round"
label = "To the ten"
input = "pilots"
direction = "nearest"
"""
PACK = """
id = "harbour"
name = "Harbour Act"
short = "Harbour Act"
status = "enacted"
zone = "UTC"
from = 2030-01-01
citation = "Harbour Act"
source = "made up"
[authorities]
receives = "a"
assesses = "a"
decides = "a"
penalises = "the harbour master"
hears_appeals = "a"
[labels]
developer = "d"
large = "l"
model = "m"
penalty = "due"
breach = "b"
document = "referral"
"""
VALUE = """
[[value]]
key = "{key}"
from = {start}
value = {value}
unit = "{unit}"
citation = "Harbour Act s. 4"
source = "made up"
verified = true
"""


def pack(*values: tuple[str, str, str], extra: str = "", start: str = "2031-01-01") -> statute.Pack:
    text = PACK + "".join(
        VALUE.format(key=key, value=value, unit=unit, start=start) for key, value, unit in values
    )
    return statute.parse(text + extra, "harbour.toml")


DECISION = ("penalty.maximum_per", '"decision"', "text")
EACH = ("penalty.maximum_per", '"violation"', "text")


def test_a_new_regime_with_a_new_method_needs_no_python() -> None:
    harbour = pack(
        DECISION,
        ("penalty.percent", '"10"', "percent"),
        ("penalty.fixed", '"2000"', "EUR"),
        ("penalty.take", '"lower"', "text"),
        ("penalty.period", '"scaled to 12 months"', "text"),
        ("penalty.method", '"harbour-2030"', "text"),
    )
    facts = {
        "regime": "harbour",
        "on": "2031-02-01",
        "currency": "EUR",
        "revenue": [
            {"entity": "A", "amount": "1000", "period_start": "2030-01-01", "period_end": "2030-06-30"}
        ],
        "inputs": {
            "berth": "quay",
            "daily": "20",
            "days": 15,
            "tons": "90",
            "weight": {"percent": "60"},
            "pilots": "10",
            "violations": [{"provision": "4", "occurred_on": "2031-02-01"}],
        },
    }
    with statute.using(harbour), methods.using(methods.parse(METHOD, "harbour.toml")):
        result = penalties.compute(facts)
        # 1000 in six months is 2000 in twelve: heavy, and a tenth of it is 200, the lower
        assert result.maximum == 200
        # (100 + 15 x 20) x 90 % x 60 % = 216, held to 200, to the nearest ten
        assert result.total == 200
        assert result.outside_range is False
        assert result.penalised_by == "the harbour master"
        assert [line.label for line in result.lines if line.operation == "scale"] == [
            "Turnover scaled to twelve months"
        ]
        assert result.lines[-1].label == "Due as calculated"
    with pytest.raises(LawError, match="regime: regime 'harbour' is not known"):
        penalties.compute(facts)


def test_a_share_alone_without_a_period_rule() -> None:
    harbour = pack(DECISION, ("penalty.percent", '"10"', "percent"))
    facts: dict[str, Any] = {
        "regime": "harbour",
        "on": "2031-02-01",
        "currency": "EUR",
        "revenue": [
            {"entity": "A", "amount": "1000", "period_start": "2030-01-10", "period_end": "2030-06-30"}
        ],
        "inputs": {"violations": [{"provision": "4", "severity_percent": "50"}]},
    }
    with statute.using(harbour):
        result = penalties.compute(facts)
        assert result.maximum == 100
        assert result.total == 50
        assert any("172 days; the law states no scaling" in warning for warning in result.warnings)
        with pytest.raises(FactError, match=r"revenue: the maximum is 10 % of turnover"):
            penalties.compute({**facts, "revenue": []})
    scaled = pack(
        DECISION,
        ("penalty.percent", '"10"', "percent"),
        ("penalty.period", '"scaled to 12 months"', "text"),
        ("penalty.rate_basis", '"period_end"', "text"),
    )
    odd = {**facts["revenue"][0], "currency": "USD", "rate": "1", "rate_basis": "on_date"}
    odd["rate_quote"] = "revenue currency per penalty currency"
    with statute.using(scaled):
        result = penalties.compute({**facts, "revenue": [odd]})
    assert result.maximum == Decimal("212.21")  # 1000 x 365 / 172 = 2122.09
    assert any("asks for period_end" in warning for warning in result.warnings)


def test_a_daily_amount_that_changes_is_split_and_may_follow_the_assessment() -> None:
    provision = (
        '\n[[provision]]\ncode = "9"\nlabel = "Late"\ncitation = "s. 9"\nper_day = "penalty.per_day"\n'
    )
    first = VALUE.format(key="penalty.per_day", value='"100"', unit="USD", start="2031-01-01").replace(
        "2031-01-01", "2031-01-01\nto = 2031-12-31"
    )
    later = VALUE.format(key="penalty.per_day", value='"110"', unit="USD", start="2032-01-01")
    facts: dict[str, Any] = {
        "regime": "harbour",
        "on": "2032-01-05",
        "assessed_on": "2032-03-01",
        "currency": "USD",
        "inputs": {"violations": [{"provision": "9", "start": "2030-12-30", "end": "2032-01-02"}]},
    }
    with statute.using(pack(EACH, extra=first + later + provision)):
        result = penalties.compute(facts)
    assert result.total == result.maximum == 365 * 100 + 2 * 110
    by_assessment = pack(
        EACH, ("penalty.amounts_by", '"assessed_on"', "text"), extra=first + later + provision
    )
    with statute.using(by_assessment):
        assert penalties.compute(facts).total == 367 * 110
    assert [(line.label, line.operand) for line in result.lines if line.operation == "split"] == [
        ("Under the duty, before the power to penalise, 9", "2"),
        ("Conduct that counts, 9", "367"),
    ]


def test_conduct_is_split_at_the_duty_and_at_the_power() -> None:
    facts = {
        "regime": "eu-ai-act",
        "on": "2026-09-01",
        "currency": "EUR",
        "revenue": [{"entity": "undertaking", "amount": "1000"}],
        "inputs": {
            "violations": [
                {
                    "provision": "101(1)(a)",
                    "severity_percent": "10",
                    "start": "2025-08-01",
                    "end": "2026-08-10",
                }
            ],
            "factors": [{"code": "duration", "reason": "nine days under the power"}],
        },
    }
    result = penalties.compute(facts)
    assert [(line.label, line.how) for line in result.lines if line.operation == "split"] == [
        ("Before the duty began, 101(1)(a)", "1 Aug 2025 to 1 Aug 2025, 1 day"),
        ("Under the duty, before the power to penalise, 101(1)(a)", "2 Aug 2025 to 1 Aug 2026, 365 days"),
        ("Conduct that counts, 101(1)(a)", "2 Aug 2026 to 10 Aug 2026, 9 days"),
    ]
    assert any(line.label.startswith("Duration, 9 days") for line in result.lines)
    facts["inputs"]["violations"][0]["end"] = "2026-08-02"  # type: ignore[index]
    single = penalties.compute(facts)
    assert [line.label for line in single.lines if line.label.startswith("Duration")] == [
        "Duration, 1 day: + 5 %"
    ]
    assert result.total == 1_650_000  # 10 % for nine days, not 40 % for a year
    assert result.words["penalty"] == "fine"
    assert result.words["breach"] == "infringement"


WINDOW = (
    EACH,
    ("penalty.cap", '"100"', "USD"),
    ("penalty.cap_later", '"300"', "USD"),
    ("penalty.look_back", "24", "months"),
    ("penalty.prior_links", '["same", "predecessor"]', "list"),
    ("penalty.prior_statuses", '["final", "settled_no_admission"]', "list"),
    ("penalty.prior_regimes", '["harbour", "ca-tfaia"]', "list"),
)
SUBSEQUENT = """
[[reading]]
key = "penalty.subsequent"
question = "q"
citation = "c"
adopted = "after a final penalty"
by = "b"
on = 2031-01-01
why = "w"
[[reading.option]]
name = "after a final penalty"
label = "l"
why = "w"
"""
FINAL = {"id": "P", "regime": "harbour", "status": "final", "final_on": "2030-02-28", "link": "same"}


def held_against(prior: dict[str, str]) -> penalties.Result:
    """One violation on 28 February 2032 under a pack that says which priors count, with one prior."""
    with statute.using(pack(*WINDOW, extra=SUBSEQUENT)):
        return penalties.compute(
            {
                "regime": "harbour",
                "on": "2032-02-28",
                "currency": "USD",
                "priors": [prior],
                "inputs": {"violations": [{"provision": "1", "severity_percent": "100"}]},
            }
        )


@pytest.mark.parametrize(
    "prior",
    [{}, {"link": "predecessor", "regime": "ca-tfaia"}, {"status": "settled_no_admission"}],
)
def test_a_prior_counts_within_the_window_links_and_kinds_of_a_pack(prior: dict[str, str]) -> None:
    assert held_against(FINAL | prior).total == 300


@pytest.mark.parametrize(
    ("prior", "why"),
    [
        ({"final_on": "2030-02-27"}, "more than 24 months before"),
        ({"link": "parent"}, "it hit a parent, which does not count here"),
        ({"status": "reduced"}, "it was reduced"),
        ({"regime": "Elsewhere"}, "it was under Elsewhere"),
        ({"final_on": "2032-02-28"}, "it became final after the conduct"),
    ],
)
def test_a_prior_outside_them_does_not_and_the_result_says_why(prior: dict[str, str], why: str) -> None:
    result = held_against(FINAL | prior)
    assert (result.total, result.counted) == (100, ())
    assert any(why in warning for warning in result.warnings)


def test_a_prior_without_the_day_it_became_final() -> None:
    with pytest.raises(FactError, match=r"priors\[0\]\.final_on"):
        held_against(FINAL | {"final_on": ""})
    result = held_against({"id": "P", "regime": "harbour", "status": "settled_no_admission"})
    assert any("the day it became final is not stated" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (("penalty.look_back", '"some"', "text"), "look_back is neither months nor none"),
        (("penalty.prior_links", '"same"', "text"), "prior_links is not a list"),
    ],
)
def test_a_rule_of_priors_that_is_no_rule(value: tuple[str, str, str], message: str) -> None:
    values = (EACH, ("penalty.cap", '"1"', "USD"), ("penalty.cap_later", '"2"', "USD"), value)
    facts = {
        "regime": "harbour",
        "on": "2032-02-28",
        "currency": "USD",
        "inputs": {"violations": [{"provision": "1", "severity_percent": "100"}]},
    }
    with statute.using(pack(*values)), pytest.raises(PackError, match=message):
        penalties.compute(facts)


EU_EDPB: dict[str, Any] = {
    "regime": "eu-ai-act",
    "method": "edpb-2023",
    "on": "2027-09-01",
    "currency": "EUR",
    "revenue": [{"entity": "undertaking", "amount": "1000000000"}],
    "inputs": {
        "seriousness": {"band": "low", "percent": "10"},
        "violations": [{"provision": "101(1)(a)", "fault": "negligent"}],
    },
}


def adoption(since: date, method: str = "edpb-2023") -> Adoption:
    return Adoption("eu-ai-act-101", method, since, "T. Reyl", "ledger entry 12", "One method for both laws.")


def test_a_method_is_adopted_for_a_regime_by_a_dated_choice() -> None:
    result = penalties.compute(EU_EDPB)
    assert result.total == 3_000_000
    assert result.warnings[0] == "Method edpb-2023 is not adopted for eu-ai-act; share-of-maximum is."
    unnamed = {key: value for key, value in EU_EDPB.items() if key != "method"}
    choices = (adoption(date(2027, 1, 1)), adoption(date(2027, 10, 1), "nl-2019"))
    adopted = penalties.compute(unnamed, adoptions=choices)
    assert adopted.method == "edpb-2023"
    assert adopted.total == 3_000_000
    assert "adopted method" in {line.status for line in adopted.lines}
    assert not any("is not adopted" in warning for warning in adopted.warnings)
    with pytest.raises(FactError, match=r"inputs\.seriousness: unknown key"):
        penalties.compute(unnamed, adoptions=(adoption(date(2028, 1, 1)),))


def test_the_office_method_says_so_until_it_is_adopted() -> None:
    facts = {
        "regime": "eu-ai-act",
        "on": "2027-09-01",
        "currency": "EUR",
        "revenue": [{"entity": "undertaking", "amount": "1"}],
        "inputs": {"violations": [{"provision": "101(1)(a)", "severity_percent": "1"}]},
    }
    assert penalties.compute(facts).lines[-1].status == "office method"
    chosen = (adoption(date(2027, 1, 1), "share-of-maximum"),)
    assert penalties.compute(facts, adoptions=chosen).lines[-1].status == "adopted method"


def test_a_range_without_a_choice_has_no_amount() -> None:
    facts: dict[str, Any] = {
        "method": "ussg-ch8",
        "currency": "USD",
        "inputs": {"base_fine": "100", "culpability_score": 5},
        "present_in": {
            "currency": "EUR",
            "rate": "1",
            "rate_quote": "presented currency per penalty currency",
        },
    }
    result = penalties.compute(facts)
    assert result.amount is None
    assert result.converted is None
    for missing in ("maximum", "total"):
        with pytest.raises(NoAmount, match="State what the warnings name"):
            getattr(result, missing)
    text = CliRunner().invoke(cli.law, ["penalty", "-"], input=json.dumps(facts)).stdout
    assert "Range USD 100.00 to USD 200.00" in text
    assert "Legal maximum not stated" in text
    assert "Penalty not chosen" in text


def test_the_illustration_is_marked_on_every_line() -> None:
    facts = {
        "regime": "aaif-proposal",
        "on": "2027-10-01",
        "currency": "USD",
        "revenue": [{"entity": "undertaking", "amount": "100"}],
        "inputs": {"violations": [{"provision": "x", "severity": "low"}]},
    }
    result = penalties.compute(facts)
    assert {line.status for line in result.lines} == {"proposed"}
    assert result.illustration
    assert not penalties.compute(EU_EDPB).illustration
    text = CliRunner().invoke(cli.law, ["penalty", "-"], input=json.dumps(facts)).stdout
    assert "an illustration, never served" in text
    assert "is not verified in a source" in text


WRONG = [
    ("id =", "id", "h.toml: "),
    ('status = "enacted"', 'status = "rumoured"', "status 'rumoured' is not one of"),
    ('do = "cap"', 'do = "guess"', "h.toml: step[5]: do 'guess' is not a known step"),
    ('do = "cap"', 'do = "cap"\nextra = 1', "h.toml: step[5]: unknown key 'extra'"),
    ('edges = "upper"', 'edges = "sharp"', "edges 'sharp' is not one of"),
    ('amount = "100"', 'amount = "much"', "h.toml: table[0] rows[0].amount: 'much' is not a number"),
    ('amount = "100"', 'cost = "100"', "rows[0]: unknown key 'cost'"),
    ('"weight"]', '"weight", "idle"]', "input 'idle' is listed but used by no step"),
    ('"weight"]', "]", "input 'weight' is named by a step but not listed"),
    ('table = "weight"', 'table = "mass"', "table 'mass' is named by a step but not listed"),
    ('as = "share"', 'as = "share"\nlow = "x"', "step[3].low: 'x' is not a number"),
    ('do = "maximum"', 'do = "discount"\ninputs = []\nreading = "r"', "reading 'r' is not in the method"),
    (
        'do = "maximum"',
        'do = "greatest"\ncandidate = [{ input = "tons" }]',
        "step[0] candidate[0]: label is missing",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_a_wrong_method_names_file_and_path(old: str, new: str, message: str) -> None:
    assert old in METHOD
    with pytest.raises(PackError) as caught:
        methods.parse(METHOD.replace(old, new, 1), "h.toml")
    assert message in str(caught.value)


def test_a_method_that_is_not_there() -> None:
    with pytest.raises(UnknownMethod, match=r"Use one of: edpb-2023, .*aaif-proposal"):
        methods.load("guess")
    wanted = ["edpb-2023", "ico-2024", "ec-2006", "ussg-ch8", "nl-2019", "fec-111-43"]
    assert [method.id for method in methods.methods()] == [*wanted, "share-of-maximum", "aaif-proposal"]


def test_a_table_is_chosen_by_date() -> None:
    table = methods.load("ussg-ch8").table
    assert table("fine", date(2015, 10, 31)).at(38).amount == 72_500_000
    assert table("fine", date(2015, 11, 1)).at(38).amount == 150_000_000
    with pytest.raises(NotInForce, match="fine is not in force on 1991-10-31"):
        table("fine", date(1991, 10, 31))
    with pytest.raises(FactError, match="on: the table fine of ussg-ch8 depends on the date"):
        table("fine", None)


@pytest.mark.parametrize(("edges", "names"), [("both", "ab"), ("lower", "b"), ("upper", "a")])
def test_the_edge_of_a_bracket(edges: str, names: str) -> None:
    table = methods.load("edpb-2023").table("size", None)
    low, high = table.rows[2:4]
    row = dataclasses.replace
    found = row(table, edges=edges, rows=(row(low, name="a"), row(high, name="b"))).around(
        Decimal(50_000_000)
    )
    assert "".join(item.name for item in found) == names


def test_a_row_without_a_range_is_a_fault_of_the_method() -> None:
    facts = {"method": "harbour-2030", "currency": "EUR", "inputs": {"berth": "roads"}}
    with methods.using(methods.parse(METHOD, "h.toml")):
        with pytest.raises(FactError, match="roads has no amount of its own"):
            penalties.compute(facts)
        with pytest.raises(FactError, match=r"inputs\.days: the value is missing"):
            penalties.compute({**facts, "inputs": {"berth": "quay", "daily": "1"}})
    text = METHOD.replace('name = "roads"', 'name = "roads", amount = "1"')
    with methods.using(methods.parse(text, "h.toml")), pytest.raises(PackError, match="roads has no range"):
        penalties.compute(facts)


def test_a_pack_without_a_penalty() -> None:
    facts = {"regime": "harbour", "on": "2031-02-01", "currency": "EUR", "inputs": {}}
    with (
        statute.using(pack(("other", '"1"', "EUR"))),
        pytest.raises(NotBuilt, match="a penalty under harbour"),
    ):
        penalties.compute(facts)


def test_a_step_that_needs_a_figure_which_is_not_there() -> None:
    step = '[[step]]\ndo = "add"\nlabel = "Share"\ninput = "tons"\nas = "percent"\nof = "{}"\n'
    facts: dict[str, Any] = {"method": "harbour-2030", "currency": "EUR", "inputs": {"tons": "50"}}
    head, _, rest = METHOD.partition('[[step]]\ndo = "maximum"')
    tables, _, _ = head.partition("[[table]]")
    tables = tables.replace('"tons", "berth", "pilots", "days", "daily", "weight"', '"tons"')
    for name, path in (("turnover", "revenue"), ("maximum", "maximum")):
        text = tables + step.format(name)
        with (
            methods.using(methods.parse(text, "h.toml")),
            pytest.raises(FactError, match=f"^{path}: harbour-2030 needs the {name}"),
        ):
            penalties.compute(facts)
    assert rest


def test_steps_without_their_input_do_nothing() -> None:
    text = METHOD.replace("needed = true\n", "")
    extra = (
        '[[step]]\ndo = "band"\nlabel = "Band"\ninput = "berth"\ntable = "berth"\n'
        '[[step]]\ndo = "cap"\nlabel = "Nothing to hold"\n'
    )
    with methods.using(methods.parse(text + extra, "h.toml")):
        result = penalties.compute({"method": "harbour-2030", "currency": "EUR", "inputs": {}})
    assert result.amount is None
    assert result.lines == ()


def test_a_window_that_starts_before_all_calendars() -> None:
    assert months_before(date(1900, 1, 1), 30_000) == date.min
    assert months_before(date(2024, 3, 31), 1) == date(2024, 2, 29)
    assert months_before(date(1900, 3, 31), 1) == date(1900, 2, 28)
    assert months_before(date(2000, 3, 31), 1) == date(2000, 2, 29)
    assert months_before(date(2027, 1, 31), 14) == date(2025, 11, 30)


def test_a_method_by_its_digest() -> None:
    shipped = methods.load("nl-2019")
    text = shipped.text.replace('amount = "310000"', 'amount = "320000"')
    changed = methods.parse(text, "changed")
    for method in methods.methods():
        assert methods.version(method.digest) is method
        assert methods.parse(method.text, "again").digest == method.digest
    assert methods.version(changed.digest, {changed.digest: text}).tables == changed.tables
    with pytest.raises(UnknownVersion, match="Bring the text"):
        methods.version(changed.digest)
    with pytest.raises(PackError, match="it was changed"):
        methods.version(changed.digest, {changed.digest: shipped.text})
