"""Earlier penalties over time: each change a record, the worksheets it reaches, and what stops until then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from portal.enforcement import notices, outdated, pictures, priors, tasks, worksheets
from portal.enforcement.priors import Changed
from portal.enforcement.tables import PriorViolation, Worksheet
from portal.enforcement.workflow import WorksheetState
from secure_access import ledger
from secure_access.workflow import Denied, NotFound
from tests.fixtures.enforcement import REFERRED, Bench
from tests.portal.enforcement.test_enforcement_pages import client, page, post

ASIDE = Changed("set_aside", "Appellate Division, 3 September 2027.")


def on_file(bench: Bench, row: Worksheet) -> PriorViolation:
    with bench.world.wired.database.read() as session:
        return priors.relied_on(priors.recorded(session, row.developer_id))[0]


def happened(bench: Bench, prior: PriorViolation, what: Changed = ASIDE) -> PriorViolation:
    with bench.world.wired.database.write() as session:
        found = priors.load(session, prior.id, by=bench.officer, for_update=True)
        return priors.change(session, found, what, by=bench.officer, now=bench.now)


def listed(bench: Bench, row: Worksheet) -> list[str]:
    with bench.world.wired.database.read() as session:
        found = outdated.listed(session, by=bench.officer)
    return [one.words for kept, stale in found if kept.reference == row.reference for one in stale]


def stale(bench: Bench, row: Worksheet) -> list[str]:
    with bench.world.wired.database.read() as session:
        found = worksheets.load(session, row.reference, by=bench.officer)
    return [one.words for one in found.stale]


def test_a_prior_set_aside_reaches_the_worksheet_that_counted_it(bench: Bench) -> None:
    row = bench.referred()
    assert row.result["priors_counted"] == ["P1"]
    assert listed(bench, row) == []
    happened(bench, on_file(bench, row))
    words = ["P1 (Index No. 1) no longer counts: it was set aside"]
    assert listed(bench, row) == stale(bench, row) == words
    with pytest.raises(Denied, match=r"a new calculation: P1 \(Index No\. 1\) no longer counts"):
        bench.prepared(row)
    again = bench.step(row, worksheets.again, bench.officer)
    assert (again.version, again.maximum_minor) == (2, 100_000_000)
    assert again.change_reason == words[0]
    assert bench.desk.fresh(row).state is WorksheetState.SUPERSEDED
    assert listed(bench, row) == stale(bench, again) == []
    with pytest.raises(Denied, match="still holds"):
        bench.step(again, worksheets.again, bench.officer)


def test_every_record_stays_and_is_in_the_ledger(bench: Bench) -> None:
    row = bench.referred()
    first = on_file(bench, row)
    second = happened(bench, first)
    happened(bench, second, Changed("appeal", "Leave to appeal granted."))
    with bench.world.wired.database.read() as session:
        found = priors.load(session, first.id, by=bench.officer)
        types = [e.type for e in ledger.entries(session, about=f"prior:{first.id}")]
    assert [one.status for one in found.rows] == ["final", "set_aside", "under_appeal"]
    assert [one.final_on for one in found.rows] == [date(2027, 4, 1), None, None]
    assert (found.first.id, found.rows[1].replaces_id) == (first.id, first.id)
    assert types == ["prior.changed", "prior.changed"]
    assert {one.recorded_at for one in found.rows} == {bench.now}


def test_a_reduced_prior_still_counts(bench: Bench) -> None:
    row = bench.referred()
    happened(bench, on_file(bench, row), Changed("reduce", "Settled at half.", final_on=date(2027, 6, 1)))
    assert stale(bench, row) == []
    with bench.world.wired.database.read() as session:
        [use] = priors.uses(
            session, priors.load(session, on_file(bench, row).id, by=bench.head), by=bench.head
        )
    assert (use.worksheet.id, use.id, use.fallen) == (row.id, "P1", None)


def test_reduced_and_final_after_the_conduct_it_counts_no_more(sqlite_bench: Bench) -> None:
    row = sqlite_bench.referred()
    what = Changed("reduce", "Judgment of 1 September.", final_on=date(2027, 9, 1))
    happened(sqlite_bench, on_file(sqlite_bench, row), what)
    assert stale(sqlite_bench, row) == [
        "P1 (Index No. 1) no longer counts: it became final after the conduct"
    ]


def test_nothing_is_sent_that_rests_on_a_prior_that_fell(bench: Bench) -> None:
    notice = bench.written(bench.referred())
    with bench.world.wired.database.read() as session:
        row = session.get_one(Worksheet, notice.worksheet_id)
    happened(bench, on_file(bench, row))
    with pytest.raises(Denied, match=r"no longer counts.*Calculate the worksheet again"):
        bench.send(notice)
    with bench.world.wired.database.read() as session:
        waiting = [task.what for task in tasks.tasks(session, by=bench.officer, now=bench.now)]
        assert notices.standing(session, notice, now=bench.now).stale
    assert any(what.startswith(f"Calculate {row.reference} again") for what in waiting)


def test_what_was_sent_is_listed_and_stands(bench: Bench) -> None:
    notice = bench.sent(bench.referred())
    with bench.world.wired.database.read() as session:
        row = session.get_one(Worksheet, notice.worksheet_id)
    happened(bench, on_file(bench, row))
    assert len(listed(bench, row)) == 1
    with pytest.raises(Denied, match="A notice on it has been sent"):
        bench.step(row, worksheets.again, bench.officer)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (Changed("vanish", "x"), "from the list"),
        (Changed("set_aside", " "), "how this is known"),
        (Changed("make_final", "x"), "is final; “make final” is not possible"),
        (Changed("complete", "x", about="Same duty"), "Nothing would change"),
        (Changed("settle", "x"), "not possible then"),
    ],
)
def test_a_change_is_checked(sqlite_bench: Bench, what: Changed, words: str) -> None:
    row = sqlite_bench.referred()
    with pytest.raises(Denied, match=words):
        happened(sqlite_bench, on_file(sqlite_bench, row), what)


def test_final_needs_its_day(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_incident())
    prior = sqlite_bench.prior(violation, status="pending", final_on=None)
    with pytest.raises(Denied, match="the day on which it became so"):
        happened(sqlite_bench, prior, Changed("make_final", "No appeal."))
    made = happened(sqlite_bench, prior, Changed("make_final", "No appeal.", final_on=date(2027, 5, 1)))
    assert (made.status, made.final_on) == ("final", date(2027, 5, 1))


def test_a_decision_is_recorded_once(bench: Bench) -> None:
    violation = bench.alleged(bench.late_incident())
    bench.prior(violation)
    with pytest.raises(Denied, match="This decision is on file"):
        bench.prior(violation, status="set_aside")


def test_a_prior_that_is_relied_on_needs_what_it_was_for(bench: Bench) -> None:
    violation = bench.alleged(bench.late_incident())
    prior = bench.prior(violation, reason="")
    row = bench.drafted(violation, REFERRED)
    with pytest.raises(Denied, match=r"priors\[0\]\.reason is not stated"):
        bench.prepared(row)
    happened(bench, prior, Changed("complete", "Read in the decision.", about="A late report."))
    changed = bench.changed(row, replace(REFERRED, gravity_reason="Two days."))
    assert changed.facts["priors"][0]["reason"] == "A late report."
    assert bench.prepared(changed).state is WorksheetState.PREPARED


@pytest.mark.parametrize(
    ("link", "words"),
    [("predecessor", "hit a predecessor"), ("parent", "hit the parent"), ("same", "the same company")],
)
def test_priors_follow_the_economic_entity_and_say_so(sqlite_bench: Bench, link: str, words: str) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_incident())
    sqlite_bench.prior(violation, link=link)
    [prior] = pictures.priors(sqlite_bench.drafted(violation, REFERRED))
    assert prior.counted
    assert words in prior.why


def test_priors_do_not_exist_for_others(bench: Bench) -> None:
    prior = on_file(bench, bench.referred())
    for actor in (bench.desk.officer, bench.desk.decider, bench.desk.developer, bench.desk.evaluator):
        with bench.world.wired.database.read() as session:
            with pytest.raises(NotFound):
                priors.load(session, prior.id, by=actor)
            with pytest.raises(NotFound):
                outdated.listed(session, by=actor)
    with bench.world.wired.database.read() as session, pytest.raises(NotFound):
        priors.load(session, bench.officer.person_id, by=bench.officer)


def test_the_pages_of_a_prior_that_falls(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    row = bench.referred()
    officer = client(bench, bench.officer)
    prior = on_file(bench, row)
    at, sheet = f"/penalties/priors/{prior.id}", f"/penalties/worksheets/{row.reference}"
    assert f'href="{at}"' in page(officer, sheet)
    assert f"{row.reference}, version 1" in page(officer, at)
    data: dict[str, Any] = {"act": "set_aside", "about": "Same duty", "change_reason": ""}
    assert "Say how this is known" in post(officer, at, f"{at}/state", data, 422)
    wrong = {**data, "act": "reduce", "change_reason": "x", "final_on-day": "31", "final_on-month": "2"}
    assert "There is no such date" in post(
        officer, at, f"{at}/state", {**wrong, "final_on-year": "2027"}, 422
    )
    refused = {**data, "act": "complete", "change_reason": "x"}
    assert "Nothing would change" in post(officer, at, f"{at}/state", refused, 422)
    later = post(officer, at, f"{at}/state", {**data, "change_reason": "Appellate Division, 3 September."})
    text = page(officer, later)
    assert "Would not count" in text
    assert "Appellate Division, 3 September." in text
    assert "Prior fell" in page(officer, "/penalties/")
    text = page(officer, sheet)
    assert "It rests on what no longer holds" in text
    assert "What stops approval" in text
    post(officer, sheet, f"{sheet}/again", {})
    text = page(officer, sheet)
    assert "version 2" in text
    assert "It was set aside" in text
    assert "It rests on what no longer holds" not in text
    assert "A later version has replaced this one" in page(officer, f"{sheet}?version=1")
    page(client(bench, bench.desk.officer), at, 404)
