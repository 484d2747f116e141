"""The child's own code, run here without its confinement: every request and every reason."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from secure_access.custodian import confinement, rendering, wire
from secure_access.custodian.wire import Act, Kind, Reason
from tests.fixtures import hostile, pdfs

Answers = list[tuple[Kind, bytes]]
PDF, PNG = "application/pdf", "image/png"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answers]:
    """What the child answers to a section and requests."""
    for name in ("close_all_but_pipes", "limit", "filter_calls"):
        monkeypatch.setattr(confinement, name, lambda *_: None)

    def run(data: bytes, media_type: str, *requests: tuple[int, int, int]) -> Answers:
        terms = json.dumps({"memory": 0, "seconds": 0, "files": 0, "filter": ""}).encode()
        head = json.dumps({"media_type": media_type, "size": len(data)}).encode()
        asked = b"".join(wire.REQUEST.pack(*one) for one in requests)
        target = io.BytesIO()
        rendering.main(io.BytesIO(terms + b"\n" + head + b"\n" + data + asked), target)
        answers, said = [], io.BytesIO(target.getvalue())
        while header := said.read(wire.ANSWER.size):
            kind, size = wire.ANSWER.unpack(header)
            answers.append((Kind(kind), said.read(size)))
        return answers

    return run


def refused(reason: Reason) -> tuple[Kind, bytes]:
    return Kind.REFUSED, bytes([reason])


def test_every_request(told: Callable[..., Answers]) -> None:
    asked = ((Act.COUNT, 0, 0), (Act.TEXT, 2, 10), (Act.PAGE, 1, 10), (Act.PAGE, 3, 10))
    first, count, words, page, missing = told(hostile.saying("one", "two"), PDF, *asked)
    assert first == count == (Kind.COUNT, b"\0\0\0\2")
    assert words == (Kind.TEXT, b"two")
    across, down = wire.SIZE.unpack_from(page[1])
    assert (across, len(page[1])) == (1240, wire.SIZE.size + 3 * across * down)
    assert missing == refused(Reason.NO_SUCH_PAGE)


@pytest.mark.parametrize(
    ("data", "media_type", "reason"),
    [
        (pdfs.locked(), PDF, Reason.LOCKED),
        (b"%PDF-1.7", PDF, Reason.DAMAGED),
        (b"x", PDF, Reason.WRONG_TYPE),
        (b"x", PNG, Reason.WRONG_TYPE),
        (pdfs.plain(wire.MAX_PAGES + 1), PDF, Reason.TOO_MANY_PAGES),
        (hostile.pdf_and_archive(), PDF, Reason.TWO_FILES),
        (hostile.png_claiming(40_000, 40_000, 1), PNG, Reason.IMAGE_TOO_LARGE),
        (b"\x89PNG\r\n\x1a\nx", PNG, Reason.IMAGE_DAMAGED),
    ],
)
def test_every_reason(told: Callable[..., Answers], data: bytes, media_type: str, reason: Reason) -> None:
    assert told(data, media_type) == [refused(reason)]


def test_a_picture(told: Callable[..., Answers]) -> None:
    first, page, words = told(hostile.picture("PNG"), PNG, (Act.PAGE, 1, 20), (Act.TEXT, 1, 10))
    assert first == (Kind.COUNT, b"\0\0\0\1")
    assert wire.SIZE.unpack_from(page[1]) == (2480, 1653)
    assert words == refused(Reason.NO_TEXT)


@pytest.mark.parametrize(
    ("part", "failure", "reason"),
    [
        ("Pdf.draw", MemoryError(), Reason.MEMORY),
        ("_opened", MemoryError(), Reason.MEMORY),
    ],
)
def test_memory_that_runs_out(
    told: Callable[..., Answers],
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    failure: Exception,
    reason: Reason,
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(rendering, "_warm", lambda: None)
    monkeypatch.setattr(f"secure_access.custodian.rendering.{part}", fail)
    assert told(pdfs.plain(), PDF, (Act.PAGE, 1, 10))[-1] == refused(reason)


def test_a_child_to_which_nothing_is_given(told: Callable[..., Answers]) -> None:
    target = io.BytesIO()
    rendering.main(io.BytesIO(b'{"memory": 0, "seconds": 0, "files": 0, "filter": ""}\n'), target)
    assert target.getvalue() == b""


def test_text_that_is_too_long(told: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MAX_TEXT", 8)
    assert told(hostile.saying("three"), PDF, (Act.TEXT, 1, 10))[-1] == refused(Reason.TOO_MUCH_TEXT)
