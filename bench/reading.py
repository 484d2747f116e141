"""Time to the first page and to the next of a sealed section of 200 pages: sandbox, mark, encoding.

The first page is timed from the plaintext to the encoded, marked page; with a child kept prepared, and with
one that starts then. The next ones are asked for one after the other, three pages being drawn ahead, after a
pause in which somebody might read. Prints a table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import typst

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from secure_access.custodian import mark
from secure_access.custodian.render import Prepares, Section, Zoom
from secure_access.custodian.sandbox import Sandbox, Spare

AIM_FIRST, AIM_NEXT = 1.0, 0.3
PDF = "application/pdf"
SOURCE = """#set page(paper: "a4")
#set text(10pt)
#for n in range(200) [= Control #n
#lorem(420)
#pagebreak(weak: true)]"""


def sent(section: Section, page: int, zoom: Zoom, form: str) -> bytes:
    """The page as it would leave."""
    words = mark.Words("Paul Sørby", "reader", page, datetime(2027, 10, 1, 9, 15, tzinfo=UTC))
    return mark.encoded(mark.burn(section.page(page, zoom), words, b"k" * 32), form)


def first(prepares: Prepares, data: bytes, form: str, zoom: Zoom) -> float:
    """Seconds from plaintext to the first page."""
    started = time.perf_counter()
    with Section(prepares, data, PDF) as section:
        sent(section, 1, zoom, form)
        return time.perf_counter() - started


def following(data: bytes, form: str, zoom: Zoom, pages: int, pause: float) -> list[float]:
    """Seconds for each of the next pages."""
    took = []
    with Section(Sandbox(), data, PDF) as section:
        sent(section, 1, zoom, form)
        section.ahead(range(2, 5), zoom)
        for page in range(2, 2 + pages):
            time.sleep(pause)
            started = time.perf_counter()
            sent(section, page, zoom, form)
            took.append(time.perf_counter() - started)
            section.ahead(range(page + 1, page + 4), zoom)
    return took


def main() -> int:
    """Prints the table; 1 if an aim is missed at zoom 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=15)
    parser.add_argument("--pause", type=float, default=0.5)
    asked = parser.parse_args()
    data = typst.compile(SOURCE.encode())
    spare, missed = Spare(Sandbox()), False
    print("| zoom | file | first, prepared | first, not prepared | next, median | next, slowest | KiB |")
    print("|---|---|---|---|---|---|---|")
    for zoom in Zoom:
        for form in ("PNG", "WEBP"):
            spare.prepare().close()
            ready, cold = [], []
            for _ in range(asked.rounds):
                time.sleep(2)  # as long as the next child takes
                ready.append(first(spare, data, form, zoom))
                cold.append(first(Sandbox(), data, form, zoom))
            took = following(data, form, zoom, asked.pages, asked.pause)
            with Section(Sandbox(), data, PDF) as section:
                size = len(sent(section, 2, zoom, form)) // 1024
            medians = [statistics.median(times) for times in (ready, cold, took)]
            figures = " | ".join(f"{one:.2f} s" for one in (*medians, max(took)))
            print(f"| {zoom / 10} | {form} | {figures} | {size} |", flush=True)
            missed |= zoom == Zoom.ONE and (medians[0] > AIM_FIRST or medians[2] > AIM_NEXT)
    spare.close()
    verdict = "missed" if missed else "hold"
    print(f"aims at zoom 1, first below {AIM_FIRST} s, next below {AIM_NEXT} s: {verdict}")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
