"""Sealed sections: what opens, what is refused and when; no chunk is ever sealed twice under one key."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_access.sealing import (
    CHUNK,
    Altered,
    BadKey,
    Sealer,
    SealingError,
    Truncated,
    WrongKey,
    chunked,
    hpke,
    new_key,
    sections,
)
from secure_access.sealing.durable import AlreadyThere
from secure_access.sealing.exact import BadForm, WrongVersion
from secure_access.sealing.hpke import SUITES, XWING, CannotOpen, HpkeSuite
from secure_access.sealing.plans import MAX_FILE, MAX_SEALED, OutOfDate, PlanKey, new_plan_key
from secure_access.sealing.sections import (
    BODY_DOMAIN,
    KEY_DOMAIN,
    STEP,
    TAG_LINE,
    Changed,
    ContentDiffers,
    NotAFile,
    SectionContent,
    SectionHeader,
    TooLarge,
    WrongPlanKey,
    WrongRequest,
    WrongSection,
    WrongSuite,
    open_section,
    read_header,
    seal_file,
    sealed,
)

NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
BOTH = pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)


def a_key(request: str = "PR-2027-001", suite: HpkeSuite = XWING) -> tuple[PlanKey, bytes]:
    until = NOW + timedelta(days=30)
    return new_plan_key("https://custodian.example", request, now=NOW, not_after=until, suite=suite)


KEY, PRIVATE = a_key()


def content_of(plain: bytes, name: str = "plan.pdf") -> SectionContent:
    return SectionContent(name, "application/pdf", len(plain), hashlib.sha256(plain).hexdigest())


def whole(plain: bytes, key: PlanKey = KEY, section: str = "access-control") -> bytes:
    blocks = sealed([plain], content_of(plain), key=key, section=section)
    return b"".join(bytes(block) for block in blocks)


def cut(encoded: bytes, step: int) -> Iterator[bytes]:
    return (encoded[at : at + step] for at in range(0, len(encoded), step))


def opened(encoded: bytes, step: int = 70_000, key: PlanKey = KEY, private: bytes = PRIVATE) -> bytes:
    found = open_section(cut(encoded, step), private, key=key, section="access-control")
    return b"".join(found.blocks())


def parts_of(encoded: bytes) -> tuple[bytes, bytes, bytes]:
    """Header, encapsulation with the sealed file key, body."""
    at = len(TAG_LINE) + 4
    header = encoded[at : at + int.from_bytes(encoded[at - 4 : at], "big")]
    at += len(header)
    end = at + SectionHeader.parse(header).suite.overhead() + 32
    return header, encoded[at:end], encoded[end:]


def composed(inside: bytes, header: bytes) -> bytes:
    """A file with this inside: what somebody else's sealer might write."""
    file_key = new_key()
    wrapped = hpke.seal(KEY.suite, KEY.public, file_key, KEY_DOMAIN + header)
    sealer = Sealer(file_key, BODY_DOMAIN + header)
    start = TAG_LINE + len(header).to_bytes(4, "big") + header + wrapped
    return bytes(start + sealer.header + sealer.update(inside) + sealer.finish())


HEADER = SectionHeader(XWING, KEY.fingerprint, "PR-2027-001", "access-control", "06" * 16).encode()


# What opens


@BOTH
@pytest.mark.parametrize("length", [0, 1, CHUNK, STEP - 300, STEP, 5 * STEP + 1])
def test_what_was_sealed_opens(suite: HpkeSuite, length: int, tmp_path: Path) -> None:
    key, private = a_key(suite=suite)
    source, target = tmp_path / "Größe.pdf", tmp_path / "out"
    source.write_bytes(plain := os.urandom(length))
    made = seal_file(source, target, key=key, section="access-control", media_type="application/pdf", now=NOW)
    encoded = target.read_bytes()
    assert (made.size, made.sha256) == (len(encoded), hashlib.sha256(encoded).hexdigest())
    assert made.section == "access-control"
    for step in (1 << 20, 7_777):
        found = open_section(cut(encoded, step), private, key=key, section="access-control")
        assert found.content == content_of(plain, "Größe.pdf")
        assert found.header.key == key.fingerprint
        assert b"".join(found.blocks()) == plain
    assert sorted(one.name for one in tmp_path.iterdir()) == ["Größe.pdf", "out"]
    header, _, body = parts_of(encoded)
    assert read_header(cut(encoded, 10)).encode() == header
    assert chunked.plain_size(len(body)) % STEP == 0
    read_header([encoded]).check_size(len(encoded))


