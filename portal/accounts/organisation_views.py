"""Organisations, as the authority's administrators see them: entities, relations, people, confirmations."""

from __future__ import annotations

import uuid

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.accounts import forms
from portal.accounts.administration_views import bp
from portal.accounts.forms import organisation_choices, regime_choices, role_choices
from portal.accounts.happened import happened
from portal.accounts.pages import (
    STATES,
    Asked,
    Page,
    by_now,
    form_page,
    inviting,
    link_key,
    organisation_name,
    sent_form,
)
from portal.law import statute
from portal.web import current_actor, current_time
from secure_access import identity
from secure_access.identity import (
    Organisation,
    OrganisationKind,
    add_organisation,
    authority,
    delegation,
    invitations,
    organisations,
    roles,
)
from secure_access.identity.tables import OrganisationRelation
from secure_access.workflow import Denied, NotFound


@bp.get("/organisations")
def every_organisation() -> str:
    """Every organisation, with what waits and what is overdue."""
    by, today = current_actor(), current_time().date()
    rows = []
    for found in organisations.every(g.session, by=by):
        entities = organisations.entities(g.session, found.id)
        waits = sum(row.state == "claimed" for row in entities)
        due = organisations.due_on(g.session, found)
        people = len(organisations.present(g.session, found.id))
        run_by = len(roles.administrators(g.session, found))
        rows.append((found, people, run_by, waits, due, due < today))
    return render_template("accounts/organisations.html", rows=rows, least=roles.LEAST_ADMINISTRATORS)


@bp.route("/organisations/new", methods=["GET", "POST"])
def register() -> Page:
    """Register an organisation."""
    form = forms.OrganisationForm(sent_form())
    asked = Asked(
        "Register an organisation",
        "Register it",
        ("Organisations", url_for(".every_organisation")),
        "Registered. Invite its first two administrators next.",
    )

    def act() -> object:
        name = " ".join((form.name.data or "").split())
        if any(
            found.name.lower() == name.lower() for found in organisations.every(g.session, by=current_actor())
        ):
            raise Denied("There is an organisation of that name.", "Open it, or write another name.")
        return add_organisation(g.session, kind=OrganisationKind(form.kind.data), name=name, **by_now())

    return form_page(asked, form, act)


@bp.get("/organisations/<uuid:organisation_id>")
def organisation(organisation_id: uuid.UUID) -> str:
    """One organisation."""
    found, now = _load(organisation_id), current_time()
    people = organisations.present(g.session, found.id)
    authorities = authority.authorities(g.session, found.id)
    names = identity.names_of(g.session, (row.officer_id for row in authorities))
    return render_template(
        "accounts/organisation.html",
        found=found,
        people=[(person, identity.roles_of(g.session, person.id)) for person in people],
        invited=invitations.open_invitations(g.session, found.id),
        administrators=len(roles.administrators(g.session, found)),
        entities=organisations.entities(g.session, found.id),
        relations=[
            (row, organisation_name(row.organisation_id), organisation_name(row.other_id))
            for row in organisations.relations(g.session, found.id)
        ],
        group=sorted(
            organisation_name(one)
            for one in organisations.related(g.session, found.id, on=now.date()) - {found.id}
        ),
        authorities=[(row, names[row.officer_id], authority.stands(row, now)) for row in authorities],
        delegations=[
            (
                row,
                organisation_name(row.organisation_id),
                organisation_name(row.agent_id),
                authority.stands(row, now),
            )
            for row in delegation.every(g.session, found.id)
        ],
        due=organisations.due_on(g.session, found),
        today=now.date(),
        now=now,
        events=happened(g.session, identity.organisation_subject(found.id))[:30],
        states=STATES,
    )


@bp.route("/organisations/<uuid:organisation_id>/invite", methods=["GET", "POST"])
def invite_administrator(organisation_id: uuid.UUID) -> Page:
    """Invite one of the first two administrators of an organisation."""
    found = _load(organisation_id)
    form = forms.InviteForm(sent_form())
    role = roles.administrator_role(OrganisationKind(found.kind))
    form.roles.choices = role_choices([role])
    asked = Asked(
        f"Invite an administrator of {found.name}",
        "Send the invitation",
        _back(found),
        "The invitation is sent. Its link works once, for seven days.",
        "Two are needed. From then on the organisation invites its own people.",
    )
    return form_page(
        asked,
        form,
        lambda: invitations.invite(g.session, wanted=form.wanted(found), key=link_key(), **by_now()),
        confirm=lambda: inviting(found, form),
    )


