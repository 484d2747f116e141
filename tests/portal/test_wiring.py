"""The parts of an instance: made once, found again, private to whoever runs it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.settings import PUBLIC, ZONES, Settings
from portal.wiring import PERFORM, NotMigrated, bare_celery, publish_to, wire
from secure_access import jobs
from secure_access.clock import SystemClock
from secure_access.keys import BadKeyFile, DocumentKey
from secure_access.vault import Damaged, LocalStore, S3Store


def settings(home: Path, **more: str) -> Settings:
    return Settings.from_env({"ASSAY_HOME": str(home), **more})


def test_a_second_start_finds_the_keys_of_the_first(tmp_path: Path) -> None:
    first, second = (wire(settings(tmp_path / "home")) for _ in range(2))
    assert first.secrets == second.secrets
    assert len(set(first.secrets.values())) == 6  # four zones, access requests, and single-use links
    assert first.log_keys == second.log_keys
    stored = first.vault.put([b"kept"], context="document|x|1")
    assert b"".join(second.vault.chunks(stored, context="document|x|1")) == b"kept"


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_alone_loads_its_own_keys(tmp_path: Path, zone: str) -> None:
    own = settings(tmp_path / "home", **{f"ASSAY_DATABASE_{zone.upper()}": f"sqlite:///{tmp_path}/{zone}.db"})
    with pytest.raises(NotMigrated, match="assay migrate"):
        wire(own, zone=zone)
    whole, alone = wire(own), wire(own, zone=zone)
    assert alone.secrets == {name: whole.secrets[name] for name in alone.secrets}
    assert set(alone.secrets) == {zone, "access"} | ({"invitation"} if zone != PUBLIC else set())
    assert alone.log_keys == whole.log_keys
    assert alone.signer is None
    assert alone.database.url.endswith(f"/{zone}.db")
    assert whole.database.url.endswith("/assay.db")
    stored = whole.vault.put([b"kept"], context="document|x|1")
    if zone == PUBLIC:
        with pytest.raises(Damaged, match="does not open with this ring"):
            b"".join(alone.vault.chunks(stored, context="document|x|1"))


def test_keys_and_home_are_private(tmp_path: Path) -> None:
    wire(settings(tmp_path / "home", ASSAY_NOW="2027-10-01"))
    home = tmp_path / "home"
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "keys").stat().st_mode & 0o777 == 0o700
    kept = [*(home / "keys").iterdir(), home / "clock.json"]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_the_worker_alone_has_the_key_that_signs_documents(tmp_path: Path) -> None:
    home = tmp_path / "home"
    whole = wire(settings(home))
    assert whole.document_key is not None
    assert whole.document_certificates == whole.document_key.certificates
    for zone in ZONES:
        alone = wire(settings(home), zone=zone)
        assert alone.document_key is None
        assert alone.document_certificates == whole.document_certificates
    assert wire(settings(home), process="worker").document_certificates == whole.document_certificates


def test_an_operator_brings_a_document_key_of_its_own(tmp_path: Path) -> None:
    own = DocumentKey.create(tmp_path / "own.pem", "Authority of Example", now=datetime.now(UTC))
    wired = wire(settings(tmp_path / "home", ASSAY_DOCUMENT_KEY=str(tmp_path / "own.pem")))
    assert wired.document_certificates == own.certificates
    assert not (tmp_path / "home" / "keys" / "document-key").exists()
    with pytest.raises(BadKeyFile, match="is not there"):
        wire(settings(tmp_path / "home", ASSAY_DOCUMENT_KEY=str(tmp_path / "nowhere.pem")))


def test_secrets_do_not_show_where_the_parts_are_printed(tmp_path: Path) -> None:
    wired = wire(settings(tmp_path / "home"))
    assert not any(
        secret.hex() in repr(wired) or repr(secret) in repr(wired) for secret in wired.secrets.values()
    )


def test_a_moved_clock_runs_on_over_restarts(tmp_path: Path) -> None:
    moved = settings(tmp_path / "home", ASSAY_NOW="2027-10-01T09:00:00+00:00")
    assert moved.practice_start
    first = wire(moved).clock.now()
    assert timedelta(0) <= first - moved.practice_start < timedelta(minutes=1)
    time.sleep(0.01)
    again = wire(settings(tmp_path / "home", ASSAY_NOW="2030-01-01")).clock.now()
    assert first < again < first + timedelta(minutes=1)
    assert isinstance(wire(settings(tmp_path / "other")).clock, SystemClock)


def test_the_vault_lies_in_a_folder_or_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert isinstance(wire(settings(tmp_path)).vault._store, LocalStore)
    bucket = settings(tmp_path, ASSAY_VAULT="s3://plans", ASSAY_S3_ENDPOINT="http://127.0.0.1:9")
    assert isinstance(wire(bucket).vault._store, S3Store)


def test_messages_of_the_embedded_broker_appear_whole_and_carry_an_id_only(
    tmp_path: Path, sqlite_url: str
) -> None:
    wired = wire(settings(tmp_path / "home", ASSAY_DATABASE=sqlite_url, ASSAY_QUEUE="mine"))
    app = bare_celery(wired.settings)
    publish_to(wired, app)
    with wired.database.write() as session:
        job_id = jobs.add(session, "test.nothing", "about jane@example.test").id
    (message,) = (tmp_path / "home" / "queue" / "messages").iterdir()
    assert message.name.endswith(".mine.msg")
    assert "jane" not in message.read_text()
    with app.connection_for_read() as connection, connection.SimpleQueue("mine") as queue:
        got = queue.get(timeout=5)
        assert got.headers["task"] == PERFORM
        assert got.payload[0] == [str(job_id)]
        assert uuid.UUID(got.payload[0][0])
        got.ack()
    wired.database.dispose()


def test_a_broker_that_is_away_does_not_hold_up_the_act(tmp_path: Path, sqlite_url: str) -> None:
    wired = wire(
        settings(
            tmp_path / "home", ASSAY_DATABASE=sqlite_url, ASSAY_BROKER="amqp://guest:guest@127.0.0.1:9//"
        )
    )
    publish_to(wired, bare_celery(wired.settings))
    spent = []
    for _ in range(3):  # the first loads the client of the broker
        begun = time.monotonic()
        with wired.database.write() as session:
            job_id = jobs.add(session, "test.nothing", "x").id
        spent.append(time.monotonic() - begun)
    assert min(spent) < 1.5
    with wired.database.read() as session:
        assert job_id in jobs.due(session, limit=1_000_000)
    wired.database.dispose()
