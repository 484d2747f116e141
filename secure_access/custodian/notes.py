"""A reader's notes beside the pages of a sitting: sealed to the plan key, and read back where the pages are.

Whatever stops a page stops a note, and only the reader of the grant ever gets one. The log tells that a note
was written, beside which page and when; nothing outside the sealed file tells what it says.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from secure_access.custodian.custody import Custody, Refused, Why
from secure_access.custodian.reading import Reading
from secure_access.custodian.state import Given, Note
from secure_access.ledger.canonical import Json
from secure_access.sealing import notes, words
from secure_access.sealing.exact import BadForm
from secure_access.sealing.plans import PlanKey
from secure_access.workflow import NotFound

MOST_NOTES, MOST_WRITTEN = 200, 1000
"""Under one grant: notes that stand, and versions that were ever written."""
REFUSED = "note.refused"


@dataclass(frozen=True)
class Told:
    """A note as its reader gets it."""

    note: str
    version: int
    section: str
    page: int
    at: datetime
    text: str = field(repr=False)


class Notes:
    """The notes of a core. Methods that take a sitting's token raise as `Reading.beside`, and `Refused`."""

    def __init__(self, custody: Custody, reading: Reading) -> None:
        self._custody, self._reading = custody, reading

    def of(self, token: str) -> list[Told]:
        """Every note of the sitting's grant that stands, in the order of writing."""
        with self._custody.lock:
            given = self._reading.beside(token, "", 0, REFUSED)
            key, private = self._key(given), self._custody.parts.keys.private(given.plan)
            return [self._opened(given, note, key, private) for note in given.notes.values()]

    def write(self, token: str, section: str, page: int, text: str) -> Told:
        """A new note beside a page, after its line is on disk."""
        with self._custody.lock:
            given = self._reading.beside(token, section, page, REFUSED)
            if len(given.notes) >= MOST_NOTES:
                raise self._denied(
                    given, Why.TOO_MUCH, f"A grant has at most {MOST_NOTES} notes. Remove one first."
                )
            return self._written(given, (section, page), (secrets.token_hex(16), 1), text)

    def change(self, token: str, note: str, version: int, text: str) -> Told:
        """The next version of a note, of which ``version`` was shown. The old one is kept, and not shown."""
        with self._custody.lock:
            given, found = self._found(token, note, version)
            return self._written(given, (found.section, found.page), (note, version + 1), text)

    def remove(self, token: str, note: str, version: int) -> None:
        """Remove a note. What was sealed is destroyed with the plan's key; nobody reads it until then."""
        with self._custody.lock:
            given, found = self._found(token, note, version)
            fields: dict[str, Json] = {"grant": given.grant.digest, "section": found.section}
            self._custody.write("note.removed", given.plan, {**fields, "page": found.page, "note": note})

    def wipe(self, plan: str) -> None:
        """Remove the sealed files of all notes of a plan whose key is destroyed."""
        grants = self._custody.state.grants.values()
        found = [sealed for given in grants if given.plan == plan for sealed in given.written]
        self._custody.parts.kept.remove(found)

    def _found(self, token: str, note: str, version: int) -> tuple[Given, Note]:
        """A note that stands, as it was shown."""
        given = self._reading.beside(token, "", 0, REFUSED)
        found = given.notes.get(note)
        if found is None:
            self._denied(given, Why.UNKNOWN, "")
            raise NotFound
        if found.version != version:
            words = "This note was changed since it was shown here. Look at it again."
            raise self._denied(given, Why.WRONG_STATE, words)
        return given, found

    def _written(self, given: Given, place: tuple[str, int], named: tuple[str, int], text: str) -> Told:
        custody, (section, page), (note, version) = self._custody, place, named
        if len(given.written) >= MOST_WRITTEN:
            said = f"Notes were written {MOST_WRITTEN} times under this grant: no more are taken."
            raise self._denied(given, Why.TOO_MUCH, said)
        try:
            said = words.note(text)
        except BadForm as problem:
            raise self._denied(given, Why.MALFORMED, f"Not kept: {problem}.") from None
        key = self._key(given)
        header = notes.NoteHeader.of(key, given.grant.digest, place, note, version)
        sealed = notes.seal(said, header, key)
        line = custody.write(
            "note.written",
            given.plan,
            {
                "grant": given.grant.digest,
                "section": section,
                "page": page,
                "note": note,
                "version": version,
                "sealed": custody.parts.kept.put(sealed),
                "size": len(sealed),
            },
        )
        return Told(note, version, section, page, line.at, said)

    def _opened(self, given: Given, note: Note, key: PlanKey, private: bytes) -> Told:
        place = note.section, note.page
        header = notes.NoteHeader.of(key, given.grant.digest, place, note.note, note.version)
        text = notes.unseal(self._custody.parts.kept.get(note.sealed), private, header, key)
        return Told(note.note, note.version, *place, note.at, text)

    def _key(self, given: Given) -> PlanKey:
        return PlanKey.parse(self._custody.parts.keys.public(given.plan))

    def _denied(self, given: Given, why: Why, said: str) -> Refused:
        """The refusal of who reads and may write, recorded; only so often in an hour, as of strangers."""
        fields = {"grant": given.grant.digest, "reader": given.grant.reader, "reason": why.value}
        self._custody.stranger(REFUSED, given.plan, dict(fields))
        return Refused(why, said)
