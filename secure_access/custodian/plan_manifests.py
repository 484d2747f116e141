"""The plan manifest as the custodian reads it: an error of its form is `Malformed`, as everywhere here.

The manifest itself is `secure_access.sealing.plans`: sealer and custodian read one format by one reader.
"""

from __future__ import annotations

from dataclasses import dataclass

from secure_access.custodian.forms import Malformed
from secure_access.sealing import SealingError
from secure_access.sealing.plans import PlanManifest, SealedSection

__all__ = ["PlanManifest", "SealedSection", "WithReport", "parse"]


@dataclass(frozen=True)
class WithReport(PlanManifest):
    """What was delivered and the report that the custodian made of it, under the digest of the delivery."""

    delivered: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes that the officer signed, which name no report."""
        return self.delivered

    @classmethod
    def of(cls, manifest: PlanManifest, report: SealedSection) -> WithReport:
        """The delivery with one section more."""
        told = vars(manifest) | {"sections": (*manifest.sections, report)}
        return cls(**told, delivered=manifest.digest)


def parse(encoded: bytes) -> PlanManifest:
    """Read the bytes of a manifest. Raises `Malformed`, also for a section or a file that stands twice."""
    try:
        return PlanManifest.parse(encoded)
    except SealingError as problem:
        raise Malformed(str(problem)) from None
