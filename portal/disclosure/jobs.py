"""What the worker does for access requests: enters what was sent, and writes the mails.

A mail to a developer names no block, and a mail to a requester no word of a file. What was asked is repeated
to whoever asked it and to nobody else.
"""

from __future__ import annotations

import uuid

from portal import mail
from portal.disclosure import consulting, deciding, intake, links
from portal.disclosure.intake import receive
from portal.disclosure.tables import AccessNotice, AccessRequest
from portal.law import access
from portal.mail import Letter
from portal.settings import PUBLIC
from portal.ui.formats import moment
from portal.web import Wired, origin
from secure_access import identity
from secure_access.db import Session
from secure_access.workflow import Role


def address_of(wired: Wired, request_id: uuid.UUID) -> str:
    """Where the requester follows the request."""
    link = links.link_of(wired.secrets[links.KEY], request_id)
    return f"{origin(wired.settings, PUBLIC)}/access-requests/{link}"


def received_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To the requester: the reference, the date and the link, with what was asked."""
    row = session.get_one(AccessRequest, uuid.UUID(subject_id))
    law = access.load(row.law)
    text = (
        f"{_dear(row)}your request for access reached {wired.settings.authority} on "
        f"{moment(row.received_at)}. Its reference is {row.reference}.\n\n"
        f"The law, {law.pack.short}, wants it answered by {moment(row.due_at)}.\n\n"
        f"Follow it here. Whoever has this link can read the answer, so keep it:\n\n"
        f"{address_of(wired, row.id)}\n\n"
        f"This is what you asked:\n\n{row.words}\n"
    )
    return [Letter(row.contact, f"{wired.settings.product}: your request {row.reference}", text)]


def released_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To the requester: the answer is there."""
    row = session.get_one(AccessRequest, uuid.UUID(subject_id))
    law = access.load(row.law)
    text = (
        f"{_dear(row)}your request {row.reference} is answered. Read the answer here:\n\n"
        f"{address_of(wired, row.id)}\n\n"
        f"If you do not accept it: {law.review.how}\n"
    )
    return [Letter(row.contact, f"{wired.settings.product}: answer to {row.reference}", text)]


def notice_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To every certifying officer of the developer: somebody asks for blocks of hers."""
    row = session.get_one(AccessNotice, uuid.UUID(subject_id))
    text = (
        f"Somebody asks {wired.settings.authority} by law for documents that you filed. You can object, "
        f"block by block, until {moment(row.object_by)}. If you say nothing, it is decided without you.\n\n"
        f"Notice {row.reference}:\n\n{_page(wired, row)}\n"
    )
    return _officers(session, row, f"{wired.settings.product}: notice {row.reference}", text)


def overridden_letters(session: Session, wired: Wired, subject_id: str) -> list[Letter]:
    """To the same: an objection is not followed, and from when on the blocks are released."""
    row = session.get_one(AccessNotice, uuid.UUID(subject_id))
    assert row.release_from is not None, "told of a decision with its date"
    text = (
        f"{wired.settings.authority} does not follow an objection of yours in {row.reference}. Nothing is "
        f"released before {moment(row.release_from)}, so that you can go to court.\n\n"
        f"The blocks and the reasons:\n\n{_page(wired, row)}\n"
    )
    return _officers(session, row, f"{wired.settings.product}: decision on {row.reference}", text)


def _dear(row: AccessRequest) -> str:
    return f"{row.name},\n\n" if row.name else ""


def _page(wired: Wired, row: AccessNotice) -> str:
    return f"{origin(wired.settings, 'developer')}/access-notices/{row.reference}"


def _officers(session: Session, row: AccessNotice, subject: str, text: str) -> list[Letter]:
    people = identity.people_with(session, Role.CERTIFYING_OFFICER, organisation_id=row.developer_id)
    return [Letter(person.email, subject, text) for person in people]


VERBS = {
    intake.RECEIVE: receive,
    intake.CONFIRM: mail.declare(intake.CONFIRM, received_letters),
    deciding.ANSWERED: mail.declare(deciding.ANSWERED, released_letters),
    consulting.NOTIFY: mail.declare(consulting.NOTIFY, notice_letters),
    consulting.TELL: mail.declare(consulting.TELL, overridden_letters),
}
"""The jobs of this package, by name."""
