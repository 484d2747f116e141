"""Signed notes and checkpoints: C2SP signed-note, tlog-checkpoint, tlog-cosignature. Pure.

A *verifier key* (vkey) is ``name+keyid+base64(type || public key)``. Signatures of unknown keys are ignored;
one that claims a known key and does not verify rejects the whole note.

Cosignatures are of Ed25519 or of ML-DSA-44, which no quantum computer is known to forge. A log signs its
checkpoints with Ed25519, and cosigns them under its own name with ML-DSA-44.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

NOTE_KEY = 0x01
COSIGNATURE_KEY = 0x04
MLDSA_KEY = 0x06
PUBLIC_SIZES = {NOTE_KEY: 32, COSIGNATURE_KEY: 32, MLDSA_KEY: 1312}
MAX_SIGNATURES = 64
LATEST = 2**63 - 1

_NAME = re.compile(r"[^\s+]+")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """Not a note, a key or a checkpoint, or a signature that is false; the message says which."""


class Signer(Protocol):
    """A named key that signs; `secure_access.keys.SigningKey` is one."""

    name: str
    kind: int
    """`NOTE_KEY` for Ed25519 (RFC 8032), `MLDSA_KEY` for ML-DSA-44 (FIPS 204)."""
    public: bytes

    def sign(self, message: bytes) -> bytes:
        """The signature: 64 bytes, or 2,420."""
        ...


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name: of a log (type 0x01) or of a cosigner (type 0x04, or 0x06: ML-DSA-44)."""

    name: str
    public: bytes
    type: int = NOTE_KEY

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise NoteError(f"a key name is not empty and has no space or plus sign: {self.name!r}")
        if len(self.public) != PUBLIC_SIZES.get(self.type):
            raise NoteError(f"the key of {self.name} is of an unknown kind")

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, type, public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.type]) + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a vkey. Raises `NoteError`, also when its key id is not that of name and key."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise NoteError("a verifier key has the form name+id+key")
        encoded = unbase64(parts[2], "verifier key")
        if not encoded:
            raise NoteError("a verifier key is empty")
        key = cls(parts[0], encoded[1:], encoded[0])
        if key.id.hex() != parts[1]:
            raise NoteError(f"the key id {parts[1]} is not that of {key.name}")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether ``signature`` (without key id) is this key's on the note text."""
        try:
            if self.type == NOTE_KEY:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
                return True
            time, own = int.from_bytes(signature[:8], "big"), signature[8:]
            message = cosigned_message(text, time, self)
            if self.type == MLDSA_KEY:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(own, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(own, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes

    def is_of(self, key: VerifierKey) -> bool:
        """Whether it claims to be of ``key``."""
        return (self.name, self.key_id) == (key.name, key.id)

    def __str__(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A text, which ends in a newline, and the signatures below it."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))

    def verified(self, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
        """The known keys that signed.

        Raises `NoteError` for a false signature of a known key, and when no known key signed.
        """
        known = {(key.name, key.id): key for key in keys}
        signed: dict[tuple[str, bytes], VerifierKey] = {}
        for line in self.signatures:
            key = known.get((line.name, line.key_id))
            if key is None:
                continue
            if not key.verifies(self.text, line.signature):
                raise NoteError(f"the signature of {line.name} is false")
            signed[line.name, line.key_id] = key
        if not signed:
            raise NoteError("no known key signed this note")
        return tuple(signed.values())


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: whose, how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text: origin, size, base64 root, a line each."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note text; extension lines are ignored. Raises `NoteError`."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise NoteError("a checkpoint has an origin, a size and a root, a line each")
        origin, size = lines[0], lines[1]
        if not SIZE.fullmatch(size):
            raise NoteError("the size of a checkpoint is a decimal number")
        found = unbase64(lines[2], "root")
        if len(found) != 32:
            raise NoteError("the root of a checkpoint has 32 bytes")
        return cls(origin, int(size), found)


def sign(text: str, signer: Signer, name: str = "") -> Note:
    """A note with one Ed25519 signature, under ``name`` where it is not the signer's own.

    Raises `NoteError` when ``text`` cannot be a note.
    """
    _check_text(text)
    key = VerifierKey(name or signer.name, signer.public)
    return Note(text, (Signature(key.name, key.id, signer.sign(text.encode())),))


def cosigner(signer: Signer, name: str = "") -> VerifierKey:
    """The key by which the cosignatures of ``signer`` are verified."""
    kind = MLDSA_KEY if signer.kind == MLDSA_KEY else COSIGNATURE_KEY
    return VerifierKey(name or signer.name, signer.public, kind)


def cosign(text: str, signer: Signer, time: int, name: str = "") -> Signature:
    """The cosignature line on a checkpoint text at POSIX second ``time``. Raises `NoteError`."""
    key = cosigner(signer, name)
    signature = signer.sign(cosigned_message(text, time, key))
    return Signature(key.name, key.id, time.to_bytes(8, "big") + signature)


def cosigned_message(text: str, time: int, key: VerifierKey) -> bytes:
    """The bytes that a cosigner signs. Raises `NoteError` for a text or a time that cannot be cosigned."""
    if not 0 <= time <= LATEST:
        raise NoteError("a time of a cosignature is in POSIX seconds, below 2^63")
    if key.type == MLDSA_KEY:
        head = Checkpoint.parse(text)
        return subtree_message(key.name, time, head.origin, (0, head.size), head.root)
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def subtree_message(cosigner: str, time: int, origin: str, subtree: tuple[int, int], root: bytes) -> bytes:
    """The ``cosigned_message`` of C2SP tlog-cosignature for ML-DSA-44, over the leaves of ``subtree``.

    A checkpoint is the subtree ``(0, size)``. Raises `NoteError`.
    """
    start, end = subtree
    if start and time:
        raise NoteError("a subtree that does not begin at 0 is cosigned without a time")
    names = [name.encode() for name in (cosigner, origin)]
    if not all(0 < len(name) < 256 for name in names):
        raise NoteError("the name of a cosigner or a log has at most 255 bytes")
    name, log = (bytes([len(name)]) + name for name in names)
    numbers = start.to_bytes(8, "big") + end.to_bytes(8, "big")
    return b"subtree/v1\n\x00" + name + time.to_bytes(8, "big") + log + numbers + root


def parse(note: str) -> Note:
    """Read a signed note. Raises `NoteError`; no signature is verified here."""
    text, blank, rest = note.rpartition("\n\n")
    if not blank or not rest.endswith("\n"):
        raise NoteError("a note has a text, an empty line, and signature lines")
    _check_text(text + "\n")
    return Note(text + "\n", _signatures(rest[:-1].split("\n")))


def _signatures(lines: Sequence[str]) -> tuple[Signature, ...]:
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"a note has at most {MAX_SIGNATURES} signatures")
    found: list[Signature] = []
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise NoteError("a signature line is malformed")
        raw = unbase64(match[2], "signature")
        if len(raw) < 5:
            raise NoteError("a signature is too short")
        found.append(Signature(match[1], raw[:4], raw[4:]))
    return tuple(found)


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError("a note text ends in a newline and has no other control character")


def unbase64(text: str, what: str) -> bytes:
    """Strict base64: one text for one value. Raises `NoteError` that names ``what``."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"the {what} is not base64") from None
    if base64.b64encode(value).decode() != text:
        raise NoteError(f"the {what} is not in the one base64 form")
    return value
