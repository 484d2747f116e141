"""Charts: well-formed, nothing cut off, nothing hidden, whatever the rows are."""

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import ui
from portal.ui import charts
from portal.ui.charts import FULL, NARROW, WIDE, Clock, ComparisonRow, Flag, GrantWindow, Layout, Opening
from portal.ui.charts.axis import MoneyAxis, TimeAxis, instant
from portal.ui.charts.drawing import Drawing, Label, number, printable, text_width, wrap
from tests.portal.ui.gallery import CHARTS, LONG, day

SVG = "{http://www.w3.org/2000/svg}"
LAYOUTS = [WIDE, FULL, NARROW]

words = st.one_of(
    st.text(max_size=60),
    st.text("<>&\"'\x00\ud800 ", max_size=12),
    st.sampled_from(["", LONG, "W" * 90, "風" * 60, "C-2027-014", "]]><script>", "a " * 60]),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))
amounts = st.decimals(-(10**13), 10**13, allow_nan=False, allow_infinity=False, places=2)

timelines = st.builds(
    charts.Timeline,
    title=words,
    finding=words,
    events=st.lists(
        st.builds(
            charts.TimelineEvent,
            number=st.integers(1, 4000),
            lane=st.one_of(st.sampled_from(["Developer", "Authority"]), words),
            at=st.one_of(moments, st.dates(date(2026, 1, 1), date(2029, 1, 1))),
            what=words,
            by=words,
            late=words,
            entry=words,
            url=words,
        ),
        max_size=7,
    ).map(tuple),
    today=moments,
    clock=st.lists(
        st.builds(charts.ClockSpan, moments, moments, st.sampled_from(["ran", "stopped", "left"]), words),
        max_size=3,
    ).map(tuple),
    clock_name=words,
)
clocks = st.builds(
    charts.Clocks,
    title=words,
    finding=words,
    rows=st.lists(
        st.builds(Clock, words, words, moments, moments, st.none() | moments, words),
        max_size=7,
    ).map(tuple),
    now=moments,
)
tiers = st.none() | st.integers(1, 4)
comparisons = st.builds(
    charts.Comparison,
    title=words,
    finding=words,
    tiers=st.just(("Tier 1", "Tier 2", LONG, "Tier 4")),
    rows=st.lists(
        st.builds(
            ComparisonRow,
            words,
            words,
            tiers,
            words,
            tiers,
            tiers,
            tiers,
            words,
            words,
            words,
            words,
            st.none() | st.builds(Flag, words, words, st.sampled_from(["stop", "good", "warn"])),
        ),
        max_size=7,
    ).map(tuple),
)
waterfalls = st.builds(
    charts.Waterfall,
    title=words,
    finding=words,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    steps=st.lists(
        st.builds(
            charts.Step,
            st.none() | st.integers(1, 999),
            words,
            st.sampled_from(["start", "change", "total"]),
            amounts,
        ),
        max_size=7,
    ).map(tuple),
    ceiling=st.none() | amounts,
    ceiling_source=words,
    readings=st.lists(st.builds(charts.OtherReading, words, amounts), max_size=5).map(tuple),
)
lanes = st.one_of(st.sampled_from(["Access control", "Weight storage"]), words)
openings = st.builds(
    charts.Openings,
    title=words,
    finding=words,
    lanes=st.lists(
        st.builds(charts.OpeningLane, lanes, words), max_size=4, unique_by=lambda lane: lane.name
    ).map(tuple),
    windows=st.lists(st.builds(GrantWindow, lanes, moments, moments), max_size=3).map(tuple),
    rows=st.lists(
        st.builds(
            Opening,
            moments,
            words,
            words,
            st.lists(st.tuples(lanes, st.integers(0, 99999)), max_size=3).map(tuple),
            words,
            st.none() | st.timedeltas(timedelta(0), timedelta(days=9)),
        ),
        max_size=7,
    ).map(tuple),
)

curve_points = st.builds(charts.CurvePoint, amounts, words, amounts, st.none() | amounts)
curves = st.builds(
    charts.Curve,
    title=words,
    finding=words,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    across=words,
    points=st.lists(curve_points, max_size=7).map(tuple),
    here=st.none() | curve_points,
    in_units=st.booleans(),
)


