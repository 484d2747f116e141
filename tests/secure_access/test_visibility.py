"""Each table of sights against a second table, written by hand: who sees which states of whose rows.

The rows lie in a database of their own without foreign keys: one for each state, ours and another's.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Enum, create_engine, insert
from sqlalchemy.pool import StaticPool

from docs.generate import visibilities
from evaluator.tables import Engagement
from portal import tables
from portal.enforcement.tables import NoticeKind
from portal.filing.tables import FilingPerson
from portal.filing.workflow import Part, PlaceState
from portal.review.tables import PlanApproval
from secure_access.actor import Actor, Agency, OrganisationKind
from secure_access.db import Session, Table, col, new_id, select
from secure_access.visibility import Visibility
from secure_access.workflow import NotFound, Role

NAMED = PlaceState.NAMED
OURS, OTHERS = new_id(), new_id()
"""Two organisations; the rows of each name it as their developer and as their evaluator."""

SUBMITTED = "submitted returned accepted withdrawn superseded"
REVIEWERS = (Role.CASE_OFFICER, Role.DECIDER)
ENFORCERS = (Role.ENFORCEMENT_OFFICER, Role.HEAD_OF_ENFORCEMENT)
OVERSEERS = (*REVIEWERS, Role.ACCREDITATION_OFFICER)

SEEN: dict[str, tuple[str, str, tuple[Role, ...], str]] = {
    # table: what a developer sees of its own, what an evaluator does, which officials see, and what
    "filing": ("draft in_certification " + SUBMITTED, "", REVIEWERS, SUBMITTED),
    "filing_person": ("", "", (), ""),
    "incident": ("reported updated resolved closed", "", REVIEWERS, "reported updated resolved closed"),
    "model_version": ("*", "", REVIEWERS, "*"),
    "review_case": ("", "", REVIEWERS, "*"),
    "information_request": ("served answered", "", REVIEWERS, "*"),
    "plan_request": (
        "approved accepted objected partly_delivered delivered",
        "",
        (*REVIEWERS, Role.PLAN_APPROVER),
        "*",
    ),
    "decision": ("decided", "", REVIEWERS, "*"),
    "access_notice": ("*", "", REVIEWERS, "*"),
    "flag": ("*", "", REVIEWERS, "*"),
    "engagement": ("", "*", OVERSEERS, "*"),
    "independent_assessment": ("", "*", OVERSEERS, "submitted"),
    "alleged_violation": ("", "", ENFORCERS, "*"),
    "worksheet": ("", "", ENFORCERS, "*"),
    "notice": ("sent", "", ENFORCERS, "*"),
}
"""``*`` is every state. People of drafts, withdrawn requests, ended plan requests and referrals have tests of
their own."""

OFFICIALS = [role for role in Role if not role.value.endswith("_agent")]


def actor(kind: OrganisationKind, *roles: Role, **more: Any) -> Actor:
    return Actor(new_id(), "Somebody", OURS, kind, "Ours", frozenset(roles), **more)


@pytest.fixture(scope="module")
def rows() -> Iterator[Session]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    tables.METADATA.create_all(engine)
    with Session(engine) as session:
        for one in visibilities():
            for owner in (OURS, OTHERS):
                for state in states_of(one.table):
                    put(session, one.table, owner, state=state)
        yield session
    engine.dispose()


def states_of(table: type[Table]) -> list[Any]:
    """Every state of a table; of one without states a single row."""
    column = tables.METADATA.tables[str(table.__tablename__)].columns.get("state")
    return [None] if column is None else list(column.type.enum_class)  # type: ignore[attr-defined]


def put(session: Session, table: type[Table], owner: uuid.UUID, **given: Any) -> uuid.UUID:
    """A row with something in each column that cannot be empty, owned by an organisation."""
    made: dict[str, Any] = {"id": new_id(), "developer_id": owner, "evaluator_id": owner} | given
    for column in tables.METADATA.tables[str(table.__tablename__)].columns:
        if column.name not in made and not column.nullable and column.name != "engagement_id":
            made[column.name] = something(column.type)
    if "engagement_id" in tables.METADATA.tables[str(table.__tablename__)].columns:
        made["engagement_id"] = put(session, Engagement, owner, state=states_of(Engagement)[0])
    target = tables.METADATA.tables[str(table.__tablename__)]
    session.connection().execute(
        insert(target).values({k: v for k, v in made.items() if k in target.columns and v is not None})
    )
    return made["id"]  # type: ignore[no-any-return]


def something(kind: Any) -> Any:
    """A value of the type, different each time where it can be."""
    if isinstance(kind, Enum):
        return next(iter(kind.enum_class or ()))
    values: dict[str, Any] = {
        "Uuid": new_id(),
        "AutoString": new_id().hex[:12],
        "Text": "",
        "Integer": 1,
        "BigInteger": 1,
        "Boolean": False,
        "Date": date(2027, 1, 1),
        "UtcInstant": datetime(2027, 1, 1, tzinfo=UTC),
        "JSON": {},
    }
    return values[type(kind).__name__]


def seen(session: Session, one: Visibility[Any], by: Actor) -> set[tuple[str, str]]:
    """``(whose, state)`` of the rows that are there for somebody."""
    whose = "evaluator_id" if hasattr(one.table, "evaluator_id") else "developer_id"
    has_state = hasattr(one.table, "state")
    query = select(one.table).where(one.to(by))
    return {
        ("ours" if getattr(row, whose) == OURS else "others", str(row.state) if has_state else "*")
        for row in session.exec(query)
    }


def expected(one: Visibility[Any], states: str) -> set[str]:
    return (
        {str(s) if s is not None else "*" for s in states_of(one.table)}
        if states == "*"
        else set(states.split())
    )


@pytest.mark.parametrize("one", visibilities(), ids=lambda one: str(one.table.__tablename__))
class TestEveryTable:
    def test_a_developer_and_an_evaluator_see_their_own_in_the_states_written_here(
        self, rows: Session, one: Visibility[Any]
    ) -> None:
        developer, evaluator, _, _ = SEEN[str(one.table.__tablename__)]
        for kind, states in (
            (OrganisationKind.DEVELOPER, developer),
            (OrganisationKind.EVALUATOR, evaluator),
        ):
            wanted = {("ours", state) for state in expected(one, states)}
            assert seen(rows, one, actor(kind, Role.PREPARER, Role.ASSESSOR)) == wanted, kind

    @pytest.mark.parametrize("role", OFFICIALS)
    def test_an_official_sees_by_role(self, rows: Session, one: Visibility[Any], role: Role) -> None:
        _, _, officials, states = SEEN[str(one.table.__tablename__)]
        found = seen(rows, one, actor(OrganisationKind.REGULATOR, role))
        wanted = {(whose, state) for state in expected(one, states) for whose in ("ours", "others")}
        assert found == (wanted if role in officials else set())

    def test_an_official_with_a_conflict_sees_nothing_of_that_developer(
        self, rows: Session, one: Visibility[Any]
    ) -> None:
        by = actor(OrganisationKind.REGULATOR, *OFFICIALS, conflicts=frozenset({OTHERS}))
        officials = SEEN[str(one.table.__tablename__)][2]
        assert {whose for whose, _ in seen(rows, one, by)} == ({"ours"} if officials else set())

    def test_a_role_of_the_authority_opens_nothing_in_another_organisation(
        self, rows: Session, one: Visibility[Any]
    ) -> None:
        by = actor(OrganisationKind.AGENT, *Role)
        assert seen(rows, one, by) == set()

    def test_a_row_that_is_not_there_is_not_found(self, rows: Session, one: Visibility[Any]) -> None:
        nobody = actor(OrganisationKind.AGENT)
        there = rows.exec(select(one.table.id)).first()
        for row_id in (there, new_id()):
            with pytest.raises(NotFound):
                one.find(rows, nobody, col(one.table.id) == row_id)


def test_every_table_of_sights_has_its_line_here() -> None:
    assert {str(one.table.__tablename__) for one in visibilities()} == set(SEEN)


def named(table: str) -> Visibility[Any]:
    return next(one for one in visibilities() if one.table.__tablename__ == table)


@pytest.mark.parametrize("state", ["draft", "in_certification", "submitted", "accepted"])
@pytest.mark.parametrize("part", ["prepares", "reads", ""])
def test_a_draft_of_named_people_is_there_for_those_alone_until_it_is_submitted(
    rows: Session, state: str, part: str
) -> None:
    one, by = named("filing"), actor(OrganisationKind.DEVELOPER, Role.PREPARER, Role.CERTIFYING_OFFICER)
    row = put(rows, one.table, OURS, state=of(one, state), named_only=True)
    if part:
        put(rows, FilingPerson, OURS, filing_id=row, person_id=by.person_id, part=Part(part), state=NAMED)
    colleague = actor(OrganisationKind.DEVELOPER, *Role)
    record = state in ("submitted", "accepted")
    assert finds(rows, one, row, by) is (bool(part) or record)
    assert finds(rows, one, row, colleague) is record
    assert (row in {found.id for found in rows.exec(select(one.table).where(one.to(by)))}) is (
        bool(part) or record
    )


@pytest.mark.parametrize("state", [state for state in PlaceState if state is not PlaceState.NAMED])
def test_only_a_place_that_stands_opens_a_draft_of_named_people(rows: Session, state: PlaceState) -> None:
    one, by = named("filing"), actor(OrganisationKind.DEVELOPER, Role.PREPARER)
    row = put(rows, one.table, OURS, state=of(one, "draft"), named_only=True)
    other = put(rows, one.table, OURS, state=of(one, "draft"), named_only=True)
    put(rows, FilingPerson, OURS, filing_id=row, person_id=by.person_id, part=Part.PREPARES, state=state)
    put(rows, FilingPerson, OURS, filing_id=other, person_id=by.person_id, part=Part.PREPARES, state=NAMED)
    assert not finds(rows, one, row, by)
    assert finds(rows, one, other, by)


def test_of_the_people_of_a_draft_see_those_who_are_among_them_and_administrators(rows: Session) -> None:
    one = named("filing_person")
    filing = put(rows, named("filing").table, OURS, state=of(named("filing"), "draft"), named_only=True)
    inside, asks = (actor(OrganisationKind.DEVELOPER, Role.PREPARER) for _ in range(2))
    theirs, asked = (
        put(rows, one.table, OURS, filing_id=filing, person_id=by.person_id, part=Part.PREPARES, state=state)
        for by, state in ((inside, NAMED), (asks, PlaceState.ASKED))
    )
    office = actor(OrganisationKind.DEVELOPER, Role.ORGANISATION_ADMINISTRATOR)
    stranger = actor(OrganisationKind.DEVELOPER, Role.PREPARER, Role.CERTIFYING_OFFICER)
    agency = Agency(new_id(), new_id(), "Counsel")
    agent = actor(OrganisationKind.DEVELOPER, Role.ORGANISATION_ADMINISTRATOR, agency=agency)
    for by, wanted in (
        (inside, (True, True)),
        (asks, (False, True)),
        (office, (True, True)),
        (stranger, (False, False)),
        (agent, (False, False)),
        (actor(OrganisationKind.REGULATOR, *OFFICIALS), (False, False)),
    ):
        assert (finds(rows, one, theirs, by), finds(rows, one, asked, by)) == wanted


@pytest.mark.parametrize(("served", "there"), [(None, False), (datetime(2027, 1, 2, tzinfo=UTC), True)])
def test_a_withdrawn_request_is_there_for_the_developer_if_it_was_served(
    rows: Session, served: datetime | None, there: bool
) -> None:
    one = named("information_request")
    row = put(rows, one.table, OURS, state=of(one, "withdrawn"), served_at=served)
    assert finds(rows, one, row, actor(OrganisationKind.DEVELOPER)) is there
    assert finds(rows, one, row, actor(OrganisationKind.REGULATOR, Role.CASE_OFFICER))


@pytest.mark.parametrize("approved", [False, True])
def test_an_ended_plan_request_is_there_for_the_developer_if_it_was_approved(
    rows: Session, approved: bool
) -> None:
    one = named("plan_request")
    row = put(rows, one.table, OURS, state=of(one, "ended"))
    other = put(rows, one.table, OURS, state=of(one, "ended"))
    put(rows, PlanApproval, OURS, plan_request_id=row if approved else other)
    assert finds(rows, one, row, actor(OrganisationKind.DEVELOPER)) is approved


def test_a_reader_sees_the_plan_request_that_names_them_and_no_other(rows: Session) -> None:
    one, reader = named("plan_request"), actor(OrganisationKind.REGULATOR, Role.PLAN_READER)
    row = put(rows, one.table, OURS, state=of(one, "delivered"), readers=[str(reader.person_id)])
    assert finds(rows, one, row, reader)
    assert not finds(rows, one, row, actor(OrganisationKind.REGULATOR, Role.PLAN_READER))
    assert [found.id for found in rows.exec(select(one.table).where(one.to(reader)))] == [row]


def test_an_agent_is_not_told_what_is_asked_of_the_security_plan(rows: Session) -> None:
    agency = Agency(new_id(), new_id(), "Counsel")
    agent = actor(OrganisationKind.DEVELOPER, Role.ANSWERING_AGENT, agency=agency)
    assert seen(rows, named("plan_request"), agent) == set()
    assert ("ours", "served") in seen(rows, named("information_request"), agent)


def test_a_referral_is_not_there_for_the_developer(rows: Session) -> None:
    one = named("notice")
    row = put(rows, one.table, OURS, state=of(one, "sent"), kind=NoticeKind.REFERRAL)
    assert not finds(rows, one, row, actor(OrganisationKind.DEVELOPER))


def of(one: Visibility[Any], state: str) -> Any:
    return next(s for s in states_of(one.table) if s == state)


def finds(session: Session, one: Visibility[Any], row_id: uuid.UUID, by: Actor) -> bool:
    try:
        return bool(one.find(session, by, col(one.table.id) == row_id).id == row_id)
    except NotFound:
        return False
