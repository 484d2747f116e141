"""Cases: opened by what developers submit, taken by a case officer, put to a decider."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from portal.filing import service
from portal.filing.tables import Filing, FilingKind, Incident
from portal.filing.workflow import FILING
from portal.law.deadlines import office_clock
from portal.review import clock, events  # noqa: F401 - declares the events of review
from portal.review.tables import Case, CaseItem, Decision, InformationRequest
from portal.review.visibility import CASES
from portal.review.workflow import CASE, CaseState, DecisionState
from secure_access import identity, jobs, ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor, Organisation, conflicts
from secure_access.workflow import Denied, NotFound, Role

REVIEW_CLOCK = "review.decide"
"""The clock of the office that the acceptance of a risk report starts."""


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> Case:
    """The case of that reference. Raises `NotFound` for whoever does not review, or has a conflict."""
    return CASES.find(session, by, col(Case.reference) == reference, for_update=for_update)


def find(session: Session, reference: str, *, for_update: bool = False) -> Case:
    """The case of that reference, whoever asks; the caller has made sure of it. Raises `NotFound`."""
    query = select(Case).where(Case.reference == reference)
    found = session.exec(
        query.with_for_update().execution_options(populate_existing=True) if for_update else query
    ).first()
    if found is None:
        raise NotFound
    return found


def about(case: Case) -> tuple[str, str]:
    """The ledger subjects of everything that happens in a case."""
    return f"case:{case.id}", f"developer:{case.developer_id}"


def file(session: Session, *, subject: str, now: datetime) -> Case:
    """Bring a submitted filing or a reported incident into the open case of its model version, or open one.

    ``subject`` is ``filing:<id>`` or ``incident:<id>``. Doing it twice changes nothing. Raises `NotFound` for
    what is not there or not submitted.
    """
    item = _submitted(session, subject)
    # One case a model version: whoever files for the same developer at the same moment waits here.
    session.get_one(Organisation, item.developer_id, with_for_update=True)
    known = session.exec(select(CaseItem).where(CaseItem.subject == subject)).first()
    if known is not None:
        return session.get_one(Case, known.case_id)
    case = open_case_of(session, item.developer_id, item.model_version_id)
    opened = case is None
    if case is None:
        case = Case(
            reference=next_reference(session, "C", now),
            developer_id=item.developer_id,
            model_version_id=item.model_version_id,
            opened_at=now,
        )
        session.add(case)
        session.flush()
    row = CaseItem(case_id=case.id, subject=subject, added_at=now)
    session.add(row)
    ledger.append(
        session,
        "case.opened" if opened else "case.joined",
        {"reference": case.reference, "subject": subject},
        by=None,
        now=now,
        about=(*about(case), subject),
        records=(case, row) if opened else (row,),
    )
    return case


def open_case_of(session: Session, developer_id: uuid.UUID, version_id: uuid.UUID | None) -> Case | None:
    """The case of a model version that is not decided yet, or ``None``."""
    query = select(Case).where(
        Case.developer_id == developer_id,
        Case.model_version_id == version_id,
        col(Case.state) != CaseState.DECIDED,
    )
    return session.exec(query.order_by(col(Case.opened_at))).first()


def case_of(session: Session, subject: str) -> Case | None:
    """The case to which ``filing:<id>`` or ``incident:<id>`` belongs, or ``None``."""
    query = select(Case).join(CaseItem, col(CaseItem.case_id) == col(Case.id))
    return session.exec(query.where(CaseItem.subject == subject)).first()


def filings(session: Session, case: Case) -> list[Filing]:
    """What was filed in a case, newest first; drafts are in no case."""
    found = session.exec(
        select(Filing)
        .where(col(Filing.id).in_(_ids(session, case, "filing")))
        .order_by(col(Filing.submitted_at).desc())
    )
    return [filing for filing in found if filing.of_record()]


def incidents(session: Session, case: Case) -> list[Incident]:
    """The incidents of a case, newest first."""
    wanted = col(Incident.id).in_(_ids(session, case, "incident"))
    return list(session.exec(select(Incident).where(wanted).order_by(col(Incident.reported_at).desc())))


def filing_of(session: Session, case: Case, filing_id: uuid.UUID, *, for_update: bool = False) -> Filing:
    """A filing of this case. Raises `NotFound` for any other."""
    query = select(Filing).where(Filing.id == filing_id, col(Filing.id).in_(_ids(session, case, "filing")))
    found = session.exec(
        query.with_for_update().execution_options(populate_existing=True) if for_update else query
    ).first()
    if found is None or not found.of_record():
        raise NotFound
    return found


def take(session: Session, *, case: Case, by: Actor, now: datetime) -> None:
    """Become the case officer of a case. Raises `Denied`, also for a conflict with its developer."""
    CASE.take("take", by, case)
    conflicts.refuse_assignment(session, person_id=by.person_id, developer_id=case.developer_id)
    case.officer_id = by.person_id
    session.add(case)
    fields = {"reference": case.reference, "officer": str(by.person_id)}
    ledger.append(session, "case.taken", fields, by=by, now=now, about=about(case), records=(case,))


def name_decider(session: Session, *, case: Case, decider_id: uuid.UUID, by: Actor, now: datetime) -> None:
    """Say who is to decide. Raises `Denied` for somebody who cannot, or who is the case officer."""
    CASE.take("take", by, case)
    deciders = {person.id for person in identity.people_with(session, Role.DECIDER)}
    if decider_id not in deciders:
        raise Denied("That person is not a decider.", "Choose one of the deciders in the list.")
    if decider_id in (case.officer_id, by.person_id):
        raise Denied("The case officer recommends, so another person decides.", "Choose another decider.")
    conflicts.refuse_assignment(session, person_id=decider_id, developer_id=case.developer_id)
    case.decider_id = decider_id
    session.add(case)
    fields = {"reference": case.reference, "decider": str(decider_id)}
    ledger.append(session, "case.decider_named", fields, by=by, now=now, about=about(case), records=(case,))


def hand_over(
    session: Session,
    *,
    case: Case,
    part: Literal["officer", "decider"],
    heir_id: uuid.UUID,
    by: Actor,
    now: datetime,
) -> None:
    """Put a colleague in the place of the case officer or of the decider who leaves. Raises `Denied`."""
    CASE.take("hand_over", by, case)
    conflicts.refuse_assignment(session, person_id=heir_id, developer_id=case.developer_id)
    if heir_id in (case.officer_id, case.decider_id):
        raise Denied("One person recommends, another decides.", "Name somebody else.")
    if part == "officer":
        case.officer_id = heir_id
    else:
        case.decider_id = heir_id
    session.add(case)
    fields = {"reference": case.reference, "part": part, "person": str(heir_id)}
    ledger.append(session, "case.handed_over", fields, by=by, now=now, about=about(case), records=(case,))


def accept_filing(session: Session, *, case: Case, filing: Filing, by: Actor, now: datetime) -> None:
    """Accept a filing for review. The first risk report accepted starts the review and its clock.

    Raises `Denied`. Accepting says that the filing can be reviewed, not that it is right.
    """
    filing.state = FILING.take("accept_for_review", by, filing)
    filing.accepted_at = now
    session.add(filing)
    begins = filing.kind is FilingKind.RISK_REPORT and case.state is CaseState.OPEN
    fields = {"reference": filing.reference, "clock": REVIEW_CLOCK if begins else ""}
    ledger.append(
        session,
        "filing.accepted",
        fields,
        by=by,
        now=now,
        about=_about_filing(case, filing),
        records=(filing,),
    )
    jobs.add(session, "copy.write", service.subject(filing))
    if case.officer_id is None:
        take(session, case=case, by=by, now=now)
    if begins:
        _begin_review(session, case, filing, by, now)


def return_filing(
    session: Session, *, case: Case, filing: Filing, reason: str, by: Actor, now: datetime
) -> None:
    """Send a filing back with a reason. Raises `Denied`; ``ValueError`` without a reason."""
    if not reason.strip():
        raise ValueError("Say what has to change, so that the developer can file again.")
    filing.state = FILING.take("return", by, filing)
    filing.state_reason = reason.strip()
    session.add(filing)
    fields = {"reference": filing.reference, "clock": ""}
    ledger.append(
        session,
        "filing.returned",
        fields,
        by=by,
        now=now,
        about=_about_filing(case, filing),
        records=(filing,),
    )


def set_due(session: Session, case: Case, *, now: datetime) -> None:
    """Write down the next due day of a case after an act that may move it; the act's entry names the case."""
    requests = list(session.exec(select(InformationRequest).where(InformationRequest.case_id == case.id)))
    case.due_on = clock.next_due(case, requests, decided(session, case), now=now)
    session.add(case)


