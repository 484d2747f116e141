"""Sealing and opening a section of a plan, against a plain copy of the file. Prints a table.

Sealing reads the file twice, for its digest stands before it, and writes another; like the copy it syncs file
and folder. It needs three SHA-256: of the file, of the file again (it must not have changed), of what is
written. Opening reads the sealed file, needs one, and writes nothing. The aims are set against that floor:
copy and hashes of the same round. Memory is the highest resident size of a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.vault import MIB, blocks, copy
from secure_access.custodian.seal_cli import seal
from secure_access.sealing.plans import PlanKey, new_plan_key
from secure_access.sealing.sections import open_section, seal_file

SECTION = "access-control"
AIM_SEAL = 1.5
AIM_OPEN = 2.0
AIM_MEMORY = 512


def a_key(folder: Path) -> tuple[PlanKey, bytes]:
    """A plan key whose published half lies in the folder."""
    now = datetime.now(UTC)
    until = now + timedelta(days=1)
    key, private = new_plan_key("https://custodian.example", "PR-2027-001", now=now, not_after=until)
    key.write(folder / "KEY.pub")
    return key, private


def timed(source: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender in each round; who goes first changes every round."""
    key, private = a_key(folder)
    seconds: dict[str, list[float]] = {"copy": [], "hash": [], "seal": [], "open": []}
    sealed = folder / "sealed"

    def run(name: str, act: Callable[[], object]) -> None:
        os.sync()
        began = time.perf_counter()
        act()
        seconds[name].append(time.perf_counter() - began)

    def make() -> None:
        kind = "application/pdf"
        seal_file(source, sealed, key=key, section=SECTION, media_type=kind, now=datetime.now(UTC))

    def read() -> None:
        found = open_section(blocks(sealed), private, key=key, section=SECTION)
        deque(found.blocks(), maxlen=0)

    def digest() -> None:
        found = hashlib.sha256()
        for block in blocks(source):
            found.update(block)

    for turn in range(rounds):
        if turn % 2:
            run("copy", lambda: copy(source, folder / "copy"))
        run("seal", make)
        if not turn % 2:
            run("copy", lambda: copy(source, folder / "copy"))
        run("open", read)
        run("hash", digest)
        sealed.unlink()
        (folder / "copy").unlink()
    return seconds


def child(source: Path, folder: Path) -> None:
    """Runs the command once and prints the highest resident KiB of this process."""
    words = [
        str(source),
        "--section",
        SECTION,
        "--to",
        str(folder / "KEY.pub"),
        "--out",
        str(folder / "large"),
    ]
    seal(words, standalone_mode=False)
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert peak
    print("peak", peak[1])


def memory(folder: Path) -> float:
    """MiB at most of ``assay seal`` on a file of 512 MiB, the largest that it takes."""
    source = folder / "largest.pdf"
    with source.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(512 * MIB)
    command = [sys.executable, __file__, "--child", str(source), str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    return int(said.split()[-1]) / 1024


def main() -> int:
    """Runs the benchmark; 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-", dir=given.folder))
    try:
        source = folder / "source.pdf"
        with source.open("wb") as file:
            for _ in range(given.mib):
                file.write(os.urandom(MIB))
        seconds = timed(source, folder, given.rounds)
        peak = memory(folder)
    finally:
        shutil.rmtree(folder)
    return report(seconds, peak, given.mib)


def report(seconds: dict[str, list[float]], peak: float, mib: int) -> int:
    """Prints the table and returns whether an aim is missed."""
    print(f"{mib} MiB, {len(seconds['copy'])} rounds in turn, medians; ratios are those of one round")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| what | seconds | MiB/s | ratio to copy | ratios, lowest to highest |\n|---|---|---|---|---|")
    labels = {"copy": "plain copy", "hash": "SHA-256 alone", "seal": "seal to a file", "open": "open"}
    for name, label in labels.items():
        taken = statistics.median(seconds[name])
        ratios = sorted(own / other for own, other in zip(seconds[name], seconds["copy"], strict=True))
        span = f"{statistics.median(ratios):.2f} | {ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"| {label} | {taken:.3f} | {mib / taken:.0f} | {span} |")
    rounds = list(zip(*(seconds[name] for name in labels), strict=True))
    sealing = statistics.median(made / (plain + 3 * digest) for plain, digest, made, _ in rounds)
    opening = statistics.median(read / digest for _, digest, _, read in rounds)
    missed = 0
    for label, found, aim in (
        ("seal to copy and three SHA-256", sealing, AIM_SEAL),
        ("open to SHA-256", opening, AIM_OPEN),
        ("MiB of assay seal on 512 MiB", peak, AIM_MEMORY),
    ):
        print(f"\n{label} {found:.2f}, aim {aim}: {'holds' if found <= aim else 'MISSED'}")
        missed |= found > aim
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
