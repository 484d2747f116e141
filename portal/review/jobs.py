"""What the worker does for review."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from portal.filing import acknowledging
from portal.review import cases
from portal.web import Wired
from secure_access.db import Session


def file_case(_wired: Wired, subject: str) -> Callable[[Session, datetime], None]:
    """Job ``case.file``: what was submitted joins a case or opens one."""

    def effect(session: Session, now: datetime) -> None:
        cases.file(session, subject=subject, now=now)
        acknowledging.screened(session, subject, now=now)

    return effect
