"""The custodian's log as the ledger takes it in: each line an entry, and what follows from it for the portal.

A line has to continue the last one by number and digest; one that does not stops the intake, and is told. The
portal believes the log for what happened at the custodian, and nothing else: no row here opens anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import DataError, IntegrityError

from portal.filing.outline import title_of
from portal.review import plan_grants, plans
from portal.review.tables import CustodianLink, PlanRequest, PlanSection
from portal.review.workflow import PLAN_REQUEST, PUT_TO_DEVELOPER
from secure_access import grants, ledger
from secure_access.custodian import access_grants, enrolment
from secure_access.custodian.custody_log import Line, read_line
from secure_access.custodian.enrolment import Enrolment
from secure_access.custodian.findings import REGISTER, REPORT
from secure_access.custodian.forms import Malformed
from secure_access.db import Session, Table, TooLong, select
from secure_access.grants import AccessGrant, Standing

log = structlog.get_logger(__name__)

EVENT = "custodian.line"
SUBJECT = "custodian:log"
"""The subject of every line; one about a plan is also about its request, case and developer."""
REFUSALS = frozenset({"page.refused", "act.refused", "note.refused", "quotation.refused"})
"""Lines of what was refused to somebody; they have a subject of their own beside, `plans.refusals_of`."""


@dataclass(frozen=True)
class Beside:
    """What lines name by digest, as the custodian tells it beside them."""

    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the digest of a plan manifest: the digest of the sealed file of each of its sections."""
    grants: Mapping[str, bytes] = field(default_factory=dict)
    """The bytes of offered grants that the portal does not have, because it was restored."""


NOTHING = Beside()


class NotContinued(Exception):
    """A line does not continue the log that was taken in: it was changed, or the custodian is another."""


@dataclass
class Intake:
    """The rows that one line is about, and those that it changes."""

    session: Session
    line: Line
    request: PlanRequest | None
    beside: Beside
    now: datetime

    def text(self, key: str) -> str:
        """A field of the line."""
        return str(self.line.fields.get(key, ""))

    def grant(self) -> AccessGrant | None:
        """The grant that the line names."""
        return grants.of_digest(self.session, self.text("grant"))


def link(session: Session, *, for_update: bool = False) -> CustodianLink:
    """How far the log is taken in."""
    found = session.get(CustodianLink, 1, with_for_update=for_update or None)
    return found or CustodianLink()


def listed_in(session: Session) -> Enrolment | None:
    """The enrolment list in force, as the custodian told it last."""
    found = link(session).enrolment
    return enrolment.parse(found.encode()) if found else None


def following(taken: CustodianLink, told: Sequence[bytes]) -> list[Line]:
    """The lines after the last that was taken in, which ``told`` has once more as its first.

    Raises `NotContinued` where that line is gone or another, and where one cannot be read.
    """
    try:
        lines = [read_line(one) for one in told]
    except Malformed as problem:
        raise NotContinued(f"a line after {taken.number} cannot be read: {problem}") from None
    if not taken.number:
        return lines
    if not lines:
        raise NotContinued(f"its log ends before line {taken.number}, which was taken in")
    if (lines[0].number, lines[0].digest) != (taken.number, taken.last):
        raise NotContinued(f"line {taken.number} is another one than was taken in")
    return lines[1:]


def take_in(session: Session, lines: Sequence[Line], beside: Beside = NOTHING, *, now: datetime) -> list[str]:
    """Take in the next lines of the log; of lines from which nothing could follow here, why.

    Such a line is taken in all the same: it is what happened, and those after it must not wait for it.
    Raises `NotContinued`, and nothing is taken.
    """
    state = link(session, for_update=True)
    wrong: list[str] = []
    for line in lines:
        if line.number <= state.number:
            continue
        if line.number != state.number + 1 or line.previous != state.last:
            raise NotContinued(f"line {line.number} does not continue line {state.number} as it was taken in")
        problem = _record(session, line, beside, now)
        if problem:
            wrong.append(f"Line {line.number} ({line.type}) of the custodian’s log is here, and {problem}.")
        state.number, state.last = line.number, line.digest
    session.add(state)
    return wrong


def deliveries(lines: Sequence[Line]) -> list[str]:
    """The plan keys to which something was delivered, as these lines say."""
    return list(dict.fromkeys(line.plan for line in lines if line.type == "plan.delivered"))


def offered(lines: Sequence[Line]) -> list[str]:
    """The digests of the grants that these lines say were offered."""
    return [str(line.fields["grant"]) for line in lines if line.type == "grant.offered"]


def _record(session: Session, line: Line, beside: Beside, now: datetime) -> str:
    request = _request_of(session, line)
    effect, rows, problem = EFFECTS.get(line.type), [], ""
    try:
        with session.begin_nested():
            rows = effect(Intake(session, line, request, beside, now)) if effect is not None else []
            session.add_all(rows)
            session.flush()
    except (TooLong, IntegrityError, DataError, LookupError, ValueError, TypeError) as fault:
        log.critical("custodian.line_without_effect", number=line.number, type=line.type, exc_info=fault)
        rows, problem = [], f"nothing could follow from it ({type(fault).__name__}); tell the operator"
    about = (SUBJECT, *plans.about(request)) if request is not None else (SUBJECT,)
    if request is not None and line.type in REFUSALS:
        about = (*about, plans.refusals_of(request))
    fields = {"number": line.number, "digest": line.digest, "line": line.encoded.decode()}
    ledger.append(session, EVENT, fields, by=None, now=now, about=about, records=rows)
    return problem


