"""Access grants of a plan request: the bytes that two approvers sign at the custodian, one for each reader.

They are made once something is delivered, because they name it by digest. What differs from the approved
request is said with its reason; the custodian refuses a grant that is wider, or that explains nothing.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.filing import registration
from portal.filing.outline import title_of
from portal.filing.registry import ModelVersion
from portal.review import plans
from portal.review.tables import Case, PlanApproval, PlanRequest, PlanSection
from portal.review.workflow import DELIVERED, PLAN_REQUEST
from secure_access import grants
from secure_access.custodian import access_grants, forms
from secure_access.custodian.enrolment import Enrolment, Person, Role
from secure_access.custodian.findings import REGISTER, REPORT
from secure_access.db import Session, col, select
from secure_access.grants import AccessGrant
from secure_access.identity import Actor
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json
from secure_access.ledger.records import timestamp
from secure_access.workflow import Denied

TITLES = {REGISTER: "Threat-actor register", REPORT: "Drift report of the custodian"}
"""Sections that a delivery may have beside those of the outline: a request for sections asks for them too."""
PAGES_PER_HOUR = 60
SITTING_MINUTES = access_grants.LONGEST_SITTING
NOT_STATED = "not stated"
WHY_OWN = "Each named reader has an access grant of their own."
WHY_PART = "Only what was delivered can be read; the rest has a grant when it is here."


@dataclass(frozen=True)
class Terms:
    """What a grant is made of, besides the request: sections by key and digest, whose passkeys, when."""

    reference: str
    model: str
    sections: Mapping[str, str]
    reader: Person
    approved_at: datetime
    now: datetime
    emergency: str = ""
    """Why nothing can wait for the approved request's own way; empty for an ordinary grant."""
    requester: str = ""


def title(key: str) -> str:
    """The name of a delivered section."""
    return TITLES.get(key) or title_of(key)


def statement(request: PlanRequest, terms: Terms) -> bytes:
    """The bytes of a grant. Pure but for its nonce."""
    begin, end, pages = _bounds(request, terms)
    nothing = bool(terms.emergency)
    asked: dict[str, Json] = {
        "at": timestamp(terms.approved_at),
        "readers": [] if nothing else [*sorted(request.readers)],
        "sections": [] if nothing else [*sorted({*request.sections, *TITLES})],
        "not_before": timestamp(request.read_from),
        "not_after": timestamp(request.read_until),
        "pages": 0 if nothing else request.pages or 0,
    }
    given: dict[str, Json] = {"not_before": timestamp(begin), "not_after": timestamp(end)}
    return canonical.encode(
        {
            "v": access_grants.FORMAT,
            "reference": terms.reference,
            "request": request.reference,
            "developer": str(request.developer_id),
            "model": plain(terms.model),
            "manifest": request.manifest or "",
            "sections": [
                {"section": key, "title": title(key), "sha256": sha256}
                for key, sha256 in terms.sections.items()
            ],
            "reader": terms.reader.person,
            "credentials": [base64.b64encode(one.id).decode() for one in terms.reader.credentials],
            "purpose": plain(terms.emergency or request.purpose),
            "legal_basis": plain(request.legal_basis),
            "handling": _handling(request),
            **given,
            "pages": pages,
            "pages_per_hour": min(pages or 1, PAGES_PER_HOUR),
            "sitting_minutes": SITTING_MINUTES,
            "requester": terms.requester or str(request.requested_by),
            "asked": asked,
            "changes": [] if nothing else [*_changes(request, terms, asked, given)],
            "nonce": secrets.token_hex(16),
        }
    )


def _bounds(request: PlanRequest, terms: Terms) -> tuple[datetime, datetime, int]:
    """From when, until when and how many pages: of an emergency the most that the custodian allows."""
    if terms.emergency:
        end = terms.now + access_grants.BREAK_GLASS_LONGEST
        return terms.now, end, access_grants.BREAK_GLASS_PAGES
    begin = max(request.read_from, terms.now)
    return begin, min(request.read_until, begin + access_grants.LONGEST), request.pages or 0


def _changes(
    request: PlanRequest, terms: Terms, asked: Mapping[str, Json], given: Mapping[str, Json]
) -> Iterator[Json]:
    """What differs from the request, and why, in the order of `access_grants.TERMS`."""
    if asked["readers"] != [terms.reader.person]:
        yield {"term": "readers", "why": WHY_OWN}
    if asked["sections"] != sorted(terms.sections):
        yield {"term": "sections", "why": WHY_PART}
    if any(asked[key] != given[key] for key in given):
        late = request.read_from < terms.now
        begins = f"Reading begins when it was delivered and offered, on {terms.now:%-d %B %Y}."
        ends = f"An access grant lasts at most {access_grants.LONGEST.days} days."
        yield {"term": "dates", "why": begins if late else ends}


def _handling(request: PlanRequest) -> str:
    return f"{request.handling.label}. {request.handling.meaning}" if request.handling else ""


def plain(text: str) -> str:
    """A text as a grant may say it: on one line, without characters that nobody sees; never empty."""
    seen = "".join(
        one
        for one in " ".join(text.split())
        if unicodedata.category(one) not in ("Cc", "Cf", "Cs") or one in forms.JOINERS
    )
    said = unicodedata.normalize("NFC", " ".join(seen.split()))[: forms.LONGEST_TEXT].strip()
    return said if said.strip(forms.JOINERS) else NOT_STATED


