"""Makes the roles, grants and conditions in a database, and takes them away again."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, text

from infra.postgresql import matrix, telling
from infra.postgresql.matrix import ROLES, role_name


def apply(connection: Connection) -> None:
    """Bring the database to the matrix. Needs its owner, with CREATEROLE for roles that are not there yet.

    New roles may log in and have no password: give each its own. Nothing is granted that the matrix does not
    name, and what was granted before is taken away first.
    """
    database, schema = _here(connection)
    for role in ROLES:
        _make(connection, role_name(database, role))
    for signature, (kind, body) in {**matrix.FUNCTIONS, **telling.PURE}.items():
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {signature} RETURNS {kind} LANGUAGE plpgsql STABLE"
            f" AS $body${body.replace('%', '%%')}$body$"
        )
    _make_tellings(connection, schema)
    for role in ROLES:
        _empty(connection, name := role_name(database, role), schema)
        connection.exec_driver_sql(f'GRANT USAGE ON SCHEMA {schema} TO "{name}"')
    connection.exec_driver_sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC")
    connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC")
    for grant in sorted(matrix.grants()):
        columns = f" ({grant.column})" if grant.column else ""
        connection.exec_driver_sql(
            f'GRANT {grant.act}{columns} ON "{grant.table}" TO "{role_name(database, grant.role)}"'
        )
    for told in telling.TELLINGS:
        name = role_name(database, told.role)
        connection.exec_driver_sql(f'GRANT EXECUTE ON FUNCTION {told.signature} TO "{name}"')
    _grant_sequences(connection, database)
    _rule_rows(connection, database)
    _rule_changes(connection)


def drop(connection: Connection) -> None:
    """Take away roles, conditions and functions: every other process then connects as before."""
    database, schema = _here(connection)
    for table in sorted({rule.table for rule in matrix.row_rules()}):
        connection.exec_driver_sql(f'ALTER TABLE IF EXISTS "{table}" DISABLE ROW LEVEL SECURITY')
    for table, name in _policies(connection):
        connection.exec_driver_sql(f'DROP POLICY "{name}" ON "{table}"')
    for change in matrix.change_rules():
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {change.name}() CASCADE")
    for told in telling.TELLINGS:
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {told.signature}")
    for signature in reversed([*matrix.FUNCTIONS, *telling.PURE]):
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {signature}")
    for role in ROLES:
        if _exists(connection, name := role_name(database, role)):
            _empty(connection, name, schema)
            connection.exec_driver_sql(f'DROP ROLE "{name}"')


def seal(source: str, stored: str) -> str:
    """What stands as comment at a policy: a digest of its source here and of its form in the database."""
    return hashlib.sha256(f"{source}\n{stored}".encode()).hexdigest()


def _here(connection: Connection) -> tuple[str, str]:
    database, schema = connection.exec_driver_sql("SELECT current_database(), current_schema()").one()
    return str(database), f'"{schema}"'


def _exists(connection: Connection, name: str) -> bool:
    found = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name})
    return found.first() is not None


def _make(connection: Connection, name: str) -> None:
    if not _exists(connection, name):
        connection.exec_driver_sql(f'CREATE ROLE "{name}" LOGIN NOINHERIT')


def _make_tellings(connection: Connection, schema: str) -> None:
    """Functions that read as the owner. Their names resolve in this schema, whatever a caller's path says."""
    for told in telling.TELLINGS:
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {told.signature} RETURNS {told.returns} LANGUAGE plpgsql STABLE"
            f" SECURITY DEFINER SET search_path = {schema}, pg_temp"
            f" AS $body${told.body.replace('%', '%%')}$body$"
        )
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {told.signature} FROM PUBLIC")


def _empty(connection: Connection, name: str, schema: str) -> None:
    """Take every right in this database away from a role."""
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        connection.exec_driver_sql(f'REVOKE ALL ON ALL {kind} IN SCHEMA {schema} FROM "{name}"')
    connection.exec_driver_sql(f'REVOKE ALL ON SCHEMA {schema} FROM "{name}"')


def _grant_sequences(connection: Connection, database: str) -> None:
    """Whoever may add a row to a table that numbers its rows may take the next number."""
    numbered = connection.exec_driver_sql(
        "SELECT t.relname, s.relname FROM pg_class s"
        " JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
        " JOIN pg_class t ON t.oid = d.refobjid WHERE s.relkind = 'S'"
        " AND s.relnamespace = current_schema()::regnamespace"
    ).all()
    for table, sequence in numbered:
        for grant in matrix.grants():
            if (grant.act, grant.table) == ("insert", table):
                name = role_name(database, grant.role)
                connection.exec_driver_sql(f'GRANT USAGE ON SEQUENCE "{sequence}" TO "{name}"')


def _policies(connection: Connection) -> list[tuple[str, str]]:
    found = connection.exec_driver_sql(
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = current_schema()"
    )
    return [(table, name) for table, name in found]


def _rule_rows(connection: Connection, database: str) -> None:
    for table, name in _policies(connection):
        connection.exec_driver_sql(f'DROP POLICY "{name}" ON "{table}"')
    for rule in matrix.row_rules():
        connection.exec_driver_sql(f'ALTER TABLE "{rule.table}" ENABLE ROW LEVEL SECURITY')
        beyond = f"AS RESTRICTIVE FOR {rule.act}" if rule.act else ""
        connection.exec_driver_sql(
            f'CREATE POLICY "{rule.name}" ON "{rule.table}" {beyond} TO "{role_name(database, rule.role)}"'
            f" {rule.clause.replace('%', '%%')}"
        )
        stored = connection.execute(
            text(
                "SELECT coalesce(qual, with_check) FROM pg_policies WHERE schemaname = current_schema()"
                " AND tablename = :table AND policyname = :name"
            ),
            {"table": rule.table, "name": rule.name},
        ).scalar_one()
        connection.exec_driver_sql(
            f'COMMENT ON POLICY "{rule.name}" ON "{rule.table}" IS \'{seal(rule.sql, stored)}\''
        )


def _rule_changes(connection: Connection) -> None:
    for change in matrix.change_rules():
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {change.name}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $body${change.body.replace('%', '%%')}$body$"
        )
        connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS {change.name} ON "{change.table}"')
        connection.exec_driver_sql(change.trigger)
        connection.exec_driver_sql(f'ALTER TABLE "{change.table}" ENABLE ALWAYS TRIGGER {change.name}')
