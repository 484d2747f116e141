"""Verbs of a draft, and the ways to find a filing.

For other packages:

* `load(session, key, by=)` finds a filing by reference or identifier: a developer finds those of its own
  organisation, an official with a reading role those that were submitted, everybody else nothing.
* `filed(session, filing_id)` is for packages above that have decided by their own rule (an engagement) that
  somebody may read; a draft is not there for them either.
* `portal.filing.reading.reading` gives what a page shows of a submitted filing, `risk_rows` the rows for
  a comparison, `portal.filing.publication.public_version` the public twin.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from portal.filing import checks, events, people, publication, registration, risk_form  # noqa: F401
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, FilingKind
from portal.filing.visibility import FILINGS
from portal.filing.workflow import DRAFTS, FILING, FilingState
from portal.ui.formats import date_only
from secure_access import documents, identity
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Organisation, OrganisationKind, organisations
from secure_access.identity.tables import LegalEntity
from secure_access.workflow import Denied, NotFound, Role


@dataclass(frozen=True)
class Answers:
    """What one page of a form says: answers and audiences by the name of the question, as they were typed.

    An answer to a question that has a column is a date or a text, ``None`` where it was taken away.
    """

    content: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    audiences: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def start(
    session: Session, *, kind: FilingKind, version: ModelVersion | None, by: Actor, now: datetime
) -> Filing:
    """Begin a draft. Nobody outside the developer's organisation can see that it is there.

    Where the developer has one legal entity, that one files; of several one is chosen later.
    Raises `Denied` for an actor who does not file for a developer, `NotFound` for somebody else's version.
    """
    if by.organisation_kind != OrganisationKind.DEVELOPER or not by.roles & registration.DEVELOPER_ROLES:
        raise Denied("Only a preparer or a certifying officer of a developer can file.", "Ask one of them.")
    if version is not None and version.developer_id != by.organisation_id:
        raise NotFound
    entities = organisations.offered(session, by.organisation_id, on=now.date())
    filing = Filing(
        kind=kind,
        developer_id=by.organisation_id,
        entity_id=entities[0].id if len(entities) == 1 else None,
        model_version_id=version.id if version else None,
        taxonomy=risk_form.DEFAULT_TAXONOMY if kind is FilingKind.RISK_REPORT else "",
        prepared_by=by.person_id,
        authors=[str(by.person_id)],
        prepared_at=now,
        saved_at=now,
        content=_from_registry(kind, version),
    )
    session.add(filing)
    session.flush()
    return filing


def _from_registry(kind: FilingKind, version: ModelVersion | None) -> dict[str, Any]:
    """What the registry knows already need not be typed again."""
    if version is None:
        return {}
    known: dict[str, Any] = {}
    if kind is FilingKind.RELEASE_NOTIFICATION:
        known["channels"] = list(version.channels)
        known["planned_release"] = _iso(version.planned_release)
    if kind is FilingKind.SYSTEM_CARD:
        known["released_on"] = _iso(version.planned_release)
    return {name: value for name, value in known.items() if value}


def load(session: Session, key: uuid.UUID | str, *, by: Actor, for_update: bool = False) -> Filing:
    """A filing by its reference or its identifier. Raises `NotFound` for what is not there for the actor.

    ``for_update`` locks the row until the transaction ends: use it before a verb.
    """
    return FILINGS.find(session, by, _named(key), for_update=for_update)


def filed(session: Session, filing_id: uuid.UUID) -> Filing:
    """A filing that was submitted, for a package that has decided by its own rule who may read it."""
    filing = session.get(Filing, filing_id)
    if filing is None or not filing.of_record():
        raise NotFound
    return filing


def listed(session: Session, *, by: Actor) -> list[Filing]:
    """The filings of the actor's own organisation that are open to the actor, drafts first, then latest."""
    query = select(Filing).where(Filing.developer_id == by.organisation_id, FILINGS.to(by))
    found = list(session.exec(query.order_by(col(Filing.saved_at).desc())))
    return sorted(found, key=Filing.of_record)


