"""What officials hold when they leave: it stops the end of the account until a colleague settles it."""

from __future__ import annotations

from datetime import date

import pytest

from portal.enforcement import adoptions, worksheets
from portal.enforcement.adoptions import Proposal
from portal.legal import versions
from portal.review import plans
from secure_access.identity import Actor, Person, leaving, proposals
from secure_access.identity.proposals import NewProposal
from secure_access.workflow import Denied, Role
from tests.fixtures.app import World
from tests.fixtures.enforcement import Bench
from tests.fixtures.legal import Chamber
from tests.fixtures.people import House


def held(world: World, by: Actor) -> dict[str, str]:
    """What somebody holds, by its key, with who must see to it."""
    with world.wired.database.read() as session:
        person = session.get_one(Person, by.person_id)
        return {one.key: one.who for one in leaving.held(session, person)}


def test_a_worksheet_stays_with_its_writer_until_a_colleague_takes_the_next_step(sqlite_bench: Bench) -> None:
    bench, world = sqlite_bench, sqlite_bench.world
    row = bench.drafted()
    key = f"worksheet:{row.reference}"
    assert "prepares it" in held(world, bench.officer)[key]
    bench.prepared(row, by=bench.other_head)
    assert held(world, bench.officer) == {}, "the colleague who prepared it holds it now"
    assert "approves it or sends it back" in held(world, bench.other_head)[key]
    bench.step(row, worksheets.send_back, bench.head, reason="Line 2.")
    assert "changes it" in held(world, bench.other_head)[key]


def test_an_approved_worksheet_is_held_by_nobody(sqlite_bench: Bench) -> None:
    sqlite_bench.approved()
    assert held(sqlite_bench.world, sqlite_bench.officer) == {}


def test_a_proposed_method_stays_with_who_proposed_it_until_it_is_settled(sqlite_bench: Bench) -> None:
    world, now = sqlite_bench.world, sqlite_bench.now
    stated = Proposal("eu-ai-act", "share-of-maximum", date(2028, 3, 1), "The share follows practice.")
    with world.wired.database.write() as session:
        row = adoptions.propose(session, stated, by=sqlite_bench.head, now=now)
        reference = row.reference
    assert "adopts it or withdraws it" in held(world, sqlite_bench.head)[f"method:{reference}"]
    with world.wired.database.write() as session:
        row = adoptions.load(session, reference, by=sqlite_bench.other_head, for_update=True)
        adoptions.withdraw(session, row, reason="Not now.", by=sqlite_bench.other_head, now=now)
    assert held(world, sqlite_bench.head) == {}


def test_a_plan_request_stays_with_who_asked_until_it_is_approved(sqlite_bench: Bench) -> None:
    desk = sqlite_bench.desk
    request = desk.plan_requested(desk.case())
    key = f"plan_requester:{request.id}"
    assert "withdraws it and asks anew" in held(desk.world, desk.officer)[key]
    with desk.world.wired.database.write() as session:
        row = plans.load(session, request.reference, by=desk.approver, for_update=True)
        plans.approve(session, request=row, by=desk.approver, now=desk.now)
    assert key not in held(desk.world, desk.officer)


def test_a_draft_of_the_law_stays_with_who_drafted_it_until_it_is_settled(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.drafted()
    key = f"law:{row.reference}"
    assert "approves it or withdraws it" in held(chamber.world, chamber.drafter)[key]
    chamber.on(row, versions.withdraw, reason="Not passed.", by=chamber.approver)
    assert key not in held(chamber.world, chamber.drafter)


def test_a_proposal_stops_the_end_of_an_account_until_another_settles_it(office: House) -> None:
    leaver = office.person(Role.ADMINISTRATOR)
    about = office.person(Role.CASE_OFFICER)
    content = proposals.role_content(office.row(about), Role.DECIDER)
    new = NewProposal(proposals.GIVE_ROLE, content, "Needed.", about.person_id)
    row = office.act(proposals.propose, new=new, by=leaver)
    assert list(held(office.world, leaver)) == [f"proposal:{row.id}"]
    with pytest.raises(Denied, match="still holds 1 thing, the first: proposal that waits"):
        office.act(leaving.end_account, person=office.row(leaver))
    office.act(proposals.refuse, proposal=row)
    office.act(leaving.end_account, person=office.row(leaver))
    assert office.row(leaver).ended_at is not None
