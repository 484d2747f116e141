"""What the portal asks of the core, signed both ways. Pure.

The front carries it and can neither ask in the portal's name nor answer in the core's: a question is signed
by the portal's key, counts for 30 seconds and once; its answer names it by digest, signed by the core.
Nothing that can be asked so opens a page. Source: docs/reference/protocol.md, “Portal channel”.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from secure_access.custodian import forms
from secure_access.custodian.forms import Malformed
from secure_access.keys import SigningKey, verify
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json
from secure_access.ledger.note import VerifierKey
from secure_access.ledger.records import timestamp

QUESTION, ANSWER = "assay.portal-question/v1", "assay.portal-answer/v1"
LIFE = timedelta(seconds=30)
"""How far the clocks of the portal and of the core may be apart, and how long a question counts."""
MOST_KNOWN = 4096
"""Questions remembered so that none counts twice; more than this in a minute are refused."""
LONGEST_QUESTION = 640 * 1024
"""Seven texts of an outline of 20,000 characters, of four bytes each, and what is around them."""


class Fault(StrEnum):
    """Why a question does not count; the value stands in the log."""

    NO_PORTAL = "no_portal"
    MALFORMED = "malformed"
    FALSE = "false_signature"
    OTHER_TIME = "other_time"
    AGAIN = "asked_again"
    TOO_MANY = "too_many"


class NotThePortal(Exception):
    """A question does not count. ``fault`` for the log."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"this is no question of the portal: {fault.value}")
        self.fault = fault


class NotTheCore(Exception):
    """An answer is not the core's to this question: nothing of it is believed."""


@dataclass(frozen=True)
class Asked:
    """A question as it goes over the wire: its bytes and the signature over them."""

    encoded: bytes
    signature: bytes

    @property
    def body(self) -> dict[str, str]:
        """What is sent."""
        return {"question": _text(self.encoded), "signature": _text(self.signature)}


def ask(key: SigningKey, do: str, fields: Mapping[str, Json], now: datetime) -> Asked:
    """A question of the portal, signed."""
    encoded = canonical.encode(
        {
            "v": QUESTION,
            "do": do,
            "fields": dict(fields),
            "at": timestamp(now),
            "nonce": secrets.token_hex(16),
        }
    )
    return Asked(encoded, key.sign(_signed(QUESTION, encoded)))


def answer(key: SigningKey, question: bytes, said: bytes) -> dict[str, str]:
    """What is sent back: ``said`` (canonical JSON) as the answer to exactly these bytes, signed."""
    encoded = canonical.encode(
        {"v": ANSWER, "question": forms.digest(question), "answer": canonical.decode(said)}
    )
    return {"answer": _text(encoded), "signature": _text(key.sign(_signed(ANSWER, encoded)))}


def read_answer(core: VerifierKey, asked: Asked, body: object) -> bytes:
    """What the core says to a question, as canonical JSON. Raises `NotTheCore`."""
    try:
        form = forms.Form(body, ("answer", "signature"))
        encoded, signature = form.raw("answer", 1, forms.LONGEST * 40), form.raw("signature", 64)
        if not verify(core.public, signature, _signed(ANSWER, encoded)):
            raise NotTheCore("the answer is not signed by the custodian's core")
        said = canonical.decode(encoded)
        if not isinstance(said, dict) or said.keys() != {"v", "question", "answer"} or said["v"] != ANSWER:
            raise NotTheCore("the answer has another form")
        if said["question"] != forms.digest(asked.encoded):
            raise NotTheCore("the answer is to another question")
        return canonical.encode(said["answer"])
    except (Malformed, canonical.NotCanonical) as problem:
        raise NotTheCore(f"the answer cannot be read: {problem}") from None


@dataclass
class Portal:
    """The portal as the core knows it: the public half of its key, and which questions it has asked."""

    key: VerifierKey | None
    _known: dict[str, datetime] = field(default_factory=dict, repr=False)

    def read(self, encoded: bytes, signature: bytes, now: datetime) -> tuple[bytes, datetime]:
        """The bytes of the question as the core is asked, ``{"do": name, ...}``, and when the portal asked.

        Raises `NotThePortal`.
        """
        if self.key is None:
            raise NotThePortal(Fault.NO_PORTAL)
        if not verify(self.key.public, signature, _signed(QUESTION, encoded)):
            raise NotThePortal(Fault.FALSE)
        try:
            form = forms.document(encoded, QUESTION, ("do", "fields", "at", "nonce"))
            at, nonce = form.instant("at"), form.hexadecimal("nonce", 16)
            name, fields = form.identifier("do"), form.value("fields")
        except Malformed:
            raise NotThePortal(Fault.MALFORMED) from None
        if not isinstance(fields, dict) or "do" in fields:
            raise NotThePortal(Fault.MALFORMED)
        if not now - LIFE <= at <= now + LIFE:
            raise NotThePortal(Fault.OTHER_TIME)
        self._count(nonce, at, now)
        return canonical.encode({"do": name, **fields}), at

    def _count(self, nonce: str, at: datetime, now: datetime) -> None:
        self._known = {one: when for one, when in self._known.items() if when >= now - LIFE}
        if nonce in self._known:
            raise NotThePortal(Fault.AGAIN)
        if len(self._known) >= MOST_KNOWN:
            raise NotThePortal(Fault.TOO_MANY)
        self._known[nonce] = at


def _signed(tag: str, encoded: bytes) -> bytes:
    return tag.encode() + b"\0" + encoded


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
