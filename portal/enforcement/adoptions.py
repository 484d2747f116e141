"""Adopting a method for a regime: proposed by one person, signed by a head of enforcement who is another.

Until a method is adopted for a regime, the lines of its worksheets say "office method". A choice begins on a
day that has not passed, is replaced by a later one, and is never deleted.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from portal.enforcement import events, texts
from portal.enforcement.choices import currency_of
from portal.enforcement.service import guard
from portal.enforcement.tables import MethodAdoption
from portal.enforcement.workflow import ADOPTION, AdoptionStanding, AdoptionState
from portal.law import methods, statute
from portal.law.deadlines import legal_day
from portal.law.facts import LawError
from portal.law.methods import Adoption, Method
from portal.law.penalty_facts import PER, SHARE
from portal.law.penalty_read import METHOD_KEY
from portal.law.statute import Pack
from secure_access import ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor, Person
from secure_access.workflow import Denied, NotFound

PROPOSED = "proposed"
_SIGNED = (AdoptionState.ADOPTED, AdoptionState.SUPERSEDED)


@dataclass(frozen=True)
class Proposal:
    """Which method for which regime, from which day of decision on, and why."""

    regime: str
    method: str
    since: date
    reason: str


def propose(session: Session, stated: Proposal, *, by: Actor, now: datetime) -> MethodAdoption:
    """Propose a method for a regime; another head of enforcement adopts it. Raises `Denied` with why not."""
    guard(by)
    pack, method = _known(stated)
    if not stated.reason.strip():
        raise Denied("Say why this method is chosen. The reason stays with the record.")
    unfit = misfit(pack, method)
    if unfit:
        raise Denied(unfit)
    if stated.since < legal_day(now, pack.zone):
        raise Denied("A choice does not reach back.", "State today or a later day as its first day.")
    row = MethodAdoption(
        reference=next_reference(session, "AM", now),
        regime=pack.id,
        method=method.id,
        method_digest=method.digest,
        since=stated.since,
        reason=stated.reason.strip(),
        proposed_by=by.person_id,
        proposed_at=now,
    )
    session.add(row)
    # The text that is signed is the text that is kept, whatever a later release ships under its name.
    texts.keep(session, (method,), now, by)
    return _record(session, events.METHOD_PROPOSED, row, by=by, now=now)


def adopt(session: Session, row: MethodAdoption, *, by: Actor, now: datetime) -> MethodAdoption:
    """Sign the choice; the one before it for the regime is replaced from its first day. Raises `Denied`.

    Load the row for update: then no two choices for a regime are signed at once.
    """
    row.state = ADOPTION.take("adopt", by, standing(session, row, now=now))
    row.adopted_by, row.adopted_at = by.person_id, now
    before = _signed(session, row.regime, AdoptionState.ADOPTED, but=row.id)
    for old in before:
        old.state = ADOPTION.take("supersede", by, standing(session, old, now=now))
        old.replaced_by = row.id
        session.add(old)
    return _record(session, events.METHOD_ADOPTED, row, *before, by=by, now=now)


def withdraw(
    session: Session, row: MethodAdoption, *, reason: str, by: Actor, now: datetime
) -> MethodAdoption:
    """Take a proposal back with a reason; the row stays. Raises `Denied`."""
    state = ADOPTION.take("withdraw", by, standing(session, row, now=now))
    if not reason.strip():
        raise Denied("Say why the proposal is withdrawn. The reason stays with the record.")
    row.state, row.withdrawn_reason = state, reason.strip()
    return _record(session, events.METHOD_WITHDRAWN, row, by=by, now=now)


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> MethodAdoption:
    """The choice of that reference. Raises `NotFound` for whoever does not enforce.

    For update every choice of the same regime is locked with it.
    """
    guard(by)
    row = session.exec(select(MethodAdoption).where(MethodAdoption.reference == reference)).first()
    if row is None:
        raise NotFound
    if for_update:
        regime = select(MethodAdoption).where(MethodAdoption.regime == row.regime)
        ordered = regime.order_by(col(MethodAdoption.reference)).with_for_update()
        list(session.exec(ordered.execution_options(populate_existing=True)))
    return row


def every(session: Session, *, by: Actor) -> list[MethodAdoption]:
    """Every choice, the latest proposed first."""
    guard(by)
    newest = (col(MethodAdoption.proposed_at).desc(), col(MethodAdoption.reference).desc())
    return list(session.exec(select(MethodAdoption).order_by(*newest)))


def standing(session: Session, row: MethodAdoption, *, now: datetime) -> AdoptionStanding:
    """A choice with what stands against adopting it."""
    pack = statute.load(row.regime)
    later = [
        other.reference
        for other in _signed(session, row.regime, AdoptionState.ADOPTED, but=row.id)
        if other.since >= row.since
    ]
    return AdoptionStanding(
        state=row.state,
        proposed_by=row.proposed_by,
        unfit=_changed(row) or misfit(pack, methods.load(row.method)),
        passed=row.since < legal_day(now, pack.zone),
        later=later[0] if later else "",
    )


def in_force(session: Session, regime: str, on: date) -> MethodAdoption | None:
    """The choice for a regime that governs a decision on a day; ``None`` where none was signed for it.

    A signature is for a text: a method that reads otherwise now is not adopted until it is adopted again.
    """
    begun = [row for row in _signed(session, regime, *_SIGNED) if row.since <= on]
    newest = max(begun, key=lambda row: row.since, default=None)
    return None if newest is None or _changed(newest) else newest


def as_law(session: Session, row: MethodAdoption | None) -> tuple[Adoption, ...]:
    """The choice as `portal.law.penalties.compute` takes it."""
    if row is None:
        return ()
    signer = session.get(Person, row.adopted_by) if row.adopted_by else None
    name = signer.name if signer else ""
    return (Adoption(row.regime, row.method, row.since, by=name, signed=row.reference, why=row.reason),)


def governing(session: Session, regime: str, on: date) -> Method:
    """The method by which a worksheet of a decision on a day is worked: the adopted, else the pack's own."""
    row = in_force(session, regime, on)
    return methods.load(row.method if row else usual(statute.load(regime), on))


