"""Sets the developer's risk tiers beside the evaluators' intervals and flags every gap by a named rule. Pure.

The rules are those of the comparison page: an independent "at least" above the developer's tier, a tier
that cannot be ruled out above it, a tier above the independent "at most", a side that is missing, another
snapshot, material older than the reader allows, and evaluators who contradict each other. Nothing is
averaged: tiers are ordered names, and an interval says only what was shown (at least), ruled out (above at
most) or left open.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Untiered(StrEnum):
    """What a developer answers where there is no risk tier."""

    NOT_TIERED = "not tiered"
    NARRATIVE = "narrative"


class Rule(StrEnum):
    """Why a flag is raised; the value is its code in records."""

    AT_LEAST_ABOVE = "at_least_above"
    CANNOT_RULE_OUT = "cannot_rule_out"
    ABOVE_AT_MOST = "above_at_most"
    NOT_TESTED = "not_tested"
    NO_ASSESSMENT = "no_assessment"
    NOT_DECLARED = "not_declared"
    NO_DEVELOPER_TIER = "no_developer_tier"
    NO_EVALUATOR_TIER = "no_evaluator_tier"
    NO_COMMON_TIERS = "no_common_tiers"
    EVALUATORS_DISAGREE = "evaluators_disagree"
    OTHER_SNAPSHOT = "other_snapshot"
    TOO_OLD = "too_old"

    @property
    def text(self) -> str:
        """The rule in a sentence, to stand after "Rule: "."""
        return _RULE_TEXTS[self]


_RULE_TEXTS = {
    Rule.AT_LEAST_ABOVE: "independent “at least” is above the developer’s tier.",
    Rule.CANNOT_RULE_OUT: "“cannot rule out” is above the developer’s tier.",
    Rule.ABOVE_AT_MOST: "the developer’s tier is above the independent “at most”, outside the interval.",
    Rule.NOT_TESTED: "the evaluator recorded “not tested”.",
    Rule.NO_ASSESSMENT: "the report has this row and no assessment has it.",
    Rule.NOT_DECLARED: "an assessment has this row and the report has not.",
    Rule.NO_DEVELOPER_TIER: "an evaluator gives a tier where the developer gives none.",
    Rule.NO_EVALUATOR_TIER: "the developer gives a tier where no evaluator gives one.",
    Rule.NO_COMMON_TIERS: "the two sides use tiers that have not been mapped to each other.",
    Rule.EVALUATORS_DISAGREE: "one evaluator rules out what another shows or cannot rule out.",
    Rule.OTHER_SNAPSHOT: "report and assessment are about different snapshots of the model.",
    Rule.TOO_OLD: "the document is older than the reader allows.",
}


class Outcome(StrEnum):
    """What one row comes to."""

    AGREE = "agree"
    FLAGGED = "flagged"
    UNTIERED = "untiered"


@dataclass(frozen=True, order=True)
class Subject:
    """What a row is about: a risk category, in one variant ("safeguards off") or in none."""

    category: str
    variant: str = ""


@dataclass(frozen=True)
class Finding:
    """What one evaluator found on one subject. Raises `ValueError` where it contradicts itself.

    Tiers count from 1. `at_least` was shown; everything above `at_most` was ruled out; `cannot_rule_out` was
    neither, and `why` says what stood in the way. `not_tested` is the reason, and empty where it was tested.
    """

    subject: Subject
    at_least: int | None = None
    at_most: int | None = None
    cannot_rule_out: int | None = None
    why: str = ""
    confidence: str = ""
    basis: str = ""
    method: str = ""
    not_tested: str = ""

    def __post_init__(self) -> None:
        tiers = [tier for tier in (self.at_least, self.at_most, self.cannot_rule_out) if tier is not None]
        if any(tier < 1 for tier in tiers):
            raise ValueError("Risk tiers count from 1.")
        if self.not_tested and tiers:
            raise ValueError("What was not tested has no tier.")
        if self.at_most is not None and self.at_most < max(tiers):
            raise ValueError("“At most” is below what was shown or cannot be ruled out.")
        if self.cannot_rule_out is not None and not self.why:
            raise ValueError("“Cannot rule out” says why.")

    @property
    def tiered(self) -> bool:
        """Whether it says anything about tiers."""
        return (self.at_least, self.at_most, self.cannot_rule_out) != (None, None, None)

    @property
    def reaches(self) -> int:
        """The highest tier shown or left open; 0 where neither."""
        return max(self.at_least or 0, self.cannot_rule_out or 0)


@dataclass(frozen=True)
class Report:
    """The developer's side: its answers by subject, about one snapshot, of one day, in one set of tiers."""

    reference: str
    snapshot: str
    on: date
    tier_set: str
    answers: Mapping[Subject, int | Untiered]


