"""Mail: text first, written and sent by a job after the commit that caused it.

A mail holds no secret beyond a single-use link, and no title of anything sealed. The link is computed again
when the mail is written; no table holds it. Where no server is set (`ASSAY_SMTP`), nothing leaves the
machine: a demonstration shows on a page what would have been sent.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from urllib.parse import unquote, urlsplit

from portal.settings import Settings
from portal.web import ZONE_OF, Wired, origin
from secure_access import identity
from secure_access.db import Field, Instant, Session, Table, classes, col, instant_column, new_id, select
from secure_access.identity import (
    Organisation,
    OrganisationKind,
    Person,
    invitations,
    organisations,
    policies,
    proposals,
    recovery,
    roles,
)
from secure_access.identity.tables import Invitation, InvitationPurpose, Recovery
from secure_access.identity.workflow import InvitationState
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role

TIMEOUT = 20
"""Seconds that a mail server may take for an answer."""

LOG_INTERRUPTED = "mail.log_interrupted"
"""Job: tell whoever runs the instance that the security log was interrupted, by the number of the row."""

ENROLMENT = "mail.enrolment"
"""Job: tell a person who is on the custodian's list of a new version, by version, change and person."""

_KEY = "invitation"


class SentMail(Table, table=True):
    """That a mail was sent: to whom, of which kind and about what. Its text is written anew to be shown.

    ``via`` is the server's host, or empty where there is none and the mail is only shown.
    """

    __tablename__ = "sent_mail"
    __classes__ = classes(public="id kind subject_id sent_at", restricted="recipient subject via")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=60)
    subject_id: str = Field(max_length=80)
    recipient: str = Field(max_length=254)
    subject: str = Field(max_length=200)
    via: str = Field(default="", max_length=200)
    sent_at: Instant = instant_column(index=True)


@dataclass(frozen=True)
class Letter:
    """One mail, ready to be sent."""

    recipient: str
    subject: str
    text: str


class NoServer(Exception):
    """There is mail to send and no server for it. Only a demonstration shows mail instead."""


def link_key(wired: Wired) -> bytes:
    """The key of this instance's single-use links."""
    return wired.secrets[_KEY]


