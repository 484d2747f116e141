"""The comparison of a real report with a real assessment, and the appointment of an evaluator by page."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from evaluator import assessments
from portal.review import comparing, facts
from portal.review.tables import Case
from secure_access import documents, ledger
from secure_access.identity import Actor, Organisation, conflicts
from secure_access.workflow import Role
from tests.fixtures.app import form_of
from tests.fixtures.evaluator import Evaluation

GAP = {
    "at_least": "3",
    "cannot_rule_out": "4",
    "why": "Two long tasks stopped at the token limit.",
    "confidence": "moderate",
    "basis": "n = 120",
    "method": "Agents, ten attempts a task.",
    "limits": "No run of more than ten hours.",
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


def assessed(made: Evaluation) -> tuple[str, str]:
    """The page of a submitted assessment in its case, and the address of its evidence."""
    subject = next(one for one in made.subjects() if one.category == "cyber")
    engagement, _ = made.drafted(**{assessments.row_key(subject): GAP})
    submitted = made.submit(engagement)
    with made.world.wired.database.read() as session:
        (document_id,) = assessments.evidence(session, submitted)
    page = f"/cases/{made.case.reference}/assessments/{submitted.reference}"
    return page, f"{page}/documents/{document_id}"


def test_the_officer_reads_scores_method_and_limits_and_opens_the_evidence(
    sqlite_evaluation: Evaluation,
) -> None:
    made = sqlite_evaluation
    page, file = assessed(made)
    client = made.world.client("government", made.case_officer)
    shown = client.get(page).text
    for words in (GAP["method"], GAP["limits"], GAP["why"], "Nothing above tier 1.", "quillmark/corvane-4"):
        assert words in shown
    assert "<dt>solved, accuracy</dt><dd>0.25</dd>" in shown
    assert file in shown
    compared = client.get(f"/cases/{made.case.reference}/comparison").text
    assert f'href="{page}">{GAP["basis"]}</a>' in compared.replace("N = 120", GAP["basis"])
    opened = client.get(file)
    with made.world.wired.database.read() as session:
        attached = documents.find(session, uuid.UUID(file.rpartition("/")[2]))
    assert hashlib.sha256(opened.get_data()).hexdigest() == attached.sha256
    assert opened.headers["Content-Disposition"].startswith("attachment")
    with made.world.wired.database.read() as session:
        entries = ledger.entries(session, f"document:{file.rpartition('/')[2]}")
    assert [entry.person_id for entry in entries if entry.type == "document.opened"] == [
        made.case_officer.person_id
    ]


def test_an_assessment_is_hidden_from_who_may_not_read_the_case(sqlite_evaluation: Evaluation) -> None:
    made = sqlite_evaluation
    addresses = assessed(made)
    authority = made.case_officer.organisation_id
    with made.world.wired.database.read() as session:
        office = session.get_one(Organisation, authority)
    barred = made.world.person(office, Role.CASE_OFFICER)
    with made.world.wired.database.write() as session:
        conflicts.declare(
            session,
            person_id=barred.person_id,
            developer_id=made.case.developer_id,
            reason="Held shares.",
            by=barred,
            now=made.now,
        )
    for reader in (barred, made.world.person(office, Role.ENFORCEMENT_OFFICER), made.accreditor):
        client = made.world.client("government", reader)
        assert [client.get(address).status_code for address in addresses] == [404, 404]


def test_an_assessment_of_another_case_and_a_draft_are_not_there(sqlite_evaluation: Evaluation) -> None:
    made = sqlite_evaluation
    page, file = assessed(made)
    client = made.world.client("government", made.case_officer)
    assert client.get(page.replace("/assessments/IA-", "/assessments/IB-")).status_code == 404
    assert client.get(page.replace(made.case.reference, "C-1999-001")).status_code == 404
    assert client.get(file.rpartition("/")[0] + "/6f3c9d1e-0000-4000-8000-00000000dead").status_code == 404
