"""Pages of the registry, in the developer's zone."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.filing import registration
from portal.filing.registry import Channel, Coverage, Model, ModelVersion
from portal.filing.registry_forms import CHANNELS, FiguresForm, VersionForm
from portal.law import compute, statute
from portal.law.facts import Facts, LawError
from portal.law.money import Money
from portal.web import current_actor, current_time
from secure_access.workflow import Denied

bp = Blueprint("registry", __name__, template_folder="templates")

Page = str | Response | tuple[str, int]

_COMPUTE_FIELDS = frozenset(
    {"training_flop", "planned_training_flop", "parameters", "active_parameters", "tokens", "epochs"}
    | {"base_model_flop", "fine_tuning_flop"}
)
OUTCOMES = {
    "yes": ("good", "Yes"),
    "no": ("neutral", "No"),
    "maybe": ("warn", "Maybe"),
    "unknown": ("warn", "Not known"),
    "not_in_force": ("neutral", "Not in force"),
}


@bp.get("/models")
def models() -> str:
    """What is registered, and the figures."""
    by = current_actor()
    return render_template(
        "registry/models.html",
        models=registration.models_of(g.session, by.organisation_id),
        figures=registration.figures_of(g.session, by.organisation_id),
        channel=channel_words,
        money=minor,
    )


@bp.route("/models/new", methods=["GET", "POST"])
def register() -> Page:
    """Register a model version."""
    known = _known_model()
    form = VersionForm(request.form, data={"model_name": known.name} if known else None)
    if request.method == "GET":
        return _version_page(form, known=known)
    if request.form.get("do") == "show":
        form.validate()
        return _version_page(form, known=known)
    version = _saved(form, known)
    if version is None:
        return _version_page(form, known=known), 422
    flash(f"{registration.full_name(g.session, version)} is registered. See which laws would cover it.")
    return redirect(url_for("registry.coverage", version_id=version.id), 303)


@bp.route("/models/versions/<uuid:version_id>/correct", methods=["GET", "POST"])
def correct(version_id: Any) -> Page:
    """Correct a registered version."""
    version = registration.load_version(g.session, version_id, by=current_actor())
    model = registration.load_model(g.session, version.model_id, by=current_actor())
    if request.method == "GET":
        return _version_page(VersionForm.of(model.name, version), version=version, known=model)
    form = VersionForm(request.form)
    if request.form.get("do") == "show":
        form.validate()
        return _version_page(form, version=version, known=model)
    if _saved(form, model, version) is None:
        return _version_page(form, version=version, known=model), 422
    flash("Corrected. Earlier coverage results keep the facts they used; ask again for a new one.")
    return redirect(url_for("registry.coverage", version_id=version.id), 303)


@bp.route("/figures/new", methods=["GET", "POST"])
def figures() -> Page:
    """State the organisation's figures of one period."""
    by = current_actor()
    form = FiguresForm(request.form, data={"entity": by.organisation_name})
    if request.method == "GET":
        return render_template("registry/figures.html", form=form)
    if form.validate():
        try:
            registration.state_figures(g.session, new=form.new_figures(), by=by, now=current_time())
        except Denied as denied:
            form.refuse("period_start", denied.reason)
        except LawError as wrong:
            form.refuse("gross_revenue", str(wrong))
        else:
            flash("The figures are kept, with their source. Coverage results use them from now on.")
            return redirect(url_for("registry.models"), 303)
    return render_template("registry/figures.html", form=form), 422


@bp.get("/models/versions/<uuid:version_id>/coverage")
def coverage(version_id: Any) -> str:
    """Which regimes would cover a version, and why."""
    version = registration.load_version(g.session, version_id, by=current_actor())
    results = registration.coverages_of(g.session, version.id)
    chosen = next((row for row in results if str(row.id) == request.args.get("result")), None)
    shown = chosen or next(iter(results), None)
    return render_template(
        "registry/coverage.html",
        version=version,
        name=registration.full_name(g.session, version),
        arithmetic=arithmetic(version.compute),
        result=shown,
        regimes=_regimes(shown),
        results=results,
        outcome=OUTCOMES,
        changed=shown is not None and _changed(version, shown),
    )


