"""Plan requests: another official approves, the developer delivers, named readers read until it ends."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from portal.review import plans
from portal.review.plans import Wanted
from portal.review.requests import NotServable
from portal.review.tables import PlanRequest
from portal.review.workflow import PLAN_REQUEST, PlanState
from secure_access import grants, ledger
from secure_access.identity import Actor, OrganisationKind
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.review import SECTIONS, Desk


def on(desk: Desk, request: PlanRequest, verb: Any, by: Actor, **arguments: Any) -> None:
    with desk.world.wired.database.write() as session:
        row = plans.load(session, request.reference, by=by, for_update=True)
        verb(session, request=row, by=by, now=desk.now, **arguments)


def test_asked_approved_delivered_and_granted(desk: Desk) -> None:
    request = desk.plan_delivered(desk.under_review())
    assert request.state is PlanState.DELIVERED
    with desk.world.wired.database.read() as session:
        given = grants.of_subject(session, plans.subject_of(request))
        assert [grant.reader_id for grant in given] == [desk.reader.person_id]
        assert len(given[0].documents) == 2
        assert (given[0].not_before, given[0].not_after) == (request.read_from, request.read_until)
        types = [entry.type for entry in ledger.entries(session, plans.subject_of(request))]
    own = [one for one in types if one != "custodian.line"]
    assert own == ["plan.requested", "plan.approved", "plan.key_received", "plan.delivered", "grant.issued"]


def test_who_asks_does_not_approve(desk: Desk) -> None:
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    both = desk.world.person(authority, Role.CASE_OFFICER, Role.PLAN_APPROVER)
    case = desk.under_review()
    request = desk.with_case(case, plans.ask, wanted=desk.wanted(desk.outline(case)), by=both)
    with pytest.raises(Denied, match="You made this request"):
        on(desk, request, plans.approve, both)
    with pytest.raises(Denied, match="You made this request"):
        on(desk, request, plans.refuse, both, reason="No need.")


def test_who_reads_does_not_approve(desk: Desk) -> None:
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    both = desk.world.person(authority, Role.PLAN_READER, Role.PLAN_APPROVER)
    request = desk.plan_requested(desk.under_review(), readers=[both.person_id])
    with pytest.raises(Denied, match="You are a named reader"):
        on(desk, request, plans.approve, both)


@pytest.mark.parametrize("who", ["officer", "decider", "reader"])
def test_who_is_no_approver_does_not_approve(desk: Desk, who: str) -> None:
    request = desk.plan_requested(desk.under_review())
    with pytest.raises(Denied, match="plan approver"):
        on(desk, request, plans.approve, getattr(desk, who))


def test_two_approvals_are_of_two_people(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "APPROVALS_NEEDED", 2)
    request = desk.plan_requested(desk.under_review())
    on(desk, request, plans.approve, desk.approver)
    assert desk.fresh(request).state is PlanState.REQUESTED
    with pytest.raises(Denied, match="Another plan approver"):
        on(desk, request, plans.approve, desk.approver)
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    on(desk, request, plans.approve, desk.world.person(authority, Role.PLAN_APPROVER))
    assert desk.fresh(request).state is PlanState.APPROVED


def test_the_developer_sees_nothing_before_the_approval(desk: Desk) -> None:
    request = desk.plan_requested(desk.under_review())
    with desk.world.wired.database.read() as session:
        with pytest.raises(NotFound):
            plans.load(session, request.reference, by=desk.certifier)
        assert plans.visible(session, by=desk.developer) == []
    on(desk, request, plans.approve, desk.approver)
    with desk.world.wired.database.read() as session:
        assert plans.load(session, request.reference, by=desk.certifier).id == request.id
        with pytest.raises(NotFound):
            plans.load(session, request.reference, by=desk.other_developer)


def test_refused_or_withdrawn_before_approval_is_never_put_to_her(desk: Desk) -> None:
    case = desk.under_review()
    refused, withdrawn = desk.plan_requested(case), desk.plan_requested(case)
    with pytest.raises(ValueError, match="Say why"):
        on(desk, refused, plans.refuse, desk.approver, reason=" ")
    on(desk, refused, plans.refuse, desk.approver, reason="The outline answers it.")
    on(desk, withdrawn, plans.withdraw, desk.officer)
    assert desk.fresh(refused).state_reason == "The outline answers it."
    with desk.world.wired.database.read() as session:
        assert plans.visible(session, by=desk.developer) == []


def test_readers_see_only_what_they_read(desk: Desk) -> None:
    request = desk.plan_requested(desk.under_review())
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    other = desk.world.person(authority, Role.PLAN_READER)
    with desk.world.wired.database.read() as session:
        assert [r.id for r in plans.visible(session, by=desk.reader)] == [request.id]
        assert plans.visible(session, by=other) == []
        for nobody in (other, desk.evaluator):
            with pytest.raises(NotFound):
                plans.load(session, request.reference, by=nobody)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"sections": []}, "sections"),
        ({"sections": ["the-vault-code"]}, "sections"),
        ({"outline_id": uuid.uuid4()}, "sections"),
        ({"purpose": " "}, "purpose"),
        ({"legal_basis": ""}, "legal_basis"),
        ({"necessity": ""}, "necessity"),
        ({"readers": []}, "readers"),
        ({"readers": [uuid.uuid4()]}, "readers"),
        ({"read_from": None}, "read_from"),
    ],
)
def test_what_cannot_be_asked(desk: Desk, change: dict[str, Any], where: str) -> None:
    case = desk.under_review()
    with pytest.raises(NotServable) as refused:
        desk.plan_requested(case, **change)
    assert [name for name, _ in refused.value.problems] == [where]


def test_dates_that_cannot_be(desk: Desk) -> None:
    case = desk.under_review()
    for change, where in (
        ({"deliver_by": desk.now}, "deliver_by"),
        ({"read_until": desk.now + timedelta(days=7)}, "read_until"),
        ({"read_from": desk.now + timedelta(days=30)}, "read_until"),
    ):
        with pytest.raises(NotServable) as refused:
            desk.plan_requested(case, **change)
        assert [name for name, _ in refused.value.problems] == [where]


def test_without_an_accepted_outline_nothing_can_be_asked(desk: Desk) -> None:
    case = desk.under_review()
    wanted = Wanted(
        uuid.uuid4(), SECTIONS, "p", "l", "n", [desk.reader.person_id],
        desk.now + timedelta(days=1), desk.now, desk.now + timedelta(days=2),
    )  # fmt: skip
    with pytest.raises(NotServable, match="No public outline"):
        desk.with_case(case, plans.ask, wanted=wanted, by=desk.officer)


@pytest.mark.parametrize("who", ["certifier", "officer", "approver", "reader"])
def test_nobody_delivers_in_the_portal(desk: Desk, who: str) -> None:
    request = desk.plan_approved(desk.under_review())
    with desk.world.wired.database.read() as session:
        subject = plans.approving(session, request)
    for action in ("deliver", "deliver_part"):
        refused = PLAN_REQUEST.refusal(action, getattr(desk, who), subject)
        assert refused is not None
        assert "happens elsewhere" in refused.reason


def test_ending_shuts_every_grant_at_once(desk: Desk) -> None:
    request = desk.plan_delivered(desk.under_review())
    on(desk, request, plans.end, desk.officer)
    assert [grant.ended_at for grant in desk.grants_of(request)] == [desk.now]
    assert desk.fresh(request).state is PlanState.ENDED
    desk.custody.round()
    assert [line.type for line in desk.custody.core.lines()][-1] == "grant.ended"
