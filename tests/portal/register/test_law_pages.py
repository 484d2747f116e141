"""The law as pages for everybody: every value with citation, status and source, and its history."""

from __future__ import annotations

import re
from datetime import date, timedelta

import flask
import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from portal.law import accelerators, methods, risk, statute
from portal.register import law_history, law_views, law_words
from portal.register.law_history import Version
from portal.ui.formats import date_only
from portal.web import Zone
from tests.fixtures.app import World
from tests.portal.register.conftest import page

REGIMES = [pack.id for pack in statute.regimes()]

PAGES = (
    *("/law", "/law/taxonomies", "/law/accelerators", "/law/explorer", "/law/office"),
    *(f"/law/{regime}" for regime in REGIMES),
    *(f"/law/methods/{method.id}" for method in methods.methods()),
)


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_the_law_are_valid_and_say_that_they_are_no_advice(visitor: FlaskClient, path: str) -> None:
    shown = page(visitor, path)
    assert "not legal advice" in shown
    assert shown.count("<h1") == 1
    assert "Set-Cookie" not in visitor.get(path).headers


@pytest.mark.parametrize("regime", REGIMES)
def test_a_regime_is_read_with_every_citation(visitor: FlaskClient, regime: str) -> None:
    shown, pack = page(visitor, f"/law/{regime}"), statute.load(regime)
    text = re.sub(r"<[^>]+>", " ", shown)
    for value in pack.values:
        assert str(value.citation).replace("&", "&amp;") in shown, value.key
        assert date_only(value.valid_from) in shown
    for reading in pack.readings.values():
        assert all(option.label.replace("'", "&#39;") in shown for option in reading.options)
    unread = sum(not value.verified for value in pack.values)
    assert text.count("Not verified") >= unread
    assert "".join(pack.digest.removeprefix("sha256:")[:4]) in text


def test_a_status_is_a_word(visitor: FlaskClient) -> None:
    listed = page(visitor, "/law")
    assert "Proposed, covers nobody" in listed
    assert "Enacted, in force" in listed
    assert all(pack.name in listed for pack in statute.regimes())


def test_a_law_that_has_not_begun_says_so(visitor: FlaskClient, sqlite_world: World) -> None:
    sqlite_world.at(sqlite_world.clock.at.replace(year=2026, month=11))
    assert "Enacted, not in force yet" in page(visitor, "/law/ny-raise")
    assert "Not on this day: from" in page(visitor, "/law/ny-raise")
    assert "Nothing yet: conduct can be penalised from 1 Jan 2027 on." in page(visitor, "/law/ny-raise")


@pytest.mark.parametrize("name", ["mars", "methods", "methods/mars", "eu-ai-act-101", "..", "EU-AI-ACT"])
def test_an_unknown_regime_is_not_found(visitor: FlaskClient, name: str) -> None:
    assert visitor.get(f"/law/{name}").status_code == 404


@pytest.mark.parametrize("regime", [*REGIMES, statute.OFFICE])
def test_each_value_leads_to_the_source_that_was_read(visitor: FlaskClient, regime: str) -> None:
    shown = page(visitor, f"/law/{regime}")
    sources = {value.source for value in statute.load(regime).values}
    for source in sources:
        place = re.search(rf'id="source-(\d+)">{re.escape(source)}', shown.replace("&amp;", "&"))
        assert place, source
        assert f'href="#source-{place[1]}"' in shown
    assert set(re.findall(r'href="#([^"]+)"', shown)) <= set(re.findall(r'id="([^"]+)"', shown))


def test_a_law_is_told_in_four_sentences_first(visitor: FlaskClient) -> None:
    shown = page(visitor, "/law/eu-ai-act")
    assert "high-impact capabilities by training compute over 10^25 FLOP." in shown
    assert "Maximum, share of turnover: 3 %. The higher of the two holds." in shown
    assert "First report: critical infrastructure disrupted: 2 days." in shown
    proposal = page(visitor, "/law/aaif-proposal")
    assert "Nobody: this is a proposal. It would cover:" in proposal
    assert "The text states no amount." in proposal
    assert "And " not in page(visitor, "/law/il-sb315").partition("What is due")[2].partition("</li>")[0][:60]


@pytest.mark.parametrize("regime", [*REGIMES, statute.OFFICE])
def test_a_reading_says_by_whom_when_and_why(visitor: FlaskClient, regime: str) -> None:
    shown = page(visitor, f"/law/{regime}")
    for reading in statute.load(regime).readings.values():
        told = shown.partition(str(escape(reading.question)))[2].partition("<h3>")[0]
        for words in (reading.citation, reading.by, date_only(reading.on), reading.why):
            assert str(escape(words)) in told, reading.key
        assert told.count("</span> <b>") == len(reading.options)


def test_a_law_without_history_says_so_and_names_its_version(visitor: FlaskClient) -> None:
    shown = page(visitor, "/law/ca-tfaia")
    assert "No value has changed since it began" in shown
    assert "Came with this release" in shown
    assert "Holds now" in shown


def raised(from_day: date, amount: str) -> statute.Pack:
    """The EU pack with a fixed amount that is followed by another."""
    text = statute.load("eu-ai-act").text
    start = text.index('[[value]]\nkey = "penalty.fixed"')
    row = text[start:].partition("\n\n")[0]
    last = from_day - timedelta(days=1)
    old = row.replace("from = 2026-08-02", f"from = 2026-08-02\nto = {last}")
    new = row.replace("from = 2026-08-02", f"from = {from_day}").replace("15000000", amount)
    return statute.parse(text.replace(row, f"{old}\n\n{new}"), "raised")


