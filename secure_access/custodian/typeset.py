"""Plans, registers and drift reports as PDF, for the sandbox to render page by page.

All text of theirs reaches Typst as JSON and is set as text, so nothing in it is markup, runs or names a
file. The fonts are those inside the typst package and never the machine's: a page looks the same wherever
it is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import typst

from secure_access.custodian import controls
from secure_access.custodian.findings import DriftReport, Finding
from secure_access.custodian.oscal import Reading, SystemControl
from secure_access.custodian.register import Register

TEXTS = 2**16
"""Texts and lines that a section may have to be set as pages; 1,000 controls of three parts have 20,000."""

_TEMPLATES = Path(__file__).parent / "typst"
_IMPORT = re.compile(rb'^#import "lib\.typ".*$', re.MULTILINE)
_LONG_WORD = re.compile(r"\S{25,}")
_PIECE = re.compile(r".{10}(?=.)")
# What the fonts show in every face of the pages, in hexadecimal; a test sets each of them. Left out is what
# would show a text in another order than it is stored: marks and overrides of direction.
_SHOWN = """
a 20-7e a0-377 37a-37f 384-38a 38c 38e-3a1 3a3-4ff 510-513 51a-51d 1d00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d
1f50-1f57 1f59 1f5b 1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fc4 1fc6-1fd3 1fd6-1fdb 1fdd-1fef 1ff2-1ff4 1ff6-1ffe
2000-200d 2010-2029 202f-2040 2042 2044-2052 2054-2064 206a-2071 2074-208e 2090-209c 20a0-20c0 20d0-20f0
2100-211e 2120 2122 2124 2126-2151 2153-2184 2189 2190-23ff 2422-2423 2460-2606 2609-262f 2638-268b
2690-269c 26a0-26a7 26aa-26af 26b2 2701-2704 2706-2709 270c-2714 2717-2726 272a-274b 274d 274f-2752 2756
2758-275e 2761-277f 2794 2798-27af 27b1-2b73 2b76-2b95 2b97-2bff 2c60-2c7f 2e02-2e05 2e08-2e0a 2e17-2e18
2e1f 2e22-2e25 2e2e a640-a641 a648-a649 a656-a657 a720-a727 a72d a730 a735 a765 a789-a78e a790-a791 a793
a7aa a7f8-a7f9 fb00-fb06
"""


_Values: TypeAlias = str | Mapping[str, Any] | Sequence[Any]


class CannotTypeset(ValueError):
    """A plan that cannot be set as pages; the message says why."""


def section_pdf(content: Reading | Register, *, at: datetime) -> bytes:
    """What `sections.look` found in a section, as pages. As `plan_pdf`."""
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


def _compiled(template: str, values: Mapping[str, Any], at: datetime) -> bytes:
    if at.utcoffset() is None:
        raise ValueError("The date of a page has a zone.")
    texts = sum(_weights(values))
    if texts > TEXTS:
        raise CannotTypeset(f"It has {texts:,} texts and lines; no more than {TEXTS:,} are set as pages.")
    try:
        return _typst(template, _plain(values), at)
    except typst.TypstError as error:
        raise CannotTypeset("The pages could not be set.") from error


def _typst(template: str, values: object, at: datetime) -> bytes:
    made = _compiler().compile(
        _source(template),
        sys_inputs={"data": json.dumps(values, ensure_ascii=False)},
        format="pdf",
        pdf_standards=["ua-1"],
        timestamp=int(at.timestamp()),
    )
    if not isinstance(made, bytes):
        raise CannotTypeset("The pages could not be set.")
    return made


@cache
def _source(template: str) -> bytes:
    """A template with what it imports, read once: the sandbox opens no file later."""
    own = (_TEMPLATES / f"{template}.typ").read_bytes()
    return (_TEMPLATES / "lib.typ").read_bytes() + _IMPORT.sub(b"", own)


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(root=str(_TEMPLATES), font_paths=_fonts())


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


@cache
def _unshown() -> re.Pattern[str]:
    ranges = (part.partition("-") for part in _SHOWN.split())
    shown = "".join(f"\\U{int(first, 16):08x}-\\U{int(last or first, 16):08x}" for first, _, last in ranges)
    return re.compile(f"[^{shown}]")


def _weights(value: _Values) -> Iterator[int]:
    """How many texts and lines there are: what Typst needs memory for, some 20 KiB each."""
    if isinstance(value, str):
        yield 1 + value.count("\n") if value else 0
    else:
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _weights(part)


def _plain(value: _Values) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value]


def _text(value: str) -> str:
    """Text that can be set: what no font shows stands as its number, [U+6771], and long words may break."""
    lines = value.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = lines
    if not (lines.isascii() and lines.isprintable()):
        kept = _unshown().sub(lambda found: f"[U+{ord(found[0]):04X}]", lines)
    return _LONG_WORD.sub(lambda word: _PIECE.sub("\\g<0>\u200b", word[0]), kept)
