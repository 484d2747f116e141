"""``assay custodian certificate``: whether a certificate of destruction is one of this custodian's."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from secure_access.clock import SystemClock
from secure_access.custodian import forms
from secure_access.custodian.forms import Malformed
from secure_access.custodian.plan_keys import BadCertificate, Certificate, read_certificate
from secure_access.ledger.note import NOTE_KEY, NoteError, VerifierKey


@click.command("certificate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key", required=True, help="The custodian's certificate key, as its operator publishes it: NAME+ID+KEY."
)
def certificate_command(file: Path, key: str) -> None:
    """Verify FILE, a certificate of destruction, offline and without the custodian.

    It says which plan's key was destroyed, when, and when the last backup that could hold a copy of it ends.
    Exit status 0: it is signed with that key; 1: it is not; 2: the file or the key cannot be read.
    """
    try:
        found = read_certificate(_read(file), _public(key))
    except BadCertificate:
        click.echo("Not proved: it is not signed with this key.", err=True)
        raise SystemExit(1) from None
    except (Malformed, NoteError, OSError, ValueError) as problem:
        click.echo(f"{file} cannot be verified: {problem}", err=True)
        raise SystemExit(2) from None
    click.echo(_words(found, SystemClock().now()))


def _read(file: Path) -> bytes:
    with file.open("rb") as source:
        content = source.read(forms.LONGEST + 1)
    if len(content) > forms.LONGEST:
        raise ValueError("it is longer than any certificate")
    return content


def _public(text: str) -> bytes:
    key = VerifierKey.parse(text)
    if key.type != NOTE_KEY:
        raise NoteError(f"the key of {key.name} is no Ed25519 key")
    return key.public


def _words(found: Certificate, now: datetime) -> str:
    ends = f"{found.last_backup_ends:%-d %B %Y, %H:%M} UTC"
    backup = (
        f"The last backup that could hold a copy of it ended on {ends}: nobody has the key."
        if found.last_backup_ends <= now
        else f"The last backup that could hold a copy of it ends on {ends}."
        " Until then it could be brought back."
    )
    return (
        f"Proved: the key of the plan for {found.request} was destroyed on "
        f"{found.destroyed_at:%-d %B %Y, %H:%M} UTC.\nFingerprint of the plan key: {found.plan}\n{backup}"
    )