def test_a_second_implementation_opens_the_body() -> None:
    plain = os.urandom(3 * STEP)
    header, wrapped, body = parts_of(whole(plain))
    file_key = hpke.unseal(XWING, PRIVATE, wrapped, KEY_DOMAIN + header)
    theirs = Cobblestone256Decryptor(file_key, BODY_DOMAIN + header)
    inside = theirs.update(body) + theirs.finalize()
    said = content_of(plain).encode()
    assert inside[4 : 4 + len(said)] == said
    assert inside[4 + len(said) :][: len(plain)] == plain
    assert set(inside[4 + len(said) + len(plain) :]) == {0}


def test_neither_name_nor_type_nor_size_stands_in_the_clear() -> None:
    one, two = whole(b"%PDF-" + bytes(10)), whole(b"%PDF-" + bytes(60_000))
    assert len(one) == len(two)
    assert b"plan.pdf" not in one
    assert b"application/pdf" not in one


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3 * STEP), st.integers(500, 200_000), st.integers(500, 200_000))
def test_any_division_into_blocks_opens(length: int, step: int, other: int) -> None:
    plain = hashlib.shake_256(str(length).encode()).digest(length)
    blocks = sealed(cut(plain, step), content_of(plain), key=KEY, section="access-control")
    assert opened(b"".join(bytes(block) for block in blocks), other) == plain


# What is refused before anything is opened


class Counting:
    """Blocks of which one knows how many were asked for."""

    def __init__(self, encoded: bytes, step: int = 64) -> None:
        self._blocks = cut(encoded, step)
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.bytes += len(block)
            yield block


OTHER_KEY, OTHER_PRIVATE = a_key()
LONGER_SUITE, LONGER_PRIVATE = a_key(suite=hpke.MLKEM1024_P384)
OTHER_REQUEST, _ = a_key("PR-2027-002")
SEALED = whole(b"%PDF-1.7 " + bytes(100_000))


@pytest.mark.parametrize(
    ("encoded", "key", "section", "error", "words"),
    [
        (SEALED, LONGER_SUITE, "access-control", WrongSuite, "sealed in xwing/v1"),
        (SEALED, OTHER_KEY, "access-control", WrongPlanKey, "another plan key"),
        (SEALED, KEY, "insider-threat", WrongSection, "access-control, not insider-threat"),
        (
            SEALED.replace(b"PR-2027-001", b"PR-2027-002", 1),
            KEY,
            "access-control",
            WrongRequest,
            "PR-2027-002",
        ),
        (b"x" + SEALED[1:], KEY, "access-control", WrongVersion, "sealed-section/v1"),
        (SEALED.replace(b"section/v1\n", b"section/v2\n", 1), KEY, "access-control", WrongVersion, "v1"),
        (TAG_LINE + bytes(4) + SEALED[28:], KEY, "access-control", BadForm, "0 bytes"),
        (TAG_LINE + b"\0\0\x10\1" + SEALED[28:], KEY, "access-control", BadForm, "4097 bytes"),
        (TAG_LINE, KEY, "access-control", Truncated, "too early"),
        (SEALED[:200], KEY, "access-control", Truncated, "too early"),
        (b"", KEY, "access-control", Truncated, "too early"),
    ],
)
def test_refused_by_the_header_alone(
    encoded: bytes, key: PlanKey, section: str, error: type[SealingError], words: str
) -> None:
    blocks = Counting(encoded)
    with pytest.raises(error, match=words):
        open_section(blocks, b"never looked at", key=key, section=section)
    assert blocks.bytes <= 512


