"""A reader's notes and quotations, carried between the reading room and the core. Nothing is kept here."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from secure_access.custodian.front.acting import passkey_options, told
from secure_access.custodian.front.pages import core
from secure_access.custodian.front.sittings import page_number

routes = Blueprint("noting", __name__, url_prefix="/sitting")


@routes.post("/notes")
def notes() -> ResponseReturnValue:
    """The notes of the sitting's grant, and what was quoted under it."""
    (sitting,) = told("sitting")
    return core().ask("page.notes", token=sitting)


@routes.post("/notes/write")
def write() -> ResponseReturnValue:
    """A new note beside a page."""
    return core().ask("note.write", **_beside(*told("sitting", "section", "page", "text")))


@routes.post("/notes/change")
def change() -> ResponseReturnValue:
    """The next version of a note."""
    sitting, note, version, text = told("sitting", "note", "version", "text")
    return core().ask("note.change", token=sitting, note=note, version=page_number(version), text=text)


@routes.post("/notes/remove")
def remove() -> ResponseReturnValue:
    """Remove a note."""
    sitting, note, version = told("sitting", "note", "version")
    core().ask("note.remove", token=sitting, note=note, version=page_number(version))
    return Response(status=204)


@routes.post("/quotation/ask")
def ask_quotation() -> ResponseReturnValue:
    """Words as they would leave, and what a passkey of the grant confirms for it."""
    made = core().ask("page.ask_quotation", **_beside(*told("sitting", "section", "page", "text")))
    return {**passkey_options(made), "text": made["text"]}


@routes.post("/quotation")
def quote() -> ResponseReturnValue:
    """Words that a passkey confirmed: they leave, with their reference."""
    sitting, section, page, text, nonce, answer = told(
        "sitting", "section", "page", "text", "nonce", "answer"
    )
    asked = _beside(sitting, section, page, text)
    return core().ask("quotation.release", **asked, nonce=nonce, answer=answer)


def _beside(sitting: str, section: str, page: str, text: str) -> dict[str, Any]:
    return {"token": sitting, "section": section, "page": page_number(page), "text": text}
