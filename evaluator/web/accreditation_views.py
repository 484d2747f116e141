"""Accreditation in one form, for the authority's accreditation officer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, SelectMultipleField, TextAreaField

from evaluator import accreditations
from evaluator.workflow import ACCREDITATION
from portal.accounts import step_up
from portal.filing import risk_form
from portal.ui.fields import MemorableDateField, Needed
from portal.ui.forms import Form
from portal.web import current_actor, current_time
from secure_access.identity import Organisation

bp = Blueprint("accreditations", __name__, template_folder="templates")


class AccreditationForm(Form):
    """Who, for which categories, from when until when, on what grounds."""

    evaluator = SelectField("Evaluator body", validators=[Needed("Choose the body.")])
    categories = SelectMultipleField("Categories", validators=[Needed("Choose at least one category.")])
    valid_from = MemorableDateField("First day", validators=[Needed("Give the first day.")])
    valid_until = MemorableDateField("Last day", validators=[Needed("Give the last day.")])
    grounds = TextAreaField(
        "Grounds",
        description="Skills, methods, security and independence, and what shows them.",
        validators=[Needed("Write the grounds: they are published.")],
    )


@bp.get("/accreditations")
def index() -> str:
    """Every accreditation."""
    return render_template(
        "accreditations/index.html",
        rows=accreditations.every(g.session),
        names=category_names(),
        allowed=lambda accreditation: ACCREDITATION.allowed(current_actor(), accreditation),
    )


@bp.get("/accreditations/new")
def new() -> str:
    """The form."""
    return _page(_form())


@bp.post("/accreditations/new")
def accredit() -> Response | tuple[str, int]:
    """Accredit a body."""
    form = _form(request.form)
    if not form.validate():
        return _page(form), 422
    first, last = form.valid_from.data, form.valid_until.data
    assert first
    assert last
    scope = accreditations.Scope(form.categories.data or [], first, last, form.grounds.data or "")
    if scope.valid_until <= scope.valid_from:
        form.refuse("valid_until", "The last day lies before the first. Correct one of them.")
        return _page(form), 422
    body, names = _known_body(form.evaluator.data), category_names()
    page = step_up.asked(
        step_up.Act(
            "evaluator.accredit",
            f"evaluator:{body.id}",
            step_up.shown(body),
            words="Accredit an evaluator body",
            about=f"{body.name}: {', '.join(names[one] for one in scope.categories)}, until {last:%-d %B %Y}",
        )
    )
    if page is not None:
        return page
    made = accreditations.accredit(
        g.session,
        evaluator_id=body.id,
        scope=scope,
        by=current_actor(),
        now=current_time(),
    )
    flash(f"Accredited as {made.reference}.")
    return redirect(url_for(".index"), 303)


@bp.post("/accreditations/<reference>/<any(suspend, reinstate, revoke):action>")
def change(reference: str, action: str) -> Response | step_up.Page:
    """Suspend, reinstate or revoke."""
    accreditation = accreditations.load(g.session, reference, for_update=True)
    page = step_up.asked(
        step_up.Act(
            f"accreditation.{action}",
            f"accreditation:{accreditation.id}",
            step_up.shown(accreditation),
            words=f"{action.capitalize()} an accreditation",
            about=reference,
            refusal=ACCREDITATION.refusal(action, current_actor(), accreditation),
        )
    )
    if page is not None:
        return page
    accreditations.change(
        g.session, accreditation=accreditation, action=action, by=current_actor(), now=current_time()
    )
    flash(f"{reference} is {accreditation.state}.")
    return redirect(url_for(".index"), 303)


def category_names() -> dict[str, str]:
    """Names of the risk categories by id."""
    return risk_form.category_names(risk_form.DEFAULT_TAXONOMY)


def _form(data: Any = None) -> AccreditationForm:
    form = AccreditationForm(data)
    form.evaluator.choices = [(str(body.id), body.name) for body in accreditations.bodies(g.session)]
    form.categories.choices = list(category_names().items())
    return form


def _known_body(chosen: str) -> Organisation:
    return next(body for body in accreditations.bodies(g.session) if str(body.id) == chosen)


def _page(form: AccreditationForm) -> str:
    return render_template(
        "accreditations/new.html",
        form=form,
        categories=[(key, name, "") for key, name in category_names().items()],
    )
