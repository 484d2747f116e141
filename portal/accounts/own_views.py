"""The page of one's own organisation, in the developers' and the evaluators' zone: people and authority."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal import mail
from portal.accounts import forms
from portal.accounts.forms import organisation_choices, people_choices, role_choices
from portal.accounts.pages import DONE, STATES, Asked, Page, act_on, form_page, happened, person_page
from portal.law import statute
from portal.web import current_actor, current_time, current_zone
from secure_access import identity
from secure_access.identity import (
    Organisation,
    OrganisationKind,
    authority,
    invitations,
    organisations,
    roles,
)
from secure_access.identity.tables import Delegation
from secure_access.workflow import NotFound, Role

bp = Blueprint("own_organisation", __name__, template_folder="templates", url_prefix="/organisation")


@bp.get("")
def show() -> str:
    """Who is there, who may sign, who acts for it; the buttons for its administrators."""
    by, now = current_actor(), current_time()
    own = _own()
    people = organisations.present(g.session, own.id)
    names = {person.id: person.name for person in roles.of_organisation(g.session, own.id)}
    runs = roles.administers(by, own.id)
    delegated = authority.delegations(g.session, own.id)
    return render_template(
        "accounts/own.html",
        own=own,
        runs=runs,
        people=[(person, identity.roles_of(g.session, person.id)) for person in people],
        invited=invitations.open_invitations(g.session, own.id) if runs else [],
        entities=organisations.entities(g.session, own.id),
        authorities=[
            (row, names.get(row.officer_id, ""), authority.stands(row, now))
            for row in authority.authorities(g.session, own.id)
        ],
        delegations=[
            (row, _other(_partner(row, own)), authority.stands(row, now)) for row in delegated
        ],
        relations=[
            (row, _other(row.other_id), _other(row.organisation_id))
            for row in organisations.relations(g.session, own.id)
        ],
        due=organisations.due_on(g.session, own),
        today=now.date(),
        now=now,
        events=happened(g.session, identity.organisation_subject(own.id))[:20] if runs else [],
        states=STATES,
        scope=authority.SCOPE,
    )  # fmt: skip


@bp.route("/invite", methods=["GET", "POST"])
def invite() -> Page:
    """Invite a colleague."""
    own = _run()
    form = forms.InviteForm(request.form if request.method == "POST" else None)
    form.roles.choices = role_choices(roles.ROLES_OF[OrganisationKind(own.kind)])
    asked = Asked(
        "Invite a colleague",
        "Send the invitation",
        _back(),
        "The invitation is sent. Its link works once, for seven days.",
        "The person gets a link by mail. Whoever has an account with this address accepts with that account.",
    )
    return form_page(asked, form, lambda: invitations.invite(
        g.session, wanted=form.wanted(own), key=mail.link_key(current_zone().wired), **_by()
    ))  # fmt: skip


@bp.post("/invitations/<uuid:invitation_id>/withdraw")
def withdraw(invitation_id: uuid.UUID) -> Response:
    """Withdraw an invitation."""
    row = invitations.load(g.session, invitation_id, by=current_actor(), for_update=True)
    invitations.withdraw(g.session, invitation=row, **_by())
    return _to("The invitation is withdrawn. Its link leads nowhere now.")


@bp.post("/confirm")
def confirm() -> Response:
    """Say that everybody on the list is still there."""
    shown = [uuid.UUID(raw) for raw in request.form.getlist("person") if _is_id(raw)]
    organisations.confirm(g.session, organisation=_run(), shown=shown, **_by())
    return _to("Confirmed. You are asked again in a year.")


@bp.route("/settings", methods=["GET", "POST"])
def settings() -> Page:
    """Mail domains and second contact."""
    own = _run()
    form = forms.SettingsForm(
        request.form if request.method == "POST" else None,
        mail_domains=", ".join(own.mail_domains),
        contact_email=own.contact_email,
    )
    asked = Asked("Mail domains and second contact", "Keep both", _back(), "Both are kept.")
    return form_page(asked, form, lambda: organisations.describe(
        g.session,
        organisation=own,
        mail_domains=(form.mail_domains.data or "").split(","),
        contact_email=form.contact_email.data or "",
        **_by(),
    ))  # fmt: skip


@bp.route("/entities/new", methods=["GET", "POST"])
def claim() -> Page:
    """Name a legal entity."""
    own = _run()
    if own.kind is not OrganisationKind.DEVELOPER:
        raise NotFound
    form = forms.EntityForm(request.form if request.method == "POST" else None)
    form.regimes.choices = [(pack.id, pack.short, pack.name) for pack in statute.regimes()]
    asked = Asked(
        "Name a legal entity",
        "Ask for verification",
        _back(),
        "Asked. The authority compares it with a register before you can submit for it.",
        "The authority verifies once that the entity is yours. Until then you can draft and not submit.",
    )
    return form_page(
        asked, form, lambda: organisations.claim(g.session, organisation=own, new=form.stated(), **_by())
    )


@bp.route("/authorities/new", methods=["GET", "POST"])
def record_authority() -> Page:
    """Record that an officer may sign."""
    own = _run()
    form = forms.AuthorityForm(request.form if request.method == "POST" else None)
    officers = [
        person
        for person in identity.people_with(g.session, Role.CERTIFYING_OFFICER)
        if person.organisation_id == own.id
    ]
    form.officer.choices = people_choices(officers)
    asked = Asked(
        "Record an authority to sign",
        "Record the authority",
        _back(),
        "Recorded. It is asked for at the moment of each signature.",
        "Nobody records their own. Once one is recorded, only officers with an authority can sign.",
    )
    return form_page(
        asked, form, lambda: authority.record(g.session, organisation_id=own.id, new=form.stated(), **_by())
    )


@bp.route("/authorities/<uuid:authority_id>/revoke", methods=["GET", "POST"])
def revoke_authority(authority_id: uuid.UUID) -> Page:
    """End an authority to sign."""
    row = authority.load(g.session, authority_id, by=current_actor(), for_update=request.method == "POST")
    form = forms.ReasonForm(request.form if request.method == "POST" else None)
    name = g.session.get_one(identity.Person, row.officer_id).name
    asked = Asked(
        f"Revoke the authority of {name}", "Revoke the authority", _back(), "Revoked. It signs nothing more.",
        "What was signed under it stands.",
    )  # fmt: skip
    return form_page(
        asked,
        form,
        lambda: authority.revoke(g.session, authority=row, reason=form.reason.data or "", **_by()),
    )


@bp.route("/delegations/new", methods=["GET", "POST"])
def delegate() -> Page:
    """Let counsel or an agent act for this developer."""
    own = _run()
    if own.kind is not OrganisationKind.DEVELOPER:
        raise NotFound
    form = forms.DelegationForm(request.form if request.method == "POST" else None)
    form.agent.choices = organisation_choices(organisations.of_kind(g.session, OrganisationKind.AGENT))
    asked = Asked(
        "Let an agent act for you",
        "Delegate",
        _back(),
        "Delegated. Every entry says by whom and for whom it was done.",
        "The agent’s people sign in with their own accounts and choose for whom they act. They never sign.",
    )
    return form_page(asked, form, lambda: authority.grant(g.session, new=form.stated(), **_by()))


@bp.route("/delegations/<uuid:delegation_id>/revoke", methods=["GET", "POST"])
def revoke_delegation(delegation_id: uuid.UUID) -> Page:
    """End a delegation at once."""
    _run()
    row = authority.delegation(
        g.session, delegation_id, by=current_actor(), for_update=request.method == "POST"
    )
    form = forms.ReasonForm(request.form if request.method == "POST" else None)
    asked = Asked(
        f"Revoke the delegation to {_other(row.agent_id)}",
        "Revoke the delegation",
        _back(),
        "Revoked. The agent’s next request is refused.",
    )
    return form_page(
        asked,
        form,
        lambda: authority.end_delegation(g.session, delegation=row, reason=form.reason.data or "", **_by()),
    )


@bp.get("/people/<uuid:person_id>")
def person(person_id: uuid.UUID) -> str:
    """A colleague: roles, sessions, what would have to be handed over."""
    found = roles.load(g.session, person_id, by=current_actor())
    return render_template(
        "accounts/person.html", **person_page(g.session, found, by=current_actor(), back=_back())
    )


@bp.post("/people/<uuid:person_id>/<act>")
def change(person_id: uuid.UUID, act: str) -> Response:
    """One of the buttons of that page."""
    found = roles.load(g.session, person_id, by=current_actor(), for_update=True)
    act_on(found, act)
    flash(DONE[act])
    return redirect(url_for(".person", person_id=person_id), 303)


def _own() -> Organisation:
    return g.session.get_one(Organisation, current_actor().organisation_id)  # type: ignore[no-any-return]


def _run() -> Organisation:
    """One's own organisation, for its administrators. Raises `NotFound` for everybody else."""
    return organisations.load(g.session, current_actor().organisation_id, by=current_actor())


def _partner(row: Delegation, own: Organisation) -> uuid.UUID:
    return row.agent_id if row.organisation_id == own.id else row.organisation_id


def _other(organisation_id: uuid.UUID) -> str:
    return str(g.session.get_one(Organisation, organisation_id).name)


def _by() -> dict[str, Any]:
    return {"by": current_actor(), "now": current_time()}


def _back() -> tuple[str, str]:
    return "Organisation", url_for(".show")


def _to(words: str) -> Response:
    flash(words)
    return redirect(url_for(".show"), 303)


def _is_id(raw: str) -> bool:
    try:
        uuid.UUID(raw)
    except ValueError:
        return False
    return True
