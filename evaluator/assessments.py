"""Independent assessments: drafted by an assessor, submitted by an officer of the body, then compared."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evaluator import engagements
from evaluator.comparison import (
    Assessment,
    Comparison,
    Finding,
    Report,
    Subject,
    Terms,
    Untiered,
    compare,
)
from evaluator.tables import Engagement, Evidence, Flag, IndependentAssessment
from evaluator.visibility import ASSESSMENTS
from evaluator.workflow import ASSESSMENT, ENGAGEMENT, AssessmentState
from portal.filing import manifests, risk_form
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing
from portal.law import statute
from secure_access import documents, jobs, ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.documents import Accepted, Audience
from secure_access.identity import Actor, Organisation, Person
from secure_access.ledger import canonical
from secure_access.workflow import Denied, NotFound

FORMAT = "assay.assessment/v1"
"""The object whose canonical JSON is digested: `_digest`."""
READ_EVIDENCE = "evidence.read"
"""The job that reads an attached evaluation log; its subject is ``<assessment id>/<document id>``."""

RECOMMENDATIONS = (
    ("release", "Release", ""),
    ("release_with_conditions", "Release with conditions", ""),
    ("do_not_release", "Do not release", ""),
    ("cannot_say", "Cannot say", "The evidence does not carry a recommendation."),
)
_RECOMMENDED = {value: label for value, label, _ in RECOMMENDATIONS}
CONFIDENCES = (("high", "High"), ("moderate", "Moderate"), ("low", "Low"))
NARRATIVE_FIELDS = ("access", "elicitation", "contamination", "dissent")


def subjects(filing: Filing, categories: list[str]) -> list[tuple[Subject, str]]:
    """What an assessor is asked about: the report's rows in the categories of the engagement, with names."""
    rows = risk_form.rows(filing.taxonomy, filing.content)
    return [(Subject(row.category, row.variant), row.name) for row in rows if row.category in categories]


def answered(
    session: Session, assessment: IndependentAssessment, engagement: Engagement
) -> list[tuple[Subject, str, dict[str, str]]]:
    """Each row of an assessment as it is read: subject, name of the category, what was answered."""
    filing = session.get_one(Filing, assessment.filing_id)
    rows = assessment.content["rows"]
    return [
        (about_row, name, rows.get(row_key(about_row), {}))
        for about_row, name in subjects(filing, engagement.categories)
    ]


def recommended(assessment: IndependentAssessment) -> str:
    """The recommendation of a submitted assessment in words."""
    return _RECOMMENDED[assessment.recommendation]


def draft(session: Session, *, engagement: Engagement, by: Actor, now: datetime) -> IndependentAssessment:
    """The draft of an engagement, begun where there is none. Raises `Denied`."""
    found = of_engagement(session, engagement)
    if found is not None:
        return found
    ENGAGEMENT.take("assess", by, engagement)
    version = session.get_one(ModelVersion, engagement.model_version_id)
    assessment = IndependentAssessment(
        engagement_id=engagement.id,
        evaluator_id=engagement.evaluator_id,
        filing_id=engagement.filing_id,
        snapshot=version.snapshot,
        content={"rows": {}},
        prepared_by=by.person_id,
        saved_at=now,
    )
    session.add(assessment)
    session.flush()
    return assessment


def hand_over(
    session: Session, *, assessment: IndependentAssessment, to: Person, by: Actor, now: datetime
) -> None:
    """Make a colleague the one who prepares a draft, because its author leaves. Raises `Denied`."""
    ASSESSMENT.take("hand_over", by, assessment)
    assessment.prepared_by, assessment.saved_at = to.id, now
    session.add(assessment)


def of_engagement(session: Session, engagement: Engagement) -> IndependentAssessment | None:
    """The assessment of an engagement, or ``None`` while none is begun."""
    query = select(IndependentAssessment).where(IndependentAssessment.engagement_id == engagement.id)
    return session.exec(query).first()


def of_filing(session: Session, filing_id: uuid.UUID) -> list[IndependentAssessment]:
    """The submitted assessments of a filing, oldest first."""
    query = select(IndependentAssessment).where(
        IndependentAssessment.filing_id == filing_id,
        IndependentAssessment.state == AssessmentState.SUBMITTED,
    )
    return list(session.exec(query.order_by(col(IndependentAssessment.submitted_at))))


