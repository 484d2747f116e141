"""Duties as a calendar file (RFC 5545), so that due dates stand where people look. Pure; lines end in CR LF.

A duty keeps its identifier while its due instant moves, so a calendar moves the entry too. One that was
excused, ended or superseded is sent as cancelled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from portal.law.deadlines import aware
from portal.law.duty_rules import Owed

LONGEST_LINE = 75
"""Octets of a line without its end; longer ones go on in the next line after a space (RFC 5545 3.1)."""
_CLOSED = ("excused", "ended", "superseded")


def standing(duty: Owed) -> str:
    """A duty in one line, with how it stands."""
    return f"{duty.label} ({duty.status})"


def feed(
    duties: Iterable[Owed], *, name: str, now: datetime, summary: Callable[[Owed], str] = standing
) -> str:
    """A calendar with one entry for each duty that has a due instant.

    Args:
        duties: as `portal.law.duties.owed` gives them.
        name: what the calendar is called.
        now: when the file is made.
        summary: what an entry is called.

    Raises:
        WrongTime: when the moment has no zone.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Assay//Duties//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{escaped(name)}",
    ]
    for duty in duties:
        if duty.due_at is not None:
            lines += _entry(duty, duty.due_at, summary(duty), aware(now))
    return "".join(f"{line}\r\n" for whole in (*lines, "END:VCALENDAR") for line in folded(whole))


def _entry(duty: Owed, due: datetime, words: str, now: datetime) -> Iterator[str]:
    why = "\n".join((duty.rule, *duty.why, f"{duty.citation}; {duty.law_status}"))
    yield "BEGIN:VEVENT"
    yield f"UID:{hashlib.sha256(duty.key.encode()).hexdigest()[:32]}@assay"
    yield f"DTSTAMP:{_instant(now)}"
    yield f"DTSTART:{_instant(due)}"
    yield f"SUMMARY:{escaped(words)}"
    yield f"DESCRIPTION:{escaped(why)}"
    yield f"STATUS:{'CANCELLED' if duty.status in _CLOSED else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def escaped(text: str) -> str:
    """A text as a value: backslash, comma, semicolon, line ends escaped; no other control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(letter for letter in lines if letter == "\n" or (letter >= " " and letter != "\x7f"))
    for letter in ("\\", ",", ";"):
        kept = kept.replace(letter, "\\" + letter)
    return kept.replace("\n", "\\n")


def folded(line: str) -> Iterator[str]:
    """A line in pieces of at most 75 octets, no character split; each further one begins with a space."""
    piece, size = "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > LONGEST_LINE:
            yield piece
            piece, size = " ", 1
        piece, size = piece + letter, size + octets
    yield piece
