"""What a computed worksheet lacks, whether it computes to the same cents again, and what changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.enforcement.choices import PROVISIONAL, Choices, faults_of, needs_turnover
from portal.enforcement.tables import AllegedViolation, RevenueEvidence, Worksheet
from portal.enforcement.turnover import Turnover
from portal.law import penalties, statute
from portal.law.facts import LawError
from portal.law.methods import Adoption
from portal.law.penalty_turnover import LATER_ENDED
from portal.ui.formats import date_only

PROPOSED = "proposed"
DIGESTS = ("statute_digest", "office_digest", "method_digest")
"""What a result names of the texts it was computed with: the law, the office's practice, the method."""
_ABSENT = ("is not stated", "no percentage is stated")
_UNVERIFIED = "is not verified"
_FIGURE = re.compile(r"^revenue\[(\d+)\]")


@dataclass(frozen=True)
class Gap:
    """Something that stops approval: ``what`` it is, and ``where`` to mend it."""

    what: str
    where: str


def gaps(worksheet: Worksheet, violation: AllegedViolation, revenue: Sequence[RevenueEvidence]) -> list[Gap]:
    """What the worksheet lacks before two people can stand behind it."""
    found: list[Gap] = []
    if needs_turnover(worksheet.regime):
        if not revenue:
            found.append(Gap("evidence of revenue", "revenue"))
        found += [
            Gap(
                f"a document behind the revenue of {row.entity}, year to {date_only(row.period_end)}",
                "revenue",
            )
            for row in revenue
            if row.document_id is None
        ]
    chosen = Choices.from_json(worksheet.choices)
    if faults_of(worksheet.regime, violation.occurred_to) and not chosen.fault:
        found.append(Gap("whether it was intentional or negligent", "choices"))
    if not violation.evidence:
        found.append(Gap("evidence of the violation itself", "violation"))
    for warning in worksheet.result.get("warnings", ()):
        if _UNVERIFIED in warning:
            found.append(Gap(f"a source: {warning.rstrip('.')}", "statute"))
        elif LATER_ENDED in warning and not _provisional(worksheet, warning):
            found.append(
                Gap(f"the turnover of the year that the law asks for: {warning.rstrip('.')}", "revenue")
            )
        elif any(words in warning for words in _ABSENT) and ".fault" not in warning:
            where = (
                "revenue"
                if warning.startswith("revenue")
                else "priors"
                if warning.startswith("priors")
                else "choices"
            )
            found.append(Gap(warning.rstrip("."), where))
    return found


def _provisional(worksheet: Worksheet, warning: str) -> bool:
    """Whether the figure that a warning names is marked as one that waits for the audited accounts."""
    number = int(_FIGURE.findall(warning)[0])
    return PROVISIONAL in str(worksheet.facts["revenue"][number]["source"])


def open_figures(worksheet: Worksheet, found: Turnover) -> list[Gap]:
    """The figures of a worksheet on which two sources disagree, where its law looks at turnover."""
    if not needs_turnover(worksheet.regime):
        return []
    return [
        Gap(f"a choice between sources that disagree on {figure.about}", "sources")
        for figure in found.disagree
        if any(str(row.id) in worksheet.evidence for row in figure.rows)
    ]


def uses_proposed(worksheet: Worksheet) -> bool:
    """Whether a line rests on a value that is no law yet, or the whole law is a proposal."""
    lines = worksheet.result.get("lines", ())
    return statute.load(worksheet.regime).status == PROPOSED or any(
        line["status"] == PROPOSED for line in lines
    )


@dataclass(frozen=True)
class Recomputed:
    """A worksheet computed anew: ``same`` to the cent and line, and why not."""

    same: bool
    total: str
    words: str


def recompute(worksheet: Worksheet, adoptions: tuple[Adoption, ...] = ()) -> Recomputed:
    """Compute the kept facts again with the law as this program has it, and the method adopted for it."""
    try:
        now = penalties.compute(worksheet.facts, adoptions=adoptions).as_json()
    except LawError as error:
        return Recomputed(False, "", f"The facts no longer compute. {error}")
    kept = worksheet.result
    if now["total"] != kept["total"] or now["lines"] != kept["lines"]:
        return Recomputed(
            False, now["total"], "Recomputed now: another result. Change the worksheet to use it."
        )
    used = {**kept, "statute_digest": worksheet.statute_digest}
    if any(now[name] != used.get(name) for name in DIGESTS):
        return Recomputed(True, now["total"], "Recomputed now: same cents, under newer texts of the law.")
    return Recomputed(True, now["total"], "Recomputed now: same cents")


@dataclass(frozen=True)
class Changed:
    """A line of two versions: its label, and the amount before and after (None where it was not there)."""

    label: str
    before: Decimal | None
    after: Decimal | None
    how_before: str = ""
    how_after: str = ""
    new: bool = False


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Changed]:
    """The lines that differ between two results, in the order of the later one."""
    old, new = _keyed(before["lines"]), _keyed(after["lines"])
    found = []
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = old.get(key), new.get(key)
        if was is None or now is None or any(was[name] != now[name] for name in _compared(now)):
            found.append(
                Changed(
                    label=str((now or was or {})["label"]),
                    before=_amount(was),
                    after=_amount(now),
                    how_before=was["label"] if was and now and was["label"] != now["label"] else "",
                    how_after=now["how"] if now else "",
                    new=was is None,
                )
            )
    return found


def _compared(line: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes a line another one: its amount; for a line without one, what it says."""
    return ("how",) if line["amount"] is None else ("amount",)


def _amount(line: Mapping[str, Any] | None) -> Decimal | None:
    return None if line is None or line["amount"] is None else Decimal(line["amount"])


def _keyed(lines: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, int], Mapping[str, Any]]:
    """Lines by operation and the words before the figures, so that a changed figure stays one line."""
    found: dict[tuple[str, str, int], Mapping[str, Any]] = {}
    for line in lines:
        words = str(line["label"]).partition(":")[0].partition(",")[0]
        number = 0
        while (line["operation"], words, number) in found:
            number += 1
        found[line["operation"], words, number] = line
    return found
