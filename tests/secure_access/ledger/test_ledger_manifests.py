"""Receipts with a manifest and later acknowledgements: what they prove, and what breaks them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from secure_access import ledger
from secure_access.db import Database
from secure_access.identity import Actor
from secure_access.ledger import Log, canonical, manifests, merkle, receipts, sequencer, tiles
from secure_access.ledger.manifests import Manifest
from secure_access.ledger.note import Checkpoint, parse
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.tables import LedgerEntry
from secure_access.ledger.tlog_proof import TlogProof
from secure_access.ledger.verify_receipt import BadInput, Outcome, State
from tests.fixtures.ledger import policy_of

OWNER = uuid.UUID(int=9)
SAID = {
    "kind": "sample",
    "reference": "S-1",
    "entity": {"name": "Größe 東 AG", "\U0001f600": "", "\uffff": "order of keys by UTF-16"},
    "attachments": [{"label": "Annex\x1b[31m", "sha256": "ab" * 32, "size": 3, "media_type": "text/plain"}],
    "signed": [{"person": str(uuid.UUID(int=1)), "title": "Chief risk officer", "method": "passkey"}],
    "received": {"utc": "2027-10-01T09:00:00.000000Z", "local": "2027-10-01T11:00:00+02:00", "zone": "Z"},
    "timeliness": {"ruling": "on_time", "due_at": "2027-10-02T00:00:00.000000Z"},
}


def filed(book: Database, by: Actor, now: Any, subject: str = "sample:1") -> int:
    """Something filed with a manifest; the number of its entry."""
    with book.write() as session:
        kept = manifests.keep(session, SAID, subject=subject, owner_id=OWNER, now=now)
        fields = {"reference": "S-1", "manifest": kept.digest}
        about = (subject, "developer:1")
        entry = ledger.append(session, "sample.filed", fields, by=by, now=now, about=about, records=(kept,))
        assert entry.number is not None
        return entry.number


def accepted(book: Database, now: Any, *, subject: str = "sample:1", clock: str = "") -> None:
    with book.write() as session:
        fields = {"reference": "S-1", "clock": clock}
        ledger.append(session, "sample.accepted", fields, by=None, now=now, about=(subject,))


def made(book: Database, number: int) -> dict[str, Any]:
    with book.read() as session:
        entry = session.get_one(LedgerEntry, number)
        later = receipts.acknowledgements(session, entry, {"sample.accepted"})
        return json.loads(receipts.bundle_text(session, entry, later))  # type: ignore[no-any-return]


def outcome(receipt: dict[str, Any], key: KeptSigner) -> Outcome:
    policy = receipts.Policy.parse(policy_of(key))
    return receipts.verify(json.dumps(receipt), policy)


@pytest.fixture
def told(book: Database, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace) -> Any:
    """Two filings; the first accepted twice, the second once; all in a signed head but the last."""
    now, later = ledger_kinds.now, ledger_kinds.now + timedelta(hours=1)
    number = filed(book, officer, now)
    filed(book, officer, now, "sample:2")
    accepted(book, later, clock="review")
    accepted(book, later, subject="sample:2")
    accepted(book, later)
    sequencer.sequence(book, log_key, later)
    accepted(book, later)
    return SimpleNamespace(book=book, number=number, receipt=made(book, number))


def test_manifest_and_acknowledgements_are_proved_with_the_entry(told: Any, log_key: KeptSigner) -> None:
    found = outcome(told.receipt, log_key)
    assert found.state is State.NOT_WITNESSED
    assert found.manifest["entity"]["name"] == "Größe 東 AG"
    assert [entry["fields"]["clock"] for entry in found.acknowledgements] == ["review", ""]
    assert found.unproved == 0, "what the checkpoint does not hold is in a later receipt"
    lines = str(found).splitlines()
    for line in (
        "  kind: sample",
        "  reference: S-1",
        "  entity, name: Größe 東 AG",
        "  received, utc: 2027-10-01T09:00:00.000000Z",
        "  received, local: 2027-10-01T11:00:00+02:00",
        "  timeliness, ruling: on_time",
        "  due: 2027-10-02T00:00:00.000000Z",
        f"  signed by: Chief risk officer, person {uuid.UUID(int=1)}",
        f"  attachment: Annex\ufffd[31m, SHA-256 {'ab' * 32}",
    ):
        assert line in lines
    assert lines[-2].endswith("starts the clock review")
    assert lines[-1].endswith("starts no clock")


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_an_acknowledgement_that_no_proof_covers_is_not_shown(told: Any, log_key: KeptSigner) -> None:
    """Older receipts have such; anybody can put one in."""
    forged_one = copy.deepcopy(told.receipt["acknowledgements"][0])
    forged_one["content"].update(at="2027-12-24T00:00:00.000000Z")
    forged_one["content"]["fields"]["clock"] = "invented"
    forged_one["entry"] = b64(json.dumps(forged_one["content"]).encode())
    del forged_one["proof"]
    found = outcome({**told.receipt, "acknowledgements": [forged_one]}, log_key)
    assert (found.state, found.acknowledgements, found.unproved) == (State.NOT_WITNESSED, (), 1)
    assert "invented" not in str(found)
    assert "2027-12-24" not in str(found)
    assert "not shown: 1 later entries that no proof covers" in str(found)


def test_the_manifest_is_kept_as_it_was_digested(told: Any) -> None:
    with told.book.read() as session:
        entry = session.get_one(LedgerEntry, told.number)
        kept = manifests.of_entry(session, entry)
        assert kept is not None
        assert hashlib.sha256(kept.content.encode()).hexdigest() == entry.fields["manifest"]
        assert kept.read["v"] == manifests.FORMAT
        other = session.get_one(LedgerEntry, told.number + 1)
        assert manifests.of_entry(session, other).digest != kept.digest  # the same words, another nonce


def test_a_manifest_is_named_by_an_entry_or_not_at_all(told: Any, ledger_kinds: Any) -> None:
    with pytest.raises(ledger.RecordNotNamed), told.book.write() as session:
        manifests.keep(session, SAID, subject="sample:1", owner_id=OWNER, now=ledger_kinds.now)


def test_a_damaged_manifest_is_not_read() -> None:
    for content in ("[]", '{"b":1,"a":2}'):
        with pytest.raises(canonical.NotCanonical):
            Manifest(content=content).read  # noqa: B018 - reading is the act


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def swapped(receipt: dict[str, Any]) -> None:
    receipt["acknowledgements"][:2] = receipt["acknowledgements"][1::-1]


def forged(receipt: dict[str, Any]) -> None:
    part = receipt["acknowledgements"][0]
    part["content"]["fields"]["clock"] = "none"
    part["entry"] = b64(json.dumps(part["content"]).encode())


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another entity": (lambda r: r["manifest"]["entity"].update(name="Tessaly"), "not the one"),
    "another ruling": (lambda r: r["manifest"]["timeliness"].update(ruling="late"), "not the one"),
    "a key more": (lambda r: r["manifest"].update(more="x"), "not the one"),
    "an attachment less": (lambda r: r["manifest"]["attachments"].clear(), "not the one"),
    "a size as text": (lambda r: r["manifest"]["attachments"][0].update(size="3"), "not the one"),
    "no manifest": (lambda r: r.pop("manifest"), "does not hold it"),
    "a manifest that is none": (lambda r: r.update(manifest="S-1"), "does not hold it"),
    "an acknowledgement said otherwise": (
        lambda r: r["acknowledgements"][0]["content"].update(type="sample.returned"),
        "part for reading",
    ),
    "an acknowledgement forged": (forged, "not in the log"),
    "acknowledgements in another order": (swapped, "acknowledgement 2 does not come after"),
    "an acknowledgement twice": (
        lambda r: r["acknowledgements"].insert(0, r["acknowledgements"][0]),
        "acknowledgement 2 does not come after",
    ),
    "another entry's proof": (
        lambda r: r["acknowledgements"][1].update(proof=r["acknowledgements"][0]["proof"]),
        "does not come after",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_what_differs_is_not_proved_and_says_why(told: Any, log_key: KeptSigner, name: str) -> None:
    change, why = BROKEN[name]
    receipt = copy.deepcopy(told.receipt)
    change(receipt)
    found = outcome(receipt, log_key)
    assert (found.state, found.manifest) == (State.NOT_PROVED, {})
    assert why in found.reason


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_an_acknowledgement_of_another_filing_is_refused(told: Any, log_key: KeptSigner) -> None:
    other = made(told.book, told.number + 1)
    assert outcome(other, log_key).state is State.NOT_WITNESSED
    receipt = {**told.receipt, "acknowledgements": other["acknowledgements"]}
    assert "acknowledgement 1 is about something else" in outcome(receipt, log_key).reason


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_a_manifest_for_an_entry_that_names_none_is_refused(told: Any, log_key: KeptSigner) -> None:
    accepting = told.receipt["acknowledgements"][0]
    bare = {**told.receipt, **accepting, "acknowledgements": []}
    assert "not the one" in outcome(bare, log_key).reason
    bare.pop("manifest")
    assert outcome(bare, log_key).state is State.NOT_WITNESSED


@pytest.mark.parametrize("value", ["x", [1], {}])
@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_acknowledgements_that_are_none_cannot_be_read(told: Any, log_key: KeptSigner, value: Any) -> None:
    with pytest.raises(BadInput):
        outcome({**told.receipt, "acknowledgements": value}, log_key)


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_a_manifest_without_canonical_form_cannot_be_read(told: Any, log_key: KeptSigner) -> None:
    with pytest.raises(BadInput, match="canonical form"):
        outcome({**told.receipt, "manifest": {"name": "\ud800"}}, log_key)


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_an_older_receipt_of_the_entry_alone_still_verifies(told: Any, log_key: KeptSigner) -> None:
    with told.book.read() as session:
        old = receipts.receipt(session, session.get_one(LedgerEntry, told.number))
    assert old["v"] == "assay.receipt/v1"
    found = outcome(old, log_key)
    assert (found.state, found.manifest, found.acknowledgements) == (State.NOT_WITNESSED, {}, ())


def test_before_the_entry_has_a_place_nothing_is_proved(
    book: Database, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    number = filed(book, officer, ledger_kinds.now)
    found = outcome(made(book, number), log_key)
    assert (found.state, found.manifest) == (State.PROOF_FOLLOWS, {})
    with book.read() as session:
        assert receipts.tlog_proof(session, session.get_one(LedgerEntry, number)) is None


def test_the_tlog_proof_leads_from_the_entry_to_the_checkpoint(told: Any) -> None:
    with told.book.read() as session:
        entry = session.get_one(LedgerEntry, told.number)
        proof = TlogProof.parse(receipts.tlog_proof(session, entry) or "")
        head = Checkpoint.parse(parse(proof.checkpoint).text)
        assert proof.extra == entry.salt
        merkle.verify_inclusion(
            merkle.leaf_hash(entry.leaf), proof.index, head.size, list(proof.hashes), head.root
        )
        tree = tiles.nodes(tiles.stored(session, Log.PUBLIC))
        assert merkle.root(head.size, tree) == head.root


def test_nothing_is_acknowledged_of_an_entry_about_nothing(told: Any, ledger_kinds: Any) -> None:
    with told.book.write() as session:
        fields = {"reference": "S-9", "clock": ""}
        entry = ledger.append(session, "sample.accepted", fields, by=None, now=ledger_kinds.now)
        assert receipts.acknowledgements(session, entry, {"sample.accepted"}) == []


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
@pytest.mark.parametrize("member", ["manifest", "acknowledgements", "more"])
def test_a_receipt_of_an_entry_alone_holds_nothing_that_no_proof_covers(
    told: Any, log_key: KeptSigner, member: str
) -> None:
    """Else a forged manifest would pass as proved, by saying that the receipt is of the older format."""
    old = {
        name: value for name, value in told.receipt.items() if name not in ("manifest", "acknowledgements")
    }
    old |= {"v": "assay.receipt/v1"}
    assert outcome(old, log_key).state is State.NOT_WITNESSED
    forged = told.receipt.get(member, "x")
    with pytest.raises(BadInput, match=f"has no '{member}'"):
        outcome({**old, member: forged}, log_key)


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_a_member_that_no_format_has_is_refused(told: Any, log_key: KeptSigner) -> None:
    with pytest.raises(BadInput, match="has no 'verdict'"):
        outcome({**told.receipt, "verdict": "proved"}, log_key)