@bp.route("/organisations/<uuid:organisation_id>/entities/new", methods=["GET", "POST"])
def name_entity(organisation_id: uuid.UUID) -> Page:
    """Name a legal entity of a developer."""
    found = _load(organisation_id)
    form = forms.EntityForm(sent_form())
    form.regimes.choices = regime_choices(statute.regimes())
    asked = Asked(f"Name a legal entity of {found.name}", "Name it", _back(found), "Named. Verify it next.")
    return form_page(
        asked, form, lambda: organisations.claim(g.session, organisation=found, new=form.stated(), **by_now())
    )


@bp.route("/entities/<uuid:entity_id>/<act>", methods=["GET", "POST"])
def settle_entity(entity_id: uuid.UUID, act: str) -> Page:
    """Verify a claim with evidence, refuse it with a reason, or say until when it was so."""
    if act not in ("verify", "refuse", "end"):
        raise NotFound
    row = organisations.entity(g.session, entity_id, by=current_actor(), for_update=request.method == "POST")
    found = _load(row.organisation_id)
    facts = (
        ("Organisation", found.name),
        ("Jurisdiction", row.jurisdiction),
        ("Number in its register", row.number or "None given"),
        ("Part of the organisation since", f"{row.from_on:%-d %B %Y}"),
    )
    if act == "end":
        ended = forms.EndForm(sent_form())
        asked = Asked(f"End of {row.name}", "Keep the last day", _back(found), "Kept.", facts=facts)

        def end() -> None:
            assert ended.until_on.data is not None
            organisations.end(g.session, entity=row, until_on=ended.until_on.data, **by_now())

        return form_page(asked, ended, end)
    form = forms.ReasonForm(sent_form())
    said = "What you compared" if act == "verify" else "Why it is refused"
    form.reason.label.text = said
    asked = Asked(
        f"{act.capitalize()} {row.name}",
        f"{act.capitalize()} the entity",
        _back(found),
        "Verified. The developer can submit." if act == "verify" else "Refused. The developer reads why.",
        "For example: extract of the register of the day, number and name the same.",
        facts,
    )

    def settle() -> None:
        text = form.reason.data or ""
        if act == "verify":
            organisations.verify(g.session, entity=row, evidence=text, **by_now())
        else:
            organisations.refuse(g.session, entity=row, why=text, **by_now())

    return form_page(asked, form, settle)


@bp.route("/organisations/<uuid:organisation_id>/relations/new", methods=["GET", "POST"])
def relate(organisation_id: uuid.UUID) -> Page:
    """Record a parent, a subsidiary or a merger."""
    found = _load(organisation_id)
    form = forms.RelationForm(sent_form())
    others = [one for one in organisations.every(g.session, by=current_actor()) if one.id != found.id]
    form.other.choices = organisation_choices(others)
    asked = Asked(
        f"Record a relation of {found.name}",
        "Record the relation",
        _back(found),
        "Recorded. Revenue and earlier violations follow it.",
    )
    return form_page(asked, form, lambda: organisations.relate(g.session, new=form.stated(found), **by_now()))


@bp.route("/relations/<uuid:relation_id>/end", methods=["GET", "POST"])
def end_relation(relation_id: uuid.UUID) -> Page:
    """Say on which day a relation ended."""
    row = g.session.get(OrganisationRelation, relation_id)
    if row is None:
        raise NotFound
    form = forms.EndForm(sent_form())
    first, second = organisation_name(row.organisation_id), organisation_name(row.other_id)
    asked = Asked(
        f"End of the relation of {first} to {second}",
        "Keep the last day",
        _back(_load(row.organisation_id)),
        "Kept.",
    )

    def end() -> None:
        assert form.until_on.data is not None
        organisations.end_relation(g.session, relation=row, until_on=form.until_on.data, **by_now())

    return form_page(asked, form, end)


@bp.post("/organisations/<uuid:organisation_id>/invitations/<uuid:invitation_id>/withdraw")
def withdraw_of(organisation_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    """Withdraw an invitation of an organisation."""
    found = _load(organisation_id)
    row = invitations.load(g.session, invitation_id, by=current_actor(), for_update=True)
    if row.organisation_id != found.id:
        raise NotFound
    invitations.withdraw(g.session, invitation=row, **by_now())
    flash("The invitation is withdrawn. Its link leads nowhere now.")
    return redirect(_back(found)[1], 303)


def _load(organisation_id: uuid.UUID) -> Organisation:
    return organisations.load(g.session, organisation_id, by=current_actor())


def _back(found: Organisation) -> tuple[str, str]:
    return found.name, url_for(".organisation", organisation_id=found.id)


__all__ = ["bp"]
