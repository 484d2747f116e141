"""Append-only tables refuse what SQL can do to them, on both databases, and a difference is named."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from secure_access.db import Database
from secure_access.ledger import tables, triggers

APPEND_ONLY = [
    *("ledger_entry", "ledger_entry_about", "ledger_checkpoint", "ledger_cosignature"),
    *("ledger_timestamp", "security_log", "ledger_head"),
]
OF_THE_PORTAL = {"sign_in_policy", "statute_text"}
"""Listed here, made by the portal's migrations, tried in its own tests."""
KEYS = {
    "ledger_entry": "leaf_index",
    "ledger_entry_about": "subject",
    "ledger_checkpoint": "note",
    "ledger_cosignature": "line",
    "ledger_timestamp": "answer",
}


def refused(connection: Connection, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
        connection.execute(text(statement))


@pytest.mark.usefixtures("told")
def test_rows_are_not_changed_deleted_or_emptied(book: Database) -> None:
    with book.write() as session:
        stamp = tables.LedgerTimestamp(log=tables.Log.PUBLIC, size=1, name="x", answer=b"x")
        stamp.at = datetime(2027, 10, 1, tzinfo=UTC)
        session.add(stamp)
    with book.engine.connect() as connection, connection.begin():
        for table in APPEND_ONLY:
            column = KEYS.get(table, "root" if table == "ledger_head" else "kind")
            refused(connection, f"UPDATE {table} SET {column} = {column}")
            refused(connection, f"DELETE FROM {table}")
            if book.is_sqlite:
                refused(connection, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
            else:
                refused(connection, f"TRUNCATE {table} CASCADE")
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                refused(connection, f"DELETE FROM {table}")
                connection.execute(text("SET LOCAL session_replication_role = origin"))


@pytest.mark.usefixtures("told")
def test_an_entry_gets_its_place_once_and_nothing_else(book: Database) -> None:
    with book.engine.connect() as connection, connection.begin():
        last = connection.execute(text("SELECT max(number) FROM ledger_entry")).scalar_one()
        for column in triggers._FIXED:
            other = (
                "NULL" if column == "person_id" else f"(SELECT {column} FROM ledger_entry WHERE number = 9)"
            )
            if column in ("log", "audience"):
                other = {"log": "'custody'", "audience": "'parties'"}[column]
            if column in ("record_salt", "type"):
                other = "'x'"
            if column in ("recorded_at",):
                other = "'2020-01-01 00:00:00'"
            if column == "person_id":
                continue
            refused(
                connection,
                f"UPDATE ledger_entry SET leaf_index = 70, {column} = {other} WHERE number = {last}",
            )
        refused(connection, f"UPDATE ledger_entry SET leaf_index = NULL WHERE number = {last}")
        connection.execute(text(f"UPDATE ledger_entry SET leaf_index = 70 WHERE number = {last}"))
        refused(connection, f"UPDATE ledger_entry SET leaf_index = 71 WHERE number = {last}")


@pytest.mark.usefixtures("told")
def test_a_head_moves_forward_only(book: Database) -> None:
    with book.engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE ledger_head SET size = size + 1"))
        refused(connection, "UPDATE ledger_head SET size = size - 1")
        refused(connection, "UPDATE ledger_head SET size = size + 1, log = 'other' WHERE log = 'public'")


def test_every_column_of_an_entry_is_fixed() -> None:
    columns = {column.name for column in tables.LedgerEntry.__table__.columns}  # type: ignore[attr-defined]
    assert columns == {*triggers._FIXED, "leaf_index"}


def test_every_append_only_table_is_listed() -> None:
    assert {trigger.table for trigger in triggers.TRIGGERS.values()} == {*APPEND_ONLY, *OF_THE_PORTAL}


def test_made_again_they_are_as_listed(book: Database) -> None:
    with book.engine.connect() as connection, connection.begin():
        triggers.create_all(connection)
        assert triggers.compare(connection) == []
        triggers.drop_all(connection)
        assert len(triggers.compare(connection)) == sum(
            bool(trigger.sqlite if book.is_sqlite else trigger.postgresql)
            for trigger in triggers.TRIGGERS.values()
            if trigger.table in APPEND_ONLY
        )
        connection.execute(text("DROP TABLE security_log"))
        triggers.create_all(connection)
        assert triggers.compare(connection) == []


def test_differences_are_named(book: Database) -> None:
    with book.engine.connect() as connection, connection.begin():
        if book.is_sqlite:
            connection.exec_driver_sql("DROP TRIGGER ledger_head_delete")
            connection.exec_driver_sql(
                "CREATE TRIGGER ledger_head_delete BEFORE DELETE ON ledger_head BEGIN SELECT 1; END"
            )
            connection.exec_driver_sql(
                "CREATE TRIGGER stray BEFORE DELETE ON ledger_head BEGIN SELECT 1; END"
            )
            connection.exec_driver_sql("DROP TRIGGER ledger_head_update")
        else:
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION ledger_head_delete() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RETURN OLD; END $$"
            )
            connection.exec_driver_sql(
                "CREATE TRIGGER stray BEFORE DELETE ON ledger_head FOR EACH ROW"
                " EXECUTE FUNCTION ledger_head_delete()"
            )
            connection.exec_driver_sql("DROP TRIGGER ledger_head_update ON ledger_head")
        assert triggers.compare(connection) == [
            "trigger ledger_head_update is missing",
            "trigger ledger_head_delete is not as it was made",
            "trigger stray is not one of ours",
        ]
