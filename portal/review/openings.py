"""Who opened a plan, and what else happened to it: from the custodian's lines in the ledger."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from portal.review import custody_lines, plan_grants, plans
from portal.review.tables import PlanRequest
from portal.ui import charts
from portal.ui.formats import plural
from secure_access import grants, ledger
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Why
from secure_access.custodian.custody_log import Line, read_line
from secure_access.db import Session, col, select
from secure_access.grants import AccessGrant, Standing
from secure_access.identity import Organisation, Person
from secure_access.ledger import LedgerEntry
from secure_access.workflow import NotFound

RELEASED = ("page.released", "page.text_released")
REFUSED = "page.refused"
WORDS = {
    "plan.key_made": "The custodian made the key pair of this request",
    "plan.outlined": "The custodian was told the public outline that the plan is compared with",
    "plan.delivered": "The plan was delivered",
    "grant.offered": "An access grant was put before the approvers",
    "grant.approved": "An approver approved an access grant",
    "grant.refused": "An approver refused an access grant",
    "grant.revoked": "An access grant was revoked",
    "grant.ended": "An access grant ended",
    "break_glass.told": "The developer was told of an emergency access",
    "break_glass.not_told": "Telling the developer of an emergency access failed, and nothing was opened",
    "sitting.opened": "A reader began to read",
    "page.released": "A reader opened a page of the plan",
    "page.text_released": "A reader got a page of the plan as text",
    "page.refused": "An opening of the plan was refused",
    "access.paused": "Access was paused by an officer of the developer",
    "access.resumed": "Access was resumed by an officer of the developer",
    "act.refused": "An act about the plan was refused",
    "plan.destruction_approved": "An approver approved the destruction of the plan’s key",
    "plan.destroying": "The destruction of the plan’s key began",
    "plan.destroyed": "The plan’s key was destroyed",
    "note.written": "A reader wrote a note beside a page",
    "note.removed": "A reader removed a note",
    "quotation.released": "A reader released words for a confidential annex",
    "plan.held": "A legal hold was put on the plan: its key is not destroyed",
    "plan.hold_released": "The legal hold on the plan was lifted",
}
"""What the custodian's log says of a plan, in words for its developer and for the authority."""
OF_A_PAGE = frozenset(
    {"page.released", "page.text_released", "note.written", "note.removed", "quotation.released"}
)
"""Lines about one page; of notes and quotations they tell nothing of what was written or quoted."""
REASONS = {
    Why.SILENCE: "the portal was silent",
    Why.NO_WITNESS: "no witness had seen the custodian’s log lately",
    Why.SITTING_OVER: "the sitting was over",
    Why.NOT_APPROVED: "the access grant was not approved",
    Why.NOT_BEGUN: "the access grant had not begun",
    Why.ENDED: "the access grant had ended",
    Why.REVOKED: "the access grant was revoked",
    Why.PAUSED: "you had paused access",
    Why.DESTROYED: "the key was destroyed",
    Why.NOT_ENROLLED: "the reader was not enrolled",
    Why.OTHER_PASSKEY: "it was another passkey than the grant names",
    Why.NOT_RECERTIFIED: "the reader was not confirmed this month",
    Why.CONFLICT: "the reader had a conflict of interest",
    Why.NO_PAGES_LEFT: "all pages of the grant were used up",
    Why.TOO_FAST: "too many pages in an hour",
    Why.NOT_RENDERED: "the page could not be shown",
    Why.UNKNOWN: "not in the grant",
    Why.HELD: "a legal hold stands",
    Why.CLOCK_BACK: "the custodian’s clock was set back",
}
"""Why no page was shown, in words for the developer; of another reason the log's own word."""
STRANGER = "Somebody whom the portal does not know"
BY_APPROVERS = (
    "grant.approved",
    "grant.refused",
    "grant.revoked",
    "plan.destruction_approved",
    "plan.held",
    "plan.hold_released",
)
ACTS_OF_APPROVERS = frozenset(
    {Act.APPROVE, Act.BREAK_GLASS, Act.REFUSE, Act.REVOKE, Act.DESTROY, Act.HOLD, Act.RELEASE_HOLD}
)
"""What approvers do, and what they were refused: the developer is told their team, and no name."""
NOT_A_SECTION = "The reading room, before any page"
"""Where the picture shows a sitting that was refused: no section was asked for yet."""
SITTING = timedelta(minutes=15)
"""Pages that one reader opens with no longer pause than this are one sitting."""


@dataclass(frozen=True)
class Access:
    """The access grants of a plan that were approved: those that let somebody read now, those that will."""

    open: list[AccessGrant]
    given: list[AccessGrant]
    coming: list[AccessGrant]

    @property
    def ends(self) -> datetime | None:
        """When the last grant ended, or will end."""
        return max((grant.ended_at or grant.not_after for grant in self.given), default=None)

    @property
    def begins(self) -> datetime | None:
        """When the first of the grants begins that are approved and have not begun."""
        return min((grant.not_before for grant in self.coming), default=None)


