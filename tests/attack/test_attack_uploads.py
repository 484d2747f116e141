"""Bytes of refused, abandoned and hostile uploads: nothing of them stays, in the vault or beside it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pytest

from portal.filing import attachments
from portal.filing.tables import FilingKind
from secure_access.identity import OrganisationKind
from secure_access.workflow import Role
from tests.attack.test_attack_sessions import token_of
from tests.fixtures.app import World
from tests.fixtures.filing import Developer

SECRET = b"zq7-plaintext-of-the-upload"


def objects(world: World) -> set[Path]:
    """Every file of the vault, complete or not."""
    return {path for path in (world.wired.settings.home / "vault").rglob("*") if path.is_file()}


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where everything temporary would be, and nothing that makes a temporary file."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for name in ("SpooledTemporaryFile", "NamedTemporaryFile", "TemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, _forbidden(name))
    return folder


def _forbidden(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError(f"tempfile.{name} would put plaintext on a disk")

    return refuse


@pytest.fixture
def draft(sqlite_developer: Developer) -> tuple[World, Any, str, str]:
    """A preparer at the attachments of a draft: world, client, address, token."""
    world = sqlite_developer.world
    with world.wired.database.write() as session:
        filing = sqlite_developer.draft(session, FilingKind.TEST_SUMMARY, complete=False)
    client = world.client("developer", sqlite_developer.preparer)
    return world, client, f"/filings/{filing.id}/attachments", token_of(client)


def _part(name: str, content: bytes, filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    head = f'--bound\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def _multipart(*parts: bytes, end: bytes = b"--bound--\r\n") -> dict[str, Any]:
    body = b"".join(parts) + end
    return {"data": body, "content_type": "multipart/form-data; boundary=bound"}


HOSTILE = {
    "refused by its kind": (_part("document", b"MZ" + SECRET, "a.exe"), b"--bound--\r\n", 422),
    "cut off in the file": (_part("document", SECRET * 9000, "a.csv"), b"", 400),
    "cut off in a header": (_part("document", SECRET, "a.csv"), b"--bound\r\nContent-Dispo", 400),
    "an endless header": (b"--bound\r\nX: " + b"a" * 70_000, b"", 400),
    "a field too large": (_part("document", SECRET, "a.csv") + _part("label", b"a" * (3 << 20)), b"", 413),
    "too many fields": (_part("document", SECRET, "a.csv") + _part("x", b"") * 2100, b"--bound--\r\n", 413),
    "too many files": (_part("document", SECRET, "a.csv") * 100, b"--bound--\r\n", 413),
    "a part in a part": (_part("document", b"--bound\r\n" + SECRET, "a.csv"), b"--bound--\r\n", 400),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_body_is_refused_and_leaves_nothing(draft: Any, watched: Path, what: str) -> None:
    world, client, where, token = draft
    content, end, status = HOSTILE[what]
    before = objects(world)
    first = _part("csrf_token", token.encode())
    answer = client.post(where, **_multipart(first, content, end=end))
    assert answer.status_code == status, answer.text
    assert objects(world) == before
    assert list(watched.iterdir()) == []


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", "text/html"])
def test_a_body_without_a_form_is_refused(draft: Any, watched: Path, kind: str) -> None:
    world, client, where, token = draft
    before = objects(world)
    body = _part("csrf_token", token.encode()) + _part("document", SECRET, "a.csv")
    assert client.post(where, data=body, content_type=kind).status_code == 400
    assert objects(world) == before


def test_what_arrives_is_never_on_the_disk_in_plaintext(draft: Any, watched: Path) -> None:
    world, client, where, token = draft
    parts = _part("csrf_token", token.encode()), _part("document", b"a,b\n" + SECRET * 100_000, "a.csv")
    assert client.post(where, **_multipart(*parts)).status_code == 303
    kept = [path for path in world.wired.settings.home.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if SECRET in path.read_bytes()]
    assert list(watched.iterdir()) == []


def test_a_claimed_file_goes_when_the_transaction_is_rolled_back(
    draft: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, client, where, token = draft
    before = objects(world)

    def fail(*_: Any, **given: Any) -> None:
        given["handed"].upload.claim()
        raise RuntimeError("the database went away")

    monkeypatch.setattr(attachments, "attach", fail)
    answer = client.post(
        where, **_multipart(_part("csrf_token", token.encode()), _part("document", b"a,b\n", "a.csv"))
    )
    assert answer.status_code == 500
    assert objects(world) == before


@pytest.mark.parametrize("zone", ["developer", "evaluator", "government"])
def test_nobody_fills_the_vault_before_signing_in(sqlite_world: World, zone: str, monkeypatch: Any) -> None:
    world = sqlite_world
    made: list[str] = []
    monkeypatch.setattr(world.wired.vault, "writer", lambda **given: made.append(given["context"]))
    client = world.client(zone)
    client.get("/sign-in")
    small = client.post("/sign-in", **_multipart(_part("document", SECRET, "a.csv")))
    assert (small.status_code, made) == (413, [])
    large = client.post("/sign-in", **_multipart(_part("email", b"a"), _part("x", b"a" * (1 << 20))))
    assert large.status_code == 413


def test_the_public_zone_takes_a_receipt_and_nothing_large(sqlite_world: World) -> None:
    client = sqlite_world.client("public")
    before = objects(sqlite_world)
    assert client.post("/ledger/check", data={"file": (io.BytesIO(b"{}"), "r.json")}).status_code == 400
    answer = client.post("/ledger/check", data={"file": (io.BytesIO(b"{" * (2 << 20)), "r.json")})
    assert answer.status_code == 413
    assert objects(sqlite_world) == before


NAMES = [
    'a"; filename="b.csv',
    "a\r\nX-Injected: 1\r\n\r\n.csv",
    "../../etc/passwd.csv",
    "a\0.csv",
    "..a.csv",
    "<img src=x onerror=alert(1)>.csv",
    "\u202evsc.a.csv",
    "a" * 5000 + ".csv",
    "C:\\a\\b.csv",
    "é\ud7ff.csv",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_name_reaches_no_header_no_path_and_no_markup(sqlite_developer: Developer, name: str) -> None:
    world = sqlite_developer.world
    with world.wired.database.write() as session:
        filing = sqlite_developer.draft(session, FilingKind.TEST_SUMMARY, complete=False)
        paper = sqlite_developer.attach(session, filing, name, b"a<script>alert(1)</script>,b\n")
    client = world.client("developer", sqlite_developer.preparer)
    answer = client.get(f"/filings/{filing.id}/documents/{paper.id}")
    assert answer.status_code == 200
    shown = answer.headers["Content-Disposition"]
    assert shown.startswith("attachment")
    assert "X-Injected" not in answer.headers
    assert not set(shown) & set("\r\n\0/\\<>")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype in ("text/csv", "application/octet-stream")
    assert "<img" not in client.get(f"/filings/{filing.id}/attachments").text


def test_somebody_without_a_role_cannot_even_send_a_body(sqlite_world: World, monkeypatch: Any) -> None:
    by = sqlite_world.person(sqlite_world.organisation(OrganisationKind.REGULATOR), Role.ADMINISTRATOR)
    client = sqlite_world.client("government", by)
    monkeypatch.setattr(sqlite_world.wired.vault, "writer", _forbidden("writer"))
    answer = client.post(
        "/penalties/violations/V-1/revenue", **_multipart(_part("document", SECRET, "a.csv"))
    )
    assert answer.status_code == 404
