"""The sign-in page, with a password or a key, and the way out."""

from __future__ import annotations

from flask import Blueprint, g, jsonify, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import web
from portal.accounts import attempts, service
from portal.accounts.entrance import door, here_only, provider
from secure_access.identity import passkeys
from secure_access.workflow import Denied

bp = Blueprint("accounts", __name__, template_folder="templates")


@bp.get("/sign-in")
def sign_in() -> str | Response:
    """Ask for e-mail and password, or a key; the door on the start page fills in the e-mail."""
    if current_user.is_authenticated:
        return redirect("/", 303)
    return _page(email=request.args.get("as", ""))


@bp.post("/sign-in")
def sign_in_with_password() -> str | Response | tuple[str, int]:
    """Check them, and go where the person was going."""
    email = request.form.get("email", "")
    attempt = service.Attempt(
        email,
        request.form.get("password", ""),
        web.current_zone().zone,
        _source(),
        code=request.form.get("code", ""),
        agent=request.user_agent.string,
    )
    found = service.sign_in(g.session, attempt=attempt, door=door(), now=web.current_time())
    if found is None:
        return _page(email=email, wrong=_wrong()), 422
    return _enter(found)


@bp.post("/sign-in/key/options")
def key_options() -> Response:
    """A challenge for a key. Nobody is named, so that it is the same for everybody."""
    here = door()
    challenge = service.key_challenge(g.session, source=_source(), door=here)
    return jsonify(passkeys.options_for_use(here.party, challenge=challenge))


@bp.post("/sign-in/key")
def sign_in_with_key() -> str | Response | tuple[str, int]:
    """Check what a key signed, and go where the person was going."""
    found = service.sign_in_with_key(
        g.session,
        text=request.form.get("assertion", ""),
        source=_source(),
        agent=request.user_agent.string,
        door=door(),
        now=web.current_time(),
    )
    if found is None:
        return _page(wrong="This key opens no account in this zone, or it did not verify you"), 422
    if isinstance(found, Denied):
        return _page(wrong=found.words), 403
    return _enter(found)


@bp.post("/sign-out")
def sign_out() -> Response:
    """End the session at once, on the server."""
    by_sso = current_user.is_authenticated and web.current_session().link_id is not None
    web.sign_out()
    return redirect(url_for("accounts.sso_left" if by_sso and provider() else "accounts.sign_in"), 303)


def _enter(token: str) -> Response:
    web.sign_in(token)
    return redirect(here_only(request.form.get("next", "/")), 303)


def _source() -> str:
    return attempts.source_of(request.remote_addr or "")


def _wrong() -> str:
    if door().policy.entry_by_password:
        return "The e-mail address and the password do not belong together in this zone"
    return "E-mail address, password and code do not belong together in this zone, or this code was used"


def _page(*, email: str = "", wrong: str = "") -> str:
    target = request.values.get("next", "/")
    return render_template(
        "accounts/sign_in.html",
        email=email,
        wrong=wrong,
        target=here_only(target),
        by_password=door().policy.entry_by_password,
        provider=provider(),
    )
