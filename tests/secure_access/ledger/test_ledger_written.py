"""How values are written, what is of the wrong kind, who signed: what comparing values cannot see."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import DBAPIError

from secure_access import ledger
from secure_access.actor import Actor
from secure_access.db import Database, Session
from secure_access.ledger import audit, cli, note, records, security_log, sequencer, tables, triggers
from secure_access.ledger.audit_report import Report
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.witnesses import NONE, Witnesses
from tests.fixtures.ledger import keys_of, signing_keys
from tests.secure_access.ledger.test_ledger_audit import damage, found, owner, run

ON_SQLITE = pytest.mark.parametrize("standing", ["sqlite"], indirect=True, scope="session")
DECOMPOSED = "\u0041\u030a"
"""An A with a ring as a second character; NFC makes one character of it."""


# Other spellings of the same value

SPELLINGS = [
    ("id", "upper(id)"),
    ("due", "replace(due, ' ', 'T')"),
    ("due", "due || '+00' || char(58) || '00'"),
    ("seal", "CAST(x'6162' AS TEXT)"),
    ("text", "CAST(text AS BLOB)"),
    ("text", "CAST(x'fe41' AS TEXT)"),
    ("listed", "listed || ' '"),
    ("minor", "'12x'"),
]


@ON_SQLITE
@pytest.mark.parametrize(("column", "spelt"), SPELLINGS)
def test_another_spelling_of_a_value_is_named_by_row_and_column(
    standing: SimpleNamespace, log_key: KeptSigner, column: str, spelt: str
) -> None:
    """No query of ours finds it any more, and read as a value it is the same."""
    row = standing.samples[1].id
    problems = found(
        standing,
        log_key,
        "UPDATE sample_of_record SET due = '2027-10-01 09:00:00.000000' WHERE id = :id AND due IS NULL",
        f"UPDATE sample_of_record SET {column} = {spelt} WHERE id = :id",
        id=row.hex,
    )
    named = [problem for problem in problems if problem.startswith(f"sample_of_record {row}: ")]
    assert any("as this program writes it" in one or "cannot be read: " in one for one in named), problems
    assert any(f"{column}" in one for one in named), problems


def test_white_space_and_a_hidden_key_in_json_are_named(
    standing: SimpleNamespace, log_key: KeptSigner
) -> None:
    """PostgreSQL keeps the text of JSON as well."""
    row = standing.samples[1].id
    for spelt in ("[ ]", '[{"hidden"\\:null}]'):
        problems = found(
            standing, log_key, f"UPDATE sample_of_record SET listed = '{spelt}' WHERE text = 'row 1'"
        )
        assert any(problem.startswith(f"sample_of_record {row}: ") for problem in problems), problems


# Forms of text


def _texts(told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace, written: str) -> Any:
    with told.book.write() as session:
        row = ledger_kinds.Sample(text=f"{written}lesund")
        session.add(row)
        ledger.append(
            session, "sample.submitted", {"reference": "x"}, by=None, now=ledger_kinds.now, records=(row,)
        )
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    return row.id


@pytest.mark.parametrize("written", [DECOMPOSED, unicodedata.normalize("NFC", DECOMPOSED), "A"])
def test_text_stays_in_the_form_in_which_it_was_written(
    told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace, written: str
) -> None:
    row = _texts(told, log_key, ledger_kinds, written)
    assert run(told.book, log_key).problems == []
    forms = {unicodedata.normalize(form, f"{written}lesund") for form in ("NFC", "NFD")}
    others = [f"{DECOMPOSED}lesund"] if written == "A" else forms - {f"{written}lesund"}
    assert others
    for changed in others:
        with owner(told.book) as connection:
            kind = ledger_kinds.Sample.__table__
            connection.execute(update(kind).where(kind.c.id == row).values(text=changed))
            triggers.create_all(connection)
            with Session(connection) as session:
                problems = list(map(str, audit.verify(session, _keys(log_key)).problems))
        assert len(problems) == 1, problems
        assert problems[0].startswith(f"sample_of_record {row}: ")
        assert written == "A" or "not in NFC" in problems[0]


def test_content_is_not_removed_for_a_row_in_another_form_of_text(
    told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    """What compares a row with its entry before a tombstone vouches for it looks at the form too."""
    composed = unicodedata.normalize("NFC", DECOMPOSED)
    row = _texts(told, log_key, ledger_kinds, composed)
    with told.book.read() as session:
        entry = session.exec(select(tables.LedgerEntry).order_by(tables.LedgerEntry.number.desc())).scalars()
        last = next(one for one in entry if one.entry and one.content["records"])
        named = last.content["records"][0]
        stored = dict(records.read(session.connection(), ledger_kinds.Sample, (row,)) or {})
        assert records.is_named(last.record_salt, ledger_kinds.Sample, stored, named)
        stored["text"] = unicodedata.normalize("NFD", stored["text"])
        assert records.digest(last.record_salt, ledger_kinds.Sample, stored) == named["digest"]
        assert not records.is_named(last.record_salt, ledger_kinds.Sample, stored, named)


# Values of the wrong kind in the ledger itself

LEDGER = (
    *(tables.LedgerEntry, tables.LedgerAbout, tables.LedgerHead, tables.LedgerCheckpoint),
    *(tables.LedgerCosignature, tables.LedgerTile, tables.SecurityLogRow),
)
NASTY: tuple[Any, ...] = (b"\x00\xff", "zz", -1, 2**62, 1.5)


def _strange(connection: Connection, kind: Any) -> Iterator[tuple[str, Any]]:
    """Each column of one row given each value that it may not hold, where SQLite takes it."""
    table = records.sql_table(kind)
    one = connection.exec_driver_sql(f"SELECT max(rowid) FROM {table.name}").scalar()
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
    for column in table.columns:
        for value in NASTY:
            with suppress(DBAPIError):
                change = f'UPDATE {table.name} SET "{column.name}" = ? WHERE rowid = ?'
                connection.exec_driver_sql("SAVEPOINT strange")
                try:
                    connection.exec_driver_sql(change, (value, one))
                    yield column.name, value
                finally:
                    connection.exec_driver_sql("ROLLBACK TO strange")
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


@ON_SQLITE
@pytest.mark.parametrize("kind", LEDGER)
def test_no_value_of_the_ledger_ends_the_audit(
    standing: SimpleNamespace, log_key: KeptSigner, kind: Any
) -> None:
    name, tried = records.sql_table(kind).name, 0
    with owner(standing.book) as connection:
        triggers.create_all(connection)
        triggers.drop_all(connection)
        for column, value in _strange(connection, kind):
            tried += 1
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                problems = audit.verify(session, _keys(log_key)).problems
            if isinstance(value, bytes) or column in ("leaf_index", "size", "root"):
                named = {problem.table for problem in problems}
                assert name in named, f"{column} = {value!r}: {sorted(named)}"
    assert tried > 10


# What was never signed, and anchors


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["DELETE FROM ledger_checkpoint"], "ledger_checkpoint public: is missing: there are 10 entries"),
        (["DELETE FROM ledger_head"], "ledger_head custody: is missing"),
        (
            [
                *(f"DELETE FROM ledger_{name}" for name in ("cosignature", "checkpoint", "tile", "head")),
                "UPDATE ledger_entry SET leaf_index = NULL",
            ],
            "ledger_checkpoint custody: is missing: there are 2 entries, and nothing was ever signed",
        ),
    ],
)
def test_a_log_without_a_signature_is_a_mismatch(
    standing: SimpleNamespace, log_key: KeptSigner, statements: list[str], named: str
) -> None:
    problems = found(standing, log_key, *statements)
    assert any(problem.startswith(named) for problem in problems), problems


def test_a_second_anchor_does_not_take_the_place_of_the_first(
    told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    with owner(told.book) as connection:
        table = records.sql_table(tables.SecurityLogRow)
        connection.execute(update(table).where(table.c.number == 2).values(zone="developer"))
        previous = security_log.START
        for found_row in connection.execute(select(table).order_by(table.c.number)).mappings().all():
            row = tables.SecurityLogRow(**found_row)
            row.previous = previous
            previous = row.digest = security_log.row_digest(row)
            values = {"previous": row.previous, "digest": row.digest}
            connection.execute(update(table).where(table.c.number == row.number).values(values))
        triggers.create_all(connection)
        connection.commit()
    with told.book.write() as session:
        digest = session.execute(select(table.c.digest).where(table.c.number == 3)).scalar_one()
        fields = {"rows": 3, "digest": digest.hex()}
        about = ("ledger:security",)
        ledger.append(session, "security_log.anchored", fields, by=None, now=ledger_kinds.now, about=about)
    problems = list(map(str, run(told.book, log_key).problems))
    assert "security_log 3: does not match its digest in the custody log" in problems
    assert any("anchors another security log of 3 rows than one before it" in found for found in problems)


# Cosignatures


def _spoil(book: Database, *, cut: bool = False) -> None:
    """Change the last bit of a cosignature, or cut it short."""
    with owner(book) as connection:
        table = records.sql_table(tables.LedgerCosignature)
        shortest = select(table.c.line).order_by(func.length(table.c.line)).limit(1)
        line = connection.execute(shortest).scalar_one()
        head, encoded = line.strip().rsplit(" ", 1)
        raw = bytearray(base64.b64decode(encoded))
        raw[-1] ^= 1
        spoilt = f"{head} {base64.b64encode(raw[:-1] if cut else raw).decode()}\n"
        connection.execute(update(table).where(table.c.line == line).values(line=spoilt))
        triggers.create_all(connection)
        connection.commit()


def _keys(log_key: KeptSigner, wanted: Witnesses = NONE) -> audit.Keys:
    return audit.verifier_keys(keys_of(log_key), wanted)


def _former() -> Witnesses:
    """The witness of these tests as one that is asked no more: its keys stay in the policy, no address."""
    lines = [
        f"witness {name} {note.cosigner(key)}"
        for name, key in zip(("one", "two"), signing_keys("witness.example", 40), strict=True)
    ]
    return Witnesses.parse("\n".join([*lines, "quorum none"]) + "\n")


def test_a_damaged_cosignature_of_a_former_witness_is_named(
    told: SimpleNamespace, log_key: KeptSigner
) -> None:
    keys = _keys(log_key, _former())
    sound = audit.run_verify(told.book, keys)
    assert (sound.problems, sound.unknown_witnesses, sound.witnessed) == ([], 0, {"public": 9})
    _spoil(told.book)
    (problem,) = audit.run_verify(told.book, keys).problems
    assert problem.table == "ledger_cosignature"
    assert "is false" in problem.reason


def test_of_a_witness_that_was_never_known_the_form_is_checked_and_the_report_says_so(
    told: SimpleNamespace, log_key: KeptSigner
) -> None:
    report = run(told.book, log_key)
    assert (report.problems, report.unknown_witnesses) == ([], 2)
    assert "2 cosignatures are of witnesses whose key is not known" in cli.as_text(report)
    _spoil(told.book, cut=True)
    (problem,) = run(told.book, log_key).problems
    assert "has not the length of a cosignature" in problem.reason


def test_the_report_says_what_no_witness_has_seen(
    told: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    def seen() -> Report:
        return audit.run_verify(told.book, _keys(log_key, _former()))

    assert (seen().unseen_rows, seen().unseen_entries) == (0, 0)
    with told.book.write() as session:
        rows = [ledger_kinds.Sample(text="new"), ledger_kinds.Sample(text="newer")]
        session.add_all(rows)
        ledger.append(
            session, "sample.submitted", {"reference": "x"}, by=officer, now=ledger_kinds.now, records=rows
        )
    for _ in range(2):  # while it waits, and once it is signed
        report = seen()
        assert report.problems == []
        assert (report.unseen_rows, report.unseen_entries) == (2, 1)
        assert "2 rows of record are held by 1 entries that no witness has seen yet" in cli.as_text(report)
        sequencer.sequence(told.book, log_key, ledger_kinds.now)
    damage(told, "DELETE FROM ledger_cosignature")
    assert seen().unseen_rows > 2
