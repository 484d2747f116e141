"""What the public reads and verifies: decisions, models, filings, evaluators, penalties, and the ledger."""

from portal.register import about_views, ledger_views, views

BLUEPRINTS = (
    views.register,
    views.decisions,
    views.models,
    views.developers,
    views.evaluators,
    views.penalties,
    ledger_views.ledger,
    about_views.about,
)
"""All of them for the public zone, and for anybody."""

__all__ = ["BLUEPRINTS"]
