"""Pages of a case for the authority: queue, brief, filings, incidents, history."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.filing import attachments, certification, incident_pages, receipt_files
from portal.filing import reading as filing_reading
from portal.filing.workflow import FILING
from portal.review import acts, cases, clock, comparing, facts, queue, timeline
from portal.review.blueprints import cases as bp
from portal.review.facts import Facts
from portal.review.queue import View
from portal.review.workflow import CASE
from portal.ui import entries
from portal.ui.charts import bar
from portal.web import current_actor, current_time, current_zone, download, writes
from secure_access import documents, identity
from secure_access.workflow import NotFound, Role

TABS = (
    ("Brief", "cases.show"),
    ("Filings", "cases.filings"),
    ("Comparison", "cases.comparison"),
    ("Requests", "cases.requests"),
    ("Decision", "cases.decision"),
    ("History", "cases.history"),
)


def page(template: str, known: Facts, current: str, **values: Any) -> str:
    """A page of a case with its heading and tabs."""
    reference = known.case.reference
    tabs = [(label, url_for(endpoint, reference=reference)) for label, endpoint in TABS]
    return render_template(
        template,
        facts=known,
        case=known.case,
        tabs_=tabs,
        current_tab=current,
        allowed=CASE.allowed(current_actor(), known.case),
        now=current_time(),
        **values,
    )


def known(reference: str) -> Facts:
    """The case of an address with everything that belongs to it. Raises `NotFound`."""
    return facts.one(g.session, cases.load(g.session, reference, by=current_actor()))


@bp.get("/cases")
def index() -> str:
    """The queue."""
    view = View.TEAM
    with suppress(ValueError):
        view = View(request.args.get("view", View.TEAM))
    number = request.args.get("page", 1, type=int)
    found = queue.page(g.session, view=view, number=number, by=current_actor(), now=current_time())
    return render_template(
        "cases/index.html",
        page=found,
        rows=[_row(row) for row in found.rows],
        counts=queue.counts(g.session, by=current_actor(), now=current_time()),
        views=list(View),
    )


@bp.get("/cases/<reference>")
def show(reference: str) -> str:
    """The case on one page."""
    found = known(reference)
    happened = timeline.happenings(g.session, found)
    return page(
        "cases/brief.html",
        found,
        "Brief",
        act=acts.next_act(found),
        mine=_is_mine(acts.next_act(found), found),
        clock=found.clock(current_time()),
        nominal=clock.nominal_end(found.clock(current_time())),
        timeline=timeline.picture(
            happened,
            found,
            now=current_time(),
            address=lambda n: url_for(".entry", reference=reference, number=n),
        ),
        events=len(happened),
        comparison=comparing.chart_of(g.session, found, now=current_time()),
        missing=missing(found),
        deciders=[
            p
            for p in identity.people_with(g.session, Role.DECIDER, developer_id=found.case.developer_id)
            if p.id != current_actor().person_id
        ],
    )


@bp.post("/cases/<reference>/take")
def take(reference: str) -> BaseResponse:
    """Become its case officer."""
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    cases.take(g.session, case=case, by=current_actor(), now=current_time())
    flash(f"You are the case officer of {reference}.")
    return redirect(url_for(".show", reference=reference), 303)


@bp.post("/cases/<reference>/decider")
def name_decider(reference: str) -> BaseResponse:
    """Say who is to decide."""
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    try:
        decider = uuid.UUID(request.form.get("decider", ""))
    except ValueError:
        raise NotFound from None
    cases.name_decider(g.session, case=case, decider_id=decider, by=current_actor(), now=current_time())
    flash("The decider is named.")
    return redirect(url_for(".show", reference=reference), 303)


@bp.get("/cases/<reference>/filings")
def filings(reference: str) -> str:
    """What was filed, and the incidents."""
    return page("cases/filings.html", known(reference), "Filings")


@bp.get("/cases/<reference>/filings/<uuid:filing_id>")
def filing(reference: str, filing_id: uuid.UUID) -> str:
    """One filing, as it was certified."""
    return _filing(reference, filing_id)


@bp.post("/cases/<reference>/filings/<uuid:filing_id>")
def answer_filing(reference: str, filing_id: uuid.UUID) -> BaseResponse | tuple[str, int]:
    """Accept a filing for review, or return it with a reason."""
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    found = cases.filing_of(g.session, case, filing_id, for_update=True)
    if request.form.get("do") == "return":
        reason = request.form.get("reason", "")
        try:
            cases.return_filing(
                g.session, case=case, filing=found, reason=reason, by=current_actor(), now=current_time()
            )
        except ValueError as wrong:
            return _filing(reference, filing_id, str(wrong)), 422
        flash(f"{found.reference} is returned. The developer reads your reason.")
    else:
        cases.accept_filing(g.session, case=case, filing=found, by=current_actor(), now=current_time())
        flash(f"{found.reference} is accepted for review.")
    return redirect(url_for(".show", reference=reference), 303)


@bp.get("/cases/<reference>/filings/<uuid:filing_id>/documents/<uuid:document_id>")
@writes
def document(reference: str, filing_id: uuid.UUID, document_id: uuid.UUID) -> Response:
    """An attachment of a filing. The reading is recorded before a byte is sent."""
    case = cases.load(g.session, reference, by=current_actor())
    found = cases.filing_of(g.session, case, filing_id)
    opened = attachments.opened(
        g.session,
        subject=f"filing:{found.id}",
        document_id=document_id,
        by=current_actor(),
        now=current_time(),
    )
    return download(opened, attachments.blocks(current_zone().wired.vault, opened))


@bp.get("/cases/<reference>/filings/<uuid:filing_id>/copy.pdf")
@writes
def filing_copy(reference: str, filing_id: uuid.UUID) -> BaseResponse:
    """The signed copy of record of an accepted filing."""
    case = cases.load(g.session, reference, by=current_actor())
    return receipt_files.copy_file(f"filing:{cases.filing_of(g.session, case, filing_id).id}")


@bp.get(f"/cases/<reference>/filings/<uuid:filing_id>/receipt.<{receipt_files.FORM}>")
def filing_receipt(reference: str, filing_id: uuid.UUID, form: str) -> BaseResponse:
    """The receipt that its developer has, as a file."""
    case = cases.load(g.session, reference, by=current_actor())
    found = cases.filing_of(g.session, case, filing_id)
    return receipt_files.answer(certification.entry_of(g.session, found), form)


@bp.get("/cases/<reference>/incidents/<incident_reference>")
def incident(reference: str, incident_reference: str) -> str:
    """One incident of the case."""
    found = known(reference)
    row = next((one for one in found.incidents if one.reference == incident_reference), None)
    if row is None:
        raise NotFound
    resolutions = incident_pages.resolutions(g.session, row)
    return page("cases/incident.html", found, "Filings", incident=row, resolutions=resolutions)


@bp.get("/cases/<reference>/history")
def history(reference: str) -> str:
    """Every entry about the case."""
    found = known(reference)
    return page("cases/history.html", found, "History", happened=timeline.happenings(g.session, found)[::-1])


@bp.get("/cases/<reference>/history/<int:number>")
def entry(reference: str, number: int) -> str:
    """One ledger entry of the case."""
    found = known(reference)
    one = timeline.find(g.session, found, number)
    if one is None:
        raise NotFound
    receipt = url_for("cases.entry_receipt", reference=reference, number=number)
    shown = entries.shown(g.session, one[0], receipt)
    return page("cases/entry.html", found, "History", shown=shown, happening=one[1])


@bp.get("/cases/<reference>/history/<int:number>/receipt.json")
def entry_receipt(reference: str, number: int) -> Response:
    """The receipt of that entry."""
    one = timeline.find(g.session, known(reference), number)
    if one is None:
        raise NotFound
    return entries.receipt_file(g.session, one[0])


def missing(found: Facts) -> list[str]:
    """What the case still lacks, in sentences."""
    lacks = [
        f"Answer to {row.reference}, {len(row.items)} items"
        for row in found.requests
        if row.state == "served"
    ]
    lacks += [f"{flag.code}: {flag.title}" for flag in found.open_flags]
    if found.report is None:
        lacks.append("A risk report")
    elif not any(engagement.state == "concluded" for engagement in found.engagements):
        lacks.append("An independent assessment")
    if found.case.decider_id is None:
        lacks.append("The name of the decider")
    return lacks


def _filing(reference: str, filing_id: uuid.UUID, problem: str = "") -> str:
    found = known(reference)
    row = cases.filing_of(g.session, found.case, filing_id)
    return page(
        "cases/filing.html",
        found,
        "Filings",
        filing=row,
        copy=documents.copies.of_subject(g.session, f"filing:{row.id}"),
        reading=filing_reading.reading_of(g.session, row),
        may=FILING.allowed(current_actor(), row),
        problem=problem,
        reason=request.form.get("reason", ""),
    )


def _row(found: Facts) -> dict[str, Any]:
    """A row of the queue."""
    act, now = acts.next_act(found), current_time()
    ticking = found.clock(now)
    newest = found.filings[0].kind.label.capitalize() if found.filings else "Incident"
    return {
        "facts": found,
        "act": act,
        "by": _by(act, found),
        "filing": newest,
        "age": (now.date() - found.case.opened_at.date()).days,
        "clock": ticking,
        "bar": bar(ticking.left, ticking.period) if ticking.state != "not started" else "",
    }


def _is_mine(act: acts.Act, found: Facts) -> bool:
    by = current_actor()
    if act.by == acts.OFFICER:
        return by.holds(Role.CASE_OFFICER) and found.case.officer_id in (None, by.person_id)
    if act.by == acts.DECIDER:
        return by.holds(Role.DECIDER) and found.case.decider_id in (None, by.person_id)
    return act.by == acts.APPROVER and by.holds(Role.PLAN_APPROVER)


def _by(act: acts.Act, found: Facts) -> str:
    if _is_mine(act, found):
        return "You"
    named = {acts.OFFICER: found.case.officer_id, acts.DECIDER: found.case.decider_id}.get(act.by)
    return found.name_of(named, act.by[0].upper() + act.by[1:])
