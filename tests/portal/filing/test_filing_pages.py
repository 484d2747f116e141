"""Pages of the developer's zone: what is typed is kept, what is refused says why."""

from __future__ import annotations

import io
import json
import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from portal.filing import service
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FilingState
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.workflow import Role
from tests.fixtures.app import form_of, without_tokens
from tests.fixtures.filing import made, page, post

TINY_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture
def dev(sqlite_developer):
    return sqlite_developer


@pytest.fixture
def client(dev):
    return dev.world.client("developer", dev.preparer)


def test_every_page_of_every_form_opens_and_saves(dev, client):
    version = made(dev, dev.version)
    for kind in FilingKind:
        start = post(client, "/filings/new", {"kind": kind, "version": str(version.id)})
        key = start.location.rpartition("/")[2]
        filing = dev_filing(dev, key)
        for section in sections_of(filing):
            at = f"/filings/{key}/form/{section.key}"
            shown = page(client, at)
            for question in section.questions:
                if question.only_if is None:
                    assert f'"{question.name}' in shown
            answer = post(client, at, {"do": "leave"})
            assert answer.location == "/filings"
        page(client, f"/filings/{key}/attachments")
        page(client, f"/filings/{key}/certify")
        page(client, f"/filings/{key}/public")


def sections_of(filing):
    from portal.filing import publication

    return publication.sections(filing)


def dev_filing(dev, key) -> Filing:
    with dev.world.wired.database.read() as session:
        return service.load(session, key, by=dev.preparer)


def test_start_says_what_is_missing(client):
    shown = post(client, "/filings/new", {"kind": "", "version": ""}, status=422).text
    assert "Choose what you file." in shown
    assert "Choose the model version" in shown
    post(client, "/filings/new", {"kind": "test_summary", "version": str(uuid.uuid4())}, status=404)


def test_going_on_with_gaps_keeps_the_answers_and_names_the_gaps(dev, client):
    filing = made(dev, dev.draft, complete=False)
    at = f"/filings/{filing.id}/form/cyber"
    typed = {
        "cyber.scenario": "Somebody <b>does</b> it.",
        "cyber.scenario-audience": "public",
        "do": "continue",
    }
    shown = post(client, at, typed, status=422).text
    assert "Say what risk is left after mitigation" in shown
    assert "Somebody &lt;b&gt;does&lt;/b&gt; it." in shown
    kept = dev_filing(dev, str(filing.id))
    assert kept.content["cyber.scenario"] == "Somebody <b>does</b> it."
    assert kept.audiences["cyber.scenario"] == {"audience": "public", "why": ""}


def test_a_date_that_does_not_exist_is_shown_as_typed(dev, client):
    filing = made(dev, dev.draft, complete=False)
    at = f"/filings/{filing.id}/form/scope"
    typed = {"period_start-day": "31", "period_start-month": "2", "period_start-year": "2027", "do": "leave"}
    shown = post(client, at, typed, status=422).text
    assert "There is no such date" in shown
    assert 'value="31"' in shown


def test_a_second_set_of_questions_for_safeguards_off(dev, client):
    filing = made(dev, dev.draft, complete=False)
    at = f"/filings/{filing.id}/form/cyber"
    assert "cyber.off.tier" not in page(client, at)
    post(client, at, {"cyber.variants": "two", "cyber.tier": "2", "do": "stay"})
    assert "cyber.off.tier" in page(client, at)
    post(client, at, {"cyber.variants": "two", "cyber.off.tier": "3", "do": "stay"})
    rows = service.risk_rows(dev_filing(dev, str(filing.id)))
    assert [(row.variant, row.tier) for row in rows[:2]] == [("safeguards on", 2), ("safeguards off", 3)]


def vault_files(dev) -> set[str]:
    """Everything that lies in the instance's vault."""
    folder = Path(dev.world.wired.settings.vault_url.removeprefix("file://"))
    assert folder.is_dir()
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def test_attaching_refusing_and_removing(dev, client):
    filing = made(dev, dev.draft, complete=False)
    at = f"/filings/{filing.id}/attachments"
    before = vault_files(dev)
    sent = {"document": (io.BytesIO(b"MZ\x90\x00 program"), "tool.exe")}
    shown = post(client, at, sent, status=422, action="", content_type="multipart/form-data", form_at=at).text
    assert "This kind of file is not taken here" in shown
    assert ".pdf" in shown
    assert vault_files(dev) == before
    sent = {"document": (io.BytesIO(TINY_PDF), "eval-cyber.pdf"), "label": "Cyber evaluation"}
    post(client, at, sent, content_type="multipart/form-data")
    assert len(vault_files(dev)) > len(before)
    shown = page(client, at)
    assert "Cyber evaluation" in shown
    assert "Being read" in shown
    dev.world.run_jobs()
    assert re.search("Cannot be shown|Can be shown", page(client, at))
    document = re.search(rf"/filings/{filing.id}/documents/([0-9a-f-]+)", shown)[1]
    got = client.get(f"/filings/{filing.id}/documents/{document}")
    assert got.data == TINY_PDF
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    remove = f"{at}/{document}/remove"
    post(client, remove, form_at=at, action=remove)
    assert "Cyber evaluation" not in page(client, at)
    assert client.get(f"/filings/{filing.id}/documents/{document}").status_code == 404


