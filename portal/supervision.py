"""Processes started, watched and stopped together: what ends is started again, none outlives the first."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before a process that ended is started again; it is given up after the last."""
STEADY_SECONDS = 60.0
"""A process that ran this long has recovered: its next end counts as the first."""
STOP_SECONDS = 6.0
_PR_SET_PDEATHSIG = 1
_TICK = 0.1


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that ends. Linux only, else nothing."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended in between
        os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class Child:
    """One process: how it is started, and how often it had to be."""

    name: str
    command: Sequence[str]
    answers: Callable[[int], bool]
    """Whether the process with this identifier does its work."""
    prints: bool = True
    """Whether its standard output is worth showing."""
    process: subprocess.Popen[bytes] | None = None
    ends: int = 0
    started: float = 0.0
    again_at: float | None = None

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C reaches the supervisor alone, which stops each in turn."""
        self.started, self.again_at = time.monotonic(), None
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=None if self.prints else subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the supervisor runs one Python thread
        )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def ready(self) -> bool:
        return self.running and self.process is not None and self.answers(self.process.pid)

    def signal(self, sign: signal.Signals) -> None:
        """Send ``sign`` to it and to what it started, also where only the latter still runs."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)


@dataclass
class Supervisor:
    """Starts, watches and stops children. Make it in the main thread: it takes the signals to stop."""

    children: Sequence[Child]
    say: Callable[[str], None]
    back_off: Sequence[float] = BACK_OFF
    stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, self._ask)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def run(self, when_ready: Callable[[], None]) -> bool:
        """Run until a signal asks to stop, or a child ends too often. Whether it was asked."""
        told = False
        try:
            for child in self.children:
                child.start()
            while not self.stopping:
                if not told and all(child.ready for child in self.children):
                    when_ready()
                    told = True
                for child in self.children:
                    if not self._keep(child):
                        return False
                time.sleep(_TICK)
            return True
        finally:
            self.stop()

    def _keep(self, child: Child) -> bool:
        """Start a child that ended again, later each time. ``False`` when it ended too often."""
        if child.running:
            return True
        now = time.monotonic()
        if child.again_at is None:
            child.signal(signal.SIGKILL)
            child.ends = 1 if now - child.started > STEADY_SECONDS else child.ends + 1
            if child.ends > len(self.back_off):
                self.say(f"The {child.name} ended {child.ends} times. Assay stops. The log says more.")
                return False
            wait = self.back_off[child.ends - 1]
            self.say(f"The {child.name} ended. It is started again in {wait:g} seconds.")
            child.again_at = now + wait
        elif now >= child.again_at:
            child.start()
        return True

    def stop(self) -> None:
        """Ask every child to end, and end what has not after `STOP_SECONDS`."""
        for child in self.children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"The {child.name} did not stop in {STOP_SECONDS:g} seconds and was ended.")
            child.signal(signal.SIGKILL)
            child.process.wait()
