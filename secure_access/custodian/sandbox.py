"""A short-lived child without network, file system, keys or environment, for one section of a sealed plan.

bubblewrap gives it a user, process, network, mount, IPC, UTS and control-group namespace of its own, a root
that holds only the interpreter, system libraries and a few Python packages, all read-only, and a filter of
system calls (`seccomp`); before it reads the section it limits itself and puts a stricter filter on top
(`confinement`). What it writes is hostile until shown otherwise: the parent bounds every length and wait.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import select
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from secure_access.custodian import seccomp, wire
from secure_access.custodian.wire import Kind

NOBODY = "65534"
_PLACE = "/packages"
_BLOCK = 1 << 20
STOPPED = "The renderer stopped: it ran out of what it may use, or the file made it fail."

_starter = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
"""Starts every child: a child dies with the *thread* that started it (PR_SET_PDEATHSIG), which must last."""


class SandboxFailure(Exception):
    """The child did not do what was asked. The root of this module's errors; the text is for people."""


class CannotSandbox(SandboxFailure):
    """This machine cannot start a child in a sandbox."""


class TooSlow(SandboxFailure):
    """The child took longer than is allowed, and was ended."""


class Broken(SandboxFailure):
    """The child ended by itself, or answered what it must not; it was ended."""


@dataclass(frozen=True)
class Program:
    """What runs in a child: a module, and what it can load: of ours, below `secure_access`, and of others."""

    module: str
    own: tuple[str, ...]
    packages: tuple[str, ...]


RENDERING = Program(
    "secure_access.custodian.rendering",
    ("custodian/rendering.py", "custodian/wire.py", "custodian/confinement.py"),
    ("PIL", "pypdfium2", "pypdfium2_raw", "pypdfium2_cfg"),
)
SETTING = Program(
    "secure_access.custodian.setting",
    (
        *("canonical.py", "custodian/setting.py", "custodian/wire.py", "custodian/confinement.py"),
        *("custodian/sections.py", "custodian/register.py", "custodian/controls.py", "custodian/oscal"),
        *("custodian/control_titles.toml", "custodian/findings.py", "custodian/drift.py"),
        *("custodian/typeset.py", "custodian/typst"),
    ),
    ("typst", "lxml", "jsonschema_rs", "yaml"),
)
PROBING = Program(
    "secure_access.custodian.probing",
    ("custodian/probing.py", "custodian/confinement.py"),
    RENDERING.packages,
)


@dataclass(frozen=True)
class Limits:
    """What one child may use."""

    memory: int = 2 << 30
    """Bytes of address space, libraries included."""
    processor_seconds: int = 120
    open_files: int = 16
    request_seconds: float = 20.0
    """Wall-clock time for one answer, the first included."""
    sitting_seconds: float = 16 * 60.0
    """Wall-clock life: a sitting of at most 15 minutes, and what closing it takes."""
    output_bytes: int = 8 << 30
    """That a child may write in its whole life: 200 pages at the largest zoom."""
    section_bytes: int = 512 << 20
    """The largest file that can be sealed."""