def send_invitation(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Send the mail of an invitation or of a reset, unless it was settled meanwhile."""
    return _sender(wired, invitations.SEND, subject_id)


def send_credentials(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Tell a person, and the second contact of the organisation, that a credential was changed."""
    return _sender(wired, proposals.CHANGED, subject_id)


def send_recovered(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Tell every administrator of the authority, and its second contact, of a new one."""
    return _sender(wired, recovery.RECOVERED, subject_id)


def send_contact_replaced(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Tell the second contact of an organisation that it is no longer that."""
    return _sender(wired, organisations.CONTACT_REPLACED, subject_id)


def send_enrolment(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Tell somebody who is or was on the custodian's list what its new version means for them."""
    return _sender(wired, ENROLMENT, subject_id)


def send_log_interrupted(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Tell whoever runs the instance that rows of the security log could not be written for a time."""
    return _sender(wired, LOG_INTERRUPTED, subject_id)


def sent(session: Session) -> list[SentMail]:
    """What was sent, the latest first."""
    return list(session.exec(select(SentMail).order_by(col(SentMail.sent_at).desc()).limit(200)))


def text_of(session: Session, wired: Wired, row: SentMail) -> str:
    """The text of a mail that was sent, written again; empty where what it was about has changed since."""
    letters = _WRITERS[row.kind](session, wired, row.subject_id)
    return next((letter.text for letter in letters if letter.recipient == row.recipient), "")


def _sender(wired: Wired, kind: str, subject_id: str) -> Callable[[Session, datetime], None]:
    with wired.database.read() as session:
        letters = _WRITERS[kind](session, wired, subject_id)
    via = deliver(wired.settings, letters)

    def keep(session: Session, now: datetime) -> None:
        session.add_all(
            SentMail(
                kind=kind,
                subject_id=subject_id,
                recipient=letter.recipient,
                subject=letter.subject,
                via=via,
                sent_at=now,
            )
            for letter in letters
        )

    return keep


def deliver(settings: Settings, letters: list[Letter]) -> str:
    """Hand letters to the mail server; its host, or an empty text where none is set.

    A server that speaks TLS has to prove its name by a certificate that the machine trusts. Raises
    ``OSError`` (`ssl.SSLError` among them), `smtplib.SMTPException` or `NoServer`: the job tries again later.
    """
    if not settings.smtp and not settings.demonstration:
        raise NoServer("ASSAY_SMTP is not set")
    if not settings.smtp or not letters:
        return ""
    address = urlsplit(settings.smtp)
    host = address.hostname or ""
    # Without a context of its own, smtplib asks a server for neither a trusted certificate nor its name.
    tls = ssl.create_default_context()
    kind = partial(smtplib.SMTP_SSL, context=tls) if address.scheme == "smtps" else smtplib.SMTP
    with kind(host, address.port or 0, timeout=TIMEOUT) as server:
        if address.scheme == "smtp+starttls":
            server.starttls(context=tls)
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        for letter in letters:
            server.send_message(_message(settings, letter))
    return host


def _message(settings: Settings, letter: Letter) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = settings.mail_from, letter.recipient
    message["Subject"] = letter.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


def first_key(session: Session, wired: Wired, organisation: Organisation, held: Iterable[Role]) -> str:
    """What comes after a first password where the policy asks for a key: on the page, and in the mail."""
    return (
        f"Your role takes a passkey to sign in. Ask {_whom(session, wired, organisation, held)} "
        "for a code for a first key, sign in with your password and that code, and add the key under "
        "“Your account”."
    )


def _whom(session: Session, wired: Wired, organisation: Organisation, held: Iterable[Role]) -> str:
    """Who gives somebody with these roles a code: the organisation's administrators, or the authority's."""
    names = [person.name for person in roles.administrators(session, organisation)]
    runs = roles.administrator_role(OrganisationKind(organisation.kind)) in held
    own = (
        f"another administrator of {organisation.name}"
        if runs
        else f"an administrator of {organisation.name}"
    )
    if names and not runs:
        return f"{own} ({', '.join(names)})"
    if organisation.kind is OrganisationKind.REGULATOR:
        return f"{own}, or while nobody else gets in, whoever runs {wired.settings.product},"
    return f"{own}, or while none of them has a key, {wired.settings.authority}"


def _afterwards(session: Session, wired: Wired, organisation: Organisation, held: list[Role]) -> str:
    """The paragraph on the first key, for roles that the policy holds to one."""
    counts = policies.in_force(session, wired.settings.first_policy)
    return f"{first_key(session, wired, organisation, held)}\n\n" if counts.rule(held).keys else ""


# The letters


def invitation_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """The mail of an invitation, or of a reset; none once it was accepted or withdrawn."""
    row = session.get(Invitation, uuid.UUID(subject_id))
    if row is None or row.state is not InvitationState.SENT:
        return []
    organisation = session.get_one(Organisation, row.organisation_id)
    until = f"{row.expires_at:%-d %B %Y, %H:%M} UTC"
    link = link_to(wired, organisation, row)
    sender, product = wired.settings.authority, wired.settings.product
    if row.purpose is InvitationPurpose.RESET:
        text = (
            f"{row.name},\n\nadministrators have reset how you sign in to {product} of {sender}. "
            f"Your old password no longer works.\n\nChoose a new one here, once, until {until}:\n\n{link}\n\n"
            f"{_afterwards(session, wired, organisation, _held(session, row))}"
            "If you did not ask for this, tell an administrator.\n"
        )
        return [Letter(row.email, f"{product}: choose a new password", text)]
    text = (
        f"{row.name},\n\nyou are invited to {product} of {sender}, for {organisation.name}.\n\n"
        f"Accept here, once, until {until}:\n\n{link}\n\n"
        f"{_afterwards(session, wired, organisation, [Role(role) for role in row.roles])}"
        "If you have an account with this address already, sign in with it and open the link again.\n"
        "If you do not know why you got this, do nothing: the invitation ends by itself.\n"
    )
    return [Letter(row.email, f"{product}: invitation for {organisation.name}", text)]


def _held(session: Session, row: Invitation) -> list[Role]:
    return identity.roles_of(session, row.person_id) if row.person_id else []


def link_to(wired: Wired, organisation: Organisation, row: Invitation) -> str:
    """The single-use link of an invitation, in the zone of its organisation."""
    zone = ZONE_OF[OrganisationKind(organisation.kind)]
    return f"{origin(wired.settings, zone)}/invitation/{invitations.token_of(link_key(wired), row.id)}"


def credential_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To the person, and to the second contact of their organisation where it has one."""
    person = session.get(Person, uuid.UUID(subject_id))
    if person is None:
        return []
    organisation = session.get_one(Organisation, person.organisation_id)
    text = (
        f"How {person.name} signs in to {wired.settings.product} of {wired.settings.authority} "
        "was changed.\n\n"
        "If that was not you, or not them, tell an administrator now: sessions and credentials can be ended "
        "at once.\n"
    )
    subject = f"{wired.settings.product}: a credential was changed"
    recipients = dict.fromkeys(filter(None, (person.email, organisation.contact_email)))
    return [Letter(recipient, subject, text) for recipient in recipients]


def recovered_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To every administrator of the authority who can sign in, and to its second contact where it has one."""
    row = session.get_one(Recovery, uuid.UUID(subject_id))
    authority, what, then, subject = _recovered(session, row)
    product = wired.settings.product
    text = (
        f"On {row.at:%-d %B %Y, %H:%M} UTC somebody on the machine of {product} of "
        f"{wired.settings.authority} {what}.\n\n"
        f"Reason given: {row.reason}\n\n"
        f"If nobody told you of it, ask whoever runs the machine now, and {then}. "
        "If you know of it, acknowledge it under Administration.\n"
    )
    subject = f"{product}: {subject}"
    known = [person.email for person in roles.administrators(session, authority)]
    recipients = dict.fromkeys(filter(None, (*known, authority.contact_email)))
    return [Letter(recipient, subject, text) for recipient in recipients]


def _recovered(session: Session, row: Recovery) -> tuple[Organisation, str, str, str]:
    """The authority; what was done on the machine, what to do about it, and the mail's subject, in words."""
    if row.invitation_id is None:
        query = select(Organisation).where(Organisation.kind == OrganisationKind.REGULATOR)
        authority = session.exec(query.order_by(col(Organisation.created_at))).first()
        assert authority is not None, "a recovery is recorded for an authority that is there"
        what, then = "set another sign-in policy", "read the policy under Administration"
        return authority, what, then, "the sign-in policy was set on the machine"
    invitation = session.get_one(Invitation, row.invitation_id)
    authority = session.get_one(Organisation, invitation.organisation_id)
    what = f"invited {invitation.name}, {invitation.email}, as an administrator"
    then = "withdraw the invitation or suspend the account under Administration"
    return authority, what, then, "an administrator was made on the machine"


def contact_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To a second contact that was replaced; ``subject_id`` is the organisation and the contact's place."""
    organisation_id, place = subject_id.split(":")
    organisation = session.get_one(Organisation, uuid.UUID(organisation_id))
    text = (
        f"This address is no longer the second contact of {organisation.name} at {wired.settings.product} of "
        f"{wired.settings.authority}. It is not told of changed credentials any more.\n\n"
        "If you did not expect this, tell an administrator of the organisation now: somebody may be using "
        "an account that is not theirs.\n"
    )
    subject = f"{wired.settings.product}: the second contact was changed"
    return [Letter(organisation.former_contacts[int(place)], subject, text)]


def interruption_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To the operator's address, or where none is set to every administrator of the authority."""
    row = session.get_one(SecurityLogRow, int(subject_id))
    told = json.loads(row.detail)
    text = (
        f"The security log of {wired.settings.product} of {wired.settings.authority} could not be written "
        f"from {told['since']} to {told['until']}. {told['rows']} rows are missing.\n\n"
        "Acts that have to be logged were refused meanwhile. Refusals were shown and not logged: their rows "
        f"are what is missing. Row {row.number} of the log says the same.\n\n"
        "Find out why: the log of the processes names each failure as security_log.not_written.\n"
    )
    subject = f"{wired.settings.product}: the security log was interrupted"
    recipients = [wired.settings.operator] if wired.settings.operator else _administrators(session)
    return [Letter(recipient, subject, text) for recipient in recipients]


def enrolment_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To one person of the list; ``subject_id`` is the version, what changed, and the person."""
    version, change, person_id = subject_id.split(":")
    person = session.get(Person, uuid.UUID(person_id))
    if person is None:
        return []
    said = {
        "added": "You are new on it.",
        "removed": "You are no longer on it: you can do nothing at the custodian.",
        "changed": "What it says of you was changed: a passkey, a role, a team, or dates.",
        "none": "What it says of you is as before.",
    }[change]
    text = (
        f"{person.name},\n\nthe custodian of sealed plans took in version {version} of its enrolment list, "
        f"signed by custody officers of {wired.settings.authority}. {said}\n\n"
        "If you did not expect this, tell a custody officer now: whoever is on the list approves, reads or "
        "delivers sealed plans.\n"
    )
    return [Letter(person.email, f"{wired.settings.product}: version {version} of the enrolment list", text)]


def _administrators(session: Session) -> list[str]:
    authorities = session.exec(select(Organisation).where(Organisation.kind == OrganisationKind.REGULATOR))
    return [person.email for one in authorities for person in roles.administrators(session, one)]


Writer = Callable[[Session, Wired, str], list[Letter]]


def declare(kind: str, writer: Writer) -> Callable[[Wired, str], Callable[[Session, datetime], None]]:
    """Say how mails of a kind are written, once, where the package that causes them is imported.

    Gives the verb of the job of that name.
    """
    assert _WRITERS.setdefault(kind, writer) is writer, f"{kind} is declared twice"
    return lambda wired, subject_id: _sender(wired, kind, subject_id)


_WRITERS: dict[str, Writer] = {
    invitations.SEND: invitation_letters,
    proposals.CHANGED: credential_letters,
    recovery.RECOVERED: recovered_letters,
    organisations.CONTACT_REPLACED: contact_letters,
    LOG_INTERRUPTED: interruption_letters,
    ENROLMENT: enrolment_letters,
}
