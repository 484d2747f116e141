"""Fails closed: a row of a table of record does not change unless an entry of the same transaction names it.

The rows that a flush wrote are remembered with the session; `secure_access.ledger.recording.append` takes off
those that it names, as they are at that moment; what is left at commit refuses the commit. Statements that
bypass the unit of work are refused for such tables outright. Raw connections are beyond this guard: the
audit finds those.
"""

from __future__ import annotations

import re
from typing import Any, TypeGuard, cast
from weakref import WeakKeyDictionary

from sqlalchemy import ClauseElement, Connection, TextClause, event, inspect
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, SessionTransaction, object_session
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import UpdateBase

from secure_access.db import Table
from secure_access.ledger import records

_UNNAMED = "assay_unnamed"
_CHECKED = "assay_checked"
_WRITES = re.compile(r"\b(insert|update|delete|replace|merge|truncate|alter|drop)\b", re.IGNORECASE)

_before: WeakKeyDictionary[SessionTransaction, set[tuple[str, str]]] = WeakKeyDictionary()


class RecordNotNamed(RuntimeError):
    """A row of a table of record was changed and no entry of the transaction says so. Nothing is written."""


def named(session: Session, table: str, row_id: str) -> None:
    """Say that an entry of this transaction names the row as it is now."""
    _unnamed(session).discard((table, row_id))


def _unnamed(session: Session) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = session.info.setdefault(_UNNAMED, set())
    return found


def _note(target: Table, *keys: tuple[Any, ...]) -> None:
    session = object_session(target)
    assert session is not None, "a flush without a session"
    kind = type(target)
    table = records.sql_table(kind).name
    _unnamed(session).update((table, records.identity(kind, key)) for key in keys)
    if session.info.get(_CHECKED):
        _refuse(session)


def _after_insert(_mapper: object, _connection: Connection, target: object) -> None:
    if _is_record(target) and target.of_record():
        _note(target, records.primary_key(target))


def _before_update(_mapper: object, connection: Connection, target: object) -> None:
    if _is_record(target) and _changes(target) and (target.of_record() or _counted(connection, target)):
        _note(target, _stored_key(target), records.primary_key(target))


def _before_delete(_mapper: object, connection: Connection, target: object) -> None:
    if _is_record(target) and _counted(connection, target):
        _note(target, _stored_key(target))


def _is_record(target: object) -> TypeGuard[Table]:
    return isinstance(target, Table) and target.__record__


def _stored_key(target: Table) -> tuple[Any, ...]:
    """The primary key that the row has in the database."""
    return tuple(inspect(target).identity or ())


def _changes(target: Table) -> bool:
    changed = {attribute.key for attribute in inspect(target).attrs if attribute.history.has_changes()}
    return bool(changed - records.excepted(type(target)))


def _counted(connection: Connection, target: Table) -> bool:
    """Whether the row counted before this flush. Only the database knows: an object forgets."""
    kind = type(target)
    row = records.read(connection, kind, _stored_key(target))
    return row is not None and records.counts(kind, row)


def _before_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    _refuse(session)
    session.info[_CHECKED] = True


def _refuse(session: Session) -> None:
    left = sorted(_unnamed(session))
    if left:
        rows = ", ".join(f"{table} {row_id}" for table, row_id in left[:5])
        raise RecordNotNamed(f"{len(left)} changed without a ledger entry that names them: {rows}")


def _transaction_begun(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        _before[transaction] = set(_unnamed(session))


def _rolled_back(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.info[_UNNAMED] = set(_before[transaction])


def _transaction_ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_UNNAMED, None)
        session.info.pop(_CHECKED, None)


def _before_execute(state: ORMExecuteState) -> None:
    # Every query passes here, so which tables are of record is asked only where something could be written.
    for element in visitors.iterate(cast(ClauseElement, state.statement)):
        if isinstance(element, UpdateBase):
            _refuse_statement(element)
        elif isinstance(element, TextClause) and _WRITES.search(element.text):
            _refuse_text(element.text)


def _refuse_statement(statement: UpdateBase) -> None:
    if getattr(statement.table, "name", None) in records.record_tables():
        raise RecordNotNamed(
            f"{statement.table} is a table of record: change its rows as objects, and name them in an entry"
        )


def _refuse_text(written: str) -> None:
    for name in records.record_tables():
        if re.search(rf"\b{re.escape(name)}\b", written):
            raise RecordNotNamed(f"{name} is a table of record: it is not written with SQL text")


def install() -> None:
    """Put the guard on every session. Importing the tables of the ledger does it."""
    event.listen(Mapper, "after_insert", _after_insert)
    event.listen(Mapper, "before_update", _before_update)
    event.listen(Mapper, "before_delete", _before_delete)
    event.listen(Session, "before_commit", _before_commit)
    event.listen(Session, "after_transaction_create", _transaction_begun)
    event.listen(Session, "after_soft_rollback", _rolled_back)
    event.listen(Session, "after_transaction_end", _transaction_ended)
    event.listen(Session, "do_orm_execute", _before_execute)
