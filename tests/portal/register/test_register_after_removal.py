"""What is removed from the ledger does not make the register say that something differs."""

from __future__ import annotations

from secure_access import ledger
from secure_access.identity import OrganisationKind, proposals
from secure_access.ledger import removal
from tests.fixtures.people import house
from tests.fixtures.review import Desk


def test_a_record_stays_proved_when_another_entry_about_it_is_removed(fresh_desk: Desk) -> None:
    """Nor where it was recorded after the one that names the record, and is met first."""
    made = fresh_desk.decided(fresh_desk.under_review())
    world = fresh_desk.world
    world.run_jobs()
    world.run_jobs()
    public = world.client("public")
    page = f"/register/decisions/{made.reference}"
    before = " ".join(public.get(page).text.split())
    with world.wired.database.read() as session:
        told = ledger.entries(session, about=f"decision:{made.id}")
        entry = next(one for one in told if one.type == "copy.written")
    office = house(world, OrganisationKind.REGULATOR)
    content = removal.content(entry, "retention_ended")
    new = proposals.NewProposal(proposals.REMOVE, content, "Its time is over.")
    act = office.act(proposals.propose, new=new)
    terms = office.terms
    office.act(proposals.approve, proposal=act, shown_digest=act.digest, terms=terms, by=office.second)
    with world.wired.database.read() as session:
        assert session.get_one(ledger.LedgerEntry, entry.number).entry == b""
    world.run_jobs()
    after = " ".join(public.get(page).text.split())
    for shown in (before, after):
        assert "Do not rely on this page" not in shown
        assert "differs" not in shown
