"""The charts of the penalty explorer: whole pictures of any rows, on axes from zero."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.ui import charts
from portal.ui.charts import HALF, Layout
from portal.ui.charts.drawing import BRAND, STOP
from tests.portal.ui.gallery import CHARTS
from tests.portal.ui.test_charts import LAYOUTS, SVG, amounts, check, curves, words

columns = st.builds(
    charts.Columns,
    title=words,
    finding=words,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    across=words,
    rows=st.lists(
        st.builds(charts.Column, words, amounts, st.none() | amounts, st.booleans()), max_size=22
    ).map(tuple),
)
beside = st.builds(
    charts.Amounts,
    title=words,
    finding=words,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    rows=st.lists(
        st.builds(
            charts.AmountRow, words, words, st.none() | amounts, st.none() | amounts, st.booleans(), words
        ),
        max_size=7,
    ).map(tuple),
)


@pytest.mark.parametrize("layout", [*LAYOUTS, HALF], ids=str)
@pytest.mark.parametrize("rows", [columns, beside, curves], ids=["co", "am", "cv"])
def test_any_rows_give_a_whole_picture(rows: st.SearchStrategy[charts.Chart], layout: Layout) -> None:
    @settings(max_examples=60, deadline=None)
    @given(rows)
    def whole(chart: charts.Chart) -> None:
        check(charts.svg(chart, "one", layout))
        columns, cells = chart.columns(), chart.cells()
        assert all(len(row) == len(columns) for row in cells)

    whole()


def test_columns_stand_on_zero_and_mark_the_facts_stated() -> None:
    drawn = ET.fromstring(charts.svg(CHARTS["columns"], "c"))
    bars = list(drawn.iter(f"{SVG}rect"))
    feet = {round(float(bar.attrib["y"]) + float(bar.attrib["height"]), 1) for bar in bars}
    assert len(feet) == 1
    assert [bar.attrib["fill"] for bar in bars].count(BRAND) == 1
    tall = [float(bar.attrib["height"]) for bar in bars]
    assert tall == sorted(tall)
    limits = [p for p in drawn.iter(f"{SVG}path") if p.get("stroke") == STOP]
    assert len(limits) == len(bars)
    assert ["1 (these facts)", "3,000,000.00", "600,000.00"] in CHARTS["columns"].cells()


def test_amounts_share_an_axis_and_a_proposal_is_drawn_open() -> None:
    drawn = ET.fromstring(charts.svg(CHARTS["amounts"], "a"))
    bars = list(drawn.iter(f"{SVG}rect"))
    assert [bar.get("stroke-dasharray") for bar in bars] == ["4 3", None, None]
    first, second, _ = (float(bar.attrib["width"]) for bar in bars)
    assert first / second == pytest.approx(6_075_000 / 600_000, rel=0.02)
    said = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
    assert "No penalty on that day." in said
    assert "6,075,000.00" in said
