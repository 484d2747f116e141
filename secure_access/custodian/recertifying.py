"""The verbs of recertification: an approver confirms a reader for a month, and who is late reads nothing."""

from __future__ import annotations

from datetime import datetime

from secure_access.custodian import recertification
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Custody, Refused, Why
from secure_access.custodian.enrolment import Role
from secure_access.custodian.recertification import Recertification
from secure_access.workflow import NotFound

CHANGED = "What this reader holds is not what the page showed, or the month is another. Open the page again."


def recertify(custody: Custody, nonce: str, answer: str) -> Recertification:
    """An approver confirms that a reader still needs to read. Raises as the verbs of `Core`."""
    with custody.lock:
        done = custody.confirmed(nonce, answer, Act.RECERTIFY)
        if Role.APPROVER not in done.person.roles:
            custody.act_refused(done.statement, Why.UNKNOWN)
            raise NotFound
        now, state = custody.now(), custody.state
        said = recertification.stands(state, done.statement.object, now)
        if said is None:
            raise custody.denied(done, Why.WRONG_STATE, CHANGED)
        against = recertification.obstacle(state.held_by(said.reader, now), said.reader, done.person)
        if against:
            raise custody.denied(done, Why.NOT_ALLOWED, against)
        kept = custody.parts.kept.put(said.encoded)
        fields = {"reader": said.reader, "month": said.month, "statement": kept}
        custody.write("reader.recertified", "", {**fields, **custody.by(done)})
        return said


def refusal(custody: Custody, reader: str, now: datetime) -> Refused | None:
    """Why this reader reads nothing: nobody confirmed in time that they still need to."""
    late = recertification.due(custody.state, reader, now)
    if late is None or now < late.until:
        return None
    words = recertification.reason(custody.state, late, custody.enrolment, now)
    return Refused(Why.NOT_RECERTIFIED, words)
