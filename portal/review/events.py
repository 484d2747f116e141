"""What this package writes into the ledger: cases, requests, plans, flags, decisions. No names, no texts."""

from __future__ import annotations

from secure_access.ledger import declare, entry_rules

declare("case.opened", keys=("reference", "subject"))
declare("case.joined", keys=("reference", "subject"))
declare("case.taken", keys=("reference", "officer"))
declare("case.decider_named", keys=("reference", "decider"))
declare("case.handed_over", keys=("reference", "part", "person"))
declare("clock.started", keys=("reference", "due", "clock"))

declare("information_request.served", keys=("reference", "items", "due"))
declare("information_request.answered", keys=("reference", "items", "late_seconds", "manifest"))
declare("information_request.withdrawn", keys=("reference",))

declare("plan.requested", keys=("reference", "sections", "readers", "read_from", "read_until"), log="custody")
declare("plan.approved", keys=("reference", "approvals", "needed"), log="custody")
declare("plan.refused", keys=("reference",), log="custody")
declare("plan.withdrawn", keys=("reference",), log="custody")
declare("plan.delivered", keys=("reference", "sections", "missing"), log="custody")
declare("plan.accepted", keys=("reference",), log="custody")
declare("plan.objected", keys=("reference", "points"), log="custody")
declare("plan.objection_answered", keys=("reference", "answer"), log="custody")
declare("plan.ended", keys=("reference", "grants"), log="custody")
declare("plan.key_received", keys=("reference", "fingerprint"), log="custody")
declare("custodian.line", keys=("number", "digest", "line"), log="custody")
declare("alert.closed", keys=("reference", "alert"), log="custody")
entry_rules.alone("plan.key_received", "plan.delivered", "custodian.line")

declare("flag.replied", keys=("code",))
declare("flag.resolved", keys=("code",))
declare("flag.carried", keys=("code",))

declare("decision.recommended", keys=("reference", "kind", "conditions"))
declare("decision.sent_back", keys=("reference",))
declare(
    "decision.taken",
    keys=("reference", "kind", "power", "channels", "conditions", "evidence", "wording", "manifest"),
    audience="public",
)
declare("condition.met", keys=("decision", "number"), audience="public")
declare("condition.breached", keys=("decision", "number"), audience="public")
declare("appeal.noted", keys=("reference", "decision"), audience="public")
