"""Keys on the machine: a code for a person's first key, and the portal's line for the custodian."""

from __future__ import annotations

import click

from portal.accounts import first_keys
from portal.custodian import channel_key_of
from portal.settings import settings_or_exit
from portal.wiring import wire
from secure_access.workflow import NotFound


@click.command("channel-key")
def channel_key() -> None:
    """Print the line by which the custodian knows this portal, for ``portal`` in its core.toml.

    The key is made the first time. The portal needs the custodian's own in ASSAY_CUSTODIAN_KEY.
    """
    click.echo(channel_key_of(settings_or_exit()).verifier)


@click.command("first-key")
@click.argument("email")
@click.option("--lost", is_flag=True, help="Suspend the person's keys, forget the app, end every session.")
def first_key(email: str, lost: bool) -> None:
    """Give the person with this EMAIL a code for a first key. It enters the ledger.

    The code is typed once, beside the password, within three days. Hand it over in person or by telephone,
    never to the address that the password could be reset with. Exit status 2: nobody has that address.
    """
    wired = wire(settings_or_exit())
    try:
        with wired.database.write() as session:
            code = first_keys.give_on_the_machine(session, email=email, lost=lost, now=wired.clock.now())
    except NotFound:
        click.echo("Nobody who can sign in has this e-mail address. No code was given.", err=True)
        raise SystemExit(2) from None
    finally:
        wired.database.dispose()
    click.echo(code)