@bp.post("/models/versions/<uuid:version_id>/coverage")
def assess(version_id: Any) -> Page:
    """Ask the law again, with what is stated now."""
    version = registration.load_version(g.session, version_id, by=current_actor())
    registration.assess_coverage(g.session, version=version, by=current_actor(), now=current_time())
    return redirect(url_for("registry.coverage", version_id=version.id), 303)


def _known_model() -> Model | None:
    model_id = request.values.get("model")
    if not model_id:
        return None
    return registration.load_model(g.session, registration.as_id(model_id), by=current_actor())


def _saved(
    form: VersionForm, known: Model | None, version: ModelVersion | None = None
) -> ModelVersion | None:
    """Register or correct, or put what is wrong at its field."""
    if not form.validate():
        return None
    new = form.new_version(version)
    by, now = current_actor(), current_time()
    try:
        if version is not None:
            return registration.revise(g.session, version=version, new=new, by=by, now=now)
        if known is not None:
            new = registration.NewVersion(**{**vars(new), "model_id": known.id})
        return registration.register(g.session, new=new, by=by, now=now)
    except LawError as wrong:
        form.refuse(_field_of(getattr(wrong, "path", "")), str(wrong))
        return None


def _field_of(path: str) -> str:
    """The form field behind a path of the facts, such as ``model.chips[0].utilisation``."""
    last = path.rpartition(".")[2]
    if "chips" in path:
        return {"count": "chip_count", "hours": "chip_hours", "utilisation": "chip_utilisation"}.get(
            last, "chip_name"
        )
    return last if last in _COMPUTE_FIELDS else "training_flop"


def _version_page(
    form: VersionForm, *, version: ModelVersion | None = None, known: Model | None = None
) -> str:
    stated = (
        {} if any(form[name].errors for name in ("training_flop", "parameters", "tokens")) else form.compute()
    )
    return render_template(
        "registry/version.html", form=form, version=version, known=known, arithmetic=arithmetic(stated)
    )


def arithmetic(stated: dict[str, Any]) -> tuple[list[str], str]:
    """The lines that lead to training compute, and what is wrong with the facts where they cannot be read."""
    try:
        found = compute.read(Facts(stated, "model", compute.MODEL_KEYS))
    except LawError as wrong:
        return [], str(wrong)
    return [str(line) for estimate in found.estimates for line in estimate.working], ""


def _regimes(result: Coverage | None) -> list[dict[str, Any]]:
    """The answers of a result as the page shows them, each with where what is missing can be given."""
    if result is None:
        return []
    return [
        {
            **answer,
            "id": name,
            "short": statute.load(name).short,
            "missing": [missing_words(path) for path in answer.get("missing", [])],
        }
        for name, answer in result.result["regimes"].items()
    ]


def missing_words(path: str) -> dict[str, str]:
    """What a missing fact is called on screen, and the form where it can be given."""
    key = path.partition(":")[0]
    plain = {
        "model.training_flop": "training compute",
        "model.designated": "whether an authority has designated the model",
        "model.placed_on_market": "where the model is available",
        "organisation.operates_in": "where the model is available",
        "organisation.gross_revenue": "gross revenue",
        "organisation.ai_revenue": "revenue from AI",
        "organisation.ai_rd": "spending on AI research and development",
    }
    words = next((say for start, say in plain.items() if key.startswith(start)), key)
    if key.endswith("with_affiliates"):
        words += ", with affiliates"
    elif ".rate" in key:
        words += ": a rate of exchange"
    elif ": " in path:
        words += f", {path.partition(': ')[2]}"
    return {"words": words, "at": "model" if key.startswith("model") or "operates_in" in key else "figures"}


def _changed(version: ModelVersion, shown: Coverage) -> bool:
    """Whether the facts stated now differ from those of a result."""
    stated = registration.figures_of(g.session, version.developer_id)
    return registration.coverage_facts(version, stated, on=shown.assessed_at.date()) != shown.facts


def channel_words(names: list[str]) -> str:
    """Deployment channels in words."""
    return ", ".join(CHANNELS[Channel(name)] for name in names) or "None yet"


def minor(units: int | None, currency: str) -> Money | None:
    """Money from a column pair, for the filter ``money``."""
    return None if units is None else Money.from_minor(units, currency)
