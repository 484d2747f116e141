"""Providers of single sign-on (OpenID Connect), at most one a zone: read from a file of the deployment.

The file is TOML with a table a zone; what each entry means stands at `Provider`.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LONGEST_ISSUER = 400
LONGEST_NAME = 60
_ASKED = {"name", "issuer", "client_id"}
_KNOWN = _ASKED | {"client_secret_file", "acr", "max_age_minutes"}


class ProviderError(ValueError):
    """A file of providers that cannot be used; the message says why."""


@dataclass(frozen=True)
class Provider:
    """Whom a zone believes about who somebody is.

    ``name`` is how people know it; ``issuer`` is compared to the last character. ``secret`` is empty for a
    public client. ``acr`` are the ways of authentication that are taken (any, where none is named), and
    ``max_age`` how long ago the person may have proved themselves there.
    """

    name: str
    issuer: str
    client_id: str
    secret: str = field(default="", repr=False)
    acr: tuple[str, ...] = ()
    max_age: timedelta | None = None


def load(path: str, *, zones: Collection[str]) -> dict[str, Provider]:
    """The providers in the file at ``path``, by zone. Raises `ProviderError`."""
    try:
        said = tomllib.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ProviderError(f"the file cannot be read: {problem}") from None
    unknown = sorted(set(said) - set(zones))
    if unknown:
        raise ProviderError(f"{unknown[0]} is no zone that people sign in to; use {', '.join(zones)}")
    found = {}
    for zone, one in said.items():
        try:
            found[zone] = _provider(one)
        except ProviderError as problem:
            raise ProviderError(f"[{zone}] {problem}") from None
    return found


def secure(address: str) -> bool:
    """Whether what is sent to an address stays between us and it: TLS, or this machine alone."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.username or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _provider(said: Any) -> Provider:
    if not isinstance(said, Mapping) or not set(said) >= _ASKED:
        raise ProviderError(f"needs the entries {', '.join(sorted(_ASKED))}")
    unknown = sorted(set(said) - _KNOWN)
    if unknown:
        raise ProviderError(f"has no entry {unknown[0]}; it has {', '.join(sorted(_KNOWN))}")
    texts = {name: _text(said, name) for name in _ASKED}
    if len(texts["name"]) > LONGEST_NAME or len(texts["issuer"]) > LONGEST_ISSUER:
        raise ProviderError(f"name has up to {LONGEST_NAME} characters, issuer up to {LONGEST_ISSUER}")
    parts = urlsplit(texts["issuer"])
    if not secure(texts["issuer"]) or parts.query or parts.fragment:
        raise ProviderError(
            f"issuer is {texts['issuer']!r}; it has to be an https address (http only on this machine)"
        )
    return Provider(**texts, secret=_secret(said), acr=_acr(said), max_age=_max_age(said))


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said[name]
    if not isinstance(value, str) or not value.strip():
        raise ProviderError(f"{name} has to be a text")
    return value.strip()


def _secret(said: Mapping[str, Any]) -> str:
    """The secret itself never stands in the file, which may be shown and kept in version control."""
    if "client_secret_file" not in said:
        return ""
    try:
        secret = Path(_text(said, "client_secret_file")).read_text().strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ProviderError(f"client_secret_file cannot be read: {problem}") from None
    if not secret:
        raise ProviderError("client_secret_file is empty")
    return secret


def _acr(said: Mapping[str, Any]) -> tuple[str, ...]:
    values = said.get("acr", [])
    good = isinstance(values, list) and all(isinstance(one, str) and one and " " not in one for one in values)
    if not good:
        raise ProviderError("acr has to be a list of values without spaces")
    return tuple(values)


def _max_age(said: Mapping[str, Any]) -> timedelta | None:
    minutes = said.get("max_age_minutes")
    if minutes is None:
        return None
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 <= minutes <= 60 * 24 * 30:
        raise ProviderError("max_age_minutes has to be a whole number of minutes, up to 43200")
    return timedelta(minutes=minutes)
