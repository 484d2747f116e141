"""``assay custodian front``: serve the custodian's pages, as another user than the core's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from secure_access.custodian.front.mailing import SMTP, BadMailSettings, Mail

LOOPBACK = "127.0.0.1"
THREADS, CONNECTIONS = 32, 256
"""Requests worked on at once, and open connections; more wait in the kernel."""
APP = "secure_access.custodian.front.app"


@click.command("front")
@click.option(
    "--socket",
    required=True,
    envvar="ASSAY_CUSTODIAN_SOCKET",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Socket of the core.",
)
@click.option(
    "--origin",
    required=True,
    envvar="ASSAY_CUSTODIAN_ORIGIN",
    help="The custodian's address, such as https://custodian.example. The enrolment list names the same.",
)
@click.option("--port", default=5010, show_default=True, help="Port on the loopback address.")
@click.option("--authority", default="", envvar="ASSAY_AUTHORITY", help="Name that the pages show.")
def front_command(socket: Path, origin: str, port: int, authority: str) -> None:
    """Serve the custodian's pages on the loopback address, behind a proxy that ends TLS.

    It has no keys: whoever takes it over sees what passes, and can neither approve nor open anything alone.
    On one machine http://custodian.localhost:5010 needs no proxy.

    Developers are told of break-glass by the mail server in ASSAY_CUSTODIAN_SMTP (as ASSAY_SMTP of the
    portal), from the address in ASSAY_CUSTODIAN_MAIL_FROM. Without one, break-glass opens nothing.
    """
    address = urlsplit(origin)
    local = address.scheme == "http" and (address.hostname or "").endswith("localhost")
    if f"{address.scheme}://{address.netloc}" != origin or not (local or address.scheme == "https"):
        raise click.ClickException("--origin: an origin such as https://custodian.example")
    try:
        mail = Mail.read(os.environ)
    except BadMailSettings as problem:
        raise click.ClickException(str(problem)) from None
    if not mail.smtp:
        click.echo(
            f"# no mail server ({SMTP}): nobody is told of break-glass, so that it opens nothing", err=True
        )
    os.environ.update(
        ASSAY_CUSTODIAN_ORIGIN=origin, ASSAY_CUSTODIAN_SOCKET=str(socket), ASSAY_AUTHORITY=authority
    )
    click.echo(f"# the custodian's pages: {origin}, from {LOOPBACK}:{port}", err=True)
    command = web_command(port)
    os.execv(command[0], command)  # noqa: S606


def web_command(port: int) -> list[str]:
    """Granian on the loopback address. The size of a body is limited by the app."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", LOOPBACK, "--port", str(port), "--workers", "1"),
        *("--blocking-threads", str(THREADS), "--backpressure", str(CONNECTIONS)),
        *("--http1-header-read-timeout", "20000", "--workers-kill-timeout", "5"),
        *("--log-level", "error", "--factory", f"{APP}:serve"),
    ]
