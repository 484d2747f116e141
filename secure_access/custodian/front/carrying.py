"""What the portal asks and the core answers is carried: both sign, the front reads it and changes nothing."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from secure_access.custodian.front import gate
from secure_access.custodian.front.acting import told
from secure_access.custodian.front.pages import core

routes = Blueprint("carrying", __name__)


@routes.post(gate.PORTAL)
def portal() -> ResponseReturnValue:
    """A signed question of the portal, and the signed answer."""
    request.max_content_length = gate.LARGEST_PART
    question, signature = told("question", "signature")
    return core().ask("portal", question=question, signature=signature)
