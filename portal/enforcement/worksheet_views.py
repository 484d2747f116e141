"""Pages of a worksheet: opened, changed, prepared, approved, sent back, compared, downloaded."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import step_up
from portal.enforcement import (
    adoptions,
    choices,
    figures,
    forms,
    inputs,
    notices,
    pictures,
    service,
    sheet,
    worksheets,
)
from portal.enforcement import priors as earlier
from portal.enforcement.choices import Choices
from portal.enforcement.grounds import REFERRED_TO
from portal.enforcement.letters import dates
from portal.enforcement.tables import AllegedViolation, MethodAdoption, Worksheet
from portal.enforcement.views import Page, attachment, bp, citation
from portal.enforcement.workflow import WORKSHEET
from portal.enforcement.worksheets import Opened
from portal.law import methods, statute
from portal.law.deadlines import legal_day
from portal.law.method_inputs import asks_uplift, takes_gravity
from portal.law.methods import Method
from portal.law.money import plain
from portal.web import current_actor, current_time
from secure_access.step_up import digest_of
from secure_access.workflow import Denied, NotFound


@bp.route("/violations/<reference>/worksheet", methods=["GET", "POST"])
def open_worksheet(reference: str) -> Page:
    """Calculate for the first time."""
    by = current_actor()
    row = service.load(g.session, reference, by=by, for_update=request.method == "POST")
    if request.method == "GET":
        return _form(row, {}, None)
    try:
        chosen = forms.chosen(row, _governing(row), request.form)
        made = worksheets.open_worksheet(g.session, row, chosen, by=by, now=current_time())
    except (Denied, ValueError) as refused:
        return _form(row, request.form, None, _words(refused)), 422
    flash(f"{made.reference} is calculated. Look at each line, then prepare it for approval.")
    return redirect(url_for("enforcement.worksheet", reference=made.reference), 303)


@bp.get("/worksheets/<reference>")
def worksheet(reference: str) -> str:
    """A worksheet, in its latest or an earlier version."""
    by = current_actor()
    found = worksheets.load(g.session, reference, by=by, version=shown_version())
    row, violation = found.worksheet, found.violation
    return render_template(
        "enforcement/worksheet.html",
        found=found,
        row=row,
        violation=violation,
        citation=citation(violation),
        case=service.case_of(g.session, violation).reference,
        developer=service.developer_of(g.session, violation).name,
        state=sheet.STATES[row.state],
        amount=pictures.total(row),
        total_of=pictures.total,
        share=pictures.share(row),
        chart=pictures.waterfall(row),
        lines=sheet.lines(found, url_for("enforcement.evidence", reference=violation.reference)),
        marked=sheet.marked(row),
        readings=pictures.readings(row),
        priors=_priors(row),
        links=figures.LINKS,
        provisional=pictures.provisional(row),
        uncertain=pictures.uncertain(row),
        checks=sheet.standing_checks(found),
        again=worksheets.recomputed(g.session, row),
        adoption=g.session.get(MethodAdoption, row.adoption_id) if row.adoption_id else None,
        method_name=methods.load(row.result["method"]).name,
        stated=_stated(found),
        **_approval(found),
    )


def _stated(found: Opened) -> list[tuple[str, str]]:
    """What was stated for the method, with what it rests on; nothing where it takes gravity and factors."""
    kept = Choices.from_json(found.worksheet.choices)
    if not kept.inputs:
        return []
    method = methods.load(found.worksheet.result["method"])
    uplifts = [(f"Uplift for {decision}", f"{percent} %") for decision, percent in kept.uplifts.items()]
    told = inputs.told(method, found.violation.occurred_to, kept.inputs)
    return [*told, *uplifts, ("What they rest on", kept.inputs_reason)]


def _approval(found: Opened) -> dict[str, object]:
    """Who signed, what this person may do, and what follows."""
    row, by, now = found.worksheet, current_actor(), current_time()
    actions = ("change", "prepare", "approve", "send_back")
    return {
        "versions": list(reversed(found.versions)),
        "names": sheet.names(g.session, found.versions),
        "drafted": sheet.signature(g.session, row.drafted_by, row.drafted_at),
        "prepared": sheet.signature(g.session, row.prepared_by, row.prepared_at),
        "approved": sheet.signature(g.session, row.approved_by, row.approved_at),
        "allowed": [a for a in WORKSHEET.allowed(by, found.standing) if found.latest],
        "refusals": {a: WORKSHEET.refusal(a, by, found.standing) for a in actions},
        "notice": notices.of_worksheet(g.session, row, by=by),
        "referred_to": REFERRED_TO.get(row.regime, ""),
        "penalises": statute.load(row.regime).authorities["penalises"],
        "dates": None if row.regime in REFERRED_TO else dates(now),
    }


@bp.route("/worksheets/<reference>/change", methods=["GET", "POST"])
def change(reference: str) -> Page:
    """Calculate anew, as the next version."""
    by = current_actor()
    found = worksheets.load(
        g.session, reference, by=by, version=shown_version(), for_update=request.method == "POST"
    )
    if request.method == "GET":
        kept = forms.typed(Choices.from_json(found.worksheet.choices))
        return _form(found.violation, kept, found.worksheet)
    try:
        chosen = forms.chosen(found.violation, _governing(found.violation), request.form)
        reason = request.form.get("change_reason", "")
        made = worksheets.change(g.session, found, chosen, reason=reason, by=by, now=current_time())
    except (Denied, ValueError) as refused:
        return _form(found.violation, request.form, found.worksheet, _words(refused)), 422
    flash(f"Version {made.version} is calculated. Signatures on earlier versions are void.")
    return redirect(url_for("enforcement.worksheet", reference=reference), 303)


@bp.post("/worksheets/<reference>/prepare")
def prepare(reference: str) -> BaseResponse:
    """Put the version that was shown to the head of enforcement."""
    found = _shown(reference)
    worksheets.prepare(g.session, found, by=current_actor(), now=current_time())
    flash(f"Version {found.worksheet.version} waits for the head of enforcement.")
    return redirect(url_for("enforcement.worksheet", reference=reference), 303)


@bp.post("/worksheets/<reference>/approve")
def approve(reference: str) -> Page:
    """Approve the version that was shown."""
    found = _shown(reference)
    page = step_up.asked(
        step_up.Act(
            "worksheet.approve",
            f"worksheet:{found.worksheet.id}",
            digest_of(g.session, found.worksheet),
            words=f"Approve version {found.worksheet.version}",
            about=found.worksheet.reference,
            refusal=WORKSHEET.refusal("approve", current_actor(), found.standing),
        )
    )
    if page is not None:
        return page
    worksheets.approve(g.session, found, by=current_actor(), now=current_time())
    flash(f"Version {found.worksheet.version} is approved. What follows is being written; you may leave.")
    return redirect(url_for("enforcement.worksheet", reference=reference), 303)


@bp.route("/worksheets/<reference>/send-back", methods=["GET", "POST"])
def send_back(reference: str) -> Page:
    """Return a prepared version with a reason."""
    if request.method == "GET":
        found = worksheets.load(g.session, reference, by=current_actor())
        refusal = WORKSHEET.refusal("send_back", current_actor(), found.standing)
        if refusal is not None:
            raise refusal
        return render_template("enforcement/send_back.html", row=found.worksheet, reason="", error="")
    found = _shown(reference)
    reason = request.form.get("reason", "")
    try:
        worksheets.send_back(g.session, found, reason=reason, by=current_actor(), now=current_time())
    except Denied as denied:
        page = render_template(
            "enforcement/send_back.html", row=found.worksheet, reason=reason, error=denied.reason
        )
        return page, 422
    flash(f"Version {found.worksheet.version} is sent back, with your reason.")
    return redirect(url_for("enforcement.worksheet", reference=reference), 303)


@bp.get("/worksheets/<reference>/compare")
def compare(reference: str) -> str:
    """What changed from the version before."""
    found = worksheets.load(g.session, reference, by=current_actor(), version=shown_version())
    if found.before is None:
        raise NotFound
    return render_template(
        "enforcement/compare.html",
        row=found.worksheet,
        before=found.before,
        rows=sheet.changes(found.before, found.worksheet),
        total=pictures.total,
    )


@bp.get("/worksheets/<reference>/lines.csv")
def lines_csv(reference: str) -> Response:
    """The lines as CSV."""
    row = worksheets.load(g.session, reference, by=current_actor(), version=shown_version()).worksheet
    return attachment(sheet.as_csv(row), f"{row.reference}-v{row.version}.csv", "text/csv; charset=utf-8")


@bp.get("/worksheets/<reference>/facts.json")
def facts_json(reference: str) -> Response:
    """The facts, as ``assay law penalty FILE`` reads them."""
    row = worksheets.load(g.session, reference, by=current_actor(), version=shown_version()).worksheet
    return attachment(sheet.as_facts(row), f"{row.reference}-v{row.version}.json", "application/json")


def _priors(row: Worksheet) -> list[tuple[pictures.PriorStanding, str]]:
    """The earlier penalties of a worksheet with where each is read; empty for one that is on file no more."""
    on_file = figures.priors_of(g.session, row.developer_id, by=current_actor())
    # Backwards, so that the first record of a decision stays.
    ids = {(prior.regime, prior.decision): prior.id for prior in reversed(on_file)}

    def address(one: pictures.PriorStanding) -> str:
        prior_id = ids.get((one.facts["regime"], one.facts["decision"]))
        return url_for("enforcement.prior", prior_id=prior_id) if prior_id else ""

    return [(one, address(one)) for one in pictures.priors(row)]


def shown_version() -> int | None:
    """The version of the address or form; none for the latest. Raises `NotFound` for what is no number."""
    raw = request.values.get("version", "")
    if not raw:
        return None
    if not (raw.isascii() and raw.isdigit() and len(raw) < 6):
        raise NotFound
    return int(raw)


def _shown(reference: str) -> Opened:
    """The version that the person saw, for an act: a later one refuses the act by itself."""
    seen = shown_version()
    if seen is None:
        raise Denied(
            "The form does not say which version you saw.", "Open the worksheet again, and act there."
        )
    return worksheets.load(g.session, reference, by=current_actor(), version=seen, for_update=True)


def _words(refused: Exception) -> str:
    return refused.words if isinstance(refused, Denied) else str(refused)


def _form(
    violation: AllegedViolation, typed: Mapping[str, str], row: Worksheet | None, error: str = ""
) -> str:
    day = violation.occurred_to
    pack = statute.load(violation.regime)
    today = legal_day(current_time(), pack.zone)
    adoption = adoptions.in_force(g.session, pack.id, today)
    method = adoptions.governing(g.session, pack.id, today)
    scale = [(level, f"{label}: {plain(value.number)} %") for level, label, value in choices.gravities(day)]
    return render_template(
        "enforcement/worksheet_form.html",
        violation=violation,
        citation=citation(violation),
        adoption=adoption,
        method_name=method.name,
        takes_gravity=takes_gravity(method),
        groups=inputs.groups(method, day, typed),
        uplifts=_uplifts(violation, typed) if asks_uplift(method) else [],
        row=row,
        typed=typed,
        error=error,
        gravities=scale,
        scale_source=choices.gravities(day)[0][2].citation,
        faults=[(fault, fault.capitalize()) for fault in choices.faults_of(violation.regime, day)],
        factors=forms.factor_rows(day, typed),
    )


def _governing(violation: AllegedViolation) -> Method:
    today = legal_day(current_time(), statute.load(violation.regime).zone)
    return adoptions.governing(g.session, violation.regime, today)


def _uplifts(violation: AllegedViolation, typed: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """A field for each earlier penalty that is relied on: its name, its decision, and what was typed."""
    on_file = earlier.relied_on(earlier.recorded(g.session, violation.developer_id))
    names = ((f"{inputs.UPLIFT}{prior.decision}", prior.decision) for prior in on_file)
    return [(name, decision, typed.get(name, "")) for name, decision in names]


__all__ = ["bp"]
