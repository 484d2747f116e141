"""A witness over real HTTP, its answers by C2SP tlog-witness, and the log that asks it."""

import base64
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from secure_access import ledger
from secure_access.db import Database, Session, col, select
from secure_access.ledger import Log, audit, merkle, note, receipts, sequencer, witnesses
from secure_access.ledger.note import Checkpoint, VerifierKey
from secure_access.ledger.signer import Frozen, KeptSigner, Seen
from secure_access.ledger.tables import LedgerEntry, LedgerTile, LedgerWitness
from secure_access.ledger.verify_receipt import Policy, State
from secure_access.ledger.witness import LONGEST_REQUEST, Answer, Witness
from secure_access.ledger.witness_server import Service
from secure_access.ledger.witnesses import Witnesses
from tests.fixtures.ledger import NAME, keys_of, signing_keys

LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(9)]
FORK = [*LEAVES[:2], merkle.leaf_hash(b"another"), *LEAVES[3:]]
WITNESS = "witness.example/w1"
LOG_KEYS = signing_keys()
AT = 1_820_000_000


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return known(tmp_path / "seen.db")


def known(path: Path) -> Witness:
    log = VerifierKey(NAME, LOG_KEYS[0].public)
    return Witness(path, signing_keys(WITNESS, 40), [log], lambda: AT)


def signed(size: int, leaves: Sequence[bytes] = LEAVES, origin: str = NAME, seed: int = 1) -> str:
    head = Checkpoint(origin, size, merkle.root(size, merkle.from_leaves(leaves)))
    return str(note.sign(head.text, signing_keys(seed=seed)[0], origin))


def body(old: int | str, proof: Sequence[bytes], checkpoint: str) -> bytes:
    lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof)
    return f"old {old}\n{lines}\n{checkpoint}".encode()


def proof(old: int, new: int, leaves: Sequence[bytes] = LEAVES) -> list[bytes]:
    return merkle.consistency_proof(old, new, merkle.from_leaves(leaves))


def test_it_signs_with_both_its_keys_and_remembers(witness: Witness, tmp_path: Path) -> None:
    answer = witness.add_checkpoint(body(0, [], signed(3)))
    assert answer.status == 200
    both = note.parse(note.parse(signed(3)).text + "\n" + answer.body)
    assert both.verified(witness.keys) == witness.keys
    assert [key.type for key in witness.keys] == [note.COSIGNATURE_KEY, note.MLDSA_KEY]
    stamps = {int.from_bytes(line.signature[:8], "big") for line in both.signatures}
    assert stamps == {AT}
    restarted = known(tmp_path / "seen.db")
    seen = restarted.seen(NAME)
    assert seen is not None
    assert seen.size == 3
    assert restarted.add_checkpoint(body(3, proof(3, 8), signed(8))).status == 200
    assert restarted.add_checkpoint(body(8, [], signed(8))).status == 200


SEEN = 5
CASES = {
    "origin unknown": (body(0, [], signed(3, origin="other.example")), 404),
    "another key": (body(SEEN, proof(SEEN, 8), signed(8, seed=2)), 403),
    "old larger than new": (body(9, [], signed(8)), 400),
    "old not the one seen": (body(3, proof(3, 8), signed(8)), 409),
    "old zero asks for the size": (body(0, [], signed(8)), 409),
    "back": (body(3, [], signed(3)), 409),
    "no proof": (body(SEEN, [], signed(8)), 422),
    "a proof of a fork": (body(SEEN, proof(SEEN, 8, FORK), signed(8, FORK)), 422),
    "a proof too long": (body(SEEN, [*proof(SEEN, 8), bytes(32)], signed(8)), 422),
    "a proof for the same size": (body(SEEN, [bytes(32)], signed(SEEN)), 422),
    "a hash too short": (body(SEEN, [bytes(31)], signed(8)), 422),
    "too many hashes": (body(SEEN, [bytes(32)] * 64, signed(8)), 400),
    "leading zero": (body("05", proof(SEEN, 8), signed(8)), 400),
    "negative": (body("-1", proof(SEEN, 8), signed(8)), 400),
    "no old line": (b"\n" + signed(8).encode(), 400),
    "no empty line": (f"old 5\n{signed(8)}".encode().replace(b"\n\n", b"\n"), 400),
    "no base64": (b"old 5\n####\n\n" + signed(8).encode(), 400),
    "not a note": (b"old 5\n\nhello\n", 400),
    "not UTF-8": (b"old 5\n\n\xff", 400),
    "empty": (b"", 400),
}