def submitted(session: Session, *, developer_id: uuid.UUID) -> list[Filing]:
    """What a developer has submitted, latest first. Drafts are not in it, not even as a number."""
    query = (
        select(Filing)
        .where(Filing.developer_id == developer_id, col(Filing.state).not_in(DRAFTS))
        .order_by(col(Filing.submitted_at).desc())
    )
    return list(session.exec(query))


def save(session: Session, *, filing: Filing, answers: Answers, by: Actor, now: datetime) -> None:
    """Keep what one page says. Whatever was typed is kept, complete or not. Raises `Denied` by state.

    Who changes something has written in it; who only pages through has not, and may still certify it.
    """
    FILING.take("save", by, filing)
    before = _written(filing, answers)
    filing.content = {**filing.content, **answers.content}
    filing.audiences = {**filing.audiences, **{name: dict(said) for name, said in answers.audiences.items()}}
    for column, value in answers.columns.items():
        setattr(filing, column, value)
    if _written(filing, answers) != before:
        note_author(filing, by.person_id)
    filing.saved_at = now
    session.add(filing)


def _written(filing: Filing, answers: Answers) -> Any:
    """What stands where a page writes."""
    return filing.content, filing.audiences, {name: getattr(filing, name) for name in answers.columns}


def note_author(filing: Filing, person_id: uuid.UUID) -> None:
    """Keep that somebody wrote in a draft: whoever did cannot certify a kind that takes two people."""
    filing.authors = sorted({*filing.authors, str(person_id)})


def explain(
    session: Session, *, filing: Filing, key: str, reason: str, by: Actor, now: datetime
) -> checks.Check:
    """Keep the reason for a check that has to be explained, with the name of who gives it.

    Raises `NotFound` when there is no such check now, `Denied` for an empty reason.
    """
    FILING.take("save", by, filing)
    found = [check for check in checks_of(session, filing, now=now) if check.key == key]
    if not found or found[0].kind is not checks.CheckClass.EXPLAIN:
        raise NotFound
    if not reason.strip():
        raise Denied("A reason is needed.", "Write why it is as it is, in a sentence that others can judge.")
    said = checks.explanation(
        publication.answers(filing), found[0], reason=reason.strip()[:2000], name=by.name
    )
    filing.explanations = {**filing.explanations, key: said}
    note_author(filing, by.person_id)
    filing.saved_at = now
    session.add(filing)
    return found[0]


