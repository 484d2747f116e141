"""Pages of enforcement ask the database as often for thirty rows as for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event, update

from portal.enforcement.tables import AllegedViolation
from secure_access.identity import SignInSession
from tests.fixtures.enforcement import REFERRED, Bench
from tests.portal.enforcement.test_enforcement_pages import client, page


@contextmanager
def counted(bench: Bench) -> Iterator[list[str]]:
    """The statements sent to the database within."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    engine = bench.world.wired.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


def asked(bench: Bench, visitor: FlaskClient, address: str) -> int:
    """How many statements the page needs."""
    with bench.world.wired.database.write() as session:
        # A session's last sight is written once a minute, by statements of its own: not while we count.
        session.execute(update(SignInSession).values(seen_at=datetime.now(UTC)))
    with counted(bench) as said:
        page(visitor, address)
    return len(said)


def filled(bench: Bench, violation: AllegedViolation, numbers: range) -> None:
    """Revenue of as many years, each with a document, and as many earlier penalties."""
    for number in numbers:
        year = 1990 + number
        bench.revenue(
            violation,
            currency="USD",
            amount=Decimal(540_000_000),
            period_start=date(year, 1, 1),
            period_end=date(year, 12, 31),
        )
        bench.prior(violation, decision=f"Index No. {number}")


def test_figures_and_worksheet_need_no_more_queries_for_thirty_rows(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation = bench.alleged(bench.late_incident())
    visitor = client(bench, bench.officer)
    address = f"/penalties/violations/{violation.reference}/figures"
    filled(bench, violation, range(1, 2))
    sheet = bench.drafted(violation, REFERRED)
    worksheet = f"/penalties/worksheets/{sheet.reference}"
    one = [asked(bench, visitor, each) for each in (address, worksheet)]
    filled(bench, violation, range(2, 31))
    bench.changed(sheet, REFERRED)
    thirty = [asked(bench, visitor, each) for each in (address, worksheet)]
    assert thirty == one
    assert "Index No. 30" in page(visitor, worksheet)
