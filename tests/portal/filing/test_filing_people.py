"""The named people of a draft: who may open it, who lets in whom, and what everybody else learns of it."""

from __future__ import annotations

import uuid

import pytest

from portal.filing import certification, openness, people, service, tasks
from portal.filing.tables import Filing, FilingPerson
from portal.filing.workflow import Part, PlaceState
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import Actor, OrganisationKind, Person, delegation, leaving, roles
from secure_access.identity.delegation import NewDelegation
from secure_access.ledger import Log
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.filing import made
from tests.fixtures.named import SECRET

P, C, A = Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ORGANISATION_ADMINISTRATOR
ADDRESSES = ("", "/form/tests", "/attachments", "/certify", "/sign", "/public", "/people")
FILES = ("/checks.csv", "/checks.json", "/filing.json", "/receipt", "/receipt.json")


def test_by_default_everyone_who_files_opens_a_draft(developer):
    draft = made(developer, developer.draft)
    assert not draft.named_only
    with developer.world.wired.database.read() as session:
        assert service.load(session, draft.id, by=developer.officer).id == draft.id


def test_nobody_but_the_named_people_opens_a_restricted_draft(circle):
    assert circle.opens(circle.dev.preparer)
    for other in (circle.colleague, circle.dev.officer, circle.office):
        assert not circle.opens(other)
    circle.name(circle.colleague, Part.READS)
    assert circle.opens(circle.colleague)
    circle.settle(people.remove, circle.colleague)
    assert not circle.opens(circle.colleague)
    circle.act(people.open_to_everyone)
    assert circle.opens(circle.colleague)
    assert circle.opens(circle.dev.officer)


def test_whoever_wrote_in_it_stays_when_it_is_restricted(developer):
    world, now = developer.world, developer.world.clock.now()
    writer, reader = (world.person(developer.organisation, P) for _ in range(2))
    with world.wired.database.write() as session:
        draft = developer.draft(session, complete=False)
        answers = service.Answers({"cyber.scenario": "Written."})
        service.save(session, filing=draft, answers=answers, by=writer, now=now)
        people.restrict(session, filing=draft, by=developer.officer, now=now)
        people.restrict(session, filing=draft, by=developer.officer, now=now)
        assert draft.preparers == {by.person_id for by in (developer.preparer, writer, developer.officer)}
        assert reader.person_id not in draft.readers
    with world.wired.database.read() as session:
        rows = session.exec(select(FilingPerson).where(FilingPerson.filing_id == draft.id)).all()
        assert len(rows) == 3


def test_who_is_outside_or_only_reads_takes_no_act_of_the_draft(circle):
    answers = service.Answers({"tested": "Changed."})
    with pytest.raises(Denied, match="named people only"):
        circle.act(service.save, by=circle.colleague, answers=answers)
    circle.name(circle.colleague, Part.READS)
    for verb, given in (
        (service.save, {"answers": answers}),
        (service.discard, {}),
        (people.restrict, {}),
        (people.open_to_everyone, {}),
    ):
        with pytest.raises(Denied, match="do not prepare it"):
            circle.act(verb, by=circle.colleague, **given)
    circle.name(circle.colleague, Part.PREPARES)
    circle.act(service.save, by=circle.colleague, answers=answers)


def test_nobody_lets_themselves_in_an_administrator_neither(circle):
    world = circle.dev.world
    both = world.person(circle.dev.organisation, P, A, name="Both Roles")
    for by in (circle.colleague, both):
        with pytest.raises(Denied):
            circle.name(by, by=by)
        circle.act(people.ask, by=by)
        with pytest.raises(Denied):
            circle.name(by, by=by)
        assert not circle.opens(by)
    with pytest.raises(Denied, match="Nobody lets themselves"):
        circle.act(people.let_in, person_id=both.person_id, part=Part.READS, by=both)
    circle.name(both, by=circle.office)
    assert circle.opens(both)


def test_only_who_prepares_it_or_an_administrator_chooses_its_people(circle):
    circle.name(circle.dev.officer, Part.READS)
    circle.act(people.ask, by=circle.colleague)
    for by in (circle.dev.officer, circle.colleague):
        with pytest.raises(Denied, match="Only who prepares this draft"):
            circle.settle(people.refuse, circle.colleague, by=by, reason="No.")
    with pytest.raises(Denied, match="Only who prepares this draft"):
        circle.settle(people.remove, circle.dev.preparer, by=circle.dev.officer)
    circle.settle(people.remove, circle.dev.officer, by=circle.dev.officer)
    assert not circle.opens(circle.dev.officer), "everybody may leave"


def test_nobody_of_another_organisation_is_named(circle, developer_of):
    stranger = developer_of(circle.dev.world)
    official = circle.dev.world.person(circle.dev.world.organisation(OrganisationKind.REGULATOR), P)
    for other in (stranger.preparer, official, circle.office):
        with pytest.raises(Denied, match="who files for your organisation"):
            circle.name(other)
    for by in (stranger.preparer, stranger.officer, official):
        assert not circle.opens(by)
        with circle.dev.world.wired.database.read() as session:
            assert circle.draft_id not in {filing.id for filing in openness.closed_to(session, by)}
            for find in (openness.find, openness.closed):
                with pytest.raises(NotFound):
                    find(session, circle.draft_id, by=by)


