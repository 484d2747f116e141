"""How the portal asks the custodian of sealed plans: questions that it signs, answers that the core signed.

The portal can have a plan key made, offer an access grant, end one, and take in the custodian's log. It can
open nothing. Formats: `secure_access.custodian.portal_channel`.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from portal.settings import Settings
from secure_access.clock import Clock
from secure_access.custodian import answers, portal_channel
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.custody import Refused
from secure_access.custodian.portal_channel import NotTheCore
from secure_access.keys import SigningKey
from secure_access.ledger.note import VerifierKey
from secure_access.workflow import NotFound

__all__ = ["Custodian", "NotFound", "Refused", "Silent", "channel_key_of", "custodian_of", "post"]

KEY_FILE = "custodian-channel"
"""The file of the portal's key among the keys of an instance."""
TIMEOUT = 10.0
"""Seconds that the custodian may take for an answer."""
LONGEST = 48 * 2**20
Carry = Callable[[Mapping[str, str]], Any]


class Silent(Exception):
    """The custodian does not answer, or what answers is not its core. Nothing was believed."""


@dataclass(frozen=True)
class Custodian:
    """The custodian of an instance: its origin, the portal's key, the key of its core, and what carries."""

    origin: str
    key: SigningKey
    core: VerifierKey
    clock: Clock
    carry: Carry

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """What the core did. Raises `Refused`, `NotFound`; `Silent` for no answer of the core's."""
        asked = portal_channel.ask(self.key, do, fields, self.clock.now())
        try:
            said = portal_channel.read_answer(self.core, asked, self.carry(asked.body))
            return answers.done(json.loads(said))
        except (NotTheCore, Unreachable, OSError, HTTPException, ValueError) as problem:
            raise Silent(f"The custodian does not answer: {problem or type(problem).__name__}.") from problem


def custodian_of(settings: Settings, clock: Clock) -> Custodian | None:
    """The custodian of these settings, or ``None``. Makes the portal's key the first time."""
    if not settings.custodian:
        return None
    return Custodian(
        settings.custodian,
        channel_key_of(settings),
        VerifierKey.parse(settings.custodian_key),
        clock,
        post(settings.custodian),
    )


def channel_key_of(settings: Settings) -> SigningKey:
    """The key with which the portal signs its questions, made the first time. Raises `KeyFailure`."""
    path = settings.home / "keys" / KEY_FILE
    if path.exists():
        return SigningKey.load(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SigningKey.create(path, f"{settings.base_host}/custodian-channel")


def post(origin: str) -> Carry:
    """What sends a question to an origin. A name below ``localhost`` is this machine (RFC 6761 §6.3)."""
    address = urlsplit(origin)
    host, port = address.hostname or "", address.port
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"

    def carry(body: Mapping[str, str]) -> Any:
        secure = address.scheme == "https"
        connection = (
            HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
            if secure
            else HTTPConnection(host, port, timeout=TIMEOUT)
        )
        headers = {"Host": address.netloc, "Content-Type": "application/json"}
        with closing(connection):
            connection.request("POST", "/portal", json.dumps(dict(body)), headers)
            answer = connection.getresponse()
            content = answer.read(LONGEST)
        if answer.status != 200:
            raise OSError(f"its front answered {answer.status}")
        return json.loads(content)

    return carry
