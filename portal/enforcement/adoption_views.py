"""Pages of methods: which is adopted for which law, proposed, signed by a second person, withdrawn."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for

from portal.accounts import step_up
from portal.enforcement import adoptions, again, forms, pictures, texts, worksheets
from portal.enforcement.tables import MethodAdoption
from portal.enforcement.views import Page, bp
from portal.enforcement.workflow import ADOPTION, AdoptionState
from portal.enforcement.worksheet_views import shown_version
from portal.law import methods, statute
from portal.law.deadlines import legal_day
from portal.law.facts import LawError
from portal.web import current_actor, current_time
from secure_access.identity import Person
from secure_access.step_up import digest_of
from secure_access.workflow import Denied

STATES = {
    AdoptionState.PROPOSED: ("warn", "Proposed"),
    AdoptionState.ADOPTED: ("good", "Adopted"),
    AdoptionState.WITHDRAWN: ("neutral", "Withdrawn"),
    AdoptionState.SUPERSEDED: ("neutral", "Replaced"),
}


@bp.get("/methods")
def methods_adopted() -> str:
    """Which method governs each law today, every choice with its state, and the form for another."""
    return _list(forms.AdoptionForm())


@bp.post("/methods")
def propose_method() -> Page:
    """Propose a method for a law."""
    form = forms.AdoptionForm(request.form)
    if form.validate():
        try:
            row = adoptions.propose(g.session, form.stated(), by=current_actor(), now=current_time())
        except Denied as denied:
            form.form_errors.append(denied.words)
        else:
            flash(f"{row.reference} is proposed. It holds once another head of enforcement has adopted it.")
            return redirect(url_for("enforcement.method", reference=row.reference), 303)
    return _list(form), 422


@bp.get("/methods/<reference>")
def method(reference: str) -> str:
    """One choice."""
    return _show(adoptions.load(g.session, reference, by=current_actor()))


@bp.post("/methods/<reference>/adopt")
def adopt_method(reference: str) -> Page:
    """Sign the choice."""
    by = current_actor()
    row = adoptions.load(g.session, reference, by=by, for_update=True)
    page = step_up.asked(
        step_up.Act(
            "method.adopt",
            f"adoption:{row.id}",
            digest_of(g.session, row),
            words="Adopt the method",
            about=f"{row.reference}: {_method_name(row.method)}",
            refusal=ADOPTION.refusal("adopt", by, adoptions.standing(g.session, row, now=current_time())),
        )
    )
    if page is not None:
        return page
    adoptions.adopt(g.session, row, by=by, now=current_time())
    flash(f"{row.reference} is adopted. Worksheets calculated from its first day on use it.")
    return redirect(url_for("enforcement.method", reference=reference), 303)


@bp.post("/methods/<reference>/withdraw")
def withdraw_method(reference: str) -> Page:
    """Take a proposal back."""
    by = current_actor()
    row = adoptions.load(g.session, reference, by=by, for_update=True)
    reason = request.form.get("reason", "")
    try:
        adoptions.withdraw(g.session, row, reason=reason, by=by, now=current_time())
    except Denied as denied:
        return _show(row, reason=reason, error=denied.reason), 422
    flash(f"{row.reference} is withdrawn, with your reason.")
    return redirect(url_for("enforcement.methods_adopted"), 303)


@bp.get("/worksheets/<reference>/again")
def compute_again(reference: str) -> str:
    """Compute a version again from the texts it used, and say what was compared."""
    found = worksheets.load(g.session, reference, by=current_actor(), version=shown_version())
    return render_template(
        "enforcement/again.html",
        row=found.worksheet,
        proof=again.prove(g.session, found.worksheet),
        total=pictures.total(found.worksheet),
        texts=len(texts.rows(g.session)),
    )


def _list(form: forms.AdoptionForm) -> str:
    rows = adoptions.every(g.session, by=current_actor())
    return render_template(
        "enforcement/methods.html",
        form=form,
        rows=rows,
        names=_names(rows),
        states=STATES,
        method_name=_method_name,
        law_name=lambda regime: statute.load(regime).short,
        laws=[_law(pack) for pack in statute.regimes()],
    )


def _law(pack: statute.Pack) -> dict[str, Any]:
    """A law of the list: what governs it today, or why nothing can be adopted for it."""
    today = legal_day(current_time(), pack.zone)
    usual = adoptions.usual(pack, today)
    return {
        "pack": pack,
        "adoption": adoptions.in_force(g.session, pack.id, today),
        "usual": usual,
        "why_not": adoptions.misfit(pack, methods.load(usual)) if usual else "",
    }


def _show(row: MethodAdoption, *, reason: str = "", error: str = "") -> str:
    by, now = current_actor(), current_time()
    standing = adoptions.standing(g.session, row, now=now)
    replaced = g.session.get(MethodAdoption, row.replaced_by) if row.replaced_by else None
    return render_template(
        "enforcement/method.html",
        row=row,
        pack=statute.load(row.regime),
        method_name=_method_name(row.method),
        state=STATES[row.state],
        names=_names([row]),
        replaced=replaced,
        allowed=ADOPTION.allowed(by, standing),
        refusal=ADOPTION.refusal("adopt", by, standing),
        reason=reason,
        error=error,
    )


def _method_name(name: str) -> str:
    try:
        return methods.load(name).name
    except LawError:
        return name


def _names(rows: list[MethodAdoption]) -> dict[uuid.UUID, str]:
    wanted = {person for row in rows for person in (row.proposed_by, row.adopted_by) if person}
    found = (g.session.get(Person, person) for person in wanted)
    return {person.id: person.name for person in found if person is not None}


__all__ = ["bp"]
