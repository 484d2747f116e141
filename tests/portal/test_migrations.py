"""Migrations go up and down, match the models, and keep the triggers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from infra.migrations import config, downgrade, upgrade
from portal.filing.tables import Filing, FilingKind
from portal.review import plans
from portal.review.tables import PlanRequest
from portal.review.workflow import PlanState
from portal.tables import METADATA
from secure_access.db import Database, Table
from secure_access.identity import Organisation, OrganisationKind
from secure_access.ledger import triggers
from tests.fixtures.app import World
from tests.fixtures.databases import postgresql_database
from tests.fixtures.review import make_desk


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with postgresql_database(request.getfixturevalue("postgresql_admin"), "assay_migration") as url:
        yield url


def revisions(url: str) -> list[str]:
    script = ScriptDirectory.from_config(config(url))
    return [revision.revision for revision in script.walk_revisions()][::-1]


def differences(url: str) -> tuple[list[object], list[str]]:
    database = Database(url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, METADATA), triggers.compare(connection)
    database.dispose()
    return found


def test_every_step_goes_up_and_down_and_keeps_its_triggers(empty_url: str) -> None:
    steps = revisions(empty_url)
    for revision in steps:
        upgrade(empty_url, revision)
        assert (revision, differences(empty_url)[1]) == (revision, [])
    assert differences(empty_url) == ([], [])
    for revision in [*steps[:-1][::-1], "base"]:
        downgrade(empty_url, revision)
        assert (revision, differences(empty_url)[1]) == (revision, [])
    engine = sqlalchemy.create_engine(empty_url)
    assert set(sqlalchemy.inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()
    upgrade(empty_url)
    assert differences(empty_url) == ([], [])


def test_there_is_one_head(tmp_path: Path) -> None:
    script = ScriptDirectory.from_config(config(f"sqlite:///{tmp_path / 'x.db'}"))
    assert len(script.get_heads()) == 1


def test_whoever_began_a_filing_is_its_author_after_the_step(empty_url: str) -> None:
    """Nothing else was kept of who wrote: without it, whoever began one before could certify it."""
    now, anna = datetime(2027, 1, 1, tzinfo=UTC), uuid.UUID(int=7)
    script = ScriptDirectory.from_config(config(empty_url))
    upgrade(empty_url, str(script.get_revision("0011").down_revision))
    developer = Organisation(kind=OrganisationKind.DEVELOPER, name="Quillmark", created_at=now)
    filing = Filing(
        kind=FilingKind.RISK_REPORT,
        developer_id=developer.id,
        prepared_by=anna,
        prepared_at=now,
        saved_at=now,
    )
    engine = sqlalchemy.create_engine(empty_url)
    with engine.begin() as connection:
        for row in (developer, filing):
            _insert_as_it_was(connection, row)
    upgrade(empty_url, "0011")
    with engine.connect() as connection:
        kept = METADATA.tables["filing"].c
        assert connection.execute(sqlalchemy.select(kept.authors)).scalar_one() == [str(anna)]
    engine.dispose()


def _insert_as_it_was(connection: sqlalchemy.Connection, row: Table) -> None:
    """Only the columns that the table has at this step."""
    name = str(row.__tablename__)
    there = {column["name"] for column in sqlalchemy.inspect(connection).get_columns(name)}
    columns = [sqlalchemy.column(c.name, c.type) for c in METADATA.tables[name].c if c.name in there]
    values = {column.name: getattr(row, column.name) for column in columns}
    connection.execute(sqlalchemy.table(name, *columns).insert().values(values))


def test_a_table_that_others_refer_to_changes_with_its_rows(
    own_sqlite_url: str, make_world: Callable[[str], World]
) -> None:
    """SQLite makes it anew, and refused to drop the old one while a delivered section referred to it."""
    desk = make_desk(make_world(own_sqlite_url))
    request = desk.plan_delivered(desk.under_review())
    desk.world.wired.database.dispose()
    downgrade(own_sqlite_url, "0018")
    upgrade(own_sqlite_url)
    assert differences(own_sqlite_url) == ([], [])
    with desk.world.wired.database.read() as session:
        kept = session.get_one(PlanRequest, request.id)
        assert (kept.state, kept.handling, kept.pages) == (PlanState.DELIVERED, None, None)
        assert len(plans.sections(session, kept)) == 2
