"""The questions by which sealed sections come in parts, asked of a core that has all but its sandbox."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from secure_access.clock import FixedClock
from secure_access.custodian import sealed_store
from secure_access.custodian.lease import Lease
from secure_access.custodian.outside import sandboxed
from secure_access.custodian.process import Opened, Settings, open_core
from secure_access.custodian.questions import QUESTIONS, answered
from secure_access.custodian.sandbox import Sandbox
from secure_access.ledger import canonical
from secure_access.sealing import sections
from secure_access.sealing.plans import PlanKey
from tests.fixtures import pdfs
from tests.fixtures.enrolled import DEVELOPER, NOW, REQUEST, signed, text64
from tests.secure_access.custodian.test_core_process import with_keys, written

SECTION = "weights"


class Asked:
    """A core with a plan key, and its questions."""

    def __init__(self, home: Path) -> None:
        self.home, world = home, with_keys()
        settings = Settings.read(written(home, world))
        lease = Lease(settings.lease, settings.name)
        assert lease.take(NOW)
        clock = FixedClock(NOW)
        self.core: Opened = open_core(
            home, settings, lease, sandboxed(home, clock, Sandbox("/nowhere")), clock
        )
        self.core.core.enrol(signed(world.value))
        self.plan = self.core.core.make_plan_key(REQUEST, DEVELOPER)
        self.world, self.visit = world, ""
        self.visit = self.enter("tess")
        self.key = PlanKey.parse(self.core.keys.public(self.plan))

    def ask(self, do: str, **fields: Any) -> Any:
        if do.startswith("upload."):
            fields = {"visit": self.visit, **fields}
        encoded = canonical.encode({"do": do, **fields})
        return json.loads(answered(self.core.core, encoded, {**QUESTIONS, **self.core.extra}))

    def enter(self, by: str) -> str:
        made = self.core.core.visits.ask()
        return self.core.core.visits.enter(made.nonce, self.world.answer(by, made.challenge)).token

    def sealed(self, section: str = SECTION) -> bytes:
        content = pdfs.plain()
        said = sections.SectionContent(
            "a", "application/pdf", len(content), hashlib.sha256(content).hexdigest()
        )
        return b"".join(map(bytes, sections.sealed([content], said, key=self.key, section=section)))

    def begin(self, content: bytes, **changes: Any) -> Any:
        told = {"request": REQUEST, "section": SECTION, "size": len(content)}
        return self.ask("upload.begin", **{**told, "sha256": hashlib.sha256(content).hexdigest(), **changes})


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    made = Asked(tmp_path / "core")
    yield made
    made.core.close()


def test_a_file_comes_in_parts(asked: Asked) -> None:
    content = asked.sealed()
    token = asked.begin(content)["done"]["token"]
    place = {"token": token, "bytes": text64(content[:1000])}
    assert asked.ask("upload.part", **place, offset=5) == {"done": {"taken": False, "offset": 0}}
    assert asked.ask("upload.part", **place, offset=0) == {"done": {"taken": True, "offset": 1000}}
    assert asked.ask("upload.end", token=token)["refused"]["why"] == "malformed"
    assert asked.begin(content)["done"] == {"token": token, "offset": 1000, "whole": False}
    asked.ask("upload.part", token=token, offset=1000, bytes=text64(content[1000:]))
    digest = hashlib.sha256(content).hexdigest()
    assert asked.ask("upload.end", token=token) == {"done": {"section": SECTION, "sha256": digest}}
    assert asked.begin(content)["done"] == {"token": token, "offset": len(content), "whole": True}


def test_the_largest_part_is_a_mebibyte(asked: Asked) -> None:
    content = bytes(3 << 20)
    token = asked.begin(content)["done"]["token"]
    part = {"token": token, "offset": 0}
    assert (
        asked.ask("upload.part", **part, bytes=text64(content[: (1 << 20) + 1]))["refused"]["why"]
        == "malformed"
    )
    assert asked.ask("upload.part", **part, bytes=text64(content[: 1 << 20]))["done"]["offset"] == 1 << 20


def test_what_is_not_for_this_request(asked: Asked) -> None:
    content = asked.sealed("other")
    token = asked.begin(content)["done"]["token"]
    asked.ask("upload.part", token=token, offset=0, bytes=text64(content))
    refused = asked.ask("upload.end", token=token)["refused"]
    assert refused["words"].startswith("This file is not sealed for this section of this request: ")
    for what in (
        asked.begin(content, request="PR-none"),
        asked.ask("upload.part", token="0" * 64, offset=0, bytes="AA=="),
        asked.ask("upload.end", token="0" * 64),
        asked.ask("inspected", plan=asked.plan),
    ):
        assert what == {"not_found": True}


def test_ciphertext_is_taken_of_the_developer_s_officers_alone(asked: Asked) -> None:
    """Others neither fill the disk nor use up what a request may have, whatever token they know."""
    content = asked.sealed()
    token = asked.begin(content)["done"]["token"]
    files = sorted((asked.home / "sealed" / "uploads").iterdir())
    for visit, said in (
        ("none", "not_entered"),
        (asked.enter("henrike"), None),
        (asked.enter("ada"), None),
    ):
        for answer in (
            asked.begin(content + b"x", visit=visit),
            asked.ask("upload.part", visit=visit, token=token, offset=0, bytes="AAAA"),
            asked.ask("upload.end", visit=visit, token=token),
        ):
            assert answer == {"not_found": True} if said is None else answer["refused"]["why"] == said
    assert sorted(files[0].parent.iterdir()) == files
    part = {"token": token, "offset": 0, "bytes": text64(content[:9])}
    assert asked.ask("upload.part", **part)["done"]["taken"]


def test_too_much_is_refused_in_words(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_store, "MOST_FILES", 0)
    assert asked.begin(b"x")["refused"]["why"] == "too_much"


@pytest.mark.parametrize("zoom", [9, 11, 21])
def test_a_zoom_is_one_that_there_is(asked: Asked, zoom: int) -> None:
    told = {"token": "x", "section": SECTION, "page": 1}
    assert asked.ask("release", **told, zoom=zoom)["refused"]["why"] == "malformed"
    assert asked.ask("release", **told, zoom=15) == {"not_found": True}
    assert asked.ask("release_text", **told) == {"not_found": True}
