"""The told case, and a second developer beside it, on an instance of its own: what attackers try to reach."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from infra.seed import people, story
from infra.seed.people import LARKFIELD, QUILLMARK, TESSALY, Cast
from infra.seed.stage import Stage
from portal import mail
from portal.app import create_zones
from portal.settings import Settings
from portal.wiring import own_signer, wire
from secure_access import identity
from secure_access.actor import Agency
from secure_access.clock import FixedClock
from secure_access.db import Database, select
from secure_access.identity import (
    Actor,
    NewPerson,
    Organisation,
    OrganisationKind,
    conflicts,
    credentials,
    delegation,
    federation,
    invitations,
    organisations,
    proposals,
)
from secure_access.identity.credentials import NewKey
from secure_access.identity.id_tokens import Said
from secure_access.identity.invitations import Wanted
from secure_access.identity.tables import RelationKind
from secure_access.workflow import Role
from tests.attack import rest
from tests.attack.second import Second, add_second
from tests.fixtures.app import CheapHasher, World
from tests.fixtures.databases import copied
from tests.fixtures.filing import Developer
from tests.fixtures.provider import providers_file

NOW = datetime(2027, 10, 1, 9, 0, tzinfo=UTC)

PAUSE_SECONDS = 600
"""A session that is not used ends after half an hour, and other tests may take that long in between."""
NO_PROVIDER = "http://127.0.0.1:9"
"""Single sign-on is set, so that its pages are there, with a provider that never answers."""
AGENTS = {"dora": "draft", "rory": "report_incidents", "ansel": "answer_requests"}
"""Who of an agent acts for the second developer, and in what."""
KEY_HOLDERS = ("jonas", "oskar", "root")
"""One of each zone who has a key, and signs, approves and sends nothing that would ask for it."""


@dataclass
class Siege:
    """An instance under attack: its people, what exists on it, and clients that are signed in."""

    world: World
    cast: Cast
    second: Second
    personas: dict[str, tuple[str, Actor]] = field(default_factory=dict)
    _clients: dict[str, FlaskClient] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _used: dict[str, float] = field(default_factory=dict)
    _read: dict[type[Any], list[Any]] | None = None

    def client(self, name: str) -> FlaskClient:
        """The signed-in client of a persona, one for all tests; signed in anew after a pause."""
        before, self._used[name] = self._used.get(name), time.monotonic()
        if before is None or self._used[name] - before > PAUSE_SECONDS:
            zone, actor = self.personas[name]
            self._clients[name] = self.world.client(zone, actor)
            self._tokens.pop(name, None)
            if actor.agency is not None:
                self._act_for(name, actor.agency)
        return self._clients[name]

    def _act_for(self, name: str, agency: Agency) -> None:
        """An agent chooses for whom to act, as on their first page."""
        form = {"csrf_token": self.token(name), "delegation": str(agency.delegation_id)}
        assert self._clients[name].post("/for", data=form).status_code == 303
        self._tokens.pop(name, None)

    def token(self, name: str) -> str:
        """A CSRF token of that client's session."""
        client = self.client(name)
        if name not in self._tokens:
            page = client.get("/", follow_redirects=True).text
            self._tokens[name] = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
        return self._tokens[name]

    def post(self, name: str, path: str, data: dict[str, Any] | None = None) -> Any:
        """Send a form as that persona, with its CSRF token and a fresh form id."""
        hidden = {"csrf_token": self.token(name), "form_id": str(uuid.uuid4())}
        return self.client(name).post(path, data={**hidden, **(data or {})})

    def rows(self, kind: type[Any]) -> list[Any]:
        """Every row of a table."""
        if self._read is not None and kind in self._read:
            return self._read[kind]
        with self.world.wired.database.read() as session:
            found = list(session.exec(select(kind)))
        if self._read is not None:
            self._read[kind] = found
        return found

    def still(self) -> Siege:
        """This instance as it is now, each table read once: for who asks it often between two acts."""
        return self if self._read is not None else replace(self, _read={})

    def urls(self, zone: str) -> Any:
        """Builds paths of a zone."""
        return self.world.zones[zone].url_map.bind("x")


def besiege(home: Path, url: str) -> Siege:
    """Tell the story on a migrated database, and add what attackers need."""
    clock = FixedClock(NOW)
    providers = providers_file(home, NO_PROVIDER)
    given = {"ASSAY_HOME": str(home), "ASSAY_DATABASE": url, "ASSAY_SSO": str(providers)}
    settings = Settings.from_env(given)
    wired = replace(wire(settings, hasher=CheapHasher()), clock=clock)
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
        administrator = _add(session, authority, "root", Role.ADMINISTRATOR)
        administers = _administration(session, siege, administrator)
        siege.personas["larry"] = ("evaluator", _add(session, siege.cast.organisations[LARKFIELD], "larry"))
        siege.personas |= {
            name: ("developer", agent) for name, agent in _agents(session, administers).items()
        }
    siege.personas["tessa"] = ("developer", administers)
    for key in ("nadia", "weiss", "greta", "jonas", "amara"):
        siege.personas[key] = ("developer", siege.cast[key])
    for key in ("lena", "oskar", "petra"):
        siege.personas[key] = ("evaluator", siege.cast[key])
    for key in ("mira", "paul", "ida", "brenner", "moreau", "ruth", "ines", "tomasz", "salma"):
        siege.personas[key] = ("government", siege.cast[key])
    siege.personas["root"] = ("government", administrator)
    for key in KEY_HOLDERS:
        _give_key(siege, *siege.personas[key])


