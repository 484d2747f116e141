"""Pages of an independent assessment for the authority: what was found, how, and on what evidence."""

from __future__ import annotations

import uuid

from flask import Response, g

from evaluator import assessments
from portal.filing import reading
from portal.review import cases
from portal.review.blueprints import cases as bp
from portal.review.case_views import known, page
from portal.web import current_actor, current_time, current_zone, writes
from secure_access import documents
from secure_access.identity import Organisation


@bp.get("/cases/<reference>/assessments/<assessment_reference>")
def assessment(reference: str, assessment_reference: str) -> str:
    """One submitted assessment in full, with what the portal read of its evidence."""
    found = known(reference)
    made, engagement = assessments.in_case(g.session, found.case.id, assessment_reference)
    return page(
        "cases/assessment.html",
        found,
        "Comparison",
        assessment=made,
        evaluator=g.session.get_one(Organisation, made.evaluator_id).name,
        rows=assessments.answered(g.session, made, engagement),
        recommendation=assessments.recommended(made),
        attached=documents.for_subject(g.session, assessments.subject(made)),
        readings=assessments.evidence(g.session, made),
    )


@bp.get("/cases/<reference>/assessments/<assessment_reference>/documents/<uuid:document_id>")
@writes
def evidence(reference: str, assessment_reference: str, document_id: uuid.UUID) -> Response:
    """A file of evidence, as a download. The opening is recorded before a byte is sent."""
    case = cases.load(g.session, reference, by=current_actor())
    made, _ = assessments.in_case(g.session, case.id, assessment_reference)
    return reading.download(
        g.session,
        subject=assessments.subject(made),
        document_id=document_id,
        vault=current_zone().wired.vault,
        by=current_actor(),
        now=current_time(),
    )
