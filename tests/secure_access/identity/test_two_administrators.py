"""Acts that take two administrators of the authority, on one digest."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from secure_access.identity import credentials, leaving, proposals, roles
from secure_access.identity.credentials import NewKey
from secure_access.identity.invitations import Wanted
from secure_access.identity.proposals import NewProposal
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import START
from tests.fixtures.people import House


def proposed(office: House, by: Any, role: Role = Role.DECIDER) -> Any:
    content = proposals.role_content(office.row(by), role)
    new = NewProposal(proposals.GIVE_ROLE, content, "Needed.", by.person_id)
    return office.act(proposals.propose, new=new)


def test_a_decider_takes_two_administrators_on_one_digest(office: House) -> None:
    by = office.person(Role.CASE_OFFICER)
    with pytest.raises(Denied, match="given by two administrators"):
        office.act(roles.give, person=office.row(by), role=Role.DECIDER)
    row = proposed(office, by)
    approve = {"proposal": row, "shown_digest": row.digest, "terms": office.terms}
    with pytest.raises(Denied, match="You proposed this act"):
        office.act(proposals.approve, **approve)
    with pytest.raises(Denied, match="Only an administrator"):
        office.act(proposals.approve, by=by, **approve)
    with pytest.raises(Denied, match="not the act that your page showed"):
        office.act(proposals.approve, by=office.second, **{**approve, "shown_digest": "0" * 64})
    assert Role.DECIDER not in office.now(by).roles
    office.act(proposals.approve, by=office.second, **approve)
    assert Role.DECIDER in office.now(by).roles
    with pytest.raises(Denied):
        office.act(proposals.approve, by=office.second, **approve)


def test_nobody_approves_what_gives_themselves_something(office: House) -> None:
    row = proposed(office, office.second)
    with pytest.raises(Denied, match="your own account"):
        office.act(
            proposals.approve, proposal=row, shown_digest=row.digest, terms=office.terms, by=office.second
        )
    office.act(proposals.refuse, proposal=row, by=office.second)


@pytest.mark.parametrize("role", [Role.HEAD_OF_ENFORCEMENT, Role.LEGAL_OFFICER])
def test_whoever_signs_penalties_or_the_law_takes_two_administrators(office: House, role: Role) -> None:
    by = office.person(Role.CASE_OFFICER)
    with pytest.raises(Denied, match="given by two administrators"):
        office.act(roles.give, person=office.row(by), role=role)
    with pytest.raises(Denied, match="invited by two administrators"):
        office.invite(f"{uuid.uuid4().hex}@authority.example", role)
    assert office.now(by).roles == {Role.CASE_OFFICER}


def test_nobody_gives_a_role_to_themselves(office: House) -> None:
    with pytest.raises(Denied, match="give a role to yourself"):
        office.act(roles.give, person=office.row(office.first), role=Role.CASE_OFFICER)
    with pytest.raises(Denied, match="give a role to yourself"):
        office.invite(office.row(office.first).email.upper(), Role.CASE_OFFICER)
    assert office.now(office.first).roles == {Role.ADMINISTRATOR}


def test_nobody_approves_an_act_that_names_somebody_else_and_gives_to_themselves(office: House) -> None:
    """The account beside the act and the one in its bytes differ, or it is an invitation to one's address."""
    mine, other = office.row(office.second), office.person(Role.CASE_OFFICER)
    wanted = Wanted(office.organisation.id, mine.email, mine.name, [Role.DECIDER])
    for new in (
        NewProposal(proposals.GIVE_ROLE, proposals.role_content(mine, Role.DECIDER), "N.", other.person_id),
        NewProposal(proposals.INVITE, proposals.invite_content(wanted), "N."),
    ):
        row = office.act(proposals.propose, new=new)
        with pytest.raises(Denied, match="give a role to yourself"):
            office.act(
                proposals.approve, proposal=row, shown_digest=row.digest, terms=office.terms, by=office.second
            )
    assert office.now(office.second).roles == {Role.ADMINISTRATOR}


def approving(office: House, row: Any) -> None:
    office.act(proposals.approve, proposal=row, shown_digest=row.digest, terms=office.terms, by=office.second)


def suspended(office: House) -> None:
    office.person(Role.ADMINISTRATOR)
    office.act(roles.suspend, person=office.row(office.first), by=office.second)


def no_administrator(office: House) -> None:
    office.person(Role.ADMINISTRATOR)
    office.act(roles.take, person=office.row(office.first), role=Role.ADMINISTRATOR, by=office.second)


@pytest.mark.parametrize("gone", [suspended, no_administrator])
def test_what_somebody_proposed_who_is_no_administrator_any_more_is_not_approved(
    office: House, gone: Callable[[House], None]
) -> None:
    by = office.person(Role.CASE_OFFICER)
    row = proposed(office, by)
    gone(office)
    with pytest.raises(Denied, match="no administrator any more"):
        approving(office, row)
    assert Role.DECIDER not in office.now(by).roles
    assert row.id not in awaited(office)
    office.act(proposals.refuse, proposal=row, by=office.second)


def test_a_proposal_lapses_after_14_days(office: House) -> None:
    by = office.person(Role.CASE_OFFICER)
    early, late = proposed(office, by), proposed(office, by, Role.PLAN_APPROVER)
    office.world.at(START + timedelta(days=14) - timedelta(seconds=1))
    approving(office, early)
    assert late.id in awaited(office)
    office.world.at(START + timedelta(days=14))
    with pytest.raises(Denied, match="was open until 15 June 2027"):
        approving(office, late)
    assert late.id not in awaited(office)
    assert office.now(by).roles == {Role.CASE_OFFICER, Role.DECIDER}


def awaited(office: House) -> set[uuid.UUID]:
    """What the second administrator could approve now."""
    with office.world.wired.database.read() as session:
        found = proposals.waiting(
            session, lapse=office.terms.lapse, by=office.second, now=office.world.clock.now()
        )
    return {row.id for row in found}


def test_an_act_that_fails_leaves_its_proposal_as_it_was(office: House) -> None:
    by = office.person(Role.CASE_OFFICER)
    row = proposed(office, by)
    office.act(leaving.end_account, person=office.row(by))
    with pytest.raises(Denied, match="has ended"):
        office.act(
            proposals.approve, proposal=row, shown_digest=row.digest, terms=office.terms, by=office.second
        )
    with office.world.wired.database.read() as session:
        assert proposals.load(session, row.id, by=office.first).state == "proposed"


def test_a_reset_takes_two_and_ends_every_session(office: House, firm: House) -> None:
    by = firm.person(Role.PREPARER)
    client = firm.world.client("developer", by)
    new = NewProposal(proposals.RESET, {"person": str(by.person_id)}, "Lost.", by.person_id)
    with pytest.raises(NotFound):
        firm.act(proposals.propose, new=new)
    with firm.world.wired.database.write() as session:
        key = NewKey(by.person_id.bytes, b"public", 1, False, False, "", "none")
        credentials.add(
            session, person_id=by.person_id, zone="developer", new=key, name="Laptop", wait=timedelta(0)
        )
    row = office.act(proposals.propose, new=new)
    assert client.get("/").status_code == 200
    office.act(proposals.approve, proposal=row, shown_digest=row.digest, terms=office.terms, by=office.second)
    assert client.get("/").status_code == 303
    assert firm.row(by).password_hash == ""
    with firm.world.wired.database.read() as session:
        (key,) = credentials.of_person(session, person_id=by.person_id, zone="developer")
    assert key.suspended_reason == credentials.LOST
