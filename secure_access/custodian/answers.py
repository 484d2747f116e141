"""An answer of the core as whoever asked it reads it: what was done, or the refusal raised again."""

from __future__ import annotations

from typing import Any

from secure_access.custodian.acts import NotConfirmed, Reason
from secure_access.custodian.custody import Refused, Why
from secure_access.workflow import NotFound


class Unreachable(Exception):
    """The core does not answer: nothing is served."""


def done(answer: Any) -> dict[str, Any]:
    """What was done. Raises `Refused`, `NotConfirmed`, `NotFound`; `Unreachable` for anything else."""
    match answer:
        case {"done": dict() as told}:
            return told
        case {"not_found": True}:
            raise NotFound
        case {"refused": {"why": str() as why, "words": str() as words}}:
            if why in set(Reason):
                raise NotConfirmed(Reason(why))
            if why in set(Why):
                raise Refused(Why(why), words)
    raise Unreachable("the core answers something else")
