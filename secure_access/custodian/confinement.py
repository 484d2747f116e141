"""The child's own part of its confinement: limits, and the filter of system calls. Standard library only."""

from __future__ import annotations

import ctypes
import os
import resource

_SET_SECCOMP, _FILTER = 22, 2
"""PR_SET_SECCOMP and SECCOMP_MODE_FILTER of prctl(2)."""


class _Program(ctypes.Structure):
    """struct sock_fprog of <linux/filter.h>."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def limit(memory: int, seconds: int, files: int) -> None:
    """Bytes of address space, seconds of processor time, open files; no file is written, no process made."""
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_NPROC, 1),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def close_all_but_pipes() -> None:
    """Closes every file that is not standard input or output."""
    os.closerange(2, 1024)


def filter_calls(program: bytes) -> None:
    """Sets the filter of system calls, for good. Raises ``OSError`` where the kernel does not take it."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = ctypes.create_string_buffer(program, len(program))
    told = _Program(len(program) // 8, ctypes.addressof(steps))
    if libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(told), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls was not taken")
