"""Storing 256 MiB in a local vault, against a plain copy of the file. Prints a table.

Both read the same file in blocks of 1 MiB, write another, sync it and its folder; copy and vault take turns.
Memory is the highest resident size of a process of its own that stores the file once, less its size
just before.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from secure_access.keys import FileRing
from secure_access.vault import LocalStore, Vault

T = TypeVar("T")
MIB = 1024 * 1024
CONTEXT = "document|bench|1"
AIM_RATIO = 1.4
AIM_MEMORY = 40


def blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks of 1 MiB."""
    with path.open("rb", buffering=0) as file:
        while block := file.read(MIB):
            yield block


def copy(source: Path, target: Path) -> None:
    """A plain copy that is as durable as the vault's."""
    with target.open("wb", buffering=0) as file:
        for block in blocks(source):
            file.write(block)
        os.fsync(file.fileno())
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def a_vault(folder: Path) -> Vault:
    """A vault with a ring of its own."""
    ring = folder / "ring.json"
    keys = FileRing(ring) if ring.exists() else FileRing.create(ring, now=datetime.now(UTC))
    return Vault(LocalStore(folder / "vault"), keys)


def timed(source: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender in each round; who goes first changes every round."""
    vault, seconds = a_vault(folder), dict[str, list[float]](copy=[], put=[], read=[])

    def run(name: str, act: Callable[[], T]) -> T:
        os.sync()
        began = time.perf_counter()
        result = act()
        seconds[name].append(time.perf_counter() - began)
        return result

    for turn in range(rounds):
        if turn % 2:
            run("copy", lambda: copy(source, folder / "copy"))
        stored = run("put", lambda: vault.put(blocks(source), context=CONTEXT))
        if not turn % 2:
            run("copy", lambda: copy(source, folder / "copy"))
        run("read", lambda stored=stored: deque(vault.chunks(stored, context=CONTEXT), maxlen=0))
        vault.delete(stored.name)
        (folder / "copy").unlink()
    return seconds


def resident() -> int:
    """Resident bytes of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def child(source: Path, folder: Path) -> None:
    """Stores once and prints the bytes by which the highest resident size exceeds that before."""
    vault = a_vault(folder)
    vault.delete(vault.put([b"warm"], context=CONTEXT).name)
    before = resident()
    vault.put(blocks(source), context=CONTEXT)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)


def memory(source: Path, folder: Path) -> float:
    """MiB over idle of one put."""
    command = [sys.executable, __file__, "--child", str(source), str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    return int(said) / MIB


def main() -> int:
    """Runs the benchmark; 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-", dir=given.folder))
    try:
        source = folder / "source"
        with source.open("wb") as file:
            for _ in range(given.mib):
                file.write(os.urandom(MIB))
        seconds = timed(source, folder, given.rounds)
        over_idle = memory(source, folder)
    finally:
        shutil.rmtree(folder)
    return report(seconds, over_idle, given.mib)


def report(seconds: dict[str, list[float]], over_idle: float, mib: int) -> int:
    """Prints the table and returns whether an aim is missed."""
    print(f"{mib} MiB, {len(seconds['copy'])} rounds in turn, medians; ratios are those of one round")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| what | seconds | MiB/s | ratio to copy | ratios, lowest to highest |\n|---|---|---|---|---|")
    for name, label in (("copy", "plain copy"), ("put", "vault put"), ("read", "vault read")):
        middle = statistics.median(seconds[name])
        ratios = sorted(own / other for own, other in zip(seconds[name], seconds["copy"], strict=True))
        span = f"{statistics.median(ratios):.2f} | {ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"| {label} | {middle:.3f} | {mib / middle:.0f} | {span} |")
    pairs = zip(seconds["put"], seconds["copy"], strict=True)
    ratio = statistics.median(put / plain for put, plain in pairs)
    verdict = {True: "holds", False: "MISSED"}
    print(f"\nput to copy {ratio:.2f}, aim {AIM_RATIO}: {verdict[ratio <= AIM_RATIO]}")
    print(f"memory over idle {over_idle:.1f} MiB, aim {AIM_MEMORY}: {verdict[over_idle <= AIM_MEMORY]}")
    return int(ratio > AIM_RATIO or over_idle > AIM_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