def check(drawn: str) -> None:
    """One drawing: valid XML, a title and a description, no stray number, every text inside the picture."""
    root = ET.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    assert (root.get("role"), root[0].tag, root[1].tag) == ("img", f"{SVG}title", f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{root[0].get('id')} {root[1].get('id')}"
    assert not re.search(
        r"\b(nan|inf|None|style=|<script|\son\w+=)", drawn.split("</desc>")[1].lower().split("<text")[0]
    )
    width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        assert "style" not in element.attrib
        for name in ("x", "y", "width", "height", "cx", "cy", "r"):
            if name in element.attrib:
                assert re.fullmatch(r"-?\d+(\.\d+)?", element.attrib[name])
    for element in root.iter(f"{SVG}text"):
        size, x = float(element.attrib["font-size"]), float(element.attrib["x"])
        said = "".join(element.itertext())
        wide = text_width(said, size)
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[element.attrib["text-anchor"]]
        assert left >= -0.1, said
        assert left + wide <= width + 0.1, said
        assert size * 0.7 <= float(element.attrib["y"]) <= height, said


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize(
    "rows",
    [timelines, clocks, comparisons, waterfalls, openings, curves],
    ids=["tl", "ck", "cm", "wf", "op", "cv"],
)
def test_any_rows_give_a_whole_picture(rows: st.SearchStrategy[charts.Chart], layout: Layout) -> None:
    @settings(max_examples=60, deadline=None)
    @given(rows)
    def whole(chart: charts.Chart) -> None:
        check(charts.svg(chart, "one", layout))
        columns, cells = chart.columns(), chart.cells()
        assert all(len(row) == len(columns) for row in cells)

    whole()


@pytest.mark.parametrize("name", CHARTS)
def test_the_pictures_of_the_visual_direction(name: str) -> None:
    both = str(charts.picture(CHARTS[name], "p", full=True))
    wide, narrow = both.split("</svg>")[:2]
    check(wide + "</svg>")
    check(narrow + "</svg>")
    assert 'class="wide"' in wide
    assert 'class="narrow"' in narrow
    assert len(re.findall(r'\sid="', both)) == len(set(re.findall(r'\sid="([^"]+)"', both)))
    assert CHARTS[name].finding.split(".")[0] in both


@pytest.mark.parametrize("name", [name for name in CHARTS if name not in ("curve", "columns")])
def test_many_rows_make_a_taller_picture_and_hide_no_mark(name: str) -> None:
    chart = CHARTS[name]
    rows = "events" if name == "timeline" else "steps" if name == "waterfall" else "rows"
    more = type(chart)(**{**vars(chart), rows: getattr(chart, rows) * 30})
    for layout in LAYOUTS:
        once, often = (ET.fromstring(charts.svg(one, "x", layout)) for one in (chart, more))
        assert float(often.attrib["height"]) > float(once.attrib["height"])
        check(charts.svg(more, "x", layout))
        marks = [(m.get("cx"), m.get("cy")) for m in often.iter(f"{SVG}circle")] + [
            (m.get("x"), m.get("y")) for m in often.iter(f"{SVG}rect") if m.get("width") == "20"
        ]
        assert len(marks) == len(set(marks))


def test_a_pdf_takes_the_same_string() -> None:
    page = "\n".join(
        f'#image(bytes(sys.inputs.at("{name}")), format: "svg", alt: "{name}")' for name in CHARTS
    )
    drawn = {name: str(charts.svg(chart, name)) for name, chart in CHARTS.items()}
    made = typst.compile(
        page.encode(), sys_inputs=drawn, font_paths=[str(ui.FONTS)], ignore_system_fonts=True
    )
    assert made.startswith(b"%PDF")


def test_late_is_a_square_and_in_time_a_circle() -> None:
    drawn = ET.fromstring(charts.svg(CHARTS["timeline"], "t"))
    assert len(list(drawn.iter(f"{SVG}circle"))) == 7
    assert len([r for r in drawn.iter(f"{SVG}rect") if r.get("fill") == "#9a1f1f"]) == 2


def test_the_state_of_a_clock() -> None:
    now = day(10, 1)
    start, end = day(9, 3), day(9, 6)
    assert Clock("a", "", start, end, day(9, 8, 1)).state(now) == ("stop", "49 h late")
    assert Clock("a", "", start, end, day(9, 5)).state(now) == ("good", "In time")
    assert Clock("a", "", start, day(10, 4)).state(now) == ("warn", "3 days left")
    assert Clock("a", "", start, end).state(now) == ("stop", "25 days late")
    assert (
        Clock("a", "", date(2027, 9, 1), date(2027, 9, 6), date(2027, 9, 30)).state(now).words
        == "24 days late"
    )


def test_the_line_of_now_stands_only_beside_a_running_clock() -> None:
    done = charts.Clocks("t", "f", (Clock("a", "", day(9, 3), day(9, 6), day(9, 5)),), day(12, 1))
    assert ">now<" not in charts.svg(done, "c")
    assert ">now<" in charts.svg(CHARTS["clocks"], "c")


def test_a_gap_is_a_circle_outside_the_interval() -> None:
    assert ComparisonRow("a", developer=2, at_least=3).gap()
    assert ComparisonRow("a", developer=4, at_least=1, at_most=2).gap()
    assert not ComparisonRow("a", developer=2, at_least=1, at_most=2).gap()
    assert not ComparisonRow("a", developer=2, not_ruled_out=3).gap()
    assert not ComparisonRow("a", at_least=3).gap()
    drawn = charts.svg(CHARTS["comparison"], "c")
    assert drawn.count('stroke-dasharray="5 3"') == 2


def test_a_tier_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no tier 5 among 4"):
        charts.Comparison("t", "f", ("1", "2", "3", "4"), (ComparisonRow("a", developer=5),))


def test_the_ceiling_and_the_amounts_share_one_axis_from_zero() -> None:
    axis = MoneyAxis.over([Decimal("15000000"), Decimal("3750000")], 0, 780)
    assert axis.x(Decimal(0)) == 0
    assert axis.x(Decimal("3750000")) * 4 == pytest.approx(axis.x(Decimal("15000000")))
    assert [said for _, said in axis.ticks()] == ["0", "5", "10", "15"]
    assert axis.unit == (Decimal(1000000), "million")
    assert MoneyAxis.over([Decimal("0.004")], 0, 1).unit == (Decimal(1), "")
    assert MoneyAxis.over([Decimal("-2500"), Decimal("2500")], 0, 1).ticks()[0] == (Decimal(-2000), "−2")


@given(st.lists(amounts, max_size=6))
def test_an_axis_of_money_has_a_few_round_ticks(values: list[Decimal]) -> None:
    axis = MoneyAxis.over(values, 0, 100)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert all(-0.1 <= axis.x(value) <= 100.1 for value, _ in ticks)


@given(st.lists(moments, max_size=5), st.integers(3, 9))
def test_an_axis_of_time_begins_at_a_tick_and_holds_all(times: list[datetime], most: int) -> None:
    axis = TimeAxis.over(times, 10, 90, most)
    ticks = axis.ticks()
    assert ticks[0].at == axis.start
    assert len(ticks) <= most + 2
    assert all(axis.start <= one <= axis.end for one in times)
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})


