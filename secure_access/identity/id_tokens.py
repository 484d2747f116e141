"""What a provider of single sign-on signs: ID tokens and logout tokens, read and checked.

OpenID Connect Core 1.0 §3.1.3.7 and Back-Channel Logout 1.0 §2.6. The signature is checked by joserfc; every
claim is checked here, because libraries leave out `auth_time`, `acr` and more. Times are the machine's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from secure_access.identity.providers import Provider

ALGORITHMS = ("RS256", "PS256", "ES256")
"""No others, whatever a token or a provider says: ``none`` and shared secrets prove nothing here."""
LEEWAY = timedelta(seconds=60)
"""By how much the clocks of two machines may differ."""
OLDEST = timedelta(minutes=10)
"""A token that was made longer ago was not made for what is going on now."""
LONGEST_SUBJECT = 255
LOGOUT_TYPE = "logout+jwt"
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_KINDS: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}


class BadToken(Exception):
    """A token that proves nothing. The message says why, for the page and the log, and quotes nothing."""


class UnknownKey(BadToken):
    """A token that names a key which is not among those that were fetched: they may have changed."""


@dataclass(frozen=True)
class Said:
    """Whom a provider says somebody is, and in which of its sessions (empty: it does not say)."""

    issuer: str
    subject: str
    provider_session: str


@dataclass(frozen=True)
class Logout:
    """Whose sessions a provider ends: of a subject, of one of its own sessions, or of both together.

    ``digest`` tells a token apart for as long as it could be sent again, until ``expires_at``.
    """

    issuer: str
    subject: str
    provider_session: str
    digest: bytes
    expires_at: datetime


def key_set(said: Any) -> KeySet:
    """The keys of a provider that can sign with `ALGORITHMS`; others are left out. Raises `BadToken`."""
    listed = said.get("keys") if isinstance(said, Mapping) else None
    if not isinstance(listed, list):
        raise BadToken("The keys of the provider are not a list of keys.")
    found: list[Key] = []
    for one in listed:
        kind = _KINDS.get(str(one.get("kty"))) if isinstance(one, Mapping) else None
        if kind is not None and one.get("use", "sig") == "sig":
            try:
                found.append(kind.import_key(dict(one)))
            except (JoseError, ValueError) as problem:
                raise BadToken("A key of the provider cannot be read.") from problem
    return KeySet(found)


def read_id_token(text: str, keys: KeySet, *, of: Provider, nonce: str, now: datetime) -> Said:
    """What an ID token says, of a sign-in that we began with ``nonce``. Raises `BadToken`."""
    kind, claims = _signed(text, keys)
    if kind not in ("", "jwt"):
        raise BadToken("It is a token of another kind.")
    _check_parties(claims, of)
    _check_times(claims, now)
    if not hmac.compare_digest(_text(claims, "nonce").encode(), nonce.encode()):
        raise BadToken("It was not made for the sign-in that began here.")
    _check_authentication(claims, of, now)
    subject = _text(claims, "sub")
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise BadToken("It does not say whom it is about.")
    return Said(of.issuer, subject, _session_of(claims))


def read_logout_token(text: str, keys: KeySet, *, of: Provider, now: datetime) -> Logout:
    """What a logout token says. Raises `BadToken`; whether it was used before is for the caller to know."""
    kind, claims = _signed(text, keys)
    if kind != LOGOUT_TYPE:
        raise BadToken("It is a token of another kind.")
    _check_parties(claims, of)
    expires_at = _check_times(claims, now)
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(_LOGOUT_EVENT), Mapping):
        raise BadToken("It is not about the end of a session.")
    if "nonce" in claims:
        raise BadToken("It has a nonce, as only an ID token does.")
    subject, provider_session, jti = _text(claims, "sub"), _session_of(claims), _text(claims, "jti")
    if not (subject or provider_session) or not jti:
        raise BadToken("It does not say whose session ends, or has no identifier of its own.")
    digest = hashlib.sha256("\0".join(("logout", of.issuer, jti)).encode()).digest()
    return Logout(of.issuer, subject, provider_session, digest, expires_at)


def header_of(text: str) -> dict[str, Any]:
    """The header of a token that could be good, read before any key is asked for. Raises `BadToken`."""
    try:
        header = dict(jws.extract_compact(text.encode()).headers())
    except (JoseError, ValueError) as problem:
        raise BadToken("It is no token.") from problem
    if header.get("alg") not in ALGORITHMS:
        raise BadToken("It is signed in a way that is not taken here.")
    return header


def _signed(text: str, keys: KeySet) -> tuple[str, dict[str, Any]]:
    """The kind (lower case, empty where none is named) and the claims of a token with a good signature."""
    header = header_of(text)
    key = _key(keys, header.get("kid"))
    try:
        claims = jwt.decode(text, key, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError) as problem:
        raise BadToken("Its signature is not good.") from problem
    kind = header.get("typ", "")
    return str(kind).lower().removeprefix("application/"), dict(claims)


def _key(keys: KeySet, kid: object) -> RSAKey | ECKey:
    """The key of that name; of a token that names none, the only key there is."""
    found = [key for key in keys if kid is None or key.kid == kid]
    if len(found) != 1:
        raise UnknownKey("It is signed with a key that the provider does not publish.")
    (key,) = found
    assert isinstance(key, RSAKey | ECKey), "key_set takes no others"
    return key


def _check_parties(claims: Mapping[str, Any], of: Provider) -> None:
    if claims.get("iss") != of.issuer:
        raise BadToken("It comes from another provider.")
    named = claims.get("aud")
    audience = [named] if isinstance(named, str) else named
    if not isinstance(audience, list) or of.client_id not in audience:
        raise BadToken("It was made for another application.")
    if "azp" not in claims and len(audience) == 1:
        return
    if claims.get("azp") != of.client_id:
        raise BadToken("It was made at the request of another application.")


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """When the token runs out. Raises `BadToken` for one that ran out, is old, or comes from the future."""
    expires_at, made_at = _instant(claims, "exp"), _instant(claims, "iat")
    if now >= expires_at + LEEWAY:
        raise BadToken("It has run out.")
    if made_at > now + LEEWAY or made_at < now - OLDEST:
        raise BadToken("It was not made just now, or the clocks of two machines differ.")
    return expires_at


def _check_authentication(claims: Mapping[str, Any], of: Provider, now: datetime) -> None:
    if of.max_age is not None:
        proved_at = _instant(claims, "auth_time")
        if proved_at > now + LEEWAY:
            raise BadToken("It says that you proved who you are at a time that has not come.")
        if now - proved_at > of.max_age + LEEWAY:
            raise BadToken("You proved who you are there too long ago.")
    if of.acr and claims.get("acr") not in of.acr:
        raise BadToken("The way in which you proved who you are there is not enough here.")


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(f"It does not say when ({name}).")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadToken(f"It does not say when ({name}).") from None


def _session_of(claims: Mapping[str, Any]) -> str:
    found = _text(claims, "sid")
    if len(found) > LONGEST_SUBJECT:
        raise BadToken("Its session has too long a name.")
    return found


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) else ""
