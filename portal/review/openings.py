"""Who opened a plan: every opening and refusal, from the custody log, as a picture and a table."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.filing.outline import title_of
from portal.review import plans
from portal.review.tables import PlanRequest
from portal.ui import charts
from portal.ui.formats import plural
from secure_access import grants, ledger
from secure_access.db import Session, col, select
from secure_access.grants import AccessGrant
from secure_access.identity import Organisation, Person
from secure_access.ledger import LedgerEntry
from secure_access.workflow import NotFound

WORDS = {
    "plan.opened": "A reader opened a section of your plan",
    "plan.opening_refused": "An opening of your plan was refused",
}
"""The entries of a plan's readings, in words for its developer."""
SITTING = timedelta(minutes=15)
"""Pages that one reader opens with no longer pause than this are one sitting."""


@dataclass(frozen=True)
class Standing:
    """The access grants of a plan: those that let somebody read now, and when the last of them ends."""

    open: list[AccessGrant]
    given: list[AccessGrant]

    @property
    def ends(self) -> datetime | None:
        """When the last grant ended, or will end."""
        return max((grant.ended_at or grant.not_after for grant in self.given), default=None)


def standing(session: Session, request: PlanRequest, *, now: datetime) -> Standing:
    """Who may read this plan now, and who might."""
    given = grants.of_subject(session, plans.subject_of(request))
    return Standing([g for g in given if g.ended_at is None and g.not_before <= now < g.not_after], given)


def entries(session: Session, request: PlanRequest) -> list[LedgerEntry]:
    """The entries of the custody log of every opening and refusal of a plan, in order."""
    every = ledger.entries(session, plans.subject_of(request))
    return [entry for entry in every if entry.type in WORDS]


def find(session: Session, request: PlanRequest, entry_id: uuid.UUID) -> LedgerEntry:
    """The one with this identifier among them. Raises `NotFound`."""
    for entry in entries(session, request):
        if entry.id == entry_id:
            return entry
    raise NotFound


def record(
    session: Session,
    request: PlanRequest,
    *,
    now: datetime,
    address: Callable[[LedgerEntry], str] = lambda _entry: "",
) -> charts.Openings:
    """Every opening and refusal of a plan; ``address`` is that of the page of an entry."""
    found = entries(session, request)
    people = _people(session, found)
    rows = _rows(found, people)
    given = standing(session, request, now=now).given
    return charts.Openings(
        title="Who opened the plan",
        finding=_finding(rows, len(request.sections)),
        lanes=tuple(
            charts.OpeningLane(title_of(key), f"section {number}")
            for number, key in enumerate(request.sections, start=1)
        ),
        windows=tuple(
            charts.GrantWindow(
                title_of(key), grant.not_before, min(grant.ended_at or grant.not_after, grant.not_after)
            )
            for grant in given
            for key in request.sections
        ),
        rows=tuple(_named(row, request.sections, people, address(row.entry)) for row in rows),
    )


@dataclass
class _Sitting:
    """One reader's pages, or one refusal, while it is gathered."""

    reader: str
    begun: datetime
    last: datetime
    pages: dict[int, int]
    refused: str
    entry: LedgerEntry


def _rows(entries: list[LedgerEntry], people: dict[str, tuple[str, str]]) -> list[_Sitting]:
    rows: list[_Sitting] = []
    for entry in entries:
        fields: dict[str, Any] = dict(entry.fields)
        reader, section, at = str(fields["reader"]), int(fields["section"]), entry.recorded_at
        same = next((row for row in reversed(rows) if row.reader == reader), None)
        if (
            entry.type == "plan.opened"
            and same is not None
            and not same.refused
            and at - same.last <= SITTING
        ):
            same.last = at
            same.pages[section] = same.pages.get(section, 0) + 1
            continue
        refused = str(fields.get("reason", ""))
        rows.append(_Sitting(reader, at, at, {section: 0 if refused else 1}, refused, entry))
    return rows


def _named(
    row: _Sitting, sections: list[str], people: dict[str, tuple[str, str]], url: str
) -> charts.Opening:
    who, team = people.get(row.reader, ("Somebody", ""))
    index = row.entry.leaf_index
    return charts.Opening(
        at=row.begun,
        who=who,
        team=team,
        pages=tuple((title_of(sections[number - 1]), pages) for number, pages in sorted(row.pages.items())),
        refused=row.refused,
        lasted=None if row.refused else max(row.last - row.begun, timedelta(minutes=1)),
        entry=f"R-{index:04d}" if index is not None else "being sequenced",
        url=url,
    )


def _people(session: Session, entries: list[LedgerEntry]) -> dict[str, tuple[str, str]]:
    """Name, and role with employer and team, of everybody who tried."""
    wanted = {uuid.UUID(str(entry.fields["reader"])) for entry in entries}
    query = (
        select(Person, Organisation)
        .join(Organisation, col(Organisation.id) == col(Person.organisation_id))
        .where(col(Person.id).in_(wanted))
    )
    return {
        str(person.id): (
            person.name,
            ", ".join(part for part in (person.title, employer.name, person.team) if part),
        )
        for person, employer in session.exec(query)
    }


def _finding(rows: list[_Sitting], sections: int) -> str:
    opened = [row for row in rows if not row.refused]
    refused = len(rows) - len(opened)
    if not rows:
        return "Nobody has opened your plan, and nobody has tried."
    pages = sum(sum(row.pages.values()) for row in opened)
    of = len({number for row in opened for number in row.pages})
    first = (
        f"{plural(len({row.reader for row in opened}), 'person', 'people')} opened {of} of your "
        f"{plural(sections, 'section')}, {plural(pages, 'page')} in all."
        if opened
        else "Nobody has opened your plan."
    )
    return f"{first} {plural(refused, 'attempt was', 'attempts were')} refused."
