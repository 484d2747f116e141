"""Linked accounts: by invitation, by their owner with a key, how they end; and the first key after SSO."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portal.web import origin
from secure_access import identity, ledger
from secure_access.db import select
from secure_access.identity import (
    Actor,
    OrganisationKind,
    Person,
    credentials,
    federation,
    leaving,
    policy,
    proposals,
    sessions,
)
from secure_access.identity.credentials import NewKey
from secure_access.identity.invitations import token_of
from secure_access.workflow import Role
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import KeyHolder, confirmation, holder, live
from tests.fixtures.people import House, house
from tests.fixtures.provider import Federated


def firm_of(federated: Federated) -> House:
    return house(federated.world, OrganisationKind.DEVELOPER)


def invited(federated: Federated, firm: House, *roles: Role) -> tuple[str, str]:
    """The link of an invitation, and the address it went to."""
    email = f"{uuid.uuid4().hex[:10]}@example.test"
    row = firm.invite(email, *(roles or (Role.PREPARER,)))
    return f"/invitation/{token_of(firm.key, row.id)}", email


def person_of(federated: Federated, email: str) -> Person | None:
    with federated.world.wired.database.read() as session:
        return session.exec(select(Person).where(Person.email == email)).first()


def told(federated: Federated, person_id: uuid.UUID) -> list[tuple[str, str]]:
    with federated.world.wired.database.read() as session:
        entries = ledger.entries(session, about=f"person:{person_id}")
        return [
            (str(one.fields["change"]), str(one.fields["kind"]))
            for one in entries
            if one.type == "credential.changed"
        ]


def came(federated: Federated, by: Actor) -> KeyHolder:
    """Somebody who came in by single sign-on."""
    client = federated.world.client("developer")
    assert federated.enter(client, federated.linked(by)).status_code == 303
    return KeyHolder(federated.world, "developer", by, client)


def preparer(federated: Federated) -> Actor:
    world = federated.world
    return world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)


# By invitation


def test_an_invitation_is_accepted_with_the_account_at_the_provider(federated: Federated) -> None:
    path, email = invited(federated, firm_of(federated))
    client = federated.world.client("developer")
    assert "Accept with Agency sign-in" in client.get(path).text
    user = uuid.uuid4().hex
    answer = federated.enter(client, user, f"{path}/sso")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    person = person_of(federated, email)
    assert person is not None
    assert person.password_hash == ""
    with federated.world.wired.database.read() as session:
        (link,) = federation.of_person(session, person.id)
    assert (link.issuer, link.subject) == (federated.provider.issuer, f"subject-of-{user}")
    assert told(federated, person.id) == [("linked", "linked_account")]
    again = federated.enter(federated.world.client("developer"), user)
    assert again.status_code == 303, "and from then on it signs them in"


def test_the_entry_of_a_link_names_it_by_digest_and_nobody_in_words(federated_sqlite: Federated) -> None:
    path, email = invited(federated_sqlite, firm_of(federated_sqlite))
    user = uuid.uuid4().hex
    federated_sqlite.enter(federated_sqlite.world.client("developer"), user, f"{path}/sso")
    person = person_of(federated_sqlite, email)
    assert person is not None
    with federated_sqlite.world.wired.database.read() as session:
        found = ledger.entries(session, about=f"person:{person.id}")
        (entry,) = [one for one in found if one.type == "credential.changed"]
    assert user.encode() not in entry.entry
    assert len(str(entry.fields["credential"])) == 64


def test_a_used_invitation_links_nobody_else(federated_sqlite: Federated) -> None:
    path, email = invited(federated_sqlite, firm_of(federated_sqlite))
    slow = federated_sqlite.world.client("developer")
    left = federated_sqlite.leave(slow, f"{path}/sso")
    assert (
        federated_sqlite.enter(
            federated_sqlite.world.client("developer"), uuid.uuid4().hex, f"{path}/sso"
        ).status_code
        == 303
    )
    stranger = uuid.uuid4().hex
    answer = slow.get(federated_sqlite.provider.sign_in(left, stranger))
    assert (answer.status_code, "was used already" in answer.text) == (403, True)
    refused = federated_sqlite.enter(federated_sqlite.world.client("developer"), stranger)
    assert "opens nothing here" in refused.text
    person = person_of(federated_sqlite, email)
    assert person is not None
    assert len(told(federated_sqlite, person.id)) == 1


def test_an_identity_is_one_person(federated_sqlite: Federated) -> None:
    by = preparer(federated_sqlite)
    user = federated_sqlite.linked(by)
    path, email = invited(federated_sqlite, firm_of(federated_sqlite))
    answer = federated_sqlite.enter(federated_sqlite.world.client("developer"), user, f"{path}/sso")
    assert (answer.status_code, "is linked to an account here already" in answer.text) == (403, True)
    assert person_of(federated_sqlite, email) is None, "and nothing else was done either"


def test_an_invitation_to_an_account_that_is_there_needs_that_account(federated_sqlite: Federated) -> None:
    """Whoever can read somebody's mail does not get their account by it."""
    firm = firm_of(federated_sqlite)
    colleague = firm.person(Role.PREPARER)
    row = firm.invite(firm.row(colleague).email, Role.CERTIFYING_OFFICER)
    path = f"/invitation/{token_of(firm.key, row.id)}"
    client = federated_sqlite.world.client("developer")
    assert "Accept with" not in client.get(path).text
    answer = client.get(f"{path}/sso")
    assert (answer.status_code, "There is an account for this address" in answer.text) == (403, True)
    assert federated_sqlite.links(colleague) == []