@dataclass(frozen=True)
class Assessment:
    """One evaluator's side. Raises `ValueError` for two findings on one subject."""

    reference: str
    evaluator: str
    snapshot: str
    on: date
    tier_set: str
    findings: Sequence[Finding]

    def __post_init__(self) -> None:
        if len({finding.subject for finding in self.findings}) != len(self.findings):
            raise ValueError("An assessment has one finding for each subject.")


@dataclass(frozen=True)
class Flag:
    """A gap. `code` numbers it in this comparison (F-1); `key` names the same gap in a later one."""

    code: str
    rule: Rule
    title: str
    key: str
    subject: Subject | None  # None: it concerns a whole document

    @property
    def text(self) -> str:
        """The rule's sentence."""
        return self.rule.text


@dataclass(frozen=True)
class Compared:
    """One evaluator's finding as it stands in a row; `comparable` is False where tiers were not mapped."""

    assessment: Assessment
    finding: Finding
    comparable: bool


@dataclass(frozen=True)
class Row:
    """One subject with both sides and its flags. `answer` is None where the report has no such row."""

    subject: Subject
    name: str
    answer: int | Untiered | None
    findings: tuple[Compared, ...]
    flags: tuple[Flag, ...]

    @property
    def tiered(self) -> bool:
        """Whether any side gives a tier."""
        return isinstance(self.answer, int) or any(found.finding.tiered for found in self.findings)

    @property
    def outcome(self) -> Outcome:
        """Flagged, else agreed where tiers were compared, else without tiers on both sides."""
        if self.flags:
            return Outcome.FLAGGED
        return Outcome.AGREE if self.tiered else Outcome.UNTIERED


@dataclass(frozen=True)
class Comparison:
    """The whole page. `flags` are all of them in the order of their codes."""

    rows: tuple[Row, ...]
    flags: tuple[Flag, ...]

    def sentence(self, resolved: Iterable[str] = ()) -> str:
        """The answer at the top of the page. `resolved` are the keys of flags that are no longer open."""
        tiered = [row for row in self.rows if row.tiered]
        agree = sum(row.outcome is Outcome.AGREE for row in tiered)
        if len(tiered) > 1:
            first = f"They agree on {_words(agree)} of the {_words(len(tiered))} tiered rows."
        elif tiered:
            first = f"They {'agree' if agree else 'do not agree'} on the one tiered row."
        else:
            first = "No row has a risk tier."
        closed = len({flag.key for flag in self.flags} & set(resolved))
        still = len(self.flags) - closed
        second = {0: "No flag is open", 1: "One flag is open"}.get(
            still, f"{_words(still).capitalize()} flags are open"
        )
        third = f"; {_words(closed)} {'is' if closed == 1 else 'are'} resolved" if closed else ""
        return f"{first} {second}{third}."


@dataclass(frozen=True)
class Terms:
    """How to compare: names of categories, which categories have the same tiers, and how old is too old.

    `names` gives the order of the rows. `equivalent` maps (tier set, category) of an assessment to the
    category of the report's tier set whose tiers mean the same. `older_than` is days before `today`.
    """

    names: Mapping[str, str]
    today: date
    older_than: int
    equivalent: Mapping[tuple[str, str], str]


# A flag before it has its number: rule, title, key.
_Raised = tuple[Rule, str, str]


def compare(report: Report, assessments: Sequence[Assessment], terms: Terms) -> Comparison:
    """Compare one report with every independent assessment of the same model."""
    number = 0

    def flags(raised: Iterable[_Raised], subject: Subject | None) -> tuple[Flag, ...]:
        nonlocal number
        made = []
        for rule, title, key in raised:
            number += 1
            made.append(Flag(f"F-{number}", rule, title, key, subject))
        return tuple(made)

    rows = tuple(_rows_of(report, assessments, terms, flags))
    about_documents = flags(_documents(report, assessments, terms), None)
    return Comparison(rows, (*(flag for row in rows for flag in row.flags), *about_documents))


def _rows_of(
    report: Report,
    assessments: Sequence[Assessment],
    terms: Terms,
    flags: Callable[[Iterable[_Raised], Subject], tuple[Flag, ...]],
) -> Iterator[Row]:
    found: dict[Subject, list[Compared]] = {subject: [] for subject in report.answers}
    for assessment in assessments:
        for finding in assessment.findings:
            subject, comparable = _placed(report, assessment, finding, terms)
            found.setdefault(subject, []).append(Compared(assessment, finding, comparable))
    order = {category: place for place, category in enumerate(terms.names)}
    # Sorting is stable: within a category the report's own order of variants stays.
    for subject in sorted(found, key=lambda subject: order.get(subject.category, len(order))):
        name = terms.names.get(subject.category, subject.category)
        answer = report.answers.get(subject)
        findings = tuple(found[subject])
        raised = list(_gaps(name, subject, answer, findings))
        yield Row(subject, name, answer, findings, flags(raised, subject))


