"""The named people of a draft: who may open it, who lets in whom, and what everybody else learns of it."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass

import pytest

from portal.filing import certification, people, service, tasks
from portal.filing.tables import Filing, FilingPerson
from portal.filing.workflow import Part, PlaceState
from secure_access import documents, ledger
from secure_access.db import select
from secure_access.identity import Actor, OrganisationKind, Person, delegation, leaving, roles
from secure_access.identity.delegation import NewDelegation
from secure_access.ledger import Log
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import form_of, without_tokens
from tests.fixtures.filing import Developer, made, page, post

SECRET = "zq9secret of the draft"
P, C, A = Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ORGANISATION_ADMINISTRATOR
ADDRESSES = ("", "/form/tests", "/attachments", "/certify", "/sign", "/public", "/people")
FILES = ("/checks.csv", "/checks.json", "/filing.json", "/receipt", "/receipt.json")


@dataclass
class House:
    """A developer with a colleague who prepares, two administrators, and a restricted draft of theirs."""

    dev: Developer
    colleague: Actor
    office: Actor
    other_office: Actor
    draft_id: uuid.UUID
    paper_id: uuid.UUID

    def act(self, verb, *, by: Actor | None = None, **given):
        """One verb on the draft, in a transaction of its own."""
        with self.dev.world.wired.database.write() as session:
            filing = session.get_one(Filing, self.draft_id)
            return verb(
                session, filing=filing, by=by or self.dev.preparer, now=self.dev.world.clock.now(), **given
            )

    def settle(self, verb, whom: Actor, *, by: Actor | None = None, **given):
        """One verb on the latest place of somebody."""
        with self.dev.world.wired.database.write() as session:
            filing = session.get_one(Filing, self.draft_id)
            row = people.own_latest(session, filing, by=whom)
            return verb(
                session,
                filing=filing,
                row=row,
                by=by or self.dev.preparer,
                now=self.dev.world.clock.now(),
                **given,
            )

    def name(self, whom: Actor, part: Part = Part.PREPARES, *, by: Actor | None = None) -> None:
        """Name a colleague."""
        self.act(people.name, person_id=whom.person_id, part=part, by=by)

    def opens(self, by: Actor) -> bool:
        """Whether the draft is there for somebody, by its identifier and in the list alike."""
        with self.dev.world.wired.database.read() as session:
            listed = self.draft_id in {filing.id for filing in service.listed(session, by=by)}
            try:
                found = service.load(session, self.draft_id, by=by).id == self.draft_id
            except NotFound:
                found = False
        assert found is listed
        return found

    def client(self, by: Actor):
        """Somebody's client."""
        return self.dev.world.client("developer", by)


def house_of(dev: Developer) -> House:
    with dev.world.wired.database.write() as session:
        draft = dev.draft(session, service.FilingKind.TEST_SUMMARY, complete=False)
        answers = service.Answers({"tested": SECRET})
        now = dev.world.clock.now()
        service.save(session, filing=draft, answers=answers, by=dev.preparer, now=now)
        paper = dev.attach(session, draft, f"{SECRET}.csv", b"part,value\nannex,1\n")
        people.restrict(session, filing=draft, by=dev.preparer, now=now)
        draft_id, paper_id = draft.id, paper.id
    colleague, office, other = (
        dev.world.person(dev.organisation, role, name=name)
        for role, name in ((P, "Cora Bell"), (A, "Odile First"), (A, "Otto Second"))
    )
    return House(dev, colleague, office, other, draft_id, paper_id)


@pytest.fixture
def house(developer) -> House:
    """On each database in turn."""
    return house_of(developer)


@pytest.fixture
def sqlite_house(sqlite_developer) -> House:
    return house_of(sqlite_developer)


def test_by_default_everyone_who_files_opens_a_draft(developer):
    draft = made(developer, developer.draft)
    assert not draft.named_only
    with developer.world.wired.database.read() as session:
        assert service.load(session, draft.id, by=developer.officer).id == draft.id


def test_nobody_but_the_named_people_opens_a_restricted_draft(house):
    assert house.opens(house.dev.preparer)
    for other in (house.colleague, house.dev.officer, house.office):
        assert not house.opens(other)
    house.name(house.colleague, Part.READS)
    assert house.opens(house.colleague)
    house.settle(people.remove, house.colleague)
    assert not house.opens(house.colleague)
    house.act(people.open_to_everyone)
    assert house.opens(house.colleague)
    assert house.opens(house.dev.officer)


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


