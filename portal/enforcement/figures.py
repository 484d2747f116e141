"""Revenue and earlier penalties of a developer: what a calculation rests on, each with its source."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from portal.enforcement import events, rates
from portal.enforcement.choices import currency_of, needs_turnover
from portal.enforcement.service import about, guard
from portal.enforcement.tables import AllegedViolation, PriorViolation, RevenueEvidence
from portal.enforcement.workflow import VIOLATION
from portal.law import statute
from portal.law.facts import LawError
from portal.law.money import Money
from secure_access import documents, ledger
from secure_access.db import Session, col, select
from secure_access.documents import Accepted, Document, MediaType, Use
from secure_access.identity import Actor
from secure_access.workflow import Denied

ACCOUNTS = Use(frozenset({MediaType.PDF, MediaType.XLSX, MediaType.CSV}), 64 << 20)
"""What is taken as evidence of revenue."""
LINKS = {"same": "The same company", "predecessor": "Its predecessor", "parent": "Its parent"}
STATUSES = {
    "final": "Final",
    "pending": "Pending",
    "under_appeal": "Under appeal",
    "set_aside": "Set aside",
    "reduced": "Reduced, final",
    "settled_no_admission": "Settled without admission",
}
LONGEST_PERIOD_DAYS = 400


@dataclass(frozen=True)
class NewRevenue:
    """Turnover of one entity in one fiscal year, as it stands in ``source``.

    ``sample_of`` names the real company whose published figures a demonstration borrows.
    """

    entity: str
    period_start: date
    period_end: date
    amount: Decimal
    currency: str
    source: str
    consolidated: bool = True
    restated: bool = False
    sample_of: str = ""


@dataclass(frozen=True)
class NewPrior:
    """An earlier penalty. ``link`` is one of `LINKS`, ``status`` one of `STATUSES`."""

    regime: str
    decision: str
    penalised_entity: str
    link: str
    conduct_from: date
    conduct_to: date
    status: str
    final_on: date | None = None
    reason: str = ""


def attach_revenue(
    session: Session,
    violation: AllegedViolation,
    stated: NewRevenue,
    *,
    file: Accepted | None,
    by: Actor,
    now: datetime,
) -> RevenueEvidence:
    """Record revenue of the developer with the document that shows it. Raises `Denied` with what is wrong.

    Without a document the row is kept, and stops the approval of every worksheet that uses it.
    """
    _enforces(violation, by)
    amount = _amount(stated)
    document = None
    if file is not None:
        title = f"Revenue of {stated.entity}, year to {stated.period_end.isoformat()}"
        document = documents.receive(session, file=file, kind="revenue", title=title[:200], by=by, now=now)
    row = RevenueEvidence(
        developer_id=violation.developer_id,
        entity=stated.entity.strip(),
        period_start=stated.period_start,
        period_end=stated.period_end,
        amount_minor=amount.to_minor(),
        currency=amount.currency,
        consolidated=stated.consolidated,
        restated=stated.restated,
        source=stated.source.strip(),
        sample_of=stated.sample_of.strip(),
        document_id=document.id if document else None,
        attached_by=by.person_id,
        attached_at=now,
    )
    session.add(row)
    fields = {"violation": violation.reference, "evidence": str(row.id)}
    ledger.append(
        session, events.REVENUE_ATTACHED, fields, by=by, now=now, about=about(violation), records=(row,)
    )
    return row


def record_prior(
    session: Session, violation: AllegedViolation, stated: NewPrior, *, by: Actor, now: datetime
) -> PriorViolation:
    """Record an earlier penalty; whether it counts is for the law to say. Raises `Denied`."""
    _enforces(violation, by)
    _check_prior(stated)
    row = PriorViolation(
        developer_id=violation.developer_id,
        regime=statute.load(stated.regime).id,
        decision=stated.decision.strip(),
        penalised_entity=stated.penalised_entity.strip(),
        link=stated.link,
        conduct_from=stated.conduct_from,
        conduct_to=stated.conduct_to,
        final_on=stated.final_on,
        status=stated.status,
        reason=stated.reason.strip(),
        recorded_by=by.person_id,
        recorded_at=now,
    )
    session.add(row)
    fields = {"violation": violation.reference, "prior": str(row.id), "status": row.status}
    ledger.append(
        session, events.PRIOR_RECORDED, fields, by=by, now=now, about=about(violation), records=(row,)
    )
    return row


def revenue_of(session: Session, developer_id: uuid.UUID, *, by: Actor) -> list[RevenueEvidence]:
    """Every revenue figure of a developer, the latest year first."""
    guard(by)
    query = select(RevenueEvidence).where(RevenueEvidence.developer_id == developer_id)
    return list(
        session.exec(query.order_by(col(RevenueEvidence.period_end).desc(), col(RevenueEvidence.attached_at)))
    )


def priors_of(session: Session, developer_id: uuid.UUID, *, by: Actor) -> list[PriorViolation]:
    """Every earlier penalty of a developer, in the order of recording: their numbers are P1, P2, ..."""
    guard(by)
    query = select(PriorViolation).where(PriorViolation.developer_id == developer_id)
    return list(session.exec(query.order_by(col(PriorViolation.recorded_at), col(PriorViolation.id))))


def in_use(rows: Sequence[RevenueEvidence]) -> list[RevenueEvidence]:
    """The figures that count: of each year the last one for the undertaking, and for the provider alone.

    A figure is corrected by attaching another; the earlier one stays on file and is used no more.
    """
    last: dict[tuple[bool, date], RevenueEvidence] = {}
    for row in sorted(rows, key=lambda row: row.attached_at):
        last[row.consolidated, row.period_end] = row
    return [row for row in rows if last[row.consolidated, row.period_end] is row]


def relied_on(priors: Sequence[PriorViolation]) -> list[PriorViolation]:
    """The priors that count: of each decision the record last made, at the place of the first.

    An earlier penalty that is set aside is recorded again, with its new state.
    """
    last: dict[tuple[str, str], PriorViolation] = {}
    for row in priors:
        last[row.regime, row.decision] = row
    return list(last.values())


def document_of(session: Session, row: RevenueEvidence) -> Document | None:
    """The document behind a figure."""
    return documents.find(session, row.document_id) if row.document_id else None


def with_rates(
    regime: str, rows: Sequence[RevenueEvidence]
) -> list[tuple[RevenueEvidence, rates.AverageRate | None]]:
    """The figures a law looks at, each with the average rate of its fiscal year, ``None`` where none is
    needed.

    A law whose maximum does not depend on turnover looks only at figures in its own currency. Raises `Denied`
    where no average can be stated.
    """
    currency = currency_of(regime)
    if not needs_turnover(regime):
        return [(row, None) for row in rows if row.currency == currency]
    return [(row, None if row.currency == currency else rate_of(row)) for row in rows]


def rate_of(row: RevenueEvidence) -> rates.AverageRate:
    """The average rate of a figure's fiscal year, to the euro. Raises `Denied` where there is none."""
    try:
        return rates.average(row.currency, row.period_start, row.period_end)
    except rates.NoRate as error:
        raise Denied(error.reason, error.fix) from error


