"""The job table is the truth: claimed once, finished under a fencing token, given back when it fails."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from secure_access import jobs
from secure_access.db import Database
from secure_access.jobs import Job, JobState

ALL = 1_000_000
"""Other tests leave jobs in the same database."""


def add(database: Database, delay: timedelta = timedelta(0)) -> uuid.UUID:
    with database.write() as session:
        return jobs.add(session, "test.nothing", "subject:1", delay=delay).id


def row(database: Database, job_id: uuid.UUID) -> Job:
    with database.read() as session:
        return session.get_one(Job, job_id)


def test_of_many_claims_one_wins(database: Database) -> None:
    job_id = add(database)
    claims: list[jobs.Claim | None] = []
    threads = [
        threading.Thread(target=lambda n=n: claims.append(jobs.claim(database, job_id, owner=f"w{n}")))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in claims) == 1


def test_a_finished_job_is_done_and_cannot_be_claimed_again(database: Database) -> None:
    job_id = add(database)
    held = jobs.claim(database, job_id, owner="w")
    assert held
    with database.write() as session:
        jobs.finish(session, held)
    assert row(database, job_id).state is JobState.DONE
    assert jobs.claim(database, job_id, owner="w") is None


def test_who_lost_the_lease_cannot_finish(database: Database) -> None:
    job_id = add(database)
    first = jobs.claim(database, job_id, owner="slow")
    assert first
    with database.write() as session:
        session.get_one(Job, job_id).lease_until = datetime.now(UTC) - timedelta(seconds=1)
    second = jobs.claim(database, job_id, owner="fast")
    assert second
    assert second.attempt == first.attempt + 1
    with pytest.raises(jobs.LostLease), database.write() as session:
        jobs.finish(session, first)
    with database.write() as session:
        jobs.finish(session, second)


def test_a_failed_job_comes_back_later_and_is_given_up_in_the_end(database: Database) -> None:
    job_id = add(database)
    for attempt in range(1, jobs.MAX_ATTEMPTS + 1):
        with database.write() as session:
            session.get_one(Job, job_id).run_after = datetime.now(UTC)
        held = jobs.claim(database, job_id, owner="w")
        assert held
        assert held.attempt == attempt
        with database.write() as session:
            jobs.give_back(session, held, error="no luck")
    assert row(database, job_id).state is JobState.FAILED
    with database.read() as session:
        assert job_id in [job.id for job in jobs.failed(session)]


def test_a_job_for_later_is_not_due_and_not_published(database: Database) -> None:
    published: list[uuid.UUID] = []
    database.context[jobs.PUBLISHER] = published.append
    later, now = add(database, timedelta(hours=1)), add(database)
    with database.read() as session:
        due = jobs.due(session, limit=ALL)
    assert now in due
    assert later not in due
    assert jobs.claim(database, later, owner="w") is None
    assert published == [now]


def test_a_broker_that_fails_does_not_fail_the_act(database: Database) -> None:
    def fail(_job_id: uuid.UUID) -> None:
        raise ConnectionError

    database.context[jobs.PUBLISHER] = fail
    job_id = add(database)
    with database.read() as session:
        assert job_id in jobs.due(session, limit=ALL)


def test_a_rolled_back_job_is_never_published(database: Database) -> None:
    published: list[uuid.UUID] = []
    database.context[jobs.PUBLISHER] = published.append
    with pytest.raises(RuntimeError), database.write() as session:
        jobs.add(session, "test.nothing", "subject:1")
        raise RuntimeError
    assert published == []
