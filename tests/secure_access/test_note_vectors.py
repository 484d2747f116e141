"""docs/reference/protocol.md on notes and quotations: its vectors are opened and made again."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from secure_access.custodian.notes import MOST_NOTES, MOST_WRITTEN
from secure_access.custodian.quotations import MOST_QUOTATIONS
from secure_access.sealing import BadKey, SealingError, hpke, notes, words
from secure_access.sealing.exact import BadForm
from secure_access.sealing.notes import DOMAIN, STEP, TAG_LINE, NoteHeader
from secure_access.sealing.plans import PlanKey, new_plan_key
from tests.fixtures.enrolled import NOW
from tests.secure_access.test_plan_vectors import KEY, PAGE, PRIVATE, VECTORS

NOTE, QUOTATION = VECTORS["sealed_note"], VECTORS["quotation"]
HEADER = NoteHeader.parse(NOTE["header"].encode())


def put_together(header: str) -> bytes:
    """The sealed note of the vector, from its parts."""
    encoded = header.encode()
    return TAG_LINE + len(encoded).to_bytes(4, "big") + encoded + base64.b64decode(NOTE["sealed"])


def opened(sealed: bytes, private: bytes = PRIVATE, header: NoteHeader = HEADER, key: PlanKey = KEY) -> str:
    return notes.unseal(sealed, private, header, key)


def test_sealed_note() -> None:
    sealed = put_together(NOTE["header"])
    assert (len(sealed), hashlib.sha256(sealed).hexdigest()) == (NOTE["size"], NOTE["sha256"])
    assert opened(sealed) == NOTE["text"]
    made = NoteHeader.of(KEY, "ab" * 32, ("access-control", 3), "0a" * 16, 2)
    assert made == HEADER
    assert made.encode().decode() == NOTE["header"]


def test_our_sealer_makes_the_vector_when_chance_gives_it_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notes.hpke, "seal", lambda *_: base64.b64decode(NOTE["sealed"]))
    assert notes.seal(NOTE["text"], HEADER, KEY) == put_together(NOTE["header"])


def test_quotation() -> None:
    statement = words.quotation_statement("ab" * 32, "access-control", 3, QUOTATION["text"])
    assert statement.decode() == QUOTATION["statement"]
    assert hashlib.sha256(statement).hexdigest() == QUOTATION["object"]
    assert words.text_digest(QUOTATION["text"]) == QUOTATION["sha256"]
    assert words.read_reference(QUOTATION["reference"]) == (12, "PR-2027-001")
    assert words.quotation_reference(12, "PR-2027-001") == QUOTATION["reference"]


def test_every_tag_and_every_bound_is_on_the_page() -> None:
    for tag in (notes.FORMAT, words.QUOTATION_FORMAT):
        assert f"`{tag}`" in PAGE
    assert TAG_LINE.strip() + b"\0" == DOMAIN
    for bound in (
        f"at most {notes.MAX_HEADER:,}",
        f"multiple\nof {STEP:,}",
        f"1 to {words.LONGEST_NOTE:,} characters",
        f"{words.SHORTEST_QUOTATION} to {words.LONGEST_QUOTATION:,} characters",
        f"{MOST_NOTES} notes stand at most, and {MOST_WRITTEN:,} versions",
        f"A grant has at most {MOST_QUOTATIONS}.",
    ):
        assert bound in PAGE


def _changes() -> list[Any]:
    found = re.findall(r"^\| (note|quotation) \| `(.+?)` \| `(.+?)` \| (.+?) \|$", PAGE, re.MULTILINE)
    return [pytest.param(*row[:3], id=f"{row[0]}: {row[3]}") for row in found]


def _quoted(text: str) -> bytes:
    return words.quotation_statement("ab" * 32, "access-control", 3, text.replace("\\n", "\n"))


READ: dict[str, tuple[str, Callable[[str], object]]] = {
    "note": (NOTE["header"], lambda said: opened(put_together(said))),
    "quotation": (QUOTATION["text"], _quoted),
}


@pytest.mark.parametrize(("of", "instead_of", "stands"), _changes())
def test_what_the_page_refuses_is_refused(of: str, instead_of: str, stands: str) -> None:
    good, read = READ[of]
    read(good)
    assert instead_of in good
    with pytest.raises(SealingError):
        read(good.replace(instead_of, stands))


def test_all_changes_are_there() -> None:
    assert len(_changes()) == 15


@pytest.mark.parametrize("place", ["access-control\x00", "Access", "", "a" * 65])
def test_a_quotation_beside_no_section_is_none(place: str) -> None:
    with pytest.raises(BadForm):
        words.quotation_statement("ab" * 32, place, 3, "x")
    with pytest.raises(BadForm):
        words.quotation_statement("ab" * 32, "access-control", 0, "x")
    with pytest.raises(BadForm):
        words.quotation_statement("ab" * 31, "access-control", 3, "x")


def test_what_else_the_page_refuses() -> None:
    sealed = put_together(NOTE["header"])
    for bad in (
        sealed[:-1],
        sealed + b"\0",
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
        sealed[:100],
        sealed[: len(TAG_LINE)],
        b"x" + sealed,
        b"",
        sealed + bytes(notes.MAX_SEALED),
    ):
        with pytest.raises(SealingError):
            opened(bad)
    with pytest.raises(hpke.CannotOpen):
        opened(sealed, bytes(32))
    other, _ = new_plan_key(
        "https://custodian.example", "PR-2027-001", now=NOW, not_after=NOW.replace(year=2028)
    )
    with pytest.raises(notes.WrongNote):
        opened(sealed, key=other)
    with pytest.raises(notes.WrongNote):
        notes.seal(NOTE["text"], HEADER, other)
    with pytest.raises(BadKey):
        opened(sealed, b"short")


TEXT = NOTE["text"].encode()


@pytest.mark.parametrize(
    "inside",
    [
        len(TEXT).to_bytes(4, "big") + TEXT,
        (len(TEXT).to_bytes(4, "big") + TEXT).ljust(2 * STEP, b"\0"),
        (len(TEXT).to_bytes(4, "big") + TEXT).ljust(STEP, b"\x01"),
        (len(TEXT) + 2 * STEP).to_bytes(4, "big").ljust(STEP, b"x"),
        (2).to_bytes(4, "big").ljust(STEP, b"\0"),
        ((1).to_bytes(4, "big") + b"\xff").ljust(STEP, b"\0"),
        ((2).to_bytes(4, "big") + b"x ").ljust(STEP, b"\0"),
        b"",
    ],
)
def test_what_stands_inside_has_one_form(inside: bytes) -> None:
    encoded = NOTE["header"].encode()
    body = hpke.seal(KEY.suite, KEY.public, inside, DOMAIN + encoded)
    with pytest.raises(BadForm):
        opened(TAG_LINE + len(encoded).to_bytes(4, "big") + encoded + body)


@pytest.mark.parametrize(
    ("text", "note", "quotation"),
    [
        ("alpha\r\nbeta\rgamma", "alpha\nbeta\ngamma", "alpha beta gamma"),
        (" two\tpeople do ", "two people do", "two people do"),
        ("a\u00adb\u200bc\ufeffdefghijklm\u2060", "abcdefghijklm", "abcdefghijklm"),
        ("e\u0301" * 12, "\u00e9" * 12, "\u00e9" * 12),
        ("one\u00a0two three", "one\u00a0two three", "one two three"),
        ("\u0646\u200c\u0627" * 4, "\u0646\u200c\u0627" * 4, "\u0646\u200c\u0627" * 4),
        ("one two\u2028three", None, "one two three"),
        ("one two\u202ethree", None, None),
        ("one two\x00three", None, None),
        ("\u200b" * 12, None, None),
        ("", None, None),
        ("x" * 11, "x" * 11, None),
        ("e\u0301" * 11, "\u00e9" * 11, None),
        ("x" * 12, "x" * 12, "x" * 12),
        ("x" * 2000, "x" * 2000, "x" * 2000),
        ("x" * 2001, "x" * 2001, None),
        ("x" * 4000, "x" * 4000, None),
        ("x" * 4001, None, None),
        ("x " * 1000, ("x " * 1000).strip(), ("x " * 1000).strip()),
        ("\ud800" * 12, None, None),
    ],
)
def test_the_form_of_a_text(text: str, note: str | None, quotation: str | None) -> None:
    for made, expected in ((words.note, note), (words.quotation, quotation)):
        if expected is None:
            with pytest.raises(BadForm):
                made(text)
        else:
            assert made(text) == expected
            assert made(expected) == expected
            assert unicodedata.is_normalized("NFC", made(text))


@pytest.mark.parametrize("text", ["x ", "", "e\u0301"])
def test_a_sealer_takes_a_note_in_its_form_alone(text: str) -> None:
    with pytest.raises(BadForm):
        notes.seal(text, HEADER, KEY)


@pytest.mark.parametrize(
    "text", ["", "Q-0 of PR-1", "Q-1", "q-1 of PR-1", "Q-1 of ", "Q-1 of PR-1 and more", "Q-\u0661 of PR-1"]
)
def test_what_names_no_quotation(text: str) -> None:
    with pytest.raises(BadForm):
        words.read_reference(text)


def test_a_reference_is_read_however_it_was_copied() -> None:
    assert words.read_reference(" Q-12  of\nPR-2027-009 ") == (12, "PR-2027-009")


def test_both_suites_seal_notes_of_every_length() -> None:
    for suite in hpke.SUITES.values():
        key, private = new_plan_key(
            "https://custodian.example", "PR-1", now=NOW, not_after=NOW.replace(year=2028), suite=suite
        )
        header = NoteHeader.of(key, "ab" * 32, ("a", 1), "cd" * 16, 1)
        sizes = set()
        for length in (1, 1019, 1020, 1021, 4000):
            text = "x" * length
            sealed = notes.seal(text, header, key)
            assert notes.unseal(sealed, private, header, key) == text
            assert len(sealed) <= notes.MAX_SEALED
            sizes.add(len(sealed))
        assert len(sizes) == 3
