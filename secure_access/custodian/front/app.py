"""The app of the front: which routes there are, and how refusals read.

It asks the core for everything over a Unix socket. Serving: `assay custodian front`.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from secure_access.custodian import logs
from secure_access.custodian.acts import NotConfirmed
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.front import (
    acting,
    carrying,
    delivering,
    enrolling,
    gate,
    mailing,
    noting,
    pages,
    phrases,
    sittings,
)
from secure_access.custodian.server import CoreClient, Pulse
from secure_access.workflow import NotFound

log = structlog.get_logger(__name__)

ORIGIN, SOCKET, AUTHORITY = "ASSAY_CUSTODIAN_ORIGIN", "ASSAY_CUSTODIAN_SOCKET", "ASSAY_AUTHORITY"
STATIC = Path(__file__).parents[1] / "static"
ELSEWHERE = "This address is not served here. Open the custodian at its own address.\n"
SILENT = "The custodian does not answer at present. Nothing is lost, and nothing is served meanwhile."
TITLES = {
    404: (
        "There is nothing here for you",
        "It does not exist, or it is not yours to see.",
    ),
    405: ("This cannot be done here", "Open the page again and use its buttons."),
    413: ("Too much was sent", "Nothing of it was kept."),
    403: ("Not from a page of the custodian", "Nothing was done. Open the custodian itself and try there."),
}


def create_app(origin: str, core: CoreClient, authority: str = "") -> Flask:
    """The front of one origin, such as ``https://custodian.example``, before one core."""
    app = Flask(
        "custodian_front", static_folder=str(STATIC), template_folder=str(STATIC.parent / "front/templates")
    )
    app.config |= {"ORIGIN": origin, "CORE": core, "AUTHORITY": authority}
    gate.guard(app)
    for part in (pages, acting, sittings, noting, delivering, carrying, enrolling):
        app.register_blueprint(part.routes)
    app.config["ENROLLING"] = enrolling.Waiting()
    app.jinja_env.filters |= {"grouped": phrases.grouped, "marked": phrases.marked}
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(NotConfirmed, _not_confirmed)
    app.register_error_handler(NotFound, lambda _: _answer(HTTPStatus.NOT_FOUND, *TITLES[404]))
    app.register_error_handler(Unreachable, _silent)
    app.register_error_handler(HTTPException, _wrong)
    return app


def serve() -> Flask:
    """The app of a deployment, from the environment that the command sets."""
    logs.configure()
    core, mail = CoreClient(Path(os.environ[SOCKET])), mailing.Mail.read(os.environ)
    Pulse("mail", mailing.EVERY, lambda: mailing.tell(core, mail)).start()
    return create_app(os.environ[ORIGIN], core, os.environ.get(AUTHORITY, ""))


def _refused(refused: Refused) -> ResponseReturnValue:
    if refused.why is Why.NOT_ENTERED:
        if request.method == "GET":
            return pages.doorstep()
        return _answer(HTTPStatus.UNAUTHORIZED, "These pages are closed", str(refused), refused.why.value)
    return _answer(HTTPStatus.CONFLICT, "The custodian does not do this", str(refused), refused.why.value)


def _not_confirmed(refused: NotConfirmed) -> ResponseReturnValue:
    # Who stands at the door is told nothing of why: they may be anybody.
    words = acting.NOT_IN if request.endpoint == "acting.enter" else str(refused)
    why = "" if request.endpoint == "acting.enter" else refused.reason.value
    return _answer(HTTPStatus.FORBIDDEN, "Not confirmed", words, why)


def _silent(problem: Unreachable) -> ResponseReturnValue:
    log.warning("front.core_silent", problem=str(problem))
    return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "The custodian is silent", SILENT, "silent")


def _wrong(problem: HTTPException) -> ResponseReturnValue:
    if problem.code == HTTPStatus.MISDIRECTED_REQUEST:
        return ELSEWHERE, problem.code, {"Content-Type": "text/plain; charset=utf-8"}  # nothing to load there
    title, words = TITLES.get(problem.code or 500, ("This does not work", "Open the page again."))
    return _answer(HTTPStatus(problem.code or 500), title, words)


def _answer(status: HTTPStatus, title: str, words: str, why: str = "") -> ResponseReturnValue:
    """The words of a refusal: to a script as JSON, to a person as a page."""
    if request.method == "POST" and request.mimetype != "application/x-www-form-urlencoded":
        return {"words": words, "why": why}, status
    return render_template("message.html", title=title, words=words, **_around()), status


def _around() -> dict[str, Any]:
    """What stands around a refusal. A POST that was refused at the gate asks the core for nothing."""
    if request.method == "GET":
        try:
            return pages.custody()
        except (Unreachable, Refused):
            pass  # the page says why in its own words
    return pages.house(current_app)
