"""The workflows of an alleged violation, a worksheet and a notice. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from secure_access.workflow import Role, Step, Workflow


class ViolationState(StrEnum):
    """Where an alleged violation stands."""

    SUGGESTED = "suggested"
    ALLEGED = "alleged"
    DROPPED = "dropped"


class WorksheetState(StrEnum):
    """Where a version of a worksheet stands."""

    DRAFT = "draft"
    PREPARED = "prepared"
    SENT_BACK = "sent_back"
    APPROVED = "approved"
    SUPERSEDED = "superseded"


class NoticeState(StrEnum):
    """Where a notice or referral stands. The word is what the register shows."""

    WRITTEN = "written"
    SENT = "sent"


def prepared_it(worksheet: Any, by: Any) -> str | None:
    """One prepares, another approves."""
    if worksheet.prepared_by == by.person_id:
        return "You prepared this version, so you cannot approve it. Ask the head of enforcement."
    return None


def has_gaps(worksheet: Any, _by: Any) -> str | None:
    """What a worksheet still lacks stops it. ``gaps`` is set by the service."""
    gaps = getattr(worksheet, "gaps", ())
    return f"The worksheet lacks: {'; '.join(gaps)}." if gaps else None


_OFFICERS = (Role.ENFORCEMENT_OFFICER, Role.HEAD_OF_ENFORCEMENT)

VIOLATION = Workflow(
    "alleged violation",
    start=ViolationState.SUGGESTED,
    steps=(
        Step("allege", by=_OFFICERS, frm={ViolationState.SUGGESTED}, to=ViolationState.ALLEGED),
        Step(
            "drop",
            by=_OFFICERS,
            frm={ViolationState.SUGGESTED, ViolationState.ALLEGED},
            to=ViolationState.DROPPED,
        ),
        Step("open_worksheet", by=_OFFICERS, frm={ViolationState.ALLEGED}, to=None),
    ),
)

WORKSHEET = Workflow(
    "worksheet",
    start=WorksheetState.DRAFT,
    steps=(
        Step(
            "change",
            by=_OFFICERS,
            frm={WorksheetState.DRAFT, WorksheetState.SENT_BACK},
            to=WorksheetState.DRAFT,
        ),
        Step(
            "prepare",
            by=_OFFICERS,
            frm={WorksheetState.DRAFT},
            to=WorksheetState.PREPARED,
            unless=(has_gaps,),
        ),
        Step(
            "approve",
            by=Role.HEAD_OF_ENFORCEMENT,
            frm={WorksheetState.PREPARED},
            to=WorksheetState.APPROVED,
            unless=(prepared_it, has_gaps),
        ),
        Step(
            "send_back",
            by=Role.HEAD_OF_ENFORCEMENT,
            frm={WorksheetState.PREPARED},
            to=WorksheetState.SENT_BACK,
        ),
        Step(
            "supersede",
            by=_OFFICERS,
            frm={WorksheetState.PREPARED, WorksheetState.SENT_BACK, WorksheetState.APPROVED},
            to=WorksheetState.SUPERSEDED,
        ),
    ),
)

NOTICE = Workflow(
    "notice",
    start=NoticeState.WRITTEN,
    steps=(Step("send", by=Role.HEAD_OF_ENFORCEMENT, frm={NoticeState.WRITTEN}, to=NoticeState.SENT),),
)
