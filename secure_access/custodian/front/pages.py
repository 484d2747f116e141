"""The pages that are only looked at. What they show is what the core answers for the visit of the cookie."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.front import gate
from secure_access.custodian.server import CoreClient
from secure_access.workflow import NotFound

routes = Blueprint("pages", __name__)
DIGEST = "<string(length=64):digest>"
NO_MORE = {
    "waiting": "It waits for its approvals. When the second is given, you can read here.",
    "telling_the_developer": (
        "The developer is being told first. If it stays so for minutes, the mail cannot be sent: tell the"
        " custodian’s operator."
    ),
    "refused": "An approver refused it. Whoever asked for the access can have another one offered.",
    "revoked": "It was revoked. Nothing of it can be opened any more.",
    "ended": "It has ended. Nothing of it can be opened any more.",
}
"""Why a grant opens nothing, to its reader."""
LAPSED = "It was not approved before its dates passed. Another has to be offered."
GONE = "The key of this plan was destroyed. Nothing of it can be opened any more."


def core() -> CoreClient:
    """The core behind this front."""
    found: CoreClient = current_app.config["CORE"]
    return found


def house(app: Flask) -> dict[str, Any]:
    """What every page says of the place, without asking the core."""
    origin = str(app.config["ORIGIN"])
    return {"authority": app.config["AUTHORITY"], "host": origin.partition("://")[2]}


def custody() -> dict[str, Any]:
    """What every page says of custody: whom it believes, whether witnesses watch, whether it serves."""
    state = core().ask("state")
    try:
        about = core().ask("about")
    except Refused as refused:
        if refused.why is not Why.NOT_SET_UP:
            raise
        about = {}
    demonstration = state["custody"] != "separated custody"
    return {**house(current_app), "about": about, "state": state, "demonstration": demonstration}


def doorstep() -> ResponseReturnValue:
    """What anybody sees who has not entered, at whatever address."""
    return render_template("door.html", **custody())


@routes.get("/favicon.ico")
def icon() -> ResponseReturnValue:
    """None: browsers ask for it unasked."""
    return "", 204


@routes.get("/")
def desk() -> ResponseReturnValue:
    """What waits for the visitor; for anybody else, what this place is."""
    page = core().ask("page.desk", visit=gate.visit())
    recertifications = core().ask("page.recertifications", visit=gate.visit())
    return render_template("desk.html", **custody(), **page, recertifications=recertifications)


@routes.get(f"/grants/{DIGEST}")
def grant(digest: str) -> ResponseReturnValue:
    """The page on which a grant is approved, refused or revoked."""
    page = _asked("page.grant", grant=digest)
    due = _asked("page.recertification_of", grant=digest)
    return render_template("grant.html", **custody(), **page, **due)


@routes.get(f"/readers/{DIGEST}")
def reader(digest: str) -> ResponseReturnValue:
    """The page on which an approver recertifies a reader."""
    return render_template("reader.html", **custody(), **_asked("page.reader", reader=digest))


@routes.get(f"/plans/{DIGEST}")
def plan(digest: str) -> ResponseReturnValue:
    """A plan, for an officer of its developer, or for approvers, who keep and destroy it."""
    page = _asked("page.plan", plan=digest)
    if not page["officer"]:
        return render_template("keeping.html", **custody(), **page)
    key = "" if page["destroyed"] else core().ask("plan_key", plan=digest)["key"]
    return render_template("plan.html", **custody(), **page, key=key)


@routes.get(f"/plans/{DIGEST}/certificate")
def certificate(digest: str) -> ResponseReturnValue:
    """The signed certificate of destruction, as a file."""
    found = _asked("page.certificate", plan=digest)
    name = f"destruction-certificate-{digest[:16]}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Type": "application/json"}
    return Response(base64.b64decode(found["certificate"]), headers=headers)


@routes.get(f"/read/{DIGEST}")
def read(digest: str) -> ResponseReturnValue:
    """The reading room of one grant, for its reader; to everybody else there is none."""
    page = _asked("page.grant", grant=digest)
    if not page["mine"]:
        raise NotFound
    shut = GONE if page["gone"] else NO_MORE.get(page["standing"], "")
    if page["passed"] and (not shut or page["standing"] == "waiting"):
        shut = LAPSED if page["standing"] == "waiting" else NO_MORE["ended"]
    if not shut and not page["begun"]:
        shut = f"It begins on {page['from']}. Then you can read here."
    if not shut and page["paused"]:
        shut = "The developer has paused access to this plan. It goes on when they resume it."
    own = core().ask("page.recertifications", visit=gate.visit())["own"]
    if not shut and own.get("overdue"):
        shut = own["words"]
    return render_template("read.html", **custody(), **page, shut=shut)


def _asked(do: str, **fields: str) -> dict[str, Any]:
    """What the core shows this visitor. Something that is no digest is not there either."""
    try:
        return core().ask(do, visit=gate.visit(), **fields)
    except Refused as refused:
        if refused.why is Why.MALFORMED:
            raise NotFound from None
        raise
