"""Receipts: four outcomes, verified offline by the one file that outsiders download."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_access.db import Session, col, select
from secure_access.identity import Actor
from secure_access.keys import SigningKey
from secure_access.ledger import (
    Log,
    audit,
    cli,
    merkle,
    note,
    receipts,
    recording,
    sequencer,
    verify_receipt,
)
from secure_access.ledger.note import COSIGNATURE_KEY, VerifierKey
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.tables import LedgerEntry
from secure_access.ledger.verify_receipt import BadInput, Outcome, Policy, State
from tests.fixtures.ledger import keys_of, policy_of

# What is pure once a receipt is made needs one backend only.
ON_SQLITE = pytest.mark.parametrize("book", ["sqlite"], indirect=True)
WITNESSES = [
    SigningKey(f"witness{n}.example", Ed25519PrivateKey.from_private_bytes(bytes([40 + n]) * 32))
    for n in range(3)
]
WITNESS_KEYS = [VerifierKey(key.name, key.public, COSIGNATURE_KEY) for key in WITNESSES]


def made(session: Session, number: int) -> dict[str, Any]:
    return json.loads(receipts.receipt_text(session, session.get_one(LedgerEntry, number)))  # type: ignore[no-any-return]


@pytest.fixture
def receipt(told: SimpleNamespace) -> dict[str, Any]:
    with told.book.read() as session:
        return made(session, 3)


def cosigned(receipt: dict[str, Any], *witnesses: SigningKey) -> dict[str, Any]:
    text = note.parse(receipt["checkpoint"]).text
    lines = "".join(str(note.cosign(text, witness, 1_820_000_000)) for witness in witnesses)
    return {**receipt, "checkpoint": receipt["checkpoint"] + lines}


def outcome(receipt: dict[str, Any], policy: str) -> Outcome:
    return receipts.verify(json.dumps(receipt), Policy.parse(policy))


def test_signed_by_the_log_alone_is_not_proved(receipt: dict[str, Any], log_key: KeptSigner) -> None:
    found = outcome(receipt, policy_of(log_key))
    assert (found.state, found.exit_status, found.witnesses) == (State.NOT_WITNESSED, 3, ())
    assert found.content["type"] == "sample.submitted"
    assert "sample.submitted" in str(found)


@ON_SQLITE
def test_a_quorum_of_witnesses_proves(receipt: dict[str, Any], log_key: KeptSigner) -> None:
    policy = policy_of(log_key, WITNESS_KEYS[:2])
    assert outcome(cosigned(receipt, WITNESSES[0]), policy).state is State.NOT_WITNESSED
    found = outcome(cosigned(receipt, *WITNESSES), policy)
    assert (found.state, found.exit_status, found.witnesses) == (State.PROVED, 0, ("witness-1", "witness-2"))


def test_until_sequenced_the_proof_follows(
    told: SimpleNamespace, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    policy = policy_of(log_key)
    with told.book.read() as session:
        pending = made(session, 12)
        assert receipts.proof_follows(session, session.get_one(LedgerEntry, 12))
        assert not receipts.proof_follows(session, session.get_one(LedgerEntry, 3))
    assert "proof" not in pending
    found = outcome(pending, policy)
    assert (found.state, found.exit_status) == (State.PROOF_FOLLOWS, 4)
    sequencer._assign(told.book, Log.PUBLIC, ledger_kinds.now)
    with told.book.read() as session:  # has a place, and the head is not signed yet
        assert "proof" not in made(session, 12)
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    with told.book.read() as session:
        assert outcome(made(session, 12), policy).state is State.NOT_WITNESSED


@pytest.fixture
def reading(
    told: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> dict[str, Any]:
    """The receipt of the second of five readings, which the second anchor fixes."""
    with told.book.write() as session:
        numbers = [
            recording.append(session, "sample.read", {}, by=officer, now=ledger_kinds.now).number
            for _ in range(4)
        ]
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    sequencer.anchor(told.book, ledger_kinds.now)
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    with told.book.read() as session:
        return made(session, numbers[0] or 0)


def test_entries_of_the_custody_log_have_receipts(
    told: SimpleNamespace, reading: dict[str, Any], log_key: KeptSigner
) -> None:
    """Proved to outsiders, by the entry of the public log that fixes the log which they do not see."""
    with told.book.read() as session:
        query = select(LedgerEntry).where(LedgerEntry.type == "ledger.anchored")
        anchor = session.exec(query.order_by(col(LedgerEntry.number).desc())).all()[0]
    assert reading["v"] == "assay.custody_receipt/v1"
    assert reading["anchor"]["content"] == anchor.content
    assert reading["log"] == "authority.example/ledger"
    assert outcome(reading, policy_of(log_key)).state is State.NOT_WITNESSED
    found = outcome(cosigned(reading, *WITNESSES), policy_of(log_key, WITNESS_KEYS))
    assert (found.state, found.content["type"]) == (State.PROVED, "sample.read")


def test_before_the_next_anchor_the_proof_of_a_reading_follows(
    told: SimpleNamespace, log_key: KeptSigner, officer: Actor, ledger_kinds: SimpleNamespace
) -> None:
    with told.book.write() as session:
        late = recording.append(session, "sample.read", {}, by=officer, now=ledger_kinds.now).number
    assert late is not None

    def state() -> State:
        with told.book.read() as session:
            return outcome(made(session, late), policy_of(log_key)).state

    assert state() is State.PROOF_FOLLOWS
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    assert state() is State.PROOF_FOLLOWS, "the anchor before fixes what was signed until then"
    sequencer.anchor(told.book, ledger_kinds.now)
    assert state() is State.PROOF_FOLLOWS, "the anchor has no place yet"
    sequencer.sequence(told.book, log_key, ledger_kinds.now)
    assert state() is State.NOT_WITNESSED


def of_anchor(receipt: dict[str, Any], **changes: Any) -> None:
    """Another anchor, well formed, that no log holds."""
    content = receipt["anchor"]["content"]
    content["fields"].update(changes.pop("fields", {}))
    content.update(changes)
    receipt["anchor"]["entry"] = b64(json.dumps(content).encode())


NOT_IN_CUSTODY: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "place changed": (lambda r: r["proof"].update(index=1), "not in the custody log"),
    "salt changed": (lambda r: r.update(salt=flipped(r["salt"])), "not in the custody log"),
    "hash changed": (
        lambda r: r["proof"].update(hashes=[flipped(one) for one in r["proof"]["hashes"]]),
        "not in the custody log",
    ),
    "anchor of another root": (
        lambda r: of_anchor(r, fields={"root": b64(bytes(32))}),
        "not in the custody log",
    ),
    "anchor of another size": (lambda r: of_anchor(r, fields={"size": 1}), "no such place"),
    "anchor that says no size": (lambda r: of_anchor(r, fields={"size": True}), "not an entry of the log"),
    "anchor of another log": (lambda r: of_anchor(r, fields={"log": "public"}), "does not fix"),
    "anchor of another type": (lambda r: of_anchor(r, type="sample.kept"), "does not fix"),
    "anchor that is in no log": (lambda r: of_anchor(r, at="2027-10-01T09:00:01Z"), "not in the log"),
    "anchor elsewhere": (lambda r: r["anchor"]["proof"].update(index=0), "too short"),
    "an entry that says it is public": (
        lambda r: (r["content"].update(log="public"), r.update(entry=b64(json.dumps(r["content"]).encode()))),
        "not an entry of the log",
    ),
}


@pytest.mark.parametrize("name", NOT_IN_CUSTODY)
@ON_SQLITE
def test_a_reading_that_was_tampered_with_is_not_proved(
    reading: dict[str, Any], log_key: KeptSigner, name: str
) -> None:
    change, why = NOT_IN_CUSTODY[name]
    damaged = cosigned(reading, *WITNESSES)
    change(damaged)
    found = outcome(damaged, policy_of(log_key, WITNESS_KEYS))
    assert (found.state, why in found.reason) == (State.NOT_PROVED, True), found.reason


@pytest.mark.parametrize("anchor", [1, [], "x", {}, {"content": 1}])
@ON_SQLITE
def test_an_anchor_that_is_none_is_bad_input(
    reading: dict[str, Any], log_key: KeptSigner, anchor: Any
) -> None:
    for damaged in ({**reading, "anchor": anchor}, {**reading, "manifest": {}}, {**reading, "proof": []}):
        with pytest.raises(BadInput):
            outcome(damaged, policy_of(log_key))


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return b64(bytes(raw))


def changed_entry(receipt: dict[str, Any]) -> None:
    receipt["content"]["fields"]["reference"] = "S-2"
    receipt["entry"] = b64(json.dumps(receipt["content"]).encode())


NOT_PROVED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "the readable part changed": (lambda r: r["content"].update(type="other.event"), "part for reading"),
    "a true for a one": (lambda r: r["content"].update(fields=True), "part for reading"),
    "readable part and bytes changed": (changed_entry, "not in the log"),
    "salt changed": (lambda r: r.update(salt=flipped(r["salt"])), "not in the log"),
    "index changed": (lambda r: r["proof"].update(index=3), "not in the log"),
    "index outside": (lambda r: r["proof"].update(index=9), "no such place"),
    "negative index": (lambda r: r["proof"].update(index=-1), "no such place"),
    "hash changed": (
        lambda r: r["proof"]["hashes"].__setitem__(0, flipped(r["proof"]["hashes"][0])),
        "not in the log",
    ),
    "proof too short": (lambda r: r["proof"]["hashes"].pop(), "too short"),
    "proof too long": (lambda r: r["proof"]["hashes"].extend(r["proof"]["hashes"]), "too long"),
    "size changed": (lambda r: r.update(checkpoint=r["checkpoint"].replace("\n9\n", "\n8\n")), "is false"),
    "origin changed": (
        lambda r: r.update(checkpoint=r["checkpoint"].replace("authority", "autharity", 1)),
        "no log key",
    ),
    "signer changed": (
        lambda r: r.update(checkpoint=r["checkpoint"].replace("— auth", "— Auth")),
        "no log key",
    ),
}


@pytest.mark.parametrize("name", NOT_PROVED)
@ON_SQLITE
def test_what_was_tampered_with_is_not_proved(
    receipt: dict[str, Any], log_key: KeptSigner, name: str
) -> None:
    change, why = NOT_PROVED[name]
    policy = policy_of(log_key, WITNESS_KEYS)
    assert outcome(cosigned(receipt, *WITNESSES), policy).state is State.PROVED
    damaged = cosigned(receipt, *WITNESSES)
    change(damaged)
    found = outcome(damaged, policy)
    assert (found.state, found.exit_status) == (State.NOT_PROVED, 1)
    assert why in found.reason


VALUES = (
    st.none() | st.booleans() | st.integers() | st.text() | st.floats() | st.lists(st.text()) | st.just({})
)
PLACES = ["v", "content", "entry", "salt", "proof", "checkpoint", "index", "hashes"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=VALUES, cut=st.integers(0, 2000))
@ON_SQLITE
def test_whatever_is_sent_gets_an_answer(
    receipt: dict[str, Any], log_key: KeptSigner, place: str, value: Any, cut: int
) -> None:
    policy = Policy.parse(policy_of(log_key, WITNESS_KEYS[:1]))
    damaged = json.loads(json.dumps(receipt))
    (damaged["proof"] if place in damaged["proof"] else damaged)[place] = value
    for text in (json.dumps(damaged), json.dumps(receipt)[:cut]):
        try:
            assert receipts.verify(text, policy).state is not State.PROVED
        except BadInput:
            continue


@ON_SQLITE
def test_a_false_cosignature_is_not_just_ignored(receipt: dict[str, Any], log_key: KeptSigner) -> None:
    text = note.parse(receipt["checkpoint"]).text
    line = note.cosign(text + "more\n", WITNESSES[0], 1)
    policy = policy_of(log_key, WITNESS_KEYS[:1])
    found = outcome({**receipt, "checkpoint": receipt["checkpoint"] + str(line)}, policy)
    assert (found.state, found.reason) == (State.NOT_PROVED, "the signature of witness0.example is false")


BAD: dict[str, Callable[[dict[str, Any]], object]] = {
    "other format": lambda r: r.update(v="assay.receipt/v3"),
    "no salt": lambda r: r.pop("salt"),
    "no content": lambda r: r.pop("content"),
    "salt not base64": lambda r: r.update(salt="####"),
    "salt a number": lambda r: r.update(salt=1),
    "entry not JSON": lambda r: r.update(entry=b64(b"{")),
    "entry a list": lambda r: r.update(entry=b64(b"[]")),
    "entry with a key twice": lambda r: r.update(entry=b64(b'{"a":1,"a":2}')),
    "entry of another format": lambda r: r.update(entry=b64(b'{"v":"assay.record/v1"}')),
    "salt too long": lambda r: r.update(salt=b64(bytes(33))),
    "lone surrogate": lambda r: r.update(checkpoint=r["checkpoint"].replace("\n\n", "\n\ud800\n\n")),
    "proof a list": lambda r: r.update(proof=[]),
    "index a truth": lambda r: r["proof"].update(index=True),
    "hashes missing": lambda r: r["proof"].pop("hashes"),
    "hash not base64": lambda r: r["proof"]["hashes"].insert(0, "####"),
    "checkpoint a number": lambda r: r.update(checkpoint=1),
    "no note": lambda r: r.update(checkpoint="x"),
    "no signature line": lambda r: r.update(checkpoint="x\n\nx\n"),
    "no head": lambda r: r.update(checkpoint="x\n\n— x AAAAAAAA\n"),
    "root not base64": lambda r: r.update(checkpoint="x\n1\n#\n\n— x AAAAAAAA\n"),
}


@pytest.mark.parametrize("name", BAD)
@ON_SQLITE
def test_what_is_no_receipt_is_bad_input(receipt: dict[str, Any], log_key: KeptSigner, name: str) -> None:
    BAD[name](receipt)
    with pytest.raises(BadInput):
        outcome(receipt, policy_of(log_key))


def test_what_is_nested_too_deep_is_bad_input() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(BadInput, match="too deep"):
        verify_receipt._sorted(value)


def test_an_outcome_without_content_is_one_line() -> None:
    assert str(Outcome(State.NOT_PROVED, "why")) == "not proved: why"


@ON_SQLITE
def test_a_cryptography_that_knows_no_mldsa_will_do(
    receipt: dict[str, Any], log_key: KeptSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys count as absent: a policy that has another of the log is read, one that has none is not."""
    policy = policy_of(log_key, WITNESS_KEYS)
    assert sum(line.startswith("log ") for line in policy.splitlines()) == 2
    monkeypatch.setattr(verify_receipt, "MLDSA44PublicKey", None)
    assert outcome(cosigned(receipt, *WITNESSES), policy).state is State.PROVED
    first = next(line for line in policy.splitlines() if line.startswith("log "))
    with pytest.raises(BadInput, match="newer cryptography"):
        Policy.parse(policy.replace(first + "\n", ""))


