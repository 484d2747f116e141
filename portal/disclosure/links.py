"""The link under which a requester follows a request: only who was given it knows it; no table holds it.

It is computed from a key of the instance and the request, so that the mail of an answer can name it again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

from secure_access.workflow import NotFound

KEY = "access"
"""Under which name the key stands among the secrets of a process."""
_DOMAIN = b"assay.access-link/v1|"
_CODE = 22
"""Characters of base64url of an identifier: 16 bytes."""


def link_of(key: bytes, request_id: uuid.UUID) -> str:
    """The part of an address that stands for a request: its identifier and a MAC of it, base64url."""
    mac = hmac.new(key, _DOMAIN + request_id.bytes, hashlib.sha256).digest()
    return _text(request_id.bytes) + _text(mac)


def request_of(key: bytes, link: str) -> uuid.UUID:
    """The request that a link stands for. Raises `NotFound` for anything that was not made with the key."""
    try:
        raw = base64.urlsafe_b64decode(link[:_CODE].encode() + b"==")
        found = uuid.UUID(bytes=raw)
    except ValueError:
        raise NotFound from None
    if not hmac.compare_digest(link_of(key, found).encode(), link.encode()):
        raise NotFound
    return found


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
