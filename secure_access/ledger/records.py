"""Tables of record: which there are, and the digest by which an entry names a row of one.

A row is digested as the database returns it, column by column, in canonical JSON; absent values are left
out, so that a migration may add a nullable column. The digest is keyed by the entry's ``record_salt``: a
public entry then says nothing about a row whose content could be guessed.

Canonical JSON knows one form of a text (NFC), and a database keeps whichever form it was given. So a row
with text in another form has a second digest, of its text as it was written. A row without one is in NFC.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, inspect, select, text
from sqlalchemy import Table as SqlTable

from secure_access.db import Table
from secure_access.ledger import canonical

FORMAT = "assay.record/v1"
AS_WRITTEN = "assay.record/v2"
"""The format of a row whose text is not brought to NFC."""

Row = Mapping[str, Any] | RowMapping

_CLOSED = text(
    "SELECT relname FROM pg_class WHERE relname = ANY(:names) AND pg_table_is_visible(oid)"
    " AND NOT has_table_privilege(oid, 'SELECT') ORDER BY relname"
)


class Closed(Exception):
    """The role of a connection may not read every table that was asked for. Says which."""


def record_tables() -> dict[str, type[Table]]:
    """Every table of record that this program knows, by name."""
    kinds = (kind for kind in _descendants(Table) if kind.__record__ and hasattr(kind, "__table__"))
    return {sql_table(kind).name: kind for kind in kinds}


def sql_table(kind: type[Table]) -> SqlTable:
    """The table behind a class."""
    table: SqlTable = kind.__table__  # type: ignore[attr-defined]
    return table


def row_id(kind: type[Table], row: Row) -> str:
    """The primary key of a row as one string, its columns joined by a stroke."""
    return "/".join(str(_plain(row[column.key])) for column in sql_table(kind).primary_key)


def identity(kind: type[Table], key: Sequence[Any]) -> str:
    """`row_id` from the values of a primary key."""
    columns = [column.key for column in sql_table(kind).primary_key]
    return row_id(kind, dict(zip(columns, key, strict=True)))


def key_of(kind: type[Table], row: str) -> tuple[Any, ...]:
    """The values of a primary key from `identity`. Raises ``ValueError`` for what is none of this table."""
    columns = list(sql_table(kind).primary_key)
    parts = row.split("/", len(columns) - 1)
    return tuple(
        _KEYS.get(column.type.python_type, str)(part) for column, part in zip(columns, parts, strict=True)
    )


def read(connection: Connection, kind: type[Table], key: Sequence[Any]) -> Row | None:
    """The row with this primary key as the database holds it now, or ``None``."""
    table = sql_table(kind)
    matches: list[ColumnElement[bool]] = [
        column == value for column, value in zip(table.primary_key, key, strict=True)
    ]
    return connection.execute(select(table).where(and_(*matches))).mappings().first()


def refuse_closed(connection: Connection, kinds: Iterable[type[Table]]) -> None:
    """Raise `Closed` where a table cannot be read whole: a part of the records proves nothing of the rest."""
    if connection.dialect.name == "sqlite":
        return
    names = [sql_table(kind).name for kind in kinds]
    if closed := connection.execute(_CLOSED, {"names": names}).scalars().all():
        who = connection.execute(text("SELECT current_user")).scalar_one()
        raise Closed(f"The role {who} may not read {', '.join(closed)}")


def primary_key(row: Table) -> tuple[Any, ...]:
    """The primary key of an object."""
    return tuple(inspect(type(row)).primary_key_from_instance(row))


def counts(kind: type[Table], row: Row) -> bool:
    """Whether a row as the database holds it is of record, or still a draft."""
    return kind.of_record is Table.of_record or kind(**row).of_record()


def digest(salt: bytes, kind: type[Table], row: Row) -> str:
    """HMAC-SHA-256 in hex, under an entry's record salt, of the canonical bytes of a row."""
    return hmac.new(salt, encode(kind, row), hashlib.sha256).hexdigest()


def encode(kind: type[Table], row: Row) -> bytes:
    """The canonical bytes of a row. Raises `canonical.NotCanonical` for a value that has no stable form."""
    return canonical.encode(_content(kind, row))


def digests(salt: bytes, kind: type[Table], row: Row) -> tuple[str, str]:
    """`digest`, and that of the row with its text as it is, in the format `AS_WRITTEN`.

    The second is empty where all text is in NFC. Raises `canonical.NotCanonical`.
    """
    content = _content(kind, row)
    written = canonical.encode_as_written(content)
    normal = written if written.isascii() else canonical.encode(content)
    first = hmac.new(salt, normal, hashlib.sha256).hexdigest()
    if written == normal:
        return first, ""
    other = canonical.encode_as_written({**content, "v": AS_WRITTEN})
    return first, hmac.new(salt, other, hashlib.sha256).hexdigest()


def is_named(salt: bytes, kind: type[Table], row: Row, named: Mapping[str, Any]) -> bool:
    """Whether a row is what ``named`` says, a member of an entry's list of rows whose salt is ``salt``.

    Raises `canonical.NotCanonical`.
    """
    return digests(salt, kind, row) == (named["digest"], named.get("written", ""))


def _content(kind: type[Table], row: Row) -> dict[str, Any]:
    columns = {
        column.key: _plain(row[column.key])
        for column in sql_table(kind).columns
        if row[column.key] is not None and column.key not in excepted(kind)
    }
    return {"columns": columns, "table": sql_table(kind).name, "v": FORMAT}


def excepted(kind: type[Table]) -> frozenset[str]:
    """Columns that are not of record, such as a key that rotation wraps anew: ``__record_except__``."""
    return frozenset(getattr(kind, "__record_except__", ()))


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _plain(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Enum():
            return _plain(value.value)
        case int() if abs(value) >= canonical.LIMIT:
            return str(value)
    for kind, write in _WRITTEN.items():
        if isinstance(value, kind):
            return write(value)
    return value


def timestamp(at: datetime) -> str:
    """An instant as text: UTC, six digits of a second, ``Z``. Raises ``ValueError`` for a naive one."""
    if at.tzinfo is None:
        raise canonical.NotCanonical("an instant needs a time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _descendants(kind: type[Table]) -> Iterator[type[Table]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


# What the primary keys of tables of record consist of; anything else is text.
_KEYS: dict[type, Callable[[str], Any]] = {uuid.UUID: uuid.UUID, int: int}

# In this order: every datetime is a date.
_WRITTEN: dict[type, Callable[[Any], str]] = {
    uuid.UUID: str,
    datetime: timestamp,
    date: date.isoformat,
    Decimal: lambda value: format(value.normalize(), "f"),
    bytes: lambda value: base64.b64encode(value).decode(),
}
