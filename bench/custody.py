"""The whole path of a page through a core in its own process: unseal, sandbox, mark, encoding, line, socket.

A sealed PDF of 200 pages. The first page is timed in a new sitting, from the question to the answer; the
next ones are asked for one after the other, after a pause in which somebody might read. Also how long the
delivery takes, which opens the file unseen. Prints a table, with the load of the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import typst

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.reading import AIM_FIRST, AIM_NEXT, SOURCE
from tests.fixtures.custody import Custodian, running

SECTION, ZOOMS = "weight_storage", (10, 15, 20)


def timed(made: Custodian, token: str, page: int, zoom: int) -> tuple[float, int]:
    """Seconds until the page is there, and its bytes."""
    started = time.perf_counter()
    size = len(made.page(token, SECTION, page, zoom=zoom))
    return time.perf_counter() - started, size


def sitting(made: Custodian, digest: str, zoom: int, pages: int, pause: float) -> tuple[list[float], int]:
    """Seconds for the first page and each of the next of a new sitting; bytes of the second page."""
    token = made.sit(digest)
    took, size = [], 0
    for page in range(1, 2 + pages):
        spent, size = timed(made, token, page, zoom)
        took.append(spent)
        time.sleep(pause)
    made.ask("close_sitting", token=token)
    return took, size


def main() -> int:
    """Prints the table; 1 if an aim is missed at zoom 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.5)
    asked, missed = parser.parse_args(), False
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as made:
        sealed = made.seal("plan.pdf", typst.compile(SOURCE.encode()), SECTION)
        made.upload(SECTION, sealed.read_bytes())
        manifest = made.manifest(sealed)
        started = time.perf_counter()
        made.deliver(manifest)
        print(f"delivery: {time.perf_counter() - started:.2f} s, {sealed.stat().st_size >> 10} KiB sealed")
        digest = made.grant(manifest, pages=1000, pages_per_hour=1000)
        print("| zoom | first, median | first, slowest | next, median | next, slowest | KiB | load |")
        print("|---|---|---|---|---|---|---|")
        for zoom in ZOOMS:
            rounds = [sitting(made, digest, zoom, asked.pages, asked.pause) for _ in range(asked.rounds)]
            first = [took[0] for took, _ in rounds]
            after = [one for took, _ in rounds for one in took[1:]]
            medians = statistics.median(first), statistics.median(after)
            figures = (medians[0], max(first), medians[1], max(after))
            row = " | ".join(f"{one:.2f} s" for one in figures)
            print(f"| {zoom / 10} | {row} | {rounds[0][1] >> 10} | {os.getloadavg()[0]:.1f} |", flush=True)
            missed |= zoom == ZOOMS[0] and (medians[0] > AIM_FIRST or medians[1] > AIM_NEXT)
    verdict = "missed" if missed else "hold"
    print(f"aims at zoom 1, first below {AIM_FIRST} s, next below {AIM_NEXT} s: {verdict}")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
