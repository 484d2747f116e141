"""Manifests: what a receipt is about, in canonical JSON, with its digest in the entry of the act.

An entry says nothing by name. A manifest does: what was handed in or served, of which legal entity, with
which files, signed by whom, received when, in time or not. It is kept as the exact bytes whose SHA-256
stands in the entry under ``manifest``, so that the inclusion proof of the entry covers it. A random ``nonce``
in it keeps the digest, which may stand in a public entry, from confirming a guess at the content.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Text

from secure_access.db import Field, Instant, Session, Table, classes, instant_column, new_id, select
from secure_access.ledger import canonical
from secure_access.ledger.tables import LedgerEntry

FORMAT = "assay.manifest/v1"
KEY = "manifest"
"""The key of the entry under which the digest of its manifest stands."""


class Manifest(Table, table=True):
    """A manifest as it was made. ``content`` is its canonical JSON, ``digest`` the SHA-256 of that in hex.

    ``subject`` is what it is about, such as ``filing:<id>``; ``owner_id`` the developer or evaluator whose
    receipt it is; ``published`` says that everybody may read it.
    """

    __tablename__ = "manifest"
    __record__ = True
    __classes__ = classes(public="id digest owner_id published made_at", restricted="subject content")
    __for_all__ = ("subject", "content")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    digest: str = Field(max_length=64, unique=True)
    subject: str = Field(max_length=120, index=True)
    owner_id: uuid.UUID = Field(index=True)
    published: bool = False
    content: str = Field(sa_type=Text)
    made_at: Instant = instant_column()

    @property
    def read(self) -> dict[str, Any]:
        """The manifest as an object. Raises `canonical.NotCanonical` when it is damaged."""
        found = canonical.decode(self.content.encode())
        if not isinstance(found, dict):
            raise canonical.NotCanonical("a manifest is an object")
        return found


def keep(
    session: Session,
    content: Mapping[str, Any],
    *,
    subject: str,
    owner_id: uuid.UUID,
    now: datetime,
    published: bool = False,
) -> Manifest:
    """Keep a manifest, with format, subject and nonce added. The act's entry names its row in ``records``."""
    made = {**content, "v": FORMAT, "subject": subject, "nonce": secrets.token_hex(32)}
    stored = canonical.encode(made)
    row = Manifest(
        digest=digest(stored),
        subject=subject,
        owner_id=owner_id,
        published=published,
        content=stored.decode(),
        made_at=now,
    )
    session.add(row)
    return row


def digest(stored: bytes) -> str:
    """What an entry names a manifest by: SHA-256 of its canonical bytes, in hex."""
    return hashlib.sha256(stored).hexdigest()


def of_entry(session: Session, entry: LedgerEntry) -> Manifest | None:
    """The manifest that an entry names; ``None`` where it names none, or this zone may not read it."""
    named = entry.fields.get(KEY)
    if not isinstance(named, str):
        return None
    return session.exec(select(Manifest).where(Manifest.digest == named)).first()