def test_ticks_fall_on_times_that_people_know() -> None:
    months = TimeAxis.over([day(6, 14), day(10, 16)], 0, 100, 7)
    assert [tick.words for tick in months.ticks()] == ["Jun 2027", "Jul", "Aug", "Sep", "Oct"]
    hours = TimeAxis.over([day(9, 3, 9), day(9, 4, 9)], 0, 100, 7)
    assert [tick.words for tick in hours.ticks()] == ["3 Sep, 06:00", "12:00", "18:00", "4 Sep", "06:00"]
    decades = TimeAxis.over([day(1, 1), datetime(2090, 1, 1, tzinfo=UTC)], 0, 100, 7)
    assert [tick.words for tick in decades.ticks()] == ["Jan 2000", "Jan 2050"]
    with pytest.raises(ValueError, match="zone"):
        instant(datetime(2027, 1, 1))


@given(words, st.floats(20, 500), st.floats(9, 20))
def test_wrapping_loses_nothing(text: str, width: float, size: float) -> None:
    lines = wrap(text, width, size)
    assert "".join("".join(lines).split()) == "".join(printable(text).split())
    assert all(len(line) == 1 or text_width(line, size) <= width + 0.01 for line in lines)


def test_a_note_stands_behind_the_name_where_it_fits() -> None:
    assert Label.fit("CBRN", "safeguards on", 300, beside=True).lines == 1
    assert Label.fit("CBRN", "safeguards on", 300, beside=False).lines == 2
    assert Label.fit("", "", 300, beside=True).lines == 1
    assert Label.fit(LONG, "safeguards on", 120, beside=True).lines > 3


