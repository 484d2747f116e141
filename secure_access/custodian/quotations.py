"""Quotations: words that a reader takes out of the custodian, for the confidential annex of a decision.

Each is confirmed by a passkey over exactly the text that was shown, and its line comes first. The log has the
SHA-256 of the text, by which a decision that quotes it is held to it; the custodian keeps no copy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from secure_access.custodian.acts import Act, Statement
from secure_access.custodian.custody import Custody, Refused, Why
from secure_access.custodian.reading import Reading
from secure_access.custodian.state import Given, Quotation
from secure_access.ledger.canonical import Json
from secure_access.sealing import words
from secure_access.sealing.exact import BadForm
from secure_access.workflow import NotFound

MOST_QUOTATIONS = 20
"""Under one grant."""
REFUSED = "quotation.refused"


@dataclass(frozen=True)
class Proposed:
    """Words as they would leave: what the passkeys of the grant confirm, and which they are."""

    statement: Statement
    credentials: tuple[bytes, ...]
    text: str = field(repr=False)


@dataclass(frozen=True)
class Released:
    """Words that left, with their number for the plan request."""

    number: int
    request: str
    text: str = field(repr=False)

    @property
    def reference(self) -> str:
        """How a decision names them, such as ``Q-12 of PR-2027-009``."""
        return words.quotation_reference(self.number, self.request)


class Quotations:
    """The quotations of a core. All methods raise as `Reading.beside`, and `Refused`."""

    def __init__(self, custody: Custody, reading: Reading) -> None:
        self._custody, self._reading = custody, reading

    def of(self, token: str) -> tuple[list[Quotation], str]:
        """What was released under the sitting's grant, without the words, and the plan request."""
        with self._custody.lock:
            given = self._reading.beside(token, "", 0, REFUSED)
            return list(given.quotations), given.grant.request

    def ask(self, token: str, section: str, page: int, text: str) -> Proposed:
        """The words as they would leave, and what a passkey has to confirm for it."""
        custody = self._custody
        with custody.lock:
            given, said = self._checked(token, section, page, text)
            grant = given.grant
            made = custody.nonces.ask(
                Act.QUOTE, _object(given, section, page, said), grant.reader, custody.now()
            )
            return Proposed(made, grant.credentials, said)

    def release(self, token: str, place: tuple[str, int], text: str, confirmed: tuple[str, str]) -> Released:
        """The words leave, after their line is on disk. Also raises `NotConfirmed`."""
        custody, (section, page) = self._custody, place
        with custody.lock:
            done = custody.confirmed(*confirmed, Act.QUOTE)
            given, said = self._checked(token, section, page, text)
            grant = given.grant
            for stands, why, refusal in (
                (done.person.person != grant.reader, Why.UNKNOWN, ""),
                (
                    done.credential.id not in grant.credentials,
                    Why.OTHER_PASSKEY,
                    "This grant is not for this passkey.",
                ),
                (
                    done.statement.object != _object(given, section, page, said),
                    Why.NOT_ALLOWED,
                    "These are not the words that were confirmed. Nothing was released.",
                ),
            ):
                if stands:
                    raise self._denied(given, place, why, refusal)
            number = custody.state.quoted[grant.request] + 1
            sha256 = words.text_digest(said)
            fields: dict[str, Json] = {"grant": grant.digest, "section": section, "page": page}
            fields |= {"number": number, "sha256": sha256, "characters": len(said)}
            custody.write("quotation.released", given.plan, {**fields, **custody.by(done)})
            return Released(number, grant.request, said)

    def _checked(self, token: str, section: str, page: int, text: str) -> tuple[Given, str]:
        if not page:
            raise NotFound
        given = self._reading.beside(token, section, page, REFUSED)
        if len(given.quotations) >= MOST_QUOTATIONS:
            said = f"{MOST_QUOTATIONS} quotations were released under this grant: no more are."
            raise self._denied(given, (section, page), Why.TOO_MUCH, said)
        try:
            return given, words.quotation(text)
        except BadForm as problem:
            raise self._denied(given, (section, page), Why.MALFORMED, f"Not released: {problem}.") from None

    def _denied(self, given: Given, place: tuple[str, int], why: Why, said: str) -> Exception:
        """The refusal of who reads, recorded; only so often in an hour, as of strangers."""
        fields: dict[str, Json] = {"grant": given.grant.digest, "reader": given.grant.reader}
        fields |= {"section": place[0], "page": place[1], "reason": why.value}
        self._custody.stranger(REFUSED, given.plan, fields)
        return NotFound() if why is Why.UNKNOWN else Refused(why, said)


def _object(given: Given, section: str, page: int, text: str) -> str:
    statement = words.quotation_statement(given.grant.digest, section, page, text)
    return hashlib.sha256(statement).hexdigest()