@pytest.mark.parametrize("name", CASES)
def test_each_refusal_has_its_status_and_changes_nothing(witness: Witness, name: str) -> None:
    assert witness.add_checkpoint(body(0, [], signed(SEEN))).status == 200
    before = witness.seen(NAME)
    request, status = CASES[name]
    answer = witness.add_checkpoint(request)
    assert answer.status == status
    assert witness.seen(NAME) == before
    if status == 409:
        assert answer == Answer(409, f"{SEEN}\n", "text/x.tlog.size")


def test_another_tree_of_the_same_size_is_a_fork(witness: Witness) -> None:
    witness.add_checkpoint(body(0, [], signed(SEEN)))
    answer = witness.add_checkpoint(body(SEEN, [], signed(SEEN, FORK)))
    assert (answer.status, "two histories" in answer.body) == (409, True)


def test_an_empty_log_has_the_empty_root(witness: Witness) -> None:
    wrong = note.sign(Checkpoint(NAME, 0, bytes(32)).text, LOG_KEYS[0])
    assert witness.add_checkpoint(body(0, [], str(wrong))).status == 422
    assert witness.add_checkpoint(body(0, [], signed(0))).status == 200
    assert witness.add_checkpoint(body(0, [], signed(3))).status == 200


def test_requests_at_once_never_take_it_back(tmp_path: Path) -> None:
    """The race of the specification: every one is checked against what was persisted before it."""
    one, two = known(tmp_path / "seen.db"), known(tmp_path / "seen.db")
    one.add_checkpoint(body(0, [], signed(1)))
    answers: list[int] = []
    sizes = [2, 3, 4, 5, 6, 7, 8] * 3

    def submit(witness: Witness, size: int) -> None:
        answers.append(witness.add_checkpoint(body(1, proof(1, size), signed(size))).status)

    threads = [
        threading.Thread(target=submit, args=((one, two)[n % 2], size)) for n, size in enumerate(sizes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * (len(sizes) - 1)


# --- over HTTP, and the log that asks ---------------------------------------------------------------------


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., SimpleNamespace]]:
    running: list[tuple[Service, threading.Thread]] = []

    def start(name: str = WITNESS, seed: int = 40, seen: Path | None = None) -> SimpleNamespace:
        keys = signing_keys(name, seed)
        log = VerifierKey(NAME, LOG_KEYS[0].public)
        own = Witness(seen or tmp_path / f"{seed}.db", keys, [log], lambda: AT)
        service = Service(("127.0.0.1", 0), own)
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((service, thread))
        url = f"http://127.0.0.1:{service.server_address[1]}"
        return SimpleNamespace(url=url, witness=own, keys=own.keys, name=name)

    yield start
    for service, thread in running:
        service.shutdown()
        service.server_close()
        thread.join()


def policy_of(*served: SimpleNamespace, quorum: str = "all") -> Witnesses:
    lines = [f"log {VerifierKey(NAME, LOG_KEYS[0].public)}"]
    names = []
    for number, one in enumerate(served):
        for kind, key in enumerate(one.keys):
            names.append(f"w{number}-{kind}")
            lines.append(f"witness {names[-1]} {key} {one.url}")
    return Witnesses.parse(
        "\n".join([*lines, f"group all-of-us {quorum} {' '.join(names)}", "quorum all-of-us"])
    )