def of_case(session: Session, case_id: uuid.UUID) -> list[IndependentAssessment]:
    """The submitted assessments of a case, oldest first."""
    query = (
        select(IndependentAssessment)
        .join(Engagement, col(Engagement.id) == col(IndependentAssessment.engagement_id))
        .where(Engagement.case_id == case_id, IndependentAssessment.state == AssessmentState.SUBMITTED)
    )
    return list(session.exec(query.order_by(col(IndependentAssessment.submitted_at))))


def in_case(session: Session, case_id: uuid.UUID, reference: str) -> tuple[IndependentAssessment, Engagement]:
    """A submitted assessment of a case whose reader is known to be let in. Raises `NotFound`."""
    for found in of_case(session, case_id):
        if found.reference == reference:
            return found, session.get_one(Engagement, found.engagement_id)
    raise NotFound


def load(session: Session, reference: str, *, by: Actor) -> IndependentAssessment:
    """A submitted assessment: of one's own body, or any for who oversees. Raises `NotFound`."""
    return ASSESSMENTS.find(session, by, col(IndependentAssessment.reference) == reference)


def save(
    session: Session,
    *,
    assessment: IndependentAssessment,
    answers: Mapping[str, Any],
    by: Actor,
    now: datetime,
) -> None:
    """Keep a draft: ``answers`` has ``rows``, the narrative fields, ``recommendation`` and ``summary``."""
    assessment.state = ASSESSMENT.take("save", by, assessment)
    narrative = {name: str(answers.get(name, "")) for name in NARRATIVE_FIELDS}
    assessment.content = {"rows": dict(answers.get("rows", {})), **narrative}
    assessment.recommendation = str(answers.get("recommendation", ""))
    assessment.summary = str(answers.get("summary", ""))
    assessment.saved_at = now
    session.add(assessment)


def attach(
    session: Session,
    *,
    assessment: IndependentAssessment,
    file: Accepted,
    label: str,
    by: Actor,
    now: datetime,
) -> documents.Document:
    """Attach a file as evidence. What the portal can read of it is read by a job."""
    ASSESSMENT.take("attach", by, assessment)
    document = documents.receive(
        session, file=file, kind="evidence", title=label or file.name, by=by, now=now
    )
    documents.attach(
        session,
        document=document,
        subject=subject(assessment),
        label=label or file.name,
        audience=Audience.CONFIDENTIAL,
        by=by,
        now=now,
    )
    jobs.add(session, READ_EVIDENCE, f"{assessment.id}/{document.id}")
    return document


def subject(assessment: IndependentAssessment) -> str:
    """How entries and attachments name an assessment."""
    return f"assessment:{assessment.id}"


def evidence(session: Session, assessment: IndependentAssessment) -> dict[uuid.UUID, Evidence]:
    """What was read of the attached logs, by document."""
    query = select(Evidence).where(Evidence.assessment_id == assessment.id)
    return {row.document_id: row for row in session.exec(query)}


def record_evidence(
    session: Session,
    *,
    assessment_id: uuid.UUID,
    document_id: uuid.UUID,
    reading: dict[str, Any],
    now: datetime,
) -> None:
    """Keep what was read of a log. A second reading of the same document changes nothing."""
    known = session.exec(
        select(Evidence).where(Evidence.assessment_id == assessment_id, Evidence.document_id == document_id)
    ).first()
    if known is not None:
        return
    row = Evidence(assessment_id=assessment_id, document_id=document_id, reading=reading, read_at=now)
    session.add(row)
    fields = {
        "document": str(document_id),
        "kind": str(reading.get("kind", "")),
        "readable": not reading.get("unreadable"),
    }
    about = (f"assessment:{assessment_id}", f"document:{document_id}")
    ledger.append(session, "evidence.read", fields, by=None, now=now, about=about, records=(row,))


