"""A witness: signs the checkpoints of logs that it knows, if each continues the last that it signed.

C2SP tlog-witness, the call ``add-checkpoint``. It keeps one row for each log, in a database file of its own;
comparing with that row and writing the new one is one transaction, durable before anything is answered, so
that two requests at once cannot take it back. It needs nothing of a portal.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from secure_access.ledger import merkle, note
from secure_access.ledger.note import Checkpoint, NoteError, Signer, VerifierKey

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
LONGEST_REQUEST = 64 * 1024
MOST_HASHES = 63
_BUSY = 10.0
"""Seconds that a request waits for another that writes."""


@dataclass(frozen=True)
class Answer:
    """What is answered over HTTP."""

    status: int
    body: str
    type: str = TEXT_TYPE


@dataclass(frozen=True)
class Seen:
    """The last checkpoint of a log that was cosigned, and when (POSIX seconds)."""

    size: int
    root: bytes
    note: str
    time: int


class _Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


class Witness:
    """A witness with its keys, the logs whose checkpoints it signs, and what it has seen, in ``path``."""

    def __init__(
        self, path: Path, keys: Sequence[Signer], logs: Sequence[VerifierKey], now: Callable[[], float]
    ) -> None:
        self.keys = tuple(note.cosigner(key) for key in keys)
        self.logs: Mapping[str, list[VerifierKey]] = {
            key.name: [other for other in logs if other.name == key.name] for key in logs
        }
        self._path, self._signers, self._now = path, tuple(keys), now
        with closing(self._open()) as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL,"
                " root BLOB NOT NULL, note TEXT NOT NULL, time INTEGER NOT NULL) STRICT"
            )

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign the checkpoint of a request, or say why not. The body is that of ``add-checkpoint``."""
        try:
            old, proof, submitted = _read(body)
            head = Checkpoint.parse(submitted.text)
            self._check_signed(head, submitted)
            if old > head.size:
                raise _Refused(Answer(400, "the old size is larger than the checkpoint's\n"))
            with self._alone() as database:
                self._check_continues(head, self._seen(database, head.origin), old, proof)
                lines, time = self._cosign(submitted.text)
                database.execute(
                    "INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE"
                    " SET size = excluded.size, root = excluded.root, note = excluded.note,"
                    " time = excluded.time",
                    (head.origin, head.size, head.root, str(submitted) + lines, time),
                )
            return Answer(200, lines)
        except _Refused as refused:
            return refused.answer
        except NoteError as problem:
            return Answer(400, f"{problem}\n")

    def seen(self, origin: str) -> Seen | None:
        """What this witness has seen of a log, or ``None``."""
        with closing(self._open()) as database:
            return self._seen(database, origin)

    def _check_signed(self, head: Checkpoint, submitted: note.Note) -> None:
        keys = self.logs.get(head.origin)
        if keys is None:
            raise _Refused(Answer(404, "this witness does not know the log\n"))
        try:
            submitted.verified(keys)
        except NoteError as problem:
            raise _Refused(Answer(403, f"{problem}\n")) from None

    def _check_continues(self, head: Checkpoint, seen: Seen | None, old: int, proof: list[bytes]) -> None:
        known = seen.size if seen else 0
        if old != known:
            raise _Refused(Answer(409, f"{known}\n", SIZE_TYPE))
        if seen is not None and head.size == seen.size:
            if head.root != seen.root:
                raise _Refused(Answer(409, "it signed another tree of this size: two histories are shown\n"))
            wrong = bool(proof)
        elif known == 0:
            wrong = bool(proof) or (head.size == 0 and head.root != merkle.EMPTY)
        else:
            assert seen is not None
            wrong = not _proves(seen, head, proof)
        if wrong:
            raise _Refused(Answer(422, "the proof does not show that the log continues what was seen\n"))

    def _cosign(self, text: str) -> tuple[str, int]:
        time = int(self._now())
        return "".join(str(note.cosign(text, key, time)) for key in self._signers), time

    def _seen(self, database: sqlite3.Connection, origin: str) -> Seen | None:
        row = database.execute(
            "SELECT size, root, note, time FROM seen WHERE origin = ?", (origin,)
        ).fetchone()
        return Seen(*row) if row else None

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=_BUSY, isolation_level=None)
        database.execute("PRAGMA synchronous = EXTRA")
        return database

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """Comparing and writing in one transaction that nobody else shares, durable when it is left."""
        with closing(self._open()) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")


def _proves(seen: Seen, head: Checkpoint, proof: list[bytes]) -> bool:
    try:
        merkle.verify_consistency(seen.size, head.size, proof, seen.root, head.root)
    except merkle.ProofError:
        return False
    return True


def _read(body: bytes) -> tuple[int, list[bytes], note.Note]:
    """Old size, proof and checkpoint of a request. Raises `NoteError`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NoteError("the request is not UTF-8") from None
    lines, blank, submitted = text.partition("\n\n")
    first, *hashes = lines.split("\n")
    size = first.removeprefix("old ")
    if not blank or first == size or not note.SIZE.fullmatch(size):
        raise NoteError("a request has a line with the old size, the proof, an empty line, a checkpoint")
    if len(hashes) > MOST_HASHES:
        raise NoteError(f"a proof has at most {MOST_HASHES} hashes")
    return int(size), [note.unbase64(line, "hash of the proof") for line in hashes], note.parse(submitted)


def described(witness: Witness) -> str:
    """The page of a witness: its keys, and what it has seen of each log."""
    lines = ["Assay witness. It signs checkpoints by POST to add-checkpoint (C2SP tlog-witness).", ""]
    lines += [f"key {key}" for key in witness.keys]
    for origin in witness.logs:
        seen = witness.seen(origin)
        root = base64.b64encode(seen.root).decode() if seen else "-"
        lines += ["", f"log {origin}", f"size {seen.size if seen else 0}", f"root {root}"]
        lines += [f"cosigned {seen.time}"] if seen else []
    return "\n".join(lines) + "\n"
