"""Every page of access requests. Importing this module is what gives the blueprints their pages."""

from __future__ import annotations

from portal.disclosure import notice_views, officer_views, public_views
from portal.disclosure.blueprints import access, access_notices, access_requests

PAGES = (notice_views, officer_views, public_views)

__all__ = ["PAGES", "access", "access_notices", "access_requests"]