def test_a_header_that_says_another_request_than_the_key_of_its_fingerprint() -> None:
    header = SectionHeader(XWING, KEY.fingerprint, "PR-2027-009", "access-control", "06" * 16)
    with pytest.raises(WrongRequest, match="PR-2027-009"):
        header.check(KEY, "access-control")


# What is refused because it does not open


def test_another_private_key_opens_nothing() -> None:
    with pytest.raises(CannotOpen):
        opened(SEALED, private=OTHER_PRIVATE)
    with pytest.raises(BadKey):
        opened(SEALED, private=PRIVATE[:-1])


def test_the_file_key_is_bound_to_the_header() -> None:
    header, wrapped, body = parts_of(SEALED)
    changed = SectionHeader(XWING, KEY.fingerprint, "PR-2027-001", "access-control", "07" * 16).encode()
    assert len(changed) == len(header)
    start = TAG_LINE + len(changed).to_bytes(4, "big") + changed
    with pytest.raises(CannotOpen):
        opened(start + wrapped + body)
    other_header, other_wrapped, _ = parts_of(whole(b"%PDF-1.7 other"))
    start = TAG_LINE + len(other_header).to_bytes(4, "big") + other_header
    with pytest.raises(WrongKey):
        opened(start + other_wrapped + body)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.integers(0, 7))
def test_any_flipped_bit_is_refused(at: int, bit: int) -> None:
    damaged = bytearray(SEALED)
    damaged[at] ^= 1 << bit
    with pytest.raises(SealingError):
        opened(bytes(damaged))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(SEALED) - 1))
def test_any_cut_is_refused(at: int) -> None:
    with pytest.raises((Truncated, Altered, CannotOpen)):
        opened(SEALED[:at])


@pytest.mark.parametrize("more", [b"\0", b"x" * 16, SEALED, bytes(chunked.SEALED_CHUNK)])
def test_anything_after_the_end_is_refused(more: bytes) -> None:
    with pytest.raises(Altered):
        opened(SEALED + more)


# What is refused because the inside is not what it says


def inside_of(plain: bytes, said: bytes | None = None, filling: bytes | None = None) -> bytes:
    described = content_of(plain).encode() if said is None else said
    start = len(described).to_bytes(4, "big") + described + plain
    return start + (bytes(-len(start) % STEP) if filling is None else filling)


def test_a_file_that_is_put_together_by_hand_opens() -> None:
    assert opened(composed(inside_of(b"plain"), HEADER)) == b"plain"


GOOD = inside_of(b"plain")
WRONG_INSIDE: list[tuple[str, bytes, type[SealingError], str]] = [
    ("another digest", inside_of(b"plaim", content_of(b"plain").encode()), ContentDiffers, "digest"),
    ("filling that is not zero", GOOD[:-1] + b"x", ContentDiffers, "something else"),
    ("filling that is a chunk longer", GOOD + bytes(STEP), ContentDiffers, "something else"),
    ("filling that is a byte shorter", GOOD[:-1], ContentDiffers, "too short"),
    ("no filling", inside_of(b"plain", filling=b""), ContentDiffers, "too short"),
    ("a file that is cut off", inside_of(b"plain" * 100)[:400], Truncated, "too early"),
    ("nothing", b"", Truncated, "too early"),
    ("a length of nothing", bytes(STEP), BadForm, "0 bytes"),
    ("a length of too much", b"\0\0\x10\1" + bytes(STEP), BadForm, "4097 bytes"),
    ("no JSON", b"\0\0\0\1x" + bytes(STEP), BadForm, "not JSON"),
    ("another version", GOOD.replace(b"content/v1", b"content/v2"), WrongVersion, "section-content/v1"),
    ("a type that is not taken", GOOD.replace(b"application/pdf", b"application/zip"), BadForm, "media_type"),
    ("a name with a slash", GOOD.replace(b"plan.pdf", b"../x.pdf"), BadForm, "name"),
    ("a size beyond the limit", GOOD.replace(b'"size":5', b'"size":536870913'), BadForm, "size|not JSON"),
]


