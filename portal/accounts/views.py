"""The sign-in page and the way out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import web
from portal.accounts import service

LONGEST_TARGET = 400

bp = Blueprint("accounts", __name__, template_folder="templates")


@bp.get("/sign-in")
def sign_in() -> str | Response:
    """Ask for e-mail and password; the door on the start page fills in the e-mail."""
    if current_user.is_authenticated:
        return redirect("/", 303)
    return _page(email=request.args.get("as", ""), wrong=False)


@bp.post("/sign-in")
def sign_in_with_password() -> str | Response | tuple[str, int]:
    """Check them, and go where the person was going."""
    email = request.form.get("email", "")
    zone = web.current_zone()
    attempt = service.Attempt(email, request.form.get("password", ""), zone.zone, request.remote_addr or "")
    found = service.sign_in(g.session, attempt=attempt, hasher=zone.wired.hasher, now=web.current_time())
    if found is None:
        return _page(email=email, wrong=True), 422
    web.sign_in(*found)
    return redirect(_here_only(request.form.get("next", "/")), 303)


@bp.post("/sign-out")
def sign_out() -> Response:
    """End the session at once, on the server."""
    web.sign_out()
    return redirect("/sign-in", 303)


def _page(*, email: str, wrong: bool) -> str:
    target = request.values.get("next", "/")
    return render_template("accounts/sign_in.html", email=email, wrong=wrong, target=_here_only(target))


def _here_only(target: str) -> str:
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
