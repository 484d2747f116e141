"""What the public reads: everything that is published, with its proof, and nothing that is not."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pikepdf
import pypdfium2
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from evaluator import accreditations
from portal.enforcement import pictures
from portal.enforcement.tables import Worksheet
from portal.filing import forms
from portal.filing.tables import FilingKind
from portal.filing.workflow import FilingState
from portal.review import appeals, decisions
from portal.review.tables import Decision, DecisionKind
from portal.ui.formats import money
from secure_access import ledger
from secure_access.identity import OrganisationKind
from secure_access.ledger import receipts
from secure_access.workflow import Role
from tests.fixtures.enforcement import Bench
from tests.fixtures.review import Desk, register

PAGES = (
    "/",
    "/register",
    "/register/decisions",
    "/register/models",
    "/register/filings",
    "/register/developers",
    "/register/evaluators",
    "/register/penalties",
    "/register/find",
    "/ledger",
    "/ledger/check",
    "/verify",
    "/accessibility",
    "/privacy",
)
SECRET = "Zq7secret"


def another_version(desk: Desk) -> None:
    """From here on the desk's cases are about another model version."""
    desk.version_id = register(desk, f"Corvane {uuid.uuid4().hex[:6]}")


def page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return " ".join(answer.text.split())


def decided(desk: Desk, **values: Any) -> Decision:
    """A decision taken in a case of its own, in the signed log."""
    desk.later(hours=1)
    made = desk.decided(desk.under_review(), **values)
    desk.world.run_jobs()
    return made


@pytest.mark.parametrize("address", PAGES)
def test_an_empty_register_says_what_would_be_there(public: FlaskClient, address: str) -> None:
    page(public, address)


def test_a_decision_says_what_was_compared(fresh_desk: Desk, public: FlaskClient) -> None:
    made = decided(fresh_desk, reasons="The interval lies within the tier. It was measured.")
    shown = page(public, f"/register/decisions/{made.reference}")
    with fresh_desk.world.wired.database.read() as session:
        taken = [entry for entry in entries_of(session, made) if entry.type == "decision.taken"]
        index = taken[-1].leaf_index
    assert f'The decision matches entry <b class="num">{index}</b> of the public ledger' in shown
    assert "Signed, not witnessed" in shown
    assert "is not a finding that the model is safe" in shown
    assert "<p>The interval lies within the tier.</p>" in shown
    assert "Compared just now" in shown


def entries_of(session: Any, made: Decision) -> list[Any]:
    return ledger.entries(session, about=f"decision:{made.id}")


def test_the_receipt_of_a_decision_verifies_offline(fresh_desk: Desk, public: FlaskClient) -> None:
    made = decided(fresh_desk)
    receipt = public.get(f"/register/decisions/{made.reference}/receipt").text
    policy = public.get("/ledger/policy").text
    outcome = receipts.verify(receipt, receipts.Policy.parse(policy))
    assert outcome.state is receipts.State.NOT_WITNESSED
    assert outcome.content["fields"]["reference"] == made.reference


def test_a_decision_not_yet_in_a_checkpoint_says_that_the_proof_follows(
    fresh_desk: Desk, public: FlaskClient
) -> None:
    made = fresh_desk.decided(fresh_desk.under_review())
    assert "Recorded, proof follows" in page(public, f"/register/decisions/{made.reference}")


@pytest.mark.parametrize(
    ("table", "column"), [("decision", "reasons"), ("decision", "confidential_annex"), ("condition", "text")]
)
def test_a_row_changed_behind_the_portal_is_shown_as_such(
    fresh_desk: Desk, public: FlaskClient, table: str, column: str
) -> None:
    made = decided(fresh_desk, kind=DecisionKind.CONDITIONS, conditions=[("Limit new accounts", None)])
    database = fresh_desk.world.wired.database
    with database.engine.begin() as connection:
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :t"), {"t": table}
        ).all():
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text(f"UPDATE {table} SET {column} = 'changed'"))
    shown = page(public, f"/register/decisions/{made.reference}")
    assert "Do not rely on this page: what is shown is not what the entry recorded" in shown
    assert "Text unchanged" not in shown


