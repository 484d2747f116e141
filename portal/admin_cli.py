"""``assay admin``: an administrator made on the machine, or a sign-in policy set there when nobody gets in.

It prints a single-use link, never a password."""

from __future__ import annotations

from datetime import UTC

import click

from portal import mail
from portal.accounts import policy_changes
from portal.settings import settings_or_exit
from portal.web import Wired
from portal.wiring import bare_celery, publish_to, wire
from secure_access.db import Session
from secure_access.identity import Organisation, policies, policy, recovery
from secure_access.identity.policy import PolicyError
from secure_access.identity.recovery import Newcomer
from secure_access.identity.tables import Invitation
from secure_access.workflow import Denied


@click.group()
def admin() -> None:
    """Make an administrator on this machine, or set the sign-in policy when nobody gets in."""


@admin.command("create")
@click.option("--email", required=True, help="Address of the administrator.")
@click.option("--name", required=True, help="Full name of the administrator.")
@click.option("--recover", is_flag=True, help="Although there is an administrator: everybody is told.")
@click.option("--reason", default="", help="Why, with --recover. Every administrator reads it.")
def create(email: str, name: str, recover: bool, reason: str) -> None:
    """Invite the first administrator, while there is none, and print the link.

    With --recover also later: that enters the ledger and the security log, and a banner tells every
    administrator until one of them acknowledges it. Exit status 1, with the reason, where it is refused.
    """
    settings = settings_or_exit()
    wired = wire(settings)
    publish_to(wired, bare_celery(settings))
    try:
        with wired.database.write() as session:
            row, authority = _invited(session, wired, Newcomer(email, name), reason if recover else None)
            link = mail.link_to(wired, authority, row)
            until = row.expires_at.astimezone(UTC)
    except Denied as refused:
        raise click.ClickException(refused.words) from refused
    finally:
        wired.database.dispose()
    click.echo(f"{name} accepts here, once, until {until:%Y-%m-%d %H:%M} UTC:\n\n  {link}\n")


@admin.command("sign-in-policy")
@click.option("--policy", "name", required=True, help="A policy of the release, or the path of a .toml file.")
@click.option("--reason", default="", help="Why. Every administrator reads it.")
def sign_in_policy(name: str, reason: str) -> None:
    """Put another sign-in policy in force, where nobody can sign in to change it on a screen.

    It enters the ledger and the security log, and a banner tells every administrator until one of them
    acknowledges it. Exit status 1, with the reason, where it is refused.
    """
    settings = settings_or_exit()
    wired = wire(settings)
    publish_to(wired, bare_celery(settings))
    try:
        new = policy.load(name)
        policy_changes.refuse_by_password(new, allowed=settings.demonstration)
        with wired.database.write() as session:
            now = wired.clock.now()
            policies.begin(session, settings.first_policy, name=settings.sign_in, now=now)
            authority = recovery.authority_of(session, settings.authority, now=now)
            row = recovery.set_policy(
                session, authority=authority, new=new, name=name, reason=reason, now=now
            )
            policy_changes.end_shut(session, new)
    except PolicyError as problem:
        raise click.ClickException(f"{name}: {problem}.") from problem
    except Denied as refused:
        raise click.ClickException(refused.words) from refused
    finally:
        wired.database.dispose()
    click.echo(
        f"In force from everybody's next request, as policy {row.number}. Every administrator is told."
    )


def _invited(
    session: Session, wired: Wired, new: Newcomer, reason: str | None
) -> tuple[Invitation, Organisation]:
    now, key = wired.clock.now(), mail.link_key(wired)
    authority = recovery.authority_of(session, wired.settings.authority, now=now)
    if reason is None:
        return recovery.create(session, authority=authority, new=new, key=key, now=now), authority
    return recovery.recover(session, authority=authority, new=new, reason=reason, key=key, now=now), authority
