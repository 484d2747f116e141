"""The penalty explorer: it gives what the command line gives, says what it rests on, and keeps nothing."""

from __future__ import annotations

import json
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.law import cli, penalties, statute
from portal.register import explorer
from portal.tables import METADATA
from portal.ui.formats import money
from tests.fixtures.app import World
from tests.portal.register.conftest import page

EXPLORER = "/law/explorer"
WHAT_IFS: tuple[dict[str, Any], ...] = (
    {"regime": "eu-ai-act", "provision": "101(1)(b)", "severity": "high", "revenue": "402,836,000,000"},
    {"regime": "eu-ai-act", "severity": "own", "percent": "12.5", "currency": "EUR", "revenue": "1"},
    {"regime": "eu-ai-act", "severity": "low", "priors": "3", "rate": "1.1307"},
    {"regime": "ca-tfaia", "severity": "very_high", "currency": "EUR"},
    {"regime": "ny-raise", "provision": "1422", "severity": "medium", "priors": "1"},
    {"regime": "ny-raise", "provision": "1428", "days": "19"},
    {"regime": "il-sb315", "severity": "own", "percent": "0"},
    {"regime": "aaif-proposal", "severity": "high", "priors": "2"},
    {"regime": "aaif-proposal", "severity": "very_high", "currency": "EUR", "revenue": "0"},
)


def address(what: dict[str, Any], path: str = EXPLORER) -> str:
    return f"{path}?{urlencode(what)}"


