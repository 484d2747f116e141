"""The told case: Quillmark Systems and Corvane 4, from registration to penalty, act by act."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from evaluator import accreditations, assessments, engagements
from evaluator.tables import Engagement
from infra.seed import files, penalties, told
from infra.seed.people import BRACKEN, LARKFIELD, QUILLMARK, Cast
from infra.seed.stage import Stage
from portal.filing import attachments, certification, incidents, publication, registration, service
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, FilingKind, Incident
from portal.review import appeals, cases, decisions, plans, requests
from portal.review.tables import Case, Decision, DecisionKind, InformationRequest, PlanRequest
from secure_access import documents, grants
from secure_access.documents import Audience
from secure_access.workflow import NotFound

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("texts.toml").read_text())
CATEGORIES = ("cyber", "cbrn", "sabotage", "manipulation", "acceleration")
SECTIONS = ("weight-protection", "insider-threat")


@dataclass
class Told:
    """What the story has made so far."""

    version: ModelVersion
    filings: dict[str, Filing] = field(default_factory=dict)
    case: Case | None = None
    request: InformationRequest | None = None
    plan: PlanRequest | None = None
    incident: Incident | None = None
    engagement: Engagement | None = None
    decision: Decision | None = None


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
    _answer(stage, cast, made)
    _incident(stage, cast, made)
    _assess(stage, cast, made)
    _decide(stage, cast, made)
    penalised = penalties.penalise(stage, cast, made.incident, made.request)
    told.write(stage, cast, made, penalised)


def _accredit(stage: Stage, cast: Cast) -> None:
    scope = accreditations.Scope(
        CATEGORIES,
        date(2027, 5, 10),
        date(2029, 5, 9),
        "Two evaluations of frontier models a year since 2024, methods published, no income from developers.",
    )
    stage.at("2027-05-10 09:30").act(
        lambda session, now: accreditations.accredit(
            session, evaluator_id=cast.organisations[LARKFIELD].id, scope=scope, by=cast["ruth"], now=now
        )
    )
    narrow = accreditations.Scope(
        ("cbrn",), date(2027, 5, 12), date(2028, 5, 11), "A specialist body with a laboratory of its own."
    )
    stage.at("2027-05-12 11:00").act(
        lambda session, now: accreditations.accredit(
            session, evaluator_id=cast.organisations[BRACKEN].id, scope=narrow, by=cast["ruth"], now=now
        )
    )


def _register(stage: Stage, cast: Cast) -> ModelVersion:
    new = registration.NewVersion(
        model_name="Corvane",
        name="Corvane 4",
        snapshot="corvane-4-20270528",
        compute={"parameters": "1.1e12", "active_parameters": "9e11", "tokens": "4.4e13"},
        channels=("internal_use", "limited_partners", "api", "consumer"),
        planned_release=date(2027, 6, 28),
    )
    version = stage.at("2027-06-01 08:40").act(
        lambda session, now: registration.register(session, new=new, by=cast["nadia"], now=now)
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
    stage.at("2027-06-01 08:55").act(
        lambda session, now: registration.state_figures(session, new=figures, by=cast["nadia"], now=now)
    )
    stage.at("2027-06-01 09:00").act(
        lambda session, now: registration.assess_coverage(session, version=version, by=cast["nadia"], now=now)
    )
    return version


def _publish(stage: Stage, cast: Cast, made: Told) -> None:
    file(stage, cast, made, FilingKind.RELEASE_NOTIFICATION, "2027-06-14 10:05", TEXTS["release"])
    file(stage, cast, made, FilingKind.TEST_SUMMARY, "2027-06-14 11:20", TEXTS["test_summary"])
    file(stage, cast, made, FilingKind.SAFETY_FRAMEWORK, "2027-06-15 09:10", TEXTS["framework"])
    card = {**TEXTS["system_card"], "released_on": "2027-06-28"}
    file(stage, cast, made, FilingKind.SYSTEM_CARD, "2027-06-28 13:00", card)
    file(stage, cast, made, FilingKind.SECURITY_OUTLINE, "2027-06-29 15:30", TEXTS["outline"])


def _report(stage: Stage, cast: Cast, made: Told) -> None:
    content = {"trigger": "release", **TEXTS["posture"], **TEXTS["initiatives"], **TEXTS["acceleration"]}
    for category, answers in TEXTS["categories"].items():
        content |= {f"{category}.{name}": answer for name, answer in answers.items()}
    pages = [
        ("Scope", TEXTS["test_summary"]["tested"]),
        ("Methods", TEXTS["test_summary"]["methods"]),
        ("Results", TEXTS["test_summary"]["results"]),
        ("Limits", TEXTS["test_summary"]["limits"]),
    ]
    stage.at("2027-07-05 13:00")
    attached = (
        (
            "Technical report",
            "technical-report.pdf",
            files.pdf("Corvane 4, technical report", pages, stage.now),
        ),
        ("Raw tables (the file arrived damaged)", "raw-tables.pdf", files.broken_pdf()),
    )
    columns = {"period_start": date(2027, 1, 1), "period_end": date(2027, 6, 30)}
    file(
        stage,
        cast,
        made,
        FilingKind.RISK_REPORT,
        "2027-07-05 14:32",
        content,
        columns=columns,
        attached=attached,
    )


def file(  # noqa: PLR0913 - one call a filing keeps the story readable
    stage: Stage,
    cast: Cast,
    made: Told,
    kind: FilingKind,
    moment: str,
    content: Mapping[str, Any],
    *,
    columns: Mapping[str, Any] | None = None,
    attached: tuple[tuple[str, str, bytes], ...] = (),
) -> Filing:
    """Draft, attach, explain what has to be explained, certify and submit one filing."""
    filing = stage.at(moment).act(
        lambda session, now: service.start(
            session, kind=kind, version=made.version, by=cast["nadia"], now=now
        )
    )
    filing = stage.act(
        lambda s, now: _filled(s, filing, service.Answers(content, columns or {}, {}), cast, now)
    )
    for label, name, body in attached:
        handed = attachments.Handed(
            upload=stage.upload(name, body), label=label, audience=Audience.CONFIDENTIAL
        )
        stage.act(lambda s, now, handed=handed: _attach(s, stage, filing, handed, cast, now))
    made.filings[kind] = stage.act(lambda s, now: _submitted(s, filing, cast, now))
    return made.filings[kind]


def _filled(session: Any, filing: Filing, answers: service.Answers, cast: Cast, now: datetime) -> Filing:
    row = service.load(session, filing.id, by=cast["nadia"], for_update=True)
    service.save(session, filing=row, answers=answers, by=cast["nadia"], now=now)
    return row


def _attach(
    session: Any, stage: Stage, filing: Filing, handed: attachments.Handed, cast: Cast, now: datetime
) -> documents.Document:
    row = service.load(session, filing.id, by=cast["nadia"], for_update=True)
    return attachments.attach(
        session, filing=row, handed=handed, vault=stage.wired.vault, by=cast["nadia"], now=now
    )


def _submitted(session: Any, filing: Filing, cast: Cast, now: datetime) -> Filing:
    row = service.load(session, filing.id, by=cast["nadia"], for_update=True)
    for check in service.checks_of(session, row, now=now):
        if check.open:
            service.explain(
                session,
                filing=row,
                key=check.key,
                reason="Checked, and meant as it stands.",
                by=cast["nadia"],
                now=now,
            )
    certification.send(session, filing=row, certifier_id=cast["weiss"].person_id, by=cast["nadia"], now=now)
    digest = publication.digest(certification.form_of(session, row))
    return certification.submit(session, filing=row, shown_digest=digest, by=cast["weiss"], now=now)


def _begin_review(stage: Stage, cast: Cast, made: Told) -> None:
    report = made.filings[FilingKind.RISK_REPORT]

    def take(session: Any, now: datetime) -> Case:
        case = cases.case_of(session, f"filing:{report.id}")
        assert case is not None
        cases.take(session, case=case, by=cast["mira"], now=now)
        cases.name_decider(session, case=case, decider_id=cast["paul"].person_id, by=cast["mira"], now=now)
        for filing in reversed(cases.filings(session, case)):
            cases.accept_filing(session, case=case, filing=filing, by=cast["mira"], now=now)
        return case

    made.case = stage.at("2027-07-09 09:15").act(take)


def _appoint(stage: Stage, cast: Cast, made: Told) -> None:
    def appoint(session: Any, now: datetime) -> Engagement:
        terms = engagements.Terms(
            evaluator_id=cast.organisations[LARKFIELD].id,
            filing=session.get_one(Filing, made.filings[FilingKind.RISK_REPORT].id),
            case_id=_case(made).id,
            categories=CATEGORIES,
            questions="Does the model reach tier 3 in any category with safeguards off? Are the safeguards enough?",
            window_from=date(2027, 7, 12),
            window_until=date(2027, 12, 31),
        )
        return engagements.appoint(session, terms=terms, by=cast["mira"], now=now)

    made.engagement = stage.at("2027-07-12 10:00").act(appoint)
    stage.at("2027-07-13 08:20").act(
        lambda s, now: engagements.declare(
            s, engagement=_again(s, made.engagement), conflict="", by=cast["oskar"], now=now
        )
    )


def _ask(stage: Stage, cast: Cast, made: Told) -> None:
    questions = requests.Questions(
        legal_basis="EU AI Act Art. 91",
        purpose="To see whether the safeguards named in the risk report work in practice.",
        items=TEXTS["questions"]["items"],
        due_at=datetime(2027, 8, 9, 21, 59, 59, tzinfo=UTC),
    )
    made.request = stage.at("2027-07-20 13:40").act(
        lambda s, now: requests.serve(
            s, case=_again(s, made.case), questions=questions, by=cast["mira"], now=now
        )
    )


def _request_plan(stage: Stage, cast: Cast, made: Told) -> None:
    wanted = plans.Wanted(
        outline_id=made.filings[FilingKind.SECURITY_OUTLINE].id,
        sections=SECTIONS,
        purpose="To judge whether the weights of Corvane 4 can be stolen by a well-funded group.",
        legal_basis="EU AI Act Art. 91; Code of Practice, commitment 6",
        necessity="The outline says that movements need two approvals. It does not say who can give both.",
        readers=(cast["brenner"].person_id,),
        deliver_by=datetime(2027, 8, 16, 21, 59, 59, tzinfo=UTC),
        read_from=datetime(2027, 8, 16, 6, 0, tzinfo=UTC),
        read_until=datetime(2027, 9, 15, 21, 59, 59, tzinfo=UTC),
    )
    made.plan = stage.at("2027-08-02 09:05").act(
        lambda s, now: plans.ask(s, case=_again(s, made.case), wanted=wanted, by=cast["mira"], now=now)
    )
    stage.at("2027-08-04 14:10").act(
        lambda s, now: plans.approve(s, request=_again(s, made.plan), by=cast["ida"], now=now)
    )
    stage.at("2027-08-13 16:25")
    accepted = {key: stage.file(f"{key}.pdf", _plan_section(stage, key)) for key in SECTIONS}

    def deliver(session: Any, now: datetime) -> None:
        rows = {
            key: documents.receive(
                session, file=file, kind="plan section", title=key, by=cast["weiss"], now=now
            )
            for key, file in accepted.items()
        }
        session.flush()
        chosen = {key: row.id for key, row in rows.items()}
        plans.deliver(
            session, request=_again(session, made.plan), documents=chosen, by=cast["weiss"], now=now
        )

    stage.act(deliver)
    _open_plan(stage, cast, made)


def _open_plan(stage: Stage, cast: Cast, made: Told) -> None:
    for moment, reader, section in (
        ("2027-08-18 08:12", "brenner", "weight-protection"),
        ("2027-08-18 08:47", "brenner", "insider-threat"),
        ("2027-08-19 10:03", "moreau", "weight-protection"),
        ("2027-08-26 13:30", "brenner", "weight-protection"),
    ):
        stage.at(moment)
        opening = stage.act(lambda s, _now, section=section: _opening(s, made, section))
        try:
            stage.act(
                lambda s, now, opening=opening, reader=reader: grants.open_page(
                    s, opening=opening, by=cast[reader], now=now
                )
            )
        except NotFound:
            grants.record_refusal(stage.wired.database, opening=opening, by=cast[reader], now=stage.now)


def _opening(session: Any, made: Told, section: str) -> grants.Opening:
    request = _again(session, made.plan)
    found = next(row for row in plans.sections(session, request) if row.section == section)
    return grants.Opening(
        subject=plans.subject_of(request),
        document_id=found.document_id,
        section=found.number,
        page=1,
        about=plans.about(request),
    )


def _plan_section(stage: Stage, key: str) -> bytes:
    text = (
        "This section is part of a demonstration. Its text is invented and describes no real system.\n"
        f"Outline of this section: {TEXTS['outline'][key]}\n"
        "Sites, people and systems are named A to F. Each movement of weights is approved by two people of different "
        "teams, from a list of seven that changes every quarter."
    )
    pages = [(f"{key}, part {number}", text) for number in range(1, 4)]
    return files.pdf("Detailed security plan, Corvane 4", pages, stage.now)


def _answer(stage: Stage, cast: Cast, made: Told) -> None:
    answers = {int(number): text for number, text in TEXTS["answers"].items()}

    def answer(session: Any, now: datetime) -> None:
        row = _again(session, made.request)
        requests.save_answers(session, request=row, answers=answers, by=cast["nadia"], now=now)
        requests.send_answers(session, request=row, by=cast["nadia"], now=now)

    stage.at("2027-08-28 15:50").act(answer)


def _incident(stage: Stage, cast: Cast, made: Told) -> None:
    first = incidents.FirstReport(
        title="Model weights copied to an unapproved site",
        what_happened="A build server in site C received a copy of the weights of Corvane 4 without the second "
        "approval. The copy was found and destroyed. No access from outside was seen.",
        aware_at=datetime(2027, 9, 3, 9, 0, tzinfo=UTC),
        belief_at=datetime(2027, 9, 3, 9, 0, tzinfo=UTC),
        version=made.version,
        kinds=("cybersecurity",),
        internal_use=True,
        told="Nobody else yet",
        contact="Nadia Osei, +1 555 0100",
    )
    made.incident = stage.at("2027-09-08 10:00").act(
        lambda s, now: incidents.report(s, first=first, by=cast["nadia"], now=now)
    )


def _assess(stage: Stage, cast: Cast, made: Told) -> None:
    stage.at("2027-09-16 09:00")
    engagement_of = made.engagement
    answers = {**TEXTS["assessment"], "rows": TEXTS["findings"]}

    def draft(session: Any, now: datetime) -> Any:
        found = assessments.draft(
            session, engagement=_again(session, engagement_of), by=cast["lena"], now=now
        )
        assessments.save(session, assessment=found, answers=answers, by=cast["lena"], now=now)
        return found

    found = stage.act(draft)
    log = files.evaluation_log(
        task="range-42", model="quillmark/corvane-4-20270528", samples=12, accuracy=0.25, at=stage.now
    )
    accepted = stage.file("range-42-safeguards-off.eval", log)
    stage.act(
        lambda s, now: assessments.attach(
            s,
            assessment=_again(s, found),
            file=accepted,
            label="range-42, safeguards off",
            by=cast["lena"],
            now=now,
        )
    )
    stage.at("2027-09-17 16:10").act(
        lambda s, now: assessments.submit(
            s,
            assessment=_again(s, found),
            engagement=_again(s, engagement_of),
            by=cast["oskar"],
            now=now,
        )
    )


def _decide(stage: Stage, cast: Cast, made: Told) -> None:
    recommended = decisions.Recommended(
        kind=DecisionKind.CONDITIONS,
        power="EU AI Act Art. 93",
        channels=("api", "consumer"),
        reasons="With safeguards on, the evaluator found no risk above tier 2. With safeguards off, Corvane 4 reaches "
        "tier 3 in cyber offence, one tier above the developer's own report. The condition keeps the safeguards "
        "in place wherever that capability could be reached.",
        conditions=(
            (
                "Limit concurrent sessions of new API accounts, and report the limit each month.",
                date(2027, 10, 31),
            ),
        ),
        flags={"F-1": ("carried", "Carried: condition 1 covers the gap until the next independent test.")},
        evidence=(made.filings[FilingKind.RISK_REPORT].reference or "",),
    )
    made.decision = stage.at("2027-09-24 11:00").act(
        lambda s, now: decisions.recommend(
            s, case=_again(s, made.case), recommended=recommended, by=cast["mira"], now=now
        )
    )
    stage.at("2027-09-27 09:40").act(
        lambda s, now: decisions.decide(
            s, case=_again(s, made.case), decision=_again(s, made.decision), by=cast["paul"], now=now
        )
    )
    stage.at("2027-09-29 15:15").act(
        lambda s, now: appeals.note(
            s,
            decision=_again(s, made.decision),
            body="General Court of the European Union",
            grounds="The condition rests on a test with safeguards off, a state that no customer can reach.",
            by=cast["weiss"],
            now=now,
        )
    )


def _case(made: Told) -> Case:
    assert made.case is not None
    return made.case


def _again(session: Any, row: Any) -> Any:
    """The row in this transaction, as it stands now."""
    return session.get_one(type(row), row.id)
