"""The worker: thin Celery tasks, the schedule as data, and the names of jobs mapped to verbs."""

from __future__ import annotations

import os
import socket
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Lock, Thread

import click
import structlog
from celery import Celery
from celery.beat import EmbeddedService, Scheduler
from celery.schedules import crontab
from celery.signals import setup_logging, worker_ready
from sqlalchemy.exc import SQLAlchemyError

from evaluator import jobs as evaluator_jobs
from infra.postgresql import fit_or_exit
from portal import copies, log_watch, logs, mail
from portal.custodian import Refused, Silent, custodian_of
from portal.disclosure import jobs as disclosure_jobs
from portal.enforcement import consider, notices
from portal.filing import jobs as filing_jobs
from portal.review import custody_round
from portal.review import jobs as review_jobs
from portal.review.custody_lines import NotContinued
from portal.settings import Settings
from portal.web import Wired
from portal.wiring import PERFORM, bare_celery, database_of, publish_to, wire, worker_ready_file
from secure_access import jobs
from secure_access.db import Session
from secure_access.ledger import sequencer, timestamps, witnesses
from secure_access.ledger.signer import Frozen
from secure_access.workflow import Denied

Effect = Callable[[Session, datetime], None]
Verb = Callable[[Wired, str], Effect]

VERBS: Mapping[str, Verb] = {
    "case.file": review_jobs.file_case,
    "copy.write": copies.write,
    "document.screen": filing_jobs.screen,
    "evidence.read": evaluator_jobs.read_evidence,
    "mail.contact_replaced": mail.send_contact_replaced,
    "mail.credentials": mail.send_credentials,
    "mail.enrolment": mail.send_enrolment,
    "mail.invitation": mail.send_invitation,
    "mail.log_interrupted": mail.send_log_interrupted,
    "mail.recovered": mail.send_recovered,
    "notice.write": notices.write,
    "violation.consider": consider.consider,
    **disclosure_jobs.VERBS,
}

SCHEDULE: Mapping[str, Mapping[str, object]] = {
    # What was missed while no worker ran is not made up for: each looks at all that waits.
    "sequence": {"task": "assay.sequence", "schedule": 2.0, "options": {"expires": 10}},
    "witness": {"task": "assay.witness", "schedule": 5.0, "options": {"expires": 10}},
    "stamp": {"task": "assay.stamp", "schedule": 60.0, "options": {"expires": 60}},
    "reap": {"task": "assay.reap", "schedule": 10.0, "options": {"expires": 30}},
    "watch": {"task": "assay.watch", "schedule": 15.0, "options": {"expires": 30}},
    "custodian": {"task": "assay.custodian", "schedule": 5.0, "options": {"expires": 10}},
    "anchor": {"task": "assay.anchor", "schedule": crontab(minute="0"), "options": {"expires": 600}},
}
"""Names of tasks, and seconds or times at which they are sent."""

STAMPED_SOONER = ("decision.taken",)
"""Events after which a checkpoint is time stamped at once, and not with the next one of the day."""

MAX_EXTENSIONS = 60
"""A job that goes on for longer than this many thirds of its lease is taken for hung, and loses it."""

log = structlog.get_logger(__name__)


def perform(wired: Wired, job_id: uuid.UUID, verbs: Mapping[str, Verb] = VERBS) -> bool:
    """Do one job if it can be claimed; whether it was done. A failure is kept with it and tried again."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    held = jobs.claim(wired.database, job_id, owner=owner, lease=wired.settings.job_lease)
    if held is None:
        return False
    try:
        with _law(wired), _kept(wired, held):
            effect = verbs[held.kind](wired, held.subject_id)
        with wired.database.write() as session, wired.law(session, wired.clock.now()):
            effect(session, wired.clock.now())
            jobs.finish(session, held)
    except jobs.LostLease:
        log.warning("job.lost_lease", job_id=str(job_id), kind=held.kind)
        return False
    except Exception as error:
        # Whatever a verb raises is kept with its job, or the job would be lost with the process.
        log.error("job.failed", job_id=str(job_id), kind=held.kind, attempt=held.attempt, exc_info=error)
        _give_back(wired, held, error)
        return False
    return True


@contextmanager
def _law(wired: Wired) -> Iterator[None]:
    """The law in force, also for the slow part of a job: it is read before, in a transaction that ends."""
    with ExitStack() as held:
        with wired.database.read() as session:
            held.enter_context(wired.law(session, wired.clock.now()))
        yield


def _give_back(wired: Wired, held: jobs.Claim, error: Exception) -> None:
    with suppress(jobs.LostLease), wired.database.write() as session:
        jobs.give_back(session, held, error=_told(error))


def _told(error: Exception) -> str:
    """A refusal of ours in its words; of anything else kind and place, for its words may quote a row."""
    name = type(error).__name__
    if isinstance(error, Denied):
        return f"{name}: {error.reason}"
    raised = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name} at {Path(raised.filename).name}:{raised.lineno}"


@contextmanager
def _kept(wired: Wired, held: jobs.Claim) -> Iterator[None]:
    """Extend the lease of a job while its slow part runs."""
    done = Event()
    lease = wired.settings.job_lease

    def extend() -> None:
        for _ in range(MAX_EXTENSIONS):
            if done.wait(lease.total_seconds() / 3):
                return
            try:
                jobs.extend(wired.database, held, lease=lease)
            except jobs.LostLease:
                return  # told to whoever finishes
            except SQLAlchemyError as error:
                log.warning("job.not_extended", job_id=str(held.job_id), exc_info=error)

    thread = Thread(target=extend, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def run_due(wired: Wired, verbs: Mapping[str, Verb] = VERBS) -> int:
    """Try every due job once, here and now; how many were done. For the demonstration and for tests."""
    done, tried = 0, set[uuid.UUID]()
    while True:
        with wired.database.read() as session:
            ids = [job_id for job_id in jobs.due(session) if job_id not in tried]
        if not ids:
            return done
        tried.update(ids)
        done += sum(perform(wired, job_id, verbs) for job_id in ids)


def create_celery(wired: Wired, verbs: Mapping[str, Verb] = VERBS) -> Celery:
    """The worker's Celery app, with its tasks and its schedule. What jobs add is published by it as well."""
    app = bare_celery(wired.settings)
    app.conf.update(beat_schedule=SCHEDULE, beat_scheduler="celery.beat:Scheduler")
    publish_to(wired, app)
    ready = worker_ready_file(wired.settings)

    def say_ready(**_: object) -> None:
        """Whole or not at all: the serve command reads the file while it is written."""
        part = ready.with_suffix(".part")
        part.write_text(str(os.getpid()))
        part.replace(ready)

    worker_ready.connect(say_ready, weak=False)

    def take(job_id: str) -> None:
        perform(wired, uuid.UUID(job_id), verbs)

    def publish_due() -> None:
        reap(wired, lambda job_id: app.send_task(PERFORM, args=[str(job_id)]))

    def watch() -> None:
        log_watch.watch(wired)

    tasks: dict[str, Callable[..., None]] = {
        PERFORM: take,
        "assay.reap": publish_due,
        "assay.watch": watch,
        "assay.custodian": custodian_round(wired),
        **ledger_tasks(wired),
    }
    for name, task in tasks.items():
        app.task(name=name)(task)
    return app


