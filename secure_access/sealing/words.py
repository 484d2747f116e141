"""What a reader writes beside a page, and what is quoted of it: the form of a text. Pure.

The custodian and the portal hold a quotation to each other by the SHA-256 of these characters, so both
read it here. docs/reference/protocol.md, "Note" and "Quotation", fixes every byte.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from secure_access import canonical
from secure_access.sealing import exact
from secure_access.sealing.exact import BadForm
from secure_access.sealing.plans import digest, section_key

QUOTATION_FORMAT = "assay.quotation/v1"
LONGEST_NOTE, LONGEST_QUOTATION = 4000, 2000
"""Characters."""
SHORTEST_QUOTATION = 12
"""Fewer could be guessed from their digest, and would stand in any text by chance."""
MOST_PAGE = 100_000
_UNSEEN, _JOINERS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"}), "\u200c\u200d"
_LINE_END, _INVISIBLE = re.compile(r"\r\n?"), re.compile("[\u00ad\u200b\u2060\ufeff]")
"""What comes along with copied text and shows nothing: a person could not find it to take it out."""
_REFERENCE = re.compile(r"Q-([1-9][0-9]{0,8}) of ([A-Za-z0-9][A-Za-z0-9./-]{0,63})")
_QUOTATION: dict[str, exact.Reader] = {
    "grant": digest,
    "section": section_key,
    "page": exact.integer(1, MOST_PAGE),
}


def note(text: str) -> str:
    """A note as it is kept: form NFC, lines that end with a newline, nothing around it. Raises `BadForm`."""
    text = _LINE_END.sub("\n", text).replace("\t", " ")
    return _bounded(text, range(1, LONGEST_NOTE + 1), "a note", "\n")


def quotation(text: str) -> str:
    """A quotation as it is released: form NFC, and one space wherever there was any. Raises `BadForm`."""
    allowed = range(SHORTEST_QUOTATION, LONGEST_QUOTATION + 1)
    return _bounded(folded(text), allowed, "a quotation", "")


def folded(text: str) -> str:
    """Any text with the spacing and in the form of a quotation, to look for one in it."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", " ".join(text.split()))).strip()


def quotation_statement(grant: str, section: str, page: int, text: str) -> bytes:
    """The canonical bytes whose SHA-256 is the object of ``quotation.release``. Raises `BadForm`.

    ``text`` is what `quotation` makes of it, and nothing else.
    """
    place = {"grant": grant, "section": section, "page": page}
    exact.read_object(place, QUOTATION_FORMAT, _QUOTATION)
    if quotation(text) != text:
        raise BadForm(f"{QUOTATION_FORMAT}: the text is not in the form of a quotation")
    return canonical.encode({"v": QUOTATION_FORMAT, **place, "text": text})


def quotation_reference(number: int, request: str) -> str:
    """How a decision names a quotation, such as ``Q-12 of PR-2027-009``."""
    return f"Q-{number} of {request}"


def read_reference(text: str) -> tuple[int, str]:
    """Number and plan request of such a reference. Raises `BadForm`."""
    found = _REFERENCE.fullmatch(" ".join(text.split()))
    if found is None:
        raise BadForm("a quotation is named as in Q-12 of PR-2027-009")
    return int(found[1]), found[2]


def text_digest(text: str) -> str:
    """SHA-256 in hex of a text in UTF-8: what the custodian's line says of a quotation."""
    return hashlib.sha256(text.encode()).hexdigest()


def _bounded(text: str, lengths: range, what: str, allowed: str) -> str:
    found = unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).strip()
    if len(found) not in lengths:
        raise BadForm(f"{what} has {lengths.start} to {lengths.stop - 1:,} characters")
    if any(_unseen(one) for one in set(found) - set(allowed)):
        raise BadForm(f"{what} has no control characters and none that nobody sees")
    return found


def _unseen(one: str) -> bool:
    return unicodedata.category(one) in _UNSEEN and one not in _JOINERS
