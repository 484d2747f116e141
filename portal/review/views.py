"""Every page of review. Importing this module is what gives the blueprints their pages."""

from __future__ import annotations

from portal.review import (
    assessment_views,
    case_views,
    comparison_views,
    decision_views,
    objection_views,
    plan_views,
    request_views,
)
from portal.review.blueprints import asked, cases, decided, plans

PAGES = (
    assessment_views,
    case_views,
    comparison_views,
    decision_views,
    objection_views,
    plan_views,
    request_views,
)

__all__ = ["PAGES", "asked", "cases", "decided", "plans"]