def _request_of(session: Session, line: Line) -> PlanRequest | None:
    if line.type == "plan.key_made":
        query = select(PlanRequest).where(PlanRequest.reference == str(line.fields.get("request")))
    elif line.plan:
        query = select(PlanRequest).where(PlanRequest.plan_key == line.plan)
    else:
        return None
    return session.exec(query.with_for_update()).first()


def _delivered(intake: Intake) -> list[Table]:
    """What the portal learns of a delivery. It counts unless the request ended, or an objection is open.

    A section that was not asked for has no row here: no grant can name it.
    """
    request, line = intake.request, intake.line
    files = intake.beside.files.get(intake.text("manifest"))
    if request is None or files is None or request.state not in PUT_TO_DEVELOPER:
        return []
    told: Any = line.fields["sections"]
    known = {one.section: one for one in plans.sections(intake.session, request)}
    asked = {*request.sections, REGISTER}
    listed = {**{key: one for one in told if (key := str(one["section"])) in asked}, **_report(line)}
    request.manifest = intake.text("manifest")
    rows: list[Table] = [request]
    for key, one in listed.items():
        row = known.get(key) or PlanSection(
            plan_request_id=request.id, number=_number(request, key), section=key
        )
        row.sha256, row.pages, row.schema_state = files.get(key), int(one["pages"]), str(one["schema"])
        rows.append(row)
    intake.session.add_all(rows)
    meet(intake.session, request, at=line.at, now=intake.now)
    return rows


def meet(session: Session, request: PlanRequest, *, at: datetime, now: datetime) -> bool:
    """Let what lies at the custodian meet the request, in whole or in part; whether anything changed."""
    session.flush()
    rows = plans.sections(session, request)
    left = plans.undelivered(session, request)
    to = PLAN_REQUEST.happened("deliver_part" if left else "deliver", request)
    if to is None or request.manifest is None or len(left) == len(request.sections):
        return False
    request.state, request.delivered_at = to, request.delivered_at or at
    request.missing = ", ".join(title_of(key) for key in left) or None
    session.add(request)
    fields = {"reference": request.reference, "sections": len(rows), "missing": len(left)}
    ledger.append(
        session,
        "plan.delivered",
        fields,
        by=None,
        now=now,
        about=plans.about(request),
        records=(request, *rows),
    )
    return True


def _report(line: Line) -> dict[str, dict[str, Any]]:
    return {REPORT: {"pages": 0, "schema": ""}} if line.fields.get("report") else {}


def _number(request: PlanRequest, key: str) -> int:
    """The place of a section: those asked for in their order, then the register and the report."""
    if key in request.sections:
        return request.sections.index(key) + 1
    return len(request.sections) + (1 if key == REGISTER else 2)


def _approved(intake: Intake) -> list[Table]:
    grant = intake.grant()
    if grant is None:
        return []
    grant.approvals = list(dict.fromkeys([*(grant.approvals or []), intake.text("by")]))
    if len(grant.approvals) >= access_grants.APPROVERS and not plan_grants.is_emergency(grant):
        grant.standing = Standing.APPROVED
    return [grant]


def _key_made(intake: Intake) -> list[Table]:
    """The fingerprint counts from now on; the published half is fetched after."""
    request = intake.request
    if (
        request is None
        or request.plan_key is not None
        or intake.text("developer") != str(request.developer_id)
    ):
        return []
    request.plan_key = intake.line.plan
    return [request]


def _offered(intake: Intake) -> list[Table]:
    """A grant that was offered waits for its approvers, also one that this portal has lost."""
    digest, request = intake.text("grant"), intake.request
    grant = intake.grant()
    if grant is None and request is not None and digest in intake.beside.grants:
        encoded = intake.beside.grants[digest]
        by = uuid.UUID(access_grants.parse(encoded).requester)
        grant = plan_grants.on_record(intake.session, request, encoded, issued_by=by, now=intake.now)
    if grant is None:
        return []
    grant.standing = Standing.WAITING
    return [grant]


def _stands(standing: Standing) -> Callable[[Intake], list[Table]]:
    def effect(intake: Intake) -> list[Table]:
        grant = intake.grant()
        if grant is None:
            return []
        grant.standing = standing
        if not standing.live:
            grant.ended_at = grant.ended_at or intake.line.at
        return [grant]

    return effect


def _paused(intake: Intake) -> list[Table]:
    if intake.request is None:
        return []
    intake.request.paused_at = intake.line.at if intake.line.type == "access.paused" else None
    return [intake.request]


def _destroyed(intake: Intake) -> list[Table]:
    if intake.request is None:
        return []
    request, at = intake.request, intake.line.at
    request.destroyed_at = at
    to = PLAN_REQUEST.happened("destroyed", request)
    if to is not None:
        request.state, request.ended_at = to, at
    ended = [one for one in grants.of_subject(intake.session, plans.subject_of(request)) if one.is_live]
    for grant in ended:
        grant.standing, grant.ended_at = Standing.ENDED, grant.ended_at or at
    return [request, *ended]


EFFECTS: Mapping[str, Callable[[Intake], list[Table]]] = {
    "plan.key_made": _key_made,
    "plan.delivered": _delivered,
    "grant.offered": _offered,
    "grant.approved": _approved,
    "break_glass.told": _stands(Standing.APPROVED),
    "grant.refused": _stands(Standing.REFUSED),
    "grant.revoked": _stands(Standing.REVOKED),
    "grant.ended": _stands(Standing.ENDED),
    "access.paused": _paused,
    "access.resumed": _paused,
    "plan.destroyed": _destroyed,
}
"""What a line changes in rows of the portal; a type that is not here changes none."""
