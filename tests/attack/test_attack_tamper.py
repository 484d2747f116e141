"""Deleting, inserting, exchanging: rows of every table of record, of the ledger, and bytes in the vault."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from secure_access.db import Table
from secure_access.documents import audit as documents_audit
from secure_access.documents.tables import Document
from secure_access.ledger import audit, records
from secure_access.ledger.audit_report import Report
from secure_access.ledger.tables import (
    LedgerAbout,
    LedgerCheckpoint,
    LedgerEntry,
    LedgerHead,
    LedgerTile,
    Log,
    SecurityLogRow,
)
from secure_access.sealing import CHUNK, HEADER, SEALED_CHUNK
from secure_access.vault import LocalStore, Vault
from tests.attack.conftest import Siege
from tests.attack.test_attack_ledger import APPEND_ONLY, damaging, other, victims

Act = Callable[[Connection, type[Table]], list[str]]
"""Damages a table, and says by key which rows the audit has to name; none where it could not."""
BACKENDS = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])


def _is(kind: type[Table], row: Any) -> list[Any]:
    return [key == row[key.name] for key in records.sql_table(kind).primary_key]


def _unique(kind: type[Table]) -> set[str]:
    """Columns whose values stand once, alone or with others."""
    table = records.sql_table(kind)
    listed = [index.columns for index in table.indexes if index.unique]
    listed += [rule.columns for rule in table.constraints if type(rule).__name__ == "UniqueConstraint"]
    return {column.name for columns in listed for column in columns}


def _fresh(kind: type[Table], row: Any) -> dict[str, Any]:
    """The row again, under keys of its own."""
    table = records.sql_table(kind)
    keys = {column.name for column in table.primary_key} | _unique(kind)
    return {
        column.name: other(column, row[column.name])
        if column.name in keys and row[column.name] is not None
        else row[column.name]
        for column in table.columns
    }


def deletes(connection: Connection, kind: type[Table]) -> list[str]:
    """Take out a row."""
    for row in victims(connection, kind)[-1:]:
        connection.execute(delete(records.sql_table(kind)).where(*_is(kind, row)))
        return [records.row_id(kind, row)]
    return []


def inserts(connection: Connection, kind: type[Table]) -> list[str]:
    """Put in a row that looks like another."""
    for row in victims(connection, kind)[:9]:
        fresh = _fresh(kind, row)
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(insert(records.sql_table(kind)).values(fresh))
            return [records.row_id(kind, fresh)]
    return []


def _different(kind: type[Table], rows: list[Any]) -> list[Any]:
    """Rows of which no two say the same under another key: exchanging such two changes nothing."""
    keys = {column.name for column in records.sql_table(kind).primary_key}
    said: dict[str, Any] = {}
    for row in rows:
        said.setdefault(repr([(name, row[name]) for name in row if name not in keys]), row)
    return list(said.values())


def exchanges(connection: Connection, kind: type[Table]) -> list[str]:
    """Let two rows that differ change places: each gets the key of the other."""
    table, rows = records.sql_table(kind), _different(kind, victims(connection, kind))
    if len(rows) < 2:
        return []
    keys = [column.name for column in table.primary_key]
    first, second = ({key: row[key] for key in keys} for row in rows[:2])
    aside = {key: other(table.c[key], first[key]) for key in keys}
    for old, new in ((first, aside), (second, first), (aside, second)):
        connection.execute(update(table).where(*_is(kind, old)).values(new))
    return [records.row_id(kind, row) for row in rows[:2]]


Rows = set[tuple[str, str]]
"""Rows by table and key."""


def named(siege: Siege, act: Act, *kinds: type[Table]) -> tuple[Rows, Rows]:
    """Which rows were dealt with, and which the audit names; all of it is rolled back."""
    keys = audit.verifier_keys(siege.world.wired.log_keys)
    with damaging(siege) as session:
        connection = session.connection()
        done = {(records.sql_table(kind).name, row) for kind in kinds for row in act(connection, kind)}
        found = {(problem.table, problem.row) for problem in audit.verify(session, keys).problems}
        return done, {(table, row) for table, row in found if table != "triggers"}


def _tables(rows: Rows) -> set[str]:
    return {table for table, _ in rows}


@BACKENDS
@pytest.mark.parametrize("act", [deletes, inserts, exchanges])
def test_in_every_table_of_record(siege_on: Callable[[str], Siege], backend: str, act: Act) -> None:
    siege = siege_on(backend)
    siege.world.run_jobs()
    mine = [kind for kind in records.record_tables().values() if not kind.__module__.startswith("tests")]
    done, found = named(siege, act, *mine)
    assert done <= found, f"{act.__name__}: {sorted(done - found)} unseen"
    with siege.world.wired.database.read() as session:
        held = {kind: victims(session.connection(), kind) for kind in mine}
    rows = {records.sql_table(kind).name: len(mine) for kind, mine in held.items()}
    changed = {records.sql_table(kind).name: len(_different(kind, mine)) for kind, mine in held.items()}
    counts = changed if act is exchanges else rows
    could = {name for name, count in counts.items() if count >= (2 if act is exchanges else 1)}
    assert could == _tables(done), f"{act.__name__} was not tried on {sorted(could - _tables(done))}"
    assert {name for name, count in rows.items() if not count} == set()
    assert len(_tables(done)) >= (20 if act is exchanges else 30)


@BACKENDS
@pytest.mark.parametrize("act", [deletes, inserts])
@pytest.mark.parametrize("kind", APPEND_ONLY)
def test_in_every_table_of_the_ledger(
    siege_on: Callable[[str], Siege], backend: str, act: Act, kind: type[Table]
) -> None:
    siege = siege_on(backend)
    assert siege.client("mira").get("/cases/C-1").status_code == 404  # a row of the security log
    siege.world.run_jobs()
    done, found = named(siege, act, kind)
    assert done
    assert _tables(done) <= _tables(found)


def _swap(connection: Connection, kind: type[Table], column: str, one: Any, other_row: Any) -> None:
    """Two rows exchange the value of a column that may have to be unique."""
    table = records.sql_table(kind)
    for row, value in ((one, None), (other_row, one[column]), (one, other_row[column])):
        if value is not None or table.c[column].nullable:
            connection.execute(update(table).where(*_is(kind, row)).values({column: value}))


def swaps_leaf_indexes(connection: Connection, kind: type[Table]) -> list[str]:
    """The order of two entries in the log."""
    rows = [row for row in victims(connection, kind) if row["log"] == Log.PUBLIC]
    _swap(connection, kind, "leaf_index", rows[0], rows[1])
    return []


def swaps_entries(connection: Connection, kind: type[Table]) -> list[str]:
    """What two entries say, with leaf and salts: only place and number stay."""
    rows = [row for row in victims(connection, kind) if row["log"] == Log.PUBLIC][:2]
    table = records.sql_table(kind)
    stays = {"number", "leaf_index", "log", "id"}
    for row, content in ((rows[0], rows[1]), (rows[1], rows[0])):
        values = {c.name: content[c.name] for c in table.columns if c.name not in stays}
        connection.execute(update(table).where(*_is(kind, row)).values(values))
    return []


def swaps_tiles(connection: Connection, kind: type[Table]) -> list[str]:
    """The hashes of two tiles."""
    rows = victims(connection, kind)
    _swap(connection, kind, "hashes", rows[0], rows[-1])
    return []


def cuts_a_tile(connection: Connection, kind: type[Table]) -> list[str]:
    """A tile without its last hash."""
    row = victims(connection, kind)[0]
    values = {"hashes": row["hashes"][:-32]}
    connection.execute(update(records.sql_table(kind)).where(*_is(kind, row)).values(values))
    return []


def swaps_notes(connection: Connection, kind: type[Table]) -> list[str]:
    """Two signed checkpoints of one log."""
    rows = [row for row in victims(connection, kind) if row["log"] == Log.PUBLIC]
    _swap(connection, kind, "note", rows[0], rows[1])
    return []


def swaps_subjects(connection: Connection, kind: type[Table]) -> list[str]:
    """What two entries are about."""
    rows = victims(connection, kind)
    one = next(row for row in rows if row["subject"] != rows[0]["subject"])
    _swap(connection, kind, "subject", rows[0], one)
    return []


def swaps_log_rows(connection: Connection, kind: type[Table]) -> list[str]:
    """Two rows of the security log, with their digests."""
    rows = victims(connection, kind)[:2]
    table = records.sql_table(kind)
    for row, content in ((rows[0], rows[1]), (rows[1], rows[0])):
        values = {c.name: content[c.name] for c in table.columns if c.name != "number"}
        connection.execute(update(table).where(*_is(kind, row)).values(values))
    return []


REORDERS: list[tuple[Act, type[Table]]] = [
    (swaps_leaf_indexes, LedgerEntry),
    (swaps_entries, LedgerEntry),
    (swaps_tiles, LedgerTile),
    (cuts_a_tile, LedgerTile),
    (swaps_notes, LedgerCheckpoint),
    (swaps_subjects, LedgerAbout),
    (swaps_log_rows, SecurityLogRow),
]


@BACKENDS
@pytest.mark.parametrize(("act", "kind"), REORDERS)
def test_nothing_of_the_ledger_changes_places(
    siege_on: Callable[[str], Siege], backend: str, act: Act, kind: type[Table]
) -> None:
    siege = siege_on(backend)
    for _ in range(2):  # rows of the security log
        assert siege.client("mira").get("/cases/C-1").status_code == 404
    siege.world.run_jobs()
    _, found = named(siege, act, kind)
    if act is swaps_leaf_indexes:
        # Each is still what its leaf says; the tree is another one.
        assert {"ledger_head", "ledger_tile"} <= _tables(found)
        return
    assert records.sql_table(kind).name in _tables(found)


def test_the_place_of_the_first_entry_that_was_moved_is_named(copy_of: Callable[[], Siege]) -> None:
    siege = copy_of()
    siege.world.run_jobs()
    keys = audit.verifier_keys(siege.world.wired.log_keys)
    with damaging(siege) as session:
        connection = session.connection()
        rows = [row for row in victims(connection, LedgerEntry) if row["log"] == Log.PUBLIC]
        first = min(row["leaf_index"] for row in rows[:2])
        swaps_leaf_indexes(connection, LedgerEntry)
        told = [str(problem) for problem in audit.verify(session, keys).problems]
    assert any(f"first at entry {first} of the public log" in line for line in told), told


def test_a_head_goes_with_its_log(copy_of: Callable[[], Siege]) -> None:
    siege = copy_of()
    siege.world.run_jobs()

    def swaps_heads(connection: Connection, kind: type[Table]) -> list[str]:
        table = records.sql_table(kind)
        rows = victims(connection, kind)
        for row, content in ((rows[0], rows[1]), (rows[1], rows[0])):
            values = {name: content[name] for name in ("size", "root", "moved_at")}
            connection.execute(update(table).where(*_is(kind, row)).values(values))
        return []

    _, found = named(siege, swaps_heads, LedgerHead)
    assert "ledger_head" in _tables(found)


# The vault


class Shelf:
    """A copy of a vault's folder that may be damaged, and two documents in it."""

    def __init__(self, siege: Siege, folder: Path) -> None:
        self.siege, self.folder = siege, folder / "vault"
        wired = siege.world.wired
        shutil.copytree(wired.settings.home / "vault", self.folder)
        self.vault = Vault(LocalStore(self.folder), wired.vault._keys)
        with wired.database.read() as session:
            self.documents = [row for row in session.exec(select(Document)).scalars() if row.size > 0]
            session.expunge_all()

    def file(self, document: Document) -> Path:
        """The object of a document."""
        (found,) = [path for path in self.folder.rglob("*") if path.name == document.vault_name]
        return found

    def problems(self) -> list[str]:
        """What the audit says of the vault."""
        report = Report()
        documents_audit.check_documents(self.siege.world.wired.database, self.vault, report)
        assert report.opened
        assert report.opened >= len(self.documents)
        return [f"{problem.row}: {problem.reason}" for problem in report.problems]