@dataclass(frozen=True)
class Sandbox:
    """How a child is started. ``bwrap`` is the path of bubblewrap, found on the search path if not given."""

    bwrap: str = field(default_factory=lambda: shutil.which("bwrap") or "")
    limits: Limits = Limits()
    program: Program = RENDERING

    def prepare(self) -> Child:
        """A child that waits for a section, confined. Raises `CannotSandbox`, `TooSlow`, `Broken`."""
        child = Child(self.spawn(self.program), self.limits)
        terms = {
            "filter": working_filter().hex(),
            "memory": self.limits.memory,
            "seconds": self.limits.processor_seconds,
            "files": self.limits.open_files,
        }
        try:
            child.send(json.dumps(terms).encode() + b"\n")
        except SandboxFailure:
            child.close()
            raise
        return child

    def spawn(self, runs: Program, *, errors: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """A process of the sandbox that runs a program; its errors go nowhere: they may quote the section.

        Raises `CannotSandbox`.
        """
        if not self.bwrap:
            raise CannotSandbox("bubblewrap (bwrap) is not installed.")
        try:
            return _starter.submit(self._spawn, runs, errors).result()
        except (OSError, seccomp.UnknownMachine) as problem:
            raise CannotSandbox(f"The sandbox cannot be started: {problem}") from problem

    def _spawn(self, runs: Program, errors: int) -> subprocess.Popen[bytes]:
        program = seccomp.program(platform.machine(), seccomp.STARTING, executable=True)
        with _in_memory(program) as descriptor:
            command = [self.bwrap, *_options(runs), "--seccomp", str(descriptor), "--"]
            command += [os.path.realpath(sys.executable), "-s", "-S", "-P", "-B", "-m", runs.module]
            return subprocess.Popen(  # noqa: S603 - our own command, no shell
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(descriptor,),
                env={},
                cwd="/",
                bufsize=0,
            )


class Child:
    """A running child: bytes in, bounded answers out. Used by one thread at a time."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._into, self._from = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(self._into, False)
        os.set_blocking(self._from, False)
        self._limits = limits
        self._written, self._over = 0, False
        self._ends = time.monotonic() + limits.sitting_seconds

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._over and self._process.poll() is None

    def give(self, data: bytes | bytearray, media_type: str) -> None:
        """Hands the section over; the first answer says how many pages it has. Its life begins here.

        Raises `TooSlow`, `Broken`.
        """
        if len(data) > self._limits.section_bytes:
            raise self._ended("The section is larger than can be opened.")
        self._ends = time.monotonic() + self._limits.sitting_seconds
        told = {"media_type": media_type, "size": len(data)}
        self.send(json.dumps(told).encode() + b"\n", data)

    def send(self, *parts: bytes | bytearray) -> None:
        """Writes to the child. Raises `TooSlow`, `Broken`."""
        deadline = self._deadline()
        for part in parts:
            rest = memoryview(part)
            while rest:
                self._wait(self._into, select.POLLOUT, deadline)
                try:
                    rest = rest[os.write(self._into, rest[:_BLOCK]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise self._ended(STOPPED) from None

    def answer(self, most: int) -> tuple[Kind, bytearray]:
        """The next answer, of at most ``most`` bytes. Raises `TooSlow`, `Broken`."""
        deadline = self._deadline()
        kind, size = wire.ANSWER.unpack(self._read(wire.ANSWER.size, deadline))
        if kind not in set(Kind) or size > most or self._written + size > self._limits.output_bytes:
            raise self._ended("The renderer answered what it must not.")
        return Kind(kind), self._read(size, deadline)

    def close(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def broken(self, words: str) -> Broken:
        """Ends the child for an answer that the caller cannot take; the error to raise."""
        return self._ended(words)

    def _read(self, size: int, deadline: float) -> bytearray:
        found = bytearray(size)
        view, got = memoryview(found), 0
        while got < size:
            self._wait(self._from, select.POLLIN, deadline)
            try:
                count = os.readv(self._from, [view[got : got + _BLOCK]])
            except BlockingIOError:
                continue
            if not count:
                raise self._ended(STOPPED)
            got += count
        self._written += size
        return found

    def _deadline(self) -> float:
        if not self.alive:
            raise self._ended(STOPPED)
        return min(time.monotonic() + self._limits.request_seconds, self._ends)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self._end()
            raise TooSlow("It took longer to open than is allowed.")

    def _ended(self, words: str) -> Broken:
        self._end()
        return Broken(words)

    def _end(self) -> None:
        # It may live on for a moment; nothing is asked of it any more.
        self._over = True
        self._process.kill()


def working_filter() -> bytes:
    """The filter that a child sets before it reads a section. Raises `seccomp.UnknownMachine`."""
    return seccomp.program(platform.machine(), seccomp.WORKING, executable=False)


def _options(runs: Program) -> Iterator[str]:
    """Of bubblewrap, in the order in which it does them."""
    yield from ("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
    yield from ("--unshare-cgroup", "--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox")
    yield from ("--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv")
    yield from ("--setenv", "PYTHONPATH", _PLACE)
    for source, target in _mounts(runs):
        yield from ("--ro-bind", str(source), str(target))
    for link in ("/lib", "/lib64"):
        if Path(link).is_symlink():
            yield from ("--symlink", f"usr{link}", link)
    yield from ("--tmpfs", "/tmp", "--remount-ro", "/tmp", "--remount-ro", "/", "--chdir", "/")  # noqa: S108


def _mounts(runs: Program) -> Iterator[tuple[Path, Path]]:
    """What the child sees: system libraries, the interpreter with its library, and these few packages."""
    for folder in ("/usr/lib", "/usr/lib64", "/lib", "/lib64"):
        place = Path(folder)
        if place.is_dir() and not place.is_symlink():
            yield place, place
    interpreter = Path(os.path.realpath(sys.executable))
    paths = sysconfig.get_paths()
    for place in {interpreter, Path(paths["stdlib"]), Path(paths["platstdlib"]), *_shared_library()}:
        within = place.resolve()
        if not within.is_relative_to("/usr/lib"):
            yield within, within
    for package in runs.packages:
        found = importlib.util.find_spec(package)
        if found is not None and found.origin:
            inside = Path(found.origin).parent
            yield inside, Path(_PLACE, package)
            libraries = inside.with_name("pillow.libs")
            if package == "PIL" and libraries.is_dir():
                yield libraries, Path(_PLACE, libraries.name)
    own = Path(__file__).parents[1]
    for name in runs.own:
        yield own / name, Path(_PLACE, "secure_access", name)


def _shared_library() -> list[Path]:
    """The interpreter's own library, where it has one."""
    folder, name = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")
    place = Path(folder or "/", name or "")
    return [place] if place.suffix != ".a" and place.is_file() else []


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """A file that lies in memory only, at its start."""
    descriptor = os.memfd_create("filter")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


class Spare:
    """Keeps one child prepared, so that whoever opens a section does not wait for an interpreter to start."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="spare")
        self._next = self._pool.submit(sandbox.prepare)
        self._lock = threading.Lock()

    def prepare(self) -> Child:
        """The spare child, and the start of another. Raises `CannotSandbox`, `TooSlow`, `Broken`."""
        with self._lock:
            taken, self._next = self._next, self._pool.submit(self._sandbox.prepare)
        child = taken.result()
        if child.alive:
            return child
        child.close()
        return self._sandbox.prepare()

    def close(self) -> None:
        """Ends the spare."""
        with self._lock, contextlib.suppress(SandboxFailure):
            self._next.result().close()
        self._pool.shutdown()
