"""The review clock of a case, from its rows: started by acceptance, stopped while a request is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from portal.law.review_clock import ReviewClock, ReviewEvent, review_clock
from portal.review.tables import Case, Decision, InformationRequest
from portal.review.workflow import DecisionState, RequestState


def clock_of(
    case: Case, requests: Sequence[InformationRequest], decision: Decision | None, *, now: datetime
) -> ReviewClock:
    """The clock as of ``now``. A request served before the review started stops it from its first day."""
    events: list[ReviewEvent] = []
    start = case.clock_started_at
    if start is not None:
        events.append(ReviewEvent("started", start))
        for request in requests:
            events += _of_request(request, start)
        if decision is not None and decision.state is DecisionState.DECIDED and decision.decided_at:
            events.append(ReviewEvent("ended", decision.decided_at))
    return review_clock(events, now=now)


def _of_request(request: InformationRequest, start: datetime) -> list[ReviewEvent]:
    ended = request.answered_at
    if request.served_at is None or (ended is not None and ended <= start):
        return []
    events = [ReviewEvent("stopped", max(request.served_at, start), request.reference)]
    if ended is not None:
        events.append(ReviewEvent("resumed", ended, request.reference))
    return events


def next_due(
    case: Case, requests: Sequence[InformationRequest], decision: Decision | None, *, now: datetime
) -> date | None:
    """The day by which the case waits for something: the decision, or the answer that stops its clock."""
    clock = clock_of(case, requests, decision, now=now)
    if clock.due_at is not None:
        return clock.due_at.date()
    open_until = [request.due_at.date() for request in requests if request.state is RequestState.SERVED]
    return min(open_until, default=None) if clock.state in ("stopped", "not started") else None


def nominal_end(clock: ReviewClock) -> date | None:
    """The last day of the period by counting alone, before it is moved off a weekend or a closed day."""
    if clock.state != "running" or not clock.segments:
        return None
    last = clock.segments[-1].starts.toordinal() + clock.segments[-1].days + clock.left
    return date.fromordinal(last)
