"""Whoever changes a row of record with an SQL client is named: every column of every such table."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Any

import pytest
from sqlalchemy import Column, Connection, select, text, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.exc import IntegrityError, ProgrammingError

from portal.review.tables import PlanRequest
from secure_access import ledger
from secure_access.db import Session, Table
from secure_access.ledger import audit, records, triggers
from secure_access.ledger.audit_report import Problem
from secure_access.ledger.guard import RecordNotNamed
from secure_access.ledger.tables import (
    LedgerAbout,
    LedgerCheckpoint,
    LedgerEntry,
    LedgerHead,
    LedgerTile,
    Log,
    SecurityLogRow,
)
from tests.attack.conftest import Siege

APPEND_ONLY = (LedgerAbout, LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerTile, SecurityLogRow)


def tables() -> dict[str, type[Table]]:
    """Every table whose rows must not change unseen."""
    found = dict(records.record_tables())
    found |= {records.sql_table(kind).name: kind for kind in APPEND_ONLY}
    return {name: kind for name, kind in found.items() if not kind.__module__.startswith("tests")}


@contextmanager
def damaging(siege: Siege) -> Iterator[Session]:
    """A transaction without triggers and foreign keys, as its owner may have one; rolled back at the end."""
    engine = siege.world.wired.database.engine.execution_options(assay_mode="write")
    with Session(engine) as session:
        connection = session.connection()
        triggers.drop_all(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        yield session
        session.rollback()


def victims(connection: Connection, kind: type[Table]) -> list[Any]:
    """Rows of record of a table, the last first; none where the story made none."""
    rows = connection.execute(select(records.sql_table(kind))).mappings().all()
    return [row for row in reversed(rows) if records.counts(kind, row)]


def other(column: Column[Any], value: Any) -> Any:
    """Another value that the column takes."""
    kinds: list[tuple[type, Callable[[Any], Any]]] = [
        (bool, lambda v: not v),
        (Enum, lambda v: next(m for m in type(v) if m is not v)),
        (int, lambda v: v + 1_000_000),
        (str, lambda v: (v[:-1] + ("x" if v[-1:] != "x" else "y")) or "x"),
        (bytes, lambda v: bytes([v[0] ^ 1]) + v[1:] if v else b"x"),
        (uuid.UUID, lambda _: uuid.uuid4()),
        (dt.datetime, lambda v: v + dt.timedelta(microseconds=1)),
        (dt.date, lambda v: v + dt.timedelta(days=1)),
        (dict, lambda v: {**v, "added": "x"}),
        (list, lambda v: [*v, "added"]),
    ]
    for kind, change in kinds:
        if isinstance(value, kind):
            return change(value)
    return _instead_of_nothing(column)


def _instead_of_nothing(column: Column[Any]) -> Any:
    name = type(column.type).__name__
    made = {
        "Uuid": uuid.uuid4(),
        "UtcInstant": dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
        "Date": dt.date(2027, 1, 1),
        "Boolean": True,
        "LargeBinary": b"x",
    }
    return made.get(name, 1 if name in ("Integer", "BigInteger") else "x")


def damage(connection: Connection, kind: type[Table], place: int) -> tuple[str, str, set[str]] | None:
    """Change one column of one row; the names of table and column and what the row may be called, before and
    after. Nothing where there is no such column."""
    table: SqlTable = records.sql_table(kind)
    columns = [column for column in table.columns if column.name not in records.excepted(kind)]
    if place >= len(columns):
        return None
    for row in victims(connection, kind)[:9]:
        mine = [key == row[key.name] for key in table.primary_key]
        values = {columns[place]: other(columns[place], row[columns[place].name])}
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(update(table).where(*mine).values(values))
            names = {records.row_id(kind, row), records.row_id(kind, {**row, **values})}
            return table.name, columns[place].name, names
    return None


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_every_column_of_every_row_of_record_is_watched(
    siege_on: Callable[[str], Siege], backend: str
) -> None:
    siege = siege_on(backend)
    assert siege.client("mira").get("/cases/C-1").status_code == 404  # a row of the security log
    siege.world.run_jobs()
    keys = audit.verifier_keys(siege.world.wired.log_keys)
    untouched = audit.run_verify(siege.world.wired.database, keys)
    assert untouched.passed, untouched.problems
    unseen, done = [], set()
    for place in range(max(len(records.sql_table(kind).columns) for kind in tables().values())):
        with damaging(siege) as session:
            connection = session.connection()
            changed = [found for kind in tables().values() if (found := damage(connection, kind, place))]
            problems = audit.verify(session, keys).problems
        done |= {(table, column) for table, column, _ in changed}
        unseen += [
            f"{table}.{column}"
            for table, column, rows in changed
            if not any(_names(problem, table, rows) for problem in problems)
        ]
    assert set(unseen) <= OTHERWISE | NOT_SIGNED
    assert {table for table, _ in done} >= set(tables())
    assert len(done) > 250


OTHERWISE = {"ledger_entry.number", "ledger_entry_about.entry_number"}
"""Both changed alike name the same entry; changed alone they are found: see the next tests."""
NOT_SIGNED = {"ledger_head.moved_at"}
"""When a head was moved is said by no signature. The next test holds it between what it covers and what
follows; a microsecond later is not seen. When it was signed stands in the log's own cosignature."""


