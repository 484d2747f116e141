"""Signing in at a provider: out and back, who comes in, and everything that a provider may say wrongly."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from portal.accounts.sso_client import Begun
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import Actor, Method, OrganisationKind, Person, challenges, federation
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role
from tests.fixtures.passkeys import live
from tests.fixtures.provider import Federated


def preparer(federated: Federated) -> tuple[Actor, str]:
    """Somebody whose account is linked, and their name at the provider."""
    world = federated.world
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    return by, federated.linked(by)


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def refused(federated: Federated, user: str, words: str) -> None:
    """One walk that ends on a page with these words, and signs nobody in."""
    client = federated.world.client("developer")
    answer = federated.enter(client, user)
    assert (answer.status_code, words in answer.text) == (403, True), answer.text
    assert "Go to the sign-in page" in answer.text
    assert client.get("/account").status_code == 303


def test_somebody_signs_in_at_the_provider(federated: Federated) -> None:
    by, user = preparer(federated)
    client = federated.world.client("developer")
    assert "Sign in with Agency sign-in" in client.get("/sign-in").text
    answer = federated.enter(client, user, "/sign-in/sso?next=/account")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    page = client.get("/account").text
    assert "Signed in with single sign-on" in page
    (row,) = live(federated.world, by)
    assert (row.method, row.provider_session) == (Method.SSO, "session-1")
    (link,) = federated.links(by)
    assert link.id == row.link_id
    assert link.last_used_at is not None
    with federated.world.wired.database.read() as session:
        query = select(SecurityLogRow).where(SecurityLogRow.person_id == by.person_id)
        assert "sign_in.succeeded" in [one.kind for one in session.exec(query)]


def test_the_question_holds_proof_of_who_asked_and_asks_for_no_more_than_an_identifier(
    federated_sqlite: Federated,
) -> None:
    client = federated_sqlite.world.client("developer")
    asked = query(federated_sqlite.leave(client))
    assert asked["response_type"] == "code"
    assert asked["scope"] == "openid"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) == 64
    assert asked["acr_values"] == "phr phrh"
    assert asked["max_age"] == "1800"
    again = query(federated_sqlite.leave(client))
    for one in ("state", "nonce", "code_challenge"):
        assert asked[one] != again[one]


def test_a_code_without_the_verifier_is_worth_nothing(
    federated_sqlite: Federated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider compares the verifier: PKCE is real, not decoration."""
    _, user = preparer(federated_sqlite)
    client = federated_sqlite.world.client("developer")
    back = federated_sqlite.provider.sign_in(federated_sqlite.leave(client), user)
    monkeypatch.setattr(Begun, "verifier", "x" * 43)
    answer = client.get(back)
    assert (answer.status_code, "did not confirm who you are" in answer.text) == (403, True)


