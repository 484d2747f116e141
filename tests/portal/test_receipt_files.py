"""The receipts that people get: each kind of record, as JSON that verifies, as a letter, as a tlog-proof."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import zxingcpp
from flask.testing import FlaskClient

from portal.enforcement import notices
from portal.filing import certification, incidents, manifests, service
from portal.filing.tables import Filing
from portal.law import statute
from portal.review import cases, requests
from portal.settings import PUBLIC
from portal.web import origin
from secure_access import documents, ledger
from secure_access.identity import authority
from secure_access.identity.authority import NewAuthority
from secure_access.ledger import LedgerEntry, Log, merkle, note, receipts
from secure_access.ledger.tlog_proof import TlogProof
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.enforcement import Bench
from tests.fixtures.evaluator import Evaluation
from tests.fixtures.filing import Developer
from tests.fixtures.review import Desk


def outcome(world: World, text: str) -> receipts.Outcome:
    policy = receipts.policy_text(world.wired.log_keys.of(Log.PUBLIC))
    return receipts.verify(text, receipts.Policy.parse(policy))


def text_of(content: bytes) -> str:
    with pypdfium2.PdfDocument(io.BytesIO(content)) as file:
        pages = [page.get_textpage().get_text_range() for page in file]
    return " ".join(" ".join(pages).replace("\ufffe", "").replace("\u200b", "").split())


def codes_of(content: bytes) -> set[str]:
    """What a camera reads from the QR codes on the pages."""
    with pypdfium2.PdfDocument(io.BytesIO(content)) as file:
        pictures = [page.render(scale=3).to_pil() for page in file]
    return {code.text for picture in pictures for code in zxingcpp.read_barcodes(picture)}


def three(world: World, client: FlaskClient, address: str) -> dict[str, Any]:
    """The manifest of a receipt whose three files agree with each other."""
    world.run_jobs()
    world.run_jobs()  # a copy of record is written after what it is the copy of
    files = {form: client.get(f"{address}.{form}") for form in ("json", "pdf", "tlog-proof")}
    assert {form: answer.status_code for form, answer in files.items()} == dict.fromkeys(files, 200)
    found = outcome(world, files["json"].text)
    assert found.state is receipts.State.NOT_WITNESSED, found.reason
    assert (
        found.content["fields"]["manifest"]
        == hashlib.sha256(
            json.dumps(found.manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ).hexdigest()
    )
    receipt = json.loads(files["json"].text)
    proof = TlogProof.parse(files["tlog-proof"].text)
    head = note.Checkpoint.parse(note.parse(proof.checkpoint).text)
    assert proof.index == receipt["proof"]["index"]
    with world.wired.database.read() as session:
        entry = ledger.find(session, _id(found))
        assert entry is not None
        leaf = merkle.leaf_hash(entry.leaf)
    merkle.verify_inclusion(leaf, proof.index, head.size, list(proof.hashes), head.root)
    letter = text_of(files["pdf"].data)
    for words in (found.manifest["reference"], found.manifest["entity"]["name"], "Check a receipt:"):
        assert words in letter, words
    settings = world.wired.settings
    assert codes_of(files["pdf"].data) == {f"{origin(settings, PUBLIC)}/ledger/check"}
    assert found.content["fields"]["manifest"] in letter.replace(" ", "")
    for one in found.manifest["attachments"]:
        assert one["sha256"] in letter.replace(" ", "")
    return {**found.manifest, "later": [entry["type"] for entry in found.acknowledgements]}


def _id(found: receipts.Outcome) -> Any:
    return uuid.UUID(found.content["id"])


@pytest.fixture
def submitted(sqlite_developer: Developer) -> Filing:
    """A filing with a file, signed by an officer whose authority is recorded."""
    developer, world = sqlite_developer, sqlite_developer.world
    administrator = world.person(developer.organisation, Role.ORGANISATION_ADMINISTRATOR)
    with world.wired.database.write() as session:
        new = NewAuthority(
            officer_id=developer.officer.person_id,
            title="Chief risk officer",
            appointed_by="The board",
            evidence="Minutes of 3 May",
            from_on=world.clock.now().date(),
        )
        authority.record(
            session,
            organisation_id=developer.organisation.id,
            new=new,
            by=administrator,
            now=world.clock.now(),
        )
        filing = developer.draft(session)
        developer.attach(session, filing, "scores.csv", b"task,score\ncyber,0.47\n")
        developer.answer(session, filing)
        certification.send(
            session,
            filing=filing,
            certifier_id=developer.officer.person_id,
            by=developer.preparer,
            now=world.clock.now(),
        )
        return developer.sign(session, filing)


def test_a_filing(sqlite_desk: Desk, sqlite_developer: Developer, submitted: Filing) -> None:
    world, developer = sqlite_developer.world, sqlite_developer
    client = world.client("developer", developer.officer)
    said = three(world, client, f"/filings/{submitted.reference}/receipt")
    assert (said["kind"], said["content"]["sha256"]) == ("risk_report", submitted.digest)
    assert said["entity"] == {
        "id": str(submitted.entity_id),
        "name": f"{developer.organisation.name}, Inc.",
        "jurisdiction": "Delaware",
        "number": "7741203",
        "organisation": str(developer.organisation.id),
    }
    assert said["received"] == manifests.instants(world.clock.now())
    assert said["received"]["zone"] == str(statute.load(statute.OFFICE).zone)
    assert said["timeliness"] == {"ruling": "no_due_date", "due_at": ""}
    (signed,) = said["signed"]
    assert (signed["title"], signed["method"], signed["confirmation"]) == (
        "Chief risk officer",
        "session",
        "",
    )
    assert (signed["person"], signed["statement"]) == (
        str(developer.officer.person_id),
        "certification/2027-2",
    )
    assert len(signed["authority"]) == 36
    (file,) = said["attachments"]
    content = b"task,score\ncyber,0.47\n"
    assert (file["sha256"], file["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (file["name"], file["media_type"], file["screening"]) == ("scores.csv", "text/csv", "received")
    assert said["later"] == ["filing.screened"]
    accept(sqlite_desk, submitted)
    later = three(world, client, f"/filings/{submitted.reference}/receipt")["later"]
    assert later == ["filing.screened", "filing.accepted", "clock.started", "copy.written"]
    page = client.get(f"/filings/{submitted.reference}/receipt").text
    for words in ("The files were screened", "Accepted for review", "Starts the time to decide, until"):
        assert words in page
    assert client.get(f"/filings/{submitted.reference}/copy.pdf").data.startswith(b"%PDF")


def test_the_local_time_is_that_of_the_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    brussels = SimpleNamespace(zone=ZoneInfo("Europe/Brussels"))
    monkeypatch.setattr(statute, "load", lambda name: {statute.OFFICE: brussels}[name])
    assert manifests.instants(datetime(2027, 10, 31, 0, 30, tzinfo=UTC)) == {
        "utc": "2027-10-31T00:30:00.000000Z",
        "local": "2027-10-31T02:30:00+02:00",
        "zone": "Europe/Brussels",
    }
    assert manifests.instants(datetime(2027, 10, 31, 1, 30, tzinfo=UTC))["local"].endswith("02:30:00+01:00")


def test_the_ruling_is_of_the_very_instant() -> None:
    due = datetime(2027, 10, 1, 9, tzinfo=UTC)
    assert manifests.ruling(due, due)["ruling"] == "on_time"
    late = manifests.ruling(due + timedelta(microseconds=1), due)
    assert late == {"ruling": "late", "due_at": "2027-10-01T09:00:00.000000Z"}


def accept(desk: Desk, filing: Filing) -> None:
    with desk.world.wired.database.write() as session:
        case = cases.case_of(session, f"filing:{filing.id}")
        assert case is not None
        case = cases.find(session, case.reference, for_update=True)
        row = cases.filing_of(session, case, filing.id, for_update=True)
        cases.accept_filing(session, case=case, filing=row, by=desk.officer, now=desk.now)


def test_a_returned_filing_says_that_no_clock_runs(
    sqlite_desk: Desk, sqlite_developer: Developer, submitted: Filing
) -> None:
    world = sqlite_developer.world
    world.run_jobs()
    with world.wired.database.write() as session:
        case = cases.case_of(session, f"filing:{submitted.id}")
        assert case is not None
        case = cases.find(session, case.reference, for_update=True)
        row = cases.filing_of(session, case, submitted.id, for_update=True)
        cases.return_filing(
            session, case=case, filing=row, reason="Section 2.", by=sqlite_desk.officer, now=sqlite_desk.now
        )
    client = world.client("developer", sqlite_developer.officer)
    world.run_jobs()
    found = outcome(world, client.get(f"/filings/{submitted.reference}/receipt.json").text)
    assert [(entry["type"], entry["fields"]["clock"]) for entry in found.acknowledgements] == [
        ("filing.screened", ""),
        ("filing.returned", ""),
    ]
    assert "filing.returned at" in str(found)
    assert str(found).endswith("starts no clock")


def test_screening_is_acknowledged_once_and_after_the_last_file(
    sqlite_developer: Developer, submitted: Filing
) -> None:
    world = sqlite_developer.world
    world.run_jobs()
    world.run_jobs()
    with world.wired.database.read() as session:
        found = [
            e for e in ledger.entries(session, service.subject(submitted)) if e.type == "filing.screened"
        ]
        (item,) = documents.for_subject(session, service.subject(submitted))
    assert [entry.fields["attachments"] for entry in found] == [
        [{"sha256": item.document.sha256, "state": "shown"}]
    ]


def test_an_incident_report(sqlite_developer: Developer) -> None:
    world = sqlite_developer.world
    with world.wired.database.write() as session:
        incident = sqlite_developer.incident(session)
        incidents.update(
            session, incident=incident, text="More.", by=sqlite_developer.preparer, now=world.clock.now()
        )
    client = world.client("developer", sqlite_developer.preparer)
    said = three(world, client, f"/incidents/{incident.reference}/receipt")
    assert (said["kind"], said["later"]) == ("incident_report", ["incident.updated"])
    assert said["content"]["sha256"] == manifests.digest(incidents.first_report(incident))
    assert said["timeliness"]["ruling"] in ("on_time", "no_due_date")
    assert [clock["regime"] for clock in said["timeliness"]["clocks"]] == [
        clock["regime"] for clock in incident.clocks
    ]
    assert "Receipt (JSON)" in client.get(f"/incidents/{incident.reference}").text


def test_an_assessment(sqlite_evaluation: Evaluation) -> None:
    world = sqlite_evaluation.world
    engagement, _ = sqlite_evaluation.drafted()
    made = sqlite_evaluation.submit(engagement)
    client = world.client("evaluator", sqlite_evaluation.officer)
    said = three(world, client, f"/engagements/{engagement.reference}/receipt")
    assert (said["kind"], said["reference"]) == ("independent_assessment", made.reference)
    assert (said["content"]["sha256"], len(said["attachments"])) == (made.digest, 1)


def test_a_decision_for_its_developer_and_for_everybody(sqlite_desk: Desk) -> None:
    case = sqlite_desk.under_review()
    made = sqlite_desk.decided(case)
    world = sqlite_desk.world
    for zone, actor, address in (
        ("developer", sqlite_desk.developer, f"/decisions/{made.reference}/receipt"),
        ("government", sqlite_desk.officer, f"/cases/{case.reference}/decision/receipt"),
    ):
        said = three(world, world.client(zone, actor), address)
        assert said["later"] == ["copy.written"]
    said = three(world, world.client("public"), f"/register/decisions/{made.reference}/receipt")
    assert (said["kind"], said["later"]) == ("decision_no_objection", [])
    assert [one["act"] for one in said["signed"]] == ["recommended", "decided"]
    wording = world.client("public").get(f"/register/decisions/{made.reference}/wording").data
    assert said["content"]["sha256"] == hashlib.sha256(wording).hexdigest()


def test_an_answer_to_an_information_request(sqlite_desk: Desk) -> None:
    asked = sqlite_desk.served(sqlite_desk.under_review())
    client = sqlite_desk.world.client("developer", sqlite_desk.developer)
    assert client.get(f"/requests/{asked.reference}/receipt.json").status_code == 404
    sqlite_desk.answered(asked)
    said = three(sqlite_desk.world, client, f"/requests/{asked.reference}/receipt")
    assert (said["kind"], said["timeliness"]["ruling"]) == ("answer_to_information_request", "on_time")
    row = sqlite_desk.fresh(asked)
    assert said["content"]["sha256"] == manifests.digest(requests.answers_of(row))
    assert "Receipt of your answer" in client.get(f"/requests/{asked.reference}").text


def test_a_notice_and_the_answer_to_it(sqlite_bench: Bench) -> None:
    notice, world = sqlite_bench.sent(), sqlite_bench.world
    client = world.client("developer", sqlite_bench.desk.developer)
    said = three(world, client, f"/findings/{notice.reference}/receipt")
    with world.wired.database.read() as session:
        letter = documents.find(session, notice.document_id)
    assert (said["kind"], said["content"]["sha256"]) == ("preliminary_findings", letter.sha256)
    assert [one["act"] for one in said["signed"]] == ["prepared", "approved", "sent"]
    by = sqlite_bench.desk.developer
    reply = sqlite_bench.desk.act(notices.reply, notice=notice, text="We were late.", by=by)
    answered = three(world, client, f"/findings/{notice.reference}/answers/{reply.id}/receipt")
    assert (answered["kind"], answered["timeliness"]["ruling"]) == ("answer_to_notice", "on_time")
    assert three(world, client, f"/findings/{notice.reference}/receipt")["later"] == [
        "copy.written",
        "notice.answered",
    ]
    assert client.get(f"/findings/{notice.reference}/answers/{notice.id}/receipt.json").status_code == 404
    staff = world.client("government", sqlite_bench.officer)
    assert (
        three(world, staff, f"/penalties/notices/{notice.reference}/receipt")["kind"]
        == "preliminary_findings"
    )


def test_before_the_log_is_signed_the_proof_is_not_there_and_the_rest_says_so(
    sqlite_developer: Developer, submitted: Filing
) -> None:
    world = sqlite_developer.world
    client = world.client("developer", sqlite_developer.officer)
    address = f"/filings/{submitted.reference}/receipt"
    assert outcome(world, client.get(f"{address}.json").text).state is receipts.State.PROOF_FOLLOWS
    assert "Recorded, proof follows" in text_of(client.get(f"{address}.pdf").data)
    answer = client.get(f"{address}.tlog-proof")
    assert (answer.status_code, "not signed that far yet" in answer.text) == (403, True)


def test_what_was_recorded_without_a_manifest_has_no_letter_and_still_verifies(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = sqlite_desk.under_review()
    made = sqlite_desk.decided(case)
    world = sqlite_desk.world
    world.run_jobs()
    client = world.client("developer", sqlite_desk.developer)
    monkeypatch.setattr("secure_access.ledger.manifests.of_entry", lambda *_: None)
    answer = client.get(f"/decisions/{made.reference}/receipt.pdf")
    assert (answer.status_code, "nothing to print" in answer.text) == (403, True)
    with world.wired.database.read() as session:
        entry = session.get_one(LedgerEntry, 1)
        old = receipts.bundle_text(session, entry)
    assert "manifest" not in json.loads(old)
    assert outcome(world, old).state is receipts.State.NOT_WITNESSED


def test_the_key_that_confirmed_stands_in_the_manifest(
    sqlite_developer: Developer, submitted: Filing
) -> None:
    """A confirmation counts where it is for this very act, by this person, in this transaction."""
    developer, world = sqlite_developer, sqlite_developer.world
    now = world.clock.now()
    shown = {"action": "filing.sign", "shown": "0" * 64, "method": "passkey"}
    shown |= {"credential": "1" * 64, "challenge": "2" * 64}
    with world.wired.database.write() as session:
        for subject in ("filing:mine", "filing:other"):
            ledger.append(
                session, "step_up.used", {**shown, "object": subject}, by=developer.officer, now=now
            )
        signed = {
            name: manifests.signature(session, by, subject=name, act="submitted", now=now)
            for name, by in (("filing:mine", developer.officer), ("filing:third", developer.officer))
        }
        others = manifests.signature(
            session, developer.preparer, subject="filing:mine", act="submitted", now=now
        )
    assert signed["filing:mine"]["method"] == "passkey"
    assert len(signed["filing:mine"]["confirmation"]) == 36
    assert (signed["filing:third"]["method"], others["method"]) == ("session", "session")
