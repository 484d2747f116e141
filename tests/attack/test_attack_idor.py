"""What is not yours answers exactly as what does not exist: every address, every role, GET and POST."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, func, update

from portal.enforcement.tables import AllegedViolation
from portal.filing.tables import Filing, FilingPerson
from portal.review.tables import Case, CaseItem, PlanRequest
from secure_access.db import select
from secure_access.identity import SignInSession
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role
from tests.attack.conftest import Siege
from tests.attack.objects import Target, sampled, targets
from tests.fixtures.app import without_tokens

REVIEW = {Role.CASE_OFFICER, Role.DECIDER}
ENFORCEMENT = {Role.ENFORCEMENT_OFFICER, Role.HEAD_OF_ENFORCEMENT}

ENTER = {
    "access_requests": REVIEW,
    "accreditations": {Role.ACCREDITATION_OFFICER},
    "administration": {Role.ADMINISTRATOR},
    "enforcement": ENFORCEMENT,
    "statutes": {Role.LEGAL_OFFICER},
}
NOBODYS = ("access_requests", "accreditations", "administration", "statutes")
"""Pages about what belongs to no developer."""


@contextmanager
def counted(siege: Siege) -> Iterator[list[int]]:
    """Statements sent to the database within."""
    found = [0]

    def count(*_: Any) -> None:
        found[0] += 1

    engine = siege.world.wired.database.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", count)


def theirs(siege: Siege, name: str, target: Target) -> bool:
    """Whether this may be there for that person: written anew from the rules, not from the code."""
    zone, by = siege.personas[name]
    part = target.rule.endpoint.partition(".")[0]
    if part == "account":
        # A linked account is of a person, whose zone is one; a key is of a zone too.
        return (getattr(target.about, "zone", zone), target.about.person_id) == (zone, by.person_id)
    if part == "own_organisation":
        return target.owner == by.organisation_id and by.holds(Role.ORGANISATION_ADMINISTRATOR)
    if zone == "developer":
        return _developers(siege, by, part, target)
    if zone == "evaluator":
        return target.owner == by.organisation_id
    return _official(siege, by, part, target)


def _developers(siege: Siege, by: Any, part: str, target: Target) -> bool:
    if part == "draft_people":
        return _has_people_for(siege, by, target)
    if isinstance(target.about, PlanRequest) and target.about.state in ("requested", "refused"):
        return False
    if isinstance(target.about, Filing) and not _opens(siege, by, target.about):
        return False
    return bool(target.owner == by.organisation_id)


def _opens(siege: Siege, by: Any, filing: Filing) -> bool:
    """Whether a filing is open to somebody of its developer."""
    named = {row.person_id for row in siege.rows(FilingPerson) if row.filing_id == filing.id and _stands(row)}
    return filing.of_record() or not filing.named_only or by.person_id in named


def _stands(row: FilingPerson) -> bool:
    return row.added_at is not None and row.ended_at is None


def _has_people_for(siege: Siege, by: Any, target: Target) -> bool:
    """Whether somebody sees the people of a draft, or may ask to be one of them."""
    filing: Filing = target.about
    if target.owner != by.organisation_id or filing.of_record():
        return False
    files = bool(by.roles & {Role.PREPARER, Role.CERTIFYING_OFFICER, Role.DRAFTING_AGENT})
    opens = files and _opens(siege, by, filing)
    if target.rule.endpoint == "draft_people.ask":
        return files and not opens
    return opens or (filing.named_only and by.holds(Role.ORGANISATION_ADMINISTRATOR))


def _official(siege: Siege, by: Any, part: str, target: Target) -> bool:
    if part == "cases" or target.rule.endpoint in ("plans.new", "plans.ask"):
        return bool(by.roles & REVIEW) and target.owner is not None
    if part == "plans":
        return bool(by.roles & (REVIEW | {Role.PLAN_APPROVER})) or str(by.person_id) in target.about.readers
    if part == "reading":
        return False  # in the told case the grant has ended; in the other nothing is delivered
    if part in ENTER:
        return bool(by.roles & ENTER[part]) and (part in NOBODYS or target.owner is not None)
    assert part == "filed", part
    if target.rule.endpoint == "filed.incident":
        return _may_read(siege, by, f"incident:{target.about.id}")
    return target.about.of_record() and _may_read(siege, by, f"filing:{target.about.id}")


def _may_read(siege: Siege, by: Any, subject: str) -> bool:
    if by.roles & REVIEW:
        return True
    if by.roles & ENFORCEMENT:
        cases = {item.case_id for item in siege.rows(CaseItem) if item.subject == subject}
        opened = {v.case_id for v in siege.rows(AllegedViolation) if v.state in ("suggested", "alleged")}
        return bool(cases & opened)
    return False


def ask(siege: Siege, name: str, method: str, path: str) -> Any:
    return siege.client(name).get(path) if method == "GET" else siege.post(name, path)


@pytest.mark.timeout(900)  # every address, every role; the other tests need seconds
@pytest.mark.parametrize("zone", ["developer", "evaluator", "government"])
def test_what_is_not_yours_answers_as_what_does_not_exist(siege: Siege, zone: str) -> None:
    wrong: list[str] = []
    reached = set()
    every = list(targets(siege, zone))
    for name in [name for name, (of, _) in siege.personas.items() if of == zone]:
        siege.token(name)
        for target in _foreign(siege, name, every):
            for method in sorted({"GET", "POST"} & (target.rule.methods or set())):
                reached.add((target.rule.endpoint, method))
                wrong += _compare(siege, name, method, target)
    assert not wrong, "\n".join(wrong)
    assert reached, "no address was tried"


def _foreign(siege: Siege, name: str, every: list[Target]) -> list[Target]:
    """Some of each rule that are not that person's; one of each where the role may not even enter."""
    zone, by = siege.personas[name]
    enter, siege = siege.world.zones[zone].extensions["enter"], siege.still()
    foreign = [t for t in every if not theirs(siege, name, t)]
    inside = [t for t in foreign if by.roles & enter[t.rule.endpoint.partition(".")[0]]]
    return sampled(iter(foreign), 1) + sampled(iter(inside), 3)


