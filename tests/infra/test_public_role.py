"""What the public process's database role reads: columns declared public, and what functions tell it."""

from __future__ import annotations

import json
import uuid

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from infra.postgresql import matrix, telling
from portal.filing import certification
from portal.filing.publication import filed_by, public_answers, signed_entity
from portal.filing.tables import Filing, FilingKind
from secure_access import db
from secure_access.data_classes import DataClass
from secure_access.db import select
from secure_access.ledger import mirror, records, succession, witnesses
from secure_access.ledger.tables import LedgerEntry, Log
from tests.fixtures.app import World
from tests.fixtures.evaluator import make_evaluation
from tests.fixtures.review import make_desk
from tests.fixtures.tables import shipped
from tests.infra.test_postgresql_roles import Acting, acting, address, count, developer, refused

FOR_ALL = {
    *(("ledger_entry", "entry"), ("ledger_entry", "salt"), ("ledger_entry_about", "subject")),
    *(("manifest", "content"), ("manifest", "subject")),
    *(("access_block", "reason"), ("access_block", "released")),
}
"""Public in the rows that the public zone sees: entries for everybody, manifests that are published, and
blocks of answers that are released."""
OWN_FORMS = {("form_use", column) for column in ("person_id", "path", "location")}
"""Forms that somebody sent who is not signed in: the public zone's own."""
PUBLIC = Acting("public")


@pytest.fixture(scope="module")
def url(ruled_instance: World) -> str:
    return ruled_instance.wired.database.url


def hidden() -> list[tuple[str, str]]:
    return sorted(
        (str(kind.__tablename__), column)
        for kind in shipped()
        for column, declared in kind.__classes__.items()
        if declared is not DataClass.PUBLIC
    )


def test_no_restricted_and_no_secret_column_of_any_table_can_be_read(url: str) -> None:
    """Asked of the database, and then tried, column by column."""
    read, refusals = [], []
    with acting(url, "public", PUBLIC) as connection:
        for table, column in hidden():
            may = text("SELECT has_column_privilege(:table, :column, 'SELECT')")
            told = connection.execute(may, {"table": table, "column": column}).scalar_one()
            try:
                with connection.begin_nested():
                    connection.execute(text(f'SELECT "{column}" FROM {table} LIMIT 1'))
            except DBAPIError as refusal:
                refusals.append((str(refusal.orig).startswith("permission denied"), told))
            else:
                read.append((table, column))
    assert len(hidden()) > 150
    assert set(read) == FOR_ALL | OWN_FORMS
    assert set(refusals) == {(True, False)}


def test_what_is_read_beyond_public_columns_is_of_rows_that_are_for_everybody(
    url: str, ruled_world: World
) -> None:
    with ruled_world.wired.database.write() as session:
        developer(ruled_world).sent(session)
        session.connection().execute(
            text(
                "INSERT INTO form_use (id, person_id, path, location, used_at) VALUES (:a, :a, '', '', now())"
            ),
            {"a": uuid.uuid4()},
        )
    with ruled_world.wired.database.engine.connect() as owner:
        assert count(owner, "ledger_entry", "audience = 'parties'") > 0
        everyone = count(owner, "ledger_entry", "audience = 'public'")
        assert count(owner, "form_use", "person_id IS NOT NULL") > 0
    with acting(url, "public", PUBLIC) as connection:
        assert count(connection, "ledger_entry") == everyone
        assert count(connection, "ledger_entry", "audience <> 'public' OR log <> 'public'") == 0
        about = "entry_number NOT IN (SELECT number FROM ledger_entry)"
        assert count(connection, "ledger_entry_about", about) == 0
        assert count(connection, "form_use", "person_id IS NOT NULL") == 0
        for whole in ("filing", "ledger_entry", "decision", "organisation"):
            with refused(connection, "permission denied"):
                connection.execute(text(f"SELECT * FROM {whole}"))


def test_the_published_columns_are_those_declared_public() -> None:
    granted = {
        (grant.table, grant.column)
        for grant in matrix.grants()
        if (grant.role, grant.act) == ("public", "select") and grant.table != "alembic_version"
    }
    declared = {str(kind.__tablename__): kind.__classes__ for kind in shipped()}
    beyond = {(t, c) for t, c in granted if c and declared[t][c] is not DataClass.PUBLIC}
    assert beyond == FOR_ALL
    assert {t for t, c in granted if not c} == {"form_use"}


