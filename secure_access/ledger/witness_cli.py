"""``assay ledger witness``: a witness that anybody can run, apart from every instance."""

from __future__ import annotations

import time
from pathlib import Path

import click

from secure_access.keys import ED25519, MLDSA44, KeyFailure, SigningKey
from secure_access.ledger.note import NoteError, VerifierKey
from secure_access.ledger.witness import Witness
from secure_access.ledger.witness_server import Service

KEYS = {"witness-key": ED25519, "witness-key-mldsa": MLDSA44}
LOGS = "logs.txt"


class Address(click.ParamType):  # type: ignore[type-arg]
    """``HOST:PORT``."""

    name = "HOST:PORT"

    def convert(
        self, value: str, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, int]:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            self.fail(f"{value!r} is not a host and a port, such as 127.0.0.1:8080", param, context)
        return host.strip("[]"), int(port)


@click.command("witness")
@click.option(
    "--home",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of this witness: its keys, what it has seen, and logs.txt.",
)
@click.option("--name", help="Name of the witness, such as witness.example.org; asked for the first time.")
@click.option("--listen", type=Address(), default="127.0.0.1:8475", show_default=True)
def witness(home: Path, name: str | None, listen: tuple[str, int]) -> None:
    """Sign the checkpoints of the logs that stand in HOME/logs.txt, if each continues the last one signed.

    logs.txt has a line for each key of a log, as the log's policy file gives it: `log KEY`. The first start
    makes two keys, and prints the lines that a policy file needs to trust this witness. It speaks plain HTTP
    (C2SP tlog-witness): put a proxy with TLS in front of it.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = _keys(home, name)
    logs = _logs(home / LOGS)
    own = Witness(home / "seen.db", keys, logs, time.time)
    for number, key in enumerate(own.keys, 1):
        click.echo(f"witness {keys[0].name}-{number} {key}")
    for origin in own.logs:
        seen = own.seen(origin)
        click.echo(f"# signs {origin}, seen with {seen.size if seen else 0} entries")
    with Service(listen, own) as service:
        click.echo(f"# listening on http://{listen[0]}:{service.server_address[1]}")
        try:
            service.serve_forever()
        except KeyboardInterrupt:
            click.echo("# stopped")


def _keys(home: Path, name: str | None) -> list[SigningKey]:
    found = []
    for file, kind in KEYS.items():
        path = home / file
        try:
            if path.exists():
                found.append(SigningKey.load(path))
            elif name:
                found.append(SigningKey.create(path, name, kind))
            else:
                raise click.UsageError("This witness has no keys yet. Name it: --name witness.example.org")
        except KeyFailure as problem:
            raise click.ClickException(str(problem)) from None
    if name and {key.name for key in found} != {name}:
        raise click.UsageError(f"The keys in {home} are of {found[0].name}. Leave out --name, or mind HOME.")
    return found


def _logs(path: Path) -> list[VerifierKey]:
    if not path.exists():
        raise click.ClickException(
            f"{path} is not there. Write a line `log KEY` into it for each key of a log that you witness; "
            "the log's policy file has them."
        )
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words or words[0] != "log":
            continue
        try:
            found.append(VerifierKey.parse(words[1]))
        except (NoteError, LookupError) as problem:
            raise click.ClickException(f"{path}, line {number}: {problem}") from None
    if not found:
        raise click.ClickException(f"{path} has no line `log KEY`.")
    return found
