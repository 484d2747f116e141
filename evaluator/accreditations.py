"""Accreditation: the authority's word that a body may assess certain categories, for a time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from evaluator import events  # noqa: F401 - declares the events of this package
from evaluator.tables import Accreditation
from evaluator.workflow import ACCREDITATION, AccreditationState
from secure_access import ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor, Organisation, OrganisationKind
from secure_access.workflow import Denied, NotFound, Role

_EVENT = {
    "suspend": "accreditation.suspended",
    "reinstate": "accreditation.reinstated",
    "revoke": "accreditation.revoked",
}


@dataclass(frozen=True)
class Scope:
    """What an accreditation covers: ids of risk categories, first and last day, and the grounds for it."""

    categories: Sequence[str]
    valid_from: date
    valid_until: date
    grounds: str


def accredit(
    session: Session, *, evaluator_id: uuid.UUID, scope: Scope, by: Actor, now: datetime
) -> Accreditation:
    """Accredit a body. Raises `Denied` for a wrong role or scope, `NotFound` for no evaluator body."""
    if not by.holds(Role.ACCREDITATION_OFFICER):
        raise Denied("Only an accreditation officer can accredit.", "Ask an accreditation officer.")
    body = session.get(Organisation, evaluator_id)
    if body is None or body.kind is not OrganisationKind.EVALUATOR:
        raise NotFound
    if scope.valid_until <= scope.valid_from:
        raise Denied("The accreditation ends before it begins.", "Correct the last day.")
    accreditation = Accreditation(
        reference=next_reference(session, "A", now),
        evaluator_id=evaluator_id,
        categories=sorted(scope.categories),
        valid_from=scope.valid_from,
        valid_until=scope.valid_until,
        grounds=scope.grounds,
        accredited_by=by.person_id,
        accredited_at=now,
    )
    session.add(accreditation)
    fields = {
        "reference": accreditation.reference,
        "categories": accreditation.categories,
        "valid_from": scope.valid_from.isoformat(),
        "valid_until": scope.valid_until.isoformat(),
    }
    about = (f"evaluator:{evaluator_id}",)
    ledger.append(
        session, "evaluator.accredited", fields, by=by, now=now, about=about, records=(accreditation,)
    )
    return accreditation


def change(session: Session, *, accreditation: Accreditation, action: str, by: Actor, now: datetime) -> None:
    """Suspend, reinstate or revoke an accreditation. Raises `Denied`."""
    accreditation.state = ACCREDITATION.take(action, by, accreditation)
    session.add(accreditation)
    fields = {"reference": accreditation.reference}
    about = (f"evaluator:{accreditation.evaluator_id}",)
    ledger.append(session, _EVENT[action], fields, by=by, now=now, about=about, records=(accreditation,))


def load(session: Session, reference: str, *, for_update: bool = False) -> Accreditation:
    """The accreditation of that reference. Raises `NotFound`."""
    query = select(Accreditation).where(Accreditation.reference == reference)
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None:
        raise NotFound
    return found


def every(session: Session) -> list[tuple[Accreditation, Organisation]]:
    """Every accreditation with its body, newest first."""
    query = (
        select(Accreditation, Organisation)
        .join(Organisation, col(Organisation.id) == col(Accreditation.evaluator_id))
        .order_by(col(Accreditation.accredited_at).desc())
    )
    return [(accreditation, body) for accreditation, body in session.exec(query)]


def bodies(session: Session) -> list[Organisation]:
    """Every evaluator body, by name."""
    query = select(Organisation).where(Organisation.kind == OrganisationKind.EVALUATOR)
    return list(session.exec(query.order_by(Organisation.name)))


def standing(session: Session, *, evaluator_id: uuid.UUID, on: date) -> Accreditation | None:
    """The accreditation of a body that is in force on a day, or ``None``."""
    query = select(Accreditation).where(
        Accreditation.evaluator_id == evaluator_id,
        Accreditation.state == AccreditationState.ACCREDITED,
        col(Accreditation.valid_from) <= on,
        col(Accreditation.valid_until) >= on,
    )
    return session.exec(query.order_by(col(Accreditation.accredited_at).desc())).first()


def accredited(session: Session, *, on: date) -> list[tuple[Organisation, Accreditation]]:
    """The bodies that may be appointed on a day, by name, each with the accreditation that lets it."""
    found = [(body, standing(session, evaluator_id=body.id, on=on)) for body in bodies(session)]
    return [(body, accreditation) for body, accreditation in found if accreditation is not None]
