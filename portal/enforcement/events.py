"""What enforcement records in the ledger. No amount and no text of a person enters an entry.

What has not been sent is `CONFIDENTIAL`: it goes to the custody log, so that the public one does not grow
while somebody investigates.
"""

from __future__ import annotations

from secure_access import ledger

VIOLATION_SUGGESTED = "violation.suggested"
VIOLATION_ALLEGED = "violation.alleged"
VIOLATION_DROPPED = "violation.dropped"
REVENUE_ATTACHED = "revenue.attached"
REVENUE_CHOSEN = "revenue.chosen"
PRIOR_RECORDED = "prior.recorded"
PRIOR_CHANGED = "prior.changed"
METHOD_PROPOSED = "method.proposed"
METHOD_ADOPTED = "method.adopted"
METHOD_WITHDRAWN = "method.withdrawn"
TEXT_KEPT = "statute.text_kept"
WORKSHEET_DRAFTED = "worksheet.drafted"
WORKSHEET_PREPARED = "worksheet.prepared"
WORKSHEET_APPROVED = "worksheet.approved"
WORKSHEET_SENT_BACK = "worksheet.sent_back"
NOTICE_WRITTEN = "notice.written"
NOTICE_SENT = "notice.sent"
NOTICE_ANSWERED = "notice.answered"

CONFIDENTIAL = (
    VIOLATION_SUGGESTED,
    VIOLATION_ALLEGED,
    VIOLATION_DROPPED,
    REVENUE_ATTACHED,
    REVENUE_CHOSEN,
    PRIOR_RECORDED,
    PRIOR_CHANGED,
    WORKSHEET_DRAFTED,
    WORKSHEET_PREPARED,
    WORKSHEET_APPROVED,
    WORKSHEET_SENT_BACK,
    NOTICE_WRITTEN,
)
"""A timeline that is shown outside the authority leaves these out: they speak of what has not been sent."""

for _name in (VIOLATION_SUGGESTED, VIOLATION_ALLEGED, VIOLATION_DROPPED):
    ledger.declare(_name, keys=("reference", "regime", "provision"), log="custody")
ledger.declare(REVENUE_ATTACHED, keys=("violation", "evidence"), log="custody")
ledger.declare(REVENUE_CHOSEN, keys=("chosen", "over"), log="custody")
ledger.declare(PRIOR_CHANGED, keys=("prior", "replaces", "status"), log="custody")
for _name in (METHOD_PROPOSED, METHOD_WITHDRAWN):
    ledger.declare(_name, keys=("reference", "regime", "method", "since"))
ledger.declare(METHOD_ADOPTED, keys=("reference", "regime", "method", "since"), audience="public")
ledger.declare(TEXT_KEPT, keys=("digest", "pack"), log="custody")
ledger.declare(PRIOR_RECORDED, keys=("violation", "prior", "status"), log="custody")
for _name in (WORKSHEET_DRAFTED, WORKSHEET_PREPARED, WORKSHEET_APPROVED, WORKSHEET_SENT_BACK):
    ledger.declare(_name, keys=("reference", "version"), log="custody")
ledger.declare(NOTICE_WRITTEN, keys=("reference", "kind", "worksheet", "version"), log="custody")
ledger.declare(NOTICE_SENT, keys=("reference", "kind", "regime", "manifest"), audience="public")
ledger.declare(NOTICE_ANSWERED, keys=("reference", "late", "manifest"))
