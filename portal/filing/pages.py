"""Between a form on a page and the answers of a filing: reading what was sent, showing what is kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from portal.filing import checks, publication
from portal.filing.forms import Kind, Question, Section
from portal.filing.service import Answers
from portal.filing.tables import Filing, FilingKind
from portal.ui.fields import MemorableDateField, audience_of
from portal.ui.forms import Form

LONGEST = 20_000
Problem = tuple[str, str]
WHAT = {
    FilingKind.RELEASE_NOTIFICATION: "Before a model is released: what, where, with which safeguards.",
    FilingKind.TEST_SUMMARY: "Public. What was tested, how, with what result.",
    FilingKind.SAFETY_FRAMEWORK: "Public. How your organisation manages risk. Two people.",
    FilingKind.SYSTEM_CARD: "Public. How the model behaves and what lowers its risk.",
    FilingKind.SECURITY_OUTLINE: "Public. The headings of your security plan, without its details.",
    FilingKind.RISK_REPORT: "Every risk category with tier, mitigations and residual risk. Two people.",
}
"""What each kind of filing is, where one is begun."""


def read_section(section: Section, submitted: Any) -> tuple[Answers, list[Problem]]:
    """What one page of a form says, and what could not be read. What is not on the page is left alone."""
    content: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    audiences: dict[str, Mapping[str, str]] = {}
    problems: list[Problem] = []
    for question in section.questions:
        if not _sent(question, submitted):
            continue
        answer, wrong = _answer(question, submitted)
        if wrong:
            problems.append((question.name, wrong))
        elif question.column:
            columns[question.column] = answer
        else:
            content[question.name] = _kept(answer)
        if question.audience and f"{question.name}-audience" in submitted:
            audience, why = audience_of(submitted, question.name)
            audiences[question.name] = {"audience": audience, "why": why[:400]}
    return Answers(content, columns, audiences), problems


def _kept(answer: Any) -> Any:
    """An answer as it is stored: a date as text, nothing as an empty text."""
    if isinstance(answer, date):
        return answer.isoformat()
    return "" if answer is None else answer


def _sent(question: Question, submitted: Any) -> bool:
    if question.kind is Kind.DATE:
        return f"{question.name}-year" in submitted
    # Boxes that are all left empty send nothing; a hidden mark says that they were on the page.
    return question.name in submitted or f"{question.name}-asked" in submitted


def _answer(question: Question, submitted: Any) -> tuple[Any, str]:
    allowed = [value for value, _, _ in question.options]
    match question.kind:
        case Kind.DATE:
            return _date(question.name, submitted)
        case Kind.SEVERAL:
            return [value for value in submitted.getlist(question.name) if value in allowed], ""
        case Kind.CHOICE | Kind.TIER:
            said = submitted.get(question.name, "")
            known = said in ("", *allowed)
            return said if known else "", "" if known else f"Choose one answer for “{question.label}”."
        case _:
            text = submitted.get(question.name, "").replace("\r\n", "\n").strip()
            if len(text) > LONGEST:
                return (
                    "",
                    f"“{question.label}” has more than {LONGEST:,} characters. Attach it as a file.",
                )
            return text, ""


def _date(name: str, submitted: Any) -> tuple[date | None, str]:
    form = type("OneDate", (Form,), {name: MemorableDateField("")})(submitted)
    form.validate()
    field = form[name]
    return field.data, str(field.errors[0]) if field.errors else ""


def shown_section(
    filing: Filing, section: Section, *, submitted: Any = None, problems: Sequence[Problem] = ()
) -> list[dict[str, Any]]:
    """The questions of a page with what to show in them, in groups that stand beside each other.

    ``submitted`` keeps what was typed where it could not be read.
    """
    given = publication.answers(filing)
    errors = dict(reversed(problems))
    rows = []
    for question in section.questions:
        if not question.asked(given):
            continue
        audience, why = checks.audience_of(filing.audiences, question)
        rows.append(
            {
                "question": question,
                "value": given.get(question.name, ""),
                "date": _parts(question, given.get(question.name, ""), submitted, errors),
                "audience": audience,
                "why": why or question.grounds,
                "error": errors.get(question.name, ""),
            }
        )
    return [
        {"beside": beside, "rows": list(group)}
        for beside, group in groupby(rows, key=lambda row: _question(row).beside)
    ]


def typed(submitted: Any) -> list[str]:
    """Every text of more than a word that was sent, for the page that says that the draft is not there.

    The browser cannot go back to a form that is not served again, so the answer gives the text back.
    """
    sent = (text for name in submitted for text in submitted.getlist(name))
    return [text for text in sent if len(text.split()) > 1]


def _question(row: Mapping[str, Any]) -> Question:
    found = row["question"]
    assert isinstance(found, Question)
    return found


def _parts(question: Question, value: Any, submitted: Any, errors: Mapping[str, str]) -> tuple[str, str, str]:
    """Day, month and year for three inputs: as typed where that could not be read."""
    if submitted is not None and question.name in errors:
        day, month, year = (submitted.get(f"{question.name}-{part}", "") for part in ("day", "month", "year"))
        return day, month, year
    try:
        found = date.fromisoformat(str(value))
    except ValueError:
        return "", "", ""
    return str(found.day), str(found.month), str(found.year)


def step_labels(sections: Sequence[Section]) -> list[str]:
    """The labels of the step indicator: the form's own, then attachments, then certification."""
    return [*dict.fromkeys(section.step_label for section in sections), "Attachments", "Check and certify"]


def grouped(filing: Filing, found: Sequence[checks.Check]) -> list[tuple[str, list[checks.Check]]]:
    """Checks under the title of their page."""
    titles = {section.key: section.title for section in publication.sections(filing)}
    groups: dict[str, list[checks.Check]] = {}
    for check in found:
        groups.setdefault(titles.get(check.section, "Whole filing"), []).append(check)
    return list(groups.items())


def neighbour(sections: Sequence[Section], key: str) -> str:
    """The page after this one; the attachments after the last."""
    keys = [section.key for section in sections]
    place = keys.index(key) + 1
    return keys[place] if place < len(keys) else "attachments"


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as CSV under their columns, no cell of which a spreadsheet takes for a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({column: _cell(value) for column, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
