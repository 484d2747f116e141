"""Hosts, headers, cookies, redirects and tokens: what the web does around every page."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from portal.app import by_host
from portal.settings import ZONES
from portal.ui import static_digest
from portal.web import HEADERS, origin
from secure_access import identity
from secure_access.identity import OrganisationKind
from secure_access.workflow import Role
from tests.attack.conftest import Siege
from tests.attack.objects import sampled, targets
from tests.attack.test_attack_sessions import token_of
from tests.fixtures.app import World, filled


def addresses(siege: Siege, zone: str, method: str) -> Iterator[str]:
    """Every rule of a zone for a method, filled in with anything."""
    urls = siege.urls(zone)
    for rule in siege.world.zones[zone].url_map.iter_rules():
        if method in (rule.methods or set()):
            yield urls.build(rule.endpoint, filled(rule))


def check(answer: Any, where: str) -> None:
    """The headers of every answer, whatever it is."""
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy, where
    assert "unsafe" not in policy, where
    for name in set(HEADERS) - {"Content-Security-Policy"}:
        assert answer.headers[name] == HEADERS[name], f"{where}: {name}"
    kept = answer.headers["Cache-Control"]
    assert kept == "no-store" or where.rsplit(maxsplit=1)[-1].startswith("/static/"), f"{where}: {kept}"
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert cookie.startswith("__Host-assay-"), where
        assert "Domain" not in cookie, where
        assert all(word in cookie for word in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax")), where


@pytest.mark.parametrize("name", ["weiss", "oskar", "mira", "ines", "ruth", "hale", "dora", "larry"])
def test_every_page_download_and_refusal_carries_the_headers(siege: Siege, name: str) -> None:
    zone, _ = siege.personas[name]
    real = [t.path for t in sampled(targets(siege, zone), 2) if "GET" in (t.rule.methods or set())]
    for path in dict.fromkeys([*real, *addresses(siege, zone, "GET"), "/no-such", "/static/../web.py"]):
        check(siege.client(name).get(path), f"{name} GET {path}")


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone != "public"])
def test_every_form_wants_its_token(siege: Siege, zone: str) -> None:
    names = [name for name, (of, _) in siege.personas.items() if of == zone]
    for path in addresses(siege, zone, "POST"):
        statuses = set()
        for name in names:
            answer = siege.client(name).post(path, data={"form_id": str(uuid.uuid4()), "do": "x"})
            check(answer, f"{name} POST {path}")
            statuses.add(answer.status_code)
        # 400 where the person may enter, 404 where not; nothing else, and somebody may enter each.
        assert statuses <= {400, 404}, path
        assert 400 in statuses, path


def test_public_forms_want_their_token(siege: Siege) -> None:
    client = siege.world.client("public")
    for path in addresses(siege, "public", "POST"):
        answer = client.post(path, data={"receipt": "{}"})
        assert answer.status_code == 400
        check(answer, f"public POST {path}")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "PROPFIND"])
def test_other_methods_do_nothing(siege: Siege, method: str) -> None:
    for name in ("weiss", "mira"):
        answer = siege.client(name).open("/filings/x", method=method)
        assert answer.status_code in (200, 404)
        assert method == "OPTIONS" or answer.status_code == 404
        check(answer, f"{name} {method} /filings/x")


TARGETS = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "https:evil.example",
    "http://developer.localhost@evil.example/",
    "javascript:alert(1)",
    "%2f%2fevil.example",
    "/%5cevil.example/..//evil.example",
    "/a\r\nSet-Cookie: x=1",
    "/" + "a" * 900,
    "/.//evil.example",
)


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_signing_in_leads_nowhere_else(sqlite_world: World, target: str) -> None:
    by = sqlite_world.person(sqlite_world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    with sqlite_world.wired.database.read() as session:
        email = session.get_one(identity.Person, by.person_id).email
    client = sqlite_world.client("developer")
    page = client.get("/sign-in", query_string={"next": target}).text
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    fields = {"csrf_token": token, "email": email, "password": "secret", "next": target}
    answer = client.post("/sign-in", data={**fields, "form_id": str(uuid.uuid4())})
    assert answer.status_code == 303
    led = answer.headers["Location"]
    assert re.match(r"/(?![/\\\s])", led), led
    assert len(answer.headers.getlist("Set-Cookie")) == 1


HOSTS = (
    "evil.example",
    "developer.localhost.evil.example",
    "developer.localhost.",
    "developer.localhost@evil.example",
    "evil.example:developer.localhost",
    "[::1]",
    "",
    "127.0.0.1",
    "DEVELOPER.LOCALHOST",
    "developer.localhost:1",
    "developer.localhost:evil",
    "developer.localhost, evil.example",
)


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_is_a_zone_or_nothing(siege: Siege, host: str) -> None:
    """No answer repeats a host, and forwarding headers change nothing."""
    wired = siege.world.wired
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/filings",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "HTTP_HOST": host,
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_PROTO": "gopher",
        "HTTP_X_FORWARDED_PREFIX": "/evil",
        "HTTP_FORWARDED": "host=evil.example",
        "HTTP_X_ORIGINAL_URL": "/cases",
        "HTTP_X_REWRITE_URL": "/cases",
    }
    said: list[Any] = []
    body = b"".join(by_host(wired)(environ, lambda status, headers, *_: said.extend([status, headers])))
    status, headers = said[0], dict(said[1])
    assert status.startswith(("421", "303", "400"))
    assert "evil" not in body.decode()
    assert "evil" not in str(headers)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    if status.startswith("303"):
        assert headers["Location"] == "/sign-in?next=/filings"


def test_a_cookie_of_one_zone_says_nothing_in_another(siege: Siege) -> None:
    """Each zone signs with a key of its own, so that a cookie carried over is no session."""
    wired = siege.world.wired
    assert len({wired.secrets[zone] for zone in ZONES}) == len(ZONES)
    cookie = siege.client("nadia").get_cookie("__Host-assay-developer", domain="developer.localhost")
    assert cookie
    for zone in ("evaluator", "government"):
        client = siege.world.client(zone)
        client.set_cookie(f"__Host-assay-{zone}", cookie.value, domain=f"{zone}.localhost", secure=True)
        assert client.get("/").status_code == 303
        assert origin(wired.settings, zone)


def test_a_session_is_not_fixed_before_signing_in(sqlite_world: World) -> None:
    by = sqlite_world.person(sqlite_world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    with sqlite_world.wired.database.read() as session:
        email = session.get_one(identity.Person, by.person_id).email
    client = sqlite_world.client("developer")
    page = client.get("/sign-in").text
    before = client.get_cookie("__Host-assay-developer", domain="developer.localhost")
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    client.post("/sign-in", data={"csrf_token": token, "email": email, "password": "secret"})
    assert before
    planted = sqlite_world.client("developer")
    planted.set_cookie("__Host-assay-developer", before.value, domain="developer.localhost", secure=True)
    assert planted.get("/").status_code == 303
    assert client.get("/").status_code == 200
    assert token_of(client)


@pytest.mark.parametrize("path", ["/static/{digest}/../web.py", "/static/{digest}/%2e%2e/%2e%2e/settings.py"])
def test_static_files_are_static_files_only(siege: Siege, path: str) -> None:
    found = siege.world.client("public").get(path.format(digest=static_digest()))
    assert found.status_code == 404
