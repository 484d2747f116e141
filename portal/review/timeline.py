"""What happened in a case, read from its ledger entries: for the picture, the table and the history."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from portal.filing.tables import FilingKind
from portal.review import custody_lines, openings
from portal.review.facts import Facts
from portal.ui import charts
from portal.ui.formats import date_only, late, plural
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Organisation, Person
from secure_access.ledger import LedgerEntry, placement, removal
from secure_access.ledger.placement import Signed

LANES = {"developer": "Developer", "evaluator": "Evaluator", "regulator": "Authority", "system": "Authority"}
SHOWN = 20
"""How many events the brief shows; the history has all."""
LINE = "custodian."
"""Before the type of a line of the custodian's log, as the type of what happened."""
_OPENED = frozenset({"plan.opened", f"{LINE}page.released", f"{LINE}page.text_released"})

_FEW = frozenset(
    {
        "filing.submitted",
        "filing.returned",
        "clock.started",
        "incident.reported",
        "information_request.served",
        "information_request.answered",
        "plan.approved",
        "plan.delivered",
        "plan.opened",
        "plan.opening_refused",
        *(f"{LINE}page.released", f"{LINE}page.text_released", f"{LINE}page.refused"),
        "evaluator.appointed",
        "assessment.submitted",
        "flag.replied",
        "decision.recommended",
        "decision.taken",
        "condition.met",
        "condition.breached",
        "appeal.noted",
    }
)
_FLAG_ACTS = ("replied", "resolved", "carried")
_WORDS: Mapping[str, str] = {
    "case.opened": "Case opened",
    "case.joined": "Joined the case",
    "case.taken": "Case officer named",
    "case.decider_named": "Decider named",
    "filing.accepted": "Filing accepted for review",
    "filing.returned": "Filing returned",
    "filing.screened": "Files of the filing screened",
    "copy.written": "Copy of record written",
    "filing.withdrawn": "Filing withdrawn",
    "filing.superseded": "Filing superseded",
    "clock.started": "Review clock started",
    "incident.reported": "Incident reported",
    "incident.updated": "Incident updated",
    "incident.resolved": "Incident resolved",
    "incident.resolution_corrected": "Resolution of the incident corrected",
    "incident.finally_reported": "Final report on the incident made",
    "incident.closed": "Incident closed",
    "information_request.answered": "Information request answered in full",
    "information_request.withdrawn": "Information request withdrawn",
    "plan.requested": "Plan request drawn up",
    "plan.approved": "Plan request approved",
    "plan.refused": "Plan request refused",
    "plan.withdrawn": "Plan request withdrawn",
    "plan.accepted": "Plan request accepted by the developer",
    "plan.objected": "The developer objects to the plan request",
    "plan.objection_answered": "Objection to the plan request answered",
    "plan.ended": "Reading of the plan ended",
    "plan.opening_refused": "Opening of the plan refused",
    "grant.issued": "Access grant issued",
    "grant.ended": "Access grant ended",
    "evaluator.appointed": "Evaluator appointed",
    "conflict.none_declared": "No conflict declared",
    "conflict.declared": "Conflict declared",
    "assessment.submitted": "Independent assessment submitted",
    "flag.raised": "Flags raised",
    "decision.recommended": "Decision recommended",
    "decision.sent_back": "Recommendation sent back",
    "decision.taken": "Decision taken",
    "appeal.noted": "Appeal noted",
    "entry.removed": "Content of an entry removed",
}


@dataclass(frozen=True)
class Happening:
    """One entry about a case, in words. ``number`` is its number in the ledger's order of recording,
    ``words`` say its place in the log.
    """

    number: int
    type: str
    at: datetime
    what: str
    by: str
    lane: str
    late: str
    place: str
    words: str


def happenings(session: Session, facts: Facts) -> list[Happening]:
    """Everything recorded about a case and what belongs to it, earliest first."""
    found = list(_entries(session, facts))
    people, signed = _names(session, found), placement.signed(session, tuple(ledger.Log))
    told = [_told(session, entry, facts, people, signed) for entry in found]
    return sorted(told, key=lambda row: (row.at, row.number))


