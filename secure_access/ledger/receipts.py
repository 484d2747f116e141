"""Receipts: what a person keeps to prove later, offline, that an event was recorded.

A receipt holds the exact entry bytes, their salt, the inclusion proof and a signed checkpoint. It is
verified by the one-file verifier that anybody can download (`secure_access.ledger.verify_receipt`); there is
no second one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from secure_access.db import Session
from secure_access.ledger import merkle, note, removal, tiles, timestamps, witnesses
from secure_access.ledger.canonical import Json
from secure_access.ledger.note import VerifierKey
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, Log
from secure_access.ledger.verify_receipt import FORMAT, BadInput, Outcome, Policy, State, verify
from secure_access.ledger.witnesses import Witnesses
from secure_access.workflow import Denied

__all__ = [
    "BadInput",
    "Outcome",
    "Policy",
    "State",
    "policy_text",
    "proof_follows",
    "receipt",
    "receipt_text",
    "verify",
]


def receipt(session: Session, entry: LedgerEntry) -> dict[str, Json]:
    """The receipt of an entry as of now; without a proof until the entry is in a signed head.

    Raises `Denied` for an entry whose content was removed.
    """
    gone = removal.removed(session, entry)
    if gone is not None:
        raise Denied(
            f"The content of this entry was removed on {gone.at:%-d %B %Y} under {gone.basis}.",
            "A receipt that you have kept still verifies.",
        )
    made: dict[str, Json] = {
        "v": FORMAT,
        "content": entry.content,
        "entry": _base64(entry.entry),
        "salt": _base64(entry.salt),
    }
    signed = _checkpoint(session, entry)
    if signed is None or entry.leaf_index is None:
        return made
    tree = tiles.nodes(tiles.stored(session, Log(entry.log)))
    path = merkle.inclusion_proof(entry.leaf_index, signed.size, tree)
    stamps = timestamps.for_receipt(session, entry)
    return {
        **made,
        **({"timestamps": stamps} if stamps else {}),
        "log": note.Checkpoint.parse(note.parse(signed.note).text).origin,
        "proof": {"index": entry.leaf_index, "size": signed.size, "hashes": [_base64(node) for node in path]},
        "checkpoint": witnesses.whole(session, signed),
    }


def receipt_text(session: Session, entry: LedgerEntry) -> str:
    """`receipt` as the file that a person downloads."""
    return json.dumps(receipt(session, entry), indent=2, ensure_ascii=False) + "\n"


def proof_follows(session: Session, entry: LedgerEntry) -> bool:
    """Whether the entry is recorded and not yet in a signed head."""
    return _checkpoint(session, entry) is None


def policy_text(logs: Iterable[VerifierKey], wanted: Witnesses = witnesses.NONE) -> str:
    """A policy file that trusts these logs and wants the quorum of these witnesses.

    Without witnesses nothing is "proved". A key is listed once: the custody log, signed by the same one, has
    a policy of its own.
    """
    return "".join(f"log {key}\n" for key in logs) + wanted.text


def _checkpoint(session: Session, entry: LedgerEntry) -> LedgerCheckpoint | None:
    if entry.leaf_index is None:
        return None
    return witnesses.best(session, Log(entry.log), reaching=entry.leaf_index + 1)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
