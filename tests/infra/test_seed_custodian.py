"""The custodian of a demonstration: made whole or not at all, of the story, enrolling at once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from infra.seed import custodian
from infra.seed.custodian import Listed
from secure_access.clock import MovedClock
from secure_access.custodian import demonstration, forms, officer_keys, process
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.demonstration import Officers
from secure_access.custodian.enrol_cli import enrol_command
from secure_access.custodian.enrolment import Credential
from secure_access.custodian.lease import Lease
from secure_access.custodian.process import BadSettings, Opened, Settings
from secure_access.custodian.questions import Question
from secure_access.custodian.server import CoreClient, CoreService
from tests.fixtures.authenticator import SoftKey, url64
from tests.fixtures.enrolled import text64

ORIGIN = "http://custodian.localhost:5010"
CLOCK = MovedClock(timedelta(days=300, microseconds=7))
LISTED = Listed(
    [{"id": "a-authority", "name": "Frontier AI Authority"}, {"id": "b-developer", "name": "Quillmark"}],
    [
        {
            "person": name,
            "name": name.title(),
            "title": "officer",
            "organisation": organisation,
            "employer": organisation,
            "team": team,
            "roles": [role],
            "conflicts": [],
            "text": False,
        }
        for name, organisation, team, role in (
            ("ida", "a-authority", "Security office", "approver"),
            ("weiss", "b-developer", "Executive", "developer_officer"),
        )
    ],
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(officer_keys, "MEMORY", 1024)
    custodian.set_up(tmp_path / "custodian", ORIGIN, LISTED, CLOCK)
    return tmp_path / "custodian"


@pytest.fixture
def opened(home: Path) -> Iterator[Opened]:
    """The core of that folder, as its process opens it."""
    settings = Settings.read(home)
    lease = Lease(settings.lease, settings.name)
    assert lease.take(settings.clock.now()), "whoever set it up has let go of the lease"
    found = process.open_core(home, settings, lease, clock=settings.clock)
    yield found
    found.close()


@contextmanager
def serving(opened: Opened, path: Path) -> Iterator[None]:
    """A core behind its socket."""
    with CoreService(path, opened.core, os.geteuid(), opened.extra) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        service.shutdown()
        thread.join()


def asked(opened: Opened, do: str, **fields: str) -> Any:
    question: Question = opened.extra[do]
    return question.answer(opened.core, forms.Form(fields, question.fields))


def passkey(key: SoftKey) -> dict[str, str]:
    return {"credential": text64(key.key_id), "public_key": text64(key._public()), "device": "a phone"}


def test_it_begins_with_the_people_and_without_passkeys(home: Path, opened: Opened) -> None:
    state = asked(opened, "state")
    assert (state["custody"], state["demonstration_officers"]) == ("demonstration custody", True)
    assert abs(opened.clock.now() - CLOCK.now()) < timedelta(seconds=5)
    people = asked(opened, "demonstration.people")["people"]
    assert [(one["person"], one["passkeys"], one["roles"]) for one in people] == [
        ("ida", 0, ["approver"]),
        ("weiss", 0, ["developer's officer"]),
    ]
    assert not [path for path in home.rglob("*") if path.stat().st_mode & 0o077]


def test_a_passkey_is_enrolled_at_once_and_enters(opened: Opened) -> None:
    key = SoftKey()
    done = asked(opened, "demonstration.enrol", person="ida", **passkey(key))
    assert done == {"name": "Ida", "version": 2}
    made = opened.core.visits.ask()
    answer = key.get({"challenge": url64(made.challenge), "rpId": "custodian.localhost"}, ORIGIN)
    assert opened.core.visits.enter(made.nonce, answer).person.name == "Ida"
    another = asked(opened, "demonstration.enrol", person="weiss", **passkey(SoftKey()))
    assert another["version"] == 3


def test_nobody_gets_a_passkey_of_somebody_else_and_nobody_is_added(opened: Opened) -> None:
    key = passkey(SoftKey())
    asked(opened, "demonstration.enrol", person="ida", **key)
    with pytest.raises(Refused, match="belongs to one person") as refused:
        asked(opened, "demonstration.enrol", person="weiss", **key)
    assert refused.value.why is Why.NOT_ALLOWED
    with pytest.raises(Refused, match="no such person"):
        asked(opened, "demonstration.enrol", person="mallory", **passkey(SoftKey()))
    assert opened.core.custody.enrolment.version == 2


def test_a_custody_of_its_own_refuses_what_is_for_a_demonstration(home: Path) -> None:
    text = (home / "core.toml").read_text()
    another = f"front = {os.geteuid() + 1}"
    (home / "core.toml").write_text(text.replace(f"front = {os.geteuid()}", another))
    with pytest.raises(BadSettings, match="only where one user runs core and front"):
        Settings.read(home)
    for setting in ("demonstration_officers", "clock_shift"):
        kept = [line for line in text.splitlines() if line.startswith(("origin", "log", "pinned", setting))]
        (home / "core.toml").write_text("\n".join([*kept, another]))
        with pytest.raises(BadSettings, match="only where one user runs core and front"):
            Settings.read(home)
    (home / "core.toml").write_text("\n".join([*kept, another]).replace("clock_shift", "#"))
    assert Settings.read(home).custody == "separated custody"


@pytest.mark.parametrize("shift", ["nan", "inf", "1e12", "true", '"a day"'])
def test_a_shift_of_the_clock_is_a_number_of_seconds(home: Path, shift: str) -> None:
    with (home / "core.toml").open() as file:
        lines = [line for line in file if not line.startswith("clock_shift")]
    (home / "core.toml").write_text("".join(lines) + f"clock_shift = {shift}\n")
    with pytest.raises(BadSettings, match="clock_shift"):
        Settings.read(home)


def test_without_the_setting_nobody_is_enrolled_at_once(home: Path) -> None:
    text = (home / "core.toml").read_text()
    (home / "core.toml").write_text(text.replace("demonstration_officers = true", ""))
    settings = Settings.read(home)
    lease = Lease(settings.lease, settings.name)
    lease.take(settings.clock.now())
    found = process.open_core(home, settings, lease, clock=settings.clock)
    try:
        assert not [name for name in found.extra if name.startswith("demonstration")]
        assert asked(found, "state")["demonstration_officers"] is False
    finally:
        found.close()


def test_what_a_crash_left_is_made_anew(tmp_path: Path) -> None:
    left = tmp_path / "custodian.part"
    left.mkdir()
    (left / "log-key-01").write_text("half")
    custodian.set_up(tmp_path / "custodian", ORIGIN, LISTED, CLOCK)
    assert not left.exists()
    assert Settings.read(tmp_path / "custodian").origin == ORIGIN


def test_where_it_cannot_run_it_is_left_out_with_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(custodian, "cast", lambda _wired: LISTED)
    settings = SimpleNamespace(home=tmp_path / ("x" * 90), port=5000)
    custodian.offer(SimpleNamespace(settings=settings, clock=CLOCK))  # type: ignore[arg-type]
    assert "is left out: it needs Linux, and a folder (ASSAY_HOME)" in capsys.readouterr().out
    assert not settings.home.exists()


def test_the_next_port_is_taken_where_one_is_in_use() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert custodian.free_port(port) > port


def test_no_port_is_taken_that_browsers_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(socket.socket, "bind", lambda _self, address: asked.append(address[1]))
    assert [custodian.free_port(port) for port in (5060, 6000, 6665, 6010)] == [5062, 6001, 6670, 6010]


def test_a_list_is_handed_to_the_running_core_and_who_is_to_be_told_is_printed(
    home: Path, opened: Opened, tmp_path: Path
) -> None:
    before = opened.core.custody.parts.kept.get(opened.core.custody.enrolment.digest)
    key = SoftKey()
    one_more = Credential(key.key_id, key._public(), "a phone")
    made = demonstration.with_passkey(before, "weiss", one_more, opened.clock.now())
    (tmp_path / "list-2.signed").write_bytes(Officers(home).sign(made))
    place = ["--socket", str(home / "core.sock")]
    with serving(opened, home / "core.sock"):
        done = CliRunner().invoke(enrol_command, [str(tmp_path / "list-2.signed"), *place])
        assert done.exit_code == 0, done.output
        assert f"List 2 of {ORIGIN} is in force. SHA-256 {forms.digest(made)}" in done.output
        assert "  Ida (ida) stands there as before\n" in done.output
        assert "  Weiss (weiss) stands there with something changed\n" in done.output
        again = CliRunner().invoke(enrol_command, [str(tmp_path / "list-2.signed"), *place])
        assert again.exit_code == 1
        assert "the list does not name the one before it" in again.output
        (tmp_path / "long").write_bytes(b"x" * (forms.LONGEST + 1))
        assert "too long" in CliRunner().invoke(enrol_command, [str(tmp_path / "long"), *place]).output
        assert CoreClient(home / "core.sock").ask("about")["version"] == 2
    away = CliRunner().invoke(enrol_command, [str(tmp_path / "list-2.signed"), *place])
    assert away.exit_code == 1
    assert "No core answers" in away.output
