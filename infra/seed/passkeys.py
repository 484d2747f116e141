"""Passkeys in software, for the people of the told story: nobody sits there to touch a key."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from secure_access.custodian.enrolment import Credential

_PRESENT_AND_VERIFIED = bytes([0x05])
_ES256 = bytes.fromhex("a5010203262001215820")
"""A COSE key of ES256 on P-256 in CBOR, up to the x coordinate (RFC 9052 §7, RFC 9053 §7.1)."""


class Passkey:
    """A passkey of the story, for one origin. It lives as long as the story is told (WebAuthn Level 3 §6)."""

    def __init__(self, origin: str, rp_id: str) -> None:
        self._origin, self._rp_id = origin, rp_id
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._id = secrets.token_bytes(32)

    @property
    def credential(self) -> Credential:
        """Its public half, as an enrolment list names it."""
        numbers = self._private.public_key().public_numbers()
        x, y = (one.to_bytes(32, "big") for one in (numbers.x, numbers.y))
        return Credential(self._id, _ES256 + x + b"\x22\x58\x20" + y, "Passkey of the told story")

    def confirm(self, challenge: bytes) -> str:
        """The assertion over a challenge, with user verification, as a browser sends it."""
        client = json.dumps(
            {
                "type": "webauthn.get",
                "challenge": _url64(challenge),
                "origin": self._origin,
                "crossOrigin": False,
            }
        ).encode()
        head = hashlib.sha256(self._rp_id.encode()).digest() + _PRESENT_AND_VERIFIED + bytes(4)
        signature = self._private.sign(head + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        told = {
            "clientDataJSON": _url64(client),
            "authenticatorData": _url64(head),
            "signature": _url64(signature),
            "userHandle": "",
        }
        known = _url64(self._id)
        return json.dumps({"id": known, "rawId": known, "type": "public-key", "response": told})


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
