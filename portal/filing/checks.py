"""What is wrong with a draft, what has to be explained, and what is good to know. Pure.

Each check has a stable code, the section and field it is about, what is wrong and how to mend it, and the
source of its rule. A reason given for a check is void once the answer it was given for has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from portal.filing import risk_form
from portal.filing.forms import CONFIDENTIAL, PUBLIC, Kind, Need, Question, Section

SCENARIO_WORDS = (50, 300)


class CheckClass(StrEnum):
    """What a check does."""

    BLOCK = "block"
    EXPLAIN = "explain"
    INFORM = "inform"


_WORDS = {
    CheckClass.BLOCK: ("stop", "Blocks"),
    CheckClass.EXPLAIN: ("warn", "Explain"),
    CheckClass.INFORM: ("neutral", "Informs"),
}


@dataclass(frozen=True)
class Check:
    """One result. ``field`` is the anchor on the section's page; ``reason`` and ``name`` explain it."""

    kind: CheckClass
    code: str
    section: str
    field: str
    what: str
    fix: str
    source: str
    reason: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """Names the check in ``explanations`` and in addresses."""
        return f"{self.code}/{self.field}"

    @property
    def mark(self) -> tuple[str, str]:
        """Kind of status mark and its word."""
        if self.kind is CheckClass.EXPLAIN and self.reason:
            return "good", "Explained"
        return _WORDS[self.kind]

    @property
    def open(self) -> bool:
        """Whether it stands in the way of certification."""
        return self.kind is CheckClass.BLOCK or (self.kind is CheckClass.EXPLAIN and not self.reason)


@dataclass(frozen=True)
class AttachmentFact:
    """What a check wants to know of an attachment: its name, its state, and why it cannot be shown."""

    name: str
    state: str
    why: str = ""
    document_id: str = ""


@dataclass(frozen=True)
class Draft:
    """A draft as the checks see it. ``previous`` is the content of the last report of the same taxonomy."""

    kind: str
    sections: Sequence[Section]
    answers: Mapping[str, Any]
    audiences: Mapping[str, Any]
    explanations: Mapping[str, Any]
    today: date
    certifier: str = ""
    entity_named: bool = True
    attachments: Sequence[AttachmentFact] = ()
    previous: Mapping[str, Any] | None = None
    previous_reference: str = ""
    covered: bool | None = None
    questions: Mapping[str, Question] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = {question.name: question for section in self.sections for question in section.questions}
        object.__setattr__(self, "questions", found)


def run(draft: Draft) -> list[Check]:
    """Every check, in the order of the form, with the reasons given so far."""
    found = [
        check
        for section in draft.sections
        for question in section.questions
        if question.asked(draft.answers)
        for check in _question(draft, section, question)
    ]
    found += _attachments(draft)
    found += _signing(draft)
    return [_with_reason(draft, check) for check in found]


def opened(checks: Sequence[Check]) -> list[Check]:
    """The checks that stand in the way of certification."""
    return [check for check in checks if check.open]


def counts(checks: Sequence[Check]) -> dict[str, Any]:
    """Totals for the page: blocks, to explain, of these done, informs."""
    explain = [check for check in checks if check.kind is CheckClass.EXPLAIN]
    return {
        "blocks": sum(check.kind is CheckClass.BLOCK for check in checks),
        "explain": len(explain),
        "explained": sum(bool(check.reason) for check in explain),
        "informs": sum(check.kind is CheckClass.INFORM for check in checks),
    }


def explanation(answers: Mapping[str, Any], check: Check, *, reason: str, name: str) -> dict[str, Any]:
    """What is kept of a reason: with the answer it was given for, so that it is void when that changes."""
    return {"reason": reason, "name": name, "answer": _plain(answers.get(check.field))}


def _with_reason(draft: Draft, check: Check) -> Check:
    given = draft.explanations.get(check.key)
    if check.kind is not CheckClass.EXPLAIN or not given:
        return check
    if given.get("answer") != _plain(draft.answers.get(check.field)):
        return check
    return Check(**{**vars(check), "reason": given["reason"], "name": given["name"]})


