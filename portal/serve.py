"""``assay serve``: the web server and the worker of one machine, started, watched and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

import click

from infra.migrations import upgrade
from portal.settings import Settings, SettingsError
from portal.web import ZONES, origin

MAX_RESTARTS = 5
_BACK_OFF = (1, 2, 4, 8, 16)
_STARTUP_SECONDS = 60


@dataclass
class Child:
    """One process of the instance."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    not_before: float = field(default=0.0)

    def start(self) -> None:
        # A group of its own: Ctrl-C reaches the supervisor alone, which stops each child in turn.
        self.process = subprocess.Popen(self.command, start_new_session=True)  # noqa: S603 - our own commands

    def stop(self, sign: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, sign)


def settings_or_exit() -> Settings:
    """The settings, or a message that names what is wrong and exit status 2."""
    try:
        return Settings.from_env()
    except SettingsError as error:
        click.echo(f"These settings cannot be used:\n{error}", err=True)
        raise SystemExit(2) from error


@click.command()
def migrate() -> None:
    """Bring the database to the newest shape, and re-create its triggers."""
    settings = settings_or_exit()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url)
    click.echo("The database has the newest shape.")


@click.command()
def serve() -> None:
    """Serve every zone and the worker on this machine until Ctrl-C."""
    settings = settings_or_exit()
    if _answers(settings.port):
        click.echo(f"Port {settings.port} is in use. Choose another: PORT=5001 make run", err=True)
        raise SystemExit(1)
    children = [Child("web", _web(settings)), Child("worker", _worker())]
    stopping = _Stop()
    for child in children:
        child.start()
    if _wait_until_ready(settings, children, stopping):
        _announce(settings)
    failed = _watch(children, stopping)
    _stop_all(children)
    raise SystemExit(1 if failed else 0)


class _Stop:
    """Set by SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = True


def _web(settings: Settings) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--factory"),
        *("--host", "127.0.0.1", "--port", str(settings.port)),
        *("--blocking-threads", "64", "--workers", "1", "--respawn-failed-workers"),
        *("--no-ws", "--log-level", "warning", "portal.app:serve"),
    ]


def _worker() -> list[str]:
    celery = [sys.executable, "-m", "celery", "-A", "portal.worker:start"]
    beat = ["-B", "-s", str(Settings.from_env().home / "beat")]
    return [*celery, "worker", *beat, "-P", "threads", "-c", "2", "--loglevel", "warning", "--without-gossip"]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until_ready(settings: Settings, children: list[Child], stopping: _Stop) -> bool:
    end = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < end and not stopping.asked:
        if _answers(settings.port):
            return True
        if any(child.process and child.process.poll() is not None for child in children):
            return False
        time.sleep(0.1)
    return False


def _watch(children: list[Child], stopping: _Stop) -> bool:
    """Restart what ends, further apart each time. ``True`` when something ended too often."""
    while not stopping.asked:
        for child in children:
            if child.process is None or child.process.poll() is None:
                continue
            if child.restarts >= MAX_RESTARTS:
                click.echo(f"{child.name} ended {MAX_RESTARTS + 1} times; stopping.", err=True)
                return True
            if child.not_before == 0.0:
                child.not_before = time.monotonic() + _BACK_OFF[child.restarts]
                click.echo(f"{child.name} ended; starting it again.", err=True)
            elif time.monotonic() >= child.not_before:
                child.restarts, child.not_before = child.restarts + 1, 0.0
                child.start()
        time.sleep(0.2)
    return False


def _stop_all(children: list[Child]) -> None:
    for child in children:
        child.stop(signal.SIGTERM)
    for child in children:
        if child.process is None:
            continue
        try:
            child.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.stop(signal.SIGKILL)
            child.process.wait()


def _announce(settings: Settings) -> None:
    click.echo(f"\n{settings.product} is ready: {origin(settings, ZONES[0])}")
    for zone in ZONES[1:]:
        click.echo(f"  {zone:<11} {origin(settings, zone)}")
    accounts = settings.home / "demo-accounts.txt"
    if settings.demonstration and accounts.exists():
        click.echo(f"\n{accounts.read_text()}")
    click.echo("Stop with Ctrl-C.")
