"""The blueprints of access requests, one a zone."""

from __future__ import annotations

from flask import Blueprint

access = Blueprint("access", __name__, template_folder="templates")
"""Public: ask by law, and follow it under a link."""

access_requests = Blueprint("access_requests", __name__, template_folder="templates")
"""Government: find, hear, prepare, decide, release."""

access_notices = Blueprint("access_notices", __name__, template_folder="templates")
"""Developer: notices that blocks of hers are asked for."""
