"""Conflicts of officials with developers: declared by themselves, or recorded by an administrator."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, render_template, request, url_for

from portal.accounts import forms
from portal.accounts.administration_views import bp
from portal.accounts.forms import organisation_choices, people_choices
from portal.accounts.pages import (
    STATES,
    Asked,
    Page,
    by_now,
    form_page,
    led_to,
    organisation_name,
    person_name,
    sent_form,
    tried,
)
from portal.web import current_actor
from secure_access import identity
from secure_access.identity import OrganisationKind, conflicts, organisations
from secure_access.identity.workflow import RECUSAL
from secure_access.workflow import Denied

own_conflicts = Blueprint("conflicts", __name__, template_folder="templates", url_prefix="/conflicts")


@bp.get("/conflicts")
def every_conflict() -> str:
    """Conflicts of officials with developers."""
    by = current_actor()
    found = conflicts.every(g.session, by=by)
    names = identity.names_of(g.session, (row.person_id for row in found))
    return render_template(
        "accounts/conflicts.html",
        rows=[
            (
                row,
                names[row.person_id],
                organisation_name(row.developer_id),
                RECUSAL.refusal("end", by, row),
            )
            for row in found
        ],
        states=STATES,
    )


@bp.route("/conflicts/new", methods=["GET", "POST"])
def give_conflict() -> Page:
    """Record a conflict of an official."""
    form = forms.ConflictForm(sent_form())
    form.person.choices = people_choices(organisations.present(g.session, current_actor().organisation_id))
    form.developer.choices = organisation_choices(
        organisations.of_kind(g.session, OrganisationKind.DEVELOPER)
    )
    asked = Asked(
        "Record a conflict",
        "Record the conflict",
        ("Conflicts", url_for(".every_conflict")),
        "Recorded. It counts from the official’s next request.",
        "That developer’s matters are not there for the official then, and nobody can name them in one.",
    )
    return form_page(asked, form, lambda: conflicts.declare(
        g.session,
        person_id=uuid.UUID(form.person.data),
        developer_id=uuid.UUID(form.developer.data),
        reason=form.reason.data or "",
        **by_now(),
    ))  # fmt: skip


@bp.route("/conflicts/<uuid:recusal_id>/end", methods=["GET", "POST"])
def end_conflict(recusal_id: uuid.UUID) -> Page:
    """End a conflict that is no more."""
    row = conflicts.load(g.session, recusal_id, by=current_actor(), for_update=request.method == "POST")
    form = forms.ReasonForm(sent_form())
    asked = Asked(
        f"End the conflict of {person_name(row.person_id)} with {organisation_name(row.developer_id)}",
        "End the conflict",
        ("Conflicts", url_for(".every_conflict")),
        "Ended. The developer’s matters are there again from the next request.",
        facts=(("Recorded because", row.reason),),
    )
    return form_page(
        asked, form, lambda: conflicts.end(g.session, recusal=row, reason=form.reason.data or "", **by_now())
    )


@own_conflicts.route("", methods=["GET", "POST"])
def declare_own() -> Page:
    """One's own conflicts, and the way to declare one."""
    by = current_actor()
    form = forms.OwnConflictForm(sent_form())
    form.developer.choices = organisation_choices(
        organisations.of_kind(g.session, OrganisationKind.DEVELOPER)
    )
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        outcome: object = None
        if form.validate():
            outcome = tried(lambda: conflicts.declare(
                g.session,
                person_id=by.person_id,
                developer_id=uuid.UUID(form.developer.data),
                reason=form.reason.data or "",
                **by_now(),
            ))  # fmt: skip
            if not isinstance(outcome, Denied):
                return led_to(
                    ".declare_own", "Declared. That developer’s matters are not there for you any more."
                )
        problems = [("", outcome.words)] if isinstance(outcome, Denied) else form.problems()
    page = render_template(
        "accounts/own_conflicts.html",
        form=form,
        problems=problems,
        rows=[(row, organisation_name(row.developer_id)) for row in conflicts.own(g.session, by=by)],
        states=STATES,
    )
    return (page, 422) if problems else page


__all__ = ["bp", "own_conflicts"]
