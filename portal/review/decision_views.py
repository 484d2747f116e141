"""Pages of decisions: recommended and taken by the authority, read and appealed by the developer."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import step_up
from portal.filing import receipt_files
from portal.filing.registry import Channel
from portal.filing.registry_forms import CHANNELS
from portal.law import statute
from portal.review import appeals, cases, decisions, flags, public, quotations
from portal.review.blueprints import cases as bp
from portal.review.blueprints import decided
from portal.review.case_views import known, page
from portal.review.decisions import Recommended
from portal.review.facts import Facts
from portal.review.forms import BreachForm, RecommendForm, errors, listed, numbered
from portal.review.quotations import Quoted
from portal.review.requests import NotServable
from portal.review.tables import Case, Decision, DecisionKind
from portal.review.workflow import CASE, CONDITION, DECISION, CaseState
from portal.web import current_actor, current_time, writes
from secure_access import documents
from secure_access.step_up import digest_of
from secure_access.workflow import Denied, NotFound

KINDS = (
    (DecisionKind.NO_OBJECTION, "No objection", "It is not a finding that the model is safe."),
    (DecisionKind.CONDITIONS, "No objection, with conditions", "A breach goes to enforcement."),
    (DecisionKind.DELAY, "Delay", "Release waits until a date."),
    (DecisionKind.RESTRICT, "Restrict", "Release only through the channels chosen."),
    (DecisionKind.BLOCK, "Block", "No release through the channels chosen."),
)


@bp.get("/cases/<reference>/decision")
def decision(reference: str) -> str:
    """The recommendation or the decision of a case."""
    return _decision(known(reference))


@bp.get("/cases/<reference>/decision/recommend")
def recommend(reference: str) -> str:
    """The form of a recommendation, filled in from the one that was sent back, if any."""
    found = known(reference)
    CASE.take("recommend", current_actor(), found.case)
    earlier = decisions.sent_back(g.session, found.case)
    if earlier is None:
        return _form(found, RecommendForm(), _Chosen(conditions=[("", "")]), {})
    form = RecommendForm(
        data={
            "power": earlier.power,
            "until": earlier.until,
            "reasons": earlier.reasons,
            "confidential_annex": earlier.confidential_annex,
        }
    )
    chosen = _Chosen(
        kind=earlier.kind.value,
        channels=list(earlier.channels),
        evidence=[row["reference"] for row in earlier.evidence],
        flags={code: (said["answer"], said["reason"]) for code, said in earlier.flags.items()},
        conditions=[
            (row.text, row.due_on.isoformat() if row.due_on else "")
            for row in decisions.conditions(g.session, earlier)
        ]
        or [("", "")],
        quoted=[Quoted(one["reference"], one["text"]) for one in earlier.quotations or []],
    )
    return _form(found, form, chosen, {})


@bp.post("/cases/<reference>/decision/recommend")
def put(reference: str) -> BaseResponse | tuple[str, int] | str:
    """Put a decision to the decider, or add a condition to the form."""
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    form, chosen = RecommendForm(request.form), _Chosen.read(known(reference))
    if request.form.get("do") in ("add", "add_quotation"):
        chosen.add(request.form["do"])
        return _form(known(reference), form, chosen, {})
    wanted = chosen.recommended(form)
    try:
        wrong = chosen.wrong_dates()
        if not form.validate() or wrong:
            raise NotServable([*wrong, *wanted.problems()])
        row = decisions.recommend(
            g.session, case=case, recommended=wanted, by=current_actor(), now=current_time()
        )
    except NotServable as refused:
        return _form(known(reference), form, chosen, errors(form, refused.problems)), 422
    flash(f"{row.reference} waits for a decider. You recommended it, so somebody else decides.")
    return redirect(url_for(".decision", reference=reference), 303)


@bp.post("/cases/<reference>/decision")
def decide(reference: str) -> BaseResponse | tuple[str, int]:
    """Take the decision, or send the recommendation back."""
    by, now = current_actor(), current_time()
    case = cases.load(g.session, reference, by=by, for_update=True)
    row = decisions.recommendation(g.session, case, for_update=True)
    if row is None:
        raise Denied("Nothing is recommended in this case.", "Wait until the case officer recommends.")
    if request.form.get("decision") != row.reference:
        raise Denied(
            f"{row.reference} is recommended now, which is not what your page showed. Nothing is decided.",
            "Open the page again, and read what it shows then.",
        )
    if request.form.get("do") == "send_back":
        reason = request.form.get("reason", "")
        try:
            decisions.send_back(g.session, case=case, decision=row, reason=reason, by=by, now=now)
        except ValueError as wrong:
            return _decision(known(reference), str(wrong)), 422
        flash(f"{row.reference} is sent back. The case officer reads your reason.")
    else:
        page = _asked(case, row)
        if page is not None:
            return page
        decisions.decide(g.session, case=case, decision=row, by=by, now=now)
        flash(f"{row.reference} is decided and in the public record.")
    return redirect(url_for(".decision", reference=reference), 303)


def _asked(case: Case, row: Decision) -> step_up.Page | None:
    """Ask for a key before it is decided: over the decision with its conditions."""
    return step_up.asked(
        step_up.Act(
            "decision.take",
            f"decision:{row.id}",
            digest_of(g.session, row, *decisions.conditions(g.session, row)),
            words="Decide as recommended",
            about=f"{row.reference}: {public.HEADLINES[row.kind]}",
            refusal=DECISION.refusal("decide", current_actor(), decisions.deciding(g.session, case, row)),
        )
    )


@bp.post("/cases/<reference>/conditions/<uuid:condition_id>")
def mark(reference: str, condition_id: uuid.UUID) -> BaseResponse | tuple[str, int]:
    """Say that a condition is met or breached."""
    case = cases.load(g.session, reference, by=current_actor(), for_update=True)
    row, condition = decisions.condition(g.session, case, condition_id)
    reason, form = request.form.get("reason", ""), _breach(condition.number, request.form)
    by, now = current_actor(), current_time()
    try:
        if request.form.get("do") == "breached":
            if not form.validate():
                raise NotServable([])
            breach = decisions.Breach(reason, form.breached_on.data, bool(form.forbids.data))
            decisions.mark_breached(g.session, decision=row, row=condition, breach=breach, by=by, now=now)
        else:
            decisions.mark_met(g.session, decision=row, row=condition, reason=reason, by=by, now=now)
    except NotServable as refused:
        beside = errors(form, refused.problems)
        return _decision(known(reference), check=(condition.number, form, beside.get("reason", ""))), 422
    flash(f"Condition {condition.number} is {condition.state.value}.")
    return redirect(url_for(".decision", reference=reference), 303)


@decided.get("/decisions")
def index() -> str:
    """The decisions about this developer."""
    found = decisions.visible(g.session, by=current_actor())
    return render_template(
        "decided/index.html", rows=[public.decision_public(g.session, row.reference) for row in found]
    )


@decided.get("/decisions/<reference>")
def show(reference: str) -> str:
    """One decision, with its annex."""
    return _own(reference)


@decided.get(f"/decisions/<reference>/receipt.<{receipt_files.FORM}>")
def receipt_file(reference: str, form: str) -> BaseResponse:
    """The receipt of a decision as a file."""
    row = decisions.load(g.session, reference, by=current_actor())
    return receipt_files.answer(decisions.entry_of(g.session, row), form)


@decided.get("/decisions/<reference>/copy.pdf")
@writes
def copy_file(reference: str) -> BaseResponse:
    """The signed copy of record of a decision."""
    row = decisions.load(g.session, reference, by=current_actor())
    return receipt_files.copy_file(decisions.subject(row))


@bp.get(f"/cases/<reference>/decision/receipt.<{receipt_files.FORM}>")
def decision_receipt(reference: str, form: str) -> BaseResponse:
    """The same for the authority."""
    return receipt_files.answer(decisions.entry_of(g.session, _taken(reference)), form)


@bp.get("/cases/<reference>/decision/copy.pdf")
@writes
def decision_copy(reference: str) -> BaseResponse:
    """The same for the authority."""
    return receipt_files.copy_file(decisions.subject(_taken(reference)))


def _taken(reference: str) -> Decision:
    """The decision of a case, once it is taken."""
    row = cases.decided(g.session, cases.load(g.session, reference, by=current_actor()))
    if row is None:
        raise NotFound
    return row


@decided.post("/decisions/<reference>")
def appeal(reference: str) -> BaseResponse | tuple[str, int]:
    """Note an appeal."""
    row = decisions.load(g.session, reference, by=current_actor())
    body, grounds = request.form.get("body", ""), request.form.get("grounds", "")
    try:
        note = appeals.note(
            g.session, decision=row, body=body, grounds=grounds, by=current_actor(), now=current_time()
        )
    except ValueError as wrong:
        return _own(reference, str(wrong)), 422
    flash(f"Your note {note.reference} is recorded. It does not lodge the appeal with the court or board.")
    return redirect(url_for(".show", reference=reference), 303)


class _Chosen:
    """What a form says beside its fields: kind, channels, evidence, conditions, flags."""

    def __init__(
        self,
        kind: str = "",
        channels: list[str] | None = None,
        evidence: list[str] | None = None,
        flags: dict[str, tuple[str, str]] | None = None,
        conditions: list[tuple[str, str]] | None = None,
        quoted: list[Quoted] | None = None,
    ) -> None:
        self.kind, self.channels, self.evidence = kind, channels or [], evidence or []
        self.flags, self.conditions = flags or {}, conditions or []
        self.quoted = quoted or []

    @classmethod
    def read(cls, found: Facts) -> _Chosen:
        """What was sent."""
        sent = request.form
        texts, days = numbered(sent, "condition"), numbered(sent, "condition-due")
        return cls(
            sent.get("kind", ""),
            [one for one in sent.getlist("channels") if one in set(Channel)],
            sent.getlist("evidence"),
            {
                flag.code: (sent.get(f"flag-{flag.code}", ""), sent.get(f"flag-{flag.code}-reason", ""))
                for flag in found.open_flags
            },
            list(zip(texts, days, strict=False)) or [("", "")],
            list(map(Quoted, numbered(sent, "quotation"), numbered(sent, "quotation-text"))),
        )

    def add(self, what: str) -> None:
        """Room for one condition more, or for one quotation."""
        if what == "add":
            self.conditions.append(("", ""))
        else:
            self.quoted.append(Quoted("", ""))

    def wrong_dates(self) -> list[tuple[str, str]]:
        """Conditions whose due date cannot be read."""
        return [
            (f"condition-due-{number}", "Write the date as 2027-12-01, or leave it empty.")
            for number, (_, day) in enumerate(self.conditions, 1)
            if day.strip() and _day(day) is None
        ]

    def recommended(self, form: RecommendForm) -> Recommended:
        """The recommendation that the form stands for."""
        return Recommended(
            kind=DecisionKind(self.kind) if self.kind in set(DecisionKind) else None,
            power=form.power.data or "",
            channels=self.channels,
            reasons=form.reasons.data or "",
            confidential_annex=form.confidential_annex.data or "",
            until=form.until.data,
            conditions=[(text, _day(day)) for text, day in self.conditions if text.strip()],
            flags=self.flags,
            evidence=self.evidence,
            quotations=self.quoted,
        )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _form(found: Facts, form: RecommendForm, chosen: _Chosen, beside: dict[str, str]) -> str:
    return page(
        "cases/recommend.html",
        found,
        "Decision",
        form=form,
        chosen=chosen,
        kinds=[(kind.value, label, words) for kind, label, words in KINDS],
        channels=[(channel.value, words) for channel, words in CHANNELS.items()],
        offered=decisions.evidence_of(g.session, found.case),
        open_flags=flags.still_open(g.session, found.case),
        sent_back=decisions.sent_back(g.session, found.case),
        released=list(quotations.released(g.session, found.case).values()),
        powers=[(pack.name, pack.authorities["decides"]) for pack in statute.regimes()],
        beside=beside,
        problems=listed(form, beside),
    )


def _breach(number: int, data: Any = None) -> BreachForm:
    """The form of one condition; several stand on one page."""
    return BreachForm(data, prefix=f"condition-{number}-")


def _decision(found: Facts, problem: str = "", check: tuple[int, BreachForm, str] | None = None) -> str:
    row, by = found.decision, current_actor()
    checks = {one.number: _breach(one.number) for one in found.conditions}
    if check is not None:
        checks[check[0]] = check[1]
    waiting = row is not None and found.case.state is CaseState.RECOMMENDED
    return page(
        "cases/decision.html",
        found,
        "Decision",
        decision=row,
        recommender=cases.name_of(g.session, row.recommended_by) if row else "",
        channels=[CHANNELS[Channel(one)] for one in row.channels] if row else [],
        addresses=_addresses(found),
        headline=public.HEADLINES[row.kind] if row else "",
        lacking=decisions.missing(g.session, found.case, row, by=by) if row and waiting else [],
        may=DECISION.allowed(by, decisions.deciding(g.session, found.case, row)) if row else [],
        waiting=waiting,
        copy=documents.copies.of_subject(g.session, decisions.subject(row)) if row else None,
        marks={one.number: CONDITION.allowed(by, one) for one in found.conditions},
        appeals=appeals.of_decision(g.session, row) if row else [],
        sent_back=decisions.sent_back(g.session, found.case),
        problem=problem,
        checks=checks,
        checked=check[0] if check else None,
        said=request.form.get("reason", "") if check else "",
        unsaid=check[2] if check else "",
    )


def _addresses(found: Facts) -> dict[str, str]:
    """The page of each thing that a decision of this case can rely on, by its reference."""
    case = found.case
    pages: list[tuple[str | None, str, dict[str, Any]]] = [
        *((row.reference, "cases.filing", {"filing_id": row.id}) for row in found.filings),
        *(
            (made.reference, "cases.assessment", {"assessment_reference": made.reference})
            for made in decisions.assessments(g.session, case)
        ),
        *((row.reference, "cases.request", {"request_reference": row.reference}) for row in found.requests),
    ]
    return {
        name: url_for(endpoint, reference=case.reference, **values)
        for name, endpoint, values in pages
        if name
    }


def _own(reference: str, problem: str = "") -> str:
    row = decisions.load(g.session, reference, by=current_actor())
    case = g.session.get_one(Case, row.case_id)
    return render_template(
        "decided/show.html",
        decision=row,
        shown=public.decision_public(g.session, reference),
        copy=documents.copies.of_subject(g.session, decisions.subject(row)),
        later=receipt_files.later(g.session, decisions.entry_of(g.session, row)),
        flags=[flag for flag in flags.of_case(g.session, case) if flag.code in row.flags],
        appeals=appeals.of_decision(g.session, row),
        case=case,
        problem=problem,
        body=request.form.get("body", ""),
        grounds=request.form.get("grounds", ""),
    )
