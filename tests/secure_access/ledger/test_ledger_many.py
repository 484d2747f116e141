"""Many events at once: entries like others, in one statement."""

from types import SimpleNamespace

import pytest

from secure_access import ledger
from secure_access.db import Database
from secure_access.identity import Actor
from secure_access.ledger import Log, audit, sequencer
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.tables import LedgerEntry
from tests.fixtures.ledger import keys_of


def test_many_at_once_are_entries_like_others(
    book: Database, officer: Actor, log_key: KeptSigner, ledger_kinds: SimpleNamespace
) -> None:
    many = [{"reference": f"S-{n}"} for n in range(300)]
    with book.write() as session:
        ledger.append(session, "sample.submitted", {"reference": "first"}, by=officer, now=ledger_kinds.now)
        assert ledger.append_many(session, "sample.submitted", [], by=officer, now=ledger_kinds.now) == 0
        about = ("case:9", "sample:9")
        count = ledger.append_many(
            session, "sample.submitted", many, by=officer, now=ledger_kinds.now, about=about
        )
        assert count == 300
    with book.read() as session:
        found = ledger.entries(session, "case:9")
        assert [entry.fields for entry in found] == many
        assert [entry.number for entry in found] == list(range(2, 302))
        one = found[7]
        assert one.content["by"] == ledger.entries(session, "sample:9")[0].content["by"]
        assert set(one.content) == set(session.get_one(LedgerEntry, 1).content)
        assert len({entry.salt for entry in found}) == 300
    head = sequencer.sequence(book, log_key, ledger_kinds.now)[Log.PUBLIC]
    assert head.size == 301
    report = audit.run_verify(book, audit.verifier_keys(keys_of(log_key)))
    assert report.passed, report.problems


def test_many_at_once_keep_to_their_declaration(book: Database, ledger_kinds: SimpleNamespace) -> None:
    wrong: list[tuple[str, dict[str, str], tuple[str, ...]]] = [
        ("sample.unknown", {"reference": "S"}, ()),
        ("sample.submitted", {"other": "S"}, ()),
        ("sample.submitted", {"reference": "S"}, ("no kind",)),
    ]
    for name, fields, about in wrong:
        with book.write() as session, pytest.raises(ledger.EventError):
            ledger.append_many(session, name, [fields], by=None, now=ledger_kinds.now, about=about)