def test_words_of_people_are_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    chart = charts.Openings(
        evil, evil, (charts.OpeningLane(evil, evil),), (), (Opening(day(9, 1), evil, evil, ((evil, 3),)),)
    )
    drawn = charts.svg(chart, evil)
    assert "<script" not in drawn
    assert all("<script" not in str(cell) for cell in chart.cells()[0] if hasattr(cell, "__html__"))


def test_a_coordinate_is_a_number() -> None:
    assert number(3.0) == "3"
    with pytest.raises(ValueError, match="finite"):
        number(float("nan"))


def test_text_is_moved_inwards() -> None:
    drawing = Drawing(100)
    drawing.text(99, 10, "abc")
    drawing.text(1, 20, "abc", anchor="end")
    check(drawing.finish("i", Layout("wide", 100), 30, charts.drawing.Said("t", "f")))


@pytest.mark.parametrize(
    ("left", "whole", "width", "fill"),
    [
        (1, 30, 93, "#9a1f1f"),
        (15, 60, 72, "#7a4700"),
        (11, 30, 61, "#0d5c61"),
        (-3, 30, 96, "#9a1f1f"),
        (0, 0, 96, "#9a1f1f"),
    ],
)
def test_the_bar_of_a_queue(left: int, whole: int, width: int, fill: str) -> None:
    assert f'<rect width="{width}" height="8" fill="{fill}"/>' in charts.bar(left, whole)


def test_a_curve_stands_on_linear_axes_and_ends_under_its_maximum() -> None:
    drawn = ET.fromstring(charts.svg(CHARTS["curve"], "c"))
    line, limit = (
        [tuple(map(float, point.split())) for point in path.attrib["d"][1:].split("L")]
        for path in drawn.iter(f"{SVG}path")
        if path.get("stroke") in ("#9a1f1f", "#0d5c61")
    )
    assert [x for x, _ in line] == [x for x, _ in limit]
    assert all(low >= high for (_, low), (_, high) in zip(line, limit, strict=True))
    assert line[0][1] == line[10][1] > line[20][1] > line[-1][1]
    steps = {round(after[0] - before[0]) for before, after in itertools.pairwise(line)}
    assert max(steps) - min(steps) <= 1
    (here,) = drawn.iter(f"{SVG}circle")
    assert (float(here.attrib["cx"]), float(here.attrib["cy"])) in line


def test_the_table_of_a_curve_holds_the_facts_stated_once() -> None:
    cells = charts.Curve(
        "t",
        "f",
        "EUR",
        "Share",
        (
            charts.CurvePoint(Decimal(2), "2", Decimal(20)),
            charts.CurvePoint(Decimal(1), "1", Decimal(10), Decimal(30)),
        ),
        here=charts.CurvePoint(Decimal(2), "two", Decimal(20)),
    ).cells()
    assert cells == [["1", "30.00", "10.00"], ["two (these facts)", None, "20.00"]]


def test_a_curve_of_one_point_has_no_line() -> None:
    one = charts.CurvePoint(Decimal(0), "0", Decimal(0), Decimal(0))
    drawn = charts.svg(charts.Curve("t", "f", "EUR", "Share", (one,)), "c")
    assert "stroke-dasharray" not in drawn
    assert "<circle" not in drawn
