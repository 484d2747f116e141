"""The core as it is deployed: settings, its own keys, a standby, and the command in its own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secure_access.clock import FixedClock
from secure_access.custodian import key_copies, process
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.cli import custodian
from secure_access.custodian.custody import NotSetUp
from secure_access.custodian.lease import LIFE, MARGIN, Lease
from secure_access.custodian.outside import Outside
from secure_access.custodian.process import BadSettings, Settings, group_of, open_core
from secure_access.custodian.server import CoreClient
from secure_access.keys import SigningKey
from secure_access.ledger import canonical
from secure_access.sealing import hpke
from secure_access.workflow import NotFound
from tests.fixtures import portal_asks
from tests.fixtures.enrolled import (
    DEVELOPER,
    NOW,
    ORIGIN,
    REQUEST,
    Enrolled,
    break_glass,
    manifest,
    signed,
    text64,
)
from tests.fixtures.ledger import signing_keys

LOG = "authority.example/ledger"


def with_keys() -> Enrolled:
    """A list whose officers have true keys that open."""
    world = Enrolled()
    for number, officer in enumerate(world.value["officers"]):
        officer["open"] = text64(hpke.public_of(hpke.XWING, bytes([number]) * 32))
    return world


def written(home: Path, world: Enrolled, **more: object) -> Path:
    home.mkdir(mode=0o700, exist_ok=True)
    told = {"origin": ORIGIN, "log": LOG, "pinned": world.pinned, "front": os.geteuid(), **more}
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    (home / "core.toml").write_text("\n".join(lines) + "\n")
    return home


def opened(home: Path, settings: Settings | None = None) -> process.Opened:
    found = settings or Settings.read(home)
    lease = Lease(found.lease, found.name)
    assert lease.take(NOW)
    return open_core(home, found, lease, clock=FixedClock(NOW))


def test_a_core_makes_its_keys_once_and_finds_them_again(tmp_path: Path) -> None:
    world = with_keys()
    home = written(tmp_path / "core", world)
    first = opened(home)
    first.core.enrol(signed(world.value))
    plan = first.core.make_plan_key(REQUEST, DEVELOPER)
    assert first.witness() == {}
    assert first.rotate() == 0
    first.close()
    again = open_core(home, Settings.read(home), first.serving.lease, clock=FixedClock(NOW))
    assert again.keys.private(plan)
    assert again.log.size == 2
    again.keys.drill(plan, ("officer-a", bytes(32)), ("officer-c", bytes([2]) * 32))
    again.close()
    out = home / "copies"
    result = CliRunner().invoke(custodian, ["copies", "--home", str(home), "--plan", plan, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {"officer-a.officer-c.copy", "officer-b.officer-c.copy"}
    copy = (out / "officer-a.officer-c.copy").read_bytes()
    found = key_copies.recover(copy, plan, ("officer-a", bytes(32)), ("officer-c", bytes([2]) * 32))
    assert found == again.keys.private(plan)
    wrong = CliRunner().invoke(custodian, ["copies", "--home", str(home), "--plan", "0" * 64, "--out", "x"])
    assert wrong.exit_code == 1
    (home / "keys" / "epochs.json").unlink()
    (home / "whole").write_bytes(found)
    (home / "whole").chmod(0o600)
    (home / "other").write_bytes(bytes(32))
    (home / "other").chmod(0o600)
    for file, status in (("other", 1), ("whole", 0)):
        restored = CliRunner().invoke(
            custodian, ["restore", "--home", str(home), "--plan", plan, "--key", str(home / file)]
        )
        assert restored.exit_code == status, restored.output
    lease = Lease(home / "another.json", "one")
    assert lease.take(NOW)
    back = open_core(home, Settings.read(home), lease, clock=FixedClock(NOW))
    assert back.keys.private(plan) == found
    back.close()


def test_without_a_sandbox_nothing_is_received_or_shown(tmp_path: Path) -> None:
    parts = Outside()
    for ask in (parts.inspect, lambda _: parts.render(None, 1, None), lambda _: parts.text(None, 1, None)):  # type: ignore[arg-type]
        with pytest.raises(NotSetUp):
            ask(None)  # type: ignore[arg-type]
    assert not parts.test().ready


def test_a_key_of_another_log_is_not_used(tmp_path: Path) -> None:
    home = written(tmp_path / "core", with_keys())
    opened(home).close()
    with pytest.raises(BadSettings, match="is the key of"):
        opened(home, replace(Settings.read(home), log="other.example/ledger", lease=home / "other.json"))


def test_it_serves_only_while_it_holds_the_lease(tmp_path: Path) -> None:
    home = written(tmp_path / "core", with_keys())
    found = opened(home)
    assert found.serving.refusal(NOW) == ""
    other = Lease(Settings.read(home).lease, "standby")
    assert other.take(NOW + LIFE + MARGIN)
    assert "another core" in found.serving.refusal(NOW)
    found.close()


def test_with_witnesses_it_waits_for_them(tmp_path: Path) -> None:
    home = written(tmp_path / "core", with_keys(), witnesses="policy.txt", fresh_minutes=5)
    key = process.Witnesses.parse("quorum none\n")
    assert not key.asked
    from secure_access.ledger.note import cosigner

    line = cosigner(signing_keys("witness.example/w1", 40)[0])
    (home / "policy.txt").write_text(f"witness w1 {line} http://127.0.0.1:9\nquorum w1\n")
    found = opened(home)
    problems = found.witness()
    assert "none answers" in problems["signer"]
    assert found.serving.refusal(NOW)
    found.close()
    (home / "policy.txt").write_text("quorum\n")
    with pytest.raises(BadSettings, match="policy"):
        opened(home, replace(Settings.read(home), lease=home / "other.json"))


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "a setting too many": ({"colour": "red"}, "colour"),
    "a digest that is none": ({"pinned": "x"}, "SHA-256"),
    "minutes that are none": ({"fresh_minutes": 0}, "fresh_minutes"),
    "minutes that are a truth": ({"fresh_minutes": True}, "fresh_minutes"),
    "break-glass that is a number": ({"break_glass": 1}, "break_glass"),
    "a user who is not here": ({"front": "nobody-of-that-name"}, "front"),
}


@pytest.mark.parametrize(("more", "words"), WRONG.values(), ids=WRONG)
def test_settings_that_are_wrong_are_told(tmp_path: Path, more: dict[str, object], words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        Settings.read(written(tmp_path / "core", with_keys(), **more))


def test_settings_have_defaults_and_say_what_custody_it_is(tmp_path: Path) -> None:
    home = written(tmp_path / "core", with_keys(), break_glass=True)
    found = Settings.read(home)
    assert (found.fresh_minutes, found.backup_days, found.break_glass) == (10, 35, True)
    assert found.custody == "demonstration custody"
    assert replace(found, front=os.geteuid() + 1).custody == "separated custody"
    assert Settings.read(written(home, with_keys(), front="root")).front == 0
    assert group_of(0) == 0
    with pytest.raises(BadSettings):
        group_of(2**31 - 5)
    (home / "core.toml").write_text("origin = ")
    with pytest.raises(BadSettings, match="cannot be read"):
        Settings.read(home)
    (home / "core.toml").write_text("")
    with pytest.raises(BadSettings, match="missing"):
        Settings.read(home)


def asked(client: CoreClient, seconds: float = 30) -> dict[str, Any]:
    """The state of a core, once it answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            return client.ask("state")
        except Unreachable:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive a test that fails: nobody waits for it then."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_the_command_serves_and_a_second_one_stands_by(tmp_path: Path) -> None:
    world = with_keys()
    home = written(tmp_path / "core", world, break_glass=True, portal=portal_asks.KEY.verifier)
    command = [sys.executable, "-m", "secure_access.custodian", "core", "--home", str(home)]
    with ended(
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ) as core:
        client = CoreClient(home / "core.sock", 10)
        state = asked(client)
        log_keys, certificates = state.pop("log_keys"), state.pop("certificate_key")
        assert [str(key).split("+")[0] for key in log_keys] == [f"{LOG}/custodian"] * 2
        assert str(certificates).startswith(f"{LOG}/destruction+")
        assert abs(datetime.fromisoformat(str(state.pop("now"))) - datetime.now(UTC)) < timedelta(minutes=1)
        assert state == {
            "custody": "demonstration custody",
            "demonstration_officers": False,
            "sandbox": "ready",
            "serving": "yes",
            "witness": "rollback not detected",
            "lines": 0,
        }
        client.ask("enrol", list=text64(signed(world.value)))
        channel = SigningKey.load(home / "channel-key").verifier
        portal = portal_asks.Portal(client.ask, lambda: datetime.now(UTC), channel)
        plan = portal.ask("make_plan_key", request=REQUEST, developer=DEVELOPER)["fingerprint"]
        assert f'"request":"{REQUEST}"' in client.ask("plan_key", plan=plan)["key"]
        assert client.ask("untold") == {"notices": []}
        with pytest.raises(NotFound):
            client.ask("told", grant="0" * 64)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as standby:
            assert standby.stdout is not None
            assert "stands by: another core is active" in standby.stdout.readline()
            standby.send_signal(signal.SIGKILL)
        core.send_signal(signal.SIGTERM)
        assert core.wait(20) == 0
        assert core.stdout is not None
        assert "# stopped" in core.stdout.read()


