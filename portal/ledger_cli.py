"""``assay ledger``: verify the records of this instance, print its policy file, sequence what waits."""

from __future__ import annotations

import os
from pathlib import Path

import click

from portal import tables
from portal.settings import Settings, SettingsError, settings_or_exit
from portal.wiring import LEDGER_PUBLIC, wire
from secure_access.db import Database
from secure_access.ledger import audit, mirror, receipts, sequencer
from secure_access.ledger.cli import ledger_commands
from secure_access.ledger.signer import Frozen
from secure_access.ledger.tables import Log

HOME = click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="State of the instance (ASSAY_HOME)."
)


def settings_of(home: Path | None) -> Settings:
    """The settings of the environment, for the instance in ``home`` where one is named.

    Raises `click.ClickException` where no instance lives: verifying must not create one.
    """
    if home is None:
        settings = settings_or_exit()
    else:
        try:
            settings = Settings.from_env({**os.environ, "ASSAY_HOME": str(home)})
        except SettingsError as error:
            raise click.ClickException(f"These settings cannot be used:\n{error}") from error
    if not (settings.home / "keys" / LEDGER_PUBLIC).exists():
        raise click.ClickException(
            f"There is no instance in {settings.home}. Name its folder with --home, or with ASSAY_HOME."
        )
    return settings


def open_ledger(home: Path | None) -> tuple[Database, audit.Keys]:
    """The database and the log keys of an instance, with every table of record known."""
    # The audit walks the tables that the program knows; this import is what makes it know all of them.
    assert tables.MODULES
    wired = wire(settings_of(home), process="verifier")
    return wired.database, audit.verifier_keys(wired.log_keys, wired.settings.witnesses)


ledger = ledger_commands(open_ledger)


@ledger.command("policy")
@HOME
def policy(home: Path | None) -> None:
    """Print the policy file that outsiders verify receipts with: the keys of this log and its witnesses."""
    wired = wire(settings_of(home))
    wired.database.dispose()
    click.echo(receipts.policy_text(wired.log_keys.ever_of(Log.PUBLIC), wired.settings.witnesses), nl=False)


@ledger.command("sequence")
@HOME
def sequence(home: Path | None) -> None:
    """Give every recorded entry its place and sign the new heads, as the worker does every two seconds.

    Exit status 1, with the reason, where the stored tree does not continue the last signed checkpoint.
    """
    wired = wire(settings_of(home), process="sequencer")
    assert wired.signer is not None
    try:
        heads = sequencer.sequence(wired.database, wired.signer, wired.clock.now())
    except (sequencer.LogDamaged, Frozen) as damage:
        raise click.ClickException(f"Nothing was signed: {damage}.") from damage
    finally:
        wired.database.dispose()
    for log in Log:
        click.echo(f"{heads[log].origin}: {heads[log].size} entries, signed")


@ledger.command("export")
@HOME
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(home: Path | None, folder: Path) -> None:
    """Write a mirror of the public log to FOLDER: files that any web server can serve.

    Whole or not at all; run again, it adds what is new. Exit status 1, with the reason, where something does
    not fit the signed log, or the mirror that is there has seen another history.
    """
    wired = wire(settings_of(home), process="verifier")
    try:
        policy = receipts.policy_text(wired.log_keys.ever_of(Log.PUBLIC), wired.settings.witnesses)
        made = mirror.export(wired.database, folder, policy)
    except (mirror.MirrorError, OSError) as problem:
        raise click.ClickException(f"Nothing was exported: {problem}.") from problem
    finally:
        wired.database.dispose()
    click.echo(f"{made.size} leaves and {made.entries} public entries in {folder}.")
    click.echo(f"{made.written} files written, {made.kept} kept from the mirror before.")


@ledger.command("rebuild")
@HOME
def rebuild(home: Path | None) -> None:
    """Make the tiles again, byte for byte, out of the leaves.

    Exit status 1, with the reason and nothing changed, where the leaves do not have the root of the head.
    """
    wired = wire(settings_of(home), process="sequencer")
    try:
        done = mirror.rebuild(wired.database)
    except mirror.MirrorError as problem:
        raise click.ClickException(f"Nothing was rebuilt: {problem}.") from problem
    finally:
        wired.database.dispose()
    for log in Log:
        counts = f"{done.right[log]} right, {done.written[log]} written, {done.removed[log]} taken out"
        click.echo(f"Tiles of the {log} log: {counts}")
