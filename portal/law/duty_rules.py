"""What duties are made of: the events that happen, the rules of a pack, and a duty as owed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from portal.law.statute import Pack

Status = Literal[
    "upcoming", "due", "met", "late", "overdue", "held", "excused", "superseded", "ended", "open"
]
"""`open` is a right that may be used now; a right is never late."""
LAW_STARTED = "law_started"
SCHEDULE, EXTENDED, EXCUSED, HELD, RELEASED = "schedule_agreed", "extended", "excused", "held", "released"
PLANNED, UPDATED, LEFT, ENTERED = "update_planned", "model_updated", "left_scope", "entered_scope"
_TRIGGERS = {
    "discovered": "incident_discovered",
    "determined": "incident_determined",
    "reasonable_belief": "incident_believed",
    "aware": "incident_aware",
    "resolved": "incident_resolved",
}
_ANSWERS = {
    "incident.imminent": ("authority_told",),
    "incident.final_report": ("incident_final_report",),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in the words of the packs (`risk_report_filed`, `incident_aware`, ...).

    Args:
        kind: its name.
        at: when it happened; aware.
        id: its reference; a correction or a dispute names it.
        about: the model or incident it concerns; empty for the entity itself and then for all of them.
        by: who says so.
        evidence: what shows it.
        duty: for a schedule, extension, excuse or hold the duty it is for; empty for every duty.
        on: a date that it names: a planned update or release, or the day to which is extended.
        months: an agreed schedule: so many months from each summary to the next.
        dates: an agreed schedule: these dates.
        corrects: the event whose time this one puts right; the earlier one stays, superseded.
        disputes: the event whose time this one contradicts; both due times are given.
        tags: `imminent`, and kinds of incident.
        recorded_at: when it became known here, where that was later.
    """

    kind: str
    at: datetime
    id: str = ""
    about: str = ""
    by: str = ""
    evidence: str = ""
    duty: str = ""
    on: date | None = None
    months: int = 0
    dates: tuple[date, ...] = ()
    corrects: str = ""
    disputes: str = ""
    tags: frozenset[str] = frozenset()
    recorded_at: datetime | None = None

    @property
    def known_at(self) -> datetime:
        """From when it counts here."""
        return self.recorded_at or self.at

    def named(self) -> str:
        """The event in words, with who says so and what shows it."""
        said = f" by {self.by}" if self.by else ""
        shown = f" ({self.evidence})" if self.evidence else ""
        return f"{self.kind.replace('_', ' ')}{said}{shown}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pack: what triggers a duty, how long it gives, what meets and what ends it.

    `value` names a period of the pack; without one the duty falls due `at_once`, or no time is stated.
    `before`: the act must come before its trigger, and one that came earlier counts; where it is `strict`,
    not on the same day either. `schedule`: another one may be agreed. `standing`: a trigger that is older
    than the rule counts from the rule's first day, because it lasts. `may`: a right, from that time on.
    `unless` are events that excuse it; `plan` is what must be planned `within` a period of the due day, and
    what it is called when it comes.
    """

    duty: str
    label: str
    after: str
    value: str = ""
    within: str = ""
    promptly: str = ""
    at_once: bool = False
    citation: str = ""
    status: str = ""
    verified: bool = True
    repeats: bool = False
    before: bool = False
    schedule: bool = False
    met_by: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    recipient: str = ""
    breach: str = ""
    tag: str = ""
    start: str = ""
    strict: bool = False
    standing: bool = False
    may: bool = False
    unless: tuple[str, ...] = ()
    plan: tuple[str, ...] = (PLANNED, UPDATED)


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty as it stands: from which rule and trigger, until when, met or not, and why.

    `due_at` is None while it is held, and where the law states no time. `otherwise_due_at` is the due instant
    under the reading that was not adopted. `governs` is False for the later of two starts. `disputed` says
    who contradicts the trigger, `disputes` names the event that this one's trigger contradicts. `tag` is the
    kind of incident. `closed_because` is why a duty ended, was excused or superseded.
    """

    regime: str
    duty: str
    label: str
    about: str
    number: int
    trigger: str
    trigger_id: str
    triggered_at: datetime
    due_at: datetime | None
    status: Status
    rule: str
    citation: str
    why: tuple[str, ...]
    zone: str
    law_status: str
    verified: bool
    statute_digest: str
    otherwise_due_at: datetime | None = None
    met_at: datetime | None = None
    met_by: str = ""
    recipient: str = ""
    breach: str = ""
    governs: bool = True
    disputed: str = ""
    closed_because: str = ""
    disputes: str = ""
    tag: str = ""

    @property
    def key(self) -> str:
        """A name of its own that stays the same while events are added."""
        trigger = self.trigger_id or f"{self.trigger}@{self.triggered_at:%Y%m%dT%H%M%SZ}"
        return f"{self.regime}/{self.duty}/{self.tag}/{self.about}/{trigger}/{self.number}"


def rules(pack: Pack) -> Iterator[Rule]:
    """Every rule of a pack: periodic and other duties, and the clocks of incidents."""
    for row in pack.periodic:
        yield _rule(row, status="")
    for row in pack.duties:
        yield _rule(row, status=row.get("status", pack.status))
    for row in pack.clocks:
        yield Rule(
            duty=row["duty"],
            label=row["label"],
            after=_TRIGGERS.get(row["trigger"], row["trigger"]),
            value=row["value"],
            met_by=_ANSWERS.get(row["duty"], ("incident_reported",)),
            recipient=row.get("recipient", ""),
            breach=row.get("breach", ""),
            tag="imminent" if row.get("imminent") else row.get("kind", ""),
            start=row["trigger"],
        )


def _rule(row: Mapping[str, Any], *, status: str) -> Rule:
    plain: dict[str, Any] = {key: row[key] for key in _PLAIN if key in row}
    plain |= {key: tuple(row[key]) for key in _LISTS if key in row}
    return Rule(**plain, status=status)


_LISTS = ("met_by", "ends", "unless", "plan")
_PLAIN = (
    "duty",
    "label",
    "after",
    "value",
    "within",
    "promptly",
    "at_once",
    "citation",
    "verified",
    "repeats",
    "before",
    "schedule",
    "strict",
    "standing",
    "may",
    "recipient",
    "breach",
)