def discard(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """Throw a draft away. It was never an act, so the row goes; what hung on it is detached."""
    FILING.take("discard", by, filing)
    for item in documents.for_subject(session, subject(filing)):
        documents.detach(session, attachment=item.attachment, by=by, now=now)
    people.end_all(session, filing=filing, by=by, now=now)
    session.delete(filing)


def checks_of(session: Session, filing: Filing, *, now: datetime, certifier: str = "") -> list[checks.Check]:
    """Every check of a draft as it stands. ``certifier`` names who signs; else it is who was asked to."""
    asked = session.get(identity.Person, filing.certifier_id) if filing.certifier_id else None
    before = previous(session, filing)
    draft = checks.Draft(
        kind=filing.kind,
        sections=publication.sections(filing),
        answers=publication.answers(filing),
        audiences=filing.audiences,
        explanations=filing.explanations,
        today=now.date(),
        certifier=certifier or (asked.name if asked else ""),
        entity_named=filing.entity_id is not None,
        attachments=[
            checks.AttachmentFact(
                item.document.file_name, item.document.state, item.document.why, str(item.document.id)
            )
            for item in documents.for_subject(session, subject(filing))
        ],
        previous=before.content if before else None,
        previous_reference=(before.reference or "") if before else "",
        covered=_covered(session, filing),
    )
    return checks.run(draft)


def previous(session: Session, filing: Filing) -> Filing | None:
    """The last submitted filing of this kind and taxonomy about the same model, for what changed since."""
    version = session.get(ModelVersion, filing.model_version_id) if filing.model_version_id else None
    same = select(ModelVersion.id).where(ModelVersion.model_id == version.model_id) if version else None
    query = select(Filing).where(
        Filing.developer_id == filing.developer_id,
        Filing.kind == filing.kind,
        Filing.taxonomy == filing.taxonomy,
        Filing.id != filing.id,
        col(Filing.state).not_in((*DRAFTS, FilingState.WITHDRAWN)),
        col(Filing.model_version_id).in_(same)
        if same is not None
        else col(Filing.model_version_id).is_(None),
    )
    return session.exec(query.order_by(col(Filing.submitted_at).desc())).first()


def certifying_officers(session: Session, filing: Filing) -> list[identity.Person]:
    """Who of the developer may certify this filing: for some kinds nobody who wrote in it."""
    return [
        person
        for person in identity.people_with(
            session, Role.CERTIFYING_OFFICER, organisation_id=filing.developer_id
        )
        if not (filing.kind in TWO_PEOPLE and str(person.id) in filing.authors)
    ]


TWO_PEOPLE = (FilingKind.RISK_REPORT, FilingKind.SAFETY_FRAMEWORK)
"""Kinds that one person prepares and another certifies."""


def title(session: Session, filing: Filing) -> str:
    """What a filing is called: ``Periodic risk report: Corvane 4``."""
    version = session.get(ModelVersion, filing.model_version_id) if filing.model_version_id else None
    return f"{kind_name(filing.kind)}: {registration.full_name(session, version)}"


def notice(filing: Filing) -> str:
    """What is said of a draft to whom it is not open: kind and period, nothing of its content or title."""
    if filing.period_start is None or filing.period_end is None:
        return kind_name(filing.kind)
    return f"{kind_name(filing.kind)}, {date_only(filing.period_start)} to {date_only(filing.period_end)}"


def kind_name(kind: FilingKind | str) -> str:
    """The kind with a capital, as a heading says it."""
    if kind == FilingKind.RISK_REPORT:
        return "Periodic risk report"
    if kind == FilingKind.SECURITY_OUTLINE:
        return "Public outline of the security plan"
    return FilingKind(kind).label.capitalize()


def risk_rows(filing: Filing) -> tuple[risk_form.RiskRow, ...]:
    """The answers of a risk report as rows category × variant, for the comparison."""
    return risk_form.rows(filing.taxonomy, filing.content)


def developer_of(session: Session, filing: Filing) -> Organisation:
    """Whose filing it is."""
    return session.get_one(Organisation, filing.developer_id)


def entity_of(session: Session, filing: Filing) -> LegalEntity | None:
    """The legal entity by which a filing is filed, as its row stands now; ``None`` where none is named."""
    return session.get(LegalEntity, filing.entity_id) if filing.entity_id else None


def subject(filing: Filing) -> str:
    """How the ledger and attachments name a filing."""
    return f"filing:{filing.id}"


def about(filing: Filing) -> tuple[str, ...]:
    """What the entries of a filing are about."""
    named = (subject(filing), registration.developer_subject(filing.developer_id))
    if filing.model_version_id is None:
        return named
    return (*named, registration.version_subject(filing.model_version_id))


def _covered(session: Session, filing: Filing) -> bool | None:
    if filing.model_version_id is None:
        return True
    results = registration.coverages_of(session, filing.model_version_id)
    if not results:
        return None
    return any(answer["covered"] == "yes" for answer in results[0].result["regimes"].values())


def _named(key: uuid.UUID | str) -> Any:
    if isinstance(key, str) and not _is_id(key):
        return col(Filing.reference) == key
    return col(Filing.id) == registration.as_id(key)


def _is_id(key: str) -> bool:
    try:
        uuid.UUID(key)
    except ValueError:
        return False
    return True


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
