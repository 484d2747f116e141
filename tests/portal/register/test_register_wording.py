"""The wording of a decision can be checked by anybody against the public entry."""

from __future__ import annotations

import base64
import hashlib
import json

from tests.fixtures.review import Desk


def test_the_entry_holds_the_digest_of_the_wording(sqlite_desk: Desk) -> None:
    case = sqlite_desk.under_review()
    decision = sqlite_desk.decided(case)
    sqlite_desk.world.run_jobs()
    client = sqlite_desk.world.client("public")
    words = client.get(f"/register/decisions/{decision.reference}/wording")
    receipt = json.loads(client.get(f"/register/decisions/{decision.reference}/receipt").text)
    entry = json.loads(base64.b64decode(receipt["entry"]))
    assert entry["fields"]["wording"] == hashlib.sha256(words.data).hexdigest()
    assert json.loads(words.text)["reasons"] == decision.reasons


def test_a_recommendation_has_no_wording_yet(sqlite_desk: Desk) -> None:
    recommended = sqlite_desk.recommended(sqlite_desk.under_review())
    client = sqlite_desk.world.client("public")
    assert client.get(f"/register/decisions/{recommended.reference}/wording").status_code == 404
