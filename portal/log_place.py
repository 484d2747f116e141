"""How far the security log was sent on: the number of a row, in a file that a crash leaves whole."""

from __future__ import annotations

import os
from pathlib import Path

from portal.settings import Settings


def sent(settings: Settings) -> int:
    """The number of the last row that a receiver has taken; 0 before the first."""
    try:
        return int(_path(settings).read_text())
    except FileNotFoundError:
        return 0


def keep(settings: Settings, number: int) -> None:
    """Remember that the receiver has the rows up to this number."""
    part = _path(settings).with_suffix(".part")
    with part.open("w") as file:
        file.write(str(number))
        file.flush()
        os.fsync(file.fileno())
    part.replace(_path(settings))


def _path(settings: Settings) -> Path:
    return settings.home / "security-log-sent"