@pytest.mark.parametrize("what", WHAT_IFS, ids=lambda what: "-".join(map(str, what.values())))
def test_the_explorer_gives_what_the_command_line_gives(
    visitor: FlaskClient, tmp_path: Path, what: dict[str, Any]
) -> None:
    file = tmp_path / "facts.json"
    file.write_text(visitor.get(address(what, f"{EXPLORER}/facts.json")).text)
    answer = CliRunner().invoke(cli.law, ["penalty", str(file), "--format", "json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    shown = page(visitor, address(what))
    assert f'<b class="num">{money(Decimal(found["total"]), found["currency"])}</b>' in shown
    assert f"Legal maximum {money(Decimal(found['maximum']), found['currency'])}." in shown
    assert found["penalised_by"].replace("'", "&#39;") in shown
    assert ("illustration" in found) == ("This text is proposed and covers nobody" in shown)
    unread = [words for words in found["warnings"] if words.endswith("not verified in a source.")]
    assert ("This amount rests on values" in shown) == bool(unread)
    assert found["lines"][0]["label"] in shown


def test_an_illustration_is_marked_and_the_laws_stand_side_by_side(visitor: FlaskClient) -> None:
    shown = page(visitor, EXPLORER)
    beside = shown.partition("The same facts under each law")[2]
    for pack in statute.regimes():
        assert pack.short in beside
    assert beside.count("Illustration, never served") == 2
    assert "aaif-proposal" in beside


def test_a_law_that_cannot_answer_says_why_beside_the_others(visitor: FlaskClient) -> None:
    shown = page(visitor, address({"on-day": "1", "on-month": "6", "on-year": "2026", "regime": "ca-tfaia"}))
    assert "No penalty on that day: it starts on 2027-01-01" in shown
    own = page(visitor, address({"severity": "own", "percent": "30"}))
    assert "Its schedule has words, no percentages" in own


def test_another_law_takes_its_own_provision(visitor: FlaskClient) -> None:
    shown = page(visitor, address({"regime": "ny-raise", "provision": "101(1)(b)"}))
    assert '<option value="1421" selected>' in shown


@pytest.mark.parametrize(
    ("what", "at", "words"),
    [
        ({"revenue": "NaN"}, "revenue", "Write a number in digits"),
        ({"revenue": "1e400"}, "revenue", "Write a number in digits"),
        ({"revenue": "-1"}, "revenue", "from 0 to 10^15"),
        ({"revenue": ""}, "revenue", "from 0 to 10^15"),
        ({"revenue": "9" * 30}, "revenue", "from 0 to 10^15"),
        ({"revenue": "9" * 5000}, "revenue", "Write a number in digits"),
        ({"rate": "0"}, "rate", "how many dollars a euro is"),
        ({"rate": "Infinity"}, "rate", "Write a number in digits"),
        ({"priors": "21"}, "priors", "from 0 to 20"),
        ({"priors": "-1"}, "priors", "from 0 to 20"),
        ({"priors": "1.5"}, "priors", "whole number"),
        ({"days": "0"}, "days", "from 1 to 3660"),
        ({"days": "9" * 79}, "days", "from 1 to 3660"),
        ({"severity": "own", "percent": "101"}, "percent", "from 0 to 100"),
        ({"severity": "own", "percent": ""}, "percent", "from 0 to 100"),
        ({"severity": "own", "percent": "30", "regime": "aaif-proposal"}, "severity", "has words only"),
        ({"severity": "worst"}, "severity", "Choose one of the answers"),
        ({"severity": ""}, "severity", "Choose one of the answers"),
        ({"regime": "mars"}, "regime", "Choose one of the answers"),
        ({"regime": ""}, "regime", "Choose one of the answers"),
        ({"currency": "XXX"}, "currency", "Choose one of the answers"),
        ({"on-day": "31", "on-month": "2"}, "on", "There is no such date"),
        ({"on-year": "1999"}, "on", "Write a day from 2026 to 2049"),
        ({"on-day": "", "on-month": "", "on-year": ""}, "on", "Write a day from 2026 to 2049"),
        ({"on-year": "2026", "on-month": "6", "regime": "ny-raise"}, "on", "it starts on 2027-01-01"),
        ({"on-year": "2026", "on-month": "7", "regime": "eu-ai-act"}, "on", "it starts on 2026-08-02"),
    ],
)
def test_a_wrong_answer_is_said_at_its_field_and_kept(
    visitor: FlaskClient, what: dict[str, Any], at: str, words: str
) -> None:
    shown = page(visitor, address(what), 422)
    assert re.search(rf'id="{at}-error">[^<]*{re.escape(words)}', shown), words
    assert f'href="#{at}"' in shown
    assert "What-if</span>" not in shown
    for name, typed in what.items():
        kept = typed[:80]
        if name not in ("regime", "severity", "currency") and kept:
            assert f'value="{kept}"' in shown, name
    assert visitor.get(address(what, f"{EXPLORER}/facts.json")).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        "endpoint=x&_external=1&_scheme=javascript&_anchor=a&_method=POST",
        "revenue=%0a%ff%f0&percent=%3Cscript%3E",
        "regime=eu-ai-act&regime=ny-raise&on-day[]=1",
        "provision=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_hostile_addresses_change_nothing(visitor: FlaskClient, query: str) -> None:
    answer = visitor.get(f"{EXPLORER}?{query}")
    assert answer.status_code in (200, 422)
    assert "<script" not in answer.text
    assert "javascript:" not in answer.text


def test_the_explorer_takes_no_post(visitor: FlaskClient) -> None:
    assert visitor.post(EXPLORER, data={"revenue": "1"}).status_code in (400, 404, 405)


def test_nothing_is_written(visitor: FlaskClient, sqlite_world: World) -> None:
    def counts() -> dict[str, int]:
        with sqlite_world.wired.database.read() as session:
            return {
                table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
                for table in METADATA.sorted_tables
            }

    before = counts()
    for what in (*WHAT_IFS, {"revenue": "NaN"}):
        visitor.get(address(what))
        visitor.get(address(what, f"{EXPLORER}/facts.json"))
    assert counts() == before


@pytest.mark.parametrize("what", WHAT_IFS, ids=lambda what: "-".join(map(str, what.values())))
def test_curves_hold_the_amount_and_stay_under_the_maximum(
    what: dict[str, Any], visitor: FlaskClient
) -> None:
    form = explorer.form_of(explorer.answers(what), visitor.application.wired.clock.now().date())  # type: ignore[attr-defined]
    assert form.check()
    found = explorer.WhatIf.of(form)
    total = penalties.compute(found.facts()).total
    drawn = dict(explorer.curves(found))
    assert set(drawn) - {"revenue"} <= {"severity", "days"}
    for curve in drawn.values():
        assert curve.here is not None
        assert curve.here.amount == total
        points = curve.sorted()
        assert len(points) >= 30
        assert [p.amount for p in points] == sorted(p.amount for p in points)
        assert all(p.maximum is not None and p.amount <= p.maximum for p in points)


def test_a_what_if_is_quick(visitor: FlaskClient) -> None:
    visitor.get(EXPLORER)
    spent = []
    for _ in range(3):
        before = time.process_time()
        visitor.get(address(WHAT_IFS[2]))
        spent.append(time.process_time() - before)
    assert min(spent) < 0.3


@pytest.mark.parametrize(
    ("changes", "at", "words"),
    [
        ({"revenue": Decimal(-1)}, "revenue", "out of bounds"),
        ({"rate": Decimal(0)}, "rate", "out of bounds"),
        ({"percent": Decimal(101)}, "percent", "out of bounds"),
    ],
)
def test_what_only_the_law_refuses_is_said_at_its_field(
    sqlite_world: World, changes: dict[str, Any], at: str, words: str
) -> None:
    form = explorer.form_of({"regime": "eu-ai-act"}, sqlite_world.clock.now().date())
    assert form.check()
    assert explorer.work_out(form, explorer.WhatIf.of(form).but(**changes)) is None
    assert [field for field, _ in form.problems()] == [at]
    assert words in form.problems()[0][1]