def test_who_is_outside_or_only_reads_takes_no_act_of_the_draft(house):
    answers = service.Answers({"tested": "Changed."})
    with pytest.raises(Denied, match="named people only"):
        house.act(service.save, by=house.colleague, answers=answers)
    house.name(house.colleague, Part.READS)
    for verb, given in (
        (service.save, {"answers": answers}),
        (service.discard, {}),
        (people.restrict, {}),
        (people.open_to_everyone, {}),
    ):
        with pytest.raises(Denied, match="do not prepare it"):
            house.act(verb, by=house.colleague, **given)
    house.name(house.colleague, Part.PREPARES)
    house.act(service.save, by=house.colleague, answers=answers)


def test_nobody_lets_themselves_in_an_administrator_neither(house):
    world = house.dev.world
    both = world.person(house.dev.organisation, P, A, name="Both Roles")
    for by in (house.colleague, both):
        with pytest.raises(Denied):
            house.name(by, by=by)
        house.act(people.ask, by=by)
        with pytest.raises(Denied):
            house.name(by, by=by)
        assert not house.opens(by)
    with pytest.raises(Denied, match="Nobody lets themselves"):
        house.act(people.let_in, person_id=both.person_id, part=Part.READS, by=both)
    house.name(both, by=house.office)
    assert house.opens(both)


def test_only_who_prepares_it_or_an_administrator_chooses_its_people(house):
    house.name(house.dev.officer, Part.READS)
    house.act(people.ask, by=house.colleague)
    for by in (house.dev.officer, house.colleague):
        with pytest.raises(Denied, match="Only who prepares this draft"):
            house.settle(people.refuse, house.colleague, by=by, reason="No.")
    with pytest.raises(Denied, match="Only who prepares this draft"):
        house.settle(people.remove, house.dev.preparer, by=house.dev.officer)
    house.settle(people.remove, house.dev.officer, by=house.dev.officer)
    assert not house.opens(house.dev.officer), "everybody may leave"


def test_nobody_of_another_organisation_is_named(house, developer_of):
    stranger = developer_of(house.dev.world)
    official = house.dev.world.person(house.dev.world.organisation(OrganisationKind.REGULATOR), P)
    for other in (stranger.preparer, official, house.office):
        with pytest.raises(Denied, match="who files for your organisation"):
            house.name(other)
    for by in (stranger.preparer, stranger.officer, official):
        assert not house.opens(by)
        with house.dev.world.wired.database.read() as session:
            assert house.draft_id not in {filing.id for filing in people.closed_to(session, by)}
            for find in (people.find, people.closed):
                with pytest.raises(NotFound):
                    find(session, house.draft_id, by=by)


def test_a_refusal_has_a_reason_and_one_may_ask_again(house):
    house.act(people.ask, by=house.colleague)
    house.act(people.ask, by=house.colleague)
    with house.dev.world.wired.database.read() as session:
        assert len(tasks.tasks(session, by=house.dev.preparer, now=house.dev.world.clock.now())) >= 1
        assert [name for _, name in people.waiting_for(session, house.dev.preparer)] == ["Cora Bell"]
        assert people.waiting_for(session, house.dev.officer) == []
    with pytest.raises(Denied, match="reason is missing"):
        house.settle(people.refuse, house.colleague, reason="  ")
    house.settle(people.refuse, house.colleague, reason="It is about your own team.")
    with pytest.raises(Denied):
        house.settle(people.refuse, house.colleague, reason="Again.")
    assert not house.opens(house.colleague)
    house.act(people.ask, by=house.colleague)
    house.name(house.colleague)
    with pytest.raises(Denied, match="open to you already"):
        house.act(people.ask, by=house.colleague)
    assert house.opens(house.colleague)


def test_a_draft_keeps_somebody_who_prepares_it(house):
    for by in (house.dev.preparer, house.office):
        with pytest.raises(Denied, match="Nobody else prepares"):
            house.settle(people.remove, house.dev.preparer, by=by)
    house.name(house.dev.officer, Part.READS)
    with pytest.raises(Denied, match="Nobody else prepares"):
        house.settle(people.remove, house.dev.preparer)
    house.name(house.colleague)
    house.settle(people.remove, house.dev.preparer)
    assert not house.opens(house.dev.preparer)
    with pytest.raises(Denied, match="Nobody else prepares"):
        house.name(house.colleague, Part.READS, by=house.office)


