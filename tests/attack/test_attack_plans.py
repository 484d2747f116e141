"""Whoever has the whole portal opens no plan: not with its rows, its code, its key, or what it has kept."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from portal.review.custody_lines import EVENT
from portal.review.custody_round import Round
from portal.review.tables import CustodianLink, PlanRequest
from secure_access import documents, grants, ledger
from secure_access.custodian.acts import Act, NotConfirmed
from secure_access.custodian.custody import Refused, Why
from secure_access.db import select
from secure_access.grants import AccessGrant, Standing
from secure_access.identity import Person, PersonRole
from secure_access.ledger.tables import LedgerEntry
from secure_access.workflow import NotFound, Role
from tests.attack.test_attack_sessions import in_writing
from tests.fixtures.enrolled import Enrolled, signed
from tests.fixtures.review import SECTIONS, Desk


def reads(desk: Desk, digest: str, by: Any) -> Why | None:
    """Why the custodian gives no page under a grant; ``None`` where it does."""
    try:
        sitting = desk.custody.does(Act.OPEN, digest, by)
        assert desk.custody.core.release(sitting.token, SECTIONS[0], 1)
    except Refused as refused:
        return refused.why
    except (NotFound, NotConfirmed):
        return Why.UNKNOWN
    return None


def test_a_grant_row_that_says_approved_opens_nothing(desk: Desk) -> None:
    request = desk.plan_delivered(desk.under_review())
    [grant] = desk.grants_of(request)

    def forge(session: Any) -> None:
        row = session.get_one(AccessGrant, grant.id)
        row.standing, row.approvals = Standing.APPROVED, [str(uuid.uuid4()), str(uuid.uuid4())]
        ledger.append(
            session,
            "grant.ended",
            {"reader": str(row.reader_id)},
            by=None,
            now=desk.now,
            records=(row,),
        )

    in_writing(desk.world, forge)
    assert reads(desk, str(grant.digest), desk.reader) is Why.NOT_APPROVED
    desk.custody.approved(grant.digest)
    assert reads(desk, str(grant.digest), desk.reader) is None


def test_an_inserted_grant_is_offered_and_no_more(desk: Desk) -> None:
    """Who writes the portal's tables can put a grant before the approvers, who see what it says."""
    request = desk.plan_delivered(desk.under_review())
    [grant] = desk.grants_of(request)
    told = json.loads(str(grant.statement))
    told |= {"pages": 5000, "nonce": "0" * 32, "reference": "AG-2027-999"}
    statement = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def forge(session: Any) -> None:
        offer = grants.Offer(
            "AG-2027-999", statement.encode(), "ab" * 32, grant.subject, grant.reader_id, grant.documents,
            "No purpose.", grant.not_before, grant.not_after, 5000, grant.issued_by, tuple(grant.about),
        )  # fmt: skip
        grants.draw_up(session, offer, now=desk.now)

    in_writing(desk.world, forge)
    desk.custody.round()
    forged = next(one for one in desk.grants_of(request) if one.reference == "AG-2027-999")
    assert forged.standing is Standing.NOT_OFFERED
    assert "The approved request allows 60 pages, and this grant 5000." in str(forged.obstacle)


def test_an_inserted_user_is_nobody_at_the_custodian(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    [grant] = desk.grants_of(request)

    def forge(session: Any) -> None:
        person = session.get_one(Person, desk.officer.person_id)
        role = PersonRole(person_id=person.id, role=Role.PLAN_READER, given_at=desk.now)
        session.add(role)
        fields = {"role": Role.PLAN_READER}
        ledger.append(session, "person.role_given", fields, by=None, now=desk.now, records=(role,))

    in_writing(desk.world, forge)
    core = desk.custody.core
    made = core.ask(Act.OPEN, str(grant.digest), str(desk.officer.person_id))
    key = desk.custody.enrolled.keys[str(desk.reader.person_id)]
    desk.custody.enrolled.keys["thief"] = key
    answer = desk.custody.enrolled.answer("thief", made.challenge)
    with pytest.raises(NotConfirmed):
        core.open_sitting(made.nonce, answer)


def test_a_list_of_people_that_the_portal_keeps_is_not_the_custodian_s(desk: Desk) -> None:
    """The copy in the portal's table decides who is offered a grant, and nothing else."""
    request = desk.plan_delivered(desk.under_review())
    [grant] = desk.grants_of(request)
    own = Enrolled()

    def forge(session: Any) -> None:
        link = session.get_one(CustodianLink, 1)
        told = json.loads(link.enrolment)
        for person in told["people"]:
            person["roles"] = ["approver", "reader"]
        link.enrolment = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    in_writing(desk.world, forge)
    with pytest.raises(Refused):
        desk.custody.does(Act.APPROVE, str(grant.digest), desk.reader)
    with pytest.raises(Refused, match="enrolment list is refused"):
        desk.custody.core.enrol(signed(own.value))


def test_the_portal_s_key_asks_and_opens_nothing(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    [grant] = desk.grants_of(request)
    custodian = desk.custody.custodian
    for do, told in (
        ("approve", {"nonce": "0" * 32, "answer": "{}"}),
        ("open_sitting", {"nonce": "0" * 32, "answer": "{}"}),
        ("release", {"token": "t", "section": SECTIONS[0], "page": 1}),
        ("page.grant", {"visit": "v", "grant": grant.digest}),
        ("enrol", {"list": "AAAA"}),
        ("destroy", {"nonce": "0" * 32, "answer": "{}"}),
    ):
        with pytest.raises(Refused) as refused:
            custodian.ask(do, **told)
        assert refused.value.why is Why.MALFORMED


def test_what_the_portal_has_kept_of_a_plan_holds_no_page_of_it(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    [grant] = desk.grants_of(request)
    assert reads(desk, str(grant.digest), desk.reader) is None
    desk.custody.round()
    page = b"no. 1"
    assert page in b"".join(
        title.encode() + b" 1 no. 1" for title in ("General security mitigations",)
    )  # what the page was
    with desk.world.wired.database.read() as session:
        kept = session.exec(select(LedgerEntry).where(LedgerEntry.type == EVENT)).all()
        assert kept
        assert not any(page in bytes(one.entry) for one in kept)
        assert not documents.for_subject(session, f"plan_request:{request.id}")


def test_a_round_after_the_portal_s_database_went_back_ends_nothing_wrongly(desk: Desk) -> None:
    """A portal restored from yesterday takes the lines in again; its grants stand as the log says."""
    request = desk.plan_readable(desk.under_review())

    def forget(session: Any) -> None:
        link = session.get_one(CustodianLink, 1)
        link.number, link.last = 0, "0" * 64

    in_writing(desk.world, forget)
    Round(desk.world.wired.database, desk.custody.custodian, desk.world.clock).go()
    assert desk.fresh(request).state.value == "delivered"
    assert {one.standing for one in desk.grants_of(request)} == {Standing.APPROVED}


def test_nobody_else_finds_the_pages_of_a_request(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request: PlanRequest = desk.plan_readable(desk.under_review())
    for zone, by in (("developer", desk.other_developer), ("government", desk.custody.second)):
        client = desk.world.client(zone, by)
        for path in ("", "/key", "/openings"):
            assert client.get(f"/plans/{request.reference}{path}").status_code == 404
