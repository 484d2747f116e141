"""Alembic environment: one transaction, batch changes on SQLite, triggers re-created after each migration."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from portal.tables import METADATA
from secure_access.db import Database
from secure_access.ledger import triggers


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
    )
    # Batch changes on SQLite copy a table and lose its triggers without a word.
    triggers.drop_all(connection)
    context.run_migrations()
    triggers.create_all(connection)


def _without_foreign_keys(connection: Connection) -> None:
    """On SQLite a batch change drops a table that rows of others refer to: they are checked at the end.

    Source: https://sqlite.org/lang_altertable.html, section 7.
    """
    connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = sorted({row[0] for row in broken})
        raise RuntimeError(f"a migration left rows that refer to nothing, in {tables}")


def main() -> None:
    """Run the migrations that Alembic asks for."""
    database = Database(context.config.get_main_option("sqlalchemy.url") or "")
    with database.engine.connect() as connection:
        if database.is_sqlite:
            _without_foreign_keys(connection)
        with connection.begin():
            _run(connection)
            if database.is_sqlite:
                _check_foreign_keys(connection)
    database.dispose()


main()
