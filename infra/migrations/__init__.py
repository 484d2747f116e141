"""Alembic migrations, as package data, and the two calls that everybody uses."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine


def config(url: str) -> Config:
    """The Alembic configuration for a database address."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return settings


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to ``revision`` and re-create its triggers."""
    command.upgrade(config(url), revision)


def is_newest(url: str) -> bool:
    """Whether every migration has been made on this database."""
    newest = ScriptDirectory.from_config(config(url)).get_current_head()
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == newest
    finally:
        engine.dispose()


def downgrade(url: str, revision: str) -> None:
    """Take a database back to ``revision``."""
    command.downgrade(config(url), revision)
