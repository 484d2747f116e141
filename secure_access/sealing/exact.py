"""Reading the JSON of sealed plans: exactly these members, in canonical form, and nothing else. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from secure_access import canonical
from secure_access.sealing.chunked import SealingError

Reader = Callable[[object], Any]
"""Makes the value of a member, or raises ``ValueError`` with what is wrong about it."""

_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


class BadForm(SealingError):
    """Bytes without the form they should have: not canonical, a member too many, a value out of bounds."""


class WrongVersion(SealingError):
    """Bytes of another format, or of another version of it."""


def members(encoded: bytes, version: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The members of an object whose ``v`` is ``version``. Raises `WrongVersion` or `BadForm`."""
    try:
        value = canonical.decode(encoded)
    except canonical.NotCanonical as problem:
        raise BadForm(f"{version}: {problem}") from None
    if not isinstance(value, dict) or value.get("v") != version:
        raise WrongVersion(f"this is not {version}")
    return read_object({name: item for name, item in value.items() if name != "v"}, version, readers)


def read_object(value: object, what: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The members of an object that has exactly those of ``readers``. Raises `BadForm`."""
    if not isinstance(value, dict):
        raise BadForm(f"{what}: not an object")
    if unknown := sorted(set(value) - set(readers)):
        raise BadForm(f"{what}: unknown member {unknown[0][:40]!r}")
    if missing := sorted(set(readers) - set(value)):
        raise BadForm(f"{what}: {missing[0]!r} is missing")
    found = {}
    for name, read in readers.items():
        try:
            found[name] = read(value[name])
        except ValueError as problem:
            raise BadForm(f"{what}: {name} {problem}") from None
    return found


def text(pattern: str, meaning: str) -> Reader:
    """Text that the pattern matches as a whole."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"is not {meaning}")
        return value

    return read


def hexadecimal(length: int) -> Reader:
    """That many bytes in lower-case hex."""
    return text(f"[0-9a-f]{{{2 * length}}}", f"{length} bytes in lower-case hex")


def integer(low: int, high: int) -> Reader:
    """An integer from ``low`` to ``high``."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"is not an integer from {low} to {high}")
        return value

    return read


def base64_bytes(value: object) -> bytes:
    """Bytes in base64, in the one form that they have."""
    try:
        found = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or base64.b64encode(found).decode() != value:
        raise ValueError("is not base64")
    return found


def instant(value: object) -> datetime:
    """An instant as the protocol writes it."""
    try:
        found = datetime.strptime(value, _INSTANT).replace(tzinfo=UTC) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or written(found) != value:
        raise ValueError("is not an instant such as 2027-10-01T09:00:00.000000Z")
    return found


def written(at: datetime) -> str:
    """An instant as text. Raises ``ValueError`` for one without a time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(UTC).strftime(_INSTANT)
