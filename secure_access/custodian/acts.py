"""Acts: what a person does at the custodian, confirmed by a passkey over exactly that act.

The challenge is SHA-256 of a domain tag and the canonical statement {act, object, by, nonce, not_after}. The
core makes the nonce, which lives for at most 120 seconds of the machine's clock and for one use. Each refusal
has its own reason, for the log; a page tells a stranger none of them.
Source: docs/reference/protocol.md, “Act”; W3C WebAuthn Level 3.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import webauthn
from cryptography.exceptions import InvalidSignature
from webauthn.helpers import base64url_to_bytes, parse_authenticator_data, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticatorData, CollectedClientData

from secure_access.custodian.enrolment import Credential, Enrolment, Person
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp

DOMAIN = b"assay.custodian-act/v1\0"
LONGEST_LIFE = timedelta(seconds=120)
LONGEST_ANSWER = 20_000
MOST_OPEN = 8
"""Acts that one person may have open at once; the oldest makes way."""
ANYBODY = "*"
"""Who enters, in the statement: the passkey says it. No identifier has this form."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
BROKEN = (
    WebAuthnException,
    InvalidSignature,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
)
"""What a library may raise over bytes that somebody made up."""


class Act(StrEnum):
    """What can be done, as the statement names it."""

    DELIVER = "plan.deliver"
    APPROVE = "grant.approve"
    REFUSE = "grant.refuse"
    REVOKE = "grant.revoke"
    OPEN = "reading.open"
    PAUSE = "access.pause"
    RESUME = "access.resume"
    BREAK_GLASS = "break_glass.approve"
    DESTROY = "plan.destroy"
    HOLD = "plan.hold"
    RELEASE_HOLD = "plan.release_hold"
    ENTER = "page.enter"
    RECERTIFY = "reader.recertify"
    QUOTE = "quotation.release"


class Reason(StrEnum):
    """Why an assertion is refused; the value stands in the log."""

    UNREADABLE = "unreadable"
    NOT_ASKED = "not_asked"
    EXPIRED = "expired"
    USED = "used"
    OTHER_CHALLENGE = "other_challenge"
    OTHER_ORIGIN = "other_origin"
    OTHER_PARTY = "other_party"
    NOT_VERIFIED = "not_verified"
    NOT_ENROLLED = "not_enrolled"
    OTHER_KEY = "other_key"
    FALSE = "false_signature"


WORDS = {
    Reason.UNREADABLE: "The browser sent no answer of a passkey.",
    Reason.NOT_ASKED: "The custodian did not ask for this. Open the page again.",
    Reason.EXPIRED: "The page was open for too long. Open it again.",
    Reason.USED: "This was already confirmed once. Open the page again.",
    Reason.OTHER_CHALLENGE: "The passkey confirmed something else. Open the page again.",
    Reason.OTHER_ORIGIN: "The passkey was used on another site.",
    Reason.OTHER_PARTY: "The passkey is for another site.",
    Reason.NOT_VERIFIED: "The passkey did not check that it is you (PIN, finger or face).",
    Reason.NOT_ENROLLED: "You are not enrolled at the custodian at this date.",
    Reason.OTHER_KEY: "This passkey is not one that the enrolment list names for you.",
    Reason.FALSE: "The signature of the passkey is false.",
}


