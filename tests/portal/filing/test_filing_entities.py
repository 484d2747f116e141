"""By which legal entity a developer files: the choice, what is signed, what it counts for, each refusal."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest

from portal.filing import certification, duties, duty_events, entities, publication, registration, service
from portal.filing.tables import Filing, FilingKind
from secure_access.identity import organisations
from secure_access.identity.tables import LegalEntity
from secure_access.ledger import canonical
from secure_access.workflow import Denied, NotFound
from tests.fixtures.filing import made, page, post

EU, CALIFORNIA, NEW_YORK = "eu-ai-act", "ca-tfaia", "ny-raise"
DAY = timedelta(days=1)


@pytest.fixture
def dev(developer):
    return developer


@pytest.fixture
def pair(dev):
    """A developer with one entity for the European law and one for the American ones."""
    return several(dev)


@pytest.fixture
def sqlite_pair(sqlite_developer):
    return several(sqlite_developer)


def several(dev):
    """Ends the entity that the factory made, so that exactly two are left."""
    without(dev)
    dev.irish = dev.entity("Quillmark Ireland Ltd", (EU,))
    dev.american = dev.entity("Quillmark PBC", (CALIFORNIA, NEW_YORK))
    return dev


def without(dev):
    """Ends every entity of the developer, as of yesterday."""
    registrar, now = dev.registrar(), dev.world.clock.now()
    with dev.world.wired.database.write() as session:
        for row in organisations.entities(session, dev.organisation.id):
            organisations.end(session, entity=row, until_on=now.date() - DAY, by=registrar, now=now)


def covered(dev, session):
    """A version that every law covers."""
    dev.figures(session)
    version = dev.version(session, compute={"training_flop": "3.8e26"})
    now = dev.world.clock.now()
    registration.assess_coverage(session, version=version, by=dev.preparer, now=now)
    return version


def named(dev, session, filing, entity):
    now = dev.world.clock.now()
    entities.choose(session, filing=filing, entity_id=entity.id, by=dev.preparer, now=now)


def sent(dev, session, entity, kind=FilingKind.RISK_REPORT):
    filing = dev.draft(session, kind)
    named(dev, session, filing, entity)
    now = dev.world.clock.now()
    certification.send(session, filing=filing, certifier_id=dev.officer.person_id, by=dev.preparer, now=now)
    return filing


def status(session, dev, duty, regime):
    found = duties.owed(session, dev.organisation.id, now=dev.world.clock.now())
    return [one.status for one in found if (one.duty, one.regime) == (duty, regime)]


# The choice


def test_the_only_entity_is_filled_in_and_of_several_one_is_chosen(dev):
    with dev.world.wired.database.write() as session:
        now, kind = dev.world.clock.now(), FilingKind.TEST_SUMMARY
        (only,) = organisations.entities(session, dev.organisation.id)
        first = service.start(session, kind=kind, version=None, by=dev.preparer, now=now)
        assert first.entity_id == only.id
    dev.entity("Quillmark Ireland Ltd", (EU,))
    with dev.world.wired.database.write() as session:
        second = service.start(session, kind=kind, version=None, by=dev.preparer, now=now)
        assert second.entity_id is None
        found = {check.code: check for check in service.checks_of(session, second, now=now)}
        assert found["EN-01"].open
        officer = dev.officer.person_id
        dev.answer(session, second)
        with pytest.raises(Denied, match="No legal entity is named"):
            certification.send(session, filing=second, certifier_id=officer, by=dev.preparer, now=now)
        named(dev, session, second, only)
        certification.send(session, filing=second, certifier_id=officer, by=dev.preparer, now=now)


def test_who_names_the_entity_has_written_in_the_draft(pair):
    with pair.world.wired.database.write() as session:
        filing = pair.draft(session, complete=False)
        filing.authors = []
        named(pair, session, filing, pair.american)
        assert filing.authors == [str(pair.preparer.person_id)]
        filing.authors = []
        named(pair, session, filing, pair.american)
        assert filing.authors == []


def test_in_certification_the_entity_stays_as_it_is(pair):
    with pair.world.wired.database.write() as session:
        filing = sent(pair, session, pair.irish)
        with pytest.raises(Denied):
            named(pair, session, filing, pair.american)


def test_another_developers_entity_is_not_there(dev, developer_of):
    other = developer_of(dev.world)
    with dev.world.wired.database.write() as session:
        (foreign,) = organisations.entities(session, other.organisation.id)
        filing = dev.draft(session)
        before = filing.entity_id
        for entity_id in (foreign.id, uuid.uuid4()):
            with pytest.raises(NotFound):
                entities.choose(
                    session, filing=filing, entity_id=entity_id, by=dev.preparer, now=dev.world.clock.now()
                )
        assert filing.entity_id == before
        # Even where a row names it already, nothing is signed for it.
        filing = dev.sent(session)
        filing.entity_id = foreign.id
        with pytest.raises(NotFound):
            dev.sign(session, filing)


def test_refused_and_past_entities_are_not_offered_and_not_taken(dev):
    refused = dev.entity("Never Ours Ltd", verified=False)
    registrar, now = dev.registrar(), dev.world.clock.now()
    with dev.world.wired.database.write() as session:
        row = session.get_one(LegalEntity, refused.id)
        organisations.refuse(session, entity=row, why="Another group owns it.", by=registrar, now=now)
        offered = entities.choices(session, dev.organisation.id, on=now.date())
        assert [name for _, name in offered if "Never Ours" in name] == []
        filing = dev.draft(session)
        with pytest.raises(Denied, match="the authority refused the claim"):
            named(dev, session, filing, row)


# Signing


def test_an_entity_is_drafted_for_before_it_is_verified_and_signed_for_after(dev):
    claimed = dev.entity("Quillmark Ireland Ltd", verified=False)
    registrar = dev.registrar()
    with dev.world.wired.database.write() as session:
        filing = sent(dev, session, claimed)
        with pytest.raises(Denied, match="has not verified yet that it is yours") as said:
            dev.sign(session, filing)
        assert dev.organisation.name in said.value.fix
        assert "Recall the draft, choose" in said.value.fix
        assert filing.reference is None
        row = session.get_one(LegalEntity, claimed.id)
        organisations.verify(
            session, entity=row, evidence="Extract.", by=registrar, now=dev.world.clock.now()
        )
        assert dev.sign(session, filing).reference


def test_an_entity_that_ended_between_draft_and_signature_files_nothing(pair):
    registrar = pair.registrar()
    today = pair.world.clock.now().date()
    with pair.world.wired.database.write() as session:
        filing = sent(pair, session, pair.irish)
        row = session.get_one(LegalEntity, pair.irish.id)
        organisations.end(session, entity=row, until_on=today - DAY, by=registrar, now=pair.world.clock.now())
        with pytest.raises(Denied, match="it was part of your organisation until 31 May 2027"):
            pair.sign(session, filing)


def test_the_last_day_and_the_first_day_are_inside(pair):
    registrar = pair.registrar()
    today = pair.world.clock.now().date()
    later = pair.entity("Quillmark KK", (), from_on=today + DAY)
    with pair.world.wired.database.write() as session:
        row = session.get_one(LegalEntity, pair.irish.id)
        organisations.end(session, entity=row, until_on=today, by=registrar, now=pair.world.clock.now())
        assert pair.sign(session, sent(pair, session, pair.irish)).reference
        early = sent(pair, session, later)
        with pytest.raises(Denied, match="part of your organisation from 2 June 2027 on"):
            pair.sign(session, early)
        pair.world.at(pair.world.clock.now() + DAY)
        assert pair.sign(session, early).reference


def test_an_entity_of_the_wrong_law_is_refused_and_the_right_one_named(pair):
    with pair.world.wired.database.write() as session:
        covered(pair, session)
        # Of the laws in force only the European one asks for a report on a model's risks.
        filing = sent(pair, session, pair.american)
        assert EU in duties.asking(session, filing)
        with pytest.raises(Denied, match="This filing is due under") as said:
            pair.sign(session, filing)
        assert said.value.reason.startswith("Quillmark PBC answers under ")
        assert "choose Quillmark Ireland Ltd (" in said.value.fix
        assert pair.sign(session, sent(pair, session, pair.irish)).reference


def test_where_no_entity_answers_the_refusal_says_who_names_one(dev):
    without(dev)
    row = dev.entity("Quillmark PBC", (CALIFORNIA,))
    with dev.world.wired.database.write() as session:
        covered(dev, session)
        with pytest.raises(Denied, match="This filing is due under") as said:
            dev.sign(session, sent(dev, session, row))
        assert "An administrator of your organisation names one under Organisation" in said.value.fix


def test_where_no_law_asks_any_verified_entity_files(pair):
    with pair.world.wired.database.write() as session:
        covered(pair, session)
        for entity in (pair.irish, pair.american):
            filing = sent(pair, session, entity, FilingKind.SECURITY_OUTLINE)
            assert duties.asking(session, filing) == []
            assert entities.reach(session, filing, on=pair.world.clock.now().date()) is None
            assert pair.sign(session, filing).reference


def test_an_entity_that_is_taken_off_the_row_before_the_signature_signs_nothing(pair):
    with pair.world.wired.database.write() as session:
        filing = sent(pair, session, pair.irish)
        filing.entity_id = None
        with pytest.raises(Denied, match="No legal entity is named that files this"):
            pair.sign(session, filing)


# What is signed, and what it counts for


def test_what_is_signed_names_the_entity_and_stays_as_it_was(pair):
    with pair.world.wired.database.write() as session:
        filing = pair.sign(session, sent(pair, session, pair.irish))
        form = json.loads(filing.signed)
        assert form["v"] == publication.FORMAT
        assert form["entity"] == {
            "id": str(pair.irish.id),
            "name": "Quillmark Ireland Ltd",
            "jurisdiction": "Delaware",
            "number": "7741203",
            "regimes": [EU],
        }
        assert "certify for Quillmark Ireland Ltd, the legal entity of" in form["statement"]["words"]
        entry = certification.entry_of(session, filing)
        assert entry.content["fields"]["entity"] == str(pair.irish.id)
        row = session.get_one(LegalEntity, pair.irish.id)
        row.name = "Renamed Ltd"
        session.add(row)
        session.flush()
        assert certification.form_of(session, filing) == form
        assert publication.signed_entity(filing).name == "Quillmark Ireland Ltd"
        session.rollback()


def test_another_entity_is_another_digest(pair):
    with pair.world.wired.database.write() as session:
        filing = pair.draft(session)
        digests = set()
        for entity in (pair.irish, pair.american):
            named(pair, session, filing, entity)
            digests.add(publication.digest(certification.form_of(session, filing)))
        assert len(digests) == 2


def test_a_form_of_the_first_version_names_no_entity_and_is_read_as_it_was_signed(dev):
    with dev.world.wired.database.write() as session:
        filing = dev.submitted(session)
        old = {key: said for key, said in json.loads(filing.signed).items() if key != "entity"}
        old["v"] = "assay.filing/v1"
        filing.signed, filing.entity_id = canonical.encode(old).decode(), None
        assert certification.form_of(session, filing) == old
        assert publication.signed_entity(filing) is None
        session.rollback()


def test_a_filing_counts_under_the_laws_of_its_entity_and_not_under_others(pair):
    with pair.world.wired.database.write() as session:
        covered(pair, session)
        first = pair.sign(session, sent(pair, session, pair.american, FilingKind.SAFETY_FRAMEWORK))
        reach = entities.reach(session, first, on=pair.world.clock.now().date())
        assert reach is not None
        assert "California" in reach.here or "TFAIA" in reach.here
        assert {names for _, names in reach.elsewhere} == {"Quillmark Ireland Ltd"}
        assert status(session, pair, "framework.first", NEW_YORK) == ["met"]
        assert counted(session, pair, EU, "framework_published") == []
        assert len(counted(session, pair, CALIFORNIA, "framework_published")) == 1
        pair.sign(session, sent(pair, session, pair.irish, FilingKind.SAFETY_FRAMEWORK))
        assert len(counted(session, pair, EU, "framework_published")) == 1
        assert len(counted(session, pair, CALIFORNIA, "framework_published")) == 1
        # A proposal binds nobody: either counts.
        assert len(counted(session, pair, "aaif-proposal", "framework_published")) == 2


def counted(session, dev, regime, kind):
    told = duty_events.gather(session, dev.organisation.id)
    return [event for event in told.under(regime) if event.kind == kind]


def test_the_next_report_is_due_by_the_last_one_of_an_entity_under_that_law(pair):
    with pair.world.wired.database.write() as session:
        covered(pair, session)
        pair.sign(session, sent(pair, session, pair.irish))
        pair.world.at(pair.world.clock.now() + 10 * DAY)
        again = pair.draft(session)
        named(pair, session, again, pair.irish)
        due = duties.due_of(session, again)
        assert due is not None
        again.entity_id = pair.american.id
        other = duties.due_of(session, again)
        assert other is None or other.regime != EU


def test_a_filing_from_before_entities_counts_under_every_law(dev):
    with dev.world.wired.database.write() as session:
        covered(dev, session)
        filing = dev.submitted(session, FilingKind.SAFETY_FRAMEWORK)
        filing.entity_id = None
        session.add(filing)
        session.flush()
        for regime in (EU, CALIFORNIA, NEW_YORK):
            assert len(counted(session, dev, regime, "framework_published")) == 1
        session.rollback()


def test_an_amendment_is_filed_by_the_same_entity(pair):
    with pair.world.wired.database.write() as session:
        filing = pair.sign(session, sent(pair, session, pair.irish))
        draft = certification.amend(session, filing=filing, by=pair.preparer, now=pair.world.clock.now())
        assert draft.entity_id == pair.irish.id


# Pages


def test_the_pages_from_choice_to_receipt_say_who_files(sqlite_pair):
    dev = sqlite_pair
    waiting = dev.entity("Quillmark KK", verified=False)
    made(dev, lambda session: covered(dev, session).id)
    filing = made(dev, dev.draft)
    client = dev.world.client("developer", dev.preparer)
    certify = f"/filings/{filing.id}/certify"
    at = f"/filings/{filing.id}/entity"
    assert "Quillmark KK (Delaware)" in page(client, certify)
    assert "; not verified yet" in page(client, certify)
    wrong = post(client, at, {"entity": ""}, form_at=certify, action=at, status=422).text
    assert "Choose the legal entity that files." in wrong
    post(client, at, {"entity": "none"}, form_at=certify, action=at, status=404)
    post(client, at, {"entity": str(waiting.id)}, form_at=certify, action=at)
    assert "Quillmark KK cannot file now" in page(client, certify)
    post(client, at, {"entity": str(dev.american.id)}, form_at=certify, action=at)
    assert "This filing is due under" in page(client, certify)
    assert "Choose Quillmark Ireland Ltd (EU AI Act)." in page(client, certify)
    post(client, at, {"entity": str(dev.irish.id)}, form_at=certify, action=at)
    assert "Filed by Quillmark Ireland Ltd, it counts under" in page(client, certify)
    assert "Quillmark Ireland Ltd" in page(client, f"/filings/{filing.id}/public")
    post(client, certify, {"certifier": str(dev.officer.person_id)})
    officer = dev.world.client("developer", dev.officer)
    sign = f"/filings/{filing.id}/sign"
    assert "Filed by <b>Quillmark Ireland Ltd</b>, registered in Delaware, no. 7741203" in page(officer, sign)
    receipt = post(officer, sign).location
    assert "Quillmark Ireland Ltd" in page(officer, receipt)
    signed = json.loads(page(officer, receipt.removesuffix("receipt") + "filing.json"))
    assert signed["entity"]["id"] == str(dev.irish.id)


def test_the_page_of_the_signature_says_why_and_who_would_answer(sqlite_pair):
    dev = sqlite_pair
    made(dev, lambda session: covered(dev, session).id)
    filing = made(dev, lambda session: sent(dev, session, dev.american))
    officer = dev.world.client("developer", dev.officer)
    shown = page(officer, f"/filings/{filing.id}/sign")
    assert "Quillmark PBC answers under" in shown
    assert "choose Quillmark Ireland Ltd (" in shown
    assert "Sign and submit</button>" not in shown


def test_another_developers_entity_is_not_found_on_the_page(sqlite_pair, developer_of):
    dev = sqlite_pair
    other = developer_of(dev.world)
    with dev.world.wired.database.read() as session:
        (foreign,) = organisations.entities(session, other.organisation.id)
    filing = made(dev, dev.draft)
    client = dev.world.client("developer", dev.preparer)
    at, certify = f"/filings/{filing.id}/entity", f"/filings/{filing.id}/certify"
    post(client, at, {"entity": str(foreign.id)}, form_at=certify, action=at, status=404)
    with dev.world.wired.database.read() as session:
        assert session.get_one(Filing, filing.id).entity_id != foreign.id


def test_without_any_entity_the_page_says_who_names_one(sqlite_developer):
    dev = sqlite_developer
    without(dev)
    filing = made(dev, dev.draft, complete=False)
    shown = page(dev.world.client("developer", dev.preparer), f"/filings/{filing.id}/certify")
    assert "Your organisation has no legal entity here." in shown


def test_an_incident_is_reported_by_an_entity_and_waits_for_none(sqlite_pair, developer_of):
    dev = sqlite_pair
    client = dev.world.client("developer", dev.preparer)
    assert "Quillmark Ireland Ltd (Delaware)" in page(client, "/incidents/new")
    first = made(dev, dev.incident)
    assert "Not named" in page(client, f"/incidents/{first.reference}")
    second = made(dev, dev.incident, entity_id=dev.irish.id)
    assert "Quillmark Ireland Ltd" in page(client, f"/incidents/{second.reference}")
    other = developer_of(dev.world)
    with pytest.raises(NotFound):
        made(other, other.incident, entity_id=dev.irish.id)