def test_a_refusal_has_a_reason_and_one_may_ask_again(circle):
    circle.act(people.ask, by=circle.colleague)
    circle.act(people.ask, by=circle.colleague)
    with circle.dev.world.wired.database.read() as session:
        assert len(tasks.tasks(session, by=circle.dev.preparer, now=circle.dev.world.clock.now())) >= 1
        assert [name for _, name in openness.waiting_for(session, circle.dev.preparer)] == ["Cora Bell"]
        assert openness.waiting_for(session, circle.dev.officer) == []
    with pytest.raises(Denied, match="reason is missing"):
        circle.settle(people.refuse, circle.colleague, reason="  ")
    circle.settle(people.refuse, circle.colleague, reason="It is about your own team.")
    with pytest.raises(Denied):
        circle.settle(people.refuse, circle.colleague, reason="Again.")
    assert not circle.opens(circle.colleague)
    circle.act(people.ask, by=circle.colleague)
    circle.name(circle.colleague)
    with pytest.raises(Denied, match="open to you already"):
        circle.act(people.ask, by=circle.colleague)
    assert circle.opens(circle.colleague)


def test_a_draft_keeps_somebody_who_prepares_it(circle):
    for by in (circle.dev.preparer, circle.office):
        with pytest.raises(Denied, match="Nobody else prepares"):
            circle.settle(people.remove, circle.dev.preparer, by=by)
    circle.name(circle.dev.officer, Part.READS)
    with pytest.raises(Denied, match="Nobody else prepares"):
        circle.settle(people.remove, circle.dev.preparer)
    circle.name(circle.colleague)
    circle.settle(people.remove, circle.dev.preparer)
    assert not circle.opens(circle.dev.preparer)
    with pytest.raises(Denied, match="Nobody else prepares"):
        circle.name(circle.colleague, Part.READS, by=circle.office)


def test_a_colleague_who_cannot_sign_in_does_not_count_as_one_who_prepares(circle):
    circle.name(circle.colleague)
    with circle.dev.world.wired.database.write() as session:
        person = session.get_one(Person, circle.colleague.person_id)
        roles.suspend(session, person=person, by=circle.office, now=circle.dev.world.clock.now())
    with pytest.raises(Denied, match="Nobody else prepares"):
        circle.settle(people.remove, circle.dev.preparer)


def test_the_asked_officer_is_among_its_people_and_what_is_submitted_is_open_to_all(circle):
    dev, now = circle.dev, circle.dev.world.clock.now()
    with dev.world.wired.database.write() as session:
        filing = session.get_one(Filing, circle.draft_id)
        dev.answer(session, filing)
    with dev.world.wired.database.write() as session:
        filing = session.get_one(Filing, circle.draft_id)
        certification.send(
            session, filing=filing, certifier_id=dev.officer.person_id, by=dev.preparer, now=now
        )
        assert dev.officer.person_id in filing.readers
    assert circle.opens(dev.officer)
    assert not circle.opens(circle.colleague)
    with pytest.raises(Denied, match="waits for the signature"):
        circle.settle(people.remove, dev.officer)
    with dev.world.wired.database.write() as session:
        dev.sign(session, service.load(session, circle.draft_id, by=dev.officer, for_update=True))
    assert circle.opens(circle.colleague)
    with dev.world.wired.database.read() as session, pytest.raises(NotFound):
        openness.find(session, circle.draft_id, by=dev.preparer)


def test_an_agent_opens_it_only_when_named_and_while_the_delegation_stands(circle):
    world, now = circle.dev.world, circle.dev.world.clock.now()
    firm = world.organisation(OrganisationKind.AGENT)
    own = world.person(firm, Role.AGENT, name="Counsel One")
    with world.wired.database.write() as session:
        new = NewDelegation(firm.id, ["draft"], now.date(), now.date())
        row_id = delegation.grant(session, new=new, by=circle.office, now=now).id

    def agent() -> Actor:
        with world.wired.database.read() as session:
            return delegation.acting(session, own.person_id, row_id, now=now)

    assert not circle.opens(agent())
    circle.act(people.ask, by=agent())
    circle.name(agent())
    assert circle.opens(agent())
    for refused in (people.restrict, people.open_to_everyone):
        with pytest.raises(Denied, match="certifying officer or preparer"):
            circle.act(refused, by=agent())
    with pytest.raises(Denied):
        circle.name(circle.colleague, by=agent())
    with pytest.raises(Denied, match="Nobody else prepares"):
        circle.settle(people.remove, circle.dev.preparer)
    with world.wired.database.write() as session:
        given = session.get_one(type(delegation.every(session, firm.id)[0]), row_id)
        delegation.revoke(session, delegation=given, reason="Over.", by=circle.office, now=now)
    assert not circle.opens(agent())
    with pytest.raises(Denied, match="who files for your organisation"):
        circle.name(own, Part.READS)


