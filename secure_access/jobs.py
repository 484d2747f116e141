"""The job table: what has to happen later, in the same transaction as its cause.

Brokers lose tasks, so the table is the truth in every mode. A job is added inside the business transaction,
its id is published after commit, a worker claims the row by lease, and it finishes under a fencing token
(owner and attempt) in the transaction of its effect. A scheduled reaper publishes again whatever is due.
Leases use the machine's clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from sqlalchemy import ColumnElement, and_, or_, update

from secure_access.db import (
    Database,
    Field,
    Instant,
    Session,
    Table,
    after_commit,
    classes,
    col,
    enum_column,
    instant_column,
    new_id,
    select,
)

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
PUBLISHER = "publish_job"
"""Key of `secure_access.db.Database.context` that holds ``publish(job_id)``."""

log = structlog.get_logger(__name__)


class JobState(StrEnum):
    """Where a job stands."""

    NEW = "new"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Table, table=True):
    """Something to do once. Messages carry its id only."""

    __classes__ = classes(
        public="id kind subject_id state run_after lease_until attempt added_at",
        restricted="owner last_error",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=60)
    subject_id: str = Field(max_length=80)
    state: JobState = enum_column(JobState, default=JobState.NEW)
    run_after: Instant = instant_column(index=True)
    lease_until: Instant | None = instant_column(nullable=True)
    owner: str = Field(default="", max_length=80)
    attempt: int = 0
    last_error: str = Field(default="", max_length=500)
    added_at: Instant = instant_column()


@dataclass(frozen=True)
class Claim:
    """The right to do one job, until the lease ends. ``owner`` and ``attempt`` are the fencing token."""

    job_id: uuid.UUID
    kind: str
    subject_id: str
    owner: str
    attempt: int


class LostLease(Exception):
    """Somebody else holds the job by now; the effect must be rolled back."""


def add(session: Session, kind: str, subject_id: str, *, delay: timedelta = timedelta(0)) -> Job:
    """Ask for a job in the present transaction; it is published after commit.

    A publish that fails is left to the reaper.
    """
    moment = _machine_now()
    job = Job(kind=kind, subject_id=subject_id, run_after=moment + delay, added_at=moment)
    session.add(job)
    session.flush()
    publish: Callable[[uuid.UUID], None] | None = session.info.get(PUBLISHER)
    if publish is not None and not delay:
        after_commit(session, lambda: _publish(publish, job.id))
    return job


def claim(database: Database, job_id: uuid.UUID, *, owner: str, lease: timedelta = LEASE) -> Claim | None:
    """Take the job for ``lease``, or ``None`` when it is not there, not due, done, or somebody else's."""
    moment = _machine_now()
    with database.write() as session:
        row = session.execute(
            update(Job)
            .where(col(Job.id) == job_id, col(Job.run_after) <= moment, _takeable(moment))
            .values(state=JobState.RUNNING, owner=owner, lease_until=moment + lease, attempt=Job.attempt + 1)
            .returning(col(Job.kind), col(Job.subject_id), col(Job.attempt))
        ).first()
    return Claim(job_id, row.kind, row.subject_id, owner, row.attempt) if row else None


def extend(database: Database, held: Claim, *, lease: timedelta = LEASE) -> None:
    """Hold the job for another ``lease`` from now on. Raises `LostLease` if the claim no longer holds."""
    with database.write() as session:
        _settle(session, held, lease_until=_machine_now() + lease)


def finish(session: Session, held: Claim) -> None:
    """Mark the job done in the transaction of its effect. Raises `LostLease` if the claim no longer holds."""
    _settle(session, held, state=JobState.DONE, lease_until=None, last_error="")


def give_back(session: Session, held: Claim, *, error: str) -> None:
    """Return a job that failed: later, further apart each time, and to the list of failed jobs in the end."""
    failed = held.attempt >= MAX_ATTEMPTS
    _settle(
        session,
        held,
        state=JobState.FAILED if failed else JobState.NEW,
        lease_until=None,
        run_after=_machine_now() + timedelta(seconds=2**held.attempt),
        last_error=error[:500],
    )


def lost(session: Session) -> list[uuid.UUID]:
    """Ids of jobs that were lost with their worker on every attempt."""
    return list(session.exec(select(Job.id).where(_lost())))


def give_up_lost(session: Session) -> None:
    """List those as failed: a job that ends its worker would otherwise be claimed for ever."""
    values = {"state": JobState.FAILED, "lease_until": None, "last_error": "The worker ended every time."}
    session.execute(update(Job).where(_lost()).values(**values))


def due(session: Session, *, limit: int = 100) -> list[uuid.UUID]:
    """Ids of jobs that may be claimed now, oldest first."""
    moment = _machine_now()
    query = select(Job.id).where(col(Job.run_after) <= moment, _takeable(moment))
    return list(session.exec(query.order_by(col(Job.run_after)).limit(limit)))


def failed(session: Session) -> list[Job]:
    """Jobs that were given up, for the page that lists them."""
    return list(session.exec(select(Job).where(Job.state == JobState.FAILED).order_by(col(Job.added_at))))


def _takeable(moment: datetime) -> ColumnElement[bool]:
    expired = (col(Job.state) == JobState.RUNNING) & (col(Job.lease_until) < moment)
    return or_(col(Job.state) == JobState.NEW, expired & (col(Job.attempt) < MAX_ATTEMPTS))


def _lost() -> ColumnElement[bool]:
    expired = col(Job.lease_until) < _machine_now()
    return and_(col(Job.state) == JobState.RUNNING, expired, col(Job.attempt) >= MAX_ATTEMPTS)


def _settle(session: Session, held: Claim, **values: object) -> None:
    mine = (col(Job.id) == held.job_id, col(Job.owner) == held.owner, col(Job.attempt) == held.attempt)
    running = col(Job.state) == JobState.RUNNING
    changed = session.execute(update(Job).where(*mine, running).values(**values))
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise LostLease(f"job {held.job_id} is no longer held by {held.owner}")


def _publish(publish: Callable[[uuid.UUID], None], job_id: uuid.UUID) -> None:
    try:
        publish(job_id)
    except Exception:
        # The transaction has committed and the row is the truth: whatever the broker's client raises, the
        # reaper publishes again within seconds, and the person's act must not be reported as failed.
        log.warning("job.publish_failed", job_id=str(job_id), exc_info=True)


def _machine_now() -> datetime:
    return datetime.now(UTC)
