"""No secret column of the told story reaches a page, an export or a log, no restricted one the log."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from portal import logs
from secure_access import db
from secure_access.data_classes import DataClass
from secure_access.db import Database
from tests.attack.conftest import Siege
from tests.attack.objects import sampled, targets
from tests.attack.test_attack_secrets import read_by
from tests.fixtures.app import CheapHasher
from tests.fixtures.tables import shipped

SHORTEST = 10
"""Shorter values are found by chance."""
PUBLIC = ""


def held(database: Database, kind: DataClass) -> dict[str, set[str]]:
    """Every text or byte string in columns of a class, in each spelling it could be printed in."""
    found: dict[str, set[str]] = {}
    with database.read() as session:
        for table in shipped():
            names = [name for name, declared in table.__classes__.items() if declared is kind]
            for row in session.exec(db.select(table)) if names else ():
                for name in names:
                    spelled = spellings(getattr(row, name))
                    found.setdefault(f"{table.__tablename__}.{name}", set()).update(spelled)
    return {name: values for name, values in found.items() if values}


def spellings(value: object) -> set[str]:
    """A value as it is, in hex and in both alphabets of base64."""
    if isinstance(value, bytes):
        ways = {value.hex(), base64.b64encode(value).decode(), base64.urlsafe_b64encode(value).decode()}
        return {way.rstrip("=") for way in ways if len(value) >= SHORTEST}
    return {value} if isinstance(value, str) and len(value) >= SHORTEST else set()


def leaked(values: dict[str, set[str]], text: str) -> list[str]:
    return sorted(name for name, spelled in values.items() if any(one in text for one in spelled))


@pytest.fixture(scope="module")
def secret(siege: Siege) -> dict[str, set[str]]:
    siege.client("weiss")  # a session is begun
    return held(siege.world.wired.database, DataClass.SECRET)


@pytest.fixture
def log_file(tmp_path: Path, siege: Siege) -> Iterator[Path]:
    """The log of the instance, as a web process writes it."""
    root, path, before = logging.getLogger(), tmp_path / "assay.log", structlog.get_config()
    handlers, level = root.handlers[:], root.level
    settings, kept = siege.world.wired.settings, siege.world.wired.settings.log
    object.__setattr__(settings, "log", str(path))
    logs.configure(settings, "web")
    yield path
    object.__setattr__(settings, "log", kept)
    structlog.configure(**before)
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def pages(siege: Siege, name: str) -> Iterator[tuple[str, str]]:
    if name:
        yield from read_by(siege, name)
        return
    client = siege.world.client("public")
    fixed = [rule.rule for rule in siege.world.zones["public"].url_map.iter_rules() if not rule.arguments]
    for path in dict.fromkeys([*fixed, *(t.path for t in sampled(targets(siege, "public"), 40))]):
        yield path, client.get(path).get_data().decode("utf-8", "replace")


def test_the_told_story_holds_secrets_of_every_kind(secret: dict[str, set[str]]) -> None:
    assert {"person.password_hash", "filing.withheld_salt", "document.wrapped_key"} <= set(secret)
    assert {"ledger_entry.record_salt", "sign_in_session.token_digest"} <= set(secret)
    assert CheapHasher().hash("secret") in secret["person.password_hash"]
    one = next(iter(secret["ledger_entry.record_salt"]))
    assert leaked(secret, f"<p>{one}</p>") == ["ledger_entry.record_salt"]


@pytest.mark.parametrize("name", [PUBLIC, "weiss", "oskar", "mira", "root"])
def test_no_page_or_export_holds_a_secret(siege: Siege, secret: dict[str, set[str]], name: str) -> None:
    read = 0
    for path, text in pages(siege, name):
        assert leaked(secret, text) == [], path
        read += len(text) > 500
    assert read > 5


def test_the_log_holds_nothing_but_what_may_be_public(
    siege: Siege, secret: dict[str, set[str]], log_file: Path
) -> None:
    restricted = held(siege.world.wired.database, DataClass.RESTRICTED)
    assert len([*pages(siege, PUBLIC), *pages(siege, "oskar")]) > 40
    logger = structlog.get_logger("portal")
    with siege.world.wired.database.read() as session:
        for table in shipped():
            row = session.exec(db.select(table)).first()
            logger.info("row", row=row)
            logger.info("row", columns=row.model_dump(exclude=public_of(table)) if row else {})
    written = log_file.read_text()
    assert written.count('"event": "row"') == 2 * len(shipped())
    assert leaked(secret, written) == []
    assert leaked(restricted, written) == []


def public_of(table: type[db.Table]) -> set[str]:
    """What a log line may hold of a table's columns: also what is public under that name elsewhere."""
    return set(table.__classes__) - db.never_public()
