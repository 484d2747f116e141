"""Alerts about a sealed plan: when each is raised, whose it is, and what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.review import alerts, openings, plans
from portal.review.alerts import Kind
from portal.review.tables import PlanRequest
from secure_access.custodian.acts import Act, NotConfirmed
from secure_access.custodian.custody import Refused
from secure_access.identity import Actor
from secure_access.workflow import Denied, NotFound
from tests.fixtures.app import form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.review import SECTIONS, Desk


def found(desk: Desk, request: PlanRequest) -> list[alerts.Answered]:
    desk.custody.round()
    desk.world.run_jobs()  # gives entries their place
    with desk.world.wired.database.read() as session:
        return alerts.of_request(session, request, now=desk.now)


def kinds(desk: Desk, request: PlanRequest) -> list[Kind]:
    return sorted(one.alert.kind for one in found(desk, request))


def denied(desk: Desk, request: PlanRequest, times: int, minutes: int = 1) -> None:
    """The approver tries to open what only the reader may."""
    [grant] = desk.grants_of(request)
    for _ in range(times):
        with pytest.raises((Refused, NotFound)):
            desk.custody.does(Act.OPEN, grant.digest, desk.approver)
        desk.later(minutes=minutes)
        desk.custody.core.heard()


@pytest.mark.parametrize(
    ("times", "minutes", "expected"),
    [(2, 1, 0), (3, 1, 1), (3, 29, 1), (3, 30, 0), (5, 1, 1), (6, 1, 2)],
    ids=["two", "three", "three in 58 minutes", "three in an hour", "five", "six"],
)
def test_three_denials_of_one_person_within_an_hour(
    desk: Desk, times: int, minutes: int, expected: int
) -> None:
    request = desk.plan_readable(desk.under_review())
    denied(desk, request, times, minutes)
    assert kinds(desk, request) == [Kind.DENIALS] * expected


def test_pages_faster_than_the_grant_allows(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review(), pages=2)
    [grant] = desk.grants_of(request)
    custody = desk.custody
    given = custody.custody.state.grants[str(grant.digest)]
    sitting = custody.does(Act.OPEN, grant.digest, desk.reader)
    assert given.grant.pages_per_hour == 2
    object.__setattr__(given.grant, "pages_per_hour", 1)
    custody.core.release(sitting.token, SECTIONS[0], 1)
    with pytest.raises(Refused):
        custody.core.release(sitting.token, SECTIONS[0], 2)
    assert kinds(desk, request) == [Kind.RATE]


def test_a_passkey_that_nobody_enrolled(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    [grant] = desk.grants_of(request)
    custody, reader = desk.custody, str(desk.reader.person_id)
    own, custody.enrolled.keys[reader] = custody.enrolled.keys[reader], SoftKey()
    with pytest.raises(NotConfirmed):
        custody.does(Act.OPEN, grant.digest, desk.reader)
    custody.enrolled.keys[reader] = own
    [one] = found(desk, request)
    assert (one.alert.kind, one.alert.who, one.open) == (Kind.DEVICE, reader, True)


def test_an_entry_without_a_place_for_over_a_minute(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    waiting = timedelta(seconds=60)
    with desk.world.wired.database.read() as session:
        at = max(one.entry.recorded_at for one in openings.told(session, request))
        now = alerts.of_request(session, request, now=at + waiting)
        late = alerts.of_request(session, request, now=at + waiting + timedelta(microseconds=1))
    assert Kind.UNSEQUENCED not in [one.alert.kind for one in now]
    assert Kind.UNSEQUENCED in [one.alert.kind for one in late]
    desk.later(minutes=5)
    assert kinds(desk, request) == []  # the worker gave them their places


def test_a_recertification_that_is_overdue(desk: Desk) -> None:
    """A grant lasts thirty days at most, so that only a second one outlives the month of its reader."""
    case = desk.under_review()
    first = desk.plan_readable(case)
    desk.later(days=20)
    request = desk.plan_readable(case, read_until=desk.now + timedelta(days=30))
    desk.later(days=10)
    assert kinds(desk, request) == []
    desk.later(days=2)
    [late] = found(desk, request)
    assert (late.alert.kind, late.alert.who) == (Kind.OVERDUE, str(desk.reader.person_id))
    assert found(desk, first) == []


def answer(desk: Desk, request: PlanRequest, key: str, by: Actor, text: str = "Two tabs were open.") -> None:
    with desk.world.wired.database.write() as session:
        row = plans.load(session, request.reference, by=by, for_update=True)
        alerts.close(session, request=row, key=key, answer=text, by=by, now=desk.now)


def test_the_case_officer_answers_it_once_and_nobody_else(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    denied(desk, request, 3)
    [one] = found(desk, request)
    for by in (desk.approver, desk.decider):
        with pytest.raises(Denied, match="case officer"):
            answer(desk, request, one.alert.key, by)
    with pytest.raises(NotFound):
        answer(desk, request, "denials:999999", desk.officer)
    with pytest.raises(ValueError, match="what came of it"):
        answer(desk, request, one.alert.key, desk.officer, " ")
    answer(desk, request, one.alert.key, desk.officer)
    [after] = found(desk, request)
    assert (after.open, after.answer) == (False, "Two tabs were open.")
    with pytest.raises(Denied, match="has been answered"):
        answer(desk, request, one.alert.key, desk.officer)


def test_the_page_shows_it_to_its_owner_with_what_to_do(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request = desk.plan_readable(desk.under_review())
    denied(desk, request, 3)
    found(desk, request)
    client, path = desk.world.client("government", desk.officer), f"/plans/{request.reference}"
    assert "Look at an alert" in client.get("/").text
    page = client.get(path).text
    assert "3 refusals of one person within an hour" in page
    assert "Henrike Solano" in page
    form: dict[str, Any] = form_of(page, f"{path}/alerts")
    assert client.post(f"{path}/alerts", data=form | {"answer": ""}).status_code == 422
    assert client.post(f"{path}/alerts", data=form | {"answer": "A <b>mistake</b>."}).status_code == 303
    assert "A &lt;b&gt;mistake&lt;/b&gt;." in client.get(path).text
    assert "Look at an alert" not in client.get("/").text
    assert "Look at an alert" not in desk.world.client("government", desk.approver).get("/").text
