"""Reports the sizes that the design sets as habits: files of up to 400 lines, functions of up to 60.

Run as ``python -m docs.sizes``. It reports and never fails: where a habit hurts, an ADR says why.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60


def python_files() -> list[Path]:
    """Every Python file that git knows, without migrations."""
    listed = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=True)  # noqa: S607
    return [Path(name) for name in listed.stdout.split() if "migrations/versions" not in name]


def functions(path: Path) -> list[tuple[str, int]]:
    """Names and lengths in lines of the functions of a file."""
    tree = ast.parse(path.read_text())
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]


def main() -> int:
    """Print the report."""
    files = [path for path in python_files() if path.exists()]
    own = [path for path in files if path.parts[0] not in ("tests", "bench", "docs")]
    lengths = sorted(length for path in own for _, length in functions(path))
    out = sys.stdout.write
    lines = sum(len(path.read_text().splitlines()) for path in own)
    out(f"{len(own)} files, {lines} lines; tests, bench and docs apart\n")
    if lengths:
        median, p95 = statistics.median(lengths), lengths[int(len(lengths) * 0.95) - 1]
        out(f"{len(lengths)} functions: median {median:.0f}, p95 {p95}, longest {lengths[-1]} lines\n")
    for path in files:
        if (count := len(path.read_text().splitlines())) > FILE_LINES:
            out(f"large file: {path}, {count} lines\n")
        for name, length in functions(path):
            if length > FUNCTION_LINES:
                out(f"large function: {path} {name}, {length} lines\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
