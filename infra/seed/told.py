"""Writes down where a visitor finds the told case: addresses and one fact for each page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.seed.people import DOORS, Cast, email
from infra.seed.penalties import Penalised
from infra.seed.stage import Stage
from portal.app import create_zones
from portal.filing.tables import FilingKind
from portal.web import origin

if TYPE_CHECKING:
    from infra.seed.story import Told


def write(stage: Stage, cast: Cast, made: Told, penalised: Penalised) -> None:
    """Write ``story.json`` into the home folder."""
    zones = create_zones(stage.wired)

    def page(zone: str, endpoint: str, fact: str = "", **values: Any) -> dict[str, str]:
        scheme, _, host = origin(stage.wired.settings, zone).partition("://")
        urls = zones[zone].url_map.bind(host, url_scheme=scheme)
        return {"url": urls.build(endpoint, values, force_external=True), "fact": fact}

    report = made.filings[FilingKind.RISK_REPORT]
    assert made.case and made.request and made.plan and made.incident and made.engagement and made.decision
    case = {"reference": made.case.reference}
    pages = {
        "queue": page("government", "cases.queue"),
        "case": page("government", "cases.show", **case),
        "request": page(
            "government", "requests.show", "20 July, answered 19 days late", reference=made.request.reference
        ),
        "comparison": page("government", "cases.comparison", "17 September, one gap", **case),
        "decision_work": page("government", "cases.decision", **case),
        "engagement": page("evaluator", "engagements.show", reference=made.engagement.reference),
        "engagement_filing": page("evaluator", "engagements.filing", reference=made.engagement.reference),
        "assessment": page("evaluator", "engagements.assessment", reference=made.engagement.reference),
        "coverage": page("developer", "registry.coverage", version_id=made.version.id),
        "filing": page("developer", "filing.show", "5 July 2027", reference=report.reference),
        "receipt": page("developer", "filing.receipt", reference=report.reference),
        "incident": page(
            "developer",
            "incidents.show",
            "8 September, reported 49 h late",
            reference=made.incident.reference,
        ),
        "openings": page(
            "developer", "plans.openings", "18 August, one reader refused", reference=made.plan.reference
        ),
        "violations": page("government", "enforcement.violations"),
        "worksheet": page(
            "government",
            "enforcement.worksheet",
            "30 September, approved by two",
            reference=penalised.worksheet.reference,
        ),
        "referral": page("government", "enforcement.worksheet", reference=penalised.referral.reference),
        "decision": page(
            "public",
            "register.decision",
            "With one condition, under appeal",
            reference=made.decision.reference,
        ),
        "public_filing": page("public", "register.filing", reference=report.reference),
        "ledger": page("public", "register.ledger"),
    }
    told = {"pages": pages, "accounts": {door: email(key) for door, key in DOORS.items()}}
    path = stage.wired.settings.home / "story.json"
    path.write_text(json.dumps(told, indent=1))