@pytest.mark.parametrize("next_", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_it_leads_nowhere_else_afterwards(federated_sqlite: Federated, next_: str) -> None:
    _, user = preparer(federated_sqlite)
    client = federated_sqlite.world.client("developer")
    answer = federated_sqlite.enter(client, user, "/sign-in/sso?" + urlencode({"next": next_}))
    assert answer.headers["Location"] == "/"


# Who comes in


def test_what_opens_nothing_is_told_apart_nowhere(federated: Federated) -> None:
    """Unknown, of another zone, suspended, and not let in by the policy: the same page."""
    world = federated.world
    suspended, suspended_user = preparer(federated)
    with world.wired.database.write() as session:
        person = session.get_one(Person, suspended.person_id)
        person.suspended = True
        ledger.append(
            session, "person.suspended", {}, by=None, now=world.clock.now(), about=(), records=(person,)
        )
    official = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    users = ("nobody-knows-me", suspended_user, federated.linked(official))
    pages = set()
    for user in users:
        answer = federated.enter(world.client("developer"), user)
        assert answer.status_code == 403
        assert "opens nothing here" in answer.text
        assert "ask your administrator" in answer.text
        pages.add(answer.text)
    assert len(pages) == 1


def test_an_address_of_mail_selects_nobody(federated_sqlite: Federated) -> None:
    by, _ = preparer(federated_sqlite)
    with federated_sqlite.world.wired.database.read() as session:
        email = session.get_one(Person, by.person_id).email
    federated_sqlite.provider.tell(claims={"email": email, "email_verified": True})
    refused(federated_sqlite, "somebody-else", "opens nothing here")
    federated_sqlite.provider.tell(claims={"email": email, "email_verified": True, "sub": email})
    refused(federated_sqlite, "somebody-else", "opens nothing here")


def test_the_same_subject_at_another_issuer_is_somebody_else(federated_sqlite: Federated) -> None:
    by, user = preparer(federated_sqlite)
    with federated_sqlite.world.wired.database.write() as session:
        (row,) = federation.of_person(session, by.person_id)
        row.issuer = "https://another.example"
        session.add(row)
    refused(federated_sqlite, user, "opens nothing here")


def test_who_is_signed_in_already_stays_who_they_are(federated_sqlite: Federated) -> None:
    by, _ = preparer(federated_sqlite)
    _, other = preparer(federated_sqlite)
    client = federated_sqlite.world.client("developer", by)
    assert client.get("/sign-in/sso").headers["Location"] == "/"
    stranger = federated_sqlite.world.client("developer")
    back = federated_sqlite.provider.sign_in(federated_sqlite.leave(stranger), other)
    assert client.get(back).status_code == 403
    assert len(live(federated_sqlite.world, by)) == 1


# What an ID token may say wrongly: each alone is enough

NOW = int(time.time())
WRONG_TOKENS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"claims": {"iss": "https://evil.example"}}, "comes from another provider"),
    "no issuer": ({"claims": {"iss": None}}, "comes from another provider"),
    "another audience": ({"claims": {"aud": "another"}}, "made for another application"),
    "no audience": ({"claims": {"aud": None}}, "made for another application"),
    "another party asked": ({"claims": {"azp": "another"}}, "at the request of another"),
    "run out": ({"claims": {"exp": NOW - 3600}}, "It has run out"),
    "no end": ({"claims": {"exp": None}}, "does not say when (exp)"),
    "an end that is no time": ({"claims": {"exp": "tomorrow"}}, "does not say when (exp)"),
    "made long ago": ({"claims": {"iat": NOW - 3600}}, "was not made just now"),
    "made in the future": ({"claims": {"iat": NOW + 3600}}, "was not made just now"),
    "no beginning": ({"claims": {"iat": None}}, "does not say when (iat)"),
    "another nonce": ({"claims": {"nonce": "another"}}, "not made for the sign-in that began here"),
    "no nonce": ({"claims": {"nonce": None}}, "not made for the sign-in that began here"),
    "proved too long ago": ({"claims": {"auth_time": NOW - 7200}}, "there too long ago"),
    "proved in the future": ({"claims": {"auth_time": NOW + 7200}}, "a time that has not come"),
    "never proved": ({"claims": {"auth_time": None}}, "does not say when (auth_time)"),
    "a weak way": ({"claims": {"acr": "pwd"}}, "is not enough here"),
    "no way named": ({"claims": {"acr": None}}, "is not enough here"),
    "nobody": ({"claims": {"sub": ""}}, "does not say whom it is about"),
    "no signature": ({"header": {"alg": "none"}}, "a way that is not taken here"),
    "a shared secret": ({"header": {"alg": "HS256"}}, "a way that is not taken here"),
    "another algorithm": ({"header": {"alg": "RS512"}}, "a way that is not taken here"),
    "a stranger's key": ({"stranger": True}, "Its signature is not good"),
    "an unknown key": ({"header": {"kid": "unknown"}}, "a key that the provider does not publish"),
    "another kind of token": ({"header": {"typ": "logout+jwt"}}, "a token of another kind"),
}


@pytest.mark.parametrize("name", WRONG_TOKENS)
def test_a_token_that_says_one_thing_wrongly_opens_nothing(federated_sqlite: Federated, name: str) -> None:
    said, words = WRONG_TOKENS[name]
    by, user = preparer(federated_sqlite)
    federated_sqlite.provider.tell(**said)
    refused(federated_sqlite, user, words)
    assert live(federated_sqlite.world, by) == []
    federated_sqlite.provider.tell()
    answer = federated_sqlite.enter(federated_sqlite.world.client("developer"), user)
    assert answer.status_code == 303, "and only that was wrong"


