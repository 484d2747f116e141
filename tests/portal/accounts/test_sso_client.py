"""Talking to a provider: what is kept and for how long, and what happens when it is down, slow or lies."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.accounts import sso_client
from portal.accounts.sso_client import Begun, ProviderClient, Refused, Unreachable
from portal.settings import Settings, SettingsError
from secure_access.identity import OrganisationKind, id_tokens, providers
from secure_access.identity.id_tokens import BadToken, UnknownKey
from secure_access.identity.providers import Provider, ProviderError
from secure_access.workflow import Role
from tests.fixtures.instance import free_port
from tests.fixtures.provider import ZONES, Federated, ProviderProcess, providers_file
from tests.portal.test_settings import PRODUCTION

METADATA, KEYS = "/.well-known/openid-configuration", "/keys"


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moved() -> Time:
    return Time()


@pytest.fixture
def client(oidc: ProviderProcess, moved: Time) -> ProviderClient:
    found = Provider("Agency sign-in", oidc.issuer, "somebody")
    return ProviderClient(found, "http://localhost/back", monotonic=moved)


def test_metadata_and_keys_are_fetched_once_an_hour(
    client: ProviderClient, oidc: ProviderProcess, moved: Time
) -> None:
    for _ in range(3):
        client.logout_by(oidc.logout_token(aud="somebody", sub="x"))
    assert [path for path in oidc.asked() if path != "/logout-token"] == [METADATA, KEYS]
    moved.now += sso_client.KEPT - 1
    client.logout_by(oidc.logout_token(aud="somebody", sub="x"))
    assert KEYS not in oidc.asked()
    moved.now += 1
    client.logout_by(oidc.logout_token(aud="somebody", sub="x"))
    assert [path for path in oidc.asked() if path != "/logout-token"] == [METADATA, KEYS]


def test_a_new_key_is_looked_for_at_most_once_a_minute(
    client: ProviderClient, oidc: ProviderProcess, moved: Time
) -> None:
    client.logout_by(oidc.logout_token(aud="somebody", sub="x"))
    oidc.rotate()
    fresh = oidc.logout_token(aud="somebody", sub="x")
    oidc.asked()
    for _ in range(5):
        with pytest.raises(UnknownKey):
            client.logout_by(fresh)
    assert oidc.asked() == [], "the keys at hand are younger than a minute"
    moved.now += sso_client.AGAIN
    client.logout_by(fresh)
    assert oidc.asked() == [KEYS]
    unknown = oidc.logout_token(aud="somebody", sub="x", header={"kid": "never"})
    oidc.asked()
    moved.now += sso_client.AGAIN
    for _ in range(5):
        with pytest.raises(UnknownKey):
            client.logout_by(unknown)
    assert oidc.asked() == [KEYS]


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "no TLS": {"token_endpoint": "http://evil.example/token"},
    "no keys": {"jwks_uri": None},
    "no way to sign in": {"authorization_endpoint": ""},
}


@pytest.mark.parametrize("name", LIES)
def test_metadata_that_are_wrong_are_not_used(
    client: ProviderClient, oidc: ProviderProcess, name: str
) -> None:
    oidc.tell(metadata=LIES[name])
    with pytest.raises(Unreachable):
        client.metadata()
    oidc.tell()
    assert client.metadata().names_itself


@pytest.mark.parametrize("keys", [{}, {"keys": "none"}, [], {"keys": [{"kty": "RSA", "n": "?"}]}])
def test_keys_that_are_none_prove_nothing(client: ProviderClient, oidc: ProviderProcess, keys: Any) -> None:
    oidc.tell(keys=keys)
    with pytest.raises((BadToken, Unreachable)):
        client.logout_by(oidc.logout_token(aud="somebody", sub="x"))


def test_keys_of_other_kinds_are_left_out() -> None:
    found = id_tokens.key_set(
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "AKP"}, {"kty": "RSA", "use": "enc"}]}
    )
    assert list(found) == []


@pytest.mark.parametrize("status", [500, 302, 204])
def test_a_provider_that_does_not_answer_is_unreachable(
    client: ProviderClient, oidc: ProviderProcess, status: int
) -> None:
    oidc.tell(status=status)
    with pytest.raises(Unreachable):
        client.metadata()


def test_who_waits_for_a_provider_that_is_down_is_answered_at_once(
    client: ProviderClient, oidc: ProviderProcess, moved: Time
) -> None:
    oidc.tell(status=500)
    oidc.asked()
    for _ in range(5):
        with pytest.raises(Unreachable):
            client.metadata()
    assert oidc.asked() == [METADATA], "it is not asked again while it rests"
    oidc.tell()
    moved.now += sso_client.REST
    assert client.metadata().names_itself


def test_a_public_client_is_known_by_its_verifier_alone(
    client: ProviderClient, oidc: ProviderProcess
) -> None:
    oidc.know("somebody", "http://localhost/back")
    begun = Begun(b"s" * 32, b"secret")
    back = oidc.sign_in(client.address_to_sign_in(begun), "halina")
    code = parse_qs(urlsplit(back).query)["code"][0]
    other = Begun(b"t" * 32, b"secret")
    with pytest.raises(Refused):
        client.exchange(code, other)
    said = client.said_by(client.exchange(code, begun), begun)
    assert (said.issuer, said.subject, said.provider_session) == (
        oidc.issuer,
        "subject-of-halina",
        "session-1",
    )


def test_a_large_answer_is_not_read(client: ProviderClient, oidc: ProviderProcess) -> None:
    oidc.tell(large=METADATA)
    with pytest.raises(Unreachable, match="too large"):
        client.metadata()


def test_a_slow_answer_is_not_waited_for(
    client: ProviderClient, oidc: ProviderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take forty seconds, a piece every fifth of a second: only the time of all of it ends it."""
    monkeypatch.setattr(sso_client, "ALTOGETHER", 1.0)
    oidc.tell(slow=METADATA)
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="too slow"):
        client.metadata()
    assert time.monotonic() - begun < 10


