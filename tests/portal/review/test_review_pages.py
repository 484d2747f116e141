"""Pages of review: what each role sees, what a form keeps, and what is not there for others."""

from __future__ import annotations

import re
from typing import Any

import pytest

from portal.review.tables import DecisionKind
from portal.review.workflow import CaseState, RequestState
from tests.fixtures.app import form_of
from tests.fixtures.review import SECTIONS, Desk


def get(desk: Desk, who: str, path: str) -> Any:
    actor = getattr(desk, who)
    zone = {"regulator": "government", "developer": "developer", "evaluator": "evaluator"}
    return desk.world.client(zone[actor.organisation_kind], actor).get(path)


def send(desk: Desk, who: str, path: str, data: dict[str, Any], to: str = "") -> Any:
    """Fill in and send the form of a page; ``to`` is its action where it is not the page itself."""
    actor = getattr(desk, who)
    zone = {"regulator": "government", "developer": "developer", "evaluator": "evaluator"}
    client = desk.world.client(zone[actor.organisation_kind], actor)
    page = client.get(path)
    assert page.status_code == 200, page.text
    return client.post(to or path, data=form_of(page.text, to) | data)


def test_an_empty_queue_says_what_would_be_there(sqlite_desk: Desk) -> None:
    page = get(sqlite_desk, "officer", "/cases?view=mine")
    assert page.status_code == 200
    assert "A case appears here when a developer submits a filing" in page.text