def test_the_database_digests_rows_as_the_program_does(url: str, ruled_world: World) -> None:
    """Every row of a table that the register proves, under its newest entry, in SQL and in Python."""
    kinds = {str(kind.__tablename__): kind for kind in shipped()}
    filled(ruled_world)
    compared: dict[str, int] = {}
    owner = ruled_world.wired.database.engine
    with owner.connect() as whole, acting(url, "public", PUBLIC) as connection:
        for entry in [LedgerEntry(**row) for row in whole.execute(select(LedgerEntry)).mappings()]:
            for named in entry.content["records"]:  # type: ignore[union-attr]
                kind = kinds[named["table"]]  # type: ignore[index,call-overload]
                if kind.__tablename__ not in telling.PROVED:
                    continue
                for about in entry.content["about"]:  # type: ignore[union-attr]
                    compared[str(kind.__tablename__)] = compared.get(str(kind.__tablename__), 0) + same(
                        whole,
                        connection,
                        kind,
                        str(about),
                        str(named["id"]),  # type: ignore[index,call-overload]
                    )
    assert set(compared) >= {"filing", "decision", "independent_assessment"}


def same(whole: Connection, connection: Connection, kind: type[db.Table], about: str, key: str) -> int:
    told = (
        connection.execute(
            text("SELECT * FROM assay_naming(:about, :named, :key)"),
            {"about": about, "named": kind.__tablename__, "key": key},
        )
        .mappings()
        .one()
    )
    entry = LedgerEntry(
        **whole.execute(select(LedgerEntry).where(LedgerEntry.number == told["number"])).mappings().one()
    )
    row = records.read(whole, kind, (uuid.UUID(key),))
    if row is None:  # a draft that was discarded
        assert told["now"] == ""
        return 0
    assert told["now"] == records.digest(entry.record_salt, kind, row)
    assert (told["opens"], told["leaf"]) == (True, entry.leaf)
    return 1


def filled(world: World) -> None:
    """Something in every table that is proved, with what JSON, texts and numbers can hold."""
    desk, evaluation = make_desk(world), make_evaluation(developer(world))
    desk.decided(desk.under_review())
    evaluation.submit(evaluation.drafted()[0])
    filer = developer(world)
    with world.wired.database.write() as session:
        filing = filer.submitted(session)
    with world.wired.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE filing SET content = CAST(:content AS json), due_at = now() WHERE id = :id"),
            {"content": ODD, "id": filing.id},
        )


ODD = json.dumps(
    {
        "\u00e9": 'e\u0301 \x01\x7f"\\/\n\t\u2028 \U0001f600',
        "none": None,
        "list": [True, [], {}, {"none": None}],
        "big": 2**53 + 1,
        "small": -3,
        "Z": "",
        "a": {"b": None},
    }
)


def test_the_database_tells_of_answers_what_everybody_may_read(url: str, ruled_world: World) -> None:
    filer, guess = developer(ruled_world), "A partner's results"
    with ruled_world.wired.database.write() as session:
        draft = filer.draft(session, FilingKind.TEST_SUMMARY)
        name = next(iter(draft.content))
        draft.audiences = {name: {"audience": "confidential", "why": "Trade secret"}}
        draft.content = {**draft.content, name: guess}
        session.add(draft)
        now, by = ruled_world.clock.now(), filer.preparer
        officer = filer.officer.person_id
        certification.send(session, filing=draft, certifier_id=officer, by=by, now=now)
        filing = filer.sign(session, draft)
    told = text("SELECT assay_public_answers(:id)")
    with acting(url, "public", PUBLIC) as connection:
        assert connection.execute(told, {"id": filing.id}).scalar_one() in (None, {})
    with ruled_world.wired.database.engine.begin() as owner:
        accept = text("UPDATE filing SET state = 'accepted', accepted_at = now() WHERE id = :id")
        owner.execute(accept, {"id": filing.id})
    with acting(url, "public", PUBLIC) as connection:
        said = connection.execute(told, {"id": filing.id}).scalar_one()
        entity = connection.execute(text("SELECT assay_public_entity(:id)"), {"id": filing.id}).scalar_one()
    assert filed_by({"entity": entity}) == signed_entity(filing)
    assert said == public_answers(filing)
    assert said[name]["withheld"] == "Trade secret"
    assert guess not in json.dumps(said)
    assert filing.withheld_salt not in json.dumps(said)


