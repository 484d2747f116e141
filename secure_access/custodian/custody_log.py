"""The custodian's log: what it did and refused, a line each, on disk before anything follows from it.

A line holds the digest of the line before, a number without gap, and a count for each plan, so that nothing
can be left out or changed. Lines are the leaves of a Merkle tree, whose signed head witnesses see
(`secure_access.custodian.freshness`). Source: docs/reference/protocol.md, “Entry of the custodian's log”.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secure_access.custodian import forms, private_files
from secure_access.custodian.forms import Form, Malformed
from secure_access.custodian.private_files import DISK, Disk
from secure_access.ledger import canonical, merkle
from secure_access.ledger.canonical import Json
from secure_access.ledger.note import Checkpoint
from secure_access.ledger.records import timestamp
from secure_access.ledger.signer import LogSigner, Signed

FORMAT = "assay.custodian-entry/v1"
START = "0" * 64
FILE = "custody.log"
LONGEST_LINE = 16 * 1024
_KEYS = ("v", "number", "at", "previous", "type", "plan", "count", "fields", "salt")


class Damaged(RuntimeError):
    """The log is not the one that was written: nothing is served until a person has looked at it."""


class NotWritten(RuntimeError):
    """A line is not on disk, so that what it would tell does not happen."""


@dataclass(frozen=True)
class Line:
    """One line. ``encoded`` is its bytes without the newline: a leaf of the tree."""

    number: int
    at: datetime
    type: str
    plan: str
    count: int
    previous: str
    fields: Mapping[str, Json]
    encoded: bytes

    @property
    def digest(self) -> str:
        """What the next line names."""
        return forms.digest(self.encoded)


class GrowingTree:
    """The complete subtrees over leaves that are only added: each leaf is hashed once."""

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def add(self, leaf: bytes) -> None:
        """One more leaf, by its bytes."""
        found, level = merkle.leaf_hash(leaf), 0
        self._levels[0].append(found)
        while len(self._levels[level]) % 2 == 0:
            left, right = self._levels[level][-2:]
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(merkle.node_hash(left, right))

    def nodes(self, level: int, index: int) -> bytes:
        """As `merkle.Nodes`."""
        return self._levels[level][index]

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` leaves."""
        return merkle.root(size, self.nodes)


