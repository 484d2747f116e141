"""When and how an incident was resolved: said once by the developer, then corrected, never overwritten.

The time starts the clock of the final report, 60 days under the EU code of practice, measure 9.3.
"""

from __future__ import annotations

from datetime import datetime

from portal.filing import incidents
from portal.filing.tables import Incident
from portal.filing.workflow import INCIDENT
from portal.ui.formats import moment
from secure_access import ledger
from secure_access.db import Session
from secure_access.identity import Actor
from secure_access.workflow import Denied


def resolve(
    session: Session, *, incident: Incident, resolved_at: datetime, how: str, by: Actor, now: datetime
) -> None:
    """Say when and how an incident was resolved; once, then it is corrected.

    Raises `Denied` for a time in the future or before the developer knew of the incident, and for an empty
    text.
    """
    state = INCIDENT.take("resolve", by, incident)
    _say(incident, resolved_at, how, by, now)
    incident.state = state
    session.add(incident)
    ledger.append(
        session,
        "incident.resolved",
        {"reference": incident.reference, "resolved_at": resolved_at.isoformat()},
        by=by,
        now=now,
        about=incidents.about(incident),
        records=(incident,),
    )


def correct(
    session: Session, *, incident: Incident, resolved_at: datetime, how: str, by: Actor, now: datetime
) -> None:
    """Put right when or how it was resolved. What was said before stays, and is no longer what counts.

    Raises `Denied` as `resolve` does, and where nothing differs.
    """
    INCIDENT.take("correct_resolution", by, incident)
    last = incident.resolutions[-1]
    if (last["resolved_at"], last["how"]) == (resolved_at.isoformat(), how.strip()):
        raise Denied("Nothing differs from what was said.", "Change the time or the text, or leave it.")
    _say(incident, resolved_at, how, by, now)
    session.add(incident)
    ledger.append(
        session,
        "incident.resolution_corrected",
        {
            "reference": incident.reference,
            "number": len(incident.resolutions) - 1,
            "resolved_at": resolved_at.isoformat(),
        },
        by=by,
        now=now,
        about=incidents.about(incident),
        records=(incident,),
    )


def _say(incident: Incident, resolved_at: datetime, how: str, by: Actor, now: datetime) -> None:
    # When it happened is not held: a developer cannot have resolved what it did not yet know of.
    known_at = min(incident.aware_at, incident.belief_at or incident.aware_at)
    if not how.strip():
        raise Denied("How it was resolved is empty.", "Say in a sentence what ended it.")
    if resolved_at > now:
        raise Denied("The time lies in the future.", "Check date and time; they are UTC.")
    if resolved_at < known_at:
        raise Denied(
            f"The time lies before you knew of the incident, {moment(known_at)}.",
            "Check date and time; they are UTC.",
        )
    said = {
        "at": now.isoformat(),
        "by": str(by.person_id),
        "resolved_at": resolved_at.isoformat(),
        "how": how.strip(),
    }
    incident.resolutions = [*incident.resolutions, said]
