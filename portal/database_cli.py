"""``assay database``: the roles, grants and conditions on rows that stand below the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Connection

from infra import postgresql
from portal.settings import settings_or_exit
from secure_access.db import Database


@click.group()
def database() -> None:
    """Roles and rights in PostgreSQL. Both commands need the database's owner, in ASSAY_DATABASE."""


@database.command()
def roles() -> None:
    """Bring roles, grants and conditions on rows to the matrix. As often as one likes; after each migration.

    New roles have no password: give each its own, and its process the address, such as
    ASSAY_DATABASE_DEVELOPER.
    """
    with _owner() as connection:
        postgresql.apply(connection)
        name = str(connection.exec_driver_sql("SELECT current_database()").scalar_one())
    named = ", ".join(postgresql.role_name(name, role) for role in postgresql.ROLES)
    click.echo(f"The database has the roles {named}, with the rights of the matrix and no other.")


@database.command()
def compare() -> None:
    """Name how the database differs from the matrix. Exit status 1 where it does; changes nothing."""
    with _owner() as connection:
        differences = postgresql.compare(connection)
    for difference in differences:
        click.echo(difference)
    if differences:
        click.echo(f"{len(differences)} differences. Bring the database to the matrix: assay database roles")
        raise SystemExit(1)
    click.echo("Roles, grants and conditions on rows are those of the matrix.")


@contextmanager
def _owner() -> Iterator[Connection]:
    settings = settings_or_exit()
    found = Database(settings.database_url)
    if found.is_sqlite:
        raise click.ClickException(
            "SQLite knows no roles: whoever can open the file can do everything. "
            "Set ASSAY_DATABASE to PostgreSQL."
        )
    with found.engine.connect() as connection, connection.begin():
        yield connection
    found.dispose()
