"""Administration in the government's zone: the authority's own people, a person's page, mail."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response

from portal import mail
from portal.accounts.account_views import ago
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
from portal.log_place import sent as sent_rows
from portal.mail import SentMail
from portal.web import current_actor, current_time, current_zone
from secure_access import identity
from secure_access.db import col, select
from secure_access.identity import (
    Organisation,
    invitations,
    organisations,
    recovery,
    roles,
)
from secure_access.identity.tables import Recovery
from secure_access.ledger import security_log
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import NotFound

BANNER = timedelta(days=7)
"""How long an interruption of the security log stands above the pages of administration."""

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


# The security log


@bp.context_processor
def _asked_where_shown() -> dict[str, object]:
    """A function and no rows: a refusal is drawn where there is no transaction to read in."""
    return {"log_alarms": log_alarms}


def log_alarms() -> dict[str, object]:
    """What stands above every page of administration while the security log fails, and a week after."""
    since = current_time() - BANNER
    interrupted = select(SecurityLogRow).where(SecurityLogRow.kind == "security_log.interrupted")
    ended = g.session.exec(interrupted.where(col(SecurityLogRow.at) > since)).all()
    return {
        "failing": current_zone().wired.alarm.state(),
        "interrupted": [(row, *_interruption(row)) for row in ended],
    }


def _interruption(row: SecurityLogRow) -> tuple[datetime, datetime, int]:
    told = json.loads(row.detail)
    return datetime.fromisoformat(told["since"]), datetime.fromisoformat(told["until"]), told["rows"]


@bp.get("/security-log")
def security_log_state() -> str:
    """How far the security log has come, how old its last row is, and how far it was sent on."""
    number, _ = security_log.last(g.session)
    row = g.session.get(SecurityLogRow, number)
    wired = current_zone().wired
    return render_template(
        "accounts/security_log.html",
        number=number,
        age=ago(row.at, current_time()) if row else "",
        row=row,
        receiver=wired.settings.syslog,
        sent=sent_rows(wired.settings),
        kinds=sorted(security_log.kinds().values(), key=lambda kind: kind.name),
    )


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