def record(book: Database, kinds: SimpleNamespace, times: int = 1) -> None:
    with book.write() as session:
        for _ in range(times):
            ledger.append(session, "sample.submitted", {"reference": "S"}, by=None, now=kinds.now)


def test_http_answers_and_limits(serve: Callable[..., SimpleNamespace]) -> None:
    one = serve()
    with requests.Session() as http:  # one connection, kept alive
        good = http.post(f"{one.url}/add-checkpoint", data=body(0, [], signed(3)), timeout=5)
        assert (good.status_code, good.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        conflict = http.post(f"{one.url}/add-checkpoint", data=body(0, [], signed(8)), timeout=5)
        assert (conflict.status_code, conflict.text) == (409, "3\n")
        assert conflict.headers["Content-Type"] == "text/x.tlog.size"
        assert http.post(f"{one.url}/elsewhere", data=b"", timeout=5).status_code == 404
        page = http.get(one.url, timeout=5).text
        assert str(one.keys[1]) in page
        assert "size 3" in page
        assert http.get(f"{one.url}/x", timeout=5).status_code == 404
    long = requests.post(f"{one.url}/add-checkpoint", data=b"x" * (LONGEST_REQUEST + 1), timeout=5)
    assert long.status_code == 413


def test_a_witnessed_receipt_is_proved(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
) -> None:
    one, two = serve(), serve("witness.example/w2", 41)
    wanted = policy_of(one, two)
    record(book, ledger_kinds, 3)
    assert witnesses.ask(book, wanted, ledger_kinds.now) == {}  # nothing is signed yet
    sequencer.sequence(book, log_key, ledger_kinds.now)
    assert witnesses.ask(book, wanted, ledger_kinds.now) == {}
    with book.read() as session:
        assert len(witnesses.cosignatures(session, Log.PUBLIC, 3)) == 4
        entry = session.get_one(LedgerEntry, 2)
        text = receipts.receipt_text(session, entry, wanted)
        newest = witnesses.witnessed(session, wanted, Log.PUBLIC)
        assert newest is not None
        assert newest.size == 3
    found = receipts.verify(text, Policy.parse(receipts.policy_text(log_key.keys, wanted)))
    assert (found.state, len(found.witnesses)) == (State.PROVED, 4)
    # The log goes on and no witness answers yet: the receipt keeps to the checkpoint that proves more.
    record(book, ledger_kinds, 2)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    with book.read() as session:
        again = receipts.receipt_text(session, session.get_one(LedgerEntry, 2), wanted)
        late = receipts.receipt_text(session, session.get_one(LedgerEntry, 5), wanted)
    policy = Policy.parse(receipts.policy_text(log_key.keys, wanted))
    assert receipts.verify(again, policy).state is State.PROVED
    assert receipts.verify(late, policy).state is State.NOT_WITNESSED
    assert witnesses.ask(book, wanted, ledger_kinds.now) == {}
    with book.read() as session:
        late = receipts.receipt_text(session, session.get_one(LedgerEntry, 5), wanted)
    assert receipts.verify(late, policy).state is State.PROVED
    keys = audit.verifier_keys(keys_of(log_key), wanted)
    report = audit.run_verify(book, keys)
    assert (report.passed, report.witnessed) == (True, {"public": 5})


def test_a_witness_that_the_policy_no_longer_names_does_not_count(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
) -> None:
    """Two former witnesses signed an old head, the one of today a newer one: a receipt has the newer."""
    before, today = policy_of(serve(), serve("witness.example/w2", 41)), policy_of(serve("third.example", 42))
    for wanted in (before, today):
        record(book, ledger_kinds, 3)
        sequencer.sequence(book, log_key, ledger_kinds.now)
        assert witnesses.ask(book, wanted, ledger_kinds.now) == {}
    with book.read() as session:
        entry = session.get_one(LedgerEntry, 2)
        for wanted, size in ((before, 3), (today, 6), (witnesses.NONE, 6)):
            best = witnesses.best(session, wanted, Log.PUBLIC, reaching=2)
            assert best is not None
            assert best.size == size
        text = receipts.receipt_text(session, entry, today)
    policy = Policy.parse(receipts.policy_text(log_key.keys, today))
    assert receipts.verify(text, policy).state is State.PROVED


def test_a_rolled_back_log_finds_no_witness(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
    tmp_path: Path,
) -> None:
    """A log that forgot entries, and a log that shows another history: both are named by the witness."""
    one = serve()
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    with book.read() as session:
        mine = [merkle.leaf_hash(leaf) for leaf in leaves(session)]
    one.witness.add_checkpoint(body(0, [], signed(8, [*mine, *LEAVES])))
    (problem,) = witnesses.ask(book, policy_of(one), ledger_kinds.now).values()
    assert "seen 8 entries and this log has 3: the log was rolled back" in problem
    record(book, ledger_kinds, 9)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    (problem,) = witnesses.ask(book, policy_of(one), ledger_kinds.now).values()
    assert "422" in problem
    with book.read() as session:
        assert session.get_one(LedgerWitness, one.url).problem == problem
        assert not witnesses.cosignatures(session, Log.PUBLIC, 12)
    assert witnesses.largest_seen([one.url], signed(0)) == Seen(8, one.url)


def test_what_a_witness_saw_is_kept_and_the_audit_names_it(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
) -> None:
    """Rolled back, and the memory of the signer with it: the witness has told how much there was."""
    one = serve()
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    with book.read() as session:
        mine = [merkle.leaf_hash(leaf) for leaf in leaves(session)]
    one.witness.add_checkpoint(body(0, [], signed(8, [*mine, *LEAVES])))
    witnesses.ask(book, policy_of(one), ledger_kinds.now)
    report = audit.run_verify(book, audit.verifier_keys(keys_of(log_key), policy_of(one)))
    assert f"ledger_witness {one.url}: saw 8 entries, and there are 3" in map(str, report.problems)


def test_a_witness_of_another_history_freezes_the_signer(serve: Callable[..., SimpleNamespace]) -> None:
    one = serve()
    one.witness.add_checkpoint(body(0, [], signed(5, FORK)))
    with pytest.raises(Frozen, match="has signed another history"):
        witnesses.largest_seen([one.url], signed(5))


def test_a_damaged_tree_is_said_of_each_witness_and_stops_no_other(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
) -> None:
    behind, fresh = serve(), serve("witness.example/w2", 41)
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    witnesses.ask(book, policy_of(behind), ledger_kinds.now)
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    with book.write() as session:
        for row in session.exec(select(LedgerTile)):
            row.hashes = row.hashes[:32]
    problems = witnesses.ask(book, policy_of(behind, fresh), ledger_kinds.now)
    assert {url: "damaged" in problem for url, problem in problems.items()} == {behind.url: True}
    with book.read() as session:
        assert {line.name for line in witnesses.cosignatures(session, Log.PUBLIC, 6)} == {fresh.name}


def leaves(session: Session) -> list[bytes]:
    return list(session.exec(select(LedgerEntry.leaf).order_by(col(LedgerEntry.number))))


def test_a_witness_that_lost_its_memory_is_caught_up(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
    tmp_path: Path,
) -> None:
    one = serve()
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    witnesses.ask(book, policy_of(one), ledger_kinds.now)
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    fresh = serve(seen=tmp_path / "fresh.db")
    with book.write() as session:  # the same witness, at its new address
        session.add(LedgerWitness(url=fresh.url, asked_at=ledger_kinds.now, size=3))
    assert witnesses.ask(book, policy_of(fresh), ledger_kinds.now) == {}
    with book.read() as session:
        assert len(witnesses.cosignatures(session, Log.PUBLIC, 6)) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((500, "text/plain", "broken"), "answers 500"),
        ((302, "text/plain", ""), "answers 302"),
        ((200, "text/plain", "hello\n"), "no cosignature"),
        ((200, "text/plain", ""), "no cosignature"),
        ((200, "text/plain", "x" * 70_000), "too long"),
        ((409, "text/x.tlog.size", "many\n"), "names no size"),
        ((409, "text/x.tlog.size", "2\n"), "then 2"),
        ((409, "text/x.tlog.size", "9" * 5000), "names no size"),
        ((409, "text/x.tlog.size", "02\n"), "names no size"),
        ((409, "text/plain", "two histories\n"), "answers 409"),
    ],
)
def test_what_a_witness_may_answer_wrongly(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    monkeypatch: pytest.MonkeyPatch,
    serve: Callable[..., SimpleNamespace],
    answer: tuple[int, str, str],
    why: str,
) -> None:
    one = serve()
    monkeypatch.setattr(one.witness, "add_checkpoint", lambda _: Answer(answer[0], answer[2], answer[1]))
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    (problem,) = witnesses.ask(book, policy_of(one), ledger_kinds.now).values()
    assert why in problem
    with book.read() as session:
        assert not witnesses.cosignatures(session, Log.PUBLIC, 3)


