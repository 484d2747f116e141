"""Letters as PDF: tagged, the same bytes each time, and values that look like markup stay text."""

import ctypes
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pypdfium2
import pytest
import typst

from portal.ui import pdf

AT = datetime(2027, 10, 1, 9, 30, tzinfo=UTC)
MARK = "Demonstration. The date here is 1 October 2027. Companies, people and figures are invented."
HEAD = {"authority": "Frontier AI Authority", "entity": "Quillmark Systems, Inc.", "demonstration": MARK}
DIGEST = "5f1da07c93be22408c6e17f9b3d46a52e80b4c719d3f02aa61c5f7e8349bd012"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 90" width="600" height="90" role="img" '
    'font-family="Source Sans Pro Web, Arial, sans-serif"><title>How EUR 3,750,000.00 is built</title>'
    "<desc>Six lines &amp; a ceiling.</desc>"
    '<rect x="150" y="20" width="200" height="24" fill="#143c3f"/>'
    '<text x="0" y="38" font-size="14" fill="#1b2629">Proposed amount − 10 % × 2</text></svg>'
)

RECEIPT: dict[str, Any] = HEAD | {
    "reference": "R-2027-0188",
    "kind": "Periodic risk report RR-2027-031",
    "received": "30 Sep 2027, 16:12 UTC",
    "received_local": "30 Sep 2027, 09:12 Los Angeles",
    "timeliness": "On time: due Thu 30 Sep 2027, 23:59:59 UTC",
    "on_time": True,
    "entry": "Entry 3,377 of the public ledger",
    "proof": "Signed, not witnessed",
    "custody": "Demonstration custody: one operating-system user holds everything",
    "documents": [{"name": "risk-report.pdf", "size": "1,203,114", "sha256": DIGEST}],
    "signed": [
        {
            "act": "Submitted",
            "title": "Dr Ana Weiss, certifying officer",
            "how": "confirmed with a key",
            "when": "30 Sep 2027, 16:12 UTC",
        }
    ],
    "acknowledged": [
        {
            "when": "1 Oct 2027, 09:00 UTC",
            "what": "Accepted for review",
            "clock": "Starts the time to decide",
            "entry": "Place 3380",
        }
    ],
    "content": DIGEST,
    "address": "https://authority.example/ledger/check",
    "manifest": DIGEST,
    "verify": [
        "Download the receipt file beside this letter.",
        "Run assay receipt verify FILE --policy POLICY.",
    ],
}
LINES: list[dict[str, Any]] = [
    {"label": "Turnover, FY 2025", "how": "USD 540,000,000.00", "source": "Accounts, p. 41", "amount": "–"},
    {
        "label": "Legal maximum", "how": "The higher of 3 % and 15,000,000.00",
        "source": "EU AI Act Art. 101(1)", "amount": "15,000,000.00", "strong": True,
    },
    {
        "label": "Starting amount: gravity 20 %", "how": "15,000,000.00 × 0.20",
        "source": "Practice note 4, §2", "amount": "3,000,000.00", "status": "office",
    },
    {
        "label": "Schedule of repeat", "how": "× 1.25", "source": "Anthropic proposal (June 2026)",
        "amount": "+ 750,000.00", "status": "proposed",
    },
    {
        "label": "Proposed amount", "how": "25 % of the legal maximum", "source": "Lines 3 and 4",
        "amount": "3,750,000.00", "strong": True,
    },
]  # fmt: skip
PENALTY: dict[str, Any] = HEAD | {
    "case": "C-2027-014",
    "subject": "late answer to an information request",
    "provision": "EU AI Act Art. 101(1)(b)",
    "amount": "EUR 3,750,000.00",
    "state": "Proposed, not served",
    "summary": "The amount is 25 % of the legal maximum of EUR 15,000,000.00.",
    "statute": "eu-ai-act, 2027-08-02",
    "facts": [
        {
            "when": "27 Jul 2027",
            "what": "Information request IR-2027-019, due 10 Aug.",
            "source": "Entry 4,102",
        },
        {"when": "28 Aug 2027", "what": "Full answer, 18 days late.", "source": "Entry 4,511"},
    ],
    "provisions": [
        {
            "citation": "Art. 101(1)",
            "text": "Fines not exceeding 3 % of worldwide turnover or EUR 15,000,000.",
        }
    ],
    "worksheet": {"reference": "W-2027-009, version 3", "currency": "EUR", "lines": LINES},
    "readings": [
        {
            "name": "One request, one breach",
            "amount": "EUR 3,750,000.00",
            "why": "“A request”.",
            "adopted": True,
        },
        {
            "name": "Each item a breach",
            "amount": "EUR 11,250,000.00",
            "why": "Three items.",
            "adopted": False,
        },
    ],
    "priors": [
        {
            "decision": "Index No. 1",
            "final_on": "1 Apr 2027",
            "counted": True,
            "why": "Final before the conduct.",
        }
    ],
    "warnings": ["The class of the addressee is not shown."],
    "signatures": [
        {"name": "Ines Falk", "title": "enforcement officer", "when": "30 Sep 2027, 16:12 UTC"},
        {"name": "Tomasz Reyl", "title": "head of enforcement", "when": "1 Oct 2027, 09:30 UTC"},
    ],
}
FINDINGS = PENALTY | {
    "reference": "N-2027-003",
    "rights": ["You may answer in writing and ask for a hearing.", "You may see the file of the case."],
    "dates": [{"what": "Reply to these findings", "when": "8 Nov 2027, 23:59:59 Brussels"}],
}
REFERRAL = PENALTY | {
    "reference": "F-2027-002",
    "subject": "incident reported late",
    "recipient": "Attorney General of New York",
    "duty": "Gen. Bus. Law 1422: report within 72 hours",
    "penalty_provision": "Gen. Bus. Law 1427",
    "ceiling": "USD 3,000,000.00",
    "amount": "USD 1,500,000.00",
    "documents": [{"name": "incident-report.pdf", "sha256": DIGEST}],
}
DECISION: dict[str, Any] = HEAD | {
    "reference": "D-2027-019",
    "kind": "no objection, with conditions",
    "state": "In force",
    "decided": "1 Oct 2027",
    "model": "Corvane 4",
    "case": "C-2027-014",
    "scope": "Quillmark Systems may make Corvane 4 available through its API, under one condition.",
    "meaning": "“No objection” is not a finding that the model is safe.",
    "basis": "EU AI Act Art. 93",
    "recommended_by": "Mira Lindqvist, case officer",
    "decided_by": "Paul Sørby, decider",
    "review": "12 Nov 2027",
    "entry": "Entry 4,702 of the public ledger",
    "conditions": [
        {
            "text": "A wet-lab baseline before fine-tuning is widened",
            "due": "1 Dec 2027",
            "evidence": "A report",
        }
    ],
    "reasons": ["With safeguards on, tier 3 was ruled out.", "With safeguards off, it was not."],
    "evidence": [{"when": "17 Sep 2027", "what": "Independent assessment", "reference": "IA-2027-018"}],
    "flags": [
        {
            "code": "F-1",
            "title": "Cyber offence: developer tier 2",
            "answer": "Condition 1.",
            "carried": False,
        },
        {
            "code": "F-3",
            "title": "Speeding up AI R&D: one side is missing",
            "answer": "No test.",
            "carried": True,
        },
    ],
    "appeal": "An action may be brought before the Court within two months.",
}
LETTERS = {
    "receipt": RECEIPT, "preliminary_findings": FINDINGS, "referral": REFERRAL, "decision": DECISION,
}  # fmt: skip
LISTS = {
    "documents",
    "verify",
    "facts",
    "provisions",
    "readings",
    "priors",
    "warnings",
    "signatures",
    "rights",
    "dates",
    "conditions",
    "reasons",
    "evidence",
    "flags",
    "signed",
    "acknowledged",
}


