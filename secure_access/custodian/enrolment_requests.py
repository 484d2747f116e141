"""An enrolment request: a passkey that somebody made, for the custody officers to put on a list. Pure.

Nobody is enrolled by one. It is not signed, and needs no secrecy: what ties it to its person is the
fingerprint, which they read out to an officer. Source: docs/reference/protocol.md, “Sealed plans”.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from webauthn.helpers.decode_credential_public_key import decode_credential_public_key

from secure_access.custodian import enrolment, forms
from secure_access.custodian.acts import BROKEN
from secure_access.custodian.enrolment import Credential
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp

FORMAT = "assay.enrolment-request/v1"
LONGEST_NAME, LONGEST_DEVICE = 120, 80
"""Characters."""
LONGEST = 16 * 1024
"""Bytes."""
_KEYS = ("name", "device", "credential", "public_key", "made_at")


@dataclass(frozen=True)
class EnrolmentRequest:
    """Who made it, as they call themselves; their passkey, with the name of its device; and when."""

    name: str
    passkey: Credential
    made_at: datetime

    def encode(self) -> bytes:
        """The bytes of the file."""
        return canonical.encode(
            {
                "v": FORMAT,
                "name": self.name,
                "device": self.passkey.device,
                "credential": base64.b64encode(self.passkey.id).decode(),
                "public_key": base64.b64encode(self.passkey.public_key).decode(),
                "made_at": timestamp(self.made_at),
            }
        )


def read(encoded: bytes) -> EnrolmentRequest:
    """The request in a file. Raises `Malformed`."""
    if len(encoded) > LONGEST:
        raise forms.Malformed(f"more than {LONGEST} bytes")
    form = forms.document(encoded, FORMAT, _KEYS)
    name, device = form.text("name"), form.text("device")
    if len(name) > LONGEST_NAME:
        raise form.wrong("name", f"more than {LONGEST_NAME} characters")
    if len(device) > LONGEST_DEVICE:
        raise form.wrong("device", f"more than {LONGEST_DEVICE} characters")
    passkey = Credential(
        form.raw("credential", *enrolment.ID_BYTES), form.raw("public_key", *enrolment.KEY_BYTES), device
    )
    try:
        decode_credential_public_key(passkey.public_key)
    except BROKEN:
        raise form.wrong("public_key", "not a public key in COSE") from None
    return EnrolmentRequest(name, passkey, form.instant("made_at"))
