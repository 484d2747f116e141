"""The vectors of docs/reference/protocol.md that the custodian's core signs and writes, good and changed."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secure_access.custodian import custody_log, forms, recertification
from secure_access.custodian.acts import Act, Statement
from secure_access.ledger import merkle

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    match = re.search(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    assert match
    return json.loads(match[1])  # type: ignore[no-any-return]


def test_an_act(vectors: dict[str, Any]) -> None:
    vector = vectors["custodian_act"]
    made = Statement(
        Act.APPROVE, "ab" * 32, "henrike.solano", "22" * 16, datetime(2027, 10, 1, 9, 2, tzinfo=UTC)
    )
    assert made.encoded == vector["statement"].encode()
    assert made.challenge.hex() == vector["challenge"]


def test_a_recertification(vectors: dict[str, Any]) -> None:
    vector = vectors["recertification"]
    said = recertification.parse(vector["bytes"].encode())
    assert said.digest == hashlib.sha256(vector["bytes"].encode()).hexdigest() == vector["digest"]
    assert (said.reader, said.month, said.grants) == ("ada.brenner", "2027-10", ("ab" * 32, "cd" * 32))


def test_an_entry(vectors: dict[str, Any]) -> None:
    vector = vectors["custodian_entry"]
    encoded = vector["bytes"].encode()
    line = custody_log.read_line(encoded)
    assert (line.number, line.count, line.type, line.plan) == (1, 1, "page.released", "ab" * 32)
    assert line.digest == hashlib.sha256(encoded).hexdigest() == vector["digest"]
    assert merkle.leaf_hash(encoded).hex() == vector["leaf_hash"]


CHANGED = {
    "another version": ("custodian-entry/v1", "custodian-entry/v2"),
    "a field too many": ('"count":1', '"count":1,"extra":1'),
    "no number": ('"number":1', '"number":0'),
    "another form of time": (".000000Z", "Z"),
    "white space": ('"count":1', '"count": 1'),
    "a short salt": ('"salt":"33', '"salt":"'),
    "a plan that is no fingerprint": ('"plan":"ab', '"plan":"'),
    "a previous line that is no digest": ('"previous":"00', '"previous":"0'),
    "fields that are none": ('"fields":{"release":1,"section":"weight_storage"}', '"fields":[]'),
}


@pytest.mark.parametrize(("good", "bad"), CHANGED.values(), ids=CHANGED)
def test_an_entry_changed_in_one_place_is_refused(vectors: dict[str, Any], good: str, bad: str) -> None:
    text = vectors["custodian_entry"]["bytes"]
    assert good in text
    with pytest.raises(forms.Malformed):
        custody_log.read_line(text.replace(good, bad).encode())
