"""Revenue and earlier penalties put on file: what a calculation rests on, each with its source."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from portal.enforcement import events, priors, rates, turnover
from portal.enforcement.choices import Counted, currency_of, needs_turnover
from portal.enforcement.service import about, guard
from portal.enforcement.tables import AllegedViolation, PriorViolation, RevenueChoice, RevenueEvidence
from portal.enforcement.turnover import Turnover
from portal.enforcement.workflow import VIOLATION
from portal.law import statute
from portal.law.facts import LawError
from portal.law.money import Money
from portal.law.packs import PackError
from portal.law.penalty_facts import RATE_BASES
from portal.ui.formats import date_only
from secure_access import documents, ledger
from secure_access.db import Session, col, select
from secure_access.documents import Accepted, Document, MediaType, Use
from secure_access.identity import Actor, Organisation
from secure_access.workflow import Denied

ACCOUNTS = Use(frozenset({MediaType.PDF, MediaType.XLSX, MediaType.CSV}), 64 << 20)
"""What is taken as evidence of revenue."""
LINKS = {"same": "The same company", "predecessor": "Its predecessor", "parent": "Its parent"}
AVERAGE, PERIOD_END = RATE_BASES[:2]


@dataclass(frozen=True)
class NewRevenue:
    """Turnover of one entity in one fiscal year, as it stands in ``source``.

    ``restated`` and ``corrects`` replace what is on file for the company and year; ``provisional`` is not
    audited. ``sample_of`` names the real company whose published figures a demonstration borrows.
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
    provisional: bool = False
    corrects: bool = False


@dataclass(frozen=True)
class NewPrior:
    """An earlier penalty. ``link`` is one of `LINKS`, ``status`` one of `priors.STATUSES`."""

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
        title = f"Revenue of {stated.entity}, year to {date_only(stated.period_end)}"
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
        provisional=stated.provisional,
        corrects=stated.corrects,
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
    if priors.known(session, violation.developer_id, statute.load(stated.regime).id, stated.decision.strip()):
        raise Denied(
            "This decision is on file.", "Open it under “Earlier penalties on file” and say what happened."
        )
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
    return _revenue(session, developer_id)


def _revenue(session: Session, developer_id: uuid.UUID) -> list[RevenueEvidence]:
    query = select(RevenueEvidence).where(RevenueEvidence.developer_id == developer_id)
    ordered = query.order_by(col(RevenueEvidence.period_end).desc(), col(RevenueEvidence.attached_at))
    own = list(session.exec(ordered))
    return [*own, *(later for row in own if row.follows for later in _later(session, row))]


def _later(session: Session, taken: RevenueEvidence) -> Iterator[RevenueEvidence]:
    """What its company put on file after a figure was taken over, as if it were here; for reading only."""
    assert taken.follows is not None
    query = select(RevenueEvidence).where(
        RevenueEvidence.developer_id == uuid.UUID(taken.follows["organisation"]),
        RevenueEvidence.period_end == taken.period_end,
        RevenueEvidence.attached_at > taken.attached_at,
    )
    here = {
        "developer_id": taken.developer_id,
        "consolidated": taken.consolidated,
        "follows": taken.follows,
    }
    for row in session.exec(query.order_by(col(RevenueEvidence.attached_at))):
        if turnover.plain_name(row.entity) == turnover.plain_name(taken.entity):
            yield RevenueEvidence(**row.model_dump() | here)


def turnover_of(session: Session, developer_id: uuid.UUID) -> Turnover:
    """What the revenue on file comes to: one figure for each company and year, none counted twice.

    For whoever was let in before; `revenue_of` asks.
    """
    rows = _revenue(session, developer_id)
    chosen = select(RevenueChoice).where(RevenueChoice.developer_id == developer_id)
    made = session.exec(chosen.order_by(col(RevenueChoice.chosen_at).desc()))
    return turnover.of(rows, made, session.get_one(Organisation, developer_id).name)


