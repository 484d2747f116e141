"""``assay receipt`` and the commands of ``assay ledger``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from secure_access.db import Database
from secure_access.ledger import audit, verify_receipt
from secure_access.ledger.audit_report import Report

FORMATS = click.Choice(["text", "json"])

OpenLedger = Callable[[Path | None], tuple[Database, audit.Keys]]
"""Opens the instance whose state is in a folder, or the one of the environment: its database and log keys."""


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

    Exit status: 0 proved; 1 not proved; 2 the input cannot be read; 3 signed, not witnessed; 4 recorded,
    proof follows.
    """
    try:
        trusted = verify_receipt.Policy.parse(policy.read_text(encoding="utf-8"))
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
    @click.option("--format", "form", type=FORMATS, default="text", show_default=True)
    @click.pass_context
    def verify_ledger(context: click.Context, home: Path | None, form: str) -> None:
        """Check every entry, every row of record and the security log against the signed log.

        Exit status: 0 everything matches; 1 something does not, and is named.
        """
        database, keys = open_ledger(home)
        try:
            report = audit.run_verify(database, keys)
        finally:
            database.dispose()
        click.echo(as_json(report) if form == "json" else as_text(report))
        context.exit(0 if report.passed else 1)

    return ledger


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
    lines += [f"  {table}: {count} rows" for table, count in sorted(report.rows.items())]
    if report.passed:
        return "\n".join([*lines, "Everything matches the signed log."])
    lines += [f"{len(report.problems)} do not match:", *(f"  {problem}" for problem in report.problems)]
    return "\n".join(lines)
