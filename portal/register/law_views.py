"""The law as pages for everybody: regimes, methods, tables, and the explorer, which keeps nothing."""

from __future__ import annotations

import json

from flask import Blueprint, Response, g, render_template, request

from portal.enforcement.pictures import waterfall_of
from portal.law import accelerators as chips
from portal.law import explained, risk, statute
from portal.law.explained import Explained
from portal.law.methods import UnknownMethod, methods
from portal.law.methods import load as load_method
from portal.law.penalties import Result
from portal.legal.changes import told
from portal.legal.versions import office_day
from portal.register import explorer, explorer_form, explorer_pictures, law_history, law_words
from portal.register.explorer import WhatIf
from portal.register.explorer_form import ExplorerForm
from portal.web import current_time
from secure_access.workflow import NotFound

law = Blueprint("law", __name__, template_folder="templates")


@law.get("/law")
def index() -> str:
    """Every regime with its status and how much of it is not verified; the methods and tables beside."""
    return render_template(
        "register/law/index.html",
        regimes=[explained.explain(pack) for pack in statute.regimes()],
        office=explained.explain(statute.load(statute.OFFICE)),
        methods=methods(),
        chips=len(chips.load().chips),
        sets=len(risk.taxonomies()),
        on=current_time().date(),
    )


@law.get("/law/<regime>")
def regime(regime: str) -> str:
    """One regime, or the office's own practice: values, duties, penalties, readings, history and sources."""
    if regime not in {pack.id for pack in statute.packs()}:
        raise NotFound
    found = explained.explain(statute.load(regime))
    on, known = current_time().date(), law_history.versions_of(g.session, found.pack)
    return render_template(
        "register/law/regime.html",
        found=found,
        on=on,
        short=law_words.in_short(found, on) if found.pack.coverage else (),
        authorities=explained.AUTHORITIES,
        told=told,
        method=_method_of(found),
        versions=law_history.history(known, office_day(current_time())),
    )


def _method_of(found: Explained) -> str | None:
    named = found.pack.history("penalty.method")
    return str(named[-1].value) if named else None


@law.get("/law/methods/<method>")
def method(method: str) -> str:
    """One method of reaching an amount, as its ordered steps."""
    try:
        found = load_method(method)
    except UnknownMethod:
        raise NotFound from None
    users = [pack for pack in statute.regimes() if _method_of(explained.explain(pack)) == found.id]
    return render_template(
        "register/law/method.html",
        method=found,
        steps=law_words.steps(found),
        tables=law_words.tables(found),
        users=users,
    )


@law.get("/law/accelerators")
def accelerators() -> str:
    """The peak operations of accelerators, with the source and the errors that the office allows for."""
    table = chips.load()
    held = (form for chip in table.chips.values() for form in chip.peak)
    formats = list(dict.fromkeys((*table.default, *held)))
    return render_template("register/law/accelerators.html", table=table, formats=formats)


@law.get("/law/taxonomies")
def taxonomies() -> str:
    """Risk categories with their tiers, and how the categories of the sets relate."""
    sets = risk.taxonomies()
    names = {f"{one.id}/{category.id}": category.name for one in sets for category in one.categories}
    return render_template(
        "register/law/taxonomies.html",
        sets=sets,
        names=names,
        short={one.id: one.name for one in sets},
        mappings=risk.mappings(),
        unmapped=risk.unmapped(),
    )


@law.get("/law/explorer")
def explore() -> str | tuple[str, int]:
    """What a penalty would come to for the facts of the address."""
    form, what, result = _asked()
    if what is None or result is None:
        return _page(form), 422
    beside = explorer.side_by_side(what)
    return _page(
        form,
        what=what,
        result=result,
        chart=waterfall_of(result.as_json(), result.currency),
        sensitivity=explorer_pictures.sensitivity(what),
        beside=beside,
        compared=explorer_pictures.compared(what, beside),
        unverified=explorer.unverified(result),
        open_points=explorer.open_points(result),
        office=explorer.of_the_office(result),
    )


@law.get("/law/explorer/facts.json")
def facts() -> Response | tuple[str, int]:
    """The facts of the address as a file for `assay law penalty`."""
    form, what, result = _asked()
    if what is None or result is None:
        return _page(form), 422
    text = json.dumps(what.facts(), indent=2, ensure_ascii=False)
    response = Response(f"{text}\n", content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="what-if.json"'
    return response


def _asked() -> tuple[ExplorerForm, WhatIf | None, Result | None]:
    form = explorer_form.form_of(explorer_form.answers(request.args), current_time().date())
    if not form.check():
        return form, None, None
    what = WhatIf.of(form)
    return form, what, explorer.work_out(form, what)


def _page(form: ExplorerForm, **found: object) -> str:
    return render_template(
        "register/law/explorer.html",
        form=form,
        breaches=list(explorer_form.breaches()),
        problems=form.problems(),
        **found,
    )
