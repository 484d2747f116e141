"""Keys: the ring that wraps data keys, the key that signs the log, and the key that signs documents.

A `KeyProvider` wraps the key of one file and never sees the file. `FileRing` keeps its keys in one JSON
file that only its owner may read; other providers (a cloud KMS, a hardware module) answer to the same four
verbs. Rotation adds a version, makes it active, and wraps every data key again: files are never rewritten.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

RING_FORMAT = "assay-key-ring/v1"
WRAP_DOMAIN = b"assay/wrap/v1\0"
PURPOSE_DOMAIN = b"assay/ring/v1\0"
SECRET_DOMAIN = b"assay/secret/v1\0"
_BLOB = struct.Struct(">BI12s")
"""Layout of a wrapped key: format 1, version of the ring key, nonce; the AES-256-GCM output follows."""
CERTIFICATE_LIFE = timedelta(days=3650)
"""Of a certificate that a document key signs itself; an authority that has a better one sets its own."""
_PRIVATE = "PRIVATE+KEY+"
ED25519, MLDSA44 = 0x01, 0x06
"""Kinds of signing key, as C2SP signed-note and tlog-cosignature number them."""
PrivateKey = Ed25519PrivateKey | MLDSA44PrivateKey
_READ: Mapping[int, Callable[[bytes], PrivateKey]] = {
    ED25519: Ed25519PrivateKey.from_private_bytes,
    MLDSA44: MLDSA44PrivateKey.from_seed_bytes,
}
_MAKE: Mapping[int, Callable[[], PrivateKey]] = {
    ED25519: Ed25519PrivateKey.generate,
    MLDSA44: MLDSA44PrivateKey.generate,
}
_SIGNS_DOCUMENTS = x509.KeyUsage(True, True, *(False,) * 7)  # digital signature, content commitment


class KeyFailure(Exception):
    """A key cannot be used. The root of this module's errors."""


class UnsafeKeyFile(KeyFailure):
    """The key file can be read by others, belongs to someone else, or is not a plain file."""


class BadKeyFile(KeyFailure):
    """The key file is missing, already there, or does not hold what it should."""


class CannotUnwrap(KeyFailure):
    """The wrapped key does not open: other context, other purpose, altered, or its ring key is gone."""


class KeyProvider(Protocol):
    """Wraps data keys. ``context`` names what the key is for and is bound: another one does not unwrap."""

    def current(self) -> str:
        """The name of the key that `wrap` uses now, such as ``documents/2``."""
        ...

    def wrap(self, dek: bytes, context: str) -> bytes:
        """The data key, sealed for ``context`` under the current key."""
        ...

    def unwrap(self, blob: bytes, context: str) -> bytes:
        """The data key again. Raises `CannotUnwrap`."""
        ...

    def rewrap(self, blob: bytes, context: str) -> bytes:
        """The same data key under the current key. Raises `CannotUnwrap`."""
        ...


@dataclass(frozen=True)
class RingKey:
    """One version in a ring. ``secret`` is ``None`` once the version has been destroyed."""

    version: int
    created: str
    secret: bytes | None


