"""Verbs of the registry: models, versions, figures, and what the law says about them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import func

from portal.filing import events  # noqa: F401 - declares what is recorded here
from portal.filing.registry import Coverage, Figures, Model, ModelVersion
from portal.filing.visibility import MODEL_VERSIONS, READERS
from portal.filing.workflow import FILERS
from portal.law import compute, coverage
from portal.law.facts import Facts
from portal.law.money import Money, plain
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Actor, OrganisationKind
from secure_access.workflow import Denied, NotFound, Role

Span = tuple[date, date]
"""First and last day of a period."""

OWN_ROLES = frozenset({Role.PREPARER, Role.CERTIFYING_OFFICER})
DEVELOPER_ROLES = FILERS
"""Who files for a developer: its own people, and agents to whom drafting is delegated."""
REPORTING_ROLES = OWN_ROLES | {Role.REPORTING_AGENT}
"""Who reads whatever was submitted. Enforcement reads in an open case: `portal.enforcement.case_views`."""


@dataclass(frozen=True)
class NewVersion:
    """A model version as a developer registers it.

    ``compute`` holds keys of `portal.law.compute.MODEL_KEYS`, numbers as decimal strings; ``model_id`` is
    ``None`` for the first version of a new model.
    """

    model_name: str
    name: str
    snapshot: str
    compute: Mapping[str, Any]
    channels: Sequence[str]
    planned_release: date | None = None
    model_id: uuid.UUID | None = None


@dataclass(frozen=True)
class NewFigures:
    """Figures of one period. Amounts are exact decimals of ``currency``; ``None`` is not stated."""

    entity: str
    period_start: date
    period_end: date
    currency: str
    source: str
    gross_revenue: Decimal | None = None
    ai_revenue: Decimal | None = None
    ai_rd: Decimal | None = None
    with_affiliates: bool | None = None
    sample_of: str = ""


def register(session: Session, *, new: NewVersion, by: Actor, now: datetime) -> ModelVersion:
    """Register a model version, and its model where it is new.

    Raises `Denied` for an actor who does not file for a developer, `NotFound` for somebody else's model, and
    `portal.law.facts.FactError` for compute that cannot be read.
    """
    _files_for_developer(by)
    compute.read(Facts(new.compute, "model", compute.MODEL_KEYS))
    model, is_new = _model(session, new, by, now)
    version = ModelVersion(
        model_id=model.id,
        developer_id=by.organisation_id,
        name=new.name,
        snapshot=new.snapshot,
        compute=dict(new.compute),
        channels=list(new.channels),
        planned_release=new.planned_release,
        registered_by=by.person_id,
        registered_at=now,
    )
    session.add(version)
    session.flush()
    ledger.append(
        session,
        "model.registered",
        {"model": str(model.id), "version": str(version.id), "snapshot": version.snapshot},
        by=by,
        now=now,
        about=(developer_subject(by.organisation_id), f"model:{model.id}", version_subject(version.id)),
        records=(model, version) if is_new else (version,),
    )
    return version


def _model(session: Session, new: NewVersion, by: Actor, now: datetime) -> tuple[Model, bool]:
    """The model of a version, and whether it is new: a name that is known already names the same model."""
    if new.model_id is not None:
        return load_model(session, new.model_id, by=by), False
    name = " ".join(new.model_name.split())
    known = select(Model).where(
        Model.developer_id == by.organisation_id, func.lower(col(Model.name)) == name.lower()
    )
    found = session.exec(known).first()
    if found is not None:
        return found, False
    model = Model(developer_id=by.organisation_id, name=name, registered_by=by.person_id, registered_at=now)
    session.add(model)
    session.flush()
    return model, True


def revise(
    session: Session, *, version: ModelVersion, new: NewVersion, by: Actor, now: datetime
) -> ModelVersion:
    """Correct what a version was registered with. Each coverage result keeps the facts that it used.

    Raises as `register` does.
    """
    _files_for_developer(by)
    if version.developer_id != by.organisation_id:
        raise NotFound
    compute.read(Facts(new.compute, "model", compute.MODEL_KEYS))
    version.name, version.snapshot = new.name, new.snapshot
    version.compute, version.channels = dict(new.compute), list(new.channels)
    version.planned_release = new.planned_release
    session.add(version)
    ledger.append(
        session,
        "model.revised",
        {"version": str(version.id), "snapshot": version.snapshot},
        by=by,
        now=now,
        about=(developer_subject(version.developer_id), version_subject(version.id)),
        records=(version,),
    )
    return version


def state_figures(session: Session, *, new: NewFigures, by: Actor, now: datetime) -> Figures:
    """Keep figures of one period, with their source. Earlier rows stay: a correction is a new row.

    Raises `Denied` for a period that ends before it starts, and `portal.law.money.NotWhole` for an amount
    with more digits than its currency has.
    """
    _files_for_developer(by)
    if new.period_end < new.period_start:
        raise Denied("The period ends before it starts.", "Check the two dates.")
    figures = Figures(
        developer_id=by.organisation_id,
        entity=new.entity,
        period_start=new.period_start,
        period_end=new.period_end,
        currency=new.currency,
        gross_revenue_minor=_minor(new.gross_revenue, new.currency),
        ai_revenue_minor=_minor(new.ai_revenue, new.currency),
        ai_rd_minor=_minor(new.ai_rd, new.currency),
        with_affiliates=new.with_affiliates,
        source=new.source,
        sample_of=new.sample_of,
        stated_by=by.person_id,
        stated_at=now,
    )
    session.add(figures)
    session.flush()
    ledger.append(
        session,
        "figures.stated",
        {
            "period_start": new.period_start.isoformat(),
            "period_end": new.period_end.isoformat(),
            "currency": new.currency,
            "source_given": bool(new.source),
        },
        by=by,
        now=now,
        about=(developer_subject(by.organisation_id),),
        records=(figures,),
    )
    return figures


def assess_coverage(session: Session, *, version: ModelVersion, by: Actor, now: datetime) -> Coverage:
    """Ask the law which regimes would cover a version with the figures stated so far, and keep the answer.

    Raises `NotFound` for somebody else's version.
    """
    _files_for_developer(by)
    if version.developer_id != by.organisation_id:
        raise NotFound
    facts = coverage_facts(version, figures_of(session, version.developer_id), on=now.date())
    result = without_null(coverage.assess(facts).as_json())
    row = Coverage(
        developer_id=version.developer_id,
        model_version_id=version.id,
        facts=facts,
        result=result,
        assessed_by=by.person_id,
        assessed_at=now,
    )
    session.add(row)
    session.flush()
    ledger.append(
        session,
        "coverage.assessed",
        {
            "coverage": str(row.id),
            "on": result["on"],
            "answers": {name: answer["covered"] for name, answer in result["regimes"].items()},
        },
        by=by,
        now=now,
        about=(developer_subject(version.developer_id), version_subject(version.id)),
        records=(row,),
    )
    return row


def coverage_facts(version: ModelVersion, figures: Sequence[Figures], *, on: date) -> dict[str, Any]:
    """The facts of a coverage result, in the published form. Pure.

    For each figure the preceding calendar year counts where it is stated, whole or in adjoining parts;
    else the latest period that has ended. Of several rows of one period the last one stated counts.
    """
    return {
        "on": on.isoformat(),
        "model": dict(version.compute),
        "organisation": _organisation(figures, on),
    }


def _organisation(figures: Sequence[Figures], on: date) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, column in _AMOUNTS.items():
        stated = {
            (row.period_start, row.period_end): _amount(row, column)
            for row in figures
            if getattr(row, column) is not None and row.period_end < on
        }
        spans = _calendar_year(sorted(stated), on.year - 1) or sorted(stated, key=lambda span: span[1])[-1:]
        amounts = [stated[span] for span in spans]
        if amounts:
            found[key] = amounts[0] if len(amounts) == 1 else amounts
    return found


def _calendar_year(spans: Sequence[Span], year: int) -> list[Span]:
    """The whole year where it is one of the periods, else the periods that make it up, or none."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    if (first, last) in spans:
        return [(first, last)]
    inside = [span for span in spans if span[0] >= first and span[1] <= last]
    adjoins = all(after[0] - before[1] == timedelta(days=1) for before, after in pairwise(inside))
    covers = bool(inside) and (inside[0][0], inside[-1][1]) == (first, last)
    return inside if covers and adjoins else []


