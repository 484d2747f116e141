"""Mail of the front: what the core wants a developer to be told of break-glass, sent by SMTP until it is.

A server that speaks TLS has to prove its name by a certificate that the machine trusts.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog

from secure_access.custodian.server import CoreClient

log = structlog.get_logger(__name__)

SMTP, SENDER = "ASSAY_CUSTODIAN_SMTP", "ASSAY_CUSTODIAN_MAIL_FROM"
EVERY = 10.0
"""Seconds between looks at whom to tell."""
TIMEOUT = 20
"""Seconds that a mail server may take for an answer."""
_ADDRESS = re.compile(r"(smtp|smtps|smtp\+starttls)://([^\s/@]+@)?[^\s/@:]+:\d{1,5}")
_HERE = ("localhost", "127.0.0.1", "::1")


class BadMailSettings(ValueError):
    """The address of the mail server, or of the sender, is none; the message names the variable."""


@dataclass(frozen=True)
class Mail:
    """A mail server, and who mails come from. Without ``smtp`` nothing is sent: break-glass opens nothing."""

    smtp: str = field(default="", repr=False)
    sender: str = ""

    @classmethod
    def read(cls, source: Mapping[str, str]) -> Mail:
        """From the environment. Raises `BadMailSettings`, without what stands there: it may be a password."""
        smtp, sender = source.get(SMTP, ""), source.get(SENDER, "")
        if not smtp:
            return cls()
        if not _ADDRESS.fullmatch(smtp):
            raise BadMailSettings(
                f"{SMTP}: smtp://host:25, smtp+starttls://user:password@host:587 or smtps://"
            )
        if smtp.startswith("smtp://") and "@" in smtp and urlsplit(smtp).hostname not in _HERE:
            raise BadMailSettings(
                f"{SMTP} would send its password unencrypted: use smtp+starttls:// or smtps://"
            )
        if not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", sender):
            raise BadMailSettings(f"{SENDER}: the address that mails come from")
        return cls(smtp, sender)

    def send(self, notice: Mapping[str, Any]) -> None:
        """Hand a notice of the core to the server. Raises ``OSError``, `smtplib.SMTPException`."""
        message = EmailMessage()
        message["From"], message["To"] = self.sender, notice["to"]
        message["Subject"] = notice["subject"]
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice["text"])
        address = urlsplit(self.smtp)
        # Without a context of its own, smtplib asks a server for neither a trusted certificate nor its name.
        tls = ssl.create_default_context()
        kind = partial(smtplib.SMTP_SSL, context=tls) if address.scheme == "smtps" else smtplib.SMTP
        with kind(address.hostname or "", address.port or 0, timeout=TIMEOUT) as server:
            if address.scheme == "smtp+starttls":
                server.starttls(context=tls)
            if address.username:
                server.login(unquote(address.username), unquote(address.password or ""))
            server.send_message(message)


def tell(core: CoreClient, mail: Mail) -> None:
    """Send what waits, and say of each whether it was sent. Raises `Unreachable`, `Refused`."""
    for notice in core.ask("untold")["notices"]:
        try:
            if not mail.smtp or not notice["to"]:
                raise OSError("no mail server is set" if notice["to"] else "no address is enrolled")
            mail.send(notice)
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            # Without its words: a server may repeat the address, or more.
            log.warning("front.not_told", grant=notice["grant"], problem=type(problem).__name__)
            core.ask("not_told", grant=notice["grant"])
        else:
            core.ask("told", grant=notice["grant"])
