"""What happened to a person or an organisation: the entries about them, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secure_access import ledger
from secure_access.db import Session
from secure_access.identity import Person
from secure_access.ledger import LedgerEntry

WORDS = {
    "organisation.registered": "Registered",
    "organisation.changed": "Mail domains or second contact changed",
    "person.added": "Account made",
    "person.role_given": "Role given: {role}",
    "person.role_taken": "Role taken: {role}",
    "person.moved": "Account moved from another organisation",
    "person.team_changed": "Team changed",
    "person.suspended": "Suspended",
    "person.restored": "Restored",
    "person.ended": "Account ended",
    "person.credentials_reset": "Credentials reset",
    "credential.changed": "Credential: {kind}, {change}",
    "people.confirmed": "{people} people confirmed; next by {next_due}",
    "entity.claimed": "Legal entity claimed",
    "entity.verified": "Legal entity verified",
    "entity.refused": "Legal entity refused",
    "entity.ended": "Legal entity ended",
    "relation.recorded": "Relation recorded: {relation}",
    "relation.ended": "Relation ended: {relation}",
    "invitation.sent": "Invitation sent ({purpose})",
    "invitation.accepted": "Invitation accepted ({purpose})",
    "invitation.withdrawn": "Invitation withdrawn",
    "authority.recorded": "Authority to sign recorded",
    "authority.revoked": "Authority to sign revoked",
    "delegation.granted": "Delegation granted",
    "delegation.revoked": "Delegation revoked",
    "recusal.declared": "Conflict recorded",
    "recusal.ended": "Conflict ended",
    "entry.removed": "Content of an entry removed",
    "act.proposed": "Proposed: {act}",
    "act.approved": "Approved and done: {act}",
    "act.refused": "Refused: {act}",
    "act.withdrawn": "Proposal withdrawn: {act}",
    "administrator.created": "First administrator invited on the machine",
    "administrator.recovered": "Administrator invited on the machine, by recovery",
    "sign_in_policy.recovered": "Sign-in policy set on the machine, by recovery",
    "administrator.recovery_seen": "Recovery acknowledged",
}


@dataclass(frozen=True)
class Happened:
    """One entry as a list shows it."""

    number: int
    words: str
    at: datetime
    by: str


def happened(session: Session, subject: str) -> list[Happened]:
    """The entries about a subject, the latest first."""
    return [_told(session, entry) for entry in reversed(ledger.entries(session, about=subject))]


def _told(session: Session, entry: LedgerEntry) -> Happened:
    fields = {key: str(value).replace("_", " ") for key, value in entry.fields.items()}
    words = WORDS.get(entry.type, entry.type.replace(".", ": ").replace("_", " ")).format(**fields)
    person = session.get(Person, entry.person_id) if entry.person_id else None
    return Happened(entry.number or 0, words, entry.recorded_at, person.name if person else "The system")