def ledger_tasks(wired: Wired) -> Mapping[str, Callable[[], None]]:
    """The tasks that keep the log, by name, in the database role of the sequencer."""
    book = database_of(wired.settings, "sequencer")

    def sequence() -> None:
        assert wired.signer is not None
        try:
            sequencer.sequence(book, wired.signer, wired.clock.now())
        except (sequencer.LogDamaged, Frozen) as stopped:
            log.critical("ledger.nothing_signed", reason=str(stopped))

    def ask_witnesses() -> None:
        for url, problem in witnesses.ask(book, wired.settings.witnesses, wired.clock.now()).items():
            log.error("witness.did_not_sign", url=url, problem=problem)

    def stamp() -> None:
        try:
            timestamps.stamp(book, wired.settings.time_authority, wired.clock.now(), STAMPED_SOONER)
        except timestamps.NotStamped as problem:
            url = wired.settings.time_authority.url
            log.error("checkpoint.not_time_stamped", url=url, problem=str(problem))

    def anchor() -> None:
        sequencer.anchor(book, wired.clock.now())

    return {
        "assay.sequence": sequence,
        "assay.witness": ask_witnesses,
        "assay.stamp": stamp,
        "assay.anchor": anchor,
    }


def custodian_round(wired: Wired) -> Callable[[], None]:
    """The task that talks with the custodian, if there is one: never two rounds at once in this process."""
    custodian = custodian_of(wired.settings, wired.clock)
    alone = Lock()

    def go() -> None:
        if custodian is None or not alone.acquire(blocking=False):
            return
        try:
            custody_round.Round(wired.database, custodian, wired.clock).go()
        except (Silent, Refused) as problem:
            log.warning("custodian.silent", problem=str(problem))
        except NotContinued as problem:
            log.critical("custodian.log_not_continued", problem=str(problem))
        finally:
            alone.release()

    return go


def reap(wired: Wired, publish: Callable[[uuid.UUID], object]) -> None:
    """Publish again what is due and nobody holds, and give up what was lost on every attempt."""
    with wired.database.read() as session:
        due = jobs.due(session)
        lost = jobs.lost(session)
    for job_id in due:
        publish(job_id)
    if lost:
        with wired.database.write() as session:
            jobs.give_up_lost(session)


@click.command()
@click.option("--threads", default=4, show_default=True, help="Jobs worked on at once.")
@click.option("--with-clock", is_flag=True, help="Send the schedule too: for the only worker of an instance.")
def worker(threads: int, with_clock: bool) -> None:
    """Work on jobs until told to stop. The serve command runs one; larger instances run many."""
    work(created(VERBS), threads=threads, with_clock=with_clock)


@click.command()
def clock() -> None:
    """Send the schedule, where many workers run: once in an instance. A second one does no harm."""
    created(VERBS).start(["--quiet", "beat"])


def created(verbs: Mapping[str, Verb]) -> Celery:
    """The app of this environment, with the log of this process."""
    settings = Settings.from_env()
    setup_logging.connect(lambda **_: logs.configure(settings, "worker"), weak=False)
    logs.configure(settings, "worker")
    fit_or_exit(settings, "worker", "sequencer")
    return create_celery(wire(settings, process="worker"), verbs)


def work(app: Celery, *, threads: int, with_clock: bool) -> None:
    """Run Celery's worker in this process until a signal stops it."""
    if with_clock:
        # A thread and no process: it ends with the worker, also when that is killed.
        ticking = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)
        worker_ready.connect(lambda **_: ticking.start(), weak=False)
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "warning"]
    app.start(["--quiet", "worker", "--pool", "threads", "--concurrency", str(threads), *options])