_AMOUNTS = {
    "gross_revenue": "gross_revenue_minor",
    "ai_revenue": "ai_revenue_minor",
    "ai_rd": "ai_rd_minor",
}


def _amount(row: Figures, column: str) -> dict[str, Any]:
    amount = {
        "amount": plain(Money.from_minor(getattr(row, column), row.currency).amount),
        "currency": row.currency,
        "period_start": row.period_start.isoformat(),
        "period_end": row.period_end.isoformat(),
    }
    return amount if row.with_affiliates is None else {**amount, "with_affiliates": row.with_affiliates}


def models_of(session: Session, developer_id: uuid.UUID) -> list[tuple[Model, list[ModelVersion]]]:
    """The models of a developer by name, each with its versions, latest first."""
    versions: dict[uuid.UUID, list[ModelVersion]] = {}
    query = select(ModelVersion).where(ModelVersion.developer_id == developer_id)
    for version in session.exec(query.order_by(col(ModelVersion.registered_at).desc())):
        versions.setdefault(version.model_id, []).append(version)
    models = session.exec(select(Model).where(Model.developer_id == developer_id).order_by(Model.name))
    return [(model, versions.get(model.id, [])) for model in models]


def figures_of(session: Session, developer_id: uuid.UUID) -> list[Figures]:
    """The figures that a developer stated, in the order in which it stated them."""
    query = select(Figures).where(Figures.developer_id == developer_id).order_by(col(Figures.stated_at))
    return list(session.exec(query))