def _names(problem: Problem, table: str, rows: set[str]) -> bool:
    """Of a table of record the row is named; of the ledger's own, whose rows hold one another, the table."""
    ledgers = {records.sql_table(kind).name for kind in APPEND_ONLY}
    return problem.table == table and (table in ledgers or problem.row in rows)


@pytest.mark.parametrize(
    ("kind", "column", "days"),
    [(LedgerCheckpoint, "at", -400), (LedgerCheckpoint, "at", 400), (LedgerHead, "moved_at", -400)],
)
def test_a_time_out_of_order_is_seen(
    copy_of: Callable[[], Siege], kind: type[Table], column: str, days: int
) -> None:
    """A checkpoint lies after what it covers and before the next one, a head after what it covers."""
    siege = copy_of()
    keys = audit.verifier_keys(siege.world.wired.log_keys)
    table = records.sql_table(kind)
    with damaging(siege) as session:
        public = select(table).where(table.c.log == Log.PUBLIC, table.c.size > 0).order_by(table.c.size)
        row = session.connection().execute(public).mappings().first()
        assert row is not None
        mine = [key == row[key.name] for key in table.primary_key]
        later = row[column] + dt.timedelta(days=days)
        session.connection().execute(update(table).where(*mine).values({column: later}))
        problems = audit.verify(session, keys).problems
    found = [problem for problem in problems if problem.table != "triggers"]
    assert table.name in {problem.table for problem in found}
    assert all("its time is" in problem.reason for problem in found)


def test_the_number_of_an_entry_is_watched(copy_of: Callable[[], Siege]) -> None:
    siege = copy_of()
    keys = audit.verifier_keys(siege.world.wired.log_keys)
    table = records.sql_table(LedgerEntry)
    with damaging(siege) as session:
        last = victims(session.connection(), LedgerEntry)[0]["number"]
        session.connection().execute(
            update(table).where(table.c.number == last).values(number=last + 1_000_000)
        )
        assert not audit.verify(session, keys).passed


def test_a_row_is_not_set_back_by_numbering_its_entries_anew(copy_of: Callable[[], Siege]) -> None:
    """The state before is committed to by an earlier entry: given the last number, that would speak last."""
    siege = copy_of()
    keys = audit.verifier_keys(siege.world.wired.log_keys)
    plan = siege.rows(PlanRequest)[0]
    entry, about = records.sql_table(LedgerEntry), records.sql_table(LedgerAbout)
    with siege.world.wired.database.read() as session:
        told = ledger.entries(session, about=f"plan_request:{plan.id}")
        approved = next(found for found in told if found.type == "plan.approved")
    with damaging(siege) as session:
        connection, late = session.connection(), approved.number + 1_000_000
        for table, column in ((entry, entry.c.number), (about, about.c.entry_number)):
            connection.execute(update(table).where(column == approved.number).values({column: late}))
        values = {"state": "approved", "delivered_at": None, "ended_at": None}
        connection.execute(update(records.sql_table(PlanRequest)).values(values))
        problems = audit.verify(session, keys).problems
    assert [problem for problem in problems if problem.table == "ledger_entry"], problems


REFUSED = (RecordNotNamed, IntegrityError, ProgrammingError)
"""The guard at the commit, or a trigger as SQLite and as PostgreSQL tell of it."""


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_verb_that_changes_a_row_without_an_entry_fails(
    siege_on: Callable[[str], Siege], backend: str
) -> None:
    database, tried = siege_on(backend).world.wired.database, 0
    for kind in set(tables().values()) - set(APPEND_ONLY):
        with database.read() as session:
            row = next(iter(victims(session.connection(), kind)), None)
        if row is None:
            continue
        for act in (_changed, _deleted):
            with (
                pytest.raises((RecordNotNamed, IntegrityError, ProgrammingError)),
                database.write() as session,
            ):
                key = tuple(row[column.name] for column in records.sql_table(kind).primary_key)
                act(session, kind, session.get_one(kind, key))
            tried += 1
    assert tried > 40


def _changed(session: Session, kind: type[Table], found: Table) -> None:
    table = records.sql_table(kind)
    column = next(
        c
        for c in table.columns
        if not c.primary_key
        and not c.foreign_keys
        and c.name not in records.excepted(kind)
        and not c.unique
        and getattr(found, c.name) is not None
    )
    setattr(found, column.name, other(column, getattr(found, column.name)))
    session.add(found)


def _deleted(session: Session, _kind: type[Table], found: Table) -> None:
    session.delete(found)