def test_no_json_is_bad_input() -> None:
    for text in (b"", b"\xff", "[" * 100_000, "[]"):
        with pytest.raises(BadInput):
            verify_receipt.verify(text, Policy())


LOG = str(VerifierKey("log.example", WITNESSES[0].public))
ONE, TWO, THREE = map(str, WITNESS_KEYS)
HEAD = f"log {LOG}\nwitness a {ONE}\nwitness b {TWO} https://b.example\nwitness c {THREE}\n"


@pytest.mark.parametrize(
    ("rest", "signed", "reached"),
    [
        ("quorum none", "abc", False),
        ("quorum a", "a", True),
        ("quorum a", "bc", False),
        ("group g any a b\nquorum g", "b", True),
        ("group g all a b\nquorum g", "b", False),
        ("group g 2 a b c\nquorum g", "ac", True),
        ("# note\n\n \tgroup g any a b \t\ngroup h all g c\nquorum h", "bc", True),
        ("group g any a b\ngroup h all g c\nquorum h", "ab", False),
    ],
)
def test_quorums(rest: str, signed: str, reached: bool) -> None:
    assert Policy.parse(HEAD + rest).reached(set(signed)) is reached


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEAD, "no quorum"),
        (HEAD + "quorum z", "line 5: z is not defined"),
        (HEAD + "quorum a\nquorum a", "line 6: this is not a line"),
        (HEAD + "quorum", "not a line"),
        (HEAD + "group g all\nquorum g", "not a line"),
        (HEAD + "group g 0 a\nquorum g", "cannot need 0"),
        (HEAD + "group g 2 a\nquorum g", "cannot need 2"),
        (HEAD + "group g some a\nquorum g", "cannot need some"),
        (HEAD + "group g any a a\nquorum g", "already in a group"),
        (HEAD + "group g any a\ngroup h any a\nquorum g", "already in a group"),
        (HEAD + "group a any b\nquorum a", "the name a is taken"),
        (HEAD + "group none any b\nquorum none", "the name none is taken"),
        (HEAD + f"witness d {ONE}\nquorum d", "listed twice"),
        (HEAD + f"log {LOG}\nquorum a", "listed twice"),
        (f"log {ONE}\nquorum none", "line 1: .* right kind"),
        (f"log {LOG[:-8]}AAAAAAA=\nquorum none", "right kind"),
        ("log nobody\nquorum none", "right kind"),
        ("log a+b+####\nquorum none", "base64"),
    ],
)
def test_policies_that_are_none(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Policy.parse(text)


@settings(deadline=None)
@given(st.data())
def test_the_one_file_verifier_agrees_with_ours(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    nodes = merkle.from_leaves([merkle.leaf_hash(bytes([n])) for n in range(size)])
    proof, root = merkle.inclusion_proof(index, size, nodes), merkle.root(size, nodes)
    claimed = (data.draw(st.integers(0, size)), data.draw(st.integers(1, size + 3)))
    path = data.draw(st.sampled_from([proof, proof[:-1], [*proof, root], proof[::-1]]))
    try:
        merkle.verify_inclusion(nodes(0, index), *claimed, path, root)
        ours = True
    except merkle.ProofError:
        ours = False
    try:
        theirs = verify_receipt._root(nodes(0, index), *claimed, path) == root
    except verify_receipt._Untrue:
        theirs = False
    assert ours is theirs


@pytest.fixture
def files(tmp_path: Path, receipt: dict[str, Any], log_key: KeptSigner) -> tuple[Path, Path]:
    file, policy = tmp_path / "receipt.json", tmp_path / "policy.txt"
    file.write_text(json.dumps(receipt))
    policy.write_text(policy_of(log_key))
    return file, policy


@ON_SQLITE
def test_the_one_file_needs_nothing_of_ours(files: tuple[Path, Path], tmp_path: Path) -> None:
    alone = tmp_path / "alone" / "verify_receipt.py"
    alone.parent.mkdir()
    shutil.copy(verify_receipt.__file__, alone)
    command = [sys.executable, "-I", str(alone), *map(str, files)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=alone.parent, check=False)
    assert (found.returncode, found.stderr) == (3, "")
    assert found.stdout.startswith("signed, not witnessed: ")


@ON_SQLITE
def test_main_tells_and_exits(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_receipt.main(list(map(str, files))) == 3
    assert verify_receipt.main([]) == 2
    assert "POLICY" in capsys.readouterr().err
    assert verify_receipt.main([str(files[0]), "nowhere"]) == 2
    files[1].write_text("quorum nobody")
    assert verify_receipt.main(list(map(str, files))) == 2


@ON_SQLITE
def test_receipt_verify(files: tuple[Path, Path]) -> None:
    run = CliRunner().invoke
    arguments = ["verify", str(files[0]), "--policy", str(files[1])]
    found = run(cli.receipt, arguments)
    assert (found.exit_code, found.output.split(":")[0]) == (3, "signed, not witnessed")
    found = run(cli.receipt, [*arguments, "--format", "json"])
    assert (found.exit_code, json.loads(found.output)["state"]) == (3, "signed, not witnessed")
    files[0].write_text("{")
    found = run(cli.receipt, arguments)
    assert (found.exit_code, "cannot be read: this is not JSON" in found.output) == (2, True)
    assert run(cli.receipt, ["verify", "nowhere", "--policy", str(files[1])]).exit_code == 2


def test_ledger_verify(told: SimpleNamespace, log_key: KeptSigner) -> None:
    def opened(_home: Path | None, _vault: bool) -> cli.Opened:
        return cli.Opened(told.book, audit.verifier_keys(keys_of(log_key)))

    group = cli.ledger_commands(opened)
    found = CliRunner().invoke(group, ["verify"])
    assert found.exit_code == 0, found.output
    assert (
        "12 entries read: 9 in the public log, 2 in the custody log; 1 wait for their place." in found.output
    )
    assert "Everything matches the signed log." in found.output
    with told.book.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM pair_of_record")
    found = CliRunner().invoke(group, ["verify", "--home", "."])
    assert found.exit_code == 1
    assert "pair_of_record 1/r: is missing: entry 6 names it" in found.output
    found = CliRunner().invoke(group, ["verify", "--format", "json"])
    report = json.loads(found.output)
    assert (found.exit_code, report["passed"]) == (1, False)
    assert report["problems"][0]["table"] == "pair_of_record"