@dataclass(frozen=True)
class Told:
    """A line of the custodian's log about a plan, with the entry of the ledger that has it."""

    line: Line
    entry: LedgerEntry

    @property
    def words(self) -> str:
        """What happened, and to which page."""
        said = WORDS.get(self.line.type, self.line.type.replace(".", " ").replace("_", " "))
        if self.line.type not in OF_A_PAGE:
            return said
        return f"{said}: {plan_grants.title(self.text('section'))}, page {self.text('page')}"

    @property
    def person(self) -> str:
        """The identifier of who acted or read, where it is one of the portal's; else empty."""
        # An offer names whom it is for, and nobody who made it.
        who = self.text("by") or ("" if self.line.type == "grant.offered" else self.text("reader"))
        return who if _is_identifier(who) else ""

    def text(self, key: str) -> str:
        """A field of the line."""
        return str(self.line.fields.get(key, ""))


def standing(session: Session, request: PlanRequest, *, now: datetime) -> Access:
    """Who may read this plan now, and who might."""
    given = [
        one
        for one in grants.of_subject(session, plans.subject_of(request))
        if one.standing in (None, Standing.APPROVED, Standing.REVOKED, Standing.ENDED)
    ]
    standing = [one for one in given if one.ended_at is None and now < one.not_after]
    return Access(
        [one for one in standing if one.not_before <= now],
        given,
        [one for one in standing if one.not_before > now],
    )


def told(session: Session, request: PlanRequest) -> list[Told]:
    """Every line of the custodian's log about a plan, in order, each once: a portal that was restored took
    some in a second time."""
    return _lines(ledger.entries(session, plans.subject_of(request)))


def refusals(session: Session, request: PlanRequest) -> list[Told]:
    """The lines of what was refused to somebody, in order, each once."""
    return _lines(ledger.entries(session, plans.refusals_of(request)))


def waiting(session: Session, request: PlanRequest) -> list[Told]:
    """The lines whose entries have no place in the log yet."""
    return _lines(ledger.entries(session, plans.subject_of(request), waiting=True))


def _lines(every: Iterable[LedgerEntry]) -> list[Told]:
    found = [of_entry(one) for one in every if one.type == custody_lines.EVENT]
    return list({one.line.number: one for one in found}.values())


def of_entry(entry: LedgerEntry) -> Told:
    """The line in an entry of type `custody_lines.EVENT`."""
    return Told(read_line(str(cast(Any, entry.fields)["line"]).encode()), entry)


def find(session: Session, request: PlanRequest, entry_id: uuid.UUID) -> Told:
    """The line in that entry, among those about a plan. Raises `NotFound`."""
    for one in told(session, request):
        if one.entry.id == entry_id:
            return one
    raise NotFound


@dataclass(frozen=True)
class Record:
    """The picture of openings, and everything else that happened, for the page of the developer."""

    openings: charts.Openings
    events: list[tuple[datetime, str, str, LedgerEntry]]
    """When, what, by whom (role, team), and its entry; latest first."""


def record(
    session: Session,
    request: PlanRequest,
    *,
    now: datetime,
    address: Callable[[LedgerEntry], str] = lambda _entry: "",
) -> Record:
    """Every opening and refusal of a plan; ``address`` is that of the page of an entry."""
    lines = told(session, request)
    names = _names(session, lines)
    rows = _rows([one for one in lines if _is_opening(one)])
    return Record(
        charts.Openings(
            title="Who opened the plan",
            finding=_finding(rows, len(plans.sections(session, request)) or len(request.sections)),
            lanes=_lanes(session, request),
            windows=tuple(_windows(session, request, now)),
            rows=tuple(_named(row, names, address(row.first.entry)) for row in rows),
        ),
        [
            (one.line.at, one.words, _by(one, names, request), one.entry)
            for one in reversed(lines)
            if not _is_opening(one)
        ],
    )


def _is_opening(one: Told) -> bool:
    """Whether a line tells of a page, of its refusal, or of a sitting that somebody was refused."""
    sitting = one.line.type == "act.refused" and one.text("act") == Act.OPEN.value
    return sitting or one.line.type in (*RELEASED, REFUSED)


def _lanes(session: Session, request: PlanRequest) -> tuple[charts.OpeningLane, ...]:
    found = plans.sections(session, request)
    if not found:
        return tuple(
            charts.OpeningLane(plan_grants.title(key), f"section {number}")
            for number, key in enumerate(request.sections, start=1)
        )
    return tuple(
        charts.OpeningLane(
            plan_grants.title(one.section),
            plural(one.pages, "page") if one.pages else f"section {one.number}",
        )
        for one in found
    )


