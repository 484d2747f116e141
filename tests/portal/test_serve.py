"""``assay serve``: everything of one machine started, watched and stopped; nothing said that is private."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from portal.settings import ZONES, Settings
from portal.wiring import wire, worker_ready_file
from secure_access import identity, jobs
from secure_access.identity import NewPerson, OrganisationKind
from secure_access.workflow import Role
from tests.fixtures.app import form_of
from tests.fixtures.instance import COMMAND, START_SECONDS, Instance, _children, free_port

PATIENCE = float(START_SECONDS)
PASSWORD = "kumquat-marmalade-7719"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An empty instance on a free port."""
    instance = Instance(tmp_path / "home", free_port())
    yield instance
    instance.end()


def start(instance: Instance, *command: str) -> float:
    """Start it as ``make`` does, so that signals of the terminal reach all of it; how long that took."""
    begun = time.monotonic()
    with instance.log.open("wb") as log:
        instance.process = subprocess.Popen(
            [COMMAND, *(command or ("serve",))],
            env=instance.environment(),
            cwd=instance.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    wait_for(lambda: "is ready" in said(instance) or process(instance).poll() is not None)
    assert process(instance).poll() is None, said(instance)
    return time.monotonic() - begun


def process(instance: Instance) -> subprocess.Popen[bytes]:
    assert instance.process
    return instance.process


def said(instance: Instance) -> str:
    return instance.log.read_text()


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def ask(
    instance: Instance, host: str, method: str = "GET", path: str = "/", body: bytes = b"", **headers: str
) -> tuple[int, str, list[str]]:
    """One request: status, page, cookies. A server may answer, and hang up, before it has the whole body."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.suppress(BrokenPipeError):
        connection.request(method, path, body or None, {"Host": f"{host}:{instance.port}", **named})
    answer = connection.getresponse()
    cookies = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    page = answer.read().decode()
    connection.close()
    return answer.status, page, cookies


def answers(instance: Instance) -> bool:
    try:
        return ask(instance, "localhost")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def listening(port: int) -> set[str]:
    """Local addresses in LISTEN on a port, in the kernel's own spelling."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    ends = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {address for address, end in ends if int(end, 16) == port}


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def stop(instance: Instance, sign: signal.Signals) -> float:
    """Signal the process group, and how long all of it took to end with status 0."""
    family = _children(process(instance).pid)
    assert len(family) >= 2
    begun = time.monotonic()
    os.killpg(process(instance).pid, sign)
    assert process(instance).wait(timeout=30) == 0
    took = time.monotonic() - begun
    wait_for(lambda: gone(family))
    assert not listening(instance.port)
    return took


def person_of(instance: Instance) -> str:
    """The e-mail address of a person who can sign in."""
    wired = wire(Settings.from_env(instance.environment()))
    with wired.database.write() as session:
        organisation = identity.add_organisation(
            session, kind=OrganisationKind.DEVELOPER, name="Quincunx Orchards", now=wired.clock.now()
        )
        new = NewPerson(
            email="persimmon@quincunx.example",
            name="Persimmon Abernathy",
            roles=frozenset({Role.PREPARER}),
            title="Lead",
        )
        hashed = wired.hasher.hash(PASSWORD)
        identity.add_person(
            session, organisation=organisation, new=new, password_hash=hashed, now=wired.clock.now()
        )
        jobs.add(session, "nobody.knows", "persimmon@quincunx.example")
    wired.database.dispose()
    return "persimmon@quincunx.example"


def sign_in(instance: Instance, email: str, password: str) -> tuple[int, list[str]]:
    host = "developer.localhost"
    _, page, cookies = ask(instance, host, path="/sign-in")
    form = urlencode(form_of(page) | {"email": email, "password": password}).encode()
    headers = {"Cookie": "; ".join(cookies), "Content_Type": "application/x-www-form-urlencoded"}
    status, _, cookies = ask(instance, host, "POST", "/sign-in", form, **headers)
    return status, cookies


def test_it_serves_every_zone_restarts_what_ends_and_stops(instance: Instance) -> None:
    assert "assay migrate" in instance.assay("serve", status=1)
    instance.assay("migrate")
    email = person_of(instance)
    starting = start(instance)
    for zone in ZONES:
        assert instance.url(zone).removesuffix("/") in said(instance)

    host = {zone: "localhost" if zone == "public" else f"{zone}.localhost" for zone in ZONES}
    assert {zone: ask(instance, host[zone])[0] for zone in ZONES} == {
        zone: 200 if zone == "public" else 303 for zone in ZONES
    }
    assert ask(instance, "evil.example")[0] == 421
    with contextlib.suppress(ConnectionResetError):  # its answer is lost with the bytes it did not read
        assert ask(instance, "localhost", "POST", "/", b"x" * (2 * 2**20))[0] in (404, 413)
    assert listening(instance.port) == {"0100007F"}
    assert "in use" in Instance(instance.home.parent / "other", instance.port).assay("serve", status=1)
    assert "served already" in Instance(instance.home, free_port()).assay("serve", status=1)

    assert sign_in(instance, email, "wrong-" + PASSWORD)[0] == 422
    status, cookies = sign_in(instance, email, PASSWORD)
    assert status == 303
    wait_for(lambda: "job.failed" in (instance.home / "log" / "assay.log").read_text())
    everything = said(instance) + (instance.home / "log" / "assay.log").read_text()
    for private in (PASSWORD, "persimmon", "Abernathy", "Quincunx", *(c.partition("=")[2] for c in cookies)):
        assert private not in everything

    ready = worker_ready_file(Settings.from_env(instance.environment()))
    first = int(ready.read_text())
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: ready.read_text() != str(first))
    web = next(pid for pid in _children(process(instance).pid) if b"granian" in _command(pid))
    for pid in (web, *_children(web)):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: "The web server ended" in said(instance) and answers(instance))
    assert "The worker ended. It is started again in 1 seconds." in said(instance)

    assert stop(instance, signal.SIGINT) < max(10, starting)
    assert said(instance).endswith("Assay has stopped.\n")


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def beside(instance: Instance) -> Iterator[Instance]:
    """Another process of the same instance, with a port and a log of its own."""
    home = instance.home.parent / "beside"
    other = Instance(home, free_port(), {"ASSAY_HOME": str(instance.home)})
    yield other
    other.end()


