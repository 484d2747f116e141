"""Nobody outside can see that somebody investigates: not even the size of the public log."""

from __future__ import annotations

from portal.enforcement.events import CONFIDENTIAL
from portal.review import plans
from secure_access import ledger
from secure_access.db import col, select
from secure_access.ledger import LedgerEntry, Log
from tests.fixtures.enforcement import Bench


def entries(bench: Bench, log: Log) -> list[str]:
    with bench.world.wired.database.read() as session:
        query = select(LedgerEntry.type).where(LedgerEntry.log == log).order_by(col(LedgerEntry.number))
        return list(session.exec(query))


def test_an_investigation_adds_nothing_to_the_public_log(bench: Bench) -> None:
    """From the allegation to the letter that waits to be sent; the first thing in it is that it was sent."""
    violation = bench.late_answer()
    bench.world.run_jobs()
    public, custody = entries(bench, Log.PUBLIC), entries(bench, Log.CUSTODY)
    bench.alleged(violation)
    bench.revenue(violation)
    bench.prior(violation)
    notice = bench.written(bench.drafted(violation))
    assert entries(bench, Log.PUBLIC) == public
    new = entries(bench, Log.CUSTODY)[len(custody) :]
    assert {"violation.alleged", "worksheet.drafted", "worksheet.approved", "notice.written"} <= set(new)
    bench.send(notice)
    assert "notice.sent" in entries(bench, Log.PUBLIC)[len(public) :]


def test_that_somebody_will_read_a_plan_adds_nothing_to_the_public_log(bench: Bench) -> None:
    """Request, approval, delivery and grants: a sealed plan is nobody's business but the parties'."""
    case = bench.desk.under_review()
    bench.desk.outline(case)
    before = {log: len(entries(bench, log)) for log in Log}
    with bench.world.wired.database.read() as session:
        outline = plans.outline_of(session, case)
    assert outline is not None
    wanted = bench.desk.wanted(outline)
    request = bench.desk.with_case(case, plans.ask, wanted=wanted, by=bench.desk.officer)
    bench.desk.approve(request)
    assert len(entries(bench, Log.PUBLIC)) == before[Log.PUBLIC]
    assert {"plan.requested", "plan.approved"} <= set(entries(bench, Log.CUSTODY)[before[Log.CUSTODY] :])


def test_what_is_confidential_is_declared_for_the_custody_log() -> None:
    declared = ledger.declared()
    plan = [name for name in declared if name.startswith("plan.")]
    assert {declared[name].log for name in (*CONFIDENTIAL, *plan, "step_up.used")} == {Log.CUSTODY}