def test_the_queue_shows_case_act_and_due(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.flag(case)
    page = get(desk, "officer", "/cases?view=mine").text
    for words in (case.reference, "Recommend a decision", "1 open", "<b>You</b>", "of 60 days left"):
        assert words in page
    assert case.reference not in get(desk, "decider", "/cases?view=mine").text


@pytest.mark.parametrize("view", ["team", "mine", "breaching", "waiting", "all", "nonsense"])
def test_every_view_answers(sqlite_desk: Desk, view: str) -> None:
    sqlite_desk.served(sqlite_desk.under_review())
    assert get(sqlite_desk, "officer", f"/cases?view={view}&page=99").status_code == 200


def listed(desk: Desk, view: str) -> set[str]:
    """References of a view on all of its pages: other tests leave cases in the same database."""
    references: set[str] = set()
    for number in range(1, 100):
        page = get(desk, "officer", f"/cases?view={view}&page={number}").text
        references |= set(re.findall(r"\bC-\d{4}-\d+\b", page))
        if f"page={number + 1}" not in page:
            return references
    raise AssertionError("A view has no last page.")


def test_breaching_and_waiting(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    late = desk.under_review()
    desk.later(days=100)
    assert late.reference in listed(desk, "breaching")
    assert late.reference not in listed(desk, "waiting")
    desk.served(late)
    assert late.reference in listed(desk, "waiting")
    assert late.reference not in listed(desk, "breaching")


@pytest.mark.parametrize(
    "tab", ["", "/filings", "/comparison", "/requests", "/decision", "/history", "/requests/new", "/plan/new"]
)
def test_every_tab_answers_and_only_to_reviewers(sqlite_desk: Desk, tab: str) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.flag(case)
    desk.plan_delivered(case)
    desk.answered(desk.served(case))
    desk.world.run_jobs()
    assert get(desk, "officer", f"/cases/{case.reference}{tab}").status_code == 200
    for nobody in ("reader", "developer"):
        assert get(desk, nobody, f"/cases/{case.reference}{tab}").status_code == 404


def test_the_brief_says_what_is_asked_and_how_long(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    page = get(desk, "officer", f"/cases/{case.reference}").text
    for words in (
        "Asked of you: recommend a decision",
        "60 days left",
        "No deemed approval",
        "Timeline of the case",
        "Write the recommendation",
    ):
        assert words in page


def test_a_filing_is_read_then_accepted(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.case()
    page = get(desk, "officer", f"/cases/{case.reference}/filings").text
    path = page.split('href="/cases/')[1:]
    link = next("/cases/" + part.split('"')[0] for part in path if "/filings/" in part.split('"')[0])
    refused = send(desk, "officer", link, {"do": "return", "reason": " "})
    assert refused.status_code == 422
    assert "Say what has to change" in refused.text
    assert send(desk, "officer", link, {"do": "accept"}).status_code == 303
    assert desk.fresh(case).state is CaseState.UNDER_REVIEW
    assert get(desk, "decider", link).status_code == 200


def test_a_request_form_keeps_what_was_typed_and_serves(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    path = f"/cases/{case.reference}/requests/new"
    typed = {"legal_basis": "Art. 91", "purpose": "Drills", "item-1": "When was the drill?", "item-2": " "}
    due = {"due-day": "20", "due-month": "6", "due-year": "2027"}
    added = send(desk, "officer", path, typed | due | {"do": "add"})
    assert 'name="item-3"' in added.text
    assert "When was the drill?" in added.text
    refused = send(desk, "officer", path, typed | due | {"do": "serve"})
    assert refused.status_code == 422
    assert "Item 2 is blank" in refused.text
    assert "When was the drill?" in refused.text
    removed = send(desk, "officer", path, typed | due | {"do": "remove-2"})
    assert 'name="item-2"' not in removed.text
    del typed["item-2"]
    wrong = send(desk, "officer", path, typed | due | {"do": "serve", "due-day": "31"})
    assert wrong.status_code == 422
    assert "There is no such date" in wrong.text
    assert send(desk, "officer", path, typed | due | {"do": "serve"}).status_code == 303
    assert "IR-2027" in get(desk, "officer", f"/cases/{case.reference}/requests").text


def test_a_developer_answers_item_by_item(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    request = desk.served(case)
    path = f"/requests/{request.reference}"
    assert send(desk, "developer", path, {"answer-1": "On 3 May.", "do": "save"}).status_code == 303
    assert "On 3 May." in get(desk, "developer", path).text
    shown = get(desk, "officer", f"/cases/{case.reference}/requests/{request.reference}").text
    assert "On 3 May." not in shown
    partial = send(desk, "developer", path, {"answer-1": "On 3 May.", "answer-2": "", "do": "send"})
    assert partial.status_code == 422
    assert "Only a complete answer ends the request" in partial.text
    whole = {"answer-1": "On 3 May.", "answer-2": "Two people.", "do": "send"}
    assert send(desk, "developer", path, whole).status_code == 303
    assert desk.fresh(request).state is RequestState.ANSWERED
    shown = get(desk, "officer", f"/cases/{case.reference}/requests/{request.reference}").text
    assert "Two people." in shown
    assert get(desk, "other_developer", path).status_code == 404


def test_a_file_comes_with_an_answer_and_is_read_after_it_is_sent(sqlite_desk: Desk) -> None:
    import io

    desk = sqlite_desk
    case = desk.under_review()
    request = desk.served(case, "When was the drill?")
    path = f"/requests/{request.reference}"
    bad = {"answer-1": "See file.", "do": "save", "file-1": (io.BytesIO(b"MZ\x90\x00"), "drill.exe")}
    assert send(desk, "developer", path, bad).status_code == 422
    good = {"answer-1": "See file.", "do": "save", "file-1": (io.BytesIO(b"a,b\n1,2\n"), "drill.csv")}
    assert send(desk, "developer", path, good).status_code == 303
    page = get(desk, "developer", path).text
    document = page.split(f"{path}/documents/")[1].split('"')[0]
    seen = f"/cases/{case.reference}/requests/{request.reference}/documents/{document}"
    assert get(desk, "officer", seen).status_code == 404
    assert send(desk, "developer", path, {"answer-1": "See file.", "do": "send"}).status_code == 303
    assert get(desk, "officer", seen).data == b"a,b\n1,2\n"
    assert get(desk, "other_developer", f"{path}/documents/{document}").status_code == 404


def test_a_plan_is_asked_approved_by_page(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    path = f"/cases/{case.reference}/plan/new"
    assert "No public outline" in get(desk, "officer", path).text
    desk.outline(case)
    refused = send(desk, "officer", path, {"purpose": "Check locks."})
    assert refused.status_code == 422
    assert "Choose at least one section" in refused.text
    assert "Check locks." in refused.text
    dates = {
        f"{name}-{part}": value
        for name, day in (("deliver_by", "9"), ("read_from", "2"), ("read_until", "30"))
        for part, value in (("day", day), ("month", "6"), ("year", "2027"))
    }
    whole = {
        "purpose": "Check locks.",
        "legal_basis": "Art. 91",
        "necessity": "Too short.",
        "sections": SECTIONS[:2],
        "readers": [str(desk.reader.person_id)],
    }
    made = send(desk, "officer", path, whole | dates)
    assert made.status_code == 303
    show = made.location
    assert "Only a plan approver can approve" in get(desk, "officer", show).text
    assert send(desk, "approver", show, {"do": "refuse", "reason": ""}).status_code == 422
    assert send(desk, "approver", show, {"do": "approve"}).status_code == 303
    own = get(desk, "certifier", show).text
    for words in ("Mira Lindqvist", "A. Brenner", "Check locks.", "Demonstration custody"):
        assert words in own


def test_a_decision_goes_from_form_to_the_developer(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.flag(case, "F-1")
    path = f"/cases/{case.reference}/decision/recommend"
    page = get(desk, "officer", path).text
    evidence = page.split('name="evidence"')[1].split('value="')[1].split('"')[0]
    whole = {
        "kind": DecisionKind.CONDITIONS.value,
        "channels": ["api"],
        "power": "EU AI Act Art. 93",
        "reasons": "Within the interval.",
        "evidence": [evidence],
        "condition-1": "Report drills",
        "condition-due-1": "2027-12-01",
    }
    refused = send(desk, "officer", path, whole)
    assert refused.status_code == 422
    assert "Flag F-1 is open" in refused.text
    assert "Within the interval." in refused.text
    whole |= {"flag-F-1": "carried", "flag-F-1-reason": "Condition 1 covers it."}
    wrong = send(desk, "officer", path, whole | {"condition-due-1": "soon"})
    assert wrong.status_code == 422
    assert "Write the date as" in wrong.text
    assert send(desk, "officer", path, whole).status_code == 303
    decision = f"/cases/{case.reference}/decision"
    assert "Only a decider can decide" in get(desk, "officer", decision).text
    assert send(desk, "decider", decision, {"do": "send_back", "reason": ""}).status_code == 422
    done = send(desk, "decider", decision, {"do": "decide"})
    assert done.status_code == 303
    listed = get(desk, "certifier", "/decisions").text
    own = "/decisions/D-" + listed.split("/decisions/D-")[1].split('"')[0]
    shown = get(desk, "certifier", own).text
    assert "is not a finding that the model is safe" in shown
    assert send(desk, "certifier", own, {"body": "", "grounds": "x"}).status_code == 422
    assert send(desk, "certifier", own, {"body": "Board", "grounds": "Too strict."}).status_code == 303
    assert get(desk, "other_developer", own).status_code == 404


def test_a_flag_is_replied_to_then_resolved(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.flag(case, "F-1")
    own = f"/cases/{case.reference}/flags"
    assert send(desk, "developer", own, {"reply": " "}, f"{own}/F-1").status_code == 422
    assert send(desk, "developer", own, {"reply": "We keep tier 2."}, f"{own}/F-1").status_code == 303
    page = f"/cases/{case.reference}/comparison"
    assert "We keep tier 2." in get(desk, "officer", page).text
    assert send(desk, "officer", page, {"reason": ""}, f"{own}/F-1").status_code == 422
    assert send(desk, "officer", page, {"reason": "Tested again."}, f"{own}/F-1").status_code == 303
    assert "Tested again." in get(desk, "officer", page).text
    assert get(desk, "other_developer", own).status_code == 404


def test_history_names_entries_of_this_case_only(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.world.run_jobs()
    page = get(desk, "officer", f"/cases/{case.reference}/history").text
    number = page.split(f"/cases/{case.reference}/history/")[1].split('"')[0]
    assert "assay ledger verify" in get(desk, "officer", f"/cases/{case.reference}/history/{number}").text
    assert get(desk, "officer", f"/cases/{case.reference}/history/999999").status_code == 404
