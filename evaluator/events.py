"""What this package writes into the ledger: declared once, without personal data."""

from __future__ import annotations

from secure_access.ledger import declare

declare("evaluator.accredited", ("reference", "categories", "valid_from", "valid_until"), audience="public")
declare("accreditation.suspended", ("reference",), audience="public")
declare("accreditation.reinstated", ("reference",), audience="public")
declare("accreditation.revoked", ("reference",), audience="public")
declare("evaluator.appointed", ("reference", "evaluator", "categories", "window_from", "window_until"))
declare("conflict.none_declared", ("reference",))
declare("conflict.declared", ("reference",))
declare("assessment.submitted", ("reference", "digest", "recommendation", "rows", "evidence", "manifest"))
declare("evidence.read", ("document", "kind", "readable"))
declare("flag.raised", ("codes",))
declare("engagement.filing_read", ("filing", "reference"), log="custody")
