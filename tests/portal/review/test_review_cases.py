"""Cases: what opens and joins them, who takes them, what is accepted, returned and when it is due."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from portal.filing.tables import FilingKind
from portal.filing.workflow import FilingState
from portal.review import cases
from portal.review.workflow import CaseState
from secure_access import jobs, ledger
from secure_access.identity import OrganisationKind
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.review import Desk, register


def test_the_first_filing_opens_a_case_and_the_next_joins_it(desk: Desk) -> None:
    first, second, incident = desk.filing(), desk.filing(FilingKind.SYSTEM_CARD), desk.incident()
    opened = desk.act(cases.file, subject=f"filing:{first.id}")
    assert opened.reference.startswith("C-2027-")
    for subject in (f"filing:{second.id}", f"incident:{incident.id}"):
        assert desk.act(cases.file, subject=subject).id == opened.id
    with desk.world.wired.database.read() as session:
        types = [entry.type for entry in ledger.entries(session, f"case:{opened.id}")]
        assert types == ["case.opened", "case.joined", "case.joined"]
        assert {f.id for f in cases.filings(session, opened)} == {first.id, second.id}
        assert [i.id for i in cases.incidents(session, opened)] == [incident.id]


def test_filing_the_same_twice_changes_nothing(desk: Desk) -> None:
    subject = f"filing:{desk.filing().id}"
    case = desk.act(cases.file, subject=subject)
    assert desk.act(cases.file, subject=subject).id == case.id
    with desk.world.wired.database.read() as session:
        assert len(ledger.entries(session, f"case:{case.id}")) == 1


def test_the_job_files_what_was_submitted(desk: Desk) -> None:
    filing = desk.filing()
    with desk.world.wired.database.write() as session:
        jobs.add(session, "case.file", f"filing:{filing.id}")
    desk.world.run_jobs()
    with desk.world.wired.database.read() as session:
        case = cases.case_of(session, f"filing:{filing.id}")
        assert case is not None
        assert case.developer_id == desk.developer.organisation_id


def test_filings_at_the_same_moment_open_one_case(desk: Desk) -> None:
    subjects = [f"filing:{desk.filing().id}" for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda subject: desk.act(cases.file, subject=subject), subjects))
    assert len({case.id for case in opened}) == 1


def test_another_model_version_has_a_case_of_its_own(desk: Desk) -> None:
    case = desk.case()
    other = desk.filing(model_version_id=register(desk, "Corvane 5"))
    assert desk.act(cases.file, subject=f"filing:{other.id}").id != case.id


def test_after_a_decision_the_next_filing_opens_another_case(desk: Desk) -> None:
    case = desk.under_review()
    desk.decided(case)
    assert desk.case().id != case.id


def test_a_draft_is_in_no_case(desk: Desk) -> None:
    draft = desk.filing(state=FilingState.DRAFT)
    with pytest.raises(NotFound):
        desk.act(cases.file, subject=f"filing:{draft.id}")


def test_accepting_the_risk_report_begins_the_review(desk: Desk) -> None:
    desk.world.at(datetime(2027, 7, 9, 10, tzinfo=UTC))
    case = desk.fresh(desk.under_review())
    assert case.state is CaseState.UNDER_REVIEW
    assert case.officer_id == desk.officer.person_id
    # Day 60 is Tuesday 7 September; nothing moves it.
    assert case.due_on == date(2027, 9, 7)


def test_accepting_a_card_begins_nothing(desk: Desk) -> None:
    card = desk.filing(FilingKind.SYSTEM_CARD)
    case = desk.act(cases.file, subject=f"filing:{card.id}")
    with desk.world.wired.database.write() as session:
        row = cases.find(session, case.reference, for_update=True)
        filing = cases.filing_of(session, row, card.id, for_update=True)
        cases.accept_filing(session, case=row, filing=filing, by=desk.officer, now=desk.now)
    case = desk.fresh(case)
    assert (case.state, case.clock_started_at) == (CaseState.OPEN, None)


def test_a_return_needs_a_reason_and_leaves_the_filing_returned(desk: Desk) -> None:
    case = desk.case()
    with desk.world.wired.database.write() as session:
        filing = cases.filings(session, case)[0]
        with pytest.raises(ValueError, match="Say what has to change"):
            cases.return_filing(session, case=case, filing=filing, reason=" ", by=desk.officer, now=desk.now)
        cases.return_filing(
            session, case=case, filing=filing, reason="No owner named.", by=desk.officer, now=desk.now
        )
    filing = desk.fresh(filing)
    assert (filing.state, filing.state_reason) == (FilingState.RETURNED, "No owner named.")


@pytest.mark.parametrize("who", ["decider", "developer", "certifier"])
def test_only_a_case_officer_accepts(desk: Desk, who: str) -> None:
    case = desk.case()
    with desk.world.wired.database.write() as session, pytest.raises(Denied):
        filing = cases.filings(session, case)[0]
        cases.accept_filing(session, case=case, filing=filing, by=getattr(desk, who), now=desk.now)


def test_a_filing_of_another_case_is_not_found(desk: Desk) -> None:
    case = desk.case()
    other = desk.filing(model_version_id=register(desk, "Corvane 5"))
    desk.act(cases.file, subject=f"filing:{other.id}")
    with desk.world.wired.database.read() as session:
        for wrong in (other.id, uuid.uuid4()):
            with pytest.raises(NotFound):
                cases.filing_of(session, case, wrong)


def test_cases_are_for_reviewers_only(desk: Desk) -> None:
    case = desk.case()
    enforcement = desk.world.person(
        desk.world.organisation(OrganisationKind.REGULATOR), Role.ENFORCEMENT_OFFICER
    )
    with desk.world.wired.database.read() as session:
        assert cases.load(session, case.reference, by=desk.decider).id == case.id
        for nobody in (desk.developer, desk.evaluator, desk.reader, enforcement):
            with pytest.raises(NotFound):
                cases.load(session, case.reference, by=nobody)
        with pytest.raises(NotFound):
            cases.load(session, "C-1999-001", by=desk.officer)


def test_the_decider_is_another_person_than_the_officer(desk: Desk) -> None:
    case = desk.under_review()
    both = desk.world.person(
        desk.world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER, Role.DECIDER
    )
    desk.with_case(case, cases.name_decider, decider_id=desk.decider.person_id, by=desk.officer)
    assert desk.fresh(case).decider_id == desk.decider.person_id
    with pytest.raises(Denied, match="another person decides"):
        desk.with_case(case, cases.name_decider, decider_id=both.person_id, by=both)
    with pytest.raises(Denied, match="not a decider"):
        desk.with_case(case, cases.name_decider, decider_id=desk.developer.person_id, by=desk.officer)
