"""An official with a conflict finds nothing of that developer: no page names it or its matters."""

from __future__ import annotations

import re
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from flask.testing import FlaskClient

from evaluator.tables import Engagement, IndependentAssessment
from infra.seed.people import AUTHORITY, QUILLMARK, TESSALY
from portal.enforcement import priors
from portal.enforcement.tables import AllegedViolation, Notice, PriorViolation, Worksheet
from portal.filing.registry import Model
from portal.filing.tables import Filing, Incident
from portal.law import statute
from portal.legal import drafting, versions
from portal.review.tables import Case, Decision, InformationRequest, PlanRequest
from secure_access import identity
from secure_access.db import select
from secure_access.identity import Actor, NewPerson, conflicts
from secure_access.workflow import Role
from tests.attack.conftest import Siege

OFFICIAL = (
    *(Role.CASE_OFFICER, Role.DECIDER, Role.PLAN_APPROVER, Role.PLAN_READER, Role.ACCREDITATION_OFFICER),
    *(Role.ENFORCEMENT_OFFICER, Role.HEAD_OF_ENFORCEMENT, Role.LEGAL_OFFICER),
)
"""Every role of the authority but administrator: who administers conflicts has to see with whom they are."""

OWN = ("/conflicts", "/account")
"""Where somebody declares a conflict, and reads which are declared: they name developers, for that is what is
declared."""

THEIRS = (
    *(Case, Filing, Incident, InformationRequest, PlanRequest, Decision, Engagement),
    *(AllegedViolation, Worksheet, Notice),
)
"""Tables of matters that have a reference and a developer."""


OF_A_KIND = 3
"""Pages of one kind that are read; a fourth is drawn by the same lines."""


def kind(address: str) -> str:
    """The address without what differs between pages of one kind."""
    return re.sub(r"[A-Z]{1,3}-\d{4}-\d+|[0-9a-f-]{36}|(?<=/)\d+", "*", address)


def pages(client: FlaskClient) -> Iterator[tuple[str, str]]:
    """Address and text of pages of every kind of the zone that links lead to."""
    waiting, seen, read = deque(["/"]), {"/"}, Counter[str]()
    while waiting:
        address = waiting.popleft()
        read[kind(address)] += 1
        if read[kind(address)] > OF_A_KIND:
            continue
        answer = client.get(address, follow_redirects=True)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        written = answer.mimetype.startswith("text/") or answer.mimetype.endswith("json")
        yield address, answer.text if written else ""
        if answer.mimetype != "text/html":
            continue
        for link in re.findall(r'href="(/[^"#]*)', answer.text):
            if link not in seen and not link.startswith("/static/"):
                seen.add(link)
                waiting.append(link.replace("&amp;", "&"))
        assert len(seen) < 900, f"links without end, the last on {address}"


def words_of(siege: Siege, name: str) -> set[str]:
    """What may not be read of a developer: its name and the names and references of all that is its own."""
    developer = siege.cast.organisations[name].id
    found = {name, name.partition(" ")[0]}
    others = [row.name for row in siege.rows(Model) if row.developer_id != developer]
    own = {row.name for row in siege.rows(Model) if row.developer_id == developer}
    found |= {name for name in own if not any(name in other for other in others)}
    for table in THEIRS:
        found |= {row.reference for row in siege.rows(table) if row.developer_id == developer}
    engagements = {row.id for row in siege.rows(Engagement) if row.developer_id == developer}
    assessments = (row for row in siege.rows(IndependentAssessment) if row.engagement_id in engagements)
    return {word for word in (*found, *(row.reference for row in assessments)) if word}


def leaks(siege: Siege, by: Actor, name: str) -> dict[str, set[str]]:
    """The pages on which words of that developer stand, with the words."""
    forbidden = words_of(siege, name)
    read = pages(siege.world.client("government", by))
    told = {address: {word for word in forbidden if word in text} for address, text in read}
    return {address: words for address, words in told.items() if words and not address.startswith(OWN)}


@pytest.fixture(scope="module")
def busy(copy_of: Callable[[], Siege]) -> Siege:
    """The told case, with an earlier penalty that fell and a draft of the office's law that touches cases."""
    siege = copy_of()
    database, now, cast = siege.world.wired.database, siege.world.clock.now(), siege.cast
    with database.write() as session:
        row = session.exec(select(PriorViolation)).first()
        assert row is not None
        found = priors.load(session, row.id, by=cast["ines"], for_update=True)
        fell = priors.Changed("set_aside", "Court of Appeals, 30 September 2027, No. 7.")
        priors.change(session, found, fell, by=cast["ines"], now=now)
        draft = versions.draft(
            session, pack=statute.OFFICE, live_from=date(2027, 12, 1), why="Rules.", by=cast["salma"], now=now
        )
        other = drafting.NewReading("penalty.factors", "multiplied", "The board", date(2027, 9, 9), "Why.")
        versions.amend(
            session,
            row=draft,
            edit=lambda text: drafting.with_reading(text, other),
            by=cast["salma"],
            now=now,
        )
    return siege


def official(siege: Siege, *developers: str) -> Actor:
    """Somebody who has every role that reads cases, and a conflict with these developers."""
    now = siege.world.clock.now()
    new = NewPerson(f"{uuid.uuid4().hex[:12]}@authority.example", "Olga Brandt", frozenset(OFFICIAL))
    with siege.world.wired.database.write() as session:
        office = siege.cast.organisations[AUTHORITY]
        person = identity.add_person(session, organisation=office, new=new, password_hash="cheap$x", now=now)
        by = identity.actor(session, person.id)
        for name in developers:
            conflicts.declare(
                session,
                person_id=by.person_id,
                developer_id=siege.cast.organisations[name].id,
                reason="Owns shares.",
                by=by,
                now=now,
            )
    return by


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [QUILLMARK, TESSALY])
def test_no_page_names_the_developer_with_whom_an_official_has_a_conflict(busy: Siege, name: str) -> None:
    found = leaks(busy, official(busy, name), name)
    assert not found, "\n".join(f"{address}: {sorted(words)}" for address, words in found.items())


@pytest.mark.timeout(300)
def test_the_same_pages_name_it_to_an_official_without_one(busy: Siege) -> None:
    found = leaks(busy, official(busy), QUILLMARK)
    kinds = {kind(address) for address in found}
    wanted = {"/", "/cases?view=all", "/plans", "/penalties/", "/penalties/priors/*", "/statutes/*"}
    assert wanted <= kinds, f"not looked at: {sorted(wanted - kinds)} of {sorted(kinds)}"
