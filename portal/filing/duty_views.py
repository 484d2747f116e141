"""The page of duties in the developer's zone, and the same as a calendar file."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for

from portal.filing import duties, duty_pages
from portal.law import ical
from portal.web import current_actor, current_time
from secure_access import identity
from secure_access.workflow import NotFound

bp = Blueprint("duties", __name__, template_folder="templates")


@bp.get("/duties")
def index() -> str:
    """What is owed under each law, until when and why; what is closed stays with its reason."""
    return render_template("duty/index.html", **listing(current_actor().organisation_id))


@bp.get("/duties.ics")
def feed() -> Response:
    """Every duty that has a due time, as a calendar file."""
    by, now = current_actor(), current_time()
    found = duties.owed(g.session, by.organisation_id, now=now)
    name = f"Duties of {g.session.get_one(identity.Organisation, by.organisation_id).name}"
    answer = Response(
        ical.feed(found, name=name, now=now, summary=duty_pages.summary), mimetype="text/calendar"
    )
    answer.headers["Content-Disposition"] = 'attachment; filename="duties.ics"'
    return answer


def listing(developer_id: uuid.UUID) -> dict[str, Any]:
    """One page of one tab of a developer's duties. Raises `NotFound` where there is none."""
    tab = request.args.get("show", duty_pages.TABS[0])
    number = request.args.get("page", 1, int)
    found = duties.owed(g.session, developer_id, now=current_time())
    here = duty_pages.split(found, tab)
    first = (number - 1) * duty_pages.PAGE
    if tab not in duty_pages.TABS or number < 1 or (first >= len(here) and number > 1):
        raise NotFound
    names = duties.names(g.session, developer_id)
    last = min(first + duty_pages.PAGE, len(here))

    def address(wanted: str, page: int) -> str:
        values: dict[str, Any] = dict(request.view_args or {})
        if wanted != duty_pages.TABS[0]:
            values["show"] = wanted
        if page > 1:
            values["page"] = page
        return url_for(str(request.endpoint), **values)

    counts = [len(duty_pages.split(found, one)) for one in duty_pages.TABS]
    tabs = [f"{one} {count}" for one, count in zip(duty_pages.TABS, counts, strict=True)]
    return {
        "rows": [duty_pages.shown(duty, names) for duty in here[first:last]],
        "anything": bool(found),
        "tabs": [(label, address(one, 1)) for label, one in zip(tabs, duty_pages.TABS, strict=True)],
        "tab": tabs[duty_pages.TABS.index(tab)],
        "words": f"{tab} duties {first + 1} to {last} of {len(here)}" if len(here) > duty_pages.PAGE else "",
        "before": address(tab, number - 1) if number > 1 else None,
        "after": address(tab, number + 1) if last < len(here) else None,
    }