def test_who_only_reports_incidents_for_a_developer_is_told_of_no_draft(circle):
    by = Actor(
        uuid.uuid4(),
        "Rory",
        circle.dev.organisation.id,
        OrganisationKind.DEVELOPER,
        "Quillmark",
        frozenset({Role.REPORTING_AGENT}),
    )
    with circle.dev.world.wired.database.read() as session:
        assert openness.closed_to(session, by) == []
        with pytest.raises(NotFound):
            openness.find(session, circle.draft_id, by=by)


def test_a_leaver_hands_the_draft_over_and_a_colleague_goes_on(circle):
    world, now = circle.dev.world, circle.dev.world.clock.now()

    def held(by: Actor) -> list[tuple[str, str]]:
        with world.wired.database.read() as session:
            return [
                (one.key, one.what) for one in leaving.held(session, session.get_one(Person, by.person_id))
            ]

    key = f"draft:{circle.draft_id}"
    assert held(circle.dev.preparer) == [(key, "draft: Test summary")], "no title"
    circle.name(circle.colleague)
    circle.settle(people.remove, circle.dev.preparer)
    assert held(circle.dev.preparer) == []
    assert held(circle.colleague) == [(key, "draft: Test summary")], "the last who prepares it holds it"
    with world.wired.database.write() as session:
        leaver = session.get_one(Person, circle.colleague.person_id)
        with pytest.raises(Denied, match="still holds 1 thing"):
            leaving.end_account(session, person=leaver, by=circle.office, now=now)
        with pytest.raises(Denied, match="the last who prepares"):
            roles.take(session, person=leaver, role=P, by=circle.office, now=now)
    with world.wired.database.write() as session:
        leaver = session.get_one(Person, circle.colleague.person_id)
        leaving.hand_over(
            session, person=leaver, key=key, heir_id=circle.dev.officer.person_id, by=circle.office, now=now
        )
    assert circle.opens(circle.dev.officer)
    assert held(circle.colleague) == []
    with world.wired.database.write() as session:
        leaver = session.get_one(Person, circle.colleague.person_id)
        leaving.end_account(session, person=leaver, by=circle.office, now=now)
    with world.wired.database.read() as session:
        filing = session.get_one(Filing, circle.draft_id)
        assert filing.preparers == {circle.dev.officer.person_id}, "coming back would open nothing"


def test_an_administrator_does_not_hand_a_restricted_draft_to_themselves(circle):
    both = circle.dev.world.person(circle.dev.organisation, P, A, name="Both Roles")
    with circle.dev.world.wired.database.write() as session:
        leaver = session.get_one(Person, circle.dev.preparer.person_id)
        with pytest.raises(Denied, match="Nobody lets themselves"):
            leaving.hand_over(
                session,
                person=leaver,
                key=f"draft:{circle.draft_id}",
                heir_id=both.person_id,
                by=both,
                now=circle.dev.world.clock.now(),
            )


def test_a_role_is_taken_from_who_is_not_the_last(circle):
    with circle.dev.world.wired.database.write() as session:
        person = session.get_one(Person, circle.colleague.person_id)
        roles.take(session, person=person, role=P, by=circle.office, now=circle.dev.world.clock.now())
    assert not circle.opens(circle.colleague)


def test_each_act_is_an_entry_of_the_custody_log_and_none_of_the_public_one(circle):
    circle.act(people.ask, by=circle.colleague)
    circle.settle(people.refuse, circle.colleague, reason=SECRET)
    circle.name(circle.colleague, Part.READS)
    circle.settle(people.remove, circle.colleague)
    circle.act(people.ask, by=circle.colleague)
    circle.act(people.open_to_everyone)
    with circle.dev.world.wired.database.read() as session:
        found = ledger.entries(session, about=f"filing:{circle.draft_id}")
        types = [entry.type for entry in found if entry.type.startswith("draft.")]
        assert types == [
            "draft.restricted",
            "draft.person_named",
            "draft.join_asked",
            "draft.join_refused",
            "draft.person_named",
            "draft.person_removed",
            "draft.join_asked",
            "draft.person_removed",
            "draft.join_ended",
            "draft.opened_to_everyone",
        ]
        assert {entry.log for entry in found} == {Log.CUSTODY}
        assert not [entry for entry in found if SECRET.encode() in entry.entry]


def test_a_discarded_draft_leaves_who_could_open_it_and_no_open_place(circle):
    circle.act(people.ask, by=circle.colleague)
    circle.act(service.discard)
    with circle.dev.world.wired.database.read() as session:
        assert session.get(Filing, circle.draft_id) is None
        rows = session.exec(select(FilingPerson).where(FilingPerson.filing_id == circle.draft_id)).all()
        assert {row.state for row in rows} == {PlaceState.ENDED}
        assert openness.closed_to(session, circle.colleague) == []
