"""The security log: declared kinds and keys only, chained, and the same under simultaneous writers."""

import threading
from types import SimpleNamespace

import pytest

from secure_access.db import Database, select
from secure_access.identity import Actor
from secure_access.ledger import security_log
from secure_access.ledger.security_log import KindError
from secure_access.ledger.tables import SecurityLogRow


def test_rows_are_chained(book: Database, ledger_kinds: SimpleNamespace, officer: Actor) -> None:
    with book.write() as session:
        assert security_log.last(session) == (0, bytes(32))
        first = security_log.note(session, "sign_in.failed", by=None, now=ledger_kinds.now, zone="developer")
        second = security_log.note(
            session,
            "sample.refused",
            by=officer,
            now=ledger_kinds.now,
            zone="government",
            subject="GET /cases/\x00\ud800" + "x" * 300,
            reason="not_yours",
        )
        assert security_log.last(session) == (2, second.digest)
    with book.read() as session:
        rows = session.exec(select(SecurityLogRow).order_by(SecurityLogRow.number)).all()  # type: ignore[arg-type]
        assert security_log.breaks(rows, {2: second.digest.hex(), 0: "00" * 32}) == []
        assert rows[1].previous == first.digest
        assert rows[1].subject.startswith("GET /cases/??xxx")
        assert len(rows[1].subject) == 200
        assert rows[1].detail == '{"reason":"not_yours"}'
        assert (rows[1].person_id, rows[1].organisation_id) == (officer.person_id, officer.organisation_id)
        assert officer.name not in repr(rows[1])


@pytest.mark.parametrize(
    ("kind", "detail", "why"),
    [
        ("sample.unknown", {}, "not declared"),
        ("sample.refused", {"password": "x"}, "may not say"),
        ("sample.refused", {"reason": "mail@example.org"}, "may not say"),
        ("sample.refused", {"reason": "x" * 101}, "may not say"),
    ],
)
def test_only_what_was_declared_is_written(
    book: Database, ledger_kinds: SimpleNamespace, kind: str, detail: dict[str, str], why: str
) -> None:
    with book.write() as session, pytest.raises(KindError, match=why):
        security_log.note(session, kind, by=None, now=ledger_kinds.now, **detail)


def test_kinds_do_not_contradict_each_other() -> None:
    security_log.declare_kind("sample.refused", "A sample was refused.", {"reason": "why"})
    with pytest.raises(KindError, match="twice"):
        security_log.declare_kind("sample.refused", "A sample was refused.")
    with pytest.raises(KindError, match="named like"):
        security_log.declare_kind("Refused", "Something was refused.")
    with pytest.raises(KindError, match="what they mean"):
        security_log.declare_kind("sample.silent", "")
    with pytest.raises(KindError, match="what they mean"):
        security_log.declare_kind("sample.silent", "Nothing.", {"key": ""})


def test_simultaneous_writers_make_one_chain(book: Database, ledger_kinds: SimpleNamespace) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                with book.write() as session:
                    security_log.note(session, "sign_in.failed", by=None, now=ledger_kinds.now)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with book.read() as session:
        rows = session.exec(select(SecurityLogRow).order_by(SecurityLogRow.number)).all()  # type: ignore[arg-type]
        assert len(rows) == 40
        assert security_log.breaks(rows, {}) == []
