"""Names how a database differs from the matrix: rights too many or too few, conditions, roles, functions."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from infra.postgresql import matrix, telling
from infra.postgresql.matrix import ACTS, ROLES, Grant, role_name
from infra.postgresql.roles import seal

_TABLE_RIGHTS = """
    SELECT coalesce(r.rolname, 'PUBLIC'), lower(a.privilege_type), c.relname, ''
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')
      AND a.grantee <> c.relowner
    UNION ALL
    SELECT coalesce(r.rolname, 'PUBLIC'), lower(a.privilege_type), c.relname, t.attname
    FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid CROSS JOIN LATERAL aclexplode(t.attacl) a
    LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.relnamespace = current_schema()::regnamespace AND a.grantee <> c.relowner
"""
_OPEN = """
    SELECT proname FROM pg_proc p WHERE pronamespace = current_schema()::regnamespace AND prosecdef
      AND EXISTS (SELECT 1 FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
"""
_POWERS = """
    SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication
        OR EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid)
        OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid)
    FROM pg_roles r WHERE rolname = :name
"""


def compare(connection: Connection) -> list[str]:
    """Every difference in words; empty where the database is as `apply` leaves it."""
    database = str(connection.exec_driver_sql("SELECT current_database()").scalar_one())
    named = (*_roles(connection, database), *_rights(connection, database))
    return [*named, *_rows(connection), *_functions(connection), *_changes(connection)]


def _roles(connection: Connection, database: str) -> Iterator[str]:
    for role in ROLES:
        name = role_name(database, role)
        powers = connection.execute(text(_POWERS), {"name": name}).first()
        if powers is None:
            yield f"role {name} is missing"
        elif powers[0]:
            yield f"role {name} owns a table, is a member of another role or has powers over the server"


def _rights(connection: Connection, database: str) -> Iterator[str]:
    ours = {role_name(database, role): role for role in ROLES}
    found = {
        Grant(ours.get(who, who), act, table, column)
        for who, act, table, column in connection.exec_driver_sql(_TABLE_RIGHTS)
    }
    wanted = matrix.grants()
    for grant in sorted(wanted - found):
        yield f"{grant} is not granted"
    for grant in sorted(found - wanted):
        # Somebody else's reading, such as a backup's, is the operator's; writing is nobody's but ours.
        if grant.role in (*ROLES, "PUBLIC") or grant.act in ACTS[1:]:
            yield f"{grant} is granted and not in the matrix"


def _rows(connection: Connection) -> Iterator[str]:
    ruled = {rule.table for rule in matrix.row_rules()}
    open_ = connection.exec_driver_sql(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind = 'r' AND NOT relrowsecurity"
    )
    yield from (f"table {name} does not look at rows" for (name,) in open_ if name in ruled)
    found = {
        (table, name): (condition, comment)
        for table, name, condition, comment in connection.exec_driver_sql(
            "SELECT c.relname, p.polname, pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid),"
            " obj_description(p.oid, 'pg_policy')"
            " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
            " WHERE c.relnamespace = current_schema()::regnamespace"
        )
    }
    wanted = {(rule.table, rule.name): rule for rule in matrix.row_rules()}
    for key in sorted(wanted.keys() | found.keys()):
        if key not in found:
            yield f"policy {key[1]} on {key[0]} is missing"
        elif key not in wanted:
            yield f"policy {key[1]} on {key[0]} is not one of ours"
        elif seal(wanted[key].sql, found[key][0]) != found[key][1]:
            yield f"policy {key[1]} on {key[0]} is not as it was made"


def _functions(connection: Connection) -> Iterator[str]:
    rows = connection.exec_driver_sql(
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
    )
    found = {str(name): str(body) for name, body in rows}
    wanted = {signature: body for signature, (_, body) in matrix.FUNCTIONS.items()}
    wanted |= {signature: body for signature, (_, body) in telling.PURE.items()}
    wanted |= {told.signature: told.body for told in telling.TELLINGS}
    wanted |= {f"{change.name}()": change.body for change in matrix.change_rules()}
    for signature, body in wanted.items():
        if found.get(signature.partition("(")[0]) != body:
            yield f"function {signature} is missing or not as it was made"
    yield from (
        f"function {name} runs as the owner for everybody" for (name,) in connection.exec_driver_sql(_OPEN)
    )


def _changes(connection: Connection) -> Iterator[str]:
    found = connection.exec_driver_sql(
        "SELECT t.tgname, pg_get_triggerdef(t.oid, true), t.tgenabled::text FROM pg_trigger t"
        " JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = current_schema()::regnamespace"
    )
    known = {name: (made, enabled) for name, made, enabled in found}
    for change in matrix.change_rules():
        if known.get(change.name) != (change.trigger, "A"):
            yield f"trigger {change.name} on {change.table} is missing or not as it was made"
