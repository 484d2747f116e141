"""The events of documents. They are custody events: who handed in, attached, opened what.

That a copy of record was written belongs to the matter itself, and goes to the public log.
"""

from secure_access.ledger import declare

COPY_WRITTEN = declare("copy.written", keys=("reference", "sha256", "source", "document_id", "clock"))

RECEIVED = declare(
    "document.received", keys=("document_id", "sha256", "size", "media_type", "version"), log="custody"
)
SCREENED = declare("document.screened", keys=("document_id", "state", "pages"), log="custody")
ATTACHED = declare(
    "document.attached", keys=("attachment_id", "document_id", "subject", "audience"), log="custody"
)
DETACHED = declare("document.detached", keys=("attachment_id", "document_id", "subject"), log="custody")
OPENED = declare("document.opened", keys=("document_id", "subject", "page"), log="custody")
