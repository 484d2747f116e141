"""Pages of incidents, in the developer's zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.filing import entities, incident_pages, incidents, receipt_files, registration, resolution
from portal.filing.incident_pages import FirstReportForm, ResolutionForm
from portal.filing.registry import ModelVersion
from portal.filing.workflow import INCIDENT
from portal.web import current_actor, current_time
from secure_access.workflow import Denied

bp = Blueprint("incidents", __name__, template_folder="templates")

REPORTED = "incident.reported"

Page = str | Response | tuple[str, int]


@bp.get("/incidents")
def index() -> str:
    """What was reported."""
    found = incidents.listed(g.session, developer_id=current_actor().organisation_id)
    rows = [(item, incidents.late_regimes(item.clocks)) for item in found]
    return render_template("incident/index.html", rows=rows)


@bp.route("/incidents/new", methods=["GET", "POST"])
def report() -> Page:
    """The first report: one short form, and nothing that blocks it."""
    form = FirstReportForm(request.form)
    form.version.choices = [("", "Not known yet"), *_versions()]
    offered = entities.choices(g.session, current_actor().organisation_id, on=current_time().date())
    form.entity.choices = offered if len(offered) == 1 else [("", "Not known yet"), *offered]
    if request.method == "GET":
        return render_template("incident/report.html", form=form)
    if form.validate():
        chosen = form.version.data
        version = registration.load_version(g.session, chosen, by=current_actor()) if chosen else None
        entity_id = registration.as_id(form.entity.data) if form.entity.data else None
        first = form.first_report(version, entity_id)
        try:
            incident = incidents.report(g.session, first=first, by=current_actor(), now=current_time())
        except Denied as denied:
            form.refuse("aware_at", denied.words)
        else:
            flash(f"Reported as {incident.reference}. Each law's clock is stopped by this report.")
            return redirect(url_for("incidents.show", key=incident.reference), 303)
    return render_template("incident/report.html", form=form), 422


def _versions() -> list[tuple[str, str]]:
    models = registration.models_of(g.session, current_actor().organisation_id)
    return [
        (str(version.id), registration.full_name(g.session, version))
        for _, versions in models
        for version in versions
    ]


@bp.get("/incidents/<key>")
def show(key: str) -> str:
    """A reported incident: clocks, what is still missing, updates."""
    return _show_page(key, "", [])


@bp.get(f"/incidents/<key>/receipt.<{receipt_files.FORM}>")
def receipt_file(key: str, form: str) -> Response:
    """The receipt of the first report as a file."""
    incident = incidents.load(g.session, key, by=current_actor())
    return receipt_files.answer(
        receipt_files.entry_of(g.session, incidents.subject(incident), REPORTED), form
    )


@bp.post("/incidents/<key>/updates")
def update(key: str) -> Page:
    """Add to a report."""
    incident = incidents.load(g.session, key, by=current_actor(), for_update=True)
    text, final = request.form.get("text", ""), "final" in request.form
    if not text.strip():
        return _show_page(key, text, [("text", "Write what is new.")]), 422
    incidents.update(
        g.session, incident=incident, text=text, by=current_actor(), now=current_time(), final=final
    )
    flash("Added to the report. The authority sees it now.")
    return redirect(url_for("incidents.show", key=key), 303)


@bp.route("/incidents/<key>/resolve", methods=["GET", "POST"])
def resolve(key: str) -> Page:
    """Say when and how an incident was resolved."""
    return _resolution(key, "resolve", resolution.resolve)


@bp.route("/incidents/<key>/correct-resolution", methods=["GET", "POST"])
def correct_resolution(key: str) -> Page:
    """Put right when or how it was resolved."""
    return _resolution(key, "correct_resolution", resolution.correct)


def _resolution(key: str, action: str, verb: Callable[..., None]) -> Page:
    by = current_actor()
    incident = incidents.load(g.session, key, by=by, for_update=request.method == "POST")
    INCIDENT.take(action, by, incident)
    said = incident.resolutions[-1] if incident.resolutions else {}
    before = {"how": said["how"], "resolved_at": datetime.fromisoformat(said["resolved_at"])} if said else {}
    form = ResolutionForm(request.form, data=before)
    if request.method == "POST" and form.validate():
        told = {"resolved_at": form.resolved_at.data, "how": form.how.data}
        try:
            verb(g.session, incident=incident, **told, by=by, now=current_time())
        except Denied as denied:
            form.refuse("resolved_at", denied.words)
        else:
            flash("Said. The clock of a final report runs from that time; Duties shows it.")
            return redirect(url_for("incidents.show", key=key), 303)
    shown = render_template("incident/resolution.html", form=form, incident=incident, correcting=bool(said))
    return shown if request.method == "GET" else (shown, 422)


def _show_page(key: str, text: str, problems: list[tuple[str, str]]) -> str:
    incident = incidents.load(g.session, key, by=current_actor())
    version = g.session.get(ModelVersion, incident.model_version_id) if incident.model_version_id else None
    return render_template(
        "incident/show.html",
        incident=incident,
        later=receipt_files.later_than(g.session, incidents.subject(incident), REPORTED),
        model=registration.full_name(g.session, version) if version else "",
        chart=incident_pages.chart(incident),
        kinds=incident_pages.kind_words(incident),
        entity=incident_pages.entity_name(g.session, incident),
        missing=incident_pages.still_missing(incident),
        updates=incident_pages.updates(g.session, incident),
        resolutions=incident_pages.resolutions(g.session, incident),
        late=incidents.late_regimes(incident.clocks),
        actions=INCIDENT.allowed(current_actor(), incident),
        text=text,
        problems=problems,
    )