def test_a_zone_alone_serves_no_other_and_needs_no_key_of_another(
    instance: Instance, beside: Instance
) -> None:
    instance.assay("migrate")
    email, policy = person_of(instance), instance.assay("ledger", "policy")
    developer, public = instance, beside
    for name in (
        "ledger-key",
        "ledger-key-mldsa",
        "document-key",
        "cookie-public.json",
        "cookie-evaluator.json",
        "cookie-government.json",
    ):
        (instance.home / "keys" / name).unlink(missing_ok=True)
    start(developer, "serve", "--zone", "developer")
    assert said(developer).count("http://") == 2
    status, cookies = sign_in(developer, email, PASSWORD)
    assert status == 303
    entered = {"Cookie": "; ".join(cookies)}
    assert ask(developer, "developer.localhost", path="/filings", **entered)[0] == 200
    status, page, _ = ask(developer, "developer.localhost", path="/cases", **entered)
    assert (status, "There is no such page" in page) == (404, True)
    for host in ("localhost", "evaluator.localhost", "government.localhost"):
        assert ask(developer, host)[0] == 421
    assert not [pid for pid in _children(process(developer).pid) if b"\0worker\0" in _command(pid)]

    # The public zone beside it, of the same home, with no key but its own.
    for name in ("vault-ring.json", "invitations.json", "cookie-developer.json"):
        (instance.home / "keys" / name).rename(instance.home / name)
    start(public, "serve", "--zone", "public")
    assert ask(public, "localhost")[0] == 200
    assert ask(public, "localhost", path="/ledger/policy")[1] == policy
    assert ask(public, "localhost", path="/sign-in")[0] == 404
    assert ask(public, "developer.localhost")[0] == 421
    made = {path.name for path in (instance.home / "keys").iterdir()}
    published = {"ledger-keys.pub", "document-certificates.pem"}
    assert made == {*published, "cookie-public.json", "public-ring.json", "access-links.json"}


