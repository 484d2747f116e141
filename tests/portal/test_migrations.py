"""Migrations go up and down, match the models, and keep the triggers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from infra.migrations import config, downgrade, upgrade
from portal.tables import METADATA
from secure_access.db import Database
from secure_access.ledger import triggers


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    admin_url = request.getfixturevalue("postgresql_admin")
    name = f"assay_migration_{uuid.uuid4().hex[:10]}"
    admin = sqlalchemy.create_engine(admin_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    yield sqlalchemy.make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.dispose()


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