def test_conditions_appeal_and_history_are_shown(fresh_desk: Desk, public: FlaskClient) -> None:
    made = decided(
        fresh_desk,
        kind=DecisionKind.CONDITIONS,
        conditions=[("Limit new accounts", date(2027, 9, 1)), ("Report each month", None)],
    )
    with fresh_desk.world.wired.database.write() as session:
        row = decisions.find(session, made.reference)
        first = decisions.conditions(session, row)[0]
        decisions.mark_met(
            session, decision=row, row=first, reason=SECRET, by=fresh_desk.officer, now=fresh_desk.now
        )
        appeals.note(
            session,
            decision=row,
            body="General Court",
            grounds=SECRET,
            by=fresh_desk.certifier,
            now=fresh_desk.now,
        )
    fresh_desk.world.run_jobs()
    shown = page(public, f"/register/decisions/{made.reference}")
    assert "under two conditions" in shown
    assert "Met on 1 Jun 2027" in shown
    assert "1 Sep 2027" in shown
    assert "Continuing" in shown
    assert "noted an appeal on 1 Jun 2027" in shown
    assert "Condition 1 met" in shown
    assert "The decision matches entry" in shown
    assert SECRET not in shown


def addresses(client: FlaskClient) -> Iterator[str]:
    """Every address of the public zone that its pages lead to."""
    seen, waiting = set(), list(PAGES)
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        yield address
        answer = client.get(address)
        if answer.mimetype == "text/html":
            waiting += [
                found
                for found in re.findall(r'href="(/[^"#]*)', answer.text)
                if not found.startswith("/static/")
            ]


def body_of(answer: Any) -> str:
    """What an answer says: of a PDF its text and the files in it."""
    if answer.mimetype != "application/pdf":
        return str(answer.text)
    with pypdfium2.PdfDocument(io.BytesIO(answer.data)) as file:
        found = [page.get_textpage().get_text_range() for page in file]
    with pikepdf.open(io.BytesIO(answer.data)) as file:
        found += [spec.get_file().read_bytes().decode() for spec in file.attachments.values()]
    return " ".join(found).replace("\u200b", "").replace("\ufffe", "")


def test_nothing_that_is_not_published_leaks_on_any_page(fresh_desk: Desk, public: FlaskClient) -> None:
    desk = fresh_desk
    secret = f"{SECRET} words"
    decided(desk, confidential_annex=secret)
    another_version(desk)
    other = desk.under_review()
    flag = desk.flag(other)
    desk.served(other, f"{secret}?")
    for state in FilingState:
        if state not in (FilingState.ACCEPTED, FilingState.SUPERSEDED):
            desk.filing(FilingKind.SYSTEM_CARD, state=state, content={"intended_uses": secret})
    desk.filing(FilingKind.TEST_SUMMARY, state=FilingState.SUPERSEDED, content={"tests": secret})
    desk.incident()
    desk.plan_requested(other, purpose=secret, necessity=secret)
    another_version(desk)
    desk.recommended(desk.under_review(), reasons=secret, confidential_annex=secret)
    desk.world.run_jobs()
    walked = list(addresses(public))
    assert any("/register/decisions/D-" in address for address in walked)
    assert any("/register/filings/" in address for address in walked)
    assert any(address.endswith("/copy.pdf") for address in walked)
    for address in walked:
        body = body_of(public.get(address))
        assert SECRET not in body, address
        assert flag.title not in body, address
        assert "Weights copied" not in body, address
        assert desk.officer.name not in body, address
        assert str(desk.officer.person_id) not in body or address.endswith("/receipt"), address


