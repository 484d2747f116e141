"""``assay ledger``: verify the records of this instance, print its policy file, sequence what waits."""

from __future__ import annotations

import os
from pathlib import Path

import click

from infra.postgresql import fit_or_exit
from portal import tables
from portal.settings import Settings, SettingsError, settings_or_exit
from portal.wiring import wire
from secure_access.db import Database
from secure_access.ledger import audit, receipts, sequencer
from secure_access.ledger.cli import ledger_commands
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
    if not (settings.home / "keys" / "ledger-key").exists():
        raise click.ClickException(
            f"There is no instance in {settings.home}. Name its folder with --home, or with ASSAY_HOME."
        )
    return settings


def open_ledger(home: Path | None) -> tuple[Database, audit.Keys]:
    """The database and the log keys of an instance, with every table of record known."""
    # The audit walks the tables that the program knows; this import is what makes it know all of them.
    assert tables.MODULES
    settings = settings_of(home)
    fit_or_exit(settings, "verifier")
    wired = wire(settings, process="verifier")
    return wired.database, audit.verifier_keys(wired.ledger_signer)


ledger = ledger_commands(open_ledger)


@ledger.command("policy")
@HOME
def policy(home: Path | None) -> None:
    """Print the policy file that outsiders verify receipts with: the public key of this log."""
    wired = wire(settings_of(home))
    wired.database.dispose()
    click.echo(receipts.policy_text([sequencer.verifier(wired.ledger_signer)]), nl=False)


@ledger.command("sequence")
@HOME
def sequence(home: Path | None) -> None:
    """Give every recorded entry its place and sign the new heads, as the worker does every two seconds.

    Exit status 1, with the reason, where the stored tree does not continue the last signed checkpoint.
    """
    settings = settings_of(home)
    fit_or_exit(settings, "sequencer")
    wired = wire(settings, process="sequencer")
    try:
        heads = sequencer.sequence(wired.database, wired.ledger_signer, wired.clock.now())
    except sequencer.LogDamaged as damage:
        raise click.ClickException(f"Nothing was signed: {damage}.") from damage
    finally:
        wired.database.dispose()
    for log in Log:
        click.echo(f"{heads[log].origin}: {heads[log].size} entries, signed")
