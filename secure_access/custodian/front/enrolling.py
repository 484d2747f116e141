"""Registering a passkey for the custodian. It enrols nobody: the officers sign who is on the list.

Nothing of it is kept but the challenge, in memory, for two minutes; what comes of it is a file for its
person. In a demonstration whose officers' keys lie in its own home, the core enrols the passkey at once.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import webauthn
from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from webauthn.helpers import base64url_to_bytes, options_to_json, parse_client_data_json
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from secure_access.custodian import enrolment_requests, forms
from secure_access.custodian.acts import BROKEN, LONGEST_ANSWER
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.enrolment import Credential
from secure_access.custodian.enrolment_requests import EnrolmentRequest
from secure_access.custodian.forms import Form, Malformed
from secure_access.custodian.front import gate
from secure_access.custodian.front.acting import told
from secure_access.custodian.front.pages import core, custody
from secure_access.workflow import NotFound

routes = Blueprint("enrolling", __name__, url_prefix="/enrol")
LIFE = 120.0
"""Seconds that a challenge waits for its answer."""
MOST_WAITING = 1024
"""Challenges that wait at once; the oldest make room."""
TOO_LATE = "The passkey came too late, or its answer was used before. Nothing was made. Try again."
NO_PASSKEY = (
    "What the browser sent is no new passkey for this address that verified you. Nothing was made. Try "
    "again; if it stays so, use another device or browser."
)


@dataclass(frozen=True)
class Asked:
    """A challenge, for whom and which device; ``until`` by the machine's running time."""

    challenge: bytes = field(repr=False)
    name: str
    device: str
    until: float


@dataclass
class Waiting:
    """Challenges that wait for the answer of a new passkey. Each counts once."""

    clock: Callable[[], float] = time.monotonic
    _asked: dict[str, Asked] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self, name: str, device: str) -> tuple[str, Asked]:
        """A new challenge and its nonce."""
        nonce, now = secrets.token_hex(16), self.clock()
        made = Asked(secrets.token_bytes(32), name, device, now + LIFE)
        with self._lock:
            still = {nonce: one for nonce, one in self._asked.items() if one.until > now}
            while len(still) >= MOST_WAITING:
                del still[next(iter(still))]
            self._asked = {**still, nonce: made}
        return nonce, made

    def take(self, nonce: str) -> Asked:
        """Use a challenge up, whatever comes of it. Raises `Refused`."""
        with self._lock:
            found = self._asked.pop(nonce, None)
        if found is None or self.clock() >= found.until:
            raise Refused(Why.NOT_ALLOWED, TOO_LATE)
        return found


@routes.get("")
def page() -> ResponseReturnValue:
    """The page on which somebody registers a passkey, whoever they are."""
    around = custody()
    people = core().ask("demonstration.people")["people"] if _at_once(around["state"]) else []
    return render_template("enrol.html", **around, people=people)


@routes.post("/ask")
def ask() -> ResponseReturnValue:
    """A challenge for a new passkey, and what else the browser has to know."""
    try:
        name, device = _named(*told("name", "device"))
    except Malformed:
        words = (
            f"Write your name, in up to {enrolment_requests.LONGEST_NAME} characters, and a name for the "
            f"device, in up to {enrolment_requests.LONGEST_DEVICE}."
        )
        return {"words": words, "why": "named"}, 400
    nonce, asked = _waiting().ask(name, device)
    made = webauthn.generate_registration_options(
        rp_id=_party(),
        rp_name="Custodian of sealed plans",
        user_id=secrets.token_bytes(32),
        user_name=name,
        user_display_name=name,
        challenge=asked.challenge,
        timeout=110_000,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return {"nonce": nonce, "publicKey": json.loads(options_to_json(made))}


@routes.post("")
def register() -> ResponseReturnValue:
    """The enrolment request of a new passkey: a file, and the fingerprint that its person reads out."""
    asked, passkey = _made(*told("nonce", "answer"))
    now = Form(core().ask("state"), core().ask("state").keys()).instant("now")
    encoded = EnrolmentRequest(asked.name, passkey, now).encode()
    enrolment_requests.read(encoded)
    return {"file": encoded.decode(), "fingerprint": forms.fingerprint(encoded)}


@routes.post("/at-once")
def enrol_at_once() -> ResponseReturnValue:
    """In a demonstration, its officers' keys put the passkey on the list. Elsewhere there is no such page."""
    nonce, answer, person = told("nonce", "answer", "person")
    if not _at_once(core().ask("state")):
        raise NotFound
    _, passkey = _made(nonce, answer)
    return core().ask(
        "demonstration.enrol",
        person=person,
        credential=base64.b64encode(passkey.id).decode(),
        public_key=base64.b64encode(passkey.public_key).decode(),
        device=passkey.device,
    )


def _made(nonce: str, answer: str) -> tuple[Asked, Credential]:
    """The passkey that answers a challenge, which is used up. Raises `Refused`."""
    asked = _waiting().take(nonce)
    try:
        if len(answer) > LONGEST_ANSWER:
            raise ValueError("too long")
        client = parse_client_data_json(base64url_to_bytes(json.loads(answer)["response"]["clientDataJSON"]))
        if client.cross_origin or not hmac.compare_digest(client.challenge, asked.challenge):
            raise ValueError("for another page")
        found = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=asked.challenge,
            expected_rp_id=_party(),
            expected_origin=gate.origin(),
            require_user_verification=True,
        )
    except BROKEN:
        raise Refused(Why.NOT_ALLOWED, NO_PASSKEY) from None
    return asked, Credential(found.credential_id, found.credential_public_key, asked.device)


def _named(name: str, device: str) -> tuple[str, str]:
    """Both names, without spaces that nobody sees. Raises `Malformed`."""
    form = Form({"name": " ".join(name.split()), "device": " ".join(device.split())}, ("name", "device"))
    found = form.text("name"), form.text("device")
    if len(found[0]) > enrolment_requests.LONGEST_NAME or len(found[1]) > enrolment_requests.LONGEST_DEVICE:
        raise Malformed("too long")
    return found


def _party() -> str:
    """The RP ID: the host of the origin, exactly."""
    return urlsplit(gate.origin()).hostname or ""


def _waiting() -> Waiting:
    found: Waiting = current_app.config["ENROLLING"]
    return found


def _at_once(state: dict[str, Any]) -> bool:
    return bool(state.get("demonstration_officers"))
