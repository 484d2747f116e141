"""The evaluator's pages and the accreditation form, as a person uses them."""

from __future__ import annotations

import io
import json

import html5lib
import pytest

from evaluator import assessments
from secure_access.identity import OrganisationKind
from tests.fixtures.app import form_of, without_tokens
from tests.fixtures.evaluator import Evaluation, evaluation_log


def typed(evaluation: Evaluation, **changes: str) -> dict[str, str]:
    answers = evaluation.answers()
    fields = {f"{key}/{name}": value for key, row in answers["rows"].items() for name, value in row.items()}
    return {**fields, "recommendation": "release", "summary": "Nothing above tier 1.", **changes}


def test_from_the_list_to_a_submitted_assessment_with_its_receipt(sqlite_evaluation: Evaluation) -> None:
    engagement = sqlite_evaluation.appointed()
    client = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    base = f"/engagements/{engagement.reference}"
    assert "Declare conflicts" in client.get("/engagements").text
    shown = client.get(base).text
    assert (
        client.post(
            f"{base}/declare", data={**form_of(shown, f"{base}/declare"), "declared": "none"}
        ).status_code
        == 303
    )
    assert "this reading is recorded" in client.get(f"{base}/filing").text
    page = client.get(f"{base}/assessment").text
    html5lib.HTMLParser(strict=True).parse(page)
    evidence = (io.BytesIO(evaluation_log()), "range-42.eval")
    data = {
        **form_of(page),
        **typed(sqlite_evaluation),
        "do": "submit",
        "evidence": evidence,
        "label": "range-42",
    }
    assert client.post(f"{base}/assessment", data=data).status_code == 303
    assert "proof follows" in client.get(f"{base}/assessment").text
    sqlite_evaluation.world.run_jobs()
    final = client.get(f"{base}/assessment").text
    assert "Nothing above tier 1." in final
    assert "<dt>solved, accuracy</dt><dd>0.25</dd>" in final
    assert final.count("Two weeks.") == sum("limits" in name for name in typed(sqlite_evaluation)) - 2
    receipt = client.get(f"{base}/receipt.json")
    assert json.loads(receipt.text)
    assert receipt.headers["Content-Disposition"].startswith("attachment")


def test_a_form_with_mistakes_keeps_what_was_typed(sqlite_evaluation: Evaluation) -> None:
    engagement = sqlite_evaluation.declared()
    client = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    base = f"/engagements/{engagement.reference}/assessment"
    page = client.get(base).text
    data = {**form_of(page), **typed(sqlite_evaluation, summary=""), "access": "Typed words.", "do": "submit"}
    answer = client.post(base, data=data)
    assert answer.status_code == 422
    assert "Write a summary that can be published." in answer.text
    assert "Typed words." in answer.text
    assert "Typed words." in client.get(base).text


def test_a_kind_of_file_that_is_not_taken_leaves_nothing(sqlite_evaluation: Evaluation) -> None:
    engagement = sqlite_evaluation.declared()
    client = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    base = f"/engagements/{engagement.reference}/assessment"
    data = {
        **form_of(client.get(base).text),
        **typed(sqlite_evaluation),
        "do": "save",
        "evidence": (io.BytesIO(b"MZ\x90\x00 program"), "tool.exe"),
    }
    vault = sqlite_evaluation.world.wired.settings.home / "vault"
    before = [path for path in vault.rglob("*") if path.is_file()]
    answer = client.post(base, data=data)
    assert answer.status_code == 422
    assert "tool.exe" in answer.text
    assert [path for path in vault.rglob("*") if path.is_file()] == before


def test_a_conflict_has_to_be_described(sqlite_evaluation: Evaluation) -> None:
    engagement = sqlite_evaluation.appointed()
    client = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    base = f"/engagements/{engagement.reference}"
    hidden = form_of(client.get(base).text, f"{base}/declare")
    client.post(f"{base}/declare", data={**hidden, "declared": "conflict", "conflict": " "})
    assert "Say what the conflict is" in client.get(base).text
    hidden = form_of(client.get(base).text, f"{base}/declare")
    client.post(f"{base}/declare", data={**hidden, "declared": "conflict", "conflict": "We hold shares."})
    assert "This engagement has ended" in client.get(base).text
    assert client.get(f"{base}/filing").status_code == 403


