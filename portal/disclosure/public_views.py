"""The requester's pages: ask without an account, follow it and read the answer under a link."""

from __future__ import annotations

import uuid

from flask import g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.disclosure import events, intake, links, public
from portal.disclosure.blueprints import access as bp
from portal.disclosure.forms import AskForm
from portal.disclosure.intake import Asked
from portal.filing import receipt_files
from portal.law import access as law
from portal.law import statute
from portal.law.deadlines import legal_day
from portal.review.forms import errors, listed
from portal.review.requests import NotServable
from portal.web import current_time, current_zone


@bp.get("/access-requests")
def ask() -> str:
    """How to ask, and the form."""
    return _form(AskForm(), links.link_of(_key(), uuid.uuid4()), {})


@bp.post("/access-requests")
def send() -> BaseResponse | tuple[str, int]:
    """Keep what is asked. The form brings the link that it will have, so that sent twice it is kept once."""
    link = request.form.get("link", "")
    request_id, form = links.request_of(_key(), link), AskForm(request.form)
    asked = Asked(form.name.data or "", form.contact.data or "", form.words.data or "")
    try:
        intake.send(g.session, request_id=request_id, asked=asked, now=current_time())
    except NotServable as refused:
        return _form(form, link, errors(form, refused.problems)), 422
    return redirect(url_for(".follow", link=link), 303)


@bp.get("/access-requests/<link>")
def follow(link: str) -> str:
    """Where a request stands; its answer once that is released."""
    request_id = links.request_of(_key(), link)
    if public.waiting(g.session, request_id):
        return render_template("access/sent.html")
    found = public.request_public(g.session, request_id)
    return render_template(
        "access/follow.html",
        asked=found,
        link=link,
        now=current_time(),
        zone=found.law.pack.zone.key,
        period=law.answer(found.law, found.received_at, extended=found.extended_at is not None),
    )


@bp.get(f"/access-requests/<link>/receipt.<{receipt_files.FORM}>")
def receipt_file(link: str, form: str) -> BaseResponse:
    """The receipt of what was asked."""
    return _receipt(link, events.RECEIVED, form)


@bp.get(f"/access-requests/<link>/answer.<{receipt_files.FORM}>")
def answer_file(link: str, form: str) -> BaseResponse:
    """The receipt of the answer."""
    return _receipt(link, events.RELEASED, form)


def _receipt(link: str, event: str, form: str) -> BaseResponse:
    found = public.request_public(g.session, links.request_of(_key(), link))
    entry = receipt_files.entry_of(g.session, intake.subject(found.id), event)
    return receipt_files.answer(entry, form)


def _form(form: AskForm, link: str, beside: dict[str, str]) -> str:
    zone = statute.load(statute.OFFICE).zone
    return render_template(
        "access/ask.html",
        form=form,
        link=link,
        law=law.of_place(legal_day(current_time(), zone)),
        period=law.ANSWER,
        problems=listed(form, beside),
        today=current_time().date(),
    )


def _key() -> bytes:
    return current_zone().wired.secrets[links.KEY]
