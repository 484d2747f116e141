"""Notices: written once after approval, sent by a head, read by the addressee, public by their state."""

from __future__ import annotations

import io
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest

from portal.enforcement import notices, service, worksheets
from portal.enforcement.tables import AllegedViolation, Notice, NoticeKind, Worksheet
from portal.enforcement.workflow import NoticeState
from secure_access import documents, ledger
from secure_access.db import select
from secure_access.identity import Actor
from secure_access.workflow import Denied, NotFound
from tests.fixtures.enforcement import CHOSEN, Bench


def text_of(bench: Bench, notice: Notice) -> str:
    wired = bench.world.wired
    with wired.database.read() as session:
        document = documents.find(session, notice.document_id)
    data = b"".join(wired.vault.chunks(document.stored, context=document.context))
    with pypdfium2.PdfDocument(io.BytesIO(data)) as pdf:
        return " ".join(page.get_textpage().get_text_range() for page in pdf).replace("\r\n", " ")


def public(bench: Bench) -> list[notices.PublicPenalty]:
    with bench.world.wired.database.read() as session:
        developer = bench.desk.developer.organisation_id
        return [p for p in notices.penalties_public(session) if p.developer_id == developer]


def test_approval_in_the_union_writes_preliminary_findings(bench: Bench) -> None:
    notice = bench.written()
    assert (notice.kind, notice.state) == (NoticeKind.PRELIMINARY_FINDINGS, NoticeState.WRITTEN)
    assert notice.reference.startswith("N-2027-")
    assert notice.send_by == datetime(2027, 10, 8, 23, 59, 59, tzinfo=UTC)
    assert notice.reply_by == datetime(2027, 11, 8, 23, 59, 59, tzinfo=UTC)
    text = text_of(bench, notice)
    for words in ("EUR 3,750,000.00", "right to be heard", "8 Nov 2027", "Ines Falk", "Tomasz Reyl"):
        assert words in text


def test_approval_under_new_york_law_writes_a_referral(bench: Bench) -> None:
    notice = bench.written(bench.referred())
    assert (notice.kind, notice.addressee) == (NoticeKind.REFERRAL, "Attorney General of New York")
    assert notice.reply_by is None
    text = text_of(bench, notice)
    for words in ("a court imposes", "USD 1,500,000.00", "USD 3,000,000.00", "Earlier violations counted: 1"):
        assert words in text
    facts = text.partition("What happened")[0]
    assert "Duty GBL 1422" in facts
    assert "Penalty provision GBL 1427" in facts


def test_borrowed_figures_are_said_to_be_borrowed(sqlite_bench: Bench) -> None:
    violation = sqlite_bench.alleged(sqlite_bench.late_answer())
    sqlite_bench.revenue(violation, sample_of="Example Corp.")
    text = text_of(sqlite_bench, sqlite_bench.written(sqlite_bench.drafted(violation)))
    assert "Sample figures of Example Corp., no allegation." in text.replace("  ", " ")


def test_writing_twice_makes_one(bench: Bench) -> None:
    notice = bench.written()
    effect = notices.write(bench.world.wired, str(notice.worksheet_id))
    with bench.world.wired.database.write() as session:
        effect(session, bench.now)
    with bench.world.wired.database.read() as session:
        rows = session.exec(select(Notice).where(Notice.worksheet_id == notice.worksheet_id)).all()
    assert len(rows) == 1


def test_two_workers_at_once_write_one(bench: Bench) -> None:
    row = bench.approved()
    effects = [notices.write(bench.world.wired, str(row.id)) for _ in range(2)]
    for effect in effects:
        with bench.world.wired.database.write() as session:
            effect(session, bench.now)
    with bench.world.wired.database.read() as session:
        assert len(session.exec(select(Notice).where(Notice.worksheet_id == row.id)).all()) == 1


