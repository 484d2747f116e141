"""The plan manifest: which sealed sections were delivered, by digest, in the order of the request. Pure.

Source: docs/reference/protocol.md, “Plan manifest”.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secure_access.custodian import forms
from secure_access.custodian.forms import Form, Malformed

FORMAT = "assay.plan-manifest/v1"
LARGEST = 2**40
"""Bytes of a sealed section."""
MOST_SECTIONS = 100


@dataclass(frozen=True)
class SealedSection:
    """One sealed file: its section's key in the public outline, its size in bytes, its SHA-256 in hex."""

    section: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PlanManifest:
    """What was delivered under one plan key. ``digest`` is the SHA-256 in hex of the manifest's bytes."""

    request: str
    key: str
    sections: tuple[SealedSection, ...]
    made_at: datetime
    nonce: str
    digest: str

    def section(self, key: str) -> SealedSection | None:
        """The sealed file of a section."""
        return next((one for one in self.sections if one.section == key), None)


def parse(encoded: bytes) -> PlanManifest:
    """Read the bytes of a manifest. Raises `Malformed`, also for a section or a file that stands twice."""
    form = forms.document(encoded, FORMAT, ("request", "key", "sections", "made_at", "nonce"))
    found = PlanManifest(
        request=form.identifier("request"),
        key=form.hexadecimal("key", 32),
        sections=form.each("sections", ("section", "size", "sha256"), _section),
        made_at=form.instant("made_at"),
        nonce=form.hexadecimal("nonce", 16),
        digest=forms.digest(encoded),
    )
    if not found.sections:
        raise Malformed("sections: nothing is delivered")
    if len(found.sections) > MOST_SECTIONS:
        raise Malformed(f"sections: at most {MOST_SECTIONS} are delivered")
    for kind in ("section", "sha256"):
        if len({getattr(one, kind) for one in found.sections}) != len(found.sections):
            raise Malformed(f"sections: a {kind} stands twice")
    return found


def _section(form: Form) -> SealedSection:
    return SealedSection(
        form.identifier("section"), form.number("size", 1, LARGEST), form.hexadecimal("sha256", 32)
    )
