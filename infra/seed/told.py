"""Writes down where a visitor finds the told case: addresses and one fact for each page."""

from __future__ import annotations

import json
from typing import Any

from infra.seed.penalties import Penalised
from infra.seed.people import DOORS, email
from infra.seed.stage import Stage, Told
from portal.app import create_zones
from portal.filing.tables import FilingKind
from portal.web import origin


def write(stage: Stage, made: Told, penalised: Penalised) -> None:
    """Write ``story.json`` into the home folder."""
    zones = create_zones(stage.wired)

    def page(zone: str, endpoint: str, fact: str = "", **values: Any) -> dict[str, str]:
        scheme, _, host = origin(stage.wired.settings, zone).partition("://")
        urls = zones[zone].url_map.bind(host, url_scheme=scheme)
        return {"url": urls.build(endpoint, values, force_external=True), "fact": fact}

    report = made.filings[FilingKind.RISK_REPORT]
    case = {"reference": made.case.reference}
    engagement = {"reference": made.engagement.reference}
    refused = f"{made.refused_at.day} {made.refused_at:%B}, one reader refused"
    pages = {
        "queue": page("government", "cases.index"),
        "case": page("government", "cases.show", **case),
        "request": page(
            "government",
            "cases.request",
            "20 July, answered 19 days late",
            request_reference=made.request.reference,
            **case,
        ),
        "comparison": page("government", "cases.comparison", "17 September, one gap", **case),
        "decision_work": page("government", "cases.decision", **case),
        "engagement": page("evaluator", "engagements.show", **engagement),
        "engagement_filing": page("evaluator", "engagements.show", **engagement),
        "assessment": page("evaluator", "engagements.assessment", **engagement),
        "coverage": page("developer", "registry.coverage", version_id=made.version.id),
        "filing": page("developer", "filings.show", "5 July 2027", key=report.reference),
        "receipt": page("developer", "signing.receipt", key=report.reference),
        "incident": page(
            "developer", "incidents.show", "8 September, reported 49 h late", key=made.incident.reference
        ),
        "openings": page("developer", "asked.openings", refused, reference=made.plan.reference),
        "violations": page("government", "enforcement.index"),
        "worksheet": page(
            "government",
            "enforcement.worksheet",
            "30 September, approved by two",
            reference=penalised.worksheet.reference,
        ),
        "referral": page("government", "enforcement.worksheet", reference=penalised.referral.reference),
        "decision": page(
            "public",
            "decisions.decision",
            "With one condition, under appeal",
            reference=made.decision.reference,
        ),
        "public_filing": page("public", "models.filing", reference=report.reference),
        "ledger": page("public", "ledger.show"),
    }
    told = {"pages": pages, "accounts": {door: email(key) for door, key in DOORS.items()}}
    path = stage.wired.settings.home / "story.json"
    path.write_text(json.dumps(told, indent=1))
