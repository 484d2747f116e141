"""The bytes that a key signs in a step-up: the vector of the protocol page, and what changes them."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from secure_access import step_up

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "protocol.md"


def vector() -> dict[str, Any]:
    block = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    found: dict[str, Any] = json.loads(block[1])["step_up"]
    return found


def act() -> step_up.Act:
    said = json.loads(vector()["statement"])
    return step_up.Act(
        said["zone"],
        uuid.UUID(said["session"]),
        uuid.UUID(said["person"]),
        said["action"],
        said["object"],
        said["shown"],
    )


def made(one: step_up.Act, nonce: str = "", expires: str = "") -> str:
    said = json.loads(vector()["statement"])
    expires_at = datetime.fromisoformat(expires or said["expires"])
    return step_up.challenge(one, nonce=nonce or said["nonce"], expires_at=expires_at).hex()


def test_the_vector_of_the_protocol_page() -> None:
    said = vector()
    statement = step_up.statement(
        act(),
        nonce=json.loads(said["statement"])["nonce"],
        expires_at=datetime.fromisoformat(json.loads(said["statement"])["expires"]),
    )
    assert statement.decode() == said["statement"]
    assert made(act()) == said["challenge"]
    assert hashlib.sha256(b"assay.step-up/v1\0" + said["statement"].encode()).hexdigest() == said["challenge"]


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "developer"},
        {"session_id": uuid.UUID(int=1)},
        {"person_id": uuid.UUID(int=1)},
        {"action": "plan_request.refuse"},
        {"object": "plan_request:00000000-0000-4000-8000-000000000001"},
        {"shown": "00" * 32},
    ],
)
def test_every_part_of_a_statement_changes_what_is_signed(change: dict[str, Any]) -> None:
    assert made(replace(act(), **change)) != made(act())
    assert made(act(), nonce="11" * 16) != made(act())
    assert made(act(), expires="2027-10-01T09:01:00.000001+00:00") != made(act())
