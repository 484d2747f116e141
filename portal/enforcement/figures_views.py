"""Pages of what a calculation rests on: revenue with its sources, earlier penalties with their history."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.enforcement import (
    choices,
    figures,
    group,
    pictures,
    priors,
    rates,
    service,
    sheet,
    turnover,
    worksheets,
)
from portal.enforcement.forms import PriorChangeForm, PriorForm, RevenueForm
from portal.enforcement.priors import History
from portal.enforcement.tables import AllegedViolation, RevenueEvidence
from portal.enforcement.turnover import Turnover
from portal.enforcement.views import Page, bp, download
from portal.enforcement.workflow import PRIOR
from portal.law import statute
from portal.law.deadlines import legal_day
from portal.law.money import Money
from portal.web import current_actor, current_time, current_zone, uploads, writes
from secure_access import documents
from secure_access.documents import Accepted, Document
from secure_access.identity import Person
from secure_access.workflow import Denied, NotFound

_NAMED = {
    turnover.UNDERTAKING: "Turnover of the undertaking",
    turnover.PROVIDER: "Turnover of the provider alone",
}


@dataclass(frozen=True)
class Shown:
    """A figure on file as the page shows it: how it counts, or why not, and the rate the law asks for."""

    row: RevenueEvidence
    amount: Money
    document: Document | None
    use: str
    counts: bool
    disagrees: bool
    rate: rates.AverageRate | None
    basis: str
    no_rate: str


@bp.get("/violations/<reference>/figures")
def evidence(reference: str) -> str:
    """Revenue evidence and earlier penalties of the developer."""
    row = service.load(g.session, reference, by=current_actor())
    return figures_page(row)


@bp.post("/violations/<reference>/revenue")
def attach_revenue(reference: str) -> Page:
    """Record revenue with the document that shows it."""
    by = current_actor()
    row = service.load(g.session, reference, by=by, for_update=True)
    form = RevenueForm(request.form)
    if form.validate():
        try:
            file = _handed_in()
            figures.attach_revenue(g.session, row, form.stated(), file=file, by=by, now=current_time())
        except Denied as denied:
            form.form_errors.append(denied.words)
        else:
            _claim()
            flash("The revenue is on file. A worksheet uses it from its next version on.")
            return redirect(url_for("enforcement.evidence", reference=reference), 303)
    return figures_page(row, form=form), 422


@bp.post("/violations/<reference>/sources")
def choose_source(reference: str) -> Page:
    """Say which of several sources that disagree is relied on."""
    by = current_actor()
    row = service.load(g.session, reference, by=by, for_update=True)
    number = request.form.get("n", "")
    reason = request.form.get(f"why-{number}", "")
    chosen = request.form.get(f"chosen-{number}", "")
    try:
        figures.choose(g.session, row, _identifier(chosen), reason=reason, by=by, now=current_time())
    except Denied as denied:
        typed = {
            "n": number,
            "chosen": chosen,
            "why": reason,
            "error": denied.words,
        }
        return figures_page(row, typed=typed), 422
    flash("The source is chosen, with your reason. The other one stays on file.")
    return redirect(url_for("enforcement.evidence", reference=reference), 303)


@bp.post("/violations/<reference>/priors")
def record_prior(reference: str) -> Page:
    """Record an earlier penalty."""
    by = current_actor()
    row = service.load(g.session, reference, by=by, for_update=True)
    form = PriorForm(request.form)
    if form.validate():
        try:
            figures.record_prior(g.session, row, form.stated(), by=by, now=current_time())
        except Denied as denied:
            form.form_errors.append(denied.words)
        else:
            flash("The earlier penalty is on file. The worksheet says whether it counts, and why.")
            return redirect(url_for("enforcement.evidence", reference=reference) + "#priors", 303)
    return figures_page(row, prior=form), 422


@bp.get("/violations/<reference>/revenue/<uuid:row_id>/file")
@writes
def revenue_file(reference: str, row_id: uuid.UUID) -> Response:
    """The document behind a figure; the opening is recorded first."""
    by = current_actor()
    row = service.load(g.session, reference, by=by)
    for figure in figures.revenue_of(g.session, row.developer_id, by=by):
        document = figures.document_of(g.session, figure)
        if figure.id == row_id and document is not None:
            documents.note_opening(
                g.session, document=document, subject=f"violation:{row.id}", by=by, now=current_time()
            )
            return download(document)
    raise NotFound


@bp.get("/priors/<uuid:prior_id>")
def prior(prior_id: uuid.UUID) -> str:
    """An earlier penalty: its history, what happened to it, and the worksheets that counted it."""
    found = priors.load(g.session, prior_id, by=current_actor())
    return _prior_page(found, PriorChangeForm(data={"about": found.now.reason}))


@bp.post("/priors/<uuid:prior_id>/state")
def change_prior(prior_id: uuid.UUID) -> Page:
    """Record what happened to it."""
    by = current_actor()
    found = priors.load(g.session, prior_id, by=by, for_update=True)
    form = PriorChangeForm(request.form)
    if form.validate():
        try:
            made = priors.change(g.session, found, form.stated(), by=by, now=current_time())
        except Denied as denied:
            form.form_errors.append(denied.words)
        else:
            flash("It is on record. Worksheets that counted the penalty are listed below.")
            return redirect(url_for("enforcement.prior", prior_id=made.id), 303)
    return _prior_page(found, form), 422


@bp.post("/worksheets/<reference>/again")
def calculate_again(reference: str) -> BaseResponse:
    """Calculate with the same choices what rests on something that no longer holds: the next version."""
    by = current_actor()
    found = worksheets.load(g.session, reference, by=by, for_update=True)
    made = worksheets.again(g.session, found, by=by, now=current_time())
    flash(f"Version {made.version} is calculated. Signatures on earlier versions are void.")
    return redirect(url_for("enforcement.worksheet", reference=reference), 303)


def figures_page(
    row: AllegedViolation,
    *,
    form: RevenueForm | None = None,
    prior: PriorForm | None = None,
    typed: dict[str, str] | None = None,
) -> str:
    """The page of figures; the forms and ``typed`` are what a person sent that was refused."""
    by = current_actor()
    found = figures.turnover_of(g.session, row.developer_id)
    on_file = priors.histories(figures.priors_of(g.session, row.developer_id, by=by))
    revenue = figures.revenue_of(g.session, row.developer_id, by=by)
    papers = figures.documents_of(g.session, revenue)
    return render_template(
        "enforcement/figures.html",
        violation=row,
        developer=service.developer_of(g.session, row).name,
        law=statute.load(row.regime).short,
        form=form or RevenueForm(data={"consolidated": True}),
        prior=prior or PriorForm(),
        typed=typed or {},
        revenue=[_shown(row, one, found, papers) for one in revenue],
        found=found,
        between=[figure for figure in found.figures if figure.sources],
        names=_names([figure.choice.chosen_by for figure in found.figures if figure.choice]),
        money=_money,
        data_to=rates.span()[1],
        priors=[(history.now, history) for history in on_file],
        statuses=priors.STATUSES,
        links=figures.LINKS,
        related=[("take_prior", one) for one in group.prior_offers(g.session, row, by=by)]
        + [("take_revenue", one) for one in group.revenue_offers(g.session, row, by=by)],
        says=group.says(row.regime),
    )


def _shown(
    violation: AllegedViolation,
    row: RevenueEvidence,
    found: Turnover,
    papers: Mapping[uuid.UUID, Document],
) -> Shown:
    named = {counted.id: name for name, counted in found.counted}
    disagrees = any(row in figure.standing for figure in found.disagree)
    use = turnover.WHY.get(found.lost.get(row.id, ""), "")
    if not use:
        use = _NAMED.get(named.get(row.id, ""), "Added to the turnover")
    if disagrees and row.id not in named:
        use = "Another source says otherwise"
    rate, basis, no_rate = _rate(violation, row)
    document = papers.get(row.document_id) if row.document_id else None
    return Shown(row, _money(row), document, use, row.id in named, disagrees, rate, basis, no_rate)


def _rate(violation: AllegedViolation, row: RevenueEvidence) -> tuple[rates.AverageRate | None, str, str]:
    """The rate of a figure under the law of the violation, its basis, or why there is none."""
    if not choices.needs_turnover(violation.regime):
        return None, "", "This law takes no share of turnover"
    currency = choices.currency_of(violation.regime)
    if row.currency == currency:
        return None, "", "No conversion needed"
    basis = figures.basis_of(violation.regime, violation.occurred_to)
    decided = legal_day(current_time(), statute.load(violation.regime).zone)
    try:
        return figures.rate_of(row, currency, basis, decided), basis, ""
    except Denied as denied:
        return None, basis, denied.words


def _prior_page(found: History, form: PriorChangeForm) -> str:
    by = current_actor()
    allowed = PRIOR.allowed(by, found.standing)
    form.act.choices = [(act, words) for act, words in priors.ACTS.items() if act in allowed]
    return render_template(
        "enforcement/prior.html",
        found=found,
        form=form,
        law=statute.load(found.now.regime).short,
        statuses=priors.STATUSES,
        links=figures.LINKS,
        names=_names([row.recorded_by for row in found.rows]),
        uses=priors.uses(g.session, found, by=by),
        states=sheet.STATES,
        total=pictures.total,
    )


def _money(row: RevenueEvidence) -> Money:
    return Money.from_minor(row.amount_minor, row.currency)


def _names(people: list[uuid.UUID]) -> dict[uuid.UUID, str]:
    found: dict[uuid.UUID, Any] = {person: g.session.get(Person, person) for person in people}
    return {key: person.name for key, person in found.items() if person is not None}


def _identifier(text: str) -> uuid.UUID:
    """What was chosen; an identifier of nothing for what is none, which then is refused."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)


def _handed_in() -> Accepted | None:
    """The file of the form, looked at; ``None`` without one. Raises `Denied` for what is not taken."""
    found = uploads("document")
    if not found or found[0].stored is None:
        return None
    upload = found[0]
    vault = current_zone().wired.vault
    return documents.accept(
        vault,
        found[0].stored,
        document_id=upload.document_id,
        name=upload.filename,
        use=figures.ACCOUNTS,
    )


def _claim() -> None:
    for upload in uploads("document")[:1]:
        upload.claim()


__all__ = ["bp"]