def _give_key(siege: Siege, zone: str, by: Actor) -> None:
    new = NewKey(by.person_id.bytes, b"public", 1, False, False, "", "none")
    with siege.world.wired.database.write() as session:
        credentials.add(session, person_id=by.person_id, zone=zone, new=new, name="Laptop", wait=timedelta(0))
        federation.link(session, person_id=by.person_id, said=Said(NO_PROVIDER, str(by.person_id), ""))


def _add(
    session: Any, organisation: Organisation, name: str, role: Role = Role.ORGANISATION_ADMINISTRATOR
) -> Actor:
    new = NewPerson(f"{name}@attack.example", name, frozenset({role}))
    person = identity.add_person(
        session, organisation=organisation, new=new, password_hash="cheap$secret", now=NOW
    )
    return identity.actor(session, person.id)


def _agents(session: Any, by: Actor) -> dict[str, Actor]:
    """An agent's people: one who acts for nobody, and one for each thing that a developer can delegate."""
    firm = identity.add_organisation(session, kind=OrganisationKind.AGENT, name="Hale", now=NOW)
    found = {"hale": _add(session, firm, "hale", Role.AGENT)}
    for name, scope in AGENTS.items():
        new = delegation.NewDelegation(firm.id, (scope,), NOW.date(), NOW.date())
        row = delegation.grant(session, new=new, by=by, now=NOW)
        person_id = _add(session, firm, name, Role.AGENT).person_id
        found[name] = delegation.acting(session, person_id, row.id, now=NOW)
    return found


def _administration(session: Any, siege: Siege, root: Actor) -> Actor:
    """What the pages of people and organisations can name; the administrator of the second developer."""
    tessaly, key = siege.cast.organisations[TESSALY], mail.link_key(siege.world.wired)
    tessa, _ = _add(session, tessaly, "tessa"), _add(session, tessaly, "tobias")
    wanted = Wanted(tessaly.id, "new@tessaly.example", "New", (Role.PREPARER,))
    invitations.invite(session, wanted=wanted, key=key, by=tessa, now=NOW)
    entity = organisations.NewEntity("Tessaly Ireland", "Ireland", "", (), NOW.date())
    organisations.claim(session, organisation=tessaly, new=entity, by=tessa, now=NOW)
    related = organisations.NewRelation(
        tessaly.id,
        siege.cast.organisations[QUILLMARK].id,
        RelationKind.PARENT_OF,
        NOW.date(),
        "Annual report",
    )
    organisations.relate(session, new=related, by=root, now=NOW)
    act = proposals.NewProposal(proposals.RESET, {"person": str(tessa.person_id)}, "Lost.", tessa.person_id)
    proposals.propose(session, new=act, by=root, now=NOW)
    conflicts.declare(
        session,
        person_id=siege.cast["joris"].person_id,
        developer_id=tessaly.id,
        reason="Shares.",
        by=root,
        now=NOW,
    )
    return tessa


@pytest.fixture(scope="session")
def siege(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """The instance under attack, on SQLite, for reading and for acts that are refused."""
    home = tmp_path_factory.mktemp("siege")
    made = besiege(home, copied(pristine, home / "siege.db"))
    yield made
    made.world.wired.database.dispose()


@pytest.fixture(scope="session")
def copy_of(siege: Siege, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Siege]]:
    """Copies of that instance's database, for acts that succeed and for damage. The vault is shared.

    Each has a signer with a memory of its own: for one memory the second copy would be a fork of the first.
    """
    made: list[Database] = []

    def copy() -> Siege:
        target = tmp_path_factory.mktemp("copy") / "siege.db"
        url = siege.world.wired.database.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(url)) as source, closing(sqlite3.connect(target)) as copied:
            source.backup(copied)
        made.append(Database(f"sqlite:///{target}"))
        home = siege.world.wired.settings.home
        for part in ("keys", "signer"):
            shutil.copytree(home / part, target.parent / part)
        signer = own_signer(replace(siege.world.wired.settings, home=target.parent))
        wired = replace(siege.world.wired, database=made[-1], signer=signer)
        world = World(wired, create_zones(wired), siege.world.clock)
        return Siege(world, siege.cast, siege.second, siege.personas)

    yield copy
    for database in made:
        database.dispose()


@pytest.fixture(scope="session")
def postgresql_siege(
    tmp_path_factory: pytest.TempPathFactory, postgresql_made: Callable[[], AbstractContextManager[str]]
) -> Iterator[Siege]:
    """The same instance on PostgreSQL, for acts that succeed and for damage that is rolled back."""
    with postgresql_made() as url:
        made = besiege(tmp_path_factory.mktemp("siege-pg"), url)
        yield made
        made.world.wired.database.dispose()


@pytest.fixture(scope="session")
def siege_on(copy_of: Callable[[], Siege], request: pytest.FixtureRequest) -> Callable[[str], Siege]:
    """An instance on a backend by name, for acts that succeed; each made once, with a row in every table."""

    @cache
    def on(backend: str) -> Siege:
        found: Siege = copy_of() if backend == "sqlite" else request.getfixturevalue("postgresql_siege")
        rest.tell(found)
        return found

    return on
