"""Freshness: pages are served only while witnesses have seen the log, and lately.

Whoever restores the core's disk from last week could have pages read that no line tells of. A witness
remembers the last head that it signed and signs no other history, so a core whose witness does not sign soon
stops by itself. Where no witness is configured, “rollback not detected” is said instead.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from secure_access.custodian.custody_log import CustodyLog
from secure_access.ledger import note
from secure_access.ledger.note import NoteError, VerifierKey
from secure_access.ledger.signer import Frozen, LogSigner, Signed
from secure_access.ledger.witnesses import Behind, Forked, NoAnswer, Witnesses, cosigned_at
from secure_access.ledger.witnesses import post as ask_witness

LONGEST = timedelta(minutes=10)
SKEW = timedelta(minutes=1)
"""How far the clock of a witness may be ahead of ours."""
NOT_DETECTED = "rollback not detected"


@dataclass
class Freshness:
    """What witnesses signed of the log, and when. ``longest`` is how old a cosignature may be.

    ``post`` asks a witness at an address; it raises what `secure_access.ledger.witnesses.post` raises.
    """

    log: CustodyLog
    signer: LogSigner
    witnesses: Witnesses
    longest: timedelta = LONGEST
    post: Callable[[str, str], str] = ask_witness

    def __post_init__(self) -> None:
        self._signed_at: dict[str, datetime] = {}
        self._frozen, self._unsigned = "", ""
        self._lock = threading.Lock()

    @property
    def configured(self) -> bool:
        """Whether there is a witness at all."""
        return bool(self.witnesses.policy.witnesses) and self.witnesses.policy.quorum != "none"

    def ask(self, now: datetime) -> dict[str, str]:
        """Sign the newest head and show it to every witness; what went wrong, by address.

        A witness that has seen another history, or more than there is, freezes the core for good.
        """
        try:
            signed = self.log.checkpoint(self.signer, int(now.timestamp()))
        except Frozen as problem:
            # Not for good: after a start the signer waits for a witness that may only be away.
            self._unsigned = str(problem)
            return {"signer": str(problem)}
        self._unsigned = ""
        problems: dict[str, str] = {}
        for url, keys in self.witnesses.asked.items():
            try:
                self._take(self._cosigned(url, signed), signed, keys)
            except (Frozen, Forked) as problem:
                self._frozen = f"a witness ({url}) does not know this log as it is: {problem}"
                problems[url] = self._frozen
            except NoAnswer as problem:
                problems[url] = str(problem)
        return problems

    def refusal(self, now: datetime) -> str:
        """Why nothing may be served now, in words; empty while it may."""
        if self._frozen or self._unsigned:
            return self._frozen or self._unsigned
        if not self.configured:
            return ""
        with self._lock:
            # A time ahead of ours proves nothing about now, beyond what clocks differ.
            fresh = {name for name, at in self._signed_at.items() if now - self.longest <= at <= now + SKEW}
        if self.witnesses.policy.reached(fresh):
            return ""
        return f"no witness has signed the log in the last {int(self.longest.total_seconds() // 60)} minutes"

    def words(self, now: datetime) -> str:
        """What pages say of it: how fresh, rollback not detected, or why nothing is served."""
        refused = self.refusal(now)
        if refused or not self.configured:
            return refused or NOT_DETECTED
        with self._lock:
            newest = max(self._signed_at.values())
        seconds = max(0, int((now - newest).total_seconds()))
        return f"fresh, {seconds} second{'' if seconds == 1 else 's'} ago"

    def _cosigned(self, url: str, signed: Signed) -> str:
        """A witness's answer to the head. Raises `NoAnswer`, and `Frozen` where it has seen more."""
        old = signed.size
        for _ in range(2):
            try:
                return self.post(url, self._body(old, signed))
            except Behind as other:
                if other.size > signed.size:
                    raise Frozen(f"it has seen {other.size} lines, and here are {signed.size}") from None
                old = other.size
        raise NoAnswer(f"it said that it has seen {old} lines, and then another number")

    def _body(self, old: int, signed: Signed) -> str:
        proof = self.log.proof(old, signed.size)
        lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof)
        return f"old {old}\n{lines}\n{signed.note}"

    def _take(self, answer: str, signed: Signed, keys: tuple[VerifierKey, ...]) -> None:
        text = note.parse(signed.note).text
        try:
            told = note.parse(f"{text}\n{answer}")
            verified = told.verified(keys)
        except NoteError as problem:
            raise NoAnswer(f"its answer is no cosignature: {problem}") from None
        named = {(key.name, key.id): name for name, key in self.witnesses.policy.witnesses.items()}
        with self._lock:
            for line in told.signatures:
                if any(line.is_of(key) for key in verified):
                    self._signed_at[named[line.name, line.key_id]] = cosigned_at(line)
