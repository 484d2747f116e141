"""Runs a real worker process with verbs that tests can watch. Run as a script by ``test_worker.py``."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from portal import worker
from portal.web import Wired
from secure_access.db import Session, next_reference

Effect = Callable[[Session, datetime], None]


def count(_wired: Wired, subject: str) -> Effect:
    """Counts how often its effect took place."""
    return lambda session, now: _count(session, subject, now)


def stall(wired: Wired, subject: str) -> Effect:
    """Hangs the first time, until the worker is killed."""
    begun = Path(wired.settings.home / f"begun-{subject}")
    if not begun.exists():
        begun.touch()
        time.sleep(60)
    return count(wired, subject)


def fail(_wired: Wired, _subject: str) -> Effect:
    """Never succeeds."""
    raise RuntimeError("the words of jane@example.test")


def _count(session: Session, subject: str, now: datetime) -> None:
    next_reference(session, subject, now)


VERBS = {"test.count": count, "test.stall": stall, "test.fail": fail}

if __name__ == "__main__":
    app = worker.created(VERBS)
    app.conf.beat_schedule = {"reap": {"task": "assay.reap", "schedule": 0.5}}
    worker.work(app, threads=2, with_clock=True)
