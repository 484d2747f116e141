"""The evaluator's own pages: engagements, the filing under assessment, the assessment and its evidence."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from evaluator import assessments, engagements
from evaluator.tables import Engagement, IndependentAssessment
from evaluator.web.accreditation_views import category_names
from evaluator.workflow import ASSESSMENT, ENGAGEMENT
from portal.accounts import step_up
from portal.filing import reading, receipt_files, registration
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing
from portal.law import risk
from portal.ui import entries
from portal.web import current_actor, current_time, current_zone, uploads, writes
from secure_access import documents, ledger
from secure_access.documents import EVIDENCE, Refused
from secure_access.identity import Organisation
from secure_access.ledger import placement, receipts

bp = Blueprint("engagements", __name__, template_folder="templates")

ROW_FIELDS = (
    "at_least",
    "at_most",
    "cannot_rule_out",
    "why",
    "confidence",
    "basis",
    "method",
    "limits",
    "not_tested",
)


ENTRIES = {
    "evaluator.appointed": "Appointed",
    "conflict.none_declared": "No conflict declared",
    "conflict.declared": "Conflict declared",
    "assessment.submitted": "Assessment submitted",
}
"""The entries about an engagement that its evaluator is told of, in words. Readings are not among them."""


@bp.get("/engagements")
def index() -> str:
    """The engagements of one's own body."""
    found = engagements.of_evaluator(g.session, current_actor().organisation_id)
    return render_template("engagements/index.html", rows=[_facts(e) for e in found])


@bp.get("/engagements/<reference>")
def show(reference: str) -> str:
    """One engagement: its terms, the declaration, what comes next."""
    engagement = engagements.load(g.session, reference, by=current_actor())
    return render_template(
        "engagements/show.html",
        **_facts(engagement),
        allowed=ENGAGEMENT.allowed(current_actor(), engagement),
        names=category_names(),
        assessment=assessments.of_engagement(g.session, engagement),
        told=entries.told(
            g.session,
            engagements.about(engagement)[0],
            ENTRIES,
            lambda entry: url_for(".entry", reference=reference, entry_id=entry.id),
        ),
    )


@bp.get("/engagements/<reference>/entries/<uuid:entry_id>")
def entry(reference: str, entry_id: uuid.UUID) -> str:
    """One ledger entry about the engagement, with its proof."""
    engagement = engagements.load(g.session, reference, by=current_actor())
    found = placement.find(g.session, engagements.about(engagement)[0], ENTRIES, entry_id)
    return entries.page(
        g.session,
        found,
        what=ENTRIES[found.type],
        path=[("Engagements", url_for(".index")), (reference, url_for(".show", reference=reference))],
        receipt=url_for(".entry_receipt", reference=reference, entry_id=found.id),
    )


@bp.get("/engagements/<reference>/entries/<uuid:entry_id>/receipt.json")
def entry_receipt(reference: str, entry_id: uuid.UUID) -> Response:
    """The receipt of that entry."""
    engagement = engagements.load(g.session, reference, by=current_actor())
    found = placement.find(g.session, engagements.about(engagement)[0], ENTRIES, entry_id)
    return entries.receipt_file(g.session, found)


@bp.post("/engagements/<reference>/declare")
def declare(reference: str) -> BaseResponse:
    """Declare a conflict, or none."""
    engagement = engagements.load(g.session, reference, by=current_actor(), for_update=True)
    conflict = request.form.get("conflict", "") if request.form.get("declared") == "conflict" else ""
    if request.form.get("declared") == "conflict" and not conflict.strip():
        flash("Say what the conflict is, or declare none.", "error")
        return redirect(url_for(".show", reference=reference), 303)
    engagements.declare(
        g.session, engagement=engagement, conflict=conflict, by=current_actor(), now=current_time()
    )
    flash(
        "Your declaration is recorded."
        if not conflict
        else "The conflict is recorded; the engagement has ended."
    )
    return redirect(url_for(".show", reference=reference), 303)


@bp.get("/engagements/<reference>/filing")
@writes
def filing(reference: str) -> str:
    """The filing under assessment. Each reading is recorded."""
    engagement = engagements.load(g.session, reference, by=current_actor())
    found = engagements.readable_filing(
        g.session, engagement=engagement, by=current_actor(), now=current_time()
    )
    engagements.note_reading(g.session, engagement=engagement, by=current_actor(), now=current_time())
    return render_template(
        "engagements/filing.html", **_facts(engagement), reading=reading.reading_of(g.session, found)
    )


@bp.get("/engagements/<reference>/filing/documents/<uuid:document_id>")
@writes
def document(reference: str, document_id: Any) -> Response:
    """An attachment of the filing, as a download. Recorded."""
    engagement = engagements.load(g.session, reference, by=current_actor())
    found = engagements.readable_filing(
        g.session, engagement=engagement, by=current_actor(), now=current_time()
    )
    return reading.download(
        g.session,
        subject=f"filing:{found.id}",
        document_id=document_id,
        vault=current_zone().wired.vault,
        by=current_actor(),
        now=current_time(),
    )


@bp.get("/engagements/<reference>/assessment")
def assessment(reference: str) -> str:
    """The assessment: a form while it is a draft, the text of record afterwards."""
    engagement = engagements.load(g.session, reference, by=current_actor())
    found = assessments.of_engagement(g.session, engagement)
    if found is not None and found.of_record():
        return _submitted_page(engagement, found)
    ENGAGEMENT.take("assess", current_actor(), engagement)
    return _form_page(engagement, found, problems=[])


