"""The ledger's page, its files, and the check that is a convenience."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from secure_access.ledger import note, receipts, timestamps
from secure_access.ledger.tables import Log
from secure_access.ledger.timestamps import TimeAuthority
from tests.fixtures.app import form_of
from tests.fixtures.review import Desk
from tests.fixtures.time_authority import NAME, LocalAuthority, serving


@pytest.fixture
def receipt(fresh_desk: Desk, public: FlaskClient) -> str:
    made = fresh_desk.decided(fresh_desk.under_review())
    fresh_desk.world.run_jobs()
    return public.get(f"/register/decisions/{made.reference}/receipt").text


def check(client: FlaskClient, **data: object) -> tuple[int, str]:
    form = form_of(client.get("/ledger/check").text)
    answer = client.post("/ledger/check", data={**form, **data}, content_type="multipart/form-data")
    return answer.status_code, " ".join(answer.text.split())


def test_the_page_says_size_time_and_that_nobody_witnessed(
    fresh_desk: Desk, public: FlaskClient, receipt: str
) -> None:
    shown = " ".join(public.get("/ledger").text.split())
    size = json.loads(receipt)["proof"]["size"]
    assert f'<dd class="num">{size}</dd>' in shown
    assert "Signed, not witnessed" in shown
    assert "assay.localhost/ledger/demonstration" in shown
    assert f"grew to {size} entries" in shown
    assert "June 2027" in shown


def test_the_page_says_who_stamped_and_when(
    fresh_desk: Desk, public: FlaskClient, receipt: str, tmp_path: Path
) -> None:
    assert "Time stamped" not in public.get("/ledger").text
    local, wired = LocalAuthority(tmp_path / "tsa"), fresh_desk.world.wired
    with serving(local) as url:
        made = timestamps.stamp(wired.database, TimeAuthority(url, (local.root,)), wired.clock.now())
    assert made is not None
    shown = " ".join(public.get("/ledger").text.split())
    size = json.loads(receipt)["proof"]["size"]
    assert f"<dt>Time stamped</dt><dd>by {NAME} at {made.at:%-d %b %Y}, {made.at:%H:%M}" in shown
    assert f"with {size} entries" in shown


def test_the_checkpoint_is_a_signed_note_of_the_log(
    fresh_desk: Desk, public: FlaskClient, receipt: str
) -> None:
    keys = fresh_desk.world.wired.log_keys.of(Log.PUBLIC)
    parsed = note.parse(public.get("/ledger/checkpoint").text)
    assert parsed.verified(keys) == keys
    assert note.Checkpoint.parse(parsed.text).size == json.loads(receipt)["proof"]["size"]


def test_before_the_first_entry_there_is_no_checkpoint(public: FlaskClient) -> None:
    assert public.get("/ledger/checkpoint").status_code == 404
    assert "No checkpoint is signed yet" in public.get("/ledger").text


def test_the_downloaded_verifier_verifies(public: FlaskClient, receipt: str, tmp_path: Path) -> None:
    (tmp_path / "verify_receipt.py").write_text(public.get("/ledger/verify_receipt.py").text)
    (tmp_path / "policy.txt").write_text(public.get("/ledger/policy").text)
    (tmp_path / "receipt.json").write_text(receipt)
    done = subprocess.run(
        [sys.executable, "verify_receipt.py", "receipt.json", "policy.txt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert "signed, not witnessed" in done.stdout


def test_a_pasted_receipt_is_checked_and_the_page_says_that_it_is_a_convenience(
    public: FlaskClient, receipt: str
) -> None:
    status, shown = check(public, receipt=receipt)
    assert status == 200
    assert "Signed, not witnessed" in shown
    assert "decision.taken" in shown
    assert "This page is a convenience" in shown


def test_a_chosen_file_is_checked_and_forgotten(fresh_desk: Desk, public: FlaskClient, receipt: str) -> None:
    vault = fresh_desk.world.wired.settings.home / "vault"
    before = {path for path in vault.rglob("*") if path.is_file()}
    status, shown = check(public, file=(io.BytesIO(receipt.encode()), "r.json"))
    assert status == 200
    assert "decision.taken" in shown
    assert {path for path in vault.rglob("*") if path.is_file()} == before


def test_a_forged_receipt_is_not_proved(public: FlaskClient, receipt: str) -> None:
    forged = json.loads(receipt)
    forged["content"]["fields"]["kind"] = "block"
    status, shown = check(public, receipt=json.dumps(forged))
    assert status == 200
    assert "Not proved" in shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Paste a receipt, or choose its file of at most 128 KiB."),
        ("{}", "cannot be read"),
        ("hello <b>", "cannot be read"),
    ],
)
def test_what_is_no_receipt_is_kept_and_the_page_says_why(public: FlaskClient, text: str, words: str) -> None:
    status, shown = check(public, receipt=text)
    assert status == 422
    assert words in shown
    assert text.replace("<", "&lt;").replace(">", "&gt;") in shown


def test_a_recorded_entry_without_a_checkpoint_follows(fresh_desk: Desk, public: FlaskClient) -> None:
    made = fresh_desk.decided(fresh_desk.under_review())
    waiting = public.get(f"/register/decisions/{made.reference}/receipt").text
    _, shown = check(public, receipt=waiting)
    assert "Not proved yet" in shown


def test_the_custody_log_has_no_page(public: FlaskClient, fresh_desk: Desk, receipt: str) -> None:
    """Its size would tell everybody that somebody reads."""
    for address in ("/ledger", "/ledger/checkpoint", "/ledger/policy"):
        assert f"/{Log.CUSTODY.value}" not in public.get(address).text


def test_policy_and_command_line_say_the_same(public: FlaskClient, fresh_desk: Desk) -> None:
    keys = fresh_desk.world.wired.log_keys.of(Log.PUBLIC)
    assert public.get("/ledger/policy").text == receipts.policy_text(keys)


def test_a_file_that_is_no_receipt_by_its_size_is_not_read(public: FlaskClient) -> None:
    status, shown = check(public, file=(io.BytesIO(b"{" * (129 * 1024)), "r.json"))
    assert status == 422
    assert "at most 128 KiB" in shown
