"""The workflows of an access request and of the notice to a developer. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secure_access.workflow import Role, Step, Workflow


class AccessState(StrEnum):
    """Where an access request stands."""

    RECEIVED = "received"
    CONSULTED = "consulted"
    PREPARED = "prepared"
    DECIDED = "decided"
    RELEASED = "released"
    CLOSED = "closed"

    @property
    def words(self) -> str:
        """The state as the authority's pages say it."""
        return _WORDS[self]


_WORDS = {
    AccessState.RECEIVED: "Received",
    AccessState.CONSULTED: "Developers are heard",
    AccessState.PREPARED: "Waiting for the decision",
    AccessState.DECIDED: "Decided, not released yet",
    AccessState.RELEASED: "Answered",
    AccessState.CLOSED: "Closed",
}


class NoticeState(StrEnum):
    """What a developer said to a notice. Silence is said too."""

    SERVED = "served"
    OBJECTED = "objected"
    AGREED = "agreed"
    SILENT = "silent"


class Outcome(StrEnum):
    """What becomes of a block."""

    OPEN = "open"
    DISCLOSED = "disclosed"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class Standing:
    """An access request as its workflow looks at it, at one moment.

    ``unheard`` are notices without an answer, ``in_time`` those of them whose time to object runs. ``waits``:
    a developer whose objection was overridden still has time to go to court.
    """

    state: AccessState
    blocks: int = 0
    extended: bool = False
    in_time: int = 0
    prepared_by: uuid.UUID | None = None
    waits: bool = False


@dataclass(frozen=True)
class Heard:
    """A notice as its workflow looks at it: ``in_time`` says that the time to object runs."""

    state: NoticeState
    in_time: bool = False


def nothing_affected(request: Any, _by: Any) -> str | None:
    """A developer is told of something."""
    if not request.blocks:
        return "No filing and no decision is chosen yet. Choose what the request asks for first."
    return None


def extended_before(request: Any, _by: Any) -> str | None:
    """The law extends once."""
    if request.extended:
        return "The time to answer was extended before. The law extends it once."
    return None


def not_consulted(request: Any, _by: Any) -> str | None:
    """Whose blocks are concerned is heard before anything is decided of them."""
    if request.state is AccessState.RECEIVED and request.blocks:
        return "The developers concerned have no notice yet. Send the notices first."
    return None


def time_to_object_runs(request: Any, _by: Any) -> str | None:
    """Nothing is prepared while somebody can still object and has not answered."""
    if request.in_time:
        return "A developer has not answered and can still object. Wait for the answer, or for the date."
    return None


def prepared_it(request: Any, by: Any) -> str | None:
    """One prepares, another decides."""
    if request.prepared_by == by.person_id:
        return "You prepared this answer, so you cannot also decide it. Ask another decider."
    return None


def court_can_be_asked(request: Any, _by: Any) -> str | None:
    """Who objected without success can ask a court before anything is out."""
    if request.waits:
        return "A developer whose objection was not followed can still go to court. Wait for the date."
    return None


def still_in_time(notice: Any, _by: Any) -> str | None:
    """Nobody is silent while the time to answer runs."""
    return "The time to object has not passed." if notice.in_time else None


_OPEN = (AccessState.RECEIVED, AccessState.CONSULTED)

ACCESS_REQUEST = Workflow(
    "access request",
    start=AccessState.RECEIVED,
    steps=(
        Step("affect", by=Role.CASE_OFFICER, frm={AccessState.RECEIVED}, to=None),
        Step("leave_out", by=Role.CASE_OFFICER, frm={AccessState.RECEIVED}, to=None),
        Step(
            "consult",
            by=Role.CASE_OFFICER,
            frm={AccessState.RECEIVED},
            to=AccessState.CONSULTED,
            unless=(nothing_affected,),
        ),
        Step(
            "extend",
            by=Role.CASE_OFFICER,
            frm={*_OPEN, AccessState.PREPARED},
            to=None,
            unless=(extended_before,),
        ),
        Step(
            "prepare",
            by=Role.CASE_OFFICER,
            frm=set(_OPEN),
            to=AccessState.PREPARED,
            unless=(not_consulted, time_to_object_runs),
        ),
        Step("send_back", by=Role.DECIDER, frm={AccessState.PREPARED}, to=AccessState.CONSULTED),
        Step(
            "decide",
            by=Role.DECIDER,
            frm={AccessState.PREPARED},
            to=AccessState.DECIDED,
            unless=(prepared_it,),
        ),
        Step(
            "release",
            by=(Role.CASE_OFFICER, Role.DECIDER),
            frm={AccessState.DECIDED},
            to=AccessState.RELEASED,
            unless=(court_can_be_asked,),
        ),
        Step("close", by=Role.CASE_OFFICER, frm={*_OPEN, AccessState.PREPARED}, to=AccessState.CLOSED),
    ),
)

_ANSWERS = (Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ANSWERING_AGENT)

ACCESS_NOTICE = Workflow(
    "access notice",
    start=NoticeState.SERVED,
    steps=(
        Step("object", by=_ANSWERS, frm={NoticeState.SERVED}, to=NoticeState.OBJECTED),
        Step("agree", by=_ANSWERS, frm={NoticeState.SERVED}, to=NoticeState.AGREED),
        Step(
            "lapse",
            by=Role.CASE_OFFICER,
            frm={NoticeState.SERVED},
            to=NoticeState.SILENT,
            unless=(still_in_time,),
        ),
    ),
)
