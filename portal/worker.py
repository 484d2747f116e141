"""The worker: thin Celery tasks, the schedule as data, and the names of jobs mapped to verbs."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache

import structlog
from celery import Celery

from evaluator import jobs as evaluator_jobs
from portal.enforcement import consider, notices
from portal.filing import jobs as filing_jobs
from portal.review import jobs as review_jobs
from portal.settings import Settings
from portal.web import Wired
from portal.wiring import PERFORM, bare_celery, publish_to, wire
from secure_access import jobs
from secure_access.db import Session
from secure_access.ledger import sequencer

Effect = Callable[[Session, datetime], None]
Verb = Callable[[Wired, str], Effect]

VERBS: Mapping[str, Verb] = {
    "case.file": review_jobs.file_case,
    "document.screen": filing_jobs.screen,
    "evidence.read": evaluator_jobs.read_evidence,
    "notice.write": notices.write,
    "violation.consider": consider.consider,
}

SCHEDULE = {
    "sequence": {"task": "assay.sequence", "schedule": 2.0},
    "reap": {"task": "assay.reap", "schedule": 10.0},
}

log = structlog.get_logger(__name__)


def perform(wired: Wired, job_id: uuid.UUID, verbs: Mapping[str, Verb] = VERBS) -> bool:
    """Do one job if it can be claimed; whether it was done. A failure is kept with it and tried again."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    held = jobs.claim(wired.database, job_id, owner=owner)
    if held is None:
        return False
    try:
        effect = verbs[held.kind](wired, held.subject_id)
        with wired.database.write() as session:
            effect(session, wired.clock.now())
            jobs.finish(session, held)
    except jobs.LostLease:
        log.warning("job.lost_lease", job_id=str(job_id), kind=held.kind)
        return False
    except Exception as error:
        # Whatever a verb raises is kept with its job, or the job would be lost with the process.
        log.error("job.failed", job_id=str(job_id), kind=held.kind, attempt=held.attempt, exc_info=error)
        with wired.database.write() as session:
            jobs.give_back(session, held, error=f"{type(error).__name__}: {error}")
        return False
    return True


def run_due(wired: Wired, verbs: Mapping[str, Verb] = VERBS) -> int:
    """Do every due job here and now; how many were done. For the demonstration's history and for tests."""
    done = 0
    while True:
        with wired.database.read() as session:
            ids = jobs.due(session)
        if not sum(worked := [perform(wired, job_id, verbs) for job_id in ids]):
            return done
        done += sum(worked)


@lru_cache
def _wired() -> Wired:
    return wire(Settings.from_env())


def create_celery(settings: Settings) -> Celery:
    """The worker's Celery app, with its tasks and its schedule."""
    app = bare_celery(settings)
    app.conf.beat_schedule = SCHEDULE

    @app.task(name=PERFORM)  # type: ignore[untyped-decorator]
    def _perform(job_id: str) -> None:
        perform(_wired(), uuid.UUID(job_id))

    @app.task(name="assay.sequence")  # type: ignore[untyped-decorator]
    def _sequence() -> None:
        wired = _wired()
        sequencer.sequence(wired.database, wired.ledger_signer, wired.clock.now())

    @app.task(name="assay.reap")  # type: ignore[untyped-decorator]
    def _reap() -> None:
        with _wired().database.read() as session:
            for job_id in jobs.due(session):
                app.send_task(PERFORM, args=[str(job_id)])

    return app


def start() -> Celery:
    """What ``celery -A`` loads: the app of this environment, publishing the jobs that jobs add."""
    app = create_celery(Settings.from_env())
    publish_to(_wired(), app)
    return app
