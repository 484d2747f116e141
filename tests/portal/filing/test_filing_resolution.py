"""When an incident was resolved: said once, corrected, never taken back; and the report that follows."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from portal.filing import duties, incidents, registration, resolution
from portal.filing.tasks import tasks
from portal.filing.workflow import IncidentState
from secure_access import ledger
from secure_access.identity import OrganisationKind
from secure_access.workflow import Denied, Role
from tests.fixtures.filing import day, made, page, post

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def resolved(
    session, dev, incident, verb=resolution.resolve, *, at, how="Access was shut.", now=None, by=None
):
    verb(
        session,
        incident=incident,
        resolved_at=at,
        how=how,
        by=by or dev.preparer,
        now=now or dev.world.clock.now(),
    )


def final(session, dev, now):
    found = duties.owed(session, dev.organisation.id, now=now)
    return [one for one in found if (one.regime, one.duty) == ("eu-ai-act", "incident.final_report")]


def under_the_eu(session, dev):
    dev.figures(session)
    version = dev.version(session, compute={"training_flop": "3.8e26"})
    now = dev.world.clock.now()
    registration.assess_coverage(session, version=version, by=dev.preparer, now=now)


def moment_of(at):
    """The four inputs of a moment."""
    return {
        **day("resolved_at", str(at.day), str(at.month), str(at.year)),
        "resolved_at-time": f"{at:%H:%M}",
    }


def test_it_is_said_once_and_named_in_the_record(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        incident = developer.incident(session, aware_at=now - 2 * HOUR)
        resolved(session, developer, incident, at=now - HOUR, how="  Access was shut. ")
        assert incident.state is IncidentState.RESOLVED
        assert [said["how"] for said in incident.resolutions] == ["Access was shut."]
        entry = ledger.entries(session, about=incidents.subject(incident))[-1]
        assert entry.type == "incident.resolved"
        assert entry.fields == {
            "reference": incident.reference,
            "resolved_at": (now - HOUR).isoformat(),
        }
        with pytest.raises(Denied, match="is resolved; “resolve” is not possible"):
            resolved(session, developer, incident, at=now)
        assert len(incident.resolutions) == 1


def test_the_time_lies_between_the_knowledge_and_now(developer):
    now = developer.world.clock.now()
    second = timedelta(seconds=1)
    with developer.world.wired.database.write() as session:
        incident = developer.incident(session, aware_at=now - HOUR, belief_at=now - 2 * HOUR)
        with pytest.raises(Denied, match="lies in the future"):
            resolved(session, developer, incident, at=now + second)
        with pytest.raises(Denied, match="before you knew of the incident"):
            resolved(session, developer, incident, at=now - 2 * HOUR - second)
        with pytest.raises(Denied, match="How it was resolved is empty"):
            resolved(session, developer, incident, at=now, how=" ")
        assert (incident.state, incident.resolutions) == (IncidentState.REPORTED, [])
        resolved(session, developer, incident, at=now - 2 * HOUR)
        resolved(session, developer, incident, resolution.correct, at=now)
        with pytest.raises(Denied, match="lies in the future"):
            resolved(session, developer, incident, resolution.correct, at=now + second)


def test_a_correction_counts_and_what_was_said_before_stays(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        incident = developer.incident(session, aware_at=now - DAY)
        with pytest.raises(Denied, match="is reported; “correct resolution” is not possible"):
            resolved(session, developer, incident, resolution.correct, at=now)
        resolved(session, developer, incident, at=now - 2 * HOUR)
        with pytest.raises(Denied, match="Nothing differs"):
            resolved(session, developer, incident, resolution.correct, at=now - 2 * HOUR)
        resolved(session, developer, incident, resolution.correct, at=now - HOUR)
        assert [said["resolved_at"] for said in incident.resolutions] == [
            (now - 2 * HOUR).isoformat(),
            (now - HOUR).isoformat(),
        ]
        entry = ledger.entries(session, about=incidents.subject(incident))[-1]
        assert (entry.type, entry.fields["number"]) == ("incident.resolution_corrected", 1)


def test_who_may_not_say_it(developer, developer_of):
    world, now = developer.world, developer.world.clock.now()
    officer = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    drafting = world.person(developer.organisation, Role.ORGANISATION_ADMINISTRATOR)
    with world.wired.database.write() as session:
        incident = developer.incident(session)
        for by in (officer, drafting):
            with pytest.raises(Denied, match="Only a"):
                resolved(session, developer, incident, at=now, by=by)
        incidents.close(session, incident=incident, by=officer, now=now)
        with pytest.raises(Denied, match="is closed"):
            resolved(session, developer, incident, at=now)


def test_the_final_report_is_due_sixty_days_after_and_moves_with_a_correction(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        under_the_eu(session, developer)
        incident = developer.incident(session, aware_at=now - 10 * DAY)
        assert final(session, developer, now) == []
        resolved(session, developer, incident, at=now - 2 * DAY)
        (first,) = final(session, developer, now)
        assert first.status == "upcoming"
        assert first.triggered_at == now - 2 * DAY
        assert (first.due_at.date() - (now - 2 * DAY).date()).days in (60, 61, 62)
        resolved(session, developer, incident, resolution.correct, at=now - DAY, now=now + HOUR)
        before, after = final(session, developer, now + HOUR)
        assert (before.status, after.status) == ("superseded", "upcoming")
        assert "the trigger was corrected" in before.closed_because
        assert after.triggered_at == now - DAY
        late = final(session, developer, after.due_at + DAY)[-1]
        assert late.status == "overdue"
        todo = tasks(session, developer.preparer, after.due_at + DAY)
        assert f"/incidents/{incident.reference}" in {one.link for one in todo if "Final report" in one.what}
        resting = duties.owed(session, developer.organisation.id, now=now + 100 * DAY)
        assert not [one for one in resting if one.duty == "incident.intermediate"]  # over before it was told


def test_the_final_report_meets_it_and_an_ordinary_update_does_not(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        under_the_eu(session, developer)
        incident = developer.incident(session, aware_at=now)

        def update(text, at, **given):
            incidents.update(session, incident=incident, text=text, by=developer.preparer, now=at, **given)

        with pytest.raises(Denied, match="is reported; “report finally” is not possible"):
            update("The end.", now, final=True)
        resolved(session, developer, incident, at=now)
        update("One more fact.", now + HOUR)
        assert incident.state is IncidentState.RESOLVED
        assert [one.status for one in final(session, developer, now + 2 * HOUR)] == ["upcoming"]
        update("The end.", now + 3 * HOUR, final=True)
        assert [one.status for one in final(session, developer, now + 4 * HOUR)] == ["met"]
        entries = ledger.entries(session, about=incidents.subject(incident))
        assert [entry.type for entry in entries][-2:] == ["incident.updated", "incident.finally_reported"]


def test_through_the_pages(sqlite_developer):
    dev, world = sqlite_developer, sqlite_developer.world
    now = world.clock.now().astimezone(UTC)
    incident = made(dev, dev.incident, aware_at=now - DAY)
    client, url = world.client("developer", dev.preparer), f"/incidents/{incident.reference}"
    assert client.get(f"{url}/correct-resolution").status_code == 403
    refused = post(client, f"{url}/resolve", moment_of(now - HOUR), status=422).text
    assert "Say in a sentence what ended it" in refused
    typed = {**moment_of(now + DAY), "how": "Access was shut."}
    assert "The time lies in the future" in post(client, f"{url}/resolve", typed, status=422).text
    post(client, f"{url}/resolve", {**typed, **moment_of(now - HOUR)})
    assert client.get(f"{url}/resolve").status_code == 403
    corrected = {**moment_of(now - 2 * HOUR), "how": "The leak was closed."}
    assert "Access was shut." in page(client, f"{url}/correct-resolution")
    post(client, f"{url}/correct-resolution", corrected)
    post(client, f"{url}/updates", {"text": "The end.", "final": "yes"}, form_at=url, action=f"{url}/updates")
    shown = page(client, url)
    for words in ("Access was shut.", "The leak was closed.", "Said before, and corrected", "final report"):
        assert words in shown
    official = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    assert "The leak was closed." in page(world.client("government", official), url)


def test_somebody_elses_incident_is_not_there(sqlite_developer, developer_of):
    dev, other = sqlite_developer, developer_of(sqlite_developer.world)
    incident = made(dev, dev.incident)
    client = dev.world.client("developer", other.preparer)
    for act in ("resolve", "correct-resolution"):
        assert client.get(f"/incidents/{incident.reference}/{act}").status_code == 404
