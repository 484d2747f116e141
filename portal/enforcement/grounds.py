"""Which provision an event may breach: a table with citations. The numbers of the law stay in the packs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.enforcement.tables import NoticeKind
from portal.law import statute


@dataclass(frozen=True)
class Ground:
    """An event (``information_request``, ``incident``, ``condition``) and the provision it may breach.

    ``provision`` is the duty in the pack of ``regime``; ``penalty_provision`` is what penalises it; ``duty``
    is the clock of an incident that has to have run out.
    """

    event: str
    regime: str
    provision: str
    penalty_provision: str
    title: str
    duty: str = ""

    @property
    def row(self) -> Mapping[str, Any]:
        """The provision as the pack has it, with label and citation."""
        return provision(self.regime, self.provision)


GROUNDS: tuple[Ground, ...] = (
    # EU AI Act Art. 101(1)(b): a request for documents or information under Art. 91 not met.
    Ground(
        "information_request", "eu-ai-act", "101(1)(b)", "101(1)", "Late answer to an information request"
    ),
    # N.Y. Gen. Bus. Law 1422 with 1427: a safety incident not reported in time.
    Ground("incident", "ny-raise", "1422", "1427", "Safety incident reported late", "incident.report"),
    # Cal. Bus. & Prof. Code 22757.13(c)(1) with 22757.15(a).
    Ground(
        "incident",
        "ca-tfaia",
        "22757.13(c)(1)",
        "22757.15",
        "Critical safety incident reported late",
        "incident.report",
    ),
    # EU AI Act Art. 101(1)(c): a measure requested under Art. 93 not complied with.
    Ground("condition", "eu-ai-act", "101(1)(c)", "101(1)", "Condition of a decision not met"),
)

REFERRED_TO: Mapping[str, str] = {
    # N.Y. Gen. Bus. Law 1427 and Cal. Bus. & Prof. Code 22757.15(b): civil actions of the Attorney General
    # only.
    "ny-raise": "Attorney General of New York",
    "ca-tfaia": "Attorney General of California",
}
"""Regimes whose penalty a court imposes: the authority computes and refers."""


def of_event(event: str) -> tuple[Ground, ...]:
    """The grounds of an event."""
    return tuple(ground for ground in GROUNDS if ground.event == event)


def provision(regime: str, code: str) -> Mapping[str, Any]:
    """A provision of a pack: ``code``, ``label``, ``citation``. Raises ``LookupError``."""
    for row in statute.load(regime).provisions:
        if row["code"] == code:
            return row
    raise LookupError(f"{regime} has no provision {code}")


def notice_kind(regime: str) -> NoticeKind:
    """What follows an approved worksheet under a regime: findings of our own, or a referral."""
    return NoticeKind.REFERRAL if regime in REFERRED_TO else NoticeKind.PRELIMINARY_FINDINGS
