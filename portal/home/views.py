"""The first pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response

from portal.filing.registration import DEVELOPER_ROLES as FILERS
from portal.filing.registration import REPORTING_ROLES
from portal.home import changes, desk, waiting
from portal.home.doors import DOORS, FOLLOW, Door, Story, door, story
from portal.web import current_actor, current_time, current_zone, zone_url
from secure_access.identity import recovery
from secure_access.ledger import Log, sequencer
from secure_access.workflow import NotFound, Role

public = Blueprint("home", __name__, template_folder="templates")
developer = Blueprint("home", __name__, template_folder="templates")
evaluator = Blueprint("home", __name__, template_folder="templates")
government = Blueprint("home", __name__, template_folder="templates")


@public.get("/")
def start() -> str:
    """The five doors."""
    told = _told()
    g.zone_label = "Choose a door"
    return render_template(
        "home/start.html",
        doors=DOORS,
        follow=FOLLOW,
        told=told,
        enter=_enter(told),
        checkpoint=sequencer.latest(g.session, Log.PUBLIC),
    )


@public.get("/walk/<key>")
def walk(key: str) -> str:
    """A walk of two minutes through the told case, as one role."""
    found, told = door(key), _told()
    if found is None or told is None:
        raise NotFound
    return render_template("home/walk.html", door=found, told=told, enter=_enter(told))


@developer.get("/", endpoint="developer")
def for_developer() -> str | Response:
    """What a developer must do; filings, coverage and incidents below."""
    by = current_actor()
    if by.holds(Role.AGENT):
        return redirect(url_for("accounts.for_whom"), 303)
    return _home(
        "developer",
        desk=desk.of_developer(g.session, by) if by.roles & FILERS else None,
        reports=bool(by.roles & REPORTING_ROLES),
    )


@evaluator.get("/", endpoint="evaluator")
def for_evaluator() -> str:
    """What an evaluator must do; engagements below."""
    by = current_actor()
    rows = desk.of_evaluator(g.session, by) if by.holds(Role.ASSESSOR, Role.EVALUATION_OFFICER) else []
    return _home("evaluator", engagements=rows, states=desk.ENGAGEMENT_WORDS)


@government.get("/", endpoint="government")
def for_government() -> str:
    """What an official must do; the queue in short for who reviews."""
    by = current_actor()
    reviews = bool(by.roles & changes.REVIEWERS)
    queued, total = desk.of_reviewer(g.session, by, current_time()) if reviews else ([], 0)
    return _home(
        "government",
        reviews=reviews,
        queued=queued,
        total=total,
        recoveries=recovery.unseen(g.session, by=by),
    )


def _home(zone: str, **more: object) -> str:
    by, now = current_actor(), current_time()
    found = waiting.tasks(g.session, by=by, now=now)
    g.counts = {f"home.{zone}": len(found)}
    return render_template(
        f"home/{zone}.html",
        tasks=[waiting.row(task, now) for task in found],
        summary=waiting.summary(found, now),
        changes=changes.changes(g.session, by=by, since=_since(now)),
        now=now,
        **more,
    )


def _since(now: datetime) -> datetime | None:
    """When the person last looked, in the time of record: sessions run on the machine's clock."""
    seen = changes.last_looked(g.session, current_actor())
    return None if seen is None else seen + (now - datetime.now(UTC))


def _told() -> Story | None:
    settings = current_zone().wired.settings
    return story(settings.home) if settings.demonstration else None


def _enter(told: Story | None) -> Callable[[Door], str]:
    accounts = told.accounts if told else {}

    def address(way: Door) -> str:
        if way.zone == "public":
            return "/register"
        return zone_url(way.zone, "accounts.sign_in", **{"as": accounts.get(way.key, "")})

    return address
