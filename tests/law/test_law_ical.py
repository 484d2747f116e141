"""The calendar file: folding, escaping, one entry a duty."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from portal.law import ical
from portal.law.duties import owed
from portal.law.duty_rules import Event

NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@given(TEXT)
def test_folding_loses_nothing_and_splits_no_character(text: str) -> None:
    line = f"SUMMARY:{ical.escaped(text)}"
    pieces = list(ical.folded(line))
    assert all(len(piece.encode()) <= ical.LONGEST_LINE for piece in pieces)
    assert all(piece.startswith(" ") for piece in pieces[1:])
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == line


@given(TEXT)
def test_escaping_can_be_undone_and_holds_one_line(text: str) -> None:
    value = ical.escaped(text)
    assert not re.search("[\x00-\x1f\x7f]", value)
    back = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert back == "".join(c for c in plain if c == "\n" or (c >= " " and c != "\x7f"))


def test_a_calendar_of_duties() -> None:
    events = [
        Event("framework_changed", datetime(2027, 6, 1, 20, tzinfo=UTC), about="müßig"),
        Event("internal_use_summary", datetime(2027, 6, 1, 20, tzinfo=UTC)),
        Event("held", datetime(2027, 6, 2, tzinfo=UTC), duty="internal_use.summary"),
        Event("excused", datetime(2027, 6, 3, tzinfo=UTC), duty="framework.publish_change", by="OES"),
    ]
    duties = owed("ca-tfaia", events, now=NOW, until=date(2028, 1, 1))
    assert {duty.status for duty in duties} == {"excused", "held"}
    text = ical.feed(duties, name="Duties; all", now=NOW)
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert text.endswith("END:VEVENT\r\nEND:VCALENDAR\r\n")
    assert "\n" not in text.replace("\r\n", "")
    whole = text.replace("\r\n ", "")
    assert whole.count("BEGIN:VEVENT") == 1
    assert "X-WR-CALNAME:Duties\\; all" in whole
    assert "DTSTART:20270702T065959Z" in whole
    assert "DTSTAMP:20271001T090000Z" in whole
    assert "STATUS:CANCELLED" in whole
    assert "SUMMARY:Publish a material change of the framework (excused)" in whole
    later = ical.feed(duties, name="x", now=datetime(2027, 10, 2, tzinfo=UTC))
    assert re.findall("UID:.*", later) == re.findall("UID:.*", text)
    overdue = ical.feed(owed("ca-tfaia", events[:1], now=NOW, until=date(2028, 1, 1)), name="x", now=NOW)
    assert "STATUS:CONFIRMED" in overdue
