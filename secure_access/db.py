"""Engine, column types, reading and writing, and the only commit of the project.

On SQLite ``SELECT … FOR UPDATE`` does nothing and a deferred BEGIN lets several writers read the same
state before any of them writes, so `Database.write` opens with BEGIN IMMEDIATE and `Database.read` with
BEGIN. Whatever may write, also a GET that records a reading, uses `Database.write`.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar

from sqlalchemy import JSON, BigInteger, DateTime, Engine, create_engine, event, inspect, text, update
from sqlalchemy import Enum as SAEnum
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapper, ORMExecuteState, defer
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, Session, SQLModel, col, select

from secure_access.data_classes import Classes, DataClass, classes

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",  # what was receipted is there after a power cut
    "foreign_keys": "ON",
    "busy_timeout": "30000",
    "secure_delete": "ON",
    "trusted_schema": "OFF",
}
"""How every connection to SQLite is set."""

_MODE = "assay_mode"
_AFTER_COMMIT = "assay_after_commit"
_NARROW = "assay_narrow"
_SAY = text(
    "SELECT set_config('assay.acts_as', :kind, true), set_config('assay.organisation', :organisation, true),"
    " set_config('assay.person', :person, true)"
)

_UNDER_CONDITIONS = text("SELECT coalesce(row_security_active(to_regclass('ledger_entry')), false)")
"""False for who migrates as the database's owner, and before there is a ledger."""


class UtcInstant(TypeDecorator[datetime]):
    """An aware instant, stored in UTC on both databases. A naive value raises ``ValueError``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(SQLModel):
    """Base of every table. ``__record__ = True`` marks a *table of record*: see `secure_access.ledger`.

    ``__classes__`` says of every column who may ever see it: see `secure_access.data_classes`.
    """

    __record__: ClassVar[bool] = False
    __classes__: ClassVar[Classes] = {}
    __for_all__: ClassVar[tuple[str, ...]] = ()
    """Columns of another class that `Database.narrowed` loads too: public in the rows that it can see."""

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Which row it is, by what may be public of that: a row in a log or a traceback quotes nothing."""
        names = (*(column.name for column in inspect(type(self)).primary_key), "reference", "state")
        known = [name for name in names if self.__classes__.get(name) is DataClass.PUBLIC]
        return [(name, self.__dict__[name]) for name in known if name in self.__dict__]

    def of_record(self) -> bool:
        """Whether this row counts yet: a draft of a table of record does not."""
        return True


Table.metadata.naming_convention = NAMING


def tables() -> list[type[Table]]:
    """Every table that has been imported."""
    found: list[type[Table]] = []
    waiting: list[type[Table]] = [Table]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if hasattr(kind, "__table__"):
            found.append(kind)
    return found


def hidden(kind: type[Table]) -> frozenset[str]:
    """Columns of a table that `Database.narrowed` does not load."""
    shown = {name for name, declared in kind.__classes__.items() if declared is DataClass.PUBLIC}
    return frozenset(kind.__classes__) - shown - set(kind.__for_all__)


def _load_no_hidden(asked: ORMExecuteState) -> None:
    """Sessions of a narrowed database load no hidden column; whatever asks a row for one fails."""
    if not asked.session.info.get(_NARROW) or not asked.is_select or asked.is_column_load:
        return
    for described in asked.statement.column_descriptions:  # type: ignore[attr-defined]
        kind = described["entity"]
        if kind is not None and described["expr"] is kind:
            left_out = [defer(getattr(kind, name), raiseload=True) for name in sorted(hidden(kind))]
            asked.statement = asked.statement.options(*left_out)


event.listen(OrmSession, "do_orm_execute", _load_no_hidden)


def never_public() -> frozenset[str]:
    """Names of columns that no table declares public: what they name belongs in no log line."""
    declared = [(name, kind) for table in tables() for name, kind in table.__classes__.items()]
    public = {name for name, kind in declared if kind is DataClass.PUBLIC}
    return frozenset(name for name, _ in declared) - public


Instant = Annotated[datetime, "aware, UTC"]
"""Use with ``Field(sa_type=UtcInstant)``; `instant_column` writes both."""


