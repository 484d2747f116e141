"""What a coverage question answers: per regime the outcome, the rules as applied, and the other readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.law.compute import Compute


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule as applied: `outcome` is yes, no, maybe or unknown; the rest as a person reads it."""

    rule: str
    label: str
    citation: str
    input: str
    threshold: str
    outcome: str
    verified: bool
    working: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The reason as plain values."""
        return {
            "rule": self.rule,
            "label": self.label,
            "citation": self.citation,
            "input": self.input,
            "threshold": self.threshold,
            "outcome": self.outcome,
            "verified": self.verified,
            "working": list(self.working),
        }


@dataclass(frozen=True, slots=True)
class UnderReading:
    """The outcome under one reading of an ambiguous text; exactly one reading of a question is adopted.

    `by`, `on` and `why_adopted` say who adopted the reading of this question, when and for what reason;
    `because` holds the rules that this reading uses and the adopted one does not.
    """

    key: str
    question: str
    citation: str
    name: str
    label: str
    why: str
    adopted: bool
    by: str
    on: date
    why_adopted: str
    covered: str
    wording: str
    large: str | None
    because: tuple[Reason, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The outcome as plain values; `large` only where the regime has that class."""
        found: dict[str, Any] = {
            "key": self.key,
            "question": self.question,
            "citation": self.citation,
            "name": self.name,
            "label": self.label,
            "why": self.why,
            "adopted": self.adopted,
            "adopted_by": self.by,
            "adopted_on": self.on.isoformat(),
            "adopted_because": self.why_adopted,
            "covered": self.covered,
            "wording": self.wording,
            "because": [reason.as_json() for reason in self.because],
        }
        if self.large is not None:
            found["large"] = self.large
        return found


@dataclass(frozen=True, slots=True)
class RegimeCoverage:
    """The answer of one regime; `large` is None where it has no second class."""

    regime: str
    name: str
    covered: str
    wording: str
    large: str | None
    because: tuple[Reason, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    status: str
    in_force_from: date
    statute_digest: str
    readings: tuple[UnderReading, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer as plain values; `large` only where the regime has that class."""
        found: dict[str, Any] = {
            "name": self.name,
            "covered": self.covered,
            "wording": self.wording,
            "because": [reason.as_json() for reason in self.because],
            "missing": list(self.missing),
            "flags": list(self.flags),
            "status": self.status,
            "in_force_from": self.in_force_from.isoformat(),
            "statute_digest": self.statute_digest,
            "readings": [reading.as_json() for reading in self.readings],
        }
        if self.large is not None:
            found["large"] = self.large
        return found


@dataclass(frozen=True, slots=True)
class Coverage:
    """The answers of all regimes asked for, and the training compute they rest on."""

    on: date
    training_flop: Compute
    regimes: Mapping[str, RegimeCoverage]

    def as_json(self) -> dict[str, Any]:
        """The result in the published form."""
        return {
            "on": self.on.isoformat(),
            "training_flop": self.training_flop.as_json(),
            "regimes": {name: answer.as_json() for name, answer in self.regimes.items()},
        }
