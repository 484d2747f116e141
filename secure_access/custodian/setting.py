"""The child that reads plans and registers somebody else wrote, and sets PDFs for the other child to draw.

Started by `secure_access.custodian.sandbox` as ``python -m secure_access.custodian.setting``. As
`rendering`, it loads everything first, gives up what it can do, and only then reads the first byte. It
answers twice: what it found, as JSON; then, where it found something, the PDF.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from secure_access.custodian import confinement, controls, drift, sections, typeset
from secure_access.custodian.findings import OutlineSection
from secure_access.custodian.oscal import Reading, SystemPlan, schemas
from secure_access.custodian.register import VERSION, Register
from secure_access.custodian.typeset import CannotTypeset
from secure_access.custodian.wire import ANSWER, COMPARED, MAX_LOOKED, MAX_PDF, Kind, Reason

AT = datetime(2000, 1, 1, tzinfo=UTC)
"""The date in the PDF, which nobody sees: it is drawn, and then gone."""
PROBLEMS, LONGEST = 20, 300
"""How many reasons are told why it is no plan, and how long each is."""


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Confines itself, reads the section, answers."""
    terms = json.loads(source.readline())
    _warm()
    confinement.close_all_but_pipes()
    confinement.limit(terms["memory"], terms["seconds"], terms["files"])
    confinement.filter_calls(bytes.fromhex(terms["filter"]))
    head = source.readline()
    if not head:
        return  # a spare that was not needed
    told = json.loads(head)
    try:
        content = source.read(told["size"])
        if told["media_type"] == COMPARED:
            found, pdf = compared(content)
        else:
            found, pdf = looked(content, told["media_type"])
        _answer(target, Kind.LOOKED, json.dumps(found).encode())
        if pdf:
            _answer(target, Kind.PDF, pdf)
    except MemoryError:
        _answer(target, Kind.REFUSED, bytes([Reason.MEMORY]))


def looked(content: bytes, media_type: str) -> tuple[dict[str, Any], bytes]:
    """What a section is, in words for the core, and its pages; without pages, why there are none."""
    found = sections.look(content, media_type)
    if found.content is None:
        return _problems(found.problems or ("It is neither a plan in OSCAL nor a register.",)), b""
    try:
        pdf = typeset.section_pdf(found.content, at=AT)
    except CannotTypeset as problem:
        return _problems((str(problem),)), b""
    if len(pdf) > MAX_PDF:
        return _problems(("Its pages take more than can be shown.",)), b""
    said: dict[str, Any] = {
        "problems": [],
        "schema": found.schema or "",
        "register": isinstance(found.content, Register),
    }
    return said, pdf


def compared(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The pages of a drift report, and whether there are any."""
    head, _, rest = content.partition(b"\n")
    told = json.loads(head)
    plans: list[SystemPlan] = []
    register: Register | None = None
    for media_type, size in told["files"]:
        found = sections.look(rest[:size], media_type).content
        rest = rest[size:]
        if isinstance(found, Reading):
            plans.append(found.plan)
        elif isinstance(found, Register):
            register = found
    outline = [OutlineSection(key, key, text) for key, text in told["outline"].items()]
    report = drift.compare(outline, told["sections"], plans, register, tiers=None)
    try:
        pdf = typeset.drift_pdf(report, at=AT)
    except CannotTypeset as problem:
        return _problems((str(problem),)), b""
    return {"problems": [], "schema": "", "register": False}, pdf


def _problems(told: tuple[str, ...]) -> dict[str, Any]:
    return {"problems": [one[:LONGEST] for one in told[:PROBLEMS]], "schema": "", "register": False}


def _answer(target: BinaryIO, kind: Kind, content: bytes) -> None:
    if kind is Kind.LOOKED:
        assert len(content) <= MAX_LOOKED
    target.write(ANSWER.pack(kind, len(content)) + content)
    target.flush()


def _warm() -> None:
    """Reads every schema and sets one of each, so that all that is loaded late has been loaded."""
    controls.titles()
    for version in schemas.installed():
        schemas.warm(version)
    for form, content in _samples():
        looked(content, form)
    compared(json.dumps({"outline": {"a": "AC-2"}, "sections": ["a"], "files": []}).encode() + b"\n")


def _samples() -> Iterator[tuple[str, bytes]]:
    version = schemas.installed()[-1]
    plan = {"system-security-plan": {"metadata": {"title": "A", "oscal-version": version}}}
    yield "application/oscal+json", json.dumps(plan).encode()
    yield (
        "application/oscal+yaml",
        f'system-security-plan:\n  metadata: {{oscal-version: "{version}"}}\n'.encode(),
    )
    inside = f"<metadata><title>A</title><oscal-version>{version}</oscal-version></metadata>"
    name, space = "system-security-plan", "http://csrc.nist.gov/ns/oscal/1.0"
    yield "application/oscal+xml", f'<{name} xmlns="{space}">{inside}</{name}>'.encode()
    actor = {
        **{"name": "A", "kind": "insider", "capability": "low", "asset": "weights", "tier": "1"},
        "controls": ["ac-1"],
    }
    yield "application/oscal+json", json.dumps({"v": VERSION, "actors": [actor]}).encode()
    for wrong in (b"", b"{", b"<a", b"\xff", b"a: &b c"):
        for form in ("json", "yaml", "xml"):
            yield f"application/oscal+{form}", wrong


if __name__ == "__main__":  # pragma: no cover - runs in a process of its own
    main(sys.stdin.buffer, sys.stdout.buffer)
