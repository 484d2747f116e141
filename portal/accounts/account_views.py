"""“Your account”: one's own keys, the app with codes, and the sessions that are open."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import segno
from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from portal.accounts import devices, keys, service, sso, step_up
from portal.accounts.entrance import door, provider
from portal.accounts.keys import Making
from portal.web import current_actor, current_session, current_time, current_zone
from secure_access.identity import (
    LinkedAccount,
    Method,
    Person,
    SignInSession,
    credentials,
    federation,
    person_subject,
    sessions,
    totp,
)
from secure_access.identity.credentials import Credential
from secure_access.ledger import security_log
from secure_access.workflow import Denied, NotFound

FRESH = timedelta(minutes=15)
"""How long after signing in a first key can be added, by the machine’s clock."""

bp = Blueprint("account", __name__, template_folder="templates", url_prefix="/account")

Page = str | Response | tuple[str, int]


@dataclass(frozen=True)
class KeyRow:
    """A key as the page shows it."""

    key: Credential
    kind: str
    added: str
    used: str
    waits: bool


@bp.get("")
def show() -> str:
    """Keys, app, sessions."""
    by, here, now = current_actor(), door(), datetime.now(UTC)
    rule = here.policy.rule(by.roles)
    found = credentials.of_person(g.session, person_id=by.person_id, zone=here.party.zone)
    return render_template(
        "accounts/account.html",
        rows=[_row(key, now) for key in found],
        rule=rule,
        lacking=service.lacking(g.session, by, current_session(), policy=here.policy),
        app=totp.enrolled(g.session, by.person_id),
        provider=provider(),
        links=[_link(row, now) for row in federation.of_person(g.session, by.person_id)],
        takes_code=service.takes_code(g.session, by=by, rule=rule),
        needs_code=sso.needs_code(g.session, row=current_session(), by=by, door=here),
        sessions=[_session(row, now) for row in _own_sessions()],
    )


@bp.route("/keys/new", methods=["GET", "POST"])
def add_key() -> Page:
    """Add a key."""
    if request.method == "GET":
        if sso.needs_code(g.session, row=current_session(), by=current_actor(), door=door()):
            return redirect(url_for(".first_key"), 303)
        return render_template("accounts/add_key.html", rule=door().policy.rule(current_actor().roles))
    text, name = request.form.get("made", ""), request.form.get("name", "")
    page = _confirm("credential.add", _digest(text, name), "Add a key to your account", sensitive=False)
    if page is not None:
        return page
    row = keys.add(g.session, _making(), text=text, name=name, now=current_time())
    flash(f"“{row.name}” is added. It opens this zone only." + _waiting(row))
    return redirect(url_for(".show"), 303)


@bp.post("/keys/options")
def key_options() -> Response:
    """Options with which the browser makes a key."""
    return jsonify(keys.options(g.session, _making()))


@bp.route("/keys/<uuid:key_id>", methods=["GET", "POST"])
def one_key(key_id: uuid.UUID) -> Page:
    """Name a key, or remove it."""
    by = current_actor()
    row = credentials.own(g.session, key_id, person_id=by.person_id, zone=current_zone().zone)
    if request.method == "GET":
        refusal = keys.not_removable(g.session, row, door=door(), by=by)
        return render_template("accounts/key.html", row=_row(row, datetime.now(UTC)), refusal=refusal)
    if request.form.get("do") == "remove":
        page = _confirm("credential.remove", row.digest, f"Remove “{row.name}” from your account")
        if page is None:
            keys.remove(g.session, row, door=door(), by=by, now=current_time())
            flash(f"“{row.name}” is removed. It opens nothing any more.")
    else:
        page = None
        keys.rename(g.session, row, name=request.form.get("name", ""), by=by, now=current_time())
        flash("The name is changed.")
    return page if page is not None else redirect(url_for(".show"), 303)


@bp.route("/code", methods=["GET", "POST"])
def add_app() -> Page:
    """Add an app that shows codes."""
    by = current_actor()
    keys.refuse_code(door(), by)
    sso.refuse_app(g.session, door=door(), by=by)
    if request.method == "GET":
        return _app_page(totp.fresh_secret(), wrong=False)
    secret, code = request.form.get("secret", ""), request.form.get("code", "")
    page = _confirm(
        "credential.add", _digest(secret), "Add an app with codes to your account", sensitive=False
    )
    if page is not None:
        return page
    if not keys.add_app(g.session, secret=secret, code=code, door=door(), by=by, now=current_time()):
        return _app_page(secret if keys.is_secret(secret) else totp.fresh_secret(), wrong=True), 422
    flash("The app is added. From now on you are asked for its code beside your password.")
    return redirect(url_for(".show"), 303)


@bp.post("/code/remove")
def remove_app() -> Page:
    """Forget the app."""
    page = _confirm("credential.remove", _digest("app"), "Remove the app with codes from your account")
    if page is not None:
        return page
    keys.remove_app(g.session, door=door(), by=current_actor(), now=current_time())
    flash("The app is removed. Its codes open nothing any more.")
    return redirect(url_for(".show"), 303)


@bp.post("/sessions/end")
def end_sessions() -> Response:
    """End one session, or all others."""
    here = current_session().id
    wanted = request.form.get("session", "")
    others = [row for row in _own_sessions() if row.id != here]
    chosen = others if wanted == "others" else [row for row in others if str(row.id) == wanted]
    if wanted != "others" and not chosen:
        raise NotFound
    ended = sessions.end_sessions(g.session, chosen)
    security_log.note(
        g.session,
        "session.ended",
        by=current_actor(),
        zone=current_zone().zone,
        subject=person_subject(current_actor().person_id),
        now=current_time(),
        sessions=ended,
    )
    flash("Ended: one session." if ended == 1 else f"Ended: {ended} sessions.")
    return redirect(url_for(".show"), 303)


def ago(at: datetime, now: datetime) -> str:
    """How long ago, in words: the clock of a practice instance may be moved, and sessions live by another."""
    minutes = int((now - at).total_seconds()) // 60
    for size, unit in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        count = minutes // size
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _confirm(action: str, shown: str, words: str, *, sensitive: bool = True) -> tuple[str, int] | None:
    """Ask for a key, unless the person came with a code that is for adding one."""
    by = current_actor()
    if action == "credential.add" and current_session().method == Method.FIRST_KEY:
        return None
    if action == "credential.add" and sso.needs_code(g.session, row=current_session(), by=by, door=door()):
        raise sso.NEEDS_CODE
    keys_ = credentials.of_person(g.session, person_id=by.person_id, zone=current_zone().zone)
    if action == "credential.add" and not keys_:
        # Nothing else can be asked for: whoever took a session over does not get a key of their own by it.
        if datetime.now(UTC) - current_session().started_at > FRESH:
            raise Denied(
                "You signed in a while ago, and a first key is added right after signing in.",
                "Sign out, sign in again, and add the key then.",
            )
        return None
    return step_up.asked(
        step_up.Act(action, person_subject(by.person_id), shown, words, by.name, sensitive=sensitive)
    )


def _making() -> Making:
    settings = current_zone().wired.settings
    return Making(current_actor(), current_session().id, door(), settings.key_models)


def _own_sessions() -> list[SignInSession]:
    return sessions.of_person(g.session, person_id=current_actor().person_id, zone=current_zone().zone)


def _session(row: SignInSession, now: datetime) -> dict[str, object]:
    return {
        "id": str(row.id),
        "device": devices.in_words(row.agent),
        "how": row.method.label,
        "started": ago(row.started_at, now),
        "seen": ago(row.seen_at, now),
        "here": row.id == current_session().id,
    }


def _row(key: Credential, now: datetime) -> KeyRow:
    return KeyRow(
        key,
        kind="Can be copied between devices" if key.synced else "Stays on its device",
        added=ago(key.added_at, now),
        used=ago(key.last_used_at, now) if key.last_used_at else "never",
        waits=key.usable_sensitive_from > now,
    )


def _link(row: LinkedAccount, now: datetime) -> dict[str, object]:
    return {
        "id": row.id,
        "issuer": row.issuer,
        "linked": ago(row.linked_at, now),
        "used": ago(row.last_used_at, now) if row.last_used_at else "never",
        "refusal": sso.not_unlinkable(g.session, row, door=door(), by=current_actor()),
    }


def _waiting(row: Credential) -> str:
    if row.usable_sensitive_from <= row.added_at:
        return ""
    return f" {step_up.waits(door().policy.wait)}"


def _app_page(secret: str, *, wrong: bool) -> str:
    person = g.session.get_one(Person, current_actor().person_id)
    address = totp.address(secret, email=person.email, issuer=current_zone().wired.settings.product)
    picture = segno.make(address, error="m", micro=False).svg_inline(
        omitsize=True, svgclass="qr", lineclass=None
    )
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return render_template(
        "accounts/add_code.html",
        secret=secret,
        groups=groups,
        picture=Markup(picture),  # noqa: S704 - drawn by segno from an address that we quote
        wrong=wrong,
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
