"""``assay seal``, ``seal-check``, ``seal-manifest``: on a developer's own machine, without any network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from secure_access.clock import SystemClock
from secure_access.custodian import checking, media_types, register
from secure_access.sealing import SealingError, durable, sections
from secure_access.sealing.plans import PlanKey, PlanManifest, SealedSection

_FILE = click.Path(dir_okay=False, path_type=Path)
_KEY = click.option(
    "--to", "key", required=True, type=_FILE, help="The plan key file of the request, from the custodian."
)


@contextmanager
def _told() -> Iterator[None]:
    """What is refused, in words and with exit status 1."""
    try:
        yield
    except (SealingError, media_types.NotAccepted) as problem:
        raise click.ClickException(str(problem)) from None
    except register.RegisterRefused as refused:
        raise click.ClickException("This is no register. " + " ".join(refused.problems)) from None
    except OSError as problem:
        raise click.ClickException(f"{problem.filename}: {problem.strerror}") from None


@click.command("seal")
@click.argument("plan", type=_FILE)
@click.option("--section", required=True, help="Key of the section, as the plan request names it.")
@_KEY
@click.option("--out", type=_FILE, help="The sealed file; default: PLAN with .sealed after its name.")
def seal(plan: Path, section: str, key: Path, out: Path | None) -> None:
    """Seal the file PLAN as one section of a security plan, so that only the custodian can open it.

    The sealed file is written whole or not at all, and takes the place of no other. Compare the fingerprint
    with the one that you were told by another way than the portal. A file that was changed is sealed again;
    an upload that broke off goes on with the same sealed file. A register in CSV is sealed as the JSON
    that it says. Needs no network. To look at everything before: seal-check.
    """
    with _told():
        plan_key = PlanKey.read(key)
        target = plan.with_name(plan.name + ".sealed") if out is None else out
        made = _sealed(plan, target, plan_key, section)
    click.echo(f"custodian    {plan_key.custodian}")
    click.echo(f"request      {plan_key.request}")
    click.echo(f"fingerprint  {plan_key.fingerprint}")
    click.echo(f"section      {made.section}")
    click.echo(f"file         {target}")
    click.echo(f"size         {made.size}")
    click.echo(f"SHA-256      {made.sha256}")


def _sealed(plan: Path, target: Path, key: PlanKey, section: str) -> SealedSection:
    """Seal a file as it is; a register in CSV as the JSON that it says."""
    now = SystemClock().now()
    if plan.suffix.lower() == ".csv":
        content = register.as_json(register.from_csv(plan.read_bytes()))
        described = (plan.with_suffix(".json").name, "application/oscal+json")
        return sections.seal_bytes(content, target, key=key, section=section, described=described, now=now)
    with plan.open("rb") as file:
        media_type = media_types.sniff(file.read(media_types.HEAD))
    return sections.seal_file(plan, target, key=key, section=section, media_type=media_type, now=now)


@click.command("seal-check")
@click.argument("files", nargs=-1, required=True, metavar="SECTION=FILE...")
@click.option(
    "--outline", type=_FILE, help="Texts of the public outline by section, in JSON, as the portal gives them."
)
def seal_check(files: tuple[str, ...], outline: Path | None) -> None:
    """Look at the files of a plan before they are sealed, and where they and the public outline do not agree.

    Each is named with its section: access-control=plan.json. Drift is told and is no fault: an outline may
    say less. Exit status 1: a file has a fault, such as a plan that its schema does not allow.
    """
    named: dict[str, Path] = {}
    for one in files:
        section, found, path = one.partition("=")
        if not found or not section or not path or section in named:
            raise click.UsageError(f"{one}: name each section once, as in access-control=plan.json")
        named[section] = Path(path)
    with _told():
        report = checking.check(named, _outline(outline) if outline is not None else None)
    for line in report.lines:
        click.echo(line)
    if not report.sound:
        raise SystemExit(1)


def _outline(path: Path) -> dict[str, str]:
    try:
        told = json.loads(path.read_bytes())
    except ValueError:
        told = None
    if not isinstance(told, dict) or not all(isinstance(text, str) for text in told.values()):
        raise click.ClickException(f"{path}: the outline is a JSON object of texts by section")
    return told


@click.command("seal-manifest")
@click.argument("sealed", nargs=-1, required=True, type=_FILE)
@_KEY
@click.option("--out", required=True, type=_FILE, help="The plan manifest.")
def seal_manifest(sealed: tuple[Path, ...], key: Path, out: Path) -> None:
    """Write the plan manifest of the SEALED files, in the order of the request.

    Every file has to be sealed with this plan key. An enrolled officer signs the digest when the plan is
    delivered.
    """
    with _told():
        plan_key = PlanKey.read(key)
        named = [_section(path, plan_key) for path in sealed]
        manifest = PlanManifest.make(plan_key, named, now=SystemClock().now())
        durable.write_once(out, [manifest.encode()], mode=0o644)
    click.echo(f"request      {manifest.request}")
    click.echo(f"fingerprint  {manifest.key}")
    for one in named:
        click.echo(f"section      {one.section}  {one.size}  {one.sha256}")
    click.echo(f"manifest     {out}")
    click.echo(f"digest       {manifest.digest}")


def _section(path: Path, key: PlanKey) -> SealedSection:
    """What the manifest says of a file that is sealed with that key. Raises a `SealingError`."""
    with path.open("rb") as file:
        header = sections.read_header(iter(lambda: file.read(sections.MAX_HEADER), b""))
        header.check(key, header.section)
        size = file.seek(0, 2)
        header.check_size(size)
        file.seek(0)
        return SealedSection(header.section, size, hashlib.file_digest(file, "sha256").hexdigest())
