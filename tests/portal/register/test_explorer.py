"""The penalty explorer: it gives what the command line gives, says what it rests on, and keeps nothing."""

from __future__ import annotations

import json
import re
import time
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.law import cli, penalties, statute
from portal.register import explorer, explorer_form, explorer_pictures
from portal.tables import METADATA
from portal.ui import static
from portal.ui.charts import Columns
from portal.ui.formats import money
from tests.fixtures.app import World
from tests.portal.register.conftest import page

EXPLORER = "/law/explorer"
OUR_SCRIPT = f'<script src="{static("explorer.js")}" defer>'
WHAT_IFS: tuple[dict[str, Any], ...] = (
    {"regime": "eu-ai-act", "provision": "101(1)(b)", "severity": "high", "revenue": "402,836,000,000"},
    {"breach": "eu-ai-act:101(1)(d)", "percent": "12.5", "currency": "EUR", "revenue": "1"},
    {"regime": "eu-ai-act", "severity": "low", "priors": "3", "rate": "1.1307"},
    {"regime": "ca-tfaia", "severity": "very_high", "currency": "EUR"},
    {"regime": "ny-raise", "provision": "1422", "severity": "medium", "priors": "1"},
    {"regime": "ny-raise", "provision": "1428", "days": "19"},
    {"regime": "il-sb315", "percent": "0"},
    {"breach": "il-sb315:audit", "severity": "4", "revenue-step": "0", "revenue": ""},
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
    assert shown.partition("rests on values")[2].partition("</ul>")[0].count("<li>") == len(unread)
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
    assert "No penalty on that day: it starts on 1 Jan 2027" in shown
    own = page(visitor, address({"percent": "30"}))
    assert "Its schedule has words, no percentages" in own


def test_another_law_takes_its_own_provision(visitor: FlaskClient) -> None:
    shown = page(visitor, address({"regime": "ny-raise", "provision": "101(1)(b)"}))
    assert '<option value="ny-raise:1421" selected>' in shown
    assert '<optgroup label="New York Responsible AI Safety and Education Act (enacted)">' in shown


@pytest.mark.parametrize(
    ("what", "at", "words"),
    [
        ({"revenue": "NaN"}, "revenue", "Write a number in digits"),
        ({"percent": "NaN"}, "percent", "Write a percentage in digits, with a point before the parts of one"),
        ({"revenue": "1e400"}, "revenue", "Write a number in digits"),
        ({"revenue": "-1"}, "revenue", "from 0 to 10^15"),
        ({"revenue": "9" * 30}, "revenue", "from 0 to 10^15"),
        ({"revenue": "9" * 5000}, "revenue", "Write a number in digits"),
        ({"revenue": "0.001"}, "revenue", "a cent is the least"),
        ({"revenue-step": "38"}, "revenue-step", "Move the slider"),
        ({"revenue-step": "-1"}, "revenue-step", "Move the slider"),
        ({"revenue-step": "x"}, "revenue-step", "whole number"),
        ({"rate": "0"}, "rate", "how many dollars a euro is"),
        ({"rate": ""}, "rate", "how many dollars a euro is"),
        ({"rate": "Infinity"}, "rate", "Write a number in digits"),
        ({"priors": "21"}, "priors", "from 0 to 20"),
        ({"priors": "-1"}, "priors", "from 0 to 20"),
        ({"priors": "1.5"}, "priors", "whole number"),
        ({"priors": ""}, "priors", "whole number"),
        ({"days": "0"}, "days", "from 1 to 3660"),
        ({"days": "9" * 79}, "days", "from 1 to 3660"),
        ({"percent": "101"}, "percent", "from 0 to 100"),
        ({"percent": "-0.1"}, "percent", "from 0 to 100"),
        ({"percent": "30", "regime": "aaif-proposal"}, "percent", "has words only"),
        ({"severity": "worst"}, "severity", "whole number"),
        ({"severity": "0"}, "severity", "from 1 to 4"),
        ({"severity": "5"}, "severity", "from 1 to 4"),
        ({"severity": ""}, "severity", "whole number"),
        ({"regime": "mars"}, "breach", "Choose one of the answers"),
        ({"regime": ""}, "breach", "Choose one of the answers"),
        ({"breach": "eu-ai-act:9"}, "breach", "Choose one of the answers"),
        ({"breach": ""}, "breach", "Choose one of the answers"),
        ({"currency": "XXX"}, "currency", "Choose one of the answers"),
        ({"on-day": "31", "on-month": "2"}, "on", "There is no such date"),
        ({"on-year": "1999"}, "on", "Write a day from 2026 to 2049"),
        ({"on-day": "", "on-month": "", "on-year": ""}, "on", "Write a day from 2026 to 2049"),
        ({"on-year": "2026", "on-month": "6", "regime": "ny-raise"}, "on", "it starts on 1 Jan 2027"),
        ({"on-year": "2026", "on-month": "7", "regime": "eu-ai-act"}, "on", "it starts on 2 Aug 2026"),
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
        if name in ("revenue", "rate", "days", "percent", "on-day", "on-month", "on-year") and kept:
            assert f'value="{kept}"' in shown, name
    assert len(re.findall(r'<input type="range"', shown)) == 3
    assert visitor.get(address(what, f"{EXPLORER}/facts.json")).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        "endpoint=x&_external=1&_scheme=javascript&_anchor=a&_method=POST",
        "revenue=%0a%ff%f0&percent=%3Cscript%3E",
        "regime=eu-ai-act&regime=ny-raise&on-day[]=1",
        "provision=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "breach=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&severity=%C2%B2&priors=%E0%A5%A7",
        "revenue-step=1e9&severity=99999999999999999999&on-year=%F0%9F%92%A3",
    ],
)
def test_hostile_addresses_change_nothing(visitor: FlaskClient, query: str) -> None:
    answer = visitor.get(f"{EXPLORER}?{query}")
    assert answer.status_code in (200, 422)
    assert re.findall("<script[^>]*>", answer.text) == [OUR_SCRIPT]
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
    form = explorer_form.form_of(explorer_form.answers(what), visitor.application.wired.clock.now().date())  # type: ignore[attr-defined]
    assert form.check()
    found = explorer.WhatIf.of(form)
    total = penalties.compute(found.facts()).total
    drawn = dict(explorer_pictures.sensitivity(found))
    assert {"severity", "revenue", "priors"} <= set(drawn)
    assert ("days" in drawn) == found.counts_days
    assert ("rate" in drawn) == (found.currency != found.money)
    for name, chart in drawn.items():
        points = chart.rows if isinstance(chart, Columns) else tuple(chart.sorted())
        here = [row for row in chart.rows if row.here] if isinstance(chart, Columns) else [chart.here]
        assert [one.amount for one in here if one] == [total], name
        assert len(points) >= (4 if isinstance(chart, Columns) else 30)
        ordered = sorted(p.amount for p in points)
        assert [p.amount for p in points] == (ordered[::-1] if name == "rate" else ordered), name
        assert all(p.maximum is not None and p.amount <= p.maximum for p in points)
        assert len(chart.cells()) == len(points)


def test_a_what_if_is_quick(visitor: FlaskClient) -> None:
    visitor.get(EXPLORER)
    spent = []
    for _ in range(3):
        before = time.thread_time()
        visitor.get(address(WHAT_IFS[2]))
        spent.append(time.thread_time() - before)
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
    form = explorer_form.form_of({"regime": "eu-ai-act"}, sqlite_world.clock.now().date())
    assert form.check()
    assert explorer.work_out(form, explorer.WhatIf.of(form).but(**changes)) is None
    assert [field for field, _ in form.problems()] == [at]
    assert words in form.problems()[0][1]


@pytest.mark.parametrize("what", WHAT_IFS, ids=lambda what: "-".join(map(str, what.values())))
def test_the_link_gives_the_same_page_again(visitor: FlaskClient, what: dict[str, Any]) -> None:
    shown = page(visitor, address(what))
    link = re.search(r'<a class="usa-link" href="([^"]+)">This what-if as a link', shown)
    assert link is not None
    again = page(visitor, unescape(link[1]))
    assert (
        again.partition('id="amount"')[2].partition("explorer__more")[0]
        == (shown.partition('id="amount"')[2].partition("explorer__more")[0])
    )
    assert link[0] in again
    file = re.search(r'href="(/law/explorer/facts\.json[^"]+)"', shown)
    assert file is not None
    assert visitor.get(unescape(file[1])).json == visitor.get(address(what, f"{EXPLORER}/facts.json")).json


def test_the_sliders_are_native_and_say_what_they_stand_at(visitor: FlaskClient) -> None:
    shown = page(visitor, address({"severity": "3", "revenue-step": "23", "priors": "2"}))
    form = shown.partition("<form")[2].partition("</form>")[0]
    assert 'method="get"' in form
    for name, last, at, words in (
        ("severity", 4, 3, "High, 50 % of the maximum"),
        ("revenue-step", 37, 23, "USD 5 billion"),
        ("priors", 20, 2, "2 earlier penalties"),
    ):
        slid = re.search(rf'<input type="range" id="{name}"[^>]*>', form)
        assert slid is not None
        assert f'max="{last}" step="1" value="{at}"' in slid[0]
        assert f'<label class="usa-label" for="{name}">' in form
        told = re.search(rf'<output for="{name}" aria-live="off">([^<]+)</output>', form)
        assert told is not None
        assert told[1] == words
        every = re.search(r'data-words="([^"]*)"', slid[0])
        assert every is not None
        assert unescape(every[1]).split("|")[at - (name == "severity")] == words


def test_what_is_written_exactly_counts_and_says_so(visitor: FlaskClient) -> None:
    shown = page(visitor, address({"revenue-step": "10", "revenue": "402836000000.5", "percent": "33"}))
    assert "402,836,000,000.5, as written below" in shown
    assert "33, as written below" in shown
    assert shown.count("The exact figure below counts; empty it to use the slider.") == 2
    assert "Revenue USD 402,836,000,000.50 of 2026" in shown
    round_one = page(visitor, address({"revenue": "5000000000"}))
    assert '<output for="revenue-step" aria-live="off">USD 5 billion</output>' in round_one
    assert "as written below" not in round_one


def test_the_illustrative_schedule_has_levels_without_a_share_of_the_maximum(visitor: FlaskClient) -> None:
    shown = page(visitor, address({"regime": "aaif-proposal", "severity": "high"}))
    assert '<output for="severity" aria-live="off">High</output>' in shown
    assert "Every figure of the schedule is made up" in shown
    assert "this authority’s own practice" not in shown
    named = shown.partition("rests on values")[2].partition("</ul>")[0]
    assert "Illustrative schedule for the Anthropic proposal (June 2026): rate" in named


def test_a_proposal_is_marked_and_what_was_typed_is_not_called_law(visitor: FlaskClient) -> None:
    bill = page(visitor, address({"regime": "il-sb315"}))
    assert "those of a bill that is no law" in bill
    assert "Illustration, never served" in bill
    eu = page(visitor, EXPLORER)
    first = eu.partition("Lines of the amount")[2].partition("</tr> <tr>")[2].partition("</tr>")[0]
    assert "Your facts" in first
    assert "Enacted" not in first
    assert "this authority’s own practice</a>, not the law" in eu
    assert "EU AI Act Art. 101(1) asks whether the breach was intentional or negligent." in eu


@pytest.mark.parametrize("revenue", ["0", "0.01", "1000000000000000"])
@pytest.mark.parametrize(
    "breach", ["eu-ai-act:101(1)(a)", "aaif-proposal:", "ny-raise:1428", "ny-raise:1422"]
)
def test_extreme_amounts_draw(visitor: FlaskClient, revenue: str, breach: str) -> None:
    for rest in ({}, {"rate": "0.01", "priors": "20", "days": "3660", "severity": "4"}):
        shown = page(visitor, address({"breach": breach, "revenue": revenue, **rest}))
        assert shown.count("<svg xmlns") >= 10
        assert not re.search(r'(?:x|y|width|height|points|d)="[^"]*(?:nan|inf)', shown, re.IGNORECASE)


def test_the_laws_stand_beside_each_other_in_one_currency(visitor: FlaskClient) -> None:
    what = {"breach": "ca-tfaia:22757.12", "revenue": "1000000000", "severity": "2", "rate": "1.25"}
    shown = page(visitor, address(what))
    table = shown.rpartition("The same facts under each law</caption>")[2]
    row = table.partition("EU AI Act</a>")[2].partition("</tr>")[0]
    assert re.findall(r"(?:EUR|USD) [\d,.]+\d", row) == [
        "EUR 24,000,000.00",
        "EUR 4,800,000.00",
        "USD 6,000,000.00",
    ]
    in_euro = page(visitor, address({**what, "currency": "EUR"})).rpartition("each law</caption>")[2]
    row = in_euro.partition("California TFAIA</a>")[2].partition("</tr>")[0]
    assert re.findall(r"(?:EUR|USD) [\d,.]+\d", row) == [
        "USD 1,000,000.00",
        "USD 200,000.00",
        "EUR 160,000.00",
    ]


def test_no_figure_reaches_a_log(
    visitor: FlaskClient,
    sqlite_world: World,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(0)
    for what in ({"revenue": "123456789123.45"}, {"revenue": "123456789123.45", "rate": "0"}):
        visitor.get(address(what))
        visitor.get(address(what, f"{EXPLORER}/facts.json"))
    home = sqlite_world.wired.settings.home
    written = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    told = "".join((caplog.text, *capfd.readouterr()))
    assert "123456789123" not in told
    assert not any(b"123456789123" in one for one in written)


def test_a_slider_does_not_stand_at_what_is_no_number(visitor: FlaskClient) -> None:
    answer = visitor.get(address({"percent": "NaN"}))
    assert answer.status_code == 422
    assert "as written below" not in answer.text
    assert '<output for="severity" aria-live="off">Medium, 20 % of the maximum</output>' in answer.text


def test_a_level_of_severity_and_a_law_are_named_in_words(visitor: FlaskClient) -> None:
    shown = page(visitor, address({"regime": "aaif-proposal", "severity": "very_high"}))
    assert "proposal: very high" in shown
    assert "very_high<" not in shown