def test_a_colleague_who_cannot_sign_in_does_not_count_as_one_who_prepares(house):
    house.name(house.colleague)
    with house.dev.world.wired.database.write() as session:
        person = session.get_one(Person, house.colleague.person_id)
        roles.suspend(session, person=person, by=house.office, now=house.dev.world.clock.now())
    with pytest.raises(Denied, match="Nobody else prepares"):
        house.settle(people.remove, house.dev.preparer)


def test_the_asked_officer_is_among_its_people_and_what_is_submitted_is_open_to_all(house):
    dev, now = house.dev, house.dev.world.clock.now()
    with dev.world.wired.database.write() as session:
        filing = session.get_one(Filing, house.draft_id)
        dev.answer(session, filing)
    with dev.world.wired.database.write() as session:
        filing = session.get_one(Filing, house.draft_id)
        certification.send(
            session, filing=filing, certifier_id=dev.officer.person_id, by=dev.preparer, now=now
        )
        assert dev.officer.person_id in filing.readers
    assert house.opens(dev.officer)
    assert not house.opens(house.colleague)
    with pytest.raises(Denied, match="waits for the signature"):
        house.settle(people.remove, dev.officer)
    with dev.world.wired.database.write() as session:
        dev.sign(session, service.load(session, house.draft_id, by=dev.officer, for_update=True))
    assert house.opens(house.colleague)
    with dev.world.wired.database.read() as session, pytest.raises(NotFound):
        people.find(session, house.draft_id, by=dev.preparer)


def test_an_agent_opens_it_only_when_named_and_while_the_delegation_stands(house):
    world, now = house.dev.world, house.dev.world.clock.now()
    firm = world.organisation(OrganisationKind.AGENT)
    own = world.person(firm, Role.AGENT, name="Counsel One")
    with world.wired.database.write() as session:
        new = NewDelegation(firm.id, ["draft"], now.date(), now.date())
        row_id = delegation.grant(session, new=new, by=house.office, now=now).id

    def agent() -> Actor:
        with world.wired.database.read() as session:
            return delegation.acting(session, own.person_id, row_id, now=now)

    assert not house.opens(agent())
    house.act(people.ask, by=agent())
    house.name(agent())
    assert house.opens(agent())
    for refused in (people.restrict, people.open_to_everyone):
        with pytest.raises(Denied, match="certifying officer or preparer"):
            house.act(refused, by=agent())
    with pytest.raises(Denied):
        house.name(house.colleague, by=agent())
    with pytest.raises(Denied, match="Nobody else prepares"):
        house.settle(people.remove, house.dev.preparer)
    with world.wired.database.write() as session:
        given = session.get_one(type(delegation.every(session, firm.id)[0]), row_id)
        delegation.revoke(session, delegation=given, reason="Over.", by=house.office, now=now)
    assert not house.opens(agent())
    with pytest.raises(Denied, match="who files for your organisation"):
        house.name(own, Part.READS)


def test_who_only_reports_incidents_for_a_developer_is_told_of_no_draft(house):
    by = Actor(
        uuid.uuid4(),
        "Rory",
        house.dev.organisation.id,
        OrganisationKind.DEVELOPER,
        "Quillmark",
        frozenset({Role.REPORTING_AGENT}),
    )
    with house.dev.world.wired.database.read() as session:
        assert people.closed_to(session, by) == []
        with pytest.raises(NotFound):
            people.find(session, house.draft_id, by=by)


def test_a_leaver_hands_the_draft_over_and_a_colleague_goes_on(house):
    world, now = house.dev.world, house.dev.world.clock.now()

    def held(by: Actor) -> list[tuple[str, str]]:
        with world.wired.database.read() as session:
            return [
                (one.key, one.what) for one in leaving.held(session, session.get_one(Person, by.person_id))
            ]

    key = f"draft:{house.draft_id}"
    assert held(house.dev.preparer) == [(key, "draft: Test summary")], "no title"
    house.name(house.colleague)
    house.settle(people.remove, house.dev.preparer)
    assert held(house.dev.preparer) == []
    assert held(house.colleague) == [(key, "draft: Test summary")], "the last who prepares it holds it"
    with world.wired.database.write() as session:
        leaver = session.get_one(Person, house.colleague.person_id)
        with pytest.raises(Denied, match="still holds 1 thing"):
            leaving.end_account(session, person=leaver, by=house.office, now=now)
        with pytest.raises(Denied, match="the last who prepares"):
            roles.take(session, person=leaver, role=P, by=house.office, now=now)
    with world.wired.database.write() as session:
        leaver = session.get_one(Person, house.colleague.person_id)
        leaving.hand_over(
            session, person=leaver, key=key, heir_id=house.dev.officer.person_id, by=house.office, now=now
        )
    assert house.opens(house.dev.officer)
    assert held(house.colleague) == []
    with world.wired.database.write() as session:
        leaver = session.get_one(Person, house.colleague.person_id)
        leaving.end_account(session, person=leaver, by=house.office, now=now)
    with world.wired.database.read() as session:
        filing = session.get_one(Filing, house.draft_id)
        assert filing.preparers == {house.dev.officer.person_id}, "coming back would open nothing"


