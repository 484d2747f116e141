"""Verbs on versions of statute packs: drafted by one person, approved by another, live at their date.

The packs that came with the release are the first versions. Each approved version follows the one before it,
so the versions of a pack form a chain, and what holds on a day is the last link that has begun.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache

from portal.law import statute
from portal.law import versions as law_versions
from portal.law.deadlines import legal_day
from portal.law.statute import Pack
from portal.law.versions import Change, Staged, StagedError
from portal.legal import changes, drafting
from portal.legal import events as _events  # noqa: F401 - declares the events of this package
from portal.legal.drafting import DraftError
from portal.legal.tables import StatuteVersion
from portal.legal.workflow import STATUTE_VERSION, Standing, VersionState
from secure_access import ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor
from secure_access.workflow import Denied, NotFound, Role

_KEPT: dict[str, Pack] = {}
"""Versions that have gone live in this process, by digest: what a digest names does not change."""


@dataclass(frozen=True)
class Opened:
    """A version with what a page or a verb asks about it: the version it follows, and what it changes."""

    row: StatuteVersion
    base: Pack
    new: Pack
    standing: Standing

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What differs; worked out when a page asks, and once."""
        return changes.between(self.base, self.new)

    @property
    def reaches_back(self) -> bool:
        """Whether a change alters the law of days before the version goes live."""
        return any(change.reaches_back(self.row.live_from) for change in self.changes)


def draft(
    session: Session, *, pack: str, live_from: date, why: str, by: Actor, now: datetime
) -> StatuteVersion:
    """Begin a version of a pack from the last one that is approved or shipped.

    Raises:
        Denied: for a wrong role.
        DraftError: for a date that has passed.
        NotFound: for an unknown pack.
    """
    if not by.holds(Role.LEGAL_OFFICER):
        raise Denied("Only a legal officer can draft a version of a pack.", "Ask a legal officer.")
    _not_past(live_from, now)
    base = last(session, pack)
    row = StatuteVersion(
        reference=next_reference(session, "L", now),
        pack=base.id,
        base=base.digest,
        digest=base.digest,
        text=base.text,
        live_from=live_from,
        why=why.strip(),
        authors=[str(by.person_id)],
        drafted_by=by.person_id,
        drafted_at=now,
    )
    session.add(row)
    fields = {
        "reference": row.reference,
        "pack": row.pack,
        "base": row.base,
        "live_from": live_from.isoformat(),
    }
    ledger.append(session, "statute.drafted", fields, by=by, now=now, about=_about(row))
    return row


def amend(
    session: Session,
    *,
    row: StatuteVersion,
    edit: Callable[[str], str],
    by: Actor,
    now: datetime,
) -> None:
    """Change the text of a draft. Nothing is kept of a text that is no sound pack.

    Raises:
        Denied: when it may not be amended.
        DraftError: saying what is wrong with the change.
    """
    row.state = STATUTE_VERSION.take("amend", by, standing(session, row, now))
    text = edit(row.text)
    row.digest = drafting.sound(text, row.pack).digest
    row.text = text
    _wrote(session, row, by, now)


def redate(session: Session, *, row: StatuteVersion, live_from: date, by: Actor, now: datetime) -> None:
    """Give a draft another date to go live. Raises `Denied`, and `DraftError` for a day that has passed."""
    row.state = STATUTE_VERSION.take("amend", by, standing(session, row, now))
    _not_past(live_from, now)
    row.live_from = live_from
    _wrote(session, row, by, now)


def approve(
    session: Session, *, row: StatuteVersion, shown: tuple[str, str], by: Actor, now: datetime
) -> None:
    """Approve what the page showed. ``shown`` is its digest and, as ISO, its day to go live.

    Raises `Denied`: for who wrote in it, for what stands against it, and when it changed after it was shown.
    """
    if shown != (row.digest, row.live_from.isoformat()):
        raise Denied("The version was changed after this page was opened.", "Read it again as it is now.")
    row.state = STATUTE_VERSION.take("approve", by, standing(session, row, now))
    row.approved_by, row.approved_at = by.person_id, now
    session.add(row)
    fields = {
        "reference": row.reference,
        "pack": row.pack,
        "base": row.base,
        "digest": row.digest,
        "live_from": row.live_from.isoformat(),
    }
    ledger.append(session, "statute.approved", fields, by=by, now=now, about=_about(row), records=(row,))


def withdraw(session: Session, *, row: StatuteVersion, reason: str, by: Actor, now: datetime) -> None:
    """Withdraw a draft, or an approved version before its date. Raises `Denied`."""
    state = STATUTE_VERSION.take("withdraw", by, standing(session, row, now))
    if followed := _followers(session, row):
        raise Denied(f"{followed[0].reference} was drafted from it and approved.", "Withdraw that one first.")
    row.state = state
    row.withdrawn_by, row.withdrawn_at, row.withdrawn_reason = by.person_id, now, reason.strip()
    session.add(row)
    fields = {"reference": row.reference, "pack": row.pack, "digest": row.digest}
    ledger.append(session, "statute.withdrawn", fields, by=by, now=now, about=_about(row), records=(row,))


def load(session: Session, reference: str, *, for_update: bool = False) -> StatuteVersion:
    """The version of that reference. Raises `NotFound`."""
    query = select(StatuteVersion).where(StatuteVersion.reference == reference)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None:
        raise NotFound
    return found


