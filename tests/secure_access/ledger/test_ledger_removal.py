"""Content is removed with a tombstone or not at all; tree, old receipts and rows of record stay proved."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from secure_access import ledger
from secure_access.actor import Actor
from secure_access.db import Database, Session, select
from secure_access.ledger import audit, cli, receipts, records, removal, sequencer, triggers, verify_receipt
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.tables import LedgerEntry
from secure_access.ledger.verify_receipt import Policy, State
from secure_access.workflow import Denied
from tests.fixtures.ledger import keys_of, policy_of
from tests.secure_access.ledger.test_ledger_audit import owner

ON_SQLITE = pytest.mark.parametrize("book", ["sqlite"], indirect=True)


@pytest.fixture
def kept(
    told: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> SimpleNamespace:
    """An entry for its parties alone with the last word on a row; it shares another and a deleted one."""
    book: Database = told.book
    rows = [ledger_kinds.Sample(text=word) for word in ("mine", "shared", "gone")]
    pair = ledger_kinds.Pair(left=7, right="a/b", value="v")
    with book.write() as session:
        session.add_all([*rows, pair])
        entry = record(session, officer, ledger_kinds, *rows, pair)
        kept_id, number, leaf = entry.id, entry.number, entry.leaf
    with book.write() as session:
        shared, gone = (session.get_one(ledger_kinds.Sample, row.id) for row in rows[1:])
        shared.text = "changed later"
        session.delete(gone)
        record(session, officer, ledger_kinds, shared, gone)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    return SimpleNamespace(book=book, id=kept_id, number=number, leaf=leaf, rows=rows, pair=pair)


def record(session: Session, officer: Actor, ledger_kinds: SimpleNamespace, *rows: Any) -> LedgerEntry:
    about = ("case:1", "sample:kept")
    fields = {"reference": "S-9"}
    return ledger.append(
        session, "sample.kept", fields, by=officer, now=ledger_kinds.now, about=about, records=rows
    )


def proposed(kept: SimpleNamespace, **changes: str) -> dict[str, str]:
    return {"entry": str(kept.id), "leaf": kept.leaf.hex(), "basis": "retention_ended", **changes}


def remove(kept: SimpleNamespace, officer: Actor, ledger_kinds: SimpleNamespace, **changes: str) -> None:
    with kept.book.write() as session:
        removal.remove(session, proposed=proposed(kept, **changes), by=officer, now=ledger_kinds.now)


def problems(book: Database, key: KeptSigner) -> list[str]:
    return [str(found) for found in audit.run_verify(book, audit.verifier_keys(keys_of(key))).problems]


def test_content_goes_and_everything_else_verifies(
    kept: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    book, policy = kept.book, Policy.parse(policy_of(log_key))
    with book.read() as session:
        held = receipts.receipt_text(session, session.get_one(LedgerEntry, kept.number))
    remove(kept, officer, ledger_kinds)
    for _ in range(2):  # before the tombstone has its place, and after
        with book.read() as session:
            entry = session.get_one(LedgerEntry, kept.number)
            assert (entry.entry, entry.salt, entry.record_salt) == (b"", b"", b"")
            assert entry.leaf == kept.leaf
            gone = removal.removed(session, entry)
            assert gone == removal.Removed(ledger_kinds.now, "the end of its retention class")
            with pytest.raises(
                Denied, match="removed on 1 October 2027 under the end of its retention class"
            ):
                receipts.receipt_text(session, entry)
        report = audit.run_verify(book, audit.verifier_keys(keys_of(log_key)))
        assert report.passed, report.problems
        assert report.removed == 1
        assert "1 without content: it was removed" in cli.as_text(report)
        sequencer.sequence(book, log_key, ledger_kinds.now)
    assert verify_receipt.verify(held, policy).state is State.NOT_WITNESSED
    assert json.loads(held)["content"]["id"] == str(kept.id)


def test_lists_leave_it_out_unless_they_ask(
    kept: SimpleNamespace, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    remove(kept, officer, ledger_kinds)
    with kept.book.read() as session:
        known = [entry.type for entry in ledger.entries(session, "sample:kept")]
        every = [entry.number for entry in ledger.entries(session, "sample:kept", removed=True)]
        assert known == ["sample.kept", "entry.removed"]
        assert len(every) == 3
        assert kept.number in every


@pytest.mark.parametrize("place", [0, 1])
def test_rows_of_which_it_had_the_last_word_stay_watched(
    kept: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace, place: int
) -> None:
    remove(kept, officer, ledger_kinds)
    with owner(kept.book) as connection:
        table = ("sample_of_record", "pair_of_record")[place]
        where = (f"text = '{kept.rows[0].text}'", "value = 'v' AND left = 7")[place]
        where = where.replace("left", '"left"')
        column = ("text", "value")[place]
        done = connection.execute(text(f"UPDATE {table} SET {column} = 'other' WHERE {where}"))
        assert done.rowcount == 1
        connection.commit()
    assert any(
        table in found and "differs from what entry" in found for found in problems(kept.book, log_key)
    )


def test_content_is_not_removed_where_a_row_is_not_what_it_says(
    kept: SimpleNamespace, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    """Or the tombstone would vouch for what somebody has changed."""
    with owner(kept.book) as connection:
        connection.execute(text("UPDATE sample_of_record SET text = 'other' WHERE text = 'mine'"))
        connection.commit()
    with pytest.raises(Denied, match="is not what this entry recorded"):
        remove(kept, officer, ledger_kinds)
    with owner(kept.book) as connection:
        connection.execute(text("DELETE FROM sample_of_record WHERE text = 'other'"))
        connection.commit()
    with pytest.raises(Denied, match="is not there"):
        remove(kept, officer, ledger_kinds)
    with kept.book.read() as session:
        assert session.get_one(LedgerEntry, kept.number).entry


@ON_SQLITE
def test_what_cannot_be_removed_is_refused_with_the_reason(
    kept: SimpleNamespace, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    cases: list[tuple[dict[str, str], str]] = [
        ({"entry": "x"}, "no identifier"),
        ({"entry": "00000000-0000-4000-8000-000000000001"}, "no entry with this identifier"),
        ({"leaf": "00"}, "another one than was proposed"),
        ({"basis": "because"}, "no such basis"),
    ]
    with kept.book.read() as session:
        for kind, words in (
            ("sample.submitted", "published"),
            ("ledger.anchored", "holds the logs to each other"),
            ("security_log.anchored", "holds the logs to each other"),
        ):
            entry = next(row for row in session.exec(_of_type(kind)))
            cases.append(({"entry": str(entry.id), "leaf": entry.leaf.hex()}, words))
    with kept.book.write() as session:
        waits = record(session, officer, ledger_kinds)
        cases.append(({"entry": str(waits.id), "leaf": waits.leaf.hex()}, "no place in the log yet"))
    for changes, words in cases:
        with pytest.raises(Denied, match=words):
            remove(kept, officer, ledger_kinds, **changes)
    remove(kept, officer, ledger_kinds)
    with pytest.raises(Denied, match="removed already"):
        remove(kept, officer, ledger_kinds)


def _of_type(kind: str) -> Any:
    return select(LedgerEntry).where(LedgerEntry.type == kind)


EMPTY = "entry = {0}, salt = {0}, record_salt = {0}"
WITH_A_TOMBSTONE = {
    "another content": "entry = {1}, salt = {0}, record_salt = {0}",
    "the salts alone": "salt = {0}, record_salt = {0}",
    "not the record salt": "entry = {0}, salt = {0}",
    "another leaf too": EMPTY + ", leaf = {1}",
    "another type too": EMPTY + ", type = 'sample.read'",
    "another place too": EMPTY + ", leaf_index = 900",
    "another audience too": EMPTY + ", audience = 'public'",
    "its person too": EMPTY + ", person_id = NULL",
}


def _sql(book: Database, change: str) -> str:
    return change.format(*(("x''", "x'00'") if book.is_sqlite else ("''::bytea", "'a'::bytea")))


@pytest.mark.parametrize("change", [EMPTY, *WITH_A_TOMBSTONE.values()])
def test_the_database_lets_nothing_but_this_change_through(
    kept: SimpleNamespace, officer: Actor, ledger_kinds: SimpleNamespace, change: str
) -> None:
    with kept.book.engine.connect() as connection, connection.begin():
        if change != EMPTY:
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                stone(session, kept, officer, ledger_kinds)
                session.commit()
        statement = f"UPDATE ledger_entry SET {_sql(kept.book, change)} WHERE number = {kept.number}"
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(text(statement))


def stone(session: Session, kept: SimpleNamespace, officer: Actor, ledger_kinds: SimpleNamespace) -> None:
    """A tombstone alone, as somebody may write one who leaves the verb aside."""
    entry = session.get_one(LedgerEntry, kept.number)
    fields = {
        "entry": str(entry.id),
        "log": entry.log.value,
        "leaf": entry.leaf.hex(),
        "type": entry.type,
        "recorded_at": records.timestamp(entry.recorded_at),
        "basis": "retention_ended",
    }
    ledger.append(
        session, "entry.removed", fields, by=officer, now=ledger_kinds.now, about=(removal.subject(entry),)
    )


@pytest.mark.parametrize("kind", ["sample.submitted", "ledger.anchored", "entry.removed"])
def test_the_database_keeps_what_is_public_and_what_the_audit_needs(
    kept: SimpleNamespace,
    log_key: KeptSigner,
    officer: Actor,
    ledger_kinds: SimpleNamespace,
    kind: str,
) -> None:
    remove(kept, officer, ledger_kinds)
    sequencer.sequence(kept.book, log_key, ledger_kinds.now)
    with kept.book.engine.connect() as connection, connection.begin():
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            number = session.exec(_of_type(kind)).first().number
            stone(session, SimpleNamespace(number=number), officer, ledger_kinds)
            session.commit()
        statement = f"UPDATE ledger_entry SET {_sql(kept.book, EMPTY)} WHERE number = {number}"
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(text(statement))


def test_the_audit_names_content_that_is_gone_without_a_tombstone(
    kept: SimpleNamespace, log_key: KeptSigner
) -> None:
    with owner(kept.book) as connection:
        connection.execute(
            text(f"UPDATE ledger_entry SET {_sql(kept.book, EMPTY)} WHERE number = {kept.number}")
        )
        triggers.create_all(connection)
        connection.commit()
    named = problems(kept.book, log_key)
    assert f"ledger_entry {kept.number}: its content is gone, and no entry says that it was removed" in named
    assert any(found.startswith("sample_of_record") and "no entry names this row" in found for found in named)


def test_the_audit_names_a_tombstone_whose_entry_is_there(
    kept: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    with kept.book.write() as session:
        stone(session, kept, officer, ledger_kinds)
    assert any("was removed, and it is there" in found for found in problems(kept.book, log_key))


CHANGES = {
    "id": "id = '{uuid}'",
    "log": "log = 'custody'",
    "type": "type = 'sample.read'",
    "leaf": "leaf = {1}",
    "leaf_index": "leaf_index = 900",
    "audience": "audience = 'public'",
    "recorded_at": "recorded_at = '2020-01-01 00:00:00'",
    "entry": "entry = {1}",
    "salt": "salt = {1}",
    "record_salt": "record_salt = {1}",
}


@pytest.mark.parametrize("column", CHANGES)
def test_every_column_of_what_is_left_is_watched(
    kept: SimpleNamespace,
    log_key: KeptSigner,
    officer: Actor,
    ledger_kinds: SimpleNamespace,
    column: str,
) -> None:
    remove(kept, officer, ledger_kinds)
    change = CHANGES[column].replace("{uuid}", "0" * 31 + "7")
    with owner(kept.book) as connection:
        connection.execute(
            text(f"UPDATE ledger_entry SET {_sql(kept.book, change)} WHERE number = {kept.number}")
        )
        triggers.create_all(connection)
        connection.commit()
    assert problems(kept.book, log_key), column


@pytest.mark.parametrize("act", ["DELETE FROM", "UPDATE"])
def test_what_it_was_about_stays_watched(
    kept: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace, act: str
) -> None:
    remove(kept, officer, ledger_kinds)
    words = "ledger_entry_about" + (" SET subject = 'case:2'" if act == "UPDATE" else "")
    with owner(kept.book) as connection:
        connection.execute(text(f"{act} {words} WHERE entry_number = {kept.number} AND position = 0"))
        triggers.create_all(connection)
        connection.commit()
    assert [found for found in problems(kept.book, log_key) if found.startswith("ledger_entry_about")]


def test_a_public_entry_with_a_tombstone_is_named_all_the_same(
    kept: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    with kept.book.write() as session:
        entry = session.exec(_of_type("sample.submitted")).first()
        number = entry.number
        stone(session, SimpleNamespace(number=number), officer, ledger_kinds)
    with owner(kept.book) as connection:
        connection.execute(text(f"UPDATE ledger_entry SET {_sql(kept.book, EMPTY)} WHERE number = {number}"))
        triggers.create_all(connection)
        connection.commit()
    assert any("such as is never removed" in found for found in problems(kept.book, log_key))
