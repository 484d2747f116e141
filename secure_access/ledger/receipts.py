"""Receipts: what a person keeps to prove later, offline, that an event was recorded.

A receipt holds the manifest, the exact entry bytes that name its digest, their salt, the inclusion proof and
a signed checkpoint; what was recorded about the same matter afterwards is appended to it. That of an entry of
the custody log, which nobody outside sees, leads through the entry of the public log that fixes it there to
the same witnessed checkpoints. Receipts are verified by the one-file verifier that anybody can download
(`secure_access.ledger.verify_receipt`); there is no second.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Sequence

from secure_access.db import Session
from secure_access.ledger import (
    manifests,
    merkle,
    note,
    recording,
    removal,
    sequencer,
    tiles,
    timestamps,
    witnesses,
)
from secure_access.ledger.canonical import Json
from secure_access.ledger.note import VerifierKey
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, Log
from secure_access.ledger.tlog_proof import TlogProof
from secure_access.ledger.verify_receipt import (
    CUSTODY_RECEIPT,
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


def receipt(session: Session, entry: LedgerEntry, wanted: Witnesses = witnesses.NONE) -> dict[str, Json]:
    """The receipt of an entry alone as of now; without a proof until the entry is in a signed head.

    One of the custody log is proved from its next anchor on. ``wanted`` are the witnesses of the policy.
    Raises `Denied` for an entry whose content was removed.
    """
    if entry.log is Log.CUSTODY:
        return _in_custody(session, entry, wanted)
    place = entry.leaf_index
    proved = _proved(session, place, _checkpoint(session, wanted, place))
    return {"v": ENTRY_RECEIPT, **_recorded(session, entry), **_stamped(session, entry, proved), **proved}


def hold(session: Session, wanted: Witnesses, place: int | None, leaf: bytes, policy: Policy) -> Outcome:
    """Hold the leaf in a place of the public log to its best signed head, as `verify` does an entry."""
    found = _proved(session, place, _checkpoint(session, wanted, place))
    return verify_leaf(leaf, found.get("proof"), found.get("checkpoint"), policy)


def receipt_text(session: Session, entry: LedgerEntry, wanted: Witnesses = witnesses.NONE) -> str:
    """`receipt` as a file."""
    return _text(receipt(session, entry, wanted))


def bundle(
    session: Session,
    entry: LedgerEntry,
    appended: Sequence[LedgerEntry] = (),
    wanted: Witnesses = witnesses.NONE,
) -> dict[str, Json]:
    """The receipt that a person gets: manifest, entry, proof, and what was acknowledged later, in order.

    ``appended`` are `acknowledgements`. One checkpoint proves all of them; one that is not in it yet is left
    out, and in the next receipt. So is the manifest where the entry names none.
    """
    signed = _checkpoint(session, wanted, entry.leaf_index)
    kept = manifests.of_entry(session, entry)
    made: dict[str, Json] = {
        "v": FORMAT,
        **({"manifest": kept.read} if kept else {}),
        **_recorded(session, entry),
    }
    later: list[Json] = []
    for other in appended:
        if proved := _proved(session, other.leaf_index, signed):
            later.append({**_recorded(session, other), "proof": proved["proof"]})
    proved = _proved(session, entry.leaf_index, signed)
    return {**made, **_stamped(session, entry, proved), **proved, "acknowledgements": later}


def bundle_text(
    session: Session,
    entry: LedgerEntry,
    appended: Sequence[LedgerEntry] = (),
    wanted: Witnesses = witnesses.NONE,
) -> str:
    """`bundle` as the file that a person downloads."""
    return _text(bundle(session, entry, appended, wanted))


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


def tlog_proof(session: Session, entry: LedgerEntry, wanted: Witnesses = witnesses.NONE) -> str | None:
    """The inclusion proof in the public log as a C2SP tlog-proof file, the salt as ``extra``.

    ``None`` while it follows.
    """
    signed = _checkpoint(session, wanted, entry.leaf_index)
    if signed is None or entry.leaf_index is None:
        return None
    path = _path(session, Log.PUBLIC, entry.leaf_index, signed.size)
    return TlogProof(entry.leaf_index, tuple(path), witnesses.whole(session, signed), entry.salt).marshal()


def proof_follows(session: Session, entry: LedgerEntry) -> bool:
    """Whether the entry of the public log is recorded and not yet in a signed head."""
    return _checkpoint(session, witnesses.NONE, entry.leaf_index) is None


def policy_text(logs: Iterable[VerifierKey], wanted: Witnesses = witnesses.NONE) -> str:
    """A policy file that trusts these logs and wants the quorum of these witnesses.

    Without witnesses nothing is "proved".
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


def _in_custody(session: Session, entry: LedgerEntry, wanted: Witnesses) -> dict[str, Json]:
    """Two steps: the entry in the head of the custody log, and the anchor of that head in the public log."""
    made: dict[str, Json] = {"v": CUSTODY_RECEIPT, **_recorded(session, entry)}
    anchor = sequencer.anchor_of(session, entry)
    if anchor is None:
        return made
    signed = _checkpoint(session, wanted, anchor.leaf_index)
    proved = _proved(session, anchor.leaf_index, signed)
    size = anchor.fields["size"]
    if not proved or not isinstance(size, int) or entry.leaf_index is None:
        return made
    fixed: dict[str, Json] = {**_recorded(session, anchor), "proof": proved["proof"]}
    proof = _proof(session, Log.CUSTODY, entry.leaf_index, size)
    return {**made, **proved, "proof": proof, "anchor": fixed}


def _checkpoint(session: Session, wanted: Witnesses, place: int | None) -> LedgerCheckpoint | None:
    return None if place is None else witnesses.best(session, wanted, Log.PUBLIC, reaching=place + 1)


def _proved(session: Session, place: int | None, signed: LedgerCheckpoint | None) -> dict[str, Json]:
    """Origin, proof and checkpoint; nothing where the checkpoint does not hold the place."""
    if signed is None or place is None or place >= signed.size:
        return {}
    return {
        "log": note.Checkpoint.parse(note.parse(signed.note).text).origin,
        "proof": _proof(session, Log.PUBLIC, place, signed.size),
        "checkpoint": witnesses.whole(session, signed),
    }


def _stamped(session: Session, entry: LedgerEntry, proved: dict[str, Json]) -> dict[str, Json]:
    stamps = timestamps.for_receipt(session, entry) if proved else []
    return {"timestamps": stamps} if stamps else {}


def _proof(session: Session, log: Log, place: int, size: int) -> dict[str, Json]:
    hashes: list[Json] = [_base64(node) for node in _path(session, log, place, size)]
    return {"index": place, "size": size, "hashes": hashes}


def _path(session: Session, log: Log, place: int, size: int) -> list[bytes]:
    return merkle.inclusion_proof(place, size, tiles.nodes(tiles.stored(session, log)))


def _text(made: dict[str, Json]) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
