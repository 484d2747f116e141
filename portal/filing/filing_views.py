"""Pages of filings, in the developer's zone: the list, and a draft page by page to its checks."""

from __future__ import annotations

import json
import uuid
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from portal.filing import (
    attachments,
    certification,
    checks,
    duties,
    entities,
    openness,
    pages,
    people,
    people_views,
    publication,
    reading,
    service,
)
from portal.filing import registration as registered
from portal.filing.forms import Section
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FILING, FilingState
from portal.ui import entries
from portal.web import current_actor, current_time, current_zone, uploads, writes
from secure_access import documents, identity
from secure_access.workflow import Denied, NotFound

bp = Blueprint("filings", __name__, template_folder="templates")

Page = str | Response | tuple[str, int]


@bp.get("/filings")
def index() -> str:
    """Drafts and what was filed."""
    by = current_actor()
    rows = [
        (filing, service.title(g.session, filing), reading.STATES[filing.state])
        for filing in service.listed(g.session, by=by)
    ]
    return render_template("filing/index.html", rows=rows, closed=people_views.closed(g.session, by))


@bp.route("/filings/new", methods=["GET", "POST"])
def start() -> Page:
    """Choose what to file and about which version."""
    by = current_actor()
    models = registered.models_of(g.session, by.organisation_id)
    kind, version_id = request.form.get("kind", ""), request.form.get("version", "")
    if request.method == "GET":
        return _start_page(models, request.args.get("kind", ""), request.args.get("version", ""))
    problems = []
    if kind not in list(FilingKind):
        problems.append(("kind", "Choose what you file."))
    if not version_id and kind not in _ABOUT_ALL:
        problems.append(("version", "Choose the model version that it is about."))
    if problems:
        return _start_page(models, kind, version_id, problems), 422
    version = registered.load_version(g.session, version_id, by=by) if version_id else None
    filing = service.start(g.session, kind=FilingKind(kind), version=version, by=by, now=current_time())
    if request.form.get("open_to") == "named":
        people.restrict(g.session, filing=filing, by=by, now=current_time())
    return redirect(url_for("filings.show", key=filing.id), 303)


_ABOUT_ALL = (FilingKind.SAFETY_FRAMEWORK, FilingKind.SECURITY_OUTLINE)


def _start_page(models: Any, kind: str, version: str, problems: Any = ()) -> str:
    kinds = [(item.value, service.kind_name(item), pages.WHAT[item]) for item in FilingKind]
    versions = [
        (str(item.id), registered.full_name(g.session, item) + f" ({item.snapshot})")
        for _, found in models
        for item in found
    ]
    return render_template(
        "filing/start.html",
        kinds=kinds,
        versions=versions,
        kind=kind,
        version=version,
        open_to=request.form.get("open_to", "everyone"),
        may_restrict=current_actor().agency is None,
        problems=problems,
    )


@bp.get("/filings/<key>")
def show(key: str) -> Page:
    """A draft opens on its first page that is not finished; anything else is read."""
    filing = service.load(g.session, key, by=current_actor())
    if filing.state == FilingState.IN_CERTIFICATION:
        return redirect(url_for("signing.sign", key=key), 303)
    if filing.state == FilingState.DRAFT:
        found = [check for check in service.checks_of(g.session, filing, now=current_time()) if check.open]
        at = found[0].section if found else "certify"
        return redirect(_page_url(key, at), 303)
    return render_template(
        "filing/show.html",
        reading=reading.reading_of(g.session, filing),
        actions=FILING.allowed(current_actor(), filing),
        copy=documents.copies.of_subject(g.session, service.subject(filing)),
        told=entries.told(
            g.session,
            service.subject(filing),
            reading.ENTRIES,
            lambda entry: url_for("signing.entry", key=key, entry_id=entry.id),
        ),
        key=key,
    )


def _page_url(key: str, section: str) -> str:
    if section in ("attachments", "certify"):
        return url_for(f"filings.{section}", key=key)
    return url_for("filings.edit", key=key, section=section)


@bp.route("/filings/<key>/form/<section>", methods=["GET", "POST"])
def edit(key: str, section: str) -> Page:
    """One page of the form."""
    g.typed = pages.typed(request.form)
    filing = _draft(key, for_update=request.method == "POST")
    page = _section(filing, section)
    if request.method == "GET":
        return _edit_page(filing, page)
    answers, problems = pages.read_section(page, request.form)
    service.save(g.session, filing=filing, answers=answers, by=current_actor(), now=current_time())
    page = _section(filing, section)
    going_on = request.form.get("do", "continue") == "continue"
    if going_on:
        problems += _blocking(filing, section, but={name for name, _ in problems})
    if problems:
        return _edit_page(filing, page, problems), 422
    if request.form.get("do") == "stay":
        return redirect(_page_url(key, section), 303)
    if not going_on:
        flash(f"Saved. {openness.readers(filing)}")
        return redirect(url_for("filings.index"), 303)
    return redirect(_page_url(key, pages.neighbour(publication.sections(filing), section)), 303)


