"""A plan request from its approval to a page, between the portal and a custodian that it cannot open."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from portal import mail
from portal.custodian import Silent
from portal.review import custody_lines, custody_round, openings, plan_grants, plans
from portal.review.custody_lines import NotContinued
from portal.review.tables import CustodianLink, PlanRequest, PlanSection
from portal.review.workflow import PlanState
from portal.ui.formats import moment
from secure_access import ledger
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Refused, Why
from secure_access.db import col, select
from secure_access.grants import AccessGrant, Standing
from secure_access.identity import Organisation, Person, conflicts, roles
from secure_access.ledger import removal
from secure_access.ledger.tables import LedgerEntry
from secure_access.sealing.plans import PlanKey
from secure_access.workflow import Denied, Role
from tests.fixtures.app import form_of
from tests.fixtures.review import SECTIONS, Desk
from tests.secure_access.ledger.test_ledger_removal import EMPTY, emptied, stone


def standing(desk: Desk, request: PlanRequest) -> list[Standing | None]:
    return [one.standing for one in desk.grants_of(request)]


def test_from_the_approval_to_a_page(desk: Desk) -> None:
    request = desk.plan_keyed(desk.under_review())
    assert request.plan_key_text is not None
    key = PlanKey.parse(request.plan_key_text.encode())
    assert (key.fingerprint, key.request) == (request.plan_key, request.reference)
    custody = desk.custody
    custody.hand_in(request)
    custody.round()
    request = desk.fresh(request)
    assert (request.state, request.missing) == (PlanState.DELIVERED, None)
    assert request.delivered_at == desk.now
    with desk.world.wired.database.read() as session:
        sections = plans.sections(session, request)
    assert [(one.section, one.pages, one.document_id) for one in sections] == [
        (key, 9, None) for key in SECTIONS[:2]
    ]
    [grant] = desk.grants_of(request)
    assert (grant.reader_id, grant.pages) == (desk.reader.person_id, 60)
    assert sorted(grant.documents) == sorted(str(one.sha256) for one in sections)
    custody.round()
    assert standing(desk, request) == [Standing.WAITING]
    custody.does(Act.APPROVE, grant.digest, desk.approver)
    custody.round()
    assert standing(desk, request) == [Standing.WAITING]
    custody.does(Act.APPROVE, grant.digest, custody.second)
    custody.round()
    [grant] = desk.grants_of(request)
    assert grant.standing is Standing.APPROVED
    assert grant.approvals == [str(desk.approver.person_id), str(custody.second.person_id)]
    sitting = custody.does(Act.OPEN, grant.digest, desk.reader)
    assert custody.core.release(sitting.token, SECTIONS[0], 1)
    custody.round()
    with desk.world.wired.database.read() as session:
        found = openings.record(session, request, now=desk.now)
    [row] = found.openings.rows
    assert (row.who, row.refused) == ("A. Brenner", "")
    assert [pages for _, pages in row.pages] == [1]
    assert next(words for _, words, _, _ in found.events) == "A reader began to read"


def test_the_history_of_the_case_says_what_happened_at_the_custodian(desk: Desk) -> None:
    case = desk.under_review()
    request = desk.plan_readable(case)
    custody = desk.custody
    [grant] = desk.grants_of(request)
    sitting = custody.does(Act.OPEN, grant.digest, desk.reader)
    for page in (1, 2):
        custody.core.release(sitting.token, SECTIONS[0], page)
    custody.round()
    client = desk.world.client("government", desk.officer)
    history = client.get(f"/cases/{case.reference}/history").text
    title = plan_grants.title(SECTIONS[0])
    assert f"A reader opened a page of the plan: {title}, page 2" in history
    assert "Custodian line" not in history
    offered = next(row for row in history.split("<tr") if "An access grant was put before" in row)
    assert "The custodian" in offered
    brief = client.get(f"/cases/{case.reference}").text
    assert "Sealed plan opened, 2 pages" in brief


def test_the_developer_reads_when_and_why_nobody_can_open_the_plan(desk: Desk) -> None:
    later = desk.now + timedelta(days=2)
    request = desk.plan_readable(desk.under_review(), read_from=later, read_until=later + timedelta(days=9))
    client = desk.world.client("developer", desk.certifier)
    address = f"/plans/{request.reference}/openings"

    def lead() -> str:
        return str(client.get(address).text.partition('class="lead">')[2].partition("</p>")[0])

    assert f"Nobody can open it yet: an access grant begins on {moment(later)}" in lead()
    desk.later(days=3)
    assert "It can be opened until" in lead()
    desk.custody.core.heard()
    desk.custody.does(Act.PAUSE, str(request.plan_key), desk.certifier)
    desk.custody.round()
    assert f"Nobody can open it now: you paused every reading on {moment(desk.now)}" in lead()
    for who in (desk.approver, desk.custody.second):
        desk.custody.does(Act.DESTROY, str(request.plan_key), who)
    desk.custody.round()
    assert f"Nobody can open it any more: its key was destroyed on {moment(desk.now)}" in lead()
    assert "UTC" in lead()


def test_who_approves_is_named_by_team_to_the_developer_whatever_came_of_it(desk: Desk) -> None:
    request = desk.plan_delivered(desk.under_review())
    [grant] = desk.grants_of(request)
    custody = desk.custody
    custody.does(Act.APPROVE, grant.digest, desk.approver)
    with pytest.raises(Refused):
        custody.does(Act.APPROVE, grant.digest, desk.approver)
    custody.round()
    page = desk.world.client("developer", desk.certifier).get(f"/plans/{request.reference}/openings").text
    assert "An act about the plan was refused" in page
    assert "An approver, Legal" in page
    with desk.world.wired.database.read() as session:
        assert session.get_one(Person, desk.approver.person_id).name not in page


def test_what_is_delivered_is_compared_with_the_public_outline(desk: Desk) -> None:
    request = desk.plan_keyed(desk.under_review())
    custody = desk.custody
    custody.hand_in(request)
    assert custody.compared == [dict.fromkeys(SECTIONS[:2], "What it covers.")]
    custody.restart()
    assert custody.custody.state.plans[str(request.plan_key)].outline


def test_every_line_is_an_entry_of_the_custody_log_and_one_of_its_own_chain(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    with desk.world.wired.database.read() as session:
        every = session.exec(select(LedgerEntry).where(LedgerEntry.type == custody_lines.EVENT)).all()
        mine = [one.line for one in openings.told(session, request)]
        number = custody_lines.link(session).number
    assert {one.log for one in every} == {ledger.Log.CUSTODY}
    lines = list(desk.custody.core.lines())
    assert number == len(lines)
    assert mine == [line for line in lines if line.plan == request.plan_key]
    assert [line.type for line in mine] == [
        "plan.key_made",
        "plan.outlined",
        "plan.delivered",
        "grant.offered",
        "grant.approved",
        "grant.approved",
    ]


def test_a_part_is_delivered_and_the_rest_follows(desk: Desk) -> None:
    request = desk.plan_keyed(desk.under_review())
    desk.custody.hand_in(request, request.sections[:1])
    desk.custody.round()
    request = desk.fresh(request)
    assert request.state is PlanState.PARTLY_DELIVERED
    assert request.missing == "Protection of unreleased model weights"
    [grant] = desk.grants_of(request)
    told = json.loads(str(grant.statement))
    assert [one["section"] for one in told["sections"]] == request.sections[:1]
    assert {one["term"] for one in told["changes"]} == {"readers", "sections"} - (
        {"readers"} if len(request.readers) == 1 else set()
    )


def test_a_reader_whom_the_custodian_does_not_know_waits_for_enrolment(desk: Desk) -> None:
    late = desk.world.person(_authority(desk), Role.PLAN_READER, name="Nora Late")
    request = desk.plan_delivered(desk.under_review(), readers=[late.person_id])
    assert desk.grants_of(request) == []
    page = desk.world.client("government", desk.officer).get(f"/plans/{request.reference}").text
    assert "Not enrolled at the custodian as a reader. Ask two custody officers." in page
    custody = desk.custody
    custody.enrol_also(late, "reader")
    custody.round()
    custody.round()
    assert standing(desk, request) == [Standing.WAITING]


def _authority(desk: Desk) -> Any:
    with desk.world.wired.database.read() as session:
        return session.get_one(Organisation, desk.reader.organisation_id)


def test_a_grant_that_the_custodian_does_not_take_says_why(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = desk.plan_keyed(desk.under_review())
    custody = desk.custody
    custody.hand_in(request)
    carry, reader = custody.carry, str(desk.reader.person_id)

    def conflicted(value: dict[str, Any]) -> None:
        custody.enrolled.one(reader, value)["conflicts"] = [str(request.developer_id)]

    def late(body: Any) -> Any:
        if asked_in(body) == "offer":
            custody.change_list(conflicted)
        return carry(body)

    monkeypatch.setattr(custody, "carry", late)
    custody.round()
    [grant] = desk.grants_of(request)
    assert grant.standing is Standing.NOT_OFFERED
    assert grant.obstacle == "The reader declared a conflict of interest with this developer."
    page = desk.world.client("government", desk.officer).get(f"/plans/{request.reference}").text
    assert "Not taken by the custodian" in page
    assert str(grant.obstacle) in page


def asked_in(body: Any) -> str:
    """What a question of the portal asks."""
    return str(json.loads(base64.b64decode(body["question"]))["do"])


@pytest.mark.parametrize("how", ["ended", "role", "conflict"])
def test_a_reading_that_falls_here_ends_there_in_the_next_round(desk: Desk, how: str) -> None:
    request = desk.plan_readable(desk.under_review())
    custody = desk.custody
    [grant] = desk.grants_of(request)
    sitting = custody.does(Act.OPEN, grant.digest, desk.reader)
    custody.core.release(sitting.token, SECTIONS[0], 1)
    _falls(desk, request, how)
    custody.round()
    with pytest.raises(Refused) as refused:
        custody.core.release(sitting.token, SECTIONS[0], 2)
    assert refused.value.why is Why.ENDED
    custody.round()
    assert standing(desk, request) == [Standing.ENDED]


def _falls(desk: Desk, request: PlanRequest, how: str) -> None:
    with desk.world.wired.database.write() as session:
        if how == "ended":
            row = plans.load(session, request.reference, by=desk.officer, for_update=True)
            plans.end(session, request=row, by=desk.officer, now=desk.now)
        elif how == "role":
            _take_role(session, desk)
        else:
            conflicts.declare(
                session,
                person_id=desk.reader.person_id,
                developer_id=request.developer_id,
                reason="Shares of it.",
                by=desk.reader,
                now=desk.now,
            )


def _take_role(session: Any, desk: Desk) -> None:
    administrator = desk.world.person(_authority(desk), Role.ADMINISTRATOR)
    person = session.get_one(Person, desk.reader.person_id)
    roles.take(session, person=person, role=Role.PLAN_READER, by=administrator, now=desk.now)


def test_no_sign_of_life_comes_before_the_custodian_knows_what_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = desk.plan_readable(desk.under_review())
    custody = desk.custody
    _falls(desk, request, "ended")
    heard = custody.custody.heard_at
    asked: list[str] = []
    carry = custody.carry

    def lost(body: Any) -> Any:
        asked.append(asked_in(body))
        if asked[-1] == "end":
            raise ConnectionResetError
        return carry(body)

    monkeypatch.setattr(custody, "carry", lost)
    desk.later(seconds=10)
    with pytest.raises(Silent):
        custody.round()
    assert asked == ["end"]
    assert custody.custody.heard_at == heard


def test_all_that_ended_is_told_before_the_sign_of_life(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ended at once: here more than are offered in one round."""
    monkeypatch.setattr(custody_round, "AT_ONCE", 1)
    request = desk.plan_delivered(desk.under_review(), readers=_readers(desk, 3))
    custody = desk.custody
    while {one.standing for one in desk.grants_of(request)} != {Standing.WAITING}:
        custody.round()
    _end(desk, request)
    asked: list[str] = []
    carry = custody.carry

    def listen(body: Any) -> Any:
        asked.append(asked_in(body))
        return carry(body)

    monkeypatch.setattr(custody, "carry", listen)
    custody.round()
    assert asked[:3] == ["end"] * 3
    assert asked.index("heard") > asked.index("lines") > 2
    assert {one.standing for one in desk.grants_of(request)} == {Standing.ENDED}


