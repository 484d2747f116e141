"""What pages of people and organisations share: forms that keep what was typed, a person's page, words."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, g, redirect, render_template, request
from werkzeug.wrappers import Response

from portal.ui.forms import Form
from portal.web import current_actor, current_time
from secure_access import identity, ledger
from secure_access.db import Session
from secure_access.identity import Actor, Organisation, OrganisationKind, Person, leaving, roles
from secure_access.ledger import LedgerEntry
from secure_access.workflow import Denied, NotFound, Role

Page = str | Response | tuple[str, int]

WORDS = {
    "organisation.registered": "Registered",
    "organisation.changed": "Mail domains or second contact changed",
    "person.added": "Account made",
    "person.role_given": "Role given: {role}",
    "person.role_taken": "Role taken: {role}",
    "person.moved": "Account moved from another organisation",
    "person.team_changed": "Team changed",
    "person.suspended": "Suspended",
    "person.restored": "Restored",
    "person.ended": "Account ended",
    "person.credentials_reset": "Credentials reset",
    "credential.changed": "Credential: {kind}, {change}",
    "people.confirmed": "{people} people confirmed; next by {next_due}",
    "entity.claimed": "Legal entity claimed",
    "entity.verified": "Legal entity verified",
    "entity.refused": "Legal entity refused",
    "entity.ended": "Legal entity ended",
    "relation.recorded": "Relation recorded: {relation}",
    "relation.ended": "Relation ended: {relation}",
    "invitation.sent": "Invitation sent ({purpose})",
    "invitation.accepted": "Invitation accepted ({purpose})",
    "invitation.withdrawn": "Invitation withdrawn",
    "authority.recorded": "Authority to sign recorded",
    "authority.revoked": "Authority to sign revoked",
    "delegation.granted": "Delegation granted",
    "delegation.revoked": "Delegation revoked",
    "recusal.declared": "Conflict recorded",
    "recusal.ended": "Conflict ended",
    "act.proposed": "Proposed: {act}",
    "act.approved": "Approved and done: {act}",
    "act.refused": "Refused: {act}",
    "act.withdrawn": "Proposal withdrawn: {act}",
    "administrator.created": "First administrator invited on the machine",
    "administrator.recovered": "Administrator invited on the machine, by recovery",
    "administrator.recovery_seen": "Recovery acknowledged",
}

STATES = {
    "claimed": ("warn", "Waits for verification"),
    "verified": ("good", "Verified"),
    "refused": ("stop", "Refused"),
    "ended": ("neutral", "Ended"),
    "standing": ("good", "Standing"),
    "proposed": ("warn", "Waits for a second administrator"),
    "done": ("good", "Done"),
    "withdrawn": ("neutral", "Withdrawn"),
}


@dataclass(frozen=True)
class Happened:
    """One entry as a list shows it."""

    number: int
    words: str
    at: datetime
    by: str


def tried(act: Callable[[], object]) -> Denied | None:
    """Do an act, or take all of it back and give the refusal, so that its form is shown again as typed."""
    try:
        with g.session.begin_nested():
            act()
    except Denied as refused:
        return refused
    return None


@dataclass(frozen=True)
class Asked:
    """A page that is one form: what it is called, what its button says, and where it leads."""

    title: str
    label: str
    back: tuple[str, str]
    """Words and address of the page above."""
    done: str
    note: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    blank: str = "Choose one"


def form_page(
    asked: Asked, form: Form, act: Callable[[], object], *, valid: Callable[[], bool] | None = None
) -> Page:
    """Show a form; when it is sent and valid, do the act, and lead back. A refusal stands above the form."""
    if request.method == "GET":
        return render_template("accounts/form.html", asked=asked, form=form, problems=[])
    problems: list[tuple[str, str]] = []
    if (valid or form.validate)():
        refused = tried(act)
        if refused is None:
            flash(asked.done)
            return redirect(asked.back[1], 303)
        problems = [("", refused.words)]
    problems = problems or form.problems()
    return render_template("accounts/form.html", asked=asked, form=form, problems=problems), 422


def act_on(person: Person, act: str) -> None:
    """One of the buttons of a person's page. Raises `NotFound` for no act of ours, `Denied` by its verb."""
    by, now, session = current_actor(), current_time(), g.session
    acts: Mapping[str, Callable[[], object]] = {
        "give": lambda: roles.give(session, person=person, role=sent_role(), by=by, now=now),
        "take": lambda: roles.take(session, person=person, role=sent_role(), by=by, now=now),
        "suspend": lambda: roles.suspend(session, person=person, by=by, now=now),
        "restore": lambda: roles.restore(session, person=person, by=by, now=now),
        "team": lambda: roles.set_team(
            session, person=person, team=request.form.get("team", ""), by=by, now=now
        ),
        "end-sessions": lambda: roles.end_sessions(
            session, person=person, by=by, now=now, only=sent_id("session")
        ),
        "hand-over": lambda: leaving.hand_over(
            session,
            person=person,
            key=request.form.get("key", ""),
            heir_id=sent_id("heir") or uuid.UUID(int=0),
            by=by,
            now=now,
        ),
        "end-account": lambda: leaving.end_account(session, person=person, by=by, now=now),
    }
    if act not in acts:
        raise NotFound
    acts[act]()


