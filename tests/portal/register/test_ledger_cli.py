"""``assay ledger``: what verifies, what does not and is named, and the policy file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from portal.cli import main
from secure_access.ledger import receipts
from tests.fixtures.review import Desk


@pytest.fixture
def instance(fresh_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of an instance with a decided case, as the command line finds it."""
    fresh_desk.decided(fresh_desk.under_review(), reasons="It lies within the tier.")
    settings = fresh_desk.world.wired.settings
    monkeypatch.setenv("ASSAY_DATABASE", settings.database_url)
    monkeypatch.setenv("ASSAY_HOME", str(settings.home))
    return settings.home


def assay(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def change(desk: Desk, statement: str) -> None:
    """Somebody with an SQL client and no respect for triggers."""
    engine = create_engine(desk.world.wired.settings.database_url)
    with engine.begin() as connection:
        triggers = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        kept = list(connection.execute(triggers).all())
        for name, _ in kept:
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text(statement))
        for _, definition in kept:
            connection.exec_driver_sql(definition)
    engine.dispose()


def test_an_untouched_instance_verifies_and_says_what_was_walked(instance: Path) -> None:
    assert assay("ledger", "sequence").exit_code == 0
    done = assay("ledger", "verify")
    assert done.exit_code == 0, done.output
    assert "decision: 1 rows" in done.output
    assert "Everything matches the signed log." in done.output


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE decision SET reasons = 'other'", "decision"),
        ("UPDATE filing SET digest = 'other'", "filing"),
        ("DELETE FROM case_item", "case_item"),
        ("UPDATE ledger_entry SET recorded_at = '2020-01-01 00:00:00.000000'", "ledger_entry"),
        ("UPDATE ledger_checkpoint SET size = size + 1", "ledger_checkpoint"),
    ],
)
def test_what_was_changed_is_named(instance: Path, fresh_desk: Desk, statement: str, table: str) -> None:
    assay("ledger", "sequence")
    change(fresh_desk, statement)
    done = assay("ledger", "verify")
    assert done.exit_code == 1
    assert "do not match" in done.output
    assert f"  {table} " in done.output


def test_the_same_for_programs(instance: Path, fresh_desk: Desk) -> None:
    assay("ledger", "sequence")
    change(fresh_desk, "UPDATE decision SET reasons = 'other'")
    done = assay("ledger", "verify", "--format", "json")
    found: dict[str, Any] = json.loads(done.output)
    assert done.exit_code == 1
    assert found["passed"] is False
    assert found["problems"][0]["table"] == "decision"
    assert found["rows"]["decision"] == 1


def test_the_policy_is_one_that_the_verifier_reads(instance: Path) -> None:
    printed = assay("ledger", "policy").output
    policy = receipts.Policy.parse(printed)
    assert list(policy.logs) == ["assay.localhost/ledger/demonstration"]


def test_the_folder_may_be_named(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_HOME")
    assert assay("ledger", "policy", "--home", str(instance)).exit_code == 0


@pytest.mark.parametrize("command", ["verify", "policy", "sequence"])
def test_where_no_instance_is_none_is_made(tmp_path: Path, command: str) -> None:
    nowhere = tmp_path / "nowhere"
    done = assay("ledger", command, "--home", str(nowhere))
    assert done.exit_code == 1
    assert f"There is no instance in {nowhere}" in done.output
    assert not nowhere.exists()


def test_settings_that_cannot_be_used_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "none")
    done = assay("ledger", "verify", "--home", str(tmp_path))
    assert done.exit_code == 1
    assert "PORT is 'none'" in done.output


def test_a_damaged_log_is_not_signed(instance: Path, fresh_desk: Desk) -> None:
    assay("ledger", "sequence")
    change(fresh_desk, "UPDATE ledger_tile SET hashes = zeroblob(32) WHERE level = 0")
    done = assay("ledger", "sequence")
    assert done.exit_code == 1
    assert "Nothing was signed" in done.output
