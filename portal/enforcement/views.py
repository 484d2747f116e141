"""Pages of enforcement: the list, a violation with its evidence, revenue and priors, notices."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import step_up
from portal.enforcement import notices, outdated, pictures, service, sheet, worksheets
from portal.enforcement.forms import AllegeForm
from portal.enforcement.grounds import provision
from portal.enforcement.tables import AllegedViolation, Worksheet
from portal.enforcement.workflow import NOTICE, VIOLATION, NoticeState, ViolationState
from portal.filing import receipt_files
from portal.web import current_actor, current_time, current_zone, writes
from secure_access import documents
from secure_access.documents import Document
from secure_access.step_up import digest_of
from secure_access.workflow import Denied

bp = Blueprint("enforcement", __name__, template_folder="templates", url_prefix="/penalties")

Page = str | BaseResponse | tuple[str, int]


@bp.get("/")
def index() -> str:
    """Suggested and alleged violations, worksheets that wait, notices."""
    by, session = current_actor(), g.session
    listed, written = service.violations(session, by=by), notices.waiting(session, by=by)
    alleged = [row for row in listed if row.violation.state is ViolationState.ALLEGED]
    return render_template(
        "enforcement/index.html",
        suggested=[row for row in listed if row.violation.state is ViolationState.SUGGESTED],
        alleged=[(row, worksheets.of_violation(session, row.violation, by=by)) for row in alleged],
        stale=outdated.listed(session, by=by),
        notices=written,
        noticed={row.worksheet_id for row in written if row.state is NoticeState.SENT},
        citation=citation,
        total=pictures.total,
        states=sheet.STATES,
    )


@bp.get("/violations/<reference>")
def violation(reference: str) -> str:
    """One violation."""
    row = service.load(g.session, reference, by=current_actor())
    return _violation_page(row, AllegeForm(data=_as_alleged(row)))


@bp.post("/violations/<reference>/allege")
def allege(reference: str) -> Page:
    """Make a suggestion an allegation."""
    by = current_actor()
    row = service.load(g.session, reference, by=by, for_update=True)
    form = AllegeForm(request.form)
    form.evidence.choices = _evidence_choices(row)
    if form.validate():
        try:
            service.allege(g.session, row, form.stated(), by=by, now=current_time())
        except Denied as denied:
            form.form_errors.append(denied.reason)
        else:
            flash(f"{row.reference} is alleged. Attach revenue where the law asks for it, then calculate.")
            return redirect(url_for("enforcement.violation", reference=reference), 303)
    return _violation_page(row, form), 422


@bp.post("/violations/<reference>/drop")
def drop(reference: str) -> Page:
    """Say that nothing is alleged."""
    by = current_actor()
    row = service.load(g.session, reference, by=by, for_update=True)
    reason = request.form.get("drop_reason", "")
    try:
        service.drop(g.session, row, reason=reason, by=by, now=current_time())
    except Denied as denied:
        form = AllegeForm(data=_as_alleged(row))
        form.form_errors.append(denied.reason)
        return _violation_page(row, form), 422
    flash(f"{row.reference} is dropped, with your reason.")
    return redirect(url_for("enforcement.index"), 303)


@bp.get("/notices/<reference>")
def notice(reference: str) -> str:
    """A notice that was written, sent or not."""
    by, now = current_actor(), current_time()
    row = notices.load(g.session, reference, by=by)
    basis = g.session.get_one(Worksheet, row.worksheet_id)
    standing = notices.standing(g.session, row, now=now)
    return render_template(
        "enforcement/notice.html",
        notice=row,
        worksheet=basis,
        violation=g.session.get_one(AllegedViolation, basis.violation_id),
        document=documents.find(g.session, row.document_id),
        replies=notices.replies(g.session, row),
        copy=documents.copies.of_subject(g.session, f"notice:{row.id}"),
        refusal=NOTICE.refusal("send", by, standing),
        amount=pictures.total(basis),
    )


@bp.post("/notices/<reference>/send")
def send(reference: str) -> Page:
    """Send it."""
    by = current_actor()
    row = notices.load(g.session, reference, by=by, for_update=True)
    page = step_up.asked(
        step_up.Act(
            "notice.send",
            f"notice:{row.id}",
            digest_of(g.session, row),
            words=f"Send it to {row.addressee}",
            about=row.reference,
            refusal=NOTICE.refusal("send", by, notices.standing(g.session, row, now=current_time())),
        )
    )
    if page is not None:
        return page
    notices.send(g.session, row, by=by, now=current_time())
    flash(f"{row.reference} is sent to {row.addressee}.")
    return redirect(url_for("enforcement.notice", reference=reference), 303)


@bp.get(f"/notices/<reference>/receipt.<{receipt_files.FORM}>")
def notice_receipt(reference: str, form: str) -> BaseResponse:
    """The receipt of its service as a file."""
    row = notices.load(g.session, reference, by=current_actor())
    return receipt_files.answer(notices.entry_of(g.session, row), form)


@bp.get("/notices/<reference>/copy.pdf")
@writes
def notice_copy(reference: str) -> BaseResponse:
    """Its signed copy of record."""
    row = notices.load(g.session, reference, by=current_actor())
    return receipt_files.copy_file(f"notice:{row.id}")


@bp.get("/notices/<reference>/file")
@writes
def notice_file(reference: str) -> Response:
    """The PDF of a notice."""
    by = current_actor()
    row = notices.load(g.session, reference, by=by)
    return download(notices.open_document(g.session, row, by=by, now=current_time()))


def download(document: Document) -> Response:
    """A document as a file that the browser saves and never opens by itself."""
    blocks = current_zone().wired.vault.chunks(document.stored, context=document.context)
    return attachment(b"".join(blocks), document.file_name, document.media_type)


def attachment(content: bytes | str, name: str, media_type: str) -> Response:
    """A file that the browser saves under a name of plain characters."""
    response = Response(content, content_type=media_type)
    plain = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "_" for c in name)
    response.headers["Content-Disposition"] = f'attachment; filename="{plain}"'
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def citation(row: AllegedViolation) -> str:
    """The provision as it is cited."""
    return str(provision(row.regime, row.provision)["citation"])


def _as_alleged(row: AllegedViolation) -> dict[str, Any]:
    return {
        "facts": row.facts,
        "occurred_from": row.occurred_from,
        "occurred_to": row.occurred_to,
        "evidence": [item["subject"] for item in row.evidence] or [row.subject],
        "reason": row.reason,
    }


def _evidence_choices(row: AllegedViolation) -> list[tuple[str, str]]:
    if row.state is ViolationState.DROPPED:
        return []
    found = service.evidence_options(g.session, row, by=current_actor())
    return [(item.subject, item.label) for item in found]


def _violation_page(row: AllegedViolation, form: AllegeForm) -> str:
    by = current_actor()
    form.evidence.choices = _evidence_choices(row)
    return render_template(
        "enforcement/violation.html",
        violation=row,
        form=form,
        citation=citation(row),
        case=service.case_of(g.session, row).reference,
        developer=service.developer_of(g.session, row).name,
        allowed=VIOLATION.allowed(by, service.standing(g.session, row)),
        sheets=worksheets.of_violation(g.session, row, by=by),
        total=pictures.total,
        states=sheet.STATES,
        drop_reason=request.form.get("drop_reason", ""),
    )
