"""Wrong facts in the published form: whatever is wrong, one error names the field, and nothing crashes."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import coverage, penalties
from portal.law.cli import law
from portal.law.facts import FactError, LawError

CASES = Path(__file__).parent / "cases"
GIVEN: list[dict[str, Any]] = [
    case["facts"]
    for name in ("eu", "us", "regimes")
    for case in tomllib.loads((CASES / f"published-{name}.toml").read_text(encoding="utf-8"))["case"]
]
# What no number, date, text, list or object can be.
NEVER: list[Any] = ["NaN", "-Infinity", "1e400", 10**400, True, "", "\ud800", float("nan"), "9" * 5000]
ODD = st.one_of(
    st.sampled_from([*NEVER, None, [], {}, 5.5, "-1", "1,000", "9999-12-31", "0001-01-01", "2027-02-29"]),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=1), max_size=2),
)
FIGURES = ("amount", "percent", "rate", "points", "days", "years", "base", "gain", "score", "level", "sales")
DAYS = ("on", "decided_on", "assessed_on", "final_on", "start", "end", "period_start", "period_end")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside facts."""
    if path:
        yield path
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield from places(value[key], (*path, key))


def put(facts: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    found = copy.deepcopy(facts)
    place: Any = found
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return found


def dotted(path: tuple[Any, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def is_figure(path: tuple[Any, ...]) -> bool:
    return isinstance(path[-1], str) and path[-1].endswith(FIGURES) and path != ("base",)


@pytest.mark.parametrize("facts", GIVEN)
def test_a_figure_that_is_none_is_refused_by_its_path(facts: dict[str, Any]) -> None:
    penalties.compute(facts)
    for path in places(facts):
        wrong = NEVER if is_figure(path) else ("2027-02-29", "9999-12-31", 5) if path[-1] in DAYS else ()
        for value in wrong:
            with pytest.raises(FactError) as caught:
                penalties.compute(put(facts, path, value))
            assert caught.value.path == dotted(path), (path, value)


@pytest.mark.parametrize("facts", GIVEN)
def test_an_unknown_key_is_refused_wherever_it_stands(facts: dict[str, Any]) -> None:
    objects: list[tuple[Any, ...]] = [()]
    objects += [path for path in places(facts) if isinstance(at(facts, path), dict)]
    for path in objects:
        with pytest.raises(FactError) as caught:
            penalties.compute(put(facts, (*path, "amonut"), "1"))
        assert caught.value.path == dotted((*path, "amonut"))


def at(facts: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        facts = facts[step]
    return facts


@pytest.mark.parametrize(
    ("facts", "path"),
    [
        ({"method": "ec-2006", "currency": "EURO"}, "currency"),
        ({"method": "ec-2006", "currency": "EUR", "revenue": [{"entity": "a", "currency": "eur"}]}, ""),
        ({"method": "ec-2006", "currency": "EUR", "present_in": {"currency": "PLZ"}}, "present_in.currency"),
        ({"regime": "eu", "on": "2027-01-01"}, "regime"),
    ],
)
def test_a_name_that_is_unknown_is_refused_by_its_path(facts: dict[str, Any], path: str) -> None:
    with pytest.raises(FactError) as caught:
        penalties.compute(facts)
    assert caught.value.path == (path or "revenue[0].currency")


def test_names_of_coverage_too() -> None:
    for key, facts in {
        "regimes[1]": {"regimes": ["eu-ai-act", "eu"]},
        "model.designated[0]": {"model": {"designated": ["eu"]}},
        "model.rebuttals[0].regime": {"model": {"rebuttals": [{"regime": "eu", "status": "pending"}]}},
        "organisation.gross_revenue.currency": {
            "organisation": {
                "gross_revenue": {
                    "amount": "1",
                    "currency": "Dollar",
                    "period_start": "2026-01-01",
                    "period_end": "2026-12-31",
                }
            }
        },
    }.items():
        with pytest.raises(FactError) as caught:
            coverage.assess({"on": "2027-01-01", **facts})
        assert caught.value.path == key


def test_days_of_conduct_that_do_not_fit() -> None:
    facts = next(facts for facts in GIVEN if facts.get("regime") == "ny-raise" and "priors" in facts)
    first = ("inputs", "violations", 0, "occurred_on")
    for path, value, named in (
        (first, {}, "inputs.violations[0].occurred_on.start"),
        (first, {"start": "2027-03-02"}, "inputs.violations[0].occurred_on.end"),
        (first, {"start": "2027-03-02", "end": "2027-03-01"}, "inputs.violations[0].occurred_on.start"),
        (("priors", 0, "conduct_from"), "2028-01-01", "priors[0].conduct_from"),
    ):
        with pytest.raises(FactError) as caught:
            penalties.compute(put(facts, path, value))
        assert caught.value.path == named


@pytest.mark.parametrize("key", ["", "a\nb", "\ud800", "k" * 100_000])
def test_a_key_that_cannot_be_printed_is_refused_in_one_line(key: str) -> None:
    for text in (json.dumps({key: 1}), f"{{{json.dumps(key)}: 1, {json.dumps(key)}: 1}}"):
        result = CliRunner().invoke(law, ["penalty", "-"], input=text)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
        assert len(result.stderr) < 300


def test_a_list_has_an_end() -> None:
    facts = next(facts for facts in GIVEN if facts.get("regime") == "ny-raise")
    many = facts["inputs"]["violations"][:1] * 1001
    with pytest.raises(FactError, match=r"inputs\.violations: more than 1000 items"):
        penalties.compute(put(facts, ("inputs", "violations"), many))
    assert len(penalties.compute(put(facts, ("inputs", "violations"), many[:-1])).lines) > 2000


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_command_gives_a_result_or_one_error(data: st.DataObject) -> None:
    facts = data.draw(st.sampled_from(GIVEN))
    for _ in range(data.draw(st.integers(1, 3))):
        facts = put(facts, data.draw(st.sampled_from(list(places(facts)))), data.draw(ODD))
    text = json.dumps(facts)
    for command in ("penalty", "coverage"):
        result = CliRunner().invoke(law, [command, "-", "--format", "json"], input=text)
        assert not isinstance(result.exception, LawError | ValueError | TypeError | ArithmeticError)
        if result.exit_code == 0:
            json.loads(result.stdout)
        else:
            assert result.exit_code == 2
            assert result.stdout == ""
            assert result.stderr.startswith("Error: ")
            assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \n",
        b"\xff\xfe{",
        b"null",
        b"3",
        b'"x"',
        b"[[]]",
        b"[" * 200_000,
        b'{"on": NaN}',
        b"{}",
        b"[{}, 1]",
    ],
)
@pytest.mark.parametrize("command", ["penalty", "coverage"])
def test_a_file_that_holds_no_facts(raw: bytes, command: str, tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_bytes(raw)
    for name in (path, tmp_path, tmp_path / "none"):
        result = CliRunner().invoke(law, [command, str(name), "--format", "json"])
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.strip().splitlines()) == 1
