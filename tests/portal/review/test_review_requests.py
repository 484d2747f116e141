"""Information requests: what can be served, who answers, when the clock stands still, what is late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.law.review_clock import ReviewClock
from portal.review import cases, clock, requests
from portal.review.requests import NotServable, Questions
from portal.review.tables import Case
from portal.review.workflow import RequestState
from secure_access.db import select
from secure_access.jobs import Job
from secure_access.workflow import Denied, NotFound
from tests.fixtures.review import Desk

ACCEPTED = datetime(2027, 7, 9, 10, tzinfo=UTC)


def clock_of(desk: Desk, case: Case) -> ReviewClock:
    with desk.world.wired.database.read() as session:
        row = cases.find(session, case.reference)
        return clock.clock_of(row, requests.of_case(session, row), cases.decided(session, row), now=desk.now)


def violations(desk: Desk) -> list[str]:
    with desk.world.wired.database.read() as session:
        wanted = select(Job.subject_id).where(Job.kind == "violation.consider")
        return list(session.exec(wanted))


def test_the_clock_of_the_told_case(desk: Desk) -> None:
    """Accepted 9 July, stopped 20 July to 28 August: day 60 is Saturday 16 October, due Monday 18 October."""
    desk.world.at(ACCEPTED)
    case = desk.under_review()
    desk.world.at(datetime(2027, 7, 20, 12, tzinfo=UTC))
    request = desk.served(case)
    desk.world.at(datetime(2027, 8, 1, 12, tzinfo=UTC))
    standing = clock_of(desk, case)
    assert (standing.state, standing.day) == ("stopped", 11)
    desk.world.at(datetime(2027, 8, 28, 12, tzinfo=UTC))
    desk.answered(request)
    desk.world.at(datetime(2027, 10, 1, 9, tzinfo=UTC))
    running = clock_of(desk, case)
    assert (running.state, running.left) == ("running", 15)
    assert running.due_at is not None
    assert running.due_at.date() == date(2027, 10, 18)
    assert clock.nominal_end(running) == date(2027, 10, 16)
    assert desk.fresh(case).due_on == date(2027, 10, 18)


def test_while_it_stands_still_the_case_waits_for_the_answer(desk: Desk) -> None:
    desk.world.at(ACCEPTED)
    case = desk.under_review()
    request = desk.served(case, due_at=desk.now + timedelta(days=5))
    assert desk.fresh(case).due_on == request.due_at.date()


def test_a_second_open_request_keeps_the_clock_still(desk: Desk) -> None:
    desk.world.at(ACCEPTED)
    case = desk.under_review()
    first, second = desk.served(case), desk.served(case)
    desk.later(days=2)
    desk.answered(first)
    assert clock_of(desk, case).state == "stopped"
    desk.answered(second)
    assert clock_of(desk, case).state == "running"


def test_a_request_before_acceptance_stops_the_clock_from_its_start(desk: Desk) -> None:
    case = desk.case()
    early, still_open = desk.served(case), desk.served(case)
    desk.later(days=1)
    desk.answered(early)
    desk.later(days=1)
    with desk.world.wired.database.write() as session:
        row = cases.find(session, case.reference, for_update=True)
        filing = cases.filings(session, row)[0]
        cases.accept_filing(session, case=row, filing=filing, by=desk.officer, now=desk.now)
    assert clock_of(desk, case).state == "stopped"
    desk.later(days=1)
    desk.answered(still_open)
    assert clock_of(desk, case).state == "running"


def test_withdrawing_lets_the_clock_run_again(desk: Desk) -> None:
    desk.world.at(ACCEPTED)
    case = desk.under_review()
    request = desk.served(case)
    with desk.world.wired.database.write() as session:
        row = requests.load(session, request.reference, by=desk.officer, for_update=True)
        requests.withdraw(session, request=row, by=desk.officer, now=desk.now)
    assert desk.fresh(request).state is RequestState.WITHDRAWN
    assert clock_of(desk, case).state == "running"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"items": ["When?", "  "]}, "item-2"),
        ({"items": ["?"]}, "item-1"),
        ({"items": []}, "item-1"),
        ({"items": ["When was it?"] * 41}, "item-1"),
        ({"legal_basis": " "}, "legal_basis"),
        ({"purpose": ""}, "purpose"),
        ({"due_at": datetime(2027, 6, 1, 9, tzinfo=UTC)}, "due"),
    ],
)
def test_what_cannot_be_served(desk: Desk, change: dict[str, object], where: str) -> None:
    case = desk.under_review()
    given: dict[str, object] = {"legal_basis": "Art. 91", "purpose": "To know.", "items": ["When was it?"]}
    questions = Questions(**(given | change))  # type: ignore[arg-type]
    with pytest.raises(NotServable) as refused:
        desk.with_case(case, requests.serve, questions=questions, by=desk.officer)
    assert [name for name, _ in refused.value.problems] == [where]
    with desk.world.wired.database.read() as session:
        assert requests.of_case(session, case) == []


def test_a_decider_asks_nothing(desk: Desk) -> None:
    case = desk.under_review()
    with pytest.raises(Denied, match="case officer"):
        questions = Questions("Art. 91", "To know.", ["When was it?"])
        desk.with_case(case, requests.serve, questions=questions, by=desk.decider)


def test_part_of_an_answer_is_saved_seen_by_nobody_and_ends_nothing(desk: Desk) -> None:
    case = desk.under_review()
    request = desk.served(case)
    with desk.world.wired.database.write() as session:
        row = requests.load(session, request.reference, by=desk.developer, for_update=True)
        requests.save_answers(session, request=row, answers={1: "On 3 May."}, by=desk.developer, now=desk.now)
    with desk.world.wired.database.write() as session:
        row = requests.load(session, request.reference, by=desk.developer, for_update=True)
        assert requests.unanswered(session, row) == [2]
        with pytest.raises(Denied, match="Item 2 has no answer"):
            requests.send_answers(session, request=row, by=desk.developer, now=desk.now)
    row = desk.fresh(request)
    assert row.state is RequestState.SERVED
    assert [item["answer"] for item in row.items] == ["", ""]


def test_the_last_second_is_in_time(desk: Desk) -> None:
    request = desk.served(desk.under_review())
    desk.world.at(request.due_at)
    desk.answered(request)
    assert desk.fresh(request).state is RequestState.ANSWERED
    assert f"information_request:{request.id}" not in violations(desk)


def test_a_late_answer_is_put_to_enforcement(desk: Desk) -> None:
    request = desk.served(desk.under_review())
    desk.world.at(request.due_at + timedelta(seconds=1))
    desk.answered(request)
    assert f"information_request:{request.id}" in violations(desk)


def test_answers_are_final(desk: Desk) -> None:
    request = desk.served(desk.under_review())
    desk.answered(request)
    with pytest.raises(Denied, match="answered"):
        desk.answered(request)


def test_another_developer_finds_no_such_request(desk: Desk) -> None:
    request = desk.served(desk.under_review())
    with desk.world.wired.database.read() as session:
        for nobody in (desk.other_developer, desk.evaluator, desk.reader):
            with pytest.raises(NotFound):
                requests.load(session, request.reference, by=nobody)
        assert requests.visible(session, by=desk.other_developer) == []
        mine = requests.visible(session, by=desk.developer)
        assert [row.id for row in mine] == [request.id]
