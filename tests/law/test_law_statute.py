"""Statute packs: strict form, dated values, readings, digests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.law import checking, cli, coverage, statute
from portal.law.packs import PackError, parse_value
from portal.law.statute import Gap, NotInForce, Pack, UnknownRegime, parse

GOOD = """
id = "x"
name = "X"
short = "X"
status = "enacted"
zone = "UTC"
from = 2026-01-01
citation = "c"
source = "s"
[authorities]
receives = "a"
assesses = "a"
decides = "a"
penalises = "a"
hears_appeals = "a"
[labels]
developer = "d"
large = "l"
model = "m"
penalty = "p"
breach = "b"
document = "d"
[[value]]
key = "k"
from = 2026-01-01
to = 2026-12-31
value = 15
unit = "days"
citation = "c"
source = "s"
verified = true
[[value]]
key = "k"
from = 2027-01-01
value = 10
unit = "days"
citation = "c"
source = "s"
verified = false
[[reading]]
key = "r"
question = "q?"
citation = "c"
adopted = "one"
by = "b"
on = 2026-01-01
why = "w"
[[reading.option]]
name = "one"
label = "One"
why = "w"
"""


def test_a_value_by_date() -> None:
    pack = parse(GOOD, "x.toml")
    assert pack.value("k", date(2026, 12, 31)).number == 15
    assert pack.value("k", date(2027, 1, 1)).number == 10
    assert pack.in_force(date(2026, 1, 1))
    assert not pack.in_force(date(2025, 12, 31))
    assert pack.readings["r"].option("one").label == "One"
    with pytest.raises(NotInForce, match=r"not in force on 2025-12-31\. It starts on 2026-01-01") as caught:
        pack.value("k", date(2025, 12, 31))
    assert caught.value.starts == date(2026, 1, 1)
    with pytest.raises(PackError, match=r"x\.toml: no value 'other'"):
        pack.value("other", date(2027, 1, 1))


WRONG = [
    ("id =", "id", "x.toml: "),
    ('name = "X"', "", "x.toml: name is missing"),
    ('name = "X"', "name = 7", "name has the wrong type"),
    ('name = "X"', 'name = "X"\nsurprise = 1', "x.toml: unknown key 'surprise'"),
    ('receives = "a"', "", "x.toml: authorities: receives is missing"),
    ('unit = "days"', 'unit = "parsecs"', "value[0] k: unit 'parsecs' is not known"),
    ("value = 15", 'value = "15"', "days is a whole number"),
    ("value = 15", "value = true", "value has the wrong type"),
    ("verified = true", "verified = 1", "verified has the wrong type"),
    ("verified = true", 'verified = true\nstatus = "rumoured"', "status 'rumoured'"),
    ("verified = true", "verified = true\nextra = 1", "x.toml: value[0] k: unknown key 'extra'"),
    ("from = 2027-01-01", "from = 2027-01-02", "k has a hole or an overlap before 2027-01-02"),
    ("from = 2027-01-01", "from = 2026-12-31", "k has a hole or an overlap"),
    ("to = 2026-12-31", "", "k has a hole or an overlap"),
    ("from = 2027-01-01", "from = 2027-01-01\nto = 2028-01-01", "ends on 2028-01-01 without a successor"),
    ('adopted = "one"', 'adopted = "two"', "adopted 'two' is not one of its options"),
    ('label = "One"', 'label = "One"\nextra = 1', "reading[0] r option[0]: unknown key 'extra'"),
    ("[[reading]]", "[[clock]]\nduty = 1\n[[reading]]", "clock[0]: duty has the wrong type"),
    ("[labels]", "[coverage]\nrule = [1]\n[labels]", "x.toml: coverage: covered is missing"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_a_wrong_pack_names_file_and_path(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(PackError) as caught:
        parse(GOOD.replace(old, new, 1), "x.toml")
    assert message in str(caught.value)


def test_a_rule_that_is_no_table() -> None:
    section = '[coverage]\ncovered = {}\ndecisive = "d"\nterritories = []\nwider = []\nrule = [1]\n[labels]'
    with pytest.raises(PackError, match=r"coverage\.rule\[0\]: a table is expected"):
        parse(GOOD.replace("[labels]", section), "x.toml")


def test_a_hole_inside_the_life_of_a_value_raises() -> None:
    pack = parse(GOOD, "x.toml")
    holed = Pack(**{**vars(pack), "values": pack.values[:1]})
    with pytest.raises(Gap, match="k has no value on 2027-01-01"):
        holed.value("k", date(2027, 1, 1))


def test_units() -> None:
    assert parse_value("1/3", "fraction", "p") == Fraction(1, 3)
    assert parse_value(["a"], "list", "p") == ("a",)
    assert parse_value("-10", "percent", "p") == Decimal(-10)
    with pytest.raises(PackError, match="out of bounds"):
        parse_value("-10", "EUR", "p")
    value = parse(GOOD.replace("value = 15", 'value = "w"').replace('"days"', '"text"', 1), "x.toml").values[
        0
    ]
    with pytest.raises(PackError, match="text is not a number"):
        assert value.number


def test_the_digest_is_of_the_content() -> None:
    pack = parse(GOOD, "x.toml")
    assert parse("# a comment\n" + GOOD, "y.toml").digest == pack.digest
    assert parse(GOOD.replace("value = 10", "value = 11"), "x.toml").digest != pack.digest
    assert pack.digest.startswith("sha256:")


def test_shipped_packs_hold_together() -> None:
    wanted = ["aaif-proposal", "ca-tfaia", "ny-raise", "il-sb315", "eu-ai-act"]
    assert [pack.id for pack in statute.regimes()] == wanted
    for pack in statute.packs():
        statute.check(pack)
        for reading in pack.readings.values():
            assert reading.by
            assert len(reading.options) >= 2
    assert statute.load("eu-ai-act-101").id == "eu-ai-act"
    assert statute.load("aaif-proposal").status == "proposed"
    assert statute.load("aaif-proposal").name == "Anthropic proposal (June 2026)"
    with pytest.raises(UnknownRegime, match="Use one of: aaif-proposal"):
        statute.load("mars")


def test_a_proposal_never_uses_an_enacted_value() -> None:
    assert {value.status for value in statute.load("aaif-proposal").values} == {"proposed"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clocks": ({"duty": "d", "value": "none"},)}, "clock d names the value 'none'"),
        ({"provisions": ({"code": "1", "per_day": "none"}, {"code": "2"})}, "provision 1 names"),
        ({"factors": ({"code": "f", "value": "none"}, {"code": "g"})}, "factor f names"),
        ({"coverage": {"rule": [{"name": "n", "threshold": "k", "modifier": "none"}]}}, "rule n names"),
    ],
)
def test_check_finds_a_name_without_value(change: dict[str, object], message: str) -> None:
    with pytest.raises(PackError) as caught:
        statute.check(Pack(**{**vars(parse(GOOD, "x.toml")), **change}))
    assert message in str(caught.value)


def test_check_finds_a_value_that_cites_nothing() -> None:
    with pytest.raises(PackError, match="k cites nothing"):
        statute.check(
            parse(GOOD.replace('unit = "days"\ncitation = "c"', 'unit = "days"\ncitation = " "', 1), "x")
        )


@pytest.mark.parametrize("rule", [{"none": ["a"]}, {"all": [], "any": []}, 7])
def test_a_rule_that_is_no_rule(rule: object) -> None:
    with pytest.raises(PackError, match="is not a rule over inputs"):
        coverage.combine(rule, {"a": "yes"})


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("u", "unknown"),
        ({"rule": "m"}, "maybe"),
        ({"all": ["y", "m", "u"]}, "unknown"),
        ({"all": ["n", "u"]}, "no"),
        ({"all": ["y", "m"]}, "maybe"),
        ({"any": ["y", "u"]}, "yes"),
        ({"any": ["n", "u", "m"]}, "maybe"),
        ({"any": ["n", {"all": ["y", "u"]}]}, "unknown"),
        ({"any": ["n", "n"]}, "no"),
    ],
)
def test_answers_combine(rule: object, answer: str) -> None:
    outcomes = {"y": "yes", "n": "no", "m": "maybe", "u": "unknown"}
    assert coverage.combine(rule, outcomes) == answer


CODE = Path(statute.__file__).parents[2]


def test_each_key_that_code_is_said_to_read_stands_in_the_code() -> None:
    texts = [
        path.read_text()
        for folder in ("portal", "evaluator")
        for path in (CODE / folder).rglob("*.py")
        if path != Path(checking.__file__)
    ]
    unread = {key for key in checking.READ_BY_CODE if not any(f'"{key}"' in text for text in texts)}
    assert unread == set()


@pytest.mark.parametrize("key", ["penalty.cap", "penalty.maximum_per", "penalty.method"])
def test_a_misspelt_key_is_a_value_that_nothing_uses(key: str) -> None:
    text = statute.load("ca-tfaia").text
    wrong = text.replace(f'key = "{key}"', f'key = "{key}s"')
    assert wrong != text
    with pytest.raises(PackError, match=f"no rule uses the value '{key}s'"):
        checking.check(parse(wrong, "x"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the folder of packs, read in place of the shipped one."""
    for path in statute.FOLDER.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(statute, "FOLDER", tmp_path)
    statute.shipped.cache_clear()
    yield tmp_path
    statute.shipped.cache_clear()


def test_a_file_in_the_folder_is_a_regime(folder: Path) -> None:
    text = (folder / "ca-tfaia.toml").read_text(encoding="utf-8")
    text = text.replace('id = "ca-tfaia"\norder = 2\n', 'id = "tx-law"\n')
    (folder / "tx-law.toml").write_text(text, encoding="utf-8")
    assert [pack.id for pack in statute.packs()][-2:] == ["tx-law", statute.OFFICE]
    found = CliRunner().invoke(cli.law, ["check"])
    assert (found.exit_code, "tx-law.toml: " in found.output) == (0, True)
    result = coverage.assess({"on": "2027-01-01", "regimes": ["tx-law"], "model": {"training_flop": "2e26"}})
    assert result.regimes["tx-law"].covered == "yes"


@pytest.mark.parametrize("name", ["eu-ai-act", "eu-ai-act-101"])
def test_two_files_of_one_name_are_refused(folder: Path, name: str) -> None:
    text = (folder / "ca-tfaia.toml").read_text(encoding="utf-8")
    (folder / "z.toml").write_text(text.replace('id = "ca-tfaia"', f'id = "{name}"'), encoding="utf-8")
    with pytest.raises(PackError, match=f"'{name}' is the name of "):
        statute.shipped()
