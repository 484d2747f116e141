"""Talking to a provider of single sign-on: its metadata, its keys, and a code for an ID token.

Every answer is bounded in time and size, and no redirect is followed. Metadata and keys are kept for an hour;
a key that is not known is looked for again, at most once a minute, so that nobody can make us ask for ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.jwk import KeySet
from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter

from secure_access.identity import id_tokens
from secure_access.identity.providers import Provider, secure

TO_CONNECT, TO_ANSWER, ALTOGETHER = 3.0, 5.0, 10.0
"""Seconds: until there is a connection, between two pieces of an answer, and for all of it."""
LARGEST = 256 * 1024
"""Bytes of an answer."""
KEPT, AGAIN, REST = 3600.0, 60.0, 5.0
"""Seconds for which metadata and keys are kept, after which an unknown key is looked for again, and for which
a provider that did not answer is not asked: others who wait for it would hold the server's threads."""
_WELL_KNOWN = "/.well-known/openid-configuration"

Read = TypeVar("Read")


class Unreachable(Exception):
    """The provider does not answer, or not as one of OpenID Connect does. The message is for the log."""


class Refused(Exception):
    """The provider gave no ID token for a code. The message is for the log."""


@dataclass(frozen=True)
class Metadata:
    """Where a provider is asked what. ``names_itself``: it adds ``iss`` to its answers (RFC 9207)."""

    authorization: str
    token: str
    keys: str
    end_session: str
    names_itself: bool


@dataclass(frozen=True)
class Begun:
    """A sign-in that begins: ``state`` is random, nonce and verifier follow from it and a secret of ours."""

    state: bytes
    secret: bytes

    @property
    def nonce(self) -> str:
        """What the ID token has to repeat."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What proves to the provider that whoever has the code began the sign-in (PKCE, RFC 7636)."""
        return self._derived("verifier")

    def _derived(self, what: str) -> str:
        mac = hmac.new(self.secret, f"assay.sso/v1|{what}|".encode() + self.state, hashlib.sha256)
        return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


class ProviderClient:
    """One provider, as one zone sees it. Used by several threads at once."""

    def __init__(
        self, provider: Provider, return_to: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.provider = provider
        self._return_to = return_to
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._rests_until = float("-inf")

    def metadata(self) -> Metadata:
        """What the provider says of itself. Raises `Unreachable`."""
        with self._turn:
            return self._metadata_now()

    def address_to_sign_in(self, begun: Begun) -> str:
        """Where a browser goes to sign in. Raises `Unreachable`."""
        asked: dict[str, str] = {"nonce": begun.nonce}
        if self.provider.acr:
            asked["acr_values"] = " ".join(self.provider.acr)
        if self.provider.max_age is not None:
            asked["max_age"] = str(int(self.provider.max_age.total_seconds()))
        where = self.metadata().authorization
        with self._session() as session:
            address, _state = session.create_authorization_url(
                where, state=begun.state.hex(), code_verifier=begun.verifier, **asked
            )
        return str(address)

    def exchange(self, code: str, begun: Begun) -> str:
        """The ID token for a code. Raises `Refused` and `Unreachable`."""
        where = self.metadata().token
        try:
            with self._session() as session:
                answer = session.fetch_token(
                    where,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=begun.verifier,
                    allow_redirects=False,
                )
        except AuthlibBaseError as problem:
            raise Refused(str(problem.error)) from problem
        except (RequestException, ValueError) as problem:
            raise Unreachable(str(problem)) from problem
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Refused("no id_token")
        return token

    def said_by(self, id_token: str, begun: Begun) -> id_tokens.Said:
        """What an ID token says. Raises `BadToken` and `Unreachable`."""
        return self._read(
            id_token,
            lambda keys, now: id_tokens.read_id_token(
                id_token, keys, of=self.provider, nonce=begun.nonce, now=now
            ),
        )

    def logout_by(self, logout_token: str) -> id_tokens.Logout:
        """Whose sessions a logout token ends. Raises `BadToken` and `Unreachable`."""
        return self._read(
            logout_token,
            lambda keys, now: id_tokens.read_logout_token(logout_token, keys, of=self.provider, now=now),
        )

    def _read(self, text: str, read: Callable[[KeySet, datetime], Read]) -> Read:
        """Read a token, once more with fresh keys where it names one that is not known."""
        id_tokens.header_of(text)
        try:
            return read(self._keys_now(KEPT), datetime.now(UTC))
        except id_tokens.UnknownKey:
            return read(self._keys_now(AGAIN), datetime.now(UTC))

    def _keys_now(self, oldest: float) -> KeySet:
        """The keys, fetched again where those at hand are older than ``oldest`` seconds."""
        with self._turn:
            if self._keys is None or self._monotonic() - self._keys[0] >= oldest:
                keys = id_tokens.key_set(self._fetch(self._metadata_now().keys))
                self._keys = (self._monotonic(), keys)
            return self._keys[1]

    def _metadata_now(self) -> Metadata:
        if self._metadata is None or self._monotonic() - self._metadata[0] >= KEPT:
            said = self._fetch(self.provider.issuer.rstrip("/") + _WELL_KNOWN)
            self._metadata = (self._monotonic(), _metadata(said, self.provider))
        return self._metadata[1]

    def _fetch(self, address: str) -> Mapping[str, Any]:
        if self._monotonic() < self._rests_until:
            raise Unreachable("it did not answer a moment ago")
        try:
            return self._fetched(address)
        except Unreachable:
            self._rests_until = self._monotonic() + REST
            raise

    def _fetched(self, address: str) -> Mapping[str, Any]:
        try:
            with self._session() as session:
                answer = session.get(address, withhold_token=True, allow_redirects=False)
                answer.raise_for_status()
                said = answer.json()
        except (RequestException, ValueError) as problem:
            raise Unreachable(str(problem)) from problem
        if answer.status_code != 200 or not isinstance(said, Mapping):
            raise Unreachable(f"{address} answers with {answer.status_code} and no object")
        return said

    def _session(self) -> OAuth2Session:
        session = OAuth2Session(
            self.provider.client_id,
            self.provider.secret or None,
            scope="openid",
            redirect_uri=self._return_to,
            code_challenge_method="S256",
        )
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Bounded())
        return session


class _Bounded(HTTPAdapter):
    """Reads the whole answer at once, within the bounds above."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        kwargs.update(timeout=(TO_CONNECT, TO_ANSWER), stream=True)
        begun = time.monotonic()
        answer = super().send(request, *args, **kwargs)
        body = bytearray()
        while piece := answer.raw.read1(LARGEST, decode_content=True):
            body += piece
            if len(body) > LARGEST or time.monotonic() - begun > ALTOGETHER:
                answer.close()
                raise RequestException("the answer is too large or too slow", request=request)
        answer._content = bytes(body)
        return answer


def _metadata(said: Mapping[str, Any], provider: Provider) -> Metadata:
    if said.get("issuer") != provider.issuer:
        raise Unreachable("the metadata are of another issuer")
    end_session = str(said.get("end_session_endpoint") or "")
    found = Metadata(
        authorization=str(said.get("authorization_endpoint") or ""),
        token=str(said.get("token_endpoint") or ""),
        keys=str(said.get("jwks_uri") or ""),
        end_session=end_session if secure(end_session) else "",
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )
    if not all(secure(address) for address in (found.authorization, found.token, found.keys)):
        raise Unreachable("the metadata name no addresses, or addresses without TLS")
    return found