def test_nobody_there_is_unreachable() -> None:
    nobody = Provider("Nobody", f"http://127.0.0.1:{free_port()}", "somebody")
    with pytest.raises(Unreachable):
        ProviderClient(nobody, "http://localhost/back").metadata()


def test_nonce_and_verifier_follow_from_state_and_secret() -> None:
    one = Begun(b"a" * 32, b"secret")
    assert (one.nonce, one.verifier) == (Begun(b"a" * 32, b"secret").nonce, one.verifier)
    others = {one.nonce, one.verifier, Begun(b"b" * 32, b"secret").nonce, Begun(b"a" * 32, b"other").nonce}
    assert len(others) == 4
    assert all(len(text) == 43 for text in others)


# What a person sees of it


def test_a_provider_that_is_down_stops_nobody_who_has_another_way(federated_sqlite: Federated) -> None:
    world = federated_sqlite.world
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    world.zones["developer"].extensions.pop("sso", None)
    federated_sqlite.provider.tell(status=503)
    client = world.client("developer")
    answer = client.get("/sign-in/sso")
    assert answer.status_code == 503
    assert "does not answer as it should" in answer.text
    assert "use another way to sign in" in answer.text
    page = client.get("/sign-in")
    assert (page.status_code, "Sign in with a passkey" in page.text) == (200, True)
    assert world.client("developer", by).get("/account").status_code == 200
    posted = client.post("/sign-in/sso/logout", data={"logout_token": _a_token(federated_sqlite)})
    assert (posted.status_code, posted.json["error"]) == (503, "temporarily_unavailable")
    left = client.get("/sign-in/sso/left")
    assert (left.status_code, "you may still be signed in" in left.text) == (200, True)
    assert "sign out at Agency sign-in too" in left.text


def _a_token(federated: Federated) -> str:
    federated.provider.tell()
    token = federated.provider.logout_token(aud="x", sub="x")
    federated.provider.tell(status=503)
    return token


