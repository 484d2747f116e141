"""``assay admin create``: only while there is none; later only by recovery; a link and never a password."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.migrations import upgrade
from portal.admin_cli import admin
from portal.settings import Settings
from portal.wiring import wire
from secure_access.db import select
from secure_access.identity import invitations, recovery
from secure_access.identity.tables import Recovery
from secure_access.ledger.tables import LedgerEntry, SecurityLogRow
from secure_access.workflow import Denied


@pytest.fixture
def run(own_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command in an instance of its own, on each database."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSAY_DATABASE", own_url)

    def command(*words: str) -> Result:
        return CliRunner().invoke(admin, ["create", "--name", "Ada First", *words])

    return command


def opened(link: str) -> str:
    """Accept the invitation of a link."""
    wired = wire(Settings.from_env())
    try:
        with wired.database.write() as session:
            now = wired.clock.now()
            found = invitations.opened(session, link.rpartition("/")[2], now=now)
            person = invitations.accept(session, found=found, by=None, password_hash="x", now=now)
            return str(person.id)
    finally:
        wired.database.dispose()


def link_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return re.findall(r"http://government\.localhost\S+/invitation/\S+", result.output)[0]


def test_the_first_administrator_and_no_second(run) -> None:
    opened(link_of(run("--email", "ada@authority.example")))
    again = run("--email", "eve@authority.example")
    assert again.exit_code == 1
    assert "There is an administrator already" in again.output
    assert "http" not in again.output


def test_a_second_link_for_a_first_administrator_takes_the_place_of_the_first(run) -> None:
    early = link_of(run("--email", "ada@authority.example"))
    later = link_of(run("--email", "eve@authority.example"))
    with pytest.raises(Denied, match="withdrawn"):
        opened(early)
    opened(later)


def test_a_recovery_is_recorded_everywhere(run) -> None:
    opened(link_of(run("--email", "ada@authority.example")))
    assert run("--email", "bob@authority.example", "--recover").exit_code == 1
    link = link_of(run("--email", "bob@authority.example", "--recover", "--reason", "Keys lost."))
    opened(link)
    wired = wire(Settings.from_env())
    with wired.database.read() as session:
        types = set(session.exec(select(LedgerEntry.type)))
        kinds = set(session.exec(select(SecurityLogRow.kind)))
        rows = list(session.exec(select(Recovery)))
    wired.database.dispose()
    assert "administrator.recovered" in types
    assert "administrator.recovered" in kinds
    assert [row.reason for row in rows] == ["Keys lost."]
    assert rows[0].seen_at is None


def test_accounts_older_than_the_rule_are_adopted_once(own_url: str, tmp_path: Path) -> None:
    wired = wire(Settings.from_env({"ASSAY_HOME": str(tmp_path), "ASSAY_DATABASE": own_url}))
    upgrade(own_url)
    with wired.database.engine.begin() as raw:
        raw.exec_driver_sql(
            "INSERT INTO organisation"
            " (id, kind, name, country, mail_domains, contact_email, created_at) VALUES"
            " ('00000000000040008000000000000001', 'developer', 'Older', '', '[]', '', '2027-01-01 00:00:00')"
        )
    with wired.database.write() as session:
        assert recovery.adopt(session, now=wired.clock.now()) == 1
    with wired.database.write() as session:
        assert recovery.adopt(session, now=wired.clock.now()) == 0
    wired.database.dispose()