def test_a_value_that_changed_shows_old_and_new_with_dates(visitor: FlaskClient) -> None:
    new = raised(date(2027, 3, 1), "20000000")
    page_of, app = law_views.regime, visitor.application
    assert isinstance(app, Zone)
    with (
        app.test_request_context("/law/eu-ai-act"),
        app.wired.database.read() as flask.g.session,
        statute.using(new),
    ):
        shown = " ".join(page_of("eu-ai-act").split())
    changed = shown.partition("Values that changed")[2].partition("</table>")[0]
    for words in ("EUR 15,000,000.00", "28 Feb 2027", "EUR 20,000,000.00", "1 Mar 2027", "Art. 101(1)"):
        assert words in changed
    assert "Maximum, fixed amount: EUR 20,000,000.00. Maximum, share" in shown


@pytest.mark.parametrize(
    ("live_from", "newest", "shipped"),
    [(date(2027, 3, 1), "Holds now", "Held before"), (date(2028, 1, 1), "Not live yet", "Holds now")],
)
def test_a_later_version_stands_with_what_it_changes(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch, live_from: date, newest: str, shipped: str
) -> None:
    new = raised(live_from, "20000000")

    def versions_of(_session: object, pack: statute.Pack) -> tuple[Version, ...]:
        return (Version(pack, None, "Came with this release"), Version(new, live_from, "Approved"))

    monkeypatch.setattr(law_history, "versions_of", versions_of)
    shown = page(visitor, "/law/eu-ai-act")
    rows = shown.partition("Versions</caption>")[2].partition("</table>")[0].split("<tr>")
    assert newest in rows[2]
    assert new.digest.removeprefix("sha256:")[:12] in rows[2]
    assert date_only(live_from) in rows[2]
    assert shipped in rows[3]
    changes = shown.partition("Old and new values</caption>")[2].partition("</table>")[0]
    assert "penalty.fixed" in changes
    assert date_only(live_from) in changes
    assert "20000000" in changes


@pytest.mark.parametrize("method", [method.id for method in methods.methods()])
def test_a_method_is_read_as_its_ordered_steps(visitor: FlaskClient, method: str) -> None:
    shown, found = page(visitor, f"/law/methods/{method}"), methods.load(method)
    steps = shown.partition("Steps of the method")[2].partition("</table>")[0].split("<tr>")[2:]
    assert len(steps) == len(found.steps)
    for number, (row, step) in enumerate(zip(steps, found.steps, strict=True), 1):
        assert f'data-n="{number}"' in row
        assert str(escape(step.text("citation") or found.citation)) in row
        assert str(escape(step.text("label"))) in row
        assert "{" not in row
    for table in found.tables:
        assert date_only(table.valid_from) in shown
        assert str(escape(table.source)) in shown
    assert found.digest.removeprefix("sha256:")[:4] in shown
    assert ("Illustration, never served" in shown) == (found.status == "proposed")


def test_a_table_with_versions_shows_them_beside_each_other(visitor: FlaskClient) -> None:
    shown = page(visitor, "/law/methods/ussg-ch8")
    row = shown.partition('<span class="nowrap">38</span>')[2].partition("</tr>")[0]
    assert re.findall(r"USD [\d,.]+", row) == [
        "USD 72,500,000.00",
        "USD 150,000,000.00",
        "USD 150,000,000.00",
    ]
    assert "Not verified</span> the version from 1 Nov 2026; the first day, 1 Nov 1991." in shown


def test_a_method_names_the_laws_that_use_it(visitor: FlaskClient) -> None:
    used = page(visitor, "/law/methods/share-of-maximum").partition("Used by")[2]
    assert 'href="/law/eu-ai-act"' in used
    assert "aaif-proposal" not in used
    assert "No law of this release names it" in page(visitor, "/law/methods/nl-2019")


def test_every_accelerator_stands_in_the_table_with_its_source(visitor: FlaskClient) -> None:
    shown, table = page(visitor, "/law/accelerators"), accelerators.load()
    assert all(str(escape(chip.name)) in shown for chip in table.chips.values())
    assert shown.count("<tr>") == len(table.chips) + 1
    assert table.source in shown
    assert table.citation in shown
    assert f"{table.utilisation[1]}, from {table.utilisation[0]} to {table.utilisation[2]}" in shown


def test_taxonomies_say_where_tiers_are_missing_and_what_relates(visitor: FlaskClient) -> None:
    shown = page(visitor, "/law/taxonomies")
    assert "No tiers" in shown
    for one in risk.taxonomies():
        assert all(str(escape(category.name)) in shown for category in one.categories)
        tiers = [tier for category in one.categories for tier in category.tiers]
        assert all(str(escape(tier.description)) in shown for tier in tiers)
    assert "Narrower than" in shown
    assert "Published exploits".lower() in shown.lower()


def test_a_step_from_memory_or_made_up_is_not_called_verified() -> None:
    def held(name: str) -> dict[str, bool]:
        return {step.label: step.verified for step in law_words.steps(methods.load(name))}

    assert not any(held("aaif-proposal").values())
    assert not held("ec-2006")["Leniency, settlement"]
    [basic] = [table for table in law_words.tables(methods.load("nl-2019")) if table.unverified]
    assert basic.unverified == ("the first day, 15 Mar 2019", "IV")
    fine = law_words.tables(methods.load("ussg-ch8"))[0]
    assert fine.unverified == ("the version from 1 Nov 2026", "the first day, 1 Nov 1991")
