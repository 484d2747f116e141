"""Processes together: started again when they end, given up in the end, none left when the first stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0

SCRIPT = """
import signal, sys
from portal import supervision
from portal.supervision import Child, Supervisor

supervision.STOP_SECONDS = 5.0
folder = sys.argv[1]
programs = {
    "steady": "import os, time; open(f'FOLDER/steady.{os.getpid()}', 'w').close(); time.sleep(60)",
    "brief": "open('FOLDER/brief', 'a').write('x')",
    "stubborn": (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "open(f'FOLDER/stubborn.{os.getpid()}', 'w').close(); time.sleep(60)"
    ),
}
children = [
    Child(name, [sys.executable, "-c", programs[name].replace("FOLDER", folder)],
          lambda pid, name=name: __import__("os").path.exists(f"{folder}/{name}.{pid}"))
    for name in sys.argv[2:]
]
asked = Supervisor(children, print, back_off=(0.1, 0.2)).run(when_ready=lambda: print("ready", flush=True))
sys.exit(0 if asked else 1)
"""


@pytest.fixture
def supervise(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    def start(*names: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-u", "-c", SCRIPT, str(tmp_path), *names],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def pids(folder: Path, name: str) -> list[int]:
    return [int(path.suffix[1:]) for path in folder.glob(f"{name}.*")]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_group_stops_all_of_it(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path, sign: signal.Signals
) -> None:
    process = supervise("steady")
    wait_for(lambda: bool(pids(tmp_path, "steady")))
    os.killpg(process.pid, sign)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert not [pid for pid in pids(tmp_path, "steady") if alive(pid)]
    assert said in ("", "ready\n")


def test_ready_is_told_once_when_all_answer(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = supervise("steady", "stubborn")
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    assert pids(tmp_path, "steady")
    assert pids(tmp_path, "stubborn")
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE)
    assert said == "The stubborn did not stop in 5 seconds and was ended.\n"
    assert process.returncode == 0
    assert not [pid for pid in pids(tmp_path, "stubborn") if alive(pid)]


def test_what_ends_is_started_again(supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    process = supervise("steady")
    wait_for(lambda: len(pids(tmp_path, "steady")) == 1)
    os.kill(pids(tmp_path, "steady")[0], signal.SIGKILL)
    wait_for(lambda: len(pids(tmp_path, "steady")) == 2)
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE)
    assert "The steady ended. It is started again in 0.1 seconds." in said
    assert process.returncode == 0


def test_what_ends_too_often_ends_all(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = supervise("steady", "brief")
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert said.endswith("The brief ended 3 times. Assay stops. The log says more.\n")
    assert (tmp_path / "brief").read_text() == "xxx"
    assert not [pid for pid in pids(tmp_path, "steady") if alive(pid)]


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
def test_no_child_outlives_a_supervisor_that_is_killed(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = supervise("steady")
    wait_for(lambda: bool(pids(tmp_path, "steady")))
    process.kill()
    process.communicate(timeout=PATIENCE)
    wait_for(lambda: not alive(pids(tmp_path, "steady")[0]))
