"""Receipts: what a person keeps to prove later, offline, that an event was recorded.

A receipt holds the manifest, the exact entry bytes that name its digest, their salt, the inclusion proof and
a signed checkpoint; what was recorded about the same matter afterwards is appended to it. It is verified by
the one-file verifier that anybody can download (`secure_access.ledger.verify_receipt`); there is no second.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Sequence

from secure_access.db import Session
from secure_access.ledger import manifests, merkle, note, recording, removal, tiles, timestamps, witnesses
from secure_access.ledger.canonical import Json
from secure_access.ledger.note import VerifierKey
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, Log
from secure_access.ledger.tlog_proof import TlogProof
from secure_access.ledger.verify_receipt import (
    ENTRY_RECEIPT,
    FORMAT,
    BadInput,
    Outcome,
    Policy,
    State,
    verify,
    verify_leaf,
)
from secure_access.ledger.witnesses import Witnesses
from secure_access.workflow import Denied

__all__ = [
    "BadInput",
    "Outcome",
    "Policy",
    "State",
    "acknowledgements",
    "bundle",
    "bundle_text",
    "hold",
    "policy_text",
    "proof_follows",
    "receipt",
    "receipt_text",
    "refuse_removed",
    "tlog_proof",
    "verify",
]


def receipt(session: Session, entry: LedgerEntry) -> dict[str, Json]:
    """The receipt of an entry alone as of now; without a proof until the entry is in a signed head.

    Raises `Denied` for an entry whose content was removed.
    """
    log, place = Log(entry.log), entry.leaf_index
    signed = _checkpoint(session, log, place)
    proved = _proved(session, log, place, signed)
    return {"v": ENTRY_RECEIPT, **_recorded(session, entry), **_stamped(session, entry, proved), **proved}


def hold(session: Session, log: Log, place: int | None, leaf: bytes, policy: Policy) -> Outcome:
    """Hold the leaf in a place of a log to its best signed head, as `verify` does an entry."""
    found = _proved(session, log, place, _checkpoint(session, log, place))
    return verify_leaf(leaf, found.get("proof"), found.get("checkpoint"), policy)


def receipt_text(session: Session, entry: LedgerEntry) -> str:
    """`receipt` as a file."""
    return _text(receipt(session, entry))


def bundle(session: Session, entry: LedgerEntry, appended: Sequence[LedgerEntry] = ()) -> dict[str, Json]:
    """The receipt that a person gets: manifest, entry, proof, and what was acknowledged later, in order.

    ``appended`` are `acknowledgements`. One checkpoint proves all of them; one that is not in it yet
    stands there without a proof. The manifest is left out where the entry names none.
    """
    signed = _checkpoint(session, Log(entry.log), entry.leaf_index)
    kept = manifests.of_entry(session, entry)
    made: dict[str, Json] = {
        "v": FORMAT,
        **({"manifest": kept.read} if kept else {}),
        **_recorded(session, entry),
    }
    later: list[Json] = []
    for other in appended:
        proved = _proved(session, Log(other.log), other.leaf_index, signed)
        later.append({**_recorded(session, other), **({"proof": proved["proof"]} if proved else {})})
    proved = _proved(session, Log(entry.log), entry.leaf_index, signed)
    return {**made, **_stamped(session, entry, proved), **proved, "acknowledgements": later}


def bundle_text(session: Session, entry: LedgerEntry, appended: Sequence[LedgerEntry] = ()) -> str:
    """`bundle` as the file that a person downloads."""
    return _text(bundle(session, entry, appended))


def acknowledgements(session: Session, entry: LedgerEntry, kinds: Collection[str]) -> list[LedgerEntry]:
    """The later entries of these event types about the subject of the manifest, in order.

    Where an entry names no manifest that can be read here, it is what the entry is first about.
    """
    kept, about = manifests.of_entry(session, entry), entry.content["about"]
    if not isinstance(about, list) or not about:
        return []
    return [
        later
        for later in recording.entries(session, kept.subject if kept else str(about[0]))
        if later.type in kinds and later.log == entry.log and (later.number or 0) > (entry.number or 0)
    ]


def tlog_proof(session: Session, entry: LedgerEntry) -> str | None:
    """The inclusion proof as a C2SP tlog-proof file, the salt as ``extra``; ``None`` while it follows."""
    signed = _checkpoint(session, Log(entry.log), entry.leaf_index)
    if signed is None or entry.leaf_index is None:
        return None
    path = _path(session, Log(entry.log), entry.leaf_index, signed)
    return TlogProof(entry.leaf_index, tuple(path), witnesses.whole(session, signed), entry.salt).marshal()


def proof_follows(session: Session, entry: LedgerEntry) -> bool:
    """Whether the entry is recorded and not yet in a signed head."""
    return _checkpoint(session, Log(entry.log), entry.leaf_index) is None


def policy_text(logs: Iterable[VerifierKey], wanted: Witnesses = witnesses.NONE) -> str:
    """A policy file that trusts these logs and wants the quorum of these witnesses.

    Without witnesses nothing is "proved". A key is listed once: the custody log, signed by the same one, has
    a policy of its own.
    """
    return "".join(f"log {key}\n" for key in logs) + wanted.text


def refuse_removed(session: Session, entry: LedgerEntry) -> None:
    """Raises `Denied` for an entry whose content was removed: nothing is left of which to make a receipt."""
    gone = removal.removed(session, entry)
    if gone is not None:
        raise Denied(
            f"The content of this entry was removed on {gone.at:%-d %B %Y} under {gone.basis}.",
            "A receipt that you have kept still verifies.",
        )


def _recorded(session: Session, entry: LedgerEntry) -> dict[str, Json]:
    refuse_removed(session, entry)
    return {"content": entry.content, "entry": _base64(entry.entry), "salt": _base64(entry.salt)}


def _checkpoint(session: Session, log: Log, place: int | None) -> LedgerCheckpoint | None:
    return None if place is None else witnesses.best(session, log, reaching=place + 1)


def _proved(
    session: Session, log: Log, place: int | None, signed: LedgerCheckpoint | None
) -> dict[str, Json]:
    """Origin, proof and checkpoint; nothing where the checkpoint does not hold the place."""
    if signed is None or place is None or place >= signed.size:
        return {}
    hashes: list[Json] = [_base64(node) for node in _path(session, log, place, signed)]
    return {
        "log": note.Checkpoint.parse(note.parse(signed.note).text).origin,
        "proof": {"index": place, "size": signed.size, "hashes": hashes},
        "checkpoint": witnesses.whole(session, signed),
    }


def _stamped(session: Session, entry: LedgerEntry, proved: dict[str, Json]) -> dict[str, Json]:
    stamps = timestamps.for_receipt(session, entry) if proved else []
    return {"timestamps": stamps} if stamps else {}


def _path(session: Session, log: Log, place: int, signed: LedgerCheckpoint) -> list[bytes]:
    return merkle.inclusion_proof(place, signed.size, tiles.nodes(tiles.stored(session, log)))


def _text(made: dict[str, Json]) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
