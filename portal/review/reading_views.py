"""Pages of a sealed plan, for a named reader until the grant ends.

The order of one opening: the grant is looked up, the page is drawn in a process of its own, and then, in a
transaction of its own, the grant is looked up again and the opening recorded; only after that commit is a
byte sent. A refusal is recorded the same way and answers like what does not exist. The request's own
transaction only reads, so nothing of it has to be rolled back, and no lock is held while a page is drawn.
"""

from __future__ import annotations

from flask import Response, g, render_template, url_for

from portal.filing.outline import title_of
from portal.review import plans
from portal.review.blueprints import reading as bp
from portal.review.tables import PlanRequest, PlanSection
from portal.review.workflow import PLAN_REQUEST
from portal.web import current_actor, current_time, current_zone, let_go, separately
from secure_access import documents, grants
from secure_access.documents import CannotShow, Document
from secure_access.grants import Opening
from secure_access.workflow import Denied, NotFound

WIDTH = 1200


@bp.get("/plans/<reference>/sections/<int:number>/pages/<int:page>")
def show(reference: str, number: int, page: int) -> str:
    """The frame around one page: what it is, how to turn it. The picture itself is the opening."""
    request, section, opening = _found(reference, number, page)
    document = _knock(request, section, opening, page)
    return render_template(
        "plans/page.html",
        request_=request,
        section=section,
        title=title_of(section.section),
        document=document,
        page=page,
        picture=url_for(".picture", reference=reference, number=number, page=page),
        until=request.read_until,
        sections=plans.sections(g.session, request),
        title_of=title_of,
    )


@bp.get("/plans/<reference>/sections/<int:number>/pages/<int:page>.png")
def picture(reference: str, number: int, page: int) -> Response:
    """One page as a picture, with the reader's name, role and minute burnt in."""
    request, section, opening = _found(reference, number, page)
    document = _knock(request, section, opening, page)
    by, now = current_actor(), current_time()
    let_go()
    mark = documents.reader_mark(by.name, by.title or "plan reader", f"{now:%Y-%m-%d %H:%M} UTC")
    try:
        drawn = documents.page_image(current_zone().wired.vault, document, page=page, width=WIDTH, mark=mark)
    except CannotShow as cannot:
        raise Denied(str(cannot), "Ask the developer to deliver it as PDF.") from cannot
    _open(opening)
    return Response(drawn, mimetype="image/png", headers={"Cache-Control": "no-store"})


def _found(reference: str, number: int, page: int) -> tuple[PlanRequest, PlanSection, Opening]:
    """The delivered section of an address. Whether it may be opened is asked afterwards."""
    request = plans.delivered(g.session, reference)
    section = next((row for row in plans.sections(g.session, request) if row.number == number), None)
    if section is None:
        raise NotFound
    opening = Opening(
        plans.subject_of(request), section.document_id, number, page, about=plans.about(request)
    )
    return request, section, opening


def _knock(request: PlanRequest, section: PlanSection, opening: Opening, page: int) -> Document:
    """The document, for whoever has a standing grant. Everybody else is recorded and finds no such page."""
    by, now = current_actor(), current_time()
    if (
        PLAN_REQUEST.refusal("open_plan", by, request) is not None
        or request.developer_id in by.conflicts
        or grants.refusal(g.session, opening=opening, reader_id=by.person_id, now=now) is not None
    ):
        _refuse(opening)
    document = documents.find(g.session, section.document_id)
    if document.pages is not None and not 1 <= page <= document.pages:
        raise NotFound
    return document


def _open(opening: Opening) -> None:
    """Record the opening and commit it; a grant that ended while the page was drawn shuts it after all."""
    # The time is asked anew: drawing took some, and the grant may have ended in it.
    now = current_zone().wired.clock.now()
    try:
        with separately() as own:
            grants.open_page(own, opening=opening, by=current_actor(), now=now)
    except NotFound:
        _refuse(opening)


def _refuse(opening: Opening) -> None:
    let_go()
    now = current_zone().wired.clock.now()
    grants.record_refusal(current_zone().wired.database, opening=opening, by=current_actor(), now=now)
    raise NotFound