def test_an_administrator_does_not_hand_a_restricted_draft_to_themselves(house):
    both = house.dev.world.person(house.dev.organisation, P, A, name="Both Roles")
    with house.dev.world.wired.database.write() as session:
        leaver = session.get_one(Person, house.dev.preparer.person_id)
        with pytest.raises(Denied, match="Nobody lets themselves"):
            leaving.hand_over(
                session,
                person=leaver,
                key=f"draft:{house.draft_id}",
                heir_id=both.person_id,
                by=both,
                now=house.dev.world.clock.now(),
            )


def test_a_role_is_taken_from_who_is_not_the_last(house):
    with house.dev.world.wired.database.write() as session:
        person = session.get_one(Person, house.colleague.person_id)
        roles.take(session, person=person, role=P, by=house.office, now=house.dev.world.clock.now())
    assert not house.opens(house.colleague)


def test_each_act_is_an_entry_of_the_custody_log_and_none_of_the_public_one(house):
    house.act(people.ask, by=house.colleague)
    house.settle(people.refuse, house.colleague, reason=SECRET)
    house.name(house.colleague, Part.READS)
    house.settle(people.remove, house.colleague)
    house.act(people.ask, by=house.colleague)
    house.act(people.open_to_everyone)
    with house.dev.world.wired.database.read() as session:
        found = ledger.entries(session, about=f"filing:{house.draft_id}")
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


def test_a_discarded_draft_leaves_who_could_open_it_and_no_open_place(house):
    house.act(people.ask, by=house.colleague)
    house.act(service.discard)
    with house.dev.world.wired.database.read() as session:
        assert session.get(Filing, house.draft_id) is None
        rows = session.exec(select(FilingPerson).where(FilingPerson.filing_id == house.draft_id)).all()
        assert {row.state for row in rows} == {PlaceState.ENDED}
        assert people.closed_to(session, house.colleague) == []


def test_what_is_restricted_answers_a_colleague_as_what_does_not_exist(sqlite_house):
    house, nobody = sqlite_house, uuid.uuid4()
    for by in (house.colleague, house.dev.officer):
        client = house.client(by)
        for at in (*ADDRESSES, *FILES, f"/documents/{house.paper_id}"):
            there, twin = (client.get(f"/filings/{key}{at}") for key in (house.draft_id, nobody))
            assert (there.status_code, twin.status_code) == (404, 404), at
            assert without_tokens(there.text) == without_tokens(twin.text), at
        for shown in (page(client, "/filings"), page(client, "/")):
            assert SECRET not in shown
            assert "summary: Corvane" not in shown, "not the title either"
            assert str(house.paper_id) not in shown
        listed = page(client, "/filings")
        assert "Test summary" in listed
        assert house.dev.preparer.name in listed
    with house.dev.world.wired.database.read() as session:
        hanging = documents.for_subject(session, f"filing:{house.draft_id}")
        assert len(hanging) == 1, "there was something to find"


def test_an_administrator_sees_the_people_and_nothing_of_the_content(sqlite_house):
    client = sqlite_house.client(sqlite_house.office)
    for at in ("/drafts", f"/filings/{sqlite_house.draft_id}/people", "/"):
        shown = page(client, at)
        assert SECRET not in shown
        assert "summary: Corvane" not in shown
    for at in (*ADDRESSES[:-1], *FILES, f"/documents/{sqlite_house.paper_id}"):
        assert client.get(f"/filings/{sqlite_house.draft_id}{at}").status_code == 404
    leaver = page(client, f"/organisation/people/{sqlite_house.dev.preparer.person_id}")
    assert "Draft: Test summary" in leaver
    assert "summary: Corvane" not in leaver
    at = f"/filings/{sqlite_house.draft_id}/people"
    post(client, at, {"person": str(sqlite_house.colleague.person_id), "part": "reads"}, action=at)
    assert sqlite_house.opens(sqlite_house.colleague)
    assert page(sqlite_house.client(sqlite_house.colleague), "/drafts", 404)


