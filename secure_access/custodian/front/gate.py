"""What every request passes: host, origin of a POST, size; and what every answer says to browsers."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

COOKIE = "__Host-custodian"
PORTAL = "/portal"
"""Where the portal asks. It is no browser: its question counts by its signature, and by nothing else."""
LARGEST_BODY, LARGEST_PART = 64 * 1024, 1024 * 1024
"""Bytes of a request: of an act, and of a part of a sealed file."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: a browser then sends no origin with a form, and nobody could leave.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Cache-Control": "no-store",
}


def guard(app: Flask) -> None:
    """Put the gate before everything that the app answers."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.before_request(_checked)
    app.after_request(_headed)


def origin() -> str:
    """The one origin that is served."""
    return str(current_app.config["ORIGIN"])


def _checked() -> ResponseReturnValue | None:
    """Before any body is read: this host alone, and a POST only from a page of this origin."""
    if request.host != urlsplit(origin()).netloc:
        abort(421)
    if request.method in ("GET", "HEAD") or request.path == PORTAL:
        return None
    # Browsers name the origin of every POST; what names none is not a page of ours.
    if request.headers.get("Origin") != origin():
        abort(403)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        abort(403)
    return None


def _headed(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def visit() -> str:
    """The secret of the visit that the cookie names; one that is none, without it."""
    return request.cookies.get(COOKIE, "")[:100] or "none"


def remember(response: Response, token: str, seconds: int) -> None:
    """Give the browser the secret of its visit."""
    response.set_cookie(COOKIE, token, max_age=seconds, secure=True, httponly=True, samesite="Strict")


def forget(response: Response) -> None:
    """Take it back."""
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Strict")
