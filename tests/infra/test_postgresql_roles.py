"""What PostgreSQL itself refuses, with no filter of the application before it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from infra.postgresql import apply, compare, drop, matrix
from portal.enforcement.events import CONFIDENTIAL
from portal.settings import PROCESSES, ZONES
from portal.tables import METADATA
from secure_access import ledger
from secure_access.db import Acting, Database, NobodyActs
from secure_access.identity import OrganisationKind
from secure_access.ledger import audit, sequencer, triggers
from secure_access.ledger.signer import KeptSigner
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.filing import Developer
from tests.fixtures.instance import Instance, free_port
from tests.fixtures.ledger import keys_of, signing_keys
from tests.fixtures.roles import address, roles_in
from tests.fixtures.tables import shipped
from tests.portal.test_serve import PASSWORD, ask, person_of, sign_in, start

ENFORCEMENT = {
    *("alleged_violation", "worksheet", "notice", "notice_reply", "prior_violation", "method_adoption"),
    *("revenue_evidence", "revenue_choice", "statute_text"),
}


@pytest.fixture
def ruled(ruled_world: World) -> World:
    """The instance under roles, with something in its tables."""
    with ruled_world.wired.database.write() as session:
        developer(ruled_world).sent(session)
    return ruled_world


@pytest.fixture
def url(ruled_world: World) -> str:
    """Its database, as the owner reaches it."""
    return ruled_world.wired.database.url


@contextmanager
def acting(at: str, role: str, acts: Acting | None) -> Iterator[Connection]:
    """A transaction of a role that acts for somebody, or does not say so. It is rolled back."""
    engine = create_engine(address(at, role))
    try:
        with engine.connect() as connection, connection.begin() as transaction:
            if acts is not None:
                for name, value in (("acts_as", acts.kind), ("organisation", acts.organisation)):
                    connection.execute(SAY, {"name": f"assay.{name}", "value": str(value or "")})
            yield connection
            transaction.rollback()
    finally:
        engine.dispose()


SAY = text("SELECT set_config(:name, :value, true)")


@pytest.fixture(scope="module")
def empty(postgresql_made: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """A migrated database with roles and nothing in it."""
    with postgresql_made() as made, roles_in(made):
        yield made


VERSION = "alembic_version"
"""Says which shape the database has, before anything is served."""


def count(connection: Connection, table: str, where: str = "true", **values: Any) -> int:
    query = text(f"SELECT count(*) FROM {table} WHERE {where}")
    return int(connection.execute(query, values).scalar_one())


@contextmanager
def refused(connection: Connection, words: str) -> Iterator[None]:
    with pytest.raises(DBAPIError, match=words), connection.begin_nested():
        yield


def developer(world: World) -> Developer:
    organisation = world.organisation(OrganisationKind.DEVELOPER)
    preparer, officer = (world.person(organisation, r) for r in (Role.PREPARER, Role.CERTIFYING_OFFICER))
    return Developer(world, organisation, preparer, officer)


# --- the matrix -----------------------------------------------------------------------------------------


def test_roles_are_the_zones_and_processes_of_settings() -> None:
    assert matrix.ROLES == PROCESSES
    assert set(ZONES) < set(matrix.ROLES)


def test_every_named_table_and_column_exists() -> None:
    columns = {name: {column.name for column in table.columns} for name, table in METADATA.tables.items()}
    columns["alembic_version"] = {"version_num"}
    for grant in matrix.grants():
        assert grant.table in columns, grant
        assert not grant.column or grant.column in columns[grant.table], grant
    assert {rule.table for rule in matrix.row_rules()} == {g.table for g in matrix.grants()} - {VERSION}
    assert {rule.table for rule in matrix.change_rules()} < set(columns)


def test_every_right_has_a_condition_and_every_condition_a_right() -> None:
    ruled = {(rule.table, rule.role) for rule in matrix.row_rules()}
    granted = {(grant.table, grant.role) for grant in matrix.grants()}
    assert {(table, role) for table, role in granted if table != VERSION} == ruled


def test_nobody_changes_or_removes_what_is_append_only() -> None:
    kept = {trigger.table for trigger in triggers.TRIGGERS.values()}
    changes = {
        str(grant) for grant in matrix.grants() if grant.table in kept and grant.act in ("update", "delete")
    }
    assert changes == {
        "sequencer: update ledger_entry(leaf_index)",
        # What two administrators remove, where an entry says so: the trigger looks.
        *(f"government: update ledger_entry({column})" for column in ("entry", "record_salt", "salt")),
        *(f"sequencer: update ledger_head({column})" for column in ("moved_at", "root", "size")),
    }


def test_who_has_nothing_of_what() -> None:
    reads = {role: {grant.table for grant in matrix.grants() if grant.role == role} for role in matrix.ROLES}
    assert not reads["evaluator"] & ENFORCEMENT
    assert not reads["developer"] & {"prior_violation", "revenue_evidence", "revenue_choice", "evidence"}
    assert not reads["public"] & {"person", "credential", "sign_in_session", "incident", "document", "flag"}
    assert "answer_draft" not in reads["government"]
    assert reads["sequencer"] <= {
        *("ledger_entry", "ledger_entry_about", "ledger_head", "ledger_checkpoint", "ledger_tile"),
        *("ledger_cosignature", "ledger_witness", "ledger_timestamp", "security_log", "alembic_version"),
    }
    writes = {grant for grant in matrix.grants() if grant.act != "select"}
    assert not [str(grant) for grant in writes if grant.role == "verifier"]
    own = {"form_use", "security_log", "sent_request", "job"}
    assert {grant.table for grant in writes if grant.role == "public"} <= own
    assert {grant.act for grant in writes if grant.table == "job" and grant.role == "public"} == {"insert"}


def test_the_verifier_reads_every_record() -> None:
    reads = {grant.table for grant in matrix.grants() if grant.role == "verifier" and grant.act == "select"}
    assert {str(kind.__tablename__) for kind in shipped() if kind.__record__} < reads


# --- the database ---------------------------------------------------------------------------------------


def test_it_is_as_the_matrix_says_however_often_it_is_made(url: str, ruled: World) -> None:
    with ruled.wired.database.engine.connect() as connection, connection.begin() as transaction:
        assert compare(connection) == []
        apply(connection)
        assert compare(connection) == []
        transaction.rollback()


CHANGES = {
    'GRANT DELETE ON filing TO "{evaluator}"': "evaluator: delete filing is granted and not in the matrix",
    'GRANT UPDATE (name) ON person TO "{public}"': "public: update person(name) is granted",
    'REVOKE SELECT ON filing FROM "{developer}"': "developer: select filing is not granted",
    "GRANT SELECT ON person TO PUBLIC": "PUBLIC: select person is granted and not in the matrix",
    "ALTER TABLE filing DISABLE ROW LEVEL SECURITY": "table filing does not look at rows",
    "ALTER POLICY developer_rows ON filing USING (true)": "developer_rows on filing is not as it was made",
    "DROP POLICY developer_delete ON filing": "policy developer_delete on filing is missing",
    "ALTER POLICY developer_insert ON filing WITH CHECK (true)": "developer_insert on filing is not as it",
    "DROP POLICY public_rows ON decision": "policy public_rows on decision is missing",
    "CREATE POLICY wide ON filing USING (true)": "policy wide on filing is not one of ours",
    "ALTER TABLE filing DISABLE TRIGGER assay_changes_filing": "trigger assay_changes_filing on filing is",
    "DROP TRIGGER assay_changes_incident ON incident": "trigger assay_changes_incident on incident is",
    "CREATE OR REPLACE FUNCTION assay_acts_as(wanted text) RETURNS boolean LANGUAGE sql AS 'SELECT true'": (
        "function assay_acts_as(wanted text) is missing or not as it was made"
    ),
    'ALTER ROLE "{worker}" BYPASSRLS': "has powers over the server",
    'ALTER TABLE form_use OWNER TO "{worker}"': "owns a table",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_named(url: str, ruled: World, change: str) -> None:
    database = ruled.wired.database.engine.url.database
    names = {role: f"{database}_{role}" for role in matrix.ROLES}
    with ruled.wired.database.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql(change.format(**names))
        found = compare(connection)
        transaction.rollback()
    assert any(CHANGES[change] in line for line in found), found


@pytest.mark.parametrize("role", [role for role in matrix.ROLES if role != "sequencer"])
def test_a_transaction_that_does_not_say_for_whom_it_acts_fails(url: str, ruled: World, role: str) -> None:
    filer = developer(ruled)
    with ruled.wired.database.write() as session:
        filer.version(session)
    with (
        acting(url, role, None) as connection,
        refused(connection, "does not say for whom it acts"),
    ):
        count(connection, "model_version")
    other, words = Acting("custodian"), f"acts as {role}, not as custodian"
    with acting(url, role, other) as connection, refused(connection, words):
        count(connection, "model_version")


@pytest.mark.parametrize("role", matrix.ROLES)
def test_a_transaction_that_does_not_say_for_whom_it_acts_does_not_begin(empty: str, role: str) -> None:
    """Nothing was ever recorded here: the conditions are asked of no row, and the answer would be empty."""
    database = Database(address(empty, role))
    try:
        for opened in (database.read, database.write):
            with pytest.raises(NobodyActs, match="for whom it acts"), opened() as session:
                session.connection()
        database.acting = partial(Acting, role)
        with database.read() as session:
            assert session.connection().execute(text("SELECT 1")).scalar_one() == 1
    finally:
        database.dispose()


def test_every_table_asks_for_whom_a_transaction_acts(url: str, ruled: World) -> None:
    """Below the application too, wherever there are rows."""
    sequencer.sequence(ruled.wired.database, ruled.wired.signer, ruled.clock.now())
    owner, asked = ruled.wired.database.engine, set()
    for grant in sorted(matrix.grants()):
        if grant.act != "select" or grant.table == VERSION or grant.column:
            continue
        with owner.connect() as connection:
            if not count(connection, grant.table):
                continue
        with acting(url, grant.role, None) as connection, refused(connection, "for whom it acts"):
            count(connection, grant.table)
        asked.add(grant.table)
    assert asked > {"ledger_entry", "ledger_head", "ledger_tile", "filing", "person"}


@pytest.mark.parametrize("process", ["sequencer", "verifier"])
def test_of_an_empty_ledger_a_process_without_context_says_nothing(
    empty: str, process: str, tmp_path: Path
) -> None:
    signer = KeptSigner(signing_keys(), tmp_path)
    for acts in (False, True):
        database = Database(address(empty, process))
        database.acting = partial(Acting, process) if acts else lambda: None
        try:
            with nullcontext() if acts else pytest.raises(NobodyActs, match="for whom it acts"):
                if process == "sequencer":
                    sequencer.sequence(database, signer, datetime(2027, 6, 1, tzinfo=UTC))
                else:
                    audit.run_verify(database, audit.verifier_keys(keys_of(signer)))
        finally:
            database.dispose()


def test_a_sequencer_that_does_not_say_so_fails(url: str, ruled: World) -> None:
    with acting(url, "sequencer", None) as connection, refused(connection, "for whom it acts"):
        count(connection, "ledger_entry")
    with acting(url, "sequencer", Acting("sequencer")) as connection:
        assert count(connection, "ledger_entry") > 0


def test_what_one_transaction_said_is_gone_in_the_next(url: str, ruled: World) -> None:
    database = Database(address(url, "verifier"))
    database.acting = lambda: Acting("verifier")
    with database.engine.connect() as connection:
        with connection.begin():
            count(connection, "filing")
        with connection.begin():
            said = "SELECT current_setting('assay.acts_as', true)"
            assert connection.execute(text(said)).scalar_one() == "verifier"
        event.remove(database.engine, "begin", database._say_who_acts)
        with connection.begin() as transaction:
            with pytest.raises(DBAPIError, match="for whom it acts"):
                count(connection, "filing")
            transaction.rollback()
    database.dispose()


def test_without_the_applications_filter_a_developer_reaches_nothing_of_another(
    url: str, ruled: World
) -> None:
    mine, other = developer(ruled), developer(ruled)
    with ruled.wired.database.write() as session:
        own, foreign = mine.sent(session), other.sent(session)
    acts = Acting("developer", mine.organisation.id, mine.preparer.person_id)
    with acting(url, "developer", acts) as connection:
        assert count(connection, "filing", "id = :id", id=own.id) == 1
        assert count(connection, "filing", "developer_id <> :id", id=mine.organisation.id) == 0
        assert count(connection, "model_version", "developer_id <> :id", id=mine.organisation.id) == 0
        changed = connection.execute(
            text("UPDATE filing SET state_reason = 'mine now' WHERE id = :id"), {"id": foreign.id}
        )
        assert changed.rowcount == 0
        with refused(connection, "cannot change a row in this way"):
            connection.execute(
                text("UPDATE filing SET developer_id = :other WHERE id = :id"),
                {"id": own.id, "other": other.organisation.id},
            )
    with acting(url, "developer", Acting("developer")) as connection:
        assert count(connection, "filing") == 0


def test_without_the_applications_filter_a_draft_is_its_developers(url: str, ruled: World) -> None:
    filer = developer(ruled)
    with ruled.wired.database.write() as session:
        draft = filer.draft(session)
    for role in ("government", "evaluator", "public"):
        acts = Acting(role, ruled.organisation(OrganisationKind.REGULATOR).id)
        with acting(url, role, acts) as connection:
            assert count(connection, "filing", "id = :id", id=draft.id) == 0
    with acting(url, "developer", Acting("developer", filer.organisation.id)) as connection:
        assert count(connection, "filing", "id = :id", id=draft.id) == 1


def test_of_its_own_filings_a_developer_removes_drafts_only(url: str, ruled: World) -> None:
    filer = developer(ruled)
    with ruled.wired.database.write() as session:
        draft, sent = filer.draft(session), filer.sent(session)
        filed = filer.submitted(session)
    remove = text("DELETE FROM filing WHERE id = :id")
    with acting(url, "developer", Acting("developer", filer.organisation.id)) as connection:
        removed = {
            row.id: connection.execute(remove, {"id": row.id}).rowcount for row in (draft, sent, filed)
        }
    assert removed == {draft.id: 1, sent.id: 0, filed.id: 0}


SIGNED = {
    "its answers": "content = '{}'",
    "its words as signed": "signed = 'other'",
    "its digest": "digest = repeat('0', 64)",
    "who signed": "certified_by = prepared_by",
    "when": "submitted_at = now()",
    "being on time": "timeliness = 'on_time', due_at = NULL",
    "being accepted": "accepted_at = now()",
    "its state": "state = 'accepted'",
    "being a draft again": "state = 'draft'",
}


@pytest.mark.parametrize("what", SIGNED)
def test_a_developer_changes_nothing_of_what_was_signed(url: str, ruled: World, what: str) -> None:
    filer = developer(ruled)
    with ruled.wired.database.write() as session:
        filed = filer.submitted(session)
    change = text(f"UPDATE filing SET {SIGNED[what]} WHERE id = :id")
    with (
        acting(url, "developer", Acting("developer", filer.organisation.id)) as connection,
        refused(connection, "cannot change a row in this way"),
    ):
        connection.execute(change, {"id": filed.id})
    with ruled.wired.database.engine.begin() as owner:  # only the trigger's role is under it
        assert owner.execute(change, {"id": filed.id}).rowcount == 1
        owner.rollback()


def test_a_developer_accepts_nothing_of_its_own(url: str, ruled: World) -> None:
    filer = developer(ruled)
    with ruled.wired.database.write() as session:
        draft, filed = filer.draft(session), filer.submitted(session)
    with acting(url, "developer", Acting("developer", filer.organisation.id)) as connection:
        for change in ("state = 'accepted'", "accepted_at = now()", "state = 'returned'"):
            with refused(connection, "cannot change a row in this way"):
                connection.execute(text(f"UPDATE filing SET {change} WHERE id = :id"), {"id": draft.id})
        columns = {column.name for column in METADATA.tables["filing"].columns} - {"id", "reference"}
        named = ", ".join(sorted(columns))
        again = text(f"INSERT INTO filing (id, {named}) SELECT :new, {named} FROM filing WHERE id = :id")
        with refused(connection, "row-level security"):
            connection.execute(again, {"new": uuid.uuid4(), "id": filed.id})
        connection.execute(again, {"new": uuid.uuid4(), "id": draft.id})
        withdrawn = text("UPDATE filing SET state = 'withdrawn', state_reason = 'x' WHERE id = :id")
        assert connection.execute(withdrawn, {"id": filed.id}).rowcount == 1


def test_what_was_reported_of_an_incident_stays(url: str, ruled: World) -> None:
    filer = developer(ruled)
    with ruled.wired.database.write() as session:
        incident = filer.incident(session)
    changes = (
        "what_happened = 'nothing'",
        "aware_at = now()",
        "clocks = '[]'",
        "reported_at = now()",
        "state = 'closed'",
        'updates = \'[{"text": "another"}]\'',
    )
    said = text("UPDATE incident SET updates = CAST(:said AS json) WHERE id = :id")
    with acting(url, "developer", Acting("developer", filer.organisation.id)) as connection:
        connection.execute(said, {"said": '[{"text": "one"}]', "id": incident.id})
        for change in changes:
            with refused(connection, "cannot change a row in this way"):
                connection.execute(text(f"UPDATE incident SET {change} WHERE id = :id"), {"id": incident.id})
        connection.execute(said, {"said": '[{"text": "one"}, {"text": "two"}]', "id": incident.id})


@pytest.mark.parametrize("zone", ["developer", "evaluator"])
def test_a_zone_writes_for_its_own_kind_of_people_only(url: str, ruled: World, zone: str) -> None:
    office, own = ruled.organisation(OrganisationKind.REGULATOR), ruled.organisation(OrganisationKind(zone))
    official, mine = (
        ruled.person(office, Role.CASE_OFFICER),
        ruled.person(own, Role.ORGANISATION_ADMINISTRATOR),
    )
    acts = {
        "person_role": (
            "INSERT INTO person_role (id, person_id, role, given_at)"
            " VALUES (:row, :person, 'administrator', now())"
        ),
        "totp": (
            "INSERT INTO totp (person_id, secret, last_step, added_at) VALUES (:person, '\\x00', 0, now())"
        ),
        "linked_account": (
            "INSERT INTO linked_account (id, person_id, issuer, subject, linked_at)"
            " VALUES (:row, :person, 'https://provider', :token, now())"
        ),
        "invitation": (
            "INSERT INTO invitation (id, organisation_id, state, purpose, email, name, title, team, roles,"
            " token_digest, invited_at, expires_at)"
            " VALUES (:row, :organisation, 'sent', 'join', 'a@b.example', 'A', '', '',"
            " '[\"administrator\"]', :token, now(), now())"
        ),
        "person": (
            "INSERT INTO person (id, organisation_id, email, name, title, team, password_hash, suspended,"
            " created_at) VALUES (:row, :organisation, :token, 'A', '', '', '', false, now())"
        ),
    }
    with acting(url, zone, Acting(zone, own.id)) as connection:
        for statement in acts.values():
            values = {"row": uuid.uuid4(), "token": uuid.uuid4().hex}
            with refused(connection, "row-level security"):
                whose = {"person": official.person_id, "organisation": office.id}
                connection.execute(text(statement), values | whose)
            connection.execute(text(statement), values | {"person": mine.person_id, "organisation": own.id})
        for statement in (
            "DELETE FROM person_role WHERE person_id = :person",
            "UPDATE person_role SET role = 'decider' WHERE person_id = :person",
            "UPDATE organisation SET contact_email = 'x' WHERE id = :organisation",
        ):
            whose = {"person": official.person_id, "organisation": office.id}
            assert connection.execute(text(statement), whose).rowcount == 0
        with refused(connection, "row-level security"):
            connection.execute(
                text("UPDATE totp SET person_id = :other WHERE person_id = :person"),
                {"person": mine.person_id, "other": official.person_id},
            )
        with refused(connection, "permission denied"):
            connection.execute(text("UPDATE organisation SET kind = 'regulator'"))


@pytest.mark.parametrize("zone", ["developer", "evaluator"])
def test_a_zone_writes_nothing_that_opens_another(url: str, ruled: World, zone: str) -> None:
    office = ruled.organisation(OrganisationKind.REGULATOR)
    official = ruled.person(office, Role.ADMINISTRATOR)
    password = text("UPDATE person SET password_hash = 'x' WHERE id = :id")
    session = text(
        "INSERT INTO sign_in_session (id, token_digest, person_id, zone, started_at, seen_at, method, agent,"
        " provider_session) VALUES (:row, :digest, :id, :zone, now(), now(), 'password', '', '')"
    )
    digest = uuid.uuid4().hex
    values = {"id": official.person_id, "row": uuid.uuid4(), "digest": digest, "zone": "government"}
    with acting(url, zone, Acting(zone, official.organisation_id)) as connection:
        assert connection.execute(password, {"id": official.person_id}).rowcount == 0
        with refused(connection, "row-level security"):
            connection.execute(session, values)
        connection.execute(session, values | {"zone": zone})
        for table in ("sign_in_session", "credential", "challenge"):
            assert count(connection, table, "zone <> :zone", zone=zone) == 0


@pytest.mark.parametrize("zone", ["developer", "evaluator"])
def test_entries_of_what_enforcement_has_not_sent_are_not_read(ruled: World, url: str, zone: str) -> None:
    """Also the types that a later release adds: those that a timeline outside the authority leaves out."""
    held = ledger.declared()
    with ruled.wired.database.write() as session:
        for name in CONFIDENTIAL:
            fields = dict.fromkeys(held[name].keys, "x")
            ledger.append(session, name, fields, by=None, now=ruled.clock.now(), about=("violation:x",))
    named = ", ".join(f"'{name}'" for name in CONFIDENTIAL)
    with ruled.wired.database.engine.connect() as owner:
        assert count(owner, "ledger_entry", f"type IN ({named})") >= len(CONFIDENTIAL)
    other = uuid.uuid4()
    with acting(url, zone, Acting(zone, other)) as connection:
        assert count(connection, "ledger_entry", f"type IN ({named}) AND audience <> 'public'") == 0
        assert count(connection, "ledger_entry_about", "subject = 'violation:x'") == 0
        assert count(connection, "ledger_entry") > 0


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        *(("evaluator", f"SELECT 1 FROM {table}") for table in sorted(ENFORCEMENT)),
        *(("public", f"SELECT 1 FROM {table}") for table in ("person", "invitation", "totp", "incident")),
        ("developer", "SELECT 1 FROM prior_violation"),
        ("developer", "SELECT 1 FROM evidence"),
        ("government", "SELECT 1 FROM answer_draft"),
        ("government", "UPDATE ledger_entry SET leaf_index = 1"),
        ("developer", "DELETE FROM ledger_entry"),
        *((role, "INSERT INTO sign_in_policy (number) VALUES (9)") for role in ("developer", "evaluator")),
        ("government", "UPDATE sign_in_policy SET content = ''"),
        ("worker", "DELETE FROM filing"),
        ("sequencer", "SELECT 1 FROM filing"),
        ("verifier", "UPDATE filing SET digest = ''"),
        ("government", "TRUNCATE filing"),
        ("government", "ALTER TABLE filing DISABLE ROW LEVEL SECURITY"),
        ("government", "SET session_replication_role = replica"),
        ("developer", "SET ROLE postgres"),
    ],
)
def test_the_database_refuses(url: str, role: str, statement: str) -> None:
    words = "permission denied|must be owner|does not exist"
    with acting(url, role, Acting(role)) as connection, refused(connection, words):
        connection.execute(text(statement))


# --- the command ----------------------------------------------------------------------------------------


def test_the_command_makes_compares_and_says_what_differs(new_postgresql: str, tmp_path: Path) -> None:
    instance = Instance(tmp_path / "home", free_port(), {"ASSAY_DATABASE": new_postgresql})
    instance.assay("migrate")
    assert "role " in instance.assay("database", "compare", status=1)
    assert "with the rights of the matrix" in instance.assay("database", "roles")
    database = Database(new_postgresql)
    try:
        assert "are those of the matrix" in instance.assay("database", "compare")
        name = f"{database.engine.url.database}_evaluator"
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f'GRANT INSERT ON notice TO "{name}"')
        said = instance.assay("database", "compare", status=1)
        assert "evaluator: insert notice is granted and not in the matrix" in said
        assert "1 differences" in said
    finally:
        with database.engine.begin() as connection:
            drop(connection)
        database.dispose()


def test_sqlite_has_no_roles(tmp_path: Path) -> None:
    said = Instance(tmp_path / "home", free_port()).assay("database", "roles", status=1)
    assert "SQLite knows no roles" in said


@pytest.mark.timeout(600)
def test_each_process_runs_with_its_own_address_and_no_other(new_postgresql: str, tmp_path: Path) -> None:
    whole = Instance(tmp_path / "home", free_port(), {"ASSAY_DATABASE": new_postgresql})
    whole.assay("migrate")
    email = person_of(whole)
    with roles_in(new_postgresql):
        zone = _alone(whole, "developer")
        try:
            start(zone, "serve", "--zone", "developer")
            assert sign_in(zone, email, PASSWORD)[0] == 303
        finally:
            zone.end()
        public = _alone(whole, "public")
        try:
            start(public, "serve", "--zone", "public")
            assert ask(public, "localhost", path="/ledger")[0] == 200
        finally:
            public.end()
        _alone(whole, "sequencer").assay("ledger", "sequence")
        _alone(whole, "verifier").assay("ledger", "verify")
        said = _alone(whole, "evaluator").assay("ledger", "verify", status=2)
        assert "Nothing was verified. The role" in said
        assert "may not read" in said
        assert "notice" in said
        assert "Traceback" not in said


def _alone(whole: Instance, role: str) -> Instance:
    """Another process of the instance, which knows the database by its own role only."""
    settings = {
        "ASSAY_HOME": str(whole.home),
        "ASSAY_DATABASE": address(whole.settings["ASSAY_DATABASE"], role),
    }
    return Instance(whole.home.parent / role, free_port(), settings)
