"""Time stamps of a local authority: kept when believed, refused in words, asked again, audited, carried."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select, text

from secure_access import ledger
from secure_access.db import Database
from secure_access.ledger import Log, audit, cli, receipts, sequencer, timestamps, triggers, verify_receipt
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, LedgerTimestamp
from secure_access.ledger.timestamps import NotStamped, TimeAuthority
from secure_access.ledger.verify_receipt import Policy, State
from tests.fixtures.ledger import keys_of, policy_of
from tests.fixtures.time_authority import ANOTHER_USE, NAME, NO_USE, LocalAuthority, serving

ON_SQLITE = pytest.mark.parametrize("book", ["sqlite"], indirect=True)


@pytest.fixture
def local(tmp_path: Path) -> LocalAuthority:
    return LocalAuthority(tmp_path / "tsa")


@pytest.fixture
def asked(local: LocalAuthority) -> Iterator[TimeAuthority]:
    with serving(local) as url:
        yield TimeAuthority(url, (local.root,))


def kept(book: Database) -> int:
    with book.read() as session:
        return session.execute(select(func.count()).select_from(LedgerTimestamp)).scalar_one()


def grow(
    book: Database,
    log_key: KeptSigner,
    ledger_kinds: SimpleNamespace,
    hours: int,
    kind: str = "sample.submitted",
) -> None:
    at = ledger_kinds.now + hours * ledger_kinds.hour
    with book.write() as session:
        ledger.append(session, kind, {"reference": "later"}, by=None, now=at)
    sequencer.sequence(book, log_key, at)


def test_the_newest_checkpoint_is_stamped_and_openssl_agrees(
    told: SimpleNamespace, asked: TimeAuthority, local: LocalAuthority, ledger_kinds: SimpleNamespace
) -> None:
    made = timestamps.stamp(told.book, asked, ledger_kinds.now)
    assert made is not None
    with told.book.read() as session:
        row = timestamps.newest_stamp(session)
        newest = sequencer.latest(session, Log.PUBLIC)
        assert row is not None
        assert newest is not None
        assert (row.size, row.name) == (newest.size, NAME)
        (local.folder / "answer.tsr").write_bytes(row.answer)
        (local.folder / "text").write_text(timestamps.text_of(newest.note))
    words = ["openssl", "ts", "-verify", "-in", "answer.tsr", "-data", "text", "-CAfile", "roots.pem"]
    done = subprocess.run(words, cwd=local.folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "Verification: OK"), done.stderr


@ON_SQLITE
def test_it_is_asked_daily_and_sooner_where_that_is_wanted(
    told: SimpleNamespace,
    asked: TimeAuthority,
    local: LocalAuthority,
    log_key: KeptSigner,
    ledger_kinds: SimpleNamespace,
) -> None:
    def stamp(hours: float, *sooner: str) -> bool:
        at = ledger_kinds.now + hours * ledger_kinds.hour
        return timestamps.stamp(told.book, asked, at, sooner) is not None

    assert stamp(0)
    assert not stamp(48, "sample.submitted")  # the newest is stamped
    grow(told.book, log_key, ledger_kinds, 1)
    assert not stamp(2)
    assert not stamp(2, "sample.read")
    assert stamp(2, "sample.submitted")
    assert not stamp(2, "sample.submitted")
    grow(told.book, log_key, ledger_kinds, 3)
    assert not stamp(24.9)
    assert stamp(25)
    assert local.asked == kept(told.book) == 3


@ON_SQLITE
def test_without_an_authority_or_a_checkpoint_nobody_is_asked(
    book: Database,
    asked: TimeAuthority,
    local: LocalAuthority,
    log_key: KeptSigner,
    ledger_kinds: SimpleNamespace,
) -> None:
    assert timestamps.stamp(book, asked, ledger_kinds.now) is None
    sequencer.sequence(book, log_key, ledger_kinds.now)  # an empty log says nothing
    assert timestamps.stamp(book, asked, ledger_kinds.now) is None
    grow(book, log_key, ledger_kinds, 1)
    assert timestamps.stamp(book, timestamps.NOBODY, ledger_kinds.now) is None
    assert local.asked == kept(book) == 0


def _other_text(local: LocalAuthority) -> None:
    local.stamped = b"another checkpoint"


def _error(local: LocalAuthority) -> None:
    local.status = 503


def _no_reply(local: LocalAuthority) -> None:
    local.other = b"<html>"


def _too_long(local: LocalAuthority) -> None:
    local.other = b"0" * (timestamps.LONGEST_ANSWER + 1)


def _rejects(local: LocalAuthority) -> None:
    local.other = bytes.fromhex("30053003020102")


WRONG: dict[str, tuple[Callable[[LocalAuthority], None], str]] = {
    "another text": (_other_text, "it stamped something else than the checkpoint"),
    "an error": (_error, "it answers 503"),
    "no reply": (_no_reply, "its answer cannot be read"),
    "too long": (_too_long, "its answer is too long"),
    "a rejection": (_rejects, "it refuses"),
}


@ON_SQLITE
@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_believed_is_refused_in_words_and_asked_again(
    told: SimpleNamespace,
    asked: TimeAuthority,
    local: LocalAuthority,
    ledger_kinds: SimpleNamespace,
    name: str,
) -> None:
    damage, words = WRONG[name]
    damage(local)
    with pytest.raises(NotStamped, match=words):
        timestamps.stamp(told.book, asked, ledger_kinds.now)
    assert kept(told.book) == 0
    local.status, local.other, local.stamped = 200, None, None
    assert timestamps.stamp(told.book, asked, ledger_kinds.now) is not None
    assert kept(told.book) == 1


@ON_SQLITE
def test_an_answer_to_an_earlier_request_is_refused(
    told: SimpleNamespace, asked: TimeAuthority, local: LocalAuthority, ledger_kinds: SimpleNamespace
) -> None:
    """The same text, an older time: without a nonce whoever stands between could give it again."""
    with told.book.read() as session:
        newest = sequencer.latest(session, Log.PUBLIC)
        assert newest is not None
        local.stamped = timestamps.text_of(newest.note).encode()
    with pytest.raises(NotStamped, match="Nonce mismatch"):
        timestamps.stamp(told.book, asked, ledger_kinds.now)
    assert kept(told.book) == 0


@ON_SQLITE
@pytest.mark.parametrize("use", [NO_USE, ANOTHER_USE])
def test_a_certificate_that_is_not_for_time_stamps_is_refused(
    told: SimpleNamespace,
    asked: TimeAuthority,
    local: LocalAuthority,
    ledger_kinds: SimpleNamespace,
    use: Any,
) -> None:
    local.present(use)
    with pytest.raises(NotStamped, match=r"not believed: unsuitable certificate purpose$"):
        timestamps.stamp(told.book, asked, ledger_kinds.now)
    assert kept(told.book) == 0
    local.presented = None
    assert timestamps.stamp(told.book, asked, ledger_kinds.now) is not None


@ON_SQLITE
def test_a_certificate_that_has_ended_is_refused(
    told: SimpleNamespace, tmp_path: Path, ledger_kinds: SimpleNamespace
) -> None:
    ended = LocalAuthority(tmp_path / "ended", days=0)
    with serving(ended) as url, pytest.raises(NotStamped, match=r"not believed.*expired"):
        timestamps.stamp(told.book, TimeAuthority(url, (ended.root,)), ledger_kinds.now)
    assert kept(told.book) == 0


@ON_SQLITE
def test_another_root_is_not_believed(
    told: SimpleNamespace, asked: TimeAuthority, tmp_path: Path, ledger_kinds: SimpleNamespace
) -> None:
    stranger = replace(asked, roots=(LocalAuthority(tmp_path / "other").root,))
    with pytest.raises(NotStamped, match=r"not believed: .*certificate"):
        timestamps.stamp(told.book, stranger, ledger_kinds.now)
    assert kept(told.book) == 0
    assert timestamps.stamp(told.book, asked, ledger_kinds.now) is not None


@ON_SQLITE
def test_nobody_answers(told: SimpleNamespace, asked: TimeAuthority, ledger_kinds: SimpleNamespace) -> None:
    silent = replace(asked, url="http://127.0.0.1:9/")
    with pytest.raises(NotStamped, match="does not answer"):
        timestamps.stamp(told.book, silent, ledger_kinds.now)


CHANGES = {
    "at": "'2020-01-01 00:00:00+00'",
    "name": "'Somebody else'",
    "size": "size - 1",
    "log": "'custody'",
    "answer": "X",
}


@pytest.mark.parametrize("column", CHANGES)
def test_the_audit_names_a_changed_time_stamp(
    told: SimpleNamespace,
    asked: TimeAuthority,
    log_key: KeptSigner,
    ledger_kinds: SimpleNamespace,
    column: str,
) -> None:
    book, keys = told.book, audit.verifier_keys(keys_of(log_key), roots=asked.roots)
    made = timestamps.stamp(book, asked, ledger_kinds.now)
    assert made is not None
    sound = audit.run_verify(book, keys)
    assert sound.passed, sound.problems
    assert sound.stamped == {"public": made.size}
    assert "Time stamped up to" in cli.as_text(sound)
    with book.engine.connect() as connection, connection.begin() as transaction:
        triggers.drop_all(connection)
        if column == "answer":
            spoilt = made.answer[:-1] + bytes([made.answer[-1] ^ 1])
            connection.execute(text("UPDATE ledger_timestamp SET answer = :spoilt"), {"spoilt": spoilt})
        else:
            connection.execute(text(f"UPDATE ledger_timestamp SET {column} = {CHANGES[column]}"))
        transaction.commit()
    named = {problem.table for problem in audit.run_verify(book, keys).problems}
    assert "ledger_timestamp" in named


@ON_SQLITE
def test_a_stamp_of_an_authority_that_is_not_believed_is_named(
    told: SimpleNamespace,
    asked: TimeAuthority,
    log_key: KeptSigner,
    ledger_kinds: SimpleNamespace,
    tmp_path: Path,
) -> None:
    timestamps.stamp(told.book, asked, ledger_kinds.now)
    stranger = LocalAuthority(tmp_path / "other").root
    problems = audit.run_verify(told.book, audit.verifier_keys(keys_of(log_key), roots=(stranger,))).problems
    assert [problem.table for problem in problems] == ["ledger_timestamp"]
    without = audit.run_verify(told.book, audit.verifier_keys(keys_of(log_key)))
    assert without.passed
    assert without.stamped == {}


@ON_SQLITE
def test_a_receipt_carries_the_first_stamp_and_openssl_checks_it(
    told: SimpleNamespace,
    asked: TimeAuthority,
    local: LocalAuthority,
    log_key: KeptSigner,
    ledger_kinds: SimpleNamespace,
) -> None:
    policy = Policy.parse(policy_of(log_key))
    first = timestamps.stamp(told.book, asked, ledger_kinds.now)
    grow(told.book, log_key, ledger_kinds, 30)
    second = timestamps.stamp(told.book, asked, ledger_kinds.now + timedelta(hours=31))
    assert first is not None
    assert second is not None
    with told.book.read() as session:
        made = receipts.receipt(session, session.get_one(LedgerEntry, 3))
        last = session.execute(select(LedgerEntry).order_by(LedgerEntry.number.desc())).scalars().first()  # type: ignore[union-attr]
        assert last is not None
        late = receipts.receipt(session, last)
    (stamp,) = made["timestamps"]  # type: ignore[misc]
    assert base64.b64decode(stamp["answer"]) == first.answer  # type: ignore[index, call-overload, arg-type]
    assert base64.b64decode(late["timestamps"][0]["answer"]) == second.answer  # type: ignore[index, call-overload, arg-type]
    outcome = verify_receipt.verify(json.dumps(made), policy)
    assert outcome.state is State.NOT_WITNESSED
    assert NAME in outcome.timestamps[0]
    assert "not checked here" in str(outcome)
    (local.folder / "answer.tsr").write_bytes(first.answer)
    (local.folder / "checkpoint.txt").write_text(stamp["checkpoint"])  # type: ignore[index, call-overload, arg-type]
    words = "openssl ts -verify -in answer.tsr -data checkpoint.txt -CAfile roots.pem".split()  # noqa: SIM905
    assert subprocess.run(words, cwd=local.folder, capture_output=True).returncode == 0


SPOILT: dict[str, Callable[[dict[str, Any]], None]] = {
    "another checkpoint": lambda stamp: stamp.update(checkpoint=stamp["checkpoint"].replace("\n", "1\n", 1)),
    "another size": lambda stamp: stamp.update(checkpoint=_size_less(stamp["checkpoint"])),
    "a hash less": lambda stamp: stamp["hashes"].pop(),
    "another answer": lambda stamp: stamp.update(answer="AAAA"),
}


def _size_less(text: str) -> str:
    origin, size, root = text.split("\n")[:3]
    return f"{origin}\n{int(size) - 1}\n{root}\n"


@ON_SQLITE
def test_a_stamp_that_does_not_hold_the_entry_makes_the_receipt_false(
    told: SimpleNamespace, asked: TimeAuthority, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    policy = Policy.parse(policy_of(log_key))
    timestamps.stamp(told.book, asked, ledger_kinds.now)
    with told.book.read() as session:
        made = receipts.receipt_text(session, session.get_one(LedgerEntry, 3))
    for name, spoil in SPOILT.items():
        receipt = json.loads(made)
        spoil(receipt["timestamps"][0])
        assert verify_receipt.verify(json.dumps(receipt), policy).state is State.NOT_PROVED, name
    for malformed in ({}, "x", [1], [{"checkpoint": 1}], [{"checkpoint": "a\n1\nAA==\n", "hashes": 1}]):
        receipt = {**json.loads(made), "timestamps": malformed}
        with pytest.raises(verify_receipt.BadInput):
            verify_receipt.verify(json.dumps(receipt), policy)


@ON_SQLITE
def test_a_stamp_whose_checkpoint_is_gone_is_named(
    told: SimpleNamespace, asked: TimeAuthority, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    timestamps.stamp(told.book, asked, ledger_kinds.now)
    with told.book.engine.connect() as connection, connection.begin() as transaction:
        triggers.drop_all(connection)
        connection.execute(text("UPDATE ledger_timestamp SET size = 999"))
        transaction.commit()
    keys = audit.verifier_keys(keys_of(log_key), roots=asked.roots)
    found = [str(problem) for problem in audit.run_verify(told.book, keys).problems]
    assert "ledger_timestamp public/999: is of a checkpoint that is not there" in found
    with told.book.read() as session:
        assert session.get(LedgerCheckpoint, (Log.PUBLIC, 999)) is None
