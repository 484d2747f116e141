"""Worksheets: opened, changed as new versions, prepared by one person and approved by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from portal.enforcement import adoptions, checks, choices, events, figures, inputs, outdated, texts
from portal.enforcement import priors as earlier
from portal.enforcement.choices import Choices
from portal.enforcement.outdated import Stale
from portal.enforcement.service import about, guard
from portal.enforcement.tables import (
    AllegedViolation,
    Notice,
    RevenueEvidence,
    Worksheet,
)
from portal.enforcement.visibility import WORKSHEETS
from portal.enforcement.workflow import (
    VIOLATION,
    WORKSHEET,
    NoticeState,
    Standing,
    ViolationState,
    WorksheetState,
)
from portal.law import methods, penalties, statute
from portal.law.deadlines import legal_day
from portal.law.facts import LawError
from portal.law.methods import Adoption
from portal.law.money import Money
from portal.law.penalties import Result
from secure_access import jobs, ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor
from secure_access.workflow import Denied, NotFound

WRITE_NOTICE = "notice.write"
"""The job that writes what follows from an approved worksheet."""
_CALCULATED = ("facts", "choices", "evidence", "result", "adoption_id")


@dataclass(frozen=True)
class Opened:
    """A version of a worksheet with everything that a page or a verb asks about it."""

    worksheet: Worksheet
    violation: AllegedViolation
    versions: tuple[Worksheet, ...]
    revenue: tuple[RevenueEvidence, ...]
    gaps: tuple[checks.Gap, ...]
    standing: Standing
    stale: tuple[Stale, ...] = ()

    @property
    def latest(self) -> bool:
        """Whether no later version exists."""
        return self.worksheet is self.versions[-1]

    @property
    def before(self) -> Worksheet | None:
        """The version before this one."""
        place = self.versions.index(self.worksheet)
        return self.versions[place - 1] if place else None


def load(
    session: Session, reference: str, *, by: Actor, version: int | None = None, for_update: bool = False
) -> Opened:
    """A worksheet in its latest, or an earlier, version. Raises `NotFound` for whoever does not enforce."""
    guard(by)
    query = select(Worksheet).where(Worksheet.reference == reference, WORKSHEETS.to(by))
    query = query.order_by(col(Worksheet.version))
    if for_update:
        # Whoever acts on a worksheet waits for the violation: a new version is a new row that nobody could
        # lock.
        first = session.exec(select(Worksheet.violation_id).where(Worksheet.reference == reference)).first()
        if first is not None:
            session.get_one(AllegedViolation, first, with_for_update=True)
        query = query.execution_options(populate_existing=True)
    versions = list(session.exec(query))
    chosen = [w for w in versions if version in (None, w.version)]
    if not chosen:
        raise NotFound
    return opened(session, chosen[-1], tuple(versions))


def opened(session: Session, worksheet: Worksheet, versions: tuple[Worksheet, ...]) -> Opened:
    """A version with its violation, its revenue, its gaps and its standing."""
    violation = session.get_one(AllegedViolation, worksheet.violation_id)
    found = figures.turnover_of(session, worksheet.developer_id)
    every = (row for figure in found.figures for row in figure.rows)
    revenue = [row for row in every if str(row.id) in worksheet.evidence]
    on_file = earlier.relied_on(earlier.recorded(session, worksheet.developer_id))
    stale = outdated.of(worksheet, found, on_file)
    gaps = checks.gaps(worksheet, violation, revenue)
    gaps += checks.open_figures(worksheet, found)
    gaps += [checks.Gap(f"a new calculation: {one.words}", "again") for one in stale]
    sent = select(Notice.id).where(
        col(Notice.worksheet_id).in_([w.id for w in versions]), Notice.state == NoticeState.SENT
    )
    standing = Standing(
        state=worksheet.state,
        prepared_by=worksheet.prepared_by,
        authors=frozenset(w.drafted_by for w in versions if w.version <= worksheet.version),
        gaps=tuple(gap.what for gap in gaps),
        proposed=checks.uses_proposed(worksheet),
        noticed=session.exec(sent).first() is not None,
        dropped=violation.state is ViolationState.DROPPED,
    )
    return Opened(worksheet, violation, versions, tuple(revenue), tuple(gaps), standing, stale)


def of_violation(session: Session, violation: AllegedViolation, *, by: Actor) -> list[Worksheet]:
    """The latest version of every worksheet on a violation, in the order in which they were opened."""
    guard(by)
    query = select(Worksheet).where(Worksheet.violation_id == violation.id)
    latest: dict[str, Worksheet] = {}
    for row in session.exec(query.order_by(col(Worksheet.reference), col(Worksheet.version))):
        latest[row.reference] = row
    return list(latest.values())


def open_worksheet(
    session: Session, violation: AllegedViolation, chosen: Choices, *, by: Actor, now: datetime
) -> Worksheet:
    """Calculate for the first time: version 1, a draft. Raises `Denied` with what is missing or wrong."""
    VIOLATION.take("open_worksheet", by, violation)
    if any(w.state is not WorksheetState.SUPERSEDED for w in of_violation(session, violation, by=by)):
        raise Denied(
            "This violation has a worksheet already.", "Change that worksheet; each change is a version."
        )
    row = _calculated(session, violation, chosen, by=by, now=now)
    row.reference, row.change_reason = next_reference(session, "W", now), "First calculation"
    session.add(row)
    _record(session, events.WORKSHEET_DRAFTED, row, violation, by=by, now=now, also=())
    return row


def change(
    session: Session, found: Opened, chosen: Choices, *, reason: str, by: Actor, now: datetime
) -> Worksheet:
    """Calculate anew as the next version, with the evidence on file now. Signatures on this version are void.

    Raises `Denied` without a reason, on a version that is not the latest, and for what cannot be calculated.
    """
    old = found.worksheet
    _latest(found)
    superseded = WORKSHEET.take("change", by, found.standing)
    if not reason.strip():
        raise Denied("Say why the worksheet changes. The reason stays with the version.")
    row = _calculated(session, found.violation, chosen, by=by, now=now)
    if all(getattr(row, name) == getattr(old, name) for name in _CALCULATED):
        raise Denied("Nothing would change.", "Change a line, or go back.")
    row.reference, row.version, row.change_reason = old.reference, old.version + 1, reason.strip()
    old.state = superseded
    session.add_all((old, row))
    _record(session, events.WORKSHEET_DRAFTED, row, found.violation, by=by, now=now, also=(old,))
    return row


def again(session: Session, found: Opened, *, by: Actor, now: datetime) -> Worksheet:
    """Calculate anew with the same choices, as something it rests on no longer holds. Raises `Denied`."""
    if not found.stale:
        raise Denied("What it rests on still holds, so there is nothing to calculate again.")
    reason = ". ".join(one.words for one in found.stale)
    kept = Choices.from_json(found.worksheet.choices)
    return change(session, found, kept, reason=reason, by=by, now=now)


def prepare(session: Session, found: Opened, *, by: Actor, now: datetime) -> Worksheet:
    """Stand behind the latest version and put it to the head of enforcement. Raises `Denied`."""
    row = found.worksheet
    _latest(found)
    state = WORKSHEET.take("prepare", by, found.standing)
    _recomputes(session, row)
    row.state = state
    row.prepared_by, row.prepared_at = by.person_id, now
    return _step(session, events.WORKSHEET_PREPARED, found, by=by, now=now)


def approve(session: Session, found: Opened, *, by: Actor, now: datetime) -> Worksheet:
    """The second signature; a job writes the notice or the referral. Raises `Denied`.

    Refused for whoever prepared or wrote a version, with gaps, with a proposed value, and where the kept
    facts no longer compute to the same cents.
    """
    row = found.worksheet
    _latest(found)
    state = WORKSHEET.take("approve", by, found.standing)
    _recomputes(session, row)
    row.state = state
    row.approved_by, row.approved_at = by.person_id, now
    jobs.add(session, WRITE_NOTICE, str(row.id))
    return _step(session, events.WORKSHEET_APPROVED, found, by=by, now=now)


def send_back(session: Session, found: Opened, *, reason: str, by: Actor, now: datetime) -> Worksheet:
    """Return the prepared version to the enforcement officers with a reason. Raises `Denied`."""
    row = found.worksheet
    _latest(found)
    state = WORKSHEET.take("send_back", by, found.standing)
    if not reason.strip():
        raise Denied("Say what has to change. The enforcement officer reads your reason.")
    row.state = state
    row.sent_back_reason = reason.strip()
    return _step(session, events.WORKSHEET_SENT_BACK, found, by=by, now=now)


def compute(facts: dict[str, object], adopted: tuple[Adoption, ...] = ()) -> Result:
    """The result of facts, with an amount; what the law refuses is said in words to act on (`Denied`)."""
    method = methods.load(str(facts["method"])) if "method" in facts else None

    def words(text: str) -> str:
        return inputs.named(method, text) if method else text

    try:
        result = penalties.compute(facts, adoptions=adopted)
        _ = result.total, result.maximum
    except LawError as error:
        said = f"{error.what} {error.why}".strip() if error.what else str(error)
        raise Denied(words(said), words(error.fix)) from error
    return result


def _calculated(
    session: Session, violation: AllegedViolation, chosen: Choices, *, by: Actor, now: datetime
) -> Worksheet:
    decided = legal_day(now, statute.load(violation.regime).zone)
    choices.check(chosen, violation, adoptions.governing(session, violation.regime, decided))
    found = figures.turnover_of(session, violation.developer_id)
    if choices.needs_turnover(violation.regime) and not found.figures:
        raise Denied(
            "The maximum depends on turnover, and no revenue is on file.", "Attach evidence of revenue first."
        )
    revenue = figures.counted(violation.regime, found, conduct=violation.occurred_to, decided=decided)
    priors = earlier.relied_on(earlier.recorded(session, violation.developer_id))
    adoption = adoptions.in_force(session, violation.regime, decided)
    facts = choices.facts(
        violation,
        chosen,
        revenue=revenue,
        priors=priors,
        method=adoption.method if adoption else "",
        decided=decided,
    )
    result = compute(facts, adoptions.as_law(session, adoption))
    used = (statute.load(violation.regime), statute.load(statute.OFFICE), methods.load(result.method))
    texts.keep(session, used, now, by)
    return Worksheet(
        reference="",
        violation_id=violation.id,
        developer_id=violation.developer_id,
        regime=violation.regime,
        choices=chosen.as_json(),
        evidence=[str(one.row.id) for one in revenue],
        facts=facts,
        result=result.as_json(),
        currency=result.currency,
        total_minor=_minor(result.total, result.currency),
        maximum_minor=_minor(result.maximum, result.currency),
        statute_digest=result.statute_digest,
        drafted_by=by.person_id,
        drafted_at=now,
        adoption_id=adoption.id if adoption else None,
    )


def _minor(amount: Decimal, currency: str) -> int:
    return Money(amount, currency).to_minor()


def _latest(found: Opened) -> None:
    if not found.latest:
        raise Denied(
            f"Version {found.versions[-1].version} replaced the version you looked at.",
            "Open the worksheet again and look at what changed.",
        )


def recomputed(session: Session, row: Worksheet) -> checks.Recomputed:
    """The kept facts computed again, with the law and the adopted method of today for their day."""
    adoption = adoptions.in_force(session, row.regime, date.fromisoformat(row.facts["decided_on"]))
    return checks.recompute(row, adoptions.as_law(session, adoption))


def _recomputes(session: Session, row: Worksheet) -> None:
    again = recomputed(session, row)
    if not again.same:
        raise Denied(again.words, "Change the worksheet: the new version is calculated anew.")


def _step(session: Session, name: str, found: Opened, *, by: Actor, now: datetime) -> Worksheet:
    session.add(found.worksheet)
    _record(session, name, found.worksheet, found.violation, by=by, now=now, also=())
    return found.worksheet


def _record(  # noqa: PLR0913 - what happened to which version of what, by whom, when, and what else it wrote
    session: Session,
    name: str,
    row: Worksheet,
    violation: AllegedViolation,
    *,
    by: Actor,
    now: datetime,
    also: tuple[Worksheet, ...],
) -> None:
    ledger.append(
        session,
        name,
        {"reference": row.reference, "version": row.version},
        by=by,
        now=now,
        about=(f"worksheet:{row.id}", *about(violation)),
        records=(row, *also),
    )