def usual(pack: Pack, on: date) -> str:
    """The method that a law's own pack names, used until one is adopted; empty where there is no penalty."""
    history = pack.history(METHOD_KEY)
    if not history:
        return SHARE if pack.history(PER) else ""
    return str(pack.value(METHOD_KEY, max(on, history[0].valid_from)).value)


def misfit(pack: Pack, method: Method) -> str:
    """Why a method cannot be adopted for a regime; empty where it can."""
    if PROPOSED in (pack.status, method.status):
        return (
            f"{method.name if method.status == PROPOSED else pack.name} is a proposal and no law. It can be "
            "explored, but nothing that is served may rest on it, so it is not adopted."
        )
    if not pack.history(PER) and not pack.history(METHOD_KEY):
        return f"{pack.short} states no penalty, so no method is adopted for it."
    if method.currency not in ("", currency_of(pack.id)):
        return f"{method.name} counts in {method.currency}, and {pack.short} in {currency_of(pack.id)}."
    return ""


def _known(stated: Proposal) -> tuple[Pack, Method]:
    try:
        return statute.load(stated.regime), methods.load(stated.method)
    except LawError as error:
        raise Denied("Choose the law and the method from the lists.") from error


def _changed(row: MethodAdoption) -> str:
    try:
        same = methods.load(row.method).digest == row.method_digest
    except LawError:
        same = False
    return "" if same else "The method reads otherwise now than when it was proposed. Propose it anew."


def _signed(
    session: Session, regime: str, *states: AdoptionState, but: uuid.UUID | None = None
) -> list[MethodAdoption]:
    query = select(MethodAdoption).where(
        MethodAdoption.regime == regime, col(MethodAdoption.state).in_(states)
    )
    return [row for row in session.exec(query.order_by(col(MethodAdoption.since))) if row.id != but]


def _record(
    session: Session, name: str, row: MethodAdoption, *also: MethodAdoption, by: Actor, now: datetime
) -> MethodAdoption:
    session.add(row)
    fields = {
        "reference": row.reference,
        "regime": row.regime,
        "method": row.method,
        "since": row.since.isoformat(),
    }
    about = (f"adoption:{row.id}", f"statute:{row.regime}")
    ledger.append(session, name, fields, by=by, now=now, about=about, records=(row, *also))
    return row
