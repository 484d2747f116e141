"""A sealed plan: delivered by file, opened page by page by its reader, for everybody else not there."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest

from portal.review import openings, plans
from portal.review.tables import PlanRequest
from portal.review.workflow import PlanState
from secure_access import ledger
from secure_access.identity import Actor, OrganisationKind
from secure_access.identity.roles import ROLES_OF
from secure_access.ledger import Log, receipts, sequencer
from secure_access.workflow import Role
from tests.fixtures.app import form_of, without_tokens
from tests.fixtures.review import SECTIONS, Desk

PNG = b"\x89PNG\r\n\x1a\n"


def pdf(pages: int = 2) -> io.BytesIO:
    """A PDF of blank pages."""
    made, target = pypdfium2.PdfDocument.new(), io.BytesIO()
    for _ in range(pages):
        made.new_page(300, 400)
    made.save(target)
    target.seek(0)
    return target


def deliver(desk: Desk, request: PlanRequest, files: dict[str, Any]) -> Any:
    client = desk.world.client("developer", desk.certifier)
    path = f"/plans/{request.reference}"
    page = client.get(path)
    assert page.status_code == 200
    return client.post(path, data=form_of(page.text) | files)


@pytest.fixture
def delivered(sqlite_desk: Desk) -> PlanRequest:
    """A plan that lies in the vault, delivered through its page and screened."""
    desk = sqlite_desk
    request = desk.plan_approved(desk.under_review(), read_until=desk.now + timedelta(days=21))
    files = {f"section-{key}": (pdf(), f"{key}.pdf") for key in request.sections}
    assert deliver(desk, request, files).status_code == 303
    desk.world.run_jobs()
    return request


def knock(desk: Desk, by: Actor, request: PlanRequest, page: str = "1.png", section: int = 1) -> Any:
    path = f"/plans/{request.reference}/sections/{section}/pages/{page}"
    return desk.world.client("government", by).get(path)


def recorded(desk: Desk, request: PlanRequest) -> list[ledger.LedgerEntry]:
    with desk.world.wired.database.read() as session:
        found = ledger.entries(session, plans.subject_of(request))
        return [e for e in found if e.type in ("plan.opened", "plan.opening_refused")]


def test_a_page_is_recorded_before_it_is_shown(sqlite_desk: Desk, delivered: PlanRequest) -> None:
    frame = knock(sqlite_desk, sqlite_desk.reader, delivered, "1")
    assert frame.status_code == 200
    assert "Demonstration custody" in frame.text
    assert recorded(sqlite_desk, delivered) == []
    shown = knock(sqlite_desk, sqlite_desk.reader, delivered)
    assert (shown.status_code, shown.mimetype) == (200, "image/png")
    assert shown.data.startswith(PNG)
    assert shown.headers["Cache-Control"] == "no-store"
    (entry,) = recorded(sqlite_desk, delivered)
    assert entry.type == "plan.opened"
    assert entry.fields["reader"] == str(sqlite_desk.reader.person_id)
    assert (entry.fields["section"], entry.fields["page"]) == (1, 1)


@pytest.mark.parametrize(
    "role",
    sorted(ROLES_OF[OrganisationKind.REGULATOR]),
)
def test_nobody_else_finds_it_whatever_their_role(
    sqlite_desk: Desk, delivered: PlanRequest, role: Role
) -> None:
    authority = sqlite_desk.world.organisation(OrganisationKind.REGULATOR)
    other = sqlite_desk.world.person(authority, role)
    for page in ("1", "1.png"):
        refused = knock(sqlite_desk, other, delivered, page)
        missing = sqlite_desk.world.client("government", other).get("/plans/PR-1999-001/sections/1/pages/1")
        assert refused.status_code == missing.status_code == 404
        assert without_tokens(refused.text) == without_tokens(missing.text)
    found = recorded(sqlite_desk, delivered)
    assert [entry.type for entry in found] == ["plan.opening_refused"] * 2
    assert found[0].fields["reason"] == "not in the grant"


def test_the_same_reader_a_minute_later_finds_nothing(sqlite_desk: Desk, delivered: PlanRequest) -> None:
    desk = sqlite_desk
    desk.world.at(delivered.read_until - timedelta(minutes=1))
    assert knock(desk, desk.reader, delivered).status_code == 200
    desk.later(minutes=1)
    refused = knock(desk, desk.reader, delivered)
    missing = desk.world.client("government", desk.reader).get("/no/such/page")
    assert refused.status_code == 404
    assert without_tokens(refused.text) == without_tokens(missing.text)
    assert recorded(desk, delivered)[-1].fields["reason"] == "the access grant has ended"


def test_a_grant_that_ends_while_the_page_is_drawn_shuts_it(
    sqlite_desk: Desk, delivered: PlanRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sqlite_desk

    def slow(*_: Any, **__: Any) -> bytes:
        with desk.world.wired.database.write() as session:
            row = plans.load(session, delivered.reference, by=desk.officer, for_update=True)
            plans.end(session, request=row, by=desk.officer, now=desk.now)
        return PNG

    monkeypatch.setattr("secure_access.documents.page_image", slow)
    assert knock(desk, desk.reader, delivered).status_code == 404
    assert [entry.type for entry in recorded(desk, delivered)] == ["plan.opening_refused"]


def test_pages_and_sections_that_are_not_there(sqlite_desk: Desk, delivered: PlanRequest) -> None:
    desk = sqlite_desk
    for page, section in (("0.png", 1), ("3.png", 1), ("3", 1), ("1.png", 9)):
        assert knock(desk, desk.reader, delivered, page, section).status_code == 404
    assert "Next page" in knock(desk, desk.reader, delivered, "1").text
    assert "Previous page" in knock(desk, desk.reader, delivered, "2").text


def test_before_its_delivery_nothing_is_there(sqlite_desk: Desk) -> None:
    request = sqlite_desk.plan_approved(sqlite_desk.under_review())
    assert knock(sqlite_desk, sqlite_desk.reader, request).status_code == 404
    assert recorded(sqlite_desk, request) == []


def test_a_file_that_cannot_be_shown_says_so(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request = desk.plan_approved(desk.under_review(), sections=SECTIONS[:1])
    broken = (io.BytesIO(b"%PDF-1.7\nnot really"), "plan.pdf")
    assert deliver(desk, request, {f"section-{SECTIONS[0]}": broken}).status_code == 303
    assert "still being checked" in knock(desk, desk.reader, request, "1").text
    desk.world.run_jobs()
    assert "cannot be shown" in knock(desk, desk.reader, request, "1").text
    assert knock(desk, desk.reader, request).status_code == 403
    assert recorded(desk, request) == []


def test_a_delivery_needs_one_fitting_file_for_each_section(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    request = desk.plan_approved(desk.under_review())
    first, second = (f"section-{key}" for key in request.sections)
    refused = deliver(desk, request, {first: (pdf(), "a.pdf")})
    assert refused.status_code == 422
    assert "Choose one file for" in refused.text
    wrong = {first: (pdf(), "a.pdf"), second: (io.BytesIO(b"MZ\x90"), "b.exe")}
    assert deliver(desk, request, wrong).status_code == 422
    assert desk.fresh(request).state is PlanState.APPROVED
    page = desk.world.client("developer", desk.developer).get(f"/plans/{request.reference}").text
    assert "A certifying officer of your organisation delivers it" in page


def test_the_developer_sees_who_opened_and_who_tried(sqlite_desk: Desk, delivered: PlanRequest) -> None:
    desk = sqlite_desk
    for page in ("1.png", "2.png"):
        knock(desk, desk.reader, delivered, page)
        desk.later(minutes=5)
    knock(desk, desk.reader, delivered, "1.png", 2)
    desk.later(hours=2)
    knock(desk, desk.reader, delivered)
    knock(desk, desk.approver, delivered)
    desk.world.run_jobs()
    path = f"/plans/{delivered.reference}/openings"
    page = desk.world.client("developer", desk.certifier).get(path)
    assert page.status_code == 200
    for words in (
        "1 person opened 2 of your 2 sections, 4 pages in all. 1 attempt was refused.",
        "Refused: not in the grant",
        "A. Brenner",
        "Henrike Solano",
        desk.reader.organisation_name,
        "Demonstration custody",
    ):
        assert words in page.text
    with desk.world.wired.database.read() as session:
        rows = openings.record(session, delivered, now=desk.now).rows
    assert [sum(pages for _, pages in row.pages) for row in rows] == [3, 1, 0]
    assert desk.world.client("developer", desk.other_developer).get(path).status_code == 404
    desk.world.at(delivered.read_until)
    page = desk.world.client("developer", desk.certifier).get(path)
    assert "Nobody can open it now" in page.text


def test_each_opening_leads_to_its_entry_and_a_receipt_that_outsiders_verify(
    sqlite_desk: Desk, delivered: PlanRequest
) -> None:
    desk, world = sqlite_desk, sqlite_desk.world
    knock(desk, desk.reader, delivered)
    world.run_jobs()
    sequencer.anchor(world.wired.database, world.clock.now())
    world.run_jobs()
    client = world.client("developer", desk.certifier)
    path = f"/plans/{delivered.reference}/openings"
    (entry,) = set(re.findall(rf'href="({path}/[0-9a-f-]+)"', client.get(path).text))
    shown = client.get(entry).text
    assert "of the custody log" in shown
    assert "nobody else sees that it is there" in shown
    assert "None sees this log." in shown
    assert "Signed, not witnessed" not in shown
    assert "A reader opened a section of your plan" in shown
    receipt = client.get(f"{entry}/receipt.json").text
    policy = receipts.Policy.parse(receipts.policy_text(world.wired.log_keys.of(Log.PUBLIC)))
    found = receipts.verify(receipt, policy)
    assert (found.state, found.content["type"]) == (receipts.State.NOT_WITNESSED, "plan.opened")
    stranger = world.client("developer", desk.other_developer)
    for address in (entry, f"{entry}/receipt.json"):
        assert stranger.get(address).status_code == 404
