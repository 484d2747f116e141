"""The workflows of an alleged violation, a worksheet and a notice. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
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


class AdoptionState(StrEnum):
    """Where the choice of a method for a regime stands. One that was replaced stays of record."""

    PROPOSED = "proposed"
    ADOPTED = "adopted"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class PriorState(StrEnum):
    """Where an earlier penalty stands; the words are those of the penalty facts."""

    FINAL = "final"
    PENDING = "pending"
    UNDER_APPEAL = "under_appeal"
    SET_ASIDE = "set_aside"
    REDUCED = "reduced"
    SETTLED = "settled_no_admission"


@dataclass(frozen=True)
class AdoptionStanding:
    """The choice of a method with what stands against adopting it.

    ``unfit`` says why the method cannot serve the regime; ``passed`` that its first day lies behind;
    ``later`` names an adoption of the regime that starts on the same day or after it.
    """

    state: AdoptionState
    proposed_by: uuid.UUID
    unfit: str = ""
    passed: bool = False
    later: str = ""


@dataclass(frozen=True)
class PriorStanding:
    """An earlier penalty as the record last made has it."""

    state: PriorState


@dataclass(frozen=True)
class Standing:
    """A version of a worksheet with what stands against acting on it.

    ``authors`` wrote a version of this worksheet, this one or an earlier one; ``gaps`` are what it lacks;
    ``proposed`` says that it uses a value that is no law yet; ``noticed`` that a notice on it has been sent;
    ``dropped`` that the violation is no longer alleged.
    """

    state: WorksheetState
    prepared_by: uuid.UUID | None
    authors: frozenset[uuid.UUID] = frozenset()
    gaps: tuple[str, ...] = ()
    proposed: bool = False
    noticed: bool = False
    dropped: bool = False


@dataclass(frozen=True)
class NoticeStanding:
    """A notice with what stands against sending it.

    ``stale`` are things that the worksheet rests on and that no longer hold. ``current`` says that the
    version it was written on is still the approved one; ``expired`` that its dates no longer leave the
    addressee the full time for a reply; ``proposed`` and ``dropped`` as in `Standing`.
    """

    state: NoticeState
    stale: tuple[str, ...] = ()
    current: bool = True
    expired: bool = False
    proposed: bool = False
    dropped: bool = False


@dataclass(frozen=True)
class ViolationStanding:
    """A violation with what stands against acting on it: ``noticed``, a notice on it has been sent."""

    state: ViolationState
    noticed: bool = False


PROPOSED = "It uses a proposed value that is no law yet, and a proposed value never reaches a notice."


def prepared_it(worksheet: Standing, by: Any) -> str | None:
    """One prepares, another approves."""
    if worksheet.prepared_by == by.person_id:
        return "You prepared this version, so you cannot approve it. Ask another head of enforcement."
    return None


def changed_it(worksheet: Standing, by: Any) -> str | None:
    """Who wrote a version of a worksheet does not approve it, whoever prepared it in the end."""
    if by.person_id in worksheet.authors:
        return (
            "You changed a version of this worksheet, so you cannot approve it. "
            "Ask another head of enforcement."
        )
    return None


def has_gaps(worksheet: Standing, _by: Any) -> str | None:
    """What a worksheet still lacks stops it."""
    return f"The worksheet lacks: {'; '.join(worksheet.gaps)}." if worksheet.gaps else None


def uses_proposed(subject: Standing | NoticeStanding, _by: Any) -> str | None:
    """A proposed value never reaches a served notice."""
    return f"{PROPOSED} Use it to compare only." if subject.proposed else None


def proposed_it(adoption: AdoptionStanding, by: Any) -> str | None:
    """Nobody adopts their own proposal."""
    if adoption.proposed_by == by.person_id:
        return "You proposed this method, so you cannot adopt it. Ask another head of enforcement."
    return None


def does_not_fit(adoption: AdoptionStanding, _by: Any) -> str | None:
    """A method that cannot serve the regime is not adopted for it."""
    return adoption.unfit or None


def out_of_time(adoption: AdoptionStanding, _by: Any) -> str | None:
    """A choice does not reach back, and follows the one before it."""
    if adoption.passed:
        return "Its first day has passed, and a choice does not reach back. Propose it anew with a later day."
    if adoption.later:
        return f"{adoption.later} starts on the same day or later. Propose a day after it."
    return None


def already_noticed(subject: Any, _by: Any) -> str | None:
    """What was sent stands; it is not changed behind the addressee's back."""
    if getattr(subject, "noticed", False):
        return "A notice on it has been sent, so it stands as it is."
    return None


