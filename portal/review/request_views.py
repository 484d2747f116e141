"""Pages of information requests: asked and withdrawn by the authority, answered by the developer."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import step_up
from portal.filing import attachments, receipt_files
from portal.review import cases, plans, requests
from portal.review.blueprints import asked
from portal.review.blueprints import cases as bp
from portal.review.case_views import known, page
from portal.review.forms import QuestionsForm, end_of_day, errors, listed, numbered
from portal.review.requests import NotServable, Questions
from portal.review.tables import Case, InformationRequest
from portal.review.workflow import CASE, INFORMATION_REQUEST, RequestState
from portal.ui.formats import plural
from portal.upload import Upload
from portal.web import current_actor, current_time, current_zone, download, uploads, writes
from secure_access import documents
from secure_access.documents import Attached, Refused
from secure_access.workflow import NotFound


@bp.get("/cases/<reference>/requests", endpoint="requests")
def requests_of(reference: str) -> str:
    """The information requests and plan requests of a case."""
    return page("cases/requests.html", known(reference), "Requests")


@bp.get("/cases/<reference>/requests/new")
def new_request(reference: str) -> str:
    """The form of an information request."""
    CASE.take("ask", current_actor(), known(reference).case)
    form = QuestionsForm(data={"due": requests.default_due(current_time()).date()})
    return _form(reference, form, [""], {})


@bp.post("/cases/<reference>/requests/new")
def serve(reference: str) -> BaseResponse | tuple[str, int] | str:
    """Serve it, or add or take out an item."""
    form, items = QuestionsForm(request.form), numbered(request.form, "item")
    act = request.form.get("do", "serve")
    if act == "add":
        return _form(reference, form, [*items, ""], {})
    if act.startswith("remove-"):
        kept = [text for number, text in enumerate(items, 1) if act != f"remove-{number}"]
        return _form(reference, form, kept or [""], {})
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    try:
        valid = form.validate()
        questions = Questions(
            form.legal_basis.data or "", form.purpose.data or "", items, end_of_day(form.due.data)
        )
        problems = questions.problems(current_time())
        if problems or not valid:
            raise NotServable(problems)
        page_of_key = _asked(case, questions)
        if page_of_key is not None:
            return page_of_key
        row = requests.serve(
            g.session, case=case, questions=questions, by=current_actor(), now=current_time()
        )
    except NotServable as refused:
        return _form(reference, form, items or [""], errors(form, refused.problems)), 422
    flash(f"{row.reference} is served. The review clock stands still until it is answered in full.")
    return redirect(url_for(".requests", reference=reference), 303)


def _asked(case: Case, questions: Questions) -> step_up.Page | None:
    """Ask for a key before questions are served: the review clock stands still from then on."""
    return step_up.asked(
        step_up.Act(
            "information_request.serve",
            f"case:{case.id}",
            step_up.shown(case),
            words="Serve an information request",
            about=f"{case.reference}: {plural(len(questions.items), 'question')}",
            refusal=CASE.refusal("ask", current_actor(), case),
        )
    )


@bp.get("/cases/<reference>/requests/<request_reference>", endpoint="request")
def show_request(reference: str, request_reference: str) -> str:
    """One information request with its answer."""
    row = _of_case(reference, request_reference)
    return page(
        "cases/request.html",
        known(reference),
        "Requests",
        request_=row,
        attached=_attached(row) if row.state is RequestState.ANSWERED else {},
        may=INFORMATION_REQUEST.allowed(current_actor(), row),
    )


@bp.post("/cases/<reference>/requests/<request_reference>/withdraw")
def withdraw(reference: str, request_reference: str) -> BaseResponse:
    """Withdraw a request: nobody has to answer it any longer."""
    row = _of_case(reference, request_reference, for_update=True)
    requests.withdraw(g.session, request=row, by=current_actor(), now=current_time())
    flash(f"{row.reference} is withdrawn. The developer is told, and the review clock runs again.")
    return redirect(url_for(".requests", reference=reference), 303)


@bp.get("/cases/<reference>/requests/<request_reference>/documents/<uuid:document_id>")
@writes
def answer_document(reference: str, request_reference: str, document_id: Any) -> Response:
    """A file that came with an answer. The reading is recorded before a byte is sent."""
    row = _of_case(reference, request_reference)
    if row.state is not RequestState.ANSWERED:
        raise NotFound
    return _download(row, document_id)


@asked.get("/requests")
def index() -> str:
    """What the authority asks of this developer."""
    by = current_actor()
    return render_template(
        "asked/index.html",
        requests=requests.visible(g.session, by=by),
        plans=plans.visible(g.session, by=by),
        now=current_time(),
    )


@asked.get("/requests/<reference>")
def show(reference: str) -> str:
    """One request: its items, and what has been written so far."""
    return _answer_form(requests.load(g.session, reference, by=current_actor()))


@asked.get(f"/requests/<reference>/receipt.<{receipt_files.FORM}>")
def receipt_file(reference: str, form: str) -> BaseResponse:
    """The receipt of a complete answer as a file."""
    row = requests.load(g.session, reference, by=current_actor())
    return receipt_files.answer(receipt_files.entry_of(g.session, _subject(row), requests.ANSWERED), form)


@asked.post("/requests/<reference>")
def answer(reference: str) -> BaseResponse | tuple[str, int]:
    """Save what is written, or send the complete answer."""
    row = requests.load(g.session, reference, by=current_actor(), for_update=True)
    texts = {int(item["number"]): request.form.get(f"answer-{item['number']}", "") for item in row.items}
    requests.save_answers(g.session, request=row, answers=texts, by=current_actor(), now=current_time())
    for number in texts:
        for upload in uploads(f"file-{number}"):
            problem = _keep(row, number, upload)
            if problem:
                return _answer_form(row, {f"file-{number}": problem}, texts), 422
    missing = requests.unanswered(g.session, row)
    if request.form.get("do") != "send":
        flash(f"Saved. {plural(len(missing), 'item')} without an answer. Only your organisation reads it.")
        return redirect(url_for(".show", reference=reference), 303)
    if missing:
        words = "Answer this item, or say in it why you cannot. Only a complete answer ends the request."
        return _answer_form(row, {f"answer-{number}": words for number in missing}, texts), 422
    requests.send_answers(g.session, request=row, by=current_actor(), now=current_time())
    flash(f"Your answer to {reference} is sent. The authority reads it now.")
    return redirect(url_for(".show", reference=reference), 303)


@asked.post("/requests/<reference>/documents/<uuid:document_id>/remove")
def remove(reference: str, document_id: Any) -> BaseResponse:
    """Take a file off an answer that has not been sent."""
    row = requests.load(g.session, reference, by=current_actor(), for_update=True)
    INFORMATION_REQUEST.take("answer", current_actor(), row)
    item = attachments.one(g.session, _subject(row), document_id)
    documents.detach(g.session, attachment=item.attachment, by=current_actor(), now=current_time())
    flash("The file is taken off.")
    return redirect(url_for(".show", reference=reference), 303)


@asked.get("/requests/<reference>/documents/<uuid:document_id>")
@writes
def own_document(reference: str, document_id: Any) -> Response:
    """A file of one's own answer."""
    return _download(requests.load(g.session, reference, by=current_actor()), document_id)


