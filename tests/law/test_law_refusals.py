"""What the law package refuses, in full: what is wrong, why, and what a person can do next."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal.law import cli, coverage, deadlines, duties, methods, penalties, risk, statute, versions
from portal.law.duty_rules import Event
from portal.law.facts import Facts, LawError, load_json, read_number
from portal.law.money import Money
from portal.law.review_clock import ReviewEvent, review_clock
from portal.law.versions import Staged
from tests.law import records

WRONG: dict[str, Any] = json.loads((records.FOLDER / "refusals.json").read_text(encoding="utf-8"))
DAY = datetime(2027, 9, 1, tzinfo=UTC)
PACK = statute.load("ca-tfaia")
CHANGED = PACK.text.replace("2026-11-02", "2026-11-03", 1)
STAGED = Staged(
    CHANGED, PACK.digest, date(2027, 11, 1), "Ines Falk", "the amendment", "Tom Ek", date(2027, 10, 2)
)


def refusal(act: Callable[[], object]) -> str:
    """What the refusal says; an act that is not refused fails the test."""
    with pytest.raises(LawError) as caught:
        act()
    error = caught.value
    assert str(error) == error.args[0]
    return f"{type(error).__name__}: {error} [{getattr(error, 'path', '')} | {error.why} | {error.fix}]"


def changed(facts: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of facts with the value at a dotted path replaced; None removes it."""
    found = deepcopy(facts)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = found
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return found


@pytest.mark.parametrize("base", WRONG)
def test_wrong_facts_are_refused_in_these_words(base: str) -> None:
    facts, compute = WRONG[base]["facts"], coverage.assess if base == "coverage" else penalties.compute
    compute(facts)
    said = {
        f"{path} = {json.dumps(value)}": refusal(lambda: compute(changed(facts, path, value)))  # noqa: B023
        for path, value in WRONG[base]["wrong"]
    }
    records.matches("refusals.txt", base, said)


def review(*events: tuple[str, str]) -> object:
    return review_clock(
        [ReviewEvent(kind, DAY.replace(day=number + 1), name) for number, (kind, name) in enumerate(events)],  # type: ignore[arg-type]
        now=DAY.replace(month=10),
    )


def owed(*events: Event) -> object:
    return duties.owed("ca-tfaia", events, now=DAY, until=date(2028, 1, 1))


def staged(pack: str = "ca-tfaia", **change: Any) -> object:
    return versions.supersede(statute.load(pack), replace(STAGED, **change), date(2027, 12, 1))