def is_dropped(subject: Standing | NoticeStanding, _by: Any) -> str | None:
    """Nothing follows from a violation that is not alleged."""
    return "The violation was dropped, so nothing follows from it." if subject.dropped else None


def out_of_date(notice: NoticeStanding, _by: Any) -> str | None:
    """A notice says what was approved, and leaves the time it promises."""
    if not notice.current:
        return (
            "The worksheet was changed after this notice was written. "
            "Approve the new version; it gets its own notice."
        )
    if notice.expired:
        return (
            "The dates in this notice no longer leave the full time for a reply. "
            "Change the worksheet, and approve it, to date it anew."
        )
    return None


def rests_on_what_fell(notice: NoticeStanding, _by: Any) -> str | None:
    """What is sent rests on what holds on that day."""
    if notice.stale:
        return (
            f"{'. '.join(notice.stale)}. Calculate the worksheet again; the new version gets its own notice."
        )
    return None


_OFFICERS = (Role.ENFORCEMENT_OFFICER, Role.HEAD_OF_ENFORCEMENT)
_HEAD = Role.HEAD_OF_ENFORCEMENT
_LIVE = {
    WorksheetState.DRAFT,
    WorksheetState.PREPARED,
    WorksheetState.SENT_BACK,
    WorksheetState.APPROVED,
}

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
            unless=(already_noticed,),
        ),
        Step("add_evidence", by=_OFFICERS, frm={ViolationState.SUGGESTED, ViolationState.ALLEGED}, to=None),
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
            frm=_LIVE,
            to=WorksheetState.SUPERSEDED,
            unless=(already_noticed, is_dropped),
        ),
        Step(
            "prepare",
            by=_OFFICERS,
            frm={WorksheetState.DRAFT},
            to=WorksheetState.PREPARED,
            unless=(is_dropped, has_gaps),
        ),
        Step(
            "approve",
            by=_HEAD,
            frm={WorksheetState.PREPARED},
            to=WorksheetState.APPROVED,
            unless=(is_dropped, prepared_it, changed_it, has_gaps, uses_proposed),
        ),
        Step("send_back", by=_HEAD, frm={WorksheetState.PREPARED}, to=WorksheetState.SENT_BACK),
    ),
)

ADOPTION = Workflow(
    "method adoption",
    start=AdoptionState.PROPOSED,
    steps=(
        Step(
            "adopt",
            by=_HEAD,
            frm={AdoptionState.PROPOSED},
            to=AdoptionState.ADOPTED,
            unless=(proposed_it, does_not_fit, out_of_time),
        ),
        Step("withdraw", by=_OFFICERS, frm={AdoptionState.PROPOSED}, to=AdoptionState.WITHDRAWN),
        # By the adoption of a later one, in the same act.
        Step("supersede", by=_HEAD, frm={AdoptionState.ADOPTED}, to=AdoptionState.SUPERSEDED),
    ),
)

_STANDS = {PriorState.FINAL, PriorState.REDUCED, PriorState.SETTLED}
_OPEN = {PriorState.PENDING, PriorState.UNDER_APPEAL}

PRIOR = Workflow(
    "earlier penalty",
    start=PriorState.PENDING,
    steps=(
        Step("make_final", by=_OFFICERS, frm=_OPEN | {PriorState.SET_ASIDE}, to=PriorState.FINAL),
        Step(
            "appeal",
            by=_OFFICERS,
            frm=_STANDS | {PriorState.PENDING, PriorState.SET_ASIDE},
            to=PriorState.UNDER_APPEAL,
        ),
        Step(
            "reduce",
            by=_OFFICERS,
            frm=_OPEN | {PriorState.FINAL, PriorState.SET_ASIDE},
            to=PriorState.REDUCED,
        ),
        Step("set_aside", by=_OFFICERS, frm=_STANDS | _OPEN, to=PriorState.SET_ASIDE),
        Step("settle", by=_OFFICERS, frm=_OPEN, to=PriorState.SETTLED),
        Step("complete", by=_OFFICERS, frm=set(PriorState), to=None),
    ),
)

NOTICE = Workflow(
    "notice",
    start=NoticeState.WRITTEN,
    steps=(
        Step(
            "send",
            by=_HEAD,
            frm={NoticeState.WRITTEN},
            to=NoticeState.SENT,
            unless=(is_dropped, uses_proposed, out_of_date, rests_on_what_fell),
        ),
        Step("reply", by=(Role.PREPARER, Role.CERTIFYING_OFFICER), frm={NoticeState.SENT}, to=None),
    ),
)
