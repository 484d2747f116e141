"""Plans, registers and drift reports as PDF, for the sandbox to render page by page.

All text of theirs reaches Typst as JSON and is set as text, so nothing in it is markup, runs or names a
file. The fonts are those inside the typst package and never the machine's: a page looks the same wherever
it is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from unicodedata import category

import typst

from secure_access.custodian import controls
from secure_access.custodian.drift import DriftReport, Finding
from secure_access.custodian.oscal import Reading, SystemControl
from secure_access.custodian.register import Register

_TEMPLATES = Path(__file__).parent / "typst"
_LONG_WORD = re.compile(r"\S{25,}")
_PIECE = re.compile(r".{10}(?=.)")
_NOT_TEXT = ("Cc", "Cs", "Co", "Cn")  # control, lone surrogate, private use, unassigned
_NO_GLYPH = re.compile(r"the text `\"(.+?)\"` could not be displayed")
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
# What the fonts certainly do not cover: scripts beyond Latin, Greek and Cyrillic, and emoji.
_BEYOND = "\u0530-\u1cff\u2e80-\ufefe\uff00-\uffef\U00010000-\U0010ffff"
# What would show a text in another order than it is stored.
_TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ROUNDS = 300
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class CannotTypeset(ValueError):
    """A plan that cannot be set as pages; the message says why."""


def section_pdf(content: Reading | Register, *, at: datetime) -> bytes:
    """What `checking.look` found in a section, as pages. As `plan_pdf`."""
    return plan_pdf(content, at=at) if isinstance(content, Reading) else register_pdf(content, at=at)


def plan_pdf(reading: Reading, *, at: datetime) -> bytes:
    """A plan control by control, after what the schema does not allow, before all else that the file has.

    ``at`` (aware) becomes the date of creation in the file; the same reading and date give the same bytes.
    Raises `CannotTypeset`.
    """
    plan = reading.plan
    values = {
        "kind": f"System security plan, from {reading.form}",
        "title": plan.title or "Plan without a title",
        "facts": [("System", plan.system), ("Version", plan.version), ("Schema", reading.words)],
        "errors": [asdict(error) for error in reading.errors],
        "controls": [_control(control) for control in plan.controls],
        "others": [asdict(passage) for passage in plan.others],
    }
    return _compiled("plan", values, at)


def register_pdf(register: Register, *, at: datetime) -> bytes:
    """A register, an actor after the other with the controls that answer it. As `plan_pdf`."""
    actors = [
        {
            "name": actor.name,
            "facts": [
                ("Kind", actor.kind.value),
                ("Capability", actor.capability.value),
                ("After", actor.asset),
                ("Counts from", f"risk tier {actor.tier}"),
            ],
            "controls": [
                {"name": controls.written(name), "title": controls.title_of(name)} for name in actor.controls
            ],
        }
        for actor in register.actors
    ]
    return _compiled(
        "register", {"kind": "Threat-actor register", "title": "Threat actors", "actors": actors}, at
    )


def drift_pdf(report: DriftReport, *, at: datetime) -> bytes:
    """A drift report, findings of a kind together. As `plan_pdf`."""
    by_kind: Callable[[Finding], str] = lambda finding: finding.kind.value  # noqa: E731 - twice below
    order = list(dict.fromkeys(map(by_kind, report.findings)))
    ordered = sorted(report.findings, key=lambda finding: order.index(by_kind(finding)))
    values = {
        "kind": "Drift report",
        "title": "Public outline and delivered plan",
        "facts": [
            ("Findings", str(len(report.findings))),
            ("Sections", ", ".join(report.sections)),
            ("Controls", str(report.controls)),
            ("Actors", str(report.actors)),
            ("Outline, SHA-256", report.outline),
        ],
        "findings": [
            {"kind": kind.capitalize(), "rows": [finding.words for finding in rows]}
            for kind, rows in groupby(ordered, by_kind)
        ],
    }
    return _compiled("drift", values, at)


def _control(control: SystemControl) -> dict[str, Any]:
    return {
        **asdict(control),
        "name": controls.written(control.identifier),
        "status": control.status,
        "statements": [{**asdict(each), "part": each.part} for each in control.statements],
    }


def _compiled(template: str, values: Mapping[str, object], at: datetime) -> bytes:
    if at.utcoffset() is None:
        raise ValueError("The date of a page has a zone.")
    text = json.dumps(_plain(values), ensure_ascii=False)
    try:
        return _typst(template, _in_numbers(text), at)
    except typst.TypstError as error:
        raise CannotTypeset("The pages could not be set.") from error


def _typst(template: str, text: str, at: datetime) -> bytes:
    made = typst.compile(
        str(_TEMPLATES / f"{template}.typ"),
        root=str(_TEMPLATES),
        font_paths=_fonts(),
        sys_inputs={"data": text},
        format="pdf",
        pdf_standards=["ua-1"],
        timestamp=int(at.timestamp()),
    )
    return bytes(made)


def _in_numbers(text: str) -> str:
    """The text with what no font shows, and what would turn its direction, as numbers: [U+6771].

    PDF/UA refuses a character without a glyph, and none must vanish. Which those are is asked of Typst with
    a page of every character once, for a plan may have hundreds of pages.
    """
    if text.isascii():
        return text
    unshown = re.compile(f"[{_BEYOND}{_TURNING}]")
    for _ in range(_ROUNDS):
        asked = "".join(sorted(set(unshown.sub("", text))))
        try:
            _typst("probe", json.dumps(asked, ensure_ascii=False), _EPOCH)
        except typst.TypstError as error:
            lacking = _lacking(str(error))
            if not lacking:
                raise
            unshown = re.compile(f"{unshown.pattern}|[{re.escape(lacking)}]")
        else:
            return unshown.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    raise CannotTypeset("The plan has too many characters that no font can show.")


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def _lacking(refusal: str) -> str:
    """The characters that Typst says no font has; ASCII is never meant, only what stands beside it."""
    found = _NO_GLYPH.search(refusal)
    named = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), found[1]) if found else ""
    return "".join(character for character in named if not character.isascii())


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_plain(part) for part in value]
    return value


def _text(value: str) -> str:
    """Text that can be set: no control characters or lone surrogates, and long words may break."""
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = lines
    if not lines.isprintable():
        kept = "".join(c if c == "\n" or category(c) not in _NOT_TEXT else "\ufffd" for c in lines)
    return _LONG_WORD.sub(lambda word: _PIECE.sub("\\g<0>\u200b", word[0]), kept)
