"""Earlier penalties over time: each change of state is a new record, and says which worksheets it reaches.

A worksheet counted a prior as it then stood. When the prior is set aside, appealed or reduced later, the
worksheet is not touched: it is listed, it says so itself, and calculating it again makes a new version.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from portal.enforcement import events
from portal.enforcement.choices import prior_facts
from portal.enforcement.service import guard
from portal.enforcement.tables import PriorViolation, Worksheet
from portal.enforcement.workflow import PRIOR, PriorStanding, PriorState
from portal.law import penalties
from portal.law.facts import LawError
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Actor, conflicts
from secure_access.workflow import Denied, NotFound

STATUSES = {
    "final": "Final",
    "pending": "Pending",
    "under_appeal": "Under appeal",
    "set_aside": "Set aside",
    "reduced": "Reduced, final",
    "settled_no_admission": "Settled without admission",
}
ACTS = {
    "set_aside": "It was set aside",
    "appeal": "It is under appeal",
    "reduce": "It was reduced and is final",
    "make_final": "It is final",
    "settle": "It was settled without admission",
    "complete": "Nothing new: only what it was for was missing",
}
"""What may have happened to an earlier penalty, by the act of its workflow."""
DATED = frozenset({"final", "reduced"})


@dataclass(frozen=True)
class Changed:
    """What happened to an earlier penalty: an act of `ACTS`, since when it is final, why this is recorded.

    ``about`` is what the penalty was for.
    """

    act: str
    reason: str
    final_on: date | None = None
    about: str = ""


@dataclass(frozen=True)
class History:
    """Every record of one decision, the first first; the last one holds."""

    rows: tuple[PriorViolation, ...]

    @property
    def first(self) -> PriorViolation:
        """The record by which the decision came on file."""
        return self.rows[0]

    @property
    def now(self) -> PriorViolation:
        """The record that holds."""
        return self.rows[-1]

    @property
    def standing(self) -> PriorStanding:
        """As the workflow takes it."""
        return PriorStanding(PriorState(self.now.status))


@dataclass(frozen=True)
class Fallen:
    """An earlier penalty that a worksheet counted and that would not count today, and why."""

    id: str
    prior: PriorViolation
    why: str

    @property
    def words(self) -> str:
        """One sentence of it without a stop."""
        return f"{self.id} ({self.prior.decision}) no longer counts: {self.why}"


@dataclass(frozen=True)
class Use:
    """A version of a worksheet that counted an earlier penalty; ``fallen`` when it would not count today."""

    worksheet: Worksheet
    id: str
    fallen: Fallen | None


def load(session: Session, row_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> History:
    """The history of the decision that a record is of.

    Raises `NotFound` for whoever does not enforce, or has a conflict with its developer.
    """
    guard(by)
    row = session.get(PriorViolation, row_id)
    if row is None:
        raise NotFound
    conflicts.hide(by, row.developer_id)
    # What was taken over from a related company is recorded once, with the company that it hit.
    hit = uuid.UUID(row.follows["organisation"]) if row.follows else row.developer_id
    conflicts.hide(by, hit)
    return History(_records(session, hit, row.regime, row.decision, for_update=for_update))


def known(session: Session, developer_id: uuid.UUID, regime: str, decision: str) -> bool:
    """Whether a decision is on file already."""
    return bool(_records(session, developer_id, regime, decision))


def change(session: Session, found: History, stated: Changed, *, by: Actor, now: datetime) -> PriorViolation:
    """Record what happened to an earlier penalty; the record before stays as it was. Raises `Denied`.

    Load the history for update.
    """
    guard(by)
    if stated.act not in ACTS:
        raise Denied("Choose what happened from the list.")
    state: PriorState = PRIOR.take(stated.act, by, found.standing)
    old = found.now
    _check(stated, state, old)
    row = PriorViolation(
        **old.model_dump(exclude={"id"})
        | {
            "status": state.value,
            "final_on": (stated.final_on or old.final_on) if state.value in DATED else None,
            "reason": stated.about.strip() or old.reason,
            "recorded_by": by.person_id,
            "recorded_at": now,
            "replaces_id": old.id,
            "change_reason": stated.reason.strip(),
        }
    )
    session.add(row)
    fields = {"prior": str(row.id), "replaces": str(old.id), "status": row.status}
    about = (f"prior:{found.first.id}",)
    ledger.append(session, events.PRIOR_CHANGED, fields, by=by, now=now, about=about, records=(row,))
    return row


def in_order(rows: Iterable[PriorViolation]) -> list[PriorViolation]:
    """Records in the order in which they were made, also those of one moment."""
    found = {row.id: row for row in rows}

    def depth(row: PriorViolation) -> int:
        before = found.get(row.replaces_id) if row.replaces_id else None
        return 0 if before is None else depth(before) + 1

    return sorted(found.values(), key=lambda row: (row.recorded_at, depth(row), str(row.id)))


def recorded(session: Session, developer_id: uuid.UUID) -> list[PriorViolation]:
    """Every record of a developer, for whoever was let in before; `figures.priors_of` asks."""
    own = list(session.exec(select(PriorViolation).where(PriorViolation.developer_id == developer_id)))
    return in_order([*own, *(later for row in own if row.follows for later in _later(session, row))])


def _later(session: Session, taken: PriorViolation) -> Iterator[PriorViolation]:
    """What happened to a penalty after it was taken over, as if it were recorded here; for reading only."""
    assert taken.follows is not None
    hit = uuid.UUID(taken.follows["organisation"])
    records = _records(session, hit, taken.regime, taken.decision)
    here = {"developer_id": taken.developer_id, "link": taken.link, "follows": taken.follows}
    known = [str(row.id) for row in records].index(taken.follows["row"])
    for row in records[known + 1 :]:
        before = taken.id if str(row.replaces_id) == taken.follows["row"] else row.replaces_id
        yield PriorViolation(**row.model_dump() | here | {"replaces_id": before})


def followers(session: Session, developer_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Developers against whom an earlier penalty of one of these was taken over."""
    hit = {str(one) for one in developer_ids}
    rows = session.exec(select(PriorViolation).where(col(PriorViolation.follows).is_not(None)))
    return {row.developer_id for row in rows if row.follows and row.follows["organisation"] in hit}


