"""What this package writes into the ledger: declared once, without personal data."""

from __future__ import annotations

from secure_access.ledger import declare

declare("statute.drafted", ("reference", "pack", "base", "live_from"))
declare("statute.amended", ("reference", "digest", "live_from"))
declare("statute.approved", ("reference", "pack", "base", "digest", "live_from"), audience="public")
declare("statute.withdrawn", ("reference", "pack", "digest"))
