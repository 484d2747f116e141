"""What a person must do: one row of the list on the first page of a zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Task:
    """One thing to do. ``due`` is an aware instant, or ``None`` where no law and no person has set one.

    ``what`` begins with a verb, ``link`` is an address in the reader's own zone, ``consequence`` says what
    happens if it is not done, ``act`` is the label of the button.
    """

    what: str
    link: str
    detail: str
    due: datetime | None
    consequence: str
    act: str = "Open"
