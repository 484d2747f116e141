"""`assay evidence`: reads evidence files on the command line exactly as the portal reads them."""

import json
from pathlib import Path
from typing import Any

import click

from evaluator import inspect_log


@click.group()
def evidence() -> None:
    """Evidence of an independent assessment."""


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def check(file: Path, form: str) -> None:
    """Read an Inspect log (.eval or .json) and say what it holds. Exit status 2: it cannot be read."""
    try:
        log = inspect_log.read(file)
    except inspect_log.BadEvidence as refused:
        if form == "json":
            click.echo(json.dumps(_refusal(refused), indent=2))
        click.echo(f"{click.format_filename(file)}: {refused.reason} {refused.fix}", err=True)
        raise SystemExit(2) from refused
    click.echo(json.dumps(log.as_json(), indent=2) if form == "json" else _as_text(log))


def _refusal(refused: inspect_log.BadEvidence) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(("log_version", "status", "task", "model", "samples"))
    return {"kind": None} | nothing | {"scores": [], "errors": [refused.reason]}


def _as_text(log: inspect_log.InspectLog) -> str:
    lines = [
        f"Inspect log, version {log.log_version}",
        f"Status   {log.status}",
        f"Task     {log.task}",
        f"Model    {log.model}",
        f"Samples  {log.samples:,} in the file",
        *(f"Score    {score.scorer}/{score.metric} = {score.text or 'no number'}" for score in log.scores),
        *(f"Error    {error}" for error in log.errors),
    ]
    if not log.scores:
        lines.append("Score    none recorded")
    return "\n".join(lines)
