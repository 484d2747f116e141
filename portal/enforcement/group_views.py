"""Acts on the page of figures that take over what is on file of a related company."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import flash, g, redirect, request, url_for

from portal.enforcement import figures_views, group, service
from portal.enforcement.views import Page, bp
from portal.web import current_actor, current_time
from secure_access.workflow import Denied


@bp.post("/violations/<reference>/related-priors/<uuid:row_id>")
def take_prior(reference: str, row_id: uuid.UUID) -> Page:
    """Hold an earlier penalty of a related company against the developer."""
    words = "The earlier penalty is on file here too. The worksheet says whether it counts, and why."
    return _take(reference, row_id, group.take_prior, words)


@bp.post("/violations/<reference>/related-revenue/<uuid:row_id>")
def take_revenue(reference: str, row_id: uuid.UUID) -> Page:
    """Count the figure of a company of the group."""
    words = "The figure is on file here too. A worksheet uses it from its next version on."
    return _take(reference, row_id, group.take_revenue, words)


def _take(reference: str, row_id: uuid.UUID, verb: Callable[..., Any], words: str) -> Page:
    by = current_actor()
    row = service.load(g.session, reference, by=by, for_update=True)
    reason = request.form.get(f"why-{row_id}", "")
    try:
        verb(g.session, row, row_id, reason=reason, by=by, now=current_time())
    except Denied as denied:
        typed = {"row": str(row_id), "why": reason, "error": denied.words}
        return figures_views.figures_page(row, typed=typed), 422
    flash(words)
    return redirect(url_for("enforcement.evidence", reference=reference) + "#related", 303)


__all__ = ["bp"]
