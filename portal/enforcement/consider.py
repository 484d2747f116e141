"""The job ``violation.consider``: an event that may be a violation becomes a suggestion, once a regime.

A suggestion is never public. Whether it is alleged is for a person to say.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from portal.enforcement import events
from portal.enforcement.grounds import Ground, of_event
from portal.enforcement.tables import AllegedViolation
from portal.filing.tables import Incident
from portal.law import statute
from portal.law.deadlines import END_OF_DAY, legal_day
from portal.review.tables import Case, CaseItem, Condition, Decision, InformationRequest
from portal.review.workflow import ConditionState
from portal.ui.formats import date_only, late, moment
from portal.web import Wired
from secure_access import ledger
from secure_access.db import Session, next_reference, select
from secure_access.workflow import NotFound

Found = TypeVar("Found")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class _Event:
    """Something done in a case after its time: from ``due`` to ``done``, with a sentence about it."""

    case_id: uuid.UUID
    ground: Ground
    due: datetime
    done: datetime
    facts: str
    items: int = 1


def consider(_wired: Wired, subject: str) -> Callable[[Session, datetime], None]:
    """Job ``violation.consider`` on ``information_request:<id>``, ``incident:<id>`` or ``condition:<id>``."""

    def effect(session: Session, now: datetime) -> None:
        suggest(session, subject, now=now)

    return effect


def suggest(session: Session, subject: str, *, now: datetime) -> list[AllegedViolation]:
    """Suggest what the event may violate; what was suggested before is left as it is.

    Nothing follows from an event in time. Raises `NotFound` for an event that is not there or in no case
    yet: the job is tried again.
    """
    kind, _, key = subject.partition(":")
    readers = {"information_request": _answer, "incident": _incident, "condition": _condition}
    if kind not in readers:
        raise NotFound
    found = [
        _suggested(session, subject, event, now) for event in readers[kind](session, uuid.UUID(key), now)
    ]
    return [violation for violation in found if violation is not None]


def _suggested(session: Session, subject: str, event: _Event, now: datetime) -> AllegedViolation | None:
    # Two workers may consider the same event at once: the second waits here and then finds what the first
    # wrote.
    case = session.get_one(Case, event.case_id, with_for_update=True)
    known = select(AllegedViolation.id).where(
        AllegedViolation.subject == subject, AllegedViolation.regime == event.ground.regime
    )
    if session.exec(known).first() is not None:
        return None
    zone = statute.load(event.ground.regime).zone
    row = AllegedViolation(
        reference=next_reference(session, "V", now),
        case_id=case.id,
        developer_id=case.developer_id,
        regime=event.ground.regime,
        provision=event.ground.provision,
        penalty_provision=event.ground.penalty_provision,
        title=event.ground.title,
        facts=event.facts,
        # The first day of breach is the day of the second after the last one in time.
        occurred_from=legal_day(event.due + _SECOND, zone),
        occurred_to=legal_day(event.done, zone),
        subject=subject,
        items=event.items,
        suggested_at=now,
    )
    session.add(row)
    ledger.append(
        session,
        events.VIOLATION_SUGGESTED,
        {"reference": row.reference, "regime": row.regime, "provision": row.provision},
        by=None,
        now=now,
        about=(f"violation:{row.id}", f"case:{case.id}", subject),
        records=(row,),
    )
    return row


def _answer(session: Session, key: uuid.UUID, _now: datetime) -> Iterator[_Event]:
    asked = _needed(session.get(InformationRequest, key))
    done = asked.answered_at
    if done is None or done <= asked.due_at:
        return
    words = (
        f"Information request {asked.reference} was due {moment(asked.due_at)} and answered in full "
        f"{moment(done)}: {late(asked.due_at, done)}."
    )
    for ground in of_event("information_request"):
        yield _Event(asked.case_id, ground, asked.due_at, done, words, items=max(len(asked.items), 1))


def _incident(session: Session, key: uuid.UUID, _now: datetime) -> Iterator[_Event]:
    incident = _needed(session.get(Incident, key))
    item = _needed(session.exec(select(CaseItem).where(CaseItem.subject == f"incident:{key}")).first())
    for ground in of_event("incident"):
        due = _due(incident, ground)
        if due is not None and incident.reported_at > due:
            words = (
                f"Incident {incident.reference} had to be reported by {moment(due)} and was reported "
                f"{moment(incident.reported_at)}: {late(due, incident.reported_at)}."
            )
            yield _Event(item.case_id, ground, due, incident.reported_at, words)


def _due(incident: Incident, ground: Ground) -> datetime | None:
    """When a report was due under a regime, by the clock that governs; ``None`` where the regime has none."""
    found = [
        datetime.fromisoformat(clock["due_at"]).astimezone(UTC)
        for clock in incident.clocks
        if clock["regime"] == ground.regime and clock["duty"] == ground.duty and clock.get("governs", True)
    ]
    return min(found, default=None)


def _condition(session: Session, key: uuid.UUID, now: datetime) -> Iterator[_Event]:
    condition = _needed(session.get(Condition, key))
    if condition.state is not ConditionState.BREACHED or condition.breached_on is None:
        return
    decision = session.get_one(Decision, condition.decision_id)
    due = f", due {date_only(condition.due_on)}," if condition.due_on else ""
    words = (
        f"Condition {condition.number} of decision {decision.reference}{due} was not kept from "
        f"{date_only(condition.breached_on)} on."
    )
    before = condition.breached_on - timedelta(days=1)
    for ground in of_event("condition"):
        zone = statute.load(ground.regime).zone
        kept = datetime.combine(before, END_OF_DAY, zone).astimezone(UTC)
        yield _Event(decision.case_id, ground, kept, max(now, kept + _SECOND), words)


def _needed(found: Found | None) -> Found:
    if found is None:
        raise NotFound
    return found
