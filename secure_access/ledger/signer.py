"""The signer: holds the log's keys, and signs only a head that continues the last one that it signed.

It remembers the last head of each log in a file of its own, apart from the database. A database that was
restored from an older copy is behind that memory, so nothing is signed: the log is *frozen* until the true
database is back, or an operator begins a successor (`assay ledger succeed`). The memory is written before a
signature leaves, and holds the note: who asks again for the same head is given the same note.

A memory that was lost, or is old itself, comes back from what the keys signed and from nothing else: a
checkpoint in the database with the signatures of this log. What a witness has seen can freeze the log, and
never thaws it.

It runs inside the worker, or as a process of another user (`assay ledger signer`) behind a Unix socket.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from secure_access.ledger import log_keys, merkle, note
from secure_access.ledger.note import Checkpoint, NoteError, Signer, VerifierKey
from secure_access.ledger.tables import Log


class Frozen(RuntimeError):
    """The signer does not sign this head; the message says why, and what has to happen first."""


@dataclass(frozen=True)
class Signed:
    """The last head of a log that was signed: its size and root, when (POSIX seconds), and the note."""

    size: int
    root: bytes
    time: int
    note: str


@dataclass(frozen=True)
class Seen:
    """How many entries of the public log a witness has seen, and its address."""

    size: int
    by: str = ""


class LogSigner(Protocol):
    """Signs the heads of the logs of one instance."""

    name: str
    """The origin of the public log."""
    keys: tuple[VerifierKey, ...]
    """The public keys of the public log: Ed25519, then ML-DSA-44 where there is one."""

    def last(self, origin: str) -> Signed | None:
        """The last head of this log that was signed, or ``None``."""
        ...

    def sign(self, head: Checkpoint, proof: Sequence[bytes], time: int) -> Signed:
        """Sign ``head`` as of POSIX second ``time``; ``proof`` shows that it continues `last`.

        Raises `Frozen`.
        """
        ...

    def recall(self, signed: str, proof: Sequence[bytes]) -> Signed:
        """Remember ``signed`` as the last head, where these keys signed it and the memory is behind it.

        ``proof`` shows that it continues `last`. Raises `Frozen`.
        """
        ...


class KeptSigner:
    """A `LogSigner` with the keys in this process and the memory in a folder that only it writes.

    ``asked`` is called before anything is signed since the start, with the last note of the public log, which
    witnesses see: it gives the largest size that one has seen of it, and which, or ``None`` where none
    answers. Then nothing is signed: this memory may be as old as a database that was restored with it.
    """

    def __init__(
        self,
        keys: Sequence[Signer],
        memory: Path,
        asked: Callable[[str], Seen | None] = lambda _note: Seen(0),
    ) -> None:
        self.name = keys[0].name
        self.keys = public_keys(keys)
        self._signers, self._memory, self._asked = tuple(keys), memory, asked
        self._seen: Seen | None = None
        self._lock = threading.Lock()
        self._make_memory()

    def last(self, origin: str) -> Signed | None:
        """The last head of this log that was signed, or ``None``. Raises `Frozen` for a damaged memory."""
        self._check_own(origin)
        if self._seen is None:
            public = self._kept(self.name)
            # Of a log without memory the empty head is shown: a witness answers it with what it has seen.
            last = public.note if public else self._signed(Checkpoint(self.name, 0, merkle.EMPTY), 0).note
            self._seen = self._asked(last)
            if self._seen is None:
                raise Frozen("after a start a witness has to say what it has seen, and none answers")
        return self._kept(origin)

    def _make_memory(self) -> None:
        self._memory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _kept(self, origin: str) -> Signed | None:
        return remembered(self._memory, origin)

    def sign(self, head: Checkpoint, proof: Sequence[bytes], time: int) -> Signed:
        """Sign ``head`` as of POSIX second ``time``; ``proof`` shows that it continues `last`.

        A time before the last one is taken for the last one: clocks go back. Raises `Frozen`.
        """
        self._check_own(head.origin)
        with self._alone():
            before = self.last(head.origin)
            if before is not None:
                if (head.size, head.root) == (before.size, before.root):
                    return before
                _check_continues(head, before, proof)
            self._check_witnessed()
            made = self._signed(head, max(time, before.time if before else 0))
            self._save(head.origin, made)
            return made

    def recall(self, signed: str, proof: Sequence[bytes]) -> Signed:
        """Remember ``signed`` as the last head, where these keys signed it and the memory is behind it.

        Witnesses are asked anew then, and shown this one. Raises `Frozen` for what these keys did not sign,
        and for what does not continue the memory.
        """
        head, made = self._once_signed(signed)
        with self._alone():
            before = self._kept(head.origin)
            if before is not None:
                if before.size >= head.size:
                    return before
                _check_continues(head, before, proof)
            self._save(head.origin, made)
            if head.origin == self.name:
                self._seen = None
            return made

    def _once_signed(self, text: str) -> tuple[Checkpoint, Signed]:
        """A checkpoint with the signature of each of these keys; what else stands below it is left out."""
        try:
            parsed = note.parse(text)
            head = Checkpoint.parse(parsed.text)
            self._check_own(head.origin)
            keys = tuple(replace(key, name=head.origin) for key in self.keys)
            if len(parsed.verified(keys)) < len(keys):
                raise NoteError("not every key of this log signed it")
        except NoteError as problem:
            raise Frozen(f"the newest checkpoint of the database is none of this log: {problem}") from None
        own = tuple(line for line in parsed.signatures if any(line.is_of(key) for key in keys))
        times = [int.from_bytes(line.signature[:8]) for key in keys[1:] for line in own if line.is_of(key)]
        return head, Signed(head.size, head.root, max(times, default=0), str(replace(parsed, signatures=own)))

    def _signed(self, head: Checkpoint, time: int) -> Signed:
        first, *more = self._signers
        signed = note.sign(head.text, first, head.origin)
        lines = (note.cosign(head.text, signer, time, head.origin) for signer in more)
        whole = replace(signed, signatures=(*signed.signatures, *lines))
        return Signed(head.size, head.root, time, str(whole))

    def _check_own(self, origin: str) -> None:
        mine = [log_keys.origin(self.name, log) for log in Log]
        if origin not in mine:
            raise Frozen(f"this signer signs {' and '.join(mine)}, and no other log")

    def _check_witnessed(self) -> None:
        """A witness may remember what this memory has lost; it was asked since the start.

        Entries that were never signed say nothing about it, however many there are. While the memory of the
        public log is behind, no other log is signed either: witnesses see that one.
        """
        seen, public = self._seen or Seen(0), self._kept(self.name)
        known = public.size if public else 0
        if seen.size > known:
            raise Frozen(
                f"a witness ({seen.by or 'unnamed'}) has seen {self.name} with {seen.size} entries, "
                f"and {known} were signed as far as is known here: the signer's memory and the database are "
                "both older than that"
            )

    def _save(self, origin: str, made: Signed) -> None:
        root = base64.b64encode(made.root).decode()
        kept = {"size": made.size, "root": root, "time": made.time, "note": made.note}
        path = _path(self._memory, origin)
        part = path.with_suffix(".part")
        with part.open("w") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        former = _former_path(self._memory, origin)
        if former != path and _is_of(former, origin):
            former.unlink()
        folder = os.open(self._memory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else signs meanwhile: neither a thread of this process nor another process."""
        with self._lock, (self._memory / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def remembered(memory: Path, origin: str) -> Signed | None:
    """The last head of a log that the signer with this memory signed. Raises `Frozen` where it is damaged."""
    path = _path(memory, origin)
    if not path.exists() and _is_of(_former_path(memory, origin), origin):
        path = _former_path(memory, origin)
    try:
        kept = json.loads(path.read_text())
        found = Signed(kept["size"], base64.b64decode(kept["root"]), kept["time"], kept["note"])
        if Checkpoint.parse(note.parse(found.note).text) != Checkpoint(origin, found.size, found.root):
            raise NoteError("its note is of another head")
        return found
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise Frozen(f"{path} does not hold the memory of a signer; bring it back from a copy") from None


def _path(memory: Path, origin: str) -> Path:
    """A name of its own for each origin, and none that was a `_former_path`."""
    return memory / f"{quote(origin, safe='')}.memory"


def _former_path(memory: Path, origin: str) -> Path:
    """Where memories were until two origins could not share a name any more."""
    return memory / f"{origin.replace('/', '_')}.json"


def _is_of(path: Path, origin: str) -> bool:
    """Whether a file that was named in the former way is not that of another origin.

    A damaged one counts: it was somebody's memory, and none is not what it was.
    """
    try:
        kept = json.loads(path.read_text())
        return Checkpoint.parse(note.parse(kept["note"]).text).origin == origin
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        return True


def public_keys(keys: Sequence[Signer]) -> tuple[VerifierKey, ...]:
    """What verifies the checkpoints that these keys sign: the first signs them, the others cosign."""
    first, *more = keys
    return (VerifierKey(first.name, first.public), *(note.cosigner(key) for key in more))


def _check_continues(head: Checkpoint, before: Signed, proof: Sequence[bytes]) -> None:
    if head.size < before.size:
        raise Frozen(
            f"{head.origin} was signed with {before.size} entries, and this head has {head.size}: "
            "the database is older than the last signature"
        )
    if head.size == before.size:
        raise Frozen(f"{head.origin} was signed with {before.size} entries and another root")
    if before.size == 0:
        return
    try:
        merkle.verify_consistency(before.size, head.size, proof, before.root, head.root)
    except merkle.ProofError as problem:
        raise Frozen(
            f"{head.origin} with {head.size} entries does not continue the {before.size} that were signed: "
            f"{problem}"
        ) from None
