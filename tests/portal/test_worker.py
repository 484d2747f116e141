"""Jobs: done once whatever the broker or a worker does, tried again when they fail, listed when given up."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery

from portal import wiring, worker
from portal.settings import Settings
from portal.web import Wired
from portal.wiring import PERFORM, bare_celery, publish_to, wire
from portal.worker import VERBS, Effect, Verb, perform, reap, run_due
from secure_access import jobs
from secure_access.db import ReferenceCounter, Session, next_reference
from secure_access.jobs import Job, JobState
from secure_access.ledger import timestamps
from secure_access.ledger.timestamps import TimeAuthority
from tests.fixtures.app import CheapHasher, World
from tests.fixtures.databases import copied
from tests.fixtures.time_authority import LocalAuthority, serving

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0


def subject() -> str:
    return uuid.uuid4().hex[:8]


def add(wired: Wired, kind: str, about: str) -> uuid.UUID:
    with wired.database.write() as session:
        return jobs.add(session, kind, about).id


def row(wired: Wired, job_id: uuid.UUID) -> Job:
    with wired.database.read() as session:
        return session.get_one(Job, job_id)


def effects(wired: Wired, about: str) -> int:
    """How often the effect for a subject was committed."""
    with wired.database.read() as session:
        counter = session.get(ReferenceCounter, (about, wired.clock.now().year))
        return counter.last if counter else 0


def count(_wired: Wired, about: str) -> Effect:
    return lambda session, now: note(session, about, now)


def note(session: Session, about: str, now: datetime) -> None:
    next_reference(session, about, now)


def fail(_wired: Wired, _about: str) -> Effect:
    raise RuntimeError("no luck")


VERBS_HERE: Mapping[str, Verb] = {"test.count": count, "test.fail": fail}


# In one process, on both databases


def test_a_job_is_done_once_however_often_it_is_delivered(world: World) -> None:
    about = subject()
    job_id = add(world.wired, "test.count", about)
    assert [perform(world.wired, job_id, VERBS_HERE) for _ in range(3)] == [True, False, False]
    assert effects(world.wired, about) == 1
    assert row(world.wired, job_id).state is JobState.DONE


@pytest.mark.parametrize("kind", ["test.fail", "test.nobody_knows"])
def test_what_raises_is_tried_later_and_given_up_in_the_end(world: World, kind: str) -> None:
    job_id = add(world.wired, kind, "x")
    for attempt in range(1, jobs.MAX_ATTEMPTS + 1):
        before = datetime.now(UTC)
        assert not perform(world.wired, job_id, VERBS_HERE)
        given_back = row(world.wired, job_id).run_after - timedelta(seconds=2**attempt)
        assert before <= given_back <= datetime.now(UTC)
        with world.wired.database.write() as session:
            session.get_one(Job, job_id).run_after = datetime.now(UTC)
    with world.wired.database.read() as session:
        given_up = {job.id: job for job in jobs.failed(session)}
    assert given_up[job_id].last_error.startswith(("RuntimeError at test_worker.py", "KeyError at worker.py"))
    assert not perform(world.wired, job_id, VERBS_HERE)


def test_an_effect_whose_job_was_lost_meanwhile_is_rolled_back(world: World) -> None:
    about = subject()
    job_id = add(world.wired, "test.slow", about)

    def slow(wired: Wired, _about: str) -> Effect:
        with wired.database.write() as session:
            session.get_one(Job, job_id).lease_until = datetime.now(UTC) - timedelta(seconds=1)
        assert jobs.claim(wired.database, job_id, owner="somebody else")
        return count(wired, about)

    assert not perform(world.wired, job_id, {"test.slow": slow})
    assert effects(world.wired, about) == 0
    assert row(world.wired, job_id).owner == "somebody else"


def test_a_failure_whose_job_was_lost_meanwhile_changes_nothing(world: World) -> None:
    job_id = add(world.wired, "test.slow", "x")

    def slow(wired: Wired, _about: str) -> Effect:
        with wired.database.write() as session:
            session.get_one(Job, job_id).owner = "somebody else"
        raise RuntimeError

    assert not perform(world.wired, job_id, {"test.slow": slow})
    assert row(world.wired, job_id).state is JobState.RUNNING


def with_lease(wired: Wired, lease: timedelta) -> Wired:
    return replace(wired, settings=replace(wired.settings, job_lease=lease))


def test_the_lease_is_extended_while_the_slow_part_runs(world: World) -> None:
    wired = with_lease(world.wired, timedelta(seconds=2))
    about = subject()
    job_id = add(wired, "test.slow", about)
    others: list[object] = []

    def lease() -> datetime:
        until = row(wired, job_id).lease_until
        assert until
        return until

    def wait_until_extended() -> None:
        before = lease()
        wait_for(lambda: lease() > before)

    def slow(wired: Wired, _about: str) -> Effect:
        first = lease()
        while datetime.now(UTC) <= first:
            # Asked for right after it was extended: the machine may stand still for longer than a lease.
            wait_until_extended()
            others.append(jobs.claim(wired.database, job_id, owner="another"))
        return count(wired, about)

    assert perform(wired, job_id, {"test.slow": slow})
    assert set(others) == {None}
    assert effects(wired, about) == 1


def test_a_hung_job_loses_its_lease_in_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_EXTENSIONS", 1)
    wired = with_lease(world.wired, timedelta(seconds=0.3))
    about = subject()
    job_id = add(wired, "test.slow", about)

    def hang(wired: Wired, _about: str) -> Effect:
        deadline = time.monotonic() + PATIENCE
        while not jobs.claim(wired.database, job_id, owner="another"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return count(wired, about)

    assert not perform(wired, job_id, {"test.slow": hang})
    assert effects(wired, about) == 0


def test_the_reaper_publishes_what_is_due_and_gives_up_what_ends_its_worker(world: World) -> None:
    waiting, fatal = add(world.wired, "test.count", "x"), add(world.wired, "test.count", "x")
    with world.wired.database.write() as session:
        # What is due longest is published first; other tests leave more than is published at once.
        session.get_one(Job, waiting).run_after = datetime(2020, 1, 1, tzinfo=UTC)
        lost = session.get_one(Job, fatal)
        lost.state, lost.attempt = JobState.RUNNING, jobs.MAX_ATTEMPTS
        lost.lease_until = datetime.now(UTC) - timedelta(seconds=1)
    published: list[uuid.UUID] = []
    reap(world.wired, published.append)
    assert waiting in published
    assert fatal not in published
    assert row(world.wired, fatal).state is JobState.FAILED
    assert row(world.wired, fatal).last_error == "The worker ended every time."


def test_what_cannot_be_done_stands_in_nobodys_way(make_world: Callable[[str], World], own_url: str) -> None:
    """Jobs are taken by the hundred; a hundred that fail are tried once, and then the next."""
    world, about = make_world(own_url), subject()
    with world.wired.database.write() as session:
        for _ in range(101):
            jobs.add(session, "test.fail", "x")
        jobs.add(session, "test.count", about)
    assert run_due(world.wired, VERBS_HERE) == 1
    assert effects(world.wired, about) == 1


def test_jobs_that_jobs_add_are_done_too(sqlite_world: World) -> None:
    about = subject()

    def first(_wired: Wired, _about: str) -> Effect:
        return lambda session, _now: adds(session)

    def adds(session: Session) -> None:
        jobs.add(session, "test.count", about)

    add(sqlite_world.wired, "test.first", about)
    verbs = {**VERBS, "test.first": first, "test.count": count, "test.fail": fail}
    assert run_due(sqlite_world.wired, verbs) >= 2
    assert effects(sqlite_world.wired, about) == 1


def test_every_job_that_is_added_somewhere_has_a_verb() -> None:
    named = set()
    for package in ("portal", "evaluator", "secure_access", "infra"):
        for path in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r'jobs\.add\(\s*\w+,\s*"([a-z_.]+)"', path.read_text()))
    assert named
    assert named <= set(VERBS)


def test_the_schedule_names_tasks_that_exist(sqlite_world: World) -> None:
    app = worker.create_celery(sqlite_world.wired)
    assert {str(entry["task"]) for entry in worker.SCHEDULE.values()} <= set(app.tasks)
    for task in ("assay.sequence", "assay.anchor", "assay.reap"):
        app.tasks[task]()


def test_the_worker_has_checkpoints_stamped_and_goes_on_without(sqlite_world: World, tmp_path: Path) -> None:
    local = LocalAuthority(tmp_path / "tsa")
    with serving(local) as url:
        settings = replace(sqlite_world.wired.settings, time_authority=TimeAuthority(url, (local.root,)))
        tasks = worker.ledger_tasks(replace(sqlite_world.wired, settings=settings))
        for name in ("assay.anchor", "assay.sequence") * 2:
            tasks[name]()
        local.status = 503
        tasks["assay.stamp"]()
        local.status = 200
        tasks["assay.stamp"]()
    with sqlite_world.wired.database.read() as session:
        assert timestamps.newest_stamp(session) is not None
    assert local.asked == 2


def test_two_instances_on_one_broker_have_their_own_queues(tmp_path: Path) -> None:
    def app(queue: str) -> Celery:
        return bare_celery(Settings.from_env({"ASSAY_HOME": str(tmp_path), "ASSAY_QUEUE": queue}))

    assert app("one").amqp.queues.keys() == {"one"}
    assert app("two").amqp.queues.keys() == {"two"}


# With real worker processes, on each broker


@dataclass
class Instance:
    """An instance with workers that can be started, killed and asked."""

    wired: Wired
    env: Mapping[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it takes jobs."""
        script = str(Path(__file__).parent / "worker_under_test.py")
        env = {"PATH": "", "PYTHONPATH": str(ROOT), **self.env}
        process = subprocess.Popen([sys.executable, script], env=env, stdout=subprocess.DEVNULL)
        self.started.append(process)
        ready = wiring.worker_ready_file(self.wired.settings)
        wait_for(
            lambda: process.poll() is not None or (ready.exists() and ready.read_text() == str(process.pid))
        )
        assert process.poll() is None
        return process

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=10)
        self.wired.database.dispose()


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def rabbitmq(
    rabbitmq_queue: tuple[str, str], postgresql_made: Callable[[], AbstractContextManager[str]]
) -> Iterator[dict[str, str]]:
    """PostgreSQL with RabbitMQ. The database is the test's own: its workers do every job that they find."""
    with postgresql_made() as url:
        broker, queue = rabbitmq_queue
        yield {"ASSAY_BROKER": broker, "ASSAY_QUEUE": queue, "ASSAY_DATABASE": url}


