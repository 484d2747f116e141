"""What every act of the core stands on: its parts, its state, its clock, and the line that comes first."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from secure_access.clock import Clock
from secure_access.custodian import forms
from secure_access.custodian.access_grants import AccessGrant, GrantedSection
from secure_access.custodian.acts import (
    Act,
    Confirmed,
    EntryNonces,
    Nonces,
    NotConfirmed,
    Reason,
    Statement,
    confirm,
)
from secure_access.custodian.backing import Backing
from secure_access.custodian.custody_log import CustodyLog, Line, NotWritten
from secure_access.custodian.enrolment import Enrolment, Officer, Person
from secure_access.custodian.findings import Told
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection
from secure_access.custodian.private_files import Kept
from secure_access.custodian.state import Plan, State
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json

LONGEST_SILENCE = timedelta(seconds=30)
STRANGERS = 60
"""Lines in an hour about people who proved nothing; more are counted in the next such line."""
REFUSALS = 60
"""The same of refusals of one person who is enrolled: no passkey fills the disk."""
_HOUR = timedelta(hours=1)
_NOBODY = "(nobody)"
"""Whose refusal it is when nobody asked; no identifier has this form."""


class Why(StrEnum):
    """Why something is refused; the value stands in the log."""

    NOT_SET_UP = "not_set_up"
    CLOCK_BACK = "clock_set_back"
    NOT_LOGGED = "not_logged"
    NO_WITNESS = "no_fresh_witness"
    SILENCE = "portal_silent"
    NOT_ALLOWED = "not_allowed"
    WRONG_ACT = "wrong_act"
    MALFORMED = "malformed"
    WRONG_STATE = "wrong_state"
    UNKNOWN = "unknown"
    SITTING_OVER = "sitting_over"
    NOT_APPROVED = "not_approved"
    NOT_BEGUN = "not_begun"
    ENDED = "ended"
    REVOKED = "revoked"
    PAUSED = "paused"
    DESTROYED = "destroyed"
    HELD = "legal_hold"
    NOT_ENROLLED = "not_enrolled"
    OTHER_PASSKEY = "other_passkey"
    CONFLICT = "conflict"
    NO_PAGES_LEFT = "no_pages_left"
    TOO_FAST = "too_fast"
    NOT_RENDERED = "not_rendered"
    NOT_ENTERED = "not_entered"
    NO_TEXT = "no_text"
    TOO_MUCH = "too_much"
    NOT_RECERTIFIED = "not_recertified"


class NotOpened(Exception):
    """A sealed section does not open; the message says why, for who delivers it."""


class NotSetUp(RuntimeError):
    """This core opens nothing and shows nothing; the message says why, for the operator."""


class NoSuchPage(LookupError):
    """The section has no page of that number. What renders pages raises it."""


class Refused(Exception):
    """The custodian does not do it. ``why`` for the log; the message is for the person."""

    def __init__(self, why: Why, words: str) -> None:
        super().__init__(words)
        self.why = why


@dataclass(frozen=True)
class Release:
    """One page that leaves: its number (the mark's), to whom, under what, when; ``zoom`` is in tenths."""

    number: int
    reader: Person
    employer: str
    grant: AccessGrant
    at: datetime
    plan: str = ""
    sitting: str = field(default="", repr=False)
    zoom: int = 10


Render = Callable[[GrantedSection, int, Release], bytes]


class PlanKeys(Protocol):
    """Makes, keeps and destroys the keys of plans; `plan_keys.KeptPlanKeys` is one."""

    def public(self, fingerprint: str) -> bytes:
        """The bytes of the plan key file."""
        ...

    def private(self, fingerprint: str) -> bytes:
        """The private half."""
        ...

    def make(self, request: str, custodian: str, now: datetime, pairs: list[tuple[Officer, Officer]]) -> str:
        """A new key for a plan request, with its recovery copies; its fingerprint."""
        ...

    def reseal(self, fingerprint: str, pairs: list[tuple[Officer, Officer]]) -> None:
        """New recovery copies for these officers; the old ones are gone."""
        ...

    def destroy(self, fingerprint: str, now: datetime) -> bytes:
        """Destroy a key everywhere; the certificate. Once destroyed, the same certificate again."""
        ...


class Fresh(Protocol):
    """Says whether witnesses have seen the log lately; `freshness.Freshness` is one."""

    def refusal(self, now: datetime) -> str:
        """Why nothing may be served now, in words; empty while it may."""
        ...


@dataclass(frozen=True)
class Parts:
    """What the core is made of. ``render`` makes a page, ``inspect`` opens every delivered file unseen.

    Both raise what stops the act. What is slow
    of a page is done in ``prepare``, while other readers are served; ``text`` is the page in words; ``keep``
    wipes what is open of all sittings but these. ``compare`` makes the drift report of a delivery and an
    outline, by section.
    """

    log: CustodyLog
    kept: Kept
    keys: PlanKeys
    fresh: Fresh
    clock: Clock
    render: Render
    inspect: Callable[[PlanManifest], Mapping[str, Told]]
    prepare: Callable[[GrantedSection, int, Release], None]
    text: Callable[[GrantedSection, int, Release], str]
    compare: Callable[[PlanManifest, Mapping[str, str]], SealedSection | None]
    keep: Callable[[Collection[str]], None]


@dataclass(frozen=True)
class Rules:
    """What a deployment sets: origin, digest of the first enrolment list, whether break-glass exists."""

    origin: str
    pinned: str
    break_glass: bool = False
    silence: timedelta = LONGEST_SILENCE


@dataclass
class _Hour:
    """When refusals of one person were written in the last hour, and how many were not written since."""

    written: deque[datetime] = field(default_factory=deque)
    untold: int = 0

    def takes(self, at: datetime, most: int) -> bool:
        """Whether one more is written at ``at``; it is counted either way."""
        while self.written and not at - _HOUR < self.written[0] <= at:
            self.written.popleft()
        if len(self.written) >= most:
            self.untold += 1
            return False
        self.written.append(at)
        return True


@dataclass
class Custody:
    """The parts with the state that the log tells, taken in when this is made: `Damaged` if unbacked."""

    parts: Parts
    rules: Rules
    nonces: Nonces = field(default_factory=Nonces)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.state = State(self.parts.kept.get)
        self.heard_at: datetime | None = None
        self._back = False
        self._hours: dict[str, _Hour] = {}
        self.entries = EntryNonces(forms.digest(self.rules.origin.encode()))
        backing = Backing(self.parts.kept.get, self.rules.pinned)
        for line in self.parts.log.lines():
            backing.check(line, self.state)
            self.state.take(line)

    @property
    def enrolment(self) -> Enrolment:
        """Whom to believe. Raises `Refused` before the first list."""
        if self.state.enrolment is None:
            raise Refused(Why.NOT_SET_UP, "The custodian has no enrolment list yet.")
        return self.state.enrolment

    def now(self) -> datetime:
        """The machine's time. Raises `Refused` when it is behind the last line of the log."""
        found, last = self.parts.clock.now(), self.parts.log.last
        if last is not None and found < last.at:
            self._set_back(last.at - found)
            raise Refused(Why.CLOCK_BACK, "The custodian's clock was set back. It serves nothing until then.")
        self._back = False
        return found

    def _set_back(self, behind: timedelta) -> None:
        """One line each time that the clock is found behind, so that this is told also when nobody reads."""
        with self.lock:
            if not self._back:
                self._back = True
                seconds = math.ceil(behind.total_seconds())
                self.refuse("clock.set_back", "", {"seconds": seconds}, _NOBODY)

    def write(self, kind: str, plan: str, fields: dict[str, Json]) -> Line:
        """Write a line and take it in. Nothing that it tells may happen before. Raises `Refused`."""
        with self.lock:
            try:
                line = self.parts.log.append(kind, plan, fields, self.now())
            except NotWritten as problem:
                raise Refused(Why.NOT_LOGGED, f"The log does not take a line: {problem}.") from None
            self.state.take(line)
            return line

    def refuse(self, kind: str, plan: str, fields: dict[str, Json], by: str) -> None:
        """Record that an enrolled person (``by``) was refused: only so many of one an hour.

        At the time of the last line where the clock was set back. Where the log takes no line, nothing is
        served anyway, and the refusal stands.
        """
        self._bounded(by, REFUSALS, kind, plan, fields)

    def stranger(self, kind: str, plan: str, fields: dict[str, Json]) -> None:
        """Record somebody who proved nothing: only so many an hour, so that nobody fills the disk."""
        self._bounded("", STRANGERS, kind, plan, fields)

    def _bounded(self, by: str, most: int, kind: str, plan: str, fields: dict[str, Json]) -> None:
        with self.lock:
            last, at = self.parts.log.last, self.parts.clock.now()
            hour = self._hours.setdefault(by, _Hour())
            if not hour.takes(at, most):
                return
            more = {"more": hour.untold} if hour.untold else {}
            try:
                self.parts.log.append(kind, plan, {**fields, **more}, max(at, last.at) if last else at)
            except NotWritten:
                hour.untold += 1
            else:
                hour.untold = 0

    def confirmed(self, nonce: str, answer: str, *allowed: Act) -> Confirmed:
        """An act that a passkey confirmed, of one of these kinds.

        Raises `NotConfirmed`, `Refused`; both are in the log.
        """
        with self.lock:
            now = self.now()
            try:
                statement = (self.entries if allowed == (Act.ENTER,) else self.nonces).take(nonce, now)
            except NotConfirmed as refused:
                self.stranger("act.refused", "", {"reason": refused.reason.value})
                raise
            try:
                done = confirm(statement, answer, self.enrolment, now)
            except NotConfirmed as refused:
                self.stranger(*self._act_line(statement, refused.reason))
                raise
            if statement.act not in allowed:
                raise self.denied(done, Why.WRONG_ACT, "This was confirmed for another act.")
            return done

    def denied(self, done: Confirmed, why: Why, words: str) -> Refused:
        """The refusal of a confirmed act, recorded."""
        self.act_refused(done.statement, why)
        return Refused(why, words)

    def act_refused(self, statement: Statement, why: Why) -> None:
        """Record that a confirmed act was refused."""
        self.refuse(*self._act_line(statement, why), statement.by)

    def _act_line(self, statement: Statement, reason: Reason | Why) -> tuple[str, str, dict[str, Json]]:
        about = statement.object
        given = self.state.grants.get(about)
        plan = given.plan if given else about if about in self.state.plans else ""
        # The digest of words that were not released could confirm a guess at them.
        named = "" if statement.act is Act.QUOTE else about
        fields = {"act": statement.act.value, "object": named, "by": statement.by, "reason": reason.value}
        return "act.refused", plan, dict(fields)

    def evidence(self, done: Confirmed) -> str:
        """Keep statement and assertion, so that anybody can verify the act later; their digest."""
        said = {"statement": done.statement.encoded.decode(), "assertion": done.assertion}
        return self.parts.kept.put(canonical.encode(said))

    def by(self, done: Confirmed) -> dict[str, Json]:
        """The fields that every confirmed act has."""
        return {"by": done.person.person, "team": done.person.team, "evidence": self.evidence(done)}

    def plan(self, fingerprint: str) -> Plan:
        """A plan that is not being destroyed. Raises `Refused`."""
        found = self.state.plans.get(fingerprint)
        if found is None or found.destroying:
            raise Refused(Why.UNKNOWN, "There is no such plan here.")
        return found

    def stopped(self, now: datetime) -> Refused | None:
        """What stops all serving, whoever asks: silence of the portal, or no fresh witness."""
        heard = self.heard_at
        if heard is None or not now - self.rules.silence <= heard <= now:
            return Refused(Why.SILENCE, "The portal is silent. The custodian serves nothing meanwhile.")
        stale = self.parts.fresh.refusal(now)
        return Refused(Why.NO_WITNESS, f"The custodian serves nothing: {stale}.") if stale else None
