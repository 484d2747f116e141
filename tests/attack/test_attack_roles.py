"""The told story through connections that PostgreSQL restricts: every page as its owner draws it, no more."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from infra.postgresql import apply
from portal.app import create_zones
from portal.web import origin
from secure_access.data_classes import DataClass
from secure_access.db import Acting, Database
from secure_access.identity import OrganisationKind
from tests.attack.conftest import Siege
from tests.attack.objects import sampled, targets
from tests.attack.test_attack_fields import pages_of
from tests.fixtures.app import World, without_tokens
from tests.fixtures.roles import roles_in
from tests.fixtures.tables import shipped

PUBLIC = ""
PEOPLE = (
    PUBLIC,
    "weiss",
    "nadia",
    "tessa",
    "oskar",
    "petra",
    "mira",
    "ida",
    "brenner",
    "ines",
    "tomasz",
    "root",
)
LOOKED_UP = {
    *("organisation", "person", "person_role", "delegation", "invitation", "recovery"),
    *("credential", "challenge", "totp", "linked_account", "sign_in_session", "sign_in_attempt"),
}
"""Who signs in, and for whom, is looked up before it is known whose matters those are."""
SHARED = {
    *("ledger_entry", "ledger_entry_about", "ledger_checkpoint", "ledger_tile", "security_log"),
    *("form_use", "job", "reference_counter", "statute_version", "access_grant", "recusal"),
    "sign_in_policy",
}
"""Of no organisation: the ledger, the law, who may sign in how, and what the server keeps for itself."""


@pytest.fixture(scope="module")
def ruled(postgresql_siege: Siege) -> Iterator[Siege]:
    """The told instance whose zones have the roles of its database."""
    wired = postgresql_siege.world.wired
    with roles_in(wired.database.url) as addresses:
        databases = {name.rpartition("_")[2].lower(): found for name, found in addresses.items()}
        restricted = replace(wired, settings=replace(wired.settings, databases=databases))
        zones = create_zones(restricted)
        yield Siege(
            World(wired, zones, postgresql_siege.world.clock),
            postgresql_siege.cast,
            postgresql_siege.second,
            postgresql_siege.personas,
        )
        for zone in zones.values():
            zone.wired.database.dispose()


def paths(siege: Siege, name: str) -> list[str]:
    """First pages and lists of a person, and a sample of what exists, whosever it is."""
    zone = siege.personas[name][0] if name else "public"
    named = [t.path for t in sampled(targets(siege, zone), 4) if "GET" in (t.rule.methods or set())]
    fixed = [
        rule.rule
        for rule in siege.world.zones[zone].url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or set())
    ]
    own = list(pages_of(siege, name)) if name else []
    return list(dict.fromkeys([*fixed, *own, *named]))


def in_the_session_of(own: FlaskClient, ruled: Siege, zone: str) -> FlaskClient:
    """The same session, on the zones that have roles: with a second one there is less news since the last."""
    client = ruled.world.client(zone)
    host = urlsplit(origin(ruled.world.wired.settings, zone)).hostname or ""
    cookie = own.get_cookie(f"__Host-assay-{zone}", domain=host)
    if cookie is not None:
        client.set_cookie(cookie.key, cookie.value, domain=host, secure=True)
    return client


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PEOPLE)
def test_every_page_is_the_one_that_the_owner_of_the_database_draws(
    postgresql_siege: Siege, ruled: Siege, name: str
) -> None:
    own = postgresql_siege.client(name) if name else postgresql_siege.world.client("public")
    restricted = in_the_session_of(own, ruled, postgresql_siege.personas[name][0] if name else "public")
    drawn, other = 0, {}
    for path in paths(postgresql_siege, name):
        wanted, found = own.get(path), restricted.get(path)
        if found.status_code != wanted.status_code:
            other[path] = f"{found.status_code} and not {wanted.status_code}"
        elif wanted.mimetype == "text/html" and not path.startswith("/account"):  # own sessions, a fresh code
            lines = (without_tokens(page.text).splitlines() for page in (found, wanted))
            if differ := [f"{a} and not {b}" for a, b in zip_longest(*lines) if a != b]:
                other[path] = differ[0]
        drawn += wanted.status_code == 200
    assert not other
    assert drawn > 5


def test_the_zones_are_under_their_roles(ruled: Siege) -> None:
    for zone in ruled.world.zones:
        with role_of(ruled, zone) as connection:
            who = str(connection.execute(text("SELECT current_user")).scalar_one())
        assert who.endswith(f"_{zone}")


def test_of_what_developers_told_another_developer_can_query_nothing(ruled: Siege) -> None:
    """What the pages filter is filtered below them too, table by table."""
    stranger = ruled.world.organisation(OrganisationKind.DEVELOPER)
    database = Database(ruled.world.zones["developer"].wired.database.url)
    database.acting = lambda: Acting("developer", stranger.id)
    seen: dict[str, int] = {}
    with database.engine.connect() as connection, connection.begin():
        ruled_tables = connection.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND has_table_privilege(oid, 'SELECT')")
        ).scalars()
        for table in ruled_tables.all():
            seen[table] = int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
    database.dispose()
    assert len(seen) > 20
    assert {table for table, rows in seen.items() if rows} <= LOOKED_UP | SHARED
    told = {"filing", "incident", "document", "attachment", "notice", "worksheet", "decision", "review_case"}
    assert told <= set(seen)
    assert not told & (LOOKED_UP | SHARED)


def test_a_page_of_a_zone_whose_right_is_taken_away_fails(ruled: Siege) -> None:
    """The comparison above would notice: without one right the same page is a fault."""
    zone = ruled.world.zones["public"]
    name = zone.wired.database.engine.url.username
    with ruled.world.wired.database.engine.begin() as connection:
        connection.exec_driver_sql(f'REVOKE SELECT ON decision FROM "{name}"')
    try:
        assert ruled.world.client("public").get("/register/decisions").status_code == 500
        with role_of(ruled, "public") as connection, pytest.raises(DBAPIError, match="permission"):
            connection.execute(text("SELECT 1 FROM decision"))
    finally:
        with ruled.world.wired.database.engine.begin() as connection:
            apply(connection)  # the columns of the matrix, and not the table
    assert ruled.world.client("public").get("/register/decisions").status_code == 200


@contextmanager
def role_of(ruled: Siege, zone: str, organisation: uuid.UUID | None = None) -> Iterator[Connection]:
    """A transaction of a zone's role that acts for an organisation. It is rolled back."""
    database = Database(ruled.world.zones[zone].wired.database.url)
    database.acting = lambda: Acting(zone, organisation)
    try:
        with database.engine.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()
    finally:
        database.dispose()


