"""What pages of people and organisations share: forms that keep what was typed, a person's page, states."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import mail
from portal.accounts import first_keys, step_up
from portal.accounts.forms import InviteForm
from portal.accounts.happened import happened
from portal.ui.forms import Form
from portal.web import current_actor, current_time, current_zone
from secure_access import identity
from secure_access.db import Session
from secure_access.identity import Actor, Organisation, OrganisationKind, Person, leaving, roles, sessions
from secure_access.workflow import Denied, NotFound, Role

Page = str | Response | tuple[str, int]
Done = TypeVar("Done")

STATES = {
    "claimed": ("warn", "Waits for verification"),
    "verified": ("good", "Verified"),
    "refused": ("stop", "Refused"),
    "ended": ("neutral", "Ended"),
    "standing": ("good", "Standing"),
    "proposed": ("warn", "Waits for a second administrator"),
    "done": ("good", "Done"),
    "withdrawn": ("neutral", "Withdrawn"),
    "lapsed": ("neutral", "Lapsed, not done"),
}


_DAYS = first_keys.LIFE.days


class _TakenBack(Exception):
    """Ends a rehearsal."""


def tried(act: Callable[[], Done]) -> Done | Denied:
    """Do an act, or take all of it back and give the refusal, so that its form is shown again as typed."""
    try:
        with g.session.begin_nested():
            return act()
    except Denied as refused:
        return refused


def rehearsed(act: Callable[[], object]) -> Denied | None:
    """Why an act would be refused, with all of it taken back: nobody is asked for a key in vain."""
    try:
        with g.session.begin_nested():
            act()
            raise _TakenBack
    except _TakenBack:
        return None
    except Denied as refused:
        return refused


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
    asked: Asked, form: Form, act: Callable[[], object], *, confirm: Callable[[], step_up.Act] | None = None
) -> Page:
    """Show a form; when it is sent and valid, do the act, and lead back. A refusal stands above the form.

    ``confirm`` states an act that is confirmed with a key before it is done: `portal.accounts.step_up`.
    """
    if request.method == "GET":
        return render_template("accounts/form.html", asked=asked, form=form, problems=[])
    problems: list[tuple[str, str]] = []
    if form.validate():
        outcome = tried(lambda: _done(act, confirm))
        if outcome is None:
            flash(asked.done)
            return redirect(asked.back[1], 303)
        if not isinstance(outcome, Denied):
            return outcome
        problems = [("", outcome.words)]
    problems = problems or form.problems()
    return render_template("accounts/form.html", asked=asked, form=form, problems=problems), 422


def _done(act: Callable[[], object], confirm: Callable[[], step_up.Act] | None) -> step_up.Page | None:
    """``None`` once the act is done; where it takes a key first, the page that asks for it."""
    if confirm is not None:
        refusal = rehearsed(act) if step_up.to_ask() else None
        page = step_up.asked(replace(confirm(), refusal=refusal))
        if page is not None:
            return page
    act()
    return None


def change_person(person_id: uuid.UUID, act: str, address: str) -> Page:
    """One of the buttons of a person's page, which stands at ``address``."""
    person = roles.load(g.session, person_id, by=current_actor(), for_update=True)
    if act in CONFIRMED:
        action, words = CONFIRMED[act]
        role = f": {sent_role().label}" if "role" in request.form else ""
        page = step_up.asked(
            step_up.Act(
                action, identity.person_subject(person.id), step_up.shown(person), words, person.name + role
            )
        )
        if page is not None:
            return page
    act_on(person, act)
    flash(DONE[act])
    return redirect(address, 303)


CONFIRMED = {
    "give": ("role.give", "Give a role"),
    "take": ("role.take", "Take a role away"),
    "end-account": ("account.end", "End an account"),
    "suspend": ("account.suspend", "Suspend an account"),
    "restore": ("account.restore", "Restore an account"),
}
"""The buttons that ask for a key: the action that is confirmed, and words."""


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


