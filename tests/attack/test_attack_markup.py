"""Markup in every text of every table: on no page does it become an element, a script, or a template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import html5lib
import pytest
from sqlalchemy import JSON, Connection, select, update
from sqlalchemy import Table as SqlTable
from sqlmodel import AutoString

from portal.tables import METADATA
from tests.attack.conftest import Siege
from tests.attack.objects import sampled, targets
from tests.attack.test_attack_fields import MARK, MARKUP, pages_of

KEPT = {
    *("reference", "digest", "sha256", "vault_name", "key_id", "token_digest", "email", "media_type"),
    *("subject", "zone", "kind", "type", "regime", "provision", "currency", "taxonomy"),
    *("statement", "timeliness", "code", "key", "rule", "category", "variant", "password_hash"),
    *("state", "statute_digest", "withheld_salt", "signed", "audience", "log", "link", "status"),
    *("pack", "base", "method"),
    *("owner", "prefix", "path", "location", "country", "recommendation", "role", "channel"),
}
"""Columns that hold names of ours, not what somebody typed."""

CHECKED = {("statute_version", "text"), ("custodian_link", "enrolment"), ("custodian_link", "overdue")}
"""Texts that are kept only if sound, a pack or a signed list: no markup stands in them as a whole."""


def poison(connection: Connection, table: SqlTable) -> int:
    """Put markup into every text of a table that somebody could have typed; how many columns took it."""
    done = 0
    for column in table.columns:
        typed = isinstance(column.type, AutoString | JSON)
        kept = column.name in KEPT or (table.name, column.name) in CHECKED
        if not typed or kept or column.foreign_keys or column.primary_key:
            continue
        for row in connection.execute(select(*table.primary_key, column)).all():
            mine = [at == value for at, value in zip(table.primary_key, row[:-1], strict=True)]
            value = poisoned(row[-1]) if isinstance(column.type, JSON) else f"{MARKUP} {row[0]}"
            connection.execute(update(table).where(*mine).values({column: value}))
        done += 1
    return done


def poisoned(value: Any) -> Any:
    """The same value with markup in what reads as a sentence."""
    if isinstance(value, dict):
        return {key: poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return MARKUP if isinstance(value, str) and " " in value and not value[:1].isdigit() else value


@pytest.fixture(scope="module")
def poisoned_siege(copy_of: Callable[[], Siege]) -> Siege:
    """A copy of the instance in which every text is markup. The ledger is left as it is."""
    siege = copy_of()
    for name in siege.personas:
        siege.token(name)
    with siege.world.wired.database.engine.begin() as connection:
        columns = 0
        for table in METADATA.sorted_tables:
            ours = ("ledger", "security_log", "sign_in", "form_use", "job", "access_", "statute_text")
            if not table.name.startswith(ours):
                columns += poison(connection, table)
        assert columns > 40
    return siege


def elements(page: str) -> Iterator[str]:
    """What of a page the markup became; nothing if it stayed text."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag.rpartition("}")[2] == "script" and not element.get("src"):
            yield "a script without an address"
        for name, value in element.attrib.items():
            if str(name).lower().startswith("on"):
                yield f"{element.tag} has {name}"
            if str(name) in ("href", "src", "action") and value.strip().lower().startswith(
                ("javascript", "data")
            ):
                yield f"{element.tag} leads to {value[:30]}"
            if str(name) == "style":
                yield f"{element.tag} has a style of its own"
        if element.get("src") == "x":
            yield "the picture of the markup"


@pytest.mark.parametrize(
    "name",
    [
        *("nadia", "weiss", "amara", "oskar", "petra", "mira", "ida", "ines", "ruth"),
        *("hale", "dora", "rory", "ansel", "larry"),
    ],
)
def test_markup_stays_text_on_every_page(poisoned_siege: Siege, name: str) -> None:
    siege, seen, wrong = poisoned_siege, 0, []
    for path in dict.fromkeys(pages_of(siege, name)):
        answer = siege.client(name).get(path)
        if answer.status_code >= 500:
            wrong.append(f"{path}: {answer.status_code}")
        if answer.mimetype != "text/html":
            continue
        seen += MARK in answer.text
        wrong += [f"{path}: {found}" for found in elements(answer.text)]
        if "<script>alert" in answer.text or f"{MARK}49" in answer.text:
            wrong.append(f"{path}: the markup stands in it as it was typed")
    assert seen > 1
    assert not wrong, "\n".join(wrong)


def test_markup_stays_text_in_public(poisoned_siege: Siege) -> None:
    client, seen = poisoned_siege.world.client("public"), 0
    fixed = [r.rule for r in poisoned_siege.world.zones["public"].url_map.iter_rules() if not r.arguments]
    named = [target.path for target in sampled(targets(poisoned_siege, "public"), 40)]
    for path in dict.fromkeys([*fixed, *named]):
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.mimetype == "text/html":
            seen += MARK in answer.text
            assert not list(elements(answer.text)), path
            assert "<script>alert" not in answer.text, path
    assert seen > 3


def test_files_for_spreadsheets_hold_no_formula(poisoned_siege: Siege) -> None:
    for name in ("weiss", "ines"):
        zone, _ = poisoned_siege.personas[name]
        for target in sampled(targets(poisoned_siege, zone), 8):
            if target.rule.rule.endswith(("csv", "<form>")):
                path = target.path.replace("checks.json", "checks.csv")
                answer = poisoned_siege.client(name).get(path)
                if answer.status_code == 200:
                    assert not [c for c in answer.text.split(",") if c.startswith(("=", "+", "@"))]
