"""The key ring and the signing key: what they refuse matters more than what they do."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_access import keys
from secure_access.keys import (
    BadKeyFile,
    CannotUnwrap,
    DocumentKey,
    FileRing,
    KeyProvider,
    SigningKey,
    UnsafeKeyFile,
    note_key_id,
    verify,
)

NOW = datetime(2027, 10, 1, tzinfo=UTC)
DEK = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ring.json"


@pytest.fixture
def ring(path: Path) -> FileRing:
    return FileRing.create(path, now=NOW)


def test_wraps_and_unwraps(ring: FileRing, path: Path) -> None:
    provider: KeyProvider = ring
    blob = provider.wrap(DEK, "document:1")
    assert DEK not in blob
    assert provider.wrap(DEK, "document:1") != blob
    assert FileRing(path).unwrap(blob, "document:1") == DEK
    assert provider.current() == "documents/1"


def test_refuses_another_context_purpose_ring_and_every_altered_byte(ring: FileRing, tmp_path: Path) -> None:
    blob = ring.wrap(DEK, "document:1")
    other = FileRing.create(tmp_path / "other.json", now=NOW)
    refused: list[tuple[FileRing, bytes, str]] = [
        (ring, blob, "document:2"),
        (ring.for_purpose("backups"), blob, "document:1"),
        (other, blob, "document:1"),
        (ring, b"", "document:1"),
        (ring, blob + b"\0", "document:1"),
    ]
    for at in range(len(blob)):
        refused.append((ring, blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :], "document:1"))
    for provider, wrapped, context in refused:
        with pytest.raises(CannotUnwrap):
            provider.unwrap(wrapped, context)


def test_rotation(ring: FileRing, path: Path) -> None:
    old = ring.wrap(DEK, "document:1")
    assert ring.add(now=NOW) == 2
    assert ring.current() == "documents/2"
    assert FileRing(path).unwrap(old, "document:1") == DEK
    fresh = ring.rewrap(old, "document:1")
    ring.destroy(1)
    with pytest.raises(CannotUnwrap):
        ring.unwrap(old, "document:1")
    reloaded = FileRing(path)
    assert reloaded.unwrap(fresh, "document:1") == DEK
    assert [(key.version, key.secret is None) for key in reloaded.versions] == [(1, True), (2, False)]
    with pytest.raises(CannotUnwrap):
        ring.rewrap(old, "document:1")


def test_which_versions_can_be_activated_and_destroyed(ring: FileRing) -> None:
    ring.add(now=NOW)
    ring.activate(1)
    assert ring.current() == "documents/1"
    with pytest.raises(BadKeyFile, match="active"):
        ring.destroy(1)
    ring.destroy(2)
    for act in (ring.activate, ring.destroy):
        with pytest.raises(BadKeyFile, match="no usable version 2"):
            act(2)
        with pytest.raises(BadKeyFile, match="no usable version 9"):
            act(9)


def test_secrets_differ_by_label_and_stay(ring: FileRing, path: Path) -> None:
    assert ring.secret("cookies") == FileRing(path).secret("cookies")
    assert len({ring.secret("cookies"), ring.secret("developer cookies"), ring.versions[0].secret}) == 3


def test_files_are_private_and_never_overwritten(ring: FileRing, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    ring.add(now=NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["ring.json"]
    with pytest.raises(BadKeyFile, match="already"):
        FileRing.create(path, now=NOW)


def test_two_that_create_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FileRing.create(path, now=NOW)
    before = path.read_text()
    monkeypatch.setattr(Path, "exists", lambda self: False)
    with pytest.raises(BadKeyFile, match="already"):
        FileRing.create(path, now=NOW)
    assert path.read_text() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["ring.json"]


def test_a_failed_write_keeps_the_old_ring(
    ring: FileRing, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_text()

    def broken(descriptor: int) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="no space"):
        ring.add(now=NOW)
    assert path.read_text() == before
    assert ring.current() == "documents/1"
    assert [entry.name for entry in path.parent.iterdir()] == ["ring.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o660, 0o777])
def test_refuses_a_file_that_others_can_reach(ring: FileRing, path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(UnsafeKeyFile, match="chmod 600"):
        FileRing(path)


def test_refuses_a_file_of_another_user(ring: FileRing, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(UnsafeKeyFile, match="another user"):
        FileRing(path)


def test_refuses_what_is_not_a_plain_file(ring: FileRing, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    with pytest.raises(UnsafeKeyFile, match="cannot be opened"):
        FileRing(link)
    with pytest.raises(UnsafeKeyFile, match="not a plain file"):
        FileRing(tmp_path)
    with pytest.raises(BadKeyFile, match="not there"):
        FileRing(tmp_path / "nothing.json")


def _damage(ring: dict[str, Any], change: str) -> Any:
    match change:
        case "format":
            ring["format"] = "assay-key-ring/v0"
        case "active":
            ring["active"] = 7
        case "destroyed":
            ring["keys"][0]["key"] = None
        case "short":
            ring["keys"][0]["key"] = base64.b64encode(bytes(16)).decode()
        case "base64":
            ring["keys"][0]["key"] = "not base64!"
        case "list":
            return [ring]
    return ring


@pytest.mark.parametrize("change", ["format", "active", "destroyed", "short", "base64", "list"])
def test_refuses_a_file_that_is_no_ring(ring: FileRing, path: Path, change: str) -> None:
    path.write_text(json.dumps(_damage(json.loads(path.read_text()), change)))
    with pytest.raises(BadKeyFile, match="does not hold a key ring"):
        FileRing(path)


def test_refuses_what_is_not_json(ring: FileRing, path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadKeyFile):
        FileRing(path)


def test_signing_key_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    made = SigningKey.create(path, "log.example/public")
    loaded = SigningKey.load(path)
    signature = loaded.sign(b"message")
    assert path.stat().st_mode & 0o777 == 0o600
    assert verify(made.public, signature, b"message")
    assert not verify(made.public, signature, b"another message")
    assert not verify(made.public, bytes(64), b"message")
    assert not verify(b"short", signature, b"message")
    assert loaded.verifier.startswith("log.example/public+" + made.key_id + "+")
    with pytest.raises(BadKeyFile, match="already"):
        SigningKey.create(path, "log.example/public")


def test_key_id_is_that_of_a_published_verifier() -> None:
    """The key of the Go checksum database, as golang.org publishes it: sum.golang.org+033de0ae+Ac4z…"""
    encoded = "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    raw = base64.b64decode(encoded)
    assert raw[0] == 1
    assert note_key_id("sum.golang.org", raw[1:]) == "033de0ae"


@pytest.mark.parametrize("name", ["two words", "a+b", "", "line\n"])
def test_names_that_a_note_cannot_carry(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadKeyFile, match="no spaces"):
        SigningKey.create(tmp_path / "log.key", name)
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_file_that_is_no_signing_key(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    SigningKey.create(path, "log")
    *named, good = path.read_text().strip().split("+", 4)  # the key itself may hold a plus sign
    prefix = "+".join(named)
    wrong_type = base64.b64encode(b"\x02" + base64.b64decode(good)[1:]).decode()
    for text in ["", "PRIVATE+KEY+log", f"{prefix}+!!", f"{prefix}+AQ==", f"{prefix}+{wrong_type}",
                 f"PRIVATE+KEY+log+00000000+{good}"]:  # fmt: skip
        path.write_text(text)
        with pytest.raises(BadKeyFile, match="does not hold a signing key"):
            SigningKey.load(path)
    path.chmod(0o644)
    with pytest.raises(UnsafeKeyFile):
        SigningKey.load(path)


def test_a_document_key_is_kept_with_its_certificate(tmp_path: Path) -> None:
    path = tmp_path / "document-key"
    made = DocumentKey.create(path, "Authority of Example", now=datetime(2027, 10, 1, tzinfo=UTC))
    found = DocumentKey.load(path)
    assert found.certificates == made.certificates
    assert "PRIVATE" not in found.certificates
    assert path.stat().st_mode & 0o777 == 0o600
    (certificate,) = found.chain
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == "CN=Authority of Example"
    with pytest.raises(BadKeyFile, match="never overwritten"):
        DocumentKey.create(path, "Another", now=datetime(2027, 10, 1, tzinfo=UTC))


def test_refuses_a_file_that_is_no_document_key(tmp_path: Path) -> None:
    path, other = tmp_path / "document-key", tmp_path / "other"
    made = DocumentKey.create(path, "A", now=datetime(2027, 10, 1, tzinfo=UTC))
    certificates = DocumentKey.create(other, "B", now=datetime(2027, 10, 1, tzinfo=UTC)).certificates
    secret = path.read_text().partition("-----BEGIN CERTIFICATE")[0]
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    edwards = Ed25519PrivateKey.generate().private_bytes(*encoding).decode()
    larger = ec.generate_private_key(ec.SECP384R1()).private_bytes(*encoding).decode()
    for text, why in (
        ("", "does not hold a document key"),
        (secret, "does not hold a document key|is not that of"),
        (made.certificates, "does not hold a document key"),
        (secret + certificates, "is not that of the document key"),
        (edwards + certificates, "on the curve P-256"),
        (larger + certificates, "on the curve P-256"),
    ):
        path.write_text(text)
        with pytest.raises(BadKeyFile, match=why):
            DocumentKey.load(path)
    path.chmod(0o644)
    with pytest.raises(UnsafeKeyFile):
        DocumentKey.load(path)


def test_purposes_are_separated_in_the_derivation(ring: FileRing) -> None:
    assert keys.PURPOSE_DOMAIN != keys.SECRET_DOMAIN
    backups = ring.for_purpose("backups")
    assert backups.current() == "backups/1"
    assert backups.unwrap(backups.wrap(DEK, "x"), "x") == DEK
