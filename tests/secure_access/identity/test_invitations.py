"""Invitations: single use, bound, expiring; digest at rest; an account that is there already accepts them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from portal import mail
from secure_access import identity
from secure_access.identity import OrganisationKind, invitations, leaving, recovery, roles
from secure_access.identity.invitations import Wanted
from secure_access.identity.recovery import Newcomer
from secure_access.identity.tables import Invitation, Recovery
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import START, World
from tests.fixtures.people import House, house


def address() -> str:
    return f"{uuid.uuid4().hex[:12]}@firm.example"


def test_an_invitation_makes_an_account_once(firm: House) -> None:
    row = firm.invite(address(), Role.PREPARER)
    person = firm.accept(row)
    assert firm.now(identity_of(firm, person)).roles == {Role.PREPARER}
    assert person.organisation_id == firm.organisation.id
    with pytest.raises(Denied, match="used already"):
        firm.accept(row)


def identity_of(firm: House, person: identity.Person) -> identity.Actor:
    with firm.world.wired.database.read() as session:
        return identity.actor(session, person.id)


def test_no_table_holds_the_token(firm: House) -> None:
    row = firm.invite(address(), Role.PREPARER)
    firm.world.run_jobs()
    token = invitations.token_of(firm.key, row.id)
    with firm.world.wired.database.read() as session:
        for name in ("invitation", "sent_mail", "job", "security_log"):
            rows = session.execute(text(f"SELECT * FROM {name}")).all()
            assert token not in repr(rows), name
        assert session.get_one(Invitation, row.id).token_digest != token


def test_a_wrong_token_leads_nowhere(firm: House) -> None:
    row = firm.invite(address(), Role.PREPARER)
    wrong = invitations.token_of(b"x" * 32, row.id)
    with firm.world.wired.database.read() as session, pytest.raises(NotFound):
        invitations.opened(session, wrong, now=START)


def test_an_expired_invitation_says_whom_to_ask(firm: House) -> None:
    row = firm.invite(address(), Role.PREPARER)
    firm.world.at(START + invitations.LASTS - timedelta(seconds=1))
    with firm.world.wired.database.read() as session:
        token = invitations.token_of(firm.key, row.id)
        assert invitations.opened(session, token, now=firm.world.clock.now())
    firm.world.at(START + invitations.LASTS)
    with pytest.raises(Denied, match="was open until") as refused:
        firm.accept(row)
    assert refused.value.fix == "Ask Astrid First for a new one."


def test_a_withdrawn_invitation_is_worth_nothing(firm: House) -> None:
    row = firm.invite(address(), Role.PREPARER)
    firm.act(invitations.withdraw, invitation=row)
    with pytest.raises(Denied, match="withdrawn"):
        firm.accept(row)
    with pytest.raises(Denied):
        firm.act(invitations.withdraw, invitation=row)


def test_an_account_that_is_there_already_accepts_and_gets_the_roles(firm: House) -> None:
    by = firm.person(Role.PREPARER)
    row = firm.invite(firm.row(by).email, Role.CERTIFYING_OFFICER)
    with pytest.raises(Denied, match="an account for this address"):
        firm.accept(row)
    with pytest.raises(Denied, match="another person"):
        firm.accept(row, by=firm.first)
    firm.accept(row, by=by, hashed="cheap$other")
    assert firm.now(by).roles == {Role.PREPARER, Role.CERTIFYING_OFFICER}
    assert firm.row(by).password_hash == "cheap$secret"


def test_an_account_of_another_organisation_is_not_taken_away(firm: House, world: World) -> None:
    other = house(world, OrganisationKind.DEVELOPER)
    by = other.person(Role.PREPARER)
    row = firm.invite(other.row(by).email, Role.PREPARER)
    with pytest.raises(Denied, match="belongs to another organisation"):
        firm.accept(row, by=by)
    other.act(leaving.end_account, person=other.row(by))
    firm.accept(row, hashed="cheap$again")
    assert firm.now(by).organisation_id == firm.organisation.id
    assert firm.now(by).roles == {Role.PREPARER}


def test_a_suspended_account_is_not_let_in_by_an_invitation(firm: House) -> None:
    by = firm.person(Role.PREPARER)
    row = firm.invite(firm.row(by).email, Role.CERTIFYING_OFFICER)
    firm.act(roles.suspend, person=firm.row(by))
    with pytest.raises(Denied, match="suspended"):
        firm.accept(row, by=by)


@pytest.mark.parametrize("wrong", ["nobody", "a@b", "a b@firm.example", "x@other.example", "@firm.example"])
def test_a_wrong_address_or_mail_domain_is_refused(firm: House, wrong: str) -> None:
    from secure_access.identity import organisations

    firm.act(
        organisations.describe,
        organisation=firm.organisation,
        mail_domains=["firm.example"],
        contact_email="",
    )
    with pytest.raises(Denied):
        firm.invite(wrong, Role.PREPARER)
    assert firm.invite(address(), Role.PREPARER)


def test_only_its_administrators_invite(firm: House, office: House, world: World) -> None:
    other = house(world, OrganisationKind.DEVELOPER)
    for stranger in (other.first, firm.person(Role.PREPARER)):
        with pytest.raises(NotFound):
            firm.invite(address(), Role.PREPARER, by=stranger)
    with pytest.raises(Denied, match="only the first two administrators"):
        firm.invite(address(), Role.ORGANISATION_ADMINISTRATOR, by=office.first)


def test_the_authority_invites_the_first_two_administrators_and_nobody_else(
    office: House, world: World
) -> None:
    bare = world.organisation(OrganisationKind.DEVELOPER)
    firm = House(world, bare, office.first, office.second)
    with pytest.raises(Denied, match="first two administrators"):
        firm.invite(address(), Role.PREPARER)
    for _ in range(2):
        firm.accept(firm.invite(address(), Role.ORGANISATION_ADMINISTRATOR))
    with pytest.raises(Denied):
        firm.invite(address(), Role.ORGANISATION_ADMINISTRATOR)


def test_a_reset_ends_the_old_password_and_its_mail_goes_to_the_person(firm: House) -> None:
    by = firm.person(Role.PREPARER)
    row = firm.act(invitations.reset, person=firm.row(by), key=firm.key, by=None)
    assert firm.row(by).password_hash == ""
    with firm.world.wired.database.read() as session:
        letters = mail.invitation_letters(session, firm.world.wired, str(row.id))
    assert [letter.recipient for letter in letters] == [firm.row(by).email]
    assert invitations.token_of(firm.key, row.id) in letters[0].text
    firm.accept(row, hashed="cheap$chosen")
    assert firm.row(by).password_hash == "cheap$chosen"
    with firm.world.wired.database.read() as session:
        assert mail.invitation_letters(session, firm.world.wired, str(row.id)) == []


# The first administrator


def test_a_first_administrator_is_made_only_while_there_is_none(world: World) -> None:
    authority = world.organisation(OrganisationKind.REGULATOR)
    made = House(world, authority, None, None)  # type: ignore[arg-type]
    new = Newcomer(f"{uuid.uuid4().hex}@authority.example", "First")
    with world.wired.database.write() as session:
        row = recovery.create(session, authority=authority, new=new, key=made.key, now=START)
    person = made.accept(row)
    with world.wired.database.write() as session:
        with pytest.raises(Denied, match="an administrator already"):
            recovery.create(session, authority=authority, new=new, key=made.key, now=START)
        with pytest.raises(Denied, match="reason is missing"):
            recovery.recover(session, authority=authority, new=new, reason=" ", key=made.key, now=START)
        assert identity.actor(session, person.id).roles == {Role.ADMINISTRATOR}


def test_a_recovery_is_shown_to_every_administrator_until_another_has_seen_it(office: House) -> None:
    new = Newcomer(f"{uuid.uuid4().hex}@authority.example", "Recovered")
    with office.world.wired.database.write() as session:
        row = recovery.recover(
            session,
            authority=office.organisation,
            new=new,
            reason="Both keys lost.",
            key=office.key,
            now=START,
        )
    person = office.accept(row)
    newcomer = identity_of(office, person)
    official = office.person(Role.CASE_OFFICER)
    page = office.world.client("government", office.first).get("/").text
    assert "Both keys lost." in page
    assert "Both keys lost." not in office.world.client("government", official).get("/").text
    with office.world.wired.database.read() as session:
        found = next(one for one in recovery.unseen(session, by=office.first) if one.invitation_id == row.id)
        assert recovery.unseen(session, by=official) == []
    with pytest.raises(Denied, match="came in by this recovery"):
        office.act(recovery.acknowledge, recovery=found, by=newcomer)
    office.act(recovery.acknowledge, recovery=found)
    with office.world.wired.database.read() as session:
        assert found.id not in {one.id for one in recovery.unseen(session, by=office.second)}
    office.act(recovery.acknowledge, recovery=found, by=office.second)
    with office.world.wired.database.read() as session:
        assert session.get_one(Recovery, found.id).seen_by == office.first.person_id, "who saw it first"


def test_one_administrator_alone_invites_the_second_directly(world: World) -> None:
    authority = world.organisation(OrganisationKind.REGULATOR)
    only = world.person(authority, Role.ADMINISTRATOR)
    made = House(world, authority, only, only)
    wanted = Wanted(authority.id, f"{uuid.uuid4().hex}@authority.example", "Second", [Role.ADMINISTRATOR])
    for more in (Role.DECIDER, Role.PLAN_APPROVER), (Role.ADMINISTRATOR, Role.DECIDER):
        alone = Wanted(authority.id, f"{uuid.uuid4().hex}@authority.example", "Friend", more)
        with pytest.raises(Denied, match="two administrators"):
            made.act(invitations.invite, wanted=alone, key=made.key)
    row = made.act(invitations.invite, wanted=wanted, key=made.key)
    made.accept(row)
    with pytest.raises(Denied, match="two administrators"):
        made.act(
            invitations.invite,
            wanted=Wanted(authority.id, f"{uuid.uuid4().hex}@authority.example", "Third", [Role.DECIDER]),
            key=made.key,
        )
