"""The transparency log: what happened, provable by somebody who trusts neither the portal nor its owner.

Its names are loaded when they are asked for: a witness needs the formats of this package and no database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_RECORDING = ("EventError", "EventType", "append", "append_many", "declare", "declared", "entries", "find")
_HOMES = {
    **dict.fromkeys(_RECORDING, "recording"),
    **dict.fromkeys(("Audience", "LedgerEntry", "Log"), "tables"),
    "Manifest": "manifests",
    "RecordNotNamed": "guard",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


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