def every(session: Session) -> list[StatuteVersion]:
    """Every version that did not come with the release, newest first."""
    newest = (col(StatuteVersion.drafted_at).desc(), col(StatuteVersion.reference).desc())
    return list(session.exec(select(StatuteVersion).order_by(*newest)))


def opened(session: Session, row: StatuteVersion, now: datetime) -> Opened:
    """A version with the one that it was drafted from, and what differs. Raises nothing for an old base."""
    base, new = _base(session, row), _parsed(row.text, row.pack)
    return Opened(row, base, new, standing(session, row, now))


def standing(session: Session, row: StatuteVersion, now: datetime) -> Standing:
    """What stands for and against acting on a version."""
    today = office_day(now)
    gaps = _gaps(session, row, today) if row.state is VersionState.DRAFT else ()
    live = row.state is VersionState.APPROVED and row.live_from <= today
    return Standing(row.state, frozenset(map(uuid.UUID, row.authors)), gaps, live)


def approved(session: Session, pack: str = "") -> list[StatuteVersion]:
    """The approved versions, of one pack or of all, in the order in which they go live."""
    query = select(StatuteVersion).where(StatuteVersion.state == VersionState.APPROVED)
    if pack:
        query = query.where(StatuteVersion.pack == pack)
    return list(session.exec(query.order_by(col(StatuteVersion.live_from), col(StatuteVersion.approved_at))))


def last(session: Session, pack: str) -> Pack:
    """The end of the chain of a pack, whether its date has come or not. Raises `NotFound`."""
    chain = approved(session, pack)
    return _parsed(chain[-1].text, pack) if chain else shipped(pack)


def shipped(pack: str) -> Pack:
    """The version of a pack that came with the release. Raises `NotFound`."""
    found = next((one for one in statute.shipped() if one.id == pack), None)
    if found is None:
        raise NotFound
    return found


def in_force(session: Session, on: date) -> tuple[Pack, ...]:
    """The versions that hold on a day in place of the shipped ones, one a pack."""
    query = select(StatuteVersion.pack, StatuteVersion.digest).where(
        StatuteVersion.state == VersionState.APPROVED, col(StatuteVersion.live_from) <= on
    )
    ordered = query.order_by(col(StatuteVersion.live_from), col(StatuteVersion.approved_at))
    held = dict(session.exec(ordered).all())
    return tuple(_kept(session, pack, digest) for pack, digest in held.items())


@contextmanager
def law_of(session: Session, now: datetime) -> Iterator[None]:
    """Work under the law as it stands at this moment in this instance."""
    with statute.using(*in_force(session, office_day(now))):
        yield


def office_day(now: datetime) -> date:
    """The legal day of the authority at an instant; versions go live when it begins."""
    return legal_day(now, shipped(statute.OFFICE).zone)


def texts(session: Session) -> dict[str, str]:
    """The text of every approved version by its digest, for `statute.version`."""
    return {row.digest: row.text for row in approved(session)}


def text_of(row: StatuteVersion) -> Pack:
    """The pack that a version is."""
    return _parsed(row.text, row.pack)


def _gaps(session: Session, row: StatuteVersion, today: date) -> tuple[str, ...]:
    chain = approved(session, row.pack)
    staged = Staged(row.text, row.base, row.live_from, str(row.drafted_by), row.why)
    try:
        law_versions.supersede(last(session, row.pack), staged, row.live_from)
    except StagedError as error:
        return (str(error),)
    if row.live_from < today:
        return (f"Its date, {row.live_from.isoformat()}, has passed. Give it a later one.",)
    if chain and row.live_from <= chain[-1].live_from:
        before = f"{chain[-1].reference} goes live on {chain[-1].live_from.isoformat()}"
        return (f"{before}, and this version follows it. Give it a later date.",)
    return ()


def _base(session: Session, row: StatuteVersion) -> Pack:
    return statute.version(row.base, texts(session))


def _followers(session: Session, row: StatuteVersion) -> list[StatuteVersion]:
    return [one for one in approved(session, row.pack) if one.base == row.digest and one.id != row.id]


def _wrote(session: Session, row: StatuteVersion, by: Actor, now: datetime) -> None:
    row.authors = sorted({*row.authors, str(by.person_id)})
    session.add(row)
    fields = {"reference": row.reference, "digest": row.digest, "live_from": row.live_from.isoformat()}
    ledger.append(session, "statute.amended", fields, by=by, now=now, about=_about(row))


def _not_past(live_from: date, now: datetime) -> None:
    if live_from < office_day(now):
        raise DraftError("live_from", "That day has passed.", "Give a day from today on.")


def _about(row: StatuteVersion) -> tuple[str, ...]:
    return (f"statute:{row.pack}", f"statute_version:{row.id}")


def _kept(session: Session, name: str, digest: str) -> Pack:
    """The approved version of that digest. A text of tens of kilobytes is not read in every transaction."""
    if digest not in _KEPT:
        wanted = (StatuteVersion.digest == digest, StatuteVersion.state == VersionState.APPROVED)
        text = session.exec(select(StatuteVersion.text).where(StatuteVersion.pack == name, *wanted)).first()
        assert text is not None
        _KEPT[digest] = _parsed(text, name)
    return _KEPT[digest]


@lru_cache(maxsize=64)
def _parsed(text: str, name: str) -> Pack:
    return statute.parse(text, name)
