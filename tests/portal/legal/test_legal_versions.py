"""Versions of packs: two people, a chain, the day on which one goes live, and what is provable of it."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pypdfium2
import pytest
import sqlalchemy

from portal.enforcement import notices
from portal.enforcement.grounds import provision
from portal.enforcement.tables import AllegedViolation
from portal.law import penalties, statute
from portal.legal import drafting, touched, versions
from portal.legal.drafting import DraftError, NewReading
from portal.legal.tables import StatuteVersion
from portal.web import Wired
from portal.worker import VERBS, Effect, run_due
from secure_access import documents, jobs, ledger
from secure_access.identity import OrganisationKind
from secure_access.ledger import audit
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.enforcement import make_bench
from tests.fixtures.legal import Chamber

CAP = "penalty.cap"
FACTS = {
    "regime": "ca-tfaia",
    "currency": "USD",
    "on": "2027-09-02",
    "inputs": {"violations": [{"provision": "22757.12", "severity_percent": "100"}]},
}


def cap(chamber: Chamber, on: date, moment: datetime) -> Decimal:
    """The cap of a day as this instance has it at a moment."""
    with chamber.world.wired.database.read() as session, chamber.world.wired.law(session, moment):
        return statute.load("ca-tfaia").value(CAP, on).number


def test_an_approved_version_goes_live_at_its_date_and_not_before(chamber: Chamber) -> None:
    chamber.staged()
    day = date(2027, 9, 2)
    before = datetime(2027, 8, 31, 12, tzinfo=UTC)
    assert cap(chamber, day, before) == 1_000_000
    zone = versions.shipped(statute.OFFICE).zone
    start = datetime(2027, 9, 1, tzinfo=zone)
    assert cap(chamber, day, start) == 2_000_000
    assert cap(chamber, day, datetime.fromtimestamp(start.timestamp() - 1, UTC)) == 1_000_000
    assert cap(chamber, date(2027, 8, 1), start) == 1_000_000, "the law of days before stays"
    assert statute.load("ca-tfaia").value(CAP, day).number == 1_000_000, "nothing is left behind"


def test_a_draft_and_a_withdrawn_version_never_go_live(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    chamber.capped(chamber.drafted())
    withdrawn = chamber.staged()
    chamber.on(withdrawn, versions.withdraw, reason="Repealed.", by=chamber.drafter)
    assert cap(chamber, date(2027, 9, 2), datetime(2028, 1, 1, tzinfo=UTC)) == 1_000_000


def test_who_wrote_in_it_cannot_approve_it(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.capped(chamber.drafted())
    with pytest.raises(Denied, match="You wrote in this version"):
        chamber.approve(row, by=chamber.drafter)
    row = chamber.capped(row, "3000000", by=chamber.approver)
    with pytest.raises(Denied, match="You wrote in this version"):
        chamber.approve(row)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.LEGAL_OFFICER])
def test_nobody_else_drafts_or_approves(sqlite_chamber: Chamber, role: Role) -> None:
    chamber = sqlite_chamber
    other = chamber.world.person(chamber.world.organisation(OrganisationKind.REGULATOR), role)
    with pytest.raises(Denied, match="legal officer"):
        chamber.act(versions.draft, pack="ca-tfaia", live_from=date(2027, 9, 1), why="x", by=other)
    row = chamber.capped(chamber.drafted())
    with pytest.raises(Denied, match="legal officer"):
        chamber.approve(row, by=other)


def test_what_was_shown_is_what_is_approved(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.capped(chamber.drafted())
    shown = (row.digest, row.live_from.isoformat())
    chamber.capped(row, "9000000")
    with pytest.raises(Denied, match="changed after this page"):
        chamber.on(row, versions.approve, shown=shown, by=chamber.approver)
    row = chamber.on(row, versions.redate, live_from=date(2027, 10, 1), by=chamber.drafter)
    with pytest.raises(Denied, match="changed after this page"):
        chamber.on(row, versions.approve, shown=(row.digest, "2027-09-01"), by=chamber.approver)


def test_a_copy_is_not_approved(sqlite_chamber: Chamber) -> None:
    with pytest.raises(Denied, match="changes nothing"):
        sqlite_chamber.approve(sqlite_chamber.drafted())


def test_a_day_that_has_passed_is_refused(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    with pytest.raises(DraftError, match="has passed"):
        chamber.drafted(live_from=date(2027, 5, 31))
    row = chamber.capped(chamber.drafted())
    chamber.world.at(datetime(2027, 9, 3, tzinfo=UTC))
    with pytest.raises(Denied, match="has passed"):
        chamber.approve(row)
    with pytest.raises(DraftError, match="has passed"):
        chamber.on(row, versions.redate, live_from=date(2027, 9, 1), by=chamber.drafter)
    chamber.approve(chamber.on(row, versions.redate, live_from=date(2027, 9, 4), by=chamber.drafter))


def test_versions_follow_each_other(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    stale = chamber.capped(chamber.drafted(live_from=date(2028, 1, 1)), "7000000")
    first = chamber.staged(date(2027, 9, 1))
    with pytest.raises(Denied, match="in between"):
        chamber.approve(stale)
    early = chamber.capped(chamber.drafted(live_from=date(2027, 9, 1)), "3000000")
    with pytest.raises(Denied, match=f"{first.reference} goes live"):
        chamber.approve(early)
    second = chamber.staged(date(2028, 1, 1), "3000000")
    assert second.base == first.digest
    assert cap(chamber, date(2027, 12, 31), datetime(2028, 2, 1, tzinfo=UTC)) == 2_000_000
    assert cap(chamber, date(2028, 2, 1), datetime(2028, 2, 1, tzinfo=UTC)) == 3_000_000
    with pytest.raises(Denied, match=second.reference):
        chamber.on(first, versions.withdraw, reason="x", by=chamber.drafter)


def test_what_has_gone_live_is_not_withdrawn(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.staged()
    chamber.world.at(datetime(2027, 9, 2, tzinfo=UTC))
    with pytest.raises(Denied, match="has gone live"):
        chamber.on(row, versions.withdraw, reason="x", by=chamber.drafter)


def test_nothing_is_kept_of_a_text_that_is_no_pack(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.drafted()
    with pytest.raises(DraftError):
        chamber.on(row, versions.amend, edit=lambda _: "id = 3", by=chamber.drafter)
    with chamber.world.wired.database.read() as session:
        kept = versions.load(session, row.reference)
        assert (kept.text, kept.digest) == (row.text, row.base)


def test_two_approvals_at_once_make_one(chamber: Chamber) -> None:
    row = chamber.capped(chamber.drafted())
    authority = chamber.world.organisation(OrganisationKind.REGULATOR)
    approvers = [chamber.world.person(authority, Role.LEGAL_OFFICER) for _ in range(8)]

    def approve(by: Any) -> str:
        try:
            chamber.approve(row, by=by)
        except Denied as denied:
            return denied.reason
        return "approved"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(approve, approvers))
    assert outcomes.count("approved") == 1
    with chamber.world.wired.database.read() as session:
        found = versions.load(session, row.reference)
        entries = [entry.type for entry in ledger.entries(session, f"statute_version:{found.id}")]
    assert entries.count("statute.approved") == 1


def test_a_changed_version_is_named_by_the_audit(chamber: Chamber) -> None:
    row = chamber.staged()
    chamber.world.run_jobs()
    wired = chamber.world.wired
    with wired.database.engine.begin() as connection:
        connection.execute(sqlalchemy.update(StatuteVersion).values(text=row.text.replace("2000000", "1")))
    report = audit.run_verify(wired.database, audit.verifier_keys(wired.log_keys))
    assert [problem for problem in map(str, report.problems) if "statute_version" in problem]


def test_an_old_result_is_computed_again_from_the_version_it_used(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    chamber.staged(date(2027, 9, 1))
    chamber.staged(date(2028, 1, 1), "3000000")
    moment = datetime(2027, 9, 2, tzinfo=UTC)
    with chamber.world.wired.database.read() as session:
        with chamber.world.wired.law(session, moment):
            then = penalties.compute(FACTS).as_json()
        assert then["maximum"] == "2000000"
        stored = versions.texts(session)
    with statute.using(statute.version(then["statute_digest"], stored)):
        assert penalties.compute(FACTS).as_json() == then
    assert penalties.compute(FACTS).as_json()["maximum"] == "1000000"


def test_a_request_and_a_job_work_under_the_law_of_the_instance(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    chamber.staged()
    client = chamber.world.client("public")
    before = client.get("/law/ca-tfaia").text
    assert "2,000,000" not in before
    assert "Not live yet" in before, "an approved version is public before its day"
    assert ">2000000<" in before
    chamber.world.at(datetime(2027, 9, 2, tzinfo=UTC))
    after = client.get("/law/ca-tfaia").text
    assert "2,000,000" in after
    assert "Approved as L-2027-001" in after
    assert "Held before" in after


def test_a_transaction_reads_no_text_that_was_read_before(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    for day, value in ((date(2027, 9, 1), "2100001"), (date(2027, 10, 1), "2100002")):
        chamber.staged(day, value)
    database, said = chamber.world.wired.database, []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    sqlalchemy.event.listen(database.engine, "before_cursor_execute", note)
    found = []
    for _ in range(3):
        with database.read() as session:
            [pack] = versions.in_force(session, date(2027, 10, 2))
            found.append(pack.value(CAP, date(2027, 10, 2)).number)
    assert found == [2_100_002] * 3
    assert sum("statute_version.text" in statement for statement in said) == 1


def test_both_parts_of_a_job_work_under_the_law_in_force(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    chamber.staged()
    wired, seen = chamber.world.wired, []

    def look() -> None:
        seen.append(statute.load("ca-tfaia").value(CAP, date(2027, 9, 2)).number)

    def verb(_wired: Wired, _subject: str) -> Effect:
        look()
        return lambda _session, _now: look()

    for day in (date(2027, 8, 30), date(2027, 9, 2)):
        chamber.world.at(datetime.combine(day, time(12), UTC))
        with wired.database.write() as session:
            jobs.add(session, "test.look", "x")
        assert run_due(wired, {**VERBS, "test.look": verb}) >= 1
    assert seen == [1_000_000, 1_000_000, 2_000_000, 2_000_000]


def test_a_notice_that_a_job_writes_cites_the_law_in_force(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    bench = make_bench(chamber.world)
    worksheet = bench.approved()
    with chamber.world.wired.database.read() as session:
        violation = session.get_one(AllegedViolation, worksheet.violation_id)
    old = provision(worksheet.regime, violation.provision)["citation"]
    row = chamber.drafted(pack=worksheet.regime, live_from=date(2027, 10, 1))
    row = chamber.on(
        row,
        versions.amend,
        edit=lambda text: text.replace(f'"{old}"', f'"{old} as amended"'),
        by=chamber.drafter,
    )
    chamber.approve(row)
    chamber.world.run_jobs()
    with chamber.world.wired.database.read() as session:
        notice = notices.of_worksheet(session, worksheet, by=bench.officer)
        assert notice is not None
        document = documents.find(session, notice.document_id)
    letter = b"".join(chamber.world.wired.vault.chunks(document.stored, context=document.context))
    with pypdfium2.PdfDocument(io.BytesIO(letter)) as pdf:
        said = " ".join(page.get_textpage().get_text_range() for page in pdf)
    assert f"{old} as amended" in " ".join(said.split())


def test_it_says_which_open_cases_come_out_differently(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    bench = make_bench(chamber.world)
    worksheet = bench.drafted()
    row = chamber.drafted(pack=statute.OFFICE, live_from=date(2027, 12, 1))
    other = NewReading("penalty.factors", "multiplied", "The board", date(2027, 9, 9), "They interact.")
    row = chamber.on(
        row, versions.amend, edit=lambda text: drafting.with_reading(text, other), by=chamber.drafter
    )
    with chamber.world.wired.database.read() as session:
        found = versions.opened(session, versions.load(session, row.reference), chamber.now)
        reach = touched.reach(session, found, by=chamber.drafter, now=chamber.now)
    assert [one.what for one in reach.rows] == [f"Worksheet {worksheet.reference}"]
    assert reach.rows[0].before != reach.rows[0].after


def test_unknown_packs_and_references_are_not_there(sqlite_chamber: Chamber) -> None:
    with pytest.raises(NotFound):
        sqlite_chamber.drafted(pack="eu-nothing")
    with pytest.raises(NotFound), sqlite_chamber.world.wired.database.read() as session:
        versions.load(session, "L-1999-001")
