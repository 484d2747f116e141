"""The developer's answer to a plan request, and the authority's answer to what was objected to."""

from __future__ import annotations

import uuid

from flask import flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.review import plan_objections as objections
from portal.review import plans
from portal.review.blueprints import asked
from portal.review.blueprints import plans as bp
from portal.review.plan_pages import own_page, shown_page
from portal.web import current_actor, current_time
from secure_access.workflow import Denied

UPHOLD, DISMISS = "uphold", "dismiss"


@asked.post("/plans/<reference>/accept", endpoint="accept_plan")
def accept(reference: str) -> BaseResponse:
    """Say that the plan will be delivered as asked."""
    row = plans.load(g.session, reference, by=current_actor(), for_update=True)
    objections.accept(g.session, request=row, by=current_actor(), now=current_time())
    flash(f"You accepted {reference}. Deliver the sections by the date on this page.")
    return redirect(url_for(".plan", reference=reference), 303)


@asked.post("/plans/<reference>/object", endpoint="object_plan")
def object_to(reference: str) -> BaseResponse | tuple[str, int]:
    """Object to the whole, to sections or to readers, each with its reason."""
    row = plans.load(g.session, reference, by=current_actor(), for_update=True)
    chosen = [point for point in objections.points(row) if point in request.form.getlist("points")]
    reasons = {point: request.form.get(f"reason-{point}", "") for point in chosen}
    try:
        objections.object_to(g.session, request=row, reasons=reasons, by=current_actor(), now=current_time())
    except ValueError as wrong:
        return own_page(row, {"points": str(wrong)}), 422
    flash("Your objection is with the authority. Nothing can be delivered until each point has an answer.")
    return redirect(url_for(".plan", reference=reference), 303)


@bp.post("/plans/<reference>/objections/<uuid:objection_id>")
def answer_objection(reference: str, objection_id: uuid.UUID) -> BaseResponse | tuple[str, int]:
    """Uphold or dismiss an objection, with the reason that the developer reads."""
    row = plans.load(g.session, reference, by=current_actor(), for_update=True)
    do = request.form.get("do")
    if do not in (UPHOLD, DISMISS):
        raise Denied(
            "The form did not say what to do.", "Go back, reload the page and use one of its buttons."
        )
    try:
        made = objections.answer(
            g.session,
            request=row,
            objection_id=objection_id,
            answered=objections.Answer(do == UPHOLD, request.form.get("reason", "")),
            by=current_actor(),
            now=current_time(),
        )
    except ValueError as wrong:
        return shown_page(row, str(wrong), f"reason-{objection_id}"), 422
    flash(f"The objection is {made.answer.value}. The developer reads your reason.")
    return redirect(url_for(".show", reference=reference), 303)
