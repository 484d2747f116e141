"""The guard, sessions, forms sent twice, headers, and pages for refusals."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import html5lib
import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from portal import app as portal_app
from portal.settings import PUBLIC, ZONES
from portal.web import FormUse, origin
from secure_access import identity, ledger
from secure_access.db import Database, select
from secure_access.identity import Actor, OrganisationKind, SignInSession
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role
from tests.fixtures.app import START, World, filled, form_of

HOME_OF = {
    "developer": (OrganisationKind.DEVELOPER, Role.PREPARER),
    "evaluator": (OrganisationKind.EVALUATOR, Role.ASSESSOR),
    "government": (OrganisationKind.REGULATOR, Role.CASE_OFFICER),
}


def somebody(world: World, zone: str) -> Actor:
    kind, role = HOME_OF[zone]
    return world.person(world.organisation(kind), role)


def sign_in(client: FlaskClient, email: str, password: str, **more: str) -> Any:
    page = client.get("/sign-in").text
    return client.post("/sign-in", data={**form_of(page), "email": email, "password": password, **more})


def email_of(world: World, actor: Actor) -> str:
    with world.wired.database.read() as session:
        return session.get_one(identity.Person, actor.person_id).email


@pytest.mark.parametrize("zone", HOME_OF)
def test_a_person_signs_in_where_they_belong_and_nowhere_else(sqlite_world: World, zone: str) -> None:
    email = email_of(sqlite_world, somebody(sqlite_world, zone))
    for other in HOME_OF:
        answer = sign_in(sqlite_world.client(other), email, "secret")
        assert answer.status_code == (303 if other == zone else 422)


def test_unknown_and_wrong_get_the_same_answer(sqlite_world: World) -> None:
    email = email_of(sqlite_world, somebody(sqlite_world, "developer"))
    client = sqlite_world.client("developer")
    wrong = sign_in(client, email, "guess")
    unknown = sign_in(client, "nobody@example.test", "guess")
    assert wrong.status_code == unknown.status_code == 422

    def without_tokens(page: str, typed: str) -> list[str]:
        return [line.replace(typed, "") for line in page.splitlines() if 'type="hidden"' not in line]

    assert without_tokens(wrong.text, email) == without_tokens(unknown.text, "nobody@example.test")


def test_too_many_wrong_passwords_stop_only_this_account_from_here(sqlite_world: World) -> None:
    email = email_of(sqlite_world, somebody(sqlite_world, "developer"))
    client = sqlite_world.client("developer")
    for _ in range(8):
        assert sign_in(client, email, "guess").status_code == 422
    assert sign_in(client, email, "secret").status_code == 403
    elsewhere = sqlite_world.client("developer")
    elsewhere.environ_base["REMOTE_ADDR"] = "127.0.0.9"
    assert sign_in(elsewhere, email, "secret").status_code == 303


def test_who_is_not_signed_in_is_asked_to_and_comes_back(sqlite_world: World) -> None:
    actor = somebody(sqlite_world, "developer")
    client = sqlite_world.client("developer")
    asked = client.get("/?after=this")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/sign-in?next=/?after%3Dthis")
    back = sign_in(client, email_of(sqlite_world, actor), "secret", next="/?after=this")
    assert back.headers["Location"] == "/?after=this"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
def test_sign_in_leads_nowhere_else(sqlite_world: World, target: str) -> None:
    actor = somebody(sqlite_world, "developer")
    answer = sign_in(sqlite_world.client("developer"), email_of(sqlite_world, actor), "secret", next=target)
    assert answer.headers["Location"] == "/"


def test_an_ended_session_ends_on_the_next_request(sqlite_world: World) -> None:
    actor = somebody(sqlite_world, "developer")
    client = sqlite_world.client("developer", actor)
    assert client.get("/").status_code == 200
    with sqlite_world.wired.database.write() as session:
        rows = session.exec(select(SignInSession).where(SignInSession.person_id == actor.person_id))
        for row in rows:
            row.ended_at = datetime.now(UTC)
            session.add(row)
    assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    ("started", "seen", "alive"),
    [
        (timedelta(hours=9), timedelta(minutes=29), True),
        (timedelta(hours=9), timedelta(minutes=31), False),
        (timedelta(hours=11), timedelta(minutes=1), False),
    ],
)
def test_a_session_has_an_idle_and_an_absolute_limit(
    sqlite_world: World, started: timedelta, seen: timedelta, alive: bool
) -> None:
    actor = somebody(sqlite_world, "developer")
    client = sqlite_world.client("developer", actor)
    now = datetime.now(UTC)
    with sqlite_world.wired.database.write() as session:
        row = session.exec(select(SignInSession).where(SignInSession.person_id == actor.person_id)).one()
        row.started_at, row.seen_at = now - started, now - seen
        session.add(row)
    assert (client.get("/").status_code == 200) is alive


def test_a_suspended_person_is_out_at_once(sqlite_world: World) -> None:
    actor = somebody(sqlite_world, "government")
    client = sqlite_world.client("government", actor)
    with sqlite_world.wired.database.write() as session:
        person = session.get_one(identity.Person, actor.person_id)
        person.suspended = True
        ledger.append(session, "person.suspended", {}, by=None, now=START, records=(person,))
    assert client.get("/").status_code == 303


def test_a_session_of_one_zone_opens_no_other(sqlite_world: World) -> None:
    actor = somebody(sqlite_world, "developer")
    stranger = sqlite_world.client("government", actor)
    assert stranger.get("/").status_code == 404


def test_signing_out_ends_the_session_on_the_server(sqlite_world: World) -> None:
    client = sqlite_world.client("developer", somebody(sqlite_world, "developer"))
    token = form_of(client.get("/").text, "/sign-out")
    assert client.post("/sign-out", data=token).headers["Location"] == "/sign-in"
    assert client.get("/").status_code == 303


def test_a_form_after_the_session_ended_says_what_to_do(sqlite_world: World) -> None:
    app = sqlite_world.zones["developer"]
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    guarded = next(rule for rule in rules if app.extensions["enter"][rule.endpoint.partition(".")[0]])
    path = app.url_map.bind("x").build(guarded.endpoint, filled(guarded), method="POST")
    answer = sqlite_world.client("developer").post(path, data={"reason": "typed"})
    assert answer.status_code == 401
    assert "Sign in again in another tab" in answer.text


def test_a_form_without_its_token_changes_nothing(sqlite_world: World) -> None:
    answer = sqlite_world.client("developer").post("/sign-in", data={"email": "a", "password": "b"})
    assert answer.status_code == 400
    assert "out of date" in answer.text


def test_a_form_sent_many_times_at_once_is_used_once(world: World) -> None:
    actor = somebody(world, "developer")
    email = email_of(world, actor)
    client = world.client("developer")
    hidden = form_of(client.get("/sign-in").text)
    cookie = client.get_cookie("__Host-assay-developer", domain="developer.localhost")
    assert cookie
    answers: list[int] = []

    def send() -> None:
        mine = world.client("developer")
        mine.set_cookie("__Host-assay-developer", cookie.value, domain="developer.localhost", secure=True)
        data = {**hidden, "email": email, "password": "secret"}
        answers.append(mine.post("/sign-in", data=data).status_code)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 10
    with world.wired.database.read() as session:
        started = session.exec(select(SignInSession).where(SignInSession.person_id == actor.person_id)).all()
        uses = session.exec(select(FormUse).where(FormUse.id == uuid.UUID(hidden["form_id"]))).all()
    assert (len(started), len(uses)) == (1, 1)


@pytest.mark.parametrize("zone", ZONES)
def test_every_page_carries_the_security_headers(sqlite_world: World, zone: str) -> None:
    client = sqlite_world.client(zone)
    for path in ("/", "/sign-in", "/no-such-page"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "require-trusted-types-for 'script'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_the_cookie_is_bound_to_its_host(sqlite_world: World) -> None:
    cookie = sqlite_world.client("developer").get("/sign-in").headers["Set-Cookie"]
    assert cookie.startswith("__Host-assay-developer=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in cookie


def test_a_missing_page_is_a_page_and_a_row_of_the_security_log(sqlite_world: World) -> None:
    actor = somebody(sqlite_world, "government")
    answer = sqlite_world.client("government", actor).get("/cases/C-1999-001x")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    with sqlite_world.wired.database.read() as session:
        rows = session.exec(select(SecurityLogRow).where(SecurityLogRow.kind == "page.not_found")).all()
    assert any(row.person_id == actor.person_id for row in rows)


def test_every_blueprint_has_a_row_and_every_page_asks_who_comes(sqlite_world: World) -> None:
    listed = {surface.blueprint.name for surface in portal_app.SURFACES} | {"ui"}
    for zone, app in sqlite_world.zones.items():
        client = sqlite_world.client(zone)
        assert set(app.blueprints) <= listed
        for rule in app.url_map.iter_rules():
            if (
                zone == PUBLIC
                or "GET" not in (rule.methods or ())
                or rule.endpoint.startswith(("ui.", "accounts.", "health."))
            ):
                continue
            with app.test_request_context(base_url=origin(sqlite_world.wired.settings, zone)):
                path = app.url_map.bind("x").build(rule.endpoint, filled(rule), force_external=False)
            assert client.get(path).status_code == 303, f"{zone} {rule} is open to anybody"


@pytest.mark.timeout(900)  # every page: minutes on a machine with other work
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("zone", list(HOME_OF))
def test_who_is_named_in_its_row_enters_a_page_and_nobody_else(
    sqlite_world: World, zone: str, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind every page stands one that always answers, so what is refused is refused by the guard.

    A form without its token comes as far as the check of forms (400) if the guard lets it in: none acts.
    """
    app = sqlite_world.zones[zone]
    for endpoint in app.view_functions:
        monkeypatch.setitem(app.view_functions, endpoint, lambda **_values: "entered")
    organisation = sqlite_world.organisation(HOME_OF[zone][0])
    client = sqlite_world.client(zone, sqlite_world.person(organisation, role))
    for rule in app.url_map.iter_rules():
        enter = app.extensions["enter"][rule.endpoint.partition(".")[0]]
        enters = not enter or role in enter
        path = app.url_map.bind("x").build(rule.endpoint, filled(rule))
        for method, inside in (("GET", 200), ("POST", 400)):
            if method in (rule.methods or ()):
                answer = client.open(path, method=method)
                wanted = inside if enters else 404
                assert answer.status_code == wanted, f"{role}: {method} {zone} {rule}"


def test_first_pages_are_valid_html(sqlite_world: World) -> None:
    for zone in ZONES:
        actor = None if zone == PUBLIC else somebody(sqlite_world, zone)
        page = sqlite_world.client(zone, actor).get("/").text
        html5lib.HTMLParser(strict=True).parse(page)


def test_the_real_hasher_has_the_parameters_of_the_rfc() -> None:
    """RFC 9106 §4, second recommended option or stronger: 64 MiB, 3 passes, 4 lanes, Argon2id."""
    hashed = PasswordHasher().hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_an_unknown_host_is_told_the_names(sqlite_world: World) -> None:
    said: list[str] = []
    serve = portal_app.by_host(sqlite_world.wired)
    body = serve({"HTTP_HOST": "127.0.0.1:5000"}, lambda status, _headers: said.append(status))
    assert said == ["421 Misdirected Request"]
    assert b"developer.localhost" in b"".join(body)


def test_the_database_of_the_world_is_the_one_that_was_asked_for(world: World, database: Database) -> None:
    assert world.wired.database.url == database.url
