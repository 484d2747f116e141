"""Access requests by law, from what the public sends to the answer, by the verbs."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest

from portal.disclosure import blocks, consulting, deciding, events, intake, links, requests
from portal.disclosure.deciding import Ruling
from portal.disclosure.intake import Asked
from portal.disclosure.tables import AccessRequest, SentRequest
from portal.disclosure.workflow import AccessState, NoticeState, Outcome
from portal.filing.tables import FilingKind
from portal.filing.workflow import FilingState
from portal.law import access
from portal.mail import SentMail, text_of
from portal.review.requests import NotServable
from portal.review.tables import PlanRequest
from portal.worker import run_due
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import conflicts
from secure_access.ledger import manifests
from secure_access.workflow import Denied, NotFound
from tests.fixtures.access import ASKED, HELD, OUT, SECRETS, Window


def told(window: Window, subject: str) -> list[str]:
    """The types of the entries about a subject, in order."""
    with window.world.wired.database.read() as session:
        return [entry.type for entry in ledger.entries(session, subject)]


def mails(window: Window, kind: str) -> list[SentMail]:
    """The mails of a kind."""
    run_due(window.world.wired)
    with window.world.wired.database.read() as session:
        return list(session.exec(select(SentMail).where(SentMail.kind == kind)))


class TestIntake:
    def test_what_was_sent_is_entered_once_with_a_clock_a_receipt_and_a_mail(self, window: Window) -> None:
        row = window.sent()
        law = access.load(row.law)
        assert (row.state, row.by_form, row.words) == (AccessState.RECEIVED, True, ASKED.words)
        assert row.due_at == access.answer(law, row.received_at).due_at
        assert told(window, f"access_request:{row.id}") == [events.RECEIVED]
        with window.world.wired.database.read() as session:
            assert session.exec(select(SentRequest)).all() == []
            entry = ledger.entries(session, f"access_request:{row.id}")[0]
            manifest = manifests.of_entry(session, entry)
            assert manifest is not None
            said = intake.wording(row, links.link_of(window.key, row.id))
            assert manifest.read["content"]["sha256"] == manifests.digest(said)
            for text in (manifest.content, entry.entry.decode()):
                assert not any(word in text for word in (ASKED.name, ASKED.contact, ASKED.words))
        assert [mail.recipient for mail in mails(window, intake.CONFIRM)] == [ASKED.contact]

    def test_sent_twice_under_one_link_it_is_kept_once(self, sqlite_window: Window) -> None:
        request_id = uuid.uuid4()
        for _ in range(2):
            sqlite_window.act(intake.send, request_id=request_id, asked=ASKED)
        run_due(sqlite_window.world.wired)
        sqlite_window.act(intake.send, request_id=request_id, asked=ASKED)
        run_due(sqlite_window.world.wired)
        with sqlite_window.world.wired.database.read() as session:
            assert len(session.exec(select(AccessRequest)).all()) == 1
            assert session.exec(select(SentRequest)).all() == []

    @pytest.mark.parametrize(
        ("asked", "at"),
        [
            (Asked("", "a@example.org", "x"), "name"),
            (Asked("n" * 201, "a@example.org", "x"), "name"),
            (Asked("A", "", "x"), "contact"),
            (Asked("A", "no address", "x"), "contact"),
            (Asked("A", "a@b.org\r\nBcc: c@d.org", "x"), "contact"),
            (Asked("A", "a@example.org", " "), "words"),
            (Asked("A", "a@example.org", "x" * 8001), "words"),
        ],
    )
    def test_what_cannot_be_answered_is_told_at_its_field(
        self, sqlite_window: Window, asked: Asked, at: str
    ) -> None:
        with pytest.raises(NotServable) as refused:
            sqlite_window.act(intake.send, request_id=uuid.uuid4(), asked=asked)
        assert at in dict(refused.value.problems)

    def test_a_flood_is_refused_and_ends_after_an_hour(
        self, sqlite_window: Window, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "MOST_WAITING", 2)
        for _ in range(2):
            sqlite_window.act(intake.send, request_id=uuid.uuid4(), asked=ASKED)
        with pytest.raises(Denied, match="More requests"):
            sqlite_window.act(intake.send, request_id=uuid.uuid4(), asked=ASKED)
        sqlite_window.desk.later(minutes=61)
        sqlite_window.act(intake.send, request_id=uuid.uuid4(), asked=ASKED)

    def test_a_letter_is_entered_by_a_case_officer_and_its_clock_runs_from_its_day(
        self, sqlite_window: Window
    ) -> None:
        came = sqlite_window.desk.now.date() - timedelta(days=3)
        said = {"asked": Asked("", "", "A report."), "received_on": came, "key": sqlite_window.key}
        row = sqlite_window.act(intake.record, by=sqlite_window.desk.officer, **said)
        assert not row.by_form
        assert row.received_at.date() == came
        assert mails(sqlite_window, intake.CONFIRM) == []
        with pytest.raises(Denied):
            sqlite_window.act(intake.record, by=sqlite_window.desk.decider, **said)
        future = {**said, "received_on": came + timedelta(days=9)}
        with pytest.raises(NotServable) as refused:
            sqlite_window.act(intake.record, by=sqlite_window.desk.officer, **future)
        assert "received" in dict(refused.value.problems)


class TestAffected:
    def test_every_confidential_answer_is_a_block_and_what_is_public_is_none(self, window: Window) -> None:
        row = window.affected()
        found = window.blocks(row)
        assert [block.number for block in found] == [1, 2, 3]
        assert {window.words(block) for block in found} == set(SECRETS.values())
        public = window.desk.filing(
            FilingKind.SECURITY_OUTLINE, state=FilingState.ACCEPTED, content=dict(SECRETS)
        )
        with pytest.raises(Denied, match="public already"):
            window.on(row, requests.affect, chosen=f"filing:{public.id}", by=window.desk.officer)
        with pytest.raises(Denied, match="chosen already"):
            window.on(row, requests.affect, chosen=f"filing:{window.filing.id}", by=window.desk.officer)
        window.on(row, requests.leave_out, chosen=f"filing:{window.filing.id}", by=window.desk.officer)
        assert window.blocks(row) == []

    def test_no_block_names_the_model_or_a_word_of_the_filing(self, sqlite_window: Window) -> None:
        for block in sqlite_window.blocks(sqlite_window.affected()):
            for text in (block.title, block.label, block.source):
                assert "Corvane" not in text
                assert not any(word in text for secret in SECRETS.values() for word in (secret,))

    def test_drafts_plans_and_what_is_not_there_cannot_be_chosen(self, sqlite_window: Window) -> None:
        row = sqlite_window.sent()
        draft = sqlite_window.desk.filing(FilingKind.SECURITY_OUTLINE, state=FilingState.DRAFT)
        for chosen in (
            f"filing:{draft.id}",
            f"filing:{uuid.uuid4()}",
            f"plan_request:{uuid.uuid4()}",
            f"decision:{uuid.uuid4()}",
            "filing:x",
            "",
        ):
            with pytest.raises(NotFound):
                sqlite_window.on(row, requests.affect, chosen=chosen, by=sqlite_window.desk.officer)

    def test_a_sealed_plan_is_never_offered(self, sqlite_window: Window) -> None:
        with sqlite_window.world.wired.database.read() as session:
            offered = blocks.holdings(session, by=sqlite_window.desk.officer)
            plans = session.exec(select(PlanRequest)).all()
        assert {one.chosen.partition(":")[0] for one in offered} <= {"filing", "decision"}
        assert not {f"filing:{plan.id}" for plan in plans} & {one.chosen for one in offered}


class TestHearing:
    def test_each_developer_gets_one_notice_with_days_a_receipt_and_a_mail(self, window: Window) -> None:
        row = window.consulted()
        notice = window.notice(row)
        law = access.load(row.law)
        assert notice.developer_id == window.desk.developer.organisation_id
        assert notice.object_by == access.run(law, access.OBJECT, notice.served_at).due_at
        assert told(window, f"access_notice:{notice.id}") == [events.NOTIFIED]
        sent = mails(window, consulting.NOTIFY)
        assert len(sent) == 1
        with window.world.wired.database.read() as session:
            text = text_of(session, window.world.wired, sent[0])
        assert notice.reference in text
        assert not any(secret in text for secret in SECRETS.values())

    def test_nothing_can_be_added_once_a_developer_is_heard(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        with pytest.raises(Denied):
            sqlite_window.on(
                row,
                requests.leave_out,
                chosen=f"filing:{sqlite_window.filing.id}",
                by=sqlite_window.desk.officer,
            )

    def test_a_developer_objects_block_by_block_with_reasons(self, window: Window) -> None:
        row = window.consulted()
        with pytest.raises(NotServable):
            window.answered(row, {1: "Trade secret.", 2: " "})
        window.answered(row, {1: "Trade secret."})
        assert [block.objection for block in window.blocks(row)] == ["Trade secret.", "", ""]
        assert window.notice(row).state is NoticeState.OBJECTED
        assert not window.notice(row).late
        assert told(window, f"access_notice:{window.notice(row).id}")[-1] == events.OBJECTED
        with pytest.raises(Denied):
            window.answered(row)

    def test_another_developer_finds_no_notice_and_reaches_no_block(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        notice = sqlite_window.notice(row)
        with sqlite_window.world.wired.database.read() as session, pytest.raises(NotFound):
            consulting.load(session, notice.reference, by=sqlite_window.desk.other_developer)
        with pytest.raises(NotFound):
            sqlite_window.act(
                consulting.answer,
                notice=notice,
                reasons={uuid.uuid4(): "Not hers."},
                by=sqlite_window.desk.certifier,
            )

    def test_a_late_answer_counts_and_says_so_until_the_answer_is_prepared(
        self, sqlite_window: Window
    ) -> None:
        row = sqlite_window.consulted()
        sqlite_window.world.at(sqlite_window.notice(row).object_by + timedelta(seconds=1))
        sqlite_window.answered(row, {1: "Late."})
        assert sqlite_window.notice(row).late

    def test_silence_is_recorded_when_the_answer_is_prepared(self, window: Window) -> None:
        row = window.consulted()
        with pytest.raises(Denied, match="can still object"):
            window.prepared(row, OUT, OUT, HELD)
        window.world.at(window.notice(row).object_by)
        with pytest.raises(Denied, match="can still object"):
            window.prepared(row, OUT, OUT, HELD)
        window.desk.later(seconds=1)
        window.prepared(row, OUT, OUT, HELD)
        assert window.notice(row).state is NoticeState.SILENT
        assert told(window, f"access_notice:{window.notice(row).id}")[-1] == events.SILENT
        with pytest.raises(Denied):
            window.answered(row, {1: "Too late."})


class TestAnswer:
    def test_each_block_needs_a_ruling_an_exemption_of_the_law_and_a_reason(
        self, sqlite_window: Window
    ) -> None:
        row = sqlite_window.consulted()
        sqlite_window.answered(row, {1: "Trade secret."})
        ids = [block.id for block in sqlite_window.blocks(row)]
        with pytest.raises(NotServable) as refused:
            sqlite_window.prepared(
                row,
                Ruling(Outcome.DISCLOSED),
                Ruling(Outcome.WITHHELD, "made_up", "x"),
                Ruling(Outcome.OPEN),
                answer=" ",
            )
        assert [at for at, _ in refused.value.problems] == [
            "answer",
            f"reason-{ids[0]}",
            f"exemption-{ids[1]}",
            f"outcome-{ids[2]}",
        ]
        with pytest.raises(NotServable) as refused:
            sqlite_window.prepared(row, HELD, HELD, Ruling(Outcome.WITHHELD, "trade_secret"))
        assert [at for at, _ in refused.value.problems] == [f"reason-{ids[2]}"]

    def test_nobody_decides_what_they_prepared(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        sqlite_window.answered(row)
        sqlite_window.prepared(row, OUT, OUT, OUT, by=sqlite_window.second)
        with pytest.raises(Denied, match="You prepared"):
            sqlite_window.on(row, deciding.decide, by=sqlite_window.second)
        assert sqlite_window.decided(row).state is AccessState.RELEASED

    def test_it_is_sent_back_with_a_reason_and_prepared_again(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        sqlite_window.answered(row)
        sqlite_window.prepared(row, OUT, OUT, OUT)
        with pytest.raises(NotServable):
            sqlite_window.on(row, deciding.send_back, reason="", by=sqlite_window.desk.decider)
        row = sqlite_window.on(row, deciding.send_back, reason="Block 2.", by=sqlite_window.desk.decider)
        assert (row.state, row.sent_back_reason) == (AccessState.CONSULTED, "Block 2.")
        row = sqlite_window.prepared(row, OUT, HELD, OUT)
        assert row.sent_back_reason == ""

    def test_without_an_overridden_objection_it_is_out_at_once(self, window: Window) -> None:
        row = window.released()
        assert row.state is AccessState.RELEASED
        assert [block.released for block in window.blocks(row)] == [
            SECRETS["access-control"], "", "",
        ]  # fmt: skip
        assert row.review_by == access.run(access.load(row.law), access.REVIEW, window.desk.now).due_at
        assert told(window, f"access_request:{row.id}")[-2:] == [events.DECIDED, events.RELEASED]
        assert [mail.recipient for mail in mails(window, deciding.ANSWERED)] == [ASKED.contact]

    def test_who_is_overridden_is_told_first_and_nothing_is_out_before_her_days_are_over(
        self, window: Window
    ) -> None:
        row = window.consulted()
        window.answered(row, {1: "Trade secret."})
        window.prepared(row, OUT, HELD, HELD)
        row = window.decided(row)
        assert row.state is AccessState.DECIDED
        notice = window.notice(row)
        assert notice.release_from == row.release_from
        assert told(window, f"access_notice:{notice.id}")[-1] == events.TOLD
        assert len(mails(window, consulting.TELL)) == 1
        assert all(block.released == "" for block in window.blocks(row))
        assert row.answer == ""
        assert row.release_from is not None
        window.world.at(row.release_from - timedelta(seconds=1))
        with pytest.raises(Denied, match="go to court"):
            window.on(row, deciding.release, by=window.desk.officer)
        window.desk.later(seconds=1)
        row = window.on(row, deciding.release, by=window.desk.officer)
        assert window.blocks(row)[0].released == SECRETS["access-control"]

    def test_the_receipt_of_an_answer_binds_every_word_of_it(self, sqlite_window: Window) -> None:
        row = sqlite_window.released()
        with sqlite_window.world.wired.database.read() as session:
            entry = ledger.entries(session, f"access_request:{row.id}")[-1]
            manifest = manifests.of_entry(session, entry)
            assert manifest is not None
            said = deciding.wording(row, requests.blocks_of(session, row))
        assert manifest.published
        assert manifest.read["content"]["sha256"] == manifests.digest(said)
        assert b"trade_secret" in said
        assert not any(SECRETS[name].encode() in said for name in ("weight-protection", "insider-threat"))

    def test_that_nothing_is_held_is_an_answer_too(self, sqlite_window: Window) -> None:
        row = sqlite_window.prepared(sqlite_window.sent(), answer="Nothing is held.")
        assert sqlite_window.decided(row).answer == "Nothing is held."


class TestTime:
    def test_the_time_is_extended_once_with_a_reason_and_before_it_is_over(
        self, sqlite_window: Window
    ) -> None:
        row = sqlite_window.sent()
        by = sqlite_window.desk.officer
        before = row.due_at
        with pytest.raises(NotServable):
            sqlite_window.on(row, requests.extend, reason=" ", by=by)
        row = sqlite_window.on(row, requests.extend, reason="Six hundred pages.", by=by)
        assert row.due_at == access.answer(access.load(row.law), row.received_at, extended=True).due_at
        assert row.due_at > before
        with pytest.raises(Denied, match="extended before"):
            sqlite_window.on(row, requests.extend, reason="More.", by=by)
        late = sqlite_window.sent()
        sqlite_window.world.at(late.due_at + timedelta(seconds=1))
        with pytest.raises(Denied, match="is over"):
            sqlite_window.on(late, requests.extend, reason="Too late.", by=by)

    def test_it_is_closed_with_a_reason(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        with pytest.raises(NotServable):
            sqlite_window.on(row, requests.close, reason="", by=sqlite_window.desk.officer)
        row = sqlite_window.on(row, requests.close, reason="By mail.", by=sqlite_window.desk.officer)
        assert row.state is AccessState.CLOSED
        with pytest.raises(Denied):
            sqlite_window.answered(row, {1: "x"})


class TestConflict:
    def test_an_official_with_a_conflict_acts_on_nothing_of_that_developer(
        self, sqlite_window: Window
    ) -> None:
        row = sqlite_window.affected()
        desk = sqlite_window.desk
        sqlite_window.act(
            conflicts.declare,
            person_id=desk.officer.person_id,
            developer_id=desk.developer.organisation_id,
            reason="A brother works there.",
            by=desk.officer,
        )
        with pytest.raises((Denied, NotFound)):
            sqlite_window.on(row, consulting.consult, by=desk.officer)


class TestLinks:
    def test_a_link_leads_to_its_request_and_a_changed_one_nowhere(self) -> None:
        key, request_id = bytes(32), uuid.uuid4()
        link = links.link_of(key, request_id)
        assert links.request_of(key, link) == request_id
        other = links.link_of(bytes(31) + b"1", request_id)
        for wrong in (
            other,
            link[:-1],
            link + "A",
            link[:21],
            "",
            "ä" * 65,
            "A" * 65,
            f"{link[:22]}{'A' * 43}",
        ):
            with pytest.raises(NotFound):
                links.request_of(key, wrong)


def test_the_law_of_the_place_is_that_of_the_office(sqlite_window: Window) -> None:
    assert access.of_place(date(2027, 6, 1)).id == sqlite_window.sent().law
