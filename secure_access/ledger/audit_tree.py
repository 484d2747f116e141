"""The part of the audit that holds leaves, heads, checkpoints, cosignatures and tiles to each other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography.x509 import Certificate

from secure_access.db import Table
from secure_access.ledger import merkle, note, records, tiles, timestamps
from secure_access.ledger.audit_report import Report
from secure_access.ledger.note import Checkpoint, VerifierKey
from secure_access.ledger.records import Row
from secure_access.ledger.tables import (
    LedgerCheckpoint,
    LedgerCosignature,
    LedgerEntry,
    LedgerHead,
    LedgerTile,
    LedgerTimestamp,
    Log,
)
from secure_access.ledger.told import Told
from secure_access.ledger.witnesses import cosigned_at, own_cosignatures

Held = Mapping[type[Table], list[Row]]


def check_tree(
    log: Log, keys: Sequence[VerifierKey], leaves: dict[int, bytes], held: Held, report: Report
) -> None:
    for place in range(max(leaves, default=-1) + 1):
        if place not in leaves:
            report.add(LedgerEntry, f"{log} {place}", "is missing: no entry has this place in the log")
    hashes = [leaves[place] for place in sorted(leaves)]
    report.sizes[log] = len(hashes)
    tree = merkle.from_leaves(hashes)
    if hashes and not held[LedgerHead]:
        report.add(LedgerHead, log, "is missing")
    for head in held[LedgerHead]:
        _check_head(LedgerHead, head, len(hashes), tree, report)
        if head["size"] < len(hashes):
            report.add(LedgerHead, log, f"is of {head['size']} entries, and there are {len(hashes)}")
    _check_checkpoints(keys, held[LedgerCheckpoint], hashes, tree, report)
    if held[LedgerHead] and held[LedgerHead][0]["size"] not in {
        row["size"] for row in held[LedgerCheckpoint]
    }:
        size = held[LedgerHead][0]["size"]
        report.add(
            LedgerCheckpoint, f"{log}/{size}", "is missing: the head is not signed yet, or it was removed"
        )
    _check_tiles(log, held[LedgerTile], hashes, report)


def _check_head(kind: type[Table], row: Row, size: int, tree: merkle.Nodes, report: Report) -> None:
    name = records.row_id(kind, row)
    if row["size"] > size:
        report.add(kind, name, f"is of {row['size']} entries, and there are {size}")
    elif row["root"] != merkle.root(row["size"], tree):
        report.add(kind, name, "its root is not that of the entries")


def _check_checkpoints(
    keys: Sequence[VerifierKey],
    rows: Sequence[Row],
    hashes: Sequence[bytes],
    tree: merkle.Nodes,
    report: Report,
) -> None:
    before = -1
    for row in rows:
        name = records.row_id(LedgerCheckpoint, row)
        _check_head(LedgerCheckpoint, row, len(hashes), tree, report)
        try:
            parsed = note.parse(row["note"])
            signed = {key.name for key in parsed.verified(keys)}
            if Checkpoint.parse(parsed.text) not in {Checkpoint(n, row["size"], row["root"]) for n in signed}:
                report.add(LedgerCheckpoint, name, "its note is of another head")
            if any(cosigned_at(line) != row["at"] for line in own_cosignatures(parsed, keys)):
                report.add(LedgerCheckpoint, name, "its time is not the one that was signed")
        except ValueError as problem:
            report.add(LedgerCheckpoint, name, str(problem))
        if row["previous"] != before:
            report.add(LedgerCheckpoint, name, f"follows the one of size {row['previous']}, which is missing")
        before = row["size"]


def check_cosignatures(witnesses: Sequence[VerifierKey], held: Held, report: Report) -> None:
    """Each stands under its checkpoint, and is that of a witness: of a known one, by its key."""
    notes = {row["size"]: row["note"] for row in held[LedgerCheckpoint]}
    known = {(key.name, key.id.hex()) for key in witnesses}
    for row in held[LedgerCosignature]:
        name = records.row_id(LedgerCosignature, row)
        if row["size"] not in notes:
            report.add(LedgerCosignature, name, "is of a checkpoint that is not there")
            continue
        try:
            text = note.parse(notes[row["size"]]).text
            parsed = note.parse(f"{text}\n{row['line']}")
            (line,) = parsed.signatures
            if (line.name, line.key_id.hex()) != (row["name"], row["key"]):
                report.add(LedgerCosignature, name, "its line is of another witness")
            elif cosigned_at(line) != row["cosigned_at"]:
                report.add(LedgerCosignature, name, "its time is not the one that was signed")
            elif (row["name"], row["key"]) in known:
                parsed.verified(witnesses)
                report.witnessed[row["log"]] = max(row["size"], report.witnessed.get(row["log"], 0))
        except ValueError as problem:
            report.add(LedgerCosignature, name, str(problem))


def check_told(told: Told, leaves: Mapping[int, bytes], report: Report) -> None:
    """The database has all that somebody else knows of this log, and the same."""
    if told.refused:
        report.add(told.by, told.name, told.refused)
    elif told.size > len(leaves):
        reason = f"knows {told.size} entries of the {told.log} log, and there are {len(leaves)}"
        report.add(told.by, told.name, reason)
    elif told.root is None and told.size:
        reason = f"has seen {told.size} entries of the {told.log} log, whose signed checkpoint is not here"
        report.add(told.by, told.name, reason)
    elif told.root is not None:
        tree = merkle.from_leaves([leaves[place] for place in sorted(leaves)])
        if merkle.root(told.size, tree) != told.root:
            reason = f"knows another root for {told.size} entries of the {told.log} log"
            report.add(told.by, told.name, reason)
    report.told.append(f"the {told.by} {told.name}: {told.size} entries of the {told.log} log")


def check_timestamps(roots: Sequence[Certificate], held: Held, report: Report) -> None:
    """Each is of a checkpoint that is there, says what its columns say, and goes back to a known root."""
    notes = {row["size"]: row["note"] for row in held[LedgerCheckpoint]}
    for row in held[LedgerTimestamp]:
        name = records.row_id(LedgerTimestamp, row)
        if row["size"] not in notes:
            report.add(LedgerTimestamp, name, "is of a checkpoint that is not there")
            continue
        try:
            text = timestamps.text_of(notes[row["size"]])
            who, at, stamped = timestamps.read(row["answer"])
            if stamped != hashlib.sha256(text.encode()).digest():
                report.add(LedgerTimestamp, name, "it stamps another text than that of the checkpoint")
            elif (who, at) != (row["name"], row["at"]):
                report.add(LedgerTimestamp, name, "its name or its time is not what was signed")
            elif roots:
                timestamps.check(row["answer"], text, roots)
                report.stamped[row["log"]] = max(row["size"], report.stamped.get(row["log"], 0))
        except (timestamps.NotStamped, ValueError) as problem:
            report.add(LedgerTimestamp, name, str(problem))


def check_times(recorded: Mapping[int, datetime], held: Held, report: Report) -> None:
    """The times of heads, which no signature covers, held between the entries and the next checkpoint.

    A head is moved after the last entry that it covers was recorded, and signed after that and after the
    checkpoint before it. How much later is not known to the log.
    """
    newest = before = datetime.min.replace(tzinfo=UTC)
    place = 0
    moved = {row["size"]: row["moved_at"] for row in held[LedgerHead]}
    for row in sorted(held[LedgerCheckpoint], key=lambda row: int(row["size"])):
        name = records.row_id(LedgerCheckpoint, row)
        newest = max([newest, *(recorded[n] for n in range(place, row["size"]) if n in recorded)])
        place = row["size"]
        if row["at"] < newest:
            report.add(LedgerCheckpoint, name, "its time is before an entry that it covers was recorded")
        if row["at"] < before:
            report.add(LedgerCheckpoint, name, "its time is before that of the checkpoint that it follows")
        if row["at"] < moved.get(place, row["at"]):
            report.add(LedgerHead, row["log"], "its time is after that of its checkpoint")
        before = row["at"]
    for head in held[LedgerHead]:
        covered = [at for n, at in recorded.items() if n < head["size"]]
        if covered and head["moved_at"] < max(covered):
            report.add(LedgerHead, head["log"], "its time is before an entry that it covers was recorded")


def _check_tiles(log: Log, rows: Sequence[Row], hashes: list[bytes], report: Report) -> None:
    expected = tiles.grow(tiles.nothing, 0, hashes)
    stored = {(row["level"], row["number"]): row["hashes"] for row in rows}
    for place in sorted(expected.keys() | stored.keys()):
        if stored.get(place) != expected.get(place):
            reason = "differs from the tile built of the entries"
            if place[0] == 0 and place in stored and place in expected:
                first = place[1] * tiles.WIDTH + _first_difference(stored[place], expected[place])
                reason += f", first at entry {first} of the {log} log"
            report.add(LedgerTile, f"{log}/{place[0]}/{place[1]}", reason)


def _first_difference(one: bytes, other: bytes) -> int:
    """Which hash of two lists is the first that differs, counted from 0."""
    size = merkle.HASH_SIZE
    for at in range(0, max(len(one), len(other)), size):
        if one[at : at + size] != other[at : at + size]:
            return at // size
    raise AssertionError("the two are the same")
