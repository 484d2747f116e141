"""Inserts many entries at once, past the unit of work, in statements that go to the driver as they are.

SQLite takes entries in one executemany, PostgreSQL as arrays in one statement: there each statement is a
message, and the driver looks for each of ten thousand parameters in its text. The arrays are in binary
(``%b``), which takes both sides a third of the time. COPY is refused to a role under conditions on rows, as
every process of a deployment has one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from secure_access.ledger import records
from secure_access.ledger.tables import LedgerEntry

Row = Mapping[str, Any]

_OWN = ("id", "entry", "salt", "leaf")
_SHARED = ("log", "type", "audience", "record_salt", "recorded_at", "person_id")
_INTO = f"INSERT INTO ledger_entry ({', '.join((*_OWN, *_SHARED))})"
_ENTRIES_SQLITE = f"{_INTO} VALUES ({', '.join(f':{name}' for name in (*_OWN, *_SHARED))})"
_ENTRIES_POSTGRESQL = (
    f"{_INTO} SELECT one.id, one.entry, one.salt, one.leaf, %(log)s, %(type)s, %(audience)s, %(record_salt)s,"  # noqa: S608 - our names
    " %(recorded_at)s, CAST(%(person_id)s AS uuid)"
    " FROM unnest(CAST(%(id)b AS uuid[]), CAST(%(entry)b AS bytea[]), CAST(%(salt)b AS bytea[]),"
    " CAST(%(leaf)b AS bytea[])) WITH ORDINALITY AS one(id, entry, salt, leaf, place)"
    # Numbers are given out after the sort, so that they are in the order in which the entries came.
    " ORDER BY one.place RETURNING number"
)
_NEWEST_SQLITE = "SELECT number FROM ledger_entry ORDER BY number DESC LIMIT ?"
_SUBJECTS_SQLITE = (
    "INSERT INTO ledger_entry_about (entry_number, position, subject)"
    " SELECT number.value, one.key, one.value FROM json_each(:numbers) AS number, json_each(:about) AS one"
)
_SUBJECTS_POSTGRESQL = (
    "INSERT INTO ledger_entry_about (entry_number, position, subject)"
    " SELECT number, place - 1, subject FROM unnest(CAST(%(numbers)b AS bigint[])) AS number"
    " CROSS JOIN unnest(CAST(%(about)s AS text[])) WITH ORDINALITY AS one(subject, place)"
)


def entries(connection: Connection, shared: Row, rows: Sequence[Row]) -> list[int]:
    """Insert entries that have the columns ``shared`` in common; their numbers, in order."""
    common = {name: _bound(connection, name, shared[name]) for name in _SHARED}
    if _is_sqlite(connection):
        # Bytes need nothing; of the rest only the identifier is each entry's own.
        known = [{**common, **row, "id": row["id"].hex} for row in rows]
        connection.exec_driver_sql(_ENTRIES_SQLITE, known)
        # Nobody else writes while this transaction does, so the newest are these.
        return sorted(connection.exec_driver_sql(_NEWEST_SQLITE, (len(rows),)).scalars())
    arrays = {name: [row[name] for row in rows] for name in _OWN}
    return sorted(connection.exec_driver_sql(_ENTRIES_POSTGRESQL, {**common, **arrays}).scalars())


def subjects(connection: Connection, numbers: list[int], about: list[str]) -> None:
    """Insert the same subjects for each of these entries."""
    if _is_sqlite(connection):
        listed = {"numbers": json.dumps(numbers), "about": json.dumps(about)}
        connection.exec_driver_sql(_SUBJECTS_SQLITE, listed)
    else:
        connection.exec_driver_sql(_SUBJECTS_POSTGRESQL, {"numbers": numbers, "about": about})


def _bound(connection: Connection, name: str, value: object) -> object:
    """A value as its column's type gives it to the driver."""
    kind = records.sql_table(LedgerEntry).c[name].type.dialect_impl(connection.dialect)
    process = kind.bind_processor(connection.dialect)
    return process(value) if process else value


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
