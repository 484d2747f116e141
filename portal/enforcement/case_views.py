"""What enforcement reads of the case of an open violation: its filings, their attachments, its incidents."""

from __future__ import annotations

import uuid

from flask import g, render_template, url_for
from werkzeug.wrappers import Response

from portal.enforcement import adoption_views, service
from portal.enforcement.group_views import bp
from portal.enforcement.tables import AllegedViolation
from portal.filing import incident_pages, reading
from portal.filing import service as filings
from portal.filing.registration import full_name
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, Incident
from portal.web import current_actor, current_time, current_zone, writes
from secure_access.identity import Organisation


@bp.get("/violations/<reference>/filings/<uuid:filing_id>")
def filing(reference: str, filing_id: uuid.UUID) -> str:
    """A filing of the case, as it was certified."""
    row, found = _filing(reference, filing_id)
    shown = reading.reading_of(g.session, found)
    return render_template("enforcement/filing.html", violation=row, reading=shown)


@bp.get("/violations/<reference>/filings/<uuid:filing_id>/documents/<uuid:document_id>")
@writes
def document(reference: str, filing_id: uuid.UUID, document_id: uuid.UUID) -> Response:
    """An attachment of such a filing; the opening is recorded first."""
    _, found = _filing(reference, filing_id)
    return reading.download(
        g.session,
        subject=filings.subject(found),
        document_id=document_id,
        vault=current_zone().wired.vault,
        by=current_actor(),
        now=current_time(),
    )


@bp.get("/violations/<reference>/incidents/<uuid:incident_id>")
def incident(reference: str, incident_id: uuid.UUID) -> str:
    """An incident of the case with each law's clock."""
    row = service.load(g.session, reference, by=current_actor())
    service.readable(g.session, row, f"incident:{incident_id}", by=current_actor())
    found = g.session.get_one(Incident, incident_id)
    version = g.session.get(ModelVersion, found.model_version_id) if found.model_version_id else None
    return render_template(
        "incident/filed.html",
        incident=found,
        developer=g.session.get_one(Organisation, found.developer_id).name,
        model=full_name(g.session, version) if version else "",
        chart=incident_pages.chart(found),
        kinds=incident_pages.kind_words(found),
        updates=incident_pages.updates(g.session, found),
    )


def address(violation: AllegedViolation, subject: str) -> str:
    """Where a piece of evidence is read; empty for what has no page of its own here."""
    kind, _, key = subject.partition(":")
    if kind not in ("filing", "incident"):
        return ""
    if kind == "filing":
        return url_for("enforcement.filing", reference=violation.reference, filing_id=key)
    return url_for("enforcement.incident", reference=violation.reference, incident_id=key)


def _filing(reference: str, filing_id: uuid.UUID) -> tuple[AllegedViolation, Filing]:
    row = service.load(g.session, reference, by=current_actor())
    service.readable(g.session, row, f"filing:{filing_id}", by=current_actor())
    return row, filings.filed(g.session, filing_id)


bp.add_app_template_global(address, "evidence_address")

__all__ = ["adoption_views", "bp"]
