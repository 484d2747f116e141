"""The told case: Quillmark Systems and Corvane 4, from registration to penalty, act by act."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from evaluator import accreditations, assessments, engagements
from evaluator.tables import IndependentAssessment
from infra.seed import files, legal, penalties, sealed, told
from infra.seed.people import BRACKEN, LARKFIELD, QUILLMARK, Cast
from infra.seed.sealed import Sealed
from infra.seed.stage import Stage, Told
from portal.filing import attachments, certification, incidents, publication, registration, service
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, FilingKind
from portal.review import appeals, cases, decisions, plans, requests
from portal.review.tables import Case, DecisionKind, PlanRequest
from secure_access import grants
from secure_access.custodian.acts import Act
from secure_access.db import Session
from secure_access.documents import Audience

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("texts.toml").read_text())
CATEGORIES = ("cyber", "cbrn", "sabotage", "manipulation", "acceleration")
SECTIONS = ("weight-protection", "insider-threat")


def tell(stage: Stage, cast: Cast) -> None:
    """Play every act, then write down where a visitor finds them."""
    _accredit(stage, cast)
    made = Told(_register(stage, cast))
    _publish(stage, cast, made)
    _report(stage, cast, made)
    _begin_review(stage, cast, made)
    _appoint(stage, cast, made)
    _ask(stage, cast, made)
    _request_plan(stage, cast, made)
    with sealed.beside(stage, cast) as custodian:
        if custodian is not None:
            _deliver(stage, made, custodian)
            _open_plan(stage, made, custodian)
    _answer(stage, cast, made)
    _incident(stage, cast, made)
    alleged = penalties.allege(stage, cast, made.incident, made.request)
    _assess(stage, cast, made)
    penalised = penalties.prepare(stage, cast, alleged)
    _decide(stage, cast, made)
    _next_model(stage, cast)
    _appeal(stage, cast, made)
    penalties.conclude(stage, cast, penalised)
    legal.draft(stage, cast, TEXTS["legal"])
    told.write(stage, made, penalised)


def _accredit(stage: Stage, cast: Cast) -> None:
    said = TEXTS["accreditations"]
    wide = accreditations.Scope(CATEGORIES, date(2027, 5, 10), date(2029, 5, 9), said["larkfield"])
    narrow = accreditations.Scope(("cbrn",), date(2027, 5, 12), date(2028, 5, 11), said["bracken"])
    for moment, body, scope in (("2027-05-10 09:30", LARKFIELD, wide), ("2027-05-12 11:00", BRACKEN, narrow)):
        evaluator_id = cast.organisations[body].id
        stage.at(moment).act(accreditations.accredit, evaluator_id=evaluator_id, scope=scope, by=cast["ruth"])


def _register(stage: Stage, cast: Cast) -> ModelVersion:
    new = registration.NewVersion(
        model_name="Corvane",
        name="Corvane 4",
        snapshot="corvane-4-20270528",
        compute={
            "parameters": "1.1e12",
            "active_parameters": "9e11",
            "tokens": "4.4e13",
            "placed_on_market": [{"territory": name} for name in ("EU", "US", "US-CA", "US-NY")],
        },
        channels=("internal_use", "limited_partners", "api", "consumer"),
        planned_release=date(2027, 6, 28),
    )
    figures = registration.NewFigures(
        entity=QUILLMARK,
        period_start=date(2026, 1, 1),
        period_end=date(2026, 12, 31),
        currency="USD",
        source="Annual report 2026, page 41 (invented)",
        gross_revenue=Decimal("4310000000"),
        ai_revenue=Decimal("3980000000"),
        ai_rd=Decimal("2150000000"),
        with_affiliates=True,
    )
    version = stage.at("2027-06-01 08:40").act(registration.register, new=new, by=cast["nadia"])
    stage.at("2027-06-01 08:55").act(registration.state_figures, new=figures, by=cast["nadia"])
    stage.at("2027-06-01 09:00").act(registration.assess_coverage, version=version, by=cast["nadia"])
    return version


def _publish(stage: Stage, cast: Cast, made: Told) -> None:
    card = {**TEXTS["system_card"], "released_on": "2027-06-28"}
    for kind, moment, content in (
        (FilingKind.RELEASE_NOTIFICATION, "2027-06-14 10:05", TEXTS["release"]),
        (FilingKind.TEST_SUMMARY, "2027-06-14 11:20", TEXTS["test_summary"]),
        (FilingKind.SAFETY_FRAMEWORK, "2027-06-15 09:10", TEXTS["framework"]),
        (FilingKind.SYSTEM_CARD, "2027-06-28 13:00", card),
        (FilingKind.SECURITY_OUTLINE, "2027-06-29 15:30", TEXTS["outline"]),
    ):
        filing = stage.at(moment).act(service.start, kind=kind, version=made.version, by=cast["nadia"])
        _submit(stage, cast, made, filing, service.Answers(content))


def _report(stage: Stage, cast: Cast, made: Told) -> None:
    content: dict[str, Any] = {"trigger": "release"}
    for part in ("posture", "initiatives", "acceleration"):
        content |= TEXTS[part]
    for category, answers in TEXTS["categories"].items():
        content |= {f"{category}.{name}": answer for name, answer in answers.items()}
    columns = {"period_start": date(2027, 1, 1), "period_end": date(2027, 6, 30)}
    stage.at("2027-07-05 13:00")
    filing = stage.act(service.start, kind=FilingKind.RISK_REPORT, version=made.version, by=cast["nadia"])
    pages = [
        (name.capitalize(), TEXTS["test_summary"][name])
        for name in ("tested", "methods", "results", "limits")
    ]
    for label, name, body in (
        (
            "Technical report",
            "technical-report.pdf",
            files.pdf("Corvane 4, technical report", pages, stage.now),
        ),
        ("Raw tables (the file arrived damaged)", "raw-tables.pdf", files.broken_pdf()),
    ):
        handed = attachments.Handed(stage.upload(name, body), label, Audience.CONFIDENTIAL)
        stage.act(attachments.attach, filing=filing, handed=handed, vault=stage.wired.vault, by=cast["nadia"])
    stage.at("2027-07-05 14:32")
    _submit(stage, cast, made, filing, service.Answers(content, columns))


def _submit(stage: Stage, cast: Cast, made: Told, filing: Filing, answers: service.Answers) -> None:
    """Fill in, explain what has to be explained, send to the certifying officer, sign."""
    preparer, officer = cast["nadia"], cast["weiss"]

    def submit(session: Session, *, filing: Filing, now: datetime) -> Filing:
        service.save(session, filing=filing, answers=answers, by=preparer, now=now)
        for check in service.checks_of(session, filing, now=now):
            if check.open:
                reason = TEXTS["explanations"]["default"]
                service.explain(session, filing=filing, key=check.key, reason=reason, by=preparer, now=now)
        certification.send(session, filing=filing, certifier_id=officer.person_id, by=preparer, now=now)
        shown = publication.digest(certification.form_of(session, filing))
        return certification.submit(session, filing=filing, shown_digest=shown, by=officer, now=now)

    made.filings[filing.kind] = stage.act(submit, filing=filing)


def _begin_review(stage: Stage, cast: Cast, made: Told) -> None:
    officer, decider = cast["mira"], cast["paul"]
    subject = f"filing:{made.filings[FilingKind.RISK_REPORT].id}"

    def begin(session: Session, *, now: datetime) -> Case:
        case = cases.case_of(session, subject)
        assert case is not None
        cases.take(session, case=case, by=officer, now=now)
        cases.name_decider(session, case=case, decider_id=decider.person_id, by=officer, now=now)
        for filing in reversed(cases.filings(session, case)):
            cases.accept_filing(session, case=case, filing=filing, by=officer, now=now)
        return case

    made.case = stage.at("2027-07-09 09:15").act(begin)


def _appoint(stage: Stage, cast: Cast, made: Told) -> None:
    with stage.wired.database.read() as session:
        filing = session.get_one(Filing, made.filings[FilingKind.RISK_REPORT].id)
    terms = engagements.Terms(
        evaluator_id=cast.organisations[LARKFIELD].id,
        filing=filing,
        case_id=made.case.id,
        categories=CATEGORIES,
        questions=TEXTS["questions"]["to_the_evaluator"],
        window_from=date(2027, 7, 12),
        window_until=date(2027, 12, 31),
    )
    made.engagement = stage.at("2027-07-12 10:00").act(engagements.appoint, terms=terms, by=cast["mira"])
    stage.at("2027-07-13 08:20").act(
        engagements.declare, engagement=made.engagement, conflict="", by=cast["oskar"]
    )


def _ask(stage: Stage, cast: Cast, made: Told) -> None:
    questions = requests.Questions(
        legal_basis="EU AI Act Art. 91",
        purpose=TEXTS["questions"]["purpose"],
        items=TEXTS["questions"]["items"],
        due_at=datetime(2027, 8, 9, 21, 59, 59, tzinfo=UTC),
    )
    made.request = stage.at("2027-07-20 13:40").act(
        requests.serve, case=made.case, questions=questions, by=cast["mira"]
    )


def _request_plan(stage: Stage, cast: Cast, made: Told) -> None:
    wanted = plans.Wanted(
        outline_id=made.filings[FilingKind.SECURITY_OUTLINE].id,
        sections=SECTIONS,
        **TEXTS["plan_request"],
        readers=(cast["brenner"].person_id,),
        deliver_by=datetime(2027, 8, 16, 21, 59, 59, tzinfo=UTC),
        read_from=datetime(2027, 8, 16, 6, 0, tzinfo=UTC),
        read_until=datetime(2027, 9, 15, 21, 59, 59, tzinfo=UTC),
    )
    made.plan = stage.at("2027-08-02 09:05").act(plans.ask, case=made.case, wanted=wanted, by=cast["mira"])
    stage.at("2027-08-04 14:10").act(plans.approve, request=made.plan, by=cast["ida"])


def _deliver(stage: Stage, made: Told, custodian: Sealed) -> None:
    """Delivered at the custodian, and granted there by two approvers of different teams."""
    custodian.enrol("weiss", "ida", "paul", "brenner", "moreau")
    custodian.round()
    stage.at("2027-08-13 16:25")
    with stage.wired.database.read() as session:
        published = session.get_one(PlanRequest, made.plan.id).plan_key_text
    assert published is not None
    custodian.deliver(published, {key: _section(stage, key) for key in SECTIONS}, "weiss")
    custodian.round()
    [digest] = _digests(stage, made)
    for moment, approver in (("2027-08-14 09:40", "ida"), ("2027-08-14 11:05", "paul")):
        stage.at(moment)
        custodian.round()
        custodian.does(Act.APPROVE, digest, approver)
    custodian.round()


def _digests(stage: Stage, made: Told) -> list[str]:
    with stage.wired.database.read() as session:
        return [str(one.digest) for one in grants.of_subject(session, plans.subject_of(made.plan))]


def _section(stage: Stage, key: str) -> bytes:
    text = TEXTS["plan"]["text"].replace("OUTLINE", TEXTS["outline"][key])
    pages = [(f"{key}, part {number}", text) for number in range(1, 4)]
    return files.pdf("Detailed security plan, Corvane 4", pages, stage.now)


def _open_plan(stage: Stage, made: Told, custodian: Sealed) -> None:
    """Read by the named reader; somebody else tries."""
    [digest] = _digests(stage, made)
    for moment, reader, key, pages in (
        ("2027-08-18 08:12", "brenner", "weight-protection", (1, 2, 3)),
        ("2027-08-18 08:47", "brenner", "insider-threat", (1,)),
        ("2027-08-19 10:03", "moreau", "weight-protection", ()),
        ("2027-08-26 13:30", "brenner", "weight-protection", (2,)),
    ):
        stage.at(moment)
        custodian.round()
        custodian.read(digest, reader, key, *pages)
        if not pages:
            made.refused_at = stage.now
        custodian.round()


def _answer(stage: Stage, cast: Cast, made: Told) -> None:
    answers: Mapping[int, str] = {int(number): text for number, text in TEXTS["answers"].items()}
    stage.at("2027-08-28 15:50")
    stage.act(requests.save_answers, request=made.request, answers=answers, by=cast["nadia"])
    stage.act(requests.send_answers, request=made.request, by=cast["nadia"])


def _incident(stage: Stage, cast: Cast, made: Told) -> None:
    aware = datetime(2027, 9, 3, 9, 0, tzinfo=UTC)
    first = incidents.FirstReport(
        **TEXTS["incident"],
        aware_at=aware,
        belief_at=aware,
        version=made.version,
        kinds=("cybersecurity",),
        internal_use=True,
    )
    made.incident = stage.at("2027-09-08 10:00").act(incidents.report, first=first, by=cast["nadia"])


def _assess(stage: Stage, cast: Cast, made: Told) -> None:
    assessor = cast["lena"]
    answers = {**TEXTS["assessment"], "rows": TEXTS["findings"]}
    stage.at("2027-09-16 09:00")
    found: IndependentAssessment = stage.act(assessments.draft, engagement=made.engagement, by=assessor)
    stage.act(assessments.save, assessment=found, answers=answers, by=assessor)
    model = "quillmark/corvane-4-20270528"
    log = files.evaluation_log(task="range-42", model=model, samples=12, accuracy=0.25, at=stage.now)
    file = stage.file("range-42-safeguards-off.eval", log)
    label = "range-42, safeguards off"
    stage.act(assessments.attach, assessment=found, file=file, label=label, by=assessor)
    stage.at("2027-09-17 16:10")
    stage.act(assessments.submit, assessment=found, engagement=made.engagement, by=cast["oskar"])


def _decide(stage: Stage, cast: Cast, made: Told) -> None:
    said = TEXTS["decision"]
    with stage.wired.database.read() as session:
        assessed = assessments.of_case(session, made.case.id)[0].reference
    recommended = decisions.Recommended(
        kind=DecisionKind.CONDITIONS,
        power="EU AI Act Art. 93",
        channels=("api", "consumer"),
        reasons=said["reasons"],
        conditions=((said["condition"], date(2027, 10, 31)),),
        flags={"F-1": ("carried", said["carried"])},
        evidence=(made.filings[FilingKind.RISK_REPORT].reference or "", assessed or ""),
    )
    stage.at("2027-09-24 11:00")
    made.decision = stage.act(decisions.recommend, case=made.case, recommended=recommended, by=cast["mira"])
    stage.at("2027-09-27 09:40")
    stage.act(decisions.decide, case=made.case, decision=made.decision, by=cast["paul"])


def _appeal(stage: Stage, cast: Cast, made: Told) -> None:
    said = TEXTS["decision"]
    stage.at("2027-09-29 15:15")
    stage.act(
        appeals.note, decision=made.decision, body=said["court"], grounds=said["grounds"], by=cast["weiss"]
    )


def _next_model(stage: Stage, cast: Cast) -> None:
    """A second, open case, so that a queue and a list of tasks have something in them."""
    new = registration.NewVersion(
        model_name="Corvane Mini",
        name="Corvane Mini",
        snapshot="corvane-mini-20270901",
        compute={"training_flop": "4e24", "placed_on_market": [{"territory": "EU"}]},
        channels=("api",),
        planned_release=date(2027, 10, 25),
    )
    version = stage.at("2027-09-27 12:00").act(registration.register, new=new, by=cast["nadia"])
    kind = FilingKind.RELEASE_NOTIFICATION
    filing = stage.at("2027-09-28 08:30").act(service.start, kind=kind, version=version, by=cast["nadia"])
    made = Told(version)
    _submit(stage, cast, made, filing, service.Answers(TEXTS["mini"]))
    subject = f"filing:{filing.id}"

    def begin(session: Session, *, now: datetime) -> Case:
        case = cases.case_of(session, subject)
        assert case is not None
        cases.take(session, case=case, by=cast["mira"], now=now)
        return case

    case = stage.at("2027-09-29 09:00").act(begin)
    questions = requests.Questions(
        legal_basis="EU AI Act Art. 91",
        purpose=TEXTS["mini_questions"]["purpose"],
        items=TEXTS["mini_questions"]["items"],
        due_at=datetime(2027, 10, 13, 21, 59, 59, tzinfo=UTC),
    )
    stage.at("2027-09-29 09:30").act(requests.serve, case=case, questions=questions, by=cast["mira"])
