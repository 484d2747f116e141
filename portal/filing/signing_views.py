"""Pages of the signature and after it, in the developer's zone: receipt, withdrawal, amendment."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from portal.accounts import step_up
from portal.accounts.step_up import Act
from portal.filing import certification, openness, publication, reading, receipt_files, service
from portal.filing.tables import Filing
from portal.filing.workflow import FILING, FilingState
from portal.ui import entries
from portal.web import current_actor, current_time, current_zone, writes
from secure_access import identity
from secure_access.ledger import canonical, placement, receipts

bp = Blueprint("signing", __name__, template_folder="templates")

Page = str | Response | tuple[str, int]


@bp.route("/filings/<key>/sign", methods=["GET", "POST"])
def sign(key: str) -> Page:
    """What will be signed, exactly, and the signature."""
    by = current_actor()
    filing = service.load(g.session, key, by=by, for_update=request.method == "POST")
    demonstration = current_zone().wired.settings.demonstration
    if request.method == "POST":
        shown = request.form.get("digest", "")
        page = _asked(filing, shown, authority_required=not demonstration)
        if page is not None:
            return page
        certification.submit(
            g.session,
            filing=filing,
            shown_digest=shown,
            by=by,
            now=current_time(),
            authority_required=not demonstration,
        )
        return redirect(url_for("signing.receipt", key=filing.reference), 303)
    if filing.state != FilingState.IN_CERTIFICATION:
        return redirect(url_for("filings.show", key=key), 303)
    form = certification.form_of(g.session, filing)
    return render_template(
        "filing/sign.html",
        reading=reading.reading_of(g.session, filing),
        digest_hex=publication.digest(form),
        statement=form["statement"],
        refusal=certification.signing_refusal(
            g.session, filing=filing, authority_required=not demonstration, by=by, now=current_time()
        ),
        authorities=url_for("own_organisation.show"),
        actions=FILING.allowed(by, filing),
        officer=g.session.get(identity.Person, filing.certifier_id),
        readers=openness.readers(filing),
        key=key,
    )


def _asked(filing: Filing, shown: str, *, authority_required: bool) -> step_up.Page | None:
    """Ask for a key, unless the filing is signed or is not what was shown: the verb says so itself."""
    if filing.signed or publication.digest(certification.form_of(g.session, filing)) != shown:
        return None
    return step_up.asked(
        Act(
            "filing.sign",
            service.subject(filing),
            shown,
            words="Sign and submit",
            about=reading.reading_of(g.session, filing).title,
            refusal=certification.signing_refusal(
                g.session,
                filing=filing,
                authority_required=authority_required,
                by=current_actor(),
                now=current_time(),
            ),
        )
    )


@bp.post("/filings/<key>/recall")
def recall(key: str) -> Response:
    """Take it back from certification."""
    filing = service.load(g.session, key, by=current_actor(), for_update=True)
    certification.recall(g.session, filing=filing, by=current_actor(), now=current_time())
    return redirect(url_for("filings.certify", key=key), 303)


@bp.get("/filings/<key>/receipt")
def receipt(key: str) -> str:
    """What was submitted when, and how to prove it."""
    filing = service.load(g.session, key, by=current_actor())
    entry = certification.entry_of(g.session, filing)
    return render_template(
        "filing/receipt.html",
        reading=reading.reading_of(g.session, filing),
        entry=entry,
        proof_follows=receipts.proof_follows(g.session, entry),
        later=receipt_files.later(g.session, entry),
        key=key,
    )


@bp.get(f"/filings/<key>/receipt.<{receipt_files.FORM}>")
def receipt_file(key: str, form: str) -> Response:
    """The receipt as a file: to verify offline, to read, or for other tools."""
    filing = service.load(g.session, key, by=current_actor())
    return receipt_files.answer(certification.entry_of(g.session, filing), form)


@bp.get("/filings/<key>/copy.pdf")
@writes
def copy_file(key: str) -> Response:
    """The signed copy of record of an accepted filing."""
    filing = service.load(g.session, key, by=current_actor())
    return receipt_files.copy_file(service.subject(filing))


@bp.get("/filings/<key>/entries/<uuid:entry_id>")
def entry(key: str, entry_id: uuid.UUID) -> str:
    """One ledger entry about the filing, with its proof."""
    filing = service.load(g.session, key, by=current_actor())
    found = placement.find(g.session, service.subject(filing), reading.ENTRIES, entry_id)
    return entries.page(
        g.session,
        found,
        what=reading.ENTRIES[found.type],
        path=[
            ("Filings", url_for("filings.index")),
            (str(filing.reference), url_for("filings.show", key=filing.reference)),
        ],
        receipt=url_for("signing.entry_receipt", key=filing.reference, entry_id=found.id),
    )


@bp.get("/filings/<key>/entries/<uuid:entry_id>/receipt.json")
def entry_receipt(key: str, entry_id: uuid.UUID) -> Response:
    """The receipt of that entry."""
    filing = service.load(g.session, key, by=current_actor())
    found = placement.find(g.session, service.subject(filing), reading.ENTRIES, entry_id)
    return entries.receipt_file(g.session, found)


@bp.get("/filings/<key>/filing.json")
def filing_file(key: str) -> Response:
    """The very object that was signed: its canonical JSON has the digest on the receipt."""
    filing = service.load(g.session, key, by=current_actor())
    form = certification.form_of(g.session, filing)
    response = FlaskResponse(canonical.encode(form), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{filing.reference or "draft"}.json"'
    return response


@bp.post("/filings/<key>/withdraw")
def withdraw(key: str) -> Response:
    """Withdraw a submitted filing."""
    filing = service.load(g.session, key, by=current_actor(), for_update=True)
    certification.withdraw(
        g.session,
        filing=filing,
        reason=request.form.get("reason", ""),
        by=current_actor(),
        now=current_time(),
    )
    flash("Withdrawn. The filing stays readable, marked as withdrawn, with your reason.")
    return redirect(url_for("filings.show", key=key), 303)


@bp.post("/filings/<key>/amend")
def amend(key: str) -> Response:
    """Begin an amendment."""
    filing = service.load(g.session, key, by=current_actor())
    draft = certification.amend(g.session, filing=filing, by=current_actor(), now=current_time())
    flash(
        f"This draft takes the place of {filing.reference} once it is submitted. Until then that one stands."
    )
    first = publication.sections(draft)[0].key
    return redirect(url_for("filings.edit", key=draft.id, section=first), 303)
