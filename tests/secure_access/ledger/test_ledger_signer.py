"""The signer signs what continues its memory and nothing else: after a restart, a restore, a fork."""

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from secure_access import ledger
from secure_access.db import Database, select
from secure_access.ledger import Log, merkle, note, sequencer
from secure_access.ledger.log_keys import LogKeys, read
from secure_access.ledger.note import Checkpoint
from secure_access.ledger.signer import Frozen, KeptSigner, Seen, public_keys, remembered
from secure_access.ledger.signer_process import AHEAD, RemoteSigner, SignerService, Unreachable
from secure_access.ledger.tables import LedgerCheckpoint
from tests.fixtures.ledger import NAME, signing_keys

FILE, FORMER_FILE = NAME.replace("/", "%2F") + ".memory", NAME.replace("/", "_") + ".json"
LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(9)]


def tree(leaves: Sequence[bytes] = LEAVES) -> merkle.Nodes:
    return merkle.from_leaves(leaves)


def head(size: int, leaves: Sequence[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(NAME, size, merkle.root(size, tree(leaves)))


@pytest.fixture
def signer(tmp_path: Path) -> KeptSigner:
    return KeptSigner(signing_keys(), tmp_path / "signer")


def again(signer: KeptSigner) -> KeptSigner:
    """The same signer after a restart."""
    return KeptSigner(signing_keys(), signer._memory)


def test_it_signs_what_continues_and_gives_the_same_note_again(signer: KeptSigner) -> None:
    assert signer.last(NAME) is None
    first = signer.sign(head(3), [], 100)
    assert signer.sign(head(3), [], 200) == first
    assert again(signer).last(NAME) == first
    proof = merkle.consistency_proof(3, 8, tree())
    second = again(signer).sign(head(8), proof, 50)
    assert (second.size, second.time) == (8, 100)  # a clock that went back does not turn the time back
    parsed = note.parse(second.note)
    assert parsed.verified(signer.keys) == signer.keys
    assert Checkpoint.parse(parsed.text) == head(8)


OTHER = [*LEAVES[:2], merkle.leaf_hash(b"another"), *LEAVES[3:]]


@pytest.mark.parametrize(
    ("wanted", "proof", "why"),
    [
        (head(3), [], "the database is older"),
        (head(5, OTHER), [], "another root"),
        (head(8), [], "does not continue"),
        (head(8, OTHER), merkle.consistency_proof(5, 8, merkle.from_leaves(OTHER)), "does not continue"),
        (head(8), [bytes(32)], "does not continue"),
    ],
)
def test_it_is_frozen_for_what_does_not_continue(
    signer: KeptSigner, wanted: Checkpoint, proof: list[bytes], why: str
) -> None:
    kept = signer.sign(head(5), [], 100)
    for frozen in (signer, again(signer)):
        with pytest.raises(Frozen, match=why):
            frozen.sign(wanted, proof, 200)
    assert again(signer).last(NAME) == kept
    # The true log goes on: a refusal leaves nothing behind.
    assert signer.sign(head(8), merkle.consistency_proof(5, 8, tree()), 300).size == 8


def test_each_log_has_a_memory_of_its_own(signer: KeptSigner) -> None:
    custody = Checkpoint(f"{NAME}/custody", 2, merkle.root(2, tree()))
    assert signer.sign(custody, [], 1).size == 2
    assert signer.sign(head(1), [], 1).size == 1
    assert again(signer).last(custody.origin) == signer.last(custody.origin)


CUSTODY = Checkpoint(f"{NAME}/custody", 2, merkle.root(2, tree()))


@pytest.mark.parametrize(
    ("seen", "size", "frozen"), [(8, 5, True), (8, 8, True), (7, 8, True), (0, 5, False)]
)
def test_without_memory_the_witnesses_are_asked(tmp_path: Path, seen: int, size: int, frozen: bool) -> None:
    """A lost memory and a restored database do not sign a second history behind the witnesses' backs.

    New entries say nothing about the ones that were lost, however many there are.
    """
    shown = []

    def asked(signed: str) -> Seen:
        shown.append(Checkpoint.parse(note.parse(signed).text))
        return Seen(seen, "http://w.example")

    signer = KeptSigner(signing_keys(), tmp_path / "new", asked)
    if frozen:
        # The custody log, which no witness sees, neither.
        for wanted in (CUSTODY, head(size), CUSTODY):
            with pytest.raises(Frozen, match=r"a witness \(http://w\.example\) has seen"):
                signer.sign(wanted, [], 1)
    else:
        assert signer.sign(head(size), [], 1).size == size
        assert signer.sign(CUSTODY, [], 1).size == 2
    assert {(one.origin, one.size) for one in shown} == {(NAME, 0)}
    assert len(shown) == 1


@pytest.mark.parametrize("memory", [True, False])
def test_while_no_witness_answers_nothing_is_signed(signer: KeptSigner, tmp_path: Path, memory: bool) -> None:
    """Both may be old, database and memory. The next time it is asked anew: silence is not remembered."""
    signer.sign(head(3), [], 1)
    said: list[Seen | None] = [None, None, Seen(3)]
    kept = signer._memory if memory else tmp_path / "empty"
    silent = KeptSigner(signing_keys(), kept, lambda _signed: said.pop(0))
    proof = merkle.consistency_proof(3, 5, tree()) if memory else []
    for wanted in (head(5), CUSTODY):
        with pytest.raises(Frozen, match="none answers"):
            silent.sign(wanted, proof, 2)
    if memory:
        assert silent.sign(head(5), proof, 2).size == 5
    else:
        with pytest.raises(Frozen, match="has seen"):
            silent.sign(head(5), proof, 2)


def test_a_witness_that_is_ahead_freezes_what_has_a_memory(signer: KeptSigner) -> None:
    signer.sign(head(3), [], 1)
    ahead = KeptSigner(signing_keys(), signer._memory, lambda _signed: Seen(9))
    with pytest.raises(Frozen, match="has seen"):
        ahead.sign(head(8), merkle.consistency_proof(3, 8, tree()), 3)


def signed(size: int, origin: str = NAME, seed: int = 1, at: int = 7) -> str:
    """A checkpoint as a signer with these keys makes it."""
    checkpoint = replace(head(size), origin=origin)
    first, second = signing_keys(origin.removesuffix("/custody"), seed)
    made = note.sign(checkpoint.text, first, origin)
    line = note.cosign(checkpoint.text, second, at, origin)
    return str(replace(made, signatures=(*made.signatures, line)))


@pytest.mark.parametrize("memory", [0, 3])
def test_a_checkpoint_that_it_signed_itself_thaws_it(tmp_path: Path, memory: int) -> None:
    """The memory is lost or old, the database is the true one: it has what the witness saw, and its proof."""
    shown = []

    def asked(text: str) -> Seen:
        shown.append(Checkpoint.parse(note.parse(text).text).size)
        return Seen(6, "http://w.example")

    if memory:
        KeptSigner(signing_keys(), tmp_path / "s").sign(head(memory), [], 1)
    signer = KeptSigner(signing_keys(), tmp_path / "s", asked)
    first = merkle.consistency_proof(memory, 8, tree()) if memory else []
    with pytest.raises(Frozen, match="has seen"):
        signer.sign(head(8), first, 9)
    between = merkle.consistency_proof(memory, 6, tree()) if memory else []
    text = signed(6)
    kept = signer.recall(text + str(note.cosign(head(6).text, signing_keys("w.example", 3)[0], 8)), between)
    assert (kept.size, kept.root, kept.time, kept.note) == (6, head(6).root, 7, text)
    assert again(signer).last(NAME) == kept
    assert signer.sign(head(8), merkle.consistency_proof(6, 8, tree()), 9).size == 8
    assert shown == [memory, 6], "and the witnesses were shown what was recalled"
    assert signer.recall(signed(6), []).size == 8, "it never goes back"


@pytest.mark.parametrize(
    ("text", "proof", "why"),
    [
        (signed(6, seed=2), (3, 6), "no known key signed"),
        (str(note.sign(head(6).text, signing_keys()[0], NAME)), (3, 6), "not every key"),
        (signed(6).replace("\n6\n", "\n7\n"), (3, 6), "is false"),
        (signed(6, "court.example/ledger"), (3, 6), "no other log"),
        (signed(6), (3, 7), "does not continue"),
        (signed(6), (), "does not continue"),
        ("6 entries", (3, 6), "a note has"),
        (signed(5), (3, 5), "has seen"),
    ],
)
def test_nothing_else_thaws_it(tmp_path: Path, text: str, proof: tuple[int, ...], why: str) -> None:
    KeptSigner(signing_keys(), tmp_path / "s").sign(head(3), [], 1)
    signer = KeptSigner(signing_keys(), tmp_path / "s", lambda _signed: Seen(6, "http://w.example"))
    with pytest.raises(Frozen, match=why):
        signer.recall(text, merkle.consistency_proof(*proof, tree()) if proof else [])
        signer.sign(head(8), merkle.consistency_proof(5, 8, tree()), 9)
    with pytest.raises(Frozen):
        signer.sign(head(8), merkle.consistency_proof(3, 8, tree()), 9)


def test_what_was_recalled_is_not_what_the_witness_saw(tmp_path: Path) -> None:
    said: list[Seen | Frozen] = [Seen(6), Frozen("a witness has signed another history")]

    def asked(_signed: str) -> Seen:
        answer = said.pop(0)
        if isinstance(answer, Frozen):
            raise answer
        return answer

    signer = KeptSigner(signing_keys(), tmp_path, asked)
    assert signer.last(NAME) is None
    signer.recall(signed(6), [])
    with pytest.raises(Frozen, match="another history"):
        signer.sign(head(8), merkle.consistency_proof(6, 8, tree()), 9)


@pytest.mark.parametrize(
    "origin", ["court.example/ledger", f"{NAME}/2", NAME.replace("/", "_"), "", f"{NAME}/x"]
)
def test_it_signs_no_log_but_its_own(signer: KeptSigner, origin: str) -> None:
    signer.sign(head(3), [], 1)
    before = {path.name: path.read_bytes() for path in signer._memory.glob("*.memory")}
    for ask in (lambda: signer.sign(replace(head(5), origin=origin), [], 1), lambda: signer.last(origin)):
        with pytest.raises(Frozen, match="and no other log"):
            ask()
    assert {path.name: path.read_bytes() for path in signer._memory.glob("*.memory")} == before


def test_no_two_origins_share_a_memory(tmp_path: Path) -> None:
    """Also where they did: a file that was named in the former way is read by its own log, and no other."""
    names = (NAME, NAME.replace("/", "_"), NAME.replace("/", "%2F"))
    for size, name in enumerate(names, 1):
        KeptSigner(signing_keys(name), tmp_path).sign(replace(head(size), origin=name), [], 1)
    for size, name in enumerate(names, 1):
        found = remembered(tmp_path, name)
        assert found is not None
        assert found.size == size
    former = tmp_path / f"{NAME.replace('/', '_')}.json"
    (own,) = [path for path in tmp_path.glob("*.memory") if f'"note": "{NAME}' in path.read_text()]
    own.replace(former)
    for name in names[1:]:
        found = remembered(tmp_path, name)
        assert found is None or found.size > 1
    signer = KeptSigner(signing_keys(), tmp_path)
    assert getattr(signer.last(NAME), "size", 0) == 1
    with pytest.raises(Frozen, match="another root"):
        signer.sign(Checkpoint(NAME, 1, bytes(32)), [], 2)
    signer.sign(head(5), merkle.consistency_proof(1, 5, tree()), 2)
    assert not former.exists(), "an older memory is not left beside the new one"
    assert own.exists()
    shutil.copy(own, tmp_path / "authority.example%2Fledger%2Fcustody.memory")
    with pytest.raises(Frozen, match="memory"):
        signer.last(f"{NAME}/custody")


@pytest.mark.parametrize("damage", ["", "{}", '{"size": "three"}', '{"size": 3, "root": 4, "time": 1}'])
@pytest.mark.parametrize("name", [FILE, FORMER_FILE])
def test_a_damaged_memory_freezes_it(signer: KeptSigner, damage: str, name: str) -> None:
    signer.sign(head(3), [], 1)
    (signer._memory / FILE).rename(signer._memory / name)
    (signer._memory / name).write_text(damage)
    with pytest.raises(Frozen, match="memory"):
        again(signer).sign(head(5), merkle.consistency_proof(3, 5, tree()), 2)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_nothing_is_given_away_that_was_not_remembered(
    signer: KeptSigner, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A full disk between signing and remembering: the signature is lost, and asked for anew."""
    first = signer.sign(head(3), [], 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    proof = merkle.consistency_proof(3, 5, tree())
    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync", full) if step == "fsync" else (Path, "replace", full)))
        with pytest.raises(OSError, match="No space"):
            signer.sign(head(5), proof, 2)
    assert json.loads((signer._memory / FILE).read_text())["size"] == 3
    assert again(signer).last(NAME) == first
    assert signer.sign(head(5), proof, 2).size == 5


def test_two_of_them_on_one_memory_take_turns(signer: KeptSigner) -> None:
    other, failures = again(signer), []
    signer.sign(head(1), [], 1)
    twin = [head(4), head(4, [*LEAVES[:3], merkle.leaf_hash(b"x"), *LEAVES[4:]])]
    trees = [tree(), tree([*LEAVES[:3], merkle.leaf_hash(b"x"), *LEAVES[4:]])]

    def sign(one: KeptSigner, number: int) -> None:
        try:
            one.sign(twin[number], merkle.consistency_proof(1, 4, trees[number]), 2)
        except Frozen as frozen:
            failures.append(frozen)

    threads = [threading.Thread(target=sign, args=(one, n)) for n, one in enumerate((signer, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 1


# --- a process of its own -------------------------------------------------------------------------------


@pytest.fixture
def remote(signer: KeptSigner, tmp_path: Path) -> Iterator[RemoteSigner]:
    service = SignerService(tmp_path / "s", signer)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield RemoteSigner(tmp_path / "s", signer.keys)
    service.shutdown()
    service.server_close()
    thread.join()


def test_behind_a_socket_it_answers_alike(remote: RemoteSigner, signer: KeptSigner, tmp_path: Path) -> None:
    assert oct((tmp_path / "s").stat().st_mode & 0o777) == "0o660"
    assert remote.last(NAME) is None
    signed = remote.sign(head(3), [], 5)
    assert remote.last(NAME) == signer.last(NAME) == signed
    with pytest.raises(Frozen, match="does not continue"):
        remote.sign(head(5), [], 6)
    assert remote.sign(head(5), merkle.consistency_proof(3, 5, tree()), 6).size == 5
    with pytest.raises(Frozen, match="cannot read"):
        remote._ask({"ask": "sign"})


def test_behind_a_socket_it_recalls_and_knows_its_own_logs_and_clock(remote: RemoteSigner) -> None:
    now = int(time.time())
    remote.sign(head(2), [], now)
    assert remote.recall(signed(3, at=now), merkle.consistency_proof(2, 3, tree())).size == 3
    with pytest.raises(Frozen, match="none of this log"):
        remote.recall(signed(6, seed=2), merkle.consistency_proof(3, 6, tree()))
    with pytest.raises(Frozen, match="no other log"):
        remote.sign(Checkpoint("court.example/ledger", 7, bytes(32)), [], now)
    proof = merkle.consistency_proof(3, 5, tree())
    for late in (now + int(AHEAD) + 60, 2**40, 2**63 - 1, 2**70):
        with pytest.raises(Frozen, match="ahead of the signer's clock"):
            remote.sign(head(5), proof, late)
    assert remote.sign(head(5), proof, now + int(AHEAD) - 60).time == now + int(AHEAD) - 60
    assert remote.sign(head(6), merkle.consistency_proof(5, 6, tree()), now).time == now + int(AHEAD) - 60


def test_a_signer_that_is_away_signs_nothing(tmp_path: Path, signer: KeptSigner) -> None:
    away = RemoteSigner(tmp_path / "nobody", signer.keys)
    with pytest.raises(Unreachable, match="does not answer"):
        away.last(NAME)


# --- with the sequencer ---------------------------------------------------------------------------------


def record(book: Database, kinds: SimpleNamespace, times: int) -> None:
    with book.write() as session:
        for _ in range(times):
            ledger.append(session, "sample.submitted", {"reference": "S"}, by=None, now=kinds.now)


@pytest.mark.parametrize("book", ["sqlite"], indirect=True)
def test_a_database_that_was_restored_is_not_signed_for(
    book: Database, ledger_kinds: SimpleNamespace, signer: KeptSigner, tmp_path: Path
) -> None:
    """Rolled back to before the last signature, then grown past it with other entries: nothing is signed."""
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, signer, ledger_kinds.now)
    book.dispose()
    path = Path(book.url.removeprefix("sqlite:///"))
    copy = path.read_bytes()
    record(book, ledger_kinds, 4)
    sequencer.sequence(book, signer, ledger_kinds.now)
    book.dispose()
    for rest in path.parent.glob(f"{path.name}-*"):
        rest.unlink()
    path.write_bytes(copy)
    for times in (1, 2, 3, 4):
        record(book, ledger_kinds, times)
        with pytest.raises((Frozen, sequencer.LogDamaged)):
            sequencer.sequence(book, signer, ledger_kinds.now)
    with book.read() as session:
        query = select(LedgerCheckpoint.size).where(LedgerCheckpoint.log == Log.PUBLIC)
        assert max(session.exec(query)) == 3


@pytest.mark.parametrize("lost", [True, False])
def test_a_memory_that_was_lost_comes_back_from_the_database(
    book: Database, ledger_kinds: SimpleNamespace, tmp_path: Path, lost: bool
) -> None:
    """The true database, and a signer whose memory is gone or older: it signs on, and knows all it signed."""
    first = KeptSigner(signing_keys(), tmp_path / "signer")
    record(book, ledger_kinds, 3)
    sequencer.sequence(book, first, ledger_kinds.now)
    old = {path.name: path.read_bytes() for path in first._memory.glob("*.memory")}
    record(book, ledger_kinds, 3)
    heads = sequencer.sequence(book, first, ledger_kinds.now)
    for path in first._memory.glob("*.memory"):
        path.unlink() if lost else path.write_bytes(old[path.name])
    shown = []

    def asked(text: str) -> Seen:
        shown.append(Checkpoint.parse(note.parse(text).text).size)
        return Seen(6, "http://w.example")

    second = KeptSigner(signing_keys(), first._memory, asked)
    assert sequencer.sequence(book, second, ledger_kinds.now) == heads
    assert shown == [0 if lost else 3, 6]
    record(book, ledger_kinds, 2)
    assert sequencer.sequence(book, second, ledger_kinds.now)[Log.PUBLIC].size == 8
    assert shown == [0 if lost else 3, 6]
    with book.read() as session:
        newest = sequencer.latest(session, Log.PUBLIC)
    kept = second.last(NAME)
    assert newest is not None
    assert kept is not None
    assert (kept.size, kept.note) == (8, newest.note)


def test_keys_are_read_by_log_the_newest_first() -> None:
    new, old = (list(map(str, public_keys(signing_keys(name)))) for name in "ab")
    keys = read([*new, *old])
    assert (keys.name, [key.name for key in keys.ever_of(Log.CUSTODY)]) == (
        "a",
        ["a/custody", "a/custody", "b/custody", "b/custody"],
    )
    assert isinstance(keys, LogKeys)
