"""What must stay between those it concerns: drafts, confidential answers, names, passwords, plans."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from portal import logs, worker
from portal.filing.tables import Filing
from secure_access import identity, jobs
from secure_access.db import select
from secure_access.identity import OrganisationKind, Person
from secure_access.ledger import Log
from secure_access.ledger.tables import LedgerEntry
from secure_access.workflow import Role
from tests.attack.conftest import Siege
from tests.attack.objects import sampled, targets
from tests.attack.second import CANARY, canary
from tests.attack.test_attack_fields import pages_of
from tests.attack.test_attack_sessions import token_of
from tests.fixtures.app import World


def read_by(siege: Siege, name: str) -> Iterator[tuple[str, str]]:
    """Everything that a person can open, and every download that is text."""
    zone, _ = siege.personas[name]
    named = [t.path for t in sampled(targets(siege, zone), 12) if "GET" in (t.rule.methods or set())]
    for path in dict.fromkeys([*pages_of(siege, name), *named]):
        answer = siege.client(name).get(path)
        yield path, answer.get_data(as_text=False).decode("utf-8", "replace")


@pytest.mark.parametrize("name", ["mira", "paul", "ida", "brenner", "ruth", "ines", "tomasz", "root"])
def test_no_official_reads_anything_of_a_draft(siege: Siege, name: str) -> None:
    drafts = {str(filing.id) for filing in siege.second.drafts.values()}
    papers = {str(siege.second.papers[key].id) for key in siege.second.drafts}
    hidden = {
        canary(f"{what}-{whose}")
        for what in ("draft", "file", "bytes")
        for whose in ("first", "other", "named")
    }
    read = 0
    for path, text in read_by(siege, name):
        asked = {key for key in drafts | papers if key in path}
        assert not [word for word in (drafts | papers | hidden) - asked if word in text], path
        read += 1
    assert read > 10


def test_the_queue_and_the_registers_count_no_draft(siege: Siege) -> None:
    before = siege.client("mira").get("/cases").text
    with siege.world.wired.database.write() as session:
        draft = session.get_one(Filing, siege.second.drafts["other"].id)
        draft.content = {"tested": canary("more")}
    assert re.sub(r'value="[^"]*"', "", siege.client("mira").get("/cases").text) == re.sub(
        r'value="[^"]*"', "", before
    )


def of_the_named_draft(siege: Siege, name: str) -> str:
    """Everything that the addresses of the draft of named people answer to somebody."""
    named = siege.second.drafts["named"].id
    found = [
        siege.client(name).get(target.path).get_data().decode("utf-8", "replace")
        for target in targets(siege, "developer")
        if getattr(target.about, "id", None) == named and "GET" in (target.rule.methods or set())
    ]
    assert len(found) > 8
    return "".join(found)


@pytest.mark.parametrize("name", ["amara", "tessa", "dora", "rory", "weiss"])
def test_nobody_outside_its_named_people_reads_anything_of_a_draft(siege: Siege, name: str) -> None:
    """An officer who asked to join, an administrator, agents, and somebody of another developer."""
    read = [("its addresses", of_the_named_draft(siege, name)), *read_by(siege, name)]
    for path, text in read:
        for what in ("draft", "file", "bytes"):
            assert canary(f"{what}-named") not in text, path
    assert len(read) > 3


def test_its_named_people_read_it(siege: Siege) -> None:
    """The other half: there is something to be hidden, and addresses that show it."""
    shown = of_the_named_draft(siege, "jonas")
    assert canary("bytes-named") in shown
    assert canary("file-named") in shown
    assert canary("draft-named") in shown


@pytest.mark.parametrize(("name", "other"), [("weiss", "other"), ("nadia", "other"), ("amara", "first")])
def test_no_developer_reads_anything_of_another(siege: Siege, name: str, other: str) -> None:
    for path, text in read_by(siege, name):
        assert canary(f"draft-{other}") not in text, path
        assert canary(f"file-{other}") not in text, path
        if other == "other":
            assert CANARY + "-question" not in text, path
            assert CANARY + "-purpose" not in text, path


@pytest.mark.parametrize("name", ["lena", "oskar", "petra"])
def test_no_evaluator_reads_beyond_the_engagement(siege: Siege, name: str) -> None:
    for path, text in read_by(siege, name):
        assert "-draft-" not in text, path
        assert CANARY + "-question" not in text, path
        assert CANARY + "-purpose" not in text, path
        assert name == "petra" or canary("annex") not in text, path


def test_the_public_reads_nothing_confidential(siege: Siege) -> None:
    client, read = siege.world.client("public"), 0
    fixed = [r.rule for r in siege.world.zones["public"].url_map.iter_rules() if not r.arguments]
    emails = [row.email for row in siege.rows(Person)]
    for path in dict.fromkeys([*fixed, *(t.path for t in sampled(targets(siege, "public"), 40))]):
        text = client.get(path).get_data().decode("utf-8", "replace")
        assert CANARY not in text, path
        # The doors of a demonstration name its accounts on purpose.
        assert path == "/" or path.startswith("/walk") or not [one for one in emails if one in text], path
        read += 1
    assert read > 30


def test_public_entries_hold_no_name_and_no_text(siege: Siege) -> None:
    people = siege.rows(Person)
    words = {CANARY, "secret", "cheap$", *(p.name for p in people), *(p.email for p in people)}
    with siege.world.wired.database.read() as session:
        entries = session.exec(select(LedgerEntry).where(LedgerEntry.log == Log.PUBLIC)).all()
    assert len(entries) > 40
    for entry in entries:
        said = bytes(entry.entry).decode()
        assert not [word for word in words if word in said], said


def test_no_table_holds_a_password_or_a_session_token(siege: Siege) -> None:
    path = siege.world.wired.database.url.removeprefix("sqlite:///")
    kept = Path(path).read_bytes() + Path(f"{path}-wal").read_bytes()
    accounts = (siege.world.wired.settings.home / "demo-accounts.txt").read_text()
    for name in ("weiss", "mira"):
        with siege.client(name).session_transaction(base_url=_base(siege, name)) as cookie:
            assert cookie["_user_id"].encode() not in kept
    assert "mira@authority.example" in accounts
    assert (siege.world.wired.settings.home / "demo-accounts.txt").stat().st_mode & 0o077 == 0


def _base(siege: Siege, name: str) -> str:
    return f"http://{siege.personas[name][0]}.localhost:5000"


@pytest.fixture
def log_file(tmp_path: Path, sqlite_world: World) -> Iterator[Path]:
    """The log of a process as ``assay serve`` configures it."""
    root, path = logging.getLogger(), tmp_path / "assay.log"
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    logs.configure(replace(sqlite_world.wired.settings, log=str(path)), "web")
    yield path
    structlog.configure(**before)
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = handlers, level
    for name in logs.OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)


SECRETS = {"plan": "zq7-the-locks-are-of-wood", "password": "zq7-hunter2", "email": "zq7@example.test"}


def test_a_fault_writes_no_secret_to_the_log_or_the_page(
    sqlite_world: World, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception whose words, arguments and local variables all hold secrets."""
    by = sqlite_world.person(sqlite_world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    client = sqlite_world.client("developer", by)
    token = token_of(client)

    def fail(_session: Any, **given: Any) -> None:
        plan = SECRETS["plan"]
        try:
            raise KeyError(plan)
        except KeyError as error:
            raise RuntimeError(f"no such thing: {plan} {SECRETS['password']}", given) from error

    monkeypatch.setattr("portal.filing.service.start", fail)
    sent = {"csrf_token": token, "kind": "safety_framework", **SECRETS}
    answer = client.post("/filings/new", data=sent, query_string={"q": SECRETS["plan"]})
    assert answer.status_code == 500
    written = log_file.read_text()
    assert "request.failed" in written
    assert "RuntimeError" in written
    assert not [word for word in (*SECRETS.values(), token, by.name) if word in written]
    assert not [word for word in SECRETS.values() if word in answer.text]


def test_a_job_that_fails_keeps_and_logs_no_secret(sqlite_world: World, log_file: Path) -> None:
    wired = sqlite_world.wired
    with wired.database.write() as session:
        job = jobs.add(session, "test.fails", "x")

    def fail(_wired: Any, _subject: str) -> Any:
        raise ValueError(f"Key (email)=({SECRETS['email']}) already exists: {SECRETS['plan']}")

    assert worker.perform(wired, job.id, {"test.fails": fail}) is False
    with wired.database.write() as session:
        row = session.get_one(jobs.Job, job.id)
        kept = row.last_error
        session.delete(row)
    assert "ValueError" in kept
    for text in (kept, log_file.read_text()):
        assert not [word for word in SECRETS.values() if word in text]


def test_wrong_passwords_leave_no_trace_of_what_was_typed(sqlite_world: World, log_file: Path) -> None:
    client = sqlite_world.client("developer")
    page = client.get("/sign-in").text
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    fields = {"csrf_token": token, "email": SECRETS["email"], "password": SECRETS["password"]}
    answer = client.post("/sign-in", data=fields)
    assert answer.status_code == 422
    assert SECRETS["password"] not in answer.text
    assert not log_file.exists() or SECRETS["password"] not in log_file.read_text()
    with sqlite_world.wired.database.read() as session:
        assert identity.people_with(session, Role.PREPARER) is not None


def test_receipts_hold_no_name(siege: Siege) -> None:
    filed = next(
        f for f in siege.rows(Filing) if f.reference and f.developer_id == siege.cast["weiss"].organisation_id
    )
    receipt = siege.client("weiss").get(f"/filings/{filed.reference}/receipt.json").text
    assert json.loads(receipt)
    for person in siege.rows(Person):
        assert person.name not in receipt
        assert person.email not in receipt
