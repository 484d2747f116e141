"""``assay custodian ceremony``: officers make their keys, read a list, sign it, and anybody verifies it."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from secure_access.clock import SystemClock
from secure_access.custodian import (
    enrolment,
    enrolment_requests,
    forms,
    key_copies,
    list_draft,
    officer_keys,
    private_files,
)
from secure_access.custodian.enrolment import Enrolment, NotEnrolled
from secure_access.custodian.forms import Malformed
from secure_access.custodian.key_copies import CannotOpen
from secure_access.custodian.list_draft import BadDraft
from secure_access.custodian.officer_keys import OfficerKeys, WeakPassphrase, WrongPassphrase
from secure_access.custodian.private_files import UnsafeFile
from secure_access.ledger import canonical

_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_WRITE = click.Path(dir_okay=False, path_type=Path)
_PROBLEMS = (
    Malformed,
    NotEnrolled,
    BadDraft,
    WeakPassphrase,
    WrongPassphrase,
    CannotOpen,
    UnsafeFile,
    canonical.NotCanonical,
    OSError,
)


class Words(click.Group):
    """A group whose commands say in words what is wrong, and end with status 1."""

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(context)
        except _PROBLEMS as problem:
            raise click.ClickException(str(problem)) from None


@click.group(cls=Words)
def ceremony() -> None:
    """Make officers' keys, and make, sign and verify an enrolment list. Needs no network."""


@ceremony.command("keys")
@click.option("--id", "officer", required=True, help="Short name of the officer, such as officer-a.")
@click.option("--name", required=True, help="Name of the officer, as people know it.")
@click.option("--group", required=True, help="Group of the officer, such as board or court.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder, new.")
def keys_command(officer: str, name: str, group: str, out: Path) -> None:
    """Make an officer's two key pairs. The private halves are encrypted under a passphrase."""
    made = officer_keys.make(officer, name, group)
    passphrase = click.prompt("Passphrase, five or six words", hide_input=True, confirmation_prompt=True)
    locked = officer_keys.lock(made, passphrase)
    out.mkdir(mode=0o700, parents=True)
    private_files.write(out / f"{officer}.keys", locked)
    private_files.write(out / f"{officer}.public", made.public)
    click.echo(f"{out / officer}.keys    keep it, offline, twice")
    click.echo(f"{out / officer}.public  give it to whoever assembles the list")
    click.echo("Fingerprint, to be read aloud and written down:")
    click.echo(f"  {forms.fingerprint(made.public)}")


@ceremony.command("add")
@click.argument("draft", type=_READ)
@click.argument("request", type=_READ)
@click.option("--person", required=True, help="Id of the person in the draft.")
def add_command(draft: Path, request: Path, person: str) -> None:
    """Add the passkey of a REQUEST file to a person of DRAFT, once they have read out its fingerprint."""
    encoded, text = request.read_bytes(), draft.read_text(encoding="utf-8")
    found = enrolment_requests.read(encoded)
    name = list_draft.named(text, person)
    made = list_draft.with_passkey(text, person, found.passkey)
    click.echo(
        f"{found.name} made a passkey on “{found.passkey.device}”, {found.made_at:%d %B %Y, %H:%M} UTC"
    )
    if found.name != name:
        click.echo(f"The draft calls {person} by another name: {name}")
    click.echo("Fingerprint, which the person reads out to you:")
    click.echo(f"  {forms.fingerprint(encoded)}")
    click.confirm(f"Did {name} read out all sixteen groups, and are they these?", abort=True)
    private_files.write(draft, made.encode())
    click.echo(f"{draft} has the passkey. Anything that the list says else is still yours to write.")


@ceremony.command("assemble")
@click.argument("draft", type=_READ)
@click.argument("officers", type=_READ, nargs=-1, required=True)
@click.option("--previous", type=_READ, help="The signed list that this one follows.")
@click.option("--out", required=True, type=_WRITE, help="The list to be signed.")
def assemble_command(draft: Path, officers: tuple[Path, ...], previous: Path | None, out: Path) -> None:
    """Make the list to be signed from DRAFT (TOML) and the public halves of all OFFICERS."""
    for path in officers:
        click.echo(f"{path.name}: {forms.fingerprint(path.read_bytes())}")
    public = [officer_keys.read_public(path.read_bytes()) for path in officers]
    before = _signed(previous)
    text = draft.read_text(encoding="utf-8")
    made = list_draft.assemble(text, public, before, SystemClock().now())
    _new(out, made)
    _say(enrolment.parse(made), before)