def missing(
    session: Session, assessment: IndependentAssessment, engagement: Engagement
) -> list[tuple[str, str]]:
    """What still blocks submission: pairs of field id and words."""
    filing = session.get_one(Filing, engagement.filing_id)
    rows = assessment.content.get("rows", {})
    found: list[tuple[str, str]] = []
    for about_row, name in subjects(filing, engagement.categories):
        words = _row_problem(about_row, rows.get(row_key(about_row), {}))
        if words:
            label = f"{name}, {about_row.variant}" if about_row.variant else name
            found.append((row_key(about_row), f"{label}: {words}"))
    if assessment.recommendation not in _RECOMMENDED:
        found.append(("recommendation", "Choose a recommendation. “Cannot say” is one."))
    if not assessment.summary.strip():
        found.append(("summary", "Write a summary that can be published."))
    if not documents.for_subject(session, subject(assessment)):
        found.append(("evidence", "Attach at least one file as evidence."))
    return found


def row_key(about_row: Subject) -> str:
    """The key of a row in the content and the id of its first field."""
    return f"{about_row.category}.{about_row.variant.replace(' ', '-')}".rstrip(".")


def finding_of(about_row: Subject, answers: Mapping[str, Any]) -> Finding:
    """One row as a finding. Raises ``ValueError`` where it contradicts itself."""
    return Finding(
        subject=about_row,
        at_least=_tier(answers, "at_least"),
        at_most=_tier(answers, "at_most"),
        cannot_rule_out=_tier(answers, "cannot_rule_out"),
        why=str(answers.get("why", "")),
        confidence=str(answers.get("confidence", "")),
        basis=str(answers.get("basis", "")),
        method=str(answers.get("method", "")),
        not_tested=str(answers.get("not_tested", "")),
    )


def submit(
    session: Session, *, assessment: IndependentAssessment, engagement: Engagement, by: Actor, now: datetime
) -> IndependentAssessment:
    """Submit: fixed from now on, the engagement concluded, every gap flagged. Raises `Denied`."""
    state = ASSESSMENT.take("submit", by, assessment)
    blocking = missing(session, assessment, engagement)
    if blocking:
        raise Denied(f"{len(blocking)} answers are missing: {blocking[0][1]}", "Complete the assessment.")
    attached = documents.for_subject(session, subject(assessment))
    assessment.state = state
    assessment.reference = next_reference(session, "IA", now)
    assessment.submitted_by, assessment.submitted_at = by.person_id, now
    assessment.digest = digest_now(session, assessment)
    engagement.state = ENGAGEMENT.take("conclude", by, engagement)
    session.add_all((assessment, engagement))
    manifest = manifests.keep(session, _stated(session, assessment, by, now), now=now)
    fields = {
        "reference": assessment.reference,
        "digest": assessment.digest,
        "recommendation": assessment.recommendation,
        "rows": len(assessment.content["rows"]),
        "evidence": [found.document.sha256 for found in attached],
        "manifest": manifest.digest,
    }
    about = (subject(assessment), f"filing:{assessment.filing_id}", *engagements.about(engagement))
    ledger.append(
        session, "assessment.submitted", fields, by=by, now=now, about=about,
        records=(assessment, engagement, manifest),
    )  # fmt: skip
    _raise_flags(session, assessment, engagement, now)
    return assessment


def _stated(
    session: Session, assessment: IndependentAssessment, by: Actor, now: datetime
) -> manifests.Stated:
    mine = subject(assessment)
    return manifests.Stated(
        kind="independent_assessment",
        reference=assessment.reference or "",
        subject=mine,
        owner_id=assessment.evaluator_id,
        entity=manifests.entity_named(session, assessment.evaluator_id),
        sha256=assessment.digest,
        form=FORMAT,
        signed=[manifests.signature(session, by, subject=mine, act="submitted", now=now)],
        attachments=manifests.hanging(session, mine),
    )


def digest_now(session: Session, assessment: IndependentAssessment) -> str:
    """The digest that the assessment has with what is written and attached now."""
    attached = documents.for_subject(session, subject(assessment))
    return _digest(assessment, [found.document.sha256 for found in attached])