def obstacle(enrolment: Enrolment | None, reader_id: str, developer_id: str, now: datetime) -> str:
    """Why no grant can be offered for a reader now; empty where nothing stands against it."""
    if enrolment is None:
        return "The custodian has told the portal no enrolment list yet."
    found = enrolment.person(reader_id, now)
    if found is None or Role.READER not in found.roles:
        return "Not enrolled at the custodian as a reader. Ask two custody officers."
    if not found.credentials:
        return "Enrolled without a passkey. The reader registers one at the custodian first."
    conflict = found.conflicted_with(developer_id)
    return f"The reader {conflict}." if conflict else ""


def is_emergency(grant: AccessGrant) -> bool:
    """Whether a grant is one of break-glass."""
    return (grant.reference or "").startswith(access_grants.BREAK_GLASS)


def lacking(
    session: Session, request: PlanRequest, reader_id: uuid.UUID, now: datetime, *, again: bool = False
) -> list[PlanSection]:
    """Delivered sections that were asked for and that no grant of this reader names.

    A grant whose dates have passed names nothing any more. One that was refused, revoked, ended or not taken
    does, until a person has another one offered (``again``).
    """
    if request.state not in DELIVERED:
        return []
    given = {
        sha256
        for grant in grants.of_subject(session, plans.subject_of(request))
        if grant.reader_id == reader_id and not is_emergency(grant)
        if (grant.is_live and now < grant.not_after) or not (grant.is_live or again)
        for sha256 in grant.documents
    }
    asked = {*request.sections, *TITLES}
    return [
        one
        for one in plans.sections(session, request)
        if one.sha256 and one.sha256 not in given and one.section in asked
    ]


def draw_up(
    session: Session,
    request: PlanRequest,
    reader: Person,
    sections: Sequence[PlanSection],
    *,
    now: datetime,
    by: Actor | None = None,
) -> AccessGrant:
    """Put a grant for a reader and sections on record; it is offered to the custodian after the commit."""
    terms = Terms(
        reference=grants.reference(session, "AG", now),
        model=_model(session, request),
        sections={one.section: one.sha256 or "" for one in sections},
        reader=reader,
        approved_at=_approved_at(session, request),
        now=now,
    )
    return on_record(
        session, request, statement(request, terms), issued_by=request.requested_by, now=now, by=by
    )


def offer_again(
    session: Session,
    request: PlanRequest,
    reader: uuid.UUID,
    enrolment: Enrolment | None,
    *,
    by: Actor,
    now: datetime,
) -> AccessGrant:
    """Another grant in place of one that was refused, revoked, ended or not taken. Raises `Denied`."""
    PLAN_REQUEST.take("offer_again", by, plans.approving(session, request))
    why = obstacle(enrolment, str(reader), str(request.developer_id), now)
    sections = lacking(session, request, reader, now, again=True)
    if str(reader) not in request.readers or not sections or out_of_time(request, now):
        why = "Nothing can be offered to this reader now."
    if why:
        raise Denied(why, "Reload the page to see what stands.")
    assert enrolment is not None
    person = enrolment.person(str(reader), now)
    assert person is not None
    return draw_up(session, request, person, sections, now=now, by=by)


@dataclass(frozen=True)
class Emergency:
    """Who is to read what, and why it cannot wait."""

    reader: Person
    sections: Sequence[PlanSection]
    why: str


def emergency(
    session: Session, request: PlanRequest, wanted: Emergency, *, by: Actor, now: datetime
) -> AccessGrant:
    """Put a grant for break-glass on record. The custodian tells the developer before it opens anything."""
    terms = Terms(
        reference=grants.reference(session, "BG", now),
        model=_model(session, request),
        sections={one.section: one.sha256 or "" for one in wanted.sections},
        reader=wanted.reader,
        approved_at=now,
        now=now,
        emergency=wanted.why.strip(),
        requester=str(by.person_id),
    )
    encoded = statement(request, terms)
    return on_record(session, request, encoded, issued_by=by.person_id, now=now, by=by)


def on_record(
    session: Session,
    request: PlanRequest,
    encoded: bytes,
    *,
    issued_by: uuid.UUID,
    now: datetime,
    by: Actor | None = None,
) -> AccessGrant:
    """Put the grant of these bytes on record. Raises `Malformed`."""
    found = access_grants.parse(encoded)
    offer = grants.Offer(
        reference=found.reference,
        statement=encoded,
        digest=found.digest,
        subject=plans.subject_of(request),
        reader_id=uuid.UUID(found.reader),
        files=[one.sha256 for one in found.sections],
        purpose=found.purpose,
        not_before=found.not_before,
        not_after=found.not_after,
        pages=found.pages,
        issued_by=issued_by,
        about=plans.about(request),
    )
    return grants.draw_up(session, offer, now=now, by=by)


def _model(session: Session, request: PlanRequest) -> str:
    case = session.get_one(Case, request.case_id)
    version = session.get(ModelVersion, case.model_version_id) if case.model_version_id else None
    return registration.full_name(session, version) if version is not None else "all its models"


def _approved_at(session: Session, request: PlanRequest) -> datetime:
    query = select(PlanApproval).where(PlanApproval.plan_request_id == request.id)
    given = list(session.exec(query.order_by(col(PlanApproval.approved_at).desc())))
    return given[0].approved_at if given else request.requested_at


def out_of_time(request: PlanRequest, now: datetime) -> bool:
    """Whether no grant can be offered now: reading ends, or begins later than a custodian takes one for."""
    over = request.read_until - now < timedelta(minutes=1)
    return over or request.read_from > now + access_grants.FURTHEST
