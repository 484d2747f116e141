"""The composition root: one Flask app a zone, and the table that says who may enter which blueprint.

Default deny: a blueprint without a row here is served nowhere, and a zone routes only its own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, redirect, request, url_for
from flask_login import current_user
from jinja2 import FileSystemLoader
from werkzeug.routing import Map
from werkzeug.wrappers import Response as BaseResponse

from evaluator import leaving as evaluator_leaving
from evaluator.web import accreditation_views, engagement_views
from infra.postgresql import fit_or_exit
from portal import accounts, errors, health, home, logs, register, supervision, ui
from portal.disclosure import leaving as disclosure_leaving
from portal.disclosure import views as disclosure_views
from portal.enforcement import case_views as enforcement_views
from portal.enforcement import findings_views
from portal.enforcement import leaving as enforcement_leaving
from portal.filing import (
    duty_views,
    filed_views,
    filing_views,
    incident_views,
    people_views,
    registry_views,
    signing_views,
)
from portal.filing import leaving as filing_leaving
from portal.legal import leaving as legal_leaving
from portal.legal import views as legal_views
from portal.review import leaving as review_leaving
from portal.review import views as review_views
from portal.settings import PUBLIC, ZONES, Settings
from portal.shell import NavItem, shell
from portal.web import (
    HEADERS,
    SignedIn,
    Wired,
    Zone,
    acting,
    current_zone,
    origin,
    zone_url,
)
from portal.wiring import as_role, bare_celery, publish_to, wire
from secure_access.db import Session
from secure_access.identity import Actor, SignInSession, policies
from secure_access.identity.policy import Policy
from secure_access.workflow import Denied, NotFound, Role

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

DEVELOPER = frozenset({Role.PREPARER, Role.CERTIFYING_OFFICER})
DRAFTING = DEVELOPER | {Role.DRAFTING_AGENT}
REPORTING = DEVELOPER | {Role.REPORTING_AGENT}
ANSWERING = DEVELOPER | {Role.ANSWERING_AGENT}
EVALUATOR = frozenset({Role.ASSESSOR, Role.EVALUATION_OFFICER})
AGENTS = frozenset({Role.AGENT, Role.DRAFTING_AGENT, Role.REPORTING_AGENT, Role.ANSWERING_AGENT})
OFFICE = frozenset({Role.ORGANISATION_ADMINISTRATOR})
ADMINISTRATION = frozenset({Role.ADMINISTRATOR})
REVIEW = frozenset({Role.CASE_OFFICER, Role.DECIDER})
ENFORCEMENT = frozenset({Role.ENFORCEMENT_OFFICER, Role.HEAD_OF_ENFORCEMENT})
PLANS = frozenset({Role.CASE_OFFICER, Role.DECIDER, Role.PLAN_APPROVER, Role.PLAN_READER})
LEGAL = frozenset({Role.LEGAL_OFFICER})
GOVERNMENT = REVIEW | ENFORCEMENT | PLANS | LEGAL | {Role.ACCREDITATION_OFFICER, Role.ADMINISTRATOR}
ANYBODY: frozenset[Role] = frozenset()
EVERYBODY = frozenset(Role)
"""Whoever is signed in and has any role."""


@dataclass(frozen=True)
class Surface:
    """Where a blueprint is served and who may enter it. ``enter`` empty: anybody, signed in or not."""

    blueprint: Blueprint
    zones: tuple[str, ...]
    enter: frozenset[Role]


SURFACES: tuple[Surface, ...] = (
    Surface(accounts.bp, ("developer", "evaluator", "government"), ANYBODY),
    Surface(accounts.account, ("developer", "evaluator", "government"), EVERYBODY),
    Surface(health.bp, ZONES, ANYBODY),
    Surface(home.public, (PUBLIC,), ANYBODY),
    *(Surface(blueprint, (PUBLIC,), ANYBODY) for blueprint in register.BLUEPRINTS),
    Surface(home.developer, ("developer",), DRAFTING | REPORTING | ANSWERING | OFFICE | {Role.AGENT}),
    Surface(home.evaluator, ("evaluator",), EVALUATOR | OFFICE),
    Surface(home.government, ("government",), GOVERNMENT),
    Surface(
        accounts.own_organisation, ("developer", "evaluator"), DEVELOPER | EVALUATOR | OFFICE | {Role.AGENT}
    ),
    Surface(accounts.administration, ("government",), ADMINISTRATION),
    Surface(accounts.own_conflicts, ("government",), GOVERNMENT),
    Surface(registry_views.bp, ("developer",), DRAFTING),
    Surface(filing_views.bp, ("developer",), DRAFTING),
    Surface(signing_views.bp, ("developer",), DRAFTING),
    Surface(people_views.bp, ("developer",), DRAFTING | OFFICE),
    Surface(incident_views.bp, ("developer",), REPORTING),
    Surface(duty_views.bp, ("developer",), DEVELOPER),
    Surface(filed_views.bp, ("government",), GOVERNMENT),
    Surface(accreditation_views.bp, ("government",), frozenset({Role.ACCREDITATION_OFFICER})),
    Surface(engagement_views.bp, ("evaluator",), EVALUATOR),
    Surface(review_views.cases, ("government",), REVIEW),
    Surface(review_views.plans, ("government",), PLANS),
    Surface(review_views.asked, ("developer",), ANSWERING),
    Surface(review_views.decided, ("developer",), DEVELOPER),
    Surface(disclosure_views.access, (PUBLIC,), ANYBODY),
    Surface(disclosure_views.access_requests, ("government",), REVIEW),
    Surface(disclosure_views.access_notices, ("developer",), ANSWERING),
    Surface(enforcement_views.bp, ("government",), ENFORCEMENT),
    Surface(findings_views.bp, ("developer",), DEVELOPER),
    Surface(legal_views.bp, ("government",), LEGAL),
)

HOLDINGS = (
    filing_leaving,
    review_leaving,
    evaluator_leaving,
    disclosure_leaving,
    enforcement_leaving,
    legal_leaving,
)
"""Importing them declares what people hold, so that a leaver's page lists all of it."""