def test_a_worksheet_that_is_not_there_is_said(sqlite_bench: Bench) -> None:
    with pytest.raises(NotFound):
        notices.write(sqlite_bench.world.wired, str(uuid.uuid4()))


def test_a_proposed_value_reaches_no_notice(bench: Bench) -> None:
    row = bench.approved()
    with bench.world.wired.database.write() as session:
        kept = session.get_one(Worksheet, row.id)
        kept.result = {**kept.result, "lines": [{**li, "status": "proposed"} for li in kept.result["lines"]]}
        session.add(kept)
        ledger.append(session, "test.row_made", {"table": "x"}, by=None, now=bench.now, records=(kept,))
    with pytest.raises(Denied, match="proposed value never reaches a notice"):
        notices.write(bench.world.wired, str(row.id))


def test_only_a_head_sends(bench: Bench) -> None:
    notice = bench.written()
    with pytest.raises(Denied, match="Only a head of enforcement"):
        bench.send(notice, by=bench.officer)
    assert bench.send(notice).state is NoticeState.SENT
    with pytest.raises(Denied, match="sent"):
        bench.send(notice)


def test_dates_that_ran_out_stop_sending(bench: Bench) -> None:
    notice = bench.written()
    bench.desk.later(days=8)
    with pytest.raises(Denied, match="no longer leave the full time"):
        bench.send(notice)


def test_a_changed_worksheet_stops_its_notice_and_gets_its_own(bench: Bench) -> None:
    notice = bench.written()
    with bench.world.wired.database.read() as session:
        row = session.get_one(Worksheet, notice.worksheet_id)
    second = bench.changed(row, replace(CHOSEN, gravity="low"))
    with pytest.raises(Denied, match="changed after this notice"):
        bench.send(notice)
    again = bench.written(second)
    assert again.reference == f"{notice.reference}-v2"


def test_nothing_follows_from_a_dropped_violation(bench: Bench) -> None:
    notice = bench.written()
    row = bench.desk.fresh(Worksheet(id=notice.worksheet_id))
    violation = bench.desk.fresh(AllegedViolation(id=row.violation_id))
    bench.on(violation, service.drop, reason="The clock had stood still.")
    with pytest.raises(Denied, match="was dropped"):
        bench.send(notice)
    with pytest.raises(Denied, match="was dropped"):
        bench.changed(row, replace(CHOSEN, gravity="low"))


def test_a_prepared_worksheet_of_a_dropped_violation_is_not_approved(bench: Bench) -> None:
    row = bench.prepared()
    violation = bench.desk.fresh(AllegedViolation(id=row.violation_id))
    bench.on(violation, service.drop, reason="The clock had stood still.")
    with pytest.raises(Denied, match="was dropped"):
        bench.step(row, worksheets.approve, bench.head)


def test_a_violation_with_a_sent_notice_is_not_dropped(bench: Bench) -> None:
    notice = bench.sent()
    row = bench.desk.fresh(Worksheet(id=notice.worksheet_id))
    violation = bench.desk.fresh(AllegedViolation(id=row.violation_id))
    with pytest.raises(Denied, match="has been sent"):
        bench.on(violation, service.drop, reason="Late thought.")


def test_what_was_sent_is_not_changed(bench: Bench) -> None:
    notice = bench.sent()
    with bench.world.wired.database.read() as session:
        row = session.get_one(Worksheet, notice.worksheet_id)
    with pytest.raises(Denied, match="has been sent"):
        bench.changed(row, replace(CHOSEN, gravity="low"))


def received(bench: Bench, by: Actor) -> list[Notice]:
    with bench.world.wired.database.read() as session:
        return notices.received(session, by=by)


def test_the_developer_sees_findings_once_sent_and_nobody_else_does(bench: Bench) -> None:
    notice = bench.written()
    assert received(bench, bench.desk.developer) == []
    bench.send(notice)
    assert [n.reference for n in received(bench, bench.desk.developer)] == [notice.reference]
    assert received(bench, bench.desk.other_developer) == []
    for actor in (bench.desk.evaluator, bench.desk.officer):
        with pytest.raises(NotFound):
            received(bench, actor)