def _windows(session: Session, request: PlanRequest, now: datetime) -> Iterator[charts.GrantWindow]:
    by_file = {one.sha256: one.section for one in plans.sections(session, request)}
    for grant in standing(session, request, now=now).given:
        end = min(grant.ended_at or grant.not_after, grant.not_after)
        for sha256 in grant.documents:
            if sha256 in by_file and end > grant.not_before:
                yield charts.GrantWindow(plan_grants.title(by_file[sha256]), grant.not_before, end)


@dataclass
class _Sitting:
    """One reader's pages, or one refusal, while it is gathered."""

    reader: str
    first: Told
    last: datetime
    pages: dict[str, int]
    refused: str


def _rows(lines: list[Told]) -> list[_Sitting]:
    rows: list[_Sitting] = []
    for one in lines:
        reader, section, at = one.text("reader") or one.text("by"), one.text("section"), one.line.at
        same = next((row for row in reversed(rows) if row.reader == reader), None)
        if one.line.type in RELEASED and same is not None and not same.refused and at - same.last <= SITTING:
            same.last = at
            same.pages[section] = same.pages.get(section, 0) + 1
            continue
        refused = "" if one.line.type in RELEASED else _reason(one.text("reason"))
        pages = {section: 0 if refused else 1} if section else {}
        rows.append(_Sitting(reader, one, at, pages, refused))
    return rows


def _reason(why: str) -> str:
    return REASONS.get(Why(why), why.replace("_", " ")) if why in set(Why) else why.replace("_", " ")


@dataclass(frozen=True)
class _Who:
    """Somebody as the portal knows them."""

    name: str
    detail: str
    organisation_id: uuid.UUID


def _named(row: _Sitting, names: Mapping[str, _Who], url: str) -> charts.Opening:
    who = names.get(row.reader)
    return charts.Opening(
        at=row.first.line.at,
        who=who.name if who else STRANGER,
        team=who.detail if who else row.first.text("team"),
        pages=tuple((plan_grants.title(key), pages) for key, pages in sorted(row.pages.items()))
        or ((NOT_A_SECTION, 0),),
        refused=row.refused,
        lasted=None if row.refused else max(row.last - row.first.line.at, timedelta(minutes=1)),
        entry=place(row.first.entry),
        url=url,
    )


def place(entry: LedgerEntry) -> str:
    """The place of an entry in its log, as tables say it."""
    return f"R-{entry.leaf_index:04d}" if entry.leaf_index is not None else "being sequenced"


def _names(session: Session, lines: Iterable[Told]) -> dict[str, _Who]:
    """Everybody whom the lines name: name, and role with employer and team."""
    wanted = {one.text(key) for one in lines for key in ("by", "reader")} - {""}
    query = (
        select(Person, Organisation)
        .join(Organisation, col(Organisation.id) == col(Person.organisation_id))
        .where(col(Person.id).in_([uuid.UUID(one) for one in wanted if _is_identifier(one)]))
    )
    return {
        str(person.id): _Who(
            person.name,
            ", ".join(part for part in (person.title, employer.name, person.team) if part),
            employer.id,
        )
        for person, employer in session.exec(query)
    }


def _is_identifier(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _by(one: Told, names: Mapping[str, _Who], request: PlanRequest) -> str:
    """Who did it: the developer's own officers and the readers by name, approvers by their team."""
    if one.line.type == "grant.offered":
        return "the custodian"
    who = names.get(one.text("by") or one.text("reader"))
    if not one.text("by") and who is None:
        return "the custodian"
    if _by_approver(one) and (who is None or who.organisation_id != request.developer_id):
        return f"An approver, {one.text('team')}".rstrip(", ")
    return f"{who.name}, {one.text('team')}".rstrip(", ") if who else one.text("team") or STRANGER


def _by_approver(one: Told) -> bool:
    refused = one.line.type == "act.refused" and one.text("act") in ACTS_OF_APPROVERS
    return refused or one.line.type in BY_APPROVERS


def namer(session: Session) -> Callable[[str], str]:
    """Names of people by their identifiers."""

    def name(person: str) -> str:
        found = session.get(Person, uuid.UUID(person)) if _is_identifier(person) else None
        return found.name if found is not None else STRANGER

    return name


def _finding(rows: list[_Sitting], sections: int) -> str:
    opened = [row for row in rows if not row.refused]
    refused = len(rows) - len(opened)
    if not rows:
        return "Nobody has opened your plan, and nobody has tried."
    pages = sum(sum(row.pages.values()) for row in opened)
    of = len({key for row in opened for key in row.pages})
    first = (
        f"{plural(len({row.reader for row in opened}), 'person', 'people')} opened {of} of your "
        f"{plural(sections, 'section')}, {plural(pages, 'page')} in all."
        if opened
        else "Nobody has opened your plan."
    )
    return f"{first} {plural(refused, 'attempt was', 'attempts were')} refused."
