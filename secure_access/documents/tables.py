"""Rows of documents and of what they hang on. Both are tables of record."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, LargeBinary, UniqueConstraint

from secure_access.db import Field, Instant, Table, classes, enum_column, instant_column, new_id
from secure_access.vault import Stored


class DocumentState(StrEnum):
    """What is known of a file. ``refused`` is for a scanner's verdict; what `accept` refuses has no row."""

    RECEIVED = "received"
    SHOWN = "shown"
    CANNOT_BE_SHOWN = "cannot_be_shown"
    REFUSED = "refused"


class Audience(StrEnum):
    """For whom an attachment is meant by the one who attached it."""

    PUBLIC = "public"
    CONFIDENTIAL = "confidential"


def document_context(document_id: uuid.UUID, version: int = 1) -> str:
    """What a document's data key is bound to in the vault and in the key ring."""
    return f"document|{document_id}|{version}"


class Document(Table, table=True):
    """One version of one file: where it lies, what it is, who handed it in.

    ``size`` is in bytes, ``sha256`` in hex, both of the plaintext. ``why`` says in plain words why a document
    cannot be shown. How its key is wrapped is not of record: rotation changes it.
    """

    __record__: ClassVar[bool] = True
    __record_except__: ClassVar[tuple[str, ...]] = ("wrapped_key", "key_id")
    __classes__ = classes(
        public="id owner_id kind media_type size sha256 state pages received_at version",
        restricted="title file_name key_id why uploaded_by",
        secret="vault_name wrapped_key",  # noqa: S106 - a column
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    owner_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    kind: str = Field(max_length=60)
    title: str = Field(max_length=200)
    file_name: str = Field(max_length=150)
    media_type: str = Field(max_length=100)
    size: int = Field(sa_type=BigInteger)
    sha256: str = Field(max_length=64)
    vault_name: str = Field(max_length=64, unique=True)
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    key_id: str = Field(max_length=120)
    state: DocumentState = enum_column(DocumentState, default=DocumentState.RECEIVED)
    why: str = Field(default="", max_length=300)
    pages: int | None = None
    uploaded_by: uuid.UUID = Field(foreign_key="person.id")
    received_at: Instant = instant_column()
    version: int = 1

    @property
    def stored(self) -> Stored:
        """The object in the vault."""
        return Stored(self.vault_name, self.size, self.sha256, self.wrapped_key, self.key_id)

    @property
    def context(self) -> str:
        """What the object is bound to."""
        return document_context(self.id, self.version)

    @property
    def can_be_shown(self) -> bool:
        """Whether pages or text of it can be put on a screen."""
        return self.state is DocumentState.SHOWN


class Attachment(Table, table=True):
    """A document that hangs on a subject such as ``filing:<id>``, in an order, for an audience."""

    __record__: ClassVar[bool] = True
    __table_args__ = (UniqueConstraint("subject", "place"),)
    __classes__ = classes(
        public="id document_id audience place attached_at detached_at",
        restricted="subject label",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    document_id: uuid.UUID = Field(foreign_key="document.id", index=True)
    subject: str = Field(max_length=120, index=True)
    label: str = Field(max_length=200)
    audience: Audience = enum_column(Audience, default=Audience.CONFIDENTIAL)
    place: int
    attached_at: Instant = instant_column()
    detached_at: Instant | None = instant_column(nullable=True)
