"""What is around every page: names, navigation, who is signed in. See ``portal/ui/templates/base.html``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import g, request, url_for
from flask_login import current_user

from portal.settings import PUBLIC
from portal.web import ZONE_LABELS, SignedIn, Zone, current_time, current_zone, zone_url
from secure_access.identity import Actor, policies
from secure_access.workflow import Role


@dataclass(frozen=True)
class NavItem:
    """One entry of the navigation: shown to whoever holds one of ``roles`` (everybody when empty)."""

    label: str
    endpoint: str
    roles: frozenset[Role] = frozenset()


@dataclass(frozen=True)
class Link:
    """A drawn entry of the navigation."""

    label: str
    url: str
    current: bool
    count: int | None = None


@dataclass(frozen=True)
class Shell:
    """What is around every page: see ``portal/ui/templates/base.html``."""

    demonstration: str | None
    authority: str
    product: str
    mark_url: str
    zone_label: str
    person: Actor | None
    nav: list[Link]
    public: bool
    sign_out_url: str
    account_url: str
    home_url: str
    custody_note: str
    footer: list[Link]


def shell(nav: tuple[NavItem, ...], footer: tuple[NavItem, ...] = ()) -> Shell:
    """The shell of the present page. ``footer`` names pages of the public zone.

    A view may set ``g.zone_label`` to words of its own; the page then stands before the zone, without a menu.
    """
    zone = current_zone()
    settings = zone.wired.settings
    actor = cast(SignedIn, current_user).actor if current_user.is_authenticated else None
    shown = [item for item in nav if not item.roles or (actor and actor.roles & item.roles)]
    public = zone.zone == PUBLIC
    return Shell(
        demonstration=_demonstration_line(zone),
        authority=settings.authority,
        product=settings.product,
        mark_url=url_for("ui.mark", name=settings.mark.name) if settings.mark else "",
        zone_label=g.get("zone_label", ZONE_LABELS[zone.zone]),
        person=actor,
        nav=[_link(item) for item in shown] if (public or actor) and "zone_label" not in g else [],
        public=public,
        sign_out_url="" if public else url_for("accounts.sign_out"),
        account_url="" if public else url_for("account.show"),
        home_url="/",
        custody_note="Demonstration custody: one user of one machine runs portal and custodian."
        if settings.demonstration and settings.custodian
        else "",
        footer=[Link(item.label, zone_url(PUBLIC, item.endpoint), False) for item in footer],
    )


def _link(item: NavItem) -> Link:
    """``g.counts`` may say how much waits on a page, by endpoint."""
    count: int | None = g.get("counts", {}).get(item.endpoint)
    return Link(item.label, url_for(item.endpoint), _is_current(item.endpoint), count)


def _is_current(endpoint: str) -> bool:
    here = request.endpoint or ""
    return here == endpoint or here.rpartition(".")[0] == endpoint.rpartition(".")[0] != "home"


def _demonstration_line(zone: Zone) -> str | None:
    if not zone.wired.settings.demonstration:
        return None
    now = current_time()
    words = _policy_words(zone)
    return f"The date here is {now.day} {now:%B %Y}. Companies, people and figures are invented." + (
        f" {words}." if words else ""
    )


def _policy_words(zone: Zone) -> str:
    """What the sign-in policy in force says of itself. A page of a refusal has no transaction any more: it
    says what the page before it said."""
    session = g.get("session")
    if session is not None and session.in_transaction():
        zone.policy_words = policies.words(session, zone.wired.settings.first_policy)
    return zone.policy_words