@pytest.mark.parametrize("state", list(FilingState))
def test_only_an_accepted_filing_is_there(fresh_desk: Desk, public: FlaskClient, state: FilingState) -> None:
    row = fresh_desk.filing(
        FilingKind.SYSTEM_CARD,
        state=state,
        accepted_at=fresh_desk.now,
    )
    published = state in (FilingState.ACCEPTED, FilingState.SUPERSEDED)
    assert public.get(f"/register/filings/{row.reference}").status_code == (200 if published else 404)
    assert (row.reference in page(public, "/register/filings")) == published
    found = public.get("/register/find", query_string={"reference": row.reference})
    assert found.status_code == (303 if published else 200)


def test_what_was_superseded_before_it_was_accepted_is_not_there(
    fresh_desk: Desk, public: FlaskClient
) -> None:
    row = fresh_desk.filing(FilingKind.SYSTEM_CARD, state=FilingState.SUPERSEDED)
    assert public.get(f"/register/filings/{row.reference}").status_code == 404


def test_a_withheld_answer_is_named_with_its_ground_and_not_its_content(
    fresh_desk: Desk, public: FlaskClient
) -> None:
    row = fresh_desk.filing(
        FilingKind.SYSTEM_CARD,
        state=FilingState.ACCEPTED,
        accepted_at=fresh_desk.now,
        content=dict.fromkeys(_questions(), SECRET),
        audiences={name: {"audience": "confidential", "why": "Trade secret"} for name in _questions()},
    )
    fresh_desk.world.run_jobs()
    shown = page(public, f"/register/filings/{row.reference}")
    assert SECRET not in shown
    assert "Trade secret" in shown
    assert "HMAC-SHA-256" in shown
    assert row.withheld_salt not in shown


def _questions() -> list[str]:
    questions = [question for section in forms.SYSTEM_CARD for question in section.questions]
    return [question.name for question in questions if question.audience]


def test_an_undecided_assessment_does_not_exist(fresh_desk: Desk, public: FlaskClient) -> None:
    case = fresh_desk.under_review()
    fresh_desk.flag(case)
    assert "No assessment is published" in page(public, "/register/evaluators")
    with fresh_desk.world.wired.database.read() as session:
        reference = (
            session.connection().execute(text("SELECT reference FROM independent_assessment")).scalar()
        )
    assert public.get(f"/register/assessments/{reference}").status_code == 404
    assert "Nothing is published under" in page(public, f"/register/find?reference={reference}")


@pytest.mark.parametrize(
    ("action", "words"), [("", "In force"), ("suspend", "Suspended"), ("revoke", "Revoked")]
)
def test_accreditations_show_their_state(
    fresh_desk: Desk, public: FlaskClient, action: str, words: str
) -> None:
    world = fresh_desk.world
    official = world.person(world.organisation(OrganisationKind.REGULATOR), Role.ACCREDITATION_OFFICER)
    body = world.organisation(OrganisationKind.EVALUATOR, "Larkfield Assurance")
    today = fresh_desk.now.date()
    scope = accreditations.Scope(["cyber"], today, today + timedelta(days=365), SECRET)
    made = fresh_desk.act(accreditations.accredit, evaluator_id=body.id, scope=scope, by=official)
    if action:
        with world.wired.database.write() as session:
            row = accreditations.load(session, made.reference, for_update=True)
            accreditations.change(session, accreditation=row, action=action, by=official, now=fresh_desk.now)
    shown = page(public, "/register/evaluators")
    assert body.name in shown
    assert words in shown
    assert "Cyber offence" in shown
    assert SECRET not in shown
    found = public.get("/register/find", query_string={"reference": made.reference.lower()})
    assert found.headers["Location"].endswith(f"/register/evaluators#{made.reference}")
    fresh_desk.later(days=400)
    assert ("Ended" in page(public, "/register/evaluators")) == (not action)


