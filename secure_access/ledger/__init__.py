"""The transparency log: what happened, provable by somebody who trusts neither the portal nor its owner."""

from secure_access.ledger import guard
from secure_access.ledger.guard import RecordNotNamed
from secure_access.ledger.manifests import Manifest
from secure_access.ledger.recording import (
    EventError,
    EventType,
    append,
    append_many,
    declare,
    declared,
    entries,
    find,
)
from secure_access.ledger.tables import Audience, LedgerEntry, Log

guard.install()

__all__ = [
    "Audience",
    "EventError",
    "EventType",
    "LedgerEntry",
    "Log",
    "Manifest",
    "RecordNotNamed",
    "append",
    "append_many",
    "declare",
    "declared",
    "entries",
    "find",
]
