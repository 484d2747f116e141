"""A filing from draft to receipt, through the verbs, on both databases."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from portal.filing import certification, manifests, publication, registration, service
from portal.filing.checks import CheckClass
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FilingState
from secure_access import identity, jobs, ledger
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.ledger import Log, receipts
from secure_access.workflow import Denied, NotFound, Role


def test_submitting_gives_reference_digest_entry_and_job(developer):
    database = developer.world.wired.database
    with database.write() as session:
        filing = developer.submitted(session)
    with database.read() as session:
        kept = session.get_one(Filing, filing.id)
        assert kept.state is FilingState.SUBMITTED
        assert kept.reference.startswith("RR-2027-")
        assert kept.digest == publication.digest(certification.form_of(session, kept))
        assert kept.timeliness == manifests.NO_DUE_DATE
        entry = certification.entry_of(session, kept)
        assert entry.content["fields"]["digest"] == kept.digest
        assert entry.log == "public"
        assert entry.audience == "parties"
        assert "Wójcik" not in entry.entry.decode()
        wanted = select(jobs.Job).where(jobs.Job.subject_id == f"filing:{filing.id}")
        assert [job.kind for job in session.exec(wanted)] == ["case.file"]


def test_the_second_signature_is_the_first_receipt(developer):
    with developer.world.wired.database.write() as session:
        filing = developer.submitted(session)
        again = certification.submit(
            session,
            filing=filing,
            shown_digest=filing.digest,
            by=developer.officer,
            now=developer.world.clock.now() + timedelta(minutes=1),
        )
        assert again.reference == filing.reference
        entries = ledger.entries(session, about=service.subject(filing))
        assert [entry.type for entry in entries] == ["filing.submitted"]


def test_fifty_parallel_submits_make_one_receipt(developer):
    database = developer.world.wired.database
    with database.write() as session:
        filing = developer.sent(session)
        shown = publication.digest(certification.form_of(session, filing))
    references: list[str] = []
    failures: list[BaseException] = []

    def sign() -> None:
        try:
            with database.write() as session:
                mine = service.load(session, filing.id, by=developer.officer, for_update=True)
                done = certification.submit(
                    session,
                    filing=mine,
                    shown_digest=shown,
                    by=developer.officer,
                    now=developer.world.clock.now(),
                )
                references.append(done.reference)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=sign) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    assert len(references) == 50
    assert len(set(references)) == 1
    with database.read() as session:
        entries = ledger.entries(session, about=service.subject(filing))
        assert [entry.type for entry in entries] == ["filing.submitted"]
        wanted = select(jobs.Job).where(jobs.Job.subject_id == service.subject(filing))
        assert len(list(session.exec(wanted))) == 1


def test_what_was_shown_is_what_is_signed(developer):
    with developer.world.wired.database.write() as session:
        filing = developer.sent(session)
        with pytest.raises(Denied, match="changed after your page was opened"):
            certification.submit(
                session,
                filing=filing,
                shown_digest="0" * 64,
                by=developer.officer,
                now=developer.world.clock.now(),
            )


def both_roles(developer):
    """Somebody who prepares and certifies."""
    return developer.world.person(
        developer.organisation, Role.PREPARER, Role.CERTIFYING_OFFICER, name="Ada Both"
    )


def test_who_prepared_a_risk_report_cannot_certify_it(developer):
    world = developer.world
    both = both_roles(developer)
    with world.wired.database.write() as session:
        developer.preparer = both
        filing = developer.sent(session)
        filing.certifier_id, developer.officer = both.person_id, both
        with pytest.raises(Denied, match="You prepared this filing"):
            developer.sign(session, filing)
        assert both.person_id not in {p.id for p in service.certifying_officers(session, filing)}


def _saves(session, developer, filing, by):
    answers = service.Answers({"posture.summary": "Written by somebody else."})
    service.save(session, filing=filing, answers=answers, by=by, now=developer.world.clock.now())


def _saves_an_audience(session, developer, filing, by):
    answers = service.Answers(audiences={"posture.summary": {"audience": "public", "why": ""}})
    service.save(session, filing=filing, answers=answers, by=by, now=developer.world.clock.now())


def _saves_a_date(session, developer, filing, by):
    answers = service.Answers(columns={"period_end": date(2027, 5, 30)})
    service.save(session, filing=filing, answers=answers, by=by, now=developer.world.clock.now())


def _explains(session, developer, filing, by):
    now = developer.world.clock.now()
    asked = [one for one in service.checks_of(session, filing, now=now) if one.kind is CheckClass.EXPLAIN]
    service.explain(session, filing=filing, key=asked[0].key, reason="I say so.", by=by, now=now)


def _attaches(session, developer, filing, by):
    developer.preparer, before = by, developer.preparer
    developer.attach(session, filing, "note.txt", b"A note.")
    developer.preparer = before


def _takes_over(session, developer, filing, by):
    administrator = replace(developer.preparer, roles=frozenset({Role.ORGANISATION_ADMINISTRATOR}))
    heir = session.get_one(identity.Person, by.person_id)
    now = developer.world.clock.now()
    certification.name_author(session, filing=filing, to=heir, by=administrator, now=now)


@pytest.mark.parametrize(
    "writes", [_saves, _saves_an_audience, _saves_a_date, _explains, _attaches, _takes_over]
)
def test_who_wrote_in_a_risk_report_cannot_certify_it(developer, writes):
    """Another pressed Begin: whoever wrote cannot be chosen to sign, and cannot sign."""
    both = both_roles(developer)
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        filing = developer.draft(session)
        writes(session, developer, filing, both)
        with pytest.raises(Denied, match="Nobody is named who may certify"):
            certification.send(
                session, filing=filing, certifier_id=both.person_id, by=developer.preparer, now=now
            )
        filing.state, filing.certifier_id = FilingState.IN_CERTIFICATION, both.person_id
        developer.officer = both
        with pytest.raises(Denied, match="You prepared this filing or wrote in it"):
            developer.sign(session, filing)


def test_who_only_pages_through_a_draft_has_not_written_in_it(developer):
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        filing = developer.draft(session)
        same = service.Answers(dict(filing.content), {"period_end": filing.period_end}, filing.audiences)
        service.save(session, filing=filing, answers=same, by=developer.officer, now=now)
        certification.send(
            session,
            filing=filing,
            certifier_id=developer.officer.person_id,
            by=developer.preparer,
            now=now,
        )
        assert developer.sign(session, filing).state is FilingState.SUBMITTED


def test_who_wrote_what_is_amended_does_not_certify_the_amendment(developer):
    both = both_roles(developer)
    now = developer.world.clock.now()
    with developer.world.wired.database.write() as session:
        filing = developer.draft(session)
        _saves(session, developer, filing, both)
        certification.send(
            session,
            filing=filing,
            certifier_id=developer.officer.person_id,
            by=developer.preparer,
            now=now,
        )
        first = developer.sign(session, filing)
        draft = certification.amend(session, filing=first, by=developer.preparer, now=now)
        assert both.person_id not in {one.id for one in service.certifying_officers(session, draft)}


def test_only_the_officer_who_was_asked_signs(developer):
    other = developer.world.person(developer.organisation, Role.CERTIFYING_OFFICER)
    asked = developer.officer
    with developer.world.wired.database.write() as session:
        filing = developer.sent(session)
        developer.officer = other
        with pytest.raises(Denied, match="Another officer was asked to sign"):
            developer.sign(session, filing)
        assert (filing.state, filing.signed) == (FilingState.IN_CERTIFICATION, "")
        developer.officer = asked
        assert developer.sign(session, filing).certified_by == asked.person_id


def test_a_preparer_cannot_sign(developer):
    with developer.world.wired.database.write() as session:
        filing = developer.sent(session)
        developer.officer = developer.preparer
        with pytest.raises(Denied, match="Only a certifying officer"):
            developer.sign(session, filing)


def test_the_risk_owner_cannot_be_who_signs(developer):
    with developer.world.wired.database.write() as session:
        filing = developer.draft(session)
        developer.answer(session, filing, **{"cyber.owner": "Halina Wójcik-Thorvaldsen"})
        with pytest.raises(Denied, match="risk owner certifies too"):
            certification.send(
                session,
                filing=filing,
                certifier_id=developer.officer.person_id,
                by=developer.preparer,
                now=developer.world.clock.now(),
            )


def test_open_checks_block_and_an_incomplete_draft_can_still_be_saved(developer):
    with developer.world.wired.database.write() as session:
        filing = developer.draft(session, complete=False)
        service.save(
            session,
            filing=filing,
            answers=service.Answers({"cyber.scenario": "Half a"}),
            by=developer.preparer,
            now=developer.world.clock.now(),
        )
        with pytest.raises(Denied, match="stand in the way"):
            certification.send(
                session,
                filing=filing,
                certifier_id=developer.officer.person_id,
                by=developer.preparer,
                now=developer.world.clock.now(),
            )
        assert filing.content["cyber.scenario"] == "Half a"


@pytest.mark.parametrize(
    "role",
    [
        role
        for role in Role
        if role not in (Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ASSESSOR, Role.EVALUATION_OFFICER)
    ],
)
def test_no_official_finds_a_draft(sqlite_developer, role):
    world = sqlite_developer.world
    official = world.person(world.organisation(OrganisationKind.REGULATOR), role)
    with world.wired.database.write() as session:
        draft = sqlite_developer.draft(session)
        waiting = sqlite_developer.sent(session)
        for filing in (draft, waiting):
            with pytest.raises(NotFound):
                service.load(session, filing.id, by=official)
            with pytest.raises(NotFound):
                service.filed(session, filing.id)
        assert service.submitted(session, developer_id=sqlite_developer.organisation.id) == []
        assert service.listed(session, by=official) == []
        assert draft.reference is None
        assert ledger.entries(session, about=service.subject(draft)) == []


def test_another_developer_finds_neither_draft_nor_filing(developer, developer_of):
    other = developer_of(developer.world)
    with developer.world.wired.database.write() as session:
        draft, filed = developer.draft(session), developer.submitted(session)
        for key in (draft.id, filed.id, filed.reference):
            with pytest.raises(NotFound):
                service.load(session, key, by=other.officer)
        with pytest.raises(NotFound):
            certification.amend(session, filing=filed, by=other.preparer, now=developer.world.clock.now())


def test_an_official_reads_what_is_submitted(developer):
    world = developer.world
    officer = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    administrator = world.person(world.organisation(OrganisationKind.REGULATOR), Role.ADMINISTRATOR)
    with world.wired.database.write() as session:
        filed = developer.submitted(session)
        assert service.load(session, filed.reference, by=officer).id == filed.id
        with pytest.raises(NotFound):
            service.load(session, filed.reference, by=administrator)


def test_an_amendment_supersedes_when_it_is_submitted(developer):
    world = developer.world
    with world.wired.database.write() as session:
        first = developer.submitted(session)
        draft = certification.amend(session, filing=first, by=developer.preparer, now=world.clock.now())
        assert first.state is FilingState.SUBMITTED
        assert draft.content == first.content
        developer.answer(session, draft, **{"posture.summary": "Better."})
        certification.send(
            session,
            filing=draft,
            certifier_id=developer.officer.person_id,
            by=developer.preparer,
            now=world.clock.now(),
        )
        second = developer.sign(session, draft)
        assert first.state is FilingState.SUPERSEDED
        assert second.supersedes_id == first.id
        assert certification.form_of(session, second)["supersedes"] == str(first.id)


def test_withdrawal_wants_a_reason_and_keeps_the_filing(developer):
    with developer.world.wired.database.write() as session:
        filed = developer.submitted(session)
        now = developer.world.clock.now()
        with pytest.raises(Denied, match="has a reason"):
            certification.withdraw(session, filing=filed, reason=" ", by=developer.officer, now=now)
        certification.withdraw(session, filing=filed, reason="Wrong model.", by=developer.officer, now=now)
        assert filed.state is FilingState.WITHDRAWN
        assert filed.state_reason == "Wrong model."
        with pytest.raises(Denied, match="cannot be amended"):
            certification.amend(session, filing=filed, by=developer.preparer, now=now)


def test_a_draft_is_discarded_without_a_trace(developer):
    database = developer.world.wired.database
    with database.write() as session:
        draft = developer.draft(session)
        developer.attach(session, draft, "notes.txt", b"Some evidence.\n")
        service.discard(session, filing=draft, by=developer.preparer, now=developer.world.clock.now())
    with database.read() as session:
        assert session.get(Filing, draft.id) is None


def test_a_recalled_filing_can_be_changed_and_its_statement_is_gone(developer):
    with developer.world.wired.database.write() as session:
        filing = developer.sent(session)
        now = developer.world.clock.now()
        with pytest.raises(Denied):
            service.save(session, filing=filing, answers=service.Answers(), by=developer.preparer, now=now)
        certification.recall(session, filing=filing, by=developer.preparer, now=now)
        service.save(session, filing=filing, answers=service.Answers(), by=developer.preparer, now=now)
        assert filing.state is FilingState.DRAFT
        assert filing.statement == ""


def test_the_digest_covers_attachments_and_audiences(developer):
    with developer.world.wired.database.write() as session:
        filing = developer.draft(session)
        digests = {publication.digest(certification.form_of(session, filing))}
        developer.attach(session, filing, "scores.csv", b"task,score\ncyber,0.47\n")
        digests.add(publication.digest(certification.form_of(session, filing)))
        said = service.Answers({}, {}, {"cyber.tier": {"audience": "confidential", "why": "Trade secret"}})
        service.save(
            session, filing=filing, answers=said, by=developer.preparer, now=developer.world.clock.now()
        )
        digests.add(publication.digest(certification.form_of(session, filing)))
        assert len(digests) == 3


def test_the_receipt_is_proved_once_the_log_is_signed(sqlite_developer):
    world = sqlite_developer.world
    with world.wired.database.write() as session:
        filing = sqlite_developer.submitted(session)
    with world.wired.database.read() as session:
        assert receipts.proof_follows(session, certification.entry_of(session, filing))
    world.run_jobs()
    with world.wired.database.read() as session:
        entry = certification.entry_of(session, filing)
        assert not receipts.proof_follows(session, entry)
        text = receipts.receipt_text(session, entry)
    policy = receipts.Policy.parse(receipts.policy_text(world.wired.log_keys.of(Log.PUBLIC)))
    found = receipts.verify(text, policy)
    assert found.state is receipts.State.NOT_WITNESSED
    assert found.content["fields"]["digest"] == filing.digest
    assert receipts.verify(text.replace(filing.digest, "0" * 64), policy).state is receipts.State.NOT_PROVED


def test_what_was_signed_is_kept_whatever_becomes_of_the_forms(developer, monkeypatch):
    with developer.world.wired.database.write() as session:
        filing = developer.submitted(session, FilingKind.TEST_SUMMARY)
        monkeypatch.setattr(publication, "sections", lambda _: ())
        assert publication.digest(certification.form_of(session, filing)) == filing.digest
        assert hashlib.sha256(filing.signed.encode()).hexdigest() == filing.digest


def test_two_people_for_some_kinds_only(developer):
    world = developer.world
    both = world.person(developer.organisation, Role.PREPARER, Role.CERTIFYING_OFFICER, name="Ada Both")
    with world.wired.database.write() as session:
        developer.preparer = developer.officer = both
        filed = developer.submitted(session, FilingKind.TEST_SUMMARY)
        assert filed.reference.startswith("TS-2027-")


def test_somebody_elses_version_cannot_be_filed_about(developer, developer_of):
    other = developer_of(developer.world)
    with developer.world.wired.database.write() as session:
        theirs = other.version(session)
        with pytest.raises(NotFound):
            service.start(
                session,
                kind=FilingKind.SYSTEM_CARD,
                version=theirs,
                by=developer.preparer,
                now=developer.world.clock.now(),
            )
        with pytest.raises(NotFound):
            registration.load_version(session, theirs.id, by=developer.preparer)


def test_lateness_is_ruled_once_by_the_law_that_covers(developer):
    world = developer.world
    with world.wired.database.write() as session:
        developer.figures(session)
        first = developer.submitted(session)
        version = registration.load_version(session, first.model_version_id, by=developer.preparer)
        registration.assess_coverage(session, version=version, by=developer.preparer, now=world.clock.now())
    start = world.clock.now()
    world.at(start + timedelta(days=420))
    try:
        with world.wired.database.write() as session:
            first = service.load(session, first.id, by=developer.preparer)
            draft = certification.amend(session, filing=first, by=developer.preparer, now=world.clock.now())
            developer.answer(session, draft)
            certification.send(
                session,
                filing=draft,
                certifier_id=developer.officer.person_id,
                by=developer.preparer,
                now=world.clock.now(),
            )
            second = developer.sign(session, draft)
            assert second.due_at is not None
            assert second.timeliness == manifests.LATE
    finally:
        world.at(start)