def find(session: Session, facts: Facts, number: int) -> tuple[LedgerEntry, Happening] | None:
    """One entry of a case with its words, or ``None`` when no such entry is about it."""
    for entry in _entries(session, facts):
        if entry.number == number:
            signed = placement.signed(session, tuple(ledger.Log))
            return entry, _told(session, entry, facts, _names(session, [entry]), signed)
    return None


def picture(
    found: list[Happening], facts: Facts, *, now: datetime, address: Callable[[int], str]
) -> charts.Timeline:
    """The picture of a case: the events that matter, and the review clock below them."""
    kept = _sittings(row for row in found if row.type in _FEW)[-SHOWN:]
    events = tuple(
        charts.TimelineEvent(
            place, row.lane, row.at, row.what, row.by, row.late, row.place, address(row.number)
        )
        for place, row in enumerate(kept, start=1)
    )
    over = [row for row in kept if row.late]
    finding = f"{plural(len(kept), 'event')}. " + (
        f"{plural(len(over), 'act')} came late: {'; '.join(f'{row.what}, {row.late}' for row in over)}."
        if over
        else "Nothing came late."
    )
    return charts.Timeline("Timeline of the case", finding, events, now, clock=_spans(facts, now))


def _spans(facts: Facts, now: datetime) -> tuple[charts.ClockSpan, ...]:
    clock = facts.clock(now)
    spans = [
        charts.ClockSpan(
            segment.starts,
            segment.ends or now.date(),
            "ran" if segment.running else "stopped",
            f"{plural(segment.days, 'day')}{'' if segment.running else ', stopped'}",
        )
        for segment in clock.segments
        if segment.days
    ]
    if clock.due_at is not None and clock.due_at > now:
        spans.append(charts.ClockSpan(now.date(), clock.due_at.date(), "left", f"{clock.left} left"))
    return tuple(spans)


def _sittings(rows: Iterable[Happening]) -> list[Happening]:
    """Pages that one reader opened on one day are one event."""
    kept: list[Happening] = []
    pages: dict[tuple[str, date], int] = {}
    for row in rows:
        day = (row.by, row.at.date())
        if row.type in _OPENED:
            pages[day] = pages.get(day, 0) + 1
        if row.type not in _OPENED or pages[day] == 1:
            kept.append(row)
    told = [
        replace(row, what=f"Sealed plan opened, {plural(pages[row.by, row.at.date()], 'page')}")
        if row.type in _OPENED
        else row
        for row in kept
    ]
    return sorted(told, key=lambda row: (row.at, row.number))


def _entries(session: Session, facts: Facts) -> Iterable[LedgerEntry]:
    subjects = [f"case:{facts.case.id}"]
    subjects += [f"filing:{filing.id}" for filing in facts.filings]
    subjects += [f"incident:{incident.id}" for incident in facts.incidents]
    found = {
        entry.number: entry
        for subject in subjects
        for entry in ledger.entries(session, subject, removed=True)
    }
    return (found[number] for number in sorted(number for number in found if number is not None))


def _names(session: Session, entries: list[LedgerEntry]) -> dict[str, str]:
    said = [entry.content["by"] for entry in entries if entry.entry]
    people = {uuid.UUID(str(by["person"])) for by in said if isinstance(by, dict) and "person" in by}
    people |= {uuid.UUID(who) for one in entries if _is_line(one) if (who := openings.of_entry(one).person)}
    bodies = {
        uuid.UUID(str(by["organisation"])) for by in said if isinstance(by, dict) and "organisation" in by
    }
    names = {str(row.id): row.name for row in session.exec(select(Person).where(col(Person.id).in_(people)))}
    names |= {
        str(row.id): row.name
        for row in session.exec(select(Organisation).where(col(Organisation.id).in_(bodies)))
    }
    return names


def _told(
    session: Session, entry: LedgerEntry, facts: Facts, names: dict[str, str], signed: Signed
) -> Happening:
    gone = removal.removed(session, entry)
    if gone is None:
        return _happening(entry, facts, names, signed)
    words = _WORDS.get(entry.type, _plain(entry.type))
    return Happening(
        number=entry.number or 0,
        type=entry.type,
        at=entry.recorded_at,
        what=f"{words}: content removed on {date_only(gone.at)} under {gone.basis}",
        by="–",
        lane=LANES["system"],
        late="",
        place=_place(entry),
        words=signed.words(entry),
    )