def test_an_invitation_of_another_zone_is_not_there(federated_sqlite: Federated) -> None:
    path, _ = invited(federated_sqlite, firm_of(federated_sqlite))
    for zone in ("government", "evaluator"):
        assert federated_sqlite.world.client(zone).get(f"{path}/sso").status_code == 404
    assert federated_sqlite.world.client("developer").get("/invitation/guess/sso").status_code == 404


def test_whoever_is_signed_in_accepts_nothing_for_somebody_else(federated_sqlite: Federated) -> None:
    path, _ = invited(federated_sqlite, firm_of(federated_sqlite))
    client = federated_sqlite.world.client("developer", preparer(federated_sqlite))
    answer = client.get(f"{path}/sso")
    assert (answer.status_code, "Somebody is signed in here" in answer.text) == (403, True)


def test_a_policy_without_single_sign_on_takes_none(federated_sqlite: Federated, monkeypatch: Any) -> None:
    by, firm = preparer(federated_sqlite), firm_of(federated_sqlite)
    user = federated_sqlite.linked(by)
    officer, _ = invited(federated_sqlite, firm, Role.CERTIFYING_OFFICER)
    settings = type(federated_sqlite.world.wired.settings)
    monkeypatch.setattr(settings, "first_policy", property(lambda _: policy.load("standard")))
    client = federated_sqlite.world.client("developer")
    assert "Accept with" not in client.get(officer).text
    answer = client.get(f"{officer}/sso")
    assert (answer.status_code, "do not sign in with single sign-on" in answer.text) == (403, True)
    assert federated_sqlite.enter(client, user).status_code == 303, "who drafts may"
    signer = firm.person(Role.CERTIFYING_OFFICER)
    refused = federated_sqlite.enter(
        federated_sqlite.world.client("developer"), federated_sqlite.linked(signer)
    )
    assert "opens nothing here" in refused.text


# By its owner, with a key


def with_key(federated: Federated) -> tuple[KeyHolder, SoftKey]:
    person, key = holder(federated.world, "developer", preparer(federated)), SoftKey()
    assert person.add(key).status_code == 303
    person.age()
    return person, key


def confirmed(person: KeyHolder, key: SoftKey, path: str) -> Any:
    asked = person.post(path)
    assert asked.status_code == 200, asked.text
    fields = confirmation(asked.text, key, person.origin, path)
    return person.client.post(path, data=fields)


def test_a_person_links_their_own_account_with_a_key_and_unlinks_it(federated: Federated) -> None:
    person, key = with_key(federated)
    assert "Link an account at Agency sign-in" in person.client.get("/account").text
    page = confirmed(person, key, "/account/linked/new")
    assert (page.status_code, "Go on to Agency sign-in" in page.text) == (200, True)
    assert federated.links(person.actor) == []
    user = uuid.uuid4().hex
    back = federated.enter(person.client, user, "/account/linked/go")
    assert (back.status_code, back.headers["Location"]) == (303, "/account")
    (link,) = federated.links(person.actor)
    assert f"/account/linked/{link.id}/unlink" in person.client.get("/account").text
    browser = federated.world.client("developer")
    assert federated.enter(browser, user).status_code == 303
    assert len(live(federated.world, person.actor)) == 2
    answer = confirmed(person, key, f"/account/linked/{link.id}/unlink")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert federated.links(person.actor) == []
    assert browser.get("/account").status_code == 303, "sessions that it began are ended"
    assert person.client.get("/account").status_code == 200
    assert "opens nothing here" in federated.enter(federated.world.client("developer"), user).text
    changes = told(federated, person.actor.person_id)
    assert changes == [("added", "passkey"), ("linked", "linked_account"), ("unlinked", "linked_account")]


def test_a_link_needs_a_key_that_is_not_new(federated_sqlite: Federated) -> None:
    person = holder(federated_sqlite.world, "developer", preparer(federated_sqlite))
    answer = person.post("/account/linked/new")
    assert (answer.status_code, "you have none" in answer.text) == (403, True)
    person.add(SoftKey())
    answer = person.post("/account/linked/new")
    assert (answer.status_code, "Your keys are new" in answer.text) == (403, True)
    assert person.client.get("/account/linked/go").status_code == 404


def test_a_confirmed_link_is_of_one_session(federated_sqlite: Federated) -> None:
    person, key = with_key(federated_sqlite)
    assert confirmed(person, key, "/account/linked/new").status_code == 200
    back = federated_sqlite.provider.sign_in(
        federated_sqlite.leave(person.client, "/account/linked/go"), "me"
    )
    cookie = person.client.get_cookie("__Host-assay-developer", domain="developer.localhost")
    assert cookie is not None
    _end_all(federated_sqlite, person.actor)
    answer = person.client.get(back)
    assert (answer.status_code, "signed out before you came back" in answer.text) == (403, True)
    assert federated_sqlite.links(person.actor) == []


