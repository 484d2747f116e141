"""What this package writes into the ledger: declared once, without personal data."""

from __future__ import annotations

from secure_access.ledger import declare

declare("model.registered", ("model", "version", "snapshot"))
declare("model.revised", ("version", "snapshot"))
declare("figures.stated", ("period_start", "period_end", "currency", "source_given"))
declare("coverage.assessed", ("coverage", "on", "answers"))
declare(
    "filing.submitted",
    (
        *("kind", "reference", "entity", "digest", "statement", "attachments"),
        *("due_at", "timeliness", "manifest"),
    ),
)
declare("filing.withdrawn", ("reference",))
declare("filing.superseded", ("reference", "by_reference"))
declare("filing.accepted", ("reference", "clock"))
declare("filing.returned", ("reference", "clock"))
declare("filing.screened", ("reference", "attachments", "clock"))
declare("incident.reported", ("reference", "imminent", "late_under", "manifest"))
declare("incident.updated", ("reference", "number"))
declare("incident.resolved", ("reference", "resolved_at"))
declare("incident.resolution_corrected", ("reference", "number", "resolved_at"))
declare("incident.finally_reported", ("reference", "number"))
declare("incident.closed", ("reference",))

# A draft is private: who may open it is in the custody log, of which nothing is published but its leaves.
declare("draft.restricted", ("filing",), log="custody")
declare("draft.opened_to_everyone", ("filing",), log="custody")
declare("draft.join_asked", ("filing", "person"), log="custody")
declare("draft.join_refused", ("filing", "person"), log="custody")
declare("draft.join_ended", ("filing", "person"), log="custody")
declare("draft.person_named", ("filing", "person", "part"), log="custody")
declare("draft.person_removed", ("filing", "person"), log="custody")
