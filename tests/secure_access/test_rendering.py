"""A page as a picture, with the reader burnt in."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from secure_access.documents import CannotShow, Document, MediaType, document_context, page_image, reader_mark
from secure_access.vault import Vault
from tests.fixtures import pdfs

MARK = reader_mark("Paul Sørby", "decider", "2027-10-01 09:15 UTC")


def kept(vault: Vault, data: bytes, media_type: MediaType = MediaType.PDF) -> Document:
    document_id = uuid.uuid4()
    stored = vault.put([data], context=document_context(document_id))
    return Document(
        id=document_id,
        media_type=media_type,
        vault_name=stored.name,
        size=stored.size,
        sha256=stored.sha256,
        wrapped_key=stored.wrapped_key,
        key_id=stored.key_id,
        owner_id=uuid.uuid4(),
        kind="annex",
        title="Annex",
        file_name="annex.pdf",
        uploaded_by=uuid.uuid4(),
        received_at=datetime(2027, 10, 1, tzinfo=UTC),
    )


def drawn(vault: Vault, document: Document, page: int = 1, width: int = 400, mark: str = "") -> Image.Image:
    data = page_image(vault, document, page=page, width=width, mark=mark)
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    return image.convert("RGB")


def test_mark_says_who_as_what_and_when() -> None:
    assert MARK == "Paul Sørby · decider · 2027-10-01 09:15 UTC"


def test_the_page_that_was_asked_for(vault: Vault) -> None:
    image = drawn(vault, kept(vault, pdfs.plain(2)), page=2)
    assert image.size == (400, 600)
    assert image.getpixel((50, 550)) == (0, 0, 0)
    assert image.getpixel((200, 100)) == (255, 255, 255)


def test_the_mark_covers_every_part_of_the_page(local_vault: Vault) -> None:
    document = kept(local_vault, pdfs.plain())
    clean = drawn(local_vault, document, width=800)
    marked = drawn(local_vault, document, width=800, mark=MARK)
    assert marked.size == clean.size == (800, 1200)
    changed = ImageChops.difference(clean, marked).convert("L")
    for top in range(0, 1200, 300):
        for left in range(0, 800, 400):
            part = changed.crop((left, top, left + 400, top + 300))
            share = sum(part.histogram()[16:]) / (400 * 300)
            assert share > 0.01, f"no mark at {left}, {top}"
    foot = changed.crop((0, 1160, 800, 1200))
    assert sum(foot.histogram()[200:]) > 500, "no dark line at the foot"


def test_marks_differ_by_reader_and_minute(local_vault: Vault) -> None:
    document = kept(local_vault, pdfs.plain())
    one, same = (drawn(local_vault, document, mark=MARK) for _ in range(2))
    later = drawn(local_vault, document, mark=MARK.replace("09:15", "09:16"))
    assert ImageChops.difference(one, same).getbbox() is None
    assert ImageChops.difference(one, later).getbbox() is not None


@pytest.mark.parametrize(("asked", "given"), [(1, 100), (100, 100), (5000, 2400)])
def test_width_is_kept_within_bounds(local_vault: Vault, asked: int, given: int) -> None:
    assert drawn(local_vault, kept(local_vault, pdfs.plain()), width=asked).width == given


def test_a_very_tall_page_comes_out_narrower(local_vault: Vault) -> None:
    image = drawn(local_vault, kept(local_vault, pdfs.of_size(b"0 0 100 14400")), width=2400, mark=MARK)
    assert image.width < 500
    assert image.width * image.height <= 25_000_000


@pytest.mark.parametrize(
    ("data", "page", "why"),
    [
        (pdfs.plain(), 2, "There is no page 2."),
        (pdfs.plain(), 0, "There is no page 0."),
        (pdfs.locked(), 1, "It is locked with a password."),
    ],
)
def test_what_cannot_be_drawn_says_why(local_vault: Vault, data: bytes, page: int, why: str) -> None:
    with pytest.raises(CannotShow) as error:
        page_image(local_vault, kept(local_vault, data), page=page, width=400)
    assert str(error.value) == why


def test_only_a_pdf_has_pages(local_vault: Vault) -> None:
    with pytest.raises(CannotShow, match="Only a PDF"):
        page_image(local_vault, kept(local_vault, b"{}", MediaType.JSON), page=1, width=400)


def test_real_pdf(shared: Path, local_vault: Vault) -> None:
    data = (shared / "data" / "pdf" / "granite-3.0_paper.pdf").read_bytes()
    image = drawn(local_vault, kept(local_vault, data), page=46, width=1000, mark=MARK)
    assert image.width == 1000
    assert len(image.getcolors(1 << 20) or []) > 20
