"""What waits for whom: each task for the person who can do it, and for nobody else."""

from __future__ import annotations

import pytest

from portal.review import queue
from portal.review.tasks import tasks
from portal.ui.formats import date_only
from portal.ui.tasks import Task
from secure_access.identity import Actor
from tests.fixtures.review import Desk


@pytest.fixture(autouse=True)
def _whole_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is shared: other tests' cases without an officer must not push ours off the page."""
    monkeypatch.setattr(queue, "PAGE", 100_000)


def of(desk: Desk, by: Actor) -> list[Task]:
    zone = "developer" if by.organisation_kind == "developer" else "government"
    with desk.world.zones[zone].test_request_context(), desk.world.wired.database.read() as session:
        return tasks(session, by, desk.now)


def whats(desk: Desk, by: Actor) -> list[str]:
    return [task.what for task in of(desk, by)]


def test_nothing_waits_for_a_new_person(sqlite_desk: Desk) -> None:
    for who in ("reader", "developer", "evaluator"):
        assert whats(sqlite_desk, getattr(sqlite_desk, who)) == []


def test_a_recommendation_waits_for_its_officer_then_for_the_decider(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    (task,) = [one for one in of(desk, desk.officer) if f"{case.reference} " in one.detail]
    assert task.what == "Recommend a decision: Corvane 4"
    assert task.link.endswith(f"/cases/{case.reference}/decision")
    assert task.due is not None
    desk.recommended(case)
    assert not [one for one in of(desk, desk.officer) if f"{case.reference} " in one.detail]
    assert [one for one in of(desk, desk.decider) if f"{case.reference} " in one.detail]
    desk.decide(case)
    assert not [one for one in of(desk, desk.decider) if f"{case.reference} " in one.detail]


def test_an_open_request_waits_for_its_developer_only(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request = desk.served(desk.under_review())
    (task,) = of(desk, desk.developer)
    assert (task.what, task.due) == ("Answer an information request", request.due_at)
    assert "2 of 2 items" in task.detail
    assert of(desk, desk.other_developer) == []
    desk.answered(request)
    assert of(desk, desk.developer) == []


def test_a_plan_waits_for_approver_developer_and_reader_in_turn(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    request = desk.plan_requested(case)
    mine = [task for task in of(desk, desk.approver) if request.reference in task.detail]
    assert [task.due for task in mine] == [request.deliver_by]
    assert whats(desk, desk.certifier) == []
    approved = desk.plan_approved(case)
    assert "Deliver sections of your security plan" in whats(desk, desk.certifier)
    assert whats(desk, desk.reader) == []
    desk.plan_delivered(case)
    assert whats(desk, desk.reader) == []
    assert "Approve an access grant at the custodian, or refuse it" in whats(desk, desk.approver)
    desk.plan_readable(case)
    assert whats(desk, desk.reader) == ["Read sections of a security plan, at the custodian"]
    desk.world.at(approved.read_until)
    assert whats(desk, desk.reader) == []


def test_an_open_flag_waits_for_a_reply(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    desk.flag(case)
    assert "Reply to flag F-1" in whats(desk, desk.developer)
    (task,) = [one for one in of(desk, desk.officer) if f"{case.reference} " in one.detail]
    assert "1 flag open" in task.detail


def test_a_case_without_an_officer_waits_for_every_officer(sqlite_desk: Desk) -> None:
    case = sqlite_desk.case()
    (task,) = [one for one in of(sqlite_desk, sqlite_desk.officer) if f"{case.reference} " in one.detail]
    assert task.what == "Accept the risk report for review, or return it: Corvane 4"


def test_a_case_of_their_own_is_not_pushed_off_by_cases_without_an_officer(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = sqlite_desk.under_review()
    sqlite_desk.case()
    with sqlite_desk.world.wired.database.read() as session:
        mine = len([one for one in queue.waiting(session, by=sqlite_desk.officer) if one.case.officer_id])
        monkeypatch.setattr(queue, "PAGE", mine)
        kept = queue.waiting(session, by=sqlite_desk.officer)
    assert own.reference in [facts.case.reference for facts in kept]
    assert all(facts.case.officer_id for facts in kept)


def test_a_task_without_a_date_names_the_next_date_of_its_case(sqlite_desk: Desk) -> None:
    """The queue beside it shows that date; the two must not seem to differ."""
    desk = sqlite_desk
    case = desk.case()
    request = desk.served(case)
    (task,) = [one for one in of(desk, desk.officer) if f"{case.reference} " in one.detail]
    assert task.due is None
    assert f"next date of the case {date_only(request.due_at)}" in task.detail
