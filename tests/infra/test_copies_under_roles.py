"""Copies of record are written by the worker in its own role, and read by who may, in theirs."""

from __future__ import annotations

from secure_access.db import Acting, Database, select
from secure_access.documents import CopyOfRecord
from secure_access.jobs import Job, JobState
from secure_access.ledger import Manifest
from tests.fixtures.app import World
from tests.fixtures.enforcement import make_bench
from tests.fixtures.roles import address


def test_the_worker_writes_copies_and_each_zone_reads_its_own(ruled_world: World) -> None:
    bench = make_bench(ruled_world)
    desk = bench.desk
    decision = desk.decided(desk.under_review())
    notice = bench.sent()
    ruled_world.run_jobs()
    with ruled_world.wired.database.read() as session:
        waiting = session.exec(select(Job).where(Job.state != JobState.DONE)).all()
        assert [(job.kind, job.last_error) for job in waiting] == []
        copies = {row.subject for row in session.exec(select(CopyOfRecord))}
    filings = {subject for subject in copies if subject.startswith("filing:")}
    assert copies == filings | {f"decision:{decision.id}", f"notice:{notice.id}"}
    assert filings
    mine, other = desk.developer.organisation_id, desk.other_developer.organisation_id
    url = ruled_world.wired.database.url
    assert seen(url, "developer", Acting("developer", mine, desk.developer.person_id)) == copies
    assert seen(url, "developer", Acting("developer", other, desk.other_developer.person_id)) == set()
    assert seen(url, "public", Acting("public")) == {f"decision:{decision.id}"}


def seen(url: str, role: str, acting: Acting) -> set[str]:
    """The copies that a role sees; a manifest is seen by the same, and by nobody else."""
    database = Database(address(url, role))
    database.acting = lambda: acting
    try:
        with database.read() as session:
            copies = {row.subject for row in session.exec(select(CopyOfRecord))}
            manifests = {row.subject for row in session.exec(select(Manifest))}
    finally:
        database.dispose()
    assert {one for one in copies if not one.startswith("filing:")} <= manifests
    assert copies or not manifests
    return copies