@pytest.fixture
def shelf(copy_of: Callable[[], Siege], tmp_path: Path) -> Shelf:
    made = Shelf(copy_of(), tmp_path)
    assert made.problems() == []
    return made


def _exchange_bytes(shelf: Shelf, one: Document, _: Document) -> None:
    path = shelf.file(one)
    spoilt = bytearray(path.read_bytes())
    spoilt[HEADER] ^= 1
    path.write_bytes(spoilt)


def _change_header(shelf: Shelf, one: Document, _: Document) -> None:
    path = shelf.file(one)
    spoilt = bytearray(path.read_bytes())
    spoilt[0] ^= 1
    path.write_bytes(spoilt)


def _cut_short(shelf: Shelf, one: Document, _: Document) -> None:
    path = shelf.file(one)
    path.write_bytes(path.read_bytes()[:-1])


def _empty(shelf: Shelf, one: Document, _: Document) -> None:
    shelf.file(one).write_bytes(b"")


def _lengthen(shelf: Shelf, one: Document, _: Document) -> None:
    path = shelf.file(one)
    path.write_bytes(path.read_bytes() + b"x")


def _delete(shelf: Shelf, one: Document, _: Document) -> None:
    shelf.file(one).unlink()


def _put_another(shelf: Shelf, one: Document, two: Document) -> None:
    shelf.file(one).write_bytes(shelf.file(two).read_bytes())


