"""Whether a zone works, for whoever watches it: ``/health`` answers 200, or 503 while the alarm is on.

It says no more than that: why stands in the log of the process and on the administrators' page. Where the
database does not answer, no page does, and this one is a 500.
"""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from portal.web import current_zone

bp = Blueprint("health", __name__)


@bp.get("/health")
def show() -> Response:
    """One word."""
    red = current_zone().wired.alarm.state() is not None
    return Response("red\n" if red else "green\n", status=503 if red else 200, mimetype="text/plain")
