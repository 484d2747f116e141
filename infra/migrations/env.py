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


def main() -> None:
    """Run the migrations that Alembic asks for."""
    database = Database(context.config.get_main_option("sqlalchemy.url") or "")
    with database.engine.connect() as connection, connection.begin():
        _run(connection)
    database.dispose()


main()
