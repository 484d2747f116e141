"""Pages of sections: drawn, kept, wiped; hostile files have an outcome in words and nothing else."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from secure_access.custodian import render, wire
from secure_access.custodian.render import CannotShow, NotOpenable, Openable, Pages, Section, Zoom, look
from secure_access.custodian.sandbox import Broken, Limits, Sandbox
from secure_access.sealing.plans import MAX_FILE
from tests.fixtures import hostile, pdfs

PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
BOX = Sandbox()


@pytest.fixture(scope="module")
def section() -> Iterator[Section]:
    with Section(BOX, pdfs.plain(5), PDF) as made:
        yield made


@pytest.mark.parametrize(
    ("zoom", "size"),
    [(Zoom.ONE, (1240, 1860)), (Zoom.ONE_AND_A_HALF, (1860, 2790)), (Zoom.TWO, (2480, 3720))],
)
def test_a_page_at_every_zoom(section: Section, zoom: Zoom, size: tuple[int, int]) -> None:
    page = section.page(2, zoom)
    assert page.size == size
    assert page.getpixel((size[0] // 8, size[1] * 9 // 10)) == (0, 0, 0)
    assert page.getpixel((size[0] // 2, 10)) == (255, 255, 255)


def test_pages_are_counted_and_others_refused(section: Section) -> None:
    assert section.pages == 5
    for number in (0, 6):
        with pytest.raises(CannotShow, match="no such page"):
            section.page(number)
        with pytest.raises(CannotShow, match="no such page"):
            section.text(number)


def test_pages_drawn_ahead_are_there(section: Section) -> None:
    section.ahead([3, 4, 99])
    for _ in range(200):
        if section._kept.get(4, Zoom.ONE):
            break
        time.sleep(0.05)
    started = time.perf_counter()
    assert section.page(4).size == (1240, 1860)
    assert time.perf_counter() - started < 0.2


def test_words_of_a_page_without_what_a_screen_obeys() -> None:
    assert render._plain("a\r\nb\x1b[31m\u202ec\t") == "a\nb[31mc\t"


def test_text_of_a_page() -> None:
    with Section(BOX, hostile.saying("Threat model: weights"), PDF) as made:
        assert made.text(1).strip() == "Threat model: weights"


def test_text(shared: Path) -> None:
    data = (shared / "data/pdf/granite-3.0_paper.pdf").read_bytes()
    with Section(BOX, data, PDF) as made:
        assert "Granite 3.0" in made.text(1)


def test_a_picture_is_one_page() -> None:
    for form, media_type in (("PNG", PNG), ("JPEG", JPEG)):
        with Section(BOX, hostile.picture(form), media_type) as made:
            assert made.pages == 1
            assert made.page(1).size == (1240, 826)
            with pytest.raises(CannotShow, match="no text"):
                made.text(1)


def test_what_is_transparent_lies_on_white() -> None:
    with Section(BOX, hostile.picture("PNG", mode="RGBA"), PNG) as made:
        assert made.page(1).getpixel((5, 5)) == (255, 255, 255)


def test_only_three_types() -> None:
    with pytest.raises(CannotShow, match="Only PDF"):
        Section(BOX, b"{}", "application/json")


def test_a_closed_section_is_wiped() -> None:
    made = Section(BOX, pdfs.plain(), PDF)
    made.page(1)
    ((_, pixels),) = made._kept._held.values()
    assert any(pixels)
    made.close()
    assert not any(pixels)
    assert made._kept.held == 0
    with pytest.raises(Broken):
        made.page(1)


def test_pages_leave_when_there_are_too_many() -> None:
    pages = Pages(most=30)
    held = [bytearray(b"x" * 12) for _ in range(3)]
    for number, pixels in enumerate(held, start=1):
        pages.put(number, Zoom.ONE, (2, 2), pixels)
        pages.get(1, Zoom.ONE)
    assert pages.held == 24
    assert pages.get(2, Zoom.ONE) is None
    assert not any(held[1])
    assert pages.get(1, Zoom.ONE) is not None
    pages.put(9, Zoom.ONE, (4, 4), bytearray(48))
    assert pages.get(9, Zoom.ONE) is None


class Lies:
    """A child that answers what it was told to."""

    def __init__(self, *answers: tuple[wire.Kind, bytes]) -> None:
        self.answers = [(kind, bytearray(answer)) for kind, answer in answers]

    def prepare(self) -> Lies:
        return self

    def give(self, *_: object) -> None:
        return

    def send(self, *_: object) -> None:
        return

    def close(self) -> None:
        return

    def answer(self, most: int) -> tuple[wire.Kind, bytearray]:
        assert len(self.answers[0][1]) <= most
        return self.answers.pop(0)

    def broken(self, words: str) -> Broken:
        return Broken(words)


ONE = (wire.Kind.COUNT, b"\0\0\0\1")


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\0", b"\0\0\xff\xff", b"\0\0\1"])
def test_an_impossible_count(answer: bytes) -> None:
    with pytest.raises(Broken, match="must not"):
        Section(Lies((wire.Kind.COUNT, answer)), b"", PDF)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        (wire.Kind.PAGE, b""),
        (wire.Kind.PAGE, b"\0\1\0"),
        (wire.Kind.PAGE, b"\0\0\0\0"),
        (wire.Kind.PAGE, b"\0\2\0\1" + bytes(3)),
        (wire.Kind.PAGE, b"\0\1\0\1" + bytes(4)),
        (wire.Kind.PAGE, b"\xff\xff\0\1" + bytes(3 * 65535)),
        (wire.Kind.TEXT, b"words"),
        (wire.Kind.REFUSED, b"\x63"),
        (wire.Kind.REFUSED, b""),
        (wire.Kind.REFUSED, b"\1\1"),
    ],
)
def test_an_impossible_page(answer: tuple[wire.Kind, bytes]) -> None:
    made = Section(Lies(ONE, answer), b"", PDF)  # type: ignore[arg-type]
    with pytest.raises(Broken, match="must not"):
        made.page(1)


def test_text_that_is_none() -> None:
    made = Section(Lies(ONE, (wire.Kind.TEXT, b"\xff")), b"", PDF)  # type: ignore[arg-type]
    with pytest.raises(Broken, match="must not"):
        made.text(1)


def test_every_reason_has_words() -> None:
    assert set(wire.WORDS) == set(wire.Reason)


TOO_LARGE = NotOpenable("The image is too large to show.")
BAD_IMAGE = NotOpenable("The image is damaged.")
REFUSED = "It is damaged: no PDF reader can be expected to open it."
STOPPED = "The renderer stopped: it ran out of what it may use, or the file made it fail."


@pytest.mark.parametrize(
    ("data", "media_type", "outcome"),
    [
        pytest.param(data, media_type, outcome, id=name)
        for name, data, media_type, outcome in (
            ("huge box", pdfs.of_size(b"0 0 1000000 1000000"), PDF, Openable(1)),
            ("tall", pdfs.of_size(b"0 0 1 14400"), PDF, Openable(1)),
            ("no size", pdfs.of_size(b"0 0 0 0"), PDF, Openable(1)),
            ("not a number", pdfs.of_size(b"0 0 1e400 nan"), PDF, Openable(1)),
            ("deep", hostile.nested(), PDF, Openable(1)),
            ("itself", hostile.form_within_itself(), PDF, Openable(1)),
            ("exponential", pdfs.exponential(), PDF, NotOpenable(STOPPED)),
            ("bomb", pdfs.bomb(800), PDF, NotOpenable(STOPPED)),
            ("10,000 pages", pdfs.plain(10_000), PDF, NotOpenable("It has more than 5000 pages.")),
            ("acting", hostile.acting(), PDF, Openable(1)),
            ("scripted", pdfs.scripted(), PDF, Openable(1)),
            ("locked", pdfs.locked(), PDF, NotOpenable("It is locked with a password.")),
            ("truncated", pdfs.plain(3)[:200], PDF, NotOpenable(REFUSED)),
            ("garbage", b"%PDF-1.7\n" + bytes(range(256)) * 99, PDF, NotOpenable(REFUSED)),
            ("circular", pdfs.circular(), PDF, NotOpenable("The page is damaged.")),
            ("empty", b"", PDF, NotOpenable(wire.WORDS[wire.Reason.WRONG_TYPE])),
            ("not first", b" " + pdfs.plain(), PDF, NotOpenable(wire.WORDS[wire.Reason.WRONG_TYPE])),
            ("archive too", hostile.pdf_and_archive(), PDF, NotOpenable(wire.WORDS[wire.Reason.TWO_FILES])),
            ("another type", hostile.picture("PNG"), JPEG, NotOpenable(wire.WORDS[wire.Reason.WRONG_TYPE])),
            ("PNG bomb", hostile.png_claiming(40_000, 40_000, 10), PNG, TOO_LARGE),
            ("PNG short", hostile.png_claiming(4_000, 4_000, 10), PNG, Openable(1)),
            ("JPEG false", hostile.jpeg_claiming(60_000, 60_000), JPEG, TOO_LARGE),
            ("JPEG short", hostile.jpeg_claiming(5_000, 5_000), JPEG, Openable(1)),
            ("JPEG garbage", b"\xff\xd8\xff" + bytes(range(256)), JPEG, BAD_IMAGE),
        )
    ],
)  # fmt: skip
def test_a_hostile_file_has_an_outcome(data: bytes, media_type: str, outcome: Openable | NotOpenable) -> None:
    # Half of what a child may take, so that a file that takes all of it need not be that large.
    assert look(Sandbox(limits=Limits(memory=1 << 30)), data, media_type) == outcome


def test_the_largest_file_that_can_be_sealed_opens() -> None:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 300] /Contents 4 0 R /Resources << >> >>"
    large = pdfs.made_of(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        pdfs.stream(b""),
        pdfs.stream(bytes(MAX_FILE - 2000)),
    )
    assert MAX_FILE - 2000 < len(large) <= MAX_FILE
    assert look(BOX, large, PDF) == Openable(1)


def test_real_files(shared: Path) -> None:
    locked = {"sample__libreoffice-writer-password.pdf", "pypdf__r3-user-password.pdf"}
    for path in sorted((shared / "data/pdf").glob("*.pdf")):
        found = look(BOX, path.read_bytes(), PDF)
        assert isinstance(found, NotOpenable if path.name in locked else Openable), path.name


def test_a_real_page_is_what_it_shows_elsewhere(shared: Path) -> None:
    """The same words at the same place: dark where the file is drawn dark."""
    with Section(BOX, (shared / "data/pdf/sample__pdflatex-4-pages.pdf").read_bytes(), PDF) as made:
        page = made.page(1)
        out = io.BytesIO()
        page.save(out, "PNG")
        assert Image.open(io.BytesIO(out.getvalue())).size == page.size
        dark = sum(page.convert("L").histogram()[:100])
        assert 0.005 < dark / (page.width * page.height) < 0.3
