"""Quotations of sealed plans: in the confidential annex of a decision, as the custodian released them.

The custodian's log tells of each quotation its reference, the SHA-256 of its words and how many characters
they have. That is enough to hold an annex to it, and to find the words where they must not stand. Pure, but
for `released`, which reads what the ledger has taken in of that log.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.review import openings, plans
from portal.review.tables import Case
from secure_access.db import Session
from secure_access.sealing import words
from secure_access.sealing.exact import BadForm

TYPE = "quotation.released"
"""The type of the custodian's lines that tell of one."""
Problems = list[tuple[str, str]]
"""Pairs of field and words."""
_NO_LETTER = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Released:
    """What a line says of a quotation: everything but its words."""

    reference: str
    sha256: str
    characters: int


@dataclass(frozen=True)
class Quoted:
    """A quotation as a form says it."""

    reference: str
    text: str

    @property
    def blank(self) -> bool:
        """Whether nothing was filled in."""
        return not (self.reference.strip() or self.text.strip())

    def stored(self) -> dict[str, str]:
        """As a decision keeps it. Raises `BadForm`."""
        number, request = words.read_reference(self.reference)
        return {
            "reference": words.quotation_reference(number, request),
            "text": words.quotation(self.text),
        }


def problems(quoted: Sequence[Quoted], told: Mapping[str, Released]) -> Problems:
    """What is wrong with quotations ``quotation-1`` and so on of an annex; ``told`` by reference."""
    found: Problems = []
    seen: set[str] = set()
    for number, one in enumerate(quoted, 1):
        said = None if one.blank else _problem(number, one, told, seen)
        if said is not None:
            found.append(said)
    return found


def _problem(
    number: int, one: Quoted, told: Mapping[str, Released], seen: set[str]
) -> tuple[str, str] | None:
    at, text_at = f"quotation-{number}", f"quotation-text-{number}"
    try:
        reference = words.quotation_reference(*words.read_reference(one.reference))
    except BadForm:
        return at, "Copy the reference from the reading room, for example Q-12 of PR-2027-009."
    if reference not in told:
        return at, f"The custodian released no {reference} for this case. Check the reference."
    if reference in seen:
        return at, f"{reference} stands here twice. Take one of them out."
    seen.add(reference)
    try:
        digest = words.text_digest(words.quotation(one.text))
    except BadForm as problem:
        return text_at, f"Copy the words from the reading room: {problem}."
    if digest != told[reference].sha256:
        return (
            text_at,
            f"These are not the words that were released as {reference}. Copy them without a change.",
        )
    return None


def elsewhere(
    public: Mapping[str, str], told: Iterable[Released], quoted: Iterable[Mapping[str, str]]
) -> Problems:
    """Where words of a quotation stand outside the annex; ``public`` are texts by field.

    Whole quotations are found by digest, whichever were released (``told``). Those whose words are known
    (``quoted``, as decisions keep them) are also found in other case, spacing and punctuation.
    """
    released, known = list(told), list(quoted)
    found: Problems = []
    for field, text in public.items():
        bare = _bare(text)
        named = {one["reference"] for one in known if _bare(one["text"]) in bare} | set(
            _by_digest(text, released)
        )
        found += [
            (
                field,
                f"The words of {reference} stand here, and may stand in the confidential annex only. Say it "
                "in your own words, or refer to the annex.",
            )
            for reference in sorted(named)
        ]
    return found


def _by_digest(text: str, told: Sequence[Released]) -> Iterator[str]:
    """References of the quotations that stand in a text as they were released, spacing aside."""
    said = words.folded(text)
    digests = {one.sha256: one.reference for one in told}
    lengths = {one.characters for one in told if one.characters <= len(said)}
    for start in _starts(said) if lengths else ():
        for length in lengths:
            part = said[start : start + length]
            reference = (
                digests.get(hashlib.sha256(part.encode()).hexdigest()) if len(part) == length else None
            )
            if reference is not None:
                yield reference


def _starts(text: str) -> Iterator[int]:
    """Where words, and marks before words, begin."""
    for at, one in enumerate(text):
        if not (at and one.isalnum() and text[at - 1].isalnum()) and one != " ":
            yield at


def _bare(text: str) -> str:
    """Letters and digits alone, without case."""
    return _NO_LETTER.sub("", words.folded(text).casefold())


def released(session: Session, case: Case) -> dict[str, Released]:
    """The quotations that were released of the plans of a case, by reference, as the ledger has them."""
    found = {}
    for request in plans.of_case(session, case):
        for one in openings.told(session, request):
            if one.line.type == TYPE:
                said = _read(one.line.fields, request.reference)
                found[said.reference] = said
    return found


def _read(fields: Mapping[str, Any], request: str) -> Released:
    reference = words.quotation_reference(int(fields["number"]), request)
    return Released(reference, str(fields["sha256"]), int(fields["characters"]))