def _placed(report: Report, assessment: Assessment, finding: Finding, terms: Terms) -> tuple[Subject, bool]:
    """The row a finding belongs to, and whether its tiers mean what the report's mean."""
    if assessment.tier_set == report.tier_set:
        return finding.subject, True
    category = terms.equivalent.get((assessment.tier_set, finding.subject.category))
    if category is None:
        return finding.subject, False
    return Subject(category, finding.subject.variant), True


def _gaps(
    name: str, subject: Subject, answer: int | Untiered | None, findings: tuple[Compared, ...]
) -> Iterator[_Raised]:
    where = f"{name}, {subject.variant}" if subject.variant else name
    row = f"{subject.category}/{subject.variant}"
    for rule, what, whose in (
        *_missing(answer, findings),
        *(gap for found in findings for gap in _tier_gaps(answer, found)),
        *_contradictions(findings),
    ):
        yield rule, f"{where}: {what}", ":".join((rule, row, whose))


def _missing(answer: int | Untiered | None, findings: tuple[Compared, ...]) -> Iterator[_Raised]:
    """Gaps of one side having what the other has not; the third part says whose assessment it is about."""
    one_side = "one side is missing"
    not_tested = [found for found in findings if found.finding.not_tested]
    tiered = [found for found in findings if found.finding.tiered]
    for found in not_tested:
        yield Rule.NOT_TESTED, one_side, found.assessment.reference
    if answer is None:
        yield Rule.NOT_DECLARED, one_side, ""
    elif not findings:
        yield Rule.NO_ASSESSMENT, one_side, ""
    elif isinstance(answer, Untiered) and tiered:
        yield Rule.NO_DEVELOPER_TIER, f"developer {answer}, evaluator {_interval(tiered[0].finding)}", ""
    elif isinstance(answer, int) and not tiered and not not_tested:
        yield Rule.NO_EVALUATOR_TIER, f"developer tier {answer}, evaluator not tiered", ""


def _tier_gaps(answer: int | Untiered | None, found: Compared) -> Iterator[_Raised]:
    finding, whose = found.finding, found.assessment.reference
    if not isinstance(answer, int) or not finding.tiered:
        return
    if not found.comparable:
        yield Rule.NO_COMMON_TIERS, "no tier set in common", whose
    elif finding.at_least is not None and finding.at_least > answer:
        # What cannot be ruled out lies above what was shown, so a second flag would say the same gap twice.
        yield (
            Rule.AT_LEAST_ABOVE,
            f"developer tier {answer}, evaluator at least tier {finding.at_least}",
            whose,
        )
    elif finding.cannot_rule_out is not None and finding.cannot_rule_out > answer:
        yield Rule.CANNOT_RULE_OUT, f"tier {finding.cannot_rule_out} cannot be ruled out", whose
    elif finding.at_most is not None and finding.at_most < answer:
        yield Rule.ABOVE_AT_MOST, f"developer tier {answer}, evaluator at most tier {finding.at_most}", whose


def _contradictions(findings: tuple[Compared, ...]) -> Iterator[_Raised]:
    """Pairs of which one rules out what the other shows or leaves open, where tiers mean the same."""
    for low in findings:
        for high in findings:
            most, sets = low.finding.at_most, (low.assessment.tier_set, high.assessment.tier_set)
            same = (low.comparable and high.comparable) or sets[0] == sets[1]
            if same and most is not None and most < high.finding.reaches:
                yield (
                    Rule.EVALUATORS_DISAGREE,
                    f"{low.assessment.evaluator} at most tier {most}, "
                    f"{high.assessment.evaluator} {_reach(high.finding, most)}",
                    f"{low.assessment.reference}:{high.assessment.reference}",
                )


def _documents(report: Report, assessments: Sequence[Assessment], terms: Terms) -> Iterator[_Raised]:
    for assessment in assessments:
        if assessment.snapshot != report.snapshot:
            title = (
                f"{assessment.reference} by {assessment.evaluator} tested {assessment.snapshot}, "
                f"the report is about {report.snapshot}"
            )
            yield Rule.OTHER_SNAPSHOT, title, f"{Rule.OTHER_SNAPSHOT}:{assessment.reference}"
    dated = [(report.reference, report.on), *((made.reference, made.on) for made in assessments)]
    for reference, on in dated:
        age = (terms.today - on).days
        if age > terms.older_than:
            title = f"{reference} is {age} days old, more than {terms.older_than}"
            yield Rule.TOO_OLD, title, f"{Rule.TOO_OLD}:{reference}"


def _interval(finding: Finding) -> str:
    """What a tiered finding says, the strongest first."""
    if finding.at_least is None and finding.cannot_rule_out is None:
        return f"at most tier {finding.at_most}"
    return _reach(finding, 0)


def _reach(finding: Finding, above: int) -> str:
    """What of a finding lies above a tier: what it shows, else what it leaves open."""
    if finding.at_least is not None and finding.at_least > above:
        return f"at least tier {finding.at_least}"
    return f"cannot rule out tier {finding.cannot_rule_out}"


def _words(count: int) -> str:
    names = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return names[count] if count < len(names) else str(count)
