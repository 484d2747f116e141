"""Submitted filings and incidents as officials read them, in the government's zone."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, render_template
from werkzeug.wrappers import Response

from portal.filing import certification, duty_views, incident_pages, incidents, reading, service
from portal.filing.registration import full_name, reads_filings
from portal.filing.registry import ModelVersion
from portal.web import current_actor, current_time, current_zone, writes
from secure_access import identity
from secure_access.identity import OrganisationKind
from secure_access.ledger import receipts
from secure_access.workflow import NotFound

bp = Blueprint("filed", __name__, template_folder="templates")


@bp.get("/filings/<key>")
def show(key: str) -> str:
    """A submitted filing with every answer, confidential ones marked."""
    filing = service.load(g.session, key, by=current_actor())
    entry = certification.entry_of(g.session, filing)
    return render_template(
        "filing/filed.html",
        reading=reading.reading(g.session, filing, current_actor()),
        entry=entry,
        owes=reads_filings(current_actor(), filing.developer_id),
        proof_follows=receipts.proof_follows(g.session, entry),
        key=key,
    )


@bp.get("/filings/<key>/documents/<uuid:document_id>")
@writes
def document(key: str, document_id: uuid.UUID) -> Response:
    """Download an attachment; the opening is recorded first."""
    filing = service.load(g.session, key, by=current_actor())
    return reading.download(
        g.session,
        subject=service.subject(filing),
        document_id=document_id,
        vault=current_zone().wired.vault,
        by=current_actor(),
        now=current_time(),
    )


@bp.get("/incidents/<key>")
def incident(key: str) -> str:
    """A reported incident with each law's clock."""
    found = incidents.load(g.session, key, by=current_actor())
    version = g.session.get(ModelVersion, found.model_version_id) if found.model_version_id else None
    return render_template(
        "incident/filed.html",
        incident=found,
        developer=g.session.get_one(identity.Organisation, found.developer_id).name,
        model=full_name(g.session, version) if version else "",
        chart=incident_pages.chart(found),
        kinds=incident_pages.kind_words(found),
        entity=incident_pages.entity_name(g.session, found),
        updates=incident_pages.updates(g.session, found),
        resolutions=incident_pages.resolutions(g.session, found),
        owes=reads_filings(current_actor(), found.developer_id),
    )


@bp.get("/developers/<uuid:developer_id>/duties")
def duties(developer_id: uuid.UUID) -> str:
    """What a developer owes under each law, for officials who read what was submitted."""
    developer = g.session.get(identity.Organisation, developer_id)
    readable = developer is not None and developer.kind is OrganisationKind.DEVELOPER
    if developer is None or not readable or not reads_filings(current_actor(), developer_id):
        raise NotFound
    return render_template("duty/filed.html", developer=developer.name, **duty_views.listing(developer_id))
