"""Delivery: sealed files go to the core in parts, and an officer's passkey delivers them.

Only ciphertext passes here. What the front takes is bounded part by part; the core bounds the whole.
"""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from secure_access.custodian.front import gate
from secure_access.custodian.front.acting import told
from secure_access.custodian.front.pages import core

routes = Blueprint("delivering", __name__, url_prefix="/delivery")


@routes.post("/begin")
def begin() -> ResponseReturnValue:
    """Begin an upload, or take it up again: its token, and from which byte to go on."""
    plan, section, size, sha256 = told("plan", "section", "size", "sha256")
    request = _mine(plan)["request"]
    file = {"section": section, "size": _number(size), "sha256": sha256}
    return core().ask("upload.begin", visit=gate.visit(), request=request, **file)


@routes.post("/part")
def part() -> ResponseReturnValue:
    """The next bytes of an upload. Answered with where it stands, also when these were not the next."""
    _mine(request.args.get("plan", ""))
    request.max_content_length = gate.LARGEST_PART
    content = request.get_data()
    return core().ask(
        "upload.part",
        visit=gate.visit(),
        token=request.args.get("token", ""),
        offset=_number(request.args.get("offset", "")),
        bytes=base64.b64encode(content).decode(),
    )


@routes.post("/end")
def end() -> ResponseReturnValue:
    """The upload is whole: the core looks at what it says of itself."""
    plan, token = told("plan", "token")
    _mine(plan)
    return core().ask("upload.end", visit=gate.visit(), token=token)


@routes.post("/deliver")
def deliver() -> ResponseReturnValue:
    """Deliver what was uploaded, as the manifest names it. The core opens every file unseen before."""
    nonce, answer, manifest = told("nonce", "answer", "manifest")
    return core().ask("deliver", nonce=nonce, answer=answer, manifest=manifest)


def _mine(plan: str) -> dict[str, Any]:
    """The plan, for an officer of its developer who has entered. Raises `NotFound`, `Refused`."""
    return core().ask("page.plan", visit=gate.visit(), plan=plan)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequest
    return int(text)
