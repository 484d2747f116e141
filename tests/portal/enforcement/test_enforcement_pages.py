"""The pages of enforcement: the whole story by hand, and each refusal as a page."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from portal.cli import main
from portal.enforcement import notices, tasks, worksheets
from portal.enforcement.tables import AllegedViolation, RevenueEvidence, Worksheet
from portal.enforcement.workflow import ViolationState, WorksheetState
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import Actor
from tests.fixtures.app import form_of
from tests.fixtures.enforcement import CHOSEN, TODAY, Bench

SHEET = {
    "gravity": "medium",
    "gravity_reason": "Late answer to a request, three items.",
    "fault": "negligent",
    "factor-duration": "yes",
    "factor-duration-reason": "19 days.",
    "factor-reminder_ignored": "yes",
    "factor-reminder_ignored-reason": "The reminder of 12 August.",
    "factor-answered_unprompted": "yes",
    "factor-answered_unprompted-reason": "Complete at once.",
}
REVENUE = {
    "entity": "Quillmark Systems, Inc. and 2 controlled companies",
    "period_start-day": "1",
    "period_start-month": "11",
    "period_start-year": "2025",
    "period_end-day": "30",
    "period_end-month": "10",
    "period_end-year": "2026",
    "amount": "540,000,000.00",
    "currency": "USD",
    "consolidated": "yes",
    "source": "Accounts 2026, p. 41",
    "sample_of": "Example Corp.",
}


@pytest.fixture
def b(sqlite_bench: Bench) -> Bench:
    return sqlite_bench


def client(b: Bench, actor: Actor, zone: str = "government") -> FlaskClient:
    return b.world.client(zone, actor)


def page(found: FlaskClient, url: str, status: int = 200) -> str:
    answer = found.get(url)
    assert answer.status_code == status, answer.text[:3000]
    return str(answer.text)


def post(found: FlaskClient, at: str, to: str, data: dict[str, Any], status: int = 303) -> str:
    """Send the form ``to`` that stands on the page ``at``."""
    hidden = form_of(page(found, at), action="" if at == to else to)
    answer = found.post(to, data={**hidden, **data}, content_type="multipart/form-data")
    assert answer.status_code == status, answer.text[:3000]
    return str(answer.headers["Location"] if status == 303 else answer.text)


def upload(
    name: str = "accounts.csv", content: bytes = b"entity,revenue\nQ,540000000\n"
) -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def test_the_story_from_suggestion_to_answer(b: Bench) -> None:
    violation = b.late_answer()
    officer, head = client(b, b.officer), client(b, b.head)
    at = f"/penalties/violations/{violation.reference}"
    assert "Suggested, not public" in page(officer, at)
    assert violation.reference in page(officer, "/penalties/")
    form = {
        **{f"occurred_from-{k}": v for k, v in (("day", "10"), ("month", "8"), ("year", "2027"))},
        **{f"occurred_to-{k}": v for k, v in (("day", "28"), ("month", "8"), ("year", "2027"))},
        "facts": violation.facts,
        "evidence": [violation.subject],
        "reason": "The period ran out.",
    }
    post(officer, at, f"{at}/allege", form)
    assert "Alleged, not public" in page(officer, at)
    post(officer, f"{at}/figures", f"{at}/revenue", {**REVENUE, "document": upload()})
    shown = page(officer, f"{at}/figures")
    for words in (
        "Sample figures of Example Corp., no allegation",
        "daily rates",
        "3 Nov 2025",
        "accounts.csv",
    ):
        assert words in shown
    sheet = post(officer, f"{at}/worksheet", f"{at}/worksheet", SHEET)
    shown = page(officer, sheet)
    for words in (
        "EUR 3,750,000.00",
        "Recomputed now: same cents",
        "Nothing stops approval",
        "Sample figures of Example Corp., no allegation",
        "7,500,000.00 more",
        "Prepare EUR 3,750,000.00",
    ):
        assert words in shown
    post(officer, sheet, f"{sheet}/prepare", {})
    assert "Only a head of enforcement can approve" in page(officer, sheet)
    assert "Approve EUR 3,750,000.00" in page(head, sheet)
    post(head, sheet, f"{sheet}/approve", {})
    assert "is being written since" in page(head, sheet)
    b.world.run_jobs()
    notice = sheet.replace("worksheets/W", "notices/N")
    assert "not sent" in page(head, sheet)
    post(head, notice, f"{notice}/send", {})
    done = page(head, sheet)
    for passed in ("Nothing stops approval", "What stops approval", "if approved now"):
        assert passed not in done
    assert "What was checked" in done
    assert "<dt>Reply to findings</dt>" in done
    developer = client(b, b.desk.developer, "developer")
    addressed = notice.replace("/penalties/notices", "/findings")
    assert "EUR 3,750,000.00" in page(developer, addressed)
    assert addressed.rpartition("/")[2] in page(developer, "/findings/")
    post(developer, addressed, f"{addressed}/reply", {"text": "We were late by 18 days."})
    assert "We were late by 18 days." in page(head, notice)


def test_downloads_have_safe_headers(b: Bench, tmp_path: Path) -> None:
    row = b.drafted()
    officer = client(b, b.officer)
    at = f"/penalties/worksheets/{row.reference}"
    facts = officer.get(f"{at}/facts.json")
    assert facts.headers["Content-Disposition"] == f'attachment; filename="{row.reference}-v1.json"'
    assert facts.headers["X-Content-Type-Options"] == "nosniff"
    assert facts.headers["Content-Security-Policy"].startswith("sandbox")
    file = tmp_path / "facts.json"
    file.write_bytes(facts.data)
    printed = CliRunner().invoke(main, ["law", "penalty", str(file), "--format", "json"])
    assert json.loads(printed.output)["total"] == "3750000"
    rows = list(csv.DictReader(io.StringIO(officer.get(f"{at}/lines.csv").text)))
    assert rows[-1]["amount"] == "3750000"
    counted = [Decimal(r["amount"]) for r in rows if r["operation"] in ("start", "factor", "ceiling")]
    assert sum(counted) == Decimal(3750000)


def test_a_text_that_looks_like_a_formula_stays_text(b: Bench) -> None:
    violation = b.alleged(b.late_answer())
    b.revenue(violation, source="=HYPERLINK(1)")
    row = b.drafted(violation)
    text = client(b, b.officer).get(f"/penalties/worksheets/{row.reference}/lines.csv").text
    assert "'=HYPERLINK(1)" in text
    assert ",=HYPERLINK" not in text


def test_the_letter_is_downloaded_and_the_opening_recorded(b: Bench) -> None:
    notice = b.sent()
    for actor, zone, at in (
        (b.officer, "government", f"/penalties/notices/{notice.reference}/file"),
        (b.desk.developer, "developer", f"/findings/{notice.reference}/file"),
    ):
        answer = client(b, actor, zone).get(at)
        assert answer.data.startswith(b"%PDF")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{notice.reference}.pdf"'
    with b.world.wired.database.read() as session:
        types = [e.type for e in ledger.entries(session, about=f"notice:{notice.id}")]
    assert types.count("document.opened") == 2


def test_the_document_behind_revenue_is_downloaded(b: Bench) -> None:
    violation = b.alleged(b.late_answer())
    row = b.revenue(violation)
    at = f"/penalties/violations/{violation.reference}/revenue/{row.id}/file"
    assert client(b, b.officer).get(at).data.startswith(b"entity,revenue")
    bare = b.revenue(violation, file=False)
    page(client(b, b.officer), at.replace(str(row.id), str(bare.id)), 404)


@pytest.mark.parametrize("who", ["officer", "decider", "approver", "reader"])
def test_other_officials_get_the_page_for_no_such_thing(b: Bench, who: str) -> None:
    row = b.drafted()
    other = client(b, getattr(b.desk, who))
    for at in ("/penalties/", f"/penalties/worksheets/{row.reference}"):
        page(other, at, 404)


def test_findings_of_another_developer_do_not_exist(b: Bench) -> None:
    notice = b.sent()
    other = client(b, b.desk.other_developer, "developer")
    assert notice.reference not in page(other, "/findings/")
    for at in (f"/findings/{notice.reference}", f"/findings/{notice.reference}/file"):
        page(other, at, 404)


def test_an_allegation_with_mistakes_comes_back_as_typed(b: Bench) -> None:
    violation = b.late_answer()
    at = f"/penalties/violations/{violation.reference}"
    bad = {"facts": "It was late by weeks.", "occurred_from-day": "31", "occurred_from-month": "2"}
    text = post(client(b, b.officer), at, f"{at}/allege", {**bad, "occurred_from-year": "2027"}, 422)
    for words in (
        "It was late by weeks.",
        "There is no such date",
        "State the last day",
        "Say why this is alleged",
    ):
        assert words in text
    assert b.desk.fresh(violation).state is ViolationState.SUGGESTED


def test_an_allegation_that_the_service_refuses_says_why(b: Bench) -> None:
    violation = b.late_answer()
    at = f"/penalties/violations/{violation.reference}"
    form = {
        **{f"occurred_from-{k}": v for k, v in (("day", "28"), ("month", "8"), ("year", "2027"))},
        **{f"occurred_to-{k}": v for k, v in (("day", "10"), ("month", "8"), ("year", "2027"))},
        "facts": "Late.",
        "evidence": [violation.subject],
        "reason": "Late.",
    }
    assert "ends before it starts" in post(client(b, b.officer), at, f"{at}/allege", form, 422)


def test_dropping_needs_a_reason_and_happens_once(b: Bench) -> None:
    violation = b.late_answer()
    officer = client(b, b.officer)
    at = f"/penalties/violations/{violation.reference}"
    assert "Say why this is not pursued" in post(officer, at, f"{at}/drop", {"drop_reason": ""}, 422)
    post(officer, at, f"{at}/drop", {"drop_reason": "Force majeure."})
    shown = page(officer, at)
    assert "Force majeure." in shown
    assert "Drop it" not in shown


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": "a lot"}, "Write a number in digits"),
        ({"entity": ""}, "Name the company"),
        ({"period_end-year": "2024"}, "ends before it starts"),
        ({"document": (b"MZ\x90\x00", "run.exe")}, "not taken here"),
        ({"document": (b"", "empty.csv")}, "The file is empty"),
    ],
)
def test_revenue_with_mistakes_comes_back_as_typed(b: Bench, change: dict[str, Any], words: str) -> None:
    violation = b.alleged(b.late_answer())
    at = f"/penalties/violations/{violation.reference}"
    data: dict[str, Any] = {**REVENUE, **change}
    if "document" in change:
        content, name = change["document"]
        data["document"] = upload(name, content)
    text = post(client(b, b.officer), f"{at}/figures", f"{at}/revenue", data, 422)
    assert words in text
    assert "Accounts 2026, p. 41" in text
    with b.world.wired.database.read() as session:
        where = RevenueEvidence.developer_id == violation.developer_id
        assert session.exec(select(RevenueEvidence).where(where)).all() == []


def test_a_prior_is_recorded_and_a_wrong_one_comes_back(b: Bench) -> None:
    violation = b.alleged(b.late_incident())
    at = f"/penalties/violations/{violation.reference}"
    officer = client(b, b.officer)
    data = {
        "regime": "ny-raise",
        "decision": "Index No. 1",
        "penalised_entity": "Quillmark Systems, Inc.",
        "link": "same",
        "status": "final",
        "reason": "same duty",
        **{f"conduct_from-{k}": v for k, v in (("day", "10"), ("month", "1"), ("year", "2027"))},
        **{f"conduct_to-{k}": v for k, v in (("day", "10"), ("month", "1"), ("year", "2027"))},
    }
    assert "became so" in post(officer, f"{at}/figures", f"{at}/priors", data, 422)
    final = {f"final_on-{k}": v for k, v in (("day", "1"), ("month", "4"), ("year", "2027"))}
    post(officer, f"{at}/figures", f"{at}/priors", {**data, **final})
    assert "Index No. 1" in page(officer, f"{at}/figures")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gravity": ""}, "Choose the gravity"),
        ({"gravity_reason": ""}, "Say why the violation has this gravity"),
        ({"factor-duration-reason": ""}, "Say why “Duration” applies"),
        (
            {"factor-other_mitigating": "yes", "factor-other_mitigating-percent": "much"},
            "in digits, for example 10",
        ),
        (
            {
                "factor-other_mitigating": "yes",
                "factor-other_mitigating-percent": "90",
                "factor-other_mitigating-reason": "Helped",
            },
            "between − 0 and − 15",
        ),
    ],
)
def test_a_worksheet_with_mistakes_comes_back_as_typed(b: Bench, change: dict[str, str], words: str) -> None:
    violation = b.alleged(b.late_answer())
    b.revenue(violation)
    at = f"/penalties/violations/{violation.reference}/worksheet"
    text = post(client(b, b.officer), at, at, {**SHEET, **change}, 422)
    assert words in text
    assert "The reminder of 12 August." in text


def test_without_revenue_the_form_says_what_to_do(b: Bench) -> None:
    violation = b.alleged(b.late_answer())
    at = f"/penalties/violations/{violation.reference}/worksheet"
    assert "Attach evidence of revenue first" in post(client(b, b.officer), at, at, SHEET, 422)


def test_gaps_are_listed_with_where_to_mend_them(b: Bench) -> None:
    violation = b.alleged(b.late_answer())
    b.revenue(violation, file=False)
    row = b.drafted(violation)
    text = page(client(b, b.officer), f"/penalties/worksheets/{row.reference}")
    assert "What stops approval" in text
    assert f"/penalties/violations/{violation.reference}/figures" in text
    assert "is not open to you now" in text


def test_a_change_is_a_version_with_its_comparison(b: Bench) -> None:
    row = b.prepared()
    officer = client(b, b.officer)
    at = f"/penalties/worksheets/{row.reference}"
    changed = {**SHEET, "gravity": "high", "version": "1"}
    to = f"{at}/change"
    assert "Say why the worksheet changes" in post(officer, to, to, changed, 422)
    post(officer, to, to, {**changed, "change_reason": "It was graver."})
    text = page(officer, at)
    assert "version 2" in text
    assert "Changed in v2: was gravity 20 %" in text
    compared = page(officer, f"{at}/compare?version=2")
    assert "It was graver." in compared
    assert "Version 2 replaced this one" in page(officer, f"{at}?version=1")
    page(officer, f"{at}/compare?version=1", 404)
    page(officer, f"{at}?version=9", 404)
    page(officer, f"{at}?version=x", 404)


def test_approving_what_was_replaced_meanwhile_is_refused(b: Bench) -> None:
    row = b.prepared()
    head = client(b, b.head)
    at = f"/penalties/worksheets/{row.reference}"
    hidden = form_of(page(head, at), f"{at}/approve")
    b.changed(row, CHOSEN.__class__(**{**CHOSEN.__dict__, "gravity": "low"}))
    answer = head.post(f"{at}/approve", data=hidden)
    assert answer.status_code == 403
    assert "Version 2 replaced the version you looked at" in answer.text


def test_who_prepared_gets_the_reason_as_a_page(b: Bench) -> None:
    row = b.prepared(by=b.head)
    head = client(b, b.head)
    at = f"/penalties/worksheets/{row.reference}"
    text = page(head, at)
    assert "You prepared this version, so you cannot approve it" in text
    hidden = form_of(page(head, f"{at}/send-back"))
    answer = head.post(f"{at}/approve", data={**hidden, "version": "1"})
    assert answer.status_code == 403
    assert b.desk.fresh(row).state is WorksheetState.PREPARED


def test_a_double_click_approves_once(b: Bench) -> None:
    row = b.prepared()
    head = client(b, b.head)
    at = f"/penalties/worksheets/{row.reference}"
    hidden = form_of(page(head, at), f"{at}/approve")
    for _ in range(2):
        assert head.post(f"{at}/approve", data=hidden).status_code == 303
    with b.world.wired.database.read() as session:
        types = [e.type for e in ledger.entries(session, about=f"worksheet:{row.id}")]
    assert types.count("worksheet.approved") == 1


def test_sent_back_with_a_reason(b: Bench) -> None:
    row = b.prepared()
    head = client(b, b.head)
    at = f"/penalties/worksheets/{row.reference}"
    to = f"{at}/send-back"
    assert "Say what has to change" in post(head, to, to, {"reason": ""}, 422)
    post(head, to, to, {"reason": "Count the days again."})
    text = page(client(b, b.officer), at)
    assert "Count the days again." in text
    assert "Change the worksheet" in text
    page(head, to, 403)


def test_a_reply_without_text_comes_back(b: Bench) -> None:
    notice = b.sent()
    developer = client(b, b.desk.developer, "developer")
    at = f"/findings/{notice.reference}"
    assert "Write your answer first" in post(developer, at, f"{at}/reply", {"text": " "}, 422)


def test_a_referral_says_whose_power_it_is(b: Bench) -> None:
    notice = b.written(b.referred())
    head = client(b, b.head)
    with b.world.wired.database.read() as session:
        row = session.get_one(Worksheet, notice.worksheet_id)
    text = page(head, f"/penalties/worksheets/{row.reference}")
    assert "Not our power." in text
    assert "Counted" in text
    assert "a court imposes" in page(head, f"/penalties/notices/{notice.reference}")


def tasks_of(b: Bench, by: Actor) -> list[str]:
    with b.world.wired.database.read() as session:
        return [task.what for task in tasks.tasks(session, by=by, now=b.now)]


def test_each_home_lists_what_waits(b: Bench) -> None:
    violation = b.late_answer()
    assert f"Allege or drop {violation.reference}: late answer to an information request" in tasks_of(
        b, b.officer
    )
    violation = b.alleged(violation)
    assert any(f"Calculate a penalty for {violation.reference}" in what for what in tasks_of(b, b.officer))
    b.revenue(violation)
    row = b.drafted(violation)
    assert f"Finish {row.reference}: version 1 is a draft" in tasks_of(b, b.officer)
    row = b.prepared(row)
    wanted = f"Approve {row.reference}: EUR 3,750,000.00, or send it back"
    assert wanted in tasks_of(b, b.head)
    assert wanted not in tasks_of(b, b.officer)
    row = b.step(row, worksheets.approve, b.head)
    b.world.run_jobs()
    reference = row.reference.replace("W", "N", 1)
    assert any(what.startswith(f"Send {reference} to") for what in tasks_of(b, b.head))
    assert tasks_of(b, b.desk.developer) == []
    with b.world.wired.database.read() as session:
        notice = worksheets_notice(session, row, b)
    notice = b.send(notice)
    assert tasks_of(b, b.desk.developer) == [f"Answer the preliminary findings {reference}"]
    b.desk.act(reply_to, notice=notice, by=b.desk.developer)
    assert tasks_of(b, b.desk.developer) == []
    assert tasks_of(b, b.desk.officer) == []
    assert b.now == TODAY


def worksheets_notice(session: Any, row: Worksheet, b: Bench) -> Any:
    return notices.of_worksheet(session, row, by=b.officer)


def reply_to(session: Any, *, notice: Any, by: Actor, now: Any) -> Any:
    return notices.reply(session, notice, text="We were late.", by=by, now=now)


def test_a_sent_back_worksheet_waits_for_the_officer(b: Bench) -> None:
    row = b.prepared()
    b.step(row, worksheets.send_back, b.head, reason="Again.")
    assert f"Finish {row.reference}: version 1 was sent back" in tasks_of(b, b.officer)


def test_a_violation_of_another_case_shows_its_own_evidence(b: Bench) -> None:
    violation = b.late_incident()
    with b.world.wired.database.read() as session:
        assert session.get_one(AllegedViolation, violation.id).items == 1
    assert "Incident I-" in page(client(b, b.officer), f"/penalties/violations/{violation.reference}")