def _readers(desk: Desk, count: int) -> list[Any]:
    """So many people whom the custodian has enrolled as readers."""
    late = [
        desk.world.person(_authority(desk), Role.PLAN_READER, name=f"Reader {number}")
        for number in range(count)
    ]
    for one in late:
        desk.custody.enrol_also(one, "reader")
    return [one.person_id for one in late]


@pytest.mark.parametrize("how", ["shorter", "another"])
def test_a_custodian_with_another_log_gets_no_sign_of_life(desk: Desk, how: str) -> None:
    request = desk.plan_readable(desk.under_review())
    custody = desk.custody
    with desk.world.wired.database.write() as session:
        link = session.get_one(CustodianLink, 1)
        if how == "shorter":
            link.number += 1
        link.last = hashlib.sha256(b"another").hexdigest()
    heard = custody.custody.heard_at
    desk.later(seconds=10)
    with pytest.raises(NotContinued):
        custody.round()
    assert custody.custody.heard_at == heard
    for path in ("/plans", f"/plans/{request.reference}"):
        page = desk.world.client("government", desk.officer).get(path).text
        assert "The custodian’s log is not the one that was taken in" in page
    page = desk.world.client("developer", desk.certifier).get(f"/plans/{request.reference}").text
    assert "not the one that was taken in" not in page