def test_a_damaged_log_is_told_and_nothing_is_served(tmp_path: Path) -> None:
    home = written(tmp_path / "core", with_keys())
    (home / "log").mkdir()
    (home / "log" / "custody.log").write_text("hello\n")
    result = CliRunner().invoke(custodian, ["core", "--home", str(home)])
    assert result.exit_code == 1
    assert "Nothing is served. line 1 of the log was changed" in result.output


def test_break_glass_waits_for_the_front_to_say_that_it_told_the_developer(tmp_path: Path) -> None:
    from secure_access.custodian.acts import Act

    world = with_keys()
    home = written(tmp_path / "core", world, break_glass=True)
    found = Settings.read(home)
    lease = Lease(found.lease, found.name)
    assert lease.take(NOW)
    outside = Outside(inspect=lambda _manifest: {})
    core = open_core(home, found, lease, lambda _keys: outside, FixedClock(NOW))
    core.core.enrol(signed(world.value))
    delivered = manifest(core.core.make_plan_key(REQUEST, DEVELOPER))

    def act(kind: Act, about: bytes, by: str) -> tuple[str, str]:
        from secure_access.custodian import forms

        made = core.core.ask(kind, forms.digest(about), by)
        return made.nonce, world.answer(by, made.challenge)

    encoded = canonical.encode(delivered)
    core.core.deliver(encoded, *act(Act.DELIVER, encoded, "tess"))
    value = canonical.encode(break_glass(world, delivered))
    digest = core.core.offer(value).digest
    for name in ("henrike", "oskar"):
        core.core.approve(*act(Act.BREAK_GLASS, value, name))
    from secure_access.custodian.questions import QUESTIONS, answered

    assert digest.encode() in answered(core.core, b'{"do":"untold"}', QUESTIONS)
    told = answered(core.core, canonical.encode({"do": "told", "grant": digest}), QUESTIONS)
    assert told == b'{"done":{}}'
    assert core.core.custody.state.grants[digest].standing == "approved"
    core.close()
    assert lease.take(NOW + timedelta(seconds=1))


def test_assay_custodian_is_a_process_without_a_portal(tmp_path: Path) -> None:
    code = (
        "import sys; from secure_access.custodian import cli;"
        "print([name for name in sys.modules if name.split('.')[0] in ('portal', 'evaluator', 'flask')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    through = subprocess.run(
        [sys.executable, "-m", "portal.cli", "custodian", "core", "--home", str(tmp_path / "none")],
        capture_output=True,
        text=True,
    )
    assert through.returncode == 1
    assert "Nothing is served." in through.stderr
