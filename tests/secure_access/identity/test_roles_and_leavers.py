"""Roles are given and taken by an organisation's own administrators, never fewer than two; leavers."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest

from portal.app import HOLDINGS
from portal.filing import certification
from portal.filing.tables import Filing
from portal.review import cases
from portal.review.tables import Case
from secure_access import identity, ledger
from secure_access.identity import OrganisationKind, leaving, organisations, roles, sessions
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import World
from tests.fixtures.filing import Developer
from tests.fixtures.people import House, house

assert HOLDINGS


def test_a_role_given_counts_at_once_and_is_an_entry(firm: House) -> None:
    by = firm.person(Role.PREPARER)
    firm.act(roles.give, person=firm.row(by), role=Role.CERTIFYING_OFFICER)
    assert firm.now(by).roles == {Role.PREPARER, Role.CERTIFYING_OFFICER}
    firm.act(roles.take, person=firm.row(by), role=Role.PREPARER)
    assert firm.now(by).roles == {Role.CERTIFYING_OFFICER}
    with firm.world.wired.database.read() as session:
        types = [entry.type for entry in ledger.entries(session, about=f"person:{by.person_id}")]
    assert types == ["person.added", "person.role_given", "person.role_taken"]


@pytest.mark.parametrize("role", [Role.DECIDER, Role.ASSESSOR, Role.DRAFTING_AGENT])
def test_a_developer_gives_only_roles_of_developers(firm: House, role: Role) -> None:
    by = firm.person(Role.PREPARER)
    with pytest.raises(Denied):
        firm.act(roles.give, person=firm.row(by), role=role)
    assert firm.now(by).roles == {Role.PREPARER}


def test_nobody_gives_roles_in_another_organisation(firm: House, office: House, world: World) -> None:
    by = firm.person(Role.PREPARER)
    other = house(world, OrganisationKind.DEVELOPER)
    for stranger in (other.first, office.first, by):
        with pytest.raises(NotFound):
            firm.act(roles.give, person=firm.row(by), role=Role.CERTIFYING_OFFICER, by=stranger)
        with pytest.raises(NotFound):
            firm.act(roles.take, person=firm.row(by), role=Role.PREPARER, by=stranger)


def test_never_fewer_than_two_administrators(firm: House) -> None:
    person, role = firm.row(firm.second), Role.ORGANISATION_ADMINISTRATOR
    for verb, given in ((roles.take, {"role": role}), (roles.suspend, {}), (leaving.end_account, {})):
        with pytest.raises(Denied, match="fewer than two administrators"):
            firm.act(verb, person=person, **given)
    third = firm.person(role)
    firm.act(roles.take, person=person, role=role)
    assert role not in firm.now(firm.second).roles
    with pytest.raises(Denied, match="fewer than two"):
        firm.act(roles.suspend, person=firm.row(third))


def test_two_administrators_who_remove_each_other_leave_two(firm: House) -> None:
    third = firm.person(Role.ORGANISATION_ADMINISTRATOR)
    start, refused = threading.Barrier(2), []

    def take(by: Any, other: Any) -> None:
        start.wait()
        try:
            firm.act(roles.take, person=firm.row(other), role=Role.ORGANISATION_ADMINISTRATOR, by=by)
        except Denied as denied:
            refused.append(denied)

    threads = [
        threading.Thread(target=take, args=pair) for pair in ((firm.first, firm.second), (firm.second, third))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with firm.world.wired.database.read() as session:
        left = roles.administrators(session, session.get_one(identity.Organisation, firm.organisation.id))
    assert len(left) == 2
    assert len(refused) == 1


def test_a_suspended_account_is_out_until_it_is_restored(firm: House, office: House) -> None:
    by = firm.person(Role.PREPARER)
    client = firm.world.client("developer", by)
    assert client.get("/").status_code == 200
    firm.act(roles.suspend, person=firm.row(by), by=office.first)
    assert client.get("/").status_code == 303
    firm.act(roles.restore, person=firm.row(by))
    assert client.get("/").status_code == 303  # its sessions ended for good
    assert firm.now(by).roles == {Role.PREPARER}
    with pytest.raises(Denied, match="your own account"):
        firm.act(roles.suspend, person=firm.row(firm.first))


def test_ending_one_session_leaves_the_others(firm: House) -> None:
    by = firm.person(Role.PREPARER)
    first, second = firm.world.client("developer", by), firm.world.client("developer", by)
    with firm.world.wired.database.read() as session:
        found = sessions.of_person(session, person_id=by.person_id)
    assert len(found) == 2
    assert firm.act(roles.end_sessions, person=firm.row(by), only=found[0].id) == 1
    assert {first.get("/").status_code, second.get("/").status_code} == {200, 303}


# Leavers


@pytest.fixture
def staffed(world: World) -> tuple[House, Developer]:
    """A developer with administrators and authors."""
    made = house(world, OrganisationKind.DEVELOPER)
    return made, Developer(
        world, made.organisation, made.person(Role.PREPARER), made.person(Role.CERTIFYING_OFFICER)
    )


def test_a_leaver_hands_over_drafts_and_signatures_and_then_the_account_ends(
    staffed: tuple[House, Developer],
) -> None:
    firm, author = staffed
    heir, officer = firm.person(Role.PREPARER), firm.person(Role.CERTIFYING_OFFICER)
    with firm.world.wired.database.write() as session:
        draft = author.draft(session, complete=False)
        waiting = author.sent(session)
        waiting_id = waiting.id
    preparer, signer = firm.row(author.preparer), firm.row(author.officer)
    with pytest.raises(Denied, match="still holds 1 thing"):
        firm.act(leaving.end_account, person=preparer)
    key = f"draft:{draft.id}"
    firm.act(leaving.hand_over, person=preparer, key=key, heir_id=heir.person_id)
    with pytest.raises(Denied, match="not held any more"):
        firm.act(leaving.hand_over, person=preparer, key=key, heir_id=heir.person_id)
    firm.act(leaving.end_account, person=preparer)
    firm.act(leaving.hand_over, person=signer, key=f"signature:{waiting_id}", heir_id=officer.person_id)
    firm.act(leaving.end_account, person=signer)
    with firm.world.wired.database.read() as session:
        assert session.get_one(Filing, draft.id).prepared_by == heir.person_id
        assert session.get_one(Filing, waiting_id).certifier_id == officer.person_id
        gone = session.get_one(identity.Person, preparer.id)
        assert gone.name == preparer.name
        assert identity.roles_of(session, gone.id) == []
        with pytest.raises(NotFound):
            identity.actor(session, gone.id)
        assert session.get_one(Filing, waiting_id).prepared_by == gone.id


def test_a_signature_goes_only_to_whoever_may_sign(staffed: tuple[House, Developer]) -> None:
    firm, author = staffed
    firm.act(roles.give, person=firm.row(author.preparer), role=Role.CERTIFYING_OFFICER)
    with firm.world.wired.database.write() as session:
        waiting = author.sent(session)
    with pytest.raises(Denied, match="another person than those who wrote it"):
        firm.act(
            leaving.hand_over,
            person=firm.row(author.officer),
            key=f"signature:{waiting.id}",
            heir_id=author.preparer.person_id,
        )
    with pytest.raises(Denied, match="can take that over"):
        firm.act(
            leaving.hand_over,
            person=firm.row(author.officer),
            key=f"signature:{waiting.id}",
            heir_id=firm.first.person_id,
        )


def test_another_organisation_hands_nothing_over(staffed: tuple[House, Developer], office: House) -> None:
    firm, author = staffed
    with firm.world.wired.database.write() as session:
        draft = author.draft(session, complete=False)
    for stranger in (office.first, author.preparer):
        with pytest.raises(NotFound):
            firm.act(
                leaving.hand_over,
                person=firm.row(author.preparer),
                key=f"draft:{draft.id}",
                heir_id=author.preparer.person_id,
                by=stranger,
            )
        with pytest.raises(NotFound):
            firm.act(leaving.end_account, person=firm.row(author.preparer), by=stranger)


def test_a_case_officer_who_leaves_hands_the_case_over(
    office: House, staffed: tuple[House, Developer]
) -> None:
    firm, author = staffed
    officer, heir = office.person(Role.CASE_OFFICER), office.person(Role.CASE_OFFICER)
    with firm.world.wired.database.write() as session:
        filing = author.submitted(session)
    firm.world.run_jobs()
    with firm.world.wired.database.write() as session:
        case = cases.case_of(session, f"filing:{filing.id}")
        assert case is not None
        cases.take(session, case=case, by=officer, now=firm.world.clock.now())
    held = office.act(lambda session, person, **_: leaving.held(session, person), person=office.row(officer))
    assert [one.what for one in held] == [f"case officer of {case.reference}"]
    office.act(leaving.hand_over, person=office.row(officer), key=held[0].key, heir_id=heir.person_id)
    office.act(leaving.end_account, person=office.row(officer))
    with firm.world.wired.database.read() as session:
        assert session.get_one(Case, case.id).officer_id == heir.person_id


# The yearly look


def test_who_is_still_there_is_confirmed_once_a_year(firm: House) -> None:
    organisation = firm.organisation
    due = firm.act(lambda session, **_: organisations.due_on(session, organisation))
    created = organisation.created_at.date()
    assert due == created.replace(year=created.year + 1)
    shown = [firm.first.person_id, firm.second.person_id]
    with pytest.raises(Denied, match="changed after your page"):
        firm.act(organisations.confirm, organisation=organisation, shown=shown[:1])
    with pytest.raises(NotFound):
        firm.act(organisations.confirm, organisation=organisation, shown=shown, by=firm.person(Role.PREPARER))
    people = firm.act(lambda session, **_: organisations.present(session, organisation.id))
    firm.act(organisations.confirm, organisation=organisation, shown=[p.id for p in people])
    assert firm.act(lambda session, **_: organisations.due_on(session, organisation)) >= due


def test_nothing_is_handed_over_to_nobody(staffed: tuple[House, Developer]) -> None:
    firm, author = staffed
    with firm.world.wired.database.write() as session:
        filing = author.draft(session, complete=False)
        with pytest.raises(Denied):
            certification.name_author(
                session,
                filing=filing,
                to=firm.row(author.officer),
                by=author.preparer,
                now=firm.world.clock.now(),
            )
    with pytest.raises(Denied):
        firm.act(
            leaving.hand_over,
            person=firm.row(author.preparer),
            key=f"draft:{filing.id}",
            heir_id=uuid.uuid4(),
        )
