"""What an entry of each type may be, now and before: its keys, its log, its audience, and who may act. Pure.

The audit believes an entry only where it could have been recorded by a version of this program. A type that
changed keeps what it was, for entries are never written again: add to `FORMER_LOGS`, `FORMER_KEYS` or
`RETIRED` in the same change that alters or drops a declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from secure_access.actor import OrganisationKind
from secure_access.ledger import recording
from secure_access.ledger.recording import EventType
from secure_access.ledger.tables import Audience, Log

FORMER_LOGS: Mapping[str, Log] = dict.fromkeys(
    (
        *("violation.suggested", "violation.alleged", "violation.dropped", "revenue.attached"),
        *("revenue.chosen", "prior.recorded", "prior.changed", "statute.text_kept", "worksheet.drafted"),
        *("worksheet.prepared", "worksheet.approved", "worksheet.sent_back", "notice.written"),
        *(
            "plan.requested",
            "plan.approved",
            "plan.refused",
            "plan.withdrawn",
            "plan.delivered",
            "plan.ended",
        ),
        "step_up.used",
    ),
    Log.PUBLIC,
)
"""The log in which entries of a type were, where that is another one now."""

_SUBMITTED = ("kind", "reference", "entity", "digest", "statement", "attachments", "due_at", "timeliness")
_WITHOUT_ENTITY = tuple(key for key in _SUBMITTED if key != "entity")
_TAKEN = ("reference", "kind", "power", "channels", "conditions", "evidence")
FORMER_KEYS: Mapping[str, Sequence[tuple[str, ...]]] = {
    "assessment.submitted": [("reference", "digest", "recommendation", "rows", "evidence")],
    "clock.started": [("reference", "due")],
    "decision.taken": [_TAKEN, (*_TAKEN, "wording")],
    "filing.accepted": [("reference",)],
    "filing.returned": [("reference",)],
    "filing.submitted": [_SUBMITTED, _WITHOUT_ENTITY, (*_WITHOUT_ENTITY, "manifest")],
    "grant.ended": [("reader", "reason")],
    "grant.issued": [("reader", "documents", "purpose", "not_before", "not_after")],
    "incident.reported": [("reference", "imminent", "late_under")],
    "information_request.answered": [("reference", "items", "late_seconds")],
    "notice.answered": [("reference", "late")],
    "notice.sent": [("reference", "kind", "regime")],
    "person.role_taken": [("role", "reason")],
    "plan.delivered": [("reference", "sections")],
    "plan.opened": [("reader", "document", "section")],
    "plan.opening_refused": [("reader", "document", "reason")],
}
"""Keys that entries of a type had, where it has others now."""

RETIRED: Mapping[str, EventType] = {
    name: EventType(name, frozenset(keys), Log.CUSTODY, Audience.PARTIES)
    for name, keys in {
        "document.read": ("document", "sha256"),
        "plan.opened": ("reader", "document", "section", "page"),
        "plan.opening_refused": ("reader", "document", "section", "reason"),
    }.items()
}
"""Types that nothing records any more."""

_alone = {
    # The ledger itself.
    *("ledger.anchored", "ledger.succeeded", "ledger.custody_succeeded", "security_log.anchored"),
    # The machine's operator, and who has no account yet.
    *("administrator.created", "administrator.recovered", "people.adopted", "credential.changed"),
    *("sign_in_policy.began", "sign_in_policy.changed", "sign_in_policy.recovered"),
    *("invitation.sent", "invitation.accepted", "invitation.withdrawn", "organisation.registered"),
    *("person.added", "person.moved", "person.role_given", "entity.claimed", "authority.recorded"),
    # What follows by rule, or is done by the worker.
    *("case.opened", "case.joined", "copy.written", "document.screened", "evidence.read", "filing.screened"),
    *("flag.raised", "notice.written", "statute.text_kept", "violation.suggested"),
}
_CONTENT = {
    *("v", "id", "log", "audience", "type", "at", "by", "about", "fields", "record_salt", "records"),
}
_WHO = {"kind", "organisation", "person", "roles"}


def alone(*names: str) -> None:
    """Allow the system to record entries of these types by itself; of any other a person is the actor."""
    _alone.update(names)


def objections(content: Mapping[str, Any]) -> Iterator[str]:
    """Why no version of this program recorded such an entry; of one that it may have recorded, nothing.

    Raises ``KeyError`` and ``TypeError`` for what is no entry at all.
    """
    if set(content) != _CONTENT or content["v"] != recording.FORMAT:
        yield f"its bytes are not of the format {recording.FORMAT}"
    name = content["type"]
    kind = recording.declared().get(name) or RETIRED.get(name)
    if kind is None:
        yield f"its type {name} is none that this program declares or ever did"
        return
    keys = {kind.keys, *map(frozenset, FORMER_KEYS.get(name, ()))}
    if frozenset(content["fields"]) not in keys:
        yield f"its fields are not those of {name}"
    if content["log"] not in {kind.log, FORMER_LOGS.get(name, kind.log)}:
        yield f"it is in the {content['log']} log, and {name} belongs to the {kind.log} one"
    if content["audience"] != kind.audience:
        yield f"its audience is {content['audience']}, and that of {name} is {kind.audience}"
    yield from _actor(name, content["by"])


def _actor(name: str, by: Mapping[str, Any]) -> Iterator[str]:
    if by == {"kind": "system"}:
        if name not in _alone:
            yield f"nobody is named who did it, and {name} is done by people"
    elif set(by) - {"agent"} != _WHO or by["kind"] not in set(OrganisationKind):
        yield "who did it is not said as this program says it"
