"""The security log while it cannot be written, and on its way to a receiver: faults and sockets are real."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from sqlalchemy import event, text

from docs import generate
from portal import log_place, log_watch, mail, security_log_cli
from portal.settings import Settings, SettingsError
from portal.web import Wired
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.ledger import security_log, security_stream
from secure_access.ledger.security_stream import ChainBroken
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role
from tests.fixtures.app import World, form_of
from tests.portal.test_mail import certificate
from tests.secure_access.ledger.test_security_stream import refuse_inserts

MakeWorld = Callable[[str], World]


@pytest.fixture
def broken(make_world: MakeWorld, own_url: str) -> Iterator[World]:
    """An instance of the test's own whose security log takes no row until `mend`."""
    world = make_world(own_url)
    refuse_inserts(world.wired.database)
    yield world
    world.wired.database.dispose()


def mend(world: World) -> None:
    with world.wired.database.engine.connect() as connection, connection.begin():
        on = "" if world.wired.database.is_sqlite else " ON security_log"
        connection.exec_driver_sql(f"DROP TRIGGER a_full{on}")


def official(world: World) -> Any:
    return world.person(world.organisation(OrganisationKind.REGULATOR), Role.ADMINISTRATOR)


def sign_in(world: World) -> Any:
    client = world.client("government")
    form = form_of(client.get("/sign-in").text)
    return client.post("/sign-in", data={**form, "email": "nobody@example.test", "password": "wrong"})


def health(world: World, zone: str = "public") -> int:
    return int(world.client(zone).get("/health").status_code)


def last_kinds(wired: Wired) -> list[str]:
    with wired.database.read() as session:
        rows = session.exec(select(SecurityLogRow).order_by(SecurityLogRow.number)).all()  # type: ignore[arg-type]
        return [row.kind for row in rows]


# The alarm


def test_an_act_that_cannot_be_logged_is_not_done(broken: World, capfd: pytest.CaptureFixture[str]) -> None:
    assert health(broken) == 200
    answer = sign_in(broken)
    assert answer.status_code == 503
    assert "cannot be logged, so it was not done" in answer.text
    assert "ALARM: the security log cannot be written (sign_in.failed)" in capfd.readouterr().err
    assert [health(broken, zone) for zone in broken.zones] == [503] * 4
    with broken.wired.database.read() as session:
        tried = session.connection().execute(text("SELECT count(*) FROM sign_in_attempt")).scalar()
    assert tried == 0, "the attempt is rolled back with its row"


def test_a_refusal_stands_and_is_counted(broken: World) -> None:
    by = official(broken)
    client = broken.client("government", by)
    for _ in range(3):
        assert client.get("/cases/C-1999-001x").status_code == 404
    found = broken.wired.alarm.state()
    assert found is not None
    assert found.rows == 3
    page = client.get("/administration/security-log").text
    assert "The security log cannot be written" in page
    assert "Rows that are missing so far: 3" in page
    assert "The security log cannot be written" in client.get("/administration").text


def test_the_alarm_ends_when_the_log_has_told_of_it(broken: World) -> None:
    by = official(broken)
    client = broken.client("government", by)
    client.get("/cases/C-1999-001x")
    first = broken.clock.now()
    broken.at(first + timedelta(minutes=10))
    client.get("/cases/C-1999-001x")
    log_watch.watch(broken.wired)  # it is still broken: nothing is told, the alarm stays
    assert health(broken) == 503
    assert last_kinds(broken.wired) == []
    mend(broken)
    log_watch.watch(broken.wired)
    assert health(broken) == 200
    with broken.wired.database.read() as session:
        (row,) = session.exec(select(SecurityLogRow)).all()
        told = json.loads(row.detail)
    assert row.kind == "security_log.interrupted"
    assert told["rows"] == 2
    assert told["since"] == "2027-06-01T09:00:00.000000Z"
    assert told["until"] == "2027-06-01T09:10:00.000000Z"
    assert "The security log was interrupted" in client.get("/administration").text
    broken.run_jobs()
    with broken.wired.database.read() as session:
        (letter,) = [one for one in mail.sent(session) if one.kind == mail.LOG_INTERRUPTED]
        assert "2 rows are missing" in mail.text_of(session, broken.wired, letter)
    log_watch.watch(broken.wired)
    assert last_kinds(broken.wired) == ["security_log.interrupted"]
    broken.at(first + timedelta(days=8))
    again = broken.client("government", by).get("/administration")
    assert "interrupted" not in again.text.partition("<main")[2].partition("<h2>")[0]


def test_the_mail_goes_to_the_operator_where_one_is_named(make_world: MakeWorld, own_sqlite_url: str) -> None:
    world = make_world(own_sqlite_url)
    official(world)
    settings = replace(world.wired.settings, operator="operations@authority.example")
    wired = replace(world.wired, settings=settings)
    wired.alarm("act.refused")
    assert log_watch.tell(wired)
    with wired.database.read() as session:
        number, _ = security_log.last(session)
        letters = mail.interruption_letters(session, wired, str(number))
    assert [letter.recipient for letter in letters] == ["operations@authority.example"]


