"""The pages of single sign-on: out to the provider, back from it, and what it ends.

A form never leads to the provider: browsers hold forms to this host (`form-action`), also through redirects.
Pages lead there by links. While the provider is asked, no transaction is open.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import structlog
from flask import flash, g, jsonify, redirect, render_template, request, url_for
from flask import session as cookie
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import web
from portal.accounts import invitation_views, sso, step_up
from portal.accounts.account_views import bp as account
from portal.accounts.entrance import door, here_only, party, provider
from portal.accounts.sso_client import Begun, Metadata, ProviderClient, Refused, Unreachable
from portal.web import current_actor, current_session, current_time, current_zone, let_go, separately
from secure_access import identity
from secure_access.identity import challenges, credentials
from secure_access.identity.challenges import Bound, Purpose
from secure_access.identity.id_tokens import BadToken
from secure_access.workflow import Denied, NotFound

log = structlog.get_logger(__name__)

bp = invitation_views.bp
Page = Response | tuple[str, int]

_COOKIE = "sso"


@dataclass(frozen=True)
class Errand:
    """Why a browser goes to the provider: to sign in and go to ``next``, to accept an invitation, or to link.

    It waits in the browser's own cookie, so that an answer counts only where the question was asked.
    """

    state: str
    next: str = "/"
    invitation: str = ""
    linking: bool = False

    def bound(self) -> Bound:
        """What the state is bound to: a linking belongs to one person in one session."""
        if not self.linking:
            return Bound(Purpose.SSO, current_zone().zone)
        row = current_session()
        return Bound(Purpose.SSO, row.zone, row.person_id, row.id)


class Problem(Exception):
    """A sign-in at the provider that leads to nothing, in words for the person: why, and what to do next."""

    def __init__(self, reason: str, fix: str, status: int = 403) -> None:
        super().__init__(reason)
        self.reason, self.fix, self.status = reason, fix, status


@bp.get("/sign-in/sso")
def sso_begin() -> Page:
    """Go to the provider to sign in."""
    if current_user.is_authenticated:
        return redirect("/", 303)
    return _go(next=here_only(request.args.get("next", "/")))


@bp.get("/invitation/<token>/sso")
def sso_accept(token: str) -> Page:
    """Go to the provider to accept an invitation with the account there."""
    found = invitation_views.found_by(token)
    if current_user.is_authenticated:
        raise Denied("Somebody is signed in here.", "Sign out, then open the link again.")
    sso.refuse_invitation(g.session, found, door())
    return _go(invitation=token)


@account.post("/linked/new")
def sso_link() -> Page:
    """Confirm with a key that an account at the provider is to be linked; a link leads there."""
    by, here, of = current_actor(), door(), _client().provider
    if not credentials.of_person(g.session, person_id=by.person_id, zone=here.party.zone):
        raise Denied("A link is confirmed with a key, and you have none.", "Add a key first.")
    sso.refuse_link(here, by)
    shown = hashlib.sha256(f"link\0{of.issuer}".encode()).hexdigest()
    words = f"Link an account at {of.name} to your account"
    asked = step_up.asked(step_up.Act("credential.add", f"person:{by.person_id}", shown, words, by.name))
    if asked is not None:
        return asked
    row = current_session()
    state = challenges.issue(g.session, Bound(Purpose.SSO, row.zone, row.person_id, row.id))
    cookie[_COOKIE] = asdict(Errand(state.hex(), linking=True))
    return render_template("accounts/sso_leave.html", name=of.name), 200


@account.get("/linked/go")
def sso_go() -> Page:
    """Go to the provider to say which account is to be linked."""
    errand = _waiting()
    if errand is None or not errand.linking:
        raise NotFound
    let_go()
    return _led(errand)


@bp.get("/sign-in/sso/return")
def sso_return() -> Page:
    """Back from the provider: check what it says, and do what the browser went there for."""
    errand = _waiting()
    let_go()
    try:
        begun = _ours(errand)
        assert errand is not None, "an answer without a question is not ours"
        return _arrived(errand, _said(begun))
    except Problem as problem:
        return _problem(problem)


@bp.post("/sign-in/sso/logout")
@web.signed
def sso_logout() -> tuple[Response, int]:
    """Back-channel logout: the provider's server ends sessions, proved by a logout token alone."""
    client = _client()
    token = request.form.get("logout_token", "")
    let_go()
    try:
        logout = client.logout_by(token)
        with separately() as own:
            sso.log_out(own, logout, zone=current_zone().zone, now=current_time())
    except (BadToken, Denied) as problem:
        log.warning("sso.logout_refused", reason=str(problem))
        return jsonify(error="invalid_request", error_description=str(problem)), 400
    except Unreachable as problem:
        log.warning("sso.unreachable", reason=str(problem))
        return jsonify(error="temporarily_unavailable"), 503
    return jsonify({}), 200


@bp.get("/sign-in/sso/left")
def sso_left() -> Page:
    """After signing out: the session at the provider goes on, and may be ended too."""
    client = _client()
    let_go()
    try:
        where = client.metadata().end_session
    except Unreachable as problem:
        log.warning("sso.unreachable", reason=str(problem))
        where = ""
    back = party().origin + url_for("accounts.sign_in")
    asked = urlencode({"client_id": client.provider.client_id, "post_logout_redirect_uri": back})
    address = f"{where}{'&' if '?' in where else '?'}{asked}" if where else ""
    return render_template("accounts/sso_left.html", name=client.provider.name, address=address), 200


