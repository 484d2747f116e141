"""Mutation testing of the law: one small change at a time, and whether any of its tests notices.

Run as ``python -m tests.deep.mutants``. mutmut makes the mutants and runs, for each, the tests that call the
changed function. It works on a copy of the tree, so the checkout may be edited meanwhile. What is decorated
(properties, cached readers, commands) and what stands outside functions is left alone.

Killed are mutants with which a test fails or does not end in time. Whatever else happens counts against the
tests: that they pass, that none calls the function, that the run breaks off. Exit status 1 below ``--least``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parents[2]
KILLED = {"killed", "timeout"}


@dataclass(frozen=True)
class Tally:
    """What became of the mutants of one module that were tried."""

    module: str
    killed: int
    left: tuple[str, ...]
    """Names of those that were not killed, each with what happened."""

    @property
    def total(self) -> int:
        return self.killed + len(self.left)


def tally(module: str, exits: Mapping[str, int | None]) -> Tally:
    """Count the mutants of a module by the exit code of their tests; None is one that was not tried."""
    tried = {name: status_by_exit_code[code] for name, code in exits.items() if code is not None}
    left = tuple(f"{name}: {status}" for name, status in sorted(tried.items()) if status not in KILLED)
    return Tally(module, len(tried) - len(left), left)


def share(tallies: Iterable[Tally]) -> float:
    """Percentage killed, 0 where nothing was tried: a run without mutants proves nothing."""
    found = list(tallies)
    total = sum(each.total for each in found)
    return 100 * sum(each.killed for each in found) / total if total else 0.0


def table(tallies: Iterable[Tally]) -> str:
    """A line a module, and the sum."""
    found = [each for each in tallies if each.total]
    whole = Tally(
        "all", sum(each.killed for each in found), tuple(name for each in found for name in each.left)
    )
    lines = [
        f"{each.module:20} {each.killed:6} of {each.total:6}  {share([each]):5.1f} %"
        for each in [*found, whole]
    ]
    return "\n".join(lines)


def copy(folder: Path) -> None:
    """Put what git knows or would add into a folder, emptied first, and link the real inputs beside it."""
    if folder.exists() and not (folder / "mutants").is_dir():
        raise SystemExit(f"{folder} holds something else than mutants; choose another folder.")
    shutil.rmtree(folder, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    (folder / "mutants").mkdir(parents=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if (shared := ROOT.parent / "shared").is_dir():
        (folder / "shared").symlink_to(shared)


def read(folder: Path) -> list[Tally]:
    """The results that mutmut keeps beside each mutated module."""
    return [
        tally(path.name.removesuffix(".py.meta"), json.loads(path.read_text())["exit_code_by_key"])
        for path in sorted((folder / "mutants" / "portal" / "law").glob("*.meta"))
    ]


def write_survivors(folder: Path, tallies: Iterable[Tally]) -> Path:
    """What each mutant that was not killed had changed, as differences, in one file."""
    out = folder / "survivors.diff"
    with contextlib.chdir(folder), out.open("w") as file:
        for module, left in ((each.module, name) for each in tallies for name in each.left):
            change = get_diff_for_mutant(left.partition(":")[0], path=Path(f"portal/law/{module}.py"))
            file.write(f"# {left}\n{change}\n")
    return out


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.deep.mutants", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "mutants", help="of the copy; emptied first"
    )
    parser.add_argument("--module", default="*", help="only this module of portal/law, as money")
    parser.add_argument(
        "--ending", default="", help="a sample: only mutants whose number ends with one of these digits"
    )
    parser.add_argument("--least", type=float, default=90.0, help="percentage that must be killed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def main() -> int:
    """Try the mutants and print the table; 1 where too few are killed."""
    chosen = arguments()
    folder = chosen.folder.resolve()
    copy(folder)
    sample = f"*[{chosen.ending}]" if chosen.ending else "*"
    names = (
        [] if (chosen.module, sample) == ("*", "*") else [f"portal.law.{chosen.module}.*__mutmut_{sample}"]
    )
    command = [
        str(Path(sys.executable).with_name("mutmut")),
        "run",
        "--max-children",
        str(chosen.processes),
        *names,
    ]
    subprocess.run(command, cwd=folder, check=True)
    tallies = read(folder)
    survivors = write_survivors(folder, tallies)
    sys.stdout.write(f"\n{table(tallies)}\nNot killed, as differences: {survivors}\n")
    if share(tallies) >= chosen.least:
        return 0
    sys.stderr.write(f"Less than {chosen.least:g} % of the mutants are killed.\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
