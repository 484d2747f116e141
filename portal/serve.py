"""``assay serve``: the web server and the worker of one machine. ``assay migrate``: the database's shape."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
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
        _refuse_a_port_in_use(settings.port)
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
    return [web, worker]


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
    host = urlsplit(origin(settings, settings.zone or PUBLIC)).netloc
    connection = HTTPConnection(LOOPBACK, settings.port, timeout=1)
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


def _refuse_a_port_in_use(port: int) -> None:
    for family, address in ((socket.AF_INET, LOOPBACK), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                _refuse(f"Port {port} is in use by another program. Choose another: PORT={port + 1} make run")
            if error.errno == errno.EACCES:
                _refuse(f"Port {port} is kept for the system. Choose one above 1023: PORT=5000 make run")


def _refuse(words: str) -> None:
    click.echo(words, err=True)
    raise SystemExit(1)
