"""The audit behind ``assay ledger verify``: every entry, every tree, every row of record, the security log.

It reads everything and trusts no column: what an entry says is read from the bytes that its leaf commits to,
and the leaves are held to the signed checkpoints. It names the table, the row and what does not match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.x509 import Certificate

from secure_access.db import Database, Session, Table
from secure_access.ledger import audit_entries, audit_tree, merkle, records, security_log, triggers
from secure_access.ledger.audit_entries import Named, Read
from secure_access.ledger.audit_report import Report
from secure_access.ledger.audit_rows import UNREADABLE, rows
from secure_access.ledger.canonical import LIMIT
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.note import VerifierKey
from secure_access.ledger.records import Row
from secure_access.ledger.tables import (
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
    """The keys of both logs, of those before them, of the witnesses of a policy, and roots of time stamps.

    A former witness stays known as long as its line stays in the policy file, without an address.
    """
    witnesses = (VerifierKey(key.name, key.public, key.type) for key in wanted.policy.witnesses.values())
    return Keys({log: keys.ever_of(log) for log in Log}, tuple(witnesses), roots=roots)


def verify(session: Session, keys: Keys) -> Report:
    """Check everything that this program knows to be of record.

    Finding no rows where entries name some is a mismatch like any other. Raises nothing: it is all in the
    report.
    """
    report, read = Report(), Read()
    for difference in triggers.compare(session.connection()):
        report.add("triggers", "", difference)
    for key, row in rows(session, LedgerEntry, report):
        if _is_of_a_log(LedgerEntry, row, report):
            audit_entries.check(key, row, read, report)
    audit_entries.check_removed(read, report)
    _check_trees(session, keys, read, report)
    _check_seen(session, report)
    _check_anchors(read, report)
    _check_about(session, read, report)
    _check_records(session, read, report)
    _check_security_log(session, read, report)
    report.unseen_rows, report.unseen_entries = audit_entries.unseen(
        read, report.witnessed.get(Log.PUBLIC, 0)
    )
    return report


def _check_trees(session: Session, keys: Keys, read: Read, report: Report) -> None:
    held: dict[type[Table], list[Row]] = {
        kind: [row for _, row in rows(session, kind, report) if _is_of_a_log(kind, row, report)]
        for kind in (LedgerHead, LedgerCheckpoint, LedgerCosignature, LedgerTimestamp, LedgerTile)
    }
    for log in Log:
        mine = {kind: [row for row in found if row["log"] == log] for kind, found in held.items()}
        audit_tree.check_tree(log, keys.logs[log], read.leaves[log], mine, report)
        audit_tree.check_signed(log, len(read.leaves[log]) + read.waiting[log], mine, report)
        audit_tree.check_cosignatures(keys.witnesses, mine, report)
        audit_tree.check_timestamps(keys.roots, mine, report)
        audit_tree.check_times(read.times[log], mine, report)
    for told in keys.told:
        audit_tree.check_told(told, read.leaves[told.log], report)


def _is_of_a_log(kind: type[Table], row: Row, report: Report) -> bool:
    if row["log"] in set(Log):
        return True
    report.add(kind, records.row_id(kind, row), "is of a log that does not exist")
    return False


def _check_seen(session: Session, report: Report) -> None:
    """No witness has seen more than there is: what it saw was signed, and is gone."""
    for url, row in rows(session, LedgerWitness, report):
        if row["size"] > report.sizes[Log.PUBLIC]:
            report.add(
                LedgerWitness, url, f"saw {row['size']} entries, and there are {report.sizes[Log.PUBLIC]}"
            )


def _check_anchors(read: Read, report: Report) -> None:
    leaves = read.leaves[Log.CUSTODY]
    tree = merkle.from_leaves([leaves[place] for place in sorted(leaves)])
    for number, size, root in read.custody:
        if size > len(leaves) or root != merkle.root(size, tree):
            report.add(LedgerEntry, number, f"anchors a custody log of {size} entries that is not there")


def _check_about(session: Session, read: Read, report: Report) -> None:
    stored: dict[int, list[str]] = {}
    for _, row in rows(session, LedgerAbout, report):
        mine = stored.setdefault(row["entry_number"], [])
        if row["position"] != len(mine):
            report.add(LedgerAbout, row["entry_number"], f"has no subject in place {len(mine)}")
        mine.append(row["subject"])
    for number in sorted(stored.keys() | read.about.keys()):
        if stored.get(number, []) != read.about.get(number, []):
            report.add(LedgerAbout, number, "differs from the subjects in the bytes of the entry")


def _check_records(session: Session, read: Read, report: Report) -> None:
    tables = records.record_tables()
    present = set(_existing(session, tables))
    left = dict(read.named)
    people: set[str] = set()
    for name in sorted(present):
        kind = tables[name]
        seen = 0
        for row_id, row in rows(session, kind, report):
            seen += 1
            _note_person(name, row_id, row, people, read)
            try:
                _check_record(kind, row_id, row, left.pop((name, row_id), None), report)
            except UNREADABLE as problem:
                report.add(kind, row_id, f"holds a value that nothing here writes: {problem}")
        if not seen and any(table == name for table, _ in read.named):
            report.add(name, "", "has no rows, and entries name some")
    for (name, row_id), named in sorted(left.items()):
        if name not in present:
            reason = f"is named by entry {named.number}, and there is no such table of record"
            report.add(name, row_id, reason)
        elif not (named.said.get("deleted") or named.said.get("draft")):
            report.add(name, row_id, f"is missing: entry {named.number} names it")
    audit_entries.check_actors(read, people, report)


def _note_person(name: str, row_id: str, row: Row, people: set[str], read: Read) -> None:
    """People and their roles, as `audit_entries.check_actors` asks for them."""
    if name == "person":
        people.add(row_id)
    elif name == "person_role":
        read.roles.setdefault(str(row["person_id"]), set()).add(str(row["role"]))


def _existing(session: Session, tables: Mapping[str, type[Table]]) -> Sequence[str]:
    found = triggers.table_names(session.connection())
    return [name for name in tables if name in found]


def _check_record(kind: type[Table], row_id: str, row: Row, latest: Named | None, report: Report) -> None:
    counts = records.counts(kind, row)
    if latest is None:
        if counts:
            report.add(kind, row_id, "no entry names this row")
        return
    number, salt, said = latest
    if said.get("deleted"):
        report.add(kind, row_id, f"is there, and entry {number} says that it was deleted")
    elif said.get("draft"):
        if counts:
            report.add(kind, row_id, f"is of record, and entry {number} says that it is a draft")
    else:
        digest, written = records.digests(salt, kind, row)
        if digest != said["digest"]:
            report.add(kind, row_id, f"differs from what entry {number} recorded")
        elif written != said.get("written", ""):
            reason = f"is written in other characters than entry {number} recorded: not in NFC"
            report.add(kind, row_id, reason)


def _check_security_log(session: Session, read: Read, report: Report) -> None:
    held = []
    for number, row in rows(session, SecurityLogRow, report):
        if 0 < row["number"] < LIMIT:
            held.append(SecurityLogRow(**row))
        else:
            report.add(SecurityLogRow, number, "has a number that nothing here writes")
    anchors: dict[int, str] = {}
    for entry, size, digest in read.anchors:
        if anchors.setdefault(size, digest) != digest:
            report.add(LedgerEntry, entry, f"anchors another security log of {size} rows than one before it")
    for place, reason in security_log.breaks(held, anchors):
        report.add(SecurityLogRow, place, reason)