def _swap_objects(shelf: Shelf, one: Document, two: Document) -> None:
    kept = shelf.file(one).read_bytes()
    _put_another(shelf, one, two)
    shelf.file(two).write_bytes(kept)


@pytest.mark.parametrize(
    "act",
    [_exchange_bytes, _change_header, _cut_short, _empty, _lengthen, _delete, _put_another, _swap_objects],
)
def test_a_document_whose_bytes_were_touched_is_named(shelf: Shelf, act: Callable[..., None]) -> None:
    one, two = shelf.documents[:2]
    act(shelf, one, two)
    touched = [one, two] if act is _swap_objects else [one]
    told = shelf.problems()
    assert sorted(line.split(":")[0] for line in told) == sorted(str(row.id) for row in touched), told


def _strays(shelf: Shelf, later: timedelta = timedelta(hours=2)) -> list[str]:
    report = Report()
    now = datetime.now(UTC) + later
    documents_audit.check_strays(shelf.siege.world.wired.database, shelf.vault, report, now)
    return [f"{problem.table} {problem.row}: {problem.reason}" for problem in report.problems]


def test_what_lies_in_the_vault_without_a_row_is_named(shelf: Shelf) -> None:
    others = set(_strays(shelf))  # of other copies of this instance, which share the vault
    made = shelf.vault.put([b"hidden"], context="document|x|1")
    (shelf.folder / "notes.txt").write_text("not an object")
    (shelf.folder / "incoming" / ("a" * 32)).write_bytes(b"being written")
    reason = "lies there, and no document's row names it"
    named = {f"vault {name}: {reason}" for name in (made.name, "./notes.txt")}
    assert set(_strays(shelf)) - others == named
    # What is younger may be an upload, whose row comes when it has arrived.
    assert set(_strays(shelf, timedelta(minutes=59))) <= others
    misplaced = shelf.file(shelf.documents[0])
    shutil.copy(misplaced, shelf.folder / misplaced.name)
    assert f"vault ./{misplaced.name}: {reason}" in _strays(shelf)


