"""The comparison of a case as a picture: the developer's risk tiers beside the evaluators' intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from evaluator import assessments
from evaluator import comparison as compared
from evaluator.tables import Engagement, Flag, IndependentAssessment
from evaluator.workflow import FlagState
from portal.law import risk
from portal.review.facts import Facts
from portal.ui import charts
from portal.ui.formats import in_words
from secure_access.db import Session
from secure_access.identity import Organisation

_KINDS = {FlagState.OPEN: "stop", FlagState.CARRIED: "warn", FlagState.RESOLVED: "good"}


@dataclass(frozen=True)
class Side:
    """One submitted assessment with its engagement and the name of its evaluator."""

    assessment: IndependentAssessment
    engagement: Engagement
    evaluator: str


def chart_of(
    session: Session, facts: Facts, *, now: datetime, address: Callable[[str], str] | None = None
) -> charts.Comparison | None:
    """The picture, or ``None`` as long as there is no submitted risk report to compare.

    ``address`` gives the page of an assessment by its reference, for the table.
    """
    report = facts.report
    if report is None or not report.taxonomy:
        return None
    result = assessments.comparison(session, filing=report, now=now)
    tiers = _tiers(report.taxonomy)
    rows = tuple(one for row in result.rows for one in _rows(row, facts.flags, address))
    return charts.Comparison("Risk tiers by category", sentence(result, facts), tiers, rows)


def sentence(result: compared.Comparison, facts: Facts) -> str:
    """The answer at the top of the page: how far they agree, and how many flags are open."""
    agree = result.sentence().partition(". ")[0]
    counts = [(state, sum(flag.state is state for flag in facts.flags)) for state in FlagState]
    still = dict(counts)[FlagState.OPEN]
    said = f"{in_words(still) if still else 'No'} {'flags are' if still > 1 else 'flag is'} open"
    closed = [
        f"{in_words(count).lower()} {'is' if count == 1 else 'are'} {state.value}"
        for state, count in counts
        if count and state is not FlagState.OPEN
    ]
    return f"{agree}. {'; '.join([said, *closed])}."


def sides(session: Session, facts: Facts) -> list[Side]:
    """The assessments submitted for the latest risk report."""
    if facts.report is None:
        return []
    by_id = {engagement.id: engagement for engagement in facts.engagements}
    return [
        Side(made, by_id[made.engagement_id], session.get_one(Organisation, made.evaluator_id).name)
        for made in assessments.of_filing(session, facts.report.id)
        if made.engagement_id in by_id
    ]


def _tiers(taxonomy: str) -> tuple[str, ...]:
    """As many tiers as the category with most of them has."""
    most = max((len(category.tiers) for category in risk.categories(taxonomy)), default=0)
    return tuple(f"Tier {number}" for number in range(1, most + 1))


def _rows(
    row: compared.Row, flags: Iterable[Flag], address: Callable[[str], str] | None
) -> Iterable[charts.ComparisonRow]:
    """One row for each evaluator; one with the developer alone where no evaluator has it."""
    mark = _mark(row, flags)
    tier = row.answer if isinstance(row.answer, int) else None
    said = "" if tier is not None else _capital(str(row.answer)) if row.answer is not None else "Not declared"
    if not row.findings:
        yield charts.ComparisonRow(
            row.name,
            row.subject.variant,
            developer=tier,
            developer_words=said,
            evaluator_words="No independent assessment",
            flag=mark,
        )
    for found in row.findings:
        finding = found.finding
        yield charts.ComparisonRow(
            row.name,
            row.subject.variant,
            developer=tier,
            developer_words=said,
            at_least=finding.at_least,
            at_most=finding.at_most,
            not_ruled_out=finding.cannot_rule_out,
            evaluator_words="" if finding.tiered else _untested(finding.not_tested),
            why=finding.why,
            confidence=_capital(finding.confidence),
            basis=_capital(finding.basis),
            flag=mark,
            source=address(found.assessment.reference) if address else "",
        )


def _mark(row: compared.Row, flags: Iterable[Flag]) -> charts.Flag | None:
    """The flag at a row: an open one before others, as it is named in the case."""
    keys = {flag.key for flag in row.flags}
    found = sorted((flag for flag in flags if flag.key in keys), key=lambda f: f.state is not FlagState.OPEN)
    return charts.Flag(found[0].code, found[0].state.value, _KINDS[found[0].state]) if found else None


def _untested(reason: str) -> str:
    return f"Not tested: {reason}" if reason else "Not tiered"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