def owned(ruled: Siege, query: str) -> list[Any]:
    """What the owner of the database sees."""
    with ruled.world.wired.database.engine.connect() as connection:
        return list(connection.execute(text(query)))


def test_of_what_was_told_the_public_role_reads_no_restricted_column(ruled: Siege) -> None:
    for table in shipped():
        for column, declared in table.__classes__.items():
            name = str(table.__tablename__)
            if declared is DataClass.PUBLIC or column in table.__for_all__ or name == "form_use":
                continue
            if (name, column) == ("ledger_entry_about", "subject"):
                continue
            with role_of(ruled, "public") as connection, pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text(f'SELECT count("{column}") FROM {name}'))
    parties = owned(ruled, "SELECT count(*) FROM ledger_entry WHERE audience = 'parties'")[0][0]
    with role_of(ruled, "public") as connection:
        seen = connection.execute(text("SELECT DISTINCT audience FROM ledger_entry")).scalars().all()
    assert parties > 0
    assert seen == ["public"]


def test_what_was_signed_and_reported_in_the_told_case_stays(ruled: Siege) -> None:
    tries = {
        "filing": (
            "content = '{}'",
            "signed = 'x'",
            "digest = 'x'",
            "state = 'draft'",
            "accepted_at = now()",
        ),
        "incident": ("what_happened = 'x'", "aware_at = now()", "state = 'closed'", "clocks = '[]'"),
    }
    drafts = "state IN ('draft', 'in_certification')"
    for table, changes in tries.items():
        rows = owned(ruled, f"SELECT id, developer_id FROM {table} WHERE NOT {drafts}")
        assert rows
        for row_id, developer_id in rows:
            for change in changes:
                with (
                    role_of(ruled, "developer", developer_id) as connection,
                    pytest.raises(DBAPIError, match="cannot change a row in this way"),
                ):
                    connection.execute(text(f"UPDATE {table} SET {change} WHERE id = :id"), {"id": row_id})


@pytest.mark.parametrize("zone", ["developer", "evaluator"])
def test_a_zone_takes_over_no_account_of_the_authority(ruled: Siege, zone: str) -> None:
    people = owned(
        ruled,
        "SELECT p.id, p.organisation_id FROM person p JOIN organisation o ON o.id = p.organisation_id"
        " WHERE o.kind = 'regulator'",
    )
    assert len(people) > 3
    adds = (
        "INSERT INTO totp (person_id, secret, last_step, added_at) VALUES (:person, '\\x00', 0, now())",
        "INSERT INTO person_role (id, person_id, role, given_at)"
        " VALUES (gen_random_uuid(), :person, 'administrator', now())",
        "INSERT INTO linked_account (id, person_id, issuer, subject, linked_at)"
        " VALUES (gen_random_uuid(), :person, 'https://provider', 'me', now())",
    )
    changes = (
        "UPDATE person SET password_hash = 'x' WHERE id = :person",
        "DELETE FROM person_role WHERE person_id = :person",
        "DELETE FROM totp WHERE person_id = :person",
        "UPDATE linked_account SET subject = 'me' WHERE person_id = :person",
        "UPDATE invitation SET roles = '[\"administrator\"]' WHERE organisation_id = :organisation",
    )
    for person, organisation in people:
        whose = {"person": person, "organisation": organisation}
        for statement in adds:
            with role_of(ruled, zone) as connection, pytest.raises(DBAPIError, match="row-level security"):
                connection.execute(text(statement), whose)
        with role_of(ruled, zone) as connection:
            for statement in changes:
                assert connection.execute(text(statement), whose).rowcount == 0