ACTS: dict[str, Callable[[], object]] = {
    "a currency of no country": lambda: Money(Decimal(1), "ZZZZZZZZZZZZZZZ"),
    "money that is no number": lambda: Money(Decimal("NaN"), "EUR"),
    "half a yen": lambda: Money(Decimal("0.5"), "JPY").to_minor(),
    "a rate of nothing": lambda: Money(Decimal(1), "EUR").converted("USD", Decimal(0), "to per from"),
    "an instant without a zone": lambda: deadlines.aware(datetime(2027, 9, 1)),
    "a clock that the office has not": lambda: deadlines.office_clock("tea", DAY),
    "a date before the start": lambda: deadlines.office_clock(
        "findings.reply", DAY, due_on=date(2027, 8, 31)
    ),
    "a correction of nothing": lambda: owed(Event("framework_changed", DAY, id="b", corrects="a", by="OES")),
    "a schedule that the law does not allow": lambda: owed(
        Event("schedule_agreed", DAY, duty="framework.review", months=24)
    ),
    "a review resumed before it stopped": lambda: review(("started", ""), ("resumed", "A")),
    "a review started twice": lambda: review(("started", ""), ("started", "")),
    "a review stopped before it started": lambda: review(("stopped", "A")),
    "a request served twice": lambda: review(("started", ""), ("stopped", "A"), ("stopped", "A")),
    "a hold released as a request": lambda: review(("started", ""), ("held", "A"), ("resumed", "A")),
    "an extension by no days": lambda: review(("started", ""), ("extended", "")),
    "an extension after the end": lambda: review(("started", ""), ("ended", ""), ("extended", "")),
    "a review ended before it started": lambda: review(("ended", "")),
    "a taxonomy that is not there": lambda: risk.taxonomy("mars"),
    "a taxonomy before its day": lambda: risk.taxonomy(risk.taxonomies()[0].id, date(2020, 1, 1)),
    "a category that is not there": lambda: risk.taxonomies()[0].category("mars"),
    "a regime that is not there": lambda: statute.load("m" * 61),
    "a version that is not there": lambda: statute.version("d" * 81),
    "a version that was changed": lambda: statute.version("d", {"d": PACK.text}),
    "a value that is not there": lambda: PACK.value("tea", date(2027, 1, 1)),
    "a value before its law": lambda: PACK.value("compute.threshold", date(2020, 1, 1)),
    "a pack that is no TOML": lambda: statute.parse("=", "x.toml"),
    "a method that is not there": lambda: methods.load("m" * 61),
    "a version of a method that is not there": lambda: methods.version("d" * 81),
    "a version of a method that was changed": lambda: methods.version(
        "d", {"d": methods.load("nl-2019").text}
    ),
    "a method that is no TOML": lambda: methods.parse("=", "x.toml"),
    "an approval by who drafted it": lambda: versions.approve(STAGED, by="Ines Falk", on=date(2027, 10, 2)),
    "an approval too late": lambda: versions.approve(STAGED, by="Tom Ek", on=date(2027, 11, 2)),
    "a change staged at another pack": lambda: staged("ny-raise"),
    "a change that changes nothing": lambda: staged(text=PACK.text),
    "a change of what no longer holds": lambda: staged(base="sha256:" + "0" * 64),
    "a file that is no JSON": lambda: load_json('{"a":\n }'),
    "a file nested too deeply": lambda: load_json("[" * 100_000),
    "a key that is there twice": lambda: load_json('{"a": 1, "a": 2}'),
    "not a number": lambda: load_json('{"a": [{"b": NaN}]}'),
    "an infinite number": lambda: load_json("Infinity"),
    "facts that are no object": lambda: Facts([], "", ()),
    "more items than are read": lambda: Facts({"a": [1] * 1001}, "x", ("a",)).items("a"),
    "a list that holds no text": lambda: Facts({"a": ["b", 1]}, "x", ("a",)).texts("a"),
    "half a letter": lambda: Facts({"a": "\ud800"}, "x", ("a",)).text("a"),
    "a flag in words": lambda: Facts({"a": "true"}, "x", ("a",)).flag("a"),
    "a day before all days": lambda: Facts({"a": "1899-12-31"}, "x", ("a",)).day("a"),
    "a day after all days": lambda: Facts({"a": "3000-01-01"}, "x", ("a",)).day("a"),
    "a number with too many digits": lambda: read_number("1" * 61, "x"),
    "a number that is too small": lambda: read_number("1e-31", "x"),
    "a number below its bound": lambda: read_number("0.9", "x", Decimal(1), Decimal(2)),
    "a number in words": lambda: read_number("n" * 41, "x"),
}


def test_every_refusal_in_full() -> None:
    records.matches("refusals.txt", "acts", {name: refusal(act) for name, act in ACTS.items()})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "a file that is not there"),
        (b"\xff\xfe", "a file that is no text"),
        (b" " * 10_000_001, "a file that is too large"),
        (b'[{"on": "2027-10-01"}, {"on": "never"}]', "the second of a list"),
    ],
)
def test_a_file_is_refused_in_these_words(given: bytes | None, name: str, tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    if given is not None:
        path.write_bytes(given)
    answer = CliRunner().invoke(cli.law, ["coverage", str(path)])
    assert (answer.exit_code, answer.stdout) == (2, "")
    said = answer.stderr.replace(str(tmp_path), "FOLDER").rstrip("\n")
    records.matches("refusals.txt", name, {"standard error": said})


def test_what_stands_at_a_bound_is_read() -> None:
    facts = Facts({"a": "1900-01-01", "b": "2999-12-31", "c": [1] * 1000}, "", ("a", "b", "c"))
    assert (facts.day("a"), facts.day("b")) == (date(1900, 1, 1), date(2999, 12, 31))
    assert len(facts.items("c")) == 1000
    assert read_number("1" * 60, "x", high=Decimal("1e60")) == int("1" * 60)
    assert read_number("1e-30", "x") == Decimal("1e-30")
    assert read_number("1e40", "x") == Decimal("1e40")
    assert [read_number(text, "x", Decimal(1), Decimal(2)) for text in ("1", "2")] == [1, 2]
    assert load_json("1" + "0" * 99) == 10**99
    assert isinstance(load_json("1" + "0" * 100), Decimal)
    at = datetime(2027, 9, 1, 2, tzinfo=UTC)
    assert deadlines.aware(at) == at
    assert deadlines.office_clock("findings.reply", DAY, due_on=date(2027, 9, 1)).due_at > DAY
    assert versions.approve(STAGED, by="Tom Ek", on=date(2027, 11, 1)).approved
    first = risk.taxonomies()[0]
    assert risk.taxonomy(first.id, first.valid_from) is first
