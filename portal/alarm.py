"""The alarm when the security log cannot be written: kept outside the database, which may be what failed.

Each failure is a line of a file in ``ASSAY_HOME``, so that every process of the instance sees it and a
restart forgets nothing. Where even that cannot be written, the process that saw the failure remembers it and
tries again. The alarm is on until a worker has told it in the log itself: `portal.log_watch`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

import structlog

from secure_access.clock import Clock

PROBE = "probe"
"""Stands for a kind where the worker tried whether the log can be written: no row was lost."""
LARGEST = 2**20
"""Bytes of lines after which further ones are not kept: whoever is refused must not fill the disk."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Interruption:
    """From when until when the log could not be written, as far as was seen, and how many rows it lost."""

    since: datetime
    until: datetime
    rows: int


class Alarm:
    """Counts rows that could not be written. Called with the kind of each."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self.path = home / "security-log-alarm"
        self.telling = home / "security-log-alarm.telling"
        self.clock = clock
        self._unsaved: list[str] = []
        self._lock = Lock()

    def __call__(self, kind: str) -> None:
        """Note a failure: in the file, in the log of the process at the highest level, on standard error."""
        with self._lock:
            self._unsaved.append(f"{self.clock.now().isoformat()} {kind}\n")
            self._save()
        log.critical("security_log.not_written", kind=kind)
        sys.stderr.write(f"ALARM: the security log cannot be written ({kind}).\n")

    def state(self) -> Interruption | None:
        """What failed and was not told yet; ``None`` while the alarm is off."""
        with self._lock:
            self._save()
            return _read([*_lines(self.telling), *_lines(self.path), *self._unsaved])

    def begin_telling(self) -> Interruption | None:
        """Set aside what failed so far, to be told; what fails from now on is told the next time."""
        with self._lock:
            self._save()
            if not self.telling.exists() and self.path.exists():
                self.path.replace(self.telling)
        return _read(_lines(self.telling))

    def told(self) -> None:
        """Forget what was set aside: the log has it now."""
        self.telling.unlink(missing_ok=True)

    def _save(self) -> None:
        if not self._unsaved:
            return
        try:
            if not self.path.exists() or self.path.stat().st_size < LARGEST:
                descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(descriptor, "a") as file:
                    file.write("".join(self._unsaved))
            self._unsaved.clear()
        except OSError as problem:  # the disk may be full: kept here, and tried again
            log.critical("security_log.alarm_not_kept", exc_info=problem)
            del self._unsaved[:-1000]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # none there; or it cannot be read, and the process that failed to write it remembers
        return []


def _read(lines: list[str]) -> Interruption | None:
    told = [line.split() for line in lines if len(line.split()) == 2]
    if not told:
        return None
    times = sorted(datetime.fromisoformat(at) for at, _ in told)
    return Interruption(times[0], times[-1], sum(kind != PROBE for _, kind in told))