def instant_column(*, nullable: bool = False, index: bool = False) -> Any:
    """A field that holds an aware instant in UTC."""
    default: Any = None if nullable else ...
    return Field(default=default, sa_type=UtcInstant, nullable=nullable, index=index)


def enum_column(enum: type[StrEnum], *, default: Any = ..., nullable: bool = False, name: str = "") -> Any:
    """A field that holds a member of ``enum`` by value, with a CHECK on both databases.

    ``name`` is that of the CHECK where it is not the enum's own.
    """
    kind = SAEnum(
        enum,
        native_enum=False,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
        length=40,
        name=name or enum.__name__.lower(),
    )
    return Field(default=default, sa_column_kwargs={"nullable": nullable}, sa_type=kind)


def json_column(*, default_factory: Callable[[], Any] = dict, nullable: bool = False) -> Any:
    """A field that holds JSON, or nothing. In-place changes are not seen: assign a new value."""
    if nullable:
        return Field(default=None, sa_type=JSON(none_as_null=True), nullable=True)
    return Field(default_factory=default_factory, sa_type=JSON, nullable=False)


def minor_units(*, nullable: bool = False) -> Any:
    """A field that holds money as whole minor units; its currency stands in a column beside it."""
    return Field(default=None if nullable else ..., sa_type=BigInteger, nullable=nullable)


class TooLong(Exception):
    """A text is longer than its column. SQLite would keep it and PostgreSQL would not: both refuse it."""

    def __init__(self, table: str, column: str, limit: int) -> None:
        super().__init__(f"{table}.{column} holds at most {limit} characters")
        self.column, self.limit = column, limit


def _fits(mapper: Mapper[Any], _connection: Connection, row: Any) -> None:
    for name, limit in _limits(mapper):
        value = getattr(row, name)
        if isinstance(value, str) and len(value) > limit:
            raise TooLong(str(mapper.local_table), name, limit)


@cache
def _limits(mapper: Mapper[Any]) -> tuple[tuple[str, int], ...]:
    """Attributes of a mapped class that hold texts of a limited length."""
    columns = {attribute.key: attribute.columns[0].type for attribute in mapper.column_attrs}
    limits = {key: getattr(kind, "length", None) for key, kind in columns.items()}
    return tuple((key, limit) for key, limit in limits.items() if limit)


for _moment in ("before_insert", "before_update"):
    event.listen(Mapper, _moment, _fits)


def new_id() -> uuid.UUID:
    """A fresh random identifier."""
    return uuid.uuid4()


class ReferenceCounter(Table, table=True):
    """The last number given out for a prefix in a year."""

    __tablename__ = "reference_counter"
    __classes__ = classes(public="prefix year last")

    prefix: str = Field(primary_key=True, max_length=8)
    year: int = Field(primary_key=True)
    last: int = 0


def next_reference(session: Session, prefix: str, now: datetime) -> str:
    """The next reference such as ``C-2027-014``. Locks the counter until the transaction ends."""
    insert_if_absent(session, ReferenceCounter(prefix=prefix, year=now.year, last=0))
    last = session.execute(
        update(ReferenceCounter)
        .where(col(ReferenceCounter.prefix) == prefix, col(ReferenceCounter.year) == now.year)
        .values(last=ReferenceCounter.last + 1)
        .returning(col(ReferenceCounter.last))
    ).scalar_one()
    return f"{prefix}-{now.year}-{last:03d}"


