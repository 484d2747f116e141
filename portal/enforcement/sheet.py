"""A worksheet laid out for its page: the rows of its tables, who signed, what stops approval, the files."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from portal.enforcement import checks
from portal.enforcement.choices import Choices, needs_turnover
from portal.enforcement.letters import amount_of
from portal.enforcement.tables import Worksheet
from portal.enforcement.workflow import WorksheetState
from portal.enforcement.worksheets import Opened
from portal.law import statute
from portal.law.penalty_lines import OFFICE_METHOD
from portal.law.penalty_part import ADOPTED
from portal.ui.formats import amount, date_only, plural, status
from secure_access.db import Session, select
from secure_access.identity import Person

STATES = {
    WorksheetState.DRAFT: ("neutral", "Draft, not public"),
    WorksheetState.PREPARED: ("warn", "Proposed, not public"),
    WorksheetState.SENT_BACK: ("stop", "Sent back, not public"),
    WorksheetState.APPROVED: ("good", "Approved, not public"),
    WorksheetState.SUPERSEDED: ("neutral", "Replaced by a later version"),
}
_METHOD = {OFFICE_METHOD: "Office method", ADOPTED: "Adopted method"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Check:
    """A line of what stops approval, or does not: a status mark, words, and where to mend it."""

    kind: str
    mark: str
    words: str
    where: str = ""


@dataclass(frozen=True)
class Signature:
    """Who signed or is to sign, and when."""

    name: str
    title: str
    at: datetime | None


def lines(found: Opened, link: str) -> list[list[object]]:
    """The rows of the table: number, line, how, source, amount. ``link`` leads to the evidence of revenue."""
    row, before = found.worksheet, found.before
    changed = {line.label: line for line in checks.compare(before.result, row.result)} if before else {}
    samples = sorted({r.sample_of for r in found.revenue if r.sample_of})
    return [
        [
            line["step"],
            line["label"],
            _how(line, changed.get(line["label"]), row, samples),
            _source(line, row, link),
            amount_of(line, row.currency) if line["amount"] is not None else None,
        ]
        for line in row.result["lines"]
    ]


def marked(row: Worksheet) -> list[int]:
    """The rows with a rule above: the legal maximum."""
    return [n for n, line in enumerate(row.result["lines"]) if line["operation"] == "maximum"]


def _how(
    line: Mapping[str, Any], changed: checks.Changed | None, row: Worksheet, samples: list[str]
) -> Markup:
    parts = [Markup("{}").format(line["how"])]
    if line["operation"] == "rate" and ": " in line["citation"]:
        parts.append(Markup('<span class="sub">{}</span>').format(line["citation"].partition(": ")[2]))
    if line["reason"]:
        parts.append(Markup('<span class="sub">{}</span>').format(line["reason"]))
    if line["operation"] == "start" and row.choices["gravity_reason"]:
        parts.append(Markup('<span class="sub">{}</span>').format(row.choices["gravity_reason"]))
    if _is_revenue(line, row):
        parts += [
            Markup('<span class="sub">Sample figures of {}, no allegation.</span>').format(name)
            for name in samples
        ]
    if changed is not None:
        parts.append(status("warn", _change_words(changed, row)))
    return Markup("<br>").join(parts)


def _change_words(changed: checks.Changed, row: Worksheet) -> str:
    if changed.new:
        return f"New in v{row.version}"
    words = changed.how_before.rpartition(": ")[2]
    if not words and changed.before is not None:
        words = amount(changed.before, row.currency)
    return f"Changed in v{row.version}: was {words}" if words else f"Changed in v{row.version}"


def _source(line: Mapping[str, Any], row: Worksheet, link: str) -> object:
    source = _cited(line, row, link)
    said = _METHOD.get(line["status"])
    if said is None or isinstance(source, Mapping):
        return source
    return Markup('{}<br><span class="sub small">{}</span>').format(source, said)


def _cited(line: Mapping[str, Any], row: Worksheet, link: str) -> object:
    if _is_revenue(line, row):
        return {"text": line["citation"], "url": link}
    if line["operation"] == "rate":
        return line["citation"].partition(": ")[0]
    if line["operation"] not in ("start", "factor") or not row.choices["gravity_reason"]:
        return line["citation"]
    said = f"Reason on file, {date_only(row.drafted_at)}"
    return Markup('{}<br><span class="sub small">{}</span>').format(line["citation"], said)


def _is_revenue(line: Mapping[str, Any], row: Worksheet) -> bool:
    """Whether a line is a figure of revenue on file, and not one that was stated for the method."""
    if line["operation"] != "given":
        return False
    return line["citation"] in {figure.get("source") for figure in row.facts.get("revenue", ())}


def standing_checks(found: Opened) -> list[Check]:
    """What stops approval, each with where to mend it, and what does not."""
    row, gaps = found.worksheet, found.gaps
    rows = [Check("stop", "Lacking", gap.what[:1].upper() + gap.what[1:], gap.where) for gap in gaps]
    if found.standing.proposed:
        rows.append(Check("stop", "Proposed", "A proposed value never reaches a notice"))
    missing = {gap.where for gap in gaps}
    if needs_turnover(row.regime) and "revenue" not in missing:
        papers = sum(1 for r in found.revenue if r.document_id)
        rows.append(Check("good", "Evidenced", f"Revenue, {plural(papers, 'document')}"))
    kept = Choices.from_json(row.choices)
    factors = kept.factors
    words = f"Gravity and {plural(len(factors), 'factor')}" if factors else "Gravity; no factor chosen"
    if kept.inputs:
        words = plural(len(kept.inputs), "figure of the method", "figures of the method")
    rows.append(Check("good", "Reasoned", words))
    if "statute" not in missing:
        rows.append(Check("good", "Verified", "Every legal value used was read in its source"))
    pack = statute.load(row.regime)
    rows.append(Check("neutral", "Pinned", f"Statute pack {pack.id}, {row.statute_digest[7:19]}"))
    return rows


def signature(session: Session, person_id: uuid.UUID | None, at: datetime | None) -> Signature | None:
    """A signature with the name of who gave it."""
    person = session.get(Person, person_id) if person_id else None
    return Signature(person.name, person.title, at) if person else None


def names(session: Session, versions: tuple[Worksheet, ...]) -> dict[uuid.UUID, str]:
    """The names of those who wrote the versions."""
    wanted = {row.drafted_by for row in versions}
    people = session.exec(select(Person).where(Person.id.in_(wanted)))  # type: ignore[attr-defined]
    return {person.id: person.name for person in people}


def changes(before: Worksheet, after: Worksheet) -> list[list[object]]:
    """What changed between two versions, as rows: line, before, after, how it is now."""
    return [
        [c.label, _money(c.before, after.currency), _money(c.after, after.currency), c.how_after]
        for c in checks.compare(before.result, after.result)
    ]


def _money(value: Decimal | None, currency: str) -> str | None:
    return None if value is None else amount(value, currency)


def as_csv(row: Worksheet) -> str:
    """The lines as CSV. A text that a spreadsheet would take for a formula is quoted with an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    keys = ("step", "label", "how", "citation", "operation", "operand", "amount", "status", "reason")
    writer.writerow([*keys, "currency"])
    for line in row.result["lines"]:
        writer.writerow([*(_cell(key, line[key]) for key in keys), row.currency])
    return out.getvalue()


def _cell(key: str, value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and key not in ("amount", "operand") else text


def as_facts(row: Worksheet) -> str:
    """The facts as ``assay law penalty FILE`` reads them."""
    return json.dumps(row.facts, indent=1, ensure_ascii=False) + "\n"
