"""The developer's pages: what of hers is asked for, and her objections, block by block."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.disclosure import blocks, consulting, events
from portal.disclosure.blueprints import access_notices as bp
from portal.disclosure.tables import AccessNotice, AccessRequest
from portal.disclosure.workflow import ACCESS_NOTICE, AccessState, NoticeState
from portal.filing import receipt_files
from portal.law import access
from portal.review.requests import NotServable
from portal.web import current_actor, current_time
from secure_access import ledger
from secure_access.workflow import NotFound

WORDS = {
    NoticeState.SERVED: ("warn", "Waiting for you"),
    NoticeState.OBJECTED: ("neutral", "You objected"),
    NoticeState.AGREED: ("neutral", "You do not object"),
    NoticeState.SILENT: ("neutral", "You did not answer"),
}
RECEIPTS = {
    "notice": (events.NOTIFIED,),
    "objection": (events.OBJECTED, events.AGREED),
    "decision": (events.TOLD,),
}


@bp.get("/access-notices")
def index() -> str:
    """The notices to this developer."""
    found = consulting.visible(g.session, by=current_actor())
    return render_template("access/notices.html", notices=found, words=WORDS)


@bp.get("/access-notices/<reference>")
def show(reference: str) -> str:
    """One notice: the blocks, what can be done and until when."""
    return _page(consulting.load(g.session, reference, by=current_actor()), {})


@bp.post("/access-notices/<reference>")
def answer(reference: str) -> BaseResponse | tuple[str, int]:
    """Object to the blocks chosen, or say that nothing stands against disclosing."""
    by, now = current_actor(), current_time()
    notice = consulting.load(g.session, reference, by=by, for_update=True)
    chosen = request.form.getlist("blocks") if request.form.get("do") == "object" else []
    mine = {str(block.id): block.id for block in consulting.blocks_of(g.session, notice)}
    reasons = {mine[one]: request.form.get(f"reason-{one}", "") for one in chosen if one in mine}
    if request.form.get("do") == "object" and not reasons:
        return _page(
            notice, {"blocks": "Choose the blocks to which you object, or say that you do not."}
        ), 422
    try:
        consulting.answer(g.session, notice=notice, reasons=reasons, by=by, now=now)
    except NotServable as refused:
        return _page(notice, dict(refused.problems)), 422
    late = " It came after the date, and that is recorded." if notice.late else ""
    flash(f"Your answer is with the authority.{late}")
    return redirect(url_for(".show", reference=reference), 303)


@bp.get(f"/access-notices/<reference>/<any(notice, objection, decision):part>/receipt.<{receipt_files.FORM}>")
def receipt_file(reference: str, part: str, form: str) -> BaseResponse:
    """The receipt of the notice, of the answer to it, or of the decision against an objection."""
    notice = consulting.load(g.session, reference, by=current_actor())
    about = consulting.subject(notice)
    found = [entry for entry in ledger.entries(g.session, about) if entry.type in RECEIPTS[part]]
    if not found:
        raise NotFound
    return receipt_files.answer(found[-1], form)


def _page(notice: AccessNotice, problems: dict[str, str]) -> str:
    found = consulting.blocks_of(g.session, notice)
    row = g.session.get_one(AccessRequest, notice.request_id)
    decided = row.state in (AccessState.DECIDED, AccessState.RELEASED)
    law, by, now = access.load(row.law), current_actor(), current_time()
    refusal = ACCESS_NOTICE.refusal("object", by, consulting.heard(notice, now))
    return render_template(
        "access/notice.html",
        notice=notice,
        words=WORDS[notice.state],
        blocks=[(block, blocks.text_of(g.session, block)) for block in found],
        decided=decided,
        outcomes={block.id: law.exemption(block.exemption) for block in found} if decided else {},
        law=law,
        period=access.run(law, access.OBJECT, notice.served_at),
        refusal=refusal,
        open=refusal is None and row.state is AccessState.CONSULTED,
        released_at=row.released_at,
        now=now,
        problems=problems,
        chosen=request.form.getlist("blocks"),
        typed=request.form,
    )
