"""The witnesses of the public log: who they are, and asking them for cosignatures (C2SP tlog-witness).

They stand in the policy file that verifiers use too (C2SP tlog-policy): a line for each key with the address
at which the witness is asked, groups, and the quorum. A witness signs a checkpoint only if it continues the
last one that it signed; a log that shows different histories to different people finds none.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from sqlalchemy import func, select, tuple_

from secure_access.db import Database, Session, col
from secure_access.ledger import merkle, note, succession, tiles
from secure_access.ledger.log_keys import origin
from secure_access.ledger.note import Checkpoint, NoteError, VerifierKey
from secure_access.ledger.sequencer import latest
from secure_access.ledger.signer import Frozen, Seen
from secure_access.ledger.tables import LedgerCheckpoint, LedgerCosignature, LedgerWitness, Log
from secure_access.ledger.verify_receipt import Policy

TIMEOUT = (2, 5)
"""Seconds to reach a witness, and for its answer."""
LONGEST_ANSWER = 64 * 1024
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True)
class Witnesses:
    """The witnesses of one policy file, whose text without ``log`` lines is ``text``."""

    policy: Policy
    text: str

    @classmethod
    def parse(cls, text: str) -> Witnesses:
        """Read C2SP tlog-policy. Raises `verify_receipt.BadInput`."""
        lines = [line for line in text.split("\n") if line.split()[:1] != ["log"]]
        return cls(Policy.parse(text), "\n".join(lines).strip() + "\n")

    @property
    def asked(self) -> Mapping[str, tuple[VerifierKey, ...]]:
        """The keys of the witnesses by the address at which each is asked."""
        found: dict[str, tuple[VerifierKey, ...]] = {}
        for name, url in self.policy.urls.items():
            key = self.policy.witnesses[name]
            found[url] = (*found.get(url, ()), VerifierKey(key.name, key.public, key.type))
        return found

    @property
    def signers(self) -> set[tuple[str, str]]:
        """Name and key id, in hex, of each witness, as `LedgerCosignature` has them."""
        return {(key.name, key.id.hex()) for key in self.policy.witnesses.values()}

    def reached(self, lines: Iterable[LedgerCosignature]) -> bool:
        """Whether these cosignatures make the quorum."""
        keys = {(line.name, line.key) for line in lines}
        witnesses = self.policy.witnesses.items()
        return self.policy.reached({name for name, key in witnesses if (key.name, key.id.hex()) in keys})


NONE = Witnesses(Policy(quorum="none"), "quorum none\n")
"""No witness is configured: nothing is ever more than signed."""


class NoAnswer(Exception):
    """A witness did not sign; the message says why."""


class Forked(NoAnswer):
    """A witness has signed another tree of the same size."""


class Ahead(NoAnswer):
    """A witness has seen more than there is: ``size`` entries."""

    def __init__(self, size: int, newest: int) -> None:
        super().__init__(f"it has seen {size} entries and this log has {newest}: the log was rolled back")
        self.size = size


class Unknown(NoAnswer):
    """A witness does not know this log: it has seen nothing of it."""


@dataclass(frozen=True)
class Behind(Exception):
    """A witness has another size than it was asked from: the one that it has seen."""

    size: int


def ask(database: Database, witnesses: Witnesses, now: datetime) -> dict[str, str]:
    """Show the newest checkpoint to every witness that has not signed it, and keep what they sign.

    What went wrong, by address of the witness; of those that signed, nothing. No transaction is open while a
    witness is waited for.
    """
    problems = {}
    for url, keys in witnesses.asked.items():
        with database.read() as session:
            newest = latest(session, Log.PUBLIC)
            known = session.get(LedgerWitness, url)
            due = newest is not None and not _has_signed(session, newest, keys)
            old = known.size if known else 0
        if newest is None or not due:
            continue
        try:
            lines, problem = _submit(database, url, keys, newest, old), ""
            seen = newest.size
        except NoAnswer as failure:
            lines, problem = [], str(failure)
            seen = failure.size if isinstance(failure, Ahead) else 0
            problems[url] = problem
        with database.write() as session:
            _keep(session, newest, lines)
            _note(session, url, seen, problem, now)
    return problems


def largest_seen(urls: Iterable[str], signed: str) -> Seen | None:
    """What the witness has seen of a log that has seen most of it; ``None`` where none answers.

    ``signed`` is the last checkpoint of it. No witness is asked to sign anything new: a witness that has
    seen exactly this one signs it again. Raises `Frozen` where one has seen another history.
    """
    found = []
    for url in urls:
        try:
            found.append(Seen(seen(url, signed), url))
        except Forked as fork:
            raise Frozen(f"a witness ({url}) has signed another history: {fork}") from None
        except NoAnswer:
            continue
    return max(found, key=lambda one: one.size, default=None)


def seen(url: str, signed: str) -> int:
    """How many entries of a log a witness has seen; of the checkpoint ``signed``, it has seen that very tree.

    It is not asked to sign anything new. Raises `Forked` where it has seen another tree of that size, and
    `NoAnswer`.
    """
    size = Checkpoint.parse(note.parse(signed).text).size
    try:
        post(url, f"old {size}\n\n{signed}")
    except Behind as other:
        return other.size
    except Unknown:
        return 0
    return size


def cosignatures(session: Session, log: Log, size: int) -> Sequence[LedgerCosignature]:
    """What witnesses signed of a checkpoint, by name."""
    query = (
        select(LedgerCosignature)
        .where(col(LedgerCosignature.log) == log, col(LedgerCosignature.size) == size)
        .order_by(col(LedgerCosignature.name), col(LedgerCosignature.key))
    )
    return session.execute(query).scalars().all()


def whole(session: Session, checkpoint: LedgerCheckpoint) -> str:
    """The note of a checkpoint with the cosignatures that it has."""
    lines = cosignatures(session, Log(checkpoint.log), checkpoint.size)
    return checkpoint.note + "".join(line.line for line in lines)


def best(session: Session, wanted: Witnesses, log: Log, reaching: int) -> LedgerCheckpoint | None:
    """The checkpoint that proves most of what it holds to who trusts the witnesses ``wanted``; or ``None``.

    That is one with the most of them, then the newest. Whoever else signed, such as a witness that the policy
    named before, does not count: verifiers do not know it either. Nor does what a log signed whose key others
    have: `succession.known_to_others`.
    """
    ended = [
        ~col(LedgerCheckpoint.note).startswith(f"{origin(name, log)}\n", autoescape=True)
        for name in sorted(succession.known_to_others(session))
    ]
    sizes = select(col(LedgerCheckpoint.size)).where(
        col(LedgerCheckpoint.log) == log, col(LedgerCheckpoint.size) >= reaching, *ended
    )
    names = func.count(col(LedgerCosignature.name).distinct())
    signer = tuple_(col(LedgerCosignature.name), col(LedgerCosignature.key))
    query = (
        select(col(LedgerCosignature.size))
        .where(col(LedgerCosignature.log) == log, col(LedgerCosignature.size) >= reaching)
        .where(signer.in_(sorted(wanted.signers)), col(LedgerCosignature.size).in_(sizes))
        .group_by(col(LedgerCosignature.size))
        .order_by(names.desc(), col(LedgerCosignature.size).desc())
        .limit(1)
    )
    size = session.execute(query).scalar()
    if size is None:
        size = session.execute(sizes.order_by(col(LedgerCheckpoint.size).desc()).limit(1)).scalar()
    return None if size is None else session.get(LedgerCheckpoint, (log, size))


def witnessed(session: Session, witnesses: Witnesses, log: Log, reaching: int = 0) -> LedgerCheckpoint | None:
    """The newest checkpoint of at least ``reaching`` leaves for which a quorum has signed, or ``None``."""
    query = (
        select(col(LedgerCosignature.size))
        .where(col(LedgerCosignature.log) == log, col(LedgerCosignature.size) >= reaching)
        .distinct()
        .order_by(col(LedgerCosignature.size).desc())
    )
    for size in session.execute(query).scalars():
        if witnesses.reached(cosignatures(session, log, size)):
            return session.get(LedgerCheckpoint, (log, size))
    return None


def _has_signed(session: Session, newest: LedgerCheckpoint, keys: Sequence[VerifierKey]) -> bool:
    signed = {(line.name, line.key) for line in cosignatures(session, Log.PUBLIC, newest.size)}
    return {(key.name, key.id.hex()) for key in keys} <= signed


def _submit(
    database: Database, url: str, keys: Sequence[VerifierKey], newest: LedgerCheckpoint, old: int
) -> list[LedgerCosignature]:
    try:
        answer = post(url, _body(database, newest, old))
    except Behind as other:
        if other.size > newest.size:
            raise Ahead(other.size, newest.size) from None
        try:
            answer = post(url, _body(database, newest, other.size))
        except Behind as again:
            raise NoAnswer(f"it said {other.size} entries, then {again.size}") from None
    return _read(answer, newest, keys)


def _body(database: Database, newest: LedgerCheckpoint, old: int) -> str:
    """The body of ``add-checkpoint``."""
    proof: list[bytes] = []
    if 0 < old < newest.size:
        with database.read() as session:
            tree = tiles.nodes(tiles.stored(session, Log.PUBLIC))
            try:
                proof = merkle.consistency_proof(old, newest.size, tree)
            except LookupError as problem:
                raise NoAnswer(f"the tree here is damaged: {problem}; assay ledger rebuild") from None
    lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof)
    return f"old {min(old, newest.size)}\n{lines}\n{newest.note}"


def post(url: str, body: str) -> str:
    """What a witness answers to ``add-checkpoint`` with this body. Raises `Behind` and `NoAnswer`."""
    try:
        answer = requests.post(
            f"{url.rstrip('/')}/add-checkpoint",
            data=body.encode(),
            timeout=TIMEOUT,
            stream=True,
            allow_redirects=False,
        )
        with answer:
            text = answer.raw.read(LONGEST_ANSWER + 1, decode_content=True).decode("utf-8", "replace")
    except (requests.RequestException, OSError) as problem:
        raise NoAnswer(f"it does not answer: {type(problem).__name__}") from None
    if len(text) > LONGEST_ANSWER:
        raise NoAnswer("its answer is too long")
    if answer.status_code == 200:
        return text
    if answer.status_code == 409 and answer.headers.get("Content-Type", "").startswith(SIZE_TYPE):
        if not note.SIZE.fullmatch(text.removesuffix("\n")):
            raise NoAnswer("it names no size")
        raise Behind(int(text))
    if answer.status_code == 409:
        raise Forked(f"it answers 409: {' '.join(text.split())[:100]}")
    if answer.status_code == 404:
        raise Unknown("it does not know this log")
    raise NoAnswer(f"it answers {answer.status_code}: {' '.join(text.split())[:100]}")


def _read(answer: str, newest: LedgerCheckpoint, keys: Sequence[VerifierKey]) -> list[LedgerCosignature]:
    """The cosignatures of these keys in an answer. Raises `NoAnswer` where there is none, or a false one."""
    text = note.parse(newest.note).text
    try:
        signed = note.parse(f"{text}\n{answer}")
        verified = signed.verified(keys)
    except NoteError as problem:
        raise NoAnswer(f"its answer is no cosignature: {problem}") from None
    return [_row(newest, line, key) for key in verified for line in signed.signatures if line.is_of(key)]


def _row(newest: LedgerCheckpoint, line: note.Signature, key: VerifierKey) -> LedgerCosignature:
    try:
        at = cosigned_at(line)
    except ValueError as problem:
        raise NoAnswer(str(problem)) from None
    return LedgerCosignature(
        log=newest.log,
        size=newest.size,
        name=key.name,
        key=key.id.hex(),
        line=str(line),
        cosigned_at=at,
    )


def own_cosignatures(signed: note.Note, keys: Sequence[VerifierKey]) -> list[note.Signature]:
    """The cosignatures of the log itself, which say when it was signed."""
    own = [key for key in keys if key.type == note.MLDSA_KEY]
    return [line for line in signed.signatures if any(line.is_of(key) for key in own)]


def cosigned_at(line: note.Signature) -> datetime:
    """When a witness signed, by its own clock. Raises ``ValueError`` for what is no time."""
    stamp = int.from_bytes(line.signature[:8], "big")
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (OverflowError, OSError):
        raise ValueError(f"it is signed with a time that is none: {stamp}") from None


def _keep(session: Session, newest: LedgerCheckpoint, lines: Sequence[LedgerCosignature]) -> None:
    kept = {(line.name, line.key) for line in cosignatures(session, Log.PUBLIC, newest.size)}
    session.add_all(line for line in lines if (line.name, line.key) not in kept)


def _note(session: Session, url: str, seen: int, problem: str, now: datetime) -> None:
    """How a witness answered, and what it said it has seen, where it said so."""
    row = session.get(LedgerWitness, url) or LedgerWitness(url=url, asked_at=now)
    changes: dict[str, Any] = {"asked_at": now, "problem": problem[:300]}
    if seen:
        changes["size"] = seen
    if not problem:
        changes["answered_at"] = now
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)
