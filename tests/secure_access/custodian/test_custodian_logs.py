"""What the processes of the custodian write for their operator holds no value of a variable."""

from __future__ import annotations

import json
import subprocess
import sys

FAULT = """
import time
from secure_access.custodian import logs
from secure_access.custodian.server import Pulse
{configured}
def rotate():
    private = bytes(range(65, 75))
    raise ValueError("the epoch is gone")
beat = Pulse("epoch", 0.2, rotate)
beat.start()
time.sleep(2)
"""


def said(configured: str) -> str:
    told = subprocess.run(
        [sys.executable, "-c", FAULT.format(configured=configured)],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stderr + told.stdout


def test_a_fault_in_the_core_is_told_without_its_variables() -> None:
    found = said("logs.configure()")
    assert "ABCDEFGHIJ" not in found
    line = json.loads(found.splitlines()[0])
    assert (line["event"], line["name"]) == ("custodian.beat_failed", "epoch")
    assert "the epoch is gone" in line["exception"]


def test_structlog_unasked_would_print_them_here() -> None:
    """Why the core sets its logs itself: this is what stands there otherwise."""
    assert "ABCDEFGHIJ" in said("")
