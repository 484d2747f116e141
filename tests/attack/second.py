"""A second developer with a filing in review, a draft on each side, one of named people, and an evaluator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from evaluator import engagements
from evaluator.tables import Engagement
from infra.seed.people import BRACKEN, LARKFIELD, Cast
from portal.filing import certification, outline, people
from portal.filing.tables import Filing, FilingKind, Incident
from portal.review import alerts, cases, plan_objections, plans, requests
from portal.review.tables import AlertAnswer, Case, InformationRequest, PlanRequest
from secure_access import ledger
from secure_access.documents import Document
from secure_access.identity import Actor
from tests.fixtures.app import World
from tests.fixtures.filing import Developer

CANARY = "zq7canary"
"""Begins every text that must not be read by others."""


@dataclass
class Second:
    """What exists beside the told case."""

    report: Filing
    case: Case
    incident: Incident
    request: InformationRequest
    plan: PlanRequest
    undeclared: Engagement
    declared: Engagement
    drafts: dict[str, Filing]
    papers: dict[str, Document]


def canary(name: str) -> str:
    """A text that is nowhere else."""
    return f"{CANARY}-{name}"


def _paper(name: str) -> bytes:
    return f"part,value\n{canary(name)},1\n".encode()


def _draft(world: World, who: Developer, name: str) -> tuple[Filing, Document]:
    with world.wired.database.write() as session:
        filing = who.draft(session, FilingKind.TEST_SUMMARY, complete=False)
        filing.content = {"tested": canary(f"draft-{name}")}
        session.add(filing)
        paper = who.attach(session, filing, f"{canary(f'file-{name}')}.csv", _paper(f"bytes-{name}"))
        return filing, paper


def add_second(world: World, cast: Cast, first: Developer, other: Developer) -> Second:
    """Play it by the real verbs."""
    database, now = world.wired.database, world.clock.now()
    with database.write() as session:
        draft = other.draft(session)
        paper = other.attach(session, draft, "annex.csv", _paper("annex"))
    world.run_jobs()
    with database.write() as session:
        draft = session.get_one(Filing, draft.id)
        other.answer(session, draft)
        certification.send(
            session, filing=draft, certifier_id=other.officer.person_id, by=other.preparer, now=now
        )
        report = other.sign(session, draft)
        public = other.submitted(session, FilingKind.SECURITY_OUTLINE)
        incident = other.incident(session, aware_at=now - timedelta(hours=100), kinds=("cybersecurity",))
    world.run_jobs()
    with database.write() as session:
        for filing_id in (report.id, public.id):
            case = cases.case_of(session, f"filing:{filing_id}")
            assert case is not None
            row = cases.filing_of(session, case, filing_id, for_update=True)
            cases.accept_filing(session, case=case, filing=row, by=cast["mira"], now=now)
        case = cases.case_of(session, f"filing:{report.id}")
        assert case is not None
        asked = requests.serve(
            session,
            case=case,
            questions=requests.Questions("EU AI Act Art. 91", "Purpose.", [canary("question")]),
            by=cast["mira"],
            now=now,
        )
        plan = _plan(session, case, cast, other.officer, world)
        undeclared = _engage(session, cast, case, report, LARKFIELD, world)
        declared = _engage(session, cast, case, report, BRACKEN, world)
        engagements.declare(session, engagement=declared, conflict="", by=cast["petra"], now=now)
    drafts, papers = {}, {"annex": paper}
    for name, who in (("first", first), ("other", other), ("named", other)):
        drafts[name], papers[name] = _draft(world, who, name)
    with database.write() as session:
        named = session.get_one(Filing, drafts["named"].id)
        people.restrict(session, filing=named, by=other.preparer, now=now)
        people.ask(session, filing=named, by=other.officer, now=now)
    world.run_jobs()
    return Second(report, case, incident, asked, plan, undeclared, declared, drafts, papers)


def _plan(session: Any, case: Case, cast: Cast, officer: Actor, world: World) -> PlanRequest:
    """Asked, approved, objected to in one point, which is dismissed: it waits for the developer again."""
    now = world.clock.now()
    found = plans.outline_of(session, case)
    assert found is not None
    offered = [key for key, _ in plans.sections_of(found)]
    assert offered, [heading.key for heading in outline.HEADINGS]
    wanted = plans.Wanted(
        outline_id=found.id,
        sections=offered[:1],
        purpose=canary("purpose"),
        legal_basis="EU AI Act Art. 91",
        necessity="The outline is silent.",
        readers=(cast["brenner"].person_id,),
        deliver_by=now + timedelta(days=7),
        read_from=now,
        read_until=now + timedelta(days=20),
    )
    row = plans.ask(session, case=case, wanted=wanted, by=cast["mira"], now=now)
    plans.approve(session, request=row, by=cast["ida"], now=now)
    reasons = {f"section:{offered[0]}": canary("objection")}
    (raised,) = plan_objections.object_to(session, request=row, reasons=reasons, by=officer, now=now)
    answered = plan_objections.Answer(False, canary("answer"))
    plan_objections.answer(
        session, request=row, objection_id=raised.id, answered=answered, by=cast["ida"], now=now
    )
    _alert(session, row, cast["mira"], now)
    return row


def _alert(session: Any, request: PlanRequest, by: Actor, now: datetime) -> None:
    """What came of an alert. Nobody has read under this request: the row is made as its verb makes it."""
    row = AlertAnswer(
        plan_request_id=request.id,
        alert="denials:1",
        answer=canary("alert"),
        answered_by=by.person_id,
        answered_at=now,
    )
    session.add(row)
    fields = {"reference": request.reference, "alert": row.alert}
    about = plans.about(request)
    ledger.append(session, alerts.CLOSED, fields, by=by, now=now, about=about, records=(row,))


def _engage(session: Any, cast: Cast, case: Case, report: Filing, body: str, world: World) -> Engagement:
    today: date = world.clock.now().date()
    terms = engagements.Terms(
        evaluator_id=cast.organisations[body].id,
        filing=session.get_one(Filing, report.id),
        case_id=case.id,
        categories=("cbrn",),
        questions="Does it reach tier 3?",
        window_from=today,
        window_until=today + timedelta(days=30),
    )
    return engagements.appoint(session, terms=terms, by=cast["mira"], now=world.clock.now())