class FileRing:
    """A ring of keys in one file of mode 0600, used for one ``purpose``.

    Every purpose derives its own wrapping key from the ring key, so that what one part of the system wraps
    no other part unwraps. Raises `UnsafeKeyFile` or `BadKeyFile`.
    """

    def __init__(self, path: Path, purpose: str = "documents") -> None:
        self._path = path
        self._purpose = purpose
        self._active, self._keys = _parse_ring(_read_private(path), path)

    @classmethod
    def create(cls, path: Path, *, now: datetime, purpose: str = "documents") -> Self:
        """A new ring file with one active version. Raises `BadKeyFile` if there is a file already."""
        first = RingKey(1, now.isoformat(), secrets.token_bytes(32))
        _write_private(path, _ring_text(1, {1: first}), fresh=True)
        return cls(path, purpose)

    @property
    def versions(self) -> list[RingKey]:
        """Every version, oldest first, destroyed ones too."""
        return [self._keys[version] for version in sorted(self._keys)]

    def for_purpose(self, purpose: str) -> FileRing:
        """The same ring for another purpose."""
        return type(self)(self._path, purpose)

    def current(self) -> str:
        """``<purpose>/<version>`` of the active version."""
        return f"{self._purpose}/{self._active}"

    def wrap(self, dek: bytes, context: str) -> bytes:
        """The data key under AES-256-GCM; purpose, version and context are authenticated with it."""
        nonce = secrets.token_bytes(12)
        head = _BLOB.pack(1, self._active, nonce)
        return head + self._cipher(self._active).encrypt(nonce, dek, self._bound(head, context))

    def unwrap(self, blob: bytes, context: str) -> bytes:
        """The data key. Raises `CannotUnwrap`, which does not say more than that on purpose."""
        try:
            form, version, nonce = _BLOB.unpack_from(blob)
            if form == 1:
                head, body = blob[: _BLOB.size], blob[_BLOB.size :]
                return self._cipher(version).decrypt(nonce, body, self._bound(head, context))
        except (struct.error, InvalidTag):
            pass
        raise CannotUnwrap("the wrapped key does not open with this ring and context")

    def rewrap(self, blob: bytes, context: str) -> bytes:
        """The same data key under the active version, read back before it is returned."""
        dek = self.unwrap(blob, context)
        fresh = self.wrap(dek, context)
        if self.unwrap(fresh, context) != dek:  # pragma: no cover - would be a fault in memory
            raise CannotUnwrap("the key wrapped anew does not open; keep the old one")
        return fresh

    def add(self, *, now: datetime) -> int:
        """Adds a version and makes it active; older ones still unwrap. Returns its number."""
        version = max(self._keys) + 1
        self._save(
            version, {**self._keys, version: RingKey(version, now.isoformat(), secrets.token_bytes(32))}
        )
        return version

    def activate(self, version: int) -> None:
        """Wraps with ``version`` from now on. Raises `BadKeyFile` if it is not there or was destroyed."""
        self._secret(version, BadKeyFile)
        self._save(version, self._keys)

    def destroy(self, version: int) -> None:
        """Forgets a version's secret for good: what is still wrapped under it can never be opened.

        Raises `BadKeyFile` for the active version and for one that is not there.
        """
        self._secret(version, BadKeyFile)
        if version == self._active:
            raise BadKeyFile(f"version {version} is active: add another first")
        self._save(self._active, {**self._keys, version: replace(self._keys[version], secret=None)})

    def secret(self, label: str) -> bytes:
        """32 bytes derived from the active version for ``label``, such as the key that signs cookies."""
        return _derive(self._secret(self._active, BadKeyFile), SECRET_DOMAIN + label.encode())

    def _save(self, active: int, keys: Mapping[int, RingKey]) -> None:
        _write_private(self._path, _ring_text(active, keys))
        self._active, self._keys = active, dict(keys)

    def _secret(self, version: int, failure: type[KeyFailure] = CannotUnwrap) -> bytes:
        key = self._keys.get(version)
        if key is None or key.secret is None:
            raise failure(f"the ring has no usable version {version}")
        return key.secret

    def _cipher(self, version: int) -> AESGCM:
        return AESGCM(_derive(self._secret(version), PURPOSE_DOMAIN + self._purpose.encode()))

    def _bound(self, head: bytes, context: str) -> bytes:
        return WRAP_DOMAIN + head + self._purpose.encode() + b"\0" + context.encode()


class SigningKey:
    """A key with a name that signs, in the text form of C2SP signed notes: Ed25519, or ML-DSA-44.

    Source: https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature, and
    golang.org/x/mod/sumdb/note for the private form (of ML-DSA-44 its 32-byte seed, FIPS 204).
    """

    def __init__(self, name: str, key: PrivateKey) -> None:
        if not re.fullmatch(r"[^\s+]+", name):
            raise BadKeyFile("the name of a key has no spaces and no plus sign")
        self.name = name
        self._key = key
        self.kind = ED25519 if isinstance(key, Ed25519PrivateKey) else MLDSA44
        self.public = key.public_key().public_bytes_raw()

    @classmethod
    def create(cls, path: Path, name: str, kind: int = ED25519) -> Self:
        """A new key in a new file of mode 0600. Raises `BadKeyFile` if there is a file already."""
        made = cls(name, _MAKE[kind]())
        secret = base64.b64encode(bytes([kind]) + made._key.private_bytes_raw()).decode()
        _write_private(path, f"{_PRIVATE}{name}+{made.key_id}+{secret}\n", fresh=True)
        return made

    @classmethod
    def load(cls, path: Path) -> Self:
        """The key in ``path``. Raises `UnsafeKeyFile` or `BadKeyFile`."""
        wrong = BadKeyFile(f"{path} does not hold a signing key")
        parts = _read_private(path).strip().removeprefix(_PRIVATE).split("+", 2)
        if len(parts) != 3:
            raise wrong
        name, key_id, encoded = parts
        try:
            secret = base64.b64decode(encoded, validate=True)
            key = cls(name, _READ[secret[0]](secret[1:]))
        except (ValueError, LookupError):
            raise wrong from None
        if key.key_id != key_id:
            raise wrong
        return key

    @property
    def key_id(self) -> str:
        """The first four bytes of SHA-256 over name and public key, in hex: the hash of a signed note."""
        return note_key_id(self.name, self.public, self.kind)

    @property
    def verifier(self) -> str:
        """The public key as one line, for policy files and pages."""
        return f"{self.name}+{self.key_id}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    def sign(self, message: bytes) -> bytes:
        """The signature over exactly ``message``: 64 bytes, or 2,420 of ML-DSA-44."""
        return self._key.sign(message)


