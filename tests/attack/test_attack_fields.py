"""Every field of every form takes whatever is typed: never a fault, and never as markup."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import html5lib
import pytest

from tests.attack.conftest import Siege
from tests.attack.objects import Target, sampled, targets
from tests.attack.test_attack_idor import theirs

MARK = "zq7"
MARKUP = (
    f"{MARK}\"><script>alert(1)</script><img src=x onerror=alert(1)>'</textarea></title></svg>{{{{7*7}}}}{{%"
)
TYPED = {
    "long": "ä" * 12_000,
    "nul": "a\0b",
    "number": "9" * 400,
    "surrogate": "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace") + "\U0010ffff\ufffe",
    "markup": MARKUP,
    "minus": "-1",
    "superscript": "²",
    "other digits": "٣",
    "date": "0000-00-00",
    "infinity": "1e999999999",
}
WORKERS = (
    *("weiss", "nadia", "amara", "petra", "oskar", "mira", "paul", "ida", "ines", "tomasz", "ruth"),
    *("hale", "dora", "rory", "ansel", "larry"),
)


def forms(page: str, method: str = "post") -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Action and fields of every form of a page, with the values that it has."""
    for form in html5lib.parse(page, namespaceHTMLElements=False).iter("form"):
        if (form.get("method") or "get").lower() != method or "sign-out" in (form.get("action") or ""):
            continue
        fields = [
            (field.get("name") or "", field.get("value") or "")
            for tag in ("input", "textarea", "select", "button")
            for field in form.iter(tag)
            if field.get("name")
        ]
        yield form.get("action") or "", fields


def pages_of(siege: Siege, name: str) -> Iterator[str]:
    """Addresses with a form that this person could open."""
    zone, by = siege.personas[name]
    app, siege = siege.world.zones[zone], siege.still()
    mine: list[Target] = sampled((t for t in targets(siege, zone) if theirs(siege, name, t)), 1)
    yield from (t.path for t in mine if "GET" in (t.rule.methods or set()) and "json" not in t.path)
    for rule in app.url_map.iter_rules():
        enter = app.extensions["enter"][rule.endpoint.partition(".")[0]]
        if not rule.arguments and "GET" in (rule.methods or set()) and by.roles & enter:
            yield rule.rule


@dataclass(frozen=True)
class Form:
    """One form of one page, and who can send it."""

    name: str
    where: str
    fields: tuple[tuple[str, str], ...]

    def send(self, siege: Siege, text: str) -> Any:
        """Send it with ``text`` in every field a person can type in."""
        kept = {"csrf_token", "digest", "decision", "version"}
        typed = {name: value if name in kept else text for name, value in self.fields}
        return siege.client(self.name).post(self.where, data={**typed, "form_id": str(uuid.uuid4())})


@pytest.fixture(scope="module")
def forms_on(siege_on: Callable[[str], Siege]) -> Callable[[str], list[Form]]:
    """Every form of an instance once, found on the pages as people see them."""

    @cache
    def on(backend: str) -> list[Form]:
        siege, found = siege_on(backend), {}
        for name in WORKERS:
            for path in dict.fromkeys(pages_of(siege, name)):
                page = siege.client(name).get(path)
                assert page.status_code < 500, f"{name} {path}: {page.status_code}"
                for action, fields in forms(page.text) if page.mimetype == "text/html" else ():
                    shape = re.sub(r"[\w-]*\d[\w-]*", "*", action or path)
                    found.setdefault(shape, Form(name, action or path, tuple(fields)))
        return list(found.values())

    return on


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("what", TYPED)
def test_no_form_fails_whatever_is_typed(
    siege_on: Callable[[str], Siege], forms_on: Callable[[str], list[Form]], backend: str, what: str
) -> None:
    siege, found = siege_on(backend), forms_on(backend)
    assert len(found) > 15
    answers = {form.where: form.send(siege, TYPED[what]).status_code for form in found}
    assert not [where for where, status in answers.items() if status >= 500]


def test_no_page_fails_whatever_its_address_asks(siege: Siege) -> None:
    wild = ("9" * 40, "-1", "a\0b", "é" * 3000, "1.5", "[]", "%", "' OR 1=1 --")
    asked = ("page", "view", "version", "result", "reference", "model", "kind", "as", "next")
    faults = []
    for name in ("weiss", "oskar", "mira", "ines"):
        client = siege.client(name)
        for path in dict.fromkeys(pages_of(siege, name)):
            for text in wild[:3] if path.count("/") > 2 else wild:
                answer = client.get(path, query_string=dict.fromkeys(asked, text))
                if answer.status_code >= 500:
                    faults.append(f"{name} {path} {text[:12]!r}")
    public = siege.world.client("public")
    for rule in siege.world.zones["public"].url_map.iter_rules():
        if not rule.arguments and "GET" in (rule.methods or set()):
            faults += [
                f"public {rule.rule} {text[:12]!r}"
                for text in wild
                if public.get(rule.rule, query_string=dict.fromkeys(asked, text)).status_code >= 500
            ]
    assert not faults, "\n".join(faults)


def test_no_question_of_the_public_fails_or_takes_long(siege: Siege) -> None:
    """Each field of each form that anybody can send, with each hostile text, the others as they are."""
    client, asked, wrong = siege.world.client("public"), 0, []
    for rule in siege.world.zones["public"].url_map.iter_rules():
        if rule.arguments or "GET" not in (rule.methods or set()):
            continue
        for action, fields in forms(client.get(rule.rule).text, "get"):
            for name in dict.fromkeys(name for name, _ in fields):
                for what, text in TYPED.items():
                    begun = time.thread_time()
                    answer = client.get(action or rule.rule, query_string={**dict(fields), name: text})
                    asked += 1
                    if answer.status_code >= 500 or time.thread_time() - begun > 5:
                        wrong.append(f"{action or rule.rule} {name} {what}: {answer.status_code}")
    assert asked > 8
    assert not wrong, "\n".join(wrong)