def _draft(key: str, *, for_update: bool = False) -> Filing:
    filing = service.load(g.session, key, by=current_actor(), for_update=for_update)
    refusal = FILING.refusal("save", current_actor(), filing)
    if refusal is not None:
        raise refusal
    return filing


def _section(filing: Filing, key: str) -> Section:
    for section in publication.sections(filing):
        if section.key == key:
            return section
    raise NotFound


def _blocking(filing: Filing, section: str, *, but: set[str]) -> list[pages.Problem]:
    return [
        (check.field, check.fix)
        for check in service.checks_of(g.session, filing, now=current_time())
        if check.section == section and check.kind is checks.CheckClass.BLOCK and check.field not in but
    ]


def _edit_page(filing: Filing, page: Section, problems: Any = ()) -> str:
    return render_template(
        "filing/edit.html",
        page=page,
        groups=pages.shown_section(
            filing, page, submitted=request.form if problems else None, problems=problems
        ),
        problems=problems,
        **_around(filing, page.key, page.step_label),
    )


def _around(filing: Filing, here: str, step: str) -> dict[str, Any]:
    """What every page of a draft shows around its form."""
    sections = publication.sections(filing)
    found = service.checks_of(g.session, filing, now=current_time())
    labels = pages.step_labels(sections)
    officer = g.session.get(identity.Person, filing.certifier_id) if filing.certifier_id else None
    duty = duties.due_of(g.session, filing)
    return {
        "filing": filing,
        "title": service.title(g.session, filing),
        "key": str(filing.id),
        "labels": [(label, _done(label, sections, found)) for label in labels],
        "step": labels.index(step) + 1,
        "here": here,
        "found": found,
        "counts": checks.counts(found),
        "officer": officer,
        "filed_by": publication.filed_by(certification.form_of(g.session, filing)),
        "duty": duty,
        "readers": openness.readers(filing),
        "amends": reading.reading_of(g.session, filing).supersedes,
        "sections": [
            (section, _page_url(str(filing.id), section.key), _open_on(found, section.key))
            for section in sections
        ],
        "url_of": lambda check: _check_url(filing, check),
    }


def _check_url(filing: Filing, check: checks.Check) -> str:
    if check.field == "coverage" and filing.model_version_id:
        return url_for("registry.coverage", version_id=filing.model_version_id)
    return _page_url(str(filing.id), check.section) + f"#{check.field}"


def _done(label: str, sections: tuple[Section, ...], found: list[checks.Check]) -> bool:
    """Whether nothing stands in the way on any page of a step. Certification is done when it is signed."""
    keys = {section.key for section in sections if section.step_label == label} or {label.lower()}
    return label != "Check and certify" and not any(check.open for check in found if check.section in keys)


def _open_on(found: list[checks.Check], section: str) -> int:
    return sum(check.open for check in found if check.section == section)


@bp.route("/filings/<key>/attachments", methods=["GET", "POST"], endpoint="attachments")
def attach(key: str) -> Page:
    """Files that hang on a draft."""
    filing = _draft(key, for_update=request.method == "POST")
    if request.method == "GET":
        return _attachments_page(filing)
    found = uploads("document")
    if not found:
        return _attachments_page(filing, [("document", "Choose a file.")]), 422
    audience = (
        documents.Audience.PUBLIC
        if request.form.get("audience") == "public"
        else documents.Audience.CONFIDENTIAL
    )
    problems = []
    for upload in found:
        handed = attachments.Handed(
            upload, request.form.get("label", "") if len(found) == 1 else "", audience
        )
        try:
            attachments.attach(
                g.session,
                filing=filing,
                handed=handed,
                vault=current_zone().wired.vault,
                by=current_actor(),
                now=current_time(),
            )
        except documents.Refused as refused:
            problems.append(("document", f"{documents.display_name(upload.filename)}: {refused.words}"))
    if problems:
        return _attachments_page(filing, problems), 422
    return redirect(url_for("filings.attachments", key=key), 303)


def _attachments_page(filing: Filing, problems: Any = ()) -> str:
    return render_template(
        "filing/attachments.html",
        hanging=reading.hanging_on(g.session, service.subject(filing)),
        problems=problems,
        **_around(filing, "attachments", "Attachments"),
    )