def test_no_file_chosen_says_so(dev, client):
    filing = made(dev, dev.draft, complete=False)
    at = f"/filings/{filing.id}/attachments"
    assert "Choose a file." in post(client, at, status=422, content_type="multipart/form-data").text


def test_from_draft_to_receipt_and_a_second_click(dev, client):
    filing = made(dev, dev.draft)
    certify = f"/filings/{filing.id}/certify"
    wrong = post(client, certify, {"certifier": ""}, status=422, action="").text
    assert "Choose a certifying officer" in wrong
    post(client, certify, {"certifier": str(dev.officer.person_id)})
    sign = f"/filings/{filing.id}/sign"
    assert "is not open to you now" in page(client, sign)
    officer = dev.world.client("developer", dev.officer)
    hidden = form_of(page(officer, sign))
    first = officer.post(sign, data=hidden)
    second = officer.post(sign, data=hidden)
    third = officer.post(sign, data={**hidden, "form_id": str(uuid.uuid4())})
    assert first.status_code == second.status_code == third.status_code == 303
    assert first.location == second.location == third.location
    shown = page(officer, first.location)
    assert "Recorded, proof follows" in shown
    dev.world.run_jobs()
    assert "In the log as entry" in page(officer, first.location)
    receipt = json.loads(page(officer, first.location + ".json"))
    assert receipt["proof"]
    signed = officer.get(first.location.removesuffix("receipt") + "filing.json").data
    import hashlib

    assert hashlib.sha256(signed).hexdigest() == receipt["content"]["fields"]["digest"]
    page(officer, first.location.removesuffix("/receipt"))
    assert "Receipt" in page(officer, "/filings")


def test_reasons_are_kept_from_the_page(dev, client):
    filing = made(dev, dev.draft, complete=False)
    at = f"/filings/{filing.id}/certify"
    explain = f"/filings/{filing.id}/explain"
    assert post(client, explain, {"reason": ""}, form_at=at, action=explain, status=422)
    post(client, explain, {"reason": "There were no tests."}, form_at=at, action=explain)
    assert "There were no tests." in page(client, at)
    assert page(client, f"/filings/{filing.id}/checks.csv").startswith("kind,code,section")
    assert json.loads(page(client, f"/filings/{filing.id}/checks.json"))[0]["code"]
    page(client, f"/filings/{filing.id}/checks.xml", 404)


def test_amend_withdraw_discard_pages(dev):
    client = dev.world.client("developer", dev.officer)
    filed = made(dev, dev.submitted)
    at = f"/filings/{filed.reference}"
    amend = post(client, f"{at}/amend", form_at=at, action=f"{at}/amend")
    assert filed.reference in page(client, amend.location)
    draft = amend.location.split("/")[2]
    discard = f"/filings/{draft}/discard"
    post(client, discard, form_at=f"/filings/{draft}/certify", action=discard)
    assert client.get(f"/filings/{draft}").status_code == 404
    refused = post(client, f"{at}/withdraw", form_at=at, action=f"{at}/withdraw", status=403).text
    assert "A withdrawal has a reason" in refused
    post(client, f"{at}/withdraw", {"reason": "Wrong"}, form_at=at, action=f"{at}/withdraw")
    assert "Withdrawn" in page(client, at)


def test_nothing_of_a_draft_is_in_the_governments_zone(dev):
    world = dev.world
    official = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    client = world.client("government", official)
    draft = made(dev, dev.draft)
    with world.wired.database.read() as session:
        document = made(dev, dev.attach, draft, "notes.txt", b"Evidence.\n").id
        assert session
    for url in (
        f"/filings/{draft.id}",
        f"/filings/{draft.id}/documents/{document}",
        f"/filings/{uuid.uuid4()}",
    ):
        assert client.get(url).status_code == 404
    absent = client.get(f"/filings/{uuid.uuid4()}").text
    assert without_tokens(client.get(f"/filings/{draft.id}").text) == without_tokens(absent)
    filed = made(dev, dev.submitted)
    shown = page(client, f"/filings/{filed.reference}")
    assert "Confidential" in shown
    assert page(client, f"/filings/{filed.id}")