def _enforces(violation: AllegedViolation, by: Actor) -> None:
    guard(by)
    VIOLATION.take("add_evidence", by, violation)


def _amount(stated: NewRevenue) -> Money:
    if not stated.entity.strip():
        raise Denied("Name the company whose revenue this is.")
    if not stated.source.strip():
        raise Denied("Name the source: the document and the page.")
    if stated.period_end <= stated.period_start:
        raise Denied("The fiscal year ends before it starts. Check the two dates.")
    if (stated.period_end - stated.period_start).days > LONGEST_PERIOD_DAYS:
        raise Denied("The period is longer than a fiscal year. State one year at a time.")
    if stated.amount < 0:
        raise Denied("Revenue cannot be below zero. Check the amount.")
    try:
        money = Money(stated.amount, stated.currency)
        minor = money.to_minor()
    except LawError as error:
        raise Denied(f"{error.what} {error.why}".strip(), error.fix) from error
    if minor >= 2**53:
        raise Denied("The amount is larger than any revenue. Check the digits and the currency.")
    return money


def _check_prior(stated: NewPrior) -> None:
    try:
        statute.load(stated.regime)
    except LawError as error:
        raise Denied("Choose the law under which the earlier penalty was imposed.") from error
    if stated.link not in LINKS or stated.status not in STATUSES:
        raise Denied("Choose whom the earlier penalty hit, and its state, from the lists.")
    if not stated.decision.strip() or not stated.penalised_entity.strip():
        raise Denied("Name the decision and the company that was penalised.")
    if stated.conduct_to < stated.conduct_from:
        raise Denied("The earlier conduct ends before it starts. Check the two dates.")
    if stated.status in ("final", "reduced") and stated.final_on is None:
        raise Denied("A penalty that is final has the day on which it became so. State it.")
