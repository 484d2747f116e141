"""Pages of plan requests: drawn up, approved and ended by the authority, delivered by the developer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

from flask import Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import step_up
from portal.review import alerts, cases, custody_lines, openings, plan_grants, plans
from portal.review.blueprints import asked
from portal.review.blueprints import plans as bp
from portal.review.case_views import known, page
from portal.review.forms import PlanForm, end_of_day, errors, ids, listed, start_of_day
from portal.review.plan_pages import custody, own_page, people, shown_page
from portal.review.plans import Wanted
from portal.review.requests import NotServable
from portal.review.tables import PlanRequest
from portal.review.workflow import CASE, PLAN_REQUEST, HandlingClass
from portal.ui import entries
from portal.web import current_actor, current_time
from secure_access.ledger import LedgerEntry
from secure_access.step_up import digest_of
from secure_access.workflow import Denied, NotFound


@bp.get("/plans")
def index() -> str:
    """Every plan request that this official may see."""
    by = current_actor()
    found = plans.visible(g.session, by=by)
    return render_template(
        "plans/index.html",
        requests=found,
        reads=[row for row in found if str(by.person_id) in row.readers],
        now=current_time(),
        custody=custody(),
    )


@bp.get("/cases/<reference>/plan/new")
def new(reference: str) -> str:
    """The form of a plan request."""
    CASE.take("request_plan", current_actor(), known(reference).case)
    return _form(reference, PlanForm(), [], [], {})


@bp.post("/cases/<reference>/plan/new")
def ask(reference: str) -> BaseResponse | tuple[str, int]:
    """Draw it up; another official approves it."""
    form = PlanForm(request.form)
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    sections, readers = request.form.getlist("sections"), ids(request.form.getlist("readers"))
    outline = plans.outline_of(g.session, case)
    wanted = Wanted(
        outline_id=outline.id if outline else None,
        sections=sections,
        purpose=form.purpose.data or "",
        legal_basis=form.legal_basis.data or "",
        necessity=form.necessity.data or "",
        readers=readers,
        deliver_by=end_of_day(form.deliver_by.data),
        read_from=start_of_day(form.read_from.data),
        read_until=end_of_day(form.read_until.data),
        handling=handling_class(form.handling.data),
        pages=whole_number(form.pages.data),
    )
    try:
        if not form.validate():
            raise NotServable(wanted.problems(current_time()))
        row = plans.ask(g.session, case=case, wanted=wanted, by=current_actor(), now=current_time())
    except NotServable as refused:
        return _form(reference, form, sections, readers, errors(form, refused.problems)), 422
    flash(f"{row.reference} waits for a plan approver. The developer is asked once it is approved.")
    return redirect(url_for(".show", reference=row.reference), 303)


@bp.get("/plans/<reference>")
def show(reference: str) -> str:
    """One plan request."""
    return shown_page(plans.load(g.session, reference, by=current_actor()))


@bp.post("/plans/<reference>")
def act(reference: str) -> BaseResponse | tuple[str, int]:
    """Approve, refuse, withdraw, end the reading, or have another access grant offered."""
    row = plans.load(g.session, reference, by=current_actor(), for_update=True)
    do, by, now = request.form.get("do"), current_actor(), current_time()
    if do == "approve":
        page = _asked(row)
        if page is not None:
            return page
        plans.approve(g.session, request=row, by=by, now=now)
        flash(f"You approved {reference}.")
    elif do == "refuse":
        try:
            plans.refuse(g.session, request=row, reason=request.form.get("reason", ""), by=by, now=now)
        except ValueError as wrong:
            return shown_page(row, str(wrong)), 422
        flash(f"{reference} is refused. The requester reads your reason.")
    elif do == "withdraw":
        plans.withdraw(g.session, request=row, by=by, now=now)
        flash(f"{reference} is withdrawn.")
    elif do == "offer_again":
        readers, listed = ids(request.form.getlist("reader")), custody_lines.listed_in(g.session)
        if len(readers) != 1:
            raise Denied("The form did not say whom to offer it to.", "Go back and reload the page.")
        made = plan_grants.offer_again(g.session, row, readers[0], listed, by=by, now=now)
        flash(f"{made.reference} is offered within seconds. Two approvers read and sign it at the custodian.")
    elif do == "end":
        plans.end(g.session, request=row, by=by, now=now)
        flash("Nobody can open this plan any longer.")
    else:
        raise Denied(
            "The form did not say what to do.", "Go back, reload the page and use one of its buttons."
        )
    return redirect(url_for(".show", reference=reference), 303)


def _asked(row: PlanRequest) -> step_up.Page | None:
    """Ask for a key before the asking is approved."""
    return step_up.asked(
        step_up.Act(
            "plan_request.approve",
            plans.subject_of(row),
            digest_of(g.session, row),
            words="Approve the plan request",
            about=row.reference,
            refusal=PLAN_REQUEST.refusal("approve", current_actor(), plans.approving(g.session, row)),
        )
    )


@bp.post("/plans/<reference>/emergency")
def break_glass(reference: str) -> BaseResponse | tuple[str, int]:
    """Draw up an emergency access: a reader, sections, and why it cannot wait."""
    row = plans.load(g.session, reference, by=current_actor(), for_update=True)
    PLAN_REQUEST.take("break_glass", current_actor(), plans.approving(g.session, row))
    chosen = set(request.form.getlist("sections"))
    sections = [one for one in plans.sections(g.session, row) if one.sha256 and one.section in chosen]
    why, reader = request.form.get("why", ""), request.form.get("reader", "")
    listed, now = custody_lines.listed_in(g.session), current_time()
    person = listed.person(reader, now) if listed else None
    known = {str(one.id) for one in plans.readers_known(g.session, row.developer_id)}
    if person is None or reader not in known or not sections or not why.strip():
        return shown_page(row, "Choose a reader and sections, and say why it cannot wait.", "emergency"), 422
    obstacle = plan_grants.obstacle(listed, reader, str(row.developer_id), now)
    if obstacle:
        return shown_page(row, obstacle, "emergency"), 422
    wanted = plan_grants.Emergency(person, sections, why)
    made = plan_grants.emergency(g.session, row, wanted, by=current_actor(), now=now)
    flash(
        f"{made.reference} is offered. Two people approve it at the custodian; it tells the developer first."
    )
    return redirect(url_for(".show", reference=reference), 303)


@bp.post("/plans/<reference>/alerts")
def answer_alert(reference: str) -> BaseResponse | tuple[str, int]:
    """Say what came of an alert."""
    row = plans.load(g.session, reference, by=current_actor(), for_update=True)
    key = request.form.get("alert", "")
    try:
        alerts.close(
            g.session,
            request=row,
            key=key,
            answer=request.form.get("answer", ""),
            by=current_actor(),
            now=current_time(),
        )
    except ValueError as wrong:
        return shown_page(row, str(wrong), f"answer-{key}"), 422
    flash("Your answer is kept with the alert.")
    return redirect(url_for(".show", reference=reference), 303)


@asked.get("/plans/<reference>", endpoint="plan")
def own(reference: str) -> str:
    """What is asked of the developer's plan, by whom and why; its delivery."""
    return own_page(plans.load(g.session, reference, by=current_actor()))