def test_another_developer_gets_no_page(dev, developer_of):
    other = developer_of(dev.world)
    client = dev.world.client("developer", other.officer)
    draft, filed = made(dev, dev.draft), made(dev, dev.submitted)
    version = made(dev, dev.version)
    incident = made(dev, dev.incident)
    for url in (
        f"/filings/{draft.id}", f"/filings/{draft.id}/form/scope", f"/filings/{draft.id}/certify",
        f"/filings/{draft.id}/sign", f"/filings/{filed.reference}", f"/filings/{filed.reference}/receipt",
        f"/filings/{filed.reference}/receipt.json", f"/filings/{filed.reference}/filing.json",
        f"/filings/{draft.id}/public", f"/filings/{draft.id}/checks.csv",
        f"/models/versions/{version.id}/coverage", f"/models/versions/{version.id}/correct",
        f"/incidents/{incident.reference}", f"/models/new?model={version.model_id}",
    ):  # fmt: skip
        assert client.get(url).status_code == 404, url


def test_an_incident_in_two_answers(dev, client):
    aware = dev.world.clock.now() - timedelta(hours=100)
    typed = {
        "what_happened": "Weights were copied.",
        "aware_at-day": str(aware.day),
        "aware_at-month": str(aware.month),
        "aware_at-year": str(aware.year),
        "aware_at-time": f"{aware:%H:%M}",
        "internal_use": "not_known",
        "version": "",
    }
    shown = post(client, "/incidents/new", {**typed, "what_happened": ""}, status=422).text
    assert "Say in a sentence what happened" in shown
    shown = post(client, "/incidents/new", {**typed, "aware_at-year": "2028"}, status=422).text
    assert "The time lies in the future" in shown
    answer = post(client, "/incidents/new", typed)
    shown = page(client, answer.location)
    assert "New York RAISE Act" in shown
    assert "California TFAIA" in shown
    assert "Reported late under New York RAISE Act" in shown
    assert "which model it concerns" in shown
    update = f"{answer.location}/updates"
    assert (
        "Write what is new."
        in post(client, update, {"text": " "}, form_at=answer.location, action=update, status=422).text
    )
    post(client, update, {"text": "It was one machine."}, form_at=answer.location, action=update)
    assert "It was one machine." in page(client, answer.location)
    assert "Late under 1 law" in page(client, "/incidents")


def test_an_official_reads_an_incident(dev):
    world = dev.world
    incident = made(dev, dev.incident, contact="Jonas, +1 555 0100")
    official = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    client = world.client("government", official)
    assert "Jonas, +1 555 0100" in page(client, f"/incidents/{incident.reference}")
    reader = world.person(world.organisation(OrganisationKind.REGULATOR), Role.PLAN_READER)
    assert world.client("government", reader).get(f"/incidents/{incident.reference}").status_code == 404


def test_a_double_click_begins_one_draft(dev, client):
    version = made(dev, dev.version)
    fields = {**form_of(page(client, "/filings/new")), "kind": "system_card", "version": str(version.id)}
    first, second = client.post("/filings/new", data=fields), client.post("/filings/new", data=fields)
    assert first.location == second.location
    with dev.world.wired.database.read() as session:
        found = session.exec(select(Filing).where(Filing.developer_id == dev.organisation.id)).all()
    assert len(found) == 1
    assert found[0].state is FilingState.DRAFT


def test_a_draft_opens_where_it_is_not_finished(dev, client):
    filing = made(dev, dev.draft, complete=False)
    assert client.get(f"/filings/{filing.id}").location.endswith("/form/scope")
    done = made(dev, dev.draft)
    assert client.get(f"/filings/{done.id}").location.endswith("/certify")
    sent = made(dev, dev.sent)
    assert client.get(f"/filings/{sent.id}").location.endswith("/sign")
    recall = f"/filings/{sent.id}/recall"
    answer = post(client, recall, form_at=f"/filings/{sent.id}/sign", action=recall)
    assert client.get(f"/filings/{sent.id}/sign").location.endswith(str(sent.id))
    page(client, answer.location)
    page(client, f"/filings/{sent.id}/form/nothing", 404)


def test_what_is_filed_cannot_be_edited(dev, client):
    filed = made(dev, dev.submitted)
    shown = page(client, f"/filings/{filed.reference}/form/scope", 403)
    assert "This filing is submitted" in shown


def test_an_official_downloads_and_the_opening_is_recorded(dev):
    from portal.filing import certification
    from secure_access import ledger

    world = dev.world
    official = world.person(world.organisation(OrganisationKind.REGULATOR), Role.CASE_OFFICER)
    with world.wired.database.write() as session:
        filing = dev.draft(session)
        document = dev.attach(session, filing, "scores.csv", b"a,b\n")
        certification.send(
            session, filing=filing, certifier_id=dev.officer.person_id, by=dev.preparer, now=world.clock.now()
        )
        dev.sign(session, filing)
    got = world.client("government", official).get(f"/filings/{filing.reference}/documents/{document.id}")
    assert got.data == b"a,b\n"
    with world.wired.database.read() as session:
        last = ledger.entries(session, about=service.subject(filing))[-1]
    assert (last.type, last.person_id) == ("document.opened", official.person_id)
