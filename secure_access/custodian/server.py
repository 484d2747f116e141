"""The core on a Unix socket: it answers one user, the front, a line of JSON for a line of JSON."""

from __future__ import annotations

import os
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from secure_access.custodian import answers
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.note_questions import NOTES
from secure_access.custodian.page_questions import PAGES
from secure_access.custodian.plan_questions import PLANS
from secure_access.custodian.questions import LONGEST_QUESTION, QUESTIONS, Question, answered
from secure_access.custodian.recertification_questions import RECERTIFICATIONS
from secure_access.ledger import canonical

log = structlog.get_logger(__name__)

LONGEST_ANSWER = 32 * 1024 * 1024
TIMEOUT = 60.0
"""Seconds without a question after which a connection is closed; also the longest wait for an answer."""
MOST_CONNECTIONS = 32
_PEER = struct.Struct("3i")


class CoreService(socketserver.ThreadingUnixStreamServer):
    """Serves one core at ``path`` to the user ``front`` alone; ``extra`` are more questions.

    The socket has mode 0600. Where core and front are two users it is given to the front's group, of which
    the core's user has to be a member (``group``; mode 0660). The kernel's word on who connects decides.
    """

    daemon_threads = True

    def __init__(
        self, path: Path, core: Core, front: int, extra: Mapping[str, Question], group: int | None = None
    ) -> None:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _Conversation)
        finally:
            os.umask(before)
        if group is not None:
            os.chown(path, -1, group)
            os.chmod(path, 0o660)
        self.core, self._front = core, front
        self.questions = {**QUESTIONS, **PAGES, **PLANS, **NOTES, **RECERTIFICATIONS, **extra}
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def verify_request(self, request: Any, _client: Any) -> bool:
        """Whether the kernel says that the other side is the front's user."""
        _, user, _ = _PEER.unpack(request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if user != self._front:
            log.warning("custodian.stranger_at_socket", user=user)
            return False
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, _request: Any, _client: Any) -> None:
        """Said without what was asked: that may be confidential."""
        log.exception("custodian.fault")


class _Conversation(socketserver.StreamRequestHandler):
    timeout = TIMEOUT
    server: CoreService

    def handle(self) -> None:
        while line := self._line():
            self.wfile.write(answered(self.server.core, line, self.server.questions) + b"\n")

    def _line(self) -> bytes:
        try:
            line = self.rfile.readline(LONGEST_QUESTION + 1)
        except TimeoutError:
            return b""
        # A line without its end is one that is too long, or was torn: nothing after it can be trusted.
        return line[:-1] if line.endswith(b"\n") else b""


class CoreClient:
    """The front's side of the socket. Each question is a connection of its own."""

    def __init__(self, path: Path, timeout: float = TIMEOUT) -> None:
        self._path, self._timeout = path, timeout

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """What is answered. Raises `Refused`, `NotConfirmed`, `NotFound`, `Unreachable`."""
        try:
            question = canonical.encode({"do": do, **fields}) + b"\n"
        except canonical.NotCanonical:
            words = "A text of this has a character that is none, such as half of one. Write it again."
            raise Refused(Why.MALFORMED, words) from None
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
                talk.settimeout(self._timeout)
                talk.connect(str(self._path))
                talk.sendall(question)
                with talk.makefile("rb") as lines:
                    line = lines.readline(LONGEST_ANSWER)
            answer = canonical.decode(line.removesuffix(b"\n"))
        except (OSError, canonical.NotCanonical) as problem:
            raise Unreachable(f"the core does not answer: {type(problem).__name__}") from None
        return answers.done(answer)


class Pulse:
    """Does something every ``seconds``, until it is stopped; what goes wrong is logged, and it goes on."""

    def __init__(self, name: str, seconds: float, beat: Callable[[], object]) -> None:
        self._name, self._seconds, self._beat = name, seconds, beat
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Beat from now on."""
        self._thread.start()

    def stop(self) -> None:
        """No beat begins any more."""
        self._stop.set()
        self._thread.join(TIMEOUT)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._beat()
            except Exception:
                log.exception("custodian.beat_failed", name=self._name)
