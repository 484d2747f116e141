"""Content is removed with a tombstone or not at all; tree, old receipts and rows of record stay proved."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from secure_access import ledger
from secure_access.actor import Actor
from secure_access.db import Database, Session, col, select
from secure_access.identity import proposals
from secure_access.ledger import audit, cli, receipts, records, removal, sequencer, triggers, verify_receipt
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.tables import LedgerAbout, LedgerEntry
from secure_access.ledger.verify_receipt import Policy, State
from secure_access.workflow import Denied, Role
from tests.fixtures.ledger import keys_of, policy_of
from tests.secure_access.ledger.test_ledger_audit import owner

NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
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
    found = SimpleNamespace(book=book, id=kept_id, number=number, leaf=leaf, rows=rows, pair=pair)
    found.first, found.second = administrator(officer, 11), administrator(officer, 12)
    with book.write() as session:
        propose(session, found, ledger_kinds)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    return found


def record(session: Session, officer: Actor, ledger_kinds: SimpleNamespace, *rows: Any) -> LedgerEntry:
    about = ("case:1", "sample:kept")
    fields = {"reference": "S-9"}
    return ledger.append(
        session, "sample.kept", fields, by=officer, now=ledger_kinds.now, about=about, records=rows
    )


def proposed(kept: SimpleNamespace, **changes: str) -> dict[str, str]:
    return {"entry": str(kept.id), "leaf": kept.leaf.hex(), "basis": "retention_ended", **changes}


def administrator(officer: Actor, number: int) -> Actor:
    """One of two who stand behind a removal."""
    return replace(officer, person_id=uuid.UUID(int=number), roles=frozenset({Role.ADMINISTRATOR}))


def said(kept: SimpleNamespace) -> str:
    """The digest of the act, as the package of acts of two computes it."""
    return proposals.digest_of(proposals.NewProposal(proposals.REMOVE, proposed(kept), "Its time is over."))


def propose(session: Session, kept: SimpleNamespace, ledger_kinds: SimpleNamespace, **changes: Any) -> None:
    """What the first administrator records."""
    by = changes.pop("by", kept.first)
    fields = {"act": proposals.REMOVE, "digest": said(kept), **changes}
    ledger.append(session, "act.proposed", fields, by=by, now=ledger_kinds.now)


def approve(session: Session, kept: SimpleNamespace, ledger_kinds: SimpleNamespace, **changes: Any) -> None:
    """What the second one records, in the transaction that removes."""
    by, now = changes.pop("by", kept.second), changes.pop("now", ledger_kinds.now)
    whom = str(kept.first.person_id)
    fields = {"act": proposals.REMOVE, "digest": said(kept), "proposed_by": whom, **changes}
    ledger.append(session, "act.approved", fields, by=by, now=now)


def remove(kept: SimpleNamespace, ledger_kinds: SimpleNamespace, **changes: str) -> None:
    with kept.book.write() as session:
        removal.remove(session, proposed=proposed(kept, **changes), by=kept.second, now=ledger_kinds.now)
        approve(session, kept, ledger_kinds)


def problems(book: Database, key: KeptSigner) -> list[str]:
    return [str(found) for found in audit.run_verify(book, audit.verifier_keys(keys_of(key))).problems]


def test_content_goes_and_everything_else_verifies(
    kept: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    book, policy = kept.book, Policy.parse(policy_of(log_key))
    with book.read() as session:
        held = receipts.receipt_text(session, session.get_one(LedgerEntry, kept.number))
    remove(kept, ledger_kinds)
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


def test_lists_leave_it_out_unless_they_ask(kept: SimpleNamespace, ledger_kinds: SimpleNamespace) -> None:
    remove(kept, ledger_kinds)
    with kept.book.read() as session:
        known = [entry.type for entry in ledger.entries(session, "sample:kept")]
        every = [entry.number for entry in ledger.entries(session, "sample:kept", removed=True)]
        assert known == ["sample.kept", "entry.removed"]
        assert len(every) == 3
        assert kept.number in every


@pytest.mark.parametrize("place", [0, 1])
def test_rows_of_which_it_had_the_last_word_stay_watched(
    kept: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace, place: int
) -> None:
    remove(kept, ledger_kinds)
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
    kept: SimpleNamespace, ledger_kinds: SimpleNamespace
) -> None:
    """Or the tombstone would vouch for what somebody has changed."""
    with owner(kept.book) as connection:
        connection.execute(text("UPDATE sample_of_record SET text = 'other' WHERE text = 'mine'"))
        connection.commit()
    with pytest.raises(Denied, match="is not what this entry recorded"):
        remove(kept, ledger_kinds)
    with owner(kept.book) as connection:
        connection.execute(text("DELETE FROM sample_of_record WHERE text = 'other'"))
        connection.commit()
    with pytest.raises(Denied, match="is not there"):
        remove(kept, ledger_kinds)
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
            remove(kept, ledger_kinds, **changes)
    remove(kept, ledger_kinds)
    with pytest.raises(Denied, match="removed already"):
        remove(kept, ledger_kinds)


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


def emptied(book: Database, change: str) -> str:
    return change.format(*(("x''", "x'00'") if book.is_sqlite else ("''::bytea", "'a'::bytea")))


@pytest.mark.parametrize("change", [EMPTY, *WITH_A_TOMBSTONE.values()])
def test_the_database_lets_nothing_but_this_change_through(
    kept: SimpleNamespace, ledger_kinds: SimpleNamespace, change: str
) -> None:
    with kept.book.engine.connect() as connection, connection.begin():
        if change != EMPTY:
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                stone(session, kept, ledger_kinds)
                session.commit()
        statement = f"UPDATE ledger_entry SET {emptied(kept.book, change)} WHERE number = {kept.number}"
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(text(statement))


def stone(session: Session, kept: SimpleNamespace, ledger_kinds: SimpleNamespace, *who: Actor | None) -> None:
    """A tombstone alone, as somebody may write one who leaves the verb aside; of the second administrator."""
    by = who[0] if who else kept.second
    entry = session.get_one(LedgerEntry, kept.number)
    named = select(LedgerAbout.subject).where(LedgerAbout.entry_number == entry.number)
    about = session.exec(named.order_by(col(LedgerAbout.position)))
    fields = {
        "entry": str(entry.id),
        "log": entry.log.value,
        "leaf": entry.leaf.hex(),
        "type": entry.type,
        "recorded_at": records.timestamp(entry.recorded_at),
        "basis": "retention_ended",
    }
    ledger.append(
        session, "entry.removed", fields, by=by, now=ledger_kinds.now, about=(removal.subject(entry), *about)
    )


@pytest.mark.parametrize("kind", ["sample.submitted", "ledger.anchored", "entry.removed"])
def test_the_database_keeps_what_is_public_and_what_the_audit_needs(
    kept: SimpleNamespace,
    log_key: KeptSigner,
    ledger_kinds: SimpleNamespace,
    kind: str,
) -> None:
    remove(kept, ledger_kinds)
    sequencer.sequence(kept.book, log_key, ledger_kinds.now)
    with kept.book.engine.connect() as connection, connection.begin():
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            number = session.exec(_of_type(kind)).first().number
            stone(session, SimpleNamespace(number=number, second=kept.second), ledger_kinds)
            session.commit()
        statement = f"UPDATE ledger_entry SET {emptied(kept.book, EMPTY)} WHERE number = {number}"
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(text(statement))


def test_the_audit_names_content_that_is_gone_without_a_tombstone(
    kept: SimpleNamespace, log_key: KeptSigner
) -> None:
    with owner(kept.book) as connection:
        connection.execute(
            text(f"UPDATE ledger_entry SET {emptied(kept.book, EMPTY)} WHERE number = {kept.number}")
        )
        triggers.create_all(connection)
        connection.commit()
    named = problems(kept.book, log_key)
    assert f"ledger_entry {kept.number}: its content is gone, and no entry says that it was removed" in named
    assert any(found.startswith("sample_of_record") and "no entry names this row" in found for found in named)


LATER = timedelta(seconds=1)
UNBACKED: dict[str, tuple[bool, dict[str, Any]]] = {
    "nobody approved": (False, {}),
    "the proposer approved": (True, {"by": "first"}),
    "whoever approved is no administrator": (True, {"by": "plain"}),
    "another than who removed approved": (True, {"by": "third"}),
    "something else was approved": (True, {"digest": "00" * 32}),
    "another act was approved": (True, {"act": proposals.GIVE_ROLE}),
    "nobody proposed it whom the approval names": (True, {"proposed_by": str(uuid.UUID(int=13))}),
    "it was approved later": (True, {"now": NOW + LATER}),
}


BY_THEM = ("the proposer approved", "whoever approved is no administrator")


@ON_SQLITE
@pytest.mark.parametrize("case", UNBACKED)
def test_the_audit_names_a_tombstone_behind_which_no_two_stand(
    kept: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace, case: str
) -> None:
    """All else is as the verb makes it: emptied as the database allows, every row named anew."""
    approved, changes = UNBACKED[case]
    third = administrator(officer, 13)
    plain = replace(kept.second, roles=frozenset({Role.LEGAL_OFFICER}))
    people = {"first": kept.first, "third": third, "plain": plain}
    changes = {**changes, **({"by": people[changes["by"]]} if "by" in changes else {})}
    remover = changes["by"] if case in BY_THEM else kept.second
    with kept.book.write() as session:
        if remover == kept.first:  # Or else the database itself refuses it.
            propose(session, kept, ledger_kinds, by=third, digest="00" * 32)
        removal.remove(session, proposed=proposed(kept), by=remover, now=ledger_kinds.now)
        if approved:
            approve(session, kept, ledger_kinds, **changes)
    (found,) = problems(kept.book, log_key)
    assert "no act of two administrators on record says the same" in found


@pytest.mark.parametrize("who", ["nobody", "the proposer"])
def test_the_database_asks_for_a_person_and_for_a_proposal_of_another(
    kept: SimpleNamespace, ledger_kinds: SimpleNamespace, who: str
) -> None:
    with kept.book.engine.connect() as connection, connection.begin():
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            stone(session, kept, ledger_kinds, None if who == "nobody" else kept.first)
            session.commit()
        statement = f"UPDATE ledger_entry SET {emptied(kept.book, EMPTY)} WHERE number = {kept.number}"
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(text(statement))


@ON_SQLITE
def test_an_entry_is_removed_once(
    kept: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    remove(kept, ledger_kinds)
    with kept.book.write() as session:
        stone(session, kept, ledger_kinds)
    assert any("was removed before" in found for found in problems(kept.book, log_key))


def test_the_digest_of_the_act_is_that_of_the_proposal(kept: SimpleNamespace) -> None:
    wanted = proposed(kept)
    assert removal.act_digest(wanted["entry"], wanted["leaf"], wanted["basis"]) == said(kept)
    assert removal.ACT == proposals.REMOVE


def test_the_audit_names_a_tombstone_whose_entry_is_there(
    kept: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    with kept.book.write() as session:
        stone(session, kept, ledger_kinds)
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
    ledger_kinds: SimpleNamespace,
    column: str,
) -> None:
    remove(kept, ledger_kinds)
    change = CHANGES[column].replace("{uuid}", "0" * 31 + "7")
    with owner(kept.book) as connection:
        connection.execute(
            text(f"UPDATE ledger_entry SET {emptied(kept.book, change)} WHERE number = {kept.number}")
        )
        triggers.create_all(connection)
        connection.commit()
    assert problems(kept.book, log_key), column


@pytest.mark.parametrize("act", ["DELETE FROM", "UPDATE"])
def test_what_it_was_about_stays_watched(
    kept: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace, act: str
) -> None:
    remove(kept, ledger_kinds)
    words = "ledger_entry_about" + (" SET subject = 'case:2'" if act == "UPDATE" else "")
    with owner(kept.book) as connection:
        connection.execute(text(f"{act} {words} WHERE entry_number = {kept.number} AND position = 0"))
        triggers.create_all(connection)
        connection.commit()
    assert [found for found in problems(kept.book, log_key) if found.startswith("ledger_entry_about")]


def test_a_public_entry_with_a_tombstone_is_named_all_the_same(
    kept: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    with kept.book.write() as session:
        entry = session.exec(_of_type("sample.submitted")).first()
        number = entry.number
        stone(session, SimpleNamespace(number=number, second=kept.second), ledger_kinds)
    with owner(kept.book) as connection:
        connection.execute(
            text(f"UPDATE ledger_entry SET {emptied(kept.book, EMPTY)} WHERE number = {number}")
        )
        triggers.create_all(connection)
        connection.commit()
    assert any("such as is never removed" in found for found in problems(kept.book, log_key))
