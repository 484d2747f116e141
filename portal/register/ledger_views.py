"""The ledger's page: the signed checkpoint, the policy, the verifier, and a check as a convenience."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, g, render_template, request

from portal.register import growth
from portal.register.views import attached
from portal.web import current_zone, origin, uploads
from secure_access.ledger import Log, receipts, sequencer, timestamps, verify_receipt, witnesses
from secure_access.workflow import NotFound

LARGEST_RECEIPT = 128 * 1024
VERIFIER = Path(verify_receipt.__file__)

ledger = Blueprint("ledger", __name__, template_folder="templates")


@ledger.get("/ledger")
def show() -> str:
    """Size, origin, when it was signed, and that no witness has."""
    rows = growth.months(g.session)
    return render_template(
        "ledger/ledger.html",
        checkpoint=sequencer.latest(g.session, Log.PUBLIC),
        origin=current_zone().wired.log_keys.name,
        stamp=timestamps.newest_stamp(g.session),
        rows=rows,
        growth=growth,
        **_addresses(),
    )


@ledger.get("/ledger/checkpoint")
def checkpoint() -> Response:
    """The newest signed head of the public log, as C2SP tlog-checkpoint."""
    newest = sequencer.latest(g.session, Log.PUBLIC)
    if newest is None:
        raise NotFound
    return Response(witnesses.whole(g.session, newest), content_type="text/plain; charset=utf-8")


@ledger.get("/ledger/policy")
def policy() -> Response:
    """The policy file of this log, C2SP tlog-policy. Whoever can gets it from elsewhere."""
    return attached(_policy(), "policy.txt", "text/plain")


@ledger.get("/ledger/verify_receipt.py")
def verifier() -> Response:
    """The verifier: one file, readable in an evening."""
    return attached(VERIFIER.read_text(encoding="utf-8"), "verify_receipt.py", "text/x-python")


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
    return receipts.policy_text(wired.log_keys.ever_of(Log.PUBLIC), wired.settings.witnesses)


def _addresses() -> dict[str, str]:
    return {"here": origin(current_zone().wired.settings, "public"), "policy": _policy()}
