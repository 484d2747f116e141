"""What the public reads and verifies: what is filed and decided, penalties, the ledger, the law."""

from portal.register import about_views, law_views, ledger_views, tile_views, views

BLUEPRINTS = (
    views.register,
    views.decisions,
    views.models,
    views.developers,
    views.evaluators,
    views.penalties,
    ledger_views.ledger,
    tile_views.tiles,
    about_views.about,
    law_views.law,
)
"""All of them for the public zone, and for anybody."""

__all__ = ["BLUEPRINTS"]
