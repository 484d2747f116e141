"""The sign-in policy on record: set on the machine, so the ledger says when another one came into force.

Nobody changes it on a screen. Every web process compares, as it starts, the policy it was given with the last
one on record, and makes an entry where they differ.
"""

from __future__ import annotations

from datetime import datetime

from portal.accounts import events
from secure_access import ledger
from secure_access.db import Session
from secure_access.identity.policy import Policy
from secure_access.ledger import LedgerEntry

SUBJECT = "policy:sign_in"


def note(session: Session, policy: Policy, *, name: str, now: datetime) -> bool:
    """Record the policy of this process, unless it is the one on record already; whether it was recorded.

    ``name`` is what the deployment calls it: `ASSAY_SIGN_IN`.
    """
    before = history(session)
    if before and before[0].fields["digest"] == policy.digest:
        return False
    fields = {"name": name.rpartition("/")[2], "digest": policy.digest}
    ledger.append(session, events.POLICY_CHANGED.name, fields, by=None, now=now, about=(SUBJECT,))
    return True


def history(session: Session) -> list[LedgerEntry]:
    """The policies on record, the latest first."""
    return list(reversed(ledger.entries(session, about=SUBJECT)))
