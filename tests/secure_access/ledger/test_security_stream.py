"""The stream of the security log: three forms, verifiable, resumed at any row, stopped by tampering."""

import hashlib
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from secure_access.data_classes import DataClass
from secure_access.db import Database
from secure_access.identity import Actor
from secure_access.ledger import canonical, security_log, security_stream, triggers
from secure_access.ledger.security_stream import ChainBroken, jsonl, ocsf, rows, syslog
from secure_access.ledger.tables import SecurityLogRow


@pytest.fixture
def logged(book: Database, ledger_kinds: SimpleNamespace, officer: Actor) -> Database:
    """Five rows: sign-ins, a refusal, a thing that OCSF has a class for, and one that it has none for."""
    now = ledger_kinds.now
    with book.write() as session:
        security_log.note(session, "sign_in.failed", by=None, now=now, zone="developer")
        security_log.note(session, "sign_in.succeeded", by=officer, now=now, zone="government")
        security_log.note(session, "sample.refused", by=officer, now=now, subject="GET /cäses", reason="late")
        security_log.note(session, "administrator.recovered", by=None, now=now, subject="recovery:7")
        security_log.note(session, "sign_in.failed", by=None, now=now)
    return book


def test_each_line_can_be_verified_without_us(logged: Database) -> None:
    previous = "00" * 32
    lines = [jsonl(row) for row in rows(logged)]
    assert len(lines) == 5
    for number, line in enumerate(lines, 1):
        assert line.isascii()
        assert "\n" not in line
        told = json.loads(line)
        assert set(told) == set(security_stream.FIELDS)
        digest = told.pop("digest")
        assert hashlib.sha256(canonical.encode(told)).hexdigest() == digest
        assert (told["number"], told["previous"]) == (number, previous)
        previous = digest


def test_resumed_at_any_row(logged: Database) -> None:
    for start in range(1, 7):
        assert [row.number for row in rows(logged, start)] == list(range(start, 6))
    with pytest.raises(ChainBroken, match="row 6 is missing"):
        list(rows(logged, 7))


def test_more_than_one_batch(logged: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security_stream, "BATCH", 2)
    assert [row.number for row in rows(logged)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("damage", "number", "why"),
    [
        ("UPDATE security_log SET kind = 'sign_in.succeeded' WHERE number = 3", 3, "was changed"),
        ("UPDATE security_log SET previous = digest WHERE number = 4", 4, "does not continue"),
        ("DELETE FROM security_log WHERE number = 2", 2, "is missing"),
    ],
)
def test_stops_before_what_was_tampered_with(logged: Database, damage: str, number: int, why: str) -> None:
    with logged.engine.connect() as connection, connection.begin():
        triggers.drop_all(connection)
        connection.execute(text(damage))
    printed: list[int] = []
    with pytest.raises(ChainBroken, match=why) as broken:
        printed.extend(row.number for row in rows(logged))
    assert broken.value.number == number
    assert printed == list(range(1, number))


def events(logged: Database) -> list[dict[str, Any]]:
    return [json.loads(ocsf(row)) for row in rows(logged)]


def test_events_of_ocsf(logged: Database, officer: Actor) -> None:
    failed, succeeded, refused, recovered, _ = events(logged)
    assert (failed["class_uid"], failed["type_uid"], failed["status_id"]) == (3002, 300201, 2)
    assert failed["user"] == {"type_id": 0}
    assert succeeded["user"]["uid"] == str(officer.person_id)
    assert succeeded["user"]["org"] == {"uid": str(officer.organisation_id)}
    assert (refused["class_uid"], refused["activity_name"]) == (0, "sample.refused")
    assert refused["actor"]["user"]["uid"] == str(officer.person_id)
    assert recovered["user"] == {"uid": "7", "type_id": 0}
    for number, event in enumerate(events(logged), 1):
        assert event["metadata"]["sequence"] == event["unmapped"]["number"] == number
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["time"] == 1_000 * int(event["time"] / 1000)
        assert {"metadata", "severity_id", "status_id", "message"} <= set(event)


def test_messages_of_syslog(logged: Database) -> None:
    header = re.compile(
        r"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) assay - (\S{1,32}) "
        r'\[origin software="Assay"\] (\{.*\})'
    )
    said = [header.fullmatch(syslog(row, "log.example")) for row in rows(logged)]
    assert all(said)
    assert [match[1] for match in said if match] == ["108", "109", "109", "108", "108"]
    assert [json.loads(match[5])["number"] for match in said if match] == [1, 2, 3, 4, 5]


def test_nothing_secret_and_nobody_by_name(logged: Database, officer: Actor) -> None:
    """What a line says is a column of the row, and none of them is of the class secret."""
    names = {"person": "person_id", "organisation": "organisation_id"}
    columns = SecurityLogRow.__classes__
    for field in set(security_stream.FIELDS) - {"v"}:
        assert columns[names.get(field, field)] is not DataClass.SECRET
    for form in security_stream.FORMS.values():
        assert not any(officer.name in form(row) or "@" in form(row) for row in rows(logged))


def test_a_row_that_is_not_taken_stops_the_act(book: Database, ledger_kinds: SimpleNamespace) -> None:
    """A trigger that refuses inserts stands for whatever fails: the act is undone, the alarm called."""
    called: list[str] = []
    book.context[security_log.ALARM] = called.append
    refuse_inserts(book)
    with (
        pytest.raises(security_log.NotLogged, match=r"sign_in\.failed"),
        book.write() as session,
    ):
        session.add(ledger_kinds.Sample(state="draft", text="beside"))
        security_log.note(session, "sign_in.failed", by=None, now=ledger_kinds.now)
    assert called == ["sign_in.failed"]
    with book.read() as session:
        assert session.connection().execute(text("SELECT count(*) FROM sample_of_record")).scalar() == 0
        assert security_log.last(session)[0] == 0


def refuse_inserts(book: Database) -> None:
    with book.engine.connect() as connection, connection.begin():
        if book.is_sqlite:
            connection.exec_driver_sql(
                "CREATE TRIGGER a_full BEFORE INSERT ON security_log BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
            return
        connection.exec_driver_sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'disk full'; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER a_full BEFORE INSERT ON security_log FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
