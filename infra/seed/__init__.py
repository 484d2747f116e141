"""The demonstration: invented organisations and one told case, built by calling the real verbs."""

from __future__ import annotations

import time

import click

from infra.seed import custodian, people, story
from infra.seed.stage import Stage, already_loaded
from portal import logs
from portal.settings import settings_or_exit
from portal.wiring import wire


@click.command()
def seed() -> None:
    """Load the demonstration into an empty instance; an instance that has it already is left alone."""
    settings = settings_or_exit()
    if not settings.demonstration:
        click.echo("This is not a demonstration instance (ASSAY_PROFILE). Nothing was loaded.", err=True)
        raise SystemExit(2)
    # Else a failing job would be printed with its local variables.
    logs.configure(settings, "seed")
    wired = wire(settings)
    if already_loaded(wired):
        click.echo("The demonstration is loaded already.")
        custodian.offer(wired)
        return
    begun = time.monotonic()
    click.echo("Loading the demonstration: one told case, from the first report to a penalty ...")
    stage = Stage(wired)
    cast = people.engage(stage)
    story.tell(stage, cast)
    click.echo(f"Loaded in {time.monotonic() - begun:.0f} seconds.")


__all__ = ["seed"]
