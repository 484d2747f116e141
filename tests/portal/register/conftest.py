"""An instance of its own for each test: the register shows everything that there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import html5lib
import pytest
from flask.testing import FlaskClient

from tests.fixtures.app import World
from tests.fixtures.databases import copied
from tests.fixtures.enforcement import Bench, make_bench
from tests.fixtures.review import Desk, make_desk


@pytest.fixture
def fresh_url(pristine: Path, tmp_path: Path) -> str:
    """A migrated database without anything else."""
    return copied(pristine, tmp_path / "assay.db")


@pytest.fixture
def fresh_desk(make_world: Callable[[str], World], fresh_url: str) -> Desk:
    """A desk on a database without anything else."""
    return make_desk(make_world(fresh_url))


@pytest.fixture
def fresh_bench(make_world: Callable[[str], World], fresh_url: str) -> Bench:
    """A bench of enforcement on a database without anything else."""
    return make_bench(make_world(fresh_url))


@pytest.fixture
def public(fresh_desk: Desk) -> FlaskClient:
    """Somebody who is not signed in."""
    return fresh_desk.world.client("public")


@pytest.fixture
def visitor(sqlite_world: World) -> FlaskClient:
    """Somebody who is not signed in, on 1 October 2027."""
    sqlite_world.at(sqlite_world.clock.at.replace(month=10, day=1))
    return sqlite_world.client("public")


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    """A page as one line of text; it has to be valid HTML."""
    answer = client.get(path)
    assert answer.status_code == status, path
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return " ".join(answer.text.split())
