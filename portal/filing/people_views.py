"""Pages of the people of a draft, in the developer's zone. Nothing of the draft's content stands on them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.accounts.pages import tried
from portal.filing import openness, people, service
from portal.filing.registration import as_id
from portal.filing.tables import Filing, FilingPerson
from portal.filing.workflow import DRAFT_PERSON, FILERS, FILING, Part, PlaceState
from portal.web import current_actor, current_time
from secure_access import identity
from secure_access.db import Session
from secure_access.identity import Actor, roles
from secure_access.workflow import NotFound

bp = Blueprint("draft_people", __name__, template_folder="templates")

Page = str | Response | tuple[str, int]

PARTS = [
    ("prepares", "Prepares it", "Reads, writes, attaches, sends it for certification, chooses its people."),
    ("reads", "Reads it", "Changes nothing. An officer who was asked can still sign."),
]


@dataclass(frozen=True)
class Closed:
    """A draft that is not open to somebody: what it is in short, who to ask, how their asking stands."""

    filing_id: uuid.UUID
    what: str
    who: str
    asked: bool
    refused: str


def closed(session: Session, by: Actor) -> list[Closed]:
    """The drafts of named people that are not open to the actor, as far as a colleague has to know."""
    return [_closed(session, filing, by) for filing in openness.closed_to(session, by)]


def _closed(session: Session, filing: Filing, by: Actor) -> Closed:
    own = openness.own_latest(session, filing, by=by)
    state = own.state if own else None
    return Closed(
        filing.id,
        service.notice(filing),
        ", ".join(person.name for person in openness.able(session, filing)) or "an administrator",
        state is PlaceState.ASKED,
        own.reason if own and state is PlaceState.REFUSED else "",
    )


@bp.get("/drafts")
def every() -> str:
    """Every draft of named people, for administrators: who is in it and who asks, nothing of its content."""
    by = current_actor()
    if not roles.administers(by, by.organisation_id):
        raise NotFound
    rows = [
        (
            filing,
            service.notice(filing),
            openness.places(g.session, filing, by=by),
            openness.able(g.session, filing),
        )
        for filing in openness.restricted(g.session, by)
    ]
    return render_template("people/every.html", rows=rows)


@bp.get("/filings/<uuid:filing_id>/people")
def show(filing_id: uuid.UUID) -> str:
    """Who can open a draft, and who chooses that."""
    return _page(openness.find(g.session, filing_id, by=current_actor()))


@bp.post("/filings/<uuid:filing_id>/people")
def name(filing_id: uuid.UUID) -> Page:
    """Name a colleague."""
    chosen, part = request.form.get("person", ""), request.form.get("part", "")
    problems = []
    if not chosen:
        problems.append(("person", "Choose a colleague."))
    if part not in list(Part):
        problems.append(("part", "Choose what the colleague does with the draft."))

    def act(filing: Filing) -> None:
        people.name(
            g.session,
            filing=filing,
            person_id=as_id(chosen),
            part=Part(part),
            by=current_actor(),
            now=current_time(),
        )

    return _do(filing_id, act, "Named. It counts from the colleague’s next page.", problems)


@bp.post("/filings/<uuid:filing_id>/people/<act>")
def change(filing_id: uuid.UUID, act: str) -> Page:
    """Restrict a draft to named people, or open it to everyone who files."""
    verbs: dict[str, tuple[Callable[..., None], str]] = {
        "restrict": (people.restrict, "From now on only the people below can open this draft."),
        "open": (people.open_to_everyone, "Everyone who files for your organisation can open it now."),
    }
    if act not in verbs:
        raise NotFound
    verb, done = verbs[act]
    return _do(
        filing_id, lambda filing: verb(g.session, filing=filing, by=current_actor(), now=current_time()), done
    )


@bp.post("/filings/<uuid:filing_id>/people/<uuid:place_id>/<act>")
def settle(filing_id: uuid.UUID, place_id: uuid.UUID, act: str) -> Page:
    """Let in who asked, or refuse with a reason; take somebody off the draft."""
    by, now = current_actor(), current_time()

    def let_in(filing: Filing, row: FilingPerson, part: Part) -> None:
        people.name(g.session, filing=filing, person_id=row.person_id, part=part, by=by, now=now)

    def refuse(filing: Filing, row: FilingPerson) -> None:
        people.refuse(
            g.session, filing=filing, row=row, reason=request.form.get("reason", ""), by=by, now=now
        )

    verbs: dict[str, tuple[Callable[[Filing, FilingPerson], None], str]] = {
        "prepares": (lambda filing, row: let_in(filing, row, Part.PREPARES), "Let in, to prepare the draft."),
        "reads": (lambda filing, row: let_in(filing, row, Part.READS), "Let in, to read the draft."),
        "refuse": (refuse, "Refused. The colleague reads your reason."),
        "remove": (
            lambda filing, row: people.remove(g.session, filing=filing, row=row, by=by, now=now),
            "Removed. It counts from the next page that is asked for.",
        ),
    }
    if act not in verbs:
        raise NotFound
    verb, done = verbs[act]
    return _do(
        filing_id,
        lambda filing: verb(filing, openness.place(g.session, filing, place_id, by=by)),
        done,
        at=f"reason-{place_id}" if act == "refuse" else "",
    )


@bp.post("/filings/<uuid:filing_id>/ask")
def ask(filing_id: uuid.UUID) -> Response:
    """Ask to join a draft of named people."""
    by = current_actor()
    filing = openness.closed(g.session, filing_id, by=by, for_update=True)
    people.ask(g.session, filing=filing, by=by, now=current_time())
    flash("Asked. Who prepares the draft lets you in, or says why not: you see it here.")
    return redirect(url_for("filings.index"), 303)


def _do(
    filing_id: uuid.UUID,
    act: Callable[[Filing], None],
    done: str,
    problems: list[tuple[str, str]] | None = None,
    *,
    at: str = "",
) -> Page:
    """One act on the people of a draft; a refusal stands above the page, with what was chosen."""
    filing = openness.find(g.session, filing_id, by=current_actor(), for_update=True)
    if not problems:
        refused = tried(lambda: act(filing))
        if refused is not None:
            problems = [(at, refused.words)]
    if problems:
        return _page(filing, problems), 422
    flash(done)
    return redirect(_after(filing), 303)


def _after(filing: Filing) -> str:
    """Back to the page, unless somebody has just left the draft."""
    by = current_actor()
    named = by.person_id in filing.preparers | filing.readers
    stays = not filing.named_only or named or roles.administers(by, by.organisation_id)
    return url_for(".show", filing_id=filing.id) if stays else url_for("filings.index")


def _page(filing: Filing, problems: Any = ()) -> str:
    by, now = current_actor(), current_time()
    found = openness.places(g.session, filing, by=by)
    inside = {row.person_id for row in found if row.state is PlaceState.NAMED}
    facts = [(row, DRAFT_PERSON.allowed(by, openness.facts(g.session, filing, row))) for row in found]
    chooses = filing.named_only and _chooses(filing, by)
    return render_template(
        "people/show.html",
        filing=filing,
        what=service.notice(filing),
        standing=[(row, acts) for row, acts in facts if row.state is PlaceState.NAMED],
        asking=[(row, acts) for row, acts in facts if row.state is PlaceState.ASKED],
        names=_names(found),
        able={person.id for person in openness.able(g.session, filing)},
        candidates=[
            (str(one.person.id), f"{one.person.name}, {one.body}" if one.body else one.person.name)
            for one in openness.candidates(g.session, filing.developer_id, now=now)
            if one.person.id not in inside | {by.person_id}
        ]
        if chooses
        else [],
        chooses=chooses,
        parts=PARTS,
        actions=FILING.allowed(by, filing),
        reads_it=bool(by.roles & FILERS) and (not filing.named_only or by.person_id in inside),
        everyone=openness.candidates(g.session, filing.developer_id, now=now),
        began=g.session.get_one(identity.Person, filing.prepared_by).name,
        problems=problems,
        chosen=request.form.get("person", ""),
        part=request.form.get("part", ""),
        reason=request.form.get("reason", ""),
        wrong=dict(problems),
    )


def _chooses(filing: Filing, by: Actor) -> bool:
    return roles.administers(by, by.organisation_id) or (
        by.agency is None and by.person_id in filing.preparers
    )


def _names(rows: list[FilingPerson]) -> dict[uuid.UUID, str]:
    return identity.names_of(g.session, {row.person_id for row in rows})