def _client() -> ProviderClient:
    """The provider of this zone. Raises `NotFound` where none is set."""
    zone, of = current_zone(), provider()
    if of is None:
        raise NotFound
    made: ProviderClient | None = zone.extensions.get(_COOKIE)
    if made is None:
        made = ProviderClient(of, party().origin + url_for("accounts.sso_return"))
        zone.extensions[_COOKIE] = made
    return made


def _go(**errand: Any) -> Page:
    _client()
    let_go()
    with separately() as own:
        state = challenges.issue(own, Bound(Purpose.SSO, current_zone().zone))
    new = Errand(state.hex(), **errand)
    cookie[_COOKIE] = asdict(new)
    return _led(new)


def _led(errand: Errand) -> Page:
    try:
        return redirect(_client().address_to_sign_in(_begun(errand)), 303)
    except Unreachable as problem:
        return _problem(_unreachable(problem))


def _begun(errand: Errand) -> Begun:
    return Begun(bytes.fromhex(errand.state), current_zone().wired.secrets[current_zone().zone])


def _waiting() -> Errand | None:
    """What this browser went to the provider for. The cookie is signed: what is in it came from here."""
    kept = cookie.get(_COOKIE)
    return Errand(**kept) if kept else None


def _ours(errand: Errand | None) -> Begun:
    """That this is the answer to a question of this browser, for the first time. Raises `Problem`."""
    state = request.args.get("state", "")
    again = "Go to the sign-in page and begin again."
    if errand is None or not hmac.compare_digest(state.encode(), errand.state.encode()):
        raise Problem("This answer does not belong to a sign-in that began in this browser.", again)
    cookie.pop(_COOKIE)
    if errand.linking and not current_user.is_authenticated:
        raise Problem("You were signed out before you came back. Nothing was linked.", again)
    begun = _begun(errand)
    with separately() as own:
        if challenges.take(own, errand.bound(), begun.state) is None:
            raise Problem("This sign-in took longer than five minutes, or was used before.", again)
    return begun


def _said(begun: Begun) -> sso.Arrival:
    """What the provider says, checked. Raises `Problem`."""
    client = _client()
    name = client.provider.name
    try:
        _check_sender(client.metadata(), client.provider.issuer)
        if "code" not in request.args:
            raise Problem(f"{name} did not sign you in.", "Begin again, or use another way to sign in.")
        said = client.said_by(client.exchange(request.args["code"], begun), begun)
    except Unreachable as problem:
        raise _unreachable(problem) from problem
    except Refused as problem:
        log.warning("sso.refused", reason=str(problem))
        raise Problem(
            f"{name} did not confirm who you are.",
            "Begin again. If it happens again, tell your administrator.",
        ) from problem
    except BadToken as problem:
        log.warning("sso.bad_token", reason=str(problem))
        raise Problem(
            f"What {name} sent is not accepted. {problem}",
            f"Sign out at {name} and begin again. If it happens again, tell your administrator.",
        ) from problem
    here = door()
    let_go()  # what is written separately is read after this
    return sso.Arrival(said, request.user_agent.string, here, current_time())


def _check_sender(metadata: Metadata, issuer: str) -> None:
    """RFC 9207: an answer says whose it is where the provider announces that. Raises `BadToken`."""
    named = request.args.get("iss")
    if named != issuer and (metadata.names_itself or named is not None):
        raise BadToken("The answer comes from another provider, or does not say from which.")


def _arrived(errand: Errand, arrival: sso.Arrival) -> Page:
    if errand.linking:
        return _linked(arrival)
    if current_user.is_authenticated:
        return redirect("/", 303)
    with separately() as own:
        if errand.invitation:
            found = invitation_views.found_by(errand.invitation, for_update=True, session=own)
            entered: str | None = sso.join(own, found=found, arrival=arrival)
        else:
            entered = sso.enter(own, arrival)
    if entered is None:
        raise Problem(
            "The account you signed in with there opens nothing here.",
            "Were you invited? Open the link in the mail and choose single sign-on there. Have you an "
            "account here? Sign in with it, and link the other under “Your account”. Else ask your "
            "administrator.",
        )
    web.sign_in(entered)
    return redirect(errand.next, 303)


def _linked(arrival: sso.Arrival) -> Page:
    with separately() as own:
        sso.link(own, arrival, by=identity.actor(own, current_actor().person_id))
    flash("It is linked. From now on you can sign in with it.")
    return redirect(url_for("account.show"), 303)


def _unreachable(problem: Unreachable) -> Problem:
    log.warning("sso.unreachable", reason=str(problem))
    name = _client().provider.name
    return Problem(
        f"{name} does not answer as it should, so it cannot say who you are. Nothing was changed.",
        "Try again in a few minutes, or use another way to sign in: a key, or a password where you have one.",
        503,
    )


def _problem(problem: Problem) -> Page:
    page = render_template("accounts/sso_problem.html", reason=problem.reason, fix=problem.fix)
    return page, problem.status
