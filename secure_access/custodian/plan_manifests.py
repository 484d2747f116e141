"""The plan manifest as the custodian reads it: an error of its form is `Malformed`, as everywhere here.

The manifest itself is `secure_access.sealing.plans`: sealer and custodian read one format by one reader.
"""

from __future__ import annotations

from secure_access.custodian.forms import Malformed
from secure_access.sealing import SealingError
from secure_access.sealing.plans import PlanManifest, SealedSection

__all__ = ["PlanManifest", "SealedSection", "parse"]


def parse(encoded: bytes) -> PlanManifest:
    """Read the bytes of a manifest. Raises `Malformed`, also for a section or a file that stands twice."""
    try:
        return PlanManifest.parse(encoded)
    except SealingError as problem:
        raise Malformed(str(problem)) from None
