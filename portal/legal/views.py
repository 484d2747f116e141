"""Pages of legal staff: the packs as they stand, versions drafted and approved, what a version touches."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import step_up
from portal.law import statute
from portal.law.statute import Pack, Reading, Value
from portal.legal import changes, drafting, forms, touched, versions
from portal.legal.drafting import DraftError
from portal.legal.tables import StatuteVersion
from portal.legal.workflow import STATUTE_VERSION, VersionState
from portal.ui.forms import Form
from portal.web import current_actor, current_time, current_zone
from secure_access.db import Session
from secure_access.identity import Person
from secure_access.step_up import digest_of
from secure_access.workflow import NotFound

bp = Blueprint("statutes", __name__, template_folder="templates", url_prefix="/statutes")

Page = str | BaseResponse | tuple[str, int]


@bp.get("")
def index() -> str:
    """The version of each pack that holds today, and every version that did not come with the release."""
    rows, today = versions.every(g.session), versions.office_day(current_time())
    held = {pack.id: pack for pack in versions.in_force(g.session, today)}
    by_digest = {row.digest: row for row in rows if row.state is VersionState.APPROVED}
    return render_template(
        "statutes/index.html",
        packs=[
            (pack, held.get(pack.id, pack), by_digest.get(held[pack.id].digest) if pack.id in held else None)
            for pack in statute.shipped()
        ],
        rows=rows,
        names={pack.id: pack.name for pack in statute.shipped()},
        standing=lambda row: word(row, versions.standing(g.session, row, current_time()).live),
    )


@bp.route("/new", methods=["GET", "POST"])
def new() -> Page:
    """Begin a version."""
    if request.method == "GET":
        return render_template(
            "statutes/new.html", form=forms.version_form(pack=request.args.get("pack", ""))
        )
    form = forms.version_form(request.form)
    if form.validate():
        assert form.live_from.data is not None
        try:
            row = versions.draft(
                g.session,
                pack=form.pack.data,
                live_from=form.live_from.data,
                why=form.why.data or "",
                by=current_actor(),
                now=current_time(),
            )
        except DraftError as error:
            form.refuse(error.field, error.words)
        else:
            flash(f"{row.reference} is drafted. Change a value, a reading or the text next.")
            return redirect(url_for(".show", reference=row.reference), 303)
    return render_template("statutes/new.html", form=form), 422


@bp.get("/<reference>")
def show(reference: str) -> str:
    """A version: what it changes, which open cases it touches, and what can be done with it."""
    found = versions.opened(g.session, versions.load(g.session, reference), current_time())
    row, by = found.row, current_actor()
    asked = found.changes and not found.standing.live and row.state is not VersionState.WITHDRAWN
    return render_template(
        "statutes/show.html",
        row=row,
        found=found,
        told=changes.told,
        reach=touched.reach(g.session, found, by=by, now=current_time()) if asked else None,
        status=word(row, found.standing.live),
        allowed=STATUTE_VERSION.allowed(by, found.standing),
        refusal=STATUTE_VERSION.refusal("approve", by, found.standing),
        names=(names := _names(g.session, row)),
        authors=[names[one] for one in row.authors if one in names],
    )


@bp.get("/<reference>/text")
def text(reference: str) -> str:
    """The whole text, to read, or to change while it is a draft."""
    found = versions.opened(g.session, versions.load(g.session, reference), current_time())
    form = forms.TextForm(None, text=found.row.text)
    return _text_page(found, form)


@bp.post("/<reference>/text")
def change_text(reference: str) -> Page:
    """Put another text in the place of the draft's."""
    row = versions.load(g.session, reference, for_update=True)
    form = forms.TextForm(request.form)
    wanted = (form.text.data or "").replace("\r\n", "\n")
    if len(wanted) > forms.LONGEST_TEXT:
        form.refuse("text", f"The text has more than {forms.LONGEST_TEXT:,} characters. Nothing was kept.")
    elif form.validate() and _amended(row, form, lambda _: wanted):
        return _to(row, "The text is changed.")
    return _text_page(versions.opened(g.session, row, current_time()), form), 422


@bp.route("/<reference>/values", methods=["GET", "POST"])
def values(reference: str) -> Page:
    """Choose a value and say what it is from a day on."""
    row = versions.load(g.session, reference, for_update=request.method == "POST")
    pack = versions.opened(g.session, row, current_time()).new
    key = request.values.get("key", "")
    if not key:
        return render_template("statutes/values.html", row=row, values=forms.last_values(pack))
    value = _known(pack, key)
    form = forms.value_form(value, request.form if request.method == "POST" else None)
    if request.method == "POST" and form.validate():
        new_value = form.as_value(key)
        if _amended(row, form, lambda old: drafting.with_value(old, new_value)):
            return _to(row, f"{key} is changed.")
    page = render_template("statutes/value.html", row=row, value=value, form=form, history=pack.history(key))
    return (page, 422) if form.problems() else page