def test_the_journey_restrict_ask_let_in_edit_remove(sqlite_developer):
    journey(sqlite_developer)


def test_the_journey_under_the_roles_of_postgresql(ruled_world, developer_of):
    journey(developer_of(ruled_world))


def journey(dev: Developer) -> None:
    """Restrict, refused, ask, let in, edit, removed, refused again: by the pages alone."""
    colleague = dev.world.person(dev.organisation, P, name="Cora Bell")
    nadia, cora = (dev.world.client("developer", by) for by in (dev.preparer, colleague))
    draft = made(dev, dev.draft, service.FilingKind.TEST_SUMMARY, complete=False)
    at, form = f"/filings/{draft.id}/people", f"/filings/{draft.id}/form/tests"
    assert "Only your organisation can read this draft." in page(nadia, form)
    page(cora, form)
    post(nadia, f"{at}/restrict", form_at=at, action=f"{at}/restrict")
    assert "Only one named person of your organisation" in page(nadia, form)
    page(cora, form, 404)
    assert "Ask Jonas Achterberg" in page(cora, "/filings")
    post(cora, f"/filings/{draft.id}/ask", form_at="/filings", action=f"/filings/{draft.id}/ask")
    assert "You asked" in page(cora, "/filings")
    page(cora, form, 404)
    assert "Let Cora Bell into a draft" in page(nadia, "/")
    shown = page(nadia, at)
    assert "Cora Bell asks to join" in shown
    place = shown.split("/prepares")[0].rpartition("/")[2]
    refused = post(
        nadia, f"{at}/{place}/refuse", {"reason": ""}, form_at=at, action=f"{at}/{place}/refuse", status=422
    )
    assert "The reason is missing." in refused.text
    post(nadia, f"{at}/{place}/prepares", form_at=at, action=f"{at}/{place}/prepares")
    typed = {"tested": "Written by a colleague.", "do": "leave"}
    post(cora, form, typed)
    assert "Written by a colleague." in page(nadia, form)
    opened = page(cora, form)  # the form is open while the place is taken away
    assert "Written by a colleague." in opened
    gone = post(nadia, f"{at}/{place}/remove", form_at=at, action=f"{at}/{place}/remove")
    assert gone.location == at
    lost = cora.post(form, data={**form_of(opened), **typed, "tested": "Too late."})
    assert lost.status_code == 404
    assert "your browser still has what you typed" in lost.text
    assert "Too late." not in page(nadia, form)
    page(cora, form, 404)
    page(cora, at, 404)
    stolen = cora.post(
        f"/filings/{draft.id}/attachments",
        data={**form_of(page(cora, "/filings/new")), "document": (io.BytesIO(b"a,b\n1,2\n"), "x.csv")},
    )
    assert stolen.status_code == 404


def test_it_can_be_restricted_from_its_beginning(sqlite_developer):
    dev = sqlite_developer
    version = made(dev, dev.version)
    client = dev.world.client("developer", dev.preparer)
    fields = {"kind": "test_summary", "version": str(version.id), "open_to": "named"}
    start = post(client, "/filings/new", fields)
    with dev.world.wired.database.read() as session:
        filing = session.get_one(Filing, uuid.UUID(start.location.rpartition("/")[2]))
        assert filing.named_only
        assert filing.preparers == {dev.preparer.person_id}


def test_a_form_about_people_that_is_not_filled_in_says_so_and_keeps_the_choice(sqlite_house):
    client, at = sqlite_house.client(sqlite_house.dev.preparer), f"/filings/{sqlite_house.draft_id}/people"
    shown = post(client, at, {"part": "reads"}, action=at, status=422).text
    assert "Choose a colleague." in shown
    assert 'value="reads" checked' in shown
    for wrong in (f"{at}/nonsense", f"{at}/{uuid.uuid4()}/remove", f"{at}/{uuid.uuid4()}/nonsense"):
        answer = client.post(wrong, data=form_of(page(client, at)))
        assert answer.status_code == 404


def test_a_page_of_record_says_who_can_open_it(sqlite_house):
    house, dev, now = sqlite_house, sqlite_house.dev, sqlite_house.dev.world.clock.now()
    with dev.world.wired.database.write() as session:
        filing = session.get_one(Filing, house.draft_id)
        dev.answer(session, filing)
        certification.send(
            session, filing=filing, certifier_id=dev.officer.person_id, by=dev.preparer, now=now
        )
        reference = dev.sign(session, filing).reference
    shown = page(house.client(house.colleague), f"/filings/{reference}")
    assert "although its draft was for named people only" in shown
