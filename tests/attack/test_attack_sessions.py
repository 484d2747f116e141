"""Sessions, roles and forms that change or are replayed between the page and the act."""

from __future__ import annotations

import io
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evaluator import accreditations
from portal.filing.tables import Incident
from secure_access import identity, ledger
from secure_access.db import Session, select
from secure_access.identity import Actor, OrganisationKind, PersonRole, SignInSession
from secure_access.workflow import Role
from tests.fixtures.app import World

REPORT = {
    "what_happened": "Weights were copied.",
    "aware_at-day": "1",
    "aware_at-month": "6",
    "aware_at-year": "2027",
    "aware_at-time": "07:30",
    "internal_use": "not_known",
}


def token_of(client: Any) -> str:
    return re.findall(r'name="csrf_token" value="([^"]+)"', client.get("/").text)[0]


def in_writing(world: World, act: Callable[[Session], None]) -> None:
    with world.wired.database.write() as session:
        act(session)


def aged(world: World, actor: Actor, by: timedelta) -> None:
    """As if the person had last been seen that long ago."""

    def act(session: Session) -> None:
        for row in session.exec(select(SignInSession).where(SignInSession.person_id == actor.person_id)):
            row.seen_at = datetime.now(UTC) - by

    in_writing(world, act)


def test_signing_out_after_a_pause_neither_waits_nor_fails(world: World) -> None:
    """A session's last sight is written outside the request's transaction, or SQLite waits for itself."""
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    client = world.client("developer", by)
    token = token_of(client)
    aged(world, by, timedelta(minutes=5))
    begun = time.monotonic()
    answer = client.post("/sign-out", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert time.monotonic() - begun < 25, "it waited for a lock, which takes 30 seconds"


class SlowBody(io.BytesIO):
    """A body that takes its time: something happens before its last byte is read."""

    def __init__(self, content: bytes, meanwhile: Callable[[], None]) -> None:
        super().__init__(content)
        self._meanwhile: Callable[[], None] | None = meanwhile

    def read(self, size: int | None = -1) -> bytes:
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        return super().read(size)

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _suspend(actor: Actor) -> Callable[[Session], None]:
    def act(session: Session) -> None:
        person = session.get_one(identity.Person, actor.person_id)
        person.suspended = True
        _named(session, actor, "person.suspended", {}, person)

    return act


def _end(actor: Actor) -> Callable[[Session], None]:
    def act(session: Session) -> None:
        for row in session.exec(select(SignInSession).where(SignInSession.person_id == actor.person_id)):
            row.ended_at = datetime.now(UTC)

    return act


def _strip(actor: Actor) -> Callable[[Session], None]:
    def act(session: Session) -> None:
        for row in session.exec(select(PersonRole).where(PersonRole.person_id == actor.person_id)):
            session.delete(row)
            _named(session, actor, "person.role_taken", {"role": row.role}, row)

    return act


def _named(session: Session, actor: Actor, event: str, fields: dict[str, str], row: Any) -> None:
    """Accounts and roles are of record: what changes them is in an entry."""
    about = (f"person:{actor.person_id}",)
    ledger.append(session, event, fields, by=None, now=datetime.now(UTC), about=about, records=(row,))


@pytest.mark.parametrize(("change", "status"), [(_suspend, 401), (_end, 401), (_strip, 404)])
def test_who_loses_access_while_a_body_arrives_does_nothing_with_it(
    world: World, change: Callable[[Actor], Callable[[Session], None]], status: int
) -> None:
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    client = world.client("developer", by)
    boundary, fields = "b0undary", {**REPORT, "csrf_token": token_of(client), "form_id": str(uuid.uuid4())}
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    content = f"{body}--{boundary}--\r\n".encode()
    answer = client.post(
        "/incidents/new",
        input_stream=SlowBody(content, lambda: in_writing(world, change(by))),
        content_type=f"multipart/form-data; boundary={boundary}",
        content_length=len(content),
    )
    assert answer.status_code == status
    with world.wired.database.read() as session:
        kept = session.exec(select(Incident).where(Incident.developer_id == by.organisation_id)).all()
    assert kept == []


def test_a_role_taken_away_is_gone_on_the_next_request(sqlite_world: World) -> None:
    by = sqlite_world.person(sqlite_world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    client = sqlite_world.client("government", by)
    assert client.get("/cases").status_code == 200
    in_writing(sqlite_world, _strip(by))
    assert client.get("/cases").status_code == 404


def test_a_form_is_replayed_by_nobody_else_and_nowhere_else(sqlite_world: World) -> None:
    organisation = sqlite_world.organisation(OrganisationKind.DEVELOPER)
    first = sqlite_world.person(organisation, Role.PREPARER)
    second = sqlite_world.person(organisation, Role.PREPARER)
    mine, other = sqlite_world.client("developer", first), sqlite_world.client("developer", second)
    used = {"form_id": str(uuid.uuid4()), "kind": "system_card"}
    sent = {**used, "kind": "safety_framework", "csrf_token": token_of(mine)}
    led = mine.post("/filings/new", data=sent)
    assert led.status_code == 303
    assert mine.post("/filings/new", data=sent).headers["Location"] == led.headers["Location"]
    assert other.post("/filings/new", data={**sent, "csrf_token": token_of(other)}).status_code == 404
    assert mine.post("/incidents/new", data={**sent, **REPORT}).status_code == 404
    assert mine.post("/filings/new", data={**sent, "form_id": "not one"}).status_code == 404


def test_a_token_of_another_session_is_refused(sqlite_world: World) -> None:
    organisation = sqlite_world.organisation(OrganisationKind.DEVELOPER)
    mine = sqlite_world.client("developer", sqlite_world.person(organisation, Role.PREPARER))
    other = sqlite_world.client("developer", sqlite_world.person(organisation, Role.PREPARER))
    stolen = token_of(other)
    token_of(mine)
    answer = mine.post("/filings/new", data={"kind": "safety_framework", "csrf_token": stolen})
    assert answer.status_code == 400


def test_signing_in_again_ends_the_session_that_stood(sqlite_world: World) -> None:
    organisation = sqlite_world.organisation(OrganisationKind.DEVELOPER)
    first = sqlite_world.person(organisation, Role.PREPARER)
    second = sqlite_world.person(organisation, Role.PREPARER)
    client = sqlite_world.client("developer", first)
    with sqlite_world.wired.database.read() as session:
        email = session.get_one(identity.Person, second.person_id).email
    fields = {"csrf_token": token_of(client), "email": email, "password": "secret"}
    assert client.post("/sign-in", data=fields).status_code == 303
    with sqlite_world.wired.database.read() as session:
        left = session.exec(select(SignInSession).where(SignInSession.person_id == first.person_id)).one()
    assert left.ended_at is not None


def test_a_suspended_body_reads_no_filing(evaluation: Any) -> None:
    engagement = evaluation.declared()
    client = evaluation.world.client("evaluator", evaluation.assessor)
    where = f"/engagements/{engagement.reference}/filing"
    assert client.get(where).status_code == 200
    with evaluation.world.wired.database.write() as session:
        standing = accreditations.standing(session, evaluator_id=evaluation.body.id, on=evaluation.now.date())
        assert standing is not None
        accreditations.change(
            session, accreditation=standing, action="suspend", by=evaluation.accreditor, now=evaluation.now
        )
    refused = client.get(where)
    assert refused.status_code == 403
    assert "accredit" in refused.text


def test_after_the_window_the_filing_is_read_no_longer(sqlite_evaluation: Any) -> None:
    evaluation = sqlite_evaluation
    engagement = evaluation.declared()
    client = evaluation.world.client("evaluator", evaluation.assessor)
    where = f"/engagements/{engagement.reference}/filing"
    for day in (engagement.window_from - timedelta(days=1), engagement.window_until + timedelta(days=1)):
        evaluation.world.at(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        assert client.get(where).status_code == 403
        assert client.get(f"{where}/documents/{uuid.uuid4()}").status_code == 403


def test_before_the_declaration_nothing_of_the_filing_is_shown(sqlite_evaluation: Any) -> None:
    engagement = sqlite_evaluation.appointed()
    client = sqlite_evaluation.world.client("evaluator", sqlite_evaluation.officer)
    assert client.get(f"/engagements/{engagement.reference}/filing").status_code == 403
    assert client.get(f"/engagements/{engagement.reference}/assessment").status_code == 403