def test_a_referral_is_not_shown_to_the_developer(bench: Bench) -> None:
    notice = bench.sent(bench.referred())
    assert received(bench, bench.desk.developer) == []
    with bench.world.wired.database.read() as session, pytest.raises(NotFound):
        notices.load_received(session, notice.reference, by=bench.desk.developer)


def test_an_answer_in_time_and_one_late(bench: Bench) -> None:
    notice = bench.sent()
    by = bench.desk.developer
    assert bench.desk.act(notices.reply, notice=notice, text="We were late.", by=by).late is False
    bench.desk.later(days=60)
    assert bench.desk.act(notices.reply, notice=notice, text="More.", by=by).late is True
    with bench.world.wired.database.read() as session:
        assert [r.late for r in notices.replies(session, notice)] == [False, True]
    for text, words in (("  ", "Write your answer"), ("x" * 100_001, "too long")):
        with pytest.raises(Denied, match=words):
            bench.desk.act(notices.reply, notice=notice, text=text, by=by)
    with pytest.raises(Denied, match="Only a"):
        bench.desk.act(notices.reply, notice=notice, text="x", by=bench.officer)


def test_the_register_shows_the_state_and_no_amount(bench: Bench) -> None:
    notice = bench.written()
    assert public(bench) == []
    bench.send(notice)
    [shown] = public(bench)
    assert shown.state == "Preliminary findings sent, amount confidential"
    assert "3,750,000" not in repr(shown)
    bench.sent(bench.referred())
    assert {p.state for p in public(bench)} == {
        "Referred to the Attorney General of New York",
        "Preliminary findings sent, amount confidential",
    }


def test_nothing_public_in_the_ledger_before_it_is_sent(bench: Bench) -> None:
    notice = bench.written()
    with bench.world.wired.database.read() as session:
        row = session.get_one(Worksheet, notice.worksheet_id)
        found = worksheets.load(session, row.reference, by=bench.officer)
        entries = ledger.entries(session, about=f"violation:{found.violation.id}")
    assert {entry.audience for entry in entries} == {"parties"}
    bench.send(notice)
    with bench.world.wired.database.read() as session:
        sent = ledger.entries(session, about=f"notice:{notice.id}")[-1]
    assert (sent.type, sent.audience) == ("notice.sent", "public")
    assert set(sent.fields) == {"reference", "kind", "regime", "manifest"}
    assert re.fullmatch("[0-9a-f]{64}", sent.fields["manifest"]), "its digest, and nothing of what it lists"


def test_opening_the_letter_is_recorded(bench: Bench) -> None:
    notice = bench.sent()
    document = bench.desk.act(notices.open_document, notice=notice, by=bench.desk.developer)
    assert document.media_type == "application/pdf"
    with bench.world.wired.database.read() as session:
        types = [e.type for e in ledger.entries(session, about=f"notice:{notice.id}")]
    assert types[-1] == "document.opened"


def test_notices_do_not_exist_for_others(bench: Bench) -> None:
    notice = bench.written()
    with bench.world.wired.database.read() as session:
        assert notice.id in {n.id for n in notices.waiting(session, by=bench.head)}
        for actor in (bench.desk.officer, bench.desk.developer):
            with pytest.raises(NotFound):
                notices.load(session, notice.reference, by=actor)
        with pytest.raises(NotFound):
            notices.load(session, "N-1999-001", by=bench.head)


def test_the_time_for_a_reply_follows_the_last_day_of_sending(sqlite_bench: Bench) -> None:
    notice = sqlite_bench.written()
    assert notice.reply_by is not None
    assert notice.send_by is not None
    assert notice.reply_by - notice.send_by >= timedelta(days=30)
