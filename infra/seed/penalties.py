"""What follows from the late answer and the late incident of the told case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from infra.seed.people import QUILLMARK, Cast
from infra.seed.stage import Stage
from portal.enforcement import adoptions, figures, notices, service, worksheets
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
        Factor("answered_unprompted", "A full answer without a second request."),
    ),
)
NEW_YORK = Choices(
    gravity="high", gravity_reason="Nobody outside was told for two days after the time had run out."
)


@dataclass(frozen=True)
class Alleged:
    """The two matters of the told case."""

    eu: AllegedViolation
    new_york: AllegedViolation


@dataclass(frozen=True)
class Penalised:
    """What is proposed in each."""

    worksheet: Worksheet
    referral: Worksheet


def allege(stage: Stage, cast: Cast, incident: Incident, request: InformationRequest) -> Alleged:
    """Make both suggestions allegations."""
    return Alleged(
        eu=_alleged(stage, cast, f"information_request:{request.id}", "eu-ai-act", "2027-09-13 09:20"),
        new_york=_alleged(stage, cast, f"incident:{incident.id}", "ny-raise", "2027-09-13 09:50"),
    )


def prepare(stage: Stage, cast: Cast, alleged: Alleged) -> Penalised:
    """Adopt a method, attach revenue and the prior, calculate, and put each amount to the head."""
    _adopt(stage, cast)
    _evidence(stage, cast, alleged.eu, alleged.new_york)
    return Penalised(
        worksheet=_prepared(stage.at("2027-09-22 14:00"), cast, alleged.eu, EU),
        referral=_prepared(stage.at("2027-09-23 10:00"), cast, alleged.new_york, NEW_YORK),
    )


def conclude(stage: Stage, cast: Cast, penalised: Penalised) -> list[Notice]:
    """Approve both and send what was written."""
    _approve(stage.at("2027-09-30 08:20"), cast, penalised.worksheet)
    _approve(stage.at("2027-09-30 08:40"), cast, penalised.referral)
    return _send(stage, cast)


def _alleged(stage: Stage, cast: Cast, subject: str, regime: str, moment: str) -> AllegedViolation:
    # The act itself and the entries that tell of it; the rest of the case proves nothing here.
    about = subject.partition(":")[0].replace("_", " ")

    def allege(session: Session, *, now: datetime) -> AllegedViolation:
        query = select(AllegedViolation.reference).where(
            AllegedViolation.subject == subject, AllegedViolation.regime == regime
        )
        row = service.load(session, session.exec(query).one(), by=cast["ines"], for_update=True)
        offered = service.evidence_options(session, row, by=cast["ines"])
        evidence = [
            one.subject
            for one in offered
            if one.subject == subject or f": {about} " in one.label or one.reference.startswith("RR-")
        ]
        stated = Allegation(row.facts, row.occurred_from, row.occurred_to, evidence, "The period ran out.")
        return service.allege(session, row, stated, by=cast["ines"], now=now)

    return stage.at(moment).act(allege)


def _adopt(stage: Stage, cast: Cast) -> None:
    """New York's worksheets follow an adopted method; those of the EU show the lack of one."""
    why = "The law says “based on the severity” and no more; a share of the maximum shows the severity."
    stated = adoptions.Proposal("ny-raise", "share-of-maximum", date(2027, 9, 20), why)
    row = stage.at("2027-09-20 09:30").act(adoptions.propose, stated=stated, by=cast["ines"])
    stage.at("2027-09-20 10:15").act(adoptions.adopt, row=row, by=cast["tomasz"])


def _evidence(stage: Stage, cast: Cast, eu: AllegedViolation, new_york: AllegedViolation) -> None:
    stage.at("2027-09-20 11:00")
    sheet = (
        "entity,year to,revenue,currency,sample figures of\n"
        f'"{QUILLMARK}",2026-09-30,402836000000,USD,"{SAMPLE}, fiscal year 2025"\n'
    )
    paper = stage.file("revenue-2026.csv", sheet.encode())
    revenue = figures.NewRevenue(
        entity=QUILLMARK,
        # The year before the decision; it ends while the reference rates of this release still run.
        period_start=date(2025, 10, 1),
        period_end=date(2026, 9, 30),
        amount=Decimal("402836000000"),
        currency="USD",
        source="Consolidated statements of income, year to 30 September 2026",
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


def _prepared(stage: Stage, cast: Cast, violation: AllegedViolation, chosen: Choices) -> Worksheet:
    def prepare(session: Session, *, now: datetime) -> Worksheet:
        row = service.load(session, violation.reference, by=cast["ines"], for_update=True)
        made = worksheets.open_worksheet(session, row, chosen, by=cast["ines"], now=now)
        session.flush()
        found = worksheets.load(session, made.reference, by=cast["ines"], for_update=True)
        return worksheets.prepare(session, found, by=cast["ines"], now=now)

    return stage.act(prepare)


def _approve(stage: Stage, cast: Cast, made: Worksheet) -> Worksheet:
    def approve(session: Session, *, now: datetime) -> Worksheet:
        found = worksheets.load(session, made.reference, by=cast["tomasz"], for_update=True)
        return worksheets.approve(session, found, by=cast["tomasz"], now=now)

    return stage.act(approve)


def _send(stage: Stage, cast: Cast) -> list[Notice]:
    def send(session: Session, *, now: datetime) -> list[Notice]:
        written = [row.reference for row in notices.waiting(session, by=cast["tomasz"])]
        rows = [notices.load(session, found, by=cast["tomasz"], for_update=True) for found in written]
        return [notices.send(session, row, by=cast["tomasz"], now=now) for row in rows]

    return stage.at("2027-09-30 09:00").act(send)
