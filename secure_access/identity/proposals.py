"""Acts that take two administrators: one proposes, another approves the very same bytes.

What is to be done is canonical JSON; both stand behind its SHA-256. Approving does it in the same
transaction.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from secure_access import jobs, ledger
from secure_access.actor import Actor
from secure_access.db import Session, col, select
from secure_access.identity import credentials, federation, invitations
from secure_access.identity.invitations import Wanted
from secure_access.identity.people import Person, about, actor, person_subject
from secure_access.identity.policy import Policy
from secure_access.identity.roles import administers, end_sessions, oversees, put
from secure_access.identity.tables import ProposedAct
from secure_access.identity.workflow import PROPOSED_ACT, ProposalState
from secure_access.ledger import canonical, removal
from secure_access.workflow import Denied, NotFound, Role


@dataclass(frozen=True)
class Terms:
    """On what terms an instance approves: the key of its single-use links, the sign-in policy in force, and
    whether one may let people in by password alone, as in a demonstration."""

    key: bytes
    counts: Policy
    by_password: bool = False

    @property
    def lapse(self) -> timedelta:
        """How long a proposal is open."""
        return self.counts.lapse


@dataclass(frozen=True)
class Doing:
    """With what an act is done: who approved it, when, on what terms, and the proposal itself."""

    by: Actor
    now: datetime
    terms: Terms
    proposal: ProposedAct


Perform = Callable[[Session, Mapping[str, Any], Doing], object]
"""What it gives is for whoever approves, once: nothing keeps it."""
Check = Callable[[Session, Mapping[str, Any]], object]


@dataclass(frozen=True)
class Kind:
    """A kind of act: its words on screen, the verb that does it, and what refuses one that cannot be done."""

    words: str
    perform: Perform
    check: Check


def declare(act: str, kind: Kind) -> None:
    """Add a kind of act, where what does it is imported. Raises ``ValueError`` for a second one."""
    if act in _KINDS:
        raise ValueError(f"{act} is declared already")
    _KINDS[act] = kind


def words_of(act: str) -> str:
    """What an act is called on screen."""
    return _KINDS[act].words


@dataclass(frozen=True)
class NewProposal:
    """What is to be done, why, and about which account where it is about one."""

    act: str
    content: Mapping[str, Any]
    reason: str
    person_id: uuid.UUID | None = None


def _encoded(new: NewProposal) -> bytes:
    return canonical.encode({"act": new.act, "content": dict(new.content), "v": "assay.proposed-act/v1"})


def digest_of(new: NewProposal) -> str:
    """The digest behind which both administrators stand: SHA-256 in hex of the bytes that are kept."""
    return hashlib.sha256(_encoded(new)).hexdigest()


def propose(session: Session, *, new: NewProposal, by: Actor, now: datetime) -> ProposedAct:
    """Propose an act. Raises `Denied` without a reason, and for what could not be done even now; `NotFound`
    for no administrator of the authority."""
    if not oversees(by) or new.act not in _KINDS:
        raise NotFound
    if not new.reason.strip():
        raise Denied("The reason is missing.", "Say why; the administrator who approves reads it.")
    _KINDS[new.act].check(session, new.content)
    stored = _encoded(new)
    row = ProposedAct(
        act=new.act,
        person_id=new.person_id,
        content=stored.decode(),
        digest=digest_of(new),
        reason=new.reason.strip(),
        proposed_by=by.person_id,
        proposed_at=now,
    )
    session.add(row)
    session.flush()
    _append(session, "act.proposed", row, by, now)
    return row


def refusal(
    session: Session, *, proposal: ProposedAct, lapse: timedelta, by: Actor, now: datetime
) -> Denied | None:
    """Why ``by`` may not approve now, or ``None``: a step that is not theirs, a proposal that has lapsed, or
    one of somebody who could not propose it any more."""
    stepped = PROPOSED_ACT.refusal("approve", by, proposal)
    if stepped is not None:
        return stepped
    if lapsed(proposal, lapse, now):
        until = open_until(proposal, lapse)
        return Denied(f"This proposal was open until {until:%-d %B %Y, %H:%M} UTC.", _AGAIN)
    if not stands(session, proposal):
        return Denied("Whoever proposed this is no administrator any more.", _AGAIN)
    return None


def stands(session: Session, proposal: ProposedAct) -> bool:
    """Whether whoever proposed an act is still an administrator of the authority."""
    try:
        return oversees(actor(session, proposal.proposed_by))
    except NotFound:
        return False


_AGAIN = "Refuse it. If it is still needed, an administrator proposes it again."


def open_until(proposal: ProposedAct, lapse: timedelta) -> datetime:
    """Until when a proposal can be approved."""
    return proposal.proposed_at + lapse


def lapsed(proposal: ProposedAct, lapse: timedelta, now: datetime) -> bool:
    """Whether a proposal that nobody settled can be approved no more."""
    return proposal.state is ProposalState.PROPOSED and now >= open_until(proposal, lapse)


def approve(
    session: Session, *, proposal: ProposedAct, shown_digest: str, terms: Terms, by: Actor, now: datetime
) -> object:
    """Approve and do it, in this transaction; what the act gives. Load the proposal with ``for_update=True``.

    Raises `Denied` as `refusal` says, where the digest is not the one that was shown, and whatever the act
    itself raises.
    """
    refused = refusal(session, proposal=proposal, lapse=terms.lapse, by=by, now=now)
    if refused is not None:
        raise refused
    state = PROPOSED_ACT.take("approve", by, proposal)
    digest = hashlib.sha256(proposal.content.encode()).hexdigest()
    if not digest == proposal.digest == shown_digest:
        raise Denied("This is not the act that your page showed.", "Open the page again and read it.")
    content = json.loads(proposal.content)["content"]
    gives = _KINDS[proposal.act].perform(session, content, Doing(by, now, terms, proposal))
    _settle(proposal, state, by, now)
    session.add(proposal)
    fields = {"act": proposal.act, "digest": proposal.digest, "proposed_by": str(proposal.proposed_by)}
    ledger.append(
        session, "act.approved", fields, by=by, now=now, about=_about(proposal), records=(proposal,)
    )
    return gives


def refuse(session: Session, *, proposal: ProposedAct, by: Actor, now: datetime) -> None:
    """Refuse what another administrator proposed. Raises `Denied`."""
    _settle(proposal, PROPOSED_ACT.take("refuse", by, proposal), by, now)
    _append(session, "act.refused", proposal, by, now)


def withdraw(session: Session, *, proposal: ProposedAct, by: Actor, now: datetime) -> None:
    """Take back what one proposed oneself. Raises `Denied`."""
    _settle(proposal, PROPOSED_ACT.take("withdraw", by, proposal), by, now)
    _append(session, "act.withdrawn", proposal, by, now)


def load(session: Session, proposal_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> ProposedAct:
    """A proposed act, for administrators of the authority. Raises `NotFound`."""
    query = select(ProposedAct).where(ProposedAct.id == proposal_id)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None or not oversees(by):
        raise NotFound
    return found


def every(session: Session, *, by: Actor) -> list[ProposedAct]:
    """Every proposed act, the latest first, for administrators of the authority."""
    if not oversees(by):
        raise NotFound
    return list(session.exec(select(ProposedAct).order_by(col(ProposedAct.proposed_at).desc())))


def waiting(session: Session, *, lapse: timedelta, by: Actor, now: datetime) -> list[ProposedAct]:
    """What this administrator could approve now."""
    query = select(ProposedAct).where(ProposedAct.state == ProposalState.PROPOSED)
    found = session.exec(query.order_by(col(ProposedAct.proposed_at)))
    return [row for row in found if not refusal(session, proposal=row, lapse=lapse, by=by, now=now)]


def _settle(proposal: ProposedAct, state: ProposalState, by: Actor, now: datetime) -> None:
    proposal.state, proposal.settled_by, proposal.settled_at = state, by.person_id, now


def _append(session: Session, event: str, proposal: ProposedAct, by: Actor, now: datetime) -> None:
    session.add(proposal)
    fields = {"act": proposal.act, "digest": proposal.digest}
    ledger.append(session, event, fields, by=by, now=now, about=_about(proposal), records=(proposal,))


def _about(proposal: ProposedAct) -> tuple[str, ...]:
    own = f"proposed_act:{proposal.id}"
    return (own, person_subject(proposal.person_id)) if proposal.person_id else (own,)


# The acts of this package

GIVE_ROLE = "role.give"
INVITE = "person.invite"
RESET = "credentials.reset"
REMOVE = "entry.remove"
CHANGED = "mail.credentials"
"""The job that tells a person, and the second contact, of a changed credential."""


def role_content(person: Person, role: Role) -> dict[str, str]:
    """What is proposed when a role is to be given."""
    return {"person": str(person.id), "role": role}


def invite_content(wanted: Wanted) -> dict[str, Any]:
    """What is proposed when somebody is to be invited."""
    return {
        "organisation": str(wanted.organisation_id),
        "email": wanted.email.strip().lower(),
        "name": wanted.name,
        "roles": sorted(wanted.roles),
        "title": wanted.title,
        "team": wanted.team,
    }


def _give(session: Session, content: Mapping[str, Any], doing: Doing) -> None:
    person = _person(session, content)
    if not administers(doing.by, person.organisation_id):
        raise NotFound
    put(session, person=person, role=Role(content["role"]), by=doing.by, now=doing.now)


def _invite(session: Session, content: Mapping[str, Any], doing: Doing) -> None:
    wanted = _wanted(content)
    if not administers(doing.by, wanted.organisation_id):
        raise NotFound
    invitations.send(session, wanted=wanted, key=doing.terms.key, by=doing.by, now=doing.now)


def _wanted(content: Mapping[str, Any]) -> Wanted:
    return Wanted(
        organisation_id=uuid.UUID(content["organisation"]),
        email=content["email"],
        name=content["name"],
        roles=[Role(role) for role in content["roles"]],
        title=content["title"],
        team=content["team"],
    )


def _remove(session: Session, content: Mapping[str, Any], doing: Doing) -> None:
    entry = removal.check(session, content)
    if entry.person_id in (doing.by.person_id, doing.proposal.proposed_by):
        raise Denied("This entry records an act of one of you two.", "Other administrators have to do this.")
    removal.remove(session, proposed=content, by=doing.by, now=doing.now)


def _reset(session: Session, content: Mapping[str, Any], doing: Doing) -> None:
    person = _person(session, content)
    invitations.reset(session, person=person, key=doing.terms.key, by=doing.by, now=doing.now)
    credentials.lose(session, person.id)
    end_sessions(session, person=person, by=doing.by, now=doing.now)
    federation.unlink_all(session, person.id)
    jobs.add(session, CHANGED, str(person.id))
    ledger.append(session, "person.credentials_reset", {}, by=doing.by, now=doing.now, about=about(person))


def _person(session: Session, content: Mapping[str, Any]) -> Person:
    person = session.get(Person, uuid.UUID(content["person"]), with_for_update=True)
    if person is None or person.ended_at is not None:
        raise Denied("This account has ended.", "Refuse the act.")
    return person


_KINDS: dict[str, Kind] = {
    GIVE_ROLE: Kind("Give a role", _give, _person),
    INVITE: Kind(
        "Invite somebody", _invite, lambda session, content: invitations.check(session, _wanted(content))
    ),
    REMOVE: Kind("Remove the content of an entry", _remove, removal.check),
    RESET: Kind("Reset somebody’s credentials", _reset, _person),
}