class DocumentKey:
    """An ECDSA P-256 key with the certificate under which documents are signed, and what that is issued by.

    The file is PEM of mode 0600: the private key, its certificate, and the certificates above it, if any.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey, chain: list[x509.Certificate]) -> None:
        if not chain or chain[0].public_key() != key.public_key():
            raise BadKeyFile("the first certificate is not that of the document key")
        self.key = key
        self.chain = tuple(chain)

    @classmethod
    def create(cls, path: Path, name: str, *, now: datetime) -> Self:
        """A new key with a certificate that it signs itself. Raises `BadKeyFile` if a file is there."""
        key = ec.generate_private_key(ec.SECP256R1())
        whose = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
        certificate = (
            x509.CertificateBuilder(whose, whose, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + CERTIFICATE_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_SIGNS_DOCUMENTS, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, SHA256())
        )
        made = cls(key, [certificate])
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write_private(path, secret.decode() + made.certificates, fresh=True)
        return made

    @classmethod
    def load(cls, path: Path) -> Self:
        """The key in ``path``. Raises `UnsafeKeyFile` or `BadKeyFile`."""
        text = _read_private(path).encode()
        try:
            key = serialization.load_pem_private_key(text, password=None)
            chain = x509.load_pem_x509_certificates(text)
        except (ValueError, TypeError):
            raise BadKeyFile(f"{path} does not hold a document key with its certificate, in PEM") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise BadKeyFile(f"{path}: a document key is ECDSA on the curve P-256")
        return cls(key, chain)

    @property
    def certificates(self) -> str:
        """The certificates in PEM, that of the key first: what a reader of documents trusts."""
        return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in self.chain)


def note_key_id(name: str, public: bytes, kind: int = ED25519) -> str:
    """The key id of a named public key, as C2SP signed-note computes it."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).hexdigest()[:8]


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is that of ``message`` under a raw Ed25519 public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _derive(secret: bytes, info: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, info).derive(secret)


def _ring_text(active: int, keys: Mapping[int, RingKey]) -> str:
    rows = [
        {
            "version": key.version,
            "created": key.created,
            "key": None if key.secret is None else base64.b64encode(key.secret).decode(),
        }
        for key in keys.values()
    ]
    return json.dumps({"format": RING_FORMAT, "active": active, "keys": rows}, indent=1) + "\n"


def _parse_ring(text: str, path: Path) -> tuple[int, dict[int, RingKey]]:
    try:
        ring = json.loads(text)
        if ring["format"] != RING_FORMAT:
            raise ValueError(ring["format"])
        keys = {
            row["version"]: RingKey(row["version"], row["created"], _secret_of(row)) for row in ring["keys"]
        }
        if keys[ring["active"]].secret is None:
            raise ValueError("the active version is destroyed")
    except (ValueError, KeyError, TypeError):
        raise BadKeyFile(f"{path} does not hold a key ring of format {RING_FORMAT}") from None
    return ring["active"], keys


def _secret_of(row: Mapping[str, str | None]) -> bytes | None:
    if row["key"] is None:
        return None
    secret = base64.b64decode(row["key"], validate=True)
    if len(secret) != 32:
        raise ValueError("a ring key is 32 bytes")
    return secret


def _read_private(path: Path) -> str:
    """The text of a file that nobody but this user can read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadKeyFile(f"{path} is not there") from None
    except OSError as error:
        raise UnsafeKeyFile(f"{path} cannot be opened: {error.strerror}") from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise UnsafeKeyFile(f"{path} is not a plain file")
        if facts.st_uid != os.geteuid():
            raise UnsafeKeyFile(f"{path} belongs to another user")
        if facts.st_mode & 0o077:
            raise UnsafeKeyFile(f"{path} can be read by others: chmod 600 {path}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read().decode("utf-8", errors="replace")
    finally:
        os.close(descriptor)


def _write_private(path: Path, text: str, *, fresh: bool = False) -> None:
    """Writes ``path`` whole or not at all, mode 0600, durable on return."""
    if fresh and path.exists():
        raise BadKeyFile(f"{path} is there already; a key is never overwritten")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            os.link(part, path)
        else:
            os.replace(part, path)
    except FileExistsError:
        raise BadKeyFile(f"{path} is there already; a key is never overwritten") from None
    finally:
        part.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
