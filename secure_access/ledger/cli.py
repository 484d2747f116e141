"""``assay receipt`` and the commands of ``assay ledger``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError

from secure_access.db import Database
from secure_access.ledger import audit, records, told, verify_receipt
from secure_access.ledger.audit_report import Report
from secure_access.ledger.tables import LedgerEntry
from secure_access.ledger.told import Told

FORMATS = click.Choice(["text", "json"])


@dataclass(frozen=True)
class Opened:
    """An instance to verify: its database, whom the audit believes, and what compares its vault.

    ``ask`` asks the signer and the witnesses what they know, and says who could not be asked.
    """

    database: Database
    keys: audit.Keys
    check_vault: Callable[[Report], None] | None = None
    ask: Callable[[], tuple[list[Told], list[str]]] = lambda: ([], [])


OpenLedger = Callable[[Path | None, bool], Opened]
"""Opens the instance whose state is in a folder, or that of the environment; with its vault, or without."""


@click.group()
def receipt() -> None:
    """Verify a receipt offline."""


@receipt.command("verify")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--policy", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Keys that you trust."
)
@click.option("--format", "form", type=FORMATS, default="text", show_default=True)
@click.pass_context
def verify(context: click.Context, file: Path, policy: Path, form: str) -> None:
    """Verify the receipt in FILE against a policy that you got from elsewhere. Needs no network, no database.

    Exit status: 0 proved; 1 not proved; 2 the input cannot be read; 3 signed, not witnessed; 4 not proved
    yet, for nothing in it is signed.
    """
    try:
        trusted = verify_receipt.Policy.parse(policy.read_text(encoding="utf-8", errors="backslashreplace"))
        outcome = verify_receipt.verify(file.read_bytes(), trusted)
    except (OSError, ValueError) as problem:
        click.echo(f"cannot be read: {problem}", err=True)
        context.exit(verify_receipt.BAD_INPUT_STATUS)
    click.echo(json.dumps(asdict(outcome), indent=2, ensure_ascii=False) if form == "json" else str(outcome))
    context.exit(outcome.exit_status)


def ledger_commands(open_ledger: OpenLedger) -> click.Group:
    """The group ``assay ledger``, for an instance that ``open_ledger`` opens."""

    @click.group()
    def ledger() -> None:
        """Verify the ledger and every record of it."""

    @ledger.command("verify")
    @click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="State of the instance.")
    @click.option(
        "--no-vault", is_flag=True, help="The database alone: for a copy without vault or key ring."
    )
    @click.option(
        "--checkpoint",
        "checkpoints",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A checkpoint that you kept, or got from a witness or a mirror; may stand several times.",
    )
    @click.option("--offline", is_flag=True, help="Ask neither the signer nor the witnesses.")
    @click.option("--format", "form", type=FORMATS, default="text", show_default=True)
    @click.pass_context
    def verify_ledger(
        context: click.Context,
        home: Path | None,
        no_vault: bool,
        checkpoints: tuple[Path, ...],
        offline: bool,
        form: str,
    ) -> None:
        """Check every entry, tile, row of record, document and the security log against the signed log.

        Documents are opened: that needs the vault and its key ring. A database that was restored from an
        older copy agrees with itself, so it is held to what others know too: the signer, the witnesses,
        and each --checkpoint. To see no entry at all is a failure.

        Exit status: 0 everything matches; 1 something does not, and is named; 2 nothing could be checked.
        """
        opened = open_ledger(home, not no_vault)
        try:
            kept = [_kept(file, opened.keys) for file in checkpoints]
            asked, unasked = ([], ["the signer and the witnesses: --offline"]) if offline else opened.ask()
            report = audit.run_verify(opened.database, replace(opened.keys, told=(*kept, *asked)))
            report.unasked += unasked
            if opened.check_vault is not None:
                opened.check_vault(report)
        except (records.Closed, DBAPIError) as problem:
            why = problem.orig if isinstance(problem, DBAPIError) else problem
            click.echo(f"Nothing was verified. {why}. The verifier reads every table of record.", err=True)
            context.exit(2)
        finally:
            opened.database.dispose()
        if not report.entries:
            report.add(LedgerEntry, "", "has no rows: either nothing was recorded, or they cannot be seen")
        click.echo(as_json(report) if form == "json" else as_text(report))
        context.exit(0 if report.passed else 1)

    return ledger


def _kept(file: Path, keys: audit.Keys) -> Told:
    """Raises `click.UsageError`: nothing is checked against what is no checkpoint."""
    try:
        return told.by_checkpoint(file.read_text(encoding="utf-8"), keys.logs, file.name)
    except (OSError, ValueError) as problem:
        raise click.UsageError(f"{file} is no checkpoint of this log: {problem}.") from problem


def as_json(report: Report) -> str:
    """The report for programs."""
    return json.dumps({"passed": report.passed, **asdict(report)}, indent=2, ensure_ascii=False)


def as_text(report: Report) -> str:
    """The report for people: what was read, then each thing that does not match."""
    sizes = ", ".join(f"{size} in the {log} log" for log, size in report.sizes.items())
    lines = [f"{report.entries} entries read: {sizes}; {report.waiting} wait for their place."]
    if report.removed:
        lines.append(f"{report.removed} without content: it was removed, and an entry says so of each.")
    lines += [f"Witnessed up to {size} entries of the {log} log." for log, size in report.witnessed.items()]
    lines += [f"Time stamped up to {size} entries of the {log} log." for log, size in report.stamped.items()]
    lines += _unseen(report)
    lines += [f"Compared with {known}." for known in report.told]
    lines += [f"Not asked: {who}." for who in report.unasked]
    lines += [f"  {table}: {count} rows" for table, count in sorted(report.rows.items())]
    lines.append(
        "The vault was left out: the bytes of documents are not compared."
        if report.opened is None
        else f"{report.opened} documents opened in the vault."
    )
    if report.passed:
        return "\n".join([*lines, "Everything matches the signed log."])
    lines += [f"{len(report.problems)} do not match:", *(f"  {problem}" for problem in report.problems)]
    return "\n".join(lines)


def _unseen(report: Report) -> list[str]:
    lines = []
    if report.unseen_rows:
        lines.append(
            f"{report.unseen_rows} rows of record are held by {report.unseen_entries} entries that no witness"
            " has seen yet."
        )
    if report.unknown_witnesses:
        lines.append(
            f"{report.unknown_witnesses} cosignatures are of witnesses whose key is not known: their form"
            " alone was checked. Keep the line of a former witness in the policy file, without its address."
        )
    return lines
