"""Pages of the comparison: picture, table, flags and replies, the appointment of an evaluator."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from evaluator import accreditations, engagements
from evaluator.tables import Engagement
from evaluator.workflow import FLAG
from portal.filing import risk_form
from portal.filing.workflow import FilingState
from portal.law.deadlines import office_clock
from portal.review import cases, comparing, flags
from portal.review.blueprints import asked
from portal.review.blueprints import cases as bp
from portal.review.case_views import known, page
from portal.review.facts import Facts
from portal.review.forms import AppointForm, errors, ids, listed
from portal.review.tables import Case
from portal.review.workflow import CASE
from portal.web import current_actor, current_time
from secure_access.workflow import Denied, NotFound


@bp.get("/cases/<reference>/comparison")
def comparison(reference: str) -> str:
    """Developer and evaluator, side by side."""
    return _comparison(known(reference))


@bp.post("/cases/<reference>/flags/<code>")
def close_flag(reference: str, code: str) -> BaseResponse | tuple[str, int]:
    """Resolve a flag, or carry it into the decision."""
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    flag = flags.find(g.session, case, code, for_update=True)
    verb: Callable[..., None] = flags.carry if request.form.get("do") == "carry" else flags.resolve
    reason = request.form.get("reason", "")
    try:
        verb(g.session, case=case, flag=flag, reason=reason, by=current_actor(), now=current_time())
    except ValueError as wrong:
        return _comparison(known(reference), {code: str(wrong)}), 422
    flash(f"Flag {code} is {flag.state.value}.")
    return redirect(url_for(".comparison", reference=reference), 303)


@bp.get("/cases/<reference>/evaluator")
def evaluator(reference: str) -> str:
    """The form of an appointment."""
    found = known(reference)
    CASE.take("appoint_evaluator", current_actor(), found.case)
    until = office_clock("assessment.submit", current_time()).due_at.date()
    form = AppointForm(data={"window_from": current_time().date(), "window_until": until})
    return _appointment(found, form, "", [], {})


@bp.post("/cases/<reference>/evaluator")
def appoint(reference: str) -> BaseResponse | tuple[str, int]:
    """Appoint an accredited evaluator."""
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    CASE.take("appoint_evaluator", current_actor(), case)
    found, form = known(reference), AppointForm(request.form)
    body, categories = request.form.get("evaluator", ""), request.form.getlist("categories")
    form.validate()
    problems = _unfit(found, form, body, categories)
    if problems:
        return _appointment(found, form, body, categories, errors(form, problems)), 422
    try:
        made = _appoint(case, found, form, ids([body])[0], categories)
    except Denied as denied:
        words = denied.words
        return _appointment(found, form, body, categories, {"evaluator": words}), 422
    flash(f"{made.reference}: the evaluator is appointed and has to declare conflicts first.")
    return redirect(url_for(".comparison", reference=reference), 303)


@asked.get("/cases/<reference>/flags", endpoint="flags")
def own_flags(reference: str) -> str:
    """The flags about this developer's report."""
    return _own(reference)


@asked.post("/cases/<reference>/flags/<code>")
def reply(reference: str, code: str) -> BaseResponse | tuple[str, int]:
    """Reply to a flag."""
    case, _ = flags.of_developer(g.session, reference, by=current_actor())
    flag = flags.find(g.session, case, code, for_update=True)
    text = request.form.get("reply", "")
    try:
        flags.reply(g.session, case=case, flag=flag, text=text, by=current_actor(), now=current_time())
    except ValueError:
        return _own(reference, {code: "Write your reply: it stands beside the flag."}), 422
    flash(f"Your reply to flag {code} is with the authority.")
    return redirect(url_for(".flags", reference=reference), 303)


def _appoint(
    case: Case, found: Facts, form: AppointForm, body: uuid.UUID, categories: list[str]
) -> Engagement:
    assert found.report is not None
    assert form.window_from.data is not None
    assert form.window_until.data is not None
    terms = engagements.Terms(
        evaluator_id=body,
        filing=found.report,
        case_id=case.id,
        categories=categories,
        questions=(form.questions.data or "").strip(),
        window_from=form.window_from.data,
        window_until=form.window_until.data,
    )
    return engagements.appoint(g.session, terms=terms, by=current_actor(), now=current_time())


def _unfit(found: Facts, form: AppointForm, body: str, categories: list[str]) -> list[tuple[str, str]]:
    if found.report is None or found.report.state is not FilingState.ACCEPTED:
        return [("evaluator", "Accept the risk report first: the evaluator assesses what was accepted.")]
    wrong = [
        (name, "Give this date.")
        for name in ("window_from", "window_until")
        if form[name].data is None and not form[name].errors
    ]
    if not ids([body]):
        wrong.append(("evaluator", "Choose an accredited body."))
    if not categories or not set(categories) <= set(risk_form.category_names(found.report.taxonomy)):
        wrong.append(("categories", "Choose at least one category of the report."))
    return wrong + [(name, str(form[name].errors[0])) for name in form.errors if name in form]


def _appointment(
    found: Facts, form: AppointForm, body: str, categories: list[str], beside: dict[str, str]
) -> str:
    report = found.report
    if report is None:
        raise NotFound
    return page(
        "cases/evaluator.html",
        found,
        "Comparison",
        form=form,
        body=body,
        chosen=categories,
        bodies=accreditations.accredited(g.session, on=current_time().date()),
        categories=risk_form.category_names(report.taxonomy).items(),
        beside=beside,
        problems=listed(form, beside),
    )


def _comparison(found: Facts, wrong: dict[str, str] | None = None) -> str:
    chart = comparing.chart_of(
        g.session,
        found,
        now=current_time(),
        address=lambda made: url_for(
            ".assessment", reference=found.case.reference, assessment_reference=made
        ),
    )
    return page(
        "cases/comparison.html",
        found,
        "Comparison",
        chart=chart,
        sides=comparing.sides(g.session, found),
        flag_acts={flag.code: FLAG.allowed(current_actor(), flag) for flag in found.flags},
        people=_people(found),
        wrong=wrong or {},
    )


def _people(found: Facts) -> dict[Any, str]:
    wanted = {flag.resolved_by for flag in found.flags if flag.resolved_by}
    return {row: cases.name_of(g.session, row) for row in wanted}


def _own(reference: str, wrong: dict[str, str] | None = None) -> str:
    case, found = flags.of_developer(g.session, reference, by=current_actor())
    return render_template(
        "asked/flags.html",
        case=case,
        flags=found,
        may={flag.code: FLAG.allowed(current_actor(), flag) for flag in found},
        wrong=wrong or {},
    )
