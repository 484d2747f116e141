"""The door of the present zone: its policy, itself as relying party, what checks secrets, its provider."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from flask import g

from portal.accounts.service import Door
from portal.web import current_zone, origin
from secure_access.identity import policies
from secure_access.identity.passkeys import Party
from secure_access.identity.policy import Policy
from secure_access.identity.providers import Provider

LONGEST_TARGET = 400


def door() -> Door:
    """The door of the zone that the request came to."""
    wired = current_zone().wired
    return Door(policy(), party(), wired.hasher, wired.credential_keys)


def party() -> Party:
    """The zone that the request came to, as keys and providers know it. Asks no database."""
    zone = current_zone()
    settings = zone.wired.settings
    address = origin(settings, zone.zone)
    host = address.partition("://")[2].partition(":")[0]
    return Party(zone.zone, host, address, f"{settings.product}, {settings.authority}")


def policy() -> Policy:
    """The sign-in policy in force, as the request's transaction sees it: asked once a request."""
    if "policy" not in g:
        g.policy = policies.in_force(g.session, current_zone().wired.settings.first_policy)
    return cast(Policy, g.policy)


def provider() -> Provider | None:
    """The provider of single sign-on of the present zone, where one is set."""
    return current_zone().wired.settings.sso.get(current_zone().zone)


def here_only(target: str) -> str:
    """A path of this zone; anything that could lead elsewhere becomes the first page."""
    parts = urlsplit(target)
    safe = (
        target.startswith("/")
        and not target.startswith(("//", "/\\"))
        and not parts.netloc
        and not parts.scheme
        and target.isprintable()
        and len(target) <= LONGEST_TARGET
    )
    return target if safe else "/"