def insert_if_absent(session: Session, row: Table) -> bool:
    """Insert ``row`` unless a row with its key is there already; whether it was inserted.

    Waits for a concurrent transaction that inserts the same key, so exactly one of them sees ``True``.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    table = type(row).metadata.tables[str(type(row).__tablename__)]
    statement = insert(table).values(row.model_dump()).on_conflict_do_nothing()
    return session.execute(statement.returning(*table.primary_key)).first() is not None


def after_commit(session: Session, act: Callable[[], None]) -> None:
    """Run ``act`` once the transaction has committed; never if it rolls back."""
    session.info.setdefault(_AFTER_COMMIT, []).append(act)


class NobodyActs(RuntimeError):
    """A transaction under conditions on rows does not say for whom it acts. A fault of the program."""


@dataclass(frozen=True)
class Acting:
    """For whom a transaction works. PostgreSQL's conditions on rows ask it, and refuse where it is not said.

    ``kind`` is a zone or a process (``worker``, ``sequencer``, ``verifier``), ``organisation`` the one whose
    matters a person of that zone may see: none before anybody has signed in.
    """

    kind: str
    organisation: uuid.UUID | None = None
    person: uuid.UUID | None = None


def under_conditions(connection: Connection) -> bool:
    """Whether PostgreSQL holds this connection to conditions on rows: its role is not the owner."""
    if connection.dialect.name == "sqlite":
        return False
    return bool(connection.execute(_UNDER_CONDITIONS).scalar_one())


def reads_public_columns(session: OrmSession) -> bool:
    """Whether PostgreSQL itself shows this session public columns and rows alone: it is the public zone's.

    What else everybody may know, functions of the database tell it (`infra.postgresql.telling`).
    """
    return bool(session.info.get(_NARROW)) and under_conditions(session.connection())


class Database:
    """One database: SQLite file or PostgreSQL.

    ``url`` is an SQLAlchemy address. ``acting`` is asked at the beginning of every transaction on PostgreSQL
    and says for whom it works; a role under conditions on rows that says nothing gets `NobodyActs`. Raises
    ``ValueError`` for another kind of database.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(("sqlite", "postgresql")):
            raise ValueError("Assay keeps its records in SQLite or PostgreSQL; the address names neither.")
        self.url = url
        self.engine = _engine(url)
        self.context: dict[str, Any] = {}
        """Handed to every writing session as ``session.info``; `secure_access.jobs` publishes through it."""
        self.acting: Callable[[], Acting | None] = lambda: None
        self.narrow = False
        if not self.is_sqlite:
            event.listen(self.engine, "begin", self._say_who_acts)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that may write. Commits once at the end; any exception rolls all of it back."""
        with Session(self.engine.execution_options(**{_MODE: "write"}), expire_on_commit=False) as session:
            session.info.update({**self.context, _NARROW: self.narrow})
            yield session
            session.commit()
            for act in session.info.pop(_AFTER_COMMIT, []):
                act()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads; what it changes is lost."""
        with Session(self.engine.execution_options(**{_MODE: "read"}), expire_on_commit=False) as session:
            session.info[_NARROW] = self.narrow
            yield session

    def narrowed(self) -> Database:
        """This database, for the public zone: its sessions load the columns declared public and no others."""
        found = copy.copy(self)
        found.narrow = True
        return found

    def _say_who_acts(self, connection: Connection) -> None:
        """For this transaction only: what a pool hands on says nothing of who had it before."""
        acting = self.acting()
        if acting is not None:
            said = {"kind": acting.kind, "organisation": acting.organisation, "person": acting.person}
            connection.execute(_SAY, {name: str(value or "") for name, value in said.items()})
        elif under_conditions(connection):
            # An empty table asks nothing of who reads it, and its answer would look like an empty ledger.
            raise NobodyActs("This transaction does not say for whom it acts: set Database.acting first.")

    def reachable(self) -> bool:
        """Whether the database answers."""
        try:
            with self.read() as session:
                session.connection()
        except OperationalError:
            return False
        return True

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(
            url, hide_parameters=True, connect_args={"timeout": 30, "check_same_thread": False}
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=20)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: BEGIN is ours, see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    for name, value in SQLITE_PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get(_MODE, "write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "write" else "BEGIN")


__all__ = [
    "NAMING",
    "Acting",
    "Database",
    "Field",
    "Instant",
    "NobodyActs",
    "ReferenceCounter",
    "Session",
    "Table",
    "TooLong",
    "UtcInstant",
    "after_commit",
    "classes",
    "col",
    "enum_column",
    "hidden",
    "insert_if_absent",
    "instant_column",
    "json_column",
    "minor_units",
    "never_public",
    "new_id",
    "next_reference",
    "reads_public_columns",
    "select",
    "tables",
    "under_conditions",
]
