"""The comparison of a real report with a real assessment, and the appointment of an evaluator by page."""

from __future__ import annotations

from typing import Any

from evaluator import assessments
from portal.review import comparing, facts
from portal.review.tables import Case
from secure_access.identity import Actor
from tests.fixtures.app import form_of
from tests.fixtures.evaluator import Evaluation

GAP = {
    "at_least": "3",
    "cannot_rule_out": "4",
    "why": "Two long tasks stopped at the token limit.",
    "confidence": "moderate",
    "basis": "n = 120",
    "method": "Agents.",
}


def appoint(made: Evaluation, **answers: Any) -> Any:
    client = made.world.client("government", made.case_officer)
    path = f"/cases/{made.case.reference}/evaluator"
    page = client.get(path)
    assert page.status_code == 200
    days = {
        f"window_{edge}-{part}": value
        for edge, month in (("from", "6"), ("until", "7"))
        for part, value in (("day", "1"), ("month", month), ("year", "2027"))
    }
    given = {"evaluator": str(made.body.id), "categories": ["cyber"], "questions": "Tier 3?"}
    return client.post(path, data=form_of(page.text) | days | given | answers)


def test_an_accredited_body_is_appointed(sqlite_evaluation: Evaluation) -> None:
    made = sqlite_evaluation
    page = made.world.client("government", made.case_officer).get(f"/cases/{made.case.reference}/evaluator")
    assert made.body.name not in page.text
    made.accredited(("cyber",))
    assert appoint(made).status_code == 303
    shown = made.world.client("government", made.case_officer).get(f"/cases/{made.case.reference}/comparison")
    assert "waits for the declaration of conflicts" in shown.text


def test_what_cannot_be_appointed(sqlite_evaluation: Evaluation) -> None:
    made = sqlite_evaluation
    made.accredited(("cyber",))
    for answers, words in (
        ({"evaluator": ""}, "Choose an accredited body"),
        ({"categories": []}, "Choose at least one category"),
        ({"categories": ["astrology"]}, "Choose at least one category"),
        ({"categories": ["cbrn"]}, "does not cover: cbrn"),
        ({"window_from-day": "31"}, "There is no such date"),
        ({"window_until-day": "", "window_until-month": "", "window_until-year": ""}, "Give this date"),
    ):
        refused = appoint(made, **answers)
        assert refused.status_code == 422
        assert words in refused.text
        assert "Tier 3?" in refused.text


def gathered(made: Evaluation) -> facts.Facts:
    with made.world.wired.database.read() as session:
        return facts.one(session, session.get_one(Case, made.case.id))


def picture(made: Evaluation) -> Any:
    with made.world.wired.database.read() as session:
        found = facts.one(session, session.get_one(Case, made.case.id))
        return comparing.chart_of(session, found, now=made.now)


def test_before_an_assessment_the_developer_stands_alone(sqlite_evaluation: Evaluation) -> None:
    chart = picture(sqlite_evaluation)
    assert {row.evaluator_words for row in chart.rows} == {"No independent assessment"}


def test_the_gap_is_drawn_and_counted(sqlite_evaluation: Evaluation) -> None:
    made = sqlite_evaluation
    subject = next(one for one in made.subjects() if one.category == "cyber")
    engagement, _ = made.drafted(**{assessments.row_key(subject): GAP})
    made.submit(engagement)
    row = next(row for row in picture(made).rows if row.category.startswith("Cyber"))
    assert row.gap()
    assert row.flag is not None
    assert (row.at_least, row.not_ruled_out, row.flag.state) == (3, 4, "open")
    found = gathered(made)
    assert f"{found.open_flags[0].code}" == row.flag.reference
    assert "open" in picture(made).finding
    pages = made.world.client("government", made.case_officer)
    for tab in ("", "/comparison", "/history"):
        assert pages.get(f"/cases/{made.case.reference}{tab}").status_code == 200
    developer: Actor = made.developer.preparer
    own = made.world.client("developer", developer).get(f"/cases/{made.case.reference}/flags")
    assert row.flag.reference in own.text
