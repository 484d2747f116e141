"""Who is told that a credential changed: the ledger, the security log, and the person by mail."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal.accounts import events
from secure_access import jobs, ledger
from secure_access.db import Session
from secure_access.identity import Actor, person_subject, proposals
from secure_access.ledger import security_log


@dataclass(frozen=True)
class Change:
    """What happened to a credential. ``credential`` is the digest of a passkey's id or of a
    linked account, where it is one."""

    person_id: uuid.UUID
    change: Literal["added", "renamed", "removed", "suspended", "given", "linked", "unlinked"]
    kind: Literal["passkey", "code", "first_key_code", "linked_account"]
    credential: str = ""


def credential_changed(
    session: Session, *changes: Change, by: Actor | None, now: datetime, zone: str = ""
) -> None:
    """Record what one act changed of the credentials of one person, in the transaction that changes it.

    Each change is an entry; the person gets one mail.
    """
    for change in changes:
        subject = person_subject(change.person_id)
        fields = {
            "person": str(change.person_id),
            "change": change.change,
            "kind": change.kind,
            "credential": change.credential,
        }
        ledger.append(session, events.CREDENTIAL_CHANGED.name, fields, by=by, now=now, about=(subject,))
        noted = {"change": change.change, "credential": change.kind}
        security_log.note(session, "credential.changed", by=by, zone=zone, subject=subject, now=now, **noted)
    for person_id in {change.person_id for change in changes}:
        jobs.add(session, proposals.CHANGED, str(person_id))
