"""Plans, registers and drift as pages: every text is there as it was written, and none of it is markup."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pypdfium2
import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_access.custodian import controls, oscal, typeset
from secure_access.custodian.drift import OutlineSection, compare
from secure_access.custodian.oscal import Format, Reading
from secure_access.custodian.register import Actor, Capability, Kind, Register
from tests.fixtures.oscal import as_json, tree

AT = datetime(2027, 10, 1, 9, 0, tzinfo=UTC)
MARKUP = (
    '#panic("x") $x$ *b* _i_ `c` = Head <l> @ref \\ // no /* no */ #import "/etc/passwd": x [a](b) ~ -- "q"'
)


def reading(states: dict[str, str] | None = None, text: str = "Two people open it.") -> Reading:
    return oscal.read(as_json(tree(states, text=text)), Format.JSON)


def pages(content: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(content)
    try:
        return [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()


def text_of(content: bytes) -> str:
    return " ".join(" ".join(pages(content)).replace("\u200b", "").replace("\ufffe", "").split())


def test_a_plan_is_set_control_by_control() -> None:
    text = text_of(typeset.plan_pdf(reading(), at=AT))
    for words in (
        "Plan of a model & its weights",
        "Valid by NIST's schema of OSCAL 1.1.2.",
        "AC-2 Account Management Status: implemented",
        "AC-2(1) Account Management: Automated System Account Management Status: planned",
        "Part a Weight store",
        "Two people open it.",
        "each day; each release",
        "Everything else in the file",
        "Two halls.",
    ):
        assert words in text.replace("’", "'"), words
    assert text.index("AC-2 Account") < text.index("AC-2(1) Account") < text.index("Everything else")


def test_text_is_never_markup() -> None:
    text = text_of(typeset.plan_pdf(reading(text=MARKUP), at=AT))
    assert MARKUP in text.replace("“", '"').replace("”", '"')


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_set(first: str, second: str) -> None:
    register = Register((Actor(f"A{first}", Kind.INSIDER, Capability.LOW, f"B{second}", "1", ()),))
    assert pages(typeset.register_pdf(register, at=AT))


def test_what_no_font_shows_and_what_turns_text_around_is_set_as_numbers() -> None:
    hard = "東 \u202edrow\u202c \U0001f600 \u2d30 \u0001 Ж ü"
    text = text_of(typeset.plan_pdf(reading(text=hard), at=AT))
    assert "[U+6771] [U+202E]drow[U+202C] [U+1F600] [U+2D30] [U+0001] Ж ü" in text


def test_the_fonts_show_every_character_that_is_not_set_as_a_number() -> None:
    every = [chr(code) for code in range(0x20, 0x30000) if not 0xD800 <= code < 0xE000]
    shown = "".join(character for character in every if not typeset._unshown().fullmatch(character))
    assert len(shown) == 4813
    assert typeset._typst("probe", shown, AT)  # PDF/UA refuses one without a glyph
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        typeset._typst("probe", f"{shown}\u6771", AT)


def test_more_texts_than_memory_is_for_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(typeset.CannotTypeset, match=r"texts and lines; no more than 65,536 are set"):
        typeset.plan_pdf(reading(text="a\n\n" * 100_000), at=AT)
    monkeypatch.setattr(typeset, "TEXTS", 20)
    with pytest.raises(typeset.CannotTypeset, match="no more than 20 are set"):
        typeset.plan_pdf(reading(), at=AT)


def test_a_page_that_cannot_be_set_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typeset, "_text", lambda text: f"{text}\u6771")
    with pytest.raises(typeset.CannotTypeset):
        typeset.plan_pdf(reading(), at=AT)


def test_errors_of_the_schema_stand_first() -> None:
    broken = tree()
    broken["system-security-plan"]["surprise"] = 1
    text = text_of(typeset.plan_pdf(oscal.read(as_json(broken), Format.JSON), at=AT))
    assert text.index("What the schema does not allow") < text.index("AC-2 Account")


def test_an_empty_plan_and_an_empty_register_say_so() -> None:
    assert "The plan has no controls." in text_of(typeset.plan_pdf(reading({}), at=AT))
    assert "The register names no actor." in text_of(typeset.section_pdf(Register(()), at=AT))


def test_long_names_stay_on_the_page() -> None:
    name = "W" * 300
    content = typeset.register_pdf(
        Register((Actor(name, Kind.INSIDER, Capability.LOW, name, "1", ("ac-2.1",)),)), at=AT
    )
    document = pypdfium2.PdfDocument(content)
    try:
        page = document[0]
        boxes = page.get_textpage()
        right = max(boxes.get_charbox(number)[2] for number in range(boxes.count_chars()))
        assert right < page.get_width() - 40
    finally:
        document.close()
    assert name in text_of(content).replace(" ", "")


def test_a_register_names_controls_and_what_nothing_answers() -> None:
    register = Register(
        (
            Actor("Rival", Kind.COMPETITOR, Capability.HIGH, "Weights", "2", ("ac-2.1", "own-1")),
            Actor("Staff", Kind.PRIVILEGED_INSIDER, Capability.LOW, "Logs", "1", ()),
        )
    )
    text = text_of(typeset.section_pdf(register, at=AT))
    assert "AC-2(1) Account Management: Automated System Account Management own-1" in text
    assert "risk tier 2" in text
    assert text.endswith("No control answers this actor. Threat-actor register Page 1 of 1")


def test_a_drift_report_is_set_by_kind() -> None:
    outline = [OutlineSection("a", "First", "AC-6, SC-7"), OutlineSection("b", "Second", "")]
    report = compare(outline, ["a"], [reading().plan], Register(()), tiers=None)
    text = text_of(typeset.drift_pdf(report, at=AT))
    assert "Section without detail (1)" in text
    assert "Control absent (2)" in text
    assert report.outline in text.replace(" ", "")
    agreed = compare([], [], [reading().plan], Register(()), tiers=None)
    assert "Outline, sections, controls and register agree." in text_of(typeset.drift_pdf(agreed, at=AT))


def test_equal_plans_give_equal_bytes_and_the_date_has_a_zone() -> None:
    assert typeset.plan_pdf(reading(), at=AT) == typeset.plan_pdf(reading(), at=AT)
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))
    assert typeset.plan_pdf(reading(), at=elsewhere) == typeset.plan_pdf(reading(), at=AT)
    with pytest.raises(ValueError, match="has a zone"):
        typeset.plan_pdf(reading(), at=AT.replace(tzinfo=None))


def test_a_thousand_controls_are_set_within_a_minute() -> None:
    states = dict.fromkeys(list(controls.titles().current)[:1000], "implemented")
    begun = time.monotonic()
    content = typeset.plan_pdf(reading(states, "Each component meets this part. " * 10), at=AT)
    assert time.monotonic() - begun < 60
    assert f"Page 1 of {len(pages(content))}" in pages(content)[0]
