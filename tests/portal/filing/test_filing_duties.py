"""What a developer owes, gathered from what the portal holds; the page of it, and the calendar file."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.filing import duties, duty_events, incidents, registration, resolution
from portal.filing.registration import NewVersion
from portal.filing.tables import FilingKind
from portal.filing.tasks import tasks
from portal.law.duty_rules import LAW_STARTED, rules
from portal.law.statute import regimes
from secure_access.identity import OrganisationKind
from secure_access.workflow import Role
from tests.fixtures.filing import page

DAY = timedelta(days=1)


@pytest.fixture
def dev(sqlite_developer):
    return sqlite_developer


def assessed(dev, session, **given):
    """A version under every law, and the answer of the laws."""
    dev.figures(session)
    version = dev.version(session, compute=given.pop("compute", {"training_flop": "3.8e26"}), **given)
    now = dev.world.clock.now()
    registration.assess_coverage(session, version=version, by=dev.preparer, now=now)
    return version


def of(found, duty, regime=""):
    return [one for one in found if one.duty == duty and regime in ("", one.regime)]


def owed(dev, session, after=timedelta(0)):
    return duties.owed(session, dev.organisation.id, now=dev.world.clock.now() + after)


def test_coverage_releases_filings_and_incidents_become_duties(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        version = assessed(developer, session, planned_release=now.date() + 30 * DAY)
        report = developer.submitted(session)
        developer.incident(session, aware_at=now - 80 * timedelta(hours=1), kinds=["cybersecurity"])
        found = owed(developer, session)
    (first,) = of(found, "risk_report.first")
    assert (first.status, first.met_by) == ("met", f"{report.reference}/risk_report_filed")
    cards = {one.about: one for one in of(found, "transparency_report", "ca-tfaia")}
    card = cards[str(version.id)]
    assert card.status == "upcoming"
    assert f"planned for {version.planned_release.isoformat()}" in card.why[0]
    assert {one.status for one in of(found, "incident.report", "ny-raise")} == {"late"}
    assert [one.status for one in of(found, "incident.first_report")] == ["met"]
    assert [one.status for one in of(found, "internal_use.first", "ca-tfaia")] == ["upcoming"]
    assert [one.status for one in of(found, "framework.first", "ny-raise")] == ["due"]
    assert all(one.why for one in found)
    assert all(one.citation for one in found)


def test_a_draft_leaves_no_event_and_a_model_in_house_no_release(developer):
    with developer.world.wired.database.write() as session:
        assessed(developer, session, channels=["internal_use"])
        developer.draft(session)
        developer.sent(session, FilingKind.SYSTEM_CARD)
        told = duty_events.gather(session, developer.organisation.id)
    # The draft's own version stands in the API; the one in house is not released.
    assert {event.kind for event in told.events} <= {"model_deployed", "model_released", "model_placed"}
    assert told.filed == ()


def test_of_a_duty_that_repeats_the_next_one_is_listed_and_what_was_missed(developer):
    with developer.world.wired.database.write() as session:
        assessed(developer, session)
        developer.submitted(session)
        later = owed(developer, session, after=400 * DAY)
    periodic = of(later, "risk_report.period")
    assert [one.status for one in periodic] == ["overdue", "overdue", "upcoming"]


def test_intermediate_reports_end_when_the_incident_is_closed(developer):
    world = developer.world
    officer = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    with world.wired.database.write() as session:
        assessed(developer, session)
        incident = developer.incident(session, imminent_danger=True)
        now = world.clock.now()
        assert [one.status for one in of(owed(developer, session), "incident.intermediate")] == ["upcoming"]
        todo = [task for task in tasks(session, developer.preparer, now) if "Intermediate" in task.what]
        assert [task.link for task in todo] == [f"/incidents/{incident.reference}"]
        assert incident.title in todo[0].what
        incidents.update(session, incident=incident, text="More.", by=developer.preparer, now=now + DAY)
        found = of(owed(developer, session, after=2 * DAY), "incident.intermediate")
        assert [one.status for one in found] == ["met", "upcoming"]
        incidents.close(session, incident=incident, by=officer, now=now + 3 * DAY)
        found = of(owed(developer, session, after=4 * DAY), "incident.intermediate")
    assert [one.status for one in found] == ["met", "ended"]
    assert "incident closed" in found[-1].closed_because


def test_who_leaves_the_scope_and_comes_back_keeps_what_was(developer):
    clock = developer.world.clock
    with developer.world.wired.database.write() as session:
        version = assessed(developer, session)
        report = developer.submitted(session)
        for days, flop in ((10, "1e20"), (20, "3.8e26")):
            new = NewVersion("Corvane 4", "Corvane 4", version.snapshot, {"training_flop": flop}, ["api"])
            registration.revise(
                session, version=version, new=new, by=developer.preparer, now=clock.now() + days * DAY
            )
            registration.assess_coverage(
                session, version=version, by=developer.preparer, now=clock.now() + days * DAY
            )
        kinds = {
            event.kind for event in duty_events.gather(session, report.developer_id).under("aaif-proposal")
        }
        assert {"became_covered", "left_scope", "entered_scope"} <= kinds
        out = owed(developer, session, after=15 * DAY)
        (period,) = of(out, "risk_report.period")
        assert period.status == "ended"
        assert period.closed_because.startswith("left scope (coverage of")
        assert of(out, "risk_report.first")[0].status == "met"
        assert duties.upcoming(session, report.developer_id, now=clock.now() + 15 * DAY) == []


def test_what_is_done_elsewhere_is_no_task(developer):
    with developer.world.wired.database.write() as session:
        now = developer.world.clock.now()
        assessed(developer, session, planned_release=now.date() + 30 * DAY)
        found = duties.upcoming(session, developer.organisation.id, now=now)
        assert found
        assert not of(found, "internal_use.first")
        assert not of(found, "notify.threshold")
        names = [task.what for task in tasks(session, developer.preparer, now) if "transparency" in task.what]
        assert names == ["Publish the transparency report: Corvane 4"]


def test_every_event_that_is_gathered_is_known_to_a_law(developer):
    """A misspelt event would begin nothing and meet nothing."""
    known = {LAW_STARTED}
    for pack in regimes():
        for rule in rules(pack):
            known |= {rule.after, *rule.met_by, *rule.ends, *rule.unless}
    with developer.world.wired.database.write() as session:
        assessed(developer, session)
        for kind in (FilingKind.RISK_REPORT, FilingKind.SYSTEM_CARD, FilingKind.SAFETY_FRAMEWORK):
            developer.submitted(session, kind)
        now = developer.world.clock.now()
        incident = developer.incident(session, belief_at=now - DAY)
        said = {"incident": incident, "by": developer.preparer, "now": now}
        incidents.update(session, text="More.", **said)
        resolution.resolve(session, resolved_at=now, how="It was shut.", **said)
        incidents.update(session, text="The end.", final=True, **said)
        told = duty_events.gather(session, developer.organisation.id)
        kinds = {event.kind for pack in regimes() for event in told.under(pack.id)}
    assert kinds <= known
    assert kinds >= duty_events.SEEN


def client(dev):
    return dev.world.client("developer", dev.preparer)


def test_the_page_says_why_and_the_calendar_says_when(dev):
    with dev.world.wired.database.write() as session:
        assessed(dev, session)
        dev.submitted(session)
    shown = page(client(dev), "/duties")
    for words in (
        *("Why do I owe this?", "Trigger", "6 months after the last model report", "No time is stated"),
        *("Refresh the model report", "EU AI Act", "Brussels", "Proposed: it binds nobody."),
        "This portal does not receive it",
    ):
        assert words in shown, words
    closed = page(client(dev), "/duties?show=Closed")
    assert "File the first risk report (proposed)" in closed
    answer = client(dev).get("/duties.ics")
    assert answer.mimetype == "text/calendar"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="duties.ics"'
    lines = answer.text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert "SUMMARY:EU AI Act: Refresh the model report (upcoming)" in lines
    uids = [line for line in lines if line.startswith("UID:")]
    assert len(set(uids)) == len(uids) > 5


def test_what_nobody_can_know_here_is_not_called_late(dev):
    """The summary of internal use goes to an office of the state: nothing is known of it when it is due."""
    with dev.world.wired.database.write() as session:
        assessed(dev, session)
    dev.world.at(dev.world.clock.now() + 200 * DAY)
    shown = page(client(dev), "/duties")
    row = shown[shown.index("Send the first summary of internal-use risk") :]
    assert "Not known here" in row[: row.index("Why do I owe this?")]


def test_nothing_is_owed_yet(dev):
    shown = page(client(dev), "/duties")
    assert "Duties appear when a coverage result says" in shown
    assert "Download as a calendar" not in shown
    assert "VEVENT" not in client(dev).get("/duties.ics").text
    for wrong in ("?page=2", "?page=0", "?show=tea"):
        assert client(dev).get(f"/duties{wrong}").status_code == 404


def test_a_thousand_duties_are_listed_page_by_page(dev):
    now = dev.world.clock.now()
    kinds = ["critical_infrastructure", "cybersecurity", "death", "serious_harm"]
    with dev.world.wired.database.write() as session:
        assessed(dev, session)
        for number in range(100):
            dev.incident(session, aware_at=now - number * DAY / 10, kinds=kinds, imminent_danger=True)
        assert len(owed(dev, session)) > 1000
    first = page(client(dev), "/duties?show=Closed")
    assert "duties 1 to 50 of" in first
    assert first.count("Why do I owe this?") == 50
    second = page(client(dev), "/duties?show=Closed&page=2")
    assert "duties 51 to 100 of" in second
    assert "Page before" in second
    assert "Next page" in second


def test_an_official_who_reads_filings_sees_them(dev):
    world = dev.world
    regulator = world.organisation(OrganisationKind.REGULATOR)
    officer = world.person(regulator, Role.CASE_OFFICER)
    enforcer = world.person(regulator, Role.ENFORCEMENT_OFFICER)
    with world.wired.database.write() as session:
        assessed(dev, session)
        filed = dev.submitted(session)
    address = f"/developers/{dev.organisation.id}/duties"
    reader = world.client("government", officer)
    assert f'href="{address}"' in page(reader, f"/filings/{filed.reference}")
    shown = page(reader, address)
    assert f"Duties of {dev.organisation.name}" in shown
    assert "Why is it owed?" in shown
    assert f"{address}?show=Closed" in shown
    assert reader.get(f"/developers/{regulator.id}/duties").status_code == 404
    assert world.client("government", enforcer).get(address).status_code == 404


def test_disputed_and_later_starts_are_marked(dev):
    """New York has two starts: both stand on the page, and which one governs."""
    now = dev.world.clock.now()
    with dev.world.wired.database.write() as session:
        assessed(dev, session)
        dev.incident(session, aware_at=now - DAY, belief_at=now - 2 * DAY)
    assert page(client(dev), "/duties?show=Closed").count("Another start governs.") == 1
