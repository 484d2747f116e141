"""Authority to sign, delegation, conflicts, legal entities and relations: and what breaks each rule."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from portal.filing import certification, incidents, publication, service
from portal.filing.tables import Filing, FilingKind
from portal.review import cases, plans, queue, requests
from portal.review.queue import View
from portal.review.tables import InformationRequest
from secure_access import identity, ledger
from secure_access.db import select
from secure_access.identity import (
    OrganisationKind,
    authority,
    conflicts,
    delegation,
    organisations,
    people_with,
    roles,
)
from secure_access.identity.authority import NewAuthority
from secure_access.identity.delegation import NewDelegation
from secure_access.identity.organisations import NewEntity, NewRelation
from secure_access.identity.tables import RelationKind
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import START, World
from tests.fixtures.filing import Developer
from tests.fixtures.people import House, house

TODAY = START.date()


@pytest.fixture
def author(firm: House) -> Developer:
    """The authors of the firm."""
    return Developer(
        firm.world, firm.organisation, firm.person(Role.PREPARER), firm.person(Role.CERTIFYING_OFFICER)
    )


def sign(author: Developer, filing: Filing, *, required: bool = False) -> Filing:
    now = author.world.clock.now()
    with author.world.wired.database.write() as session:
        row = session.get_one(Filing, filing.id)
        shown = publication.digest(certification.form_of(session, row))
        return certification.submit(
            session, filing=row, shown_digest=shown, by=author.officer, now=now, authority_required=required
        )


def sent(author: Developer) -> Filing:
    with author.world.wired.database.write() as session:
        return author.sent(session, FilingKind.TEST_SUMMARY)


def appointed(author: Developer, officer: Any = None, **given: Any) -> NewAuthority:
    who = officer or author.officer
    return NewAuthority(
        who.person_id,
        "chief risk officer",
        "Board",
        "Resolution",
        given.get("start", TODAY),
        given.get("end"),
    )


# Authority to sign


def test_without_any_authority_it_works_as_before_unless_one_is_demanded(author: Developer) -> None:
    filing = sent(author)
    with pytest.raises(Denied, match="You cannot sign because no authority to sign is recorded") as refused:
        sign(author, filing, required=True)
    assert "Ask Astrid First or Emil Second to record" in refused.value.fix
    assert sign(author, filing).reference


def test_an_authority_counts_on_its_days_and_until_it_is_revoked(firm: House, author: Developer) -> None:
    def record(**given: Any) -> Any:
        new = appointed(author, **given)
        return firm.act(authority.record, organisation_id=firm.organisation.id, new=new)

    filing = sent(author)
    record(start=TODAY + timedelta(days=1))
    with pytest.raises(Denied, match="begins on 2 June 2027"):
        sign(author, filing)
    firm.world.at(START + timedelta(minutes=1))
    record(start=TODAY - timedelta(days=9), end=TODAY - timedelta(days=1))
    with pytest.raises(Denied, match="ended on 31 May 2027"):
        sign(author, filing)
    firm.world.at(START + timedelta(minutes=2))
    row = record(end=TODAY)
    firm.act(authority.revoke, authority=row, reason="Another officer was appointed.")
    with pytest.raises(Denied, match="was revoked"):
        sign(author, filing)
    firm.world.at(START + timedelta(minutes=3))
    record(end=TODAY)
    assert sign(author, filing, required=True).reference


def test_another_officers_authority_is_not_mine(firm: House, author: Developer) -> None:
    other = firm.person(Role.CERTIFYING_OFFICER)
    firm.act(authority.record, organisation_id=firm.organisation.id, new=appointed(author, officer=other))
    with pytest.raises(Denied, match="no authority to sign is recorded for you"):
        sign(author, sent(author))


def test_who_may_record_and_revoke_an_authority(firm: House, office: House, author: Developer) -> None:
    new, where = appointed(author), {"organisation_id": firm.organisation.id}
    for stranger in (author.officer, office.first, house(firm.world, OrganisationKind.DEVELOPER).first):
        with pytest.raises(NotFound):
            firm.act(authority.record, new=new, by=stranger, **where)
    with pytest.raises(Denied, match="not a certifying officer"):
        firm.act(authority.record, new=appointed(author, officer=author.preparer), **where)
    firm.act(roles.give, person=firm.row(firm.first), role=Role.CERTIFYING_OFFICER, by=firm.second)
    with pytest.raises(Denied, match="your own authority"):
        firm.act(authority.record, new=appointed(author, officer=firm.first), **where)
    row = firm.act(authority.record, new=new, **where)
    with pytest.raises(NotFound):
        firm.act(authority.revoke, authority=row, reason="No.", by=office.first)
    with pytest.raises(Denied, match="reason is missing"):
        firm.act(authority.revoke, authority=row, reason=" ")


def test_an_authority_for_one_legal_entity_does_not_sign_for_another(firm: House, author: Developer) -> None:
    one, other = (author.entity(name) for name in ("Quillmark Ireland Ltd", "Quillmark Inc."))
    filing = sent(author)
    assert filing.entity_id is not None
    elsewhere = other.id if filing.entity_id == one.id else one.id

    def record(entity_id: uuid.UUID) -> Any:
        new = replace(appointed(author), entity_id=entity_id)
        return firm.act(authority.record, organisation_id=firm.organisation.id, new=new)

    record(elsewhere)
    with pytest.raises(Denied, match="your authority to sign is for another legal entity"):
        sign(author, filing)
    record(filing.entity_id)
    assert sign(author, filing, required=True).reference


def test_an_authority_for_anothers_legal_entity_is_not_recorded(firm: House, author: Developer) -> None:
    stranger = house(firm.world, OrganisationKind.DEVELOPER)
    officer = stranger.person(Role.CERTIFYING_OFFICER)
    where = {"organisation_id": stranger.organisation.id, "by": stranger.first}
    foreign = replace(appointed(author, officer=officer), entity_id=author.entity("Quillmark Inc.").id)
    with pytest.raises(NotFound):
        firm.act(authority.record, new=foreign, **where)
    assert firm.act(authority.record, new=replace(foreign, entity_id=None), **where).id


# Legal entities


def test_a_claimed_entity_lets_draft_and_not_submit_until_it_is_verified(firm: House, office: House) -> None:
    people = firm.person(Role.PREPARER), firm.person(Role.CERTIFYING_OFFICER)
    author = Developer(firm.world, firm.organisation, *people, bound=False)
    new = NewEntity("Quillmark Ireland Ltd", "Ireland", "123", ("eu-ai-act",), date(2026, 1, 1))
    entity = firm.act(organisations.claim, organisation=firm.organisation, new=new)
    filing = sent(author)
    with pytest.raises(Denied, match="has not verified yet"):
        sign(author, filing)
    with pytest.raises(Denied):
        firm.act(organisations.verify, entity=entity, evidence="Ourselves.")
    with pytest.raises(Denied, match="evidence is missing"):
        office.act(organisations.verify, entity=entity, evidence="")
    office.act(organisations.verify, entity=entity, evidence="Extract of the register.")
    assert sign(author, filing).reference


def test_only_its_own_administrators_claim_an_entity(firm: House, author: Developer) -> None:
    new = NewEntity("Another Inc.", "Delaware", "", (), TODAY)
    other = house(firm.world, OrganisationKind.DEVELOPER)
    for stranger in (author.preparer, other.first):
        with pytest.raises(NotFound):
            firm.act(organisations.claim, organisation=firm.organisation, new=new, by=stranger)


# Relations


def test_a_group_is_what_it_was_on_the_day(office: House) -> None:
    a, b, c = (office.world.organisation(OrganisationKind.DEVELOPER) for _ in range(3))
    parent = NewRelation(
        a.id, b.id, RelationKind.PARENT_OF, date(2026, 1, 1), "Annual report", date(2026, 12, 31)
    )
    merged = NewRelation(c.id, b.id, RelationKind.MERGED_INTO, date(2026, 6, 1), "Register")
    for new in (parent, merged):
        office.act(organisations.relate, new=new)

    def group(on: date) -> frozenset[Any]:
        found: frozenset[Any] = office.act(lambda session, **_: organisations.related(session, b.id, on=on))
        return found

    assert group(date(2025, 12, 31)) == {b.id}
    assert group(date(2026, 1, 1)) == {a.id, b.id}
    assert group(date(2026, 7, 1)) == {a.id, b.id, c.id}
    assert group(date(2027, 1, 1)) == {b.id, c.id}
    sister = office.world.organisation(OrganisationKind.DEVELOPER)
    affiliate = NewRelation(
        sister.id, b.id, RelationKind.AFFILIATE_OF, date(2028, 1, 1), "Filing", date(2028, 6, 30)
    )
    office.act(organisations.relate, new=affiliate)
    assert group(date(2028, 3, 1)) == {b.id, c.id, sister.id}
    assert group(date(2028, 7, 1)) == {b.id, c.id}
    with pytest.raises(Denied, match="own parent"):
        loop = NewRelation(b.id, a.id, RelationKind.PARENT_OF, date(2026, 2, 1), "Wrong")
        office.act(organisations.relate, new=loop)
    with pytest.raises(Denied, match="source is missing"):
        office.act(organisations.relate, new=NewRelation(a.id, c.id, RelationKind.PARENT_OF, TODAY, ""))


# Delegation


@pytest.fixture
def counsel(world: World) -> House:
    """An agent with two administrators."""
    return house(world, OrganisationKind.AGENT)


def delegate(firm: House, counsel: House, *scope: str) -> Any:
    new = NewDelegation(counsel.organisation.id, scope, TODAY, TODAY + timedelta(days=30))
    return firm.act(delegation.grant, new=new)


def acting(firm: House, by: Any, row: Any) -> Any:
    with firm.world.wired.database.read() as session:
        return delegation.acting(session, by.person_id, row.id, now=firm.world.clock.now())


def test_an_agent_acts_within_scope_and_every_entry_says_for_whom(
    firm: House, counsel: House, author: Developer
) -> None:
    lawyer = counsel.person(Role.AGENT)
    row = delegate(firm, counsel, "report_incidents")
    by = acting(firm, lawyer, row)
    assert (by.organisation_id, by.roles) == (firm.organisation.id, {Role.REPORTING_AGENT})
    with firm.world.wired.database.write() as session:
        first = incidents.FirstReport("Weights were copied.", aware_at=START)
        incident = incidents.report(session, first=first, by=by, now=START)
        with pytest.raises(Denied):
            service.start(session, kind=FilingKind.TEST_SUMMARY, version=None, by=by, now=START)
        entry = ledger.entries(session, about=f"incident:{incident.id}")[0]
    assert entry.content["by"]["person"] == str(lawyer.person_id)
    assert entry.content["by"]["organisation"] == str(firm.organisation.id)
    assert entry.content["by"]["agent"] == {
        "delegation": str(row.id),
        "organisation": str(counsel.organisation.id),
    }


def test_an_agent_never_signs(firm: House, counsel: House, author: Developer) -> None:
    by = acting(firm, counsel.person(Role.AGENT), delegate(firm, counsel, *delegation.SCOPE))
    filing = sent(author)
    with firm.world.wired.database.write() as session:
        row = session.get_one(Filing, filing.id)
        shown = publication.digest(certification.form_of(session, row))
        with pytest.raises(Denied, match="Only a certifying officer"):
            certification.submit(session, filing=row, shown_digest=shown, by=by, now=START)
    with pytest.raises(Denied, match="Nothing that can be delegated"):
        delegate(firm, counsel, "sign")


def test_a_delegation_ends_at_once_with_its_days_and_with_the_role(firm: House, counsel: House) -> None:
    lawyer = counsel.person(Role.AGENT)
    row = delegate(firm, counsel, "draft")
    client = firm.world.client("developer", lawyer)
    page = client.get("/for").text
    assert firm.organisation.name in page
    from tests.fixtures.app import form_of

    hidden = form_of(page)
    assert client.post("/for", data={**hidden, "delegation": str(row.id)}).status_code == 303
    assert client.get("/filings").status_code == 200
    assert client.get("/incidents").status_code == 404
    assert client.get("/decisions").status_code == 404
    firm.act(delegation.revoke, delegation=row, reason="Mandate ended.")
    assert client.get("/filings").status_code == 404
    assert acting(firm, lawyer, row).agency is None

    again = delegate(firm, counsel, "draft")
    assert acting(firm, lawyer, again).agency is not None
    firm.world.at(START + timedelta(days=31))
    assert acting(firm, lawyer, again).agency is None
    firm.world.at(START)
    counsel.act(roles.take, person=counsel.row(lawyer), role=Role.AGENT)
    assert acting(firm, lawyer, again).agency is None


def test_nobody_else_delegates_or_revokes_and_no_other_agent_profits(
    firm: House, counsel: House, office: House, author: Developer
) -> None:
    new = NewDelegation(counsel.organisation.id, ("draft",), TODAY, TODAY)
    for stranger in (author.officer, counsel.first):
        with pytest.raises(NotFound):
            firm.act(delegation.grant, new=new, by=stranger)
    row = delegate(firm, counsel, "draft")
    for stranger in (author.officer, counsel.first, office.first):
        with pytest.raises(NotFound):
            firm.act(delegation.revoke, delegation=row, reason="Not mine.", by=stranger)
    with pytest.raises(Denied, match="reason is missing"):
        firm.act(delegation.revoke, delegation=row, reason=" ", by=firm.second)
    other = house(firm.world, OrganisationKind.AGENT)
    assert acting(firm, other.person(Role.AGENT), row).agency is None
    assert acting(firm, counsel.first, row).agency is None  # an administrator who is no agent
    with firm.world.wired.database.read() as session, pytest.raises(NotFound):
        delegation.load(session, row.id, by=other.first)


# Conflicts


def submitted(author: Developer) -> Any:
    with author.world.wired.database.write() as session:
        filing = author.submitted(session)
        incident = author.incident(session)
    author.world.run_jobs()
    with author.world.wired.database.read() as session:
        return cases.case_of(session, f"filing:{filing.id}"), filing, incident


def declared(office: House, by: Any, author: Developer) -> Any:
    return office.act(
        conflicts.declare,
        person_id=by.person_id,
        developer_id=author.organisation.id,
        reason="Shares.",
        by=by,
    )


def test_what_a_conflicted_reviewer_may_not_read_is_not_there(
    office: House, author: Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PAGE", 100_000)  # or the case may be absent for standing on a later page
    case, filing, incident = submitted(author)
    by = office.person(Role.CASE_OFFICER)
    client = office.world.client("government", by)
    addresses = [
        f"/cases/{case.reference}",
        f"/filings/{filing.reference}",
        f"/incidents/{incident.reference}",
    ]
    assert [client.get(path).status_code for path in addresses] == [200, 200, 200]
    assert case.reference in client.get("/cases?view=all").text
    recusal = declared(office, by, author)
    assert [client.get(path).status_code for path in addresses] == [404, 404, 404]
    assert case.reference not in client.get("/cases?view=all").text
    fresh = office.now(by)
    with office.world.wired.database.read() as session:
        shown = queue.page(session, view=View.ALL, number=1, by=fresh, now=START)
        assert case.id not in {facts.case.id for facts in shown.rows}
        for load in (cases.load, service.load, incidents.load):
            key = {cases.load: case, service.load: filing, incidents.load: incident}[load].reference
            with pytest.raises(NotFound):
                load(session, key, by=fresh)
    with pytest.raises(Denied):
        office.act(conflicts.end, recusal=recusal, reason="Sold.", by=by)
    office.act(conflicts.end, recusal=recusal, reason="The shares were sold.")
    assert [client.get(path).status_code for path in addresses] == [200, 200, 200]


def test_a_conflicted_official_is_named_in_nothing(office: House, author: Developer) -> None:
    case, _, _ = submitted(author)
    officer, decider = office.person(Role.CASE_OFFICER), office.person(Role.DECIDER)
    reader, approver = office.person(Role.PLAN_READER), office.person(Role.PLAN_APPROVER)
    for by in (officer, decider, reader, approver):
        declared(office, by, author)
    honest = office.person(Role.CASE_OFFICER)
    with pytest.raises(Denied, match="has a conflict with this developer, recorded on 1 June 2027"):
        office.act(cases.take, case=case, by=officer)
    office.act(cases.take, case=case, by=honest)
    with pytest.raises(Denied, match="has a conflict"):
        office.act(cases.name_decider, case=case, decider_id=decider.person_id, by=honest)
    with office.world.wired.database.read() as session:
        offered = {p.id for p in people_with(session, Role.DECIDER, developer_id=author.organisation.id)}
        readers = {p.id for p in plans.readers_known(session, author.organisation.id)}
    assert decider.person_id not in offered
    assert reader.person_id not in readers


def test_an_administrator_gives_a_conflict_and_others_only_their_own(
    office: House, author: Developer
) -> None:
    by, colleague = office.person(Role.CASE_OFFICER), office.person(Role.CASE_OFFICER)
    given = {"developer_id": author.organisation.id, "reason": "Married to its counsel."}
    with pytest.raises(NotFound):
        office.act(conflicts.declare, person_id=colleague.person_id, by=by, **given)
    with pytest.raises(NotFound):
        office.act(conflicts.declare, person_id=author.officer.person_id, by=author.officer, **given)
    office.act(conflicts.declare, person_id=colleague.person_id, **given)
    assert office.now(colleague).conflicts == {author.organisation.id}
    with pytest.raises(Denied, match="stands already"):
        office.act(conflicts.declare, person_id=colleague.person_id, **given)


# Delegation of answers


def test_requests_are_answered_by_whom_it_is_delegated_to(
    firm: House, counsel: House, office: House, author: Developer
) -> None:
    case, _, _ = submitted(author)
    officer = office.person(Role.CASE_OFFICER)
    office.act(cases.take, case=case, by=officer)
    asked = office.act(
        requests.serve,
        case=case,
        questions=requests.Questions("EU AI Act Art. 91", "Purpose.", ["How many?"]),
        by=officer,
    )
    client = firm.world.client("developer", counsel.person(Role.AGENT))
    assert client.get(f"/requests/{asked.reference}").status_code == 404
    with firm.world.wired.database.read() as session:
        assert session.exec(select(InformationRequest.id).where(InformationRequest.id == asked.id)).one()
    by = acting(firm, counsel.person(Role.AGENT), delegate(firm, counsel, "answer_requests"))
    with firm.world.wired.database.read() as session:
        assert requests.load(session, asked.reference, by=by).id == asked.id
    assert identity.Agency.__name__ in repr(by)
