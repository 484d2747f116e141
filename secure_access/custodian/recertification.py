"""Monthly recertification: a reader's right ages, and an approver confirms that the need goes on. Pure.

It is about a person and all that they hold, where an approval is about one grant. A month begins when
somebody last looked at all of it: with a recertification, or with the approval of the only grant of a reader.
Source: docs/reference/protocol.md, “Recertification”.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from secure_access.custodian import forms
from secure_access.custodian.access_grants import AccessGrant
from secure_access.custodian.enrolment import Enrolment, Person, Role
from secure_access.custodian.forms import Form
from secure_access.custodian.grant_words import count, day, minute
from secure_access.custodian.state import Given, State
from secure_access.ledger import canonical

FORMAT = "assay.recertification/v1"
LASTS = timedelta(days=31)
SOON = timedelta(days=7)
"""How long before the end of their month readers stand before the approvers."""
_MONTH = "%Y-%m"
_MONTH_FORM = re.compile(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])")
_NAMED = 3


@dataclass(frozen=True)
class Recertification:
    """What an approver confirms: that ``reader`` still needs each of these grants, in this month."""

    reader: str
    month: str
    grants: tuple[str, ...]
    digest: str
    encoded: bytes = field(repr=False)


@dataclass(frozen=True)
class Due:
    """When a reader has to be recertified, for which grants (by digest). At ``until`` they read nothing."""

    reader: str
    since: datetime
    until: datetime
    grants: tuple[str, ...]


def statement(state: State, reader: str, now: datetime) -> Recertification | None:
    """What an approver would confirm now; nothing of a reader who holds nothing."""
    held = state.held_by(reader, now)
    value = {
        "v": FORMAT,
        "reader": reader,
        "month": now.strftime(_MONTH),
        "grants": [*sorted(one.grant.digest for one in held)],
    }
    return parse(canonical.encode(value)) if held else None


def parse(encoded: bytes) -> Recertification:
    """Read the bytes of a statement. Raises `Malformed`."""
    form = forms.document(encoded, FORMAT, ("reader", "month", "grants"))
    grants = form.value("grants")
    if not isinstance(grants, list) or not grants or sorted(set(map(str, grants))) != grants:
        raise form.wrong("grants", "a list has each grant once, in order, and is not empty")
    each = [Form({"grant": one}, ("grant",), "grants").hexadecimal("grant", 32) for one in grants]
    month = form.text("month")
    if not _MONTH_FORM.fullmatch(month):
        raise form.wrong("month", "a month such as 2027-10")
    return Recertification(form.identifier("reader"), month, tuple(each), forms.digest(encoded), encoded)


def stands(state: State, digest: str, now: datetime) -> Recertification | None:
    """The statement of that digest, if it is what an approver would confirm now: of nothing changed since."""
    found = (statement(state, reader, now) for reader in _readers(state))
    return next((one for one in found if one is not None and one.digest == digest), None)


def due(state: State, reader: str, now: datetime) -> Due | None:
    """When this reader has to be recertified; nothing of one who holds nothing."""
    held = state.held_by(reader, now)
    if not held:
        return None
    since = state.certified[reader]
    return Due(reader, since, since + LASTS, tuple(sorted(one.grant.digest for one in held)))


def due_within(state: State, now: datetime, span: timedelta = SOON) -> tuple[Due, ...]:
    """Whose month ends within ``span``: who is overdue first, then by date."""
    found = (due(state, reader, now) for reader in _readers(state))
    return tuple(sorted((one for one in found if one and one.until <= now + span), key=lambda one: one.until))


def overdue(state: State, now: datetime) -> tuple[Due, ...]:
    """Whose month is over: they read nothing until an approver recertifies them. The oldest first."""
    return due_within(state, now, timedelta())


def _readers(state: State) -> list[str]:
    return [*dict.fromkeys(one.grant.reader for one in state.grants.values())]


def obstacle(grants: Sequence[Given], reader: str, by: Person) -> str:
    """Why ``by``, an approver who is enrolled now, may not recertify who holds these; empty if they may."""
    if by.person == reader:
        return "You are the reader: somebody else confirms that you still need to read."
    for one in grants:
        if by.person == one.grant.requester:
            return f"You asked for {one.grant.reference}: somebody else confirms that it is still needed."
        conflict = by.conflicted_with(one.grant.developer)
        if conflict:
            return f"Somebody else confirms this: you are a person who {conflict} ({one.grant.reference})."
    return ""


def reason(state: State, late: Due, listed: Enrolment, now: datetime) -> str:
    """Why an overdue reader reads nothing, in words for the reader, with whom to ask."""
    return (
        f"Nobody has confirmed since {day(late.since)} that you still need to read. That has to be done "
        f"every {LASTS.days} days. Ask {_whom(state, late, listed, now)} to recertify you at the custodian; "
        "you can read again at once."
    )


def _whom(state: State, late: Due, listed: Enrolment, now: datetime) -> str:
    """Approvers who may: by name to the own organisation, by their organisation to others."""
    held, reader = state.held_by(late.reader, now), listed.listed(late.reader)
    able = [
        one
        for one in listed.people
        if one.current(now) and Role.APPROVER in one.roles and not obstacle(held, late.reader, one)
    ]
    near = [one for one in able if reader is not None and one.organisation == reader.organisation]
    if near:
        names = [f"{one.name} ({one.team})" for one in near[:_NAMED]]
        return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    if able:
        return f"an approver of {listed.name_of(able[0].organisation)}"
    return "the person who had you enrolled: no approver of the enrolment list may do it now. Ask for one"


def sentence(said: Recertification, listed: Enrolment) -> str:
    """What an approver confirms, from the bytes that are signed; the grants stand below, one by one."""
    reader = listed.listed(said.reader)
    if reader is None:
        who = f"{said.reader}, whom the enrolment list does not name,"
    else:
        employer = listed.name_of(reader.employer)
        who = f"{reader.name}, {reader.title}, employed by {employer} in the team {reader.team},"
    month = date.fromisoformat(f"{said.month}-01")
    return (
        f"You confirm that {who} still needs to read sealed plans in {month:%B %Y}, "
        f"under {count(len(said.grants), 'access grant')}."
    )


def grant_sentence(grant: AccessGrant, listed: Enrolment) -> str:
    """One grant that a statement names, from its own bytes."""
    emergency = "an emergency (break-glass) access to " if grant.break_glass else ""
    return (
        f"{emergency}{count(len(grant.sections), 'section')} of the security plan of "
        f"{listed.name_of(grant.developer)} for {grant.model}, from {minute(grant.not_before)} to "
        f"{minute(grant.not_after)}. The purpose: {grant.purpose}"
    )
