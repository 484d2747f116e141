"""Documents: what was handed in, what kind of file it is, what it hangs on, and whether it can be shown.

Bytes go to the vault first; `accept` looks at what lies there and refuses, leaving nothing, or says what it
is; `receive` and `attach` make the rows. A job then has the worker `examine` the file in a process of its
own, and `record_finding` says whether it can be shown.
"""

from secure_access.documents import copies, events
from secure_access.documents.content import (
    EVIDENCE,
    PAGES,
    Accepted,
    MediaType,
    Refused,
    Use,
    accept,
    display_name,
)
from secure_access.documents.copies import CopyOfRecord, NewCopy
from secure_access.documents.enclosure import CannotShow
from secure_access.documents.screening import SCREEN, Finding, examine, record_finding, screen
from secure_access.documents.tables import Attachment, Audience, Document, DocumentState, document_context
from secure_access.documents.verbs import (
    Attached,
    attach,
    detach,
    find,
    for_subject,
    note_opening,
    receive,
)

__all__ = [
    "EVIDENCE",
    "PAGES",
    "SCREEN",
    "Accepted",
    "Attached",
    "Attachment",
    "Audience",
    "CannotShow",
    "CopyOfRecord",
    "Document",
    "DocumentState",
    "Finding",
    "MediaType",
    "NewCopy",
    "Refused",
    "Use",
    "accept",
    "attach",
    "copies",
    "detach",
    "display_name",
    "document_context",
    "events",
    "examine",
    "find",
    "for_subject",
    "note_opening",
    "receive",
    "record_finding",
    "screen",
]