def _question(draft: Draft, section: Section, question: Question) -> Iterator[Check]:
    answer = draft.answers.get(question.name)

    def check(kind: CheckClass, what: str, fix: str, code: str = "", source: str = "") -> Check:
        return Check(
            kind, code or question.code, section.key, question.name, what, fix, source or question.rule
        )

    if _empty(answer):
        if question.need is not Need.NONE:
            kind = CheckClass.BLOCK if question.need is Need.BLOCK else CheckClass.EXPLAIN
            what = (
                f"{question.label} is empty" if question.kind is not Kind.TIER else "No risk tier is chosen"
            )
            yield check(kind, what, question.words)
        return
    if question.audience and _withheld_without_reason(draft, question):
        yield check(
            CheckClass.BLOCK,
            f"{question.label} is confidential without a reason",
            "Say why this answer is confidential, or let everyone read it.",
            "AU-01",
            "B&P 22757.12(f): a redaction is described and justified",
        )
    yield from _content(draft, section, question, str(answer))


def _withheld_without_reason(draft: Draft, question: Question) -> bool:
    said = audience_of(draft.audiences, question)
    return said[0] == CONFIDENTIAL and not said[1].strip()


def audience_of(audiences: Mapping[str, Any], question: Question) -> tuple[str, str]:
    """Who may read the answer to a question, and why not everyone. Undeclared counts as the default."""
    if not question.audience:
        return PUBLIC, ""
    said = audiences.get(question.name)
    if said is None:
        return question.audience, question.grounds if question.audience == CONFIDENTIAL else ""
    return str(said.get("audience", CONFIDENTIAL)), str(said.get("why", ""))


def _content(draft: Draft, section: Section, question: Question, answer: str) -> Iterator[Check]:
    """What follows from the answer itself."""
    category, _, name = question.name.partition(".")
    if draft.kind == "risk_report":
        if name == "owner":
            yield from _owner(draft, section, question, answer)
        if name == "scenario":
            yield from _scenario(draft, section, question, answer)
        if name.endswith("tier"):
            yield from _tier(draft, section, question, answer)
        if name.endswith("severity"):
            yield from _severe_but_low(draft, section, question, answer, category)
    if question.name == "period_end":
        yield from _period(draft, section, question, answer)
    if question.name == "planned_release" and answer < draft.today.isoformat():
        yield Check(
            CheckClass.EXPLAIN, "RN-11", section.key, question.name,
            "The planned release is in the past",
            "A notification comes before the release. Correct the date, or say why it comes after.",
            "B&P 22757.12(c)(1): before or with deployment",
        )  # fmt: skip


def _owner(draft: Draft, section: Section, question: Question, answer: str) -> Iterator[Check]:
    if draft.certifier and _same_person(answer, draft.certifier):
        yield Check(
            CheckClass.BLOCK, "RR-22", section.key, question.name,
            "The risk owner certifies too",
            f"{draft.certifier} certifies this report, so she or he cannot also accept the risk. "
            "Name somebody else.",
            "Rule RR-22: acceptance and certification by two people.",
        )  # fmt: skip


def _scenario(draft: Draft, section: Section, question: Question, answer: str) -> Iterator[Check]:
    words = len(answer.split())
    fewest, most = SCENARIO_WORDS
    if not fewest <= words <= most:
        yield Check(
            CheckClass.INFORM, "RR-41", section.key, question.name,
            f"The scenario has {words} words",
            f"{fewest} to {most} words let a reader judge it: who does what to whom, with which help.",
            "Rule RR-11: each category has a scenario.",
        )  # fmt: skip
    before = (draft.previous or {}).get(question.name)
    if before and before != answer:
        yield Check(
            CheckClass.INFORM, "RR-42", section.key, question.name,
            "The scenario differs from your last report",
            f"Compare it with {draft.previous_reference} and say under “what changed” why.",
            "Frontier Compliance Framework, section 4: subsequent assessments",
        )  # fmt: skip


