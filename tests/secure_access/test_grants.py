"""Access grants: who may open what, from when until when, and what is recorded of it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secure_access import grants, ledger
from secure_access.db import Database
from secure_access.grants import AccessGrant, Opening, Permission
from secure_access.identity import (
    Actor,
    NewPerson,
    OrganisationKind,
    actor,
    add_organisation,
    add_person,
)
from secure_access.workflow import NotFound, Role

NOW = datetime(2027, 8, 16, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def reader(database: Database) -> Actor:
    with database.write() as session:
        body = add_organisation(
            session, kind=OrganisationKind.REGULATOR, name=f"Authority {uuid.uuid4().hex}", now=NOW
        )
        new = NewPerson(f"{uuid.uuid4().hex}@example.test", "A. Brenner", frozenset({Role.PLAN_READER}))
        person = add_person(session, organisation=body, new=new, password_hash="x", now=NOW)
        return actor(session, person.id)


@pytest.fixture
def permission(reader: Actor) -> Permission:
    subject = f"plan_request:{uuid.uuid4()}"
    return Permission(
        subject, reader.person_id, [uuid.uuid4(), uuid.uuid4()], "Check.", NOW, NOW + DAY, (subject,)
    )


def opening_of(permission: Permission, **changes: object) -> Opening:
    opening = Opening(permission.subject, permission.documents[0], 1, 3, permission.about)
    return replace(opening, **changes)  # type: ignore[arg-type]


def give(database: Database, permission: Permission, by: Actor) -> AccessGrant:
    with database.write() as session:
        return grants.issue(session, permission=permission, by=by, now=NOW)


def refused(database: Database, opening: Opening, reader_id: uuid.UUID, now: datetime) -> str | None:
    with database.read() as session:
        return grants.refusal(session, opening=opening, reader_id=reader_id, now=now)


def recorded(database: Database, subject: str) -> list[tuple[str, dict[str, object]]]:
    with database.read() as session:
        found = ledger.entries(session, subject)
        assert {entry.log for entry in found} <= {ledger.Log.CUSTODY}
        return [(entry.type, dict(entry.fields)) for entry in found]


def test_a_reader_opens_from_the_first_instant_until_the_last(
    database: Database, reader: Actor, permission: Permission
) -> None:
    permission = replace(permission, not_before=NOW + DAY, not_after=NOW + 2 * DAY)
    give(database, permission, reader)
    opening, instant = opening_of(permission), timedelta(microseconds=1)
    who = reader.person_id
    assert refused(database, opening, who, NOW + DAY - instant) == grants.NOT_BEGUN
    assert refused(database, opening, who, NOW + DAY) is None
    assert refused(database, opening, who, NOW + 2 * DAY - instant) is None
    assert refused(database, opening, who, NOW + 2 * DAY) == grants.ENDED


def test_what_is_opened_is_recorded_with_its_page(
    database: Database, reader: Actor, permission: Permission
) -> None:
    give(database, permission, reader)
    with database.write() as session:
        grants.open_page(session, opening=opening_of(permission), by=reader, now=NOW)
    name, fields = recorded(database, permission.subject)[-1]
    assert (name, fields["section"], fields["page"]) == ("plan.opened", 1, 3)
    assert fields["document"] == str(permission.documents[0])


@pytest.mark.parametrize("change", ["document", "subject", "reader"])
def test_nothing_else_is_opened(
    database: Database, reader: Actor, permission: Permission, change: str
) -> None:
    give(database, permission, reader)
    opening = {
        "document": opening_of(permission, document_id=uuid.uuid4()),
        "subject": opening_of(permission, subject=f"plan_request:{uuid.uuid4()}"),
        "reader": opening_of(permission),
    }[change]
    by = replace(reader, person_id=uuid.uuid4()) if change == "reader" else reader
    assert refused(database, opening, by.person_id, NOW) == grants.NO_GRANT
    with database.write() as session, pytest.raises(NotFound):
        grants.open_page(session, opening=opening, by=by, now=NOW)


@pytest.mark.parametrize(("later", "reason"), [(timedelta(0), grants.NO_GRANT), (2 * DAY, grants.ENDED)])
def test_a_refusal_is_recorded_by_itself_with_its_reason(
    database: Database, reader: Actor, permission: Permission, later: timedelta, reason: str
) -> None:
    give(database, permission, reader)
    missing = reason == grants.NO_GRANT
    opening = opening_of(permission, document_id=uuid.uuid4()) if missing else opening_of(permission)
    grants.record_refusal(database, opening=opening, by=reader, now=NOW + later)
    name, fields = recorded(database, permission.subject)[-1]
    assert (name, fields["reason"]) == ("plan.opening_refused", reason)


def test_a_refusal_that_no_longer_would_be_one_is_still_recorded(
    database: Database, reader: Actor, permission: Permission
) -> None:
    give(database, permission, reader)
    grants.record_refusal(database, opening=opening_of(permission), by=reader, now=NOW)
    assert recorded(database, permission.subject)[-1][1]["reason"] == grants.NO_GRANT


def test_an_ended_grant_opens_nothing_and_ends_once(
    database: Database, reader: Actor, permission: Permission
) -> None:
    grant_id = give(database, permission, reader).id
    for later in (timedelta(hours=1), timedelta(hours=2)):
        with database.write() as session:
            grant = session.get_one(AccessGrant, grant_id)
            grants.end(session, grant=grant, by=reader, now=NOW + later)
    who = reader.person_id
    assert refused(database, opening_of(permission), who, NOW + timedelta(hours=3)) == grants.ENDED
    with database.read() as session:
        assert session.get_one(AccessGrant, grant_id).ended_at == NOW + timedelta(hours=1)
        assert [grant.id for grant in grants.of_reader(session, who)] == [grant_id]
        assert [grant.id for grant in grants.of_subject(session, permission.subject)] == [grant_id]
    assert [name for name, _ in recorded(database, permission.subject)] == ["grant.issued", "grant.ended"]


def test_a_second_grant_opens_again_what_the_first_no_longer_does(
    database: Database, reader: Actor, permission: Permission
) -> None:
    give(database, permission, reader)
    later = replace(permission, not_before=NOW + 2 * DAY, not_after=NOW + 3 * DAY)
    give(database, later, reader)
    opening, who = opening_of(permission), reader.person_id
    assert refused(database, opening, who, NOW + DAY) == grants.NOT_BEGUN
    assert refused(database, opening, who, NOW + 2 * DAY) is None


def test_dates_that_give_nothing_are_refused(
    database: Database, reader: Actor, permission: Permission
) -> None:
    for wrong in (
        replace(permission, not_after=NOW),
        replace(permission, not_before=NOW - 2 * DAY, not_after=NOW - DAY),
    ):
        with pytest.raises(ValueError, match="has to end"):
            give(database, wrong, reader)
