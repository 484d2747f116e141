"""The HTTP service of a witness: ``POST /add-checkpoint``, and ``GET /`` for people and monitors.

It speaks plain HTTP on one address; TLS is for a proxy in front of it.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from secure_access.ledger.witness import LONGEST_REQUEST, Answer, Witness, described

log = structlog.get_logger(__name__)

SLOWEST = 10.0
"""Seconds in which a request has to arrive."""


class Service(ThreadingHTTPServer):
    """Serves one witness on ``address``."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        super().__init__(address, Conversation)
        self.witness = witness


class Conversation(BaseHTTPRequestHandler):
    """One connection, kept alive between requests."""

    protocol_version = "HTTP/1.1"
    server: Service
    timeout = SLOWEST
    server_version, sys_version = "assay-witness", ""

    def do_GET(self) -> None:
        """What this witness is and has seen."""
        found = self.path in ("/", "")
        self._answer(Answer(200, described(self.server.witness)) if found else Answer(404, "not found\n"))

    def do_POST(self) -> None:
        """``add-checkpoint``."""
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > LONGEST_REQUEST:
            self.close_connection = True
            self._answer(Answer(413, f"a request has at most {LONGEST_REQUEST} bytes, and says how many\n"))
            return
        body = self.rfile.read(int(size))
        if self.path.rsplit("/", 1)[-1] != "add-checkpoint":
            self._answer(Answer(404, "not found\n"))
            return
        self._answer(self.server.witness.add_checkpoint(body))

    def _answer(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """One line for each answer, in the form of every other log line."""
        log.info("witness.answered", request=self.requestline, status=int(code))

    def log_message(self, *args: Any) -> None:
        """Said of a connection that broke; nothing that anybody has to act on."""