def _noted(siege: Siege) -> int:
    with siege.world.wired.database.read() as session:
        return session.exec(select(func.count()).select_from(SecurityLogRow)).one()


def _see_everybody(siege: Siege) -> None:
    """A session's last sight is written once a minute, by statements of its own: not while we count."""
    with siege.world.wired.database.write() as session:
        session.execute(update(SignInSession).values(seen_at=datetime.now(UTC)))


def _compare(siege: Siege, name: str, method: str, target: Target) -> Iterator[str]:
    where = f"{name} {method} {target.path}"
    answers, counts, noted = [], [], []
    siege.token(name)  # the first page of a client sets its cookie and gives its token: not while we count
    for path in (target.twin, target.path):
        _see_everybody(siege)
        before = _noted(siege)
        with counted(siege) as statements:
            answers.append(ask(siege, name, method, path))
        counts.append(statements[0])
        noted.append(_noted(siege) - before)
    twin, found = answers
    if found.status_code != 404 or twin.status_code != 404:
        yield f"{where}: {found.status_code}, and {twin.status_code} for what does not exist"
    elif without_tokens(found.text) != without_tokens(twin.text):
        yield f"{where}: another page than for what does not exist"
    elif dict(found.headers) | {"Content-Length": ""} != dict(twin.headers) | {"Content-Length": ""}:
        yield f"{where}: other headers than for what does not exist"
    if noted != [1, 1]:
        yield f"{where}: {noted[1]} rows of the security log, {noted[0]} for what does not exist"
    if "reading." not in target.rule.endpoint and abs(counts[1] - counts[0]) > 1:
        yield f"{where}: {counts[1]} statements, {counts[0]} for what does not exist"


@pytest.mark.parametrize("name", ["weiss", "oskar", "mira", "ines", "ida", "dora"])
def test_what_is_yours_is_there(siege: Siege, name: str) -> None:
    """The other half: a matrix in which everything is refused would prove nothing."""
    zone, _ = siege.personas[name]
    mine = sampled((t for t in targets(siege, zone) if theirs(siege, name, t)), 2)
    pages = [t for t in mine if "GET" in (t.rule.methods or set())]
    found = {t.path: siege.client(name).get(t.path).status_code for t in pages}
    assert sum(status in (200, 303) for status in found.values()) >= len(found) // 3, found
    assert not [path for path, status in found.items() if status >= 500]


def test_no_case_shows_the_parts_of_another(siege: Siege) -> None:
    case, other = siege.second.case, next(c for c in siege.rows(Case) if c.decider_id)
    mixed = [
        t
        for t in targets(siege, "government")
        if t.owner is None and t.rule.endpoint.startswith("cases.") and f"/{case.reference}/" in t.path
    ]
    assert len({t.rule.endpoint for t in mixed}) >= 8, other
    for target in mixed:
        for method in sorted({"GET", "POST"} & (target.rule.methods or set())):
            assert not list(_compare(siege, "mira", method, target)), target.path
