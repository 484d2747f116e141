"""Accreditation, appointment, declaration, assessment: what is allowed, and what each rule refuses."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from evaluator import accreditations, assessments, engagements
from evaluator.accreditations import Scope
from evaluator.tables import Evidence, Flag
from evaluator.workflow import AccreditationState, AssessmentState, EngagementState
from portal.filing.workflow import FilingState
from secure_access import documents, ledger
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.evaluator import Evaluation


def test_an_accredited_body_is_appointed_declares_and_reads(evaluation: Evaluation) -> None:
    engagement = evaluation.declared()
    with evaluation.world.wired.database.read() as session:
        filing = engagements.readable_filing(
            session, engagement=engagement, by=evaluation.assessor, now=evaluation.now
        )
        types = [entry.type for entry in ledger.entries(session, f"engagement:{engagement.id}")]
    assert filing.id == evaluation.filing.id
    assert types == ["evaluator.appointed", "conflict.none_declared"]


def test_only_an_accreditation_officer_accredits_and_only_bodies(evaluation: Evaluation) -> None:
    scope = Scope(("cyber",), date(2027, 6, 1), date(2028, 6, 1), "Shown.")
    with pytest.raises(Denied, match="accreditation officer"):
        evaluation.act(
            accreditations.accredit, evaluator_id=evaluation.body.id, scope=scope, by=evaluation.case_officer
        )
    with pytest.raises(NotFound):
        evaluation.act(
            accreditations.accredit,
            evaluator_id=evaluation.developer.organisation.id,
            scope=scope,
            by=evaluation.accreditor,
        )
    backwards = replace(scope, valid_until=date(2027, 5, 1))
    with pytest.raises(Denied, match="ends before it begins"):
        evaluation.act(
            accreditations.accredit,
            evaluator_id=evaluation.body.id,
            scope=backwards,
            by=evaluation.accreditor,
        )


def test_appointment_is_refused_without_accreditation(evaluation: Evaluation) -> None:
    with pytest.raises(Denied, match="not accredited"):
        evaluation.act(engagements.appoint, terms=evaluation.terms(), by=evaluation.case_officer)


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_a_suspended_or_revoked_body_is_not_appointed(evaluation: Evaluation, action: str) -> None:
    made = evaluation.accredited()
    with evaluation.world.wired.database.write() as session:
        row = accreditations.load(session, made.reference, for_update=True)
        accreditations.change(
            session, accreditation=row, action=action, by=evaluation.accreditor, now=evaluation.now
        )
    assert row.state is not AccreditationState.ACCREDITED
    with pytest.raises(Denied, match="not accredited"):
        evaluation.act(engagements.appoint, terms=evaluation.terms(), by=evaluation.case_officer)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"categories": ()}, "No category"),
        ({"categories": ("cyber", "astrology")}, "does not cover: astrology"),
        ({"window_until": date(2027, 5, 1)}, "ends before it begins"),
        ({"window_until": date(2030, 1, 1)}, "ends on"),
    ],
)
def test_terms_that_do_not_hold_are_refused(
    evaluation: Evaluation, change: dict[str, object], words: str
) -> None:
    evaluation.accredited()
    with pytest.raises(Denied, match=words):
        evaluation.act(engagements.appoint, terms=evaluation.terms(**change), by=evaluation.case_officer)


def test_a_filing_that_is_not_accepted_cannot_be_assessed(evaluation: Evaluation) -> None:
    evaluation.accredited()
    evaluation.filing.state = FilingState.SUBMITTED
    with pytest.raises(Denied, match="not been accepted"):
        evaluation.act(engagements.appoint, terms=evaluation.terms(), by=evaluation.case_officer)


def test_a_developer_cannot_appoint_and_nobody_is_appointed_twice(evaluation: Evaluation) -> None:
    evaluation.appointed()
    with pytest.raises(Denied, match="case officer"):
        evaluation.act(engagements.appoint, terms=evaluation.terms(), by=evaluation.developer.officer)
    with pytest.raises(Denied, match="already appointed"):
        evaluation.act(engagements.appoint, terms=evaluation.terms(), by=evaluation.case_officer)


def test_nothing_is_read_before_the_declaration(evaluation: Evaluation) -> None:
    engagement = evaluation.appointed()
    with evaluation.world.wired.database.read() as session, pytest.raises(Denied, match="appointed"):
        engagements.readable_filing(
            session, engagement=engagement, by=evaluation.assessor, now=evaluation.now
        )


def test_a_conflict_ends_the_engagement(evaluation: Evaluation) -> None:
    engagement = evaluation.appointed()
    with evaluation.world.wired.database.write() as session:
        row = engagements.load(session, engagement.reference, by=evaluation.officer, for_update=True)
        engagements.declare(
            session,
            engagement=row,
            conflict="We consulted for them in 2026.",
            by=evaluation.officer,
            now=evaluation.now,
        )
    assert row.state is EngagementState.REFUSED
    with evaluation.world.wired.database.read() as session:
        for verb in (engagements.readable_filing, assessments.draft):
            arguments = {"engagement": row, "by": evaluation.assessor, "now": evaluation.now}
            with pytest.raises(Denied):
                verb(session, **arguments)


def test_the_window_is_kept(evaluation: Evaluation) -> None:
    engagement = evaluation.declared()
    late = evaluation.now + timedelta(days=40)
    with evaluation.world.wired.database.read() as session, pytest.raises(Denied, match="runs from"):
        engagements.readable_filing(session, engagement=engagement, by=evaluation.assessor, now=late)


def test_another_body_and_a_developer_find_no_such_engagement(evaluation: Evaluation) -> None:
    engagement = evaluation.declared()
    other = evaluation.world.organisation(OrganisationKind.EVALUATOR)
    strangers = [
        evaluation.world.person(other, Role.EVALUATION_OFFICER),
        evaluation.developer.officer,
        evaluation.world.person(
            evaluation.world.organisation(OrganisationKind.REGULATOR), Role.ENFORCEMENT_OFFICER
        ),
    ]
    with evaluation.world.wired.database.read() as session:
        assert engagements.load(session, engagement.reference, by=evaluation.case_officer).id == engagement.id
        for stranger in strangers:
            with pytest.raises(NotFound):
                engagements.load(session, engagement.reference, by=stranger)


def test_a_complete_assessment_is_submitted_with_its_evidence_read(evaluation: Evaluation) -> None:
    engagement, _ = evaluation.drafted()
    found = evaluation.submit(engagement)
    assert found.state is AssessmentState.SUBMITTED
    assert found.reference is not None
    assert len(found.digest) == 64
    with evaluation.world.wired.database.read() as session:
        row = engagements.load(session, engagement.reference, by=evaluation.officer)
        evidence = session.exec(select(Evidence).where(Evidence.assessment_id == found.id)).one()
        assert assessments.load(session, found.reference, by=evaluation.case_officer).id == found.id
    assert row.state is EngagementState.CONCLUDED
    assert evidence.reading["task"] == "range-42"
    assert evidence.reading["samples"] == 2
    assert evidence.reading["scores"] == [{"scorer": "solved", "metric": "accuracy", "value": "0.25"}]


def test_a_log_that_cannot_be_read_is_kept_and_says_why(evaluation: Evaluation) -> None:
    engagement = evaluation.declared()
    broken = evaluation.file("broken.json", b'{"version": 2, "status": "succ')
    note = evaluation.file("note.txt", b"Only words.")
    with evaluation.world.wired.database.write() as session:
        found = assessments.draft(session, engagement=engagement, by=evaluation.assessor, now=evaluation.now)
        for file in (broken, note):
            assessments.attach(
                session, assessment=found, file=file, label="", by=evaluation.assessor, now=evaluation.now
            )
    evaluation.world.run_jobs()
    with evaluation.world.wired.database.read() as session:
        readings = assessments.evidence(session, found)
        assert readings[broken.document_id].reading["unreadable"]
        assert readings[note.document_id].reading["kind"] == ""
        assert len(documents.for_subject(session, assessments.subject(found))) == 2


def test_evidence_read_twice_is_kept_once(evaluation: Evaluation) -> None:
    _, found = evaluation.drafted()
    with evaluation.world.wired.database.read() as session:
        (document_id,) = assessments.evidence(session, found)
    with evaluation.world.wired.database.write() as session:
        assessments.record_evidence(
            session,
            assessment_id=found.id,
            document_id=document_id,
            reading={"kind": "other"},
            now=evaluation.now,
        )
    with evaluation.world.wired.database.read() as session:
        assert assessments.evidence(session, found)[document_id].reading["kind"] == "inspect_log"


@pytest.mark.parametrize(
    ("key", "said", "words"),
    [
        ("cyber", {}, "say what you found"),
        ("cyber", {"at_least": "3", "at_most": "2", "basis": "x"}, "below"),
        ("cyber", {"at_least": "2", "basis": "x", "method": "y"}, "confidence, basis and method"),
        ("cyber", {"cannot_rule_out": "3", "confidence": "low", "basis": "x", "method": "y"}, "says why"),
        ("manipulation", {"method": "Read."}, "narrative under basis"),
        ("manipulation", {"basis": "Read."}, "give the limits"),
        (
            "cyber",
            {"at_least": "2", "confidence": "low", "basis": "x", "method": "y", "limits": " "},
            "give the limits",
        ),
    ],
)
def test_what_is_missing_is_named(evaluation: Evaluation, key: str, said: dict[str, str], words: str) -> None:
    engagement, found = evaluation.drafted(**{key: said})
    with evaluation.world.wired.database.read() as session:
        problems = assessments.missing(session, found, engagement)
    assert [field for field, _ in problems] == [key]
    assert words in problems[0][1]
    with pytest.raises(Denied, match="answers are missing"):
        evaluation.submit(engagement)


def test_recommendation_summary_and_evidence_are_needed(evaluation: Evaluation) -> None:
    engagement = evaluation.declared()
    with evaluation.world.wired.database.write() as session:
        found = assessments.draft(session, engagement=engagement, by=evaluation.assessor, now=evaluation.now)
        answers = {"rows": evaluation.answers()["rows"]}
        assessments.save(
            session, assessment=found, answers=answers, by=evaluation.assessor, now=evaluation.now
        )
        assert [field for field, _ in assessments.missing(session, found, engagement)] == [
            "recommendation",
            "summary",
            "evidence",
        ]


def test_only_an_officer_submits_and_nothing_changes_afterwards(evaluation: Evaluation) -> None:
    engagement, found = evaluation.drafted()
    with pytest.raises(Denied, match="evaluation officer"):
        evaluation.submit(engagement, by=evaluation.assessor)
    evaluation.submit(engagement)
    with evaluation.world.wired.database.write() as session:
        row = session.get_one(type(found), found.id)
        with pytest.raises(Denied, match="submitted"):
            assessments.save(session, assessment=row, answers={}, by=evaluation.assessor, now=evaluation.now)


def test_of_many_submits_at_once_one_wins(evaluation: Evaluation) -> None:
    engagement, _ = evaluation.drafted()
    outcomes: list[str] = []

    def send() -> None:
        try:
            outcomes.append(evaluation.submit(engagement).reference or "")
        except Denied:
            outcomes.append("denied")

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome == "denied" for outcome in outcomes) == [False] + [True] * 7


def test_gaps_become_flags_numbered_in_the_case(evaluation: Evaluation) -> None:
    with evaluation.world.wired.database.read() as session:
        told = assessments.comparison(session, filing=evaluation.filing, now=evaluation.now)
    tier = next(row.answer for row in told.rows if row.subject.category == "cyber")
    assert isinstance(tier, int)
    higher = {
        "at_least": str(tier + 1),
        "confidence": "high",
        "basis": "n = 120",
        "method": "Agents.",
        "limits": "none",
    }
    engagement, _ = evaluation.drafted(cyber=higher)
    evaluation.submit(engagement)
    with evaluation.world.wired.database.read() as session:
        flags = session.exec(select(Flag).where(Flag.case_id == evaluation.case.id)).all()
    cyber = [flag for flag in flags if flag.category == "cyber"]
    assert len(cyber) == 1
    assert cyber[0].rule == "at_least_above"
    assert sorted(flag.code for flag in flags) == [f"F-{n}" for n in range(1, len(flags) + 1)]
