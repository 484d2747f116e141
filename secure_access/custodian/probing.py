"""A child that tries to get out of the sandbox, and says what it could do. No section is given to it.

Run by `secure_access.custodian.self_test` as ``python -m secure_access.custodian.probing``: one line of
JSON in, one line of JSON out.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import mmap
import os
import socket
import sys
from typing import Any, BinaryIO

from secure_access.custodian import confinement

EXPECTED = frozenset({"PYTHONPATH", "PWD", "LC_CTYPE"})
"""Of the environment: the place of the packages; what bubblewrap and the interpreter set themselves."""
NOBODY = 65534
_GET_SECCOMP, _FILTER = 21, 2
MUST_FAIL = {
    # call: number on (x86-64, aarch64)
    "socket": (41, 198), "connect": (42, 203), "openat": (257, 56), "execve": (59, 221),
    "ptrace": (101, 117), "mount": (165, 40), "unshare": (272, 97), "setns": (308, 268),
    "keyctl": (250, 219), "bpf": (321, 280), "io_uring_setup": (425, 425), "kill": (62, 129),
    "process_vm_readv": (310, 270), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "memfd_create": (319, 279), "prctl": (157, 167), "seccomp": (317, 277), "prlimit64": (302, 261),
    "clone3": (435, 435), "pidfd_getfd": (438, 438), "init_module": (175, 105), "chroot": (161, 51),
}  # fmt: skip
"""Calls that a working child must be refused. Arguments are all zero, so that none does anything."""


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Answers one request."""
    asked = json.loads(source.readline())
    found = _before(asked["secrets"])
    libc = ctypes.CDLL(None, use_errno=True)
    found["unfiltered"] = libc.prctl(_GET_SECCOMP, 0, 0, 0, 0) != _FILTER
    try:
        confinement.filter_calls(bytes.fromhex(asked["program"]))
        found["refused"] = False
    except OSError:
        found["refused"] = True
    found["allowed"] = _allowed(libc, asked["column"])
    target.write(json.dumps(found).encode() + b"\n")
    target.flush()


def _before(secrets: list[str]) -> dict[str, Any]:
    """What can be done as a child starts, when it can still open files."""
    return {
        "readable": [path for path in secrets if _readable(path)],
        "environment": sorted(set(os.environ) - EXPECTED),
        "user": [] if os.getuid() == NOBODY else [os.getuid()],
        "processes": _listed("/proc"),
        "homes": _listed("/home"),
        "files": [number for number in range(3, 256) if _is_open(number)],
        "socket": _socket(),
        "writable": [place for place in ("/", "/tmp", "/packages") if _writable(place)],  # noqa: S108
    }


def _readable(path: str) -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDONLY))
        return True
    return False


def _writable(place: str) -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open(place, os.O_WRONLY | os.O_TMPFILE, 0o600))  # leaves nothing behind
        return True
    return False


def _listed(place: str) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(place)[:10]
    return []


def _is_open(number: int) -> bool:
    with contextlib.suppress(OSError):
        os.fstat(number)
        return True
    return False


def _socket() -> bool:
    with contextlib.suppress(OSError):
        socket.socket().close()
        return True
    return False


def _allowed(libc: ctypes.CDLL, column: int) -> list[str]:
    """Which calls came through the filter: all but those that failed with EPERM, or as if there were none."""
    through = []
    for name, numbers in MUST_FAIL.items():
        ctypes.set_errno(0)
        result = libc.syscall(numbers[column], 0, 0, 0, 0, 0, 0)
        if result != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            through.append(name)
    with contextlib.suppress(OSError):
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
        through.append("executable memory")
    with contextlib.suppress(OSError):
        if os.fork() == 0:
            os._exit(0)
        through.append("fork")
    return through


if __name__ == "__main__":  # pragma: no cover - runs in a process of its own
    main(sys.stdin.buffer, sys.stdout.buffer)