@ceremony.command("sign")
@click.argument("listed", metavar="LIST", type=_READ)
@click.option("--keys", required=True, type=_READ, help="The officer's .keys file.")
@click.option("--previous", type=_READ, help="The signed list that this one follows, to see what is new.")
@click.option("--out", required=True, type=_WRITE, help="The officer's signature.")
def sign_command(listed: Path, keys: Path, previous: Path | None, out: Path) -> None:
    """Read LIST in words, and sign exactly that."""
    encoded = listed.read_bytes()
    _say(enrolment.parse(encoded), _signed(previous))
    click.confirm("Is this the list that you mean to sign?", abort=True)
    found = _unlocked(keys)
    line = {"officer": found.id, "signature": base64.b64encode(found.signature(encoded)).decode()}
    _new(out, canonical.encode(line))
    click.echo(f"Signed by {found.id}.")


@ceremony.command("join")
@click.argument("listed", metavar="LIST", type=_READ)
@click.argument("signatures", type=_READ, nargs=-1, required=True)
@click.option("--previous", type=_READ, help="The signed list that this one follows.")
@click.option("--out", required=True, type=_WRITE, help="The signed list, for the custodian.")
def join_command(listed: Path, signatures: tuple[Path, ...], previous: Path | None, out: Path) -> None:
    """Put LIST and the officers' SIGNATURES into one file, which is verified before it is written."""
    encoded = listed.read_bytes()
    lines = []
    for path in signatures:
        line = forms.plain(path.read_bytes(), ("officer", "signature"))
        lines.append((line.identifier("officer"), line.raw("signature", 64)))
    whole = list_draft.joined(enrolment.SignedList(encoded, tuple(lines)))
    found = _verified(whole, _signed(previous), forms.digest(encoded))
    _new(out, whole)
    click.echo(f"List {found.version} is signed: {out}")


@ceremony.command("verify")
@click.argument("signed", type=_READ)
@click.option("--previous", type=_READ, help="The signed list before it.")
@click.option("--pinned", help="Of the first list: its SHA-256, from where you trust it.")
def verify_command(signed: Path, previous: Path | None, pinned: str | None) -> None:
    """Verify a SIGNED list against the one before it, or the first against its digest."""
    if (previous is None) == (pinned is None):
        raise click.UsageError("Name the list before it (--previous), or of the first its digest (--pinned).")
    before = _signed(previous)
    _say(_verified(signed.read_bytes(), before, pinned or ""), before)
    click.echo("The signatures are good.")


@ceremony.command("open-copy")
@click.argument("copy", type=_READ)
@click.option("--plan", required=True, help="Fingerprint of the plan key.")
@click.option("--keys", required=True, type=_READ, help="The officer's .keys file.")
@click.option("--out", required=True, type=_WRITE, help="What the second officer opens, or the key itself.")
def open_copy_command(copy: Path, plan: str, keys: Path, out: Path) -> None:
    """Open a recovery COPY of a plan key: the first officer its outside, then the second what is left."""
    found = _unlocked(keys)
    opened = key_copies.open_outer(copy.read_bytes(), plan, found.id, found.open)
    private_files.write(out, opened)
    what = "the plan key itself" if len(opened) == key_copies.SEED else "for the second officer"
    click.echo(f"Opened by {found.id}: {what}.")


def _unlocked(path: Path) -> OfficerKeys:
    return officer_keys.unlock(path.read_bytes(), click.prompt("Passphrase", hide_input=True))


def _signed(path: Path | None) -> Enrolment | None:
    """The list in a signed file, which its officers verified when it was new."""
    return None if path is None else enrolment.parse(enrolment.read_signed(path.read_bytes()).encoded)


def _verified(whole: bytes, before: Enrolment | None, pinned: str) -> Enrolment:
    signed = enrolment.read_signed(whole)
    return enrolment.first(signed, pinned) if before is None else enrolment.follow(signed, before)


def _say(found: Enrolment, before: Enrolment | None) -> None:
    for line in list_draft.words(found, before):
        click.echo(line)


def _new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet: what was signed is never overwritten."""
    if path.exists():
        raise click.UsageError(f"{path} is there already; name another file.")
    private_files.write(path, content)
