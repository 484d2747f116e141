"""How the public log stands: its newest head, its witnesses, the quorum in words, whether entries wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import or_, text

from portal.ui.formats import count, duration, plural
from secure_access.db import Session, col, reads_public_columns, select
from secure_access.ledger import sequencer
from secure_access.ledger.tables import LedgerCheckpoint, LedgerCosignature, LedgerEntry, LedgerWitness, Log
from secure_access.ledger.verify_receipt import Policy
from secure_access.ledger.witnesses import Witnesses

_WAITING = text("SELECT assay_waiting(:since, :size)")
LONGEST_WAIT = timedelta(seconds=60)
"""An entry has its proof within seconds; after this long the page says that something is wrong."""


@dataclass(frozen=True)
class Watching:
    """A witness: its name, how it stands, the last head it signed and when by its own clock."""

    name: str
    kind: str
    words: str
    why: str
    size: int | None = None
    at: datetime | None = None
    age: str = ""


@dataclass(frozen=True)
class State:
    """All of it. ``witnessed`` is the newest head for which the quorum signed; ``late`` that entries wait."""

    newest: LedgerCheckpoint | None
    witnesses: tuple[Watching, ...]
    quorum: str
    witnessed: int | None
    late: bool

    @property
    def badge(self) -> tuple[str, str]:
        """Kind and words of the mark beside the newest head."""
        if self.newest is not None and self.witnessed == self.newest.size:
            return "good", "Witnessed"
        return "warn", "Signed, witnessed in part" if self.witnessed else "Signed, not witnessed"

    @property
    def reach(self) -> str:
        """How far the quorum has seen the log, in a sentence."""
        if not self.witnesses:
            return (
                "No witness is configured. Until one is, the log could show you another history than it "
                "shows others."
            )
        if not self.witnessed:
            return "No entry is witnessed: the quorum has not signed any checkpoint that holds one."
        return f"Witnessed up to entry {count(self.witnessed - 1)}."


def state(session: Session, wanted: Witnesses, now: datetime) -> State:
    """The public log as of ``now``. Nothing of the custody log is read."""
    newest = sequencer.latest(session, Log.PUBLIC)
    return State(
        newest,
        tuple(_watching(session, wanted, newest, now)),
        quorum(wanted.policy),
        _witnessed(session, wanted),
        _late(session, newest, now),
    )


def quorum(policy: Policy) -> str:
    """Whose signatures make the quorum, in a sentence; empty without one."""
    if policy.quorum == "none":
        return ""
    return f"A checkpoint counts as witnessed with the signature of {_needed(policy, policy.quorum)}."


def _needed(policy: Policy, name: str) -> str:
    if name not in policy.groups:
        return policy.witnesses[name].name
    needed, members = policy.groups[name]
    told = [f"({_needed(policy, one)})" if one in policy.groups else _needed(policy, one) for one in members]
    if len(told) == 1:
        return told[0]
    every = f"{', '.join(told[:-1])} and {told[-1]}"
    return f"all of {every}" if needed == len(told) else f"{needed} of {every}"


def _watching(
    session: Session, wanted: Witnesses, newest: LedgerCheckpoint | None, now: datetime
) -> Iterator[Watching]:
    policy = wanted.policy
    asked = {key.name: policy.urls.get(name, "") for name, key in reversed(policy.witnesses.items())}
    for name, url in reversed(asked.items()):
        ids = {key.id.hex() for key in policy.witnesses.values() if key.name == name}
        last = session.exec(
            select(LedgerCosignature)
            .where(
                LedgerCosignature.log == Log.PUBLIC,
                LedgerCosignature.name == name,
                col(LedgerCosignature.key).in_(ids),
            )
            .order_by(col(LedgerCosignature.size).desc())
            .limit(1)
        ).first()
        answered = session.get(LedgerWitness, url) if url else None
        yield _standing(name, last, answered.problem if answered else "", newest, now)


def _standing(
    name: str, last: LedgerCosignature | None, problem: str, newest: LedgerCheckpoint | None, now: datetime
) -> Watching:
    if last is None:
        why = f"Asked, and {problem}." if problem else "It has not been asked, or has not answered yet."
        return Watching(name, "stop", "Has never signed", why)
    age = f"{duration(now - last.cosigned_at)} ago" if now - last.cosigned_at > timedelta() else ""
    if newest is None or last.size >= newest.size:
        return Watching(name, "good", "Signed the newest", "", last.size, last.cosigned_at, age)
    behind = f"It is {plural(newest.size - last.size, 'entry', 'entries')} behind."
    if problem:
        why = f"Asked, and {problem}. {behind}"
        return Watching(name, "stop", "Does not sign", why, last.size, last.cosigned_at, age)
    if now - newest.at < LONGEST_WAIT:
        return Watching(name, "neutral", "Being asked", "", last.size, last.cosigned_at, age)
    return Watching(name, "warn", "Behind", behind, last.size, last.cosigned_at, age)


def _witnessed(session: Session, wanted: Witnesses) -> int | None:
    """The size of the newest head under which the quorum stands; one query, read until it is found."""
    if wanted.policy.quorum == "none":
        return None
    query = (
        select(LedgerCosignature)
        .where(LedgerCosignature.log == Log.PUBLIC)
        .order_by(col(LedgerCosignature.size).desc())
        .execution_options(yield_per=200)
    )
    for size, lines in groupby(session.exec(query), key=lambda line: line.size):
        if wanted.reached(list(lines)):
            return int(size)
    return None


def _late(session: Session, newest: LedgerCheckpoint | None, now: datetime) -> bool:
    """Whether an entry of the public log has waited too long. Which, or how many, is not said."""
    size = newest.size if newest else 0
    if reads_public_columns(session):
        asked = {"since": now - LONGEST_WAIT, "size": size}
        return bool(session.connection().execute(_WAITING, asked).scalar_one())
    query = select(LedgerEntry.number).where(
        LedgerEntry.log == Log.PUBLIC,
        col(LedgerEntry.recorded_at) < now - LONGEST_WAIT,
        or_(col(LedgerEntry.leaf_index).is_(None), col(LedgerEntry.leaf_index) >= size),
    )
    return session.exec(query.limit(1)).first() is not None