def test_a_line_from_which_nothing_can_follow_stops_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken in, officials read of it, and the sign of life goes on: others read other plans."""
    request = desk.plan_keyed(desk.under_review())
    custody = desk.custody

    def fails(_intake: Any) -> Any:
        raise LookupError

    effects = {**custody_lines.EFFECTS, "plan.delivered": fails}
    monkeypatch.setattr(custody_lines, "EFFECTS", effects)
    custody.hand_in(request)
    desk.later(seconds=10)
    custody.round()
    assert custody.custody.heard_at == desk.now
    with desk.world.wired.database.read() as session:
        link = custody_lines.link(session)
    assert link.number == custody.log.size
    page = desk.world.client("government", desk.officer).get("/plans").text
    assert "(plan.delivered) of the custodian’s log is here, and nothing could follow from it" in page


def test_a_section_that_was_not_asked_for_has_no_row(desk: Desk) -> None:
    request = desk.plan_keyed(desk.under_review())
    desk.custody.hand_in(request, [*request.sections, "x" * 64])
    desk.custody.round()
    assert desk.fresh(request).state is PlanState.DELIVERED
    with desk.world.wired.database.read() as session:
        assert [one.section for one in plans.sections(session, request)] == request.sections


def test_what_was_offered_and_ended_before_its_line_came_is_ended_there(desk: Desk) -> None:
    """The offer reached the custodian, the answer or the line did not: two approve, and the request ends."""
    request = desk.plan_keyed(desk.under_review())
    custody = desk.custody
    custody.hand_in(request)
    custody.round()
    [grant] = desk.grants_of(request)
    assert grant.standing is Standing.DRAWN_UP
    custody.approved(str(grant.digest))
    _end(desk, request)
    custody.round()
    assert custody.custody.state.grants[str(grant.digest)].over is not None
    assert standing(desk, request) == [Standing.ENDED]


def _end(desk: Desk, request: PlanRequest) -> None:
    with desk.world.wired.database.write() as session:
        row = plans.load(session, request.reference, by=desk.officer, for_update=True)
        plans.end(session, request=row, by=desk.officer, now=desk.now)


def test_a_custodian_that_lost_a_grant_is_not_believed_that_it_ended(desk: Desk) -> None:
    """One restored from last week knows nothing of it; the true one would be told nothing more."""
    request = desk.plan_readable(desk.under_review())
    custody = desk.custody
    _end(desk, request)
    lost = dict(custody.custody.state.grants)
    custody.custody.state.grants.clear()
    heard = custody.custody.heard_at
    desk.later(seconds=10)
    with pytest.raises(NotContinued, match="has no access grant"):
        custody.round()
    assert custody.custody.heard_at == heard
    custody.custody.state.grants.update(lost)
    custody.round()
    assert standing(desk, request) == [Standing.ENDED]


def test_one_request_that_makes_no_grant_stops_no_other(desk: Desk) -> None:
    case = desk.under_review()
    bad, good = desk.plan_keyed(case), desk.plan_keyed(case)
    _past_the_ledger(desk, update(PlanRequest).where(col(PlanRequest.id) == bad.id).values(pages=None))
    for request in (bad, good):
        desk.custody.hand_in(request)
    desk.custody.round()
    assert desk.grants_of(bad) == []
    assert len(desk.grants_of(good)) == 1
    page = desk.world.client("government", desk.officer).get("/plans").text
    assert f"No access grant can be drawn up for {bad.reference}" in page


def _past_the_ledger(desk: Desk, *statements: Any) -> None:
    """What somebody does who writes the database, or restores it."""
    with desk.world.wired.database.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Corvane\x7f 4\x08", "Corvane 4"),
        ("one\ntwo\t three\x1c", "one two three"),
        ("\u200b\x00", "not stated"),
        ("\u200d", "not stated"),
    ],
)
def test_texts_are_said_without_what_nobody_sees(typed: str, said: str) -> None:
    assert plan_grants.plain(typed) == said


def test_reading_is_ended_while_there_is_any(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    client = desk.world.client("government", desk.officer)
    assert "End the reading now" in client.get(f"/plans/{request.reference}").text
    desk.later(days=60)
    assert "End the reading now" not in client.get(f"/plans/{request.reference}").text


def test_a_grant_that_is_over_by_its_dates_is_followed_by_another(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review(), read_until=desk.now + timedelta(days=70))
    desk.later(days=29)
    desk.custody.round()
    assert len(desk.grants_of(request)) == 1
    desk.later(days=2)
    desk.custody.round()
    desk.custody.round()
    assert standing(desk, request) == [Standing.APPROVED, Standing.WAITING]


@pytest.mark.parametrize("act", [Act.REFUSE, Act.REVOKE])
def test_a_grant_that_came_to_nothing_is_offered_anew_by_a_person(desk: Desk, act: Act) -> None:
    request = desk.plan_delivered(desk.under_review())
    path = f"/plans/{request.reference}"
    client = desk.world.client("government", desk.officer)
    asked = {"do": "offer_again", "reader": str(desk.reader.person_id)}
    assert "Offer another access grant" not in client.get(path).text
    assert client.post(path, data={**form_of(client.get(path).text), **asked}).status_code == 403
    [grant] = desk.grants_of(request)
    desk.custody.does(act, str(grant.digest), desk.approver)
    for _ in range(2):
        desk.custody.round()
    assert len(desk.grants_of(request)) == 1
    assert "Offer another access grant" in client.get(path).text
    with desk.world.wired.database.write() as session, pytest.raises(Denied):
        row = plans.load(session, request.reference, by=desk.reader, for_update=True)
        listed, who = custody_lines.listed_in(session), desk.reader.person_id
        plan_grants.offer_again(session, row, who, listed, by=desk.reader, now=desk.now)
    assert client.post(path, data={**form_of(client.get(path).text), **asked}).status_code == 303
    desk.custody.round()
    desk.custody.round()
    over = Standing.REFUSED if act is Act.REFUSE else Standing.REVOKED
    assert set(standing(desk, request)) == {over, Standing.WAITING}
    assert client.post(path, data={**form_of(client.get(path).text), **asked}).status_code == 403
    with desk.world.wired.database.read() as session:
        every = ledger.entries(session, plans.subject_of(request))
        *_, last = (one for one in every if one.type == "grant.issued")
        by: Any = last.content["by"]
        assert by["person"] == str(desk.officer.person_id)


def test_an_emergency_is_offered_for_plan_readers_alone(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    custody = desk.custody
    stranger = desk.world.person(_authority(desk), Role.CASE_OFFICER, name="Olga Once")
    custody.enrol_also(stranger, "reader")
    custody.round()
    path = f"/plans/{request.reference}"
    client = desk.world.client("government", desk.officer)
    assert "Olga Once" not in client.get(path).text
    told = {"reader": str(stranger.person_id), "sections": request.sections[0], "why": "It cannot wait."}
    answer = client.post(f"{path}/emergency", data={**form_of(client.get(path).text), **told})
    assert answer.status_code == 422


def test_a_portal_that_was_restored_finds_again_what_the_custodian_has(desk: Desk) -> None:
    """The database is of before the plan key: key, delivery, grant and approvals come back from the lines."""
    request = desk.plan_readable(desk.under_review())
    [before] = desk.grants_of(request)
    lost = {"plan_key": None, "plan_key_text": None, "manifest": None, "delivered_at": None}
    _past_the_ledger(
        desk,
        update(PlanRequest).where(col(PlanRequest.id) == request.id).values(state=PlanState.APPROVED, **lost),
        delete(PlanSection).where(col(PlanSection.plan_request_id) == request.id),
        delete(AccessGrant).where(col(AccessGrant.id) == before.id),
    )
    with desk.world.wired.database.write() as session:
        session.merge(CustodianLink())
    desk.custody.round()
    again = desk.fresh(request)
    assert (again.state, again.plan_key) == (PlanState.DELIVERED, request.plan_key)
    assert again.plan_key_text == request.plan_key_text
    [after] = desk.grants_of(request)
    assert (after.digest, after.standing) == (before.digest, Standing.APPROVED)
    assert after.approvals == before.approvals


def test_each_version_of_the_list_is_told_however_fast_they_came(desk: Desk) -> None:
    custody = desk.custody
    late = desk.world.person(_authority(desk), Role.PLAN_READER, name="Nora Brief")
    custody.enrol_also(late, "reader")
    custody.change_list(
        lambda value: value["people"].remove(
            next(one for one in value["people"] if one["person"] == str(late.person_id))
        )
    )
    custody.round()
    desk.world.run_jobs()
    with desk.world.wired.database.read() as session:
        email = session.get_one(Person, late.person_id).email
        told = [one.subject_id for one in mail.sent(session) if one.recipient == email]
    assert {one.partition(":")[0] for one in told} == {"2", "3"}


def test_a_silent_custodian_changes_nothing_and_is_shown(desk: Desk) -> None:
    request = desk.plan_keyed(desk.under_review())
    desk.custody.silent = True
    with pytest.raises(Silent):
        desk.custody.round()
    desk.later(minutes=2)
    page = desk.world.client("government", desk.officer).get(f"/plans/{request.reference}").text
    assert "The custodian has not answered since" in page


def test_a_log_that_does_not_continue_is_not_taken_in(desk: Desk) -> None:
    desk.plan_keyed(desk.under_review())
    lines = [line.encoded for line in desk.custody.core.lines()]
    with desk.world.wired.database.read() as session:
        before = custody_lines.link(session).number
    changed = lines[-1].replace(b'"type":"plan.outlined"', b'"type":"plan.destroyed"')
    assert changed != lines[-1]
    for wrong in ([changed], [lines[-1], b"{}"], [changed.replace(b'"number":', b'"number":9')]):
        with desk.world.wired.database.write() as session:
            state = session.get_one(CustodianLink, 1)
            state.number, state.last = before - 1, hashlib.sha256(b"another").hexdigest()
        with pytest.raises(NotContinued), desk.world.wired.database.write() as session:
            new = custody_lines.following(CustodianLink(), wrong)
            custody_lines.take_in(session, new, now=desk.now)
        with desk.world.wired.database.read() as session:
            assert custody_lines.link(session).number == before - 1


def test_lines_that_are_here_already_are_passed_over(desk: Desk) -> None:
    desk.plan_keyed(desk.under_review())
    lines = list(desk.custody.core.lines())
    with desk.world.wired.database.write() as session:
        assert custody_lines.take_in(session, lines, now=desk.now) == []


def test_a_delivery_after_the_request_ended_is_recorded_and_nothing_more(desk: Desk) -> None:
    request = desk.plan_keyed(desk.under_review())
    with desk.world.wired.database.write() as session:
        row = plans.load(session, request.reference, by=desk.officer, for_update=True)
        plans.withdraw(session, request=row, by=desk.officer, now=desk.now)
    desk.custody.hand_in(request)
    desk.custody.round()
    request = desk.fresh(request)
    assert (request.state, request.manifest) == (PlanState.ENDED, None)
    assert desk.grants_of(request) == []


def test_the_developer_pauses_at_the_custodian_and_the_portal_shows_it(desk: Desk) -> None:
    request = desk.plan_readable(desk.under_review())
    desk.custody.does(Act.PAUSE, str(request.plan_key), desk.certifier)
    desk.custody.round()
    assert desk.fresh(request).paused_at == desk.now
    page = desk.world.client("developer", desk.certifier).get(f"/plans/{request.reference}").text
    assert "You have paused every reading" in page
    desk.custody.does(Act.RESUME, str(request.plan_key), desk.certifier)
    desk.custody.round()
    assert desk.fresh(request).paused_at is None


@pytest.mark.parametrize(("act", "then"), [(Act.REFUSE, Standing.REFUSED), (Act.REVOKE, Standing.REVOKED)])
def test_what_approvers_do_stands_here_too(desk: Desk, act: Act, then: Standing) -> None:
    request = desk.plan_delivered(desk.under_review())
    [grant] = desk.grants_of(request)
    desk.custody.does(act, str(grant.digest), desk.approver)
    desk.custody.round()
    [grant] = desk.grants_of(request)
    assert (grant.standing, grant.ended_at) == (then, desk.now)


def test_the_key_is_a_file_for_the_developer_alone(desk: Desk) -> None:
    request = desk.plan_keyed(desk.under_review())
    path = f"/plans/{request.reference}/key"
    found = desk.world.client("developer", desk.certifier).get(path)
    assert (found.status_code, found.text) == (200, request.plan_key_text)
    assert "attachment" in found.headers["Content-Disposition"]
    assert desk.world.client("developer", desk.other_developer).get(path).status_code == 404


def test_break_glass_is_offered_and_tells_the_developer_before_it_opens(desk: Desk) -> None:
    request = desk.plan_delivered(desk.under_review())
    custody = desk.custody
    custody.rules = replace(custody.rules, break_glass=True)
    custody.restart()
    client, path = desk.world.client("government", desk.officer), f"/plans/{request.reference}"
    form = form_of(client.get(path).text, f"{path}/emergency")
    told = {
        "reader": str(desk.reader.person_id),
        "sections": request.sections[0],
        "why": "Weights leave.",
    }
    for missing in told:
        refused = client.post(f"{path}/emergency", data=form | {**told, missing: ""})
        assert refused.status_code == 422
        assert "say why it cannot wait" in refused.text
    assert client.post(f"{path}/emergency", data=form | told).status_code == 303
    custody.round()
    custody.round()
    emergency = next(one for one in desk.grants_of(request) if plan_grants.is_emergency(one))
    assert (emergency.standing, emergency.pages, emergency.obstacle) == (Standing.WAITING, 20, None)
    assert emergency.not_after - emergency.not_before == timedelta(hours=4)
    for who in (desk.approver, custody.second):
        custody.does(Act.BREAK_GLASS, str(emergency.digest), who)
    custody.round()
    [waiting] = [one for one in desk.grants_of(request) if one.id == emergency.id]
    assert waiting.standing is Standing.WAITING
    with pytest.raises(Refused) as refusal:
        custody.does(Act.OPEN, str(emergency.digest), desk.reader)
    assert refusal.value.why is Why.NOT_APPROVED
    custody.core.telling.told(str(emergency.digest))
    custody.round()
    [stands] = [one for one in desk.grants_of(request) if one.id == emergency.id]
    assert stands.standing is Standing.APPROVED
    assert custody.does(Act.OPEN, str(emergency.digest), desk.reader)
    page = desk.world.client("developer", desk.certifier).get(f"{path}/openings").text
    assert "The developer was told of an emergency access" in page


def test_everybody_on_the_list_is_told_of_a_new_version(desk: Desk) -> None:
    custody = desk.custody
    late = desk.world.person(_authority(desk), Role.PLAN_READER, name="Nora Late")
    custody.enrol_also(late, "reader")
    custody.round()
    desk.world.run_jobs()
    with desk.world.wired.database.read() as session:
        told = {
            one.recipient: mail.text_of(session, desk.world.wired, one)
            for one in mail.sent(session)
            if one.kind == mail.ENROLMENT and one.subject_id.startswith("2:")
        }
        people = {who: session.get_one(Person, who.person_id).email for who in (late, desk.reader)}
    assert "You are new on it." in told[people[late]]
    assert "as before" in told[people[desk.reader]]


def test_a_line_is_evidence_that_nobody_removes(desk: Desk) -> None:
    """Neither two administrators through the portal, nor who writes a tombstone past it."""
    desk.plan_readable(desk.under_review())
    desk.world.run_jobs()
    first, second = (desk.world.person(_authority(desk), Role.ADMINISTRATOR) for _ in range(2))
    database = desk.world.wired.database
    with database.write() as session:
        query = select(LedgerEntry).where(LedgerEntry.type == custody_lines.EVENT)
        entry = session.exec(query).first()
        assert entry is not None
        with pytest.raises(Denied, match="evidence of a reading"):
            removal.check(session, removal.content(entry, "erasure_ordered"))
        proposed = {"act": removal.ACT, "digest": "0" * 64}
        ledger.append(session, "act.proposed", proposed, by=first, now=desk.now)
        stone(
            session,
            SimpleNamespace(number=entry.number, second=second),
            SimpleNamespace(now=desk.now),
        )
        statement = f"UPDATE ledger_entry SET {emptied(database, EMPTY)} WHERE number = {entry.number}"
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.execute(text(statement))
