"""Acts on people ask for a key: two administrators on one digest, roles, authority, delegation, accounts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from secure_access.db import select
from secure_access.identity import (
    Organisation,
    OrganisationKind,
    authority,
    delegation,
    proposals,
    roles,
)
from secure_access.identity.authority import NewAuthority
from secure_access.identity.delegation import NewDelegation
from secure_access.identity.proposals import NewProposal
from secure_access.identity.tables import Delegation, Invitation, ProposedAct, SigningAuthority
from secure_access.ledger.tables import LedgerEntry
from secure_access.workflow import Role
from tests.fixtures.app import START, World, form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import KeyHolder, confirmation, holder
from tests.fixtures.people import House, house


def with_key(house_: House, actor: Any) -> tuple[KeyHolder, SoftKey]:
    zone = "developer" if house_.organisation.kind == OrganisationKind.DEVELOPER else "government"
    person, key = holder(house_.world, zone, actor), SoftKey()
    assert person.add(key).status_code == 303
    return person, key


def sent(person: KeyHolder, page: str, path: str = "", **fields: Any) -> Any:
    """The form of a page, sent as its owner would."""
    form = form_of(person.client.get(page).text, path)
    return person.client.post(path or page, data={**form, **fields})


def used(world: World, *people: KeyHolder) -> list[LedgerEntry]:
    """Their confirmations, in order."""
    wanted = {person.actor.person_id for person in people}
    with world.wired.database.read() as session:
        query = select(LedgerEntry).where(LedgerEntry.type == "step_up.used")
        found = [entry for entry in session.exec(query) if entry.person_id in wanted]
    return sorted(found, key=lambda entry: entry.recorded_at)


def proposals_about(office: House, actor: Any) -> list[ProposedAct]:
    with office.world.wired.database.read() as session:
        return list(session.exec(select(ProposedAct).where(ProposedAct.person_id == actor.person_id)))


def proposed(office: House, by: Any, what: str) -> tuple[ProposedAct, KeyHolder]:
    """An act on somebody that the first administrator has proposed and confirmed."""
    first, key = with_key(office, office.first)
    path = f"/administration/people/{by.person_id}/{what}"
    asked = sent(first, path, reason="A second decider.")
    assert "Confirm with your key" in asked.text
    assert proposals_about(office, by) == [], "nothing is proposed yet"
    assert first.confirm(asked, key, path).status_code == 303
    (row,) = proposals_about(office, by)
    assert row.digest in asked.text.replace(" ", "").replace("<wbr>", ""), "what was shown is what is kept"
    return row, first


@pytest.mark.parametrize("what", ["propose-role/decider", "propose-reset"])
def test_an_act_of_two_takes_the_keys_of_both_on_one_digest(office: House, what: str) -> None:
    by = office.person(Role.CASE_OFFICER)
    row, first = proposed(office, by, what)
    second, key = with_key(office, office.second)
    page, path = f"/administration/acts/{row.id}", f"/administration/acts/{row.id}/approve"
    asked = sent(second, page, path)
    assert "Confirm with your key" in asked.text
    assert (proposals_about(office, by)[0].state, Role.DECIDER in office.now(by).roles) == ("proposed", False)

    assert second.confirm(asked, key, path, verified=False).status_code == 403
    assert proposals_about(office, by)[0].state == "proposed"
    assert second.confirm(sent(second, page, path), key, path).status_code == 303
    assert proposals_about(office, by)[0].state == "done"
    both = used(office.world, first, second)
    # Both at one moment of the portal's clock, so their order says nothing.
    assert sorted(entry.fields["action"] for entry in both) == ["act.approve", "act.propose"]
    assert {entry.fields["shown"] for entry in both} == {row.digest}


def test_the_confirmation_of_another_act_approves_nothing(office: House) -> None:
    rows = [
        proposed(office, office.person(Role.CASE_OFFICER), "propose-role/decider")[0],
        office_reset(office, office.person(Role.CASE_OFFICER)),
    ]
    second, key = with_key(office, office.second)
    pages = [f"/administration/acts/{row.id}" for row in rows]
    asked = sent(second, pages[0], f"{pages[0]}/approve")
    other = form_of(second.client.get(pages[1]).text, f"{pages[1]}/approve")
    answer = confirmation(asked.text, key, second.origin, f"{pages[0]}/approve")["step_up_assertion"]
    refused = second.client.post(f"{pages[1]}/approve", data={**other, "step_up_assertion": answer})
    assert refused.status_code == 403
    assert "What you confirmed is not what stands here now" in refused.text


def office_reset(office: House, by: Any) -> ProposedAct:
    new = NewProposal(proposals.RESET, {"person": str(by.person_id)}, "Lost.", by.person_id)
    row: ProposedAct = office.act(proposals.propose, new=new)
    return row


def test_who_may_not_approve_is_told_before_being_asked(office: House) -> None:
    row, first = proposed(office, office.person(Role.CASE_OFFICER), "propose-role/decider")
    refused = first.post(f"/administration/acts/{row.id}/approve", digest=row.digest)
    assert refused.status_code == 403
    assert "You proposed this act" in refused.text


def test_an_official_whose_role_takes_two_is_invited_by_two_keys(office: House) -> None:
    first, key = with_key(office, office.first)
    email = f"{uuid.uuid4().hex}@authority.example"
    fields = {"name": "Ines Invited", "email": email, "roles": "decider"}
    asked = sent(first, "/administration/invite", **fields)
    assert "Propose: invite somebody" in asked.text
    assert email in asked.text
    assert first.confirm(asked, key, "/administration/invite").status_code == 303
    with office.world.wired.database.read() as session:
        (row,) = [one for one in session.exec(select(ProposedAct)) if email in one.content]
        assert session.exec(select(Invitation).where(Invitation.email == email)).first() is None
    assert used(office.world, first)[-1].fields["shown"] == row.digest


def test_what_no_invitation_can_hold_is_not_proposed(office: House) -> None:
    first, _ = with_key(office, office.first)
    fields = {"name": "Ines Invited", "email": f"no address {uuid.uuid4().hex}", "roles": "decider"}
    refused = sent(first, "/administration/invite", **fields)
    assert refused.status_code == 422
    assert "That is not an e-mail address" in refused.text
    with office.world.wired.database.read() as session:
        assert not [one for one in session.exec(select(ProposedAct)) if fields["email"] in one.content]


def _give(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    by = firm.person(Role.PREPARER)
    page = f"/organisation/people/{by.person_id}"
    return (
        page,
        f"{page}/give",
        {"role": "certifying_officer"},
        lambda: firm.now(by).holds(Role.CERTIFYING_OFFICER),
    )


def _take(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    by = firm.person(Role.PREPARER)
    page = f"/organisation/people/{by.person_id}"
    return page, f"{page}/take", {"role": "preparer"}, lambda: not firm.now(by).roles


def _end(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    by = firm.person(Role.PREPARER)
    page = f"/organisation/people/{by.person_id}"
    return page, f"{page}/end-account", {}, lambda: firm.row(by).ended_at is not None


def _authority(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    officer = firm.person(Role.CERTIFYING_OFFICER)
    fields = {"officer": str(officer.person_id), "title": "General counsel", "appointed_by": "Board"}
    fields |= {"evidence": "Resolution of 3 May"} | day("from_on", 2027)

    def done() -> bool:
        with firm.world.wired.database.read() as session:
            query = select(SigningAuthority).where(SigningAuthority.officer_id == officer.person_id)
            return session.exec(query).first() is not None

    return "/organisation/authorities/new", "", fields, done


def _delegation(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    agent = firm.world.organisation(OrganisationKind.AGENT)
    fields = {"agent": str(agent.id), "scope": "draft"} | day("from_on", 2027) | day("until_on", 2028)

    def done() -> bool:
        with firm.world.wired.database.read() as session:
            query = select(Delegation).where(Delegation.agent_id == agent.id)
            return session.exec(query).first() is not None

    return "/organisation/delegations/new", "", fields, done


def _invite(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    email = f"{uuid.uuid4().hex}@firm.example"

    def done() -> bool:
        with firm.world.wired.database.read() as session:
            return session.exec(select(Invitation).where(Invitation.email == email)).first() is not None

    return "/organisation/invite", "", {"name": "N", "email": email, "roles": "preparer"}, done


def _suspend(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    by = firm.person(Role.PREPARER)
    page = f"/organisation/people/{by.person_id}"
    return page, f"{page}/suspend", {}, lambda: firm.row(by).suspended


def _restore(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    by = firm.person(Role.PREPARER)
    firm.act(roles.suspend, person=firm.row(by))
    page = f"/organisation/people/{by.person_id}"
    return page, f"{page}/restore", {}, lambda: not firm.row(by).suspended


def _describe(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    contact = f"{uuid.uuid4().hex}@firm.example"

    def done() -> bool:
        with firm.world.wired.database.read() as session:
            return session.get_one(Organisation, firm.organisation.id).contact_email == contact

    return "/organisation/settings", "", {"contact_email": contact, "mail_domains": "firm.example"}, done


def _revoke_authority(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    officer = firm.person(Role.CERTIFYING_OFFICER)
    new = NewAuthority(officer.person_id, "officer", "Board", "Resolution", START.date())
    row = firm.act(authority.record, organisation_id=firm.organisation.id, new=new)
    return (
        f"/organisation/authorities/{row.id}/revoke",
        "",
        {"reason": "Left."},
        lambda: _ended(firm, SigningAuthority, row.id),
    )


def _revoke_delegation(firm: House) -> tuple[str, str, dict[str, Any], Callable[[], bool]]:
    agent, today = firm.world.organisation(OrganisationKind.AGENT), START.date()
    row = firm.act(delegation.grant, new=NewDelegation(agent.id, ["draft"], today, today))
    return (
        f"/organisation/delegations/{row.id}/revoke",
        "",
        {"reason": "Ended."},
        lambda: _ended(firm, Delegation, row.id),
    )


def _ended(firm: House, kind: type[SigningAuthority | Delegation], row_id: uuid.UUID) -> bool:
    with firm.world.wired.database.read() as session:
        return session.get_one(kind, row_id).state == "ended"


def day(name: str, year: int) -> dict[str, str]:
    """A memorable date as its three fields."""
    return {f"{name}-day": "1", f"{name}-month": "6", f"{name}-year": str(year)}


ACTS = {
    "role.give": _give,
    "role.take": _take,
    "account.end": _end,
    "authority.record": _authority,
    "delegation.grant": _delegation,
    "person.invite": _invite,
    "account.suspend": _suspend,
    "account.restore": _restore,
    "organisation.describe": _describe,
    "authority.revoke": _revoke_authority,
    "delegation.revoke": _revoke_delegation,
}


@pytest.mark.parametrize("action", ACTS)
def test_an_administrator_with_a_key_confirms_what_changes_rights(firm: House, action: str) -> None:
    page, path, fields, done = ACTS[action](firm)
    person, key = with_key(firm, firm.first)
    hidden = form_of(person.client.get(page).text, path)
    hidden = {name: hidden[name] for name in ("csrf_token", "form_id")}
    asked = person.client.post(path or page, data={**hidden, **fields})
    assert asked.status_code == 200, asked.text[:3000]
    assert "Confirm with your key" in asked.text
    assert not done()
    answer = confirmation(asked.text, key, person.origin, path or page)
    assert person.client.post(path or page, data=answer).status_code == 303
    assert done()
    assert [entry.fields["action"] for entry in used(firm.world, person)] == [action]


def test_a_form_that_was_changed_after_it_was_confirmed_does_nothing(firm: House) -> None:
    _, path, fields, done = _give(firm)
    person, key = with_key(firm, firm.first)
    answer = confirmation(person.post(path, role="preparer").text, key, person.origin, path)
    refused = person.client.post(path, data={**answer, **fields})
    assert refused.status_code == 403
    assert "What you confirmed is not what stands here now" in refused.text
    assert not done()


@pytest.mark.parametrize("action", ACTS)
def test_an_administrator_without_a_key_goes_on_in_the_demonstration(firm: House, action: str) -> None:
    page, path, fields, done = ACTS[action](firm)
    person = holder(firm.world, "developer", firm.first)
    assert person.post(path or page, **fields).status_code == 303
    assert done()
    assert used(firm.world, person) == []


def test_a_refused_form_is_shown_as_typed_and_asks_for_no_key(firm: House) -> None:
    person, _ = with_key(firm, firm.first)
    fields = {"name": "Ruth Typed", "email": "no address", "roles": "preparer"}
    refused = sent(person, "/organisation/invite", **fields)
    assert refused.status_code == 422
    assert "That is not an e-mail address" in refused.text
    assert 'value="Ruth Typed"' in refused.text
    assert "Confirm with your key" not in refused.text
    with firm.world.wired.database.read() as session:
        query = select(Invitation).where(Invitation.organisation_id == firm.organisation.id)
        assert session.exec(query).first() is None, "a rehearsal leaves nothing behind"


def test_under_the_standard_policy_nobody_without_a_key_gives_a_right(strict_world: World) -> None:
    firm = house(strict_world, OrganisationKind.DEVELOPER)
    person = holder(strict_world, "developer", firm.first)
    by = firm.person(Role.PREPARER)
    for key in (first := SoftKey(), SoftKey()):
        assert person.add(key, by=None if key is first else first).status_code == 303
    path = f"/organisation/people/{by.person_id}/give"
    refused = person.post(path, role="certifying_officer")
    assert refused.status_code == 403
    assert "Your keys are new" in refused.text
    person.age()
    asked = person.post(path, role="certifying_officer")
    assert person.confirm(asked, first, path).status_code == 303
    assert firm.now(by).holds(Role.CERTIFYING_OFFICER)
