"""The public log as files: C2SP tlog-tiles, and the entries that are for everybody.

They are the same for whoever asks, so caches may keep them: a tile for ever, since it never changes. Only
the public log has them. An entry of the parties answers as one that does not exist.

The first log of an instance is at ``/ledger``, its successor at ``/ledger/2``: of each only what it signed.
"""

from __future__ import annotations

import gzip

from flask import Blueprint, Response, g, request

from portal.web import current_zone, shared
from secure_access.ledger import mirror
from secure_access.ledger.tiles import Tile
from secure_access.workflow import NotFound

NEWEST = "public, max-age=5"
FOR_EVER = "public, max-age=31536000, immutable"
WHILE_KEPT = "public, max-age=300"
"""Of an entry: its content may be removed when its time of keeping ends."""

BYTES = "application/octet-stream"

tiles = Blueprint("tiles", __name__)


@tiles.get("/ledger/tile/<level>/<path:address>")
@tiles.get("/ledger/<int(min=2):generation>/tile/<level>/<path:address>")
@shared
def tile(level: str, address: str, generation: int = 1) -> Response:
    """Hashes of the tree."""
    if len(level) > 2 or not level.isascii() or not level.isdecimal() or str(int(level)) != level:
        raise NotFound
    content = mirror.tile(g.session, _asked(int(level), address), named(generation))
    return lasting(content, BYTES, FOR_EVER)


@tiles.get("/ledger/tile/entries/<path:address>")
@tiles.get("/ledger/<int(min=2):generation>/tile/entries/<path:address>")
@shared
def bundle(address: str, generation: int = 1) -> Response:
    """Leaves, each behind its length."""
    content = mirror.bundle(g.session, _asked(0, address), named(generation))
    if request.accept_encodings["gzip"]:
        response = lasting(gzip.compress(content, mtime=0), BYTES, FOR_EVER)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = lasting(content, BYTES, FOR_EVER)
    response.vary.add("Accept-Encoding")
    return response


@tiles.get("/ledger/entry/<int:index>")
@tiles.get("/ledger/<int(min=2):generation>/entry/<int:index>")
@shared
def entry(index: int, generation: int = 1) -> Response:
    """Bytes and salt of an entry for everybody, with the leaf that they open."""
    text = mirror.entry_text(mirror.public_entry(g.session, index, named(generation)))
    return lasting(text.encode(), "application/json", WHILE_KEPT)


def lasting(content: bytes, content_type: str, kept: str) -> Response:
    """An answer that caches may keep as ``kept`` says; who has it already is told so."""
    response = Response(content, content_type=content_type)
    response.headers["Cache-Control"] = kept
    response.add_etag()
    response.make_conditional(request)
    return response


def named(generation: int) -> str:
    """The origin of the log whose addresses have this number. Raises `NotFound`."""
    found = current_zone().wired.log_keys.named(generation)
    if found is None:
        raise NotFound
    return found


def _asked(level: int, address: str) -> Tile:
    found = Tile.parse(level, address)
    if found is None:
        raise NotFound
    return found
