"""The file of a passkey for the officers: exactly its bytes, and how it gets into a draft."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secure_access.custodian import enrolment_requests, forms, list_draft
from secure_access.custodian.cli import custodian
from secure_access.custodian.enrolment import Credential
from secure_access.custodian.enrolment_requests import EnrolmentRequest
from secure_access.custodian.forms import Malformed
from secure_access.custodian.list_draft import BadDraft
from secure_access.ledger import canonical
from tests.fixtures.enrolled import NOW
from tests.secure_access.custodian.test_ceremony import DRAFT

# A P-256 key of all ones and twos: its bytes, not its points, are looked at here.
COSE = bytes.fromhex("a5010203262001215820" + "01" * 32 + "225820" + "02" * 32)
FILE = (
    '{"credential":"BwcHBwcHBwcHBwcHBwcHBw==","device":"Ada\'s \\"blue\\" key",'
    '"made_at":"2027-10-04T09:00:00.000000Z","name":"Ada Brenner",'
    f'"public_key":"{base64.b64encode(COSE).decode()}","v":"assay.enrolment-request/v1"}}'
).encode()
PASSKEY = Credential(bytes([7]) * 16, COSE, 'Ada\'s "blue" key')
TWO = (
    DRAFT
    + """
# Henrike came in October.
[[people]]   # the second
person = "henrike"
name = "Henrike Solano"
title = "officer"
organisation = "authority"
employer = "authority"
team = "Legal"
roles = ["approver"]
not_before = 2027-10-01
not_after = 2028-10-01

# From here on organisations.
[[organisations]]
id = "quillmark"
name = "Quillmark"
"""
)


def test_its_bytes_are_those_of_the_protocol() -> None:
    made = EnrolmentRequest("Ada Brenner", PASSKEY, NOW)
    assert made.encode() == FILE
    assert enrolment_requests.read(FILE) == made
    groups = forms.fingerprint(FILE).split(" ")
    assert (len(groups), "".join(groups)) == (16, forms.digest(FILE))


WRONG: dict[str, tuple[bytes, str]] = {
    "another version": (FILE.replace(b"request/v1", b"request/v2"), "this is not"),
    "a key too many": (FILE.replace(b'"name"', b'"n":"x","name"'), "too many"),
    "not canonical": (FILE.replace(b":", b": ", 1), "canonical"),
    "a name too long": (FILE.replace(b"Ada Brenner", b"A" * 121), "name"),
    "a device too long": (FILE.replace(b"Ada's", b"A" * 80), "device"),
    "a name that turns what follows": (FILE.replace(b"Ada B", "Ada\u202eB".encode()), "name"),
    "no id": (FILE.replace(b"BwcHBwcHBwcHBwcHBwcHBw==", b"Bw=="), "credential"),
    "no key": (FILE.replace(base64.b64encode(COSE), base64.b64encode(bytes(70))), "public_key"),
    "a time in another form": (FILE.replace(b".000000Z", b"Z"), "made_at"),
    "too long": (FILE + b" " * enrolment_requests.LONGEST, "more than"),
}


@pytest.mark.parametrize(("encoded", "words"), WRONG.values(), ids=WRONG)
def test_anything_else_is_refused(encoded: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        enrolment_requests.read(encoded)


def added(table: Path, draft: str, person: str, told: str = "y\n") -> Any:
    (table / "draft.toml").write_text(draft)
    (table / "request.json").write_bytes(FILE)
    named = [str(table / "draft.toml"), str(table / "request.json"), "--person", person]
    return CliRunner().invoke(custodian, ["ceremony", "add", *named], input=told)


@pytest.mark.parametrize("person", ["ada", "henrike"])
def test_the_passkey_gets_into_the_draft_of_its_person_and_nothing_else_changes(
    tmp_path: Path, person: str
) -> None:
    result = added(tmp_path, TWO, person)
    assert result.exit_code == 0, result.output
    assert forms.fingerprint(FILE) in result.output
    assert 'Ada Brenner made a passkey on “Ada\'s "blue" key”, 04 October 2027, 09:00 UTC' in result.output
    assert ("calls henrike by another name: Henrike Solano" in result.output) == (person == "henrike")
    made = (tmp_path / "draft.toml").read_text()
    assert [line for line in made.splitlines() if line not in TWO.splitlines()] == [
        f"{key} = {json.dumps(text)}" for key, text in list_draft.credential(PASSKEY).items()
    ] + ([] if "[[people.credentials]]" in TWO else ["[[people.credentials]]"])
    people = {one["person"]: one.get("credentials", []) for one in list_draft._people(made)}
    assert people[person][-1] == list_draft.credential(PASSKEY)
    assert [len(people[one]) for one in ("ada", "henrike")] == ([2, 0] if person == "ada" else [1, 1])
    assert made.index("# From here on organisations.") < made.index('id = "quillmark"')


def test_without_a_yes_the_draft_stays_as_it_was(tmp_path: Path) -> None:
    for answer in ("n\n", "\n"):
        assert added(tmp_path, TWO, "ada", answer).exit_code == 1
        assert (tmp_path / "draft.toml").read_text() == TWO


INLINE = DRAFT[: DRAFT.index("[[people.credentials]]")] + "credentials = []\n"
CANNOT: dict[str, tuple[str, str, str]] = {
    "somebody who is not in the draft": (TWO, "mallory", "has no person mallory"),
    "a draft that is not TOML": (TWO + "[[", "ada", "is not TOML"),
    "passkeys written in a line": (INLINE, "ada", "Add by hand: [[people.credentials]]"),
    "people written in a line": ('people = [{person = "ada", name = "Ada"}]', "ada", "Add by hand"),
    "people that are none": ('people = "ada"', "ada", "each begins with"),
}


@pytest.mark.parametrize(("draft", "person", "words"), CANNOT.values(), ids=CANNOT)
def test_a_draft_that_cannot_be_added_to_is_told_and_kept(
    tmp_path: Path, draft: str, person: str, words: str
) -> None:
    result = added(tmp_path, draft, person)
    assert result.exit_code == 1
    assert words in result.output
    assert (tmp_path / "draft.toml").read_text() == draft


def test_a_passkey_stands_in_a_draft_once() -> None:
    once = list_draft.with_passkey(TWO, "ada", PASSKEY)
    with pytest.raises(BadDraft, match="stands in the draft already"):
        list_draft.with_passkey(once, "henrike", PASSKEY)
    text = TWO.replace('name = "Ada Brenner"', 'name = """Ada\n[[people]]\nBrenner"""')
    with pytest.raises(BadDraft, match="Add by hand"):
        list_draft.with_passkey(text, "ada", PASSKEY)
    assert canonical.decode(FILE)
