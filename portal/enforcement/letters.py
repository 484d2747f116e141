"""The two letters of enforcement, as values for the templates of `portal.ui.pdf`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portal.enforcement import pictures
from portal.enforcement.grounds import REFERRED_TO, provision
from portal.enforcement.tables import AllegedViolation, NoticeKind, Worksheet
from portal.law import statute
from portal.law.deadlines import END_OF_DAY, add_period, legal_day, office_clock
from portal.law.penalty_part import ADOPTED
from portal.ui import charts, pdf
from portal.ui.formats import change, date_only, moment, money
from secure_access.documents import Document

# An adopted method is the authority's own law of the matter: it carries no mark in the letter.
_STATUS = {"enacted": "enacted", ADOPTED: "enacted", "proposed": "proposed"}
_STRONG = frozenset({"maximum", "total"})


@dataclass(frozen=True)
class Dates:
    """The day by which findings are sent, and the last instant for a reply: periods of the office."""

    send_by: datetime
    reply_by: datetime
    zone: str


@dataclass(frozen=True)
class Signed:
    """Who signed, as what, when."""

    name: str
    title: str
    at: datetime


@dataclass(frozen=True)
class Sheet:
    """Everything a letter says. ``samples`` names companies whose published figures stand in for revenue."""

    reference: str
    worksheet: Worksheet
    violation: AllegedViolation
    case: str
    developer: str
    authority: str
    demonstration: str
    signed: tuple[Signed, ...]
    documents: tuple[Document, ...]
    samples: tuple[str, ...]
    dates: Dates | None


def dates(now: datetime) -> Dates:
    """The periods of findings that are written now, from the office's pack."""
    pack = statute.load(statute.OFFICE)
    day = legal_day(now, pack.zone)
    last = add_period(day, pack.value("findings.send_within", day))
    send_by = datetime.combine(last, END_OF_DAY, pack.zone)
    clock = office_clock("findings.reply", send_by)
    return Dates(send_by=send_by, reply_by=clock.due_at, zone=clock.zone)


def render(kind: NoticeKind, sheet: Sheet, *, at: datetime) -> bytes:
    """The letter as a tagged PDF."""
    build = findings if kind is NoticeKind.PRELIMINARY_FINDINGS else referral
    picture = charts.svg(pictures.waterfall(sheet.worksheet), "waterfall")
    return pdf.render(kind.value, build(sheet), at=at, charts={"waterfall": str(picture)})


def findings(sheet: Sheet) -> Mapping[str, object]:
    """Preliminary findings with the right to be heard (EU AI Act Art. 101)."""
    assert sheet.dates is not None
    reply = moment(sheet.dates.reply_by, sheet.dates.zone)
    return _common(sheet) | {
        "state": "Proposed, not decided",
        "summary": f"{pictures.share(sheet.worksheet)} {sheet.developer} is heard before any decision.",
        "rights": [
            f"You may answer in writing until {reply}. A later answer is kept, and its lateness ruled on.",
            "You may ask for a hearing in your answer.",
            "You may see the file of the case, except what others keep confidential.",
        ],
        "dates": [
            {"what": f"Reply, if this is sent by {date_only(sheet.dates.send_by)}", "when": reply},
        ],
    }


def referral(sheet: Sheet) -> Mapping[str, object]:
    """A referral file: the authority computes, a court imposes."""
    duty = provision(sheet.violation.regime, sheet.violation.provision)
    counted = sum(prior.counted for prior in pictures.priors(sheet.worksheet))
    return _common(sheet) | {
        "state": "Computed, not imposed",
        "recipient": REFERRED_TO[sheet.violation.regime],
        "duty": f"{duty['citation']}: {duty['label']}",
        "penalty_provision": provision(sheet.violation.regime, sheet.violation.penalty_provision)["citation"],
        "ceiling": money(pictures.maximum(sheet.worksheet)),
        "summary": f"{sheet.violation.facts} Earlier violations counted: {counted}.",
        "documents": [{"name": d.file_name, "sha256": d.sha256} for d in sheet.documents],
    }


def _common(sheet: Sheet) -> dict[str, Any]:
    row, violation = sheet.worksheet, sheet.violation
    pack = statute.load(row.regime)
    return {
        "reference": sheet.reference,
        "authority": sheet.authority,
        "entity": sheet.developer,
        "demonstration": sheet.demonstration,
        "case": sheet.case,
        "subject": violation.title[:1].lower() + violation.title[1:],
        "provision": provision(row.regime, violation.provision)["citation"],
        "amount": money(pictures.total(row)),
        "statute": f"{pack.id}, {row.statute_digest}",
        "facts": _happened(violation),
        "provisions": _provisions(row, violation),
        "worksheet": {
            "reference": f"{row.reference}, version {row.version}",
            "currency": row.currency,
            "lines": [_line(line, row.currency, sheet.samples) for line in row.result["lines"]],
        },
        "readings": [
            {"name": r.name, "amount": r.amount, "why": r.why, "adopted": r.used}
            for r in pictures.readings(row)
        ],
        "priors": [_prior(prior) for prior in pictures.priors(row)],
        "warnings": pictures.uncertain(row),
        "signatures": [{"name": s.name, "title": s.title, "when": moment(s.at)} for s in sheet.signed],
    }


def _happened(violation: AllegedViolation) -> list[dict[str, str]]:
    first, last = violation.occurred_from, violation.occurred_to
    when = date_only(first) if first == last else f"{date_only(first)} to {date_only(last)}"
    sources = ", ".join(str(e["reference"]) for e in violation.evidence)
    return [{"when": when, "what": violation.facts, "source": sources}]


def _provisions(row: Worksheet, violation: AllegedViolation) -> list[dict[str, str]]:
    pack, duty = statute.load(row.regime), provision(row.regime, violation.provision)
    found = [{"citation": duty["citation"], "text": f"{duty['label']}."}]
    for key in ("penalty.percent", "penalty.fixed", "penalty.cap", "penalty.cap_later"):
        if pack.history(key):
            value = pack.value(key, violation.occurred_to)
            number = f"{value.value} %" if value.unit == "percent" else money(value.number, value.unit)
            found.append({"citation": value.citation, "text": f"At most {number}. {value.note}".strip()})
    return found


def _line(line: Mapping[str, Any], currency: str, samples: tuple[str, ...]) -> dict[str, object]:
    how = f"{line['how']}. {line['reason']}" if line["reason"] else line["how"]
    if line["operation"] == "given":
        how = " ".join([f"{how}.", *(f"Sample figures of {name}, no allegation." for name in samples)])
    return {
        "label": line["label"],
        "how": how,
        "source": line["citation"],
        "amount": amount_of(line, currency),
        "status": _STATUS.get(line["status"], "office"),
        "strong": line["operation"] in _STRONG,
    }


def amount_of(line: Mapping[str, Any], currency: str) -> str:
    """The amount of a line as it is written: a change with its sign, an idle ceiling in words."""
    value = pictures.decimal(line["amount"])
    if value is None:
        return "–"
    if line["operation"] == "ceiling" and not value:
        return "no change"
    if line["operation"] in ("factor", "ceiling", "none"):
        return change(value, currency)
    return money(value, currency).removeprefix(f"{currency} ")


def _prior(prior: pictures.PriorStanding) -> dict[str, object]:
    return {
        "decision": f"{prior.facts['id']}: {prior.facts['decision']}",
        "final_on": date_only(date.fromisoformat(final)) if (final := prior.facts.get("final_on")) else "–",
        "counted": prior.counted,
        "why": prior.why,
    }