def coverages_of(session: Session, version_id: uuid.UUID) -> list[Coverage]:
    """The coverage results of a version, latest first."""
    query = select(Coverage).where(Coverage.model_version_id == version_id)
    return list(session.exec(query.order_by(col(Coverage.assessed_at).desc())))


def load_model(session: Session, model_id: uuid.UUID, *, by: Actor) -> Model:
    """A model of the actor's own organisation. Raises `NotFound`."""
    model = session.get(Model, model_id)
    if model is None or model.developer_id != by.organisation_id:
        raise NotFound
    return model


def load_version(session: Session, version_id: uuid.UUID | str, *, by: Actor) -> ModelVersion:
    """A version of the actor's own organisation, or any for officials who read filings. Raises `NotFound`."""
    return MODEL_VERSIONS.find(session, by, col(ModelVersion.id) == as_id(version_id))


def full_name(session: Session, version: ModelVersion | None) -> str:
    """Model and version in one name: ``Corvane 4``; a version named like its model is not said twice."""
    if version is None:
        return "all models"
    return version_name(session.get_one(Model, version.model_id), version)


def version_name(model: Model, version: ModelVersion) -> str:
    """Model and version in one name."""
    return version.name if version.name.startswith(model.name) else f"{model.name} {version.name}"


def reads_filings(by: Actor, developer_id: uuid.UUID) -> bool:
    """Whether an official's role reads what a developer has submitted, and no conflict keeps them apart."""
    official = by.organisation_kind == OrganisationKind.REGULATOR and bool(by.roles & READERS)
    return official and developer_id not in by.conflicts


def developer_subject(organisation_id: uuid.UUID) -> str:
    """How the ledger names a developer."""
    return f"developer:{organisation_id}"


def version_subject(version_id: uuid.UUID) -> str:
    """How the ledger names a model version."""
    return f"model_version:{version_id}"


def as_id(value: uuid.UUID | str) -> uuid.UUID:
    """An identifier from an address. Raises `NotFound` for anything else."""
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except ValueError:
        raise NotFound from None


def without_null(value: Any) -> Any:
    """JSON without absent members: the canonical form has no null."""
    if isinstance(value, Mapping):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    return [without_null(item) for item in value] if isinstance(value, list | tuple) else value


def _minor(amount: Decimal | None, currency: str) -> int | None:
    return None if amount is None else Money(amount, currency).to_minor()


def _files_for_developer(by: Actor) -> None:
    if by.organisation_kind != OrganisationKind.DEVELOPER or not by.roles & DEVELOPER_ROLES:
        raise Denied(
            "Only a preparer or a certifying officer of a developer can do this.", "Ask one of them."
        )
