"""What is published and delivered of a sealed plan: the plan key and the plan manifest.

docs/reference/protocol.md, "Sealed plans", fixes every byte. The sealed sections themselves are
`secure_access.sealing.sections`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from secure_access import canonical
from secure_access.sealing import exact, hpke
from secure_access.sealing.chunked import BadKey, SealingError
from secure_access.sealing.durable import write_once
from secure_access.sealing.exact import BadForm
from secure_access.sealing.hpke import HpkeSuite

KEY_FORMAT = "assay.plan-key/v1"
MANIFEST_FORMAT = "assay.plan-manifest/v1"
MAX_DOCUMENT = 64 * 1024
"""Bytes of a plan key or a plan manifest: more are not read."""
MAX_SECTIONS = 100
MAX_FILE = 512 * 1024 * 1024
"""Bytes of a file that can be sealed."""
MAX_SEALED = MAX_FILE + MAX_FILE // 1024 + 128 * 1024
"""More bytes than the sealed form of any file has."""

reference = exact.text(r"[A-Za-z0-9][A-Za-z0-9./-]{0,63}", "the reference of a plan request")
section_key = exact.text(r"[a-z0-9][a-z0-9_.-]{0,63}", "the key of a section")
digest = exact.hexadecimal(32)
_origin = exact.text(
    r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?", "an origin, such as https://custodian.example"
)


class OutOfDate(SealingError):
    """The plan key is not to be used yet, or no longer."""


def _suite(value: object) -> HpkeSuite:
    if not isinstance(value, str):
        raise ValueError("is not the name of a suite")
    return hpke.suite_of(value)


@dataclass(frozen=True)
class PlanKey:
    """The published half of the key of one plan request."""

    suite: HpkeSuite
    custodian: str
    """The origin of the custodian that has the other half."""
    request: str
    public: bytes
    made_at: datetime
    not_after: datetime

    def encode(self) -> bytes:
        """The bytes of the plan key file."""
        return canonical.encode(
            {
                "v": KEY_FORMAT,
                "suite": self.suite.name,
                "custodian": self.custodian,
                "request": self.request,
                "public": base64.b64encode(self.public).decode(),
                "made_at": exact.written(self.made_at),
                "not_after": exact.written(self.not_after),
            }
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file in hex: what is compared with what was told by another way."""
        return hashlib.sha256(self.encode()).hexdigest()

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The plan key of exactly these bytes. Raises `WrongVersion`, `UnknownSuite`, `BadForm`, `BadKey`."""
        if len(encoded) > MAX_DOCUMENT:
            raise BadForm(f"{KEY_FORMAT}: more than {MAX_DOCUMENT} bytes")
        readers: dict[str, exact.Reader] = {
            "suite": _suite,
            "custodian": _origin,
            "request": reference,
            "public": exact.base64_bytes,
            "made_at": exact.instant,
            "not_after": exact.instant,
        }
        key = cls(**exact.members(encoded, KEY_FORMAT, readers))
        if key.not_after <= key.made_at:
            raise BadForm(f"{KEY_FORMAT}: not_after is not after made_at")
        hpke.check_public(key.suite, key.public)
        return key

    @classmethod
    def read(cls, path: Path) -> Self:
        """The plan key in a file. Raises as `parse`, or ``OSError``."""
        with path.open("rb") as file:
            return cls.parse(file.read(MAX_DOCUMENT + 1))

    def write(self, path: Path) -> None:
        """Write the file, for everybody to read. Raises `AlreadyThere`, ``OSError``."""
        write_once(path, [self.encode()], mode=0o644)

    def check_usable(self, now: datetime) -> None:
        """Raises `OutOfDate` unless something may be sealed with it at that time."""
        if not self.made_at <= now <= self.not_after:
            between = f"from {exact.written(self.made_at)} to {exact.written(self.not_after)}"
            raise OutOfDate(f"the plan key for {self.request} is good {between}")


def new_plan_key(
    custodian: str, request: str, *, now: datetime, not_after: datetime, suite: HpkeSuite = hpke.XWING
) -> tuple[PlanKey, bytes]:
    """A fresh key pair: what is published, and the private half of `hpke.SEED` bytes. Raises `BadForm`."""
    private = hpke.new_private(suite)
    made = PlanKey(suite, custodian, request, hpke.public_of(suite, private), now, not_after)
    return PlanKey.parse(made.encode()), private


@dataclass(frozen=True)
class SealedSection:
    """A sealed file as the plan manifest names it; ``size`` in bytes."""

    section: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PlanManifest:
    """What is delivered: the sealed sections of one request, in its order. An officer signs its digest."""

    request: str
    key: str
    """Fingerprint of the plan key."""
    sections: tuple[SealedSection, ...]
    made_at: datetime
    nonce: str

    @classmethod
    def make(cls, key: PlanKey, sections: Sequence[SealedSection], *, now: datetime) -> Self:
        """The manifest of what was sealed with that key. Raises `BadForm`."""
        made = cls(key.request, key.fingerprint, tuple(sections), now, secrets.token_hex(16))
        return cls.parse(made.encode())

    def encode(self) -> bytes:
        """The bytes that are hashed and delivered."""
        return canonical.encode(
            {
                "v": MANIFEST_FORMAT,
                "request": self.request,
                "key": self.key,
                "sections": [vars(one) for one in self.sections],
                "made_at": exact.written(self.made_at),
                "nonce": self.nonce,
            }
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes in hex: the object of the act ``plan.deliver``."""
        return hashlib.sha256(self.encode()).hexdigest()

    def section(self, key: str) -> SealedSection | None:
        """The sealed file of a section."""
        return next((one for one in self.sections if one.section == key), None)

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The manifest of exactly these bytes. Raises `WrongVersion` or `BadForm`."""
        if len(encoded) > MAX_DOCUMENT:
            raise BadForm(f"{MANIFEST_FORMAT}: more than {MAX_DOCUMENT} bytes")
        readers: dict[str, exact.Reader] = {
            "request": reference,
            "key": digest,
            "sections": _sections,
            "made_at": exact.instant,
            "nonce": exact.hexadecimal(16),
        }
        return cls(**exact.members(encoded, MANIFEST_FORMAT, readers))


def _sections(value: object) -> tuple[SealedSection, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SECTIONS:
        raise ValueError(f"are not a list of 1 to {MAX_SECTIONS}")
    readers = {"section": section_key, "size": exact.integer(1, MAX_SEALED), "sha256": digest}
    found = tuple(SealedSection(**exact.read_object(one, "section", readers)) for one in value)
    if len({one.section for one in found}) != len(found):
        raise ValueError("name one section twice")
    if len({one.sha256 for one in found}) != len(found):
        raise ValueError("name one sealed file twice")
    return found


__all__ = [
    "KEY_FORMAT",
    "MANIFEST_FORMAT",
    "MAX_FILE",
    "MAX_SEALED",
    "BadForm",
    "BadKey",
    "OutOfDate",
    "PlanKey",
    "PlanManifest",
    "SealedSection",
    "new_plan_key",
]
