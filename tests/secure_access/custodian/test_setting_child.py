"""The child that sets plans: what it answers, and that it answers under its own confinement alone."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from secure_access.custodian import confinement, opening, setting, wire
from secure_access.custodian.custody import NotOpened
from secure_access.custodian.opening import SETTING_LIMITS
from secure_access.custodian.sandbox import SETTING, Broken, Child, Sandbox
from secure_access.custodian.wire import Kind, Reason
from tests.fixtures import oscal
from tests.fixtures.custody import need_sandbox

REGISTER = json.dumps(
    {
        "v": "assay.threat-actors/v1",
        "actors": [
            {
                **{"name": "A", "kind": "insider", "capability": "low", "asset": "weights", "tier": "1"},
                "controls": ["ac-2"],
            }
        ],
    }
).encode()
BOX = Sandbox(limits=SETTING_LIMITS, program=SETTING)


def answered(content: bytes, media_type: str, box: Sandbox = BOX) -> tuple[dict[str, Any], bytes]:
    need_sandbox()
    with box.prepare() as child:
        child.give(content, media_type)
        kind, said = child.answer(wire.MAX_LOOKED)
        assert kind is Kind.LOOKED
        found = json.loads(said)
        return found, b"" if found["problems"] else bytes(child.answer(wire.MAX_PDF)[1])


@pytest.mark.parametrize(
    ("form", "write"), [("json", oscal.as_json), ("yaml", oscal.as_yaml), ("xml", oscal.as_xml)]
)
@pytest.mark.parametrize("version", ["1.0.4", "1.1.2"])
def test_a_plan_is_set_in_every_form(form: str, write: Any, version: str) -> None:
    found, pdf = answered(write(oscal.tree(version=version)), f"application/oscal+{form}")
    assert (found["problems"], found["register"]) == ([], False)
    assert found["schema"] in ("valid", "invalid")
    assert pdf.startswith(b"%PDF-1.7")


def test_a_register_is_one() -> None:
    found, pdf = answered(REGISTER, "application/oscal+json")
    assert found == {"problems": [], "schema": "", "register": True}
    assert pdf.startswith(b"%PDF-")


def test_a_long_plan() -> None:
    plan = oscal.tree({f"ac-{number}": "implemented" for number in range(1, 26)}, text="Two people. " * 200)
    _, pdf = answered(oscal.as_json(plan), "application/oscal+json")
    assert pdf.startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("content", "form", "words"),
    [
        (b"{", "json", "not JSON"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "xml", "document type"),
        (b"a: &b [*b]", "yaml", "anchors and aliases"),
        (b"[" * 100_000, "json", "nested|not JSON"),
        (b'{"catalog": {}}', "json", "OSCAL catalog"),
    ],
)
def test_what_is_no_plan_is_told_in_words(content: bytes, form: str, words: str) -> None:
    import re

    found, pdf = answered(content, f"application/oscal+{form}")
    assert re.search(words, " ".join(found["problems"]))
    assert pdf == b""


def test_memory_is_bounded() -> None:
    need_sandbox()
    box = replace(BOX, limits=replace(SETTING_LIMITS, memory=400 << 20))
    plan = oscal.as_json(oscal.tree(text="x " * 4_000_000))
    with box.prepare() as child:
        child.give(plan, "application/oscal+json")
        # Python is told that there is no memory and says so; what is not Python's is ended for asking.
        try:
            answer = child.answer(wire.MAX_LOOKED)
        except Broken:
            answer = None
        assert answer in (None, (Kind.REFUSED, bytearray([Reason.MEMORY])))


def test_the_same_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the child does, without the sandbox: each step is called, in its order."""
    steps: list[str] = []
    for name in ("close_all_but_pipes", "limit", "filter_calls"):
        monkeypatch.setattr(confinement, name, lambda *_args, name=name: steps.append(name))
    terms = json.dumps({"memory": 1, "seconds": 1, "files": 1, "filter": "00"}).encode() + b"\n"
    for content, media_type in ((REGISTER, "application/oscal+json"), (b"x", "application/pdf"), (b"", "")):
        head = json.dumps({"media_type": media_type, "size": len(content)}).encode() + b"\n"
        out = io.BytesIO()
        setting.main(io.BytesIO(terms + (head + content if media_type else b"")), out)
        assert steps == ["close_all_but_pipes", "limit", "filter_calls"]
        steps.clear()
        if media_type:
            assert wire.ANSWER.unpack_from(out.getvalue())[0] == Kind.LOOKED
        else:
            assert out.getvalue() == b""


