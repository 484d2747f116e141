"""Smaller acts by page: taking a case, naming its decider, reading what hangs on it, withdrawing, ending."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest

from portal.filing import certification, service
from portal.filing.registry import ModelVersion
from portal.review import cases
from portal.review.tables import DecisionKind
from portal.review.workflow import ConditionState, PlanState, RequestState
from secure_access.identity import OrganisationKind
from secure_access.workflow import Role
from tests.fixtures.app import form_of
from tests.fixtures.filing import Developer
from tests.fixtures.review import Desk


def send(desk: Desk, who: str, path: str, data: dict[str, Any], to: str = "") -> Any:
    """Fill in and send a form of a page; ``to`` is its action where it is not the page itself."""
    actor = getattr(desk, who)
    client = desk.world.client("developer" if actor.organisation_kind == "developer" else "government", actor)
    page = client.get(path)
    assert page.status_code == 200
    return client.post(to or path, data=form_of(page.text, to) | data)


def page(desk: Desk, who: str, path: str) -> str:
    actor = getattr(desk, who)
    zone = "developer" if actor.organisation_kind == "developer" else "government"
    text: str = desk.world.client(zone, actor).get(path).text
    return text


def test_a_case_is_taken_and_its_decider_named(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.case()
    path = f"/cases/{case.reference}"
    assert send(desk, "officer", path, {}, f"{path}/take").status_code == 303
    assert desk.fresh(case).officer_id == desk.officer.person_id
    assert send(desk, "officer", path, {"decider": "nobody"}, f"{path}/decider").status_code == 404
    named = {"decider": str(desk.decider.person_id)}
    assert send(desk, "officer", path, named, f"{path}/decider").status_code == 303
    assert desk.fresh(case).decider_id == desk.decider.person_id
    assert f"decider {desk.decider.name}" in page(desk, "decider", path)


def test_a_filing_its_attachment_and_a_late_incident_are_read(sqlite_developer: Developer) -> None:
    made, world = sqlite_developer, sqlite_developer.world
    with world.wired.database.write() as session:
        draft = made.draft(session)
        made.attach(session, draft, "drills.csv", b"a,b\n1,2\n")
    world.run_jobs()
    with world.wired.database.write() as session:
        row = service.load(session, draft.id, by=made.preparer, for_update=True)
        officer, now = made.officer.person_id, world.clock.now()
        certification.send(session, filing=row, certifier_id=officer, by=made.preparer, now=now)
        made.sign(session, row)
        version = session.get(ModelVersion, row.model_version_id)
        made.incident(session, aware_at=now - timedelta(hours=100), version=version)
    world.run_jobs()
    with world.wired.database.read() as session:
        case = cases.case_of(session, f"filing:{draft.id}")
        assert case is not None
    authority = world.organisation(OrganisationKind.REGULATOR)
    client = world.client("government", world.person(authority, Role.CASE_OFFICER))
    path = f"/cases/{case.reference}/filings/{draft.id}"
    link = client.get(path).text.split(f"{path}/documents/")[1].split('"')[0]
    assert client.get(f"{path}/documents/{link}").data == b"a,b\n1,2\n"
    assert client.get(f"/cases/{case.reference}/incidents/I-1999-001").status_code == 404
    history = client.get(f"/cases/{case.reference}/history").text
    assert "Incident reported" in history
    assert "h late" in history or "days late" in history


def test_an_incident_of_the_case_is_read(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    incident = desk.incident()
    desk.act(cases.file, subject=f"incident:{incident.id}")
    shown = page(desk, "officer", f"/cases/{case.reference}/incidents/{incident.reference}")
    assert incident.title in shown


def test_a_request_is_withdrawn_by_page(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    request = desk.served(case)
    path = f"/cases/{case.reference}/requests/{request.reference}"
    assert send(desk, "officer", path, {}, f"{path}/withdraw").status_code == 303
    assert desk.fresh(request).state is RequestState.WITHDRAWN
    assert "Withdrawn" in page(desk, "developer", f"/requests/{request.reference}")
    other = desk.served(case)
    wrong = f"/cases/C-1999-001/requests/{other.reference}"
    assert desk.world.client("government", desk.officer).get(wrong).status_code == 404


def test_a_file_is_taken_off_an_unsent_answer(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request = desk.served(desk.under_review())
    path = f"/requests/{request.reference}"
    kept = {"answer-1": "See file.", "file-1": (io.BytesIO(b"a,b\n1,2\n"), "drill.csv"), "do": "save"}
    send(desk, "developer", path, kept)
    document = page(desk, "developer", path).split(f"{path}/documents/")[1].split('"')[0]
    assert desk.world.client("developer", desk.developer).get(f"{path}/documents/{document}").data
    away = f"{path}/documents/{document}/remove"
    assert send(desk, "developer", path, {}, away).status_code == 303
    assert "drill.csv" not in page(desk, "developer", path)


def test_plan_requests_are_listed_withdrawn_and_ended(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    drawn = desk.plan_requested(case)
    path = f"/plans/{drawn.reference}"
    assert drawn.reference in page(desk, "approver", "/plans")
    assert send(desk, "officer", path, {"do": "nonsense"}).status_code == 403
    assert send(desk, "approver", path, {"do": "refuse", "reason": "Too wide."}).status_code == 303
    assert "Too wide." in page(desk, "officer", path)
    second = desk.plan_approved(case)
    send(desk, "officer", f"/plans/{second.reference}", {"do": "withdraw"})
    assert desk.fresh(second).state is PlanState.ENDED
    third = desk.plan_readable(case)
    assert "Read at the custodian" in page(desk, "reader", f"/plans/{third.reference}")
    assert "Read at the custodian" not in page(desk, "officer", f"/plans/{third.reference}")
    send(desk, "officer", f"/plans/{third.reference}", {"do": "end"})
    assert desk.fresh(third).state is PlanState.ENDED


def test_a_recommendation_sent_back_is_filled_in_again(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.recommended(
        case,
        kind=DecisionKind.CONDITIONS,
        conditions=[("Report drills", date(2027, 12, 1))],
        reasons="As it is.",
    )
    path = f"/cases/{case.reference}/decision"
    assert send(desk, "decider", path, {"do": "send_back", "reason": "Say more."}).status_code == 303
    form = f"{path}/recommend"
    again = page(desk, "officer", form)
    for words in ("Say more.", "As it is.", "Report drills", "2027-12-01"):
        assert words in again
    more = send(desk, "officer", form, {"do": "add", "condition-1": "x", "condition-due-1": ""})
    assert 'name="condition-2"' in more.text
    nothing = desk.world.client("government", desk.decider)
    token = form_of(nothing.get(f"/cases/{case.reference}").text)
    assert nothing.post(path, data=token | {"do": "decide"}).status_code == 403


@pytest.mark.parametrize("act", ["met", "breached"])
def test_a_condition_is_checked_by_page(sqlite_desk: Desk, act: str) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.decided(
        case,
        kind=DecisionKind.CONDITIONS,
        conditions=[("Report drills", desk.now.date() + timedelta(days=9))],
    )
    path = f"/cases/{case.reference}/decision"
    to = (
        f"/cases/{case.reference}/conditions/"
        + page(desk, "officer", path).split("/conditions/")[1].split('"')[0]
    )
    assert desk.fresh(case).due_on == desk.now.date() + timedelta(days=9)
    assert send(desk, "officer", path, {"do": act, "reason": " "}, to).status_code == 422
    today = desk.now.date()
    parts = {
        f"condition-1-breached_on-{part}": str(getattr(today, part)) for part in ("day", "month", "year")
    }
    if act == "breached":
        early = send(desk, "officer", path, {"do": act, "reason": "Seen there.", **parts}, to)
        assert early.status_code == 422
        for kept in ("The condition can be met until", "Seen there.", f'value="{today.year}"'):
            assert kept in early.text
        torn = {"do": act, "reason": "Seen.", "condition-1-breached_on-day": "31"}
        assert "Write the month and the year too" in send(desk, "officer", path, torn, to).text
        parts["condition-1-forbids"] = "yes"
    assert send(desk, "officer", path, {"do": act, "reason": "Seen.", **parts}, to).status_code == 303
    assert ConditionState(act).value.capitalize() in page(desk, "officer", path)
    assert desk.fresh(case).due_on is None
