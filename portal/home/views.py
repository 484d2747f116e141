"""The first pages."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, g, render_template

from portal.home.doors import DOORS, FOLLOW, Door, Story, door, story
from portal.web import current_zone, zone_url
from secure_access.ledger import Log, sequencer
from secure_access.workflow import NotFound

public = Blueprint("home", __name__, template_folder="templates")
developer = Blueprint("home", __name__, template_folder="templates")
evaluator = Blueprint("home", __name__, template_folder="templates")
government = Blueprint("home", __name__, template_folder="templates")


@public.get("/")
def start() -> str:
    """The five doors."""
    told = _told()
    checkpoint = sequencer.latest(g.session, Log.PUBLIC)
    return render_template(
        "home/start.html", doors=DOORS, follow=FOLLOW, told=told, enter=_enter(told), checkpoint=checkpoint
    )


@public.get("/walk/<key>")
def walk(key: str) -> str:
    """A walk of two minutes through the told case, as one role."""
    found, told = door(key), _told()
    if found is None or told is None:
        raise NotFound
    return render_template("home/walk.html", door=found, told=told, enter=_enter(told))


@developer.get("/", endpoint="developer")
@evaluator.get("/", endpoint="evaluator")
@government.get("/", endpoint="government")
def home() -> str:
    """What waits for the person who is signed in."""
    return render_template("home/home.html", tasks=[])


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
