"""Codes for a first key: who gives them to whom, once, by another way than mail; and who does not."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from portal import mail
from portal.accounts import first_keys
from secure_access.db import select
from secure_access.identity import (
    Challenge,
    OrganisationKind,
    credentials,
    proposals,
    roles,
)
from secure_access.identity.challenges import Purpose
from secure_access.identity.credentials import NewKey
from secure_access.identity.proposals import NewProposal
from secure_access.identity.tables import ProposedAct
from secure_access.jobs import Job
from secure_access.ledger.tables import LedgerEntry
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import World, form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import KeyHolder, confirmation, holder
from tests.fixtures.people import House, house
from tests.portal.accounts.test_sign_in_policy import enter

CODE = re.compile(r"[A-Z2-7]{6}(?:-[A-Z2-7]{6}){3}")


@pytest.fixture
def strict_firm(strict_world: World) -> House:
    """A developer under the policy of production, on each database in turn."""
    return house(strict_world, OrganisationKind.DEVELOPER)


@pytest.fixture
def strict_office(strict_world: World) -> House:
    """The authority under the policy of production, on each database in turn."""
    return house(strict_world, OrganisationKind.REGULATOR)


def give(of: House, to: Any, *, by: Any = None) -> str:
    code: str = of.act(
        first_keys.give,
        person=of.row(to),
        begins_with=of.world.wired.settings.first_policy,
        by=by or of.first,
    )
    return code


def propose(office: House, to: Any, **who: Any) -> ProposedAct:
    begins_with = office.world.wired.settings.first_policy
    row: ProposedAct = office.act(
        first_keys.propose, person=office.row(to), reason="New here.", begins_with=begins_with, **who
    )
    return row


def approve(office: House, row: ProposedAct, by: Any = None) -> Any:
    given = {"shown_digest": row.digest, "terms": office.terms, "by": by or office.second}
    return office.act(proposals.approve, proposal=row, **given)


def give_keys(of: House, to: Any, many: int, reason: str = "") -> None:
    zone = "government" if of.organisation.kind == OrganisationKind.REGULATOR else "developer"
    with of.world.wired.database.write() as session:
        for number in range(many):
            new = NewKey(f"{to.person_id}{number}".encode(), b"public", 1, False, False, "", "none")
            row = credentials.add(
                session, person_id=to.person_id, zone=zone, new=new, name="K", wait=timedelta()
            )
            if reason:
                credentials.suspend(session, row, reason=reason)


def codes_of(of: House, to: Any) -> list[Challenge]:
    """The codes of a person that work."""
    with of.world.wired.database.read() as session:
        query = select(Challenge).where(
            Challenge.person_id == to.person_id, Challenge.purpose == Purpose.FIRST_KEY
        )
        return [row for row in session.exec(query) if row.used_at is None]


# What an administrator gives


def test_an_administrator_gives_a_colleague_a_code_that_works_once(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    person = holder(strict_firm.world, "developer", by)
    code = give(strict_firm, by)
    assert CODE.fullmatch(code)
    entered = enter(person, code=code)
    assert entered.status_code == 303
    assert "Your account" in entered.browser.get("/account").text
    assert enter(person, code=code).status_code == 422, "a code works once"


def test_it_is_on_record_by_whom_and_person_and_second_contact_are_told(strict_firm: House) -> None:
    by = strict_firm.person(Role.CERTIFYING_OFFICER)
    give(strict_firm, by)
    with strict_firm.world.wired.database.read() as session:
        query = select(LedgerEntry).where(LedgerEntry.type == "credential.changed")
        (entry,) = [one for one in session.exec(query) if one.fields["person"] == str(by.person_id)]
        jobs = select(Job).where(Job.subject_id == str(by.person_id), Job.kind == proposals.CHANGED)
        assert len(session.exec(jobs).all()) == 1
        letters = mail.credential_letters(session, strict_firm.world.wired, str(by.person_id))
    assert (entry.fields["change"], entry.fields["kind"]) == ("given", "first_key_code")
    assert entry.person_id == strict_firm.first.person_id
    assert all(not CODE.search(letter.text) for letter in letters)


def test_a_second_code_takes_the_place_of_the_first(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    person = holder(strict_firm.world, "developer", by)
    first, second = give(strict_firm, by), give(strict_firm, by)
    assert len(codes_of(strict_firm, by)) == 1
    assert enter(person, code=first).status_code == 422
    assert enter(person, code=second).status_code == 303


def test_a_code_ends_after_three_days(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    code = give(strict_firm, by)
    (row,) = codes_of(strict_firm, by)
    assert abs(row.expires_at - datetime.now(UTC) - first_keys.LIFE) < timedelta(minutes=1)
    with strict_firm.world.wired.database.write() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Challenge).where(Challenge.digest == row.digest).values(expires_at=past))
    assert enter(holder(strict_firm.world, "developer", by), code=code).status_code == 422


def test_after_a_reset_of_two_an_administrator_gives_the_next_code(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    give_keys(strict_firm, by, 2, credentials.LOST)
    assert CODE.fullmatch(give(strict_firm, by))


# Who gives nothing


def test_nobody_gives_a_code_to_themselves(strict_firm: House) -> None:
    with pytest.raises(Denied, match="cannot give yourself"):
        give(strict_firm, strict_firm.first)


def test_only_administrators_of_the_very_organisation(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    other = house(strict_firm.world, OrganisationKind.DEVELOPER)
    for stranger in (other.first, strict_firm.person(Role.CERTIFYING_OFFICER)):
        with pytest.raises(NotFound):
            give(strict_firm, by, by=stranger)
    assert codes_of(strict_firm, by) == []


@pytest.mark.parametrize("reason", ["", credentials.COUNTER_FELL])
def test_whoever_has_keys_goes_by_the_reset(strict_firm: House, reason: str) -> None:
    by = strict_firm.person(Role.PREPARER)
    give_keys(strict_firm, by, 1, reason)
    with pytest.raises(Denied, match="has a key already"):
        give(strict_firm, by)


def test_whoever_cannot_sign_in_gets_none(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    strict_firm.act(roles.suspend, person=strict_firm.row(by))
    with pytest.raises(Denied, match="cannot sign in"):
        give(strict_firm, by)


# Where it takes two


def test_for_a_role_of_two_it_takes_two_administrators(strict_office: House) -> None:
    by = strict_office.person(Role.DECIDER)
    with pytest.raises(Denied, match="takes two administrators"):
        give(strict_office, by)
    row = propose(strict_office, by)
    assert codes_of(strict_office, by) == [], "nothing is given before it is approved"
    with pytest.raises(Denied, match="You proposed this act"):
        approve(strict_office, row, strict_office.first)
    code = approve(strict_office, row)
    assert CODE.fullmatch(code)
    assert code.replace("-", "") not in row.content
    assert enter(holder(strict_office.world, "government", by), code=code).status_code == 303


def test_an_official_without_such_a_role_takes_one(strict_office: House) -> None:
    assert CODE.fullmatch(give(strict_office, strict_office.person(Role.CASE_OFFICER)))


def test_the_authority_gives_the_first_administrator_of_an_organisation_the_code_as_an_act_of_two(
    strict_office: House,
) -> None:
    firm = house(strict_office.world, OrganisationKind.DEVELOPER)
    with pytest.raises(Denied, match="takes two administrators"):
        give(strict_office, firm.first)
    assert CODE.fullmatch(approve(strict_office, propose(strict_office, firm.first)))


def test_the_authority_gives_no_code_to_anybody_else_there(strict_office: House) -> None:
    firm = house(strict_office.world, OrganisationKind.DEVELOPER)
    with pytest.raises(Denied, match="to nobody else there"):
        propose(strict_office, firm.person(Role.PREPARER))


def test_the_authority_gives_none_where_the_organisation_can_itself(strict_office: House) -> None:
    firm = house(strict_office.world, OrganisationKind.DEVELOPER)
    row = propose(strict_office, firm.second)
    give_keys(firm, firm.first, 2)
    with pytest.raises(Denied, match="gives its own people their codes"):
        propose(strict_office, firm.second)
    with pytest.raises(Denied, match="gives its own people their codes"):
        approve(strict_office, row)
    assert codes_of(strict_office, firm.second) == []


def test_keys_that_came_meanwhile_refuse_the_approval(strict_office: House) -> None:
    by = strict_office.person(Role.DECIDER)
    row = propose(strict_office, by)
    give_keys(strict_office, by, 1)
    with pytest.raises(Denied, match="has a key already"):
        approve(strict_office, row)


def test_an_act_whose_bytes_name_one_of_the_two_gives_nothing(strict_office: House) -> None:
    """The account beside the act is somebody else's; its bytes name who proposes or who approves."""
    other = strict_office.person(Role.CASE_OFFICER)
    for mine in (strict_office.first, strict_office.second):
        new = NewProposal(first_keys.GIVE, {"person": str(mine.person_id)}, "N.", other.person_id)
        row = strict_office.act(proposals.propose, new=new)
        with pytest.raises(Denied, match="cannot give yourself"):
            approve(strict_office, row)


