"""``assay security-log``: the security log as lines for a SIEM."""

from __future__ import annotations

import time
from pathlib import Path

import click

from portal.ledger_cli import HOME, settings_of
from portal.wiring import wire
from secure_access.ledger import security_stream

PAUSE = 1.0
"""Seconds between looks for new rows."""


@click.group("security-log")
def security_log() -> None:
    """Send the security log on."""


@security_log.command("stream")
@click.option("--follow", is_flag=True, help="Go on with what is written from now on, until stopped.")
@click.option("--from", "start", type=click.IntRange(min=1), default=1, show_default=True, help="First row.")
@click.option("--format", "form", type=click.Choice(sorted(security_stream.FORMS)), default="jsonl")
@HOME
def stream(follow: bool, start: int, form: str, home: Path | None) -> None:
    """Print rows in order, one a line, each after its place in the chain was checked.

    To go on after a stop, give the number after that of the last line. Exit status 1, with the row, where the
    chain is broken: nothing is printed from there on.
    """
    wired = wire(settings_of(home), process="verifier")
    write = security_stream.FORMS[form]
    try:
        while True:
            for row in security_stream.rows(wired.database, start):
                click.echo(write(row))
                start = row.number + 1
            if not follow:
                return
            time.sleep(PAUSE)
    except security_stream.ChainBroken as broken:
        raise click.ClickException(f"The security log does not match itself: {broken}.") from broken
    finally:
        wired.database.dispose()