def choose(
    session: Session,
    violation: AllegedViolation,
    chosen_id: uuid.UUID,
    *,
    reason: str,
    by: Actor,
    now: datetime,
) -> RevenueChoice:
    """Say which of several sources that disagree is relied on, and why; a later choice takes its place.

    Raises `Denied`.
    """
    _enforces(violation, by)
    found = turnover_of(session, violation.developer_id)
    figure = next((f for f in found.figures if chosen_id in {row.id for row in f.sources}), None)
    if figure is None or (figure.choice and figure.choice.chosen_id == chosen_id):
        raise Denied("Choose one of the sources that disagree.", "Reload the page to see them.")
    if not reason.strip():
        raise Denied("Say why this source is relied on. The reason stays with the record.")
    row = RevenueChoice(
        developer_id=violation.developer_id,
        chosen_id=chosen_id,
        over=[str(other.id) for other in figure.sources if other.id != chosen_id],
        reason=reason.strip(),
        chosen_by=by.person_id,
        chosen_at=now,
    )
    session.add(row)
    fields = {"chosen": str(row.chosen_id), "over": row.over}
    ledger.append(
        session, events.REVENUE_CHOSEN, fields, by=by, now=now, about=about(violation), records=(row,)
    )
    return row


def priors_of(session: Session, developer_id: uuid.UUID, *, by: Actor) -> list[PriorViolation]:
    """Every record of an earlier penalty of a developer, in the order of recording."""
    guard(by)
    return priors.recorded(session, developer_id)


def document_of(session: Session, row: RevenueEvidence) -> Document | None:
    """The document behind a figure."""
    return documents.find(session, row.document_id) if row.document_id else None


def documents_of(session: Session, rows: Iterable[RevenueEvidence]) -> dict[uuid.UUID, Document]:
    """The documents behind figures, by their own ids, in one query."""
    wanted = {row.document_id for row in rows if row.document_id}
    found = session.exec(select(Document).where(col(Document.id).in_(wanted)))
    return {document.id: document for document in found}


def counted(regime: str, found: Turnover, *, conduct: date, decided: date) -> list[Counted]:
    """The revenue that a law looks at, each figure with its rate on the basis that the pack names.

    A law whose maximum does not depend on turnover looks only at figures in its own currency. Raises `Denied`
    where no rate can be stated.
    """
    currency = currency_of(regime)
    if not needs_turnover(regime):
        return [Counted(entity, row) for entity, row in found.counted if row.currency == currency]
    basis = basis_of(regime, conduct)
    return [
        Counted(entity, row)
        if row.currency == currency
        else Counted(entity, row, rate_of(row, currency, basis, decided), basis)
        for entity, row in found.counted
    ]


def basis_of(regime: str, conduct: date) -> str:
    """How a law turns turnover into its currency: as its pack says, else at the end of the fiscal year."""
    history = statute.load(regime).history("penalty.rate_basis")
    if not history:
        return PERIOD_END
    pack = statute.load(regime)
    return str(pack.value("penalty.rate_basis", max(conduct, history[0].valid_from)).value)


def rate_of(row: RevenueEvidence, currency: str, basis: str, decided: date) -> rates.AverageRate:
    """The rate of a figure on a basis, one of `RATE_BASES`.

    Raises `Denied` where there is none: the bank states rates for the euro alone. Raises `PackError` for
    another basis.
    """
    if basis not in RATE_BASES:
        raise PackError(f"The rate basis {basis!r} is not one of {', '.join(RATE_BASES)}.")
    if currency != rates.EURO:
        raise Denied(
            f"No reference rate turns {row.currency} into {currency}: they are all for the euro.",
            f"Attach the revenue in {currency}, or in euro.",
        )
    try:
        if basis == AVERAGE:
            return rates.average(row.currency, row.period_start, row.period_end)
        return rates.at(row.currency, row.period_end if basis == PERIOD_END else decided)
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
    if stated.period_end - stated.period_start >= rates.LONGEST_YEAR:
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
    if stated.link not in LINKS or stated.status not in priors.STATUSES:
        raise Denied("Choose whom the earlier penalty hit, and its state, from the lists.")
    if not stated.decision.strip() or not stated.penalised_entity.strip():
        raise Denied("Name the decision and the company that was penalised.")
    if stated.conduct_to < stated.conduct_from:
        raise Denied("The earlier conduct ends before it starts. Check the two dates.")
    if stated.status in ("final", "reduced") and stated.final_on is None:
        raise Denied("A penalty that is final has the day on which it became so. State it.")
