"""The audit behind ``assay ledger verify``: every entry, every tree, every row of record, the security log.

It reads everything and trusts no column: what an entry says is read from the bytes that its leaf commits to,
and the leaves are held to the signed checkpoints. It names the table, the row and what does not match.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.x509 import Certificate
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from secure_access.db import Database, Session, Table
from secure_access.ledger import audit_tree, commitment, merkle, records, removal, security_log, triggers
from secure_access.ledger.audit_report import Report
from secure_access.ledger.canonical import NotCanonical
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.note import VerifierKey
from secure_access.ledger.records import Row
from secure_access.ledger.tables import (
    Audience,
    LedgerAbout,
    LedgerCheckpoint,
    LedgerCosignature,
    LedgerEntry,
    LedgerHead,
    LedgerTile,
    LedgerTimestamp,
    LedgerWitness,
    Log,
    SecurityLogRow,
)
from secure_access.ledger.told import Told
from secure_access.ledger.witnesses import NONE, Witnesses

_LEDGER = (
    *(LedgerEntry, LedgerAbout, LedgerHead, LedgerCheckpoint, LedgerCosignature, LedgerWitness, LedgerTile),
    SecurityLogRow,
)


@dataclass(frozen=True)
class Keys:
    """Whom the audit believes: the keys of each log and of those before it, and the keys of its witnesses."""

    logs: Mapping[Log, Sequence[VerifierKey]]
    witnesses: Sequence[VerifierKey] = ()
    told: Sequence[Told] = ()
    """What the signer, witnesses and kept checkpoints say of the logs."""
    roots: Sequence[Certificate] = ()
    """What the certificates of time-stamping authorities go back to; where none, stamps are only compared."""


# What reading a damaged row raises: a date, an enumeration or an identifier that is none.
UNREADABLE = (ValueError, LookupError, TypeError, SQLAlchemyError)


@dataclass
class _Read:
    """What the entries say, gathered while they are walked in order of recording."""

    leaves: dict[Log, dict[int, bytes]] = field(default_factory=lambda: {log: {} for log in Log})
    times: dict[Log, dict[int, datetime]] = field(default_factory=lambda: {log: {} for log in Log})
    about: dict[int, list[str]] = field(default_factory=dict)
    named: dict[tuple[str, str], tuple[int, bytes, dict[str, Any]]] = field(default_factory=dict)
    places: dict[tuple[str, str, Log], int | None] = field(default_factory=dict)
    anchors: dict[int, str] = field(default_factory=dict)
    custody: list[tuple[int, int, str]] = field(default_factory=list)
    removed: dict[int, LedgerEntry] = field(default_factory=dict)
    stones: dict[str, tuple[int, dict[str, Any], list[str]]] = field(default_factory=dict)


def run_verify(database: Database, keys: Keys) -> Report:
    """`verify` in a reading transaction of its own, one state of the whole database.

    Raises `records.Closed` for a role of the database that may not read all of it.
    """
    with database.read() as session:
        connection = session.connection(
            execution_options={} if database.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        )
        records.refuse_closed(connection, (*_LEDGER, *records.record_tables().values()))
        return verify(session, keys)


def verifier_keys(keys: LogKeys, wanted: Witnesses = NONE, roots: Sequence[Certificate] = ()) -> Keys:
    """The keys of both logs, of those before them, of the witnesses of a policy, and roots of time stamps."""
    witnesses = (key for keys in wanted.asked.values() for key in keys)
    return Keys({log: keys.ever_of(log) for log in Log}, tuple(witnesses), roots=roots)


def verify(session: Session, keys: Keys) -> Report:
    """Check everything that this program knows to be of record.

    Finding no rows where entries name some is a mismatch like any other. Raises nothing: it is all in the
    report.
    """
    report, read = Report(), _Read()
    for difference in triggers.compare(session.connection()):
        report.add("triggers", "", difference)
    for key, row in _rows(session, LedgerEntry, report):
        _check_entry(key, row, read, report)
    _check_removed(read, report)
    held: dict[type[Table], list[Row]] = {
        kind: [row for _, row in _rows(session, kind, report)]
        for kind in (LedgerHead, LedgerCheckpoint, LedgerCosignature, LedgerTimestamp, LedgerTile)
    }
    for log in Log:
        mine = {kind: [row for row in rows if row["log"] == log] for kind, rows in held.items()}
        audit_tree.check_tree(log, keys.logs[log], read.leaves[log], mine, report)
        audit_tree.check_cosignatures(keys.witnesses, mine, report)
        audit_tree.check_timestamps(keys.roots, mine, report)
        audit_tree.check_times(read.times[log], mine, report)
    for kind, rows in held.items():
        for row in rows:
            if row["log"] not in set(Log):
                report.add(kind, records.row_id(kind, row), "is of a log that does not exist")
    for told in keys.told:
        audit_tree.check_told(told, read.leaves[told.log], report)
    _check_seen(session, report)
    _check_anchors(read, report)
    _check_about(session, read, report)
    _check_records(session, read, report)
    _check_security_log(session, read, report)
    return report


def _rows(session: Session, kind: type[Table], report: Report) -> Iterator[tuple[str, Row]]:
    """Every row by its key, in order. One that cannot be read is reported, and the others are read still."""
    table, connection = records.sql_table(kind), session.connection()
    columns = list(table.primary_key)
    try:
        keys = connection.execute(select(*columns).order_by(*columns)).all()
    except UNREADABLE as problem:
        report.add(kind, "", f"its rows cannot be read: {problem}")
        return
    report.rows[table.name] = len(keys)
    done = 0
    try:
        query = select(table).order_by(*columns)
        for row in connection.execute(query, execution_options={"yield_per": 500}).mappings():
            yield records.row_id(kind, row), row
            done += 1
    except UNREADABLE:
        yield from _one_by_one(session, kind, keys[done:], report)


def _one_by_one(
    session: Session, kind: type[Table], keys: Sequence[Sequence[Any]], report: Report
) -> Iterator[tuple[str, Row]]:
    for key in keys:
        try:
            row = records.read(session.connection(), kind, key)
            if row is None:
                raise LookupError("its key is not written as this program writes it")
        except UNREADABLE as problem:
            report.add(kind, records.identity(kind, key), f"cannot be read: {problem}")
            continue
        yield records.identity(kind, key), row


def _check_entry(key: str, row: Row, read: _Read, report: Report) -> None:
    report.entries += 1
    entry = LedgerEntry(**row)
    number = int(key)
    place = entry.leaf_index
    if place is None:
        report.waiting += 1
    else:
        if place in read.leaves[entry.log]:
            report.add(LedgerEntry, key, f"has the place {place} of another entry")
        read.leaves[entry.log][place] = merkle.leaf_hash(entry.leaf)
        read.times[entry.log][place] = entry.recorded_at
    if not (entry.entry or entry.salt or entry.record_salt):
        read.removed[number] = entry
        return
    if not commitment.opens(entry.leaf, entry.salt, entry.entry):
        report.add(LedgerEntry, key, "its leaf is not the commitment to its bytes and salt")
    try:
        content = entry.content
        wrong = [name for name, column in _columns(entry).items() if content[name] != column]
        _gather(number, entry, content, read)
    except (NotCanonical, KeyError, TypeError) as problem:
        report.add(LedgerEntry, key, f"its bytes are not an entry: {problem}")
        return
    for name in wrong:
        report.add(LedgerEntry, key, f"the column for {name} differs from its bytes")
    for before in _out_of_turn(entry, content, read):
        report.add(LedgerEntry, key, f"is numbered after an entry that the log places later, on {before}")


def _check_removed(read: _Read, report: Report) -> None:
    """An entry without content has a tombstone, which says what its columns say; and the other way round."""
    for number, entry in read.removed.items():
        found = read.stones.pop(str(entry.id), None)
        if found is None:
            report.add(LedgerEntry, number, "its content is gone, and no entry says that it was removed")
            continue
        stone, said, about = found
        report.removed += 1
        read.about[number] = about[1:]
        if entry.type in removal.KEPT or entry.audience is not Audience.PARTIES:
            report.add(LedgerEntry, number, "its content is gone, and is such as is never removed")
        columns = {
            "log": entry.log,
            "leaf": entry.leaf.hex(),
            "type": entry.type,
            "recorded_at": records.timestamp(entry.recorded_at),
        }
        for name in [name for name, column in columns.items() if said[name] != column]:
            report.add(
                LedgerEntry, number, f"the column for {name} differs from what entry {stone} says of it"
            )
    for entry_id, (stone, _, _) in read.stones.items():
        report.add(
            LedgerEntry, stone, f"says that the content of entry {entry_id} was removed, and it is there"
        )


def _out_of_turn(entry: LedgerEntry, content: dict[str, Any], read: _Read) -> Iterator[str]:
    """Rows that an entry with a lower number, and a later place in the same log, names as well.

    Numbers say which entry speaks last of a row, and no signature covers them; places are signed. Entries on
    one row are made one after another, so that the two agree unless somebody changed the numbers.
    """
    for row in content["records"]:
        key = (row["table"], row["id"], entry.log)
        before = read.places.get(key, -1)
        read.places[key] = entry.leaf_index
        if entry.leaf_index is not None and (before is None or before > entry.leaf_index):
            yield f"{row['table']} {row['id']}"


def _columns(entry: LedgerEntry) -> dict[str, Any]:
    """What the columns say, as the bytes say it."""
    return {
        "id": str(entry.id),
        "log": entry.log,
        "type": entry.type,
        "audience": entry.audience,
        "at": records.timestamp(entry.recorded_at),
        "record_salt": commitment.fingerprint(entry.record_salt),
    }


def _gather(number: int, entry: LedgerEntry, content: dict[str, Any], read: _Read) -> None:
    read.about[number] = content["about"]
    if content["by"].get("person") != (str(entry.person_id) if entry.person_id else None):
        raise NotCanonical("the column for the person differs")
    for named in content["records"]:
        read.named[named["table"], named["id"]] = (number, entry.record_salt, named)
    match content:
        case {"type": "security_log.anchored", "fields": {"rows": rows, "digest": digest}}:
            read.anchors[rows] = digest
        case {"type": "entry.removed", "fields": fields, "about": about}:
            read.stones[fields["entry"]] = (number, fields, about)
        case {"type": "ledger.anchored", "fields": {"size": size, "root": root}}:
            read.custody.append((number, size, root))


def _check_seen(session: Session, report: Report) -> None:
    """No witness has seen more than there is: what it saw was signed, and is gone."""
    for url, row in _rows(session, LedgerWitness, report):
        if row["size"] > report.sizes[Log.PUBLIC]:
            report.add(
                LedgerWitness, url, f"saw {row['size']} entries, and there are {report.sizes[Log.PUBLIC]}"
            )


def _check_anchors(read: _Read, report: Report) -> None:
    leaves = read.leaves[Log.CUSTODY]
    tree = merkle.from_leaves([leaves[place] for place in sorted(leaves)])
    for number, size, root in read.custody:
        if size > len(leaves) or base64.b64decode(root) != merkle.root(size, tree):
            report.add(LedgerEntry, number, f"anchors a custody log of {size} entries that is not there")


def _check_about(session: Session, read: _Read, report: Report) -> None:
    stored: dict[int, list[str]] = {}
    for _, row in _rows(session, LedgerAbout, report):
        mine = stored.setdefault(row["entry_number"], [])
        if row["position"] != len(mine):
            report.add(LedgerAbout, row["entry_number"], f"has no subject in place {len(mine)}")
        mine.append(row["subject"])
    for number in sorted(stored.keys() | read.about.keys()):
        if stored.get(number, []) != read.about.get(number, []):
            report.add(LedgerAbout, number, "differs from the subjects in the bytes of the entry")


def _check_records(session: Session, read: _Read, report: Report) -> None:
    tables = records.record_tables()
    present = set(_existing(session, tables))
    left = dict(read.named)
    for name in sorted(present):
        kind = tables[name]
        seen = 0
        for row_id, row in _rows(session, kind, report):
            seen += 1
            try:
                _check_record(kind, row_id, row, left.pop((name, row_id), None), report)
            except UNREADABLE as problem:
                report.add(kind, row_id, f"holds a value that nothing here writes: {problem}")
        if not seen and any(table == name for table, _ in read.named):
            report.add(name, "", "has no rows, and entries name some")
    for (name, row_id), (number, _, named) in sorted(left.items()):
        if name not in present:
            report.add(name, row_id, f"is named by entry {number}, and there is no such table of record")
        elif not (named.get("deleted") or named.get("draft")):
            report.add(name, row_id, f"is missing: entry {number} names it")


def _existing(session: Session, tables: Mapping[str, type[Table]]) -> Sequence[str]:
    found = triggers.table_names(session.connection())
    return [name for name in tables if name in found]


def _check_record(
    kind: type[Table],
    row_id: str,
    row: Row,
    latest: tuple[int, bytes, dict[str, Any]] | None,
    report: Report,
) -> None:
    counts = records.counts(kind, row)
    if latest is None:
        if counts:
            report.add(kind, row_id, "no entry names this row")
        return
    number, salt, named = latest
    if named.get("deleted"):
        report.add(kind, row_id, f"is there, and entry {number} says that it was deleted")
    elif named.get("draft"):
        if counts:
            report.add(kind, row_id, f"is of record, and entry {number} says that it is a draft")
    elif records.digest(salt, kind, row) != named["digest"]:
        report.add(kind, row_id, f"differs from what entry {number} recorded")


def _check_security_log(session: Session, read: _Read, report: Report) -> None:
    rows = [SecurityLogRow(**row) for _, row in _rows(session, SecurityLogRow, report)]
    for number, reason in security_log.breaks(rows, read.anchors):
        report.add(SecurityLogRow, number, reason)
