"""How the pages set what they say: digests in groups, and the terms of a grant in bold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup, escape


def grouped(digest: str) -> str:
    """Hex in groups of four, to be compared by eye."""
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def marked(sentence: str, terms: Sequence[str]) -> Markup:
    """A sentence in which each of these terms is bold. Both are escaped."""
    found = [re.escape(term) for term in sorted(set(terms), key=len, reverse=True) if term]
    if not found:
        return escape(sentence)
    parts = re.split(rf"(?<!\w)({'|'.join(found)})(?!\w)", sentence)
    return Markup("").join(
        Markup("<b>{}</b>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )
