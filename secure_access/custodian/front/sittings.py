"""The reading room's requests. The secret of a sitting lives in the page that opened it, not in a cookie."""

from __future__ import annotations

import base64

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadGateway, BadRequest
from werkzeug.wrappers import Response

from secure_access.custodian.front.acting import told
from secure_access.custodian.front.pages import core

routes = Blueprint("sittings", __name__, url_prefix="/sitting")
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
MOST_PAGE = 100_000
ZOOMS = {"fine": 15}
"""In tenths: for a screen whose pixels are small."""


@routes.post("/open")
def open_sitting() -> ResponseReturnValue:
    """Open a sitting: one assertion."""
    nonce, answer = told("nonce", "answer")
    made = core().ask("open_sitting", nonce=nonce, answer=answer)
    return {"sitting": made["token"], **core().ask("page.sitting", token=made["token"])}


@routes.post("/page")
def page() -> ResponseReturnValue:
    """One page, as a picture. The core has logged it when it comes."""
    sitting, section, number, zoom = told("sitting", "section", "page", "zoom")
    released = core().ask(
        "release", token=sitting, section=section, page=page_number(number), zoom=ZOOMS.get(zoom, 10)
    )
    picture = base64.b64decode(released["page"])
    kind = next((kind for start, kind in PICTURES.items() if picture.startswith(start)), "")
    if not kind:
        raise BadGateway
    return Response(picture, content_type=kind)


@routes.post("/words")
def words() -> ResponseReturnValue:
    """A page in words, for readers who are enrolled for text. It is a release of its own."""
    sitting, section, number = told("sitting", "section", "page")
    released = core().ask("release_text", token=sitting, section=section, page=page_number(number))
    return {"words": base64.b64decode(released["text"]).decode()}


@routes.post("/state")
def state() -> ResponseReturnValue:
    """What is left of the sitting, or what has ended it."""
    (sitting,) = told("sitting")
    return core().ask("page.sitting", token=sitting)


@routes.post("/close")
def close() -> ResponseReturnValue:
    """The reader leaves."""
    (sitting,) = told("sitting")
    core().ask("close_sitting", token=sitting)
    return Response(status=204)


def page_number(text: str) -> int:
    """A number from 1 as a page sends it. Raises ``BadRequest``."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_PAGE):
        raise BadRequest
    return int(text[:9])
