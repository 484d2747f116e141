"""The told case, and a second developer beside it, on an instance of its own: what attackers try to reach."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from flask.testing import FlaskClient

from infra.migrations import upgrade
from infra.seed import people, story
from infra.seed.people import QUILLMARK, TESSALY, Cast
from infra.seed.stage import Stage
from portal.app import create_zones
from portal.settings import Settings
from portal.wiring import wire
from secure_access import identity
from secure_access.clock import FixedClock
from secure_access.db import select
from secure_access.identity import Actor, NewPerson, Person
from secure_access.workflow import Role
from tests.attack.second import Second, add_second
from tests.fixtures.app import CheapHasher, World, _with_clock
from tests.fixtures.filing import Developer

NOW = datetime(2027, 10, 1, 9, 0, tzinfo=UTC)
_TOKENS = re.compile(r'name="(csrf_token|form_id)" value="[^"]*"')


@dataclass
class Siege:
    """An instance under attack: its people, what exists on it, and clients that are signed in."""

    world: World
    cast: Cast
    second: Second
    personas: dict[str, tuple[str, Actor]] = field(default_factory=dict)
    _clients: dict[str, FlaskClient] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def client(self, name: str) -> FlaskClient:
        """The signed-in client of a persona, one for all tests."""
        if name not in self._clients:
            zone, actor = self.personas[name]
            self._clients[name] = self.world.client(zone, actor)
        return self._clients[name]

    def token(self, name: str) -> str:
        """A CSRF token of that client's session."""
        if name not in self._tokens:
            page = self.client(name).get("/").text
            self._tokens[name] = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
        return self._tokens[name]

    def post(self, name: str, path: str, data: dict[str, Any] | None = None) -> Any:
        """Send a form as that persona, with its CSRF token and a fresh form id."""
        hidden = {"csrf_token": self.token(name), "form_id": str(uuid.uuid4())}
        return self.client(name).post(path, data={**hidden, **(data or {})})

    def rows(self, kind: type[Any]) -> list[Any]:
        """Every row of a table."""
        with self.world.wired.database.read() as session:
            return list(session.exec(select(kind)))

    def urls(self, zone: str) -> Any:
        """Builds paths of a zone."""
        return self.world.zones[zone].url_map.bind("x")


def neutral(text: str) -> str:
    """A page without what differs on every drawing of it."""
    return _TOKENS.sub("", text)


def besiege(home: Path, url: str) -> Siege:
    """Tell the story on an empty database, and add what attackers need."""
    upgrade(url)
    clock = FixedClock(NOW)
    settings = Settings.from_env({"ASSAY_HOME": str(home), "ASSAY_DATABASE": url})
    wired = _with_clock(wire(settings, hasher=CheapHasher()), clock)
    stage = Stage(wired)
    cast = people.engage(stage)
    story.tell(stage, cast)
    world = World(wired, {}, clock)
    world.zones = create_zones(wired)
    first = Developer(world, cast.organisations[QUILLMARK], cast["nadia"], cast["weiss"])
    other = Developer(world, cast.organisations[TESSALY], cast["jonas"], cast["amara"])
    siege = Siege(world, cast, add_second(world, cast, first, other))
    _people(siege)
    return siege


def _people(siege: Siege) -> None:
    with siege.world.wired.database.write() as session:
        authority = siege.cast.organisations[people.AUTHORITY]
        new = NewPerson("root@authority.example", "Root", frozenset({Role.ADMINISTRATOR}))
        person = identity.add_person(
            session, organisation=authority, new=new, password_hash="cheap$secret", now=NOW
        )
        administrator = identity.actor(session, person.id)
    for key in ("nadia", "weiss", "jonas", "amara"):
        siege.personas[key] = ("developer", siege.cast[key])
    for key in ("lena", "oskar", "petra"):
        siege.personas[key] = ("evaluator", siege.cast[key])
    for key in ("mira", "paul", "ida", "brenner", "moreau", "ruth", "ines", "tomasz"):
        siege.personas[key] = ("government", siege.cast[key])
    siege.personas["root"] = ("government", administrator)


@pytest.fixture(scope="session")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """The instance under attack, on SQLite, for reading and for acts that are refused."""
    home = tmp_path_factory.mktemp("siege")
    made = besiege(home, f"sqlite:///{home / 'siege.db'}")
    yield made
    made.world.wired.database.dispose()


@pytest.fixture(scope="session")
def siege_on(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Siege]]:
    """The same on a backend by name, each made once."""
    made: dict[str, Siege] = {}
    admin: list[sqlalchemy.Engine] = []

    def on(backend: str) -> Siege:
        if backend == "sqlite":
            found: Siege = request.getfixturevalue("siege")
            return found
        if backend not in made:
            address = request.getfixturevalue("postgresql_admin")
            name = f"assay_siege_{uuid.uuid4().hex[:12]}"
            admin.append(sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT"))
            with admin[0].connect() as connection:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
            url = sqlalchemy.make_url(address).set(database=name).render_as_string(hide_password=False)
            made[backend] = besiege(tmp_path_factory.mktemp("siege-pg"), url)
        return made[backend]

    yield on
    for one in made.values():
        one.world.wired.database.dispose()
        name = sqlalchemy.make_url(one.world.wired.database.url).database
        with admin[0].connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        admin[0].dispose()


def person_row(siege: Siege, actor: Actor) -> Person:
    """The row of somebody."""
    with siege.world.wired.database.read() as session:
        return session.get_one(Person, actor.person_id)
