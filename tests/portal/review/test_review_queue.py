"""The queue with a thousand cases: pages, order, and as many queries for fifty rows as for one."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from sqlalchemy import event

from portal.review import queue
from portal.review.queue import PAGE, View
from portal.review.tables import Case
from tests.fixtures.review import Desk


def fill(desk: Desk, count: int) -> None:
    rows = [
        Case(
            reference=f"Q-{uuid.uuid4().hex[:14]}",
            developer_id=desk.developer.organisation_id,
            model_version_id=desk.version_id,
            officer_id=desk.officer.person_id,
            opened_at=desk.now,
            due_on=date(2027, 7, 1) + timedelta(days=number % 90) if number % 7 else None,
        )
        for number in range(count)
    ]
    desk.keep(*rows)


def queries(desk: Desk, number: int) -> tuple[queue.Page, int]:
    said: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    engine = desk.world.wired.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        with desk.world.wired.database.read() as session:
            page = queue.page(session, view=View.MINE, number=number, by=desk.officer, now=desk.now)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return page, len(said)


def test_a_thousand_cases_in_pages_of_fifty(desk: Desk) -> None:
    fill(desk, 1)
    _, for_one = queries(desk, 1)
    fill(desk, 999)
    first, for_fifty = queries(desk, 1)
    last, _ = queries(desk, 999)
    assert for_fifty <= for_one + 1
    assert (first.total, len(first.rows), first.first, first.last) == (1000, PAGE, 1, 50)
    assert (last.number, last.first, last.last) == (20, 951, 1000)
    dues = [row.case.due_on for row in first.rows]
    assert dues == sorted(day for day in dues if day)
    assert last.rows[-1].case.due_on is None


def test_the_page_of_a_thousand_leads_on(sqlite_desk: Desk) -> None:
    fill(sqlite_desk, 60)
    client = sqlite_desk.world.client("government", sqlite_desk.officer)
    first = client.get("/cases?view=mine").text
    assert "Cases 1 to 50 of 60" in first
    assert "Due later" in first
    assert "Cases 51 to 60 of 60" in client.get("/cases?view=mine&page=2").text