@bp.post("/engagements/<reference>/assessment")
def save(reference: str) -> BaseResponse | tuple[str, int]:
    """Save, attach, or submit: whatever was typed is kept in every case."""
    engagement = engagements.load(g.session, reference, by=current_actor(), for_update=True)
    now, by = current_time(), current_actor()
    found = assessments.draft(g.session, engagement=engagement, by=by, now=now)
    assessments.save(g.session, assessment=found, answers=_typed(request.form), by=by, now=now)
    problems = _attached(found)
    if request.form.get("do") == "submit" and not problems:
        problems = assessments.missing(g.session, found, engagement)
        page = _asked(engagement, found) if not problems else None
        if page is not None:
            return page
        if not problems:
            assessments.submit(g.session, assessment=found, engagement=engagement, by=by, now=now)
            flash(f"{found.reference} is submitted. It cannot be changed any more.")
            return redirect(url_for(".assessment", reference=reference), 303)
    if problems:
        return _form_page(engagement, found, problems=problems), 422
    flash("Saved. Only your organisation can read this draft.")
    return redirect(url_for(".assessment", reference=reference), 303)


def _asked(engagement: Engagement, found: IndependentAssessment) -> step_up.Page | None:
    """Ask for a key before it is submitted. What was typed and attached is saved already."""
    return step_up.asked(
        step_up.Act(
            "assessment.submit",
            assessments.subject(found),
            assessments.digest_now(g.session, found),
            words="Submit the assessment",
            about=engagement.reference,
            refusal=ASSESSMENT.refusal("submit", current_actor(), found),
        )
    )


@bp.get(f"/engagements/<reference>/receipt.<{receipt_files.FORM}>")
def receipt(reference: str, form: str) -> Response:
    """The receipt of a submitted assessment as a file."""
    engagement = engagements.load(g.session, reference, by=current_actor())
    found = assessments.of_engagement(g.session, engagement)
    entry = _entry(found) if found else None
    if found is None or entry is None:
        return Response(
            "There is no receipt before the assessment is submitted.\n", 404, mimetype="text/plain"
        )
    return receipt_files.answer(entry, form)


def _attached(found: IndependentAssessment) -> list[tuple[str, str]]:
    problems = []
    for upload in uploads("evidence"):
        try:
            accepted = documents.accept(
                current_zone().wired.vault,
                upload.claim(),
                document_id=upload.document_id,
                name=upload.filename,
                use=EVIDENCE,
            )
        except Refused as error:
            problems.append(("evidence", f"{upload.filename}: {error.words}"))
            continue
        assessments.attach(
            g.session,
            assessment=found,
            file=accepted,
            label=request.form.get("label", "").strip()[:120],
            by=current_actor(),
            now=current_time(),
        )
    return problems


def _typed(form: MultiDict[str, str]) -> dict[str, Any]:
    rows: dict[str, dict[str, str]] = {}
    for name, value in form.items():
        key, _, part = name.partition("/")
        if part in ROW_FIELDS and value.strip():
            rows.setdefault(key, {})[part] = value.strip()
    rest = (*assessments.NARRATIVE_FIELDS, "recommendation", "summary")
    return {"rows": rows, **{name: form.get(name, "").strip() for name in rest}}


def _form_page(
    engagement: Engagement, found: IndependentAssessment | None, *, problems: list[tuple[str, str]]
) -> str:
    filing_row = g.session.get_one(Filing, engagement.filing_id)
    tiers = {category.id: category.tiers for category in risk.categories(filing_row.taxonomy)}
    return render_template(
        "engagements/assessment_form.html",
        **_facts(engagement),
        found=found,
        rows=[
            (assessments.row_key(subject), subject, name, tiers.get(subject.category, ()))
            for subject, name in assessments.subjects(filing_row, engagement.categories)
        ],
        answers=found.content.get("rows", {}) if found else {},
        problems=problems,
        tier_options=lambda found: [(str(tier.number), tier.name) for tier in found],
        recommendations=assessments.RECOMMENDATIONS,
        confidences=assessments.CONFIDENCES,
        may_submit="submit" in ASSESSMENT.allowed(current_actor(), found) if found else False,
        **_evidence(found),
    )


def _submitted_page(engagement: Engagement, found: IndependentAssessment) -> str:
    entry = _entry(found)
    return render_template(
        "engagements/assessment.html",
        **_facts(engagement),
        found=found,
        rows=assessments.answered(g.session, found, engagement),
        recommendation=assessments.recommended(found),
        entry=entry,
        follows=entry is None or receipts.proof_follows(g.session, entry),
        **_evidence(found),
    )


def _evidence(found: IndependentAssessment | None) -> dict[str, Any]:
    if found is None:
        return {"attached": [], "readings": {}}
    return {
        "attached": documents.for_subject(g.session, assessments.subject(found)),
        "readings": assessments.evidence(g.session, found),
    }


def _entry(found: IndependentAssessment) -> ledger.LedgerEntry | None:
    entries = ledger.entries(g.session, assessments.subject(found))
    return next((entry for entry in entries if entry.type == "assessment.submitted"), None)


def _facts(engagement: Engagement) -> dict[str, Any]:
    version = g.session.get_one(ModelVersion, engagement.model_version_id)
    return {
        "engagement": engagement,
        "developer": g.session.get_one(Organisation, engagement.developer_id),
        "version": version,
        "model": registration.full_name(g.session, version),
    }
