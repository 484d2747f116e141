"""How fast a penalty is worked out: worksheets a second for each method, and a grid of 10,000 what-ifs.

A worksheet is computed as it is served, with every reading; the grid as the explorer draws it, without.
The grid is also given as a ratio to a bare loop of as many Decimal multiplications, in turns, medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from portal.law import penalties
from portal.law.money import exact

AIM_GRID = 2.0
SIDE = 100
LEAST = 0.5
ON = {"on": "2027-10-01", "decided_on": "2027-10-01"}
_REVENUE = [
    {
        "entity": "undertaking",
        "amount": "540000000",
        "period_start": "2026-01-01",
        "period_end": "2026-12-31",
        "source": "bench",
        "consolidated": True,
        "restated": False,
    }
]


def share(regime: str, currency: str, provision: str) -> dict[str, Any]:
    """A late act of nineteen days with two factors, under a regime that takes a share of its maximum."""
    violation = {"provision": provision, "severity_percent": "20", "start": "2027-08-10", "end": "2027-08-28"}
    factors = [{"code": "duration", "reason": "days"}, {"code": "reminder_ignored", "reason": "letter"}]
    inputs = {"violations": [violation], "factors": factors}
    return {**ON, "regime": regime, "currency": currency, "revenue": _REVENUE, "inputs": inputs}


FACTS: Mapping[str, dict[str, Any]] = {
    "share-of-maximum, EU": share("eu-ai-act", "EUR", "101(1)(b)"),
    "share-of-maximum, New York": share("ny-raise", "USD", "1422"),
    "share-of-maximum, California": share("ca-tfaia", "USD", "22757.12"),
    "aaif-proposal": {
        **ON,
        "regime": "aaif-proposal",
        "currency": "USD",
        "revenue": _REVENUE,
        "inputs": {"violations": [{"provision": "proposal", "severity": "high"}]},
    },
    "edpb-2023": {
        **ON,
        "method": "edpb-2023",
        "currency": "EUR",
        "maximum": {"fixed": "20000000", "percent": "4", "take": "higher"},
        "revenue": _REVENUE,
        "inputs": {"seriousness": {"band": "medium", "percent": "15"}, "adjust_percent": "10"},
    },
    "ico-2024": {
        **ON,
        "method": "ico-2024",
        "currency": "GBP",
        "maximum": {"fixed": "17500000", "percent": "4", "take": "higher"},
        "revenue": _REVENUE,
        "inputs": {"seriousness": {"band": "medium", "percent": "15"}, "adjust_percent": "10"},
    },
    "ec-2006": {
        **ON,
        "method": "ec-2006",
        "currency": "EUR",
        "maximum": {"percent": "10"},
        "revenue": _REVENUE,
        "inputs": {
            "value_of_sales": "90000000",
            "gravity_percent": "15",
            "years": "3.5",
            "entry_fee_percent": "15",
        },
    },
    "ussg-ch8": {
        **ON,
        "method": "ussg-ch8",
        "currency": "USD",
        "inputs": {"offense_level": 20, "culpability_score": 5},
    },
    "nl-2019": {
        **ON,
        "method": "nl-2019",
        "currency": "EUR",
        "inputs": {"category": "III", "amounts": [{"label": "fine", "amount": "600000"}]},
    },
    "fec-111-43": {
        **ON,
        "method": "fec-111-43",
        "currency": "USD",
        "inputs": {"base": "1000", "per_day": "50", "days": 19},
    },
}


def a_second(work: Callable[[], object]) -> float:
    """How often a second, over at least half a second of processor time."""
    work()
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < LEAST:
        work()
        done += 1
    return done / spent


def grid() -> None:
    """Revenue times severity under the EU Act, a hundred each."""
    violation = {"provision": "101(1)(b)", "severity_percent": "", "occurred_on": "2027-08-10"}
    facts = {**FACTS["share-of-maximum, EU"], "inputs": {"violations": [violation]}}
    for step in range(SIDE):
        facts["revenue"] = [{**_REVENUE[0], "amount": str(10_000_000 * step)}]
        for percent in range(1, SIDE + 1):
            violation["severity_percent"] = str(percent)
            penalties.compute(facts, readings=False)


def bare() -> None:
    """As many multiplications of the same numbers, and nothing else."""
    share = Decimal("0.03")
    with exact():
        for step in range(SIDE):
            revenue = Decimal(10_000_000 * step)
            for percent in range(1, SIDE + 1):
                revenue * share * percent


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds of processor and of the clock on the wall."""
    processor, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - wall


def main() -> int:
    """Print both tables; status 1 when the grid misses its aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    out = sys.stdout.write
    out("worksheets a second, every reading\n")
    for name, facts in FACTS.items():
        out(f"  {name:30} {a_second(lambda facts=facts: penalties.compute(facts)):10,.0f}\n")  # type: ignore[misc]
    grids, bares = [], []
    for _ in range(rounds):
        grids.append(timed(grid))
        bares.append(timed(bare))
    processor, wall = (statistics.median(column) for column in zip(*grids, strict=True))
    ratio = processor / statistics.median(spent for spent, _ in bares)
    holds = processor < AIM_GRID
    out(f"grid of {SIDE * SIDE:,} what-ifs, {rounds} rounds\n")
    aim = f"aim below {AIM_GRID}: {'holds' if holds else 'MISSED'}"
    out(f"  {'seconds of processor':30} {processor:10.2f}   {aim}\n")
    out(f"  {'seconds on the wall':30} {wall:10.2f}\n")
    out(f"  {'times a bare Decimal loop':30} {ratio:10,.0f}\n")
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
