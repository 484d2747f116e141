"""Break-glass: what the developer is told before anything opens. The core writes it, the front sends it.

Nothing sealed is named: no section, no purpose. An officer of the developer sees those with a passkey.
"""

from __future__ import annotations

from dataclasses import dataclass

from secure_access.custodian.custody import Custody
from secure_access.custodian.grant_words import count, minute
from secure_access.custodian.state import Given, Standing
from secure_access.workflow import NotFound


@dataclass(frozen=True)
class Notice:
    """A message to the address that the enrolment list names for a developer; empty where it has none."""

    grant: str
    to: str
    subject: str
    text: str


class Telling:
    """Of which break-glass developers wait to be told, and that they were. All raise `Refused`."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody

    def waiting(self) -> list[Notice]:
        """What is to be sent, each until it was."""
        with self._custody.lock:
            grants = self._custody.state.grants.values()
            return [self._notice(one) for one in grants if one.standing is Standing.TELLING]

    def told(self, grant: str) -> None:
        """The message was handed to the developer's mail: the grant stands. Again, it says nothing new.

        Raises `NotFound`.
        """
        custody = self._custody
        with custody.lock:
            given = self._given(grant)
            if given.standing is Standing.TELLING:
                sent = custody.parts.kept.put(self._notice(given).text.encode())
                custody.write("break_glass.told", given.plan, {"grant": grant, "notice": sent})

    def not_told(self, grant: str) -> None:
        """The message could not be sent, and nothing opens; it is tried again. Raises `NotFound`."""
        given = self._given(grant)
        if given.standing is Standing.TELLING:
            reference = given.grant.reference
            self._custody.refuse("break_glass.not_told", given.plan, {"grant": grant}, reference)

    def _given(self, grant: str) -> Given:
        found = self._custody.state.grants.get(grant)
        if found is None:
            raise NotFound
        return found

    def _notice(self, given: Given) -> Notice:
        grant, listed = given.grant, self._custody.enrolment
        developer = listed.name_of(grant.developer)
        text = (
            "Two enrolled people approved emergency access (break-glass) to the security plan of "
            f"{developer} for request {grant.request}. It is an emergency, which the approved request does "
            "not cover.\n\n"
            f"One reader may open {count(len(grant.sections), 'section')}, at most "
            f"{count(grant.pages, 'page')}, from {minute(grant.not_before)} to {minute(grant.not_after)}. "
            "The custodian opens nothing under it before this message was sent.\n\n"
            "See who reads what, and revoke the access or pause all reading at once:\n"
            f"{listed.custodian}/grants/{grant.digest}\n\n"
            f"An officer of {developer} enters there with a passkey. Each page that is opened is a line of "
            "the custodian's log.\n"
        )
        subject = f"Emergency access to your security plan: {grant.reference}"
        return Notice(grant.digest, listed.notices.get(grant.developer, ""), subject, text)
