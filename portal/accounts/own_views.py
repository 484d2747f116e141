"""The page of one's own organisation, in the developers' and the evaluators' zone: people and authority."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.accounts import forms, step_up
from portal.accounts.forms import organisation_choices, people_choices, regime_choices, role_choices
from portal.accounts.happened import happened
from portal.accounts.pages import (
    STATES,
    Asked,
    Page,
    by_now,
    change_person,
    first_key_page,
    form_page,
    inviting,
    led_to,
    link_key,
    organisation_name,
    own_organisation,
    person_name,
    person_page,
    sent_form,
    sent_ids,
)
from portal.law import statute
from portal.web import current_actor, current_time
from secure_access import identity
from secure_access.identity import (
    Organisation,
    OrganisationKind,
    authority,
    delegation,
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
    own = own_organisation()
    people = organisations.present(g.session, own.id)
    authorities = authority.authorities(g.session, own.id)
    names = identity.names_of(g.session, (row.officer_id for row in authorities))
    runs = roles.administers(by, own.id)
    delegated = delegation.every(g.session, own.id)
    return render_template(
        "accounts/own.html",
        own=own,
        runs=runs,
        people=[(person, identity.roles_of(g.session, person.id)) for person in people],
        invited=invitations.open_invitations(g.session, own.id) if runs else [],
        entities=organisations.entities(g.session, own.id),
        authorities=[
            (row, names[row.officer_id], authority.stands(row, now))
            for row in authorities
        ],
        delegations=[
            (row, organisation_name(_partner(row, own)), authority.stands(row, now)) for row in delegated
        ],
        relations=[
            (row, organisation_name(row.other_id), organisation_name(row.organisation_id))
            for row in organisations.relations(g.session, own.id)
        ],
        due=organisations.due_on(g.session, own),
        today=now.date(),
        now=now,
        events=happened(g.session, identity.organisation_subject(own.id))[:20] if runs else [],
        states=STATES,
        scope=delegation.SCOPE,
    )  # fmt: skip


@bp.route("/invite", methods=["GET", "POST"])
def invite() -> Page:
    """Invite a colleague."""
    own = _run()
    form = forms.InviteForm(sent_form())
    form.roles.choices = role_choices(roles.ROLES_OF[OrganisationKind(own.kind)])
    asked = Asked(
        "Invite a colleague",
        "Send the invitation",
        _back(),
        "The invitation is sent. Its link works once, for seven days.",
        "The person gets a link by mail. Whoever has an account with this address accepts with that account.",
    )
    return form_page(
        asked,
        form,
        lambda: invitations.invite(g.session, wanted=form.wanted(own), key=link_key(), **by_now()),
        confirm=lambda: inviting(own, form),
    )


@bp.post("/invitations/<uuid:invitation_id>/withdraw")
def withdraw(invitation_id: uuid.UUID) -> Response:
    """Withdraw an invitation."""
    row = invitations.load(g.session, invitation_id, by=current_actor(), for_update=True)
    invitations.withdraw(g.session, invitation=row, **by_now())
    return led_to(".show", "The invitation is withdrawn. Its link leads nowhere now.")


@bp.post("/confirm")
def confirm() -> Response:
    """Say that everybody on the list is still there."""
    organisations.confirm(g.session, organisation=_run(), shown=sent_ids("person"), **by_now())
    return led_to(".show", "Confirmed. You are asked again in a year.")


@bp.route("/settings", methods=["GET", "POST"])
def settings() -> Page:
    """Mail domains and second contact."""
    own = _run()
    form = forms.SettingsForm(
        sent_form(),
        mail_domains=", ".join(own.mail_domains),
        contact_email=own.contact_email,
    )
    asked = Asked(
        "Mail domains and second contact",
        "Keep both",
        _back(),
        "Both are kept.",
        "A second contact that you replace is told so by mail.",
    )

    def describe() -> None:
        organisations.describe(
            g.session,
            organisation=own,
            mail_domains=(form.mail_domains.data or "").split(","),
            contact_email=form.contact_email.data or "",
            **by_now(),
        )

    return form_page(
        asked,
        form,
        describe,
        confirm=lambda: step_up.Act(
            "organisation.describe",
            identity.organisation_subject(own.id),
            step_up.shown(own),
            "Change mail domains and second contact",
            f"{own.name}: mail domains {form.mail_domains.data or 'any'}, second contact "
            f"{form.contact_email.data or 'none'}",
        ),
    )


@bp.route("/entities/new", methods=["GET", "POST"])
def claim() -> Page:
    """Name a legal entity."""
    own = _run()
    if own.kind is not OrganisationKind.DEVELOPER:
        raise NotFound
    form = forms.EntityForm(sent_form())
    form.regimes.choices = regime_choices(statute.regimes())
    asked = Asked(
        "Name a legal entity",
        "Ask for verification",
        _back(),
        "Asked. The authority compares it with a register before you can submit for it.",
        "The authority verifies once that the entity is yours. Until then you can draft and not submit.",
    )
    return form_page(
        asked, form, lambda: organisations.claim(g.session, organisation=own, new=form.stated(), **by_now())
    )


@bp.route("/authorities/new", methods=["GET", "POST"])
def record_authority() -> Page:
    """Record that an officer may sign."""
    own = _run()
    form = forms.AuthorityForm(sent_form())
    officers = identity.people_with(g.session, Role.CERTIFYING_OFFICER, organisation_id=own.id)
    form.officer.choices = people_choices(officers)
    named = organisations.offered(g.session, own.id, on=current_time().date())
    form.entity.choices = [("", "All of them"), *((str(row.id), row.name) for row in named)]
    asked = Asked(
        "Record an authority to sign",
        "Record the authority",
        _back(),
        "Recorded. It is asked for at the moment of each signature.",
        "Nobody records their own. Once one is recorded, only officers with an authority can sign.",
    )
    return form_page(
        asked,
        form,
        lambda: authority.record(g.session, organisation_id=own.id, new=form.stated(), **by_now()),
        confirm=lambda: step_up.Act(
            "authority.record",
            identity.person_subject(form.stated().officer_id),
            step_up.shown(own),
            "Record an authority to sign",
            f"{person_name(form.stated().officer_id)}, {form.title.data}",
        ),
    )


@bp.route("/authorities/<uuid:authority_id>/revoke", methods=["GET", "POST"])
def revoke_authority(authority_id: uuid.UUID) -> Page:
    """End an authority to sign."""
    row = authority.load(g.session, authority_id, by=current_actor(), for_update=request.method == "POST")
    form = forms.ReasonForm(sent_form())
    name = g.session.get_one(identity.Person, row.officer_id).name
    asked = Asked(
        f"Revoke the authority of {name}", "Revoke the authority", _back(), "Revoked. It signs nothing more.",
        "What was signed under it stands.",
    )  # fmt: skip
    return form_page(
        asked,
        form,
        lambda: authority.revoke(g.session, authority=row, reason=form.reason.data or "", **by_now()),
        confirm=lambda: step_up.Act(
            "authority.revoke",
            identity.person_subject(row.officer_id),
            step_up.shown(row),
            "Revoke an authority to sign",
            f"{name}, {row.title}",
        ),
    )


@bp.route("/delegations/new", methods=["GET", "POST"])
def delegate() -> Page:
    """Let counsel or an agent act for this developer."""
    own = _run()
    if own.kind is not OrganisationKind.DEVELOPER:
        raise NotFound
    form = forms.DelegationForm(sent_form())
    agents = organisations.of_kind(g.session, OrganisationKind.AGENT)
    if not agents:
        return render_template("accounts/no_agent.html", back=_back())
    form.agent.choices = organisation_choices(agents)
    asked = Asked(
        "Let an agent act for you",
        "Delegate",
        _back(),
        "Delegated. Every entry says by whom and for whom it was done.",
        "The agent’s people sign in with their own accounts and choose for whom they act. They never sign.",
    )
    return form_page(
        asked,
        form,
        lambda: delegation.grant(g.session, new=form.stated(), **by_now()),
        confirm=lambda: step_up.Act(
            "delegation.grant",
            identity.organisation_subject(form.stated().agent_id),
            step_up.shown(own),
            "Let an agent act for you",
            organisation_name(form.stated().agent_id),
        ),
    )


@bp.route("/delegations/<uuid:delegation_id>/revoke", methods=["GET", "POST"])
def revoke_delegation(delegation_id: uuid.UUID) -> Page:
    """End a delegation at once."""
    _run()
    row = delegation.load(g.session, delegation_id, by=current_actor(), for_update=request.method == "POST")
    form = forms.ReasonForm(sent_form())
    asked = Asked(
        f"Revoke the delegation to {organisation_name(row.agent_id)}",
        "Revoke the delegation",
        _back(),
        "Revoked. The agent’s next request is refused.",
    )
    return form_page(
        asked,
        form,
        lambda: delegation.revoke(g.session, delegation=row, reason=form.reason.data or "", **by_now()),
        confirm=lambda: step_up.Act(
            "delegation.revoke",
            identity.organisation_subject(row.agent_id),
            step_up.shown(row),
            "Revoke a delegation",
            organisation_name(row.agent_id),
        ),
    )


@bp.get("/people/<uuid:person_id>")
def person(person_id: uuid.UUID) -> str:
    """A colleague: roles, sessions, what would have to be handed over."""
    found = roles.load(g.session, person_id, by=current_actor())
    return render_template(
        "accounts/person.html", **person_page(g.session, found, by=current_actor(), back=_back())
    )


@bp.post("/people/<uuid:person_id>/<act>")
def change(person_id: uuid.UUID, act: str) -> Page:
    """One of the buttons of that page."""
    return change_person(person_id, act, url_for(".person", person_id=person_id))


@bp.route("/people/<uuid:person_id>/first-key", methods=["GET", "POST"])
def give_first_key(person_id: uuid.UUID) -> Page:
    """Give a colleague a code for a first key."""
    found = roles.load(g.session, person_id, by=current_actor(), for_update=request.method == "POST")
    return first_key_page(found, (found.name, url_for(".person", person_id=found.id)))


def _run() -> Organisation:
    """One's own organisation, for its administrators. Raises `NotFound` for everybody else."""
    return organisations.load(g.session, current_actor().organisation_id, by=current_actor())


def _partner(row: Delegation, own: Organisation) -> uuid.UUID:
    return row.agent_id if row.organisation_id == own.id else row.organisation_id


def _back() -> tuple[str, str]:
    return "Organisation", url_for(".show")
