"""Receipts as files, for every zone and every kind of record: JSON, a PDF to read, a C2SP tlog-proof.

A view finds the entry of an act that is there for its actor, and answers with `answer`. A page shows what
was acknowledged since with `later`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import segno
from flask import Response, g

from portal.filing import attachments
from portal.filing.manifests import LATE, ON_TIME
from portal.settings import PUBLIC
from portal.ui import formats, pdf
from portal.web import (
    current_actor,
    current_time,
    current_witnesses,
    current_zone,
    download,
    origin,
    zone_url,
)
from secure_access import documents, ledger
from secure_access.db import Session
from secure_access.ledger import Audience, LedgerEntry, manifests, receipts
from secure_access.workflow import Denied, NotFound

FORM = "any(json, pdf, 'tlog-proof'):form"
"""The part of a route that says which file: ``/filings/<key>/receipt.<FORM>``."""

ACKNOWLEDGED: Mapping[str, str] = {
    "filing.screened": "The files were screened",
    "filing.accepted": "Accepted for review",
    "filing.returned": "Returned",
    "filing.withdrawn": "Withdrawn",
    "filing.superseded": "Superseded",
    "clock.started": "The review clock was started",
    "incident.updated": "Update received",
    "incident.resolved": "Resolution received",
    "incident.resolution_corrected": "Correction of the resolution received",
    "incident.finally_reported": "Final report received",
    "incident.closed": "Closed by the authority",
    "condition.met": "A condition is met",
    "condition.breached": "A condition is breached",
    "appeal.noted": "A note of appeal was recorded",
    "notice.answered": "An answer was received",
    "access.extended": "The time to answer was extended",
    "access.released": "The answer was released",
    "access.closed": "The request was closed",
    "copy.written": "The copy of record was written",
}
"""Later entries that a receipt appends, in words."""

CLOCKS: Mapping[str, str] = {"review.decide": "Starts the time to decide"}
_HOW: Mapping[str, str] = {
    "passkey": "confirmed with a key",
    "session": "signed in, no key asked",
    "": "in an entry of its own",
}


@dataclass(frozen=True)
class Later:
    """One later acknowledgement in words. ``index`` is its place in the log, ``None`` while it has none."""

    at: datetime
    what: str
    clock: str
    index: int | None


def entry_of(session: Session, subject: str, kind: str) -> LedgerEntry:
    """The last entry of a type about a subject. Raises `NotFound` where there is none."""
    found = [entry for entry in ledger.entries(session, subject) if entry.type == kind]
    if not found:
        raise NotFound
    return found[-1]


def later(session: Session, entry: LedgerEntry) -> list[Later]:
    """What was acknowledged since, in order, for who may read it in this zone."""
    return [_later(one) for one in _appended(session, entry)]


def later_than(session: Session, subject: str, kind: str) -> list[Later]:
    """The same after the last entry of a type about a subject; nothing where there is none."""
    found = [entry for entry in ledger.entries(session, subject) if entry.type == kind]
    return later(session, found[-1]) if found else []


def answer(entry: LedgerEntry, form: str) -> Response:
    """The receipt of an entry as a file. ``form`` is ``json``, ``pdf`` or ``tlog-proof``.

    Raises `Denied` for a form that cannot be made yet: no proof before the log is signed, and no letter of
    what was recorded without a manifest, nothing of what was removed.
    """
    receipts.refuse_removed(g.session, entry)
    kept = manifests.of_entry(g.session, entry)
    reference = str(entry.fields.get("reference", "")) or str(entry.id)
    made: str | bytes
    match form:
        case "json":
            made = receipts.bundle_text(g.session, entry, _appended(g.session, entry), current_witnesses())
        case "pdf":
            made = _letter(entry, kept)
        case _:
            made = _proof(entry)
    types = {"json": "application/json", "pdf": "application/pdf"}
    response = Response(made, content_type=types.get(form, "text/plain; charset=utf-8"))
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{reference}.{form}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def copy_file(subject: str) -> Response:
    """The copy of record of something that is there for the actor, as a download that is recorded.

    The view that calls it is marked `portal.web.writes`. Raises `Denied` while there is none.
    """
    row = documents.copies.of_subject(g.session, subject)
    if row is None:
        raise Denied(
            "There is no copy of record yet.",
            "It is written within a minute after acceptance, decision or service; open the page again then.",
        )
    opened = documents.copies.opened(g.session, row, by=current_actor(), now=current_time())
    return download(opened, attachments.blocks(current_zone().wired.vault, opened))


def _appended(session: Session, entry: LedgerEntry) -> list[LedgerEntry]:
    found = receipts.acknowledgements(session, entry, ACKNOWLEDGED)
    if current_zone().zone != PUBLIC:
        return found
    return [one for one in found if one.audience is Audience.PUBLIC]


def _later(entry: LedgerEntry) -> Later:
    clock = str(entry.fields.get("clock", ""))
    due = str(entry.fields.get("due", ""))
    words = CLOCKS.get(clock, clock) if clock else "Starts no clock"
    until = f", until {formats.due(datetime.fromisoformat(due))}" if clock and due else ""
    return Later(entry.recorded_at, ACKNOWLEDGED[entry.type], words + until, entry.leaf_index)


def _proof(entry: LedgerEntry) -> str:
    found = receipts.tlog_proof(g.session, entry, current_witnesses())
    if found is None:
        raise Denied(
            "It is recorded, and the log is not signed that far yet.", "Download the proof again in a minute."
        )
    return found


def _letter(entry: LedgerEntry, kept: manifests.Manifest | None) -> bytes:
    if kept is None:
        raise Denied(
            "This was recorded before receipts had a manifest, so there is nothing to print.",
            "Download the receipt as JSON: it verifies.",
        )
    settings = current_zone().wired.settings
    said = kept.read
    address = urljoin(origin(settings, PUBLIC), zone_url(PUBLIC, "ledger.check"))
    follows = receipts.proof_follows(g.session, entry)
    data: dict[str, Any] = {
        "reference": said["reference"],
        "authority": settings.authority,
        "entity": said["entity"]["name"],
        "demonstration": demonstration(settings.demonstration, current_time()),
        "kind": kind_words(said["kind"]),
        **_times(said),
        "entry": "Its place follows" if entry.leaf_index is None else f"Place {entry.leaf_index}, from 0",
        "proof": "Recorded, proof follows: fetch it again" if follows else "In the signed log; see the JSON",
        "custody": "Demonstration custody: one operating-system user holds everything"
        if settings.demonstration
        else "",
        "documents": files(said["attachments"]),
        "signed": signatures(said["signed"]),
        "acknowledged": [
            {
                "when": formats.moment(one.at),
                "what": one.what,
                "clock": one.clock,
                "entry": "Follows" if one.index is None else f"Place {one.index}",
            }
            for one in later(g.session, entry)
        ],
        "content": said["content"]["sha256"],
        "manifest": kept.digest,
        "verify": [
            "Download the receipt as JSON from the page on which you found this letter.",
            f"Get the verifier, one file of Python, from {origin(settings, PUBLIC)}/ledger, and the policy "
            "file from the authority by another way than this portal.",
            "Run: python3 verify_receipt.py RECEIPT.json policy.txt. It prints what stands here.",
        ],
        "address": address,
    }
    return pdf.render("receipt", data, at=current_time(), charts={"code": qr(address)})


def _times(said: Mapping[str, Any]) -> dict[str, Any]:
    zone = said["received"]["zone"]
    at, ruled = _instant(said["received"]["utc"]), said["timeliness"]
    due = formats.due(_instant(ruled["due_at"]), zone) if ruled["due_at"] else ""
    words = {ON_TIME: f"In time: due {due}", LATE: f"Late: it was due {due}"}
    return {
        "received": formats.moment(at),
        "received_local": formats.moment(at, zone),
        "timeliness": words.get(ruled["ruling"], "No due date was running"),
        "on_time": ruled["ruling"] != LATE,
    }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(ZoneInfo("UTC"))


def kind_words(kind: str) -> str:
    """What was received, as a heading says it: ``Risk report``, ``Decision: no objection``."""
    words = kind.replace("_", " ").capitalize()
    return words.replace("Decision ", "Decision: ", 1)


def files(attachments: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The files of a manifest as a letter lists them; evidence of a decision has no size."""
    return [
        {
            "name": one["label"] if one["label"] == one["name"] else f"{one['label']} ({one['name']})",
            "size": f"{one['size']:,}" if "size" in one else "–",
            "sha256": one["sha256"],
        }
        for one in attachments
    ]


def signatures(signed: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Who signed, as a letter lists them: by title, for a manifest names people by identifier."""
    return [
        {
            "act": one["act"].capitalize(),
            "title": (one["title"] or "No title recorded")
            + (f", person {one['person']}" if "person" in one else ""),
            "how": _HOW[one.get("method", "")],
            "when": formats.moment(_instant(one["at"])),
        }
        for one in signed
    ]


def demonstration(is_one: bool, now: datetime) -> str:
    """The mark of a practice instance on a letter; empty for none."""
    if not is_one:
        return ""
    day = formats.date_only(now)
    return f"Demonstration. The date here is {day}. Companies, people and figures are invented."


def qr(address: str) -> str:
    """A QR code that leads to an address, as a picture for a letter."""
    made = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        made, kind="svg", xmldecl=False, border=2, title=f"QR code: {address}", omitsize=True
    )
    return made.getvalue().decode()
