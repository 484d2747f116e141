"""The drawn path of an entry: one leaf, a deep tree, both widths."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from portal.ui import charts

HASH = "0123456789abcdef" * 4


def chart(steps: int) -> charts.Inclusion:
    rows = tuple(charts.Beside(HASH, place % 3 == 0, HASH[::-1]) for place in range(steps))
    return charts.Inclusion("Path of the entry", HASH, rows)


@pytest.mark.parametrize("layout", [charts.WIDE, charts.NARROW])
@pytest.mark.parametrize("steps", [0, 1, 7, 40])
def test_every_hash_has_a_box_inside_the_drawing(steps: int, layout: charts.Layout) -> None:
    drawn = charts.svg(chart(steps), "p", layout)
    ET.fromstring(drawn)
    boxes = [
        tuple(map(float, box))
        for box in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', drawn)
    ]
    assert len(boxes) == 2 * steps + 1
    assert all(x >= 0 and x + width <= layout.width for x, _, width in boxes)
    height = float(re.findall(r'height="(\d+)"', drawn)[0])
    assert all(0 <= y < height for _, y, _ in boxes)


def test_the_table_has_whole_hashes_and_sides() -> None:
    made = chart(4)
    assert [row[2] for row in made.cells()] == ["left", "right", "right", "left"]
    assert made.cells()[0] == ["1", HASH, "left", HASH[::-1]]
    assert made.finding == "4 steps from the leaf to the root; whoever has the entry can repeat each."
    assert chart(0).finding == "The leaf is the only one, so its hash is the root."