def _end_all(federated: Federated, by: Actor) -> None:
    with federated.world.wired.database.write() as session:
        sessions.end_sessions(session, sessions.of_person(session, person_id=by.person_id, zone="developer"))


def test_a_sign_in_that_was_begun_elsewhere_links_nothing(federated_sqlite: Federated) -> None:
    """An answer for signing in cannot be made to link, nor one for linking to sign in."""
    person, key = with_key(federated_sqlite)
    confirmed(person, key, "/account/linked/new")
    client = federated_sqlite.world.client("developer")
    back = federated_sqlite.provider.sign_in(federated_sqlite.leave(client), "attacker")
    answer = person.client.get(back)
    assert (answer.status_code, "began in this browser" in answer.text) == (403, True)
    assert federated_sqlite.links(person.actor) == []


def test_nobody_unlinks_another(federated_sqlite: Federated) -> None:
    owner = preparer(federated_sqlite)
    federated_sqlite.linked(owner)
    (link,) = federated_sqlite.links(owner)
    person, _ = with_key(federated_sqlite)
    assert person.post(f"/account/linked/{link.id}/unlink").status_code == 404
    assert person.post(f"/account/linked/{uuid.uuid4()}/unlink").status_code == 404
    assert len(federated_sqlite.links(owner)) == 1


def test_the_only_way_in_stays(federated_sqlite: Federated) -> None:
    firm = firm_of(federated_sqlite)
    path, email = invited(federated_sqlite, firm)
    client = federated_sqlite.world.client("developer")
    federated_sqlite.enter(client, uuid.uuid4().hex, f"{path}/sso")
    person = person_of(federated_sqlite, email)
    assert person is not None
    with federated_sqlite.world.wired.database.read() as session:
        by = identity.actor(session, person.id)
    (link,) = federated_sqlite.links(by)
    me = KeyHolder(federated_sqlite.world, "developer", by, client)
    answer = me.post(f"/account/linked/{link.id}/unlink")
    assert (answer.status_code, "only way to sign in" in answer.text) == (403, True)
    assert len(federated_sqlite.links(by)) == 1


def test_a_link_ends_with_the_account_and_with_a_reset(federated: Federated) -> None:
    """Whoever was somebody's provider is not so for ever: not after they left, not after a reset."""
    firm = firm_of(federated)
    leaver, user = firm.person(Role.PREPARER), uuid.uuid4().hex
    federated.linked(leaver, user)
    firm.act(leaving.end_account, person=firm.row(leaver))
    assert federated.links(leaver) == []
    row = firm.invite(firm.row(leaver).email, Role.PREPARER)
    firm.accept(row)
    assert "opens nothing here" in federated.enter(federated.world.client("developer"), user).text
    office = house(federated.world, OrganisationKind.REGULATOR)
    lost = firm.person(Role.PREPARER)
    session_of_lost = came(federated, lost)
    content = {"person": str(lost.person_id)}
    new = proposals.NewProposal(proposals.RESET, content, "The account was taken over.", lost.person_id)
    act = office.act(proposals.propose, new=new)
    office.act(proposals.approve, proposal=act, shown_digest=act.digest, terms=office.terms, by=office.second)
    assert federated.links(lost) == []
    assert session_of_lost.client.get("/account").status_code == 303


def test_the_origin_of_the_way_back_is_the_zone_s_own(federated_sqlite: Federated) -> None:
    for zone in ("developer", "evaluator", "government"):
        client = federated_sqlite.world.client(zone)
        asked = parse_qs(urlsplit(federated_sqlite.leave(client)).query)
        home = origin(federated_sqlite.world.wired.settings, zone)
        assert asked["redirect_uri"] == [f"{home}/sign-in/sso/return"]


def test_who_runs_the_people_sees_how_a_session_began_and_that_an_account_was_linked(
    federated_sqlite: Federated,
) -> None:
    firm = firm_of(federated_sqlite)
    path, email = invited(federated_sqlite, firm)
    federated_sqlite.enter(federated_sqlite.world.client("developer"), uuid.uuid4().hex, f"{path}/sso")
    person = person_of(federated_sqlite, email)
    assert person is not None
    client = federated_sqlite.world.client("developer", firm.first)
    for name in ("Blue key", "Red key"):
        _give(federated_sqlite, firm.first, name)
    page = client.get(f"/organisation/people/{person.id}").text
    assert "Developer, with single sign-on, since" in page
    assert "Credential: linked account, linked" in page


def _give(federated: Federated, by: Actor, name: str) -> None:
    """A key as if it had been added, so that the policy lets its owner through."""
    new = NewKey(uuid.uuid4().bytes, b"public", 1, False, False, "", "none")
    with federated.world.wired.database.write() as session:
        credentials.add(
            session, person_id=by.person_id, zone="developer", new=new, name=name, wait=timedelta(0)
        )
