"""A fresh ledger on each backend, with a table of record of its own, so that a test may damage it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import sqlalchemy
from sqlalchemy import JSON, BigInteger, LargeBinary, Numeric
from sqlalchemy.orm import registry

from secure_access import ledger
from secure_access.db import Database, Field, Instant, Table, enum_column, instant_column, new_id
from secure_access.identity import Actor, OrganisationKind
from secure_access.ledger import entry_rules, manifests, note, security_log, sequencer, tables, triggers
from secure_access.ledger.signer import KeptSigner
from secure_access.workflow import Role
from tests.fixtures.ledger import Forgetful, signing_keys

BACKENDS = ["sqlite", "postgresql"]
NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
OURS = (
    *(tables.LedgerCosignature, tables.LedgerWitness, tables.LedgerTimestamp),
    *(tables.LedgerEntry, tables.LedgerAbout, tables.LedgerHead, tables.LedgerCheckpoint, tables.LedgerTile),
    tables.SecurityLogRow,
    manifests.Manifest,
)


class Apart(Table, registry=registry()):
    """Base of tables that only these tests know; migrations do not see them."""


class Colour(StrEnum):
    GREEN = "green"
    RED = "red"


class Sample(Apart, table=True):
    """A table of record with every type of column that a digest must read the same on both databases."""

    __tablename__ = "sample_of_record"
    __record__: ClassVar[bool] = True
    __record_except__: ClassVar[tuple[str, ...]] = ("wrapped",)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    text: str = ""
    state: str = "submitted"
    colour: Colour = enum_column(Colour, default=Colour.GREEN)
    due: Instant | None = instant_column(nullable=True)
    amount: Decimal = Field(default=Decimal("1.50"), sa_type=Numeric(12, 2))  # type: ignore[call-overload]
    minor: int = Field(default=2**60, sa_type=BigInteger)
    seal: bytes = Field(default=b"\x00\xff", sa_type=LargeBinary)
    listed: list[Any] = Field(default_factory=list, sa_type=JSON)
    wrapped: str = ""

    def of_record(self) -> bool:
        return self.state != "draft"


class Pair(Apart, table=True):
    """A table of record with a key of two columns and no drafts."""

    __tablename__ = "pair_of_record"
    __record__: ClassVar[bool] = True

    left: int = Field(primary_key=True)
    right: str = Field(primary_key=True)
    value: str = ""


ledger.declare("sample.submitted", keys=("reference",), audience="public")
ledger.declare("sample.filed", keys=("reference", "manifest"))
ledger.declare("sample.accepted", keys=("reference", "clock"))
ledger.declare("sample.kept", keys=("reference",))
ledger.declare("sample.read", keys=(), log="custody")
entry_rules.alone("sample.submitted", "sample.accepted", "sample.read")
security_log.declare_kind("sample.refused", "A sample was refused.", {"reason": "why"})


@pytest.fixture(scope="session")
def ledger_kinds() -> SimpleNamespace:
    """The tables and times that these tests share."""
    return SimpleNamespace(Sample=Sample, Pair=Pair, Colour=Colour, now=NOW, hour=timedelta(hours=1))


@pytest.fixture(params=BACKENDS)
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty ledger of this test alone, with its triggers, on each backend in turn."""
    yield from _new_book(request, tmp_path)


@pytest.fixture(params=BACKENDS, scope="session")
def standing(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    log_key: KeptSigner,
    officer: Actor,
) -> Iterator[SimpleNamespace]:
    """What `told` tells, once for each backend, for tests that roll back all they do."""
    for book in _new_book(request, tmp_path_factory.mktemp("ledger")):
        yield tell(book, log_key, officer)


def _new_book(request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield from _opened(f"sqlite:///{folder / 'ledger.db'}")
        return
    admin = sqlalchemy.create_engine(
        request.getfixturevalue("postgresql_admin"), isolation_level="AUTOCOMMIT"
    )
    schema = f"ledger_{uuid.uuid4().hex[:12]}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    url = admin.url.update_query_dict({"options": f"-csearch_path={schema}"})
    yield from _opened(url.render_as_string(hide_password=False))
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    admin.dispose()


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    with database.engine.connect() as connection, connection.begin():
        for kind in (*OURS, Sample, Pair):
            kind.__table__.create(connection)  # type: ignore[attr-defined]
        triggers.create_all(connection)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def log_key() -> KeptSigner:
    return Forgetful(signing_keys())


@pytest.fixture(scope="session")
def officer() -> Actor:
    return Actor(
        person_id=uuid.UUID(int=1),
        name="Mira Lindqvist",
        organisation_id=uuid.UUID(int=2),
        organisation_kind=OrganisationKind.REGULATOR,
        organisation_name="Frontier AI Authority",
        roles=frozenset(list(Role)[:2]),
    )


@pytest.fixture
def told(book: Database, log_key: KeptSigner, officer: Actor) -> SimpleNamespace:
    """A ledger of this test alone in which something happened."""
    return tell(book, log_key, officer)


def cosign(book: Database) -> None:
    """Two keys of one witness sign the newest checkpoint of the public log."""
    with book.write() as session:
        newest = sequencer.latest(session, tables.Log.PUBLIC)
        assert newest is not None
        for key in signing_keys("witness.example", 40):
            line = note.cosign(note.parse(newest.note).text, key, int(NOW.timestamp()))
            row = tables.LedgerCosignature(log=newest.log, size=newest.size, name=line.name)
            row.key, row.line, row.cosigned_at = line.key_id.hex(), str(line), NOW
            session.add(row)


def tell(book: Database, log_key: KeptSigner, officer: Actor) -> SimpleNamespace:
    """Rows of record, drafts, a deleted row, readings, refusals, anchors, and an entry that waits."""
    samples = [Sample(text=f"row {n}") for n in range(3)]
    draft, gone, back = Sample(state="draft"), Sample(text="gone"), Sample(text="back")
    pair = Pair(left=1, right="r", value="v")
    fields = {"reference": "S-1"}
    with book.write() as session:
        for row in (*samples, gone, back, pair):
            session.add(row)
            about = ("case:1", f"sample:{getattr(row, 'id', 'pair')}")
            ledger.append(
                session, "sample.submitted", fields, by=officer, now=NOW, about=about, records=(row,)
            )
        session.add(draft)
        for _ in range(3):
            security_log.note(
                session, "sample.refused", by=officer, now=NOW, zone="government", reason="late"
            )
    with book.write() as session:
        row = session.get_one(Sample, samples[0].id)
        row.text = "changed once"
        ledger.append(
            session, "sample.submitted", fields, by=officer, now=NOW, about=("case:1",), records=(row,)
        )
        named = (session.get_one(Sample, gone.id), session.get_one(Sample, back.id))
        session.delete(named[0])
        named[1].state = "draft"
        ledger.append(session, "sample.submitted", fields, by=officer, now=NOW, records=named)
        ledger.append(session, "sample.read", {}, by=officer, now=NOW, about=("sample:1",))
    with book.write() as session:
        session.get_one(Sample, back.id).text = "a draft again, so it changes freely"
    sequencer.sequence(book, log_key, NOW)
    sequencer.anchor(book, NOW)
    sequencer.sequence(book, log_key, NOW)
    cosign(book)
    with book.write() as session:
        security_log.note(session, "sign_in.failed", by=None, now=NOW)
        ledger.append(session, "sample.submitted", fields, by=None, now=NOW)
    return SimpleNamespace(book=book, samples=samples, draft=draft, gone=gone, back=back, pair=pair)