@pytest.mark.parametrize("role", [role for role in matrix.ROLES if role != "public"])
def test_no_other_role_is_told(url: str, role: str) -> None:
    nothing = "gen_random_uuid()"
    for asked in (
        *(f"assay_public_{what}({nothing})" for what in ("answers", "entity")),
        *("assay_naming('a:b', 'filing', 'c')", "assay_leaves(0, 1)", "assay_waiting(now(), 0)"),
    ):
        with acting(url, role, Acting(role)) as connection, refused(connection, "permission denied"):
            connection.execute(text(f"SELECT * FROM {asked}"))


def test_nothing_is_told_without_context_and_of_no_other_table(url: str, ruled_world: World) -> None:
    asked = "SELECT * FROM assay_naming('person:1', :table, :key)"
    with acting(url, "public", None) as connection, refused(connection, "for whom it acts"):
        connection.execute(text(asked), {"table": "filing", "key": str(uuid.uuid4())})
    for table in ("person", "totp", "incident", "filing; DROP TABLE filing"):
        with acting(url, "public", PUBLIC) as connection, refused(connection, "proves no row of"):
            connection.execute(text(asked), {"table": table, "key": str(uuid.uuid4())})


def test_a_row_changed_behind_the_portal_is_shown_as_such_under_roles(ruled_world: World) -> None:
    """The page sees no restricted column, and still tells that one was changed."""
    desk = make_desk(ruled_world)
    made = desk.decided(desk.under_review())
    ruled_world.run_jobs()
    page = f"/register/decisions/{made.reference}"
    assert "Text unchanged" in ruled_world.client("public").get(page).text
    with ruled_world.wired.database.engine.begin() as owner:
        change = text("UPDATE decision SET confidential_annex = 'changed' WHERE id = :id")
        owner.execute(change, {"id": made.id})
    shown = ruled_world.client("public").get(page).text
    assert "Do not rely on this page: what is shown is not what the entry recorded" in shown


def test_also_without_roles_the_public_zone_loads_public_columns_only(sqlite_world: World) -> None:
    filer = developer(sqlite_world)
    with sqlite_world.wired.database.write() as session:
        filed = filer.submitted(session)
    with sqlite_world.zones["public"].wired.database.read() as session:
        for found in (
            session.get_one(Filing, filed.id),
            session.exec(select(Filing).where(Filing.id == filed.id)).one(),
        ):
            assert found.reference == filed.reference
            for column in ("content", "signed", "withheld_salt"):
                with pytest.raises(InvalidRequestError, match="raiseload"):
                    getattr(found, column)
    with sqlite_world.zones["government"].wired.database.read() as session:
        assert session.get_one(Filing, filed.id).withheld_salt == filed.withheld_salt


@pytest.mark.parametrize("role", ["public", "developer", "evaluator"])
def test_which_log_ended_can_be_read_outside_the_authority(url: str, ruled_world: World, role: str) -> None:
    """A receipt and the policy depend on it: who could not read it would trust a key that others know."""
    with ruled_world.wired.database.write() as session:
        developer(ruled_world).sent(session)
    ruled_world.run_jobs()
    database = db.Database(address(url, role))
    database.narrow = role == "public"
    acts = PUBLIC if role == "public" else Acting(role, uuid.uuid4(), uuid.uuid4())
    database.acting = lambda: acts
    name = ruled_world.wired.log_keys.name
    try:
        with database.read() as session:
            assert succession.known_to_others(session) == frozenset()
            assert succession.endings(session) == []
            newest = mirror.newest_of(session, name)
            assert newest is not None
            best = witnesses.best(session, witnesses.NONE, Log.PUBLIC, reaching=1)
            assert best is not None
            assert best.size == newest.size
            assert mirror.newest_of(session, f"{name}/2") is None
    finally:
        database.dispose()
