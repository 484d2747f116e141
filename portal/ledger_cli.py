"""``assay ledger``: verify the records of this instance, print its policy file, sequence what waits."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from infra.postgresql import fit_or_exit
from portal import tables, wiring
from portal.settings import Settings, SettingsError, settings_or_exit
from portal.web import Wired
from portal.wiring import LEDGER_PUBLIC, wire
from secure_access.clock import SystemClock
from secure_access.db import Database
from secure_access.documents.audit import check_documents, check_strays
from secure_access.ledger import audit, mirror, rebuilding, receipts, sequencer, succession, told, witnesses
from secure_access.ledger.audit_report import Report
from secure_access.ledger.cli import Opened, ledger_commands
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.signer import Frozen, remembered
from secure_access.ledger.signer_process import RemoteSigner, SignerService
from secure_access.ledger.tables import Log
from secure_access.ledger.told import Told
from secure_access.ledger.witness_cli import witness

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


def open_ledger(home: Path | None, vault: bool) -> Opened:
    """The database, log keys and vault of an instance, with every table of record known.

    Raises `click.ClickException` where the vault is wanted and its key ring is not here.
    """
    # The audit walks the tables that the program knows; this import is what makes it know all of them.
    assert tables.MODULES
    settings = settings_of(home)
    fit_or_exit(settings, "verifier")
    ring = wiring.ring_file(settings)
    if vault and not ring.exists():
        raise click.ClickException(
            f"The key ring of the vault is not here ({ring}), so no document can be opened. Bring it, or "
            "verify the database alone with --no-vault."
        )
    known = wiring.public_log_keys(settings)
    keys = audit.verifier_keys(known, settings.witnesses, settings.time_authority.roots)
    if not vault:
        # Without the rest of its parts, whose keys would be made where they are missing.
        database = wiring.database_of(settings, "verifier")
        return Opened(database, keys, ask=lambda: _ask(settings, known, database))
    wired = wire(settings, process="verifier", signs=False)
    return Opened(
        wired.database,
        keys,
        lambda report: _check_vault(wired, report),
        lambda: _ask(settings, known, wired.database),
    )


def _check_vault(wired: Wired, report: Report) -> None:
    check_documents(wired.database, wired.vault, report)
    # The store's clock and not the instance's, which may stand elsewhere in a practice instance.
    check_strays(wired.database, wired.vault, report, SystemClock().now())


def _ask(settings: Settings, known: LogKeys, database: Database) -> tuple[list[Told], list[str]]:
    """What the signer and the witnesses know of the logs; and which of them could not be asked."""
    if settings.signer:
        last_of = RemoteSigner(Path(settings.signer), known.keys).last
    else:
        last_of = partial(remembered, settings.home / "signer")
    by_signer, silent = told.by_signer(last_of, known.name)
    unasked = [f"the signer: {silent}"] if silent else []
    urls = settings.witnesses.asked
    by_witnesses, none = (
        told.by_witnesses(database, urls, known.name) if urls else ([], "no policy file names any")
    )
    return [*by_signer, *by_witnesses], [*unasked, *([f"the witnesses: {none}"] if none else [])]


ledger = ledger_commands(open_ledger)


@ledger.command("policy")
@HOME
def policy(home: Path | None) -> None:
    """Print the policy file that outsiders verify receipts with: the keys of this log and its witnesses."""
    wired = wire(settings_of(home), signs=False)
    try:
        click.echo(_policy(wired), nl=False)
    finally:
        wired.database.dispose()


def _policy(wired: Wired) -> str:
    """Without the keys of a log that ended because others have them: see `succession.known_to_others`."""
    with wired.database.read() as session:
        known = succession.known_to_others(session)
    return receipts.policy_text(wired.log_keys.trusted_of(Log.PUBLIC, known), wired.settings.witnesses)


@ledger.command("sequence")
@HOME
def sequence(home: Path | None) -> None:
    """Give every recorded entry its place, sign the new heads, ask the witnesses, as the worker does.

    Exit status 1, with the reason, where the stored tree does not continue the last signed checkpoint.
    """
    settings = settings_of(home)
    fit_or_exit(settings, "sequencer")
    wired = wire(settings, process="sequencer")
    assert wired.signer is not None
    now = wired.clock.now()
    try:
        heads = sequencer.sequence(wired.database, wired.signer, now)
        problems = witnesses.ask(wired.database, wired.settings.witnesses, now)
    except (sequencer.LogDamaged, Frozen) as damage:
        raise click.ClickException(f"Nothing was signed: {damage}.") from damage
    finally:
        wired.database.dispose()
    for log in Log:
        click.echo(f"{heads[log].origin}: {heads[log].size} entries, signed")
    for url, problem in problems.items():
        click.echo(f"{url} did not cosign: {problem}", err=True)


@ledger.command("signer")
@HOME
@click.option(
    "--socket",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="Where it answers (ASSAY_SIGNER).",
)
def signer(home: Path | None, path: Path) -> None:
    """Hold the log's keys in a process of its own, and sign only heads that continue the last one signed.

    Run it as another user than the portal, with HOME in a folder that only it reads. It makes the keys the
    first time, and writes their public halves to HOME/keys/ledger-keys.pub: give the portal a copy of that
    file, and the name of the socket in ASSAY_SIGNER.
    """
    settings = settings_of_signer(home)
    own, clock = wiring.own_signer(settings), wiring.clock_of(settings)
    with SignerService(path, own, lambda: clock.now().timestamp()) as service:
        for key in own.keys:
            click.echo(f"log {key}")
        click.echo(f"# signing behind {path}")
        try:
            service.serve_forever()
        except KeyboardInterrupt:
            click.echo("# stopped")
        finally:
            path.unlink(missing_ok=True)


def settings_of_signer(home: Path | None) -> Settings:
    """The settings of the environment, for a signer whose folder is ``home``; it may be new."""
    try:
        return Settings.from_env({**os.environ, **({"ASSAY_HOME": str(home)} if home else {})})
    except SettingsError as error:
        raise click.ClickException(f"These settings cannot be used:\n{error}") from error


@ledger.command("succeed")
@HOME
@click.option("--reason", required=True, type=click.Choice(succession.REASONS))
@click.confirmation_option(prompt="The old log never signs again. Begin a successor?")
def succeed(home: Path | None, reason: str) -> None:
    """Give up a log that cannot go on, and begin a successor of another name with new keys.

    For a log that is frozen because its database was restored from an older copy, or whose key is lost or
    known to others. It says so in a public entry, and how many signed entries are missing. Publish the new
    policy file afterwards, and give it to the witnesses: `assay ledger policy`. A key that others know does
    not stand in it: keep a copy of the file from before, and let the witnesses delete the old lines.
    """
    settings = settings_of(home)
    if settings.signer:
        raise click.ClickException("Run this where the log's keys are, without ASSAY_SIGNER.")
    wiring.refuse_used_keys(settings)
    wired = wire(settings, process="sequencer", signs=False)
    try:
        for log in Log:
            keys = wired.log_keys.of(log)
            last = remembered(settings.home / "signer", keys[0].name)
            with wired.database.write() as session:
                entry = succession.note_succession(
                    session, log=log, keys=keys, last=last, reason=reason, now=wired.clock.now()
                )
                click.echo(succession.told(entry))
        wired = replace(wired, log_keys=wiring.succeed(settings))
        click.echo(f"{wired.log_keys.name} goes on; restart the worker, then publish its policy:")
        click.echo(_policy(wired), nl=False)
    finally:
        wired.database.dispose()


@ledger.command("export")
@HOME
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(home: Path | None, folder: Path) -> None:
    """Write a mirror of the public log to FOLDER: files that any web server can serve.

    Whole or not at all; run again, it adds what is new. Exit status 1, with the reason, where something does
    not fit the signed log, or the mirror that is there has seen another history.
    """
    wired = wire(settings_of(home), process="verifier", signs=False)
    try:
        made = mirror.export(wired.database, folder, _policy(wired))
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
    wired = wire(settings_of(home), process="sequencer", signs=False)
    try:
        done = rebuilding.rebuild(wired.database)
    except mirror.MirrorError as problem:
        raise click.ClickException(f"Nothing was rebuilt: {problem}.") from problem
    finally:
        wired.database.dispose()
    for log in Log:
        counts = f"{done.right[log]} right, {done.written[log]} written, {done.removed[log]} taken out"
        click.echo(f"Tiles of the {log} log: {counts}")


ledger.add_command(witness)