def first_key_page(person: Person, back: tuple[str, str]) -> Page:
    """The page on which an administrator gives a colleague a code for a first key; it shows the code once."""
    by = current_actor()
    if request.method == "GET":
        return render_template(
            "accounts/give_first_key.html",
            person=person,
            refusal=_no_code(g.session, person, by=by),
            two=first_keys.takes_two(g.session, person, by=by),
            back=back,
            days=_DAYS,
        )

    def give() -> str:
        begins_with = current_zone().wired.settings.first_policy
        return first_keys.give(g.session, person=person, begins_with=begins_with, **by_now())

    page = step_up.asked(
        step_up.Act(
            first_keys.GIVE,
            identity.person_subject(person.id),
            step_up.shown(person),
            "Give a code for a first key",
            f"{person.name}, {person.email}",
            refusal=rehearsed(give) if step_up.to_ask() else None,
        )
    )
    return page if page is not None else code_page(person, give(), back=back)


def code_page(person: Person, code: str, *, back: tuple[str, str]) -> str:
    """A code for a first key, once, for whoever hands it over. No table and no mail holds it."""
    return render_template("accounts/first_key_code.html", person=person, code=code, back=back, days=_DAYS)


def by_now() -> dict[str, Any]:
    """Who acts and when, as every verb takes them."""
    return {"by": current_actor(), "now": current_time()}


def sent_form() -> MultiDict[str, str] | None:
    """The form that was sent, for a page that shows and takes one; ``None`` where it is only shown."""
    return request.form if request.method == "POST" else None


def led_to(endpoint: str, words: str) -> Response:
    """To a page of the same blueprint, which says what was done."""
    flash(words)
    return redirect(url_for(endpoint), 303)


def inviting(organisation: Organisation, form: InviteForm) -> step_up.Act:
    """What is confirmed with a key when somebody is invited: the link carries roles."""
    subject = identity.organisation_subject(organisation.id)
    return step_up.Act(
        "person.invite", subject, step_up.shown(organisation), "Invite somebody", form.invited()
    )


def own_organisation() -> Organisation:
    """The organisation of who is signed in."""
    return g.session.get_one(Organisation, current_actor().organisation_id)  # type: ignore[no-any-return]


def link_key() -> bytes:
    """The key of the instance's single-use links."""
    return mail.link_key(current_zone().wired)


def person_name(person_id: uuid.UUID) -> str:
    """The name of a person, the ended ones too."""
    return str(g.session.get_one(Person, person_id).name)


def organisation_name(organisation_id: uuid.UUID) -> str:
    """The name of an organisation."""
    return str(g.session.get_one(Organisation, organisation_id).name)


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


def sent_ids(name: str) -> list[uuid.UUID]:
    """The identifiers of a list in a form. Raises `NotFound` for anything else."""
    try:
        return [uuid.UUID(raw) for raw in request.form.getlist(name)]
    except ValueError:
        raise NotFound from None


def person_page(session: Session, person: Person, *, by: Actor, back: tuple[str, str]) -> dict[str, Any]:
    """What the page of a person shows: all of it for whoever runs the organisation, less for who oversees."""
    organisation = session.get_one(Organisation, person.organisation_id)
    runs, own = roles.administers(by, person.organisation_id), person.id == by.person_id
    kind = OrganisationKind(organisation.kind)
    held = identity.roles_of(session, person.id)
    holdings = leaving.held(session, person) if runs and person.ended_at is None else []
    return {
        "person": person,
        "organisation": organisation,
        "runs": runs,
        "is_self": own,
        "held": held,
        # Nobody gives themselves a role; proposing it to another administrator is for them to approve.
        "givable": [] if own else sorted(roles.ROLES_OF[kind] - set(held) - roles.OF_TWO),
        "of_two": sorted((roles.ROLES_OF[kind] & roles.OF_TWO) - set(held)),
        "sessions": sessions.of_person(session, person_id=person.id),
        "holdings": [(one, leaving.heirs(session, person, one)) for one in holdings],
        "events": happened(session, identity.person_subject(person.id)),
        "back": back,
        "no_code": _no_code(session, person, by=by),
        "code_of_two": first_keys.takes_two(session, person, by=by),
    }


def _no_code(session: Session, person: Person, *, by: Actor) -> Denied | None:
    """Why this person gets no code for a first key from ``by``."""
    begins_with = current_zone().wired.settings.first_policy
    return first_keys.refusal(session, person, begins_with=begins_with, by=by)