class CustodyLog:
    """The log in one folder, for one process at a time.

    ``seen`` is called with each line that is there when it is opened, in order. ``cut`` is how many bytes of
    a line were removed from its end: a crash stopped it before it was acknowledged. Raises `Damaged`.
    """

    def __init__(
        self, home: Path, seen: Callable[[Line], None] = lambda _line: None, disk: Disk = DISK
    ) -> None:
        self._path, self._disk = private_files.folder(home) / FILE, disk
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._starts = array("Q")
        """Where in the file each line begins: the portal asks for the newest every few seconds."""
        self._tree = GrowingTree()
        self.last: Line | None = None
        self._broken = ""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        try:
            self._only_one()
            self._size, self.cut = self._load(seen)
            private_files.sync_folder(home, disk)
        except BaseException:
            os.close(self._file)
            raise

    @property
    def size(self) -> int:
        """How many lines there are."""
        return self._tree.size

    def close(self) -> None:
        """Let go of the file, so that another process may open the log."""
        with self._lock:
            self._broken = "the log is closed"
            os.close(self._file)

    def append(self, kind: str, plan: str, fields: Mapping[str, Json], at: datetime) -> Line:
        """Write a line; on disk when it returns. Raises `NotWritten`.

        A time before that of the last line is refused: nothing here goes back.
        """
        with self._lock:
            if self._broken:
                raise NotWritten(self._broken)
            if self.last is not None and at < self.last.at:
                raise NotWritten("the clock was set back behind the last line of the log")
            made = self._made(kind, plan, fields, at)
            begins = self._size
            self._write(made.encoded + b"\n")
            self._take(made, begins)
            return made

    def lines(self, after: int = 0) -> Iterator[Line]:
        """The lines with numbers above ``after``, read from disk as they were verified when it was opened."""
        with self._lock:
            size = self._size
            begins = self._starts[after] if after < len(self._starts) else size
        with self._path.open("rb") as file:
            file.seek(begins)
            while file.tell() < size:
                yield read_line(file.readline().rstrip(b"\n"))

    def checkpoint(self, signer: LogSigner, time: int) -> Signed:
        """The newest head, signed as of POSIX second ``time``. Raises `signer.Frozen`."""
        with self._lock:
            before = signer.last(signer.name)
            head = Checkpoint(signer.name, self.size, self._tree.root(self.size))
            proof = self._proof(before.size if before else 0, head.size)
            return signer.sign(head, proof, time)

    def proof(self, old: int, new: int) -> list[bytes]:
        """What shows a witness that the tree of ``new`` lines continues that of ``old``."""
        with self._lock:
            return self._proof(old, new)

    def _proof(self, old: int, new: int) -> list[bytes]:
        return merkle.consistency_proof(old, new, self._tree.nodes) if 0 < old < new <= self.size else []

    def _made(self, kind: str, plan: str, fields: Mapping[str, Json], at: datetime) -> Line:
        value: dict[str, Json] = {
            "v": FORMAT,
            "number": self.size + 1,
            "at": timestamp(at),
            "previous": self.last.digest if self.last else START,
            "type": kind,
            "plan": plan,
            "count": self._counts[plan] + 1,
            "fields": dict(fields),
            "salt": secrets.token_hex(16),
        }
        encoded = canonical.encode(value)
        if len(encoded) > LONGEST_LINE:
            raise NotWritten("the line is too long")
        return read_line(encoded)

    def _write(self, encoded: bytes) -> None:
        try:
            private_files.write_all(self._file, encoded, self._disk)
        except OSError as problem:
            self._undo()
            raise NotWritten(f"the log cannot be written: {problem.strerror}") from None
        try:
            self._disk.sync(self._file)
        except OSError as problem:
            # What is on disk now is unknown, and a second call may claim success: only a restart tells.
            self._broken = "the disk did not confirm a line of the log; start the core again"
            raise NotWritten(f"the log is not on disk: {problem.strerror}") from None
        self._size += len(encoded)

    def _undo(self) -> None:
        """A line that was written in part is taken back, or nothing is written after it."""
        try:
            self._disk.truncate(self._file, self._size)
            self._disk.sync(self._file)
        except OSError:
            self._broken = "a line of the log was written in part; start the core again"

    def _take(self, line: Line, begins: int) -> None:
        self._tree.add(line.encoded)
        self._starts.append(begins)
        self._counts[line.plan] = line.count
        self.last = line

    def _only_one(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Damaged("another process has the log open") from None

    def _load(self, seen: Callable[[Line], None]) -> tuple[int, int]:
        """Size of the whole lines in bytes, and how many bytes behind them were cut."""
        size, cut = 0, 0
        with self._path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    cut = len(raw)
                    break
                line = self._verified(raw[:-1])
                self._take(line, size)
                seen(line)
                size += len(raw)
        if cut:
            self._disk.truncate(self._file, size)
            self._disk.sync(self._file)
        return size, cut

    def _verified(self, encoded: bytes) -> Line:
        number = self.size + 1
        try:
            line = read_line(encoded)
        except Malformed as problem:
            raise Damaged(f"line {number} of the log was changed: {problem}") from None
        before = self.last
        if line.previous != (before.digest if before else START):
            raise Damaged(f"line {number} of the log does not continue the line before it")
        if line.number != number or line.count != self._counts[line.plan] + 1:
            raise Damaged(f"line {number} of the log has another number: lines are missing")
        if before is not None and line.at < before.at:
            raise Damaged(f"line {number} of the log is earlier than the line before it")
        return line


def read_line(encoded: bytes) -> Line:
    """Read one line. Raises `Malformed`. The chain is the log's to verify."""
    form = forms.document(encoded, FORMAT, _KEYS[1:])
    form.hexadecimal("salt", 16)
    if form.text("plan", empty=True):
        form.hexadecimal("plan", 32)
    return Line(
        number=form.number("number", 1, 2**53 - 1),
        at=form.instant("at"),
        type=form.identifier("type"),
        plan=form.text("plan", empty=True),
        count=form.number("count", 1, 2**53 - 1),
        previous=form.hexadecimal("previous", 32),
        fields=_fields(form),
        encoded=encoded,
    )


def _fields(form: Form) -> Mapping[str, Json]:
    value = form.value("fields")
    if not isinstance(value, dict):
        raise form.wrong("fields", "an object")
    return value