def made(template: str, data: Mapping[str, Any] | None = None, **charts: str) -> bytes:
    return pdf.render(template, LETTERS[template] if data is None else data, at=AT, charts=charts)


def text_of(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(io.BytesIO(content)) as document:
        return [page.get_textpage().get_text_range() for page in document]


def joined(content: bytes) -> str:
    """The whole text with line ends and soft breaks taken out."""
    return re.sub(r"\s+", " ", "\n".join(text_of(content)).replace("\u200b", "").replace("\ufffe", ""))


@pytest.mark.parametrize("template", LETTERS)
def test_letters_are_tagged_titled_and_the_same_each_time(template: str) -> None:
    content = made(template)
    assert content == made(template)
    for needed in (
        b"/MarkInfo",
        b"/Marked true",
        b"/StructTreeRoot",
        b"pdfuaid",
        b"/Lang",
        b"/DisplayDocTitle true",
    ):
        assert needed in content, needed
    with pypdfium2.PdfDocument(io.BytesIO(content)) as document:
        facts = document.get_metadata_dict()
        assert document.is_tagged()
    assert facts["CreationDate"].startswith("D:20271001093000")
    assert facts["Author"] == "Frontier AI Authority"
    assert facts["Title"]


@pytest.mark.parametrize("template", LETTERS)
def test_every_page_carries_the_mark_of_a_demonstration_and_only_there(template: str) -> None:
    long = LETTERS[template] | {key: LETTERS[template][key] * 40 for key in LISTS & LETTERS[template].keys()}
    pages = text_of(made(template, long))
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert "Companies, people and figures are invented" in re.sub(r"\s+", " ", page)
        assert f"Page {number} of {len(pages)}" in re.sub(r"\s+", " ", page)
    without = {key: value for key, value in LETTERS[template].items() if key != "demonstration"}
    assert "Demonstration." not in joined(made(template, without))


@pytest.mark.parametrize("template", LETTERS)
def test_letters_with_nothing_in_their_lists_are_whole(template: str) -> None:
    empty = LETTERS[template] | {key: [] for key in LISTS & LETTERS[template].keys()}
    if "worksheet" in empty:
        empty["worksheet"] = empty["worksheet"] | {"lines": []}
    assert len(text_of(made(template, empty))) == 1


EXPECTED = {
    "receipt": [
        "RR-2027-031", "On time: due", "1,203,114", "5f1d a07c", "Signed, not witnessed",
        "Accepted for review",
        "Starts the time to decide", "confirmed with a key", "Check a receipt:",
    ],
    "preliminary_findings": [
        "EUR 3,750,000.00", "EUR 11,250,000.00", "15,000,000.00", "proposed value, not law",
        "office method, not law",
        "right to be heard", "8 Nov 2027, 23:59:59 Brussels", "Index No. 1", "✓ used here", "Tomasz Reyl",
    ],
    "referral": [
        "The agency computes, a court imposes.", "Attorney General of New York", "USD 3,000,000.00",
        "Counted", "5f1d a07c",
    ],
    "decision": ["no objection, with conditions", "is not a finding", "IA-2027-018",
                 "Carried into this decision", "Paul Sørby", "F-3. Speeding up AI R&D"],
}  # fmt: skip


@pytest.mark.parametrize("template", LETTERS)
def test_letters_say_what_they_must(template: str) -> None:
    text = joined(made(template))
    for needed in [*EXPECTED[template], "Quillmark Systems, Inc.", LETTERS[template]["reference"]]:
        assert needed in text, needed


def replaced(value: Any, text: str) -> Any:
    """The letter with `text` in the place of every text."""
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {key: replaced(part, text) for key, part in value.items()}
    return [replaced(part, text) for part in value] if isinstance(value, list) else value


MARKUP = [
    "#panic()",
    "*bold* _it_",
    "$x^2$ `r`",
    "@ref <label>",
    "\\ // /* c */",
    "= Head",
    "#{1+1} ]",
    "{{ }}",
]


@pytest.mark.parametrize("template", LETTERS)
@pytest.mark.parametrize("markup", MARKUP)
def test_markup_in_a_value_stays_text(template: str, markup: str) -> None:
    data = replaced(LETTERS[template], markup) | {"language": "en"}
    assert joined(made(template, data)).count(markup) > 5


ODD = ["", "W" * 300, "Łódź 東京 Москва مرحبا 🙂", "a\x00b\x1b[31m\ud800\n\nc", "1\u00a0000\u202f000\u2009%"]


@pytest.mark.parametrize("template", LETTERS)
@pytest.mark.parametrize("odd", ODD)
def test_empty_long_and_foreign_values_still_make_a_letter(template: str, odd: str) -> None:
    data = replaced(LETTERS[template], odd) | {"language": "en", "reference": "X-1"}
    assert "X-1" in joined(made(template, data))


def test_characters_that_no_font_has_are_set_as_their_numbers() -> None:
    text = joined(made("receipt", RECEIPT | {"entity": "Łódź Ωμέγα Москва 東 e\u0301 🙂 \u2440"}))
    assert "Łódź Ωμέγα Москва [U+6771]" in text
    assert "[U+1F642] [U+2440]" in text


def test_a_fault_of_a_template_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise typst.TypstError("unknown variable", "")

    monkeypatch.setattr(typst, "compile", broken)
    with pytest.raises(typst.TypstError, match="unknown variable"):
        made("receipt")


def test_a_letter_no_font_can_show_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> bytes:
        raise typst.TypstError('the text `"\\u{2427}"` could not be displayed with font "A"', "")

    monkeypatch.setattr(typst, "compile", never)
    with pytest.raises(ValueError, match="no font can show"):
        made("receipt")


@pytest.mark.parametrize("template", LETTERS)
def test_nothing_runs_over_the_edge_of_the_page(template: str) -> None:
    data = replaced(LETTERS[template], "W" * 80 + " 15,000,000,000,000.00") | {"language": "en"}
    with pypdfium2.PdfDocument(io.BytesIO(made(template, data, waterfall=SVG))) as document:
        for page in document:
            right = max(found.get_bounds()[2] for found in page.get_objects())
            assert right <= page.get_width() - 40


def test_charts_are_placed_with_their_alternative_text_in_our_font() -> None:
    plain, drawn = made("preliminary_findings"), made("preliminary_findings", waterfall=SVG)
    assert "Proposed amount – 10 % × 2" in joined(drawn)
    assert "Proposed amount –" not in joined(plain)
    assert b"How EUR 3,750,000.00 is built. Six lines & a ceiling." in drawn
    with pypdfium2.PdfDocument(io.BytesIO(drawn)) as document:
        page = document[0].get_textpage()
        at = page.search("Proposed amount –").get_next()
        assert at is not None
        name = ctypes.create_string_buffer(80)
        flags = ctypes.c_int()
        pypdfium2.raw.FPDFText_GetFontInfo(page.raw, at[0], name, 80, ctypes.byref(flags))
    assert b"SourceSansPro" in name.value


def test_refusals_name_what_is_wrong() -> None:
    with pytest.raises(KeyError):
        pdf.render("../secret", RECEIPT, at=AT)
    with pytest.raises(ValueError, match="lacks: entity, reference"):
        made("receipt", {key: value for key, value in RECEIPT.items() if key not in ("entity", "reference")})
    with pytest.raises(ValueError, match="has a zone"):
        pdf.render("receipt", RECEIPT, at=datetime(2027, 10, 1))
    with pytest.raises(TypeError, match="takes text, not float"):
        made("receipt", RECEIPT | {"received": 1.5})
    with pytest.raises(TypeError, match="takes text, not bytes"):
        made("receipt", RECEIPT | {"received": b"x"})
    with pytest.raises(ValueError, match="has no title"):
        made("preliminary_findings", waterfall="<svg/>")


def test_a_late_filing_says_so() -> None:
    late = RECEIPT | {"on_time": False, "timeliness": "Late by 3 days: due Mon 27 Sep 2027, 23:59:59 UTC"}
    assert "■ Late by 3 days" in joined(made("receipt", late))