def test_a_false_cosignature_is_not_kept(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
) -> None:
    one, thief = serve(), serve(seed=41)
    thief.keys = one.keys  # it says it is the other witness, and signs with a key of its own
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    (problem,) = witnesses.ask(book, policy_of(thief), ledger_kinds.now).values()
    assert "no known key signed" in problem


def test_an_absent_witness_is_said_and_the_others_sign(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    serve: Callable[..., SimpleNamespace],
) -> None:
    one = serve()
    gone = SimpleNamespace(url="http://127.0.0.1:9", keys=signing_cosigners("w2", 41))
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, log_key, ledger_kinds.now)
    problems = witnesses.ask(book, policy_of(one, gone), ledger_kinds.now)
    assert {url: "does not answer" in problem for url, problem in problems.items()} == {gone.url: True}
    with book.read() as session:
        lines = witnesses.cosignatures(session, Log.PUBLIC, 3)
        assert {line.name for line in lines} == {WITNESS}
        assert lines[0].cosigned_at == datetime.fromtimestamp(AT, UTC)
        assert not policy_of(one, gone).reached(lines)
        assert policy_of(one, gone, quorum="2").reached(lines)
        row = session.get_one(LedgerWitness, gone.url)
        assert (row.answered_at, row.asked_at) == (None, ledger_kinds.now)
    assert witnesses.largest_seen([gone.url], signed(0)) is None