def test_several_audiences_need_one_who_asked(federated_sqlite: Federated) -> None:
    _, user = preparer(federated_sqlite)
    ours = federated_sqlite.world.wired.settings.sso["developer"].client_id
    federated_sqlite.provider.tell(claims={"aud": [ours, "another"]})
    refused(federated_sqlite, user, "at the request of another")
    federated_sqlite.provider.tell(claims={"aud": [ours, "another"], "azp": ours})
    answer = federated_sqlite.enter(federated_sqlite.world.client("developer"), user)
    assert answer.status_code == 303


def test_a_token_of_one_zone_opens_no_other(federated_sqlite: Federated) -> None:
    theirs = federated_sqlite.world.wired.settings.sso["government"].client_id
    federated_sqlite.provider.tell(claims={"aud": theirs})
    _, user = preparer(federated_sqlite)
    refused(federated_sqlite, user, "made for another application")


# The way back


def test_an_answer_counts_once(federated: Federated) -> None:
    by, user = preparer(federated)
    client = federated.world.client("developer")
    back = federated.provider.sign_in(federated.leave(client), user)
    cookies = client.get_cookie("__Host-assay-developer", domain="developer.localhost")
    assert cookies is not None
    assert client.get(back).status_code == 303
    # A copy of the browser as it was before it came back, with the same answer.
    copy = federated.world.client("developer")
    copy.set_cookie("__Host-assay-developer", cookies.value, domain="developer.localhost")
    again = copy.get(back)
    assert (again.status_code, "or was used before" in again.text) == (403, True)
    assert len(live(federated.world, by)) == 1


def test_an_answer_counts_only_in_the_browser_that_asked(federated_sqlite: Federated) -> None:
    by, user = preparer(federated_sqlite)
    asked = federated_sqlite.world.client("developer")
    back = federated_sqlite.provider.sign_in(federated_sqlite.leave(asked), user)
    other = federated_sqlite.world.client("developer")
    for client in (other, _having_asked_something_else(federated_sqlite, other)):
        answer = client.get(back)
        assert (answer.status_code, "began in this browser" in answer.text) == (403, True)
    assert live(federated_sqlite.world, by) == []
    assert asked.get(back).status_code == 303


def _having_asked_something_else(federated: Federated, client: FlaskClient) -> FlaskClient:
    federated.leave(client)
    return client


@pytest.mark.parametrize("state", ["", "0" * 64, "ü", "not hex"])
def test_a_forged_state_leads_to_nothing(federated_sqlite: Federated, state: str) -> None:
    client = federated_sqlite.world.client("developer")
    federated_sqlite.leave(client)
    answer = client.get("/sign-in/sso/return", query_string={"state": state, "code": "x"})
    assert (answer.status_code, "began in this browser" in answer.text) == (403, True)


def test_an_answer_after_five_minutes_is_too_late(
    federated_sqlite: Federated, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, user = preparer(federated_sqlite)
    client = federated_sqlite.world.client("developer")
    monkeypatch.setattr(challenges.issue, "__kwdefaults__", {"life": timedelta(seconds=-1)})
    answer = federated_sqlite.enter(client, user)
    assert (answer.status_code, "longer than five minutes" in answer.text) == (403, True)


@pytest.mark.parametrize("named", ["https://evil.example", None])
def test_an_answer_says_whose_it_is(federated_sqlite: Federated, named: str | None) -> None:
    _, user = preparer(federated_sqlite)
    client = federated_sqlite.world.client("developer")
    back = urlsplit(federated_sqlite.provider.sign_in(federated_sqlite.leave(client), user))
    answered = query(back.geturl())
    assert answered.pop("iss") == federated_sqlite.provider.issuer
    if named is not None:
        answered["iss"] = named
    answer = client.get(back.path, query_string=answered)
    assert (answer.status_code, "does not say from which" in answer.text) == (403, True)


def test_what_the_provider_refuses_is_said(federated_sqlite: Federated) -> None:
    federated_sqlite.provider.tell(error="access_denied")
    refused(federated_sqlite, "somebody", "does not say from which")
    federated_sqlite.provider.tell(error=f"access_denied&iss={federated_sqlite.provider.issuer}")
    refused(federated_sqlite, "somebody", "did not sign you in")


def test_a_zone_without_a_provider_has_no_such_pages(sqlite_world: Any) -> None:
    client = sqlite_world.client("developer")
    assert "single sign-on" not in client.get("/sign-in").text
    for path in ("/sign-in/sso", "/sign-in/sso/left"):
        assert client.get(path).status_code == 404
    assert client.post("/sign-in/sso/logout").status_code == 404
