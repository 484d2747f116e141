"""``assay custodian front`` in a process of its own, before a core behind its socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

from secure_access.custodian.front.mailing import SENDER, SMTP
from secure_access.custodian.state import Standing
from tests.fixtures.custodian_front import RP_ID, Place
from tests.fixtures.enrolled import NOTICE
from tests.fixtures.mailbox import receiving
from tests.secure_access.custodian.test_front_mail import emergency


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def asked(port: int, host: str) -> tuple[int, str, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers={"Host": host})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body, dict(answer.getheaders())


def test_the_command_serves_the_pages_on_the_loopback_address(tmp_path: Path) -> None:
    port = free_port()
    place = Place(tmp_path, f"http://{RP_ID}:{port}")
    command = [sys.executable, "-m", "secure_access.custodian", "front", "--authority", "Some Authority"]
    command += ["--socket", str(tmp_path / "core.sock"), "--origin", place.origin, "--port", str(port)]
    with place.core():
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    status, page, headers = asked(port, f"{RP_ID}:{port}")
                    break
                except OSError:
                    assert process.poll() is None, process.communicate()[0]
                    assert time.monotonic() < until
                    time.sleep(0.1)
            assert status == 200
            assert "Enter with your passkey" in page
            assert "Some Authority" in page
            assert headers["cache-control"] == "no-store"
            assert "content-security-policy" in headers
            assert asked(port, "portal.example")[0] == 421
        finally:
            process.terminate()
            process.wait(30)


def test_nothing_of_the_portal_is_loaded_by_the_front() -> None:
    loaded = "{name.partition('.')[0] for name in sys.modules}"
    program = f"import sys, secure_access.custodian.front.app; print('portal' in {loaded})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_command_tells_developers_of_break_glass_unasked(tmp_path: Path) -> None:
    port = free_port()
    place = Place(tmp_path, f"http://{RP_ID}:{port}")
    place.world.custody.rules = replace(place.world.custody.rules, break_glass=True)
    command = [sys.executable, "-m", "secure_access.custodian", "front", "--port", str(port)]
    command += ["--socket", str(tmp_path / "core.sock"), "--origin", place.origin]
    with place.core(), receiving() as (box, server):
        digest = emergency(place)
        told = {SMTP: f"smtp://127.0.0.1:{server}", SENDER: "custodian@authority.example"}
        process = subprocess.Popen(command, env={**os.environ, **told})
        try:
            until = time.monotonic() + 60
            while place.world.custody.state.grants[digest].standing is Standing.TELLING:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(30)
    assert [letter["To"] for letter in box.letters] == [NOTICE]
