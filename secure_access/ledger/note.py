"""Signed notes and checkpoints: C2SP signed-note, tlog-checkpoint, tlog-cosignature (Ed25519). Pure.

A *verifier key* (vkey) is ``name+keyid+base64(type || public key)``. Signatures of unknown keys are ignored;
one that claims a known key and does not verify rejects the whole note.
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

NOTE_KEY = 0x01
COSIGNATURE_KEY = 0x04
MAX_SIGNATURES = 64

_NAME = re.compile(r"[^\s+]+")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """Not a note, a key or a checkpoint, or a signature that is false; the message says which."""


class Signer(Protocol):
    """A named Ed25519 key that signs; `secure_access.keys.SigningKey` is one."""

    name: str
    public: bytes
    """32 bytes (RFC 8032)."""

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        ...


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name: of a log (type 0x01) or of a witness (type 0x04)."""

    name: str
    public: bytes
    type: int = NOTE_KEY

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise NoteError(f"a key name is not empty and has no space or plus sign: {self.name!r}")
        if self.type not in (NOTE_KEY, COSIGNATURE_KEY) or len(self.public) != 32:
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
        message = text.encode()
        if self.type == COSIGNATURE_KEY:
            stamp, signature = signature[:8], signature[8:]
            message = cosigned_message(text, int.from_bytes(stamp, "big"))
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes

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
        if not _SIZE.fullmatch(size):
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


def cosign(text: str, signer: Signer, time: int) -> Signature:
    """The cosignature/v1 line of a witness on a checkpoint text at POSIX second ``time``."""
    key = VerifierKey(signer.name, signer.public, COSIGNATURE_KEY)
    return Signature(key.name, key.id, time.to_bytes(8, "big") + signer.sign(cosigned_message(text, time)))


def cosigned_message(text: str, time: int) -> bytes:
    """The bytes that a witness signs."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


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