def test_a_drift_report_of_a_plan_and_a_register() -> None:
    plan = oscal.as_json(oscal.tree())
    files = [["application/oscal+json", len(plan)], ["application/oscal+json", len(REGISTER)]]
    told = {"outline": {"a": "We claim PE-3."}, "sections": ["b"], "files": files}
    found, pdf = answered(json.dumps(told).encode() + b"\n" + plan + REGISTER, wire.COMPARED)
    assert found["problems"] == []
    assert pdf.startswith(b"%PDF-")


class Lies(Child):
    """A child that answers what it was told to."""

    def __init__(self, kind: Kind, answer: bytes) -> None:
        self._told, self.ended = (kind, bytearray(answer)), False

    def answer(self, most: int) -> tuple[Kind, bytearray]:
        return self._told

    def broken(self, words: str) -> Broken:
        self.ended = True
        return Broken(words)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"{", b"[]", b"7", b'"x"', b"{}", b'{"problems": []}',
        b'{"problems":[],"schema":"good","register":false}',
        b'{"problems":[],"schema":"valid","register":1}', b'{"problems":3,"schema":"","register":false}',
        b"[" * 50_000, b"\xff",
    ],
)  # fmt: skip
def test_a_child_that_lies_is_ended(answer: bytes) -> None:
    child = Lies(Kind.LOOKED, answer)
    with pytest.raises(Broken):
        opening._said(child)
    assert child.ended


def test_words_of_a_child_reach_a_person_without_what_a_screen_obeys() -> None:
    answer = json.dumps({"problems": ["a\x1b[31m\u202eb"], "schema": "", "register": False}).encode()
    with pytest.raises(NotOpened, match=r"^a\[31mb$"):
        opening._said(Lies(Kind.LOOKED, answer))
    with pytest.raises(NotOpened, match="memory"):
        opening._said(Lies(Kind.REFUSED, bytes([Reason.MEMORY])))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's own code, asked in this process."""
    for name in ("close_all_but_pipes", "limit", "filter_calls"):
        monkeypatch.setattr(confinement, name, lambda *_args: None)


def said(content: bytes, media_type: str) -> list[tuple[int, bytes]]:
    """What the child's own code answers, in this process."""
    terms = json.dumps({"memory": 1, "seconds": 1, "files": 1, "filter": ""}).encode()
    head = json.dumps({"media_type": media_type, "size": len(content)}).encode()
    out = io.BytesIO()
    setting.main(io.BytesIO(b"\n".join((terms, head, content))), out)
    answers, rest = [], out.getvalue()
    while rest:
        kind, size = wire.ANSWER.unpack_from(rest)
        answers.append((kind, rest[wire.ANSWER.size :][:size]))
        rest = rest[wire.ANSWER.size + size :]
    return answers


@pytest.mark.usefixtures("here")
def test_what_cannot_be_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = oscal.as_json(oscal.tree())
    files = [
        ["application/oscal+json", len(plan)],
        ["application/oscal+json", len(REGISTER)],
        ["image/png", 1],
    ]
    told = json.dumps({"outline": {"a": "PE-3"}, "sections": ["a"], "files": files}).encode()
    compared = told + b"\n" + plan + REGISTER + b"x"
    assert [kind for kind, _ in said(compared, wire.COMPARED)] == [Kind.LOOKED, Kind.PDF]
    with monkeypatch.context() as patch:
        patch.setattr(setting, "MAX_PDF", 10)
        [(_, answer)] = said(plan, "application/oscal+json")
        assert b"more than can be shown" in answer

    real = setting.typeset.TEXTS

    def few(*_: object) -> None:
        monkeypatch.setattr(setting.typeset, "TEXTS", 3)

    monkeypatch.setattr(confinement, "filter_calls", few)  # after what is warmed
    for content, media_type in ((plan, "application/oscal+json"), (compared, wire.COMPARED)):
        [(kind, answer)] = said(content, media_type)
        assert (kind, b"no more than 3 are set" in answer) == (Kind.LOOKED, True)
        monkeypatch.setattr(setting.typeset, "TEXTS", real)


@pytest.mark.usefixtures("here")
def test_no_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(confinement, "filter_calls", lambda _: monkeypatch.setattr(setting, "looked", none))
    assert said(b"{}", "application/oscal+json") == [(Kind.REFUSED, bytes([Reason.MEMORY]))]
