"""The authority's pages of access requests: find, hear, prepare, decide, release."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import step_up
from portal.disclosure import blocks, consulting, deciding, events, intake, jobs, links, requests
from portal.disclosure.blueprints import access_requests as bp
from portal.disclosure.deciding import Ruling
from portal.disclosure.forms import EnterForm
from portal.disclosure.intake import Asked
from portal.disclosure.tables import AccessRequest
from portal.disclosure.workflow import ACCESS_REQUEST, NoticeState, Outcome, Standing
from portal.filing import receipt_files
from portal.law import access
from portal.review import cases
from portal.review.forms import errors, listed
from portal.review.requests import NotServable
from portal.web import current_actor, current_time, current_zone
from secure_access.identity import Organisation
from secure_access.step_up import digest_of
from secure_access.workflow import Denied

SAID = {
    NoticeState.SERVED: ("warn", "Has not answered"),
    NoticeState.OBJECTED: ("stop", "Objects"),
    NoticeState.AGREED: ("good", "Does not object"),
    NoticeState.SILENT: ("neutral", "Was silent"),
}
Page = BaseResponse | tuple[str, int]


@bp.get("/access-requests")
def index() -> str:
    """Every access request; those without an answer first, by the date of the law."""
    number = request.args.get("page", "1")
    found = requests.listed(g.session, number=int(number) if number.isdecimal() and len(number) < 7 else 1)
    zones = {law: access.load(law).pack.zone.key for law in {row.law for row in found.rows}}
    return render_template(
        "access/index.html", page=found, now=current_time(), laws=_laws(found.rows), zones=zones
    )


@bp.get("/access-requests/new")
def new() -> str:
    """The form for a request that came by mail."""
    return render_template("access/new.html", form=EnterForm(), problems=[])


@bp.post("/access-requests/new")
def enter() -> Page:
    """Enter it."""
    form, now = EnterForm(request.form), current_time()
    came = form.received.data if form.validate() else None
    asked = Asked(form.name.data or "", form.contact.data or "", form.words.data or "")
    try:
        if came is None:
            missing = [] if form.received.errors else [("received", "Give the day on which it came.")]
            raise NotServable([*missing, *asked.problems(by_form=False)])
        key = current_zone().wired.secrets[links.KEY]
        row = intake.record(g.session, asked=asked, received_on=came, key=key, by=current_actor(), now=now)
    except NotServable as refused:
        beside = errors(form, refused.problems)
        return render_template("access/new.html", form=form, problems=listed(form, beside)), 422
    flash(f"{row.reference} is entered. Choose the filings and decisions that it asks for.")
    return redirect(url_for(".show", reference=row.reference), 303)


@bp.get("/access-requests/<reference>")
def show(reference: str) -> str:
    """One request: what is asked, by when, the blocks, what each developer said, the answer."""
    return _page(requests.load(g.session, reference), {})


@bp.post("/access-requests/<reference>")
def act(reference: str) -> Page:
    """Every act that is not a ruling: choose, leave out, hear, extend, close, release."""
    row = requests.load(g.session, reference, for_update=True)
    do = _ACTS.get(request.form.get("do", ""))
    if do is None:
        raise Denied(
            "The form did not say what to do.", "Go back, reload the page and use one of its buttons."
        )
    try:
        words = do(row, {"by": current_actor(), "now": current_time()})
    except NotServable as refused:
        return _page(row, dict(refused.problems)), 422
    flash(words)
    return redirect(url_for(".show", reference=reference, find=request.form.get("find") or None), 303)


@bp.get("/access-requests/<reference>/answer")
def draft(reference: str) -> str:
    """The form of the answer: a ruling for each block."""
    row = requests.load(g.session, reference)
    ACCESS_REQUEST.take("prepare", current_actor(), requests.standing(g.session, row, current_time()))
    return _draft(row, {})


@bp.post("/access-requests/<reference>/answer")
def prepare(reference: str) -> Page:
    """Put the answer to a decider."""
    row = requests.load(g.session, reference, for_update=True)
    rulings = {block.id: _ruling(block.id) for block in requests.blocks_of(g.session, row)}
    answer = request.form.get("answer", "")
    try:
        deciding.prepare(
            g.session, request=row, rulings=rulings, answer=answer, by=current_actor(), now=current_time()
        )
    except NotServable as refused:
        return _draft(row, dict(refused.problems)), 422
    flash(f"The answer to {reference} waits for a decider. You prepared it, so somebody else decides.")
    return redirect(url_for(".show", reference=reference), 303)


@bp.post("/access-requests/<reference>/decision")
def decide(reference: str) -> Page:
    """Decide as prepared, or send it back."""
    by, now = current_actor(), current_time()
    row = requests.load(g.session, reference, for_update=True)
    if request.form.get("do") == "send_back":
        try:
            reason = request.form.get("sent_back_reason", "")
            deciding.send_back(g.session, request=row, reason=reason, by=by, now=now)
        except NotServable as refused:
            return _page(row, dict(refused.problems)), 422
        flash(f"{reference} is sent back. The case officer reads your reason.")
        return redirect(url_for(".show", reference=reference), 303)
    asked = _asked(row, now)
    if asked is not None:
        return asked
    deciding.decide(g.session, request=row, by=by, now=now)
    flash(
        f"{reference} is decided and released."
        if row.released_at
        else f"{reference} is decided. Developers were told, and it can be released once their days are over."
    )
    return redirect(url_for(".show", reference=reference), 303)


@bp.get(f"/access-requests/<reference>/receipt.<{receipt_files.FORM}>")
def receipt_file(reference: str, form: str) -> BaseResponse:
    """The receipt of what was asked, as the requester has it."""
    row = requests.load(g.session, reference)
    return receipt_files.answer(
        receipt_files.entry_of(g.session, intake.subject(row.id), events.RECEIVED), form
    )


def _asked(row: AccessRequest, now: datetime) -> step_up.Page | None:
    """Ask for a key before it is decided: over the request with its blocks."""
    found = requests.blocks_of(g.session, row)
    return step_up.asked(
        step_up.Act(
            "access_request.decide",
            intake.subject(row.id),
            digest_of(g.session, row, *found),
            words="Decide the access request as prepared",
            about=row.reference,
            refusal=ACCESS_REQUEST.refusal("decide", current_actor(), requests.standing(g.session, row, now)),
        )
    )


def _affect(row: AccessRequest, who: dict[str, Any]) -> str:
    count = requests.affect(g.session, request=row, chosen=request.form.get("chosen", ""), **who)
    return f"{count} {'block is' if count == 1 else 'blocks are'} asked for now."


def _leave_out(row: AccessRequest, who: dict[str, Any]) -> str:
    requests.leave_out(g.session, request=row, chosen=request.form.get("chosen", ""), **who)
    return "It is left out."


def _consult(row: AccessRequest, who: dict[str, Any]) -> str:
    made = consulting.consult(g.session, request=row, **who)
    return f"{len(made)} {'developer has' if len(made) == 1 else 'developers have'} a notice."


def _extend(row: AccessRequest, who: dict[str, Any]) -> str:
    requests.extend(g.session, request=row, reason=request.form.get("extension_reason", ""), **who)
    return "The time to answer is extended. The requester reads your reason."


def _close(row: AccessRequest, who: dict[str, Any]) -> str:
    requests.close(g.session, request=row, reason=request.form.get("close_reason", ""), **who)
    return f"{row.reference} is closed."


def _release(row: AccessRequest, who: dict[str, Any]) -> str:
    deciding.release(g.session, request=row, **who)
    return f"The answer to {row.reference} is released."


_ACTS = {
    "affect": _affect,
    "leave_out": _leave_out,
    "consult": _consult,
    "extend": _extend,
    "close": _close,
    "release": _release,
}


def _ruling(block_id: uuid.UUID) -> Ruling:
    said = request.form.get(f"outcome-{block_id}", "")
    return Ruling(
        Outcome(said) if said in set(Outcome) else Outcome.OPEN,
        request.form.get(f"exemption-{block_id}", ""),
        request.form.get(f"reason-{block_id}", ""),
    )


def _laws(rows: list[AccessRequest]) -> dict[str, str]:
    return {law: access.load(law).pack.short for law in {row.law for row in rows}}


def _page(row: AccessRequest, problems: dict[str, str]) -> str:
    by, now = current_actor(), current_time()
    standing = requests.standing(g.session, row, now)
    may, law = ACCESS_REQUEST.allowed(by, standing), access.load(row.law)
    wanted = request.values.get("find", "")
    return render_template(
        "access/show.html",
        asked=row,
        law=law,
        period=access.answer(law, row.received_at, extended=row.extended_at is not None),
        now=now,
        may=may,
        why_not={name: _why(name, standing) for name in ("consult", "prepare", "decide", "release")},
        sources=_sources(row),
        notices=[
            (notice, g.session.get_one(Organisation, notice.developer_id).name, SAID[notice.state])
            for notice in requests.notices(g.session, row)
            if notice.developer_id not in by.conflicts
        ],
        exemptions={one.code: one for one in law.exemptions},
        offered=_offered(row, wanted) if "affect" in may else [],
        wanted=wanted,
        people={
            who: cases.name_of(g.session, who) if who else ""
            for who in (row.entered_by, row.prepared_by, row.decided_by)
        },
        address=jobs.address_of(current_zone().wired, row.id),
        problems=problems,
        typed=request.form,
    )


def _why(action: str, standing: Standing) -> str:
    refusal = ACCESS_REQUEST.refusal(action, current_actor(), standing)
    return refusal.words if refusal else ""


def _offered(row: AccessRequest, wanted: str) -> list[blocks.Holding]:
    there = {block.subject for block in requests.blocks_of(g.session, row)}
    found = blocks.holdings(g.session, by=current_actor(), wanted=wanted)
    return [one for one in found if one.chosen not in there]


def _sources(row: AccessRequest) -> list[dict[str, Any]]:
    """The blocks by what they are of, without those of a developer with whom this official has a conflict."""
    found: dict[str, dict[str, Any]] = {}
    for block in requests.blocks_of(g.session, row):
        if block.developer_id in current_actor().conflicts:
            continue
        source = found.setdefault(
            block.subject,
            {
                "subject": block.subject,
                "reference": block.source,
                "title": block.title,
                "developer": g.session.get_one(Organisation, block.developer_id).name,
                "blocks": [],
            },
        )
        source["blocks"].append((block, blocks.text_of(g.session, block)))
    return list(found.values())


def _draft(row: AccessRequest, problems: dict[str, str]) -> str:
    law = access.load(row.law)
    return render_template(
        "access/draft.html",
        asked=row,
        sources=_sources(row),
        law=law,
        exemptions=[(one.code, f"{one.label} ({one.citation})") for one in law.exemptions],
        problems=problems,
        typed=request.form,
        now=current_time(),
    )