def decided(session: Session, case: Case) -> Decision | None:
    """The decision of a case, once taken."""
    query = select(Decision).where(Decision.case_id == case.id, Decision.state == DecisionState.DECIDED)
    return session.exec(query).first()


def name_of(session: Session, person_id: uuid.UUID) -> str:
    """The name of somebody who acted in a case."""
    return session.get_one(identity.Person, person_id).name


def _begin_review(session: Session, case: Case, filing: Filing, by: Actor, now: datetime) -> None:
    case.state = CASE.take("begin_review", by, case)
    case.clock_started_at = now
    set_due(session, case, now=now)
    due = office_clock(REVIEW_CLOCK, now).due_at
    fields = {"reference": case.reference, "due": due.isoformat(), "clock": REVIEW_CLOCK}
    # Also about the filing that started it: its receipt says so.
    subjects = (*about(case), service.subject(filing))
    ledger.append(session, "clock.started", fields, by=by, now=now, about=subjects, records=(case,))


def _submitted(session: Session, subject: str) -> Filing | Incident:
    kind, _, raw = subject.partition(":")
    row_id = uuid.UUID(raw)
    item = session.get(Filing, row_id) if kind == "filing" else session.get(Incident, row_id)
    if item is None or not item.of_record():
        raise NotFound
    return item


def _ids(session: Session, case: Case, kind: str) -> list[uuid.UUID]:
    query = select(CaseItem.subject).where(
        CaseItem.case_id == case.id, col(CaseItem.subject).startswith(f"{kind}:")
    )
    return [uuid.UUID(subject.partition(":")[2]) for subject in session.exec(query)]


def _about_filing(case: Case, filing: Filing) -> tuple[str, ...]:
    return (*about(case), f"filing:{filing.id}")
