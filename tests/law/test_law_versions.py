"""Versions of packs: found by digest, compared, staged, live at their date; and the whole check of a pack."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from portal.law import calendars, checking, coverage, risk, statute, versions
from portal.law.packs import PackError
from portal.law.statute import Pack, UnknownVersion
from portal.law.versions import Staged, StagedError

SHIPPED = statute.load("ca-tfaia")
RAISED = SHIPPED.text.replace(
    'key = "revenue.threshold"\nfrom = 2026-01-01\n',
    'key = "revenue.threshold"\nfrom = 2026-01-01\nto = 2027-12-31\n',
) + (
    '\n[[value]]\nkey = "revenue.threshold"\nfrom = 2028-01-01\nvalue = "600000000"\nunit = "USD"\n'
    'citation = "B&P 22757.11 as amended"\nsource = "an amendment"\nverified = true\n'
)
LIVE = date(2027, 11, 1)
FACTS = {
    "on": "2028-03-01",
    "regimes": ["ca-tfaia"],
    "model": {"training_flop": "2e26"},
    "organisation": {
        "gross_revenue": {
            "amount": "550000000",
            "currency": "USD",
            "period_start": "2027-01-01",
            "period_end": "2027-12-31",
            "with_affiliates": True,
        }
    },
}


def staged(**changed: object) -> Staged:
    plain = {
        "text": RAISED,
        "base": SHIPPED.digest,
        "live_from": LIVE,
        "drafted_by": "Ines Falk",
        "why": "the amendment",
    }
    return Staged(**{**plain, **changed})  # type: ignore[arg-type]


def test_a_version_by_its_digest() -> None:
    new = statute.parse(RAISED, "new")
    for pack in statute.packs():
        assert statute.version(pack.digest) is pack
        assert statute.parse(pack.text, "again").digest == pack.digest
    assert statute.version(new.digest, {new.digest: RAISED}).values == new.values
    with pytest.raises(UnknownVersion, match="Bring the text"):
        statute.version(new.digest)
    with pytest.raises(PackError, match="it was changed"):
        statute.version(new.digest, {new.digest: SHIPPED.text})


def test_a_version_that_an_earlier_release_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "past").mkdir()
    (tmp_path / "past" / "ca-tfaia-2026.toml").write_text(RAISED, encoding="utf-8")
    wanted = statute.parse(RAISED, "x").digest
    statute.shipped()
    monkeypatch.setattr(statute, "FOLDER", tmp_path)
    statute._past.cache_clear()
    try:
        assert statute.version(wanted).id == "ca-tfaia"
    finally:
        statute._past.cache_clear()


def test_a_result_is_computed_again_from_the_version_it_used() -> None:
    before = coverage.assess(FACTS).as_json()
    assert before["regimes"]["ca-tfaia"]["large"] == "yes"
    with statute.using(statute.parse(RAISED, "new")):
        after = coverage.assess(FACTS).as_json()
        assert after["regimes"]["ca-tfaia"]["large"] == "no"
        with statute.using(statute.version(before["regimes"]["ca-tfaia"]["statute_digest"])):
            assert coverage.assess(FACTS).as_json() == before
    assert after["regimes"]["ca-tfaia"]["statute_digest"] != before["regimes"]["ca-tfaia"]["statute_digest"]
    assert coverage.assess(FACTS).as_json() == before


def test_using_brings_a_pack_that_is_not_shipped() -> None:
    other = statute.parse(SHIPPED.text.replace('id = "ca-tfaia"', 'id = "moon"'), "moon.toml")
    with statute.using(other):
        assert statute.load("moon") is other
        assert [pack.id for pack in statute.packs()][-1] == "moon"
    with pytest.raises(statute.UnknownRegime):
        statute.load("moon")


def test_the_table_of_old_and_new_values() -> None:
    new = statute.parse(RAISED.replace('adopted = "as counted"', 'adopted = "next working day"'), "new")
    found = {(c.row, c.field): c for c in versions.diff(SHIPPED, new)}
    ended = found[("value revenue.threshold 2026-01-01", "to")]
    assert (ended.old, ended.new, ended.kind) == (None, "2027-12-31", "added")
    assert ended.reaches_back(LIVE)
    raised = found[("value revenue.threshold 2028-01-01", "value")]
    assert (raised.new, raised.applies_from, raised.reaches_back(LIVE)) == (
        "600000000",
        date(2028, 1, 1),
        False,
    )
    reading = found[("reading period.end", "adopted")]
    assert (reading.old, reading.new, reading.kind) == ("as counted", "next working day", "changed")
    assert not reading.reaches_back(LIVE)
    back = {(c.row, c.field): c for c in versions.diff(new, SHIPPED)}
    assert back[("value revenue.threshold 2028-01-01", "value")].kind == "removed"
    assert versions.diff(SHIPPED, SHIPPED) == ()


@pytest.mark.parametrize("pack", statute.packs(), ids=lambda pack: pack.id)
def test_every_row_of_a_pack_has_its_own_name(pack: Pack) -> None:
    """Two rows of one name would hide a change."""
    raw = versions.raw(pack.text)
    fields = [at for at, _ in versions._fields(raw)]
    assert len(fields) == len(set(fields))


def test_two_people_and_a_date() -> None:
    draft = staged()
    assert versions.supersede(SHIPPED, draft, LIVE) is SHIPPED
    with pytest.raises(StagedError, match="second person"):
        versions.approve(draft, by="Ines Falk", on=date(2027, 10, 1))
    with pytest.raises(StagedError, match="a later date"):
        versions.approve(draft, by="Tomasz Reyl", on=date(2027, 11, 2))
    signed = versions.approve(draft, by="Tomasz Reyl", on=LIVE)
    assert signed.approved_on == LIVE
    assert versions.supersede(SHIPPED, signed, date(2027, 10, 31)) is SHIPPED
    assert (
        versions.supersede(SHIPPED, signed, LIVE).value("revenue.threshold", date(2028, 1, 1)).number
        == 6 * 10**8
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"text": SHIPPED.text}, "changes nothing"),
        ({"base": "sha256:00"}, "Another change went live in between"),
        ({"text": statute.load("ny-raise").text}, "is of ny-raise, not of ca-tfaia"),
        ({"text": RAISED + "surprise"}, "staged ca-tfaia"),
    ],
)
def test_a_staged_text_that_cannot_follow(changed: dict[str, object], message: str) -> None:
    with pytest.raises(statute.LawError) as caught:
        versions.supersede(SHIPPED, staged(**changed), LIVE)
    assert message in str(caught.value)


def test_several_staged_in_turn() -> None:
    first = versions.approve(staged(), by="Tomasz Reyl", on=LIVE)
    then = statute.parse(RAISED.replace('"600000000"', '"700000000"'), "then")
    second = Staged(then.text, statute.parse(RAISED, "x").digest, date(2027, 12, 1), "Tomasz Reyl", "again")
    signed = versions.approve(second, by="Ines Falk", on=LIVE)
    day = date(2028, 1, 1)

    def threshold(on: date, *all_of: Staged) -> int:
        return int(versions.live(SHIPPED, all_of, on).value("revenue.threshold", day).number / 10**6)

    assert threshold(date(2027, 12, 1), signed, first) == 700
    assert threshold(date(2027, 11, 30), signed, first) == 600
    assert threshold(date(2027, 12, 1), second, first) == 600
    assert threshold(date(2027, 10, 31), signed, first) == 500


ANY = 'rule = { any = ["compute", "ai_revenue", "ai_rd"] }'
WITH = 'promptly = "before or with deployment"\n'
BELGIUM = 'library = ["BE", "market:XECB"]'
WRONG = [
    ("ny-raise", 'key = "penalty.cap"', 'key = "unused.cap"', "no rule uses the value 'unused.cap'"),
    ("ny-raise", 'code = "1427"', 'code = "1421"', "two provisions have one code"),
    ("ny-raise", 'breach = "1428"', 'breach = "9"', "duty disclosure.first names the provision '9'"),
    ("ca-tfaia", WITH, "", "states either a value or"),
    (
        "ca-tfaia",
        WITH + 'at_once = true\nbefore = true\ncitation = "B&P',
        'promptly = "x"\ncitation = ""\nrecipient = "',
        "cites nothing",
    ),
    ("ca-tfaia", WITH, WITH + "repeats = true\n", "repeats without a period"),
    ("ca-tfaia", WITH, WITH + 'status = "rumoured"\n', "status 'rumoured' is not one of"),
    ("eu-ai-act", 'within = "evaluation.planned_within"', 'within = "none"', "names the value 'none'"),
    ("eu-ai-act", 'value = "framework.send"', 'value = "none"', "names the value 'none'"),
    ("eu-ai-act", BELGIUM, 'library = ["XX"]', "knows no calendar 'XX'"),
    ("eu-ai-act", BELGIUM, 'library = ["market:X"]', "knows no calendar"),
    ("aaif-proposal", ANY, 'rule = { any = ["tea"] }', "any one names an unknown rule"),
    ("eu-ai-act", '"average_of_fiscal_year"', '"average"', "penalty.rate_basis from 2026-08-02 is 'average'"),
    ("eu-ai-act", '"as read"', '"descision"', "is 'descision', not one of: decision, violation, as read"),
    ("eu-ai-act", '"as read"', '"decision"', "penalty.maximum_per is 'as read' where a reading of that key"),
    ("ny-raise", 'value = "violation"', 'value = "as read"', "penalty.maximum_per is 'as read' where"),
    ("eu-ai-act", 'name = "violation"', 'name = "breach"', "the options are decision and violation"),
    ("eu-ai-act", '"share-of-maximum"', '"share of maximum"', "penalty.method from 2026-08-02 is 'share of"),
    ("eu-ai-act", 'value = "before the decision"', 'value = "2026"', "not one of: before the decision"),
    ("eu-ai-act", 'value = "3"\nunit = "percent"', 'value = "300"\nunit = "percent"', "is 300, above 100"),
    ("eu-ai-act", 'value = "3"\nunit = "percent"', 'value = "-3"\nunit = "percent"', "is -3, not above 0"),
    ("eu-ai-act", 'value = "3"\nunit = "percent"', 'value = "3"\nunit = "EUR"', "has the unit EUR"),
    ("eu-ai-act", '["intentional", "negligent"]', "[]", "penalty.fault from 2026-08-02 is empty"),
    ("eu-ai-act", '["intentional", "negligent"]', '["negligent", "negligent"]', "names one entry twice"),
    (
        "eu-ai-act",
        '["intentional", "negligent"]',
        '["negligent", " "]',
        "penalty.fault from 2026-08-02 is empty",
    ),
    ("eu-ai-act", 'value = "1e25"', 'value = "0"', "compute.threshold from 2025-08-02 is 0, not above 0"),
    ("eu-ai-act", 'value = "1/3"', 'value = "-1/3"', "compute.modifier from 2025-08-02 is -1/3"),
    ("eu-ai-act", 'value = "1/3"', 'value = "4/3"', "compute.modifier from 2025-08-02 is 4/3, above 1"),
    ("eu-ai-act", 'value = "1/3"', 'value = "1/0"', "compute.modifier: '1/0' is no fraction"),
    ("eu-ai-act", 'input = "designation"', 'input = "moon"', "input 'moon' is not one of compute"),
    ("eu-ai-act", 'designated = "designated"\n', "", "labels: designated is missing"),
    ("eu-ai-act", 'maybe = "may be presumed"\n', "", "labels: maybe is missing"),
    ("ny-raise", 'value = "none"\nunit = "text"', 'value = "moon"\nunit = "text"', "penalty.look_back from"),
    ("ny-raise", 'value = "1000000"\nunit = "USD"', 'value = "0"\nunit = "USD"', "penalty.cap from"),
    ("ny-raise", 'value = "1000"\nunit = "USD"', 'value = "1"\nunit = "FLOP"', "has the unit FLOP"),
    (
        "ny-raise",
        '"large frontier developer"\nunit',
        '" "\nunit',
        "penalty.addressee from 2027-01-01 is empty",
    ),
    ("ny-raise", "exempt_citation = ", 'exempt_citation = "" # ', "exempt_kinds cite nothing"),
    ("ca-tfaia", '{ rule = "compute" }', '{ rule = "moon" }', "covered names an unknown rule 'moon'"),
    ("ca-tfaia", '{ rule = "compute" }', '{ nor = ["compute"] }', "is not all, any or rule over inputs"),
    ("ca-tfaia", '{ rule = "compute" }', "{ any = [] }", "is not all, any or rule over inputs"),
    ("ca-tfaia", '{ all = ["covered", ', '{ all = ["moon", ', "large names an unknown rule 'moon'"),
    ("ca-tfaia", 'decisive = "operates_in"', 'decisive = "moon"', "decisive 'moon' is not one of"),
    ("ca-tfaia", 'territories = ["US-CA", "California", "Calif."]', "territories = []", "names no territory"),
    ("ca-tfaia", 'period = "preceding calendar year"', 'period = "moon"', "period 'moon' is not one of"),
    ("ca-tfaia", 'period = "preceding calendar year"', "", "period None is not one of"),
    ("ca-tfaia", 'name = "gross_revenue"', 'name = "compute"', "two rules of coverage have one name"),
    ("ca-tfaia", 'unit = "FLOP"', 'unit = "USD"', "compute.threshold from 2026-01-01 has the unit USD"),
    (
        "ca-tfaia",
        'from = 2026-01-01\nvalue = "1e26"',
        'from = 2026-02-01\nvalue = "1e26"',
        "compute.threshold begins on 2026-02-01, after the law (2026-01-01)",
    ),
    (
        "ca-tfaia",
        'citation = "B&P 22757.15(a)"\nby_hand',
        'citation = " "\nby_hand',
        "22757.15: citation is empty",
    ),
    ("ca-tfaia", 'citation = "Cal. Gov. Code 6700', 'citation = "" # ', "calendar: citation is empty"),
    (
        "ca-tfaia",
        'citation = "Cal. Bus. & Prof. Code 22757.10 ff.',
        'citation = "" # ',
        "pack: citation is empty",
    ),
    ("ca-tfaia", "\nby_hand = true", "", "provision 22757.12(a): no duty names it"),
    ("ca-tfaia", 'code = "22757.12"\n', 'code = "22757.12"\nby_hand = true\n', "22757.12: a duty names it"),
    ("ca-tfaia", 'breach = "22757.13(c)(1)"', 'breach = "9"', "duty incident.report names the provision '9'"),
    (
        "ca-tfaia",
        'decides = "nobody named: no approval before deployment"',
        'decides = " "',
        "decides is empty",
    ),
    ("ca-tfaia", '\nstatus = "enacted"', '\nstatus = "hello"', "status 'hello' is not one of"),
    (
        "ny-raise",
        'citation = "GBL 1427"\nadopted',
        'citation = ""\nadopted',
        "penalty.subsequent: citation is",
    ),
    (
        "office",
        'citation = "Practice note 4, section 4(b)"\nvalue',
        'citation = ""\nvalue',
        "reminder_ignored: cit",
    ),
    (
        "office",
        'value = "20"\nunit = "percent"',
        'value = "0"\nunit = "percent"',
        "gravity.medium from 2026-01-01",
    ),
    ("office", '"2026-12-25"', '"Christmas"', "closed_days: 'Christmas' is no date"),
    ("ca-tfaia", "America/Los_Angeles", "Moon/Base", "no time zone has the name 'Moon/Base'"),
    ("office", 'value = ["6", "7"]', 'value = ["6", "Sunday"]', "weekend from 2026-01-01 is 'Sunday'"),
    ("aaif-proposal", 'name = "any one"', 'name = "compute and money"', "two options of different names"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), WRONG)
def test_the_whole_check(name: str, old: str, new: str, message: str) -> None:
    text = statute.load(name).text
    assert old in text
    with pytest.raises(PackError) as caught:
        checking.check(statute.parse(text.replace(old, new, 1), "changed.toml"))
    assert "changed.toml" in str(caught.value)
    assert message in str(caught.value)


def test_shipped_packs_pass_the_whole_check() -> None:
    for pack in statute.packs():
        checking.check(pack)
    risk.check()


def test_what_is_read_by_code_stands_in_code() -> None:
    tree = Path(statute.__file__).parents[2]
    source = "".join(p.read_text() for part in ("portal", "evaluator") for p in (tree / part).rglob("*.py"))
    for key in ("weekend", "closed_days", "findings.send_within", "comparison.older_than"):
        assert re.search(f'"{re.escape(key)}"', source), key


def test_calendars_of_the_packs() -> None:
    ny, ca, eu = (calendars.of(statute.load(name)) for name in ("ny-raise", "ca-tfaia", "eu-ai-act"))
    assert ny.closed_because(date(2027, 2, 12)) == "Lincoln's Birthday"
    assert ca.closed_because(date(2027, 3, 31)) == "Cesar Chavez Day"
    assert eu.closed_because(date(2027, 7, 21)) == "National Day"
    assert eu.closed_because(date(2027, 3, 26)) == "Good Friday"
    assert eu.closed_because(date(2027, 7, 24)) == "Saturday"
    assert eu.next_open(date(2027, 3, 26)) == date(2027, 3, 30)
    assert ny.edition.startswith("holidays 0.")
    day, passed = eu.add(date(2027, 3, 24), 3)
    assert day == date(2027, 3, 31)
    assert passed[0] == "2027-03-26 (Good Friday)"
    assert len(passed) == 4
    corrected = statute.parse(
        statute.load("eu-ai-act").text.replace(
            "[calendar]\n", "[calendar]\nclosed = [2027-05-07]\nopen = [2027-07-21]\n"
        ),
        "x",
    )
    assert calendars.of(corrected).closed_because(date(2027, 5, 7)) == "closed by the office"
    assert calendars.of(corrected).closed_because(date(2027, 7, 21)) == ""
    assert "holidays are not" in calendars.of(statute.load("office")).note