def test_a_provider_that_goes_down_midway_signs_nobody_in(federated_sqlite: Federated) -> None:
    world = federated_sqlite.world
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    user = federated_sqlite.linked(by)
    client = world.client("developer")
    back = federated_sqlite.provider.sign_in(federated_sqlite.leave(client), user)
    federated_sqlite.provider.tell(status=500)
    answer = client.get(back)
    assert (answer.status_code, "Nothing was changed" in answer.text) == (503, True)


# The file


def test_a_file_says_who_is_believed_in_which_zone(tmp_path: Path) -> None:
    found = providers.load(str(providers_file(tmp_path, "https://id.example")), zones=ZONES)
    assert set(found) == set(ZONES)
    one = found["government"]
    assert (one.name, one.issuer, one.acr) == ("Agency sign-in", "https://id.example", ("phr", "phrh"))
    assert one.secret not in repr(one)
    assert "secret" in one.secret


WRONG_FILES: dict[str, tuple[str, str]] = {
    "not TOML": ("[", "cannot be read"),
    "another zone": ("[public]\n", "is no zone that people sign in to"),
    "nothing in it": ("[developer]\n", "needs the entries"),
    "no table": ("developer = 1\n", "needs the entries"),
    "an unknown entry": ('[developer]\nname="a"\nissuer="https://a"\nclient_id="b"\nx=1', "has no entry x"),
    "a secret in the file": (
        '[developer]\nname="a"\nissuer="https://a"\nclient_id="b"\nclient_secret="c"',
        "has no entry client_secret",
    ),
    "an empty name": ('[developer]\nname=" "\nissuer="https://a"\nclient_id="b"', "has to be a text"),
    "no TLS": ('[developer]\nname="a"\nissuer="http://id.example"\nclient_id="b"', "an https address"),
    "no host": ('[developer]\nname="a"\nissuer="https://"\nclient_id="b"', "an https address"),
    "a query": ('[developer]\nname="a"\nissuer="https://a?b"\nclient_id="b"', "an https address"),
    "a user": ('[developer]\nname="a"\nissuer="https://u@a"\nclient_id="b"', "an https address"),
    "a host that looks local": (
        '[developer]\nname="a"\nissuer="http://localhost.evil.example"\nclient_id="b"',
        "an https address",
    ),
    "an acr with a space": ('[developer]\nname="a"\nissuer="https://a"\nclient_id="b"\nacr=["a b"]', "acr"),
    "an age below nothing": (
        '[developer]\nname="a"\nissuer="https://a"\nclient_id="b"\nmax_age_minutes=-1',
        "max_age_minutes",
    ),
    "an age that is no number": (
        '[developer]\nname="a"\nissuer="https://a"\nclient_id="b"\nmax_age_minutes=true',
        "max_age_minutes",
    ),
    "a secret that is not there": (
        '[developer]\nname="a"\nissuer="https://a"\nclient_id="b"\nclient_secret_file="/none"',
        "client_secret_file cannot be read",
    ),
    "an empty secret": (
        '[developer]\nname="a"\nissuer="https://a"\nclient_id="b"\nclient_secret_file="/dev/null"',
        "client_secret_file is empty",
    ),
    "too long a name": (
        f'[developer]\nname="{"a" * 61}"\nissuer="https://a"\nclient_id="b"',
        "up to 60 characters",
    ),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_file_that_cannot_be_used_is_said_at_the_start(tmp_path: Path, name: str) -> None:
    text, words = WRONG_FILES[name]
    path = tmp_path / "providers.toml"
    path.write_text(text)
    with pytest.raises(ProviderError, match=words):
        providers.load(str(path), zones=ZONES)
    with pytest.raises(SettingsError, match="ASSAY_SSO"):
        Settings.from_env({**PRODUCTION, "ASSAY_SSO": str(path)})


def test_production_takes_a_provider_on_this_machine_without_tls(tmp_path: Path) -> None:
    for issuer in ("http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"):
        path = providers_file(tmp_path, issuer)
        settings = Settings.from_env({**PRODUCTION, "ASSAY_SSO": str(path)})
        assert settings.sso["developer"].issuer == issuer
    assert Settings.from_env(PRODUCTION).sso == {}
