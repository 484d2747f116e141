"""The developer's pages: preliminary findings addressed to her, and her answer."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.enforcement import events, notices, pictures
from portal.enforcement.tables import AllegedViolation, Notice, Worksheet
from portal.enforcement.views import Page, citation, download
from portal.filing import receipt_files
from portal.web import current_actor, current_time, writes
from secure_access import documents
from secure_access.workflow import Denied, NotFound

bp = Blueprint("findings", __name__, template_folder="templates", url_prefix="/findings")


@bp.get("/")
def index() -> str:
    """The findings sent to this organisation."""
    return render_template("findings/index.html", notices=notices.received(g.session, by=current_actor()))


@bp.get("/<reference>")
def show(reference: str) -> str:
    """One notice with its answers."""
    return _page(notices.load_received(g.session, reference, by=current_actor()))


@bp.post("/<reference>/reply")
def reply(reference: str) -> Page:
    """Answer it."""
    by = current_actor()
    row = notices.load_received(g.session, reference, by=by)
    text = request.form.get("text", "")
    try:
        made = notices.reply(g.session, row, text=text, by=by, now=current_time())
    except Denied as denied:
        return _page(row, text, denied.reason), 422
    late = " It came after the time, and that is ruled on." if made.late else ""
    flash(f"Your answer is kept.{late}")
    return redirect(url_for("findings.show", reference=reference), 303)


@bp.get("/<reference>/file")
@writes
def file(reference: str) -> Response:
    """The PDF."""
    by = current_actor()
    row = notices.load_received(g.session, reference, by=by)
    return download(notices.open_document(g.session, row, by=by, now=current_time()))


@bp.get(f"/<reference>/receipt.<{receipt_files.FORM}>")
def receipt_file(reference: str, form: str) -> BaseResponse:
    """The receipt of the service as a file."""
    row = notices.load_received(g.session, reference, by=current_actor())
    return receipt_files.answer(notices.entry_of(g.session, row), form)


@bp.get(f"/<reference>/answers/<uuid:reply_id>/receipt.<{receipt_files.FORM}>")
def reply_receipt(reference: str, reply_id: uuid.UUID, form: str) -> BaseResponse:
    """The receipt of an answer as a file."""
    row = notices.load_received(g.session, reference, by=current_actor())
    if reply_id not in {one.id for one in notices.replies(g.session, row)}:
        raise NotFound
    found = receipt_files.entry_of(g.session, f"notice_reply:{reply_id}", events.NOTICE_ANSWERED)
    return receipt_files.answer(found, form)


@bp.get("/<reference>/copy.pdf")
@writes
def copy_file(reference: str) -> BaseResponse:
    """The signed copy of record."""
    row = notices.load_received(g.session, reference, by=current_actor())
    return receipt_files.copy_file(f"notice:{row.id}")


def _page(row: Notice, text: str = "", error: str = "") -> str:
    sheet = g.session.get_one(Worksheet, row.worksheet_id)
    violation = g.session.get_one(AllegedViolation, sheet.violation_id)
    return render_template(
        "findings/show.html",
        notice=row,
        violation=violation,
        citation=citation(violation),
        amount=pictures.total(sheet),
        document=documents.find(g.session, row.document_id),
        replies=notices.replies(g.session, row),
        copy=documents.copies.of_subject(g.session, f"notice:{row.id}"),
        text=text,
        error=error,
        over=row.reply_by is not None and current_time() > row.reply_by,
    )
