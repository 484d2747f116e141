"""Runs real sequencers that are killed, or kill themselves, in the middle of a step. A script for a test.

    sequencer_under_test.py DATABASE MEMORY

Each line of its input is JSON and starts one sequencer, in a process of its own that is forked from this one:
``{"step": ..., "late": ..., "turn": ...}`` ends itself with SIGKILL before (or after) that call of the step;
``{"for": seconds}`` sequences again and again and is killed then; ``{"loop": seconds}`` ends by itself.
Answers with the number of the signal that ended it, or 0, on a line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from secure_access.db import Database, Session
from secure_access.ledger import sequencer, tiles
from secure_access.ledger.signer import KeptSigner
from tests.fixtures.ledger import signing_keys

NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
STEPS: dict[str, tuple[Any, str]] = {
    "read what waits": (sequencer, "_waiting"),
    "give places": (sequencer, "_place"),
    "write tiles": (tiles, "save"),
    "move the head": (sequencer, "_extend"),
    "look at the tree": (sequencer, "_check_continues"),
    "prove": (sequencer, "_proof"),
    "sign": (KeptSigner, "_signed"),
    "flush the memory": (os, "fsync"),
    "put the memory in place": (Path, "replace"),
    "remember": (KeptSigner, "_save"),
    "save the checkpoint": (sequencer, "_save"),
    "commit": (Session, "commit"),
}


def killing(owner: Any, name: str, *, late: bool, turn: int) -> None:
    """Let this process end itself before, or after, a call of a function."""
    real: Callable[..., Any] = getattr(owner, name)
    left = turn

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not late:
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*arguments, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, name, dying)


def work(url: str, memory: Path, asked: dict[str, Any]) -> None:
    """What the forked process does."""
    database, signer = Database(url), KeptSigner(signing_keys(), memory)
    if "step" in asked:
        owner, name = STEPS[asked["step"]]
        killing(owner, name, late=asked["late"], turn=asked["turn"])
        sequencer.sequence(database, signer, NOW)
        return
    until = time.monotonic() + asked.get("loop", 3600.0)
    while time.monotonic() < until:
        sequencer.sequence(database, signer, NOW)


def main(url: str, memory: Path) -> None:
    """Start what each line asks for, one after another."""
    print(json.dumps(list(STEPS)), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                work(url, memory, asked)
            except BaseException as failure:
                print(repr(failure), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        if "for" in asked:
            time.sleep(asked["for"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
