"""Starts the process that opens a file, feeds it, and ends it whatever the file does."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SCRIPT = Path(__file__).with_name("sandbox.py")
_CUT_OFF = "Opening it made the reader fail."


class CannotShow(Exception):
    """The file cannot be shown. The text says why, in plain words."""


@dataclass(frozen=True)
class Limits:
    """What opening one file may cost: bytes in, out and in memory; seconds of processor and of waiting."""

    memory_bytes: int = 1 << 30
    input_bytes: int = 256 << 20
    output_bytes: int = 1 << 20
    cpu_seconds: int = 20
    wall_seconds: float = 45.0


DEFAULT = Limits()


def run(request: dict[str, Any], blocks: Iterable[bytes], limits: Limits = DEFAULT) -> dict[str, Any]:
    """The answer of a fresh process to ``request`` about the file.

    The process gets an empty environment, a folder of its own that is removed, and no open file of ours.
    Raises `CannotShow` when the file cannot be opened within the limits, and what ``blocks`` raises.
    """
    request = {**request, "memory_bytes": limits.memory_bytes, "cpu_seconds": limits.cpu_seconds}
    with tempfile.TemporaryDirectory(prefix="assay-sandbox-") as folder:
        child = subprocess.Popen(  # noqa: S603 - our interpreter and our script, nothing of the request
            [sys.executable, "-I", "-B", str(SCRIPT)],
            cwd=folder,
            env={"LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            start_new_session=True,
        )
        late = threading.Event()
        timer = threading.Timer(limits.wall_seconds, _end, (child, late))
        timer.daemon = True
        timer.start()
        try:
            output = _converse(child, json.dumps(request).encode() + b"\n", blocks, limits)
        finally:
            timer.cancel()
            child.kill()
            child.wait()
    if late.is_set():
        raise CannotShow(f"Opening it took longer than {limits.wall_seconds:g} seconds.")
    return _answer(output, limits)


def _end(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    child.kill()


def _converse(child: subprocess.Popen[bytes], line: bytes, blocks: Iterable[bytes], limits: Limits) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdout as output:
        try:
            with child.stdin as pipe:
                _feed(pipe, line, blocks, limits.input_bytes)
        except BrokenPipeError:
            # It died over the file; what it said before, if anything, is judged below.
            pass
        return output.read(limits.output_bytes + 1)


def _feed(pipe: IO[bytes], line: bytes, blocks: Iterable[bytes], limit: int) -> None:
    pipe.write(line)
    sent = 0
    for block in blocks:
        sent += len(block)
        if sent > limit:
            raise CannotShow(f"It is larger than {limit >> 20} MiB, the most that is opened for showing.")
        pipe.write(block)


def _answer(output: bytes, limits: Limits) -> dict[str, Any]:
    line, newline, _ = output.partition(b"\n")
    if not newline or len(output) > limits.output_bytes:
        raise CannotShow(_CUT_OFF)
    try:
        answer: dict[str, Any] = json.loads(line)
    except ValueError:
        raise CannotShow(_CUT_OFF) from None
    if "why" in answer:
        raise CannotShow(str(answer["why"]))
    return answer
