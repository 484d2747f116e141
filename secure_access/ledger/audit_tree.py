"""The part of the audit that holds leaves, heads, checkpoints, cosignatures and tiles to each other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography.x509 import Certificate

from secure_access.db import Table
from secure_access.ledger import merkle, note, records, tiles, timestamps
from secure_access.ledger.audit_report import Report
from secure_access.ledger.audit_rows import UNREADABLE
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

_WIDE = 100
"""From how many missing entries on a gap is named as one."""
_COSIGNATURE_SIZES = {8 + 64, 8 + 2420}
"""Bytes of a time and a signature, of Ed25519 and of ML-DSA-44."""

Held = Mapping[type[Table], list[Row]]


def check_tree(
    log: Log, keys: Sequence[VerifierKey], leaves: dict[int, bytes], held: Held, report: Report
) -> None:
    _check_places(log, sorted(leaves), report)
    hashes = [leaves[place] for place in sorted(leaves)]
    report.sizes[log] = len(hashes)
    tree = merkle.from_leaves(hashes)
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


def _check_places(log: Log, places: Sequence[int], report: Report) -> None:
    """Every place is taken. A wide gap is named once: a column may hold any number."""
    following = 0
    for place in places:
        if place < 0:
            report.add(LedgerEntry, f"{log} {place}", "is no place in the log")
        elif place - following > _WIDE:
            reason = f"and all after it before {place} are missing: no entry has these places in the log"
            report.add(LedgerEntry, f"{log} {following}", reason)
        else:
            for missing in range(following, place):
                reason = "is missing: no entry has this place in the log"
                report.add(LedgerEntry, f"{log} {missing}", reason)
        following = max(following, place + 1)


def check_signed(log: Log, entries: int, held: Held, report: Report) -> None:
    """A log with entries, placed or waiting, has a head, and something of it was signed once."""
    if entries and not held[LedgerHead]:
        report.add(LedgerHead, log, "is missing")
    if entries and not held[LedgerCheckpoint]:
        reason = f"is missing: there are {entries} entries, and nothing was ever signed"
        report.add(LedgerCheckpoint, log, reason)


def _check_head(kind: type[Table], row: Row, size: int, tree: merkle.Nodes, report: Report) -> None:
    name = records.row_id(kind, row)
    if not 0 <= row["size"] <= size:
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
        except UNREADABLE as problem:
            report.add(LedgerCheckpoint, name, str(problem))
        if row["previous"] != before:
            report.add(LedgerCheckpoint, name, f"follows the one of size {row['previous']}, which is missing")
        before = row["size"]


def check_cosignatures(witnesses: Sequence[VerifierKey], held: Held, report: Report) -> None:
    """Each stands under its checkpoint, has the form of one, and verifies where its key is known."""
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
            elif len(line.signature) not in _COSIGNATURE_SIZES:
                report.add(LedgerCosignature, name, "its line has not the length of a cosignature")
            elif cosigned_at(line) != row["cosigned_at"]:
                report.add(LedgerCosignature, name, "its time is not the one that was signed")
            elif (row["name"], row["key"]) in known:
                parsed.verified(witnesses)
                report.witnessed[row["log"]] = max(row["size"], report.witnessed.get(row["log"], 0))
            else:
                report.unknown_witnesses += 1
        except UNREADABLE as problem:
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
        except (timestamps.NotStamped, *UNREADABLE) as problem:
            report.add(LedgerTimestamp, name, str(problem))


def check_times(recorded: Mapping[int, datetime], held: Held, report: Report) -> None:
    """The times of heads, which no signature covers, held between the entries and the next checkpoint.

    A head is moved after the last entry that it covers was recorded, and signed after that and after the
    checkpoint before it. How much later is not known to the log.
    """
    newest = before = datetime.min.replace(tzinfo=UTC)
    left = sorted(recorded, reverse=True)
    moved = {row["size"]: row["moved_at"] for row in held[LedgerHead]}
    for row in sorted(held[LedgerCheckpoint], key=lambda row: int(row["size"])):
        name = records.row_id(LedgerCheckpoint, row)
        while left and left[-1] < row["size"]:
            newest = max(newest, recorded[left.pop()])
        if row["at"] < newest:
            report.add(LedgerCheckpoint, name, "its time is before an entry that it covers was recorded")
        if row["at"] < before:
            report.add(LedgerCheckpoint, name, "its time is before that of the checkpoint that it follows")
        if row["at"] < moved.get(row["size"], row["at"]):
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