@bp.route("/<reference>/readings", methods=["GET", "POST"])
def readings(reference: str) -> Page:
    """Choose an ambiguous text and adopt another reading of it."""
    row = versions.load(g.session, reference, for_update=request.method == "POST")
    pack = versions.opened(g.session, row, current_time()).new
    key = request.values.get("key", "")
    if not key:
        return render_template("statutes/readings.html", row=row, readings=list(pack.readings.values()))
    reading = _reading(pack, key)
    authority = current_zone().wired.settings.authority
    form = forms.reading_form(reading, authority, request.form if request.method == "POST" else None)
    if request.method == "POST" and form.validate():
        adopted = form.as_reading(key)
        if _amended(row, form, lambda old: drafting.with_reading(old, adopted)):
            return _to(row, f"Another reading is adopted for: {reading.question}")
    page = render_template("statutes/reading.html", row=row, reading=reading, form=form)
    return (page, 422) if form.problems() else page


@bp.route("/<reference>/date", methods=["GET", "POST"])
def date(reference: str) -> Page:
    """Give a draft another day to go live."""
    row = versions.load(g.session, reference, for_update=request.method == "POST")
    form = forms.DateForm(request.form if request.method == "POST" else None, live_from=row.live_from)
    if request.method == "POST" and form.validate():
        assert form.live_from.data is not None
        try:
            versions.redate(
                g.session, row=row, live_from=form.live_from.data, by=current_actor(), now=current_time()
            )
        except DraftError as error:
            form.refuse(error.field, error.words)
        else:
            return _to(row, "The day is changed.")
    page = render_template("statutes/date.html", row=row, form=form)
    return (page, 422) if form.problems() else page


@bp.post("/<reference>/approve")
def approve(reference: str) -> Page:
    """Approve what the page showed."""
    row = versions.load(g.session, reference, for_update=True)
    page = step_up.asked(
        step_up.Act(
            "statute_version.approve",
            f"statute_version:{row.id}",
            digest_of(g.session, row),
            words=f"Approve it, live from {row.live_from.isoformat()}",
            about=row.reference,
            refusal=STATUTE_VERSION.refusal(
                "approve", current_actor(), versions.standing(g.session, row, current_time())
            ),
        )
    )
    if page is not None:
        return page
    shown, shown_from = request.form.get("digest", ""), request.form.get("live_from", "")
    versions.approve(g.session, row=row, shown=(shown, shown_from), by=current_actor(), now=current_time())
    return _to(row, f"{row.reference} is approved. It goes live on {row.live_from.isoformat()}.")


@bp.route("/<reference>/withdraw", methods=["GET", "POST"])
def withdraw(reference: str) -> Page:
    """Withdraw a version, with a reason."""
    row = versions.load(g.session, reference, for_update=request.method == "POST")
    form = forms.WithdrawForm(request.form if request.method == "POST" else None)
    refusal = STATUTE_VERSION.refusal(
        "withdraw", current_actor(), versions.standing(g.session, row, current_time())
    )
    if refusal is not None:
        raise refusal
    if request.method == "POST" and form.validate():
        versions.withdraw(
            g.session, row=row, reason=form.reason.data or "", by=current_actor(), now=current_time()
        )
        return _to(row, f"{row.reference} is withdrawn.")
    page = render_template("statutes/withdraw.html", row=row, form=form)
    return (page, 422) if form.problems() else page


def word(row: StatuteVersion, live: bool) -> tuple[str, str]:
    """Kind and words of a version's status mark."""
    if row.state is VersionState.WITHDRAWN:
        return "neutral", "Withdrawn"
    if row.state is VersionState.DRAFT:
        return "warn", "Draft, not approved"
    return ("good", "Has gone live") if live else ("neutral", f"Approved, from {row.live_from.isoformat()}")


def _amended(row: StatuteVersion, form: Form, edit: Any) -> bool:
    """Whether the change was made; else what is wrong stands at its field."""
    try:
        versions.amend(g.session, row=row, edit=edit, by=current_actor(), now=current_time())
    except DraftError as error:
        if error.field in form:
            form.refuse(error.field, error.words)
        else:
            form.form_errors = [*form.form_errors, error.words]
        return False
    return True


def _text_page(found: versions.Opened, form: Form) -> str:
    refused = STATUTE_VERSION.refusal("amend", current_actor(), found.standing)
    return render_template("statutes/text.html", row=found.row, form=form, open=refused is None)


def _to(row: StatuteVersion, words: str) -> BaseResponse:
    flash(words)
    return redirect(url_for(".show", reference=row.reference), 303)


def _known(pack: Pack, key: str) -> Value:
    history = pack.history(key)
    if not history:
        raise NotFound
    return history[-1]


def _reading(pack: Pack, key: str) -> Reading:
    if key not in pack.readings:
        raise NotFound
    return pack.readings[key]


def _names(session: Session, row: StatuteVersion) -> dict[str, str]:
    """Who drafted, wrote in, approved and withdrew it."""
    people = {*row.authors, *(str(one) for one in (row.approved_by, row.withdrawn_by) if one)}
    found = (session.get(Person, uuid.UUID(one)) for one in people)
    return {str(person.id): f"{person.name}, {person.title}" for person in found if person is not None}
