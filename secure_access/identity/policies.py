"""The sign-in policy on record: the one in force, how it began, and how it is put in the place of another.

`secure_access.identity.policy` is what a policy says. Here is which one counts: the last one on record, in
every process, from the next transaction on. What the machine names (`ASSAY_SIGN_IN`) is only how it begins.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from secure_access import ledger
from secure_access.actor import Actor
from secure_access.db import Session, col, select
from secure_access.identity import policy
from secure_access.identity.policy import Policy
from secure_access.identity.tables import SignInPolicy
from secure_access.ledger import LedgerEntry
from secure_access.workflow import Denied

SUBJECT = "policy:sign_in"
CHANGED = "sign_in_policy.changed"
BEGAN = "sign_in_policy.began"


# Every request asks it, so it is built once, and what it finds is read once a version: `policy.read`.
_COUNTS = select(SignInPolicy.content, SignInPolicy.words).order_by(col(SignInPolicy.number).desc()).limit(1)


@dataclass(frozen=True)
class Came:
    """How a policy came: by which act of two or which recovery, and what the machine called it."""

    act_id: uuid.UUID | None = None
    recovery_id: uuid.UUID | None = None
    name: str = ""


def latest(session: Session) -> SignInPolicy | None:
    """The row in force, or ``None`` before the first start has recorded one."""
    return session.exec(select(SignInPolicy).order_by(col(SignInPolicy.number).desc()).limit(1)).first()


def in_force(session: Session, begins_with: Policy) -> Policy:
    """The policy that counts now. ``begins_with`` counts until one is on record, and for a role that the
    record does not know yet."""
    row = session.connection().execute(_COUNTS).first()
    if row is None:
        return begins_with
    found = policy.read(*row)
    unknown = begins_with.rules.keys() - found.rules.keys()
    if not unknown:
        return found
    rules = {**{role: begins_with.rules[role] for role in sorted(unknown)}, **found.rules}
    return policy.of_rules(rules, wait=found.wait, lapse=found.lapse, words=found.words)


def words(session: Session, begins_with: Policy) -> str:
    """The words for every page of the policy that counts now, which the public zone may read too."""
    query = select(SignInPolicy.words).order_by(col(SignInPolicy.number).desc()).limit(1)
    found = session.exec(query).first()
    return begins_with.words if found is None else found


def begin(session: Session, begins_with: Policy, *, name: str, now: datetime) -> SignInPolicy | None:
    """Record the policy with which an instance begins; ``None`` where one is on record already.

    ``name`` is what the deployment calls it. Of processes that start at once, one records it. A record of a
    release that had fewer roles is completed with the rules that ``begins_with`` has for the new ones.
    """
    known = latest(session)
    if known is not None:
        whole = in_force(session, begins_with)
        same = whole.digest == known.digest
        return None if same else change(session, whole, came=Came(name=known.name), by=None, now=now)
    row = _row(begins_with, 1, Came(name=name.rpartition("/")[2]), now)
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:  # another process was first, and has committed
        return None
    fields = {"name": row.name, "digest": row.digest}
    ledger.append(session, BEGAN, fields, by=None, now=now, about=(SUBJECT,), records=(row,))
    return row


def change(session: Session, new: Policy, *, came: Came, by: Actor | None, now: datetime) -> SignInPolicy:
    """Put a policy in the place of the one in force, on record. Raises `Denied` where it says the same.

    It does not ask who may: an act of two administrators or a recovery stands before it, and has locked the
    authority's row, so that two changes wait for one another.
    """
    before = latest(session)
    if before is not None and before.digest == new.digest:
        raise Denied("This policy is in force already.", "Nothing has to be done.")
    row = _row(new, before.number + 1 if before else 1, came, now)
    session.add(row)
    session.flush()
    fields = {"name": row.name, "digest": row.digest}
    ledger.append(session, CHANGED, fields, by=by, now=now, about=(SUBJECT,), records=(row,))
    return row


def history(session: Session) -> list[LedgerEntry]:
    """The entries of policies that came into force, the latest first."""
    return list(reversed(ledger.entries(session, about=SUBJECT)))


def _row(new: Policy, number: int, came: Came, now: datetime) -> SignInPolicy:
    return SignInPolicy(
        number=number,
        name=came.name,
        words=new.words,
        content=new.stated.decode(),
        digest=new.digest,
        from_at=now,
        act_id=came.act_id,
        recovery_id=came.recovery_id,
    )
