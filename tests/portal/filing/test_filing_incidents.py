"""Incidents, registry verbs, duties and tasks, on both databases."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.filing import duties, incidents, registration
from portal.filing.tables import FilingKind
from portal.filing.tasks import tasks
from portal.filing.workflow import IncidentState
from portal.law.facts import FactError
from secure_access import jobs, ledger
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.ledger import manifests
from secure_access.workflow import Denied, NotFound, Role

HOUR = timedelta(hours=1)


def kinds_of_jobs(session, incident):
    wanted = select(jobs.Job).where(jobs.Job.subject_id == incidents.subject(incident))
    return sorted(job.kind for job in session.exec(wanted))


def test_a_report_of_two_answers_in_time(developer):
    with developer.world.wired.database.write() as session:
        incident = developer.incident(session, aware_at=developer.world.clock.now() - 71 * HOUR)
        assert incident.reference.startswith("I-2027-")
        assert {clock["regime"] for clock in incident.clocks} >= {"ca-tfaia", "ny-raise"}
        assert all(clock["on_time"] for clock in incident.clocks)
        assert kinds_of_jobs(session, incident) == ["case.file"]
        entry = ledger.entries(session, about=incidents.subject(incident))[0]
        manifest = manifests.of_entry(session, entry)
        assert manifest is not None
        assert manifest.subject == incidents.subject(incident)
        assert entry.content["fields"] == {
            "reference": incident.reference,
            "imminent": False,
            "late_under": [],
            "manifest": manifest.digest,
        }


def test_the_last_second_is_in_time_and_the_next_is_late(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        exact = developer.incident(session, aware_at=now - 72 * HOUR)
        assert incidents.late_regimes(exact.clocks) == []
        late = developer.incident(session, aware_at=now - 72 * HOUR - timedelta(seconds=1))
        assert incidents.late_regimes(late.clocks) == ["ny-raise"]
        clock = next(c for c in late.clocks if c["regime"] == "ny-raise" and c["governs"])
        assert clock["late_seconds"] == 1
        assert kinds_of_jobs(session, late) == ["case.file", "violation.consider"]


def test_a_proposal_is_shown_and_never_broken(developer):
    aware = developer.world.clock.now() - timedelta(days=40)
    with developer.world.wired.database.write() as session:
        incident = developer.incident(session, aware_at=aware)
    proposed = [clock for clock in incident.clocks if clock["status"] == "proposed"]
    assert proposed
    assert not proposed[0]["on_time"]
    assert "aaif-proposal" not in incidents.late_regimes(incident.clocks)


def test_an_earlier_belief_governs_in_new_york(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        incident = developer.incident(session, aware_at=now - HOUR, belief_at=now - 80 * HOUR)
    assert incidents.late_regimes(incident.clocks) == ["ny-raise"]


def test_imminent_danger_adds_its_clocks(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        incident = developer.incident(session, aware_at=now - 25 * HOUR, imminent_danger=True)
    assert incidents.late_regimes(incident.clocks) == ["ca-tfaia", "ny-raise"]


def test_what_a_report_refuses(developer, developer_of):
    now = developer.world.clock.now()
    other = developer_of(developer.world)
    assessor = developer.world.person(developer.world.organisation(OrganisationKind.EVALUATOR), Role.ASSESSOR)
    with developer.world.wired.database.write() as session:
        with pytest.raises(Denied, match="The report is empty"):
            developer.incident(session, what_happened=" ")
        with pytest.raises(Denied, match="lies in the future"):
            developer.incident(session, aware_at=now + HOUR)
        with pytest.raises(Denied, match="lies in the future"):
            developer.incident(session, belief_at=now + HOUR)
        with pytest.raises(NotFound):
            developer.incident(session, version=other.version(session))
        developer.preparer = assessor
        with pytest.raises(Denied, match="Only a preparer, a certifying officer or a reporting agent"):
            developer.incident(session)


def test_updates_add_and_a_closed_incident_takes_none(developer, developer_of):
    world = developer.world
    officer = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    other = developer_of(world)
    with world.wired.database.write() as session:
        incident = developer.incident(session)
        now = world.clock.now()
        incidents.update(session, incident=incident, text="More.", by=developer.preparer, now=now)
        assert incident.state is IncidentState.UPDATED
        assert [said["text"] for said in incident.updates] == ["More."]
        with pytest.raises(Denied, match="The update is empty"):
            incidents.update(session, incident=incident, text="", by=developer.preparer, now=now)
        with pytest.raises(NotFound):
            incidents.load(session, incident.reference, by=other.preparer)
        mine = incidents.load(session, incident.reference, by=officer, for_update=True)
        incidents.close(session, incident=mine, by=officer, now=now)
        with pytest.raises(Denied):
            incidents.update(session, incident=mine, text="Late.", by=developer.preparer, now=now)
        named = [entry.type for entry in ledger.entries(session, about=incidents.subject(incident))]
        assert named == ["incident.reported", "incident.updated", "incident.closed"]


def test_compute_that_cannot_be_read_is_not_registered(developer):
    with developer.world.wired.database.write() as session:
        with pytest.raises(FactError):
            developer.version(
                session, compute={"parameters": "1e11", "active_parameters": "1e12", "tokens": "1"}
            )
        assert registration.models_of(session, developer.organisation.id) == []


def test_coverage_is_kept_with_the_facts_it_used(developer):
    world = developer.world
    with world.wired.database.write() as session:
        version = developer.version(session)
        now = world.clock.now()
        first = registration.assess_coverage(session, version=version, by=developer.preparer, now=now)
        assert first.result["regimes"]["aaif-proposal"]["covered"] == "unknown"
        assert first.result["regimes"]["eu-ai-act"]["wording"] == "presumed"
        developer.figures(session)
        later = now + HOUR
        second = registration.assess_coverage(session, version=version, by=developer.preparer, now=later)
        assert second.result["regimes"]["aaif-proposal"]["wording"] == "would be covered (proposed)"
        assert [row.id for row in registration.coverages_of(session, version.id)] == [second.id, first.id]
        named = [entry.type for entry in ledger.entries(session, about=f"model_version:{version.id}")]
        assert named == ["model.registered", "coverage.assessed", "coverage.assessed"]


def test_the_year_that_the_law_asks_for_is_built_from_quarters(developer):
    on = date(2027, 6, 1)
    quarters = [((1, 1), (3, 31)), ((4, 1), (6, 30)), ((7, 1), (9, 30)), ((10, 1), (12, 31))]
    with developer.world.wired.database.write() as session:
        version = developer.version(session)
        developer.figures(session, period_start=date(2026, 6, 1), period_end=date(2027, 5, 31))
        for first, last in quarters:
            developer.figures(
                session,
                period_start=date(2026, *first),
                period_end=date(2026, *last),
                gross_revenue=Decimal("150000000"),
                ai_revenue=None,
            )
        stated = registration.figures_of(session, developer.organisation.id)
    facts = registration.coverage_facts(version, stated, on=on)
    assert len(facts["organisation"]["gross_revenue"]) == 4
    assert facts["organisation"]["ai_revenue"]["period_end"] == "2027-05-31"
    assert "ai_rd" not in facts["organisation"]


def test_a_correction_of_figures_counts_and_a_wrong_period_does_not(developer):
    with developer.world.wired.database.write() as session:
        version = developer.version(session)
        developer.figures(session)
        developer.world.at(developer.world.clock.now() + HOUR)  # of two at one moment either may stand last
        developer.figures(session, gross_revenue=Decimal("400000000.50"))
        stated = registration.figures_of(session, developer.organisation.id)
        facts = registration.coverage_facts(version, stated, on=date(2027, 6, 1))
        assert facts["organisation"]["gross_revenue"]["amount"] == "400000000.50"
        with pytest.raises(Denied, match="ends before it starts"):
            developer.figures(session, period_end=date(2025, 1, 1))


def test_tasks_name_drafts_signatures_and_duties(developer):
    world = developer.world
    start = world.clock.now()
    official = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    with world.wired.database.write() as session:
        developer.figures(session)
        filed = developer.submitted(session)
        version = registration.load_version(session, filed.model_version_id, by=developer.preparer)
        registration.assess_coverage(session, version=version, by=developer.preparer, now=start)
        developer.draft(session, FilingKind.SYSTEM_CARD)
        developer.sent(session)
        assert tasks(session, official, start) == []
        mine = [task.what for task in tasks(session, developer.officer, start)]
        assert "Certify periodic risk report: Corvane 4" in mine
        assert "Finish system card: Corvane 4" in mine
        assert not [what for what in mine if "File the periodic" in what]
        theirs = [task.what for task in tasks(session, developer.preparer, start)]
        assert not [what for what in theirs if what.startswith("Certify")]
        nearly = start + timedelta(days=150)
        found = tasks(session, developer.preparer, nearly)
        duty = next(task for task in found if task.what.startswith("File the periodic"))
        assert "A proposal binds nobody" in duty.consequence
        assert duty.due is not None
        assert duties.upcoming(session, developer.organisation.id, now=start)


def test_no_duties_without_a_coverage_result(developer):
    with developer.world.wired.database.write() as session:
        developer.submitted(session)
        assert duties.upcoming(session, developer.organisation.id, now=developer.world.clock.now()) == []
