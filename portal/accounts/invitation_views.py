"""The page behind an invitation's link, and the page on which an agent says for whom they act."""

from __future__ import annotations

import uuid
from typing import cast

from flask import flash, g, redirect, render_template, request, url_for
from flask_login import current_user

from portal import mail
from portal.accounts import forms, sso
from portal.accounts.entrance import door, provider
from portal.accounts.pages import Page
from portal.accounts.views import bp
from portal.web import ZONE_OF, SignedIn, current_time, current_zone
from secure_access import identity, jobs
from secure_access.db import Session
from secure_access.identity import Actor, Organisation, OrganisationKind, delegation, invitations, proposals
from secure_access.identity.invitations import Opened
from secure_access.identity.tables import InvitationPurpose
from secure_access.workflow import NotFound, Role


@bp.get("/invitation/<token>")
def invitation(token: str) -> Page:
    """Who invites whom to what, and what has to be done to accept."""
    return _page(token, found_by(token), forms.PasswordForm())


@bp.post("/invitation/<token>")
def accept(token: str) -> Page:
    """Accept it, once."""
    found = found_by(token, for_update=True)
    form = forms.PasswordForm(request.form)
    if found.needs_password and not form.check():
        return cast(str, _page(token, found, form, form.problems())), 422
    hashed = ""
    if found.needs_password:
        hashed = current_zone().wired.hasher.hash(form.password.data or "")
    person = invitations.accept(
        g.session, found=found, by=_signed_in(), password_hash=hashed, now=current_time()
    )
    if found.needs_password or found.invitation.purpose is InvitationPurpose.RESET:
        jobs.add(g.session, proposals.CHANGED, str(person.id))
    if _signed_in() is not None:
        flash("Done. Your new roles count from now on.")
    else:
        flash(f"Done. {_next(found.organisation, identity.roles_of(g.session, person.id))}")
    return redirect(url_for("accounts.sign_in"), 303)


def _next(organisation: Organisation, held: list[Role]) -> str:
    """What somebody does to get in once they have a password: the policy of their roles says."""
    if not door().policy.rule(held).keys:
        return "Sign in now."
    return mail.first_key(g.session, current_zone().wired, organisation, held)


@bp.route("/for", methods=["GET", "POST"])
def for_whom() -> Page:
    """For which developer an agent acts in this session."""
    if not current_user.is_authenticated:
        return redirect(url_for("accounts.sign_in", next="/for"), 303)
    signed_in = cast(SignedIn, current_user._get_current_object())
    now = current_time()
    found = delegation.offered(g.session, signed_in.actor.person_id, now=now)
    own = identity.actor(g.session, signed_in.actor.person_id)
    if not own.holds(Role.AGENT):
        raise NotFound
    if request.method == "POST":
        _choose(signed_in, request.form.get("delegation", ""), [row.id for row in found])
        return redirect("/", 303)
    return render_template(
        "accounts/for_whom.html",
        own=own,
        acting=signed_in.actor.agency,
        rows=[(row, g.session.get_one(Organisation, row.organisation_id)) for row in found],
        scope=delegation.SCOPE,
    )


def _choose(signed_in: SignedIn, raw: str, offered: list[uuid.UUID]) -> None:
    zone = current_zone().zone
    row = identity.live_session(g.session, token=signed_in.token, zone=zone)
    chosen = next((one for one in offered if str(one) == raw), None)
    if row is None or (raw and chosen is None):
        raise NotFound
    row.delegation_id = chosen
    g.session.add(row)


def found_by(token: str, *, for_update: bool = False, session: Session | None = None) -> Opened:
    """The invitation behind a token, in the zone of its organisation alone. Raises `NotFound`, `Denied`."""
    found = invitations.opened(session or g.session, token, now=current_time(), for_update=for_update)
    if ZONE_OF[OrganisationKind(found.organisation.kind)] != current_zone().zone:
        raise NotFound
    return found


def _page(token: str, found: Opened, form: forms.PasswordForm, problems: object = ()) -> Page:
    by = _signed_in()
    stranger = by is not None and (found.account is None or by.person_id != found.account.id)
    return render_template(
        "accounts/invitation.html",
        token=token,
        found=found,
        form=form,
        problems=problems,
        signed_in=by,
        stranger=stranger,
        provider=provider() if sso.offered(g.session, found, door()) else None,
        reset=found.invitation.purpose is InvitationPurpose.RESET,
        roles=[Role(role).label for role in found.invitation.roles],
    )


def _signed_in() -> Actor | None:
    return cast(SignedIn, current_user).actor if current_user.is_authenticated else None


__all__ = ["bp"]
