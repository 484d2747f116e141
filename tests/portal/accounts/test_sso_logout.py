"""What ends a session begun at a provider: its logout token, once; and signing out here."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient

from secure_access.db import select
from secure_access.identity import Actor, OrganisationKind
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role
from tests.fixtures.app import form_of
from tests.fixtures.passkeys import KeyHolder, live
from tests.fixtures.provider import Federated
from tests.portal.accounts.test_sign_in_policy import first_key_code

NOW = int(time.time())
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Signed:
    """Somebody who came in by single sign-on, in one of the provider's sessions."""

    def __init__(self, federated: Federated, by: Actor | None = None, user: str = "") -> None:
        world = federated.world
        self.federated = federated
        self.by = by or world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
        self.user = user or federated.linked(self.by)
        self.sid = uuid.uuid4().hex
        federated.provider.tell(sid=self.sid)
        self.client: FlaskClient = world.client("developer")
        assert federated.enter(self.client, self.user).status_code == 303

    @property
    def sub(self) -> str:
        return f"subject-of-{self.user}"

    @property
    def open(self) -> bool:
        return self.client.get("/account").status_code == 200


def audience(federated: Federated, zone: str = "developer") -> str:
    return federated.world.wired.settings.sso[zone].client_id


def log_out(federated: Federated, token: str, zone: str = "developer") -> Any:
    """As the provider's server does: no cookie, no form."""
    return federated.world.client(zone).post("/sign-in/sso/logout", data={"logout_token": token})


def test_the_provider_ends_one_of_its_sessions(federated: Federated) -> None:
    here = Signed(federated)
    there = Signed(federated, here.by, here.user)
    token = federated.provider.logout_token(aud=audience(federated), sid=here.sid, sub=here.sub)
    answer = log_out(federated, token)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert not here.open, "at the next request"
    assert there.open


def test_a_subject_ends_all_of_theirs_and_nobody_else(federated: Federated) -> None:
    here, other = Signed(federated), Signed(federated)
    there = Signed(federated, here.by, here.user)
    typed = federated.world.client("developer", here.by)
    token = federated.provider.logout_token(aud=audience(federated), sub=here.sub)
    assert log_out(federated, token).status_code == 200
    assert (here.open, there.open, other.open) == (False, False, True)
    assert typed.get("/account").status_code == 200, "a session that it did not begin goes on"
    with federated.world.wired.database.read() as session:
        query = select(SecurityLogRow).where(SecurityLogRow.kind == "session.ended_by_provider")
        assert any('"sessions":2' in row.detail for row in session.exec(query))


def test_a_session_alone_is_enough(federated_sqlite: Federated) -> None:
    here = Signed(federated_sqlite)
    token = federated_sqlite.provider.logout_token(aud=audience(federated_sqlite), sid=here.sid)
    assert log_out(federated_sqlite, token).status_code == 200
    assert not here.open


def test_a_code_for_a_first_key_keeps_a_session_from_nothing(federated_sqlite: Federated) -> None:
    """The session is the same one, so the provider still ends it."""
    here = Signed(federated_sqlite)
    person = KeyHolder(federated_sqlite.world, "developer", here.by, here.client)
    assert person.post("/account/first-key", code=first_key_code(person)).status_code == 303
    token = federated_sqlite.provider.logout_token(aud=audience(federated_sqlite), sid=here.sid)
    assert log_out(federated_sqlite, token).status_code == 200
    assert not here.open


def test_a_logout_token_counts_once(federated: Federated) -> None:
    here = Signed(federated)
    token = federated.provider.logout_token(aud=audience(federated), sub=here.sub)
    assert log_out(federated, token).status_code == 200
    again = Signed(federated, here.by, here.user)
    answer = log_out(federated, token)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert again.open


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "another"},
    "no audience": {"aud": None},
    "no identifier": {"jti": None},
    "an empty identifier": {"jti": ""},
    "an identifier that is no text": {"jti": 7},
    "run out": {"exp": NOW - 3600},
    "no end": {"exp": None},
    "made long ago": {"iat": NOW - 3600},
    "made in the future": {"iat": NOW + 3600},
    "no event": {"events": None},
    "another event": {"events": {"https://example.org/other": {}}},
    "an event that is none": {"events": {EVENT: "yes"}},
    "a nonce": {"nonce": "x"},
    "nobody's": {"sub": None, "sid": None},
    "too long a session": {"sid": "x" * 256},
    "the type of an ID token": {"header": {"typ": "JWT"}},
    "no type": {"header": {"typ": ""}},
    "no signature": {"header": {"alg": "none"}},
    "a shared secret": {"header": {"alg": "HS256"}},
    "an unknown key": {"header": {"kid": "unknown"}},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_logout_token_with_one_thing_wrong_ends_nothing(federated_sqlite: Federated, name: str) -> None:
    here = Signed(federated_sqlite)
    claims = {"aud": audience(federated_sqlite), "sub": here.sub, "sid": here.sid}
    good = federated_sqlite.provider.logout_token(**claims)
    bad = federated_sqlite.provider.logout_token(**{**claims, **WRONG[name]})
    answer = log_out(federated_sqlite, bad)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert here.open
    assert log_out(federated_sqlite, good).status_code == 200, "and only that was wrong"
    assert not here.open


def test_an_id_token_ends_nothing_and_a_logout_token_opens_nothing(federated_sqlite: Federated) -> None:
    here = Signed(federated_sqlite)
    token = federated_sqlite.provider.logout_token(
        header={"typ": "JWT"}, aud=audience(federated_sqlite), sub=here.sub
    )
    assert log_out(federated_sqlite, token).status_code == 400
    assert here.open


def test_a_token_of_another_zone_ends_nothing(federated_sqlite: Federated) -> None:
    here = Signed(federated_sqlite)
    token = federated_sqlite.provider.logout_token(aud=audience(federated_sqlite, "government"), sub=here.sub)
    assert log_out(federated_sqlite, token).status_code == 400
    assert log_out(federated_sqlite, token, "government").status_code == 200
    assert here.open, "the session is of the developer zone"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ü", "." * 5000])
def test_what_is_no_token_makes_us_ask_nobody(federated_sqlite: Federated, token: str) -> None:
    Signed(federated_sqlite)
    federated_sqlite.provider.asked()
    assert log_out(federated_sqlite, token).status_code == 400
    assert federated_sqlite.provider.asked() == []


def test_a_cookie_counts_for_nothing_there(federated_sqlite: Federated) -> None:
    here = Signed(federated_sqlite)
    assert here.client.post("/sign-in/sso/logout", data={"logout_token": "x"}).status_code == 400
    assert here.open


def test_signing_out_here_leads_to_signing_out_there(federated_sqlite: Federated) -> None:
    here = Signed(federated_sqlite)
    fields = {"csrf_token": form_of(here.client.get("/account").text, "/sign-out")["csrf_token"]}
    answer = here.client.post("/sign-out", data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/sso/left")
    assert live(federated_sqlite.world, here.by) == []
    page = here.client.get("/sign-in/sso/left").text
    assert "Sign out at Agency sign-in too" in page
    assert f"{federated_sqlite.provider.issuer}/end-session?client_id=" in page
    typed = federated_sqlite.world.client("developer", here.by)
    token = form_of(typed.get("/account").text, "/sign-out")["csrf_token"]
    assert typed.post("/sign-out", data={"csrf_token": token}).headers["Location"] == "/sign-in"
