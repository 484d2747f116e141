"""Administration in the government's zone: the authority's own people, a person's page, mail."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response

from portal import mail
from portal.accounts.pages import (
    Page,
    by_now,
    change_person,
    first_key_page,
    led_to,
    own_organisation,
    person_page,
    sent_ids,
)
from portal.mail import SentMail
from portal.web import current_actor, current_time, current_zone
from secure_access import identity
from secure_access.identity import (
    Organisation,
    invitations,
    organisations,
    recovery,
    roles,
)
from secure_access.identity.tables import Recovery
from secure_access.workflow import NotFound

bp = Blueprint("administration", __name__, template_folder="templates", url_prefix="/administration")


@bp.get("")
def index() -> str:
    """The authority's own people, and invitations that nobody has accepted."""
    by = current_actor()
    people = roles.of_organisation(g.session, by.organisation_id)
    return render_template(
        "accounts/people.html",
        people=[(person, identity.roles_of(g.session, person.id)) for person in people],
        invited=invitations.open_invitations(g.session, by.organisation_id),
        recoveries=recovery.unseen(g.session, by=by),
        due=organisations.due_on(g.session, own_organisation()),
        today=current_time().date(),
        now=current_time(),
    )


@bp.post("/confirm")
def confirm() -> Response:
    """Say that everybody at the authority is still there."""
    organisations.confirm(g.session, organisation=own_organisation(), shown=sent_ids("person"), **by_now())
    return led_to(".index", "Confirmed. You are asked again in a year.")


@bp.post("/invitations/<uuid:invitation_id>/withdraw")
def withdraw_invitation(invitation_id: uuid.UUID) -> Response:
    """Withdraw an invitation."""
    row = invitations.load(g.session, invitation_id, by=current_actor(), for_update=True)
    invitations.withdraw(g.session, invitation=row, **by_now())
    return led_to(".index", "The invitation is withdrawn. Its link leads nowhere now.")


@bp.post("/recoveries/<uuid:recovery_id>/acknowledge")
def acknowledge(recovery_id: uuid.UUID) -> Response:
    """Say that the making of an administrator on the machine was seen."""
    row = g.session.get(Recovery, recovery_id, with_for_update=True)
    if row is None:
        raise NotFound
    recovery.acknowledge(g.session, recovery=row, **by_now())
    return led_to(".index", "Acknowledged.")


# A person


@bp.get("/people/<uuid:person_id>")
def person(person_id: uuid.UUID) -> str:
    """Anybody's account: roles, sessions, entries; for the authority's own also what they hold."""
    found = roles.load(g.session, person_id, by=current_actor())
    back = ("People", url_for(".index"))
    if found.organisation_id != current_actor().organisation_id:
        address = url_for(".organisation", organisation_id=found.organisation_id)
        back = (g.session.get_one(Organisation, found.organisation_id).name, address)
    return render_template(
        "accounts/person.html", **person_page(g.session, found, by=current_actor(), back=back)
    )


@bp.post("/people/<uuid:person_id>/<act>")
def change(person_id: uuid.UUID, act: str) -> Page:
    """One of the buttons of that page."""
    return change_person(person_id, act, url_for(".person", person_id=person_id))


@bp.route("/people/<uuid:person_id>/first-key", methods=["GET", "POST"])
def give_first_key(person_id: uuid.UUID) -> Page:
    """Give an official a code for a first key; where that takes two, the page leads to the proposal."""
    found = roles.load(g.session, person_id, by=current_actor(), for_update=request.method == "POST")
    return first_key_page(found, (found.name, url_for(".person", person_id=found.id)))


# Mail


@bp.get("/mail")
def sent_mail() -> str:
    """What was sent; without a server, what would have been."""
    _demonstration()
    return render_template(
        "accounts/mail.html", rows=mail.sent(g.session), smtp=bool(current_zone().wired.settings.smtp)
    )


@bp.get("/mail/<uuid:mail_id>")
def one_mail(mail_id: uuid.UUID) -> str:
    """One mail with its text."""
    _demonstration()
    row = g.session.get(SentMail, mail_id)
    if row is None:
        raise NotFound
    text = mail.text_of(g.session, current_zone().wired, row)
    return render_template("accounts/letter.html", row=row, text=text)


def _demonstration() -> None:
    """The text of a mail holds its single-use link: only a demonstration shows it."""
    if not current_zone().wired.settings.demonstration:
        raise NotFound


__all__ = ["bp"]