def test_other_content_sealed_by_who_has_the_keys_is_named(shelf: Shelf) -> None:
    """Authentic under the document's own key, and not what its row says."""
    one = shelf.documents[0]
    content = bytes(one.size)
    made = shelf.vault.put([content], context=one.context)
    with shelf.siege.world.wired.database.engine.connect() as connection, connection.begin():
        # How a key is wrapped is not of record: rotation changes it.
        sealed = next(path for path in shelf.folder.rglob("*") if path.name == made.name)
        shutil.move(sealed, shelf.file(one))
        statement = update(records.sql_table(Document)).where(records.sql_table(Document).c.id == one.id)
        connection.execute(statement.values(wrapped_key=made.wrapped_key, key_id=made.key_id))
    assert audit.run_verify(
        shelf.siege.world.wired.database, audit.verifier_keys(shelf.siege.world.wired.log_keys)
    ).passed
    assert shelf.problems() == [f"{one.id}: its bytes in the vault do not have the SHA-256 of its row"]


@pytest.mark.parametrize("chunk", [0, 1, 70, 99, 100])
def test_the_first_byte_that_is_not_sound_is_named(shelf: Shelf, chunk: int) -> None:
    size = 100 * CHUNK + 5
    row = Document(**{**shelf.documents[0].model_dump(), "size": size})
    made = shelf.vault.put([bytes(size)], context=row.context)
    row.vault_name, row.wrapped_key, row.sha256 = made.name, made.wrapped_key, made.sha256
    assert documents_audit._difference(shelf.vault, row) == ""
    path = shelf.file(row)
    spoilt = bytearray(path.read_bytes())
    spoilt[HEADER + chunk * SEALED_CHUNK] ^= 1
    path.write_bytes(spoilt)
    told = documents_audit._difference(shelf.vault, row)
    assert f"from byte {chunk * CHUNK} on, chunk {chunk + 1} of 101" in told