def test_a_trial_finds_what_nobody_has_met_yet(broken: World) -> None:
    log_watch.watch(broken.wired)
    found = broken.wired.alarm.state()
    assert found is not None
    assert found.rows == 0, "a trial loses no row"
    mend(broken)
    log_watch.watch(broken.wired)
    assert health(broken) == 200
    assert last_kinds(broken.wired) == ["security_log.interrupted"], "the trial itself leaves no row"


def test_a_database_that_cannot_be_written(make_world: MakeWorld, own_sqlite_url: str) -> None:
    """What SQLite answers on a file that it may only read."""
    world = make_world(own_sqlite_url)
    client = world.client("government", official(world))

    def read_only(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(world.wired.database.engine, "checkout", read_only)
    assert client.get("/cases/C-1999-001x").status_code == 404
    found = world.wired.alarm.state()
    assert found is not None
    assert found.rows == 1
    assert sign_in(world).status_code >= 500
    assert health(world) == 503
    event.remove(world.wired.database.engine, "checkout", read_only)
    world.wired.database.dispose()
    log_watch.watch(world.wired)
    assert health(world) == 200


def test_a_locked_table(make_world: MakeWorld, own_sqlite_url: str) -> None:
    """Somebody holds the lock longer than a writer waits."""
    world = make_world(own_sqlite_url)
    client = world.client("government", official(world))

    def impatient(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    event.listen(world.wired.database.engine, "checkout", impatient)
    with world.wired.database.write() as session:
        session.connection()  # a writing transaction begins with its first statement
        assert client.get("/cases/C-1999-001x").status_code == 404
    found = world.wired.alarm.state()
    assert found is not None
    assert found.rows == 1


def test_a_disk_that_takes_no_alarm_either(make_world: MakeWorld, own_sqlite_url: str) -> None:
    """The process remembers, and writes it down once it can."""
    world = make_world(own_sqlite_url)
    alarm = world.wired.alarm
    alarm.path.mkdir()
    alarm("act.refused")
    assert health(world) == 503
    alarm.path.rmdir()
    assert alarm.state() is not None
    assert alarm.path.read_text().count("\n") == 1
    again = type(alarm)(world.wired.settings.home, world.clock)
    assert again.state() == alarm.state(), "another process and a restart see it too"


def test_refusals_do_not_fill_the_disk(
    make_world: MakeWorld, own_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.alarm.LARGEST", 200)
    alarm = make_world(own_sqlite_url).wired.alarm
    for _ in range(50):
        alarm("act.refused")
    assert alarm.path.stat().st_size < 300


# To a receiver


class Receiver:
    """Takes connections on loopback and keeps the messages, each in its frame; or drops the connection."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.messages: list[bytes] = []
        self.refusing = False
        self.tls = tls
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            if self.refusing:
                # Closed with a reset: what was sent is lost.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.recv(10)
                connection.close()
                continue
            try:
                with self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as taken:
                    self._take(b"".join(iter(lambda: taken.recv(4096), b"")))
            except OSError:
                continue

    def _take(self, received: bytes) -> None:
        while received:
            length, _, rest = received.partition(b" ")
            self.messages.append(rest[: int(length)])
            received = rest[int(length) :]

    def numbers(self) -> list[int]:
        return [json.loads(one.partition(b'"] ')[2])["number"] for one in self.messages]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.listening.close()


def sending(world: World, address: str) -> Wired:
    settings = replace(world.wired.settings, syslog=address)
    return replace(world.wired, settings=settings)


def noted(world: World, count: int) -> None:
    with world.wired.database.write() as session:
        for _ in range(count):
            security_log.note(session, "sign_in.failed", by=None, now=world.clock.now(), zone="developer")


def test_rows_arrive_once_and_in_order(
    make_world: MakeWorld, own_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_watch, "AT_ONCE", 3)
    world = make_world(own_url)
    wired = sending(world, f"tcp://127.0.0.1:{receiver.port}")
    noted(world, 7)
    assert log_watch.send(wired) == 7
    assert log_watch.send(wired) == 0
    noted(world, 2)
    log_watch.watch(wired)
    assert receiver.numbers() == list(range(1, 10))
    assert log_place.sent(wired.settings) == 9
    assert all(message.startswith(b"<108>1 2027-06-01T09:00:00.000000Z ") for message in receiver.messages)


def test_what_a_receiver_dropped_is_sent_again(
    make_world: MakeWorld, own_sqlite_url: str, receiver: Receiver
) -> None:
    world = make_world(own_sqlite_url)
    wired = sending(world, f"tcp://127.0.0.1:{receiver.port}")
    noted(world, 3)
    receiver.refusing = True
    with pytest.raises(OSError):  # noqa: PT011 - reset, broken pipe or not connected, as the kernel saw it
        log_watch.send(wired)
    assert log_place.sent(wired.settings) == 0
    log_watch.watch(wired)  # goes on, and tells its own log
    receiver.refusing = False
    log_watch.watch(wired)
    assert receiver.numbers() == [1, 2, 3]
    page = world.client("government", official(world)).get("/administration/security-log").text
    assert "no receiver is set" in page


def test_nothing_is_sent_past_a_break(make_world: MakeWorld, own_sqlite_url: str, receiver: Receiver) -> None:
    world = make_world(own_sqlite_url)
    wired = sending(world, f"tcp://127.0.0.1:{receiver.port}")
    noted(world, 3)
    with world.wired.database.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("DROP TRIGGER security_log_update")
        connection.exec_driver_sql("UPDATE security_log SET zone = 'government' WHERE number = 2")
    with pytest.raises(ChainBroken, match="row 2"):
        log_watch.send(wired)
    log_watch.watch(wired)
    assert receiver.messages == []


def test_one_process_sends_at_a_time(make_world: MakeWorld, own_sqlite_url: str, receiver: Receiver) -> None:
    world = make_world(own_sqlite_url)
    wired = sending(world, f"tcp://127.0.0.1:{receiver.port}")
    noted(world, 1)
    with log_watch._alone(wired.settings) as first:
        assert first
        assert log_watch.send(wired) == 0
    assert log_watch.send(wired) == 1


@pytest.mark.parametrize("trusted", [True, False])
def test_under_tls_the_receiver_proves_its_name(
    make_world: MakeWorld,
    own_sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
) -> None:
    path = certificate(tmp_path, x509.IPAddress(ip_address("127.0.0.1")))
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    receiver = Receiver(context)
    world = make_world(own_sqlite_url)
    wired = sending(world, f"tls://127.0.0.1:{receiver.port}")
    noted(world, 2)
    try:
        if trusted:
            assert log_watch.send(wired) == 2
            assert receiver.numbers() == [1, 2]
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                log_watch.send(wired)
            assert log_place.sent(wired.settings) == 0
    finally:
        receiver.listening.close()


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("tls://siem.example:6514", True),
        ("tcp://127.0.0.1:514", True),
        ("tcp://siem.example:514", False),
        ("udp://127.0.0.1:514", False),
        ("tls://siem.example", False),
    ],
)
def test_where_the_log_may_be_sent(tmp_path: Path, address: str, fits: bool) -> None:
    env = {"ASSAY_HOME": str(tmp_path), "ASSAY_SYSLOG": address}
    if fits:
        assert Settings.from_env(env).syslog == address
    else:
        with pytest.raises(SettingsError, match="ASSAY_SYSLOG"):
            Settings.from_env(env)


# The command, and its documentation


def test_the_stream_on_the_command_line(
    make_world: MakeWorld, own_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(own_sqlite_url)
    monkeypatch.setenv("ASSAY_DATABASE", own_sqlite_url)
    monkeypatch.setenv("ASSAY_HOME", str(world.wired.settings.home))
    noted(world, 3)

    def run(*options: str) -> Any:
        return CliRunner().invoke(security_log_cli.security_log, ["stream", *options])

    whole = run()
    assert whole.exit_code == 0
    assert [json.loads(line)["number"] for line in whole.output.splitlines()] == [1, 2, 3]
    assert [json.loads(line)["number"] for line in run("--from", "3").output.splitlines()] == [3]
    assert json.loads(run("--format", "ocsf").output.splitlines()[0])["class_uid"] == 3002
    assert run("--format", "syslog").output.startswith("<108>1 ")

    waits: list[float] = []

    def meanwhile(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) > 1:
            raise KeyboardInterrupt
        noted(world, 2)

    monkeypatch.setattr(security_log_cli.time, "sleep", meanwhile)
    followed = run("--follow", "--from", "2")
    lines = [line for line in followed.output.splitlines() if line.startswith("{")]
    assert [json.loads(line)["number"] for line in lines] == [2, 3, 4, 5]

    with world.wired.database.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("DROP TRIGGER security_log_delete")
        connection.exec_driver_sql("DELETE FROM security_log WHERE number = 2")
    tampered = run()
    assert tampered.exit_code == 1
    assert "row 2 is missing" in tampered.output


def test_the_reference_says_what_is_declared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (generate.REFERENCE / "security-log.md").read_text()
    product = {name: kind for name, kind in security_log.kinds().items() if not name.startswith("sample.")}
    assert all(f"| `{name}` | {kind.means} |" in page for name, kind in product.items())
    assert set(security_stream.MAPPED) == set(product), "each kind has its place in OCSF"
    added = {**product, "sign_in.odd": security_log.Kind("sign_in.odd", "Something new.")}
    monkeypatch.setattr(security_log, "_kinds", added)
    assert generate.main(["--check"]) == 1
    assert "security-log.md" in capsys.readouterr().err
