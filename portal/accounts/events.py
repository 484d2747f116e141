"""What accounts put into the ledger and into the security log."""

from __future__ import annotations

from secure_access import ledger
from secure_access.ledger import security_log

CREDENTIAL_CHANGED = ledger.declare("credential.changed", ("person", "change", "kind", "credential"))
"""``credential`` is the SHA-256 of a passkey's credential id, or of issuer and subject of a linked account;
empty for a code of an app."""

STEP_UP_USED = ledger.declare(
    "step_up.used", ("action", "object", "shown", "method", "credential", "challenge")
)
"""Recorded in the transaction of the act, beside the entry of the act itself. All digests are in hex."""

security_log.declare_kind("credential.changed", ("change", "credential"))
security_log.declare_kind("session.ended", ("sessions",))
security_log.declare_kind("session.ended_by_policy", ("sessions",))
security_log.declare_kind("session.ended_by_provider", ("sessions",))
