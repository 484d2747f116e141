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
from secure_access.ledger import merkle, note, tiles, witnesses
from secure_access.ledger.canonical import Json
from secure_access.ledger.note import VerifierKey
from secure_access.ledger.tables import LedgerEntry, Log
from secure_access.ledger.verify_receipt import FORMAT, BadInput, Outcome, Policy, State, verify, verify_leaf
from secure_access.ledger.witnesses import Witnesses

__all__ = [
    "BadInput",
    "Outcome",
    "Policy",
    "State",
    "hold",
    "policy_text",
    "proof_follows",
    "receipt",
    "receipt_text",
    "verify",
]


def receipt(session: Session, entry: LedgerEntry) -> dict[str, Json]:
    """The receipt of an entry as of now; without a proof until the entry is in a signed head."""
    made: dict[str, Json] = {
        "v": FORMAT,
        "content": entry.content,
        "entry": _base64(entry.entry),
        "salt": _base64(entry.salt),
    }
    return {**made, **_proof(session, Log(entry.log), entry.leaf_index)}


def hold(session: Session, log: Log, place: int | None, leaf: bytes, policy: Policy) -> Outcome:
    """Hold the leaf in a place of a log to its newest signed head, as `verify` does an entry."""
    found = _proof(session, log, place)
    return verify_leaf(leaf, found.get("proof"), found.get("checkpoint"), policy)


def _proof(session: Session, log: Log, place: int | None) -> dict[str, Json]:
    """The part of a receipt that proves; empty until the place is in a signed head."""
    signed = None if place is None else witnesses.best(session, log, reaching=place + 1)
    if signed is None or place is None:
        return {}
    path = merkle.inclusion_proof(place, signed.size, tiles.nodes(tiles.stored(session, log)))
    return {
        "log": note.Checkpoint.parse(note.parse(signed.note).text).origin,
        "proof": {"index": place, "size": signed.size, "hashes": [_base64(node) for node in path]},
        "checkpoint": witnesses.whole(session, signed),
    }


def receipt_text(session: Session, entry: LedgerEntry) -> str:
    """`receipt` as the file that a person downloads."""
    return json.dumps(receipt(session, entry), indent=2, ensure_ascii=False) + "\n"


def proof_follows(session: Session, entry: LedgerEntry) -> bool:
    """Whether the entry is recorded and not yet in a signed head."""
    return not _proof(session, Log(entry.log), entry.leaf_index)


def policy_text(logs: Iterable[VerifierKey], wanted: Witnesses = witnesses.NONE) -> str:
    """A policy file that trusts these logs and wants the quorum of these witnesses.

    Without witnesses nothing is "proved". A key is listed once: the custody log, signed by the same one, has
    a policy of its own.
    """
    return "".join(f"log {key}\n" for key in logs) + wanted.text


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
