"""The gallery of components."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.portal.ui.gallery import create_gallery


@pytest.fixture(scope="session")
def gallery() -> Flask:
    """The application with every component."""
    return create_gallery()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def gallery_address(gallery: Flask) -> Iterator[str]:
    """The gallery, served on loopback."""
    server = make_server("127.0.0.1", 0, gallery, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)
