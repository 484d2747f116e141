"""Reading: a sitting of one reader under one grant, and the release of a page, logged before it leaves.

Every release looks at everything again: a page rendered before a revocation is not released after it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from secure_access.custodian import recertifying
from secure_access.custodian.access_grants import GrantedSection
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Custody, NoSuchPage, NotSetUp, Refused, Release, Why
from secure_access.custodian.enrolment import Person, Role
from secure_access.custodian.state import Given, Standing
from secure_access.ledger.canonical import Json
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound

MOST_PAGE = 100_000
_REMEMBERED = timedelta(hours=1)
"""How long a sitting that is over is known as one that is over."""
T = TypeVar("T")
_OVER = {
    Standing.WAITING: (Why.NOT_APPROVED, "This access grant waits for its approvals."),
    Standing.TELLING: (Why.NOT_APPROVED, "The developer has not been told yet: that comes first."),
    Standing.REFUSED: (Why.NOT_APPROVED, "This access grant was refused."),
    Standing.REVOKED: (Why.REVOKED, "This access grant was revoked."),
    Standing.ENDED: (Why.ENDED, "This access grant has ended."),
}


@dataclass(frozen=True)
class _Asked:
    """What a sitting asks for."""

    token: str = field(repr=False)
    section: str
    page: int
    zoom: int = 10
    text: bool = False


@dataclass(frozen=True)
class Sitting:
    """An open sitting. ``token`` is its secret: whoever has it reads, as this reader, until ``until``."""

    token: str = field(repr=False)
    grant: str
    reader: str
    credential: bytes
    until: datetime


@dataclass(frozen=True)
class SittingNow:
    """What is left of a sitting: its end, pages of the grant, and pages of this hour."""

    until: datetime
    pages: int
    this_hour: int


class Reading:
    """The sittings, which live in memory: after a restart a passkey opens a new one."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody
        self._sittings: dict[str, Sitting] = {}
        self._turn = threading.Lock()
        """Held while a page is made: numbers of releases have no gap. Revocations do not wait for it."""

    def open(self, nonce: str, answer: str) -> Sitting:
        """Open a sitting by a passkey that the grant names. Raises `Refused`, `NotConfirmed`, `NotFound`."""
        custody = self._custody
        with custody.lock:
            done = custody.confirmed(nonce, answer, Act.OPEN)
            now, given = custody.now(), custody.state.grants.get(done.statement.object)
            if given is None or given.grant.reader != done.person.person:
                custody.act_refused(done.statement, Why.UNKNOWN)
                raise NotFound
            refused = custody.stopped(now) or self._refusal(given, done.credential.id, now)
            if refused is not None:
                custody.act_refused(done.statement, refused.why)
                raise refused
            until = min(now + timedelta(minutes=given.grant.sitting_minutes), given.grant.not_after)
            made = Sitting(
                secrets.token_urlsafe(32), given.grant.digest, given.grant.reader, done.credential.id, until
            )
            custody.write(
                "sitting.opened",
                given.plan,
                {"grant": made.grant, "until": timestamp(until), **custody.by(done)},
            )
            others = {token: one for token, one in self._sittings.items() if one.reader != made.reader}
            self._sittings = {**others, made.token: made}
        custody.parts.keep(frozenset(self._sittings))
        return made

    def close(self, token: str) -> None:
        """The reader leaves. A token that is none is no error: it says nothing."""
        with self._custody.lock:
            self._sittings.pop(token, None)
        self._custody.parts.keep(frozenset(self._sittings))

    def tidy(self) -> None:
        """Wipe what is open of sittings in which no page is released any more: call it every few seconds."""
        custody = self._custody
        with custody.lock:
            try:
                now = custody.now()
            except Refused:
                # Nobody knows what time it is: sections stay open no longer than anybody may read.
                custody.parts.keep(frozenset())
                raise
            over = [one for one in self._sittings.values() if now >= one.until + _REMEMBERED]
            for sitting in over:
                del self._sittings[sitting.token]
            live = frozenset(
                token
                for token, one in self._sittings.items()
                if now < one.until
                and self._refusal(custody.state.grants[one.grant], one.credential, now) is None
            )
        custody.parts.keep(live)

    def release(self, token: str, section: str, page: int, zoom: int = 10) -> bytes:
        """A page, whose line is on disk; ``zoom`` is in tenths.

        Raises `Refused`, `NotFound`; both are in the log. What renders is called after every check, and every
        check is made again after it.
        """
        asked = _Asked(token, section, page, zoom)
        return self._released(asked, "page.released", self._custody.parts.render)

    def release_text(self, token: str, section: str, page: int) -> str:
        """The words of a page, for a reader who is enrolled for text. As `release`, and counted as a page."""
        asked = _Asked(token, section, page, text=True)
        return self._released(asked, "page.text_released", self._custody.parts.text)

    def _released(self, asked: _Asked, kind: str, make: Callable[[GrantedSection, int, Release], T]) -> T:
        custody = self._custody
        with custody.lock:
            release, sealed = self._checked(asked)
        self._made(asked, lambda: custody.parts.prepare(sealed, asked.page, release))
        with self._turn:
            with custody.lock:
                release, sealed = self._checked(asked)
            made = self._made(asked, lambda: make(sealed, asked.page, release))
            with custody.lock:
                self._checked(asked)
                custody.write(kind, *self._line(release, asked.section, asked.page))
                return made

    def now(self, token: str) -> SittingNow:
        """What is left. Raises `Refused` for what ends a sitting, `NotFound`; no line is written."""
        with self._custody.lock:
            sitting, given, now = self._open(token)
            grant = given.grant
            return SittingNow(
                sitting.until,
                grant.pages - len(given.released),
                max(0, grant.pages_per_hour - given.in_last_hour(now)),
            )

    def beside(self, token: str, section: str, page: int, refusal: str) -> Given:
        """The grant under which something is done beside a page that was released under it.

        Every check of a page but its counts. ``page`` 0 is no page: the grant as a whole. Raises `Refused`,
        `NotFound`, recorded as lines of the type ``refusal``.
        """
        custody = self._custody
        sitting = self._sittings.get(token)
        if sitting is None:
            custody.stranger(refusal, "", {"reason": Why.UNKNOWN.value})
            raise NotFound
        given = custody.state.grants[sitting.grant]
        try:
            stopped = self._stopped(sitting, given, custody.now())
            if stopped is not None:
                raise stopped
        except Refused as refused:
            self._refused(sitting.grant, section, page, refused.why, refusal)
            raise
        if page and (section, page) not in given.seen:
            self._refused(sitting.grant, section, page, Why.UNKNOWN, refusal)
            raise NotFound
        return given

    def _open(self, token: str) -> tuple[Sitting, Given, datetime]:
        """An open sitting under a grant that still opens it. Raises `Refused`, `NotFound`."""
        custody = self._custody
        sitting = self._sittings.get(token)
        if sitting is None:
            raise NotFound
        now, given = custody.now(), custody.state.grants[sitting.grant]
        refused = self._stopped(sitting, given, now)
        if refused is not None:
            raise refused
        return sitting, given, now

    def _stopped(self, sitting: Sitting, given: Given, now: datetime) -> Refused | None:
        """What ends a sitting, however many pages are left."""
        refused = self._custody.stopped(now)
        if refused is None and now >= sitting.until:
            refused = Refused(Why.SITTING_OVER, "This sitting is over. Open the next with your passkey.")
        return refused or self._refusal(given, sitting.credential, now)

    def _made(self, asked: _Asked, make: Callable[[], T]) -> T:
        """What the sandbox makes of a page. Raises `Refused`, `NotFound`, and records either."""
        try:
            return make()
        except NoSuchPage:
            self._not_made(asked, Why.UNKNOWN)
            raise NotFound from None
        except NotSetUp as problem:
            self._not_made(asked, Why.NOT_SET_UP)
            raise Refused(Why.NOT_SET_UP, "The custodian shows nothing now: ask its operator.") from problem
        except Exception as problem:
            self._not_made(asked, Why.NOT_RENDERED)
            raise Refused(Why.NOT_RENDERED, "This page cannot be shown. It was not released.") from problem

    def _not_made(self, asked: _Asked, why: Why) -> None:
        sitting = self._sittings.get(asked.token)
        if sitting is None:
            self._custody.stranger("page.refused", "", {"reason": why.value})
        else:
            self._refused(sitting.grant, asked.section, asked.page, why)

    def _checked(self, asked: _Asked) -> tuple[Release, GrantedSection]:
        """The release that would come next. Raises `Refused`, `NotFound`, and records either."""
        custody = self._custody
        section, page = asked.section, asked.page
        sitting = self._sittings.get(asked.token)
        if sitting is None:
            custody.stranger("page.refused", "", {"reason": Why.UNKNOWN.value})
            raise NotFound
        given = custody.state.grants[sitting.grant]
        try:
            now = custody.now()
            refused = self._stopped(sitting, given, now) or _spent(given, now)
            if refused is not None:
                raise refused
            sealed = given.grant.section(section)
            if sealed is None or not 1 <= page <= MOST_PAGE:
                raise Refused(Why.UNKNOWN, "")
            reader = custody.enrolment.person(sitting.reader, now)
            assert reader is not None
            if asked.text and not reader.text:
                raise Refused(Why.NO_TEXT, "You are enrolled to read pages as pictures alone.")
            if asked.text and not given.text:
                raise Refused(Why.NO_TEXT, "This grant was approved for pages as pictures alone.")
        except Refused as refused:
            self._refused(sitting.grant, section, page, refused.why)
            if refused.why is Why.UNKNOWN:
                raise NotFound from None
            raise
        employer = custody.enrolment.name_of(reader.employer)
        number = custody.state.releases + 1
        release = Release(number, reader, employer, given.grant, now, given.plan, asked.token, asked.zoom)
        return release, sealed

    def _refusal(self, given: Given, credential: bytes, now: datetime) -> Refused | None:
        """Why this grant opens nothing for this passkey now."""
        grant, plan = given.grant, self._custody.state.plans[given.plan]
        if given.standing is not Standing.APPROVED:
            return Refused(*_OVER[given.standing])
        reader = self._custody.enrolment.person(grant.reader, now)
        for stands, why, words in (
            (plan.destroying, Why.DESTROYED, "The key of this plan was destroyed."),
            (plan.paused_by, Why.PAUSED, "The developer has paused access to this plan."),
            (now < grant.not_before, Why.NOT_BEGUN, "This access grant has not begun."),
            (now >= grant.not_after, Why.ENDED, "This access grant has ended."),
            (not _may_read(reader), Why.NOT_ENROLLED, "You are not enrolled as a reader at this date."),
            (
                credential not in grant.credentials or (reader and reader.key(credential) is None),
                Why.OTHER_PASSKEY,
                "This grant is not for this passkey.",
            ),
            (
                reader and reader.conflicted_with(grant.developer),
                Why.CONFLICT,
                "A conflict of interest with this developer is declared for you.",
            ),
        ):
            if stands:
                return Refused(why, words)
        return recertifying.refusal(self._custody, grant.reader, now)

    def _refused(self, grant: str, section: str, page: int, why: Why, kind: str = "page.refused") -> None:
        given = self._custody.state.grants[grant]
        named = section if given.grant.section(section) is not None else ""
        fields: dict[str, Json] = {"grant": grant, "reader": given.grant.reader, "section": named}
        self._custody.refuse(
            kind,
            given.plan,
            {**fields, "page": page if 1 <= page <= MOST_PAGE else 0, "reason": why.value},
            given.grant.reader,
        )

    def _line(self, release: Release, section: str, page: int) -> tuple[str, dict[str, Json]]:
        grant = release.grant
        return self._custody.state.grants[grant.digest].plan, {
            "release": release.number,
            "grant": grant.digest,
            "reference": grant.reference,
            "section": section,
            "page": page,
            "reader": release.reader.person,
            "role": Role.READER.value,
            "employer": release.reader.employer,
            "team": release.reader.team,
        }


def _may_read(reader: Person | None) -> bool:
    return reader is not None and Role.READER in reader.roles


def _spent(given: Given, now: datetime) -> Refused | None:
    """Whether the pages of the grant, or those of this hour, are used up."""
    if len(given.released) >= given.grant.pages:
        return Refused(Why.NO_PAGES_LEFT, f"All {given.grant.pages} pages of this grant were released.")
    if given.in_last_hour(now) >= given.grant.pages_per_hour:
        return Refused(Why.TOO_FAST, f"{given.grant.pages_per_hour} pages were released in the last hour.")
    return None
