"""``assay custodian front`` in a process of its own, before a core behind its socket."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from tests.fixtures.custodian_front import RP_ID, Place


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