DONE = {
    "give": "The role is given. It counts from the person’s next request.",
    "take": "The role is taken. It counts from the person’s next request.",
    "suspend": "Suspended. Every session has ended.",
    "restore": "Restored.",
    "team": "The team is changed.",
    "end-sessions": "The session has ended.",
    "hand-over": "Handed over.",
    "end-account": "The account has ended. What the person did stays, with the name.",
}


def sent_role() -> Role:
    """The role of a form. Raises `NotFound` for none."""
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise NotFound from None


def sent_id(name: str) -> uuid.UUID | None:
    """An identifier of a form, or ``None`` where it is empty. Raises `NotFound` for anything else."""
    raw = request.form.get(name, "")
    try:
        return uuid.UUID(raw) if raw else None
    except ValueError:
        raise NotFound from None


def person_page(session: Session, person: Person, *, by: Actor, back: tuple[str, str]) -> dict[str, Any]:
    """What the page of a person shows: all of it for whoever runs the organisation, less for who oversees."""
    organisation = session.get_one(Organisation, person.organisation_id)
    runs = roles.administers(by, person.organisation_id)
    kind = OrganisationKind(organisation.kind)
    held = identity.roles_of(session, person.id)
    holdings = leaving.held(session, person) if runs and person.ended_at is None else []
    return {
        "person": person,
        "organisation": organisation,
        "runs": runs,
        "is_self": person.id == by.person_id,
        "held": held,
        "givable": sorted(roles.ROLES_OF[kind] - set(held) - roles.OF_TWO),
        "of_two": sorted((roles.ROLES_OF[kind] & roles.OF_TWO) - set(held)),
        "sessions": roles.live_sessions(session, person),
        "holdings": [(one, leaving.heirs(session, person, one)) for one in holdings],
        "events": happened(session, identity.person_subject(person.id)),
        "back": back,
    }


def happened(session: Session, subject: str) -> list[Happened]:
    """The entries about a subject, the latest first."""
    return [_told(session, entry) for entry in reversed(ledger.entries(session, about=subject))]


def _told(session: Session, entry: LedgerEntry) -> Happened:
    fields = {key: str(value).replace("_", " ") for key, value in entry.fields.items()}
    words = WORDS.get(entry.type, entry.type.replace(".", ": ").replace("_", " ")).format(**fields)
    person = session.get(Person, entry.person_id) if entry.person_id else None
    return Happened(entry.number or 0, words, entry.recorded_at, person.name if person else "The system")