NAVIGATION: dict[str, tuple[NavItem, ...]] = {
    PUBLIC: (
        NavItem("Register", "register.overview"),
        NavItem("Decisions", "decisions.every_decision"),
        NavItem("Models", "models.every_model"),
        NavItem("Developers", "developers.every_developer"),
        NavItem("Evaluators", "evaluators.every_evaluator"),
        NavItem("Penalties", "penalties.every_penalty"),
        NavItem("Ledger", "ledger.show"),
        NavItem("Law", "law.index"),
        NavItem("Ask for access", "access.ask"),
    ),
    "developer": (
        NavItem("Home", "home.developer"),
        NavItem("For whom", "accounts.for_whom", AGENTS),
        NavItem("Models", "registry.models", DRAFTING),
        NavItem("Filings", "filings.index", DRAFTING),
        NavItem("People of drafts", "draft_people.every", OFFICE),
        NavItem("Incidents", "incidents.index", REPORTING),
        NavItem("Duties", "duties.index", DEVELOPER),
        NavItem("Requests", "asked.index", ANSWERING),
        NavItem("Access notices", "access_notices.index", ANSWERING),
        NavItem("Decisions", "decided.index", DEVELOPER),
        NavItem("Findings", "findings.index", DEVELOPER),
        NavItem("Organisation", "own_organisation.show", DEVELOPER | OFFICE | {Role.AGENT}),
    ),
    "evaluator": (
        NavItem("Home", "home.evaluator"),
        NavItem("Engagements", "engagements.index", EVALUATOR),
        NavItem("Organisation", "own_organisation.show"),
    ),
    "government": (
        NavItem("Home", "home.government"),
        NavItem("Cases", "cases.index", REVIEW),
        NavItem("Plan requests", "plans.index", PLANS),
        NavItem("Access requests", "access_requests.index", REVIEW),
        NavItem("Penalties", "enforcement.index", ENFORCEMENT),
        NavItem("Accreditations", "accreditations.index", frozenset({Role.ACCREDITATION_OFFICER})),
        NavItem("Law", "statutes.index", LEGAL),
        NavItem("Administration", "administration.index", ADMINISTRATION),
        NavItem("Conflicts", "conflicts.declare_own"),
    ),
}

FOOTER = (
    NavItem("Accessibility", "about.accessibility"),
    NavItem("Privacy", "about.privacy"),
    NavItem("Verify a receipt", "about.verify"),
)
"""Pages of the public zone that every page leads to."""


