"""``assay custodian enrol``: hand a signed list to the running core, and print who is to be told."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from secure_access.custodian import forms
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.custody import Refused
from secure_access.custodian.server import CoreClient

CHANGES = {
    "added": "is new on the list",
    "removed": "is not on the list any more",
    "changed": "stands there with something changed",
    "none": "stands there as before",
}
"""What a new version means for somebody, as `enrolment.Told` names it."""


@click.command("enrol")
@click.argument("signed", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--socket",
    required=True,
    envvar="ASSAY_CUSTODIAN_SOCKET",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Socket of the core.",
)
def enrol_command(signed: Path, socket: Path) -> None:
    """Hand FILE, a list that the custody officers signed, to the running core.

    Run it as the front's user: the core answers no other. The core verifies the signatures itself, so that
    nothing depends on who runs this. It prints whom to tell of the new list, and what it means for each.
    """
    encoded = signed.read_bytes()
    if len(encoded) > forms.LONGEST:
        raise click.ClickException(f"{signed} is too long for an enrolment list. Nothing was changed.")
    client = CoreClient(socket)
    try:
        told = client.ask("enrol", list=base64.b64encode(encoded).decode())["told"]
        about = client.ask("about")
    except Refused as refused:
        raise click.ClickException(f"{refused} Nothing was changed.") from None
    except Unreachable:
        raise click.ClickException(
            f"No core answers at {socket}. Start it (assay custodian core), name its socket, and run this as "
            "the front's user: the core answers no other."
        ) from None
    click.echo(f"List {about['version']} of {about['origin']} is in force. SHA-256 {about['list']}")
    click.echo(f"Tell {len(told)} people:")
    for one in told:
        click.echo(f"  {one['name']} ({one['id']}) {CHANGES[one['change']]}")
