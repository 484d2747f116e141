"""Refusals and faults become pages: what happened, why, what to do next. The log gets the rest."""

from __future__ import annotations

import uuid

import structlog
from flask import g, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from portal.upload import MAX_FILES
from portal.web import SignedIn, Zone, current_zone, separately
from secure_access.db import TooLong
from secure_access.ledger import security_log
from secure_access.workflow import Denied, NotFound

security_log.declare_kind(
    "act.refused",
    "An act was refused, and the page said why. The subject is the method and the address asked for.",
)
security_log.declare_kind(
    "page.not_found",
    "Somebody who is signed in asked for what does not exist, or not for them. The subject is the method and "
    "the address asked for.",
)

log = structlog.get_logger(__name__)


def install(app: Zone) -> None:
    """Register the handlers on a zone's app."""
    app.register_error_handler(Denied, _denied)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(404, _not_found)
    app.register_error_handler(405, _not_found)
    app.register_error_handler(security_log.NotLogged, _not_logged)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(TooLong, _too_long)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)


def signed_out_page() -> tuple[str, int]:
    """For a form that arrives after its session has ended: nothing was changed, nothing typed is lost."""
    return _page(
        401,
        "You are signed out",
        "Your session ended before this form arrived. Nothing was changed.",
        "Sign in again in another tab, then come back to this one and reload it: "
        "your browser sends the form again, with everything you typed.",
    )


def record_refusal(kind: str, *, subject: str = "") -> None:
    """Write a refusal to the security log, in its own transaction, after the request's was rolled back.

    Where it cannot be written the alarm is raised, and the refusal stands: nothing is done that it refused.
    """
    signed_in = current_user.is_authenticated
    try:
        with separately() as session:
            security_log.note(
                session,
                kind,
                by=current_user.actor
                if signed_in and isinstance(current_user._get_current_object(), SignedIn)
                else None,
                zone=current_zone().zone,
                subject=subject or f"{request.method} {_path()}"[:200],
                now=current_zone().wired.clock.now(),
            )
    except security_log.NotLogged:
        pass  # the alarm was raised where it failed
    except SQLAlchemyError:
        current_zone().wired.alarm(kind)  # there was no transaction to write it in, or no end to it


def _path() -> str:
    """The path asked for; of a single-use link without its token, which may still be good."""
    return "/invitation/…" if request.path.startswith("/invitation/") else request.path


def _denied(error: Denied) -> tuple[str, int]:
    record_refusal("act.refused")
    return _page(
        403, "This cannot be done now", error.reason, error.fix or "Go back to see what can be done instead."
    )


def _not_found(_error: Exception) -> tuple[str, int]:
    if current_user.is_authenticated:
        record_refusal("page.not_found")
    return _page(
        404,
        "There is no such page",
        "The address is wrong, or what it named is not there for you.",
        "Check the address, or start again from the first page.",
    )


def _not_logged(error: security_log.NotLogged) -> tuple[str, int]:
    log.error("request.not_logged", endpoint=request.endpoint, exc_info=error)
    return _page(
        503,
        "This cannot be logged, so it was not done",
        "The security log does not take the row that this act has to leave. Nothing was changed.",
        "Whoever runs this instance is alarmed. Try again later; your browser still has what you typed.",
    )


def _stale_form(_error: CSRFError) -> tuple[str, int]:
    return _page(
        400,
        "This form is out of date",
        "It was opened in another session, or the browser did not send its cookie. Nothing was changed.",
        "Go back, reload the page and send the form again.",
    )


def _too_large(_error: RequestEntityTooLarge) -> tuple[str, int]:
    limit = current_zone().config["MAX_CONTENT_LENGTH"] // 2**20
    return _page(
        413,
        "The file is too large",
        f"One request may hold {limit} MiB and {MAX_FILES} files. Nothing was kept.",
        "Split the material into several files, and attach them one after another.",
    )


def _too_long(error: TooLong) -> tuple[str, int]:
    return _page(
        422,
        "An answer is too long",
        f"“{error.column.replace('_', ' ').capitalize()}” takes at most {error.limit:,} characters. "
        "Nothing was changed.",
        "Go back: your browser still has what you typed. Shorten that answer, then send the form again.",
    )


def _http(error: HTTPException) -> tuple[str, int]:
    return _page(
        error.code or 500,
        "The request could not be read",
        "Something in it was not as expected. Nothing was changed.",
        "Go back, reload the page and try again.",
    )


def _fault(error: Exception) -> tuple[str, int]:
    incident = uuid.uuid4().hex[:10]
    log.error("request.failed", incident=incident, endpoint=request.endpoint, exc_info=error)
    return _page(
        500,
        "Something went wrong on our side",
        "Nothing was changed: what was begun has been rolled back.",
        f"Try again in a minute. If it happens again, report it with this number: {incident}.",
    )


def _page(status: int, title: str, reason: str, fix: str) -> tuple[str, int]:
    shown = render_template(
        "error.html", title=title, reason=reason, fix=fix, status=status, typed=g.get("typed", [])
    )
    return shown, status