@asked.get("/plans/<reference>/key", endpoint="plan_key")
def plan_key(reference: str) -> Response:
    """The published half of the plan key, as the file that ``assay seal`` takes."""
    row = plans.load(g.session, reference, by=current_actor())
    if row.plan_key_text is None:
        raise NotFound
    response = Response(row.plan_key_text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{row.reference}.plan-key.json"'
    return response


@asked.get("/plans/<reference>/outline", endpoint="plan_outline")
def plan_outline(reference: str) -> Response:
    """What the public outline says of the sections asked for, as the file that ``assay seal-check`` takes."""
    row = plans.load(g.session, reference, by=current_actor())
    text = json.dumps(plans.outline_texts(g.session, row), ensure_ascii=False, indent=1)
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{row.reference}.outline.json"'
    return response


@asked.get("/plans/<reference>/openings", endpoint="openings")
def who_opened(reference: str) -> str:
    """Who opened my plan."""
    row = plans.load(g.session, reference, by=current_actor())
    return render_template(
        "asked/openings.html",
        request_=row,
        record=openings.record(g.session, row, now=current_time(), address=_entry_of(reference)),
        standing=openings.standing(g.session, row, now=current_time()),
        people=people(row),
        entry_url=_entry_of(reference),
        place=openings.place,
        custody=custody(),
    )


@asked.get("/plans/<reference>/openings/<uuid:entry_id>", endpoint="opening")
def opening(reference: str, entry_id: uuid.UUID) -> str:
    """One opening or refusal as its ledger entry, with its proof."""
    row = plans.load(g.session, reference, by=current_actor())
    found = openings.find(g.session, row, entry_id)
    return entries.page(
        g.session,
        found.entry,
        what=found.words,
        path=[
            ("Requests", url_for(".index")),
            (reference, url_for(".plan", reference=reference)),
            ("Who opened my plan", url_for(".openings", reference=reference)),
        ],
        receipt=url_for(".opening_receipt", reference=reference, entry_id=entry_id),
    )


@asked.get("/plans/<reference>/openings/<uuid:entry_id>/receipt.json", endpoint="opening_receipt")
def opening_receipt(reference: str, entry_id: uuid.UUID) -> Response:
    """The receipt of that entry: proof, to who trusts neither side, that the page was opened then."""
    row = plans.load(g.session, reference, by=current_actor())
    return entries.receipt_file(g.session, openings.find(g.session, row, entry_id).entry)


def _entry_of(reference: str) -> Callable[[LedgerEntry], str]:
    return lambda entry: url_for("asked.opening", reference=reference, entry_id=entry.id)


def handling_class(value: object) -> HandlingClass:
    """The class of that name; the mildest for one that the form refuses anyway."""
    known = {one.value: one for one in HandlingClass}
    return known.get(str(value), HandlingClass.CONFIDENTIAL)


def whole_number(value: object) -> int | None:
    """A whole number as somebody types it, with spaces or commas; ``None`` for anything else."""
    text = str(value or "").replace(",", "").replace(" ", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _form(
    reference: str, form: PlanForm, sections: list[str], readers: list[uuid.UUID], beside: dict[str, str]
) -> str:
    found = known(reference)
    outline = plans.outline_of(g.session, found.case)
    return page(
        "plans/new.html",
        found,
        "Requests",
        form=form,
        outline=outline,
        offered=plans.sections_of(outline) if outline else [],
        readers_known=plans.readers_known(g.session, found.case.developer_id),
        sections=sections,
        readers=readers,
        beside=beside,
        problems=listed(form, beside),
    )