def create_app(wired: Wired, zone: str) -> Zone:
    """The Flask app of one zone."""
    app = Zone(wired, zone, _guard, partial(_lacking, wired.settings.first_policy))
    wired.database.acting = acting
    if zone == PUBLIC:
        app.wired = replace(wired, database=wired.database.narrowed())
    ui.install(app, wired.settings.mark)
    errors.install(app)
    enter: dict[str, frozenset[Role]] = {"ui": ANYBODY}
    app.extensions["enter"] = enter
    app.extensions["addresses"] = addresses
    # A package may include a part of another's page, also where that one has no page of its own.
    app.jinja_loader = FileSystemLoader(sorted(_template_folders()))
    for surface in SURFACES:
        if zone in surface.zones:
            app.register_blueprint(surface.blueprint)
            enter[surface.blueprint.name] = surface.enter
    app.context_processor(lambda: {"shell": shell(NAVIGATION[zone], FOOTER)})
    app.jinja_env.globals["zone_url"] = zone_url
    return app


def _lacking(begins_with: Policy, session: Session, by: Actor, row: SignInSession) -> str:
    """What a person lacks under the sign-in policy that is in force now."""
    return accounts.lacking(session, by, row, policy=policies.in_force(session, begins_with))


def create_zones(wired: Wired, zones: Sequence[str] = ZONES) -> dict[str, Zone]:
    """The apps of every zone, or of those named, each on the database as its zone reaches it."""
    return {zone: create_app(as_role(wired, zone), zone) for zone in zones}


@cache
def addresses(zone: str) -> Map:
    """Where the pages of a zone are, for links to them from another. Nothing is served by it."""
    names = Flask("portal", static_folder=None, template_folder=None)
    for surface in SURFACES:
        if zone in surface.zones:
            names.register_blueprint(surface.blueprint)
    return names.url_map


def by_host(wired: Wired) -> WSGI:
    """One WSGI callable, which picks among the zones served here by the host name asked for."""
    zones = create_zones(wired, (wired.settings.zone,) if wired.settings.zone else ZONES)
    hosts = {
        origin(wired.settings, zone).partition("://")[2].partition(":")[0]: app for zone, app in zones.items()
    }

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = str(environ.get("HTTP_HOST", "")).partition(":")[0].lower()
        app = hosts.get(asked)
        if app is None:
            return _unknown_host(hosts, start_response)
        return app(environ, start_response)

    return serve


def serve() -> WSGI:
    """The WSGI callable of ``assay serve``, from the environment."""
    supervision.die_with_parent()
    settings = Settings.from_env()
    logs.configure(settings, f"web {settings.zone}".rstrip())
    fit_or_exit(settings, *((settings.zone,) if settings.zone else ZONES))
    wired = wire(settings, zone=settings.zone)
    publish_to(wired, bare_celery(settings))
    if settings.zone != PUBLIC:  # nobody signs in there, and its role adds nothing to the ledger
        accounts.begin_policy(as_role(wired, settings.zone or "government"))
    return by_host(wired)


def _template_folders() -> set[str]:
    blueprints = (surface.blueprint for surface in SURFACES)
    return {str(Path(blueprint.root_path) / str(blueprint.template_folder)) for blueprint in blueprints}


def _unknown_host(hosts: dict[str, Zone], start_response: Callable[..., Any]) -> list[bytes]:
    names = ", ".join(sorted(hosts))
    plain = {**HEADERS, "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
    start_response("421 Misdirected Request", list(plain.items()))
    return [f"This address is not served here. Use one of: {names}\n".encode()]


def _guard() -> BaseResponse | tuple[str, int] | None:
    """Default deny, before the body is read. What you may not enter answers like what does not exist."""
    app = current_zone()
    enter: frozenset[Role] | None = app.extensions["enter"].get(request.blueprint or "")
    if enter is None:
        raise NotFound
    if not enter:
        return None
    if not current_user.is_authenticated:
        return _ask_to_sign_in()
    if not _signed_in().actor.roles & enter:
        raise NotFound
    return None if request.blueprint == accounts.account.name else _held_back()


def _held_back() -> BaseResponse | None:
    """Whoever has fewer keys than the policy asks for reaches their own account, and nothing else."""
    lacking = _signed_in().lacking
    if not lacking:
        return None
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("account.show"), 303)
    raise Denied(lacking, "Open “Your account”. Your browser still has what you typed here.")


def _ask_to_sign_in() -> BaseResponse | tuple[str, int]:
    if request.method not in ("GET", "HEAD"):
        return errors.signed_out_page()
    return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 303)


def _signed_in() -> SignedIn:
    signed_in = current_user._get_current_object()
    assert isinstance(signed_in, SignedIn)
    return signed_in
