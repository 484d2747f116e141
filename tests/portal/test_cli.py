"""The ``assay`` command: each command found by its name, loaded when it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from portal import cli

APART = "custodian"
"""It becomes a process of its own, so calling it here would replace the tests."""


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != APART])
def test_every_command_can_be_loaded_and_says_what_it_does(name: str) -> None:
    context = click.Context(cli.main, info_name="assay")
    command = cli.main.get_command(context, name)
    assert command is not None
    shown = CliRunner().invoke(cli.main, [name, "--help"])
    assert shown.exit_code == 0
    assert shown.output.startswith("Usage: ")
    assert command.help


def test_the_custodian_becomes_a_process_without_a_portal() -> None:
    """Beside keys nothing of a portal is loaded: the command is another program then."""
    program = f"from portal.cli import main; main([{APART!r}, '--help'])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("Usage: assay custodian")
    assert "ceremony" in shown.stdout


def test_the_list_names_every_command() -> None:
    shown = CliRunner().invoke(cli.main, ["--help"])
    assert shown.exit_code == 0
    for name, (_, text) in cli.COMMANDS.items():
        assert name in shown.output
        assert text.split(",")[0] in " ".join(shown.output.split())


def test_an_unknown_command_is_refused() -> None:
    shown = CliRunner().invoke(cli.main, ["dance"])
    assert shown.exit_code == 2
    assert "No such command 'dance'" in shown.output


def test_a_command_loads_only_what_it_needs() -> None:
    script = "import sys; from portal.cli import main; main(['law', '--help'], standalone_mode=False);"
    script += "sys.exit(any(name in sys.modules for name in ('flask', 'celery', 'sqlalchemy', 'boto3')))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_witness_loads_nothing_of_a_portal() -> None:
    """Whoever runs one runs the formats of the log, two keys and a server: no database, no page."""
    script = "import sys; from portal.cli import main;"
    script += "main(['ledger', 'witness', '--help'], standalone_mode=False);"
    script += "print(*[name for name in sys.modules if name.partition('.')[0] in"
    script += " ('flask', 'celery', 'sqlalchemy', 'sqlmodel', 'portal')])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("Usage: "), done.stderr
    assert "ledger witness" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1] == "portal portal.cli"
    refused = CliRunner().invoke(cli.main, ["ledger", "dance"])
    assert "No such command 'dance'" in refused.output


def test_run_does_what_make_run_needs_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    for name in ("migrate", "seed", "serve"):
        command = click.command(name)(lambda name=name: called.append(name))
        monkeypatch.setattr(cli, f"_{name}", command, raising=False)
        monkeypatch.setitem(cli.COMMANDS, name, (f"portal.cli:_{name}", ""))
    assert CliRunner().invoke(cli.main, ["run"]).exit_code == 0
    assert called == ["migrate", "seed", "serve"]
