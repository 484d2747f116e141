"""Change, delete, insert and reorder in every table, past the triggers: the audit names what is wrong."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from secure_access.db import Database, Session
from secure_access.keys import SigningKey
from secure_access.ledger import (
    audit,
    audit_entries,
    commitment,
    records,
    security_log,
    sequencer,
    tables,
    triggers,
)
from secure_access.ledger.signer import KeptSigner
from tests.fixtures.ledger import Forgetful, keys_of, signing_keys

ON_SQLITE = pytest.mark.parametrize("standing", ["sqlite"], indirect=True, scope="session")


def run(book: Database, key: SigningKey) -> audit.Report:
    return audit.run_verify(book, audit.verifier_keys(keys_of(key)))


@contextmanager
def owner(book: Database) -> Iterator[Connection]:
    """A connection past triggers and foreign keys, as the owner has; rolled back unless committed."""
    with book.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if book.is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        with connection.begin() as transaction:
            triggers.drop_all(connection)
            if not book.is_sqlite:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            if transaction.is_active:
                transaction.rollback()
        if book.is_sqlite:
            driver.execute("PRAGMA foreign_keys=ON")


def found(told: SimpleNamespace, key: SigningKey, *statements: str, **values: object) -> list[str]:
    """What the audit names after these statements, which are then rolled back."""
    with owner(told.book) as connection:
        for statement in statements:
            connection.execute(text(statement), values)
        triggers.create_all(connection)
        with Session(connection) as session:
            return [
                str(problem) for problem in audit.verify(session, audit.verifier_keys(keys_of(key))).problems
            ]


def damage(told: SimpleNamespace, *statements: str) -> None:
    """Run statements for good."""
    with owner(told.book) as connection:
        for statement in statements:
            connection.execute(text(statement))
        triggers.create_all(connection)
        connection.commit()


def test_what_nobody_touched_passes(
    told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    report = run(told.book, log_key)
    assert report.problems == []
    assert report.passed
    assert (report.entries, report.waiting) == (12, 1)
    assert report.sizes == {"public": 9, "custody": 2}
    assert report.rows["sample_of_record"] == 5
    assert report.rows["security_log"] == 4
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    assert run(told.book, log_key).passed


CASES = [
    # ledger_entry: change
    ("UPDATE ledger_entry SET entry = :x WHERE number = 1", "ledger_entry 1: its leaf is not the commitment"),
    (
        "UPDATE ledger_entry SET salt = :zero WHERE number = 1",
        "ledger_entry 1: its leaf is not the commitment",
    ),
    ("UPDATE ledger_entry SET leaf = :zero WHERE number = 1", "ledger_head public: its root is not that"),
    ("UPDATE ledger_entry SET record_salt = :zero WHERE number = 4", "ledger_entry 4: "),
    (
        "UPDATE ledger_entry SET record_salt = :zero WHERE number = 2",
        "sample_of_record .*: differs from what entry 2",
    ),
    ("UPDATE ledger_entry SET type = 'sample.other' WHERE number = 1", "ledger_entry 1: the column for type"),
    (
        "UPDATE ledger_entry SET audience = 'parties' WHERE number = 1",
        "ledger_entry 1: the column for audience",
    ),
    (
        "UPDATE ledger_entry SET log = 'custody', leaf_index = 50 WHERE number = 1",
        "ledger_entry 1: the column for log",
    ),
    ("UPDATE ledger_entry SET id = :other WHERE number = 1", "ledger_entry 1: the column for id"),
    (
        "UPDATE ledger_entry SET recorded_at = '2020-01-01 00:00:00.000000' WHERE number = 1",
        "ledger_entry 1: the column for at",
    ),
    ("UPDATE ledger_entry SET person_id = NULL WHERE number = 1", "ledger_entry 1: .* person differs"),
    ("UPDATE ledger_entry SET leaf_index = NULL WHERE number = 1", "ledger_entry public 0: is missing"),
    ("UPDATE ledger_entry SET number = 70 WHERE number = 1", "ledger_entry_about 1: differs"),
    # delete, insert, reorder
    ("DELETE FROM ledger_entry WHERE number = 2", "ledger_entry public 1: is missing"),
    (
        "DELETE FROM ledger_entry WHERE log = 'custody'",
        "ledger_head custody: is of 2 entries, and there are 0",
    ),
    ("DELETE FROM ledger_entry", "ledger_head public: is of 9 entries, and there are 0"),
    (
        "INSERT INTO ledger_entry"
        " (id, log, leaf_index, type, entry, salt, record_salt, leaf, audience, recorded_at)"
        " SELECT :other, log, 9, type, entry, salt, record_salt, leaf, audience, recorded_at"
        " FROM ledger_entry WHERE number = 1",
        "ledger_head public: is of 9 entries, and there are 10",
    ),
    (
        "UPDATE ledger_entry SET leaf_index = 1 - leaf_index + 100 WHERE number IN (1, 2)",
        "ledger_entry public 0: is missing",
    ),
    # ledger_entry_about
    (
        "UPDATE ledger_entry_about SET subject = 'case:2' WHERE entry_number = 1 AND position = 0",
        "ledger_entry_about 1: differs",
    ),
    ("DELETE FROM ledger_entry_about WHERE entry_number = 1", "ledger_entry_about 1: differs"),
    ("INSERT INTO ledger_entry_about VALUES (1, 7, 'case:9')", "ledger_entry_about 1: differs"),
    (
        "UPDATE ledger_entry_about SET position = 9 WHERE entry_number = 1 AND position = 0",
        "ledger_entry_about 1: differs",
    ),
    # ledger_head
    ("UPDATE ledger_head SET root = :zero WHERE log = 'public'", "ledger_head public: its root is not that"),
    (
        "UPDATE ledger_head SET size = 3 WHERE log = 'public'",
        "ledger_head public: is of 3 entries, and there are 9",
    ),
    ("DELETE FROM ledger_head WHERE log = 'public'", "ledger_head public: is missing"),
    (
        "INSERT INTO ledger_head VALUES ('other', 0, :zero, '2027-10-01 09:00:00')",
        "ledger_head other: is of a log that",
    ),
    # ledger_checkpoint
    (
        "UPDATE ledger_checkpoint SET root = :zero WHERE log = 'public' AND size = 9",
        "ledger_checkpoint public/9: its root",
    ),
    (
        "UPDATE ledger_checkpoint SET note = 'x' WHERE log = 'public' AND size = 9",
        "ledger_checkpoint public/9: a note has",
    ),
    (
        "UPDATE ledger_checkpoint SET note ="
        " (SELECT note FROM ledger_checkpoint WHERE log = 'public' AND size = 8)"
        " WHERE log = 'public' AND size = 9",
        "ledger_checkpoint public/9: its note is of another head",
    ),
    (
        "UPDATE ledger_checkpoint SET note ="
        " (SELECT note FROM ledger_checkpoint WHERE log = 'custody' AND size = 2)"
        " WHERE log = 'public' AND size = 9",
        "ledger_checkpoint public/9: no known key",
    ),
    (
        "DELETE FROM ledger_checkpoint WHERE log = 'public' AND size = 9",
        "ledger_checkpoint public/9: is missing",
    ),
    (
        "DELETE FROM ledger_checkpoint WHERE log = 'public' AND size = 8",
        "ledger_checkpoint public/9: follows the one of size 8",
    ),
    (
        "UPDATE ledger_checkpoint SET size = 700 WHERE log = 'public' AND size = 9",
        "ledger_checkpoint public/700: is of 700",
    ),
    # ledger_tile
    ("UPDATE ledger_tile SET hashes = :zero WHERE log = 'public'", "ledger_tile public/0/0: differs"),
    ("DELETE FROM ledger_tile WHERE log = 'custody'", "ledger_tile custody/0/0: differs"),
    ("INSERT INTO ledger_tile VALUES ('public', 1, 0, :zero)", "ledger_tile public/1/0: differs"),
    # tables of record
    (
        "UPDATE sample_of_record SET text = 'x' WHERE id = :sample",
        "sample_of_record {sample}: differs from what entry 7",
    ),
    (
        "UPDATE sample_of_record SET state = 'draft' WHERE id = :sample",
        "sample_of_record {sample}: differs from what entry 7",
    ),
    ("UPDATE sample_of_record SET amount = 9 WHERE id = :sample", "sample_of_record {sample}: differs"),
    (
        "UPDATE sample_of_record SET due = '2027-10-01 09:00:00' WHERE id = :sample",
        "sample_of_record {sample}: differs",
    ),
    (
        "UPDATE sample_of_record SET state = 'submitted' WHERE id = :draft",
        "sample_of_record {draft}: no entry names",
    ),
    (
        "UPDATE sample_of_record SET state = 'submitted' WHERE id = :back",
        "sample_of_record {back}: is of record, and",
    ),
    (
        "UPDATE sample_of_record SET id = :gone WHERE id = :draft",
        "sample_of_record {gone}: is there, and entry 8 says",
    ),
    (
        "DELETE FROM sample_of_record WHERE id = :sample",
        "sample_of_record {sample}: is missing: entry 7 names it",
    ),
    ("DELETE FROM sample_of_record", "sample_of_record : has no rows, and entries name some"),
    ("INSERT INTO pair_of_record VALUES (2, 'r', 'v')", "pair_of_record 2/r: no entry names this row"),
    ('UPDATE pair_of_record SET "left" = 2', "pair_of_record 1/r: is missing"),
    ("DROP TABLE pair_of_record", "pair_of_record 1/r: is named by entry 6, and there is no such table"),
    # security_log
    ("UPDATE security_log SET kind = 'x' WHERE number = 2", "security_log 2: was changed"),
    ("UPDATE security_log SET digest = :zero WHERE number = 2", "security_log 3: does not continue"),
    ("DELETE FROM security_log WHERE number = 2", "security_log 2: is missing: the next row is 3"),
    ("DELETE FROM security_log WHERE number >= 3", "security_log 3: is missing: the custody log names it"),
    ("DELETE FROM security_log", "security_log 3: is missing"),
]


@pytest.mark.parametrize(("statement", "named"), CASES, ids=[statement[:70] for statement, _ in CASES])
def test_damage_is_named(standing: SimpleNamespace, log_key: KeptSigner, statement: str, named: str) -> None:
    def key(value: uuid.UUID) -> object:
        return value.hex if standing.book.is_sqlite else value

    rows = {name: getattr(standing, name).id for name in ("draft", "gone", "back")}
    rows["sample"] = standing.samples[0].id
    values = {name: key(value) for name, value in rows.items()}
    values |= {"zero": bytes(32), "x": b"{}", "other": key(uuid.uuid4())}
    used = {name: value for name, value in values.items() if re.search(rf":{name}\b", statement)}
    problems = found(standing, log_key, statement, **used)
    pattern = named.format(**{name: str(value) for name, value in rows.items()})
    assert any(re.match(pattern, problem) for problem in problems), problems


def test_damage_that_was_rolled_back_is_gone(standing: SimpleNamespace, log_key: KeptSigner) -> None:
    assert run(standing.book, log_key).problems == []


def test_a_chain_made_again_is_seen_by_the_custody_log(
    told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    damage(told, "DELETE FROM security_log")
    with told.book.write() as session:
        for _ in range(4):
            security_log.note(session, "sign_in.failed", by=None, now=ledger_kinds.now)
    problems = list(map(str, run(told.book, log_key).problems))
    assert problems == ["security_log 3: does not match its digest in the custody log"]


def test_a_custody_log_made_again_is_seen_by_the_public_one(
    told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    damage(
        told,
        "DELETE FROM ledger_entry_about WHERE entry_number IN"
        " (SELECT number FROM ledger_entry WHERE log = 'custody')",
        *(
            f"DELETE FROM {name} WHERE log = 'custody'"
            for name in ("ledger_entry", "ledger_head", "ledger_tile")
        ),
        "DELETE FROM ledger_checkpoint WHERE log = 'custody'",
    )
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    problems = list(map(str, run(told.book, log_key).problems))
    assert any("anchors a custody log of 1 entries that is not there" in problem for problem in problems), (
        problems
    )


def test_a_missing_or_changed_trigger_is_named(standing: SimpleNamespace, log_key: KeptSigner) -> None:
    with owner(standing.book) as connection:
        triggers.create_all(connection)
        if standing.book.is_sqlite:
            connection.exec_driver_sql("DROP TRIGGER security_log_update")
        else:
            connection.exec_driver_sql("ALTER TABLE security_log DISABLE TRIGGER security_log_update")
        with Session(connection) as session:
            problems = audit.verify(session, audit.verifier_keys(keys_of(log_key))).problems
    assert [problem.reason.split(" is ")[0] for problem in problems] == ["trigger security_log_update"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "UPDATE sample_of_record SET due = 'soon' WHERE id = :id",
            "sample_of_record {id}: cannot be read: ",
        ),
        (
            "UPDATE sample_of_record SET listed = '[1.5]' WHERE id = :id",
            "sample_of_record {id}: holds a value that",
        ),
        (
            "UPDATE sample_of_record SET id = 'none' WHERE id = :id",
            "sample_of_record none: cannot be read: id: ",
        ),
        (
            "UPDATE sample_of_record SET id = upper(id), due = 'soon' WHERE id = :id",
            "sample_of_record {id}: its id is not written as this program writes it",
        ),
        (
            "UPDATE ledger_entry SET recorded_at = 'never' WHERE number = 1 OR :id = ''",
            "ledger_entry 1: cannot be read",
        ),
    ],
)
def test_values_that_nothing_writes_are_named(
    standing: SimpleNamespace, log_key: KeptSigner, statement: str, named: str
) -> None:
    """SQLite keeps what it is given: a date that is none, a fraction. PostgreSQL refuses these itself."""
    row = standing.samples[1].id
    problems = found(standing, log_key, statement, id=row.hex)
    assert any(problem.startswith(named.format(id=row)) for problem in problems), problems


def test_bytes_that_are_no_entry_are_named(standing: SimpleNamespace, log_key: KeptSigner) -> None:
    problems = found(
        standing,
        log_key,
        "UPDATE ledger_entry SET entry = :entry, salt = :salt, leaf = :leaf WHERE number = 1",
        entry=b'{"v":1}',
        salt=bytes(32),
        leaf=commitment.commit(bytes(32), b'{"v":1}'),
    )
    assert any("ledger_entry 1: its bytes are not an entry" in problem for problem in problems), problems


@ON_SQLITE
def test_two_entries_in_one_place_are_named(standing: SimpleNamespace) -> None:
    """A unique index refuses it; an owner can drop that too."""
    report, read = audit.Report(), audit_entries.Read()
    with standing.book.read() as session:
        row = records.read(session.connection(), tables.LedgerEntry, (1,))
    assert row is not None
    for _ in range(2):
        audit_entries.check("1", row, read, report)
    assert [str(problem) for problem in report.problems] == [
        "ledger_entry 1: has the place 0 of another entry"
    ]


def test_a_signer_is_not_another(standing: SimpleNamespace) -> None:
    problems = run(standing.book, Forgetful(signing_keys(seed=9))).problems
    assert {problem.table for problem in problems} == {"ledger_checkpoint"}