def signing_cosigners(name: str, seed: int) -> tuple[VerifierKey, ...]:
    return tuple(note.cosigner(key) for key in signing_keys(name, seed))


ED25519 = "length(line) < 200"


def test_damage_to_a_cosignature_is_named(told: SimpleNamespace, log_key: KeptSigner) -> None:
    wanted = policy_of(
        SimpleNamespace(url="http://127.0.0.1:9", keys=signing_cosigners("witness.example", 40))
    )
    keys = audit.verifier_keys(keys_of(log_key), wanted)
    assert audit.run_verify(told.book, keys).passed
    changes = {
        "line": "replace(line, ' ', ' A')",
        "size": "size - 1",
        "name": "'other.example'",
        "key": "'00000000'",
        "cosigned_at": "'2020-01-01 00:00:00'",
    }
    with told.book.engine.connect() as connection:
        for column, value in changes.items():
            with connection.begin() as transaction:
                trigger = "ledger_cosignature_update"
                drop = f"DROP TRIGGER {trigger}" + ("" if told.book.is_sqlite else " ON ledger_cosignature")
                connection.exec_driver_sql(drop)
                connection.exec_driver_sql(
                    f"UPDATE ledger_cosignature SET {column} = {value} WHERE {ED25519}"
                )
                with Session(connection) as session:
                    named = {problem.table for problem in audit.verify(session, keys).problems}
                assert "ledger_cosignature" in named, column
                transaction.rollback()
