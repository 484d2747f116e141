"""The door of the present zone: its policy, itself as relying party, and what checks secrets."""

from __future__ import annotations

from portal.accounts.service import Door
from portal.web import current_zone, origin
from secure_access.identity.passkeys import Party


def door() -> Door:
    """The door of the zone that the request came to."""
    zone = current_zone()
    wired = zone.wired
    address = origin(wired.settings, zone.zone)
    host = address.partition("://")[2].partition(":")[0]
    party = Party(zone.zone, host, address, f"{wired.settings.product}, {wired.settings.authority}")
    return Door(wired.settings.policy, party, wired.hasher, wired.credential_keys)
