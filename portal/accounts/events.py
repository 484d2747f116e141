"""What accounts put into the ledger and into the security log."""

from __future__ import annotations

from secure_access import ledger
from secure_access.ledger import security_log

CREDENTIAL_CHANGED = ledger.declare("credential.changed", ("person", "change", "kind", "credential"))
"""``credential`` is the SHA-256 of a passkey's credential id, or of issuer and subject of a linked account;
empty for a code of an app."""

STEP_UP_USED = ledger.declare(
    "step_up.used", ("action", "object", "shown", "method", "credential", "challenge"), log="custody"
)
"""Recorded in the transaction of the act, beside the entry of the act itself. All digests are in hex.

In the custody log, so that a confirmation of something undisclosed leaves the public log as it is.
"""

security_log.declare_kind(
    "credential.changed",
    "Something that a person signs in with was changed. The subject is the person.",
    {
        "change": "added, renamed, removed, suspended, given, linked or unlinked",
        "credential": "passkey, code, first_key_code or linked_account",
    },
)
_SESSIONS = {"sessions": "how many sessions ended"}
security_log.declare_kind("session.ended", "A person ended sessions of their own.", _SESSIONS)
security_log.declare_kind(
    "session.ended_by_provider", "A provider of single sign-on ended sessions that it began.", _SESSIONS
)
security_log.declare_kind(
    "session.ended_by_policy",
    "Sessions ended that began in a way which the sign-in policy no longer takes.",
    _SESSIONS,
)
