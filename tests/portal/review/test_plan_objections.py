"""A developer accepts a plan request, narrows it or objects; each point gets an answer with its reason."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from portal.review import plan_objections as objections
from portal.review import plans
from portal.review.plan_objections import Answer
from portal.review.tables import ObjectionAnswer, PlanObjection, PlanRequest
from portal.review.workflow import HandlingClass, PlanState
from secure_access import grants, ledger
from secure_access.identity import Actor, OrganisationKind
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import form_of
from tests.fixtures.review import SECTIONS, Desk

WHY = "That section names people."


def on(desk: Desk, request: PlanRequest, verb: Any, by: Actor, **arguments: Any) -> Any:
    with desk.world.wired.database.write() as session:
        row = plans.load(session, request.reference, by=by, for_update=True)
        return verb(session, request=row, by=by, now=desk.now, **arguments)


def object_to(desk: Desk, request: PlanRequest, *points: str) -> list[PlanObjection]:
    reasons = dict.fromkeys(points, WHY)
    found: list[PlanObjection] = on(desk, request, objections.object_to, desk.certifier, reasons=reasons)
    return found


def answer(
    desk: Desk, request: PlanRequest, one: PlanObjection, *, upheld: bool, by: Actor | None = None
) -> None:
    answered = Answer(upheld, "The outline says the same.")
    on(desk, request, objections.answer, by or desk.approver, objection_id=one.id, answered=answered)


def handed_in(desk: Desk, request: PlanRequest, sections: list[str] | None = None) -> None:
    """Delivered at the custodian, and heard of."""
    desk.custody.round()
    desk.custody.hand_in(request, sections)
    desk.custody.round()


def section(number: int) -> str:
    return f"section:{SECTIONS[number]}"


@pytest.fixture
def request_(desk: Desk) -> PlanRequest:
    return desk.plan_approved(desk.under_review())


def test_accepted_it_waits_for_its_delivery(desk: Desk, request_: PlanRequest) -> None:
    on(desk, request_, objections.accept, desk.certifier)
    assert desk.fresh(request_).state is PlanState.ACCEPTED
    with pytest.raises(Denied):
        on(desk, request_, objections.accept, desk.certifier)
    handed_in(desk, request_)
    assert desk.fresh(request_).state is PlanState.DELIVERED


@pytest.mark.parametrize("who", ["developer", "officer", "approver", "reader"])
def test_only_a_certifying_officer_answers_for_the_developer(
    desk: Desk, request_: PlanRequest, who: str
) -> None:
    for verb, more in ((objections.accept, {}), (objections.object_to, {"reasons": {"request": WHY}})):
        with pytest.raises(Denied):
            on(desk, request_, verb, getattr(desk, who), **more)


def test_a_narrowed_request_goes_on_without_what_was_upheld(desk: Desk, request_: PlanRequest) -> None:
    desk.custody.round()
    first, second = object_to(desk, request_, section(0), section(1))
    assert desk.fresh(request_).state is PlanState.OBJECTED
    handed_in(desk, request_)
    assert desk.fresh(request_).state is PlanState.OBJECTED  # nothing counts while an objection is open
    assert desk.grants_of(request_) == []
    answer(desk, request_, first, upheld=True)
    assert desk.fresh(request_).state is PlanState.OBJECTED
    answer(desk, request_, second, upheld=False)
    now = desk.fresh(request_)
    assert (now.state, now.sections) == (PlanState.APPROVED, [SECTIONS[1]])
    with desk.world.wired.database.read() as session:
        kept = objections.of_request(session, now)
        assert {one.answer for one in kept} == {ObjectionAnswer.UPHELD, ObjectionAnswer.DISMISSED}
        assert [why for _, why in objections.changes(session, kept)] == ["The outline says the same."]
        types = [entry.type for entry in ledger.entries(session, plans.subject_of(now))]
    own = [one for one in types if one not in ("custodian.line", "plan.key_received")]
    assert own[2:] == ["plan.objected", "plan.objection_answered", "plan.objection_answered"]
    desk.custody.round()
    assert desk.fresh(request_).state is PlanState.DELIVERED
    [grant] = desk.grants_of(request_)
    assert len(grant.documents) == 1  # what was upheld is not asked, though it was delivered


def test_a_reader_who_was_objected_to_reads_nothing(desk: Desk) -> None:
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    other = desk.world.person(authority, Role.PLAN_READER)
    readers = [desk.reader.person_id, other.person_id]
    request = desk.plan_approved(desk.under_review(), readers=readers)
    (raised,) = object_to(desk, request, f"reader:{desk.reader.person_id}")
    answer(desk, request, raised, upheld=True)
    desk.custody.enrol_also(other, "reader")
    handed_in(desk, request)
    with desk.world.wired.database.read() as session:
        given = grants.of_subject(session, plans.subject_of(request))
        assert [grant.reader_id for grant in given] == [other.person_id]
        with pytest.raises(NotFound):
            plans.load(session, request.reference, by=desk.reader)


@pytest.mark.parametrize("point", ["request", "both sections", "the reader"])
def test_when_nothing_is_left_it_ends(desk: Desk, request_: PlanRequest, point: str) -> None:
    chosen = {
        "request": ("request",),
        "both sections": (section(0), section(1)),
        "the reader": (f"reader:{desk.reader.person_id}",),
    }[point]
    for one in object_to(desk, request_, *chosen):
        answer(desk, request_, one, upheld=True)
    ended = desk.fresh(request_)
    assert (ended.state, ended.ended_at) == (PlanState.ENDED, desk.now)


def test_an_answer_has_a_reason_and_is_given_once(desk: Desk, request_: PlanRequest) -> None:
    (raised,) = object_to(desk, request_, section(0))
    with pytest.raises(ValueError, match="reason of your answer"):
        on(
            desk,
            request_,
            objections.answer,
            desk.approver,
            objection_id=raised.id,
            answered=Answer(False, " "),
        )
    answer(desk, request_, raised, upheld=False)
    with pytest.raises(Denied):
        answer(desk, request_, raised, upheld=True)
    assert desk.fresh(request_).sections == SECTIONS[:2]


def test_who_asked_or_would_read_answers_no_objection(desk: Desk) -> None:
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    asks = desk.world.person(authority, Role.CASE_OFFICER, Role.PLAN_APPROVER)
    reads = desk.world.person(authority, Role.PLAN_READER, Role.PLAN_APPROVER)
    case = desk.under_review()
    wanted = desk.wanted(desk.outline(case), readers=[reads.person_id])
    request = desk.approve(desk.with_case(case, plans.ask, wanted=wanted, by=asks))
    (raised,) = object_to(desk, request, section(0))
    for who in (asks, reads, desk.officer):
        with pytest.raises(Denied):
            answer(desk, request, raised, upheld=False, by=who)
    answer(desk, request, raised, upheld=False)


def test_what_cannot_be_objected_to(desk: Desk) -> None:
    case = desk.under_review()
    request_, other = desk.plan_approved(case), desk.plan_approved(case)
    for reasons, refused in (
        ({}, ValueError),
        ({section(0): " "}, ValueError),
        ({"section:the-vault-code": WHY}, NotFound),
        ({f"reader:{uuid.uuid4()}": WHY}, NotFound),
    ):
        with pytest.raises(refused):
            on(desk, request_, objections.object_to, desk.certifier, reasons=reasons)
    assert desk.fresh(request_).state is PlanState.APPROVED
    (raised,) = object_to(desk, request_, section(0))
    answer(desk, request_, raised, upheld=False)
    with pytest.raises(Denied, match="objected to the section"):
        object_to(desk, request_, section(0))
    (foreign,) = object_to(desk, other, section(0))
    object_to(desk, request_, section(1))
    with pytest.raises(NotFound):
        answer(desk, request_, foreign, upheld=True)


def test_a_part_is_delivered_and_then_it_is_too_late_to_object(desk: Desk, request_: PlanRequest) -> None:
    handed_in(desk, request_, SECTIONS[:1])
    partly = desk.fresh(request_)
    assert partly.state is PlanState.PARTLY_DELIVERED
    with desk.world.wired.database.read() as session:
        assert plans.undelivered(session, partly) == [SECTIONS[1]]
    with pytest.raises(Denied):
        object_to(desk, request_, section(1))


def test_the_form_asks_for_handling_and_pages(desk: Desk) -> None:
    case = desk.under_review()
    request = desk.plan_requested(case, handling=HandlingClass.SECRET, pages=12)
    client = desk.world.client("government", desk.approver)
    shown = client.get(f"/plans/{request.reference}").text
    assert "at most <b>12 pages</b>" in shown
    assert "Secret. As strictly confidential." in shown
    for pages in (0, -1, 5_001, None):
        with pytest.raises(plans.NotServable):
            desk.plan_requested(case, pages=pages)


def test_the_developer_objects_and_the_authority_answers_on_their_pages(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request = desk.plan_approved(desk.under_review())
    client = desk.world.client("developer", desk.certifier)
    path = f"/plans/{request.reference}"
    shown = client.get(path).text
    assert "none declared" in shown
    assert "employed by the" in shown
    form = form_of(shown, f"{path}/object")
    refused = client.post(f"{path}/object", data=form | {"points": section(0)})
    assert refused.status_code == 422
    assert "Say why you object to the section" in refused.text
    sent = {"points": section(0), f"reason-{section(0)}": "<b>It names people.</b>"}
    assert client.post(f"{path}/object", data=form | sent).status_code == 303
    shown = client.get(path).text
    assert "&lt;b&gt;It names people.&lt;/b&gt;" in shown
    assert "Waiting for an answer" in shown

    official = desk.world.client("government", desk.approver)
    shown = official.get(path).text
    (action,) = set(re.findall(rf'action="({path}/objections/[^"]+)"', shown))
    form = form_of(shown, action)
    assert official.post(action, data=form | {"do": "dismiss", "reason": ""}).status_code == 422
    assert official.post(action, data=form | {"do": "perhaps", "reason": "x"}).status_code == 403
    assert official.post(action, data=form | {"do": "uphold", "reason": "Agreed."}).status_code == 303
    shown = client.get(path).text
    assert "Upheld" in shown
    assert "Agreed." in shown
    accept = form_of(shown, f"{path}/accept")
    assert client.post(f"{path}/accept", data=accept).status_code == 303
    assert "Accepted, waiting for your delivery" in client.get(path).text
