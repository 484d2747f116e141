"""Many entries at once, recorded by a process in its own role, under conditions on rows."""

from __future__ import annotations

from secure_access import ledger
from secure_access.db import Acting, Database
from tests.fixtures.app import World
from tests.fixtures.long_log import READING
from tests.fixtures.roles import address


def test_the_worker_records_many_readings_at_once(ruled_world: World) -> None:
    many = [{"filing": f"RR-2027-{n:03d}", "reference": "E-1"} for n in range(3)]
    database = Database(address(ruled_world.wired.database.url, "worker"))
    database.acting = lambda: Acting("worker")
    try:
        with database.write() as session:
            about = ("engagement:many", "plan:many")
            ledger.append_many(session, READING, many, by=None, now=ruled_world.clock.now(), about=about)
    finally:
        database.dispose()
    with ruled_world.wired.database.read() as session:
        for subject in about:
            assert [entry.fields for entry in ledger.entries(session, subject)] == many
