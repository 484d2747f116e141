"""A plan is opened by its reader while role, grant and dates stand, and by nobody else."""

from __future__ import annotations

import io
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest

from portal.review import plans
from portal.review.tables import PlanRequest
from secure_access import documents, ledger
from secure_access.identity import PersonRole
from secure_access.workflow import Role
from tests.attack.test_attack_sessions import _strip, in_writing, token_of
from tests.fixtures.app import World
from tests.fixtures.pdfs import plain
from tests.fixtures.review import Desk, make_desk


def deliver(desk: Desk) -> PlanRequest:
    """A plan of two real sections, delivered by the page for it."""
    request = desk.plan_approved(desk.under_review())
    client = desk.world.client("developer", desk.certifier)
    files = {f"section-{key}": (io.BytesIO(plain(2)), f"{key}.pdf") for key in request.sections}
    sent = {"csrf_token": token_of(client), "form_id": str(uuid.uuid4()), **files}
    assert client.post(f"/plans/{request.reference}", data=sent).status_code == 303
    desk.world.run_jobs()
    desk.later(hours=1)
    found: PlanRequest = desk.fresh(request)
    return found


def page_of(request: PlanRequest, page: int = 1) -> str:
    return f"/plans/{request.reference}/sections/1/pages/{page}.png"


def refusals(desk: Desk, request: PlanRequest) -> int:
    with desk.world.wired.database.read() as session:
        entries = ledger.entries(session, about=f"plan_request:{request.id}")
        return sum(entry.type == "plan.opening_refused" for entry in entries)


def test_a_reader_without_the_role_is_a_reader_no_longer(desk: Desk) -> None:
    request = deliver(desk)
    reader = desk.world.client("government", desk.reader)
    assert reader.get(page_of(request)).status_code == 200

    def swap(session: Any) -> None:
        _strip(desk.reader)(session)
        role = Role.CASE_OFFICER
        row = PersonRole(person_id=desk.reader.person_id, role=role, given_at=desk.now)
        session.add(row)
        ledger.append(session, "person.role_given", {"role": role}, by=None, now=desk.now, records=(row,))

    in_writing(desk.world, swap)
    before = refusals(desk, request)
    for path in (page_of(request), page_of(request).removesuffix(".png")):
        assert reader.get(path).status_code == 404
    assert refusals(desk, request) == before + 2


def test_nobody_else_finds_the_pages_of_a_plan(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request = deliver(desk)
    others = [desk.officer, desk.decider, desk.approver]
    absent = f"/plans/{request.reference}/sections/9/pages/1.png"
    for number, by in enumerate(others, start=1):
        client = desk.world.client("government", by)
        found, missing = client.get(page_of(request)), client.get(absent)
        assert (found.status_code, missing.status_code) == (404, 404)
        assert refusals(desk, request) == number
    for page in (0, 3, 999999999999999999999):
        assert desk.world.client("government", desk.reader).get(page_of(request, page)).status_code == 404


def test_a_plan_is_no_document_of_anything_else(sqlite_desk: Desk) -> None:
    """Its documents hang on nothing, so that no other address leads to them."""
    desk = sqlite_desk
    request = deliver(desk)
    with desk.world.wired.database.read() as session:
        papers = [section.document_id for section in plans.sections(session, request)]
        assert not documents.for_subject(session, f"plan_request:{request.id}")
    certifier = desk.world.client("developer", desk.certifier)
    for paper in papers:
        assert certifier.get(f"/requests/{request.reference}/documents/{paper}").status_code == 404
        assert certifier.get(f"/filings/{request.outline_id}/documents/{paper}").status_code == 404


@pytest.mark.parametrize("when", [timedelta(days=-1), timedelta(days=22)])
def test_outside_its_dates_a_grant_opens_nothing(sqlite_desk: Desk, when: timedelta) -> None:
    desk = sqlite_desk
    request = deliver(desk)
    desk.world.at(request.read_from + when)
    assert desk.world.client("government", desk.reader).get(page_of(request)).status_code == 404


def test_many_who_knock_at_once_do_not_wait_for_each_other_for_ever(world: World) -> None:
    """Each refusal is recorded on a second connection: the first has to be given back before."""
    desk = make_desk(world)
    request = deliver(desk)
    client = world.client("government", desk.officer)
    cookie = client.get_cookie("__Host-assay-government", domain="government.localhost")
    assert cookie
    answers: list[int] = []

    def knock() -> None:
        mine = world.client("government")
        mine.set_cookie("__Host-assay-government", cookie.value, domain="government.localhost", secure=True)
        answers.append(mine.get(page_of(request)).status_code)

    threads = [threading.Thread(target=knock) for _ in range(50)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [404] * 50
    assert refusals(desk, request) == 50
    assert time.monotonic() - begun < 25
