"""What the page of duties shows of each: due time with its zone, how it stands, and why it is owed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.filing import duties
from portal.law import statute
from portal.law.duty_rules import Owed
from portal.ui.formats import due

PAGE = 50
"""Duties on one page."""
TABS = ("Open", "Closed")
_MARKS = {
    "upcoming": ("neutral", "Upcoming"),
    "due": ("warn", "Due today"),
    "overdue": ("stop", "Overdue"),
    "met": ("good", "Met"),
    "late": ("warn", "Met late"),
    "held": ("warn", "Clock stands still"),
    "excused": ("neutral", "Excused"),
    "superseded": ("neutral", "Superseded"),
    "ended": ("neutral", "Ended"),
    "open": ("neutral", "May be used"),
}
ELSEWHERE = "This portal does not receive it, so whether it was met is not known here."


@dataclass(frozen=True)
class Shown:
    """One duty as a page shows it. ``notes`` are what a reader must know besides how it stands."""

    duty: Owed
    law: str
    about: str
    due: str
    otherwise: str
    kind: str
    words: str
    notes: tuple[str, ...]
    source: str


def shown(duty: Owed, names: Mapping[str, str]) -> Shown:
    """A duty for its page."""
    kind, words = _mark(duty)
    return Shown(
        duty=duty,
        law=statute.load(duty.regime).short,
        about=names.get(duty.about, duty.about),
        due=due(duty.due_at, duty.zone) if duty.due_at else "",
        otherwise=due(duty.otherwise_due_at, duty.zone) if duty.otherwise_due_at else "",
        kind=kind,
        words=words,
        notes=tuple(_notes(duty)),
        source=f"{duty.citation}; {duty.law_status}{'' if duty.verified else ', not verified'}",
    )


def summary(duty: Owed) -> str:
    """A duty in one line: `EU AI Act: Refresh the model report (upcoming)`."""
    return f"{statute.load(duty.regime).short}: {duty.label} ({_mark(duty)[1].lower()})"


def split(found: Sequence[Owed], tab: str) -> list[Owed]:
    """The duties of a tab: open ones by their due time, closed ones latest first."""
    if tab == TABS[0]:
        return [duty for duty in found if duty.status in duties.OPEN]
    return [duty for duty in reversed(found) if duty.status not in duties.OPEN]


def _mark(duty: Owed) -> tuple[str, str]:
    unknown = duty.status in ("due", "overdue") and not duties.seen_here(duty)
    if unknown:
        return "neutral", "Not known here"
    if duty.status == "due" and duty.due_at is None:
        return "warn", "Due"
    return _MARKS[duty.status]


def _notes(duty: Owed) -> list[str]:
    notes = (
        [f"Proposed: it binds nobody. {duty.closed_because}".strip()] if duty.law_status == "proposed" else []
    )
    if not notes and duty.closed_because:
        notes.append(duty.closed_because[:1].upper() + duty.closed_because[1:])
    if not duty.governs:
        notes.append("Another start governs.")
    if duty.disputed:
        notes.append(f"The start is disputed: {duty.disputed}")
    if duty.status in duties.OPEN and duty.status != "open" and not duties.seen_here(duty):
        notes.append(ELSEWHERE)
    return notes