@pytest.mark.parametrize("path", ["", "/filing", "/assessment", "/receipt.json"])
def test_another_body_sees_the_page_for_no_such_thing(sqlite_evaluation: Evaluation, path: str) -> None:
    engagement = sqlite_evaluation.declared()
    world = sqlite_evaluation.world
    other = world.person(world.organisation(OrganisationKind.EVALUATOR), *sqlite_evaluation.officer.roles)
    answer = world.client("evaluator", other).get(f"/engagements/{engagement.reference}{path}")
    missing = world.client("evaluator", other).get(f"/engagements/E-1999-001{path}")
    assert answer.status_code == missing.status_code == 404
    assert without_tokens(answer.text) == without_tokens(missing.text)


def test_there_is_no_receipt_before_submission(sqlite_evaluation: Evaluation) -> None:
    engagement, _ = sqlite_evaluation.drafted()
    client = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    assert client.get(f"/engagements/{engagement.reference}/receipt.json").status_code == 404


def test_an_attachment_of_the_filing_is_a_recorded_download(sqlite_evaluation: Evaluation) -> None:
    engagement = sqlite_evaluation.declared()
    with sqlite_evaluation.world.wired.database.read() as session:
        attached = assessments.documents.for_subject(session, f"filing:{sqlite_evaluation.filing.id}")
    client = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    for item in attached:
        answer = client.get(f"/engagements/{engagement.reference}/filing/documents/{item.document.id}")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")


def test_the_accreditation_form(sqlite_evaluation: Evaluation) -> None:
    client = sqlite_evaluation.world.client("government", sqlite_evaluation.accreditor)
    assert client.get("/accreditations").status_code == 200
    page = client.get("/accreditations/new").text
    assert client.post("/accreditations/new", data=form_of(page)).status_code == 422
    dates = {
        f"{name}-{part}": value
        for name, day in (("valid_from", ("1", "6", "2027")), ("valid_until", ("31", "5", "2029")))
        for part, value in zip(("day", "month", "year"), day, strict=True)
    }
    data = {
        **form_of(page),
        "evaluator": str(sqlite_evaluation.body.id),
        "categories": ["cyber"],
        "grounds": "Shown.",
    }
    swapped = {**dates, "valid_until-year": "2020"}
    assert "before the first" in client.post("/accreditations/new", data={**data, **swapped}).text
    assert client.post("/accreditations/new", data={**data, **dates}).status_code == 303
    listed = client.get("/accreditations").text
    assert sqlite_evaluation.body.name in listed
    row = listed.partition(f"<h3>{sqlite_evaluation.body.name}")[2].partition("<h3>")[0]
    action = next(part.split('"')[0] for part in row.split('action="') if "/suspend" in part.split('"')[0])
    assert client.post(action, data=form_of(listed, action)).status_code == 303
    again = client.get("/accreditations").text.partition(f"<h3>{sqlite_evaluation.body.name}")[2]
    assert "Suspended" in again.partition("<h3>")[0]


def test_what_waits_stands_on_the_first_page(sqlite_evaluation: Evaluation) -> None:
    officer = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    assessor = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.assessor)
    engagement = sqlite_evaluation.appointed()
    assert "Declare conflicts of interest" in officer.get("/").text
    assert "Declare conflicts of interest" not in assessor.get("/").text
    engagement = sqlite_evaluation.without_conflict(engagement)
    assert "Submit the independent assessment" in assessor.get("/").text
    sqlite_evaluation.draft_of(engagement)
    sqlite_evaluation.submit(engagement)
    assert "Submit the independent assessment" not in assessor.get("/").text
