"""One commit site, writes that exclude each other, references that never repeat."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, StatementError

from secure_access import identity
from secure_access.db import (
    Database,
    ReferenceCounter,
    TooLong,
    after_commit,
    insert_if_absent,
    next_reference,
    select,
)
from secure_access.identity import Organisation, OrganisationKind

NOW = datetime(2027, 6, 1, tzinfo=UTC)


def test_the_only_commit_stands_in_db() -> None:
    found = subprocess.run(
        [
            "git",
            "grep",
            "-nE",
            r"(session|connection|transaction|engine)\.commit\(",
            "--",
            "portal",
            "evaluator",
            "secure_access",
            "infra",
        ],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert {line.split(":")[0] for line in found.splitlines()} == {"secure_access/db.py"}


def test_references_count_up_without_gaps_when_many_ask_at_once(database: Database) -> None:
    prefix = uuid.uuid4().hex[:8].upper()
    got: list[str] = []

    def ask() -> None:
        with database.write() as session:
            got.append(next_reference(session, prefix, NOW))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [f"{prefix}-2027-{n:03d}" for n in range(1, 13)]


def test_an_exception_rolls_everything_back(database: Database) -> None:
    name = f"Nobody {uuid.uuid4()}"
    acts: list[str] = []
    with pytest.raises(RuntimeError), database.write() as session:
        identity.add_organisation(session, kind=OrganisationKind.DEVELOPER, name=name, now=NOW)
        after_commit(session, lambda: acts.append("sent"))
        raise RuntimeError
    with database.read() as session:
        assert session.exec(select(Organisation).where(Organisation.name == name)).first() is None
    assert acts == []


def test_a_reading_session_changes_nothing(database: Database) -> None:
    name = f"Nobody {uuid.uuid4()}"
    with database.read() as session:
        identity.add_organisation(session, kind=OrganisationKind.DEVELOPER, name=name, now=NOW)
    with database.read() as session:
        assert session.exec(select(Organisation).where(Organisation.name == name)).first() is None


def test_acts_after_the_commit_run_in_order(database: Database) -> None:
    acts: list[int] = []
    with database.write() as session:
        after_commit(session, lambda: acts.append(1))
        after_commit(session, lambda: acts.append(2))
        assert acts == []
    assert acts == [1, 2]


def test_an_instant_comes_back_in_utc_whatever_zone_it_went_in(database: Database) -> None:
    local = datetime(2027, 6, 1, 14, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with database.write() as session:
        made = identity.add_organisation(
            session, kind=OrganisationKind.DEVELOPER, name=f"Zoned {uuid.uuid4()}", now=local
        )
    with database.read() as session:
        read = session.get_one(Organisation, made.id).created_at
    assert read == local
    assert read.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"), database.write() as session:
        identity.add_organisation(
            session, kind=OrganisationKind.DEVELOPER, name=f"Naive {uuid.uuid4()}", now=datetime(2027, 6, 1)
        )


def test_a_value_outside_the_enum_is_refused_by_both_databases(database: Database) -> None:
    columns = "id, kind, name, country, created_at"
    statement = f"INSERT INTO organisation ({columns}) VALUES ('{{}}', 'guild', '{{}}', '', '{{}}')"
    with pytest.raises(IntegrityError), database.write() as session:
        session.connection().exec_driver_sql(
            statement.format(uuid.uuid4().hex, uuid.uuid4(), NOW.isoformat())
        )


def test_insert_if_absent_lets_one_of_two_in(database: Database) -> None:
    row = ReferenceCounter(prefix=uuid.uuid4().hex[:8], year=2027, last=0)
    with database.write() as session:
        assert insert_if_absent(session, row)
        assert not insert_if_absent(session, row)


def test_only_two_kinds_of_database_are_taken() -> None:
    with pytest.raises(ValueError, match="SQLite or PostgreSQL"):
        Database("mysql://127.0.0.1/assay")


def test_a_program_waits_for_the_disk_at_each_commit(tmp_path: Path) -> None:
    """In a process of its own: this one is set not to (`tests.fixtures.databases`)."""
    asked = "from secure_access.db import Database; import sys; c = Database(sys.argv[1]).engine.connect();"
    asked += "print(*(c.exec_driver_sql(f'PRAGMA {name}').scalar() for name in sys.argv[2:]))"
    words = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "trusted_schema")
    url = f"sqlite:///{tmp_path / 'own.db'}"
    said = subprocess.run([sys.executable, "-c", asked, url, *words], capture_output=True, text=True)
    assert said.stdout.split() == ["wal", "2", "1", "1", "0"], said.stderr


def test_a_database_says_whether_it_answers(database: Database) -> None:
    assert database.reachable()
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert not nowhere.reachable()
    nowhere.dispose()


def test_a_text_longer_than_its_column_is_refused_on_both(database: Database) -> None:
    made = Organisation(kind=OrganisationKind.DEVELOPER, name="ä" * 201, created_at=NOW)
    with pytest.raises(TooLong, match="holds at most 200") as refused, database.write() as session:
        session.add(made)
    assert (refused.value.column, refused.value.limit) == ("name", 200)