def _keep(row: InformationRequest, number: int, upload: Upload) -> str:
    """Keep a file with an item; what is wrong with it, in words, or nothing."""
    vault = current_zone().wired.vault
    try:
        accepted = documents.accept(
            vault, upload.claim(), document_id=upload.document_id, name=upload.filename
        )
    except Refused as refused:
        return refused.words
    by, now = current_actor(), current_time()
    document = documents.receive(
        g.session, file=accepted, kind="answer", title=f"Item {number}: {accepted.name}", by=by, now=now
    )
    documents.attach(
        g.session,
        document=document,
        subject=_subject(row),
        label=f"{number}",
        audience=documents.Audience.CONFIDENTIAL,
        by=by,
        now=now,
    )
    return ""


def _download(row: InformationRequest, document_id: Any) -> Response:
    opened = attachments.opened(
        g.session, subject=_subject(row), document_id=document_id, by=current_actor(), now=current_time()
    )
    return download(opened, attachments.blocks(current_zone().wired.vault, opened))


def _attached(row: InformationRequest) -> dict[int, list[Attached]]:
    """The files of an answer by item number."""
    found: dict[int, list[Attached]] = {}
    for item in documents.for_subject(g.session, _subject(row)):
        found.setdefault(int(item.attachment.label), []).append(item)
    return found


def _subject(row: InformationRequest) -> str:
    return f"information_request:{row.id}"


def _of_case(reference: str, request_reference: str, *, for_update: bool = False) -> InformationRequest:
    """A request of the case in the address, and of no other."""
    case: Case = cases.load(g.session, reference, by=current_actor())
    row = requests.load(g.session, request_reference, by=current_actor(), for_update=for_update)
    if row.case_id != case.id:
        raise NotFound
    return row


def _form(reference: str, form: QuestionsForm, items: list[str], beside: dict[str, str]) -> str:
    return page(
        "cases/new_request.html",
        known(reference),
        "Requests",
        form=form,
        items=items,
        beside=beside,
        problems=listed(form, beside),
    )


def _answer_form(
    row: InformationRequest, problems: dict[str, str] | None = None, typed: dict[int, str] | None = None
) -> str:
    written = requests.drafts(g.session, row)
    texts = {number: draft.text for number, draft in written.items()} | (typed or {})
    return render_template(
        "asked/request.html",
        request_=row,
        texts=texts,
        saved=max((draft.saved_at for draft in written.values()), default=None),
        attached=_attached(row),
        may=INFORMATION_REQUEST.allowed(current_actor(), row),
        problems=problems or {},
        now=current_time(),
    )
