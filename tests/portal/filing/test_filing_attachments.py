"""Attachments: real files of the wild, screened by the job, none parsed in the web process."""

from __future__ import annotations

import pytest

from portal.filing import attachments, reading, service
from secure_access import documents, ledger
from secure_access.identity import OrganisationKind
from secure_access.workflow import Denied, NotFound, Role


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("sample__minimal-document.pdf", "Can be shown"),
        ("sample__pdflatex-4-pages.pdf", "Can be shown"),
        ("pypdf__r3-user-password.pdf", "Cannot be shown"),
        ("sample__libreoffice-writer-password.pdf", "Cannot be shown"),
    ],
)
def test_real_files_are_kept_and_marked(sqlite_developer, shared, name, state):
    world = sqlite_developer.world
    content = (shared / "data" / "pdf" / name).read_bytes()
    with world.wired.database.write() as session:
        draft = sqlite_developer.draft(session, complete=False)
        document = sqlite_developer.attach(session, draft, name, content)
        assert document.sha256
    world.run_jobs()
    with world.wired.database.read() as session:
        item = reading.hanging_on(session, service.subject(draft))[0]
        assert item.state[1] == state
        assert bool(item.why) == (state == "Cannot be shown")
        kept = documents.find(session, item.document_id)
        assert b"".join(attachments.blocks(world.wired.vault, kept)) == content


def test_what_is_refused_leaves_nothing(developer):
    world = developer.world
    with world.wired.database.write() as session:
        draft = developer.draft(session, complete=False)
        with pytest.raises(documents.Refused, match="not taken here"):
            developer.attach(session, draft, "tool.pdf", b"MZ program")
        assert documents.for_subject(session, service.subject(draft)) == []


def test_the_same_file_hangs_once(developer):
    with developer.world.wired.database.write() as session:
        draft = developer.draft(session, complete=False)
        developer.attach(session, draft, "a.txt", b"Evidence.\n")
        with pytest.raises(documents.Refused, match="already"):
            developer.attach(session, draft, "b.txt", b"Evidence.\n")
        assert len(documents.for_subject(session, service.subject(draft))) == 1


def test_a_submitted_filing_takes_no_more_files(developer):
    with developer.world.wired.database.write() as session:
        filed = developer.submitted(session)
        with pytest.raises(Denied, match="“attach” is not possible then"):
            developer.attach(session, filed, "late.txt", b"Late.\n")


def test_each_opening_is_recorded_and_only_for_what_hangs_there(developer):
    world = developer.world
    officer = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    with world.wired.database.write() as session:
        filing = developer.draft(session)
        document = developer.attach(session, filing, "a.txt", b"Evidence.\n")
        subject, now = service.subject(filing), world.clock.now()
        attachments.opened(session, subject=subject, document_id=document.id, by=officer, now=now)
        last = ledger.entries(session, about=subject)[-1]
        assert (last.type, last.log, last.person_id) == ("document.opened", "custody", officer.person_id)
        other = service.subject(developer.draft(session, complete=False))
        with pytest.raises(NotFound):
            attachments.opened(session, subject=other, document_id=document.id, by=officer, now=now)


def test_an_amendment_carries_the_files_and_leaves_the_old_ones(developer):
    from portal.filing import certification

    world = developer.world
    with world.wired.database.write() as session:
        filing = developer.draft(session)
        document = developer.attach(session, filing, "a.txt", b"Evidence.\n")
        certification.send(
            session,
            filing=filing,
            certifier_id=developer.officer.person_id,
            by=developer.preparer,
            now=world.clock.now(),
        )
        developer.sign(session, filing)
        draft = certification.amend(session, filing=filing, by=developer.preparer, now=world.clock.now())
        attachments.detach(
            session, filing=draft, document_id=document.id, by=developer.preparer, now=world.clock.now()
        )
        assert documents.for_subject(session, service.subject(draft)) == []
        assert len(documents.for_subject(session, service.subject(filing))) == 1