def test_an_account_that_is_not_there_is_not_proposed(strict_office: House) -> None:
    new = NewProposal(first_keys.GIVE, {"person": str(uuid.uuid4())}, "N.")
    with pytest.raises(NotFound):
        strict_office.act(proposals.propose, new=new)


def test_a_kind_of_act_is_declared_once() -> None:
    with pytest.raises(ValueError, match="declared already"):
        proposals.declare(first_keys.GIVE, proposals.Kind("Twice", lambda *_: None, lambda *_: None))


# On the screen


def with_key(of: House, by: Any, zone: str) -> tuple[KeyHolder, SoftKey]:
    """Two keys of their own, which have waited: the first is what they confirm with."""
    person, key = holder(of.world, zone, by), SoftKey()
    assert person.add(key).status_code == 303
    assert person.add(SoftKey(), by=key).status_code == 303
    person.age()
    return person, key


def test_the_code_is_shown_once_after_a_confirmation(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    first, key = with_key(strict_firm, strict_firm.first, "developer")
    path = f"/organisation/people/{by.person_id}/first-key"
    assert path in first.client.get(f"/organisation/people/{by.person_id}").text
    asked = first.client.post(path, data=form_of(first.client.get(path).text))
    assert "Confirm with your key" in asked.text
    assert codes_of(strict_firm, by) == [], "nothing is given before the key has confirmed it"
    unverified = first.confirm(asked, key, path, verified=False)
    assert (unverified.status_code, codes_of(strict_firm, by)) == (403, [])
    asked = first.client.post(path, data=form_of(first.client.get(path).text))
    shown = first.confirm(asked, key, path)
    (code,) = set(CODE.findall(shown.text))
    assert shown.headers["Cache-Control"] == "no-store"
    assert not CODE.search(first.client.get(path).text)
    assert not CODE.search(first.client.get(f"/organisation/people/{by.person_id}").text)
    assert enter(holder(strict_firm.world, "developer", by), code=code).status_code == 303


def test_the_page_refuses_before_it_asks_for_a_key(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    give_keys(strict_firm, by, 1)
    first, _ = with_key(strict_firm, strict_firm.first, "developer")
    path = f"/organisation/people/{by.person_id}/first-key"
    assert "has a key already" in first.client.get(path).text
    assert "Give the code" not in first.client.get(path).text
    refused = first.post(path)
    assert (refused.status_code, "has a key already" in refused.text) == (403, True)


def test_a_colleague_of_another_organisation_is_not_there(strict_firm: House) -> None:
    other = house(strict_firm.world, OrganisationKind.DEVELOPER)
    first, _ = with_key(strict_firm, strict_firm.first, "developer")
    for who in (other.first, other.person(Role.PREPARER)):
        path = f"/organisation/people/{who.person_id}/first-key"
        assert first.client.get(path).status_code == 404
        assert first.post(path).status_code == 404


def test_an_act_of_two_shows_the_code_to_who_approves(strict_office: House) -> None:
    by = strict_office.person(Role.DECIDER)
    first, key = with_key(strict_office, strict_office.first, "government")
    person = f"/administration/people/{by.person_id}"
    assert "Propose a code for a first key" in first.client.get(person).text
    assert f"{person}/propose-first-key" in first.client.get(f"{person}/first-key").text
    assert first.post(f"{person}/first-key").status_code == 403
    path = f"{person}/propose-first-key"
    form = form_of(first.client.get(path).text)
    asked = first.client.post(path, data={**form, "reason": "New decider."})
    assert first.confirm(asked, key, path).status_code == 303
    with strict_office.world.wired.database.read() as session:
        query = select(ProposedAct).where(ProposedAct.person_id == by.person_id)
        row = session.exec(query).one()
    second, second_key = with_key(strict_office, strict_office.second, "government")
    path = f"/administration/acts/{row.id}/approve"
    asked = second.post(path, digest=row.digest)
    assert not CODE.search(asked.text)
    shown = second.client.post(path, data=confirmation(asked.text, second_key, second.origin, path))
    (code,) = set(CODE.findall(shown.text))
    assert not CODE.search(second.client.get(f"/administration/acts/{row.id}").text)
    assert enter(holder(strict_office.world, "government", by), code=code).status_code == 303


def test_the_sign_in_link_of_an_invitation_names_nobody(strict_firm: House) -> None:
    by = strict_firm.person(Role.PREPARER)
    row = strict_firm.invite(strict_firm.row(by).email, Role.CERTIFYING_OFFICER)
    with strict_firm.world.wired.database.read() as session:
        link = mail.link_to(strict_firm.world.wired, strict_firm.organisation, row)
        (letter,) = mail.invitation_letters(session, strict_firm.world.wired, str(row.id))
    page = strict_firm.world.client("developer").get("/invitation/" + link.rpartition("/")[2]).text
    assert 'href="/sign-in?next=/invitation/' in page
    assert "as=" not in page
    assert f"an administrator of {strict_firm.organisation.name} (Astrid First, Emil Second)" in letter.text


@pytest.mark.parametrize(
    ("kind", "role", "said"),
    [
        (
            OrganisationKind.DEVELOPER,
            Role.ORGANISATION_ADMINISTRATOR,
            "while none of them has a key, F",
        ),
        (OrganisationKind.REGULATOR, Role.CASE_OFFICER, "(Astrid First, Emil Second)"),
    ],
)
def test_the_mail_says_whom_to_ask(
    strict_sqlite_world: World, kind: OrganisationKind, role: Role, said: str
) -> None:
    of = house(strict_sqlite_world, kind)
    row = of.invite(f"{uuid.uuid4().hex}@firm.example", role)
    with of.world.wired.database.read() as session:
        (letter,) = mail.invitation_letters(session, of.world.wired, str(row.id))
    assert said in letter.text


def test_a_first_administrator_of_the_authority_asks_whoever_runs_the_machine(
    strict_sqlite_world: World,
) -> None:
    of = house(strict_sqlite_world, OrganisationKind.REGULATOR)
    with of.world.wired.database.read() as session:
        said = mail.first_key(session, of.world.wired, of.organisation, [Role.ADMINISTRATOR])
    assert "whoever runs Assay" in said
