"""`assay law`: coverage, penalty and a check of the packs, from a file of facts to text or JSON.

An error goes to stderr and says what happened, why, and what to do; the exit status is then 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from portal.law import (
    accelerators,
    checking,
    coverage,
    explained,
    inflation,
    methods,
    penalties,
    risk,
    statute,
)
from portal.law.coverage_result import Coverage
from portal.law.facts import LawError, load_json
from portal.law.penalty_text import as_text

LARGEST_FILE = 10_000_000
FORMATS = click.Choice(["text", "json"])


@click.group()
def law() -> None:
    """The law as data: who is covered, what is due, what a penalty comes to."""


def _refuse(error: LawError) -> NoReturn:
    click.echo(f"Error: {error}", err=True)
    sys.exit(2)


def _read(path: str) -> Any:
    """The facts of a file; `-` reads standard input."""
    try:
        raw = sys.stdin.buffer.read(LARGEST_FILE + 1) if path == "-" else _bytes(Path(path))
    except OSError as error:
        why = f"{error.strerror or error}."
        raise LawError(f"{path} cannot be read.", why, "Check the path and your right to read it.") from error
    if len(raw) > LARGEST_FILE:
        raise LawError(f"{path} is larger than 10 MB.", "", "Give one case, or a shorter list.")
    try:
        return load_json(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise LawError(f"{path} is not text in UTF-8.", "", "Save it as UTF-8.") from error


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_FILE + 1)


def _one(facts: Any, compute: Callable[[Any], Any]) -> Any:
    worked = isinstance(facts, dict) and isinstance(facts.get("facts"), dict)
    return compute(facts["facts"] if worked else facts)


def _each(facts: Any, compute: Callable[[Any], Any]) -> Any:
    """One object gives one result, a list gives a list in that order; an error names its place."""
    if not isinstance(facts, list):
        return _one(facts, compute)
    found = []
    for index, item in enumerate(facts):
        try:
            found.append(_one(item, compute))
        except LawError as error:
            raise LawError(f"[{index}]: {error}") from error
    return found


def _print(result: Any, form: str, text: Callable[[Any], str]) -> None:
    if form == "json":
        items = [one.as_json() for one in result] if isinstance(result, list) else result.as_json()
        click.echo(json.dumps(items, indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join(text(one) for one in (result if isinstance(result, list) else [result])))


@law.command("coverage")
@click.argument("file")
@click.option("--format", "form", type=FORMATS, default="text", show_default=True, help="How to print it.")
def coverage_command(file: str, form: str) -> None:
    """Say which regimes would cover the facts in FILE, and why.

    FILE holds an object of facts or a list of them; worked examples (facts under `facts`) are read too.
    """
    try:
        _print(_each(_read(file), coverage.assess), form, _coverage_text)
    except LawError as error:
        _refuse(error)


@law.command("penalty")
@click.argument("file")
@click.option("--format", "form", type=FORMATS, default="text", show_default=True, help="How to print it.")
def penalty_command(file: str, form: str) -> None:
    """Compute the penalty for the facts in FILE, line by line.

    FILE holds an object of facts or a list of them; worked examples (facts under `facts`) are read too.
    """
    try:
        _print(_each(_read(file), penalties.compute), form, as_text)
    except LawError as error:
        _refuse(error)


@law.command("explain")
@click.argument("regime")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Only what applies on this day, as 2027-10-01.")
def explain_command(regime: str, on: datetime | None) -> None:
    """Read REGIME as thresholds, duties and penalties, each value with its citation, span and status."""
    try:
        found = explained.explain(statute.load(regime))
    except LawError as error:
        _refuse(error)
    click.echo(explained.as_text(found, on.date() if on else None))


@law.command("check")
def check() -> None:
    """Check every statute pack: keys, types, units, time, citations, every value used, calendars, mapping."""
    try:
        for pack in statute.packs():
            checking.check(pack)
            found = explained.explain(pack)
            counted = f"{found.stated} values, readings and calendars, {found.unverified} not verified"
            click.echo(f"{pack.path}: {counted}, {pack.digest}")
        for method in methods.methods():
            click.echo(f"{method.path}: {len(method.steps)} steps, {method.status}, {method.digest}")
        risk.check()
        click.echo(f"{risk.TABLE.name}: {len(risk.taxonomies())} taxonomies, {len(risk.mappings())} mappings")
        click.echo(f"{accelerators.TABLE.name}: {len(accelerators.load().chips)} accelerators")
        click.echo(f"{inflation.TABLE.name}: {len(inflation.load().years)} years")
    except LawError as error:
        _refuse(error)


def _coverage_text(result: Coverage) -> str:
    lines = [f"Law of {result.on.isoformat()}", "Training compute"]
    lines += [f"  {line}" for line in result.training_flop.working or ("not stated",)]
    assumed = [line for estimate in result.training_flop.estimates for line in estimate.assumed]
    lines += [f"  assumed: {line}" for line in assumed]
    for answer in result.regimes.values():
        lines += ["", f"{answer.name}: {answer.wording}"]
        if answer.large is not None:
            lines.append(f"  Large developer: {answer.large}")
        for reason in answer.because:
            sign = "" if reason.verified else ", not verified"
            text = f"  {reason.outcome:8}{reason.label}: {reason.input}; {reason.threshold}"
            lines.append(f"{text} ({reason.citation}{sign})")
        lines += [f"  flag    {flag}" for flag in answer.flags]
        lines += [f"  missing {name}" for name in answer.missing]
        for reading in answer.readings:
            mark = (
                f"adopted {reading.on} by {reading.by}: {reading.why_adopted}" if reading.adopted else "other"
            )
            lines.append(f"  reading {reading.label}: {reading.wording} ({reading.citation}; {mark})")
    return "\n".join(lines)
