"""``assay admin``: the first administrator, and later recovery only; a link and never a password."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.migrations import upgrade
from portal import mail
from portal.admin_cli import admin
from portal.settings import Settings
from portal.wiring import wire
from secure_access.db import select
from secure_access.identity import Person, actor, invitations, policies, policy, recovery
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


# The sign-in policy, where nobody gets in any more


@pytest.fixture
def set_policy(run):
    """Set a policy on the machine, in the instance of `run`."""

    def command(*words: str) -> Result:
        return CliRunner().invoke(admin, ["sign-in-policy", *words])

    return command


def test_a_policy_set_on_the_machine_counts_at_once_and_everybody_is_told(run, set_policy) -> None:
    opened(link_of(run("--email", "ada@authority.example")))
    done = set_policy("--policy", "standard", "--reason", "Both keys are lost.")
    assert done.exit_code == 0, done.output
    wired = wire(Settings.from_env())
    with wired.database.read() as session:
        row = policies.latest(session)
        (recovered,) = session.exec(select(Recovery))
        kinds = [entry.type for entry in session.exec(select(LedgerEntry))]
        noted = [one.kind for one in session.exec(select(SecurityLogRow))]
        assert policies.in_force(session, wired.settings.first_policy) == policy.load("standard")
        letters = mail.recovered_letters(session, wired, str(recovered.id))
    assert row is not None
    assert (row.number, row.name, row.recovery_id) == (2, "standard", recovered.id)
    assert recovered.invitation_id is None
    assert "sign_in_policy.recovered" in kinds
    assert "sign_in_policy.recovered" in noted
    assert [letter.recipient for letter in letters] == ["ada@authority.example"]
    assert "Both keys are lost." in letters[0].text
    with wired.database.write() as session:
        (person,) = session.exec(select(Person))
        by = actor(session, person.id)
        assert [one.id for one in recovery.unseen(session, by=by)] == [recovered.id]
        row = session.get_one(Recovery, recovered.id)
        recovery.acknowledge(session, recovery=row, by=by, now=wired.clock.now())
    wired.database.dispose()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--policy", "standard"), "The reason is missing"),
        (("--policy", "demonstration", "--reason", "R."), "in force already"),
        (("--policy", "nothing", "--reason", "R."), "no such policy"),
    ],
)
def test_a_policy_is_not_set_without_a_reason_nor_twice(set_policy, words, said: str) -> None:
    refused = set_policy(*words)
    assert (refused.exit_code, said in refused.output) == (1, True), refused.output
    wired = wire(Settings.from_env())
    with wired.database.read() as session:
        assert policies.latest(session) is None
        assert list(session.exec(select(Recovery))) == []
    wired.database.dispose()
