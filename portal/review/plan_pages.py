"""What the pages of a plan request show: to the authority, to the developer, and of the custodian to both."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import g, render_template, request, url_for

from portal.filing.visibility import READERS
from portal.review import alerts, custody_lines, openings, plan_grants, plans
from portal.review import plan_objections as objections
from portal.review.tables import Case, CustodianLink, PlanRequest
from portal.review.workflow import APPROVALS_NEEDED, PLAN_REQUEST
from portal.web import current_actor, current_time, current_zone
from secure_access import grants, identity
from secure_access.custodian.enrolment import Enrolment
from secure_access.grants import AccessGrant
from secure_access.identity import OrganisationKind, Person
from secure_access.workflow import Role

SILENT_AFTER = timedelta(seconds=60)
"""How long after its last answer a custodian is shown as silent."""


def shown_page(row: PlanRequest, problem: str = "", at: str = "reason") -> str:
    """The page of a request for the authority, with a problem at the field ``at``."""
    by, subject = current_actor(), plans.approving(g.session, row)
    return render_template(
        "plans/show.html",
        **_common(row),
        refusal=PLAN_REQUEST.refusal("approve", by, subject),
        may=PLAN_REQUEST.allowed(by, subject),
        reads=str(by.person_id) in row.readers,
        needed=APPROVALS_NEEDED,
        readers=_readers(row),
        enrolled=_enrolled(row),
        alerts=alerts.of_request(g.session, row, now=current_time()) if by.roles & READERS else [],
        owns_alerts=by.holds(Role.CASE_OFFICER) and alerts.owner(g.session, row) in (None, by.person_id),
        alerts_owner=_name_of(alerts.owner(g.session, row)),
        name_of=openings.namer(g.session),
        problem=problem,
        at=at,
        answer_url=lambda one: url_for(
            "plans.answer_objection", reference=row.reference, objection_id=one.id
        ),
    )


def own_page(row: PlanRequest, problems: dict[str, str] | None = None) -> str:
    """The page of a request for the developer."""
    return render_template(
        "asked/plan.html",
        **_common(row),
        may=PLAN_REQUEST.allowed(current_actor(), plans.approving(g.session, row)),
        problems=problems or {},
        chosen=request.form.getlist("points"),
        reasons={point: request.form.get(f"reason-{point}", "") for point in objections.points(row)},
        objected_before={one.point for one in objections.of_request(g.session, row)},
    )


def _common(row: PlanRequest) -> dict[str, Any]:
    case = g.session.get_one(Case, row.case_id)
    return {
        "request_": row,
        "case": case,
        "people": people(row),
        "approvers": [str(one) for one in plans.approvers(g.session, row)],
        "sections": plans.sections(g.session, row),
        "objections": [
            (one, objections.words(g.session, one.point)) for one in objections.of_request(g.session, row)
        ],
        "points": [(point, objections.words(g.session, point)) for point in objections.points(row)],
        "undelivered": plans.undelivered(g.session, row),
        "custody": custody(),
        "title_of": plan_grants.title,
        "developer": g.session.get_one(identity.Organisation, row.developer_id).name,
        "now": current_time(),
    }


@dataclass(frozen=True)
class Custody:
    """Who keeps the plans, for the pages: the custodian's address, what it says, whether it answers."""

    origin: str
    link: CustodianLink
    silent: bool

    @property
    def there(self) -> bool:
        """Whether this instance has a custodian at all."""
        return bool(self.origin)

    def url(self, what: str, digest: str | None) -> str:
        """The address of a plan, a grant or a reading at the custodian."""
        return f"{self.origin}/{what}/{digest}"


def custody() -> Custody:
    """For the authority as the custodian says. Developers are not shown whom it has enrolled, nor what stands
    in the way of others: their zone does not read that row."""
    settings = current_zone().wired.settings
    if current_actor().organisation_kind is not OrganisationKind.REGULATOR:
        said = "demonstration custody" if settings.demonstration else ""
        return Custody(settings.custodian, CustodianLink(custody=said), False)
    link = custody_lines.link(g.session)
    heard = link.answered_at
    silent = heard is None or current_time() - heard > SILENT_AFTER
    return Custody(settings.custodian, link, silent)


@dataclass(frozen=True)
class Reader:
    """A named reader of a request: the person, the access grants, and what stands against one."""

    person: Person
    grants: list[AccessGrant]
    obstacle: str
    again: bool
    """Whether a person may have another grant offered in place of one that came to nothing."""


def _name_of(person_id: uuid.UUID | None) -> str:
    return g.session.get_one(Person, person_id).name if person_id else ""


def _enrolled(row: PlanRequest) -> list[tuple[str, str]]:
    """Who could read in an emergency: pairs of identifier and name of plan readers with a passkey."""
    listed, now = custody_lines.listed_in(g.session), current_time()
    known = {str(one.id) for one in plans.readers_known(g.session, row.developer_id)}
    return [
        (one.person, f"{one.name}, {one.team}")
        for one in (listed.people if listed else ())
        if one.person in known and not plan_grants.obstacle(listed, one.person, str(row.developer_id), now)
    ]


def _readers(row: PlanRequest) -> list[Reader]:
    given = grants.of_subject(g.session, plans.subject_of(row))
    others = dict.fromkeys(str(one.reader_id) for one in given if str(one.reader_id) not in row.readers)
    listed = custody_lines.listed_in(g.session)
    return [_reader(row, reader, given, listed) for reader in (*row.readers, *others)]


def _reader(row: PlanRequest, reader: str, given: list[AccessGrant], listed: Enrolment | None) -> Reader:
    now, who = current_time(), uuid.UUID(reader)
    obstacle = plan_grants.obstacle(listed, reader, str(row.developer_id), now)
    mine = [one for one in given if one.reader_id == who]
    lost = reader in row.readers and any(not one.is_live for one in mine)
    again = lost and not obstacle and bool(plan_grants.lacking(g.session, row, who, now, again=True))
    return Reader(g.session.get_one(Person, who), mine, obstacle, again)


def people(row: PlanRequest) -> dict[str, Person]:
    wanted = [uuid.UUID(reader) for reader in row.readers]
    wanted += [row.requested_by, *plans.approvers(g.session, row)]
    return {str(person_id): g.session.get_one(Person, person_id) for person_id in wanted}