def comparison(session: Session, *, filing: Filing, now: datetime) -> Comparison:
    """The developer's risk tiers beside those of every submitted assessment of a filing."""
    assert filing.submitted_at is not None
    rows = risk_form.rows(filing.taxonomy, filing.content)
    version = session.get(ModelVersion, filing.model_version_id)
    report = Report(
        reference=filing.reference or "",
        snapshot=version.snapshot if version else "",
        on=filing.submitted_at.date(),
        tier_set=filing.taxonomy,
        answers={Subject(row.category, row.variant): _answer(row) for row in rows},
    )
    older = int(statute.load("office").value("comparison.older_than", now.date()).number)
    names = {row.category: row.name for row in rows}
    terms = Terms(names=names, today=now.date(), older_than=older, equivalent={})
    return compare(report, [_side(session, found, filing) for found in of_filing(session, filing.id)], terms)


def _side(session: Session, assessment: IndependentAssessment, filing: Filing) -> Assessment:
    assert assessment.submitted_at is not None
    rows = assessment.content["rows"]
    reported = [Subject(row.category, row.variant) for row in risk_form.rows(filing.taxonomy, filing.content)]
    return Assessment(
        reference=assessment.reference or "",
        evaluator=session.get_one(Organisation, assessment.evaluator_id).name,
        snapshot=assessment.snapshot,
        on=assessment.submitted_at.date(),
        tier_set=filing.taxonomy,
        findings=[finding_of(row, rows[row_key(row)]) for row in reported if row_key(row) in rows],
    )


def _raise_flags(
    session: Session, assessment: IndependentAssessment, engagement: Engagement, now: datetime
) -> None:
    session.flush()
    filing = session.get_one(Filing, assessment.filing_id)
    known = list(session.exec(select(Flag).where(Flag.case_id == engagement.case_id)))
    seen = {flag.key for flag in known}
    gaps = [gap for gap in comparison(session, filing=filing, now=now).flags if gap.key not in seen]
    fresh = [
        Flag(
            case_id=engagement.case_id,
            assessment_id=assessment.id,
            developer_id=engagement.developer_id,
            code=f"F-{number}",
            key=gap.key,
            category=gap.subject.category if gap.subject else "",
            variant=gap.subject.variant if gap.subject else "",
            rule=gap.rule,
            title=gap.title,
            rule_text=gap.text,
            raised_at=now,
        )
        for number, gap in enumerate(gaps, start=len(known) + 1)
    ]
    if fresh:
        session.add_all(fresh)
        fields = {"codes": [flag.code for flag in fresh]}
        about = engagements.about(engagement)
        ledger.append(session, "flag.raised", fields, by=None, now=now, about=about, records=fresh)


def _answer(row: risk_form.RiskRow) -> int | Untiered:
    if row.tier is not None:
        return row.tier
    return Untiered.NARRATIVE if row.answer == risk_form.NARRATIVE else Untiered.NOT_TIERED


def _row_problem(about_row: Subject, answers: Mapping[str, Any]) -> str:
    if not answers:
        return "say what you found, or why it was not tested."
    try:
        finding = finding_of(about_row, answers)
    except ValueError as error:
        return str(error)
    if finding.not_tested:
        return ""
    return _lacking(finding, str(answers.get("limits", "")))


def _lacking(finding: Finding, limits: str) -> str:
    """What a finding about something that was tested does not say yet; empty where it says everything."""
    if finding.tiered and not (finding.confidence and finding.basis and finding.method):
        return "give confidence, basis and method."
    if not finding.tiered and not finding.basis:
        return "give a risk tier, or say what you found as narrative under basis."
    if not limits.strip():
        return "give the limits of your tests; write “none” where there are none."
    return ""


def _tier(answers: Mapping[str, Any], name: str) -> int | None:
    value = str(answers.get(name, ""))
    return int(value) if value.isdecimal() else None


def _digest(assessment: IndependentAssessment, evidence_digests: list[str]) -> str:
    content = {
        "content": assessment.content,
        "recommendation": assessment.recommendation,
        "summary": assessment.summary,
        "snapshot": assessment.snapshot,
        "filing": str(assessment.filing_id),
        "evidence": evidence_digests,
    }
    return hashlib.sha256(canonical.encode(content)).hexdigest()