@bp.post("/filings/<key>/attachments/<uuid:document_id>/remove")
def detach(key: str, document_id: uuid.UUID) -> Response:
    """Take a file off a draft."""
    filing = _draft(key, for_update=True)
    attachments.detach(
        g.session, filing=filing, document_id=document_id, by=current_actor(), now=current_time()
    )
    return redirect(url_for("filings.attachments", key=key), 303)


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


@bp.route("/filings/<key>/certify", methods=["GET", "POST"])
def certify(key: str) -> Page:
    """Every check of a draft, reasons for those that ask one, and the way to the certifying officer."""
    filing = _draft(key, for_update=request.method == "POST")
    if request.method == "GET":
        return _certify_page(filing)
    chosen = request.form.get("certifier", "")
    try:
        officer = registered.as_id(chosen) if chosen else None
        certification.send(
            g.session, filing=filing, certifier_id=officer, by=current_actor(), now=current_time()
        )
    except Denied as denied:
        return _certify_page(filing, [("certifier", denied.words)]), 422
    flash("Sent for certification. Nobody outside your organisation sees it before it is signed.")
    return redirect(url_for("signing.sign", key=key), 303)


def _certify_page(filing: Filing, problems: Any = ()) -> str:
    around = _around(filing, "certify", "Check and certify")
    now = current_time()
    return render_template(
        "filing/certify.html",
        officers=[
            (str(person.id), f"{person.name}, {person.title}" if person.title else person.name)
            for person in service.certifying_officers(g.session, filing)
        ],
        two_people=filing.kind in service.TWO_PEOPLE,
        entities=entities.choices(g.session, filing.developer_id, on=now.date()),
        entity_refusal=entities.signing_refusal(g.session, filing, now=now),
        reach=entities.reach(g.session, filing, on=now.date()),
        problems=problems,
        grouped=pages.grouped(filing, around["found"]),
        **around,
    )


@bp.post("/filings/<key>/entity")
def choose_entity(key: str) -> Page:
    """Say which legal entity files."""
    filing, chosen = _draft(key, for_update=True), request.form.get("entity", "")
    if not chosen:
        return _certify_page(filing, [("entity", "Choose the legal entity that files.")]), 422
    entity_id = registered.as_id(chosen)
    try:
        entities.choose(g.session, filing=filing, entity_id=entity_id, by=current_actor(), now=current_time())
    except Denied as denied:
        return _certify_page(filing, [("entity", denied.words)]), 422
    return redirect(url_for("filings.certify", key=key, _anchor="entity"), 303)


@bp.post("/filings/<key>/explain")
def explain(key: str) -> Page:
    """Keep the reason for a check."""
    filing = _draft(key, for_update=True)
    try:
        service.explain(
            g.session,
            filing=filing,
            key=request.form.get("check", ""),
            reason=request.form.get("reason", ""),
            by=current_actor(),
            now=current_time(),
        )
    except Denied as denied:
        name = f"reason-{request.form.get('check', '')}"
        return _certify_page(filing, [(name, denied.words)]), 422
    return redirect(url_for("filings.certify", key=key), 303)


@bp.get("/filings/<key>/checks.<form>")
def all_checks(key: str, form: str) -> Response:
    """Every check of a draft as CSV or JSON, from the same engine as the page."""
    filing = service.load(g.session, key, by=current_actor())
    columns = ("kind", "code", "section", "field", "what", "fix", "source", "reason", "name")
    rows = [
        {column: str(getattr(check, column)) for column in columns}
        for check in service.checks_of(g.session, filing, now=current_time())
    ]
    if form == "json":
        return FlaskResponse(json.dumps(rows, indent=2, ensure_ascii=False), mimetype="application/json")
    if form != "csv":
        raise NotFound
    response = FlaskResponse(pages.as_csv(columns, rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="checks.csv"'
    return response


@bp.get("/filings/<key>/public")
def public(key: str) -> str:
    """What everybody will read of it."""
    filing = service.load(g.session, key, by=current_actor())
    filed_by = publication.filed_by(certification.form_of(g.session, filing))
    return render_template(
        "filing/public.html",
        twin=publication.public_version(filing, publication.public_answers(filing), filed_by),
        filed_by=filed_by,
        title=service.title(g.session, filing),
        key=key,
        filing=filing,
    )


@bp.post("/filings/<key>/discard")
def discard(key: str) -> Response:
    """Throw a draft away."""
    filing = _draft(key, for_update=True)
    service.discard(g.session, filing=filing, by=current_actor(), now=current_time())
    flash("The draft is discarded. Nothing of it was ever seen outside your organisation.")
    return redirect(url_for("filings.index"), 303)
