"""``assay seal`` and ``assay seal-manifest``: sealing on a developer's own machine, without any network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from secure_access.clock import SystemClock
from secure_access.custodian import media_types
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
    an upload that broke off goes on with the same sealed file. Needs no network.
    """
    with _told():
        plan_key = PlanKey.read(key)
        target = plan.with_name(plan.name + ".sealed") if out is None else out
        with plan.open("rb") as file:
            media_type = media_types.sniff(file.read(media_types.HEAD))
        made = sections.seal_file(
            plan, target, key=plan_key, section=section, media_type=media_type, now=SystemClock().now()
        )
    click.echo(f"custodian    {plan_key.custodian}")
    click.echo(f"request      {plan_key.request}")
    click.echo(f"fingerprint  {plan_key.fingerprint}")
    click.echo(f"section      {made.section}")
    click.echo(f"file         {target}")
    click.echo(f"size         {made.size}")
    click.echo(f"SHA-256      {made.sha256}")


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