class NotConfirmed(Exception):
    """The act was not confirmed. ``reason`` for the log; the message for the person."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(WORDS[reason])
        self.reason = reason


@dataclass(frozen=True)
class Statement:
    """One act of one person on one object, which is named by its SHA-256 in hex."""

    act: Act
    object: str
    by: str
    nonce: str
    not_after: datetime

    @property
    def encoded(self) -> bytes:
        """The canonical bytes: exactly these five keys."""
        return canonical.encode(
            {
                "act": self.act.value,
                "object": self.object,
                "by": self.by,
                "nonce": self.nonce,
                "not_after": timestamp(self.not_after),
            }
        )

    @property
    def challenge(self) -> bytes:
        """The 32 bytes that the passkey signs."""
        return hashlib.sha256(DOMAIN + self.encoded).digest()


@dataclass
class Nonces:
    """The acts that wait for a confirmation. They live in memory: a core that starts again knows none.

    ``life`` is at most 120 seconds. ``random`` makes 16 bytes in hex. ``most`` is how many one may have open.
    """

    life: timedelta = LONGEST_LIFE
    random: Callable[[], str] = field(default=lambda: secrets.token_hex(16), repr=False)
    most: int = MOST_OPEN
    _waiting: dict[str, Statement] = field(default_factory=dict, repr=False)
    _used: dict[str, datetime] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if not timedelta() < self.life <= LONGEST_LIFE:
            raise ValueError("an act waits for its confirmation for at most 120 seconds")

    def ask(self, act: Act, about: str, by: str, now: datetime) -> Statement:
        """A statement for the passkey of ``by``. Raises ``ValueError`` for an object that is no digest."""
        if not _DIGEST.fullmatch(about):
            raise ValueError("what an act is about is named by SHA-256 in hex")
        made = Statement(act, about, by, self.random(), now + self.life)
        with self._lock:
            self._forget(now)
            mine = [one.nonce for one in self._waiting.values() if one.by == by]
            for oldest in mine[: max(0, len(mine) - self.most + 1)]:
                del self._waiting[oldest]
            self._waiting[made.nonce] = made
        return made

    def take(self, nonce: str, now: datetime) -> Statement:
        """Use a nonce up, whatever comes of it. Raises `NotConfirmed`."""
        with self._lock:
            if nonce in self._used:
                raise NotConfirmed(Reason.USED)
            found = self._waiting.pop(nonce, None)
            if found is None:
                raise NotConfirmed(Reason.NOT_ASKED)
            self._used[nonce] = found.not_after
        # A clock that was set back must not lengthen a life.
        if not found.not_after - self.life <= now < found.not_after:
            raise NotConfirmed(Reason.EXPIRED)
        return found

    def _forget(self, now: datetime) -> None:
        old = now - self.life
        self._waiting = {nonce: one for nonce, one in self._waiting.items() if one.not_after > old}
        self._used = {nonce: until for nonce, until in self._used.items() if until > old}


@dataclass
class EntryNonces:
    """The entries that wait. Whoever asks is nobody yet, so nothing is remembered before the answer comes.

    A nonce is the second in which it was made, a count, and 8 bytes of HMAC-SHA-256 of both under a key that
    lives in memory: however many ask, nobody's entry makes way. Used ones are known until they expire.
    """

    about: str
    """What every entry is about: SHA-256 in hex of the custodian's origin."""
    life: timedelta = LONGEST_LIFE
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _made: int = 0
    _used: dict[str, datetime] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self, now: datetime) -> Statement:
        """A statement for the passkey of anybody."""
        with self._lock:
            self._made = (self._made + 1) % 2**32
            head = struct.pack(">II", int(now.timestamp()), self._made)
        return self._statement(head)

    def take(self, nonce: str, now: datetime) -> Statement:
        """Use a nonce up, whatever comes of it. Raises `NotConfirmed`."""
        try:
            head = bytes.fromhex(nonce)[:8]
            found = self._statement(head)
        except (ValueError, struct.error):
            raise NotConfirmed(Reason.NOT_ASKED) from None
        if not hmac.compare_digest(found.nonce, nonce):
            raise NotConfirmed(Reason.NOT_ASKED)
        if not found.not_after - self.life <= now < found.not_after:
            raise NotConfirmed(Reason.EXPIRED)
        with self._lock:
            if nonce in self._used:
                raise NotConfirmed(Reason.USED)
            while self._used and next(iter(self._used.values())) <= now:
                del self._used[next(iter(self._used))]
            self._used[nonce] = found.not_after
        return found

    def _statement(self, head: bytes) -> Statement:
        made = datetime.fromtimestamp(struct.unpack(">II", head)[0], UTC)
        nonce = (head + hmac.digest(self._key, head, "sha256")[:8]).hex()
        return Statement(Act.ENTER, self.about, ANYBODY, nonce, made + self.life)


@dataclass(frozen=True)
class Confirmed:
    """An act that was confirmed: by whom, with which passkey, and the assertion as it came, for the log."""

    statement: Statement
    person: Person
    credential: Credential
    assertion: str = field(repr=False)


@dataclass(frozen=True)
class _Answer:
    key: bytes
    client: CollectedClientData
    head: AuthenticatorData


def confirm(statement: Statement, answer: str, enrolment: Enrolment, now: datetime) -> Confirmed:
    """The act, confirmed by the answer of a passkey. The nonce was used up before. Raises `NotConfirmed`.

    What can be wrong is looked at one by one, so that the log can say which; the library then verifies all of
    it again, with the signature.
    """
    told = _read(answer)
    person = _who(statement, told, enrolment, now)
    if person is None:
        raise NotConfirmed(Reason.NOT_ENROLLED)
    key = person.key(told.key)
    _check(told, statement, enrolment, key is not None)
    assert key is not None
    try:
        webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=statement.challenge,
            expected_rp_id=enrolment.rp_id,
            expected_origin=enrolment.custodian,
            credential_public_key=key.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except BROKEN:
        raise NotConfirmed(Reason.FALSE) from None
    return Confirmed(statement, person, key, answer)


def _who(statement: Statement, told: _Answer, enrolment: Enrolment, now: datetime) -> Person | None:
    """Who confirms: whom the statement names, and of an entry whose passkey it is."""
    if statement.act is Act.ENTER and statement.by == ANYBODY:
        found = enrolment.credential(told.key, now)
        return found[0] if found else None
    return enrolment.person(statement.by, now)


def _check(told: _Answer, statement: Statement, enrolment: Enrolment, own_key: bool) -> None:
    """What can be compared without a signature. Raises `NotConfirmed`."""
    party = hashlib.sha256(enrolment.rp_id.encode()).digest()
    for holds, otherwise in (
        (hmac.compare_digest(told.client.challenge, statement.challenge), Reason.OTHER_CHALLENGE),
        (told.client.origin == enrolment.custodian and not told.client.cross_origin, Reason.OTHER_ORIGIN),
        (hmac.compare_digest(told.head.rp_id_hash, party), Reason.OTHER_PARTY),
        (told.head.flags.uv and told.head.flags.up, Reason.NOT_VERIFIED),
        (own_key, Reason.OTHER_KEY),
    ):
        if not holds:
            raise NotConfirmed(otherwise)


def _read(answer: str) -> _Answer:
    if not answer or len(answer) > LONGEST_ANSWER:
        raise NotConfirmed(Reason.UNREADABLE)
    try:
        told: dict[str, Any] = json.loads(answer)
        response = told["response"]
        client = parse_client_data_json(base64url_to_bytes(response["clientDataJSON"]))
        head = parse_authenticator_data(base64url_to_bytes(response["authenticatorData"]))
        return _Answer(base64url_to_bytes(told["rawId"]), client, head)
    except BROKEN:
        raise NotConfirmed(Reason.UNREADABLE) from None
