"""What the process that opens a hostile file can reach: said by such a process itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from secure_access.documents import enclosure

ASKS = """
import json, os, resource, socket, sys
request = json.loads(sys.stdin.buffer.readline())
exec(open(request["sandbox"]).read().split("class Unshowable")[0].split("import pypdfium2")[0])
source = open(request["sandbox"]).read()
start = source.index("def _limit"); end = source.index("def _opened")
exec(source[start:end])
_limit(request["memory_bytes"], request["cpu_seconds"])
sys.stdin.buffer.read()

def attempt(act):
    try:
        act()
        return True
    except BaseException:
        return False

def write():
    with open("made", "wb") as file:
        file.write(b"x")

def child():
    os.open("a", os.O_CREAT | os.O_WRONLY)
    os.write(os.open("a", os.O_WRONLY), b"xx")

answer = {
    "environment": dict(os.environ),
    "open": sorted(int(name) for name in os.listdir("/proc/self/fd") if attempt(lambda: os.fstat(int(name)))),
    "folder": os.listdir("."),
    "writes": attempt(write) or attempt(child),
    "memory": attempt(lambda: bytearray(request["memory_bytes"] * 2)),
    "ours": [name for name in sys.modules if name.split(".")[0] in ("portal", "secure_access", "flask")],
    "path": [entry for entry in sys.path if entry.endswith(request["here"])],
    "arguments": sys.argv[1:],
}
sys.stdout.buffer.write(json.dumps(answer).encode() + b"\\n")
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a process in the enclosure sees while secrets lie in ours."""
    script = tmp_path / "asks.py"
    script.write_text(ASKS)
    monkeypatch.setattr(enclosure, "SCRIPT", script)
    monkeypatch.setenv("ASSAY_SECRET", "zq7")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (tmp_path / "key").open("w+") as held:
        held.write("zq7")
        os.set_inheritable(held.fileno(), True)
        sandbox = str(Path(enclosure.__file__).with_name("sandbox.py"))
        request = {"sandbox": sandbox, "here": tmp_path.name}
        return enclosure.run(request, [b"%PDF-1.7"])


def test_a_hostile_file_finds_no_environment_no_open_file_and_no_code_of_ours(told: dict[str, Any]) -> None:
    assert set(told["environment"]) <= {"LANG", "LC_CTYPE"}
    assert told["open"] == [0, 1, 2]
    assert told["folder"] == []
    assert (told["ours"], told["path"], told["arguments"]) == ([], [], [])


def test_it_writes_nothing_and_takes_no_more_memory_than_allowed(told: dict[str, Any]) -> None:
    assert told["writes"] is False
    assert told["memory"] is False
