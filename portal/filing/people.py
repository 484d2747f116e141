"""Acts on the named people of a draft: who is let in, refused, removed. `portal.filing.openness` finds them.

A draft is open to everyone who files for the developer, or to named people only. Who began it, who wrote in
it and who restricts it are its first people. Each change is an entry of the custody log.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from portal.filing import openness
from portal.filing.tables import Filing, FilingPerson
from portal.filing.workflow import DRAFT_PERSON, FILING, FilingState, Part, PlaceState
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Person
from secure_access.workflow import Denied


def restrict(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """Open a draft to named people only: who began it, who wrote in it, ``by``, the officer who was asked.

    Twice changes nothing. Raises `Denied` for somebody it is not open to, or who only reads it.
    """
    FILING.take("restrict", by, filing)
    if filing.named_only:
        return
    filing.named_only = True
    session.add(filing)
    ledger.append(
        session, "draft.restricted", {"filing": str(filing.id)}, by=by, now=now, about=(_subject(filing),)
    )
    first = {str(by.person_id), str(filing.prepared_by), *filing.authors}
    for one in openness.candidates(session, filing.developer_id, now=now):
        if str(one.person.id) in first:
            _put_in(session, filing, one.person.id, Part.PREPARES, by, now)
    if filing.state is FilingState.IN_CERTIFICATION and filing.certifier_id is not None:
        let_in(session, filing=filing, person_id=filing.certifier_id, part=Part.READS, by=by, now=now)


def open_to_everyone(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """Open a draft to everyone who files for the developer again. Places end, and what was asked is settled.

    Twice changes nothing. Raises `Denied` for somebody it is not open to, or who only reads it.
    """
    FILING.take("open_to_everyone", by, filing)
    if not filing.named_only:
        return
    end_all(session, filing=filing, by=by, now=now)
    filing.named_only = False
    session.add(filing)
    ledger.append(
        session,
        "draft.opened_to_everyone",
        {"filing": str(filing.id)},
        by=by,
        now=now,
        about=(_subject(filing),),
    )


def ask(session: Session, *, filing: Filing, by: Actor, now: datetime) -> FilingPerson:
    """Ask to be let into a draft of named people; while that waits, asking again changes nothing.

    Raises `Denied` for a draft that is open to ``by`` already.
    """
    FILING.take("ask_to_join", by, filing)
    waiting = _standing(session, filing, by.person_id, PlaceState.ASKED)
    if waiting is not None:
        return waiting
    row = _asked(filing, by.person_id, now)
    _record(session, "draft.join_asked", row, by, now)
    return row


def name(
    session: Session, *, filing: Filing, person_id: uuid.UUID, part: Part, by: Actor, now: datetime
) -> None:
    """Let a colleague into a draft of named people, whether they asked or not; also to change their part.

    Raises `Denied` for oneself, for a draft that is open to everyone, for somebody who does not file for the
    developer, and for whoever does not choose the draft's people.
    """
    _refuse_open(filing)
    row = _standing(session, filing, person_id, PlaceState.ASKED) or _asked(filing, person_id, now)
    DRAFT_PERSON.take("name", by, openness.facts(session, filing, row))
    if person_id not in {one.person.id for one in openness.candidates(session, filing.developer_id, now=now)}:
        raise Denied(
            "Only somebody who files for your organisation can be named.",
            "Choose somebody of the list, or ask an administrator to give them the role first.",
        )
    before = _standing(session, filing, person_id, PlaceState.NAMED)
    if before is not None and before.part is not part:
        remove(session, filing=filing, row=before, by=by, now=now)
    _put_in(session, filing, person_id, part, by, now)


def refuse(
    session: Session, *, filing: Filing, row: FilingPerson, reason: str, by: Actor, now: datetime
) -> None:
    """Refuse somebody who asked to join. They read the reason. Raises `Denied` without one."""
    state = DRAFT_PERSON.take("refuse", by, openness.facts(session, filing, row))
    if not reason.strip():
        raise Denied("The reason is missing.", "Say why; the colleague who asked reads it.")
    row.reason = reason.strip()[:2000]
    _end(session, row, state, by, now)


def remove(session: Session, *, filing: Filing, row: FilingPerson, by: Actor, now: datetime) -> None:
    """Take somebody off a draft; it counts from their next request. Everybody may leave.

    Raises `Denied` for the last who prepares it, and for the officer whose signature it waits for.
    """
    state = DRAFT_PERSON.take("remove", by, openness.facts(session, filing, row))
    if filing.state is FilingState.IN_CERTIFICATION and filing.certifier_id == row.person_id:
        raise Denied("It waits for the signature of this officer.", "Recall the draft first.")
    _end(session, row, state, by, now)


def let_in(
    session: Session, *, filing: Filing, person_id: uuid.UUID, part: Part, by: Actor, now: datetime
) -> None:
    """Name somebody because of another act: asked to sign, or takes over from a leaver.

    Nothing happens to a draft that is open to everyone, nor to who is in it with as much. Raises `Denied` for
    an administrator who would let themselves in so.
    """
    if not filing.named_only or person_id in filing.preparers:
        return
    if part is Part.READS and person_id in filing.readers:
        return
    if person_id == by.person_id:
        raise Denied(
            "Nobody lets themselves into a draft of named people.",
            "Choose another colleague, or ask another administrator.",
        )
    before = _standing(session, filing, person_id, PlaceState.NAMED)
    if before is not None:
        _end(session, before, PlaceState.ENDED, by, now)
    _put_in(session, filing, person_id, part, by, now)


def end_all(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """End every place of a draft that is discarded or opened to everyone, and what was asked."""
    query = select(FilingPerson).where(
        FilingPerson.filing_id == filing.id,
        col(FilingPerson.state).in_((PlaceState.ASKED, PlaceState.NAMED)),
    )
    for row in session.exec(query).all():
        _end(session, row, PlaceState.ENDED, by, now)


def end_of_person(session: Session, person: Person, by: Actor, now: datetime) -> None:
    """End the places of somebody who leaves, so that coming back opens no draft of before."""
    query = select(FilingPerson).where(
        FilingPerson.person_id == person.id,
        col(FilingPerson.state).in_((PlaceState.ASKED, PlaceState.NAMED)),
    )
    for row in session.exec(query).all():
        _end(session, row, PlaceState.ENDED, by, now)


def _refuse_open(filing: Filing) -> None:
    if not filing.named_only or filing.of_record():
        raise Denied(
            "This draft is open to everyone who files for your organisation.",
            "Restrict it to named people first.",
        )


def _standing(
    session: Session, filing: Filing, person_id: uuid.UUID, state: PlaceState
) -> FilingPerson | None:
    query = select(FilingPerson).where(
        FilingPerson.filing_id == filing.id,
        FilingPerson.person_id == person_id,
        FilingPerson.state == state,
    )
    return session.exec(query).first()


def _asked(filing: Filing, person_id: uuid.UUID, now: datetime) -> FilingPerson:
    return FilingPerson(
        filing_id=filing.id, developer_id=filing.developer_id, person_id=person_id, asked_at=now
    )


def _put_in(
    session: Session, filing: Filing, person_id: uuid.UUID, part: Part, by: Actor, now: datetime
) -> None:
    if _standing(session, filing, person_id, PlaceState.NAMED) is not None:
        return
    row = _standing(session, filing, person_id, PlaceState.ASKED) or _asked(filing, person_id, now)
    row.state, row.part, row.added_by, row.added_at = PlaceState.NAMED, part, by.person_id, now
    _record(session, "draft.person_named", row, by, now, part=part)


def _end(session: Session, row: FilingPerson, state: PlaceState, by: Actor, now: datetime) -> None:
    event = _ENDS[PlaceState(row.state), state]
    row.state, row.ended_by, row.ended_at = state, by.person_id, now
    _record(session, event, row, by, now)


_ENDS = {
    (PlaceState.NAMED, PlaceState.ENDED): "draft.person_removed",
    (PlaceState.ASKED, PlaceState.REFUSED): "draft.join_refused",
    (PlaceState.ASKED, PlaceState.ENDED): "draft.join_ended",
}


def _record(session: Session, event: str, row: FilingPerson, by: Actor, now: datetime, **more: str) -> None:
    session.add(row)
    fields = {"filing": str(row.filing_id), "person": str(row.person_id), **more}
    about = (f"filing:{row.filing_id}",)
    ledger.append(session, event, fields, by=by, now=now, about=about, records=(row,))


def _subject(filing: Filing) -> str:
    return f"filing:{filing.id}"
