"""Acts: the front carries a statement of the core to the passkey, and its answer back. The core decides."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from secure_access.custodian.front import gate
from secure_access.custodian.front.pages import core

routes = Blueprint("acting", __name__)
LONGEST_REASON = 2000
REASONED = {"grant.refuse": "refuse", "plan.hold": "ask for the hold", "plan.release_hold": "lift the hold"}
NOT_IN = (
    "No way in with this passkey. It may not be on the custodian's list, may not have verified you, or this "
    "page was open for too long. Try again; if it stays, ask the person who had you enrolled."
)
VERBS = {
    "grant.approve": "approve",
    "break_glass.approve": "approve",
    "grant.refuse": "page.refuse",
    "grant.revoke": "revoke",
    "access.pause": "pause",
    "access.resume": "resume",
    "reader.recertify": "recertify",
    "plan.destroy": "destroy",
    "plan.hold": "page.hold",
    "plan.release_hold": "page.release_hold",
}
"""Which question of the core an act is; a sitting and a delivery have routes of their own."""


def told(*names: str) -> list[str]:
    """The texts of a JSON body with exactly these names, in order."""
    value = request.get_json(silent=True)
    if not isinstance(value, dict) or set(value) != set(names):
        raise BadRequest
    found = [value[name] for name in names]
    if not all(isinstance(one, str) for one in found):
        raise BadRequest
    return found


def passkey_options(made: dict[str, Any]) -> dict[str, Any]:
    """What the browser is given: the core's challenge, for this origin's passkeys, and the person verified.

    Without credentials the browser offers whichever passkeys it has for this place: nobody is named.
    """
    held = [base64.b64decode(one) for one in made["credentials"]]
    return {
        "nonce": made["nonce"],
        "statement": made["statement"],
        "publicKey": {
            "challenge": _url64(bytes.fromhex(made["challenge"])),
            "rpId": core().ask("about")["rp_id"],
            "userVerification": "required",
            "timeout": 110_000,
            "allowCredentials": [{"type": "public-key", "id": _url64(one)} for one in held],
        },
    }


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@routes.post("/enter/ask")
def ask_entry() -> ResponseReturnValue:
    """A statement to enter with."""
    told()
    return passkey_options(core().ask("page.ask_entry"))


@routes.post("/enter")
def enter() -> ResponseReturnValue:
    """Enter: the cookie lets pages be seen for 15 minutes."""
    nonce, answer = told("nonce", "answer")
    visit = core().ask("page.enter", nonce=nonce, answer=answer)
    response = Response(status=204)
    gate.remember(response, visit["visit"], visit["left"])
    return response


@routes.post("/leave")
def leave() -> ResponseReturnValue:
    """Leave: the visit ends in the core too."""
    core().ask("page.leave", visit=gate.visit())
    response = redirect("/", 303)
    gate.forget(response)
    return response


@routes.post("/acts/ask")
def ask_act() -> ResponseReturnValue:
    """A statement of an act, for the passkeys of the visitor."""
    act, about = told("act", "object")
    return passkey_options(core().ask("page.ask_act", visit=gate.visit(), act=act, object=about))


@routes.post("/acts/<act>")
def act(act: str) -> ResponseReturnValue:
    """An act that a passkey confirmed. The assertion alone says who did what: no cookie is looked at."""
    if act not in VERBS:
        raise BadRequest
    if act not in REASONED:
        nonce, answer = told("nonce", "answer")
        return core().ask(VERBS[act], nonce=nonce, answer=answer)
    nonce, answer, reason = told("nonce", "answer", "reason")
    said = " ".join(reason.split())
    if not 1 <= len(said) <= LONGEST_REASON:
        words = f"Say why you {REASONED[act]}, in up to {LONGEST_REASON} characters."
        return {"words": words, "why": "reason"}, 400
    return core().ask(VERBS[act], nonce=nonce, answer=answer, reason=said)
