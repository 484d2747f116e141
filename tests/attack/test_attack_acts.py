"""Acts at the same moment, out of order, on what changed since it was shown, by one person in two roles."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from portal.filing import certification, publication, service
from portal.filing.tables import Filing, Incident
from portal.review import decisions
from portal.review.tables import AnswerDraft, DecisionKind
from secure_access.db import select
from secure_access.identity import Actor, Organisation
from secure_access.workflow import Denied, Role
from tests.attack.test_attack_sessions import REPORT, token_of
from tests.fixtures.app import World
from tests.fixtures.enforcement import Bench
from tests.fixtures.filing import Developer
from tests.fixtures.review import Desk

AT_ONCE = 50
Data = Callable[[int], dict[str, Any]]


def both(world: World, like: Actor, *roles: Role) -> Actor:
    """A person of the same organisation who holds several roles."""
    with world.wired.database.read() as session:
        organisation = session.get_one(Organisation, like.organisation_id)
    return world.person(organisation, *roles)


def at_once(
    world: World, zone: str, who: list[Actor], path: str, data: Callable[[int], dict[str, Any]]
) -> Any:
    """Send a form many times at the same moment; how often each status came, and the longest answer."""
    signed_in = []
    for actor in who:
        client = world.client(zone, actor)
        token = token_of(client)
        name = f"__Host-assay-{zone}"
        cookie = client.get_cookie(name, domain=f"{zone}.localhost")
        assert cookie
        signed_in.append((name, cookie.value, token))
    start, found, longest = threading.Barrier(AT_ONCE), [], [0.0]

    def send(number: int) -> None:
        name, cookie, token = signed_in[number % len(signed_in)]
        client = world.client(zone)
        client.set_cookie(name, cookie, domain=f"{zone}.localhost", secure=True)
        start.wait()
        begun = time.monotonic()
        answer = client.post(path, data={"csrf_token": token, **data(number)})
        longest[0] = max(longest[0], time.monotonic() - begun)
        found.append(answer.status_code)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert longest[0] < 25, "somebody waited for a lock"
    assert len(found) == AT_ONCE
    return Counter(found)


def fresh(**more: Any) -> Data:
    return lambda _number: {"form_id": str(uuid.uuid4()), **more}


def test_one_form_sent_by_many_hands_is_one_report(developer: Developer) -> None:
    same = str(uuid.uuid4())
    found = at_once(
        developer.world,
        "developer",
        [developer.preparer],
        "/incidents/new",
        lambda _: {"form_id": same, **REPORT},
    )
    assert found == {303: AT_ONCE}
    with developer.world.wired.database.read() as session:
        mine = Incident.developer_id == developer.organisation.id
        assert len(session.exec(select(Incident).where(mine)).all()) == 1


def test_many_signatures_are_one_submission(developer: Developer) -> None:
    world = developer.world
    with world.wired.database.write() as session:
        filing = developer.sent(session)
    other = both(world, developer.officer, Role.CERTIFYING_OFFICER)
    page = world.client("developer", developer.officer).get(f"/filings/{filing.id}/sign").text
    digest = page.split('name="digest" value="')[1].split('"')[0]
    found = at_once(
        world, "developer", [developer.officer, other], f"/filings/{filing.id}/sign", fresh(digest=digest)
    )
    assert found[303] >= 1
    assert set(found) <= {303, 403}
    with world.wired.database.read() as session:
        row = session.get_one(Filing, filing.id)
        signed = session.exec(
            select(Filing).where(Filing.developer_id == row.developer_id, Filing.kind == row.kind)
        ).all()
    assert [filing.reference for filing in signed] == [row.reference]


def test_of_two_amendments_one_takes_the_place(developer: Developer) -> None:
    world = developer.world
    with world.wired.database.write() as session:
        first = developer.submitted(session)
        drafts = []
        for _ in range(2):
            draft = certification.amend(session, filing=first, by=developer.preparer, now=world.clock.now())
            developer.answer(session, draft)
            officer, now = developer.officer.person_id, world.clock.now()
            certification.send(session, filing=draft, certifier_id=officer, by=developer.preparer, now=now)
            drafts.append((draft.id, publication.digest(certification.form_of(session, draft))))
    start, found = threading.Barrier(2), []

    def sign(draft: uuid.UUID, digest: str) -> None:
        start.wait()
        try:
            with world.wired.database.write() as session:
                row = service.load(session, draft, by=developer.officer, for_update=True)
                now = world.clock.now()
                certification.submit(session, filing=row, shown_digest=digest, by=developer.officer, now=now)
            found.append("signed")
        except Denied:
            found.append("refused")

    threads = [threading.Thread(target=sign, args=draft) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["refused", "signed"]


def test_two_deciders_take_one_decision(desk: Desk) -> None:
    case = desk.under_review()
    decision = desk.recommended(case)
    second = both(desk.world, desk.decider, Role.DECIDER)
    found = at_once(
        desk.world,
        "government",
        [desk.decider, second],
        f"/cases/{case.reference}/decision",
        fresh(do="decide", decision=decision.reference),
    )
    assert found == {303: 1, 403: AT_ONCE - 1}


def test_many_answers_are_one_answer(desk: Desk) -> None:
    asked = desk.served(desk.under_review(), "When?")
    found = at_once(
        desk.world,
        "developer",
        [desk.developer, desk.certifier],
        f"/requests/{asked.reference}",
        lambda number: {"form_id": str(uuid.uuid4()), "answer-1": f"Answer {number}.", "do": "send"},
    )
    assert found == {303: 1, 403: AT_ONCE - 1}
    with desk.world.wired.database.read() as session:
        assert session.exec(select(AnswerDraft).where(AnswerDraft.request_id == asked.id)).all() == []


def test_many_approvals_are_one_signature(bench: Bench) -> None:
    sheet = bench.prepared()
    found = at_once(
        bench.world,
        "government",
        [bench.head, bench.other_head],
        f"/penalties/worksheets/{sheet.reference}/approve",
        fresh(version=str(sheet.version)),
    )
    assert found == {303: 1, 403: AT_ONCE - 1}
    bench.world.run_jobs()


def test_what_was_recommended_anew_is_not_decided_unseen(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = desk.under_review()
    seen = desk.recommended(case)
    decider = desk.world.client("government", desk.decider)
    path = f"/cases/{case.reference}/decision"
    token = {"csrf_token": token_of(decider), "decision": seen.reference, "do": "decide"}
    assert f'name="decision" value="{seen.reference}"' in decider.get(path).text
    back = decider.post(path, data={**token, "do": "send_back", "reason": "Say more."})
    assert back.status_code == 303
    desk.recommended(case, kind=DecisionKind.BLOCK, reasons="Another text.")
    refused = decider.post(path, data=token)
    assert refused.status_code == 403
    assert "not what your page showed" in refused.text
    assert decider.post(path, data={**token, "decision": ""}).status_code == 403
    assert desk.fresh(case).state == "recommended"


def test_a_worksheet_is_approved_as_it_was_shown_or_not_at_all(sqlite_bench: Bench) -> None:
    sheet = sqlite_bench.prepared()
    head = sqlite_bench.world.client("government", sqlite_bench.head)
    path = f"/penalties/worksheets/{sheet.reference}/approve"
    token = {"csrf_token": token_of(head)}
    assert head.post(path, data=token).status_code == 403
    assert head.post(path, data={**token, "version": "9"}).status_code == 404
    assert sqlite_bench.desk.fresh(sheet).state == "prepared"
    assert head.post(path, data={**token, "version": str(sheet.version)}).status_code == 303


def test_one_person_in_two_roles_is_still_one_person(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    every = (Role.CASE_OFFICER, Role.DECIDER, Role.PLAN_APPROVER, Role.PLAN_READER)
    one = both(desk.world, desk.officer, *every)
    case = desk.under_review()
    desk.officer = one
    request = desk.plan_requested(case)
    desk.recommended(case)
    client = desk.world.client("government", one)
    token = {"csrf_token": token_of(client)}
    assert client.post(f"/plans/{request.reference}", data={**token, "do": "approve"}).status_code == 403
    with desk.world.wired.database.read() as session:
        reference = session.get_one(type(case), case.id).reference
    form = {**token, "do": "decide", "decision": _recommended(desk, case)}
    assert client.post(f"/cases/{reference}/decision", data=form).status_code == 403


def _recommended(desk: Desk, case: Any) -> str:
    with desk.world.wired.database.read() as session:
        found = decisions.recommendation(session, case)
        assert found is not None
        return found.reference


def test_who_prepared_a_report_does_not_certify_it_in_another_role(sqlite_developer: Developer) -> None:
    world = sqlite_developer.world
    one = both(world, sqlite_developer.preparer, Role.PREPARER, Role.CERTIFYING_OFFICER)
    sqlite_developer.preparer = one
    with world.wired.database.write() as session:
        filing = sqlite_developer.sent(session)
        sqlite_developer.officer = one
        with pytest.raises(Denied, match="You prepared this filing"):
            sqlite_developer.sign(session, filing)


def test_forms_out_of_order_are_refused(sqlite_bench: Bench) -> None:
    """Each act of a later state on what has not come that far, or has gone further."""
    desk = sqlite_bench.desk
    case = desk.case()
    officer = desk.world.client("government", desk.officer)
    decider = desk.world.client("government", desk.decider)
    token, other = token_of(officer), token_of(decider)
    at = f"/cases/{case.reference}"
    assert decider.post(f"{at}/decision", data={"csrf_token": other, "do": "decide"}).status_code == 403
    assert officer.get(f"{at}/evaluator").status_code == 403
    assert officer.post(f"{at}/evaluator", data={"csrf_token": token}).status_code == 403
    asked = desk.served(case, "When?")
    desk.answered(asked)
    where = f"{at}/requests/{asked.reference}/withdraw"
    assert officer.post(where, data={"csrf_token": token}).status_code == 403
    developer = desk.world.client("developer", desk.developer)
    again = {"csrf_token": token_of(developer), "answer-1": "Another.", "do": "send"}
    assert developer.post(f"/requests/{asked.reference}", data=again).status_code == 403