@pytest.mark.parametrize(
    ("inside", "error", "words"), [one[1:] for one in WRONG_INSIDE], ids=[one[0] for one in WRONG_INSIDE]
)
def test_an_inside_that_is_not_what_it_says(inside: bytes, error: type[SealingError], words: str) -> None:
    with pytest.raises(error, match=words):
        opened(composed(inside, HEADER))


# What cannot be sealed


@pytest.mark.parametrize(
    ("name", "media_type", "section", "words"),
    [
        ("", "application/pdf", "access-control", "name"),
        ("a/b", "application/pdf", "access-control", "name"),
        ("a\\b", "application/pdf", "access-control", "name"),
        ("a\u202efdp.exe", "application/pdf", "access-control", "name"),
        ("a\udcff", "application/pdf", "access-control", "name"),
        ("x" * 201, "application/pdf", "access-control", "name"),
        ("a", "text/html", "access-control", "media_type"),
        ("a", "application/pdf", "Access Control", "section"),
        ("a", "application/pdf", "", "section"),
    ],
)
def test_what_is_not_sealed(name: str, media_type: str, section: str, words: str) -> None:
    content = SectionContent(name, media_type, 0, hashlib.sha256(b"").hexdigest())
    with pytest.raises(BadForm, match=words):
        list(sealed([], content, key=KEY, section=section))


def sealing(source: Path, target: Path, now: datetime = NOW) -> object:
    return seal_file(source, target, key=KEY, section="access-control", media_type="application/pdf", now=now)


def test_a_key_out_of_its_time_seals_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutOfDate):
        sealing(tmp_path / "never read", tmp_path / "out", NOW + timedelta(days=31))


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "large.pdf"
    with source.open("wb") as file:
        file.truncate(MAX_FILE + 1)
    monkeypatch.setattr(sections.os, "preadv", lambda *_: pytest.fail("it was read"))
    with pytest.raises(TooLarge, match=str(MAX_FILE)):
        sealing(source, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["large.pdf"]


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAFile):
        sealing(tmp_path / "pipe", tmp_path / "out")
    with pytest.raises(FileNotFoundError):
        sealing(tmp_path / "nothing", tmp_path / "out")


def test_a_sealed_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x")
    sealing(tmp_path / "in", tmp_path / "out")
    before = (tmp_path / "out").read_bytes()
    with pytest.raises(AlreadyThere):
        sealing(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"y" * 200_000),
        lambda path: path.write_bytes(b"x" * 199_999),
        lambda path: path.write_bytes(b"x" * 200_001),
    ],
    ids=["another byte", "shorter", "longer"],
)
def test_a_file_that_changes_meanwhile_is_refused_and_leaves_nothing(
    change: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"x" * 200_000)
    real = sections.sealed

    def late(*given_values: Any, **named: Any) -> Iterator[Any]:
        change(source)
        return real(*given_values, **named)

    monkeypatch.setattr(sections, "sealed", late)
    with pytest.raises(Changed, match="seal it again"):
        sealing(source, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("size", [0, 100, len(SEALED) - 1, len(SEALED) + 1, len(SEALED) + 16])
def test_a_size_that_no_section_has(size: int) -> None:
    with pytest.raises(Truncated):
        read_header([SEALED]).check_size(size)


def test_the_limit_of_sizes_is_above_the_largest_section() -> None:
    inside = -(-(4 + 4096 + MAX_FILE) // STEP) * STEP
    size = len(TAG_LINE) + 4 + 4096 + hpke.MLKEM1024_P384.overhead() + 32 + chunked.sealed_size(inside)
    assert size <= MAX_SEALED
    with pytest.raises(TooLarge):
        read_header([SEALED]).check_size(MAX_SEALED + 1)