def test_a_cookie_of_one_zone_opens_no_other(instance: Instance, beside: Instance) -> None:
    instance.assay("migrate")
    email = person_of(instance)
    start(instance, "serve", "--zone", "developer")
    _, cookies = sign_in(instance, email, PASSWORD)
    start(beside, "serve", "--zone", "evaluator")
    for name in ("__Host-assay-developer", "__Host-assay-evaluator"):
        stolen = [f"{name}={cookie.partition('=')[2]}" for cookie in cookies if "assay-developer" in cookie]
        assert stolen
        assert ask(beside, "evaluator.localhost", path="/account", Cookie=stolen[-1])[0] == 303
    assert ask(instance, "developer.localhost", path="/account", Cookie="; ".join(cookies))[0] == 200


def test_a_zone_alone_makes_no_keys_of_an_instance_that_was_never_migrated(instance: Instance) -> None:
    assert "assay migrate" in instance.assay("serve", "--zone", "public", status=1)
    assert not (instance.home / "keys").exists()
    assert "Invalid value for '--zone'" in instance.assay("serve", "--zone", "custodian", status=2)
    instance.settings = {"ASSAY_ZONE": "nowhere"}
    assert "ASSAY_ZONE is 'nowhere'" in instance.assay("serve", status=2)


def test_a_server_that_is_killed_leaves_no_process_and_a_free_port(instance: Instance) -> None:
    instance.assay("migrate")
    start(instance)
    family = _children(process(instance).pid)
    process(instance).kill()
    process(instance).wait(timeout=10)
    wait_for(lambda: gone(family))
    assert not listening(instance.port)
    starting = start(instance)
    assert stop(instance, signal.SIGTERM) < max(10, starting)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_named_with_what_to_do(instance: Instance, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as other:
        try:
            other.bind((address, instance.port))
        except OSError:
            pytest.skip(f"this machine has no address {address}")
        other.listen()
        words = instance.assay("serve", status=1)
    assert re.fullmatch(rf"Port {instance.port} is in use .*PORT={instance.port + 1} make run\n", words)


def test_settings_that_are_wrong_are_named(tmp_path: Path) -> None:
    words = Instance(tmp_path / "home", 99999).assay("serve", status=2)
    assert "PORT is 99999" in words


@pytest.mark.timeout(300)
def test_run_loads_the_demonstration_once_and_ends_all_it_started(instance: Instance) -> None:
    """Twice as `make run` does: the second start finds data and accounts as the first one left them."""
    start(instance, "run")
    accounts, before = instance.accounts(), events(instance)
    (port,) = re.findall(
        r"^  custodian   http://custodian.localhost:(\d+)  \(demonstration", said(instance), re.M
    )
    assert "Demonstration custody" in custodian_page(int(port))
    started = [process(instance).pid, *_children(process(instance).pid)]
    assert len(started) > 2
    assert before
    interrupt(instance)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
    assert not listening(int(port))
    starting = start(instance, "run")
    assert starting < 60, "the custodian waits for no lease that its own core has let go"
    assert custodian_page(int(port))
    assert instance.accounts() == accounts
    assert all(password in said(instance) for _, password in accounts.values())
    assert events(instance)[: len(before)] == before
    instance.assay("ledger", "verify")
    interrupt(instance)


def custodian_page(port: int) -> str:
    """The first page of the custodian that a demonstration runs itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/", headers={"Host": f"custodian.localhost:{port}"})
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    assert answer.status == 200
    return page


def test_a_custodians_port_in_use_is_named(instance: Instance) -> None:
    instance.assay("migrate")
    (instance.home / "custodian").mkdir()
    port = free_port()
    (instance.home / "custodian" / "core.toml").write_text(f'origin = "http://custodian.localhost:{port}"\n')
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        words = instance.assay("serve", status=1)
    assert f"Port {port} is in use by another program. The custodian keeps the address" in words


def events(instance: Instance) -> list[tuple[int, str]]:
    """Number and identifier of every entry that is recorded."""
    with contextlib.closing(sqlite3.connect(instance.home / "assay.db")) as connection:
        return connection.execute("SELECT number, id FROM ledger_entry ORDER BY number").fetchall()


def interrupt(instance: Instance) -> None:
    """Ctrl-C: the terminal sends the signal to the whole foreground group. Nothing is left on the port."""
    os.killpg(process(instance).pid, signal.SIGINT)
    assert process(instance).wait(timeout=60) == 0, said(instance)
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", instance.port))
