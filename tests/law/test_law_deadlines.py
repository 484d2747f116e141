"""Clocks: incident, office and periodic, at the seams of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.law import statute
from portal.law.deadlines import (
    Incident,
    WrongTime,
    add_months,
    incident_clocks,
    office_clock,
    timeliness,
)
from portal.law.packs import PackError
from portal.law.review_clock import ReviewEvent, review_clock


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_each_regime_has_its_clock() -> None:
    incident = Incident(
        discovered_at=at("2027-08-10 09:00"),
        determined_at=at("2027-08-11 09:00"),
        believed_at=at("2027-08-10 12:00"),
        aware_at=at("2027-08-10 09:00"),
        kinds=frozenset({"cybersecurity"}),
    )
    found = {(c.regime, c.rule): c for c in incident_clocks(incident)}
    assert set(found) == {
        ("aaif-proposal", "15 days from discovered"),
        ("ca-tfaia", "15 days from discovered"),
        ("ny-raise", "72 hours from determined"),
        ("ny-raise", "72 hours from reasonable belief"),
        ("eu-ai-act", "5 days from aware"),
        ("il-sb315", "72 hours from discovered"),
    }
    belief = found[("ny-raise", "72 hours from reasonable belief")]
    assert belief.due_at == at("2027-08-13 12:00")
    assert belief.governs
    assert not found[("ny-raise", "72 hours from determined")].governs
    assert belief.citation == "GBL 1422"
    assert found[("ca-tfaia", "15 days from discovered")].due_at == at("2027-08-26 06:59:59")
    assert found[("eu-ai-act", "5 days from aware")].due_at == at("2027-08-15 21:59:59")
    assert found[("aaif-proposal", "15 days from discovered")].status == "proposed"
    assert "plus 72 hours, every hour counted" in belief.why


def test_imminent_danger_and_the_end_of_an_incident() -> None:
    incident = Incident(
        discovered_at=at("2027-08-10 09:00"), imminent=True, resolved_at=at("2027-09-01 00:00")
    )
    found = {(clock.regime, clock.duty): clock for clock in incident_clocks(incident)}
    assert found[("ca-tfaia", "incident.imminent")].due_at == at("2027-08-11 09:00")
    assert found[("eu-ai-act", "incident.final_report")].due_at == at("2027-10-31 22:59:59")
    assert found[("ny-raise", "incident.imminent")].due_at == at("2027-08-11 09:00")
    determined = incident_clocks(Incident(determined_at=at("2027-08-10 09:00"), imminent=True), ["ny-raise"])
    assert [clock.duty for clock in determined] == ["incident.report"]


@pytest.mark.parametrize(
    ("kind", "days"),
    [("critical_infrastructure", 2), ("cybersecurity", 5), ("death", 10), ("serious_harm", 15)],
)
def test_the_codes_days_by_kind(kind: str, days: int) -> None:
    incident = Incident(aware_at=at("2027-06-01 10:00"), kinds=frozenset({kind}))
    (clock,) = incident_clocks(incident, ["eu-ai-act"])
    assert clock.due_at == at("2027-06-01 21:59:59") + timedelta(days=days)


def test_no_clock_before_the_law() -> None:
    incident = Incident(determined_at=at("2026-12-31 23:00"), discovered_at=at("2025-12-31 23:00"))
    assert incident_clocks(incident, ["ny-raise", "ca-tfaia"]) == ()


def test_a_last_day_off_under_the_reading_of_the_pack() -> None:
    """5 days from Tuesday 10 August 2027 end on a Sunday."""
    incident = Incident(aware_at=at("2027-08-10 09:00"), kinds=frozenset({"cybersecurity"}))
    (kept,) = incident_clocks(incident, ["eu-ai-act"])
    assert kept.due_at == at("2027-08-15 21:59:59")
    assert kept.otherwise_due_at == at("2027-08-16 21:59:59")
    assert any("is no business day (Assumption Day" in line for line in kept.why)
    text = statute.load("eu-ai-act").text
    with statute.using(
        statute.parse(text.replace('adopted = "as counted"', 'adopted = "next working day"'), "x")
    ):
        (moved,) = incident_clocks(incident, ["eu-ai-act"])
    assert (moved.due_at, moved.otherwise_due_at) == (kept.otherwise_due_at, kept.due_at)


def test_days_end_in_local_time_over_a_change_of_the_clocks() -> None:
    incident = Incident(aware_at=at("2027-10-25 12:00"), kinds=frozenset({"death"}))
    (clock,) = incident_clocks(incident, ["eu-ai-act"])
    assert clock.due_at == at("2027-11-04 22:59:59")


def test_the_adopted_reading_decides_which_start_governs(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = statute.load("ny-raise")
    reading = pack.readings["incident.start"]
    other = type(reading)(**{k: getattr(reading, k) for k in reading.__slots__} | {"adopted": "determining"})
    changed = type(pack)(**{**vars(pack), "readings": {**pack.readings, "incident.start": other}})
    monkeypatch.setattr(statute, "load", lambda name: changed)
    incident = Incident(determined_at=at("2027-08-11 09:00"), believed_at=at("2027-08-10 12:00"))
    governing = [clock for clock in incident_clocks(incident, ["ny-raise"]) if clock.governs]
    assert [clock.rule for clock in governing] == ["72 hours from determined"]
    (alone,) = incident_clocks(Incident(believed_at=at("2027-08-10 12:00")), ["ny-raise"])
    assert alone.governs


def test_timeliness_to_the_second() -> None:
    clock = office_clock("information_request.answer", at("2027-07-27 10:00"))
    assert clock.due_at == at("2027-08-10 23:59:59")
    assert timeliness(clock, clock.due_at).on_time
    late = timeliness(clock, clock.due_at + timedelta(seconds=1))
    assert not late.on_time
    assert late.late_by == timedelta(seconds=1)
    assert late.late_days == 1
    assert timeliness(clock, at("2027-08-29 09:00")).late_days == 19
    assert clock.left(at("2027-08-10 23:59:00")) == timedelta(seconds=59)


def test_office_periods_move_off_closed_days() -> None:
    clock = office_clock("information_request.answer", at("2027-12-10 10:00"))
    assert clock.due_at == at("2027-12-27 23:59:59")
    assert any("closed day" in line for line in clock.why)
    with pytest.raises(PackError, match="no clock 'tea'"):
        office_clock("tea", at("2027-12-10 10:00"))


def test_a_request_may_name_its_own_date() -> None:
    clock = office_clock("information_request.answer", at("2027-07-20 10:00"), due_on=date(2027, 8, 8))
    assert clock.due_at == at("2027-08-08 23:59:59")
    assert clock.rule == "by 2027-08-08, as named"
    with pytest.raises(WrongTime, match="is before the start"):
        office_clock("information_request.answer", at("2027-07-20 10:00"), due_on=date(2027, 7, 19))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(WrongTime, match="has no time zone"):
        incident_clocks(Incident(discovered_at=datetime(2027, 8, 10)))


def test_months_end_where_the_month_does() -> None:
    assert add_months(date(2027, 8, 31), 6) == date(2028, 2, 29)
    assert add_months(date(2028, 2, 29), 12) == date(2029, 2, 28)
    assert add_months(date(2027, 1, 15), 11) == date(2027, 12, 15)


def event(kind: str, day: str, reference: str = "") -> ReviewEvent:
    return ReviewEvent(kind, at(day), reference)  # type: ignore[arg-type]


def test_the_review_clock_of_the_worked_case() -> None:
    """Started 15 July; stopped from service to the full answer; on 1 October 15 days are left."""
    events = [
        event("started", "2027-07-15"),
        event("stopped", "2027-07-27", "IR-1"),
        event("resumed", "2027-08-29", "IR-1"),
    ]
    clock = review_clock(events, now=at("2027-10-01"))
    assert (clock.state, clock.day, clock.left) == ("running", 45, 15)
    assert clock.due_at == at("2027-10-18 23:59:59")
    assert "day 60 is 2027-10-16, moved to 2027-10-18" in clock.why
    assert [segment.days for segment in clock.segments] == [12, 33, 33]


def test_a_request_served_twice_is_open_already_and_an_answer_to_none_is_not_open() -> None:
    begun = [event("started", "2027-07-01"), event("stopped", "2027-07-10", "A")]
    with pytest.raises(WrongTime, match="A is open already"):
        review_clock([*begun, event("stopped", "2027-07-11", "A")], now=at("2027-10-01"))
    with pytest.raises(WrongTime, match="B is not open"):
        review_clock([*begun, event("resumed", "2027-07-11", "B")], now=at("2027-10-01"))


def test_the_review_clock_stands_still() -> None:
    events = [
        event("started", "2027-07-15"),
        event("stopped", "2027-07-27", "A"),
        event("stopped", "2027-07-28", "B"),
    ]
    clock = review_clock([*events, event("resumed", "2027-08-01", "A")], now=at("2027-10-01"))
    assert (clock.state, clock.day, clock.due_at) == ("stopped", 12, None)
    assert review_clock([], now=at("2027-10-01")).state == "not started"
    assert review_clock(events, now=at("2027-07-01")).state == "not started"
    ended = review_clock([*events, event("ended", "2027-08-02")], now=at("2027-10-01"))
    assert (ended.state, ended.day, ended.due_at) == ("ended", 12, None)
    weekday = review_clock([event("started", "2027-07-01")], now=at("2027-07-02"))
    assert weekday.due_at == at("2027-08-30 23:59:59")


@pytest.mark.parametrize(
    "events",
    [
        [event("stopped", "2027-07-15", "A")],
        [event("started", "2027-07-15"), event("started", "2027-07-16")],
        [event("started", "2027-07-15"), event("resumed", "2027-07-16", "A")],
        [
            event("started", "2027-07-15"),
            event("stopped", "2027-07-16", "A"),
            event("stopped", "2027-07-16", "A"),
        ],
        [event("ended", "2027-07-15")],
    ],
)
def test_events_that_cannot_follow(events: list[ReviewEvent]) -> None:
    with pytest.raises(WrongTime, match="cannot be"):
        review_clock(events, now=at("2027-10-01"))


def test_the_review_clock_extended_and_held() -> None:
    events = [
        event("started", "2027-07-15"),
        ReviewEvent(
            "extended", at("2027-07-20"), days=10, by="Paul Sørby", reason="two models in one filing"
        ),
        event("held", "2027-07-25", "A"),
        event("stopped", "2027-07-27", "A"),
        event("released", "2027-08-05", "A"),
        event("resumed", "2027-08-10", "A"),
    ]
    clock = review_clock(events, now=at("2027-09-01"))
    assert (clock.state, clock.period, clock.extended_by, clock.day) == ("running", 70, 10, 32)
    assert "extended on 20 Jul 2027 by 10 days by Paul Sørby, two models in one filing" in clock.why
    assert [segment.cause for segment in clock.segments] == [
        "review started",
        "held: A",
        "information request A answered",
    ]
    assert review_clock(events[:3], now=at("2027-09-01")).due_at is None
    plain = ReviewEvent("extended", at("2027-07-20"), days=1)
    assert "extended on 20 Jul 2027 by 1 day" in review_clock([events[0], plain], now=at("2027-09-01")).why
    again = [event("held", "2027-08-20"), event("released", "2027-08-21")]
    assert review_clock([*events, *again], now=at("2027-09-01")).segments[-2].cause == "held:"
    for wrong in (ReviewEvent("extended", at("2027-07-20")), event("released", "2027-07-26", "B")):
        with pytest.raises(WrongTime, match="cannot be"):
            review_clock([events[0], wrong], now=at("2027-09-01"))