def relied_on(rows: Sequence[PriorViolation]) -> list[PriorViolation]:
    """The priors as they stand: of each decision the record last made, at the place of the first."""
    return [history.now for history in histories(rows)]


def histories(rows: Iterable[PriorViolation]) -> list[History]:
    """The history of each decision, from every record in the order of recording."""
    found: dict[tuple[str, str], list[PriorViolation]] = {}
    for row in rows:
        found.setdefault((row.regime, row.decision), []).append(row)
    return [History(tuple(records)) for records in found.values()]


def fallen(row: Worksheet, on_file: Iterable[PriorViolation]) -> list[Fallen]:
    """The priors that a worksheet counted and that would not count as they stand on file now. Pure.

    The kept facts are computed with the records of today, so that the law itself says what counts.
    """
    counted = set(row.result.get("priors_counted", ()))
    today = {(prior.regime, prior.decision): prior for prior in on_file}
    facts, changed = [], {}
    for stated in row.facts.get("priors", ()):
        prior = today.get((stated["regime"], stated["decision"]))
        new = stated if prior is None else prior_facts(int(stated["id"][1:]), prior)
        facts.append(new)
        if prior is not None and stated["id"] in counted and new != stated:
            changed[stated["id"]] = prior
    if not changed:
        return []
    try:
        result = penalties.compute({**row.facts, "priors": facts}, readings=False)
    except LawError as error:
        return [Fallen(key, prior, str(error)) for key, prior in changed.items()]
    return [
        Fallen(key, prior, _why(key, result.warnings))
        for key, prior in changed.items()
        if key not in result.counted
    ]


def uses(session: Session, found: History, *, by: Actor) -> list[Use]:
    """Every version of a worksheet that counted the decision, the latest calculated first."""
    guard(by)
    hit = found.now.developer_id
    reached = {hit, *followers(session, [hit])} - by.conflicts
    query = select(Worksheet).where(col(Worksheet.developer_id).in_(reached))
    listed = []
    for row in session.exec(query.order_by(col(Worksheet.drafted_at).desc(), col(Worksheet.version).desc())):
        for stated in row.facts.get("priors", ()):
            same = (stated["regime"], stated["decision"]) == (found.now.regime, found.now.decision)
            if same and stated["id"] in row.result.get("priors_counted", ()):
                lost = next(iter(fallen(row, (found.now,))), None)
                listed.append(Use(row, stated["id"], lost))
    return listed


def _why(key: str, warnings: Iterable[str]) -> str:
    said = (w.partition(": ")[2].rstrip(".") for w in warnings if w.startswith(f"Prior {key} is not counted"))
    return next(said, "the law does not count it")


def _records(
    session: Session, developer_id: uuid.UUID, regime: str, decision: str, *, for_update: bool = False
) -> tuple[PriorViolation, ...]:
    query = select(PriorViolation).where(
        PriorViolation.developer_id == developer_id,
        PriorViolation.regime == regime,
        PriorViolation.decision == decision,
    )
    return tuple(in_order(session.exec(query.with_for_update() if for_update else query)))


def _check(stated: Changed, state: PriorState, old: PriorViolation) -> None:
    if not stated.reason.strip():
        raise Denied("Say how this is known: the decision, its number and its day.")
    if state.value in DATED and stated.final_on is None and old.final_on is None:
        raise Denied("A penalty that is final has the day on which it became so. State it.")
    if stated.act == "complete" and stated.about.strip() in ("", old.reason):
        raise Denied("Nothing would change.", "Say what the earlier penalty was for.")
