"""Core and front as two users of the machine: what the kernel keeps apart, and that all of it works so."""

from __future__ import annotations

import base64
import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from secure_access.custodian import officer_keys
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.server import CoreClient
from tests.fixtures import portal_asks
from tests.fixtures.browser import ROOT
from tests.fixtures.custody import ceremony, need_sandbox
from tests.fixtures.enrolled import ORIGIN, Enrolled

CORE, FRONT = "daemon", "nobody"
PATHS = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
ENVIRONMENT: Mapping[str, str] = {"PYTHONPATH": PATHS, "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
ASKS = """
import json, sys
from pathlib import Path
from secure_access.custodian.server import CoreClient
try:
    Path(sys.argv[1], "certificate-key").read_text()
    print("read a key")
except OSError as problem:
    print(problem.strerror)
client = CoreClient(Path(sys.argv[2]), 30)
client.ask("enrol", list=sys.argv[3])
print(json.dumps(client.ask("state")))
"""


def interpreter() -> str:
    """An interpreter that another user can run with what is installed here; a visible skip without one."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process as another user")
    known = {one.pw_name for one in pwd.getpwall()}
    if not {CORE, FRONT} <= known:
        pytest.skip(f"this machine has no users {CORE} and {FRONT}")
    version = f"python3.{sys.version_info.minor}"
    for path in (sys.executable, f"/usr/bin/{version}"):
        tried = [path, "-c", "import webauthn, secure_access.custodian.core"]
        try:
            if (
                subprocess.run(tried, user=CORE, env=ENVIRONMENT, cwd="/", capture_output=True).returncode
                == 0
            ):
                return path
        except OSError:
            continue
    pytest.skip(f"no {version} that the user {CORE} can run")


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that other users reach, unlike those of a test run."""
    made = Path(tempfile.mkdtemp(prefix="custody-", dir="/tmp"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


def test_core_and_front_are_two_users(monkeypatch: pytest.MonkeyPatch) -> None:
    need_sandbox()
    python = interpreter()
    monkeypatch.setattr(officer_keys, "MEMORY", 1024)
    core, front = pwd.getpwnam(CORE), pwd.getpwnam(FRONT)
    with folder() as place:
        home, run, table = (place / name for name in ("core", "run", "table"))
        home.mkdir(mode=0o700)
        run.mkdir(mode=0o750)
        table.mkdir()
        listed, pinned = ceremony(table, Enrolled())
        told = {
            **{"origin": ORIGIN, "log": "authority.example/ledger", "pinned": pinned, "front": FRONT},
            **{"portal": portal_asks.KEY.verifier, "socket": str(run / "core.sock")},
        }
        settings = home / "core.toml"
        settings.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in told.items()))
        for path, group in ((home, core.pw_gid), (settings, core.pw_gid), (run, front.pw_gid)):
            os.chown(path, core.pw_uid, group)
        command = [python, "-m", "secure_access.custodian", "core", "--home", str(home)]
        with subprocess.Popen(
            command,
            **{"user": core.pw_uid, "group": core.pw_gid, "extra_groups": [front.pw_gid]},
            env=ENVIRONMENT,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                until = time.monotonic() + 60
                while not (run / "core.sock").exists():
                    assert process.poll() is None, process.communicate()[0]
                    assert time.monotonic() < until
                    time.sleep(0.1)
                # Not even root is answered at the socket: the kernel says that it is not the front.
                with pytest.raises(Unreachable):
                    CoreClient(run / "core.sock", 10).ask("state")
                signed = base64.b64encode(listed.read_bytes()).decode()
                asked = subprocess.run(
                    [python, "-c", ASKS, str(home), str(run / "core.sock"), signed],
                    **{"user": front.pw_uid, "group": front.pw_gid, "extra_groups": []},
                    env=ENVIRONMENT,
                    cwd="/",
                    capture_output=True,
                    text=True,
                )
                assert asked.returncode == 0, asked.stderr
            finally:
                process.terminate()
                process.communicate(timeout=30)
        refused, state = asked.stdout.splitlines()
        assert refused == "Permission denied"
        said = json.loads(state)
        assert (said["custody"], said["sandbox"]) == ("separated custody", "ready")
