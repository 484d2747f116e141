"""The demonstration's custodian: its folder, three officers, and the first list with the people of the story.

One user of the machine runs everything, and the officers' keys lie beside the plan keys: demonstration
custody. `set_up` is the one place where such a folder is written; `assay serve` starts what lies in it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click

from infra.seed.people import PARTS, email
from portal.custodian import channel_key_of
from portal.serve import CUSTODIAN, LOOPBACK
from portal.settings import CUSTODIAN_FILE
from portal.web import Wired
from secure_access.clock import Clock, MovedClock
from secure_access.custodian import enrolment, forms, list_draft, private_files, process
from secure_access.custodian.demonstration import Officers
from secure_access.custodian.enrolment import Officer, Role
from secure_access.custodian.lease import Lease
from secure_access.db import select
from secure_access.identity import Organisation, Person
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json
from secure_access.ledger.records import timestamp

BESIDE = 10
"""The custodian's port is so far from the portal's, or the next that is free."""
MOST_PORT = 65_535
BLOCKED = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080}
)
"""Ports above 1023 that browsers open no page at: the Fetch Standard, “Port blocking”."""
LOG = "demonstration.example/ledger"
LONGEST_SOCKET = 100
"""Bytes of the path of a Unix socket; the kernel takes 107."""
ROLES: Mapping[str, Role] = {
    "ida": Role.APPROVER,
    "paul": Role.APPROVER,
    "brenner": Role.READER,
    "moreau": Role.READER,
    "weiss": Role.DEVELOPER_OFFICER,
    "amara": Role.DEVELOPER_OFFICER,
}
"""Who of the story is on the first list: approvers of two teams, readers, an officer of each developer."""
_AS_TEXT = "brenner"
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Listed:
    """Whom the first list names: people and organisations, as a list has them but for passkeys and dates."""

    organisations: Sequence[Mapping[str, Json]]
    people: Sequence[Mapping[str, Json]]


def offer(wired: Wired, clock: Clock | None = None) -> Path | None:
    """Set the custodian up where there is none yet, this is the told story, and the machine can run it.

    Its folder, or ``None`` where there is none to set up. ``clock`` is that of the first list, if not now.
    """
    settings = wired.settings
    home = settings.home / CUSTODIAN
    listed = None if home.exists() else cast(wired)
    if listed is None:
        return None
    if sys.platform != "linux" or len(os.fsencode(home / "core.sock")) > LONGEST_SOCKET:
        click.echo(
            "The custodian of sealed plans is left out: it needs Linux, and a folder (ASSAY_HOME) of a path "
            f"of at most {LONGEST_SOCKET - len('/custodian/core.sock')} bytes long."
        )
        return None
    origin = f"http://custodian.localhost:{free_port(settings.port + BESIDE)}"
    set_up(home, origin, listed, wired.clock, portal=channel_key_of(settings).verifier, at=clock)
    click.echo("The custodian of sealed plans is set up, in demonstration custody.")
    return home


def set_up(
    home: Path, origin: str, listed: Listed, clock: Clock, *, portal: str = "", at: Clock | None = None
) -> None:
    """Make ``home``: the officers' keys, ``core.toml``, the core's keys, and its log with the first list.

    It is made beside its place and moved there whole, so that no crash leaves it half made. ``clock`` is
    that of the instance and will be the core's; ``at`` says when the first list was made, if not now.
    ``portal`` is the line of the portal's channel key.
    """
    then = at or clock
    part = home.with_name(f"{home.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    private_files.folder(part)
    officers = Officers(part)
    encoded = first_list(origin, listed, officers.make(), then.now())
    told = {
        "origin": origin,
        "log": LOG,
        "pinned": forms.digest(encoded),
        "front": os.geteuid(),
        **({"portal": portal} if portal else {}),
        "clock_shift": clock.shift.total_seconds() if isinstance(clock, MovedClock) else 0,
        "demonstration_officers": True,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    private_files.write(part / process.SETTINGS, ("\n".join(lines) + "\n").encode())
    settings = process.Settings.read(part)
    lease = Lease(settings.lease, settings.name)
    lease.take(then.now())
    opened = process.open_core(part, settings, lease, clock=then)
    try:
        opened.core.enrol(officers.sign(encoded))
    finally:
        opened.close()
        lease.release(then.now())
    known = {"origin": origin, "key": opened.channel}
    private_files.write(part / Path(CUSTODIAN_FILE).name, json.dumps(known).encode())
    part.rename(home)


def first_list(origin: str, listed: Listed, officers: Sequence[Officer], now: datetime) -> bytes:
    """The bytes of the first list, of a year. Nobody has a passkey yet: each comes with the next list."""
    dates = {"not_before": timestamp(now - timedelta(days=1)), "not_after": timestamp(now + _YEAR)}
    people: list[Json] = [{**one, "credentials": [], **dates} for one in listed.people]
    made = canonical.encode(
        {
            "v": enrolment.FORMAT,
            "version": 1,
            "previous": enrolment.NO_PREVIOUS,
            "made_at": timestamp(now),
            "custodian": origin,
            "rp_id": urlsplit(origin).hostname or "",
            "needed": enrolment.FEWEST_SIGNATURES,
            "organisations": [dict(one) for one in listed.organisations],
            "officers": [list_draft.officer(one) for one in officers],
            "people": people,
        }
    )
    enrolment.parse(made)
    return made


def cast(wired: Wired) -> Listed | None:
    """Whom the list names, by their identifiers in the portal; ``None`` where this is another instance."""
    with wired.database.read() as session:
        found = {
            part: session.exec(select(Person).where(Person.email == email(part.key))).first()
            for part in PARTS
            if part.key in ROLES
        }
        if None in found.values():
            return None
        people = [
            _listed(person, ROLES[part.key], part.key == _AS_TEXT) for part, person in found.items() if person
        ]
        organisations: list[Mapping[str, Json]] = [
            {"id": str(one.id), "name": one.name} for one in session.exec(select(Organisation))
        ]
    return Listed(
        sorted(organisations, key=lambda one: str(one["id"])),
        sorted(people, key=lambda one: str(one["person"])),
    )


def _listed(person: Person, role: Role, text: bool) -> dict[str, Json]:
    return {
        "person": str(person.id),
        "name": person.name,
        "title": person.title,
        "organisation": str(person.organisation_id),
        "employer": str(person.organisation_id),
        "team": person.team,
        "roles": [role.value],
        "conflicts": [],
        "text": text,
    }


def free_port(port: int) -> int:
    """``port``, or the next that browsers open and a server could have now. Raises ``OSError`` for none."""
    while True:
        while port in BLOCKED:
            port += 1
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                if port >= MOST_PORT:
                    raise
                port += 1
            else:
                return port
