"""Templates, macros, charts and formats: everything that a page is made of, and nothing that it says.

`install(app)` is all that an application calls. `README.md` in this folder shows how a page is written.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType

from flask import Blueprint, Flask, Response, abort, request
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from portal.mark import Mark
from portal.ui import charts
from portal.ui.fields import chosen, offered
from portal.ui.formats import FILTERS

STATIC = Path(__file__).parent / "static"
#: Folder of the TrueType files for PDFs: pass it to typst as `font_paths`, or labels fall back to a serif.
FONTS = STATIC / "vendor" / "uswds" / "fonts" / "source-sans-pro"
#: The family name inside those files.
FONT_FAMILY = "Source Sans Pro"
_COMPRESSED = {".css", ".js", ".svg"}


class _Compiled(BytecodeCache):
    """Templates as one app compiled them, for every app of this process: the zones share most of them.

    All apps that `install` has prepared read templates by the same rules, so the source alone decides.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self.known[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


@cache
def static_digest() -> str:
    """One digest over the names and bytes of all static files.

    It stands first in their addresses, so a stylesheet's relative links keep working, and an upgrade
    changes all of them.
    """
    whole = hashlib.sha256()
    for path in sorted(p for p in STATIC.rglob("*") if p.is_file()):
        whole.update(path.relative_to(STATIC).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


def static(path: str) -> str:
    """The address of a static file, as in `static("own.css")`. LookupError if there is no such file."""
    if _file(path) is None:
        raise LookupError(f"no static file {path!r}")
    return f"/static/{static_digest()}/{path}"


def install(app: Flask, mark: Mark | None = None) -> None:
    """Give `app` our templates, static files, filters and globals, and the authority's mark if it has one.

    The endpoints `ui.static_file` and `ui.mark` hold nothing secret and may be open in every zone.
    """
    blueprint = Blueprint("ui", __name__, template_folder="templates")
    blueprint.add_url_rule("/static/<digest>/<path:path>", "static_file", static_file, methods=["GET"])
    blueprint.add_url_rule("/mark/<name>", "mark", lambda name: _mark(mark, name), methods=["GET"])
    app.register_blueprint(blueprint)
    app.jinja_env.filters.update(FILTERS, offered=offered, chosen=chosen)
    globals_: dict[str, Callable[..., object]] = {"static": static, **charts.TEMPLATE_GLOBALS}
    app.jinja_env.globals.update(globals_)
    app.jinja_env.bytecode_cache = _COMPILED
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def static_file(digest: str, path: str) -> Response:
    """Serve one static file to be kept for ever; 404 for another version, so that versions never mix."""
    found = _file(path)
    if digest != static_digest() or found is None:
        abort(404)
    packed = found.suffix in _COMPRESSED and request.accept_encodings["gzip"] > 0
    response = Response(_packed(found) if packed else found.read_bytes())
    response.mimetype = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if found.suffix in _COMPRESSED:
        response.vary.add("Accept-Encoding")
    if packed:
        response.content_encoding = "gzip"
    return response


def _mark(mark: Mark | None, name: str) -> Response:
    """The authority's mark under its own digest. Opened by itself it is an image that can do nothing."""
    if mark is None or name != mark.name:
        abort(404)
    response = Response(mark.content, mimetype=mark.media_type)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@cache
def _files() -> dict[str, Path]:
    return {p.relative_to(STATIC).as_posix(): p for p in STATIC.rglob("*") if p.is_file()}


def _file(path: str) -> Path | None:
    return _files().get(path)


@cache
def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)
