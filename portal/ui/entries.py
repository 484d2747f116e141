"""One ledger entry on a page, with its proof, and its receipt as a file: alike in every zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Response, render_template

from portal.ui.charts import Beside, Inclusion
from portal.web import current_witnesses
from secure_access.db import Session
from secure_access.ledger import LedgerEntry, Log, placement, receipts, witnesses
from secure_access.ledger.placement import Anchor, Placement


@dataclass(frozen=True)
class Shown:
    """An entry as its page shows it. ``receipt`` is the address of its receipt, ``words`` say its place."""

    entry: LedgerEntry
    words: str
    receipt: str
    placement: Placement | None
    note: str
    """The checkpoint with its signatures; empty without one."""
    anchor: Anchor | None
    """What fixes an entry of the custody log in the public one; ``None`` for others, and before it is."""

    @property
    def in_custody(self) -> bool:
        """Whether it is an entry of the log that nobody outside sees."""
        return self.entry.log is Log.CUSTODY

    @property
    def chart(self) -> Inclusion:
        """The path from the leaf to the root."""
        assert self.placement is not None
        steps = (Beside(step.sibling.hex(), step.left, step.made.hex()) for step in self.placement.path)
        return Inclusion("Path of the entry", self.placement.leaf.hex(), tuple(steps))

    @property
    def witnesses(self) -> list[tuple[str, datetime]]:
        """Who cosigned the checkpoint, each once, and when by their own clock."""
        lines = self.placement.cosignatures if self.placement else ()
        return sorted({line.name: line.cosigned_at for line in lines}.items())


Told = tuple[datetime, str, str, str]
"""An event of a timeline: when, what happened, the words of its place in the ledger, its address."""


def told(
    session: Session, subject: str, words: Mapping[str, str], address: Callable[[LedgerEntry], str]
) -> list[Told]:
    """The entries about a subject whose types have words, latest first. Those of the custody log never."""
    signed = placement.signed(session)
    found = placement.told(session, subject, words)
    return [
        (entry.recorded_at, words[entry.type], signed.words(entry), address(entry))
        for entry in reversed(found)
    ]


def shown(session: Session, entry: LedgerEntry, receipt: str) -> Shown:
    """An entry with its proof as of now. The caller has found it among those its reader may see."""
    found = placement.placement(session, entry, current_witnesses())
    words = placement.signed(session, (Log(entry.log),)).words(entry)
    note = witnesses.whole(session, found.checkpoint) if found else ""
    return Shown(entry, words, receipt, found, note, placement.anchor(session, entry))


def page(
    session: Session, entry: LedgerEntry, *, what: str, path: Sequence[tuple[str, str]], receipt: str
) -> str:
    """The page of an entry. ``what`` says what happened, ``path`` leads to the page of the timeline."""
    return render_template("entry.html", shown=shown(session, entry, receipt), what=what, path=path)


def receipt_file(session: Session, entry: LedgerEntry) -> Response:
    """The receipt of an entry as a file that verifies offline."""
    response = Response(
        receipts.receipt_text(session, entry, current_witnesses()), mimetype="application/json"
    )
    place = "waiting" if entry.leaf_index is None else str(entry.leaf_index)
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-entry-{place}.json"'
    return response