def _tier(draft: Draft, section: Section, question: Question, answer: str) -> Iterator[Check]:
    before = str((draft.previous or {}).get(question.name, ""))
    offers_tiers = any(value != risk_form.NOT_TIERED for value, _, _ in question.options)
    if before.isdecimal() and answer.isdecimal() and int(answer) < int(before):
        yield Check(
            CheckClass.EXPLAIN, "RR-31", section.key, question.name,
            f"Risk tier {answer}, lower than tier {before} in {draft.previous_reference}",
            "Give a reason and your name; it is void if the tier changes.",
            "Rule RR-31: a lower tier than last time is explained.",
        )  # fmt: skip
    if before.isdecimal() and answer == risk_form.NOT_TIERED and offers_tiers:
        yield Check(
            CheckClass.EXPLAIN, "RR-32", section.key, question.name,
            f"Not tiered, after tier {before} in {draft.previous_reference}",
            "Give a reason and your name; it is void if the answer changes.",
            "Rule RR-32: a tier that is given up is explained.",
        )  # fmt: skip


def _severe_but_low(
    draft: Draft, section: Section, question: Question, answer: str, category: str
) -> Iterator[Check]:
    tier = draft.answers.get(question.name.removesuffix("severity") + "tier")
    if answer == "catastrophic" and tier == "1":
        yield Check(
            CheckClass.EXPLAIN, "RR-33", section.key, question.name,
            "Catastrophic severity, and the lowest risk tier",
            "Say why the model adds so little to a risk of that size; it is void if the severity changes.",
            "Rule RR-33: severity and risk tier are held against each other.",
        )  # fmt: skip


def _period(draft: Draft, section: Section, question: Question, answer: str) -> Iterator[Check]:
    start = draft.answers.get("period_start")
    if start and answer < str(start):
        yield Check(
            CheckClass.BLOCK, "RR-34", section.key, question.name,
            "The period ends before it begins", "Check the two dates.", "Periodic report",
        )  # fmt: skip


def _attachments(draft: Draft) -> Iterator[Check]:
    where = "attachments"
    if draft.kind == "risk_report" and not draft.attachments:
        yield Check(
            CheckClass.EXPLAIN, "AT-01", where, "document",
            "No evidence is attached",
            "Attach the evaluation reports that the risk tiers rest on, or say why there are none.",
            "Rule AT-01: a risk tier rests on evidence.",
        )  # fmt: skip
    for attached in draft.attachments:
        anchor = f"document-{attached.document_id}"
        if attached.state == "received":
            yield Check(
                CheckClass.INFORM, "AT-02", where, anchor,
                f"Reading {attached.name}", "You can go on; the result appears here.",
                "Files are opened in a process of their own",
            )  # fmt: skip
        if attached.state == "cannot_be_shown":
            yield Check(
                CheckClass.INFORM, "AT-03", where, anchor,
                f"{attached.name} cannot be shown: {attached.why}",
                "It is kept as evidence and can be downloaded. Attach a readable copy too if there is one.",
                "Files are opened in a process of their own",
            )  # fmt: skip


def _signing(draft: Draft) -> Iterator[Check]:
    if not draft.entity_named:
        yield Check(
            CheckClass.BLOCK, "EN-01", "certify", "entity",
            "No legal entity is named that files this",
            "Choose the legal entity of your organisation that answers for it.",
            "A filing is filed by a legal entity",
        )  # fmt: skip
    if draft.covered is None:
        yield Check(
            CheckClass.INFORM, "CO-01", "certify", "coverage",
            "No coverage result is kept for this version",
            "See on the page of the model which laws would cover it; the filing does not wait for it.",
            "Registry",
        )  # fmt: skip


def _same_person(first: str, second: str) -> bool:
    """Whether two written names mean one person: titles, case and spaces aside."""

    def words(name: str) -> list[str]:
        return [word for word in name.casefold().replace(".", " ").split() if word not in _TITLES]

    return words(first) == words(second)


_TITLES = frozenset({"dr", "prof", "mr", "ms", "mrs"})


def _empty(answer: Any) -> bool:
    return answer is None or answer == [] or (isinstance(answer, str) and not answer.strip())


def _plain(answer: Any) -> str:
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer or "")
