"""The ledger's page: the signed checkpoint, the policy, the verifier, and a check as a convenience."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, g, render_template, request, url_for

from portal.register import finding, growth, log_state, publications, words
from portal.register.tile_views import NEWEST, lasting, named
from portal.register.views import attached
from portal.ui import entries
from portal.web import current_time, current_witnesses, current_zone, origin, shared, uploads
from secure_access.ledger import (
    Log,
    log_keys,
    mirror,
    receipts,
    succession,
    timestamps,
    witnesses,
)
from secure_access.workflow import NotFound

LARGEST_RECEIPT = 128 * 1024

ledger = Blueprint("ledger", __name__, template_folder="templates")


@ledger.get("/ledger")
def show() -> str:
    """The newest checkpoint, who witnesses it, and what was published when."""
    wired = current_zone().wired
    return render_template(
        "ledger/ledger.html",
        state=log_state.state(g.session, wired.settings.witnesses, current_time()),
        origin=wired.log_keys.name,
        prefix=log_keys.prefix(wired.log_keys.name),
        endings=succession.endings(g.session),
        rows=growth.months(g.session),
        stamp=timestamps.newest_stamp(g.session),
        growth=growth,
        published=publications.months(g.session),
        publications=publications,
        certificates=current_zone().wired.document_certificates,
        **_addresses(),
    )


@ledger.get("/ledger/find")
def find() -> str:
    """The public page and the entry of a reference. Not public answers as not existing."""
    reference = request.args.get("reference", "").strip()[:40]
    made = finding.found(g.session, reference, on=current_time().date())
    keys, wanted = current_zone().wired.log_keys, current_witnesses()
    return render_template(
        "ledger/find.html",
        reference=reference,
        found=made,
        url=finding.url(made) if made else "",
        proof=finding.proof_of(g.session, made, keys, wanted) if made else None,
    )


@ledger.get("/ledger/checkpoint")
@ledger.get("/ledger/<int(min=2):generation>/checkpoint")
@shared
def checkpoint(generation: int = 1) -> Response:
    """The newest signed head of the public log, as C2SP tlog-checkpoint."""
    newest = mirror.newest_of(g.session, named(generation))
    if newest is None:
        raise NotFound
    return lasting(witnesses.whole(g.session, newest).encode(), "text/plain; charset=utf-8", NEWEST)


@ledger.get("/ledger/proof/<int:index>")
def proof(index: int) -> str:
    """An entry for everybody, with its proof."""
    found = mirror.public_entry(g.session, index)
    return entries.page(
        g.session,
        found,
        what=words.event(found.type, found.fields),
        path=[("Register", url_for("register.overview")), ("Ledger", url_for("ledger.show"))],
        receipt=url_for("ledger.proof_receipt", index=index),
    )


@ledger.get("/ledger/proof/<int:index>/receipt.json")
def proof_receipt(index: int) -> Response:
    """The receipt of that entry."""
    return entries.receipt_file(g.session, mirror.public_entry(g.session, index))


@ledger.get("/ledger/policy")
def policy() -> Response:
    """The policy file of this log, C2SP tlog-policy. Whoever can gets it from elsewhere."""
    return attached(_policy(), "policy.txt", "text/plain")


@ledger.get("/ledger/document-certificates.pem")
def certificates() -> Response:
    """The certificates under which copies of record are signed. Whoever can gets them from elsewhere."""
    found = current_zone().wired.document_certificates
    if not found:
        raise NotFound
    return attached(found, "document-certificates.pem", "application/x-pem-file")


@ledger.get("/ledger/verify_receipt.py")
def verifier() -> Response:
    """The verifier: one file, readable in an evening."""
    return _program(mirror.RECEIPT_VERIFIER)


@ledger.get("/ledger/verify_log.py")
def log_verifier() -> Response:
    """The verifier of the log itself, beside it."""
    return _program(mirror.LOG_VERIFIER)


def _program(file: Path) -> Response:
    return attached(file.read_text(encoding="utf-8"), file.name, "text/x-python")


@ledger.get("/ledger/check")
def check() -> str:
    """Ask for a receipt."""
    return _check_page("")


@ledger.post("/ledger/check")
def check_receipt() -> str | tuple[str, int]:
    """Say what the verifier says of a receipt. Nothing of it is kept."""
    pasted = request.form.get("receipt", "")
    text = pasted.encode() or _uploaded()
    if not text.strip():
        return _check_page(pasted, problem="Paste a receipt, or choose its file of at most 128 KiB."), 422
    try:
        outcome = receipts.verify(text, receipts.Policy.parse(_policy()))
    except (receipts.BadInput, ValueError) as wrong:
        return _check_page(pasted, problem=f"This cannot be read as a receipt: {wrong}."), 422
    return _check_page(pasted, outcome=outcome)


def _check_page(pasted: str, *, problem: str = "", outcome: receipts.Outcome | None = None) -> str:
    return render_template(
        "ledger/check.html", pasted=pasted, problem=problem, outcome=outcome, **_addresses()
    )


def _uploaded() -> bytes:
    """The bytes of the chosen file; it is discarded with the request. Empty for none, or one too large."""
    for upload in uploads("file"):
        if upload.stored is not None and upload.stored.size <= LARGEST_RECEIPT:
            vault = current_zone().wired.vault
            return b"".join(vault.chunks(upload.stored, context=f"document|{upload.document_id}|1"))
    return b""


def _policy() -> str:
    wired = current_zone().wired
    known = succession.known_to_others(g.session)
    return receipts.policy_text(wired.log_keys.trusted_of(Log.PUBLIC, known), wired.settings.witnesses)


def _addresses() -> dict[str, str]:
    return {"here": origin(current_zone().wired.settings, "public"), "policy": _policy()}
