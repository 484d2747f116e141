"""Pages of the public register. Every read goes through `portal.register.published`."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from portal.enforcement.notices import penalties_public
from portal.enforcement.tables import Notice
from portal.filing import receipt_files
from portal.register import finding, published, words
from portal.register.proof import Proof, ProofState, prove, public_entries
from portal.review import decisions as review_decisions
from portal.review.public import PublicDecision, decision_public, decisions_public, wording_public
from portal.review.tables import Decision
from portal.web import current_time, current_witnesses, current_zone
from secure_access import documents
from secure_access.db import Table, select
from secure_access.ledger import LedgerEntry, Log, placement, receipts, sequencer
from secure_access.workflow import NotFound

register = Blueprint("register", __name__, template_folder="templates")
decisions = Blueprint("decisions", __name__, template_folder="templates")
models = Blueprint("models", __name__, template_folder="templates")
developers = Blueprint("developers", __name__, template_folder="templates")
evaluators = Blueprint("evaluators", __name__, template_folder="templates")
penalties = Blueprint("penalties", __name__, template_folder="templates")


@register.get("/register")
def overview() -> str:
    """What there is to read, and the newest decisions."""
    on = current_time().date()
    counts = {
        "decisions": len(decisions_public(g.session)),
        "models": len(published.versions(g.session)),
        "filings": len(published.filings(g.session)),
        "developers": len(published.developers(g.session)),
        "evaluators": len({made.evaluator for made in published.every_accreditation(g.session, on=on)}),
        "assessments": len(published.assessments(g.session)),
        "penalties": len(penalties_public(g.session)),
    }
    newest = [(made, words.standing(made, on)) for made in decisions_public(g.session)[:5]]
    checkpoint = sequencer.latest(g.session, Log.PUBLIC)
    return render_template("register/overview.html", counts=counts, newest=newest, checkpoint=checkpoint)


@register.get("/register/find")
def find() -> str | BaseResponse:
    """Lead to what is published under a reference. Not published answers like not existing."""
    reference = request.args.get("reference", "").strip()[:40]
    address = _address(reference) if reference else ""
    return redirect(address, 303) if address else render_template("register/find.html", reference=reference)


@decisions.get("/register/decisions")
def every_decision() -> str:
    """Decisions taken, newest first."""
    on = current_time().date()
    made = [(decision, words.standing(decision, on)) for decision in decisions_public(g.session)]
    return render_template("register/decisions.html", decisions=made)


@decisions.get("/register/decisions/<reference>")
def decision(reference: str) -> str:
    """One decision, with the proof that it is what was recorded."""
    made = decision_public(g.session, reference)
    history = [
        (entry, words.EVENTS[entry.type].format(**entry.fields))
        for entry in public_entries(g.session, f"decision:{made.id}")
        if entry.type in words.EVENTS
    ]
    return render_template(
        "register/decision.html",
        decision=made,
        words=words,
        standing=words.standing(made, current_time().date()),
        relied=[(item, _address(item["reference"])) for item in made.evidence],
        history=history,
        signed=placement.signed(g.session),
        proof=_proof_of(made),
        copy=documents.copies.of_subject(g.session, f"decision:{made.id}"),
        today=current_time(),
    )


@decisions.get("/register/decisions/<reference>/receipt")
def decision_receipt(reference: str) -> Response:
    """The receipt of the entry alone by which the decision was taken: what anybody verifies offline."""
    made = decision_public(g.session, reference)
    text = receipts.receipt_text(g.session, _taken(made), current_witnesses())
    return attached(text, f"{reference}-receipt.json", "application/json")


@decisions.get(f"/register/decisions/<reference>/receipt.<{receipt_files.FORM}>")
def decision_receipt_file(reference: str, form: str) -> Response:
    """The receipt with its manifest and what followed, to verify, to read, or for other tools."""
    made = decision_public(g.session, reference)
    return receipt_files.answer(_taken(made), form)


@decisions.get("/register/decisions/<reference>/copy.pdf")
def decision_copy(reference: str) -> Response:
    """The signed copy of record."""
    found = documents.copies.of_subject(g.session, f"decision:{decision_public(g.session, reference).id}")
    if found is None or found.published is None:
        raise NotFound
    response = Response(found.published, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.reference}.pdf"'
    return response


@decisions.get("/register/decisions/<reference>/wording")
def decision_wording(reference: str) -> Response:
    """The words of a decision; their SHA-256 is the `wording` of its entry."""
    text = wording_public(g.session, reference).decode()
    return attached(text, f"{reference}-wording.json", "application/json")


@models.get("/register/models")
def every_model() -> str:
    """Model versions of which something is published."""
    return render_template("register/models.html", versions=published.versions(g.session))


@models.get("/register/models/<uuid:version_id>")
def model(version_id: uuid.UUID) -> str:
    """One model version: channels, training compute as stated, what is published of it."""
    found = published.version(g.session, version_id)
    return render_template(
        "register/model.html",
        version=found,
        filings=[f for f in published.filings(g.session) if f.version_id == version_id],
        decisions=published.decisions_of(g.session, developer=found.developer, model=found.name),
        assessments=[a for a in published.assessments(g.session) if a.version_id == version_id],
    )


@models.get("/register/filings")
def every_filing() -> str:
    """Accepted filings, newest first."""
    return render_template("register/filings.html", filings=published.filings(g.session))


@models.get("/register/filings/<reference>")
def filing(reference: str) -> str:
    """A filing as published; what is withheld is named, with its ground."""
    found, content, row = published.filing(g.session, reference)
    sections: dict[str, list[dict[str, str]]] = {}
    for answer in content["answers"]:
        sections.setdefault(answer["section"], []).append(answer)
    return render_template(
        "register/filing.html",
        filing=found,
        content=content,
        sections=sections.items(),
        proof=_prove(row, f"filing:{row.id}"),
    )


@developers.get("/register/developers")
def every_developer() -> str:
    """Developers of whom something is published."""
    return render_template("register/developers.html", developers=published.developers(g.session))


@developers.get("/register/developers/<uuid:developer_id>")
def developer(developer_id: uuid.UUID) -> str:
    """Everything that is published of one developer."""
    found = published.developer(g.session, developer_id)
    on = current_time().date()
    made = published.decisions_of(g.session, developer=found.name)
    return render_template(
        "register/developer.html",
        developer=found,
        filings=published.filings(g.session, developer_id=developer_id),
        decisions=[(decision, words.standing(decision, on)) for decision in made],
        penalties=[p for p in penalties_public(g.session) if p.developer_id == developer_id],
    )


@evaluators.get("/register/evaluators")
def every_evaluator() -> str:
    """Accreditations with their state, and the summaries of assessments."""
    return render_template(
        "register/evaluators.html",
        accreditations=published.every_accreditation(g.session, on=current_time().date()),
        assessments=published.assessments(g.session),
    )


@evaluators.get("/register/assessments/<reference>")
def assessment(reference: str) -> str:
    """The summary of an independent assessment."""
    found, row = published.assessment(g.session, reference)
    proof = _prove(row, f"assessment:{row.id}")
    return render_template(
        "register/assessment.html", assessment=found, proof=proof, report=_address(found.filing)
    )


@penalties.get("/register/penalties")
def every_penalty() -> str:
    """Sent findings and referrals, newest first. No amount that is only proposed."""
    return render_template("register/penalties.html", penalties=penalties_public(g.session))


@penalties.get("/register/penalties/<reference>")
def penalty(reference: str) -> str:
    """One penalty matter, with its state as the largest word."""
    found = published.penalty(g.session, reference)
    row = g.session.exec(select(Notice).where(Notice.reference == reference)).one()
    proof = _prove(row, f"notice:{row.id}")
    return render_template("register/penalty.html", penalty=found, proof=proof)


def attached(text: str, name: str, media_type: str) -> Response:
    """A text as a file to keep."""
    response = Response(text, content_type=f"{media_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _taken(made: PublicDecision) -> LedgerEntry:
    """The entry by which a decision was taken. Raises `NotFound` where none is for everybody."""
    taken = [e for e in public_entries(g.session, f"decision:{made.id}") if e.type == "decision.taken"]
    if not taken:
        raise NotFound
    return taken[0]


def _prove(row: Table, about: str) -> Proof:
    keys = current_zone().wired.log_keys
    return prove(g.session, row, about=about, keys=keys, wanted=current_witnesses())


def _proof_of(made: PublicDecision) -> Proof:
    """That of the decision, unless one of its conditions differs from its own entry."""
    row = g.session.get_one(Decision, made.id)
    about = f"decision:{row.id}"
    for condition in review_decisions.conditions(g.session, row):
        proof = _prove(condition, about)
        if proof.state is ProofState.DIFFERS:
            return proof
    return _prove(row, about)


def _address(reference: str) -> str:
    """Where something published under a reference is; empty for everything else."""
    made = finding.found(g.session, reference, on=current_time().date())
    return finding.url(made) if made else ""