@pytest.mark.parametrize(
    "address",
    [
        "/register/decisions/D-1900-001",
        "/register/decisions/D-1900-001/receipt",
        "/register/filings/RR-1900-001",
        "/register/assessments/IA-1900-001",
        "/register/penalties/N-1900-001",
        f"/register/models/{uuid.UUID(int=1)}",
        f"/register/developers/{uuid.UUID(int=1)}",
        "/register/models/none",
    ],
)
def test_what_does_not_exist_is_not_found(public: FlaskClient, address: str) -> None:
    assert public.get(address).status_code == 404


def test_a_model_shows_its_channels_and_training_compute(fresh_desk: Desk, public: FlaskClient) -> None:
    version = str(fresh_desk.version_id)
    assert public.get(f"/register/models/{version}").status_code == 404
    made = decided(fresh_desk)
    shown = page(public, f"/register/models/{version}")
    assert "Corvane 4" in shown
    assert made.reference in shown
    assert "Not stated" in shown
    developer = page(public, f"/register/developers/{fresh_desk.developer.organisation_id}")
    assert made.reference in developer


def test_the_register_reads_the_same_on_both_databases(desk: Desk) -> None:
    made = decided(desk)
    client = desk.world.client("public")
    assert "The decision matches entry" in page(client, f"/register/decisions/{made.reference}")
    assert made.reference in page(client, "/register/decisions")
    page(client, "/register")
    page(client, "/register/models")
    page(client, "/register/developers")
    page(client, "/ledger")


def test_nobody_fills_the_disk_from_outside(public: FlaskClient) -> None:
    answer = public.post("/ledger/check", data={"receipt": "x" * (2**20 + 1)})
    assert answer.status_code == 413
    assert "1 MiB" in answer.text


def test_a_penalty_shows_its_state_and_never_an_amount(fresh_bench: Bench) -> None:
    client = fresh_bench.world.client("public")
    written = fresh_bench.written()
    assert "Nothing is published" in page(client, "/register/penalties")
    assert client.get(f"/register/penalties/{written.reference}").status_code == 404
    fresh_bench.send(written)
    fresh_bench.world.run_jobs()
    shown = page(client, f"/register/penalties/{written.reference}")
    assert "<h1>Preliminary findings sent, amount confidential</h1>" in shown
    assert "The record of the notice matches entry" in shown
    assert written.reference in page(client, "/register/penalties")
    with fresh_bench.world.wired.database.read() as session:
        amount = money(pictures.total(session.get_one(Worksheet, written.worksheet_id)))
    # The explorer shows what anybody asks it, not what was calculated here.
    for address in (found for found in addresses(client) if not found.startswith("/law/explorer")):
        body = client.get(address).text
        assert amount not in body, address
        assert amount.partition(" ")[2] not in body, address
        assert fresh_bench.officer.name not in body, address


def test_a_suggested_or_alleged_violation_is_nowhere(fresh_bench: Bench) -> None:
    client = fresh_bench.world.client("public")
    violation = fresh_bench.alleged(fresh_bench.late_answer())
    fresh_bench.world.run_jobs()
    for address in addresses(client):
        body = client.get(address).text
        assert violation.reference not in body, address
        assert violation.title not in body, address


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (
            DecisionKind.DELAY,
            {"until": date(2027, 9, 30)},
            ("release delayed", "may not make", "through API before 30 Sep 2027", "A delay is not a finding"),
        ),
        (
            DecisionKind.RESTRICT,
            {},
            ("restricted", "has to restrict", "to API", "A restriction is not a finding"),
        ),
        (
            DecisionKind.BLOCK,
            {},
            ("release blocked", "may not make", "through API.", "Blocking a release is not a finding"),
        ),
    ],
)
def test_a_release_that_is_held_back_is_published_with_its_words(
    fresh_desk: Desk,
    public: FlaskClient,
    kind: DecisionKind,
    values: dict[str, Any],
    said: tuple[str, ...],
) -> None:
    made = decided(fresh_desk, kind=kind, channels=["api"], **values)
    shown = page(public, f"/register/decisions/{made.reference}")
    for words in said:
        assert words in shown
    assert "may make" not in shown
    assert said[0] in page(public, "/register/decisions").lower()