@pytest.fixture
def embedded(pristine: Path, tmp_path: Path) -> dict[str, str]:
    """SQLite with the broker that needs no server."""
    (tmp_path / "home").mkdir()
    copied(pristine, tmp_path / "home" / "assay.db")
    return {}


@pytest.fixture(params=["embedded", "rabbitmq"])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Instance]:
    """An instance with each broker."""
    parts: dict[str, str] = request.getfixturevalue(request.param)
    env = {"ASSAY_HOME": str(tmp_path / "home"), "ASSAY_JOB_LEASE": "2", **parts}
    settings = Settings.from_env(env)
    wired = wire(settings, hasher=CheapHasher())
    publish_to(wired, bare_celery(settings))
    instance = Instance(wired, env)
    yield instance
    instance.end()


def test_a_real_worker_does_what_is_published_lost_doubled_or_failing(instance: Instance) -> None:
    process = instance.start()
    wired, app = instance.wired, bare_celery(instance.wired.settings)
    published, doubled, lost = subject(), subject(), subject()

    add(wired, "test.count", published)
    twice = add(wired, "test.count", doubled)
    for _ in range(3):
        app.send_task(PERFORM, args=[str(twice)])
    wired.database.context[jobs.PUBLISHER] = unreachable
    add(wired, "test.count", lost)
    failing = add(wired, "test.fail", "x")

    wait_for(lambda: all(effects(wired, about) == 1 for about in (published, doubled, lost)))
    wait_for(lambda: row(wired, failing).attempt >= 2)
    assert row(wired, failing).state is not JobState.DONE
    app.send_task(PERFORM, args=[str(twice)])
    time.sleep(1)
    assert effects(wired, doubled) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    log = Path(wired.settings.log).read_text()
    assert "job.failed" in log
    assert "jane@example.test" not in log


def unreachable(_job_id: uuid.UUID) -> None:
    raise ConnectionError("no broker")


def test_a_job_outlives_the_worker_that_was_killed_in_it(instance: Instance) -> None:
    wired, about = instance.wired, subject()
    first = instance.start()
    job_id = add(wired, "test.stall", about)
    wait_for((wired.settings.home / f"begun-{about}").exists)
    first.kill()
    first.wait(timeout=10)
    assert row(wired, job_id).state is JobState.RUNNING

    instance.start()
    wait_for(lambda: row(wired, job_id).state is JobState.DONE)
    assert effects(wired, about) == 1
    assert row(wired, job_id).attempt == 2
