"""Whether a process may serve with the role that its database address gives it. Asked before it begins."""

from __future__ import annotations

from collections.abc import Iterator

import click
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from infra.postgresql import matrix
from infra.postgresql.matrix import Grant
from portal.settings import Settings

_POWERS = """
    SELECT rolsuper, rolbypassrls, rolcreaterole OR rolcreatedb OR rolreplication,
        EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid),
        EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid)
    FROM pg_roles r WHERE rolname = current_user
"""
_POWER_WORDS = (
    "is a superuser",
    "bypasses the conditions on rows",
    "may make roles or databases, or copy the server",
    "is a member of another role",
    "owns tables",
)
_MAY = """
    SELECT c.relname, act, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN unnest(ARRAY['select', 'insert', 'update', 'references']) act
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')
      AND has_column_privilege(c.oid, a.attnum, act)
    UNION ALL
    SELECT c.relname, act, '' FROM pg_class c CROSS JOIN unnest(ARRAY['delete', 'truncate', 'trigger']) act
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')
      AND has_table_privilege(c.oid, act)
"""
_OPEN = """
    SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
    AND NOT row_security_active(oid)
"""


def fit_or_exit(settings: Settings, *processes: str) -> None:
    """End with a message and exit status 2 where a production process would do more than the matrix says.

    A demonstration may serve as it likes.
    """
    found = [] if settings.demonstration else [why for name in processes for why in unfit(settings, name)]
    if found:
        click.echo("This instance is not served:\n" + "\n".join(found), err=True)
        raise SystemExit(2)


def unfit(settings: Settings, process: str) -> list[str]:
    """Why a process may not serve with the address that the settings give it; empty where it may."""
    named = f"ASSAY_DATABASE_{process.upper()}"
    if process not in settings.databases:
        return [f"{named} is missing: in production the {process} has a role of its own in the database."]
    engine = create_engine(settings.databases[process], hide_parameters=True)
    try:
        with engine.connect() as connection:
            found = list(excess(connection, process))
            who = str(connection.exec_driver_sql("SELECT current_user").scalar_one())
    except SQLAlchemyError as problem:
        return [f"{named}: the database does not answer ({type(problem).__name__})."]
    finally:
        engine.dispose()
    if not found:
        return []
    more = f"; {len(found) - 5} more" if len(found) > 5 else ""
    return [
        f"{named}: the role {who} may do more than the {process} needs: {'; '.join(found[:5])}{more}. "
        "Name the role that `assay database roles` made for it."
    ]


def excess(connection: Connection, process: str) -> Iterator[str]:
    """What the role of a connection may do beyond the matrix, in words, whoever gave it that."""
    powers = connection.exec_driver_sql(_POWERS).one()
    held = [words for words, has in zip(_POWER_WORDS, powers, strict=True) if has]
    yield from held
    if held:
        return  # such a role may do everything, and a list of that says nothing
    if connection.exec_driver_sql(
        "SELECT has_schema_privilege(current_schema()::regnamespace, 'CREATE')"
    ).scalar_one():
        yield "makes tables"
    granted = {grant for grant in matrix.grants() if grant.role == process}
    for table, act, column in connection.exec_driver_sql(_MAY):
        if not granted & {Grant(process, act, table), Grant(process, act, table, column)}:
            yield str(Grant(process, act, table, column)).partition(": ")[2]
    ruled = {rule.table for rule in matrix.row_rules() if rule.role == process}
    for (table,) in connection.exec_driver_sql(_OPEN):
        if table in ruled:
            yield f"sees every row of {table}"