def _is_line(entry: LedgerEntry) -> bool:
    return entry.type == custody_lines.EVENT and bool(entry.entry)


def _line(entry: LedgerEntry, names: Mapping[str, str], signed: Signed) -> Happening:
    """What happened at the custodian, by whom, and when by its own clock."""
    told = openings.of_entry(entry)
    by_developer = told.line.type in ("plan.delivered", "access.paused", "access.resumed")
    return Happening(
        number=entry.number or 0,
        type=f"{LINE}{told.line.type}",
        at=told.line.at,
        what=told.words,
        by=names.get(told.person, openings.STRANGER) if told.person else "The custodian",
        lane=LANES["developer" if by_developer else "regulator"],
        late="",
        place=_place(entry),
        words=signed.words(entry),
    )


def _place(entry: LedgerEntry) -> str:
    place = f"{entry.leaf_index:,}" if entry.leaf_index is not None else "being sequenced"
    return f"R-{place}" if entry.log is ledger.Log.CUSTODY else place


def _happening(entry: LedgerEntry, facts: Facts, names: dict[str, str], signed: Signed) -> Happening:
    if _is_line(entry):
        return _line(entry, names, signed)
    by: dict[str, Any] = dict(entry.content["by"])  # type: ignore[arg-type]
    kind = str(by["kind"])
    # Outside the authority the organisation acts; inside it, a person does.
    who = by.get("person" if kind == "regulator" else "organisation", "")
    return Happening(
        number=entry.number or 0,
        type=entry.type,
        at=entry.recorded_at,
        what=_what(entry),
        by=names.get(str(who), "Assay" if kind == "system" else "–"),
        lane=LANES[kind],
        late=_late(entry, facts),
        place=_place(entry),
        words=signed.words(entry),
    )


def _what(entry: LedgerEntry) -> str:
    """What happened, in words; numbers and kinds come from the entry's own fields."""
    fields: dict[str, Any] = dict(entry.fields)
    act = entry.type.partition(".")[2]
    told: Mapping[str, Callable[[], str]] = {
        "filing.submitted": lambda: f"{FilingKind(fields['kind']).label.capitalize()} submitted",
        "information_request.served": lambda: (
            f"Information request served, {plural(int(fields['items']), 'item')}"
        ),
        "plan.opened": lambda: f"Sealed plan opened, section {fields['section']}",
        "plan.delivered": lambda: f"Plan delivered, {plural(int(fields['sections']), 'section')}",
        "condition.met": lambda: f"Condition {fields['number']} met",
        "condition.breached": lambda: f"Condition {fields['number']} breached",
        **{f"flag.{word}": lambda: f"Flag {fields['code']} {act}" for word in _FLAG_ACTS},
    }
    known = told.get(entry.type)
    return known() if known else _WORDS.get(entry.type, _plain(entry.type))


def _plain(name: str) -> str:
    return name.replace(".", " ").replace("_", " ").capitalize()


def _late(entry: LedgerEntry, facts: Facts) -> str:
    fields: dict[str, Any] = dict(entry.fields)
    if entry.type == "information_request.answered":
        asked = next((row for row in facts.requests if row.reference == fields["reference"]), None)
        return late(asked.due_at, asked.answered_at) if asked is not None and asked.answered_at else ""
    if entry.type == "incident.reported":
        return _incident_late(entry, facts)
    return "Late" if fields.get("timeliness") == "late" else ""


def _incident_late(entry: LedgerEntry, facts: Facts) -> str:
    """By how much a report missed the clock that it missed most."""
    for incident in facts.incidents:
        if incident.reference == entry.fields["reference"]:
            dues = [row["due_at"] for row in incident.clocks if row.get("governs", True)]
            first = min((datetime.fromisoformat(due) for due in dues), default=None)
            return late(first, incident.reported_at) if first is not None else ""
    return ""
