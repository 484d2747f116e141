"""``assay custodian``: the core, and the ceremony of the custody officers.

Called through ``assay`` it becomes a process of its own, so that nothing of a portal is loaded beside keys.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import structlog

from secure_access.clock import Clock, SystemClock
from secure_access.custodian import logs, private_files
from secure_access.custodian.ceremony_cli import ceremony
from secure_access.custodian.certificate_cli import certificate_command
from secure_access.custodian.custody_log import Damaged
from secure_access.custodian.enrol_cli import enrol_command
from secure_access.custodian.front_cli import front_command
from secure_access.custodian.key_copies import CannotOpen
from secure_access.custodian.lease import Lease
from secure_access.custodian.outside import sandboxed
from secure_access.custodian.plan_keys import KeptPlanKeys, NoSuchKey
from secure_access.custodian.private_files import UnsafeFile
from secure_access.custodian.process import (
    DEMONSTRATION,
    BadSettings,
    Opened,
    Settings,
    group_of,
    open_core,
)
from secure_access.custodian.server import CoreService, Pulse
from secure_access.custodian.trace_cli import trace_command
from secure_access.keys import KeyFailure, SigningKey

log = structlog.get_logger(__name__)

RENEWED, WITNESSED, ROTATED = 3.0, 60.0, 3600.0
"""Seconds between renewals of the lease, questions to the witnesses, and looks at the epoch of plan keys."""
TIDIED = 2.0
"""Seconds between looks at what is open of sittings that are over."""
MODULE = "secure_access.custodian"


class UnsafeHere(RuntimeError):
    """The sandbox does not hold on this machine, so that no core with a custody of its own starts here."""


class OwnProcess(click.Group):
    """A group that another command does not run itself: it becomes ``python -m secure_access.custodian``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of a call of its own; of a call by another group, never."""
        if parent is not None:
            os.execv(sys.executable, [sys.executable, "-m", MODULE, *args])  # noqa: S606
        return super().make_context(info_name, args, parent, **extra)


@click.group(cls=OwnProcess)
def custodian() -> None:
    """The custodian of sealed plans: core, front, ceremony, and what copied pages and certificates prove."""


custodian.add_command(ceremony)
custodian.add_command(trace_command)
custodian.add_command(certificate_command)
custodian.add_command(front_command)
custodian.add_command(enrol_command)


@custodian.command("core")
@click.option(
    "--home",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the core: core.toml, keys, log.",
)
def core_command(home: Path) -> None:
    """Serve the core behind a Unix socket, to the front's user alone. A second one stands by.

    HOME/core.toml names origin, log, pinned (digest of the first enrolment list), front (its user) and portal
    (the key of its channel); and, if it differs, socket, lease, name, witnesses, fresh_minutes, backup_days,
    break_glass; in demonstration custody also clock_shift (seconds) and demonstration_officers. Without a
    portal nothing is asked for and nothing is served. A standby has HOME on the same storage. It prints the
    lines by which witnesses and readers verify its log. Where the sandbox does not hold, it does not start;
    where one user runs all (demonstration custody), it opens no plan.
    """
    logs.configure()
    try:
        settings = Settings.read(home)
        lease = Lease(settings.lease, settings.name)
        clock = settings.clock
        _wait(lease, clock)
        opened = open_core(home, settings, lease, sandboxed(home, clock), clock)
        _tested(opened, settings)
        with _stopped_in_order():
            serve(opened, settings)
    except (BadSettings, UnsafeHere, Damaged, UnsafeFile, KeyFailure, OSError) as problem:
        raise click.ClickException(f"Nothing is served. {problem}") from None


@custodian.command("copies")
@click.option(
    "--home",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the core.",
)
@click.option("--plan", required=True, help="Fingerprint of the plan key.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder, new.")
def copies_command(home: Path, plan: str, out: Path) -> None:
    """Write the recovery copies of a plan key, one for each pair of officers, for a drill or a recovery."""
    try:
        keys = KeptPlanKeys(home / "keys", SigningKey.load(home / "certificate-key"))
        found = keys.recovery(plan)
        out.mkdir(mode=0o700, parents=True)
        for copy in found:
            private_files.write(out / f"{copy.first}.{copy.second}.copy", copy.copy)
            click.echo(f"{copy.first}, then {copy.second}: {out / copy.first}.{copy.second}.copy")
    except (NoSuchKey, KeyFailure, UnsafeFile, OSError) as problem:
        raise click.ClickException(str(problem)) from None


@custodian.command("restore")
@click.option(
    "--home",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the core, which must not run.",
)
@click.option("--plan", required=True, help="Fingerprint of the plan key.")
@click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key that two officers opened.",
)
def restore_command(home: Path, plan: str, key: Path) -> None:
    """Take in a plan key that two officers recovered, where the keys of the core are lost."""
    try:
        keys = KeptPlanKeys(home / "keys", SigningKey.load(home / "certificate-key"))
        keys.restore(plan, private_files.read(key), SystemClock().now())
    except (NoSuchKey, CannotOpen, KeyFailure, UnsafeFile, OSError, ValueError) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo("The plan key is back. Destroy the file that it came from.")


def _tested(opened: Opened, settings: Settings) -> None:
    """Try the sandbox. Raises `UnsafeHere` where it does not hold and the custody is separated."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold plaintext and keys
    verdict = opened.test()
    for words in verdict.notes:
        click.echo(f"# {words}")
    if verdict.ready:
        return
    if settings.custody != DEMONSTRATION:
        opened.close()
        raise UnsafeHere("The sandbox does not hold: " + " ".join(verdict.faults))
    for words in verdict.faults:
        click.echo(f"# no plan is opened or shown: {words}")


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """A signal to end is an end in order, also where whoever started this process ignores the signal."""
    both = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in both}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(lease: Lease, clock: Clock) -> None:
    """Stand by until the lease is free."""
    told = False
    while not lease.take(clock.now()):
        if not told:
            click.echo(f"# {lease.holder} stands by: another core is active")
            told = True
        time.sleep(RENEWED)


def serve(opened: Opened, settings: Settings) -> None:
    """Serve until the lease is lost or the process is stopped; the standby then takes over."""
    group = group_of(settings.front) if settings.front != os.geteuid() else None
    with CoreService(settings.socket, opened.core, settings.front, opened.extra, group) as service:

        def renew() -> None:
            if not opened.serving.lease.take(opened.clock.now()):
                log.error("custodian.lease_lost")
                service.shutdown()

        pulses = [
            Pulse("lease", RENEWED, renew),
            Pulse("witness", WITNESSED, opened.witness),
            Pulse("epoch", ROTATED, opened.rotate),
            Pulse("sealed", ROTATED, opened.sweep),
            Pulse("tidy", TIDIED, opened.core.tidy),
        ]
        for problem in opened.witness().items():
            log.warning("custodian.witness", address=problem[0], problem=problem[1])
        opened.rotate()
        opened.sweep()
        for pulse in pulses:
            pulse.start()
        for key in opened.serving.freshness.signer.keys:
            click.echo(f"log {key}")
        click.echo(f"portal channel {opened.channel}")
        click.echo(f"# certificates of destruction are signed by {opened.keys.certificate_key}")
        click.echo(f"# {settings.name} serves {settings.origin} at {settings.socket}: {settings.custody}")
        try:
            service.serve_forever()
        except KeyboardInterrupt:
            click.echo("# stopped")
        finally:
            for pulse in pulses:
                pulse.stop()
            opened.close()
            opened.serving.lease.release(opened.clock.now())
