"""Limits on signing in: every way in has one, and none of them lets a stranger lock somebody out."""

from __future__ import annotations

import secrets
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import update

from portal.accounts import attempts
from portal.accounts.attempts import SignInAttempt
from portal.settings import Settings
from secure_access.db import col, select
from secure_access.identity import OrganisationKind, Person, check_password
from secure_access.workflow import Role
from tests.fixtures.app import World, build, form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import KeyHolder, holder
from tests.portal.accounts.test_sign_in_policy import first_key_code
from tests.portal.test_settings import PRODUCTION


def address() -> str:
    """A source of the test's own: the limits are counted by it."""
    return f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def somebody(world: World, role: Role = Role.PREPARER) -> KeyHolder:
    return holder(world, "developer", world.person(world.organisation(OrganisationKind.DEVELOPER), role))


def typed(world: World, source: str, email: str, password: str = "guess", code: str = "", **how: Any) -> Any:
    """Sign in by typing, from a source."""
    client = world.client("developer")
    client.environ_base["REMOTE_ADDR"] = source
    fields = form_of(client.get("/sign-in").text, "/sign-in")
    return client.post("/sign-in", data={**fields, "email": email, "password": password, "code": code}, **how)


def keyed(world: World, source: str, key: SoftKey, **how: Any) -> Any:
    """Ask for a key and answer, from a source; the last answer."""
    client = world.client("developer")
    client.environ_base["REMOTE_ADDR"] = source
    token = form_of(client.get("/sign-in").text, "/sign-in")["csrf_token"]
    asked = client.post("/sign-in/key/options", data={"csrf_token": token})
    if asked.status_code != 200:
        return asked
    said = key.get(asked.json, "http://developer.localhost:5000", **how)
    sent = {"csrf_token": token, "form_id": str(uuid.uuid4()), "assertion": said}
    return client.post("/sign-in/key", data=sent)


def test_a_stranger_who_hammers_an_account_stops_only_where_they_sit(world: World) -> None:
    person, key, there = somebody(world), SoftKey(), address()
    person.add(key)
    email = person.email
    answers = [typed(world, there, email).status_code for _ in range(attempts.BY_ADDRESS + 2)]
    assert answers == [422] * attempts.BY_ADDRESS + [403] * 2
    refused = typed(world, there, email.upper() + " ", "secret")
    assert refused.status_code == 403, "the right password neither, nor another spelling"
    assert "Wait 15 minutes" in refused.text
    assert "or sign in with a passkey now" in refused.text
    assert keyed(world, there, key).status_code == 303, "a key goes on even from there"
    assert typed(world, address(), email, "secret").status_code == 303, (
        "and its owner comes in from elsewhere"
    )


def test_failures_count_for_a_quarter_of_an_hour_and_are_forgotten(world: World) -> None:
    person, there = somebody(world), address()
    for _ in range(attempts.BY_ADDRESS):
        typed(world, there, person.email)
    assert typed(world, there, person.email, "secret").status_code == 403
    with world.wired.database.write() as session:
        session.execute(
            update(SignInAttempt)
            .where(col(SignInAttempt.source) == there)
            .values(at=datetime.now(UTC) - attempts.WINDOW - timedelta(seconds=1))
        )
    assert typed(world, there, person.email, "secret").status_code == 303
    typed(world, address(), person.email)
    with world.wired.database.read() as session:
        assert session.exec(select(SignInAttempt).where(SignInAttempt.source == there)).first() is None


def test_a_source_that_tries_one_password_on_many_accounts_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "BY_SOURCE", 5)
    person, key, there = somebody(world), SoftKey(), address()
    person.add(key)
    answers = [typed(world, there, f"{uuid.uuid4().hex}@firm.example").status_code for _ in range(7)]
    assert answers == [422] * 5 + [403] * 2
    assert keyed(world, there, key).status_code == 303
    assert typed(world, address(), person.email, "secret").status_code == 303


def test_questions_for_a_key_are_limited_by_source_and_stop_no_password(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "BY_SOURCE", 6)
    person, key, there = somebody(world), SoftKey(), address()
    person.add(key)
    wrong = [keyed(world, there, SoftKey()).status_code for _ in range(4)]
    assert wrong == [422, 422, 422, 403], "a question and its wrong answer count one each"
    assert keyed(world, there, key).status_code == 403
    assert typed(world, there, person.email, "secret").status_code == 303
    assert keyed(world, address(), key).status_code == 303


