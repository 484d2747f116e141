"""A page of a document as a picture, with the reader's name burnt in where that is asked for."""

from __future__ import annotations

from secure_access.documents import enclosure
from secure_access.documents.content import MediaType
from secure_access.documents.tables import Document
from secure_access.vault import Vault

MIN_WIDTH, MAX_WIDTH = 100, 2400


def reader_mark(name: str, role: str, at: str) -> str:
    """What is burnt into a page: who reads it, as what, and when (a UTC minute)."""
    return f"{name} · {role} · {at}"


def page_image(vault: Vault, document: Document, *, page: int, width: int, mark: str = "") -> bytes:
    """Page ``page`` (from 1) as PNG, ``width`` pixels across, with ``mark`` across it and at its foot.

    Very tall pages come out narrower. Raises `enclosure.CannotShow` with the reason, and the vault's errors.
    """
    if document.media_type != MediaType.PDF:
        raise enclosure.CannotShow("Only a PDF has pages.")
    request = {
        "act": "page",
        "page": page,
        "width": min(max(width, MIN_WIDTH), MAX_WIDTH),
        "mark": mark,
    }
    blocks = vault.chunks(document.stored, context=document.context)
    _, picture = enclosure.run(request, blocks)
    return picture
