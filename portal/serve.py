"""``assay serve``: the web server and the worker of one machine. ``assay migrate``: the database's shape."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import click

from infra.migrations import is_newest, upgrade
from infra.postgresql import fit_or_exit
from portal.settings import PUBLIC, ZONES, Settings, settings_or_exit
from portal.supervision import Child, Supervisor
from portal.web import origin
from portal.wiring import wire, worker_ready_file
from secure_access.identity import recovery

LOOPBACK = "127.0.0.1"
CUSTODIAN = "custodian"
"""The folder, in the home, of a demonstration's custodian. Any other custodian is no part of an instance."""
THREADS = 64
"""Requests worked on at once. A body that arrives slowly holds one of them until it has arrived."""
CONNECTIONS = 512
"""Open connections; more wait in the kernel. A browser keeps up to six a zone open, mostly idle."""


@click.command()
def migrate() -> None:
    """Bring the database to the newest shape, and re-create its triggers. Makes keys that are missing."""
    settings = settings_or_exit()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url)
    wired = wire(settings)
    with wired.database.write() as session:
        recovery.adopt(session, now=wired.clock.now())
    wired.database.dispose()
    for zone in ZONES:
        wire(settings, zone=zone).database.dispose()  # a zone that may not write among the keys finds its own
    click.echo("The database has the newest shape.")


@click.command()
@click.option("--zone", type=click.Choice(ZONES), help="Serve this zone alone, and no worker.")
def serve(zone: str | None) -> None:
    """Serve every zone and the worker on this machine until Ctrl-C, or one zone alone."""
    if zone:
        os.environ["ASSAY_ZONE"] = zone  # for the web server, which is a process of its own
    settings = settings_or_exit()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _sole_server(settings):
        _refuse_a_port_in_use(settings.port, f"Choose another: PORT={settings.port + 1} make run")
        if custodian := custodian_of(settings):
            _refuse_a_port_in_use(custodian.port, "The custodian keeps the address that it was set up with.")
        fit_or_exit(settings, *(settings.zone,) if settings.zone else (*ZONES, "worker", "sequencer"))
        if not is_newest(settings.database_of(settings.zone)):
            _refuse("The database does not have the newest shape. Bring it there first: assay migrate")
        asked = Supervisor(_children(settings), say=lambda words: click.echo(words, err=True)).run(
            when_ready=lambda: announce(settings)
        )
    click.echo("Assay has stopped." if asked else "Assay cannot run.")
    raise SystemExit(0 if asked else 1)


def _children(settings: Settings) -> list[Child]:
    web = Child("web server", web_command(settings.port), lambda _pid: web_answers(settings))
    if settings.zone:
        return [web]
    worker_ready_file(settings).unlink(missing_ok=True)
    worker = Child("worker", worker_command(), lambda pid: worker_answers(settings, pid), prints=False)
    return [web, worker, *_custodian_children(settings)]


@dataclass(frozen=True)
class Custodian:
    """A demonstration's custodian in the home of its instance: its folder, address, port and socket."""

    home: Path
    origin: str
    port: int
    socket: Path


def custodian_of(settings: Settings) -> Custodian | None:
    """The custodian that this instance runs itself: a demonstration's, where one was set up."""
    home = settings.home / CUSTODIAN
    if settings.zone or not settings.demonstration or not (home / "core.toml").exists():
        return None
    origin = str(tomllib.loads((home / "core.toml").read_text(encoding="utf-8"))["origin"])
    return Custodian(home, origin, urlsplit(origin).port or 0, home / "core.sock")


def _custodian_children(settings: Settings) -> list[Child]:
    found = custodian_of(settings)
    if found is None:
        return []
    command = [sys.executable, "-m", "secure_access.custodian"]
    front = [*("--socket", str(found.socket), "--origin", found.origin), "--port", str(found.port)]
    return [
        Child(
            "custodian's core",
            [*command, "core", "--home", str(found.home)],
            lambda _pid: True,
            prints=False,
        ),
        # Its first page is what the core answers: while the core is silent, the front is not ready either.
        Child(
            "custodian's front",
            [*command, "front", *front, "--authority", settings.authority],
            lambda _pid: _answers(found.port, urlsplit(found.origin).netloc),
        ),
    ]


def web_command(port: int) -> list[str]:
    """Granian on the loopback address. The size of a body is limited by each zone's Flask app."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", LOOPBACK, "--port", str(port), "--workers", "1"),
        *("--blocking-threads", str(THREADS), "--backpressure", str(CONNECTIONS)),
        *("--http1-header-read-timeout", "20000", "--workers-kill-timeout", "5"),
        *("--log-level", "error", "--factory", "portal.app:serve"),
    ]


def worker_command() -> list[str]:
    """The Celery worker, with the clock of its schedule inside, on threads."""
    return [sys.executable, "-m", "portal.cli", "worker", "--with-clock"]


def web_answers(settings: Settings) -> bool:
    """Whether the first page is served, or where to sign in for it."""
    return _answers(settings.port, urlsplit(origin(settings, settings.zone or PUBLIC)).netloc)


def _answers(port: int, host: str) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status in (200, 303)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def worker_answers(settings: Settings, pid: int) -> bool:
    """Whether the worker with this process identifier has begun to take jobs."""
    try:
        return worker_ready_file(settings).read_text() == str(pid)
    except FileNotFoundError:
        return False


def announce(settings: Settings) -> None:
    """Print the addresses, and for a demonstration who can sign in where."""
    click.echo(f"\n{settings.product} is ready: {origin(settings, settings.zone or PUBLIC)}\n")
    for zone in (settings.zone,) if settings.zone else ZONES:
        click.echo(f"  {zone:<11} {origin(settings, zone)}")
    if custodian := custodian_of(settings):
        click.echo(f"  custodian   {custodian.origin}  (demonstration custody)")
    accounts = settings.home / "demo-accounts.txt"
    if settings.demonstration and accounts.exists():
        click.echo(f"\n{accounts.read_text().rstrip()}\n\n(kept in {accounts})")
    click.echo("\nStop with Ctrl-C.")


@contextmanager
def _sole_server(settings: Settings) -> Iterator[None]:
    """One supervisor for an instance, or a zone of it, on a machine; the lock ends with the process."""
    name = f"serve-{settings.zone}.lock" if settings.zone else "serve.lock"
    descriptor = os.open(settings.home / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _refuse(
            f"The instance in {settings.home} is served already. Stop that one first, "
            "or serve another instance: ASSAY_HOME=./another"
        )
    try:
        yield
    finally:
        os.close(descriptor)


def _refuse_a_port_in_use(port: int, words: str) -> None:
    for family, address in ((socket.AF_INET, LOOPBACK), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                _refuse(f"Port {port} is in use by another program. {words}")
            if error.errno == errno.EACCES:
                _refuse(f"Port {port} is kept for the system. Choose one above 1023: PORT=5000 make run")


def _refuse(words: str) -> None:
    click.echo(words, err=True)
    raise SystemExit(1)
