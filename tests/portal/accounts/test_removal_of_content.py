"""Two administrators remove the content of an entry by page; case, receipt and audit say so."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from portal.filing import certification, service
from portal.review import cases
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.identity.tables import ProposedAct
from secure_access.ledger import audit
from secure_access.ledger.tables import LedgerEntry
from secure_access.workflow import Role
from tests.fixtures.app import form_of
from tests.fixtures.filing import Developer
from tests.fixtures.people import House, house


@pytest.fixture
def submitted(developer: Developer) -> tuple[Developer, Any, LedgerEntry]:
    """A filing that came in, and its entry, which has a place in the log."""
    made, world = developer, developer.world
    with world.wired.database.write() as session:
        draft = made.draft(session)
        made.attach(session, draft, "drills.csv", b"a,b\n1,2\n")
    world.run_jobs()
    with world.wired.database.write() as session:
        row = service.load(session, draft.id, by=made.preparer, for_update=True)
        certification.send(
            session, filing=row, certifier_id=made.officer.person_id, by=made.preparer, now=world.clock.now()
        )
        made.sign(session, row)
    world.run_jobs()
    with world.wired.database.read() as session:
        filing = service.load(session, draft.id, by=made.preparer)
        return made, filing, certification.entry_of(session, filing)


def propose(office: House, entry: LedgerEntry | None = None, by: Any = None, **changes: str) -> Any:
    client = office.world.client("government", by or office.first)
    page = client.get("/administration/acts/remove")
    if page.status_code != 200:
        return page
    data = {
        "entry": str(entry.id if entry else changes.pop("identifier")),
        "basis": "retention_ended",
        "reason": "Kept for 10 years.",
    }
    return client.post("/administration/acts/remove", data={**form_of(page.text), **data, **changes})


def approve(office: House, row: ProposedAct, by: Any) -> Any:
    client = office.world.client("government", by)
    path = f"/administration/acts/{row.id}"
    page = client.get(path)
    if f"{path}/approve" not in page.text:
        return page
    return client.post(f"{path}/approve", data=form_of(page.text, f"{path}/approve"))


def test_two_administrators_remove_it_and_every_page_says_so(
    submitted: tuple[Developer, Any, LedgerEntry],
) -> None:
    made, draft, entry = submitted
    office = house(made.world, OrganisationKind.REGULATOR)
    database = made.world.wired.database
    answer = propose(office, entry)
    assert answer.status_code == 303, answer.text
    with database.read() as session:
        (row,) = [row for row in session.exec(select(ProposedAct)) if str(entry.id) in row.content]
    alone = approve(office, row, office.first)
    assert "You proposed this act, so another administrator has to approve it" in alone.text
    with database.read() as session:
        assert session.get_one(LedgerEntry, entry.number).entry == entry.entry
    shown = office.world.client("government", office.second).get(f"/administration/acts/{row.id}").text
    assert "filing.submitted of" in shown
    assert "on the basis of the end of its retention class" in shown
    assert approve(office, row, office.second).status_code == 303
    with database.read() as session:
        assert session.get_one(LedgerEntry, entry.number).entry == b""
        case = cases.case_of(session, f"filing:{draft.id}")
        assert case is not None

    officer = made.world.client("government", made.world.person(office.organisation, Role.CASE_OFFICER))
    history = " ".join(officer.get(f"/cases/{case.reference}/history").text.split())
    assert "content removed on 1 Jun 2027 under the end of its retention class" in history
    assert "Content of an entry removed" in history
    one = officer.get(f"/cases/{case.reference}/history/{entry.number}")
    assert one.status_code == 200
    assert "Two administrators had its content removed" in one.text
    receipt = made.world.client("developer", made.officer).get(f"/filings/{draft.reference}/receipt.json")
    assert receipt.status_code in (403, 409, 422)
    assert "was removed on 1 June 2027" in receipt.text
    made.world.run_jobs()
    report = audit.run_verify(database, audit.verifier_keys(made.world.wired.log_keys))
    assert report.removed == 1
    mine = [problem for problem in report.problems if problem.row == str(draft.id)]
    assert not mine, mine
    assert "removed already" in propose(office, entry).text


def test_who_is_no_administrator_proposes_nothing(submitted: tuple[Developer, Any, LedgerEntry]) -> None:
    made, _, entry = submitted
    office = house(made.world, OrganisationKind.REGULATOR)
    officer = made.world.person(office.organisation, Role.CASE_OFFICER)
    assert propose(office, entry, by=officer).status_code in (403, 404)


def test_a_form_that_names_no_entry_is_refused_in_words(office: House) -> None:
    for identifier, words in (
        ("", "Give the identifier of the entry"),
        ("x", "This is no identifier of an entry"),
        (str(uuid.uuid4()), "There is no entry with this identifier"),
    ):
        answer = propose(office, identifier=identifier)
        assert answer.status_code == 422, identifier
        assert words in answer.text
    answer = propose(office, identifier=str(uuid.uuid4()), basis="because")
    assert answer.status_code == 422
