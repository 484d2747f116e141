"""WebAuthn ceremonies: options for the browser, and what came back, checked.

User verification is required in every ceremony. RP ID and origin are the zone's; a challenge is one of
`secure_access.identity.challenges`, and is used up by the caller, not here. Source: W3C WebAuthn Level 3.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import webauthn
from cryptography.exceptions import InvalidSignature
from webauthn.helpers import (
    base64url_to_bytes,
    options_to_json,
    parse_attestation_object,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from secure_access.identity.credentials import Credential, NewKey

LONGEST_ANSWER = 20_000
"""Characters of an answer of a browser. An attestation with its certificates takes about 6,000."""
# What a library may raise over bytes that somebody made up.
_BROKEN = (
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


class BadAnswer(Exception):
    """What a browser sent is not an answer to this ceremony. Says no more, on purpose."""


@dataclass(frozen=True)
class Party:
    """A zone as the relying party: RP ID (its host name), origin, and the name that a browser shows."""

    zone: str
    host: str
    origin: str
    name: str


@dataclass(frozen=True)
class Models:
    """Which models of authenticators are taken: AAGUIDs, and their makers' root certificates in PEM.

    Empty: any, and no attestation is asked for.
    """

    listed: frozenset[str] = frozenset()
    roots: bytes = b""

    @property
    def by_format(self) -> Mapping[AttestationFormat, list[bytes]]:
        """The same roots for every format whose statement ends in a chain of certificates."""
        formats = (AttestationFormat.PACKED, AttestationFormat.TPM)
        return {one: [self.roots] for one in formats} if self.roots else {}


@dataclass(frozen=True)
class Answer:
    """What a browser sent: the text, and what it claims to answer with. Nothing of it is checked yet."""

    text: str = field(repr=False)
    key_id: bytes = b""
    challenge: bytes = b""
    owner: bytes = b""


@dataclass(frozen=True)
class Owner:
    """Whom a key is made for: identifier, address and name, which the authenticator keeps and shows."""

    person_id: uuid.UUID
    email: str
    name: str


def read(text: str) -> Answer:
    """Which key and challenge an answer is about. Raises `BadAnswer` for anything that is no answer."""
    if not text or len(text) > LONGEST_ANSWER:
        raise BadAnswer
    try:
        told = json.loads(text)
        client_data = parse_client_data_json(base64url_to_bytes(told["response"]["clientDataJSON"]))
        if client_data.cross_origin:
            raise BadAnswer
        owner = told["response"].get("userHandle") or ""
        return Answer(
            text,
            key_id=base64url_to_bytes(told["rawId"]),
            challenge=client_data.challenge,
            owner=base64url_to_bytes(owner),
        )
    except _BROKEN:
        raise BadAnswer from None


def options_for_new(
    party: Party, owner: Owner, *, challenge: bytes, known: Iterable[Credential], models: Models
) -> dict[str, Any]:
    """Options of ``navigator.credentials.create``; ``known`` keys are not made again."""
    made = webauthn.generate_registration_options(
        rp_id=party.host,
        rp_name=party.name,
        user_id=owner.person_id.bytes,
        user_name=owner.email,
        user_display_name=owner.name,
        challenge=challenge,
        attestation=AttestationConveyancePreference.DIRECT
        if models.listed
        else AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=key.key_id) for key in known],
    )
    return _plain(options_to_json(made))


def options_for_use(party: Party, *, challenge: bytes, keys: Iterable[Credential] = ()) -> dict[str, Any]:
    """Options of ``navigator.credentials.get``; without ``keys`` the authenticator offers what it has."""
    made = webauthn.generate_authentication_options(
        rp_id=party.host,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=key.key_id) for key in keys],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(options_to_json(made))


def check_new(party: Party, answer: Answer, models: Models) -> NewKey:
    """The key that was made. Raises `BadAnswer`; also for a model that is not listed, where some are."""
    try:
        found = webauthn.verify_registration_response(
            credential=answer.text,
            expected_challenge=answer.challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
            pem_root_certs_bytes_by_fmt=models.by_format,
        )
    except _BROKEN:
        raise BadAnswer from None
    if models.listed and not (found.aaguid in models.listed and _attested(found, models)):
        raise BadAnswer
    return NewKey(
        key_id=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        synced=found.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        backed_up=found.credential_backed_up,
        model=found.aaguid,
        attestation=str(AttestationFormat(found.fmt).value),
    )


def _attested(found: VerifiedRegistration, models: Models) -> bool:
    """Whether a chain of certificates up to a listed root vouches for the model.

    A statement without certificates is signed by the new key itself, and anybody can write a model into it.
    """
    statement = parse_attestation_object(found.attestation_object).att_stmt
    return AttestationFormat(found.fmt) in models.by_format and bool(statement.x5c)


@dataclass(frozen=True)
class Used:
    """What a verified assertion said of its key."""

    sign_count: int
    backed_up: bool


def check_use(party: Party, answer: Answer, key: Credential) -> Used:
    """An assertion of this key over this challenge. Raises `BadAnswer`.

    The counter is judged by `credentials.used`; a key that says it can be synced now and could not be when it
    was made is another one.
    """
    if answer.owner and answer.owner != key.person_id.bytes:
        raise BadAnswer
    try:
        found = webauthn.verify_authentication_response(
            credential=answer.text,
            expected_challenge=answer.challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _BROKEN:
        raise BadAnswer from None
    if (found.credential_device_type is CredentialDeviceType.MULTI_DEVICE) != key.synced:
        raise BadAnswer
    return Used(found.new_sign_count, found.credential_backed_up)


def _plain(text: str) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(text)
    return options
