"""What this package writes into the ledger: declared once. No name, no address and no word of a file."""

from __future__ import annotations

from secure_access.ledger import declare

RECEIVED = declare(
    "access.received", keys=("reference", "law", "statute", "due", "by_form", "manifest"), audience="public"
).name
EXTENDED = declare("access.extended", keys=("reference", "due"), audience="public").name
NOTIFIED = declare("access.notified", keys=("reference", "request", "blocks", "object_by", "manifest")).name
OBJECTED = declare("access.objected", keys=("reference", "blocks", "late", "manifest")).name
AGREED = declare("access.agreed", keys=("reference", "late", "manifest")).name
SILENT = declare("access.silent", keys=("reference",)).name
PREPARED = declare("access.prepared", keys=("reference", "disclosed", "withheld", "overridden")).name
SENT_BACK = declare("access.sent_back", keys=("reference",)).name
DECIDED = declare("access.decided", keys=("reference", "disclosed", "withheld", "release_from")).name
TOLD = declare("access.overridden", keys=("reference", "blocks", "release_from", "manifest")).name
RELEASED = declare(
    "access.released",
    keys=("reference", "disclosed", "withheld", "exemptions", "manifest"),
    audience="public",
).name
CLOSED = declare("access.closed", keys=("reference",), audience="public").name
