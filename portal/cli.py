"""The ``assay`` command: names its commands by module path and loads one when it is called."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "serve": ("portal.serve:serve", "Serve every zone and the worker, or one zone alone."),
    "run": ("portal.cli:run", "Migrate, load the demonstration where it is missing, and serve."),
    "worker": ("portal.worker:worker", "Work on jobs, one of many; serve runs its own."),
    "clock": ("portal.worker:clock", "Send the schedule, where many workers run."),
    "migrate": ("portal.serve:migrate", "Bring the database to the newest shape."),
    "database": ("portal.database_cli:database", "Roles and rights in PostgreSQL."),
    "admin": ("portal.admin_cli:admin", "Make an administrator on this machine."),
    "seed": ("infra.seed:seed", "Load the demonstration, once."),
    "law": ("portal.law.cli:law", "Coverage and penalties from a file of facts."),
    "evidence": ("evaluator.cli:evidence", "Check an evaluation log."),
    "ledger": ("portal.ledger_cli:ledger", "Verify the ledger and every record of it."),
    "security-log": ("portal.security_log_cli:security_log", "Send the security log to a SIEM."),
    "channel-key": ("portal.key_cli:channel_key", "Print the line by which the custodian knows this portal."),
    "first-key": ("portal.key_cli:first_key", "Give a person a code to add a first key with."),
    "custodian": ("secure_access.custodian.cli:custodian", "The custodian of sealed plans."),
    "receipt": ("secure_access.ledger.cli:receipt", "Verify a receipt offline."),
    "seal": ("secure_access.custodian.seal_cli:seal", "Seal a section of a security plan."),
    "seal-check": (
        "secure_access.custodian.seal_cli:seal_check",
        "Look at a plan before it is sealed.",
    ),
    "seal-manifest": (
        "secure_access.custodian.seal_cli:seal_manifest",
        "Name what was sealed.",
    ),
}

ALONE = {("ledger", "witness"): "secure_access.ledger.witness_cli:witness"}
"""Commands of a group that run without the rest of it: who runs a witness loads nothing of a portal."""


class _Lazy(click.Group):
    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return _loaded(COMMANDS[name][0])

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        place = ALONE.get((words[0], words[1])) if len(words) > 1 else None
        if place is None:
            return super().resolve_command(context, words)
        return " ".join(words[:2]), _loaded(place), words[2:]

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _loaded(place: str) -> click.Command:
    module, _, attribute = place.partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command)
    return command


@click.command()
@click.pass_context
def run(context: click.Context) -> None:
    """Migrate, load the demonstration where it is missing, and serve."""
    commands = _Lazy()
    for name in ("migrate", "seed", "serve"):
        command = commands.get_command(context, name)
        assert command is not None
        context.invoke(command)


@click.command(cls=_Lazy)
@click.version_option(package_name="assay-portal", prog_name="assay")
def main() -> None:
    """Assay: the regulator's side of frontier-AI oversight, with proof."""


if __name__ == "__main__":
    main(prog_name="assay")
