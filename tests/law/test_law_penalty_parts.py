"""What a worksheet's form reads, and small parts that no case reaches."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from portal.law import penalties, statute
from portal.law.compute import scientific
from portal.law.penalty_lines import Sheet

ON = date(2027, 10, 1)


def test_choices_for_a_form() -> None:
    levels = penalties.gravity_levels(ON)
    assert [level.code for level in levels] == ["low", "medium", "high", "very_high"]
    assert levels[1].percent == 20
    factors = {factor.code: factor for factor in penalties.factor_codes(ON)}
    assert factors["reminder_ignored"].percent == 20
    assert factors["answered_unprompted"].percent == -10
    assert factors["duration"].percent is None
    codes = [provision.code for provision in penalties.provisions("eu-ai-act")]
    assert codes == ["101(1)(a)", "101(1)(b)", "101(1)(c)", "101(1)(d)"]


def test_a_value_that_is_not_verified_is_warned_of_once() -> None:
    sheet = Sheet("EUR")
    for _ in range(2):
        sheet.value(statute.load("eu-ai-act"), "compute.modifier", ON)
    assert len(sheet.warnings) == 1
    assert "is not verified in a source" in sheet.warnings[0]
    assert ("eu-ai-act", "compute.modifier") in sheet.used


def test_flop_as_people_write_it() -> None:
    assert scientific(Decimal(0)) == "0"
    assert scientific(Decimal("3.79080e25")) == "3.791e25"
    assert scientific(Decimal("2E26")) == "2e26"


def test_california_has_a_code_for_each_of_its_four_triggers() -> None:
    found = {choice.code: choice.label for choice in penalties.provisions("ca-tfaia")}
    assert {"22757.12", "22757.12(a)", "22757.12(e)", "22757.13(c)(1)"} <= set(found)
    assert found["22757.12(a)"] == "Own framework not followed"
    assert found["22757.12(e)"] == "Materially false or misleading statement"