@pytest.mark.parametrize("code", ["123456", "ABCDEF-ABCDEF-ABCDEF-ABCDEF"], ids=["app", "first key"])
def test_codes_are_tried_as_seldom_as_passwords(strict_world: World, code: str) -> None:
    person, there = somebody(strict_world, Role.CERTIFYING_OFFICER), address()
    good = first_key_code(person)
    for _ in range(attempts.BY_ADDRESS):
        assert typed(strict_world, there, person.email, "secret", code).status_code == 422
    assert typed(strict_world, there, person.email, "secret", good).status_code == 403
    assert typed(strict_world, address(), person.email, "secret", good).status_code == 303


def test_an_address_that_is_too_long_is_limited_like_any_other(sqlite_world: World) -> None:
    there, email = address(), f"{'x' * 300}@firm.example"
    answers = [typed(sqlite_world, there, email).status_code for _ in range(attempts.BY_ADDRESS + 1)]
    assert answers == [422] * attempts.BY_ADDRESS + [403]


def test_an_empty_address_counts_no_key(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "BY_SOURCE", 3)
    person, key, there = somebody(sqlite_world), SoftKey(), address()
    person.add(key)
    for _ in range(4):
        typed(sqlite_world, there, "")
    assert keyed(sqlite_world, there, key).status_code == 303


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_a_sender_of_ipv6_is_their_whole_network(given: str, counted: str) -> None:
    assert attempts.source_of(given) == counted


def test_behind_a_proxy_the_sender_is_counted_and_without_one_nobody_names_themselves(
    tmp_path: Path, own_sqlite_url: str
) -> None:
    behind = build(tmp_path / "behind", own_sqlite_url, ASSAY_PROXIES="1")
    before = build(tmp_path / "before", own_sqlite_url)
    proxy, stranger, owner = address(), address(), address()
    person = somebody(behind)
    for _ in range(attempts.BY_ADDRESS):
        typed(behind, proxy, person.email, headers={"X-Forwarded-For": f"1.2.3.4, {stranger}"})
    forged = {"X-Forwarded-For": f"{owner}, {stranger}"}
    assert typed(behind, proxy, person.email, "secret", headers=forged).status_code == 403
    assert typed(behind, proxy, person.email, "secret", headers={"X-Forwarded-For": owner}).status_code == 303
    for number in range(attempts.BY_ADDRESS):
        typed(before, proxy, person.email, headers={"X-Forwarded-For": f"198.18.0.{number}"})
    assert typed(before, proxy, person.email, "secret", headers={"X-Forwarded-For": owner}).status_code == 403
    for world in (behind, before):
        world.wired.database.dispose()


def test_production_stands_behind_one_proxy_unless_it_says_otherwise() -> None:
    assert Settings.from_env({}).proxies == 0
    assert Settings.from_env(PRODUCTION).proxies == 1
    assert Settings.from_env({**PRODUCTION, "ASSAY_PROXIES": "0"}).proxies == 0


# The same time for everybody


class Counting:
    """A hasher that counts what is asked of it, and takes no broken hash for work."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def hash(self, password: str) -> str:
        self.calls["hash"] += 1
        return f"cheap${password}"

    def verify(self, hashed: str, password: str) -> bool:
        assert hashed.startswith("cheap$"), "an empty hash is refused without any work"
        self.calls["verify"] += 1
        if hashed != f"cheap${password}":
            raise VerifyMismatchError
        return True


@pytest.mark.parametrize("password", ["secret", "guess", ""])
def test_whoever_it_is_the_same_hashes_are_worked_out(world: World, password: str) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "right": {},
        "reset": {"password_hash": ""},
        "suspended": {"suspended": True},
        "ended": {"ended_at": datetime.now(UTC)},
    }
    emails = {"unknown": f"{uuid.uuid4().hex}@firm.example"}
    for name, values in kinds.items():
        person = somebody(world)
        emails[name] = person.email
        if values:
            with world.wired.database.engine.begin() as raw:
                raw.execute(update(Person).where(col(Person.id) == person.actor.person_id).values(**values))
    found, calls = {}, {}
    for name, email in emails.items():
        hasher = Counting()
        with world.wired.database.read() as session:
            found[name] = check_password(session, email=email, password=password, hasher=hasher)
        calls[name] = dict(hasher.calls)
    assert {name for name, person in found.items() if person} == (
        {"right"} if password == "secret" else set()
    )
    assert len({tuple(sorted(one.items())) for one in calls.values()}) == 1, calls
    assert calls["unknown"]["verify"] == 1
