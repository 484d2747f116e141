"""Sequencers as processes: killed in every step and at random, two at once, full disks, clocks going back."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from secure_access import ledger
from secure_access.db import Database, col, select
from secure_access.ledger import Log, audit, merkle, note, receipts, sequencer, witnesses
from secure_access.ledger.note import Checkpoint, VerifierKey
from secure_access.ledger.receipts import Policy, State
from secure_access.ledger.signer import KeptSigner, remembered
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry
from secure_access.ledger.witness import Witness
from secure_access.ledger.witness_server import Service
from secure_access.ledger.witnesses import Witnesses
from tests.fixtures.ledger import NAME, keys_of, policy_of, signing_keys

ON_SQLITE = pytest.mark.parametrize("book", ["sqlite"], indirect=True)
SCRIPT = Path(__file__).with_name("sequencer_under_test.py")
SEED = 20271001
KILLS = 12
"""How often a sequencer is killed at random on each database."""


class Sequencers:
    """A process that starts sequencers on one database, and what must hold whenever one of them ended."""

    def __init__(self, book: Database, kinds: SimpleNamespace, folder: Path, log_key: KeptSigner) -> None:
        self.book, self.kinds, self.log_key = book, kinds, log_key
        self.memory = folder / "signer"
        self.recorded: list[str] = []
        self.signed: dict[tuple[str, int], bytes] = {}
        self.seen: set[str] = set()
        self.running: list[subprocess.Popen[str]] = []
        self.process, self.steps = self.start()

    def start(self) -> tuple[subprocess.Popen[str], list[str]]:
        """A process that starts sequencers, and the steps that it knows."""
        words = [sys.executable, str(SCRIPT), self.book.url, str(self.memory)]
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
        )
        self.running.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    def end(self) -> None:
        for process in self.running:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.wait(20)
            process.stdout.close()

    def run(self, process: subprocess.Popen[str] | None = None, **asked: Any) -> int:
        """One sequencer; the signal that ended it."""
        one = process or self.process
        assert one.stdin is not None
        assert one.stdout is not None
        one.stdin.write(json.dumps(asked) + "\n")
        one.stdin.flush()
        return int(one.stdout.readline())

    def record(self, times: int) -> None:
        with self.book.write() as session:
            for _ in range(times):
                for name, fields in (("sample.submitted", {"reference": "S"}), ("sample.read", {})):
                    made = ledger.append(session, name, fields, by=None, now=self.kinds.now)
                    self.recorded.append(str(made.id))

    def check(self) -> None:
        """Nothing is lost, nothing is there twice, and no size was ever signed with two roots."""
        with self.book.read() as session:
            entries = session.exec(select(LedgerEntry)).all()
            assert sorted(str(entry.id) for entry in entries) == sorted(self.recorded)
            checkpoints = session.exec(select(LedgerCheckpoint)).all()
        for log in Log:
            leaves = {
                row.leaf_index: row.leaf for row in entries if row.log == log and row.leaf_index is not None
            }
            assert sorted(leaves) == list(range(len(leaves)))
            tree = merkle.from_leaves([merkle.leaf_hash(leaves[place]) for place in range(len(leaves))])
            origin = NAME if log is Log.PUBLIC else f"{NAME}/{log.value}"
            heads = [note.parse(row.note) for row in checkpoints if row.log == log]
            last = remembered(self.memory, origin)
            heads += [note.parse(last.note)] if last else []
            for head in heads:
                if str(head) in self.seen:
                    continue
                self.seen.add(str(head))
                assert head.verified(keys_of(self.log_key).of(log))
                told = Checkpoint.parse(head.text)
                assert self.signed.setdefault((origin, told.size), told.root) == told.root, (
                    "a fork was signed"
                )
                assert told.size <= len(leaves), "signed before it was committed"
                assert told.root == merkle.root(told.size, tree)
            for (name, size), root in self.signed.items():
                assert name != origin or root == merkle.root(size, tree)

    def finish(self) -> None:
        """Sequence what is left, fix the custody log, and hold all to the outside: audit and receipts."""
        assert self.run(loop=0.01) == 0
        self.check()
        sequencer.anchor(self.book, self.kinds.now)
        with self.book.read() as session:
            self.recorded = [str(entry.id) for entry in session.exec(select(LedgerEntry))]
        assert self.run(loop=0.01) == 0
        self.check()
        report = audit.run_verify(self.book, audit.verifier_keys(keys_of(self.log_key)))
        assert report.passed, report.problems
        assert (report.entries, report.waiting) == (len(self.recorded), 0)
        with self.book.read() as session:
            kept = {(str(row.log), row.size) for row in session.exec(select(LedgerCheckpoint))}
            assert kept >= {
                (Log.PUBLIC.value if origin == NAME else Log.CUSTODY.value, size)
                for origin, size in self.signed
            }, "a signed head was never saved"
            policy = Policy.parse(policy_of(self.log_key))
            fixing = sequencer.ANCHORED.name, "security_log.anchored"
            told = select(LedgerEntry).where(col(LedgerEntry.type).not_in(fixing))
            for entry in session.exec(told).all()[::7]:
                found = receipts.verify(receipts.receipt_text(session, entry), policy)
                assert found.state is State.NOT_WITNESSED, found.reason


@pytest.fixture
def sequencers(
    book: Database, ledger_kinds: SimpleNamespace, log_key: KeptSigner, tmp_path: Path
) -> Iterator[Sequencers]:
    made = Sequencers(book, ledger_kinds, tmp_path, log_key)
    yield made
    made.end()


def test_killed_in_every_step_it_loses_and_repeats_nothing(sequencers: Sequencers) -> None:
    killed: dict[tuple[str, bool], int] = {}
    for step in sequencers.steps:
        for late in (False, True):
            # A step is taken once for each log, and the commit in four transactions. Connecting to PostgreSQL
            # takes its time, and what follows the first turn is the same there.
            for turn in (1, 2, 3, 4) if step == "commit" else (1, 2) if sequencers.book.is_sqlite else (1,):
                sequencers.record(1 + turn % 2)
                ended = sequencers.run(step=step, late=late, turn=turn)
                assert ended in (0, signal.SIGKILL)
                killed[step, late] = killed.get((step, late), 0) + (ended == signal.SIGKILL)
                sequencers.check()
    assert min(killed.values()) >= 1, killed
    assert sum(killed.values()) >= 30
    assert killed["commit", False] == killed["commit", True] == 4
    sequencers.finish()


def test_killed_at_any_moment_it_loses_and_repeats_nothing(sequencers: Sequencers) -> None:
    chance, done = random.Random(SEED), threading.Event()
    failures: list[BaseException] = []

    def grow() -> None:
        try:
            while not done.wait(0.003):
                sequencers.record(3)
        except BaseException as failure:
            failures.append(failure)

    sequencers.run(loop=0.01)  # the keys and the memory are there
    for _ in range(KILLS):
        growing = threading.Thread(target=grow)
        done.clear()
        growing.start()
        ended = sequencers.run(**{"for": chance.uniform(0.02, 0.2)})
        done.set()
        growing.join(60)
        assert failures == []
        assert ended == signal.SIGKILL
        sequencers.check()
    sequencers.finish()


def test_two_at_once_take_turns(sequencers: Sequencers) -> None:
    other, _ = sequencers.start()
    ended: dict[str, int] = {}

    def run(name: str, process: subprocess.Popen[str]) -> None:
        ended[name] = sequencers.run(process, loop=0.6)

    both = [threading.Thread(target=run, args=one) for one in (("one", sequencers.process), ("other", other))]
    for thread in both:
        thread.start()
    while any(thread.is_alive() for thread in both):
        sequencers.record(2)
    for thread in both:
        thread.join()
    assert ended == {"one": 0, "other": 0}
    assert len(sequencers.recorded) > 20
    sequencers.check()
    sequencers.finish()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("only root mounts a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave not one byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return filler


def full_database(
    small: Path, book: Database, kinds: SimpleNamespace, log_key: KeptSigner, memory: Path
) -> Sequencers:
    """An SQLite ledger on a small disk."""
    from tests.secure_access.ledger.conftest import _opened

    opened = _opened(f"sqlite:///{small / 'ledger.db'}")
    return Sequencers(next(opened), kinds, memory, log_key)


@ON_SQLITE
def test_a_full_disk_of_the_database_stops_it_until_there_is_room(
    book: Database, small_disk: Path, ledger_kinds: SimpleNamespace, log_key: KeptSigner, tmp_path: Path
) -> None:
    made = full_database(small_disk, book, ledger_kinds, log_key, tmp_path)
    try:
        made.record(5)
        assert made.run(loop=0.01) == 0
        made.record(300)
        filler = fill(small_disk)
        before = dict(made.signed)
        assert made.run(loop=0.01) == -1, "it says that it failed"
        filler.unlink()
        made.check()
        assert all(made.signed[key] == root for key, root in before.items())
        filler = fill(small_disk)
        with pytest.raises(OperationalError, match="full"), made.book.write() as session:
            for _ in range(200):
                ledger.append(session, "sample.read", {}, by=None, now=ledger_kinds.now)
        filler.unlink()
        made.finish()
    finally:
        made.end()
        made.book.dispose()


@ON_SQLITE
def test_a_full_disk_of_the_signer_signs_nothing_until_there_is_room(
    book: Database, small_disk: Path, ledger_kinds: SimpleNamespace, log_key: KeptSigner
) -> None:
    made = Sequencers(book, ledger_kinds, small_disk, log_key)
    try:
        made.record(3)
        assert made.run(loop=0.01) == 0
        made.check()
        sizes = set(made.signed)
        made.record(2)
        filler = fill(small_disk)
        assert made.run(loop=0.01) == -1
        made.check()
        assert set(made.signed) == sizes, "what cannot be remembered is not signed"
        filler.unlink()
        made.finish()
    finally:
        made.end()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[int], tuple[Service, threading.Thread]]]:
    """Start a witness at a port, with the memory that it had."""
    running: list[tuple[Service, threading.Thread]] = []

    def start(port: int) -> tuple[Service, threading.Thread]:
        log = VerifierKey(NAME, signing_keys()[0].public)
        own = Witness(tmp_path / "seen.db", signing_keys("witness.example", 40), [log], lambda: 1_820_000_000)
        service = Service(("127.0.0.1", port), own)
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((service, thread))
        return running[-1]

    yield start
    for service, thread in running:
        service.shutdown()
        service.server_close()
        thread.join()


def stop(running: tuple[Service, threading.Thread]) -> None:
    service, thread = running
    service.shutdown()
    service.server_close()
    thread.join()


def test_saved_and_not_published_is_published_later(
    book: Database,
    ledger_kinds: SimpleNamespace,
    log_key: KeptSigner,
    served: Callable[[int], tuple[Service, threading.Thread]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The witness is away; it signs and the answer is lost; both times the next asking makes it good."""

    def grow(times: int) -> None:
        with book.write() as session:
            for _ in range(times):
                ledger.append(session, "sample.submitted", {"reference": "S"}, by=None, now=ledger_kinds.now)
        sequencer.sequence(book, log_key, ledger_kinds.now)

    running = served(0)
    port = running[0].server_address[1]
    keys = enumerate(note.cosigner(key) for key in signing_keys("witness.example", 40))
    lines = [f"witness w{number} {key} http://127.0.0.1:{port}" for number, key in keys]
    wanted = Witnesses.parse("\n".join([*lines, "group both any w0 w1", "quorum both"]))
    policy = Policy.parse(receipts.policy_text(log_key.keys, wanted))

    def state(number: int) -> State:
        with book.read() as session:
            text = receipts.receipt_text(session, session.get_one(LedgerEntry, number), wanted)
        return receipts.verify(text, policy).state

    grow(3)
    assert witnesses.ask(book, wanted, ledger_kinds.now) == {}
    stop(running)
    grow(2)
    (problem,) = witnesses.ask(book, wanted, ledger_kinds.now).values()
    assert "does not answer" in problem
    assert (state(2), state(5)) == (State.PROVED, State.NOT_WITNESSED)
    running = served(int(port))
    assert witnesses.ask(book, wanted, ledger_kinds.now) == {}
    assert state(5) is State.PROVED

    grow(2)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):

        def failing(*_: object) -> None:
            raise OSError("disk full")

        patch.setattr(witnesses, "_keep", failing)
        witnesses.ask(book, wanted, ledger_kinds.now)
    assert state(7) is State.NOT_WITNESSED
    assert witnesses.ask(book, wanted, ledger_kinds.now) == {}
    assert state(7) is State.PROVED
    stop(running)


def test_a_clock_that_goes_back_moves_no_signed_time_back(
    book: Database, ledger_kinds: SimpleNamespace, tmp_path: Path, log_key: KeptSigner
) -> None:
    signer, now = KeptSigner(signing_keys(), tmp_path / "signer"), ledger_kinds.now
    for hours in (48, 0, 47, -1000, 49):
        at = now + timedelta(hours=hours)
        with book.write() as session:
            ledger.append(session, "sample.submitted", {"reference": "S"}, by=None, now=at)
        sequencer.anchor(book, at)
        sequencer.sequence(book, signer, at)
        report = audit.run_verify(book, audit.verifier_keys(keys_of(log_key)))
        assert report.passed, (hours, report.problems)
    with book.read() as session:
        query = select(LedgerCheckpoint).where(LedgerCheckpoint.log == Log.PUBLIC)
        rows = session.exec(query.order_by(LedgerCheckpoint.size)).all()  # type: ignore[arg-type]
        times = [row.at for row in rows if row.size]
        entries = session.exec(select(LedgerEntry)).all()
    assert times == sorted(times)
    assert len(times) == 5
    assert min(entry.recorded_at for entry in entries) == now + timedelta(hours=-1000), (
        "an entry says its clock"
    )
