"""Duties: rules and events, and everything that moves, meets or closes one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import statute
from portal.law.deadlines import WrongTime, legal_day
from portal.law.duties import owed
from portal.law.duty_rules import Event, Owed, rules
from portal.law.periods import reckon

FAR = date(2029, 12, 31)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(kind: str, when: str, **rest: Any) -> Event:
    return Event(kind, at(when), **rest)


def of(duty: str, regime: str, *events: Event, now: str = "2027-10-01", until: date = FAR) -> list[Owed]:
    return [one for one in owed(regime, events, now=at(now), until=until) if one.duty == duty]


def days(found: list[Owed]) -> list[str]:
    return [
        "" if one.due_at is None else legal_day(one.due_at, ZoneInfo(one.zone)).isoformat() for one in found
    ]


REPORTS = [event("risk_report_filed", f"{day} 10:00") for day in ("2027-01-31", "2027-07-20", "2028-02-10")]


def test_from_report_to_report() -> None:
    found = of("risk_report.period", "aaif-proposal", *REPORTS, now="2028-03-01", until=date(2029, 3, 1))
    assert days(found) == ["2027-07-31", "2028-01-20", "2028-08-10", "2029-02-10"]
    assert [one.status for one in found] == ["met", "late", "upcoming", "upcoming"]
    assert [one.number for one in found] == [1, 1, 1, 2]
    assert found[0].met_at == at("2027-07-20 10:00")
    assert found[0].law_status == "proposed"
    assert not found[0].verified
    assert found[0].statute_digest == statute.load("aaif-proposal").digest
    assert found[0].why[0] == "risk report filed at 2027-01-31 10:00:00 UTC"
    assert found[0].why[1] == "2027-01-31 plus 6 months = 2027-07-31"
    assert found[0].key == "aaif-proposal/risk_report.period///risk_report_filed@20270131T100000Z/1"


def test_overdue_due_and_upcoming() -> None:
    for now, status in (("2027-07-30", "upcoming"), ("2027-07-31 12:00", "due"), ("2027-08-01", "overdue")):
        found = of("risk_report.period", "aaif-proposal", REPORTS[0], now=now)
        assert found[0].status == status


@pytest.mark.parametrize(
    ("regime", "trigger", "duty", "due"),
    [
        ("ca-tfaia", "framework_changed", "framework.publish_change", "2027-04-01"),
        ("ca-tfaia", "framework_published", "framework.review", "2028-03-02"),
        ("ca-tfaia", "internal_use_summary", "internal_use.summary", "2027-06-02"),
        ("ca-tfaia", "became_large", "internal_use.first", "2027-06-02"),
        ("ny-raise", "disclosure_filed", "disclosure.renewal", "2029-03-02"),
        ("ny-raise", "started_in_state", "disclosure.first", "2027-03-02"),
        ("eu-ai-act", "threshold_known", "notify.threshold", "2027-03-16"),
        ("eu-ai-act", "framework_changed", "framework.publish_change", "2027-04-01"),
        ("eu-ai-act", "evaluation_done", "evaluation.light", "2027-12-02"),
        ("eu-ai-act", "model_report_filed", "model_report.refresh", "2027-09-02"),
        ("eu-ai-act", "framework_confirmed", "framework.send", "2027-03-09"),
        ("eu-ai-act", "placed_with_interim_report", "model_report.after_interim", "2027-03-23"),
        ("eu-ai-act", "snapshot_available", "evaluation.snapshot", ""),
        ("eu-ai-act", "justification_undermined", "assessment.undermined", ""),
        ("eu-ai-act", "risk_tier_reached", "mitigation.tier", ""),
        ("aaif-proposal", "enacted", "evaluator.engaged", "2027-09-02"),
        ("aaif-proposal", "certified", "certification.period", "2028-03-02"),
    ],
)
def test_the_duties_of_the_packs(regime: str, trigger: str, duty: str, due: str) -> None:
    found = of(duty, regime, event(trigger, "2027-03-02 18:00", about="m"), now="2027-03-03")
    assert days(found)[0] == due
    assert found[0].citation
    assert found[0].why
    assert found[0].status in ("upcoming", "due", "overdue")
    assert found[0].about == "m"


def test_every_rule_of_every_pack_can_be_owed() -> None:
    """A duty that no event of its own kind begins would never show."""
    for pack in statute.regimes():
        for rule in rules(pack):
            tags = frozenset({rule.tag}) if rule.tag else frozenset()
            one = event(rule.after, "2028-06-01", tags=tags, on=date(2028, 9, 1))
            events = () if rule.after == "law_started" else (one,)
            found = of(rule.duty, pack.id, *events, now="2028-06-02", until=date(2031, 1, 1))
            assert found, (pack.id, rule.duty)


def test_yearly_audit_from_its_own_first_day() -> None:
    assert of("audit.first", "il-sb315", now="2027-12-31 23:00") == []
    (first,) = of("audit.first", "il-sb315", now="2028-01-02")
    assert first.why[0].startswith("law started at 2027-01-01 00:00")
    assert first.why[1] == "so already when the rule began: counted from 2028-01-01"
    assert days([first]) == ["2029-01-01"]
    assert owed("il-sb315", (), now=at("2026-06-01"), until=FAR) == ()
    assert of("audit.yearly", "il-sb315", event("audit_done", "2027-06-01")) == []


def test_before_the_market_and_after_the_notification() -> None:
    events = [
        event("commission_notified", "2027-03-01"),
        event("market_planned", "2027-03-05", on=date(2027, 4, 20)),
        event("framework_confirmed", "2027-04-01"),
    ]
    found = of("framework.confirm", "eu-ai-act", *events)
    assert days(found) == ["2027-03-29", "2027-04-06"]
    assert [one.status for one in found] == ["late", "met"]
    assert "2027-04-20 minus 2 weeks = 2027-04-06" in found[1].why


def test_business_days_pass_over_holidays_and_say_so() -> None:
    (found,) = of("framework.send", "eu-ai-act", event("framework_confirmed", "2027-03-24 10:00"))
    assert days([found]) == ["2027-04-02"]
    assert "2027-03-26 (Good Friday)" in found.why[2]
    assert "holidays 0." in found.why[2]


def test_the_end_of_a_period_under_each_reading() -> None:
    changed = event("framework_changed", "2027-06-04 20:00")
    (found,) = of("framework.publish_change", "ca-tfaia", changed)
    assert days([found]) == ["2027-07-04"]
    assert found.otherwise_due_at == at("2027-07-07 06:59:59")
    assert any("under the other reading 2027-07-06" in line for line in found.why)
    text = statute.load("ca-tfaia").text
    other = statute.parse(text.replace('adopted = "as counted"', 'adopted = "next working day"'), "x")
    with statute.using(other):
        (moved,) = of("framework.publish_change", "ca-tfaia", changed)
    assert days([moved]) == ["2027-07-06"]
    assert moved.otherwise_due_at == found.due_at


def test_before_or_with_deployment() -> None:
    deployed = event("model_deployed", "2027-05-01 20:00", about="m")
    early = event("transparency_report_published", "2027-04-28", about="m")
    other = event("transparency_report_published", "2027-04-28", about="n")
    (open_,) = of("transparency_report", "ca-tfaia", deployed, other)
    assert (open_.status, days([open_])) == ("overdue", ["2027-05-01"])
    (met,) = of("transparency_report", "ca-tfaia", deployed, early)
    assert met.status == "met"
    assert met.breach == "22757.12"
    renewed = of(
        "disclosure.change",
        "ny-raise",
        event("disclosure_filed", "2027-01-05"),
        event("ownership_changed", "2027-06-01"),
    )
    assert renewed[0].status == "overdue"


def test_nine_months_unless_an_update_is_planned_within_a_month() -> None:
    done = event("evaluation_done", "2027-01-15", about="m")
    plan = event("update_planned", "2027-10-01", about="m", on=date(2027, 11, 10), by="the developer")

    def first(*more: Event, now: str) -> Owed:
        return of("evaluation.light", "eu-ai-act", done, *more, now=now)[0]

    assert days([first(now="2027-10-02")]) == ["2027-10-15"]
    planned = first(plan, now="2027-10-20")
    assert (planned.status, days([planned])) == ("excused", ["2027-11-15"])
    assert "by the developer for 2027-11-10, within 1 month of 2027-10-15" in planned.closed_because
    assert planned.why.count(planned.closed_because) == 1
    assert first(plan, now="2027-11-17").status == "overdue"
    updated = event("model_updated", "2027-11-12", about="m")
    came = first(plan, updated, now="2027-11-20")
    assert (came.status, came.closed_because) == ("excused", "model updated on 2027-11-12, as planned")
    assert first(plan, event("evaluation_done", "2027-11-01", about="m"), now="2027-11-20").status == "met"
    for wrong in (
        {"on": date(2027, 11, 16)},
        {"on": None},
        {"at": at("2027-10-16 12:00")},
        {"about": "other"},
        {"duty": "else"},
    ):
        values = {"kind": plan.kind, "at": plan.at, "about": "m", "on": plan.on, **wrong}
        assert first(Event(**values), updated, now="2027-11-20").status == "overdue", wrong


def test_an_agreed_schedule() -> None:
    sent = event("internal_use_summary", "2027-01-10")
    agreed = event("schedule_agreed", "2027-02-01", duty="internal_use.summary", months=4, by="OES")
    found = of("internal_use.summary", "ca-tfaia", sent, agreed, until=date(2028, 1, 31))
    assert days(found)[:2] == ["2027-05-09", "2027-09-09"]
    assert found[0].rule.startswith("schedule agreed, law: 3 months")
    dated = event(
        "schedule_agreed",
        "2027-02-01",
        duty="internal_use.summary",
        dates=(date(2027, 6, 30), date(2027, 1, 1)),
    )
    assert days(of("internal_use.summary", "ca-tfaia", sent, dated))[:2] == ["2027-06-30", "2027-07-09"]
    late = event("schedule_agreed", "2027-04-20", duty="internal_use.summary", months=12)
    assert days(of("internal_use.summary", "ca-tfaia", sent, late))[0] == "2027-04-09"
    back = event("schedule_agreed", "2027-03-01", duty="internal_use.summary")
    assert days(of("internal_use.summary", "ca-tfaia", sent, agreed, back))[0] == "2027-04-09"
    wrong = event("schedule_agreed", "2027-02-01", duty="framework.review", months=24)
    with pytest.raises(WrongTime, match="allows no other schedule"):
        owed("ca-tfaia", (wrong,), now=at("2027-10-01"), until=FAR)


def test_extensions() -> None:
    changed = event("framework_changed", "2027-06-01 20:00")
    given = event("extended", "2027-06-20", on=date(2027, 7, 15), by="OES", evidence="letter 4")
    (found,) = of("framework.publish_change", "ca-tfaia", changed, given)
    assert days([found]) == ["2027-07-15"]
    assert found.why[-1] == "extended by OES (letter 4) to 2027-07-15"
    for wrong in (
        event("extended", "2027-06-20", on=date(2027, 6, 25)),
        event("extended", "2027-07-05", on=date(2027, 8, 1)),
        event("extended", "2027-06-20"),
        event("extended", "2027-06-20", on=date(2027, 8, 1), duty="framework.review"),
    ):
        assert days(of("framework.publish_change", "ca-tfaia", changed, wrong)) == ["2027-07-01"]


def test_a_clock_that_is_held() -> None:
    changed = event("framework_changed", "2027-06-01 20:00")
    held, released = event("held", "2027-06-10 20:00", by="court"), event("released", "2027-06-20 20:00")
    (stands,) = of("framework.publish_change", "ca-tfaia", changed, held)
    assert (stands.status, stands.due_at) == ("held", None)
    assert "stands still since 2027-06-10" in stands.why[-1]
    (runs,) = of("framework.publish_change", "ca-tfaia", changed, released, held, held)
    assert days([runs]) == ["2027-07-11"]
    before = [event("held", "2027-05-01"), event("released", "2027-05-20")]
    assert days(of("framework.publish_change", "ca-tfaia", changed, *before)) == ["2027-07-01"]
    over = [event("held", "2027-05-01"), event("released", "2027-06-05 20:00")]
    assert days(of("framework.publish_change", "ca-tfaia", changed, *over)) == ["2027-07-05"]
    after = event("held", "2027-08-01")
    assert days(of("framework.publish_change", "ca-tfaia", changed, after)) == ["2027-07-01"]
    repeated = of("framework.review", "ca-tfaia", event("framework_published", "2027-06-01"), held)
    assert [one.status for one in repeated] == ["held"]
    met = event("framework_change_published", "2027-06-12")
    assert of("framework.publish_change", "ca-tfaia", changed, held, met)[0].status == "met"


def test_hours_that_are_held_are_added_exactly() -> None:
    believed = event("incident_believed", "2027-08-10 12:00", about="i")
    stop, go = event("held", "2027-08-11 00:00"), event("released", "2027-08-11 06:30")
    (found,) = of("incident.report", "ny-raise", believed, stop, go)
    assert found.due_at == at("2027-08-13 18:30")
    assert "6:30:00 in which the clock stood still" in found.why[-1]


def test_a_corrected_trigger_re_dates_and_keeps_the_old() -> None:
    first = event("incident_discovered", "2027-08-10 18:00", id="e1", about="i")
    right = event(
        "incident_discovered",
        "2027-08-08 18:00",
        id="e2",
        about="i",
        corrects="e1",
        by="the developer",
        recorded_at=at("2027-08-20"),
    )
    old, new = sorted(of("incident.report", "ca-tfaia", first, right), key=lambda one: one.trigger_id)
    assert (old.status, new.status) == ("superseded", "overdue")
    assert days([old, new]) == ["2027-08-25", "2027-08-23"]
    assert "corrected to 2027-08-08 18:00:00 UTC: incident discovered by the developer" in old.closed_because
    (then,) = of("incident.report", "ca-tfaia", first, right, now="2027-08-19")
    assert (then.status, days([then])) == ("upcoming", ["2027-08-25"])
    with pytest.raises(WrongTime, match="names the event 'e1', which is not there"):
        owed("ca-tfaia", (right,), now=at("2027-10-01"), until=FAR)
    early = event("incident_discovered", "2025-06-01", id="e0")
    fixed = event("incident_discovered", "2025-06-02", corrects="e0")
    assert of("incident.report", "ca-tfaia", early, fixed) == []


def test_disputed_awareness_gives_two_due_times() -> None:
    said = event("incident_aware", "2027-08-10 08:00", id="e1", about="i", tags=frozenset({"death"}))
    claim = event(
        "incident_aware",
        "2027-08-02 08:00",
        id="e2",
        about="i",
        tags=frozenset({"death"}),
        disputes="e1",
        by="AI Office",
        evidence="mail of 2 August",
    )
    found = of("incident.first_report", "eu-ai-act", said, claim)
    assert days(found) == ["2027-08-12", "2027-08-20"]
    assert found[0].disputed == "disputes e1: incident aware by AI Office (mail of 2 August)"
    assert found[1].disputed.startswith("incident aware by AI Office (mail of 2 August) says 2027-08-02")


def test_two_starts_and_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        event("incident_determined", "2027-08-11 09:00", about="i", tags=frozenset({"imminent"})),
        event("incident_believed", "2027-08-10 12:00", about="i"),
        event("incident_determined", "2027-09-11 09:00", about="j"),
        event("incident_reported", "2027-08-12 12:00", about="i"),
    ]
    found = of("incident.report", "ny-raise", *events)
    assert [(one.about, one.trigger, one.governs, one.status) for one in found] == [
        ("i", "incident_believed", True, "met"),
        ("i", "incident_determined", False, "met"),
        ("j", "incident_determined", True, "overdue"),
    ]
    assert found[0].why[-1].startswith("this start governs")
    assert of("incident.imminent", "ny-raise", *events) == []
    danger = event("incident_discovered", "2027-08-11 10:00", about="i", tags=frozenset({"imminent"}))
    assert [one.due_at for one in of("incident.imminent", "ny-raise", danger)] == [at("2027-08-12 10:00")]
    text = statute.load("ny-raise").text.replace('adopted = "the earlier"', 'adopted = "determining"')
    with statute.using(statute.parse(text, "x")):
        assert [one.governs for one in of("incident.report", "ny-raise", *events)] == [False, True, True]


def test_intermediate_reports_until_the_incident_is_resolved() -> None:
    events = [
        event("incident_report_open", "2027-05-03 08:00", about="i"),
        event("incident_intermediate_report", "2027-05-28 08:00", about="i"),
        event("incident_resolved", "2027-07-01 08:00", about="i"),
    ]
    found = of("incident.intermediate", "eu-ai-act", *events)
    assert days(found) == ["2027-05-31", "2027-06-25", "2027-07-23"]
    assert [one.status for one in found] == ["met", "overdue", "ended"]
    assert found[-1].closed_because == "incident resolved on 2027-07-01"
    (final,) = of("incident.final_report", "eu-ai-act", *events)
    assert days([final]) == ["2027-08-30"]


def test_what_is_added_after_the_resolution_asks_for_no_further_report() -> None:
    resolved = event("incident_resolved", "2027-05-10 08:00", about="i")
    events = [
        event("incident_report_open", "2027-05-03 08:00", about="i"),
        resolved,
        event("incident_intermediate_report", "2027-05-28 08:00", about="i"),
        event("incident_closed", "2027-09-28 08:00", about="i"),
        event("incident_report_open", "2027-05-03 08:00", about="j"),
    ]
    found = of("incident.intermediate", "eu-ai-act", *events)
    mine = [one for one in found if one.about == "i"]
    assert [(one.status, one.triggered_at) for one in mine] == [("ended", at("2027-05-03 08:00"))]
    assert next(one.status for one in found if one.about == "j") == "overdue"
    before = [resolved, event("incident_report_open", "2027-05-10 08:00", about="i")]
    assert of("incident.intermediate", "eu-ai-act", *before) == []
    again = event("incident_report_open", "2027-06-01 08:00", about="i")
    answered = event("incident_intermediate_report", "2027-06-10 08:00", about="i")
    found = of("incident.intermediate", "eu-ai-act", *events[:2], again, answered)
    assert [one.status for one in found][:2] == ["ended", "met"]  # begun again after its end, and answered


def test_who_leaves_the_scope_owes_no_more_but_what_fell_due() -> None:
    events = [
        event("risk_report_filed", "2027-01-10"),
        event("left_scope", "2027-09-01", by="the office", evidence="coverage 12"),
        event("risk_report_filed", "2027-09-05"),
        event("entered_scope", "2028-01-01"),
        event("risk_report_filed", "2028-01-05"),
    ]
    found = of("risk_report.period", "aaif-proposal", *events[:2])
    assert [one.status for one in found] == ["overdue", "ended"]
    assert (
        found[1].closed_because == "left scope by the office (coverage 12) on 2027-09-01, before it was due"
    )
    chained = of("risk_report.period", "aaif-proposal", *events, now="2028-02-01", until=date(2028, 8, 1))
    assert [(one.status, day) for one, day in zip(chained, days(chained), strict=True)] == [
        ("late", "2027-07-10"),
        ("upcoming", "2028-07-05"),
    ]
    out = of("risk_report.period", "aaif-proposal", *events[1:3])
    assert out == []
    incident = event("incident_discovered", "2027-08-25", about="i")
    left = event("left_scope", "2027-09-01")
    assert of("incident.report", "ca-tfaia", incident, left)[0].status == "overdue"


def test_an_excuse_keeps_its_reason() -> None:
    filed = event("risk_report_filed", "2027-01-10")
    who = "Mira Lindqvist"
    for excuse, statuses in (
        (event("excused", "2027-07-01", by=who, evidence="outage"), ["excused", "excused"]),
        (event("excused", "2027-07-01", by=who, on=date(2027, 7, 10)), ["excused", "upcoming"]),
        (event("excused", "2027-01-01", by=who), ["overdue", "upcoming"]),
    ):
        found = of("risk_report.period", "aaif-proposal", filed, excuse, until=date(2028, 1, 31))
        assert [one.status for one in found] == statuses
    assert found[0].closed_because == ""


EVENTS = st.lists(
    st.builds(
        Event,
        st.sampled_from(
            [
                "risk_report_filed",
                "incident_discovered",
                "framework_changed",
                "held",
                "released",
                "extended",
                "left_scope",
                "entered_scope",
                "excused",
                "internal_use_summary",
                "incident_reported",
            ]
        ),
        st.datetimes(datetime(2026, 7, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),
        about=st.sampled_from(["", "a", "b"]),
        on=st.one_of(st.none(), st.dates(date(2026, 7, 1), date(2029, 12, 31))),
    ),
    max_size=8,
)


@settings(max_examples=120, deadline=None)
@given(EVENTS, st.randoms(), st.sampled_from(["ca-tfaia", "aaif-proposal"]))
def test_the_fold_is_idempotent_and_knows_no_order(events: list[Event], order: Any, regime: str) -> None:
    now, until = at("2028-06-01"), date(2029, 1, 1)
    once = owed(regime, events, now=now, until=until)
    turned = [*events, *events]
    order.shuffle(turned)
    assert owed(regime, turned, now=now, until=until) == once
    for duty in once:
        assert duty.status == "held" or duty.due_at is None or duty.due_at > duty.triggered_at
        assert duty.why


ZONES = st.sampled_from(["ca-tfaia", "ny-raise", "il-sb315", "eu-ai-act", "aaif-proposal"])
STARTS = st.datetimes(datetime(2027, 1, 1), datetime(2036, 12, 31), timezones=st.just(UTC))


def value(unit: str, number: int) -> statute.Value:
    return statute.Value("k", date(2027, 1, 1), None, number, unit, "c", "s", "enacted", True)


@settings(max_examples=300, deadline=None)
@given(
    ZONES, STARTS, st.integers(1, 120), st.sampled_from(["hours", "days", "weeks", "months", "business days"])
)
def test_never_earlier_than_the_law_says(regime: str, start: datetime, number: int, unit: str) -> None:
    """Over changes of the clocks and leap years: the whole last legal day is given, and not a second more."""
    pack = statute.load(regime)
    found = reckon(pack, value(unit, number), start)
    if unit == "hours":
        assert found.due_at - start == timedelta(hours=number)
        return
    local = found.due_at.astimezone(pack.zone)
    assert (local.hour, local.minute, local.second) == (23, 59, 59)
    first, last = legal_day(start, pack.zone), local.date()
    assert legal_day(found.due_at + timedelta(seconds=1), pack.zone) == last + timedelta(days=1)
    passed = (last - first).days
    if unit == "months":
        months = (last.year - first.year) * 12 + last.month - first.month
        assert months == number
        assert last.day == first.day or (last.day < first.day and (last + timedelta(days=1)).day == 1)
    elif unit == "business days":
        assert passed >= number
        assert last.isoweekday() < 6
    else:
        assert passed == number * (7 if unit == "weeks" else 1)
    assert found.otherwise is None or found.otherwise > found.due_at


def test_more_time_is_never_less() -> None:
    pack = statute.load("eu-ai-act")
    for unit in ("days", "weeks", "months", "business days"):
        due = [reckon(pack, value(unit, number), at("2028-02-28 12:00")).due_at for number in range(1, 40)]
        assert due == sorted(set(due))
    back = reckon(pack, value("months", 1), at("2028-03-31 12:00"), before=True)
    assert legal_day(back.due_at, pack.zone) == date(2028, 2, 29)
    twice = reckon(pack, value("months", 1), at("2028-01-31 12:00"), times=2)
    assert legal_day(twice.due_at, pack.zone) == date(2028, 3, 31)
