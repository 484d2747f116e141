"""The tables of the ledger. Append-only, but for the head of each log and for tiles, which can be rebuilt."""

from __future__ import annotations

import uuid
from enum import StrEnum

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text, UniqueConstraint

from secure_access.db import Field, Instant, Table, classes, enum_column, instant_column, new_id
from secure_access.ledger import canonical, guard
from secure_access.ledger.canonical import Json

# Here, because whatever records an entry or reads one passes by; what loads no database has nothing to guard.
guard.install()

# SQLite numbers rows by itself only in a column of type INTEGER.
NUMBER = BigInteger().with_variant(Integer, "sqlite")


class Log(StrEnum):
    """Which log an entry belongs to. Readings and custody events stay out of the public one."""

    PUBLIC = "public"
    CUSTODY = "custody"


class Audience(StrEnum):
    """Who may see the bytes and salt of an entry: everybody, or only who takes part. All may see the leaf."""

    PUBLIC = "public"
    PARTIES = "parties"


class LedgerEntry(Table, table=True):
    """One event of record. ``entry`` holds the exact bytes that ``leaf`` commits to, never written again.

    ``number`` is the order of recording, ``leaf_index`` the place in the tree: empty until sequenced, then
    fixed. ``record_salt`` keys the digests of the rows that the entry names (empty without any); it is never
    published. ``entry`` and both salts are empty once its content is removed: `secure_access.ledger.removal`.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("log", "leaf_index"), {"sqlite_autoincrement": True})
    __classes__ = classes(
        public="number id log leaf_index type leaf audience recorded_at",
        restricted="entry salt person_id",
        secret="record_salt",  # noqa: S106 - a column
    )
    __for_all__ = ("entry", "salt")

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    id: uuid.UUID = Field(default_factory=new_id, unique=True)
    log: Log = enum_column(Log)
    leaf_index: int | None = Field(default=None, sa_type=BigInteger)
    type: str = Field(max_length=80, index=True)
    entry: bytes = Field(sa_type=LargeBinary)
    salt: bytes = Field(sa_type=LargeBinary)
    record_salt: bytes = Field(sa_type=LargeBinary)
    leaf: bytes = Field(sa_type=LargeBinary)
    audience: Audience = enum_column(Audience)
    recorded_at: Instant = instant_column(index=True)
    person_id: uuid.UUID | None = Field(default=None)

    @property
    def content(self) -> dict[str, Json]:
        """The entry bytes, read. Raises `canonical.NotCanonical` when they are damaged."""
        content = canonical.decode(self.entry)
        if not isinstance(content, dict):
            raise canonical.NotCanonical("an entry is an object")
        return content

    @property
    def fields(self) -> dict[str, Json]:
        """What the event says, under its declared keys."""
        fields = self.content["fields"]
        assert isinstance(fields, dict)
        return fields


class LedgerAbout(Table, table=True):
    """A subject of an entry, for timelines. The same list stands in the entry bytes."""

    __tablename__ = "ledger_entry_about"
    __table_args__ = (Index("ix_ledger_entry_about_subject", "subject", "entry_number"),)
    __classes__ = classes(public="entry_number position", restricted="subject")

    entry_number: int = Field(primary_key=True, foreign_key="ledger_entry.number", sa_type=NUMBER)
    position: int = Field(primary_key=True)
    subject: str = Field(max_length=120)


class LedgerHead(Table, table=True):
    """How far a log is sequenced. Moves forward only; signed once it is committed."""

    __tablename__ = "ledger_head"
    __classes__ = classes(public="log size root moved_at")

    log: Log = Field(primary_key=True, sa_type=Text)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    moved_at: Instant = instant_column()


class LedgerCheckpoint(Table, table=True):
    """A signed head: one for each size that was ever signed. ``note`` is a C2SP checkpoint.

    ``previous`` is the size signed before, -1 for the first, so that a missing one shows.
    """

    __tablename__ = "ledger_checkpoint"
    __classes__ = classes(public="log size previous root note at")

    log: Log = Field(primary_key=True, sa_type=Text)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    previous: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    note: str = Field(sa_type=Text)
    at: Instant = instant_column()


class LedgerCosignature(Table, table=True):
    """What a witness signed of a checkpoint: a line of C2SP tlog-cosignature, by ``key``, its vkey's key id.

    ``name`` is the witness's; ``cosigned_at`` is its own time, which the signature covers.
    """

    __tablename__ = "ledger_cosignature"
    __classes__ = classes(public="log size name key line cosigned_at")

    log: Log = Field(primary_key=True, sa_type=Text)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    name: str = Field(primary_key=True, max_length=200)
    key: str = Field(primary_key=True, max_length=8)
    line: str = Field(sa_type=Text)
    cosigned_at: Instant = instant_column()


class LedgerWitness(Table, table=True):
    """How a witness answered last: ``size`` is what it said it has seen, ``problem`` why it did not sign."""

    __tablename__ = "ledger_witness"
    __classes__ = classes(public="url asked_at answered_at size problem")

    url: str = Field(primary_key=True, max_length=300)
    asked_at: Instant = instant_column()
    answered_at: Instant | None = instant_column(nullable=True)
    size: int = Field(default=0, sa_type=BigInteger)
    problem: str = Field(default="", max_length=300)


class LedgerTimestamp(Table, table=True):
    """An RFC 3161 time stamp on the text of a checkpoint. ``answer`` is the DER of the authority's answer.

    ``name`` is the common name of the authority's certificate, ``at`` its own time, which it signed.
    """

    __tablename__ = "ledger_timestamp"
    __classes__ = classes(public="log size name at answer")

    log: Log = Field(primary_key=True, sa_type=Text)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    name: str = Field(max_length=200)
    at: Instant = instant_column()
    answer: bytes = Field(sa_type=LargeBinary)


class LedgerTile(Table, table=True):
    """Up to 256 hashes of one level of a tree: the bytes of C2SP ``tile/<level>/<number>``. A cache."""

    __tablename__ = "ledger_tile"
    __classes__ = classes(public="log level number hashes")

    log: Log = Field(primary_key=True, sa_type=Text)
    level: int = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    hashes: bytes = Field(sa_type=LargeBinary)


class SecurityLogRow(Table, table=True):
    """A sign-in, a refusal or an act of administration. Each row holds the digest of the one before."""

    __tablename__ = "security_log"
    __classes__ = classes(
        public="number at kind zone organisation_id previous digest",
        restricted="person_id subject detail",
    )

    number: int = Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})
    at: Instant = instant_column(index=True)
    kind: str = Field(max_length=80, index=True)
    zone: str = Field(default="", max_length=20)
    person_id: uuid.UUID | None = Field(default=None, index=True)
    organisation_id: uuid.UUID | None = Field(default=None)
    subject: str = Field(default="", max_length=200)
    detail: str = Field(default="{}", sa_type=Text)
    previous: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)
