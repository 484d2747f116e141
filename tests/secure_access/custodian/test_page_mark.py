"""The mark of a released page: its bits, its words, and that copies still give the release."""

from __future__ import annotations

import hashlib
import hmac
import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFont

from secure_access.custodian import mark, pattern, trace
from secure_access.custodian.mark import BadNumber, Words, burn, encoded, tag
from secure_access.custodian.trace import NoEvidence, Release
from secure_access.custodian.trace_cli import trace_command
from secure_access.keys import KeyFailure

KEY = b"k" * 32
AT = datetime(2027, 10, 1, 9, 15, 59, tzinfo=UTC)
NUMBER = 987_654_321_012
WORDS = Words("Paul Sørby", "reader", NUMBER, AT)


def page(width: int = 1240, height: int = 1754, paper: int = 255, ink: int = 0) -> Image.Image:
    """A page of words."""
    made = Image.new("RGB", (width, height), (paper,) * 3)
    pen, font = ImageDraw.Draw(made), ImageFont.load_default(width // 60)
    for top in range(height // 16, height - height // 16, width // 44):
        pen.text(
            (width // 9, top), "the weights lie where nobody but two people can " * 2, (ink,) * 3, font=font
        )
    return made


@pytest.fixture(scope="module")
def released() -> Image.Image:
    return burn(page(), WORDS, KEY)


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Image.open(out)


def scaled(picture: Image.Image, scale: float) -> Image.Image:
    return picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC
    )


def quarter(picture: Image.Image, left: float = 0.4, top: float = 0.3) -> Image.Image:
    x, y = int(picture.width * left), int(picture.height * top)
    return picture.crop((x, y, x + picture.width // 2, y + picture.height // 2))


def test_the_bits_are_those_of_the_protocol() -> None:
    number = NUMBER.to_bytes(8, "big")
    mac = hmac.new(KEY, b"assay.page-mark/v1\0" + number, hashlib.sha256).digest()
    assert tag(NUMBER, KEY) == number[3:] + mac[:5]


@pytest.mark.parametrize("number", [0, -1, 1 << 40])
def test_numbers_outside_of_40_bits(number: int) -> None:
    with pytest.raises(BadNumber):
        tag(number, KEY)
    with pytest.raises(BadNumber):
        burn(page(200, 200), Words("A", "reader", number, AT), KEY)


def test_what_a_person_reads() -> None:
    east = Words("Paul Sørby", "reader", 7, AT.astimezone(timezone(timedelta(hours=2))))
    assert east.lines == ("Paul Sørby · reader", "release 7 · 2027-10-01 09:15 UTC")


def test_letters_that_the_font_has_not() -> None:
    assert [mark._drawable(one) for one in "øČΩ\n"] == ["ø", "C", "?", "?"]


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (20, 230)])
def test_every_part_is_marked_and_can_still_be_read(paper: int, ink: int) -> None:
    clean = page(paper=paper, ink=ink)
    marked = burn(clean, WORDS, KEY)
    assert marked.size == clean.size
    changed = np.asarray(ImageChops.difference(clean, marked).convert("L"))
    for top in range(0, 1754 - 440, 400):
        for left in (0, 300, 620):
            part = changed[top : top + 440, left : left + 620]
            assert (part > 2 * mark.DEPTH + 4).mean() > 0.005, "no words"
            assert part.max() <= 60
    contrast = abs(
        float(np.percentile(np.asarray(marked), 99)) - float(np.percentile(np.asarray(marked), 0.5))
    )
    assert contrast > 0.8 * abs(paper - ink)


def test_the_words_differ_by_release_and_minute() -> None:
    small = page(600, 800)
    one = burn(small, WORDS, KEY)
    assert ImageChops.difference(one, burn(small, WORDS, KEY)).getbbox() is None
    later = Words(WORDS.name, WORDS.role, NUMBER, AT + timedelta(minutes=1))
    assert ImageChops.difference(one, burn(small, later, KEY)).getbbox() is not None


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_pages_are_sent_without_loss(released: Image.Image, form: str) -> None:
    again = Image.open(io.BytesIO(encoded(released, form)))
    assert again.format == form
    assert ImageChops.difference(again.convert("RGB"), released).getbbox() is None


@pytest.mark.parametrize("scale", [0.5, 0.77, 2.0])
@pytest.mark.parametrize(("quality", "cropped"), [(60, True), (95, False)])
def test_a_copy_gives_its_release(released: Image.Image, scale: float, quality: int, cropped: bool) -> None:
    copy = scaled(released, scale)
    assert trace.trace(jpeg(quarter(copy) if cropped else copy, quality), KEY) == Release(NUMBER)


@pytest.mark.parametrize("width", [620, 1860, 2480])
def test_other_zooms(width: int) -> None:
    marked = burn(page(width, width * 7 // 5), WORDS, KEY)
    assert trace.trace(jpeg(marked, 75), KEY) == Release(NUMBER)


def test_a_dark_page() -> None:
    assert trace.trace(jpeg(burn(page(paper=20, ink=230), WORDS, KEY), 75), KEY) == Release(NUMBER)


def test_copied_twice(released: Image.Image) -> None:
    twice = jpeg(scaled(jpeg(scaled(released, 0.7), 75), 1.3), 75)
    assert trace.trace(quarter(twice), KEY) == Release(NUMBER)


def test_another_key_is_no_evidence(released: Image.Image) -> None:
    assert tag(NUMBER, KEY) in list(trace.payloads(released))
    assert trace.trace(released, b"o" * 32) == NoEvidence()


def test_a_changed_number_is_no_evidence(released: Image.Image) -> None:
    forged = bytearray(tag(NUMBER, KEY))
    forged[4] ^= 1
    assert trace.checked([bytes(forged), bytes(10)], KEY) == NoEvidence()
    assert trace.trace(mark._textured(page(), bytes(forged)), KEY) == NoEvidence()


@pytest.mark.parametrize(
    "picture",
    [
        page(),
        Image.new("L", (800, 800), 255),
        Image.new("L", (10, 10)),
        Image.new("L", (5000, 97), 128),
        Image.effect_noise((700, 900), 40),
        Image.linear_gradient("L").resize((700, 900)),
    ],
    ids=["words", "white", "tiny", "strip", "noise", "slope"],
)
def test_where_there_is_no_mark(picture: Image.Image) -> None:
    assert trace.trace(picture, KEY) == NoEvidence()


@settings(max_examples=40, deadline=None)
@given(payload=st.binary(min_size=10, max_size=10), data=st.data())
def test_the_code_puts_wrong_bytes_right(payload: bytes, data: st.DataObject) -> None:
    levels = pattern.sequence(payload)
    assert set(np.unique(levels)) <= {-1.0, 1.0}
    assert pattern.readings(levels) == [payload]
    wrong = data.draw(st.lists(st.integers(0, pattern.CODE - 1), max_size=5, unique=True))
    for place in wrong:
        levels[pattern.CARRIERS[:, 8 * place : 8 * place + 8]] *= -1
    assert pattern.readings(levels)[0] == payload


def test_doubtful_bytes_are_given_up() -> None:
    payload = tag(NUMBER, KEY)
    levels = pattern.sequence(payload)
    for place in range(8):
        levels[pattern.CARRIERS[:, 8 * place : 8 * place + 8]] *= -0.1
    assert payload in pattern.readings(levels)


def test_noise_alone_is_no_reading() -> None:
    rng = np.random.default_rng(1)
    found = [pattern.readings(rng.normal(size=pattern.CELLS).astype(np.float32)) for _ in range(50)]
    assert not any(
        payload[5:] == tag(int.from_bytes(payload[:5], "big") or 1, KEY)[5:]
        for one in found
        for payload in one
    )


def test_a_repetition_holds_every_place() -> None:
    assert np.array_equal(np.sort(pattern.cells(pattern.CELLS, 1).ravel()), np.arange(pattern.CELLS))
    field = pattern.cells(200, 200)
    assert np.array_equal(
        field[:150, :150], field[pattern.ASIDE : 150 + pattern.ASIDE, pattern.ALONG : 150 + pattern.ALONG]
    )
    assert len(np.unique(field[:40, :45])) == pattern.CELLS


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(trace_command, [*arguments])
    return result.exit_code, result.output


def test_the_command(tmp_path: Path, released: Image.Image) -> None:
    home = tmp_path / "custodian"
    picture = tmp_path / "copy.png"
    mark.make_mark_key(home, now=AT)
    with pytest.raises(KeyFailure):
        mark.make_mark_key(home, now=AT)
    quarter(burn(page(), Words("A", "reader", 42, AT), mark.mark_key(home))).save(picture)
    assert run(str(picture), "--home", str(home)) == (0, "release 42, MAC valid\n")
    released.save(picture)
    code, output = run(str(picture), "--home", str(home))
    assert (code, output.splitlines()[0]) == (1, "no evidence")
    assert "Photographs" in output


def test_the_command_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "copy.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert run(str(picture), "--home", str(tmp_path))[0] == 2
    mark.make_mark_key(tmp_path, now=AT)
    assert run(str(picture), "--home", str(tmp_path)) == (
        2,
        f"{picture} cannot be read as PNG, JPEG or WebP.\n",
    )
    assert run(str(tmp_path / "none.png"), "--home", str(tmp_path))[1].endswith("is not there.\n")
    Image.new("L", (100, 100)).save(picture)
    monkeypatch.setattr("secure_access.custodian.trace_cli.LARGEST_PICTURE", 100)
    assert run(str(picture), "--home", str(tmp_path))[1].endswith("is too large: 100 × 100 pixels.\n")


def test_the_pattern_is_that_of_the_protocol() -> None:
    """Built again from the words of docs/reference/protocol.md, without arrays."""
    payload, places = tag(NUMBER, KEY), 1042

    def numbers(what: bytes) -> list[int]:
        stream = hashlib.shake_256(b"assay.page-mark/v1 cells\0" + what).digest(8 * places)
        return [int.from_bytes(stream[8 * one : 8 * one + 8], "big") for one in range(places)]

    order = sorted(range(places), key=numbers(b"order").__getitem__)
    code = bytes(pattern._CODEC.encode(payload))
    assert code[:10] == payload
    levels = [1] * places
    for place in range(640):
        bit = place % 160
        levels[order[place]] = 1 if code[bit // 8] >> (7 - bit % 8) & 1 else -1
    signed = [level if sign & 1 else -level for level, sign in zip(levels, numbers(b"signs"), strict=True)]
    assert pattern.sequence(payload).tolist() == signed
    assert pattern.cells(3, 2)[1, 2] == (2 - 31 * pow(9, -1, places)) % places


def test_levels_are_those_of_the_protocol() -> None:
    marked = np.asarray(mark._textured(Image.new("RGB", (310, 310), (255, 0, 100)), tag(7, KEY)))
    assert {tuple(pixel) for pixel in marked.reshape(-1, 3).tolist()} == {(247, 0, 97), (255, 8, 105)}
    assert (marked[:6, :6] == marked[0, 0]).all()
