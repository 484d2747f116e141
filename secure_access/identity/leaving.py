"""Leavers: what somebody holds, who takes it over, and the end of the account. Nothing disappears.

Each package that gives people something to hold declares how to find it and how to hand it over, by its own
verb. What cannot be handed over says who must see to it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from secure_access import ledger
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import Session, select
from secure_access.identity import federation, proposals
from secure_access.identity.authority import authorities, revoke
from secure_access.identity.people import Organisation, Person, PersonRole, about, people_with
from secure_access.identity.roles import administers, end_sessions, refuse_too_few
from secure_access.identity.tables import ProposedAct
from secure_access.identity.workflow import ProposalState, StandingState
from secure_access.workflow import Denied, NotFound, Role

LEFT = "The officer has left."


@dataclass(frozen=True)
class Holding:
    """One thing somebody holds. ``heirs`` are roles of which the next holder needs one; without any, it
    cannot be handed over here, and ``who`` says who must see to it."""

    key: str
    what: str
    heirs: frozenset[Role] = frozenset()
    who: str = ""


Find = Callable[[Session, Person], Iterable[Holding]]


@dataclass(frozen=True)
class HandOver:
    """That a colleague takes something over: the part of the key after its kind, and to whom it goes."""

    key: str
    heir: Person


Hand = Callable[[Session, HandOver, Actor, datetime], None]

End = Callable[[Session, Person, Actor, datetime], None]

_sources: dict[str, tuple[Find, Hand | None, OrganisationKind | None]] = {}
_ends: list[tuple[End, OrganisationKind]] = []


def declare(kind: str, find: Find, hand: Hand | None = None, *, of: OrganisationKind | None = None) -> None:
    """Say how things of a kind are found and handed over. Their keys are ``kind:…``.

    ``of`` is the kind of organisation whose people alone can hold them: of others they are not asked for,
    and another zone's process need not be able to read them.
    """
    _sources[kind] = (find, hand, of)


def declare_end(end: End, *, of: OrganisationKind) -> None:
    """Say what else ends with an account there: whoever is invited back gets none of it back."""
    _ends.append((end, of))


def proposed(session: Session, person: Person) -> Iterable[Holding]:
    """Acts of two administrators that this person proposed and no other has approved or refused."""
    query = select(ProposedAct).where(
        ProposedAct.proposed_by == person.id, ProposedAct.state == ProposalState.PROPOSED
    )
    for row in session.exec(query):
        who = "Another administrator approves it or refuses it."
        yield Holding(f"proposal:{row.id}", f"proposal that waits: {proposals.words_of(row.act)}", who=who)


declare("proposal", proposed, of=OrganisationKind.REGULATOR)


def held(session: Session, person: Person) -> list[Holding]:
    """Everything somebody holds and that stands in the way of the end of the account."""
    kind = session.get_one(Organisation, person.organisation_id).kind
    asked = [find for find, _, of in _sources.values() if of in (None, kind)]
    return [holding for find in asked for holding in find(session, person)]


def heirs(session: Session, person: Person, holding: Holding) -> list[Person]:
    """The colleagues who could take it over, by name."""
    able = {
        other.id: other
        for role in holding.heirs
        for other in people_with(session, role, organisation_id=person.organisation_id)
        if other.id != person.id
    }
    return sorted(able.values(), key=lambda other: other.name)


def hand_over(
    session: Session, *, person: Person, key: str, heir_id: uuid.UUID, by: Actor, now: datetime
) -> None:
    """Hand one thing over to a colleague. Raises `Denied` for what is not held, or who cannot take it."""
    if not administers(by, person.organisation_id):
        raise NotFound
    holding = next((found for found in held(session, person) if found.key == key), None)
    if holding is None:
        raise Denied("That is not held any more.", "Reload the page to see what is left.")
    heir = next((found for found in heirs(session, person, holding) if found.id == heir_id), None)
    kind, _, rest = key.partition(":")
    hand = _sources[kind][1]
    if heir is None or hand is None:
        raise Denied(
            "Nobody is named who can take that over.", holding.who or "Choose somebody from the list."
        )
    hand(session, HandOver(rest, heir), by, now)


def end_account(session: Session, *, person: Person, by: Actor, now: datetime) -> None:
    """End an account once nothing is held: roles and authorities to sign end with it, acts and name stay.

    Raises `Denied` while something is held, for oneself, and for one of the last two administrators.
    """
    if not administers(by, person.organisation_id):
        raise NotFound
    if person.id == by.person_id:
        raise Denied("You cannot end your own account.", "Ask another administrator.")
    if person.ended_at is not None:
        return
    left = held(session, person)
    if left:
        raise Denied(
            f"{person.name} still holds {len(left)} {'thing' if len(left) == 1 else 'things'}, "
            f"the first: {left[0].what}.",
            "Hand over what is listed, then end the account.",
        )
    refuse_too_few(session, person)
    for authority in authorities(session, person.organisation_id):
        if authority.officer_id == person.id and authority.state is StandingState.STANDING:
            revoke(session, authority=authority, reason=LEFT, by=by, now=now)
    roles = list(session.exec(select(PersonRole).where(PersonRole.person_id == person.id)))
    for row in roles:
        session.delete(row)
    person.ended_at = now
    session.add(person)
    fields = {"roles": sorted(row.role for row in roles)}
    ledger.append(
        session, "person.ended", fields, by=by, now=now, about=about(person), records=(person, *roles)
    )
    kind = session.get_one(Organisation, person.organisation_id).kind
    for end, of in _ends:
        if of is kind:
            end(session, person, by, now)
    end_sessions(session, person=person, by=by, now=now)
    federation.unlink_all(session, person.id)
