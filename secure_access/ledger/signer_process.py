"""The signer as a process of its own: it alone reads the log's keys, and answers on a Unix socket.

A request is one line of JSON, its answer another. Who may connect is the file mode of the socket's folder;
whoever can, can have only heads of its own logs signed, that continue the last one, and for no time to come.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import socketserver
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from secure_access.ledger.note import Checkpoint, VerifierKey
from secure_access.ledger.signer import Frozen, LogSigner, Signed

log = structlog.get_logger(__name__)

LONGEST = 64 * 1024
TIMEOUT = 15.0
"""Seconds: after a start the signer asks the witnesses before it answers."""
AHEAD = 600.0
"""Seconds by which the time of a head may be ahead of the signer's own clock."""


class Unreachable(Frozen):
    """The signer's process does not answer: nothing is signed until it does."""


class RemoteSigner:
    """A `LogSigner` that asks the signer's process behind ``path``."""

    def __init__(self, path: Path, keys: tuple[VerifierKey, ...]) -> None:
        self.name, self.keys, self._path = keys[0].name, keys, path

    def last(self, origin: str) -> Signed | None:
        """The last head of this log that was signed, or ``None``. Raises `Frozen`."""
        return self._ask({"ask": "last", "origin": origin})

    def sign(self, head: Checkpoint, proof: Sequence[bytes], time: int) -> Signed:
        """Sign ``head``; ``proof`` shows that it continues `last`. Raises `Frozen`."""
        signed = self._ask(
            {
                "ask": "sign",
                "origin": head.origin,
                "size": head.size,
                "root": _text(head.root),
                "proof": [_text(node) for node in proof],
                "time": time,
            }
        )
        assert signed is not None
        return signed

    def recall(self, signed: str, proof: Sequence[bytes]) -> Signed:
        """Have it remember a checkpoint that it signed once and has forgotten. Raises `Frozen`."""
        kept = self._ask({"ask": "recall", "note": signed, "proof": [_text(node) for node in proof]})
        assert kept is not None
        return kept

    def _ask(self, question: dict[str, Any]) -> Signed | None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
                talk.settimeout(TIMEOUT)
                talk.connect(str(self._path))
                talk.sendall(json.dumps(question).encode() + b"\n")
                with talk.makefile("rb") as answers:
                    answer = json.loads(answers.readline(LONGEST))
        except (OSError, ValueError) as problem:
            raise Unreachable(
                f"the signer behind {self._path} does not answer: {type(problem).__name__}"
            ) from None
        if "frozen" in answer:
            raise Frozen(answer["frozen"])
        return _signed(answer["signed"]) if answer["signed"] else None


class SignerService(socketserver.ThreadingUnixStreamServer):
    """Serves one signer behind ``path``, a socket that only this user and group reach.

    ``clock`` gives the POSIX seconds that it holds the time of a head to.
    """

    daemon_threads = True

    def __init__(self, path: Path, signer: LogSigner, clock: Callable[[], float] = time.time) -> None:
        path.unlink(missing_ok=True)
        before = os.umask(0o117)
        try:
            super().__init__(str(path), _Conversation)
        finally:
            os.umask(before)
        self.signer, self.clock = signer, clock


class _Conversation(socketserver.StreamRequestHandler):
    timeout = TIMEOUT
    server: SignerService

    def handle(self) -> None:
        line = self.rfile.readline(LONGEST)
        try:
            signed = _answered(self.server.signer, json.loads(line), self.server.clock())
            answer: dict[str, Any] = {"signed": signed and {**asdict(signed), "root": _text(signed.root)}}
        except Frozen as frozen:
            log.error("signer.frozen", reason=str(frozen))
            answer = {"frozen": str(frozen)}
        except (ValueError, LookupError, TypeError) as problem:
            log.error("signer.cannot_read", kind=type(problem).__name__)
            answer = {"frozen": "the signer cannot read what it was asked"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def _answered(signer: LogSigner, question: dict[str, Any], now: float) -> Signed | None:
    if question["ask"] == "last":
        return signer.last(question["origin"])
    proof = [base64.b64decode(node) for node in question["proof"]]
    if question["ask"] == "recall":
        return signer.recall(str(question["note"]), proof)
    head = Checkpoint(question["origin"], int(question["size"]), base64.b64decode(question["root"]))
    seconds = int(question["time"])
    if seconds > now + AHEAD:
        raise Frozen(f"the head has a time that is {seconds - now:.0f} seconds ahead of the signer's clock")
    return signer.sign(head, proof, seconds)


def _signed(said: dict[str, Any]) -> Signed:
    return Signed(said["size"], base64.b64decode(said["root"]), said["time"], said["note"])


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
