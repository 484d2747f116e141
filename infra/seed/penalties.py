"""What follows from the late answer and the late incident of the told case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from infra.seed.people import QUILLMARK, Cast
from infra.seed.stage import Stage
from portal.enforcement import figures, notices, service, worksheets
from portal.enforcement.choices import Choices, Factor
from portal.enforcement.service import Allegation
from portal.enforcement.tables import AllegedViolation, Notice, Worksheet
from portal.filing.tables import Incident
from portal.review.tables import InformationRequest
from secure_access.db import Session, select
from secure_access.documents import Accepted
from secure_access.identity import Actor

SAMPLE = "Alphabet Inc."
"""Whose published figures are borrowed. Every page says that nothing is alleged against it."""

EU = Choices(
    gravity="medium",
    gravity_reason="Late answer to a request of three items, negligent.",
    fault="negligent",
    factors=(
        Factor("duration", "10 to 28 August 2027, 19 days."),
        Factor("reminder_ignored", "The reminder of 12 August was not answered."),
        Factor("answered_unprompted", "A full answer without a second request."),
    ),
)
NEW_YORK = Choices(
    gravity="high", gravity_reason="Nobody outside was told for two days after the time had run out."
)


@dataclass
class Penalised:
    """The two matters of the told case."""

    eu: AllegedViolation
    new_york: AllegedViolation
    worksheet: Worksheet
    referral: Worksheet
    notices: list[Notice]


def penalise(stage: Stage, cast: Cast, incident: Incident, request: InformationRequest) -> Penalised:
    """Allege both, attach revenue and the prior, calculate, approve, write and send."""
    eu = _alleged(stage, cast, f"information_request:{request.id}", "eu-ai-act", "2027-09-13 09:20")
    new_york = _alleged(stage, cast, f"incident:{incident.id}", "ny-raise", "2027-09-13 09:50")
    _evidence(stage, cast, eu, new_york)
    worksheet = _sheet(stage, cast, eu, EU, "2027-09-22 14:00", "2027-09-30 08:20")
    referral = _sheet(stage, cast, new_york, NEW_YORK, "2027-09-23 10:00", "2027-09-30 08:40")
    return Penalised(eu, new_york, worksheet, referral, _send(stage, cast))


def _alleged(stage: Stage, cast: Cast, subject: str, regime: str, moment: str) -> AllegedViolation:
    def allege(session: Session, *, now: datetime) -> AllegedViolation:
        query = select(AllegedViolation.reference).where(
            AllegedViolation.subject == subject, AllegedViolation.regime == regime
        )
        row = service.load(session, session.exec(query).one(), by=cast["ines"], for_update=True)
        evidence = [found.subject for found in service.evidence_options(session, row, by=cast["ines"])]
        stated = Allegation(row.facts, row.occurred_from, row.occurred_to, evidence, "The period ran out.")
        return service.allege(session, row, stated, by=cast["ines"], now=now)

    return stage.at(moment).act(allege)


def _evidence(stage: Stage, cast: Cast, eu: AllegedViolation, new_york: AllegedViolation) -> None:
    stage.at("2027-09-20 11:00")
    sheet = "entity,fiscal year,revenue,currency\nAlphabet Inc.,2025,402836000000,USD\n"
    paper = stage.file("revenue-2025.csv", sheet.encode())
    revenue = figures.NewRevenue(
        entity=QUILLMARK,
        period_start=date(2025, 1, 1),
        period_end=date(2025, 12, 31),
        amount=Decimal("402836000000"),
        currency="USD",
        source="Form 10-K for 2025, consolidated statements of income",
        sample_of=SAMPLE,
    )
    prior = figures.NewPrior(
        regime="ny-raise",
        decision="Index No. 450112/2027 (invented)",
        penalised_entity=QUILLMARK,
        link="same",
        conduct_from=date(2027, 1, 18),
        conduct_to=date(2027, 1, 20),
        status="final",
        final_on=date(2027, 5, 14),
        reason="An earlier incident of January 2027 was reported late.",
    )
    officer = cast["ines"]
    stage.act(_attach, violation=eu, revenue=revenue, paper=paper, by=officer)
    stage.act(figures.record_prior, violation=new_york, stated=prior, by=officer)


def _attach(
    session: Session,
    *,
    violation: AllegedViolation,
    revenue: figures.NewRevenue,
    paper: Accepted,
    by: Actor,
    now: datetime,
) -> None:
    figures.attach_revenue(session, violation, revenue, file=paper, by=by, now=now)


def _sheet(
    stage: Stage, cast: Cast, violation: AllegedViolation, chosen: Choices, opened: str, approved: str
) -> Worksheet:
    def prepare(session: Session, *, now: datetime) -> Worksheet:
        row = service.load(session, violation.reference, by=cast["ines"], for_update=True)
        made = worksheets.open_worksheet(session, row, chosen, by=cast["ines"], now=now)
        session.flush()
        found = worksheets.load(session, made.reference, by=cast["ines"], for_update=True)
        return worksheets.prepare(session, found, by=cast["ines"], now=now)

    made = stage.at(opened).act(prepare)

    def approve(session: Session, *, now: datetime) -> Worksheet:
        found = worksheets.load(session, made.reference, by=cast["tomasz"], for_update=True)
        return worksheets.approve(session, found, by=cast["tomasz"], now=now)

    return stage.at(approved).act(approve)


def _send(stage: Stage, cast: Cast) -> list[Notice]:
    def send(session: Session, *, now: datetime) -> list[Notice]:
        written = [row.reference for row in notices.waiting(session, by=cast["tomasz"])]
        rows = [notices.load(session, found, by=cast["tomasz"], for_update=True) for found in written]
        return [notices.send(session, row, by=cast["tomasz"], now=now) for row in rows]

    return stage.at("2027-09-30 09:00").act(send)
