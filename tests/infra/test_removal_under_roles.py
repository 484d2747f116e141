"""Content is removed by the government's role, and by no other, on PostgreSQL under roles."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from secure_access.db import Acting, Database, select
from secure_access.identity import OrganisationKind
from secure_access.identity.tables import ProposedAct
from secure_access.ledger.tables import LedgerEntry
from tests.fixtures.app import World
from tests.fixtures.people import house
from tests.fixtures.roles import address
from tests.portal.accounts.test_removal_of_content import approve, propose


def entry_with_a_place(world: World) -> LedgerEntry:
    """One that only its parties may see."""
    house(world, OrganisationKind.REGULATOR)
    world.run_jobs()
    with world.wired.database.read() as session:
        query = select(LedgerEntry).where(
            LedgerEntry.type == "organisation.registered", LedgerEntry.audience == "parties"
        )
        return next(row for row in session.exec(query) if row.leaf_index is not None and row.entry)


def test_two_administrators_remove_content_in_their_role(ruled_world: World) -> None:
    office = house(ruled_world, OrganisationKind.REGULATOR)
    entry = entry_with_a_place(ruled_world)
    answer = propose(office, entry)
    assert answer.status_code == 303, answer.text
    with ruled_world.wired.database.read() as session:
        (row,) = [row for row in session.exec(select(ProposedAct)) if str(entry.id) in row.content]
    assert approve(office, row, office.second).status_code == 303
    with ruled_world.wired.database.read() as session:
        assert session.get_one(LedgerEntry, entry.number).entry == b""


@pytest.mark.parametrize("role", ["public", "developer", "evaluator", "worker", "sequencer", "verifier"])
def test_no_other_role_does(ruled_world: World, role: str) -> None:
    entry = entry_with_a_place(ruled_world)
    database = Database(address(ruled_world.wired.database.url, role))
    database.acting = lambda: Acting(role)
    statement = (
        f"UPDATE ledger_entry SET entry = '', salt = '', record_salt = '' WHERE number = {entry.number}"
    )
    try:
        with pytest.raises(DBAPIError, match="permission denied"), database.engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        database.dispose()
