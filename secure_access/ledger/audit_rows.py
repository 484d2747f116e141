"""The part of the audit that reads rows as the database holds them, and trusts no type of a column.

SQLite keeps what it is given: text in a column of numbers, an identifier in capitals that no query of ours
finds, a 2 that counts as true here and as neither there. So every value is read from what is stored, written
again as this program writes it, and compared. PostgreSQL keeps types itself; its JSON is text there too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, Connection, Dialect, Select, Text, Uuid, cast, select, type_coerce
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.types import NullType, TypeDecorator

from secure_access.db import Session, Table
from secure_access.ledger import records
from secure_access.ledger.audit_report import Report
from secure_access.ledger.records import Row

UNREADABLE = (
    *(ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RecursionError),
    SQLAlchemyError,
)
"""What reading a damaged row raises: a date, an enumeration or an identifier that is none."""
_Convert = Callable[[Any], Any]


class _Foreign(TypeError):
    """A value of another type than its column's."""


@dataclass(frozen=True)
class _Reader:
    """How one column is read from what is stored, and written again; ``None`` where it is as it stands."""

    key: str
    kind: type
    read: _Convert | None
    write: _Convert | None
    nullable: bool
    one_form: bool
    """Whether a value has one form here: what the database itself sees to is not compared."""

    def value(self, stored: Any) -> Any:
        """Raises an `UNREADABLE` where it is nothing that the column may hold."""
        value = stored if self.read is None or stored is None else self.read(stored)
        if stored is None and not self.nullable:
            raise _Foreign("it is empty")
        if value is not None and self.kind is not object and type(value) is not self.kind:
            raise _Foreign(f"it is {type(value).__name__}")
        return value

    def is_written_so(self, stored: Any, value: Any) -> bool:
        """Whether ``stored`` is what this program writes for ``value``."""
        if stored is None or self.write is None or not self.one_form:
            return True
        written = self.write(value)
        return type(written) is type(stored) and bool(written == stored)


def rows(session: Session, kind: type[Table], report: Report) -> Iterator[tuple[str, Row]]:
    """Every row by its key, in order. What cannot be read, or is not as written here, is reported.

    A row with a value that cannot be read is left out; one that is merely written otherwise is not.
    """
    table, connection = records.sql_table(kind), session.connection()
    readers = [_reader(column, connection.dialect, records.excepted(kind)) for column in table.columns]
    stored = [
        (
            cast(column, Text)
            if _is_json(column) and not _sqlite(connection.dialect)
            else type_coerce(column, NullType())
        ).label(column.key)
        for column in table.columns
    ]
    query = select(*stored).order_by(*table.primary_key)
    report.rows[table.name] = 0
    try:
        for found in _stored(connection, query):
            report.rows[table.name] += 1
            row = _read(kind, readers, found, report)
            if row is not None:
                yield records.row_id(kind, row), row
    except SQLAlchemyError as problem:
        report.add(kind, "", f"its rows cannot be read: {problem}")


def _stored(connection: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[Sequence[Any]]:
    """The rows of a query. Text that is no UTF-8, at which SQLite's driver stops, comes as its bytes."""
    done = 0
    try:
        for found in connection.execute(query, execution_options={"yield_per": 500}):
            yield found
            done += 1
        return
    except OperationalError:
        if not _sqlite(connection.dialect):
            raise
    driver: Any = connection.connection.driver_connection
    before, driver.text_factory = driver.text_factory, _text_or_bytes
    try:
        yield from connection.execute(query).all()[done:]
    finally:
        driver.text_factory = before


def _text_or_bytes(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def _read(kind: type[Table], readers: Sequence[_Reader], found: Sequence[Any], report: Report) -> Row | None:
    row: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    for reader, stored in zip(readers, found, strict=True):
        try:
            row[reader.key] = reader.value(stored)
            if not reader.is_written_so(stored, row[reader.key]):
                wrong.append((reader.key, f"its {reader.key} is not written as this program writes it"))
        except UNREADABLE as problem:
            row[reader.key] = stored
            wrong.append(("", f"cannot be read: {reader.key}: {problem}"))
    for _, reason in wrong:
        report.add(kind, _name(kind, row), reason)
    return None if any(not key for key, _ in wrong) else row


def _name(kind: type[Table], row: Row) -> str:
    try:
        return records.row_id(kind, row)
    except UNREADABLE:
        return "/".join(repr(row[column.key]) for column in records.sql_table(kind).primary_key)


def _reader(column: Column[Any], dialect: Dialect, excepted: frozenset[str]) -> _Reader:
    one_form = column.key not in excepted and (_sqlite(dialect) or _is_json(column))
    if _is_json(column):
        return _Reader(column.key, object, json.loads, json.dumps, bool(column.nullable), one_form)
    fitted, kind = column.type.dialect_impl(dialect), _kind(column)
    # Of a number SQLite knows one form, and what it keeps as another type is no number to read.
    write = None if kind in (str, int, bytes, Decimal) else fitted.bind_processor(dialect)
    typed = kind is Decimal and not _sqlite(dialect)  # The driver's own, by a type that is not known here.
    read = None if typed else fitted.result_processor(dialect, None)
    return _Reader(column.key, kind, read, write, bool(column.nullable), one_form)


def _kind(column: Column[Any]) -> type:
    if isinstance(column.type, Uuid):
        return uuid.UUID
    declared: Any = column.type
    plain = declared.impl if isinstance(declared, TypeDecorator) else declared
    found: Any = plain.python_type
    assert isinstance(found, type)
    return found


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _sqlite(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"
