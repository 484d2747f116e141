"""Access requests, the notices to developers, and the blocks that are disclosed or withheld, as rows."""

from __future__ import annotations

import uuid

from portal.disclosure.workflow import AccessState, NoticeState, Outcome
from secure_access.db import Field, Instant, Table, classes, enum_column, instant_column, new_id


class SentRequest(Table, table=True):
    """What somebody sent by the public form, until the worker has entered it as an access request.

    The public zone adds these and reads nothing of them but that they are there. The row is gone once its
    content stands in the access request of the same ``id``.
    """

    __tablename__ = "sent_request"
    __classes__ = classes(public="id sent_at", restricted="name contact words")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=200)
    contact: str = Field(max_length=254)
    words: str = Field(max_length=8000)
    sent_at: Instant = instant_column(index=True)


class AccessRequest(Table, table=True):
    """A request of the public to see files, under the law of access named with it.

    ``words`` is what is asked, as it was sent. ``due_at`` is by when the law wants it answered, extended or
    not. What is prepared stands in ``draft_answer``; ``answer`` and ``extension_reason`` are what the
    requester is told, and stay empty until then. Nothing is released before ``release_from``.
    ``by_form``: it came by the public form, and not by mail.
    """

    __tablename__ = "access_request"
    __record__ = True
    __classes__ = classes(
        public=(
            "id reference state law by_form received_at due_at extended_at extension_reason answer "
            "decided_at release_from released_at review_by closed_at"
        ),
        restricted=(
            "name contact words draft_answer prepared_by prepared_at decided_by sent_back_reason "
            "entered_by close_reason"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    state: AccessState = enum_column(AccessState, default=AccessState.RECEIVED)
    law: str = Field(max_length=40)
    by_form: bool = True
    name: str = Field(default="", max_length=200)
    contact: str = Field(default="", max_length=254)
    words: str = Field(max_length=8000)
    entered_by: uuid.UUID | None = Field(default=None)
    received_at: Instant = instant_column()
    due_at: Instant = instant_column(index=True)
    extended_at: Instant | None = instant_column(nullable=True)
    extension_reason: str = Field(default="", max_length=2000)
    draft_answer: str = Field(default="", max_length=8000)
    prepared_by: uuid.UUID | None = Field(default=None)
    prepared_at: Instant | None = instant_column(nullable=True)
    sent_back_reason: str = Field(default="", max_length=2000)
    decided_by: uuid.UUID | None = Field(default=None)
    decided_at: Instant | None = instant_column(nullable=True)
    release_from: Instant | None = instant_column(nullable=True)
    answer: str = Field(default="", max_length=8000)
    released_at: Instant | None = instant_column(nullable=True)
    review_by: Instant | None = instant_column(nullable=True)
    closed_at: Instant | None = instant_column(nullable=True)
    close_reason: str = Field(default="", max_length=2000)


class AccessNotice(Table, table=True):
    """The notice to one developer that blocks of hers are asked for, and what she said to it.

    ``told_at`` is when she was told that an objection is not followed; nothing is released until
    ``release_from``. ``late``: she answered after ``object_by``, and that counts all the same.
    """

    __tablename__ = "access_notice"
    __record__ = True
    __classes__ = classes(
        public=(
            "id reference request_id developer_id state served_at object_by answered_at late told_at "
            "release_from"
        ),
        restricted="answered_by served_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    request_id: uuid.UUID = Field(foreign_key="access_request.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: NoticeState = enum_column(NoticeState, default=NoticeState.SERVED, name="accessnoticestate")
    served_at: Instant = instant_column()
    served_by: uuid.UUID
    object_by: Instant = instant_column()
    answered_at: Instant | None = instant_column(nullable=True)
    answered_by: uuid.UUID | None = Field(default=None)
    late: bool = False
    told_at: Instant | None = instant_column(nullable=True)
    release_from: Instant | None = instant_column(nullable=True)


class AccessBlock(Table, table=True):
    """One block of a filing or of a decision that is asked for: an answer, an attached file, an annex.

    ``subject`` is ``filing:<id>`` or ``decision:<id>``, ``name`` the block in it; ``source`` and ``label``
    say it in words that give nothing away. ``released`` is the text as the requester reads it: empty
    until the release, and for ever where it is withheld. Of record once its developer has a notice.
    """

    __tablename__ = "access_block"
    __record__ = True
    __classes__ = classes(
        public="id request_id notice_id developer_id number source title label outcome exemption",
        restricted="subject name objection reason released",
    )
    __for_all__ = ("reason", "released")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    request_id: uuid.UUID = Field(foreign_key="access_request.id", index=True)
    notice_id: uuid.UUID | None = Field(default=None, foreign_key="access_notice.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id")
    number: int
    subject: str = Field(max_length=60)
    name: str = Field(max_length=120)
    source: str = Field(max_length=40)
    title: str = Field(max_length=300)
    label: str = Field(max_length=300)
    objection: str = Field(default="", max_length=4000)
    outcome: Outcome = enum_column(Outcome, default=Outcome.OPEN)
    exemption: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=4000)
    released: str = ""

    def of_record(self) -> bool:
        return self.notice_id is not None

    @property
    def overridden(self) -> bool:
        """Its developer objected, and it is disclosed all the same."""
        return bool(self.objection) and self.outcome is Outcome.DISCLOSED
