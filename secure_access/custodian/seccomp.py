"""Which system calls a sandboxed child may make, as a program for the kernel's filter (seccomp BPF). Pure.

Two allow-lists. `STARTING` is handed to bubblewrap and lets an interpreter start: it can open files (there
are none but its own) and execute. `WORKING` is set by the child itself before it reads the first byte of
somebody's file, on top of the first: nothing is opened, executed, forked, mapped executable or signalled any
more. What is not listed fails with EPERM; another architecture than the listed one is killed, for its
numbers mean other calls. Numbers: Linux, arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h. Layout: include/uapi/linux/{filter,seccomp,audit}.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ALLOW, REFUSE, ABSENT, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
"""SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM, with ENOSYS; SECCOMP_RET_KILL_PROCESS."""
X32 = 0x40000000
"""From here on numbers of x86-64 are those of its 32-bit variant: the same calls by another door."""
EXECUTABLE = 0x4
"""PROT_EXEC."""
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENTS = 16
"""Offsets in struct seccomp_data; both architectures are little-endian, so the low half comes first."""


class UnknownMachine(Exception):
    """There is no table of system calls for this processor."""


@dataclass(frozen=True)
class Machine:
    """A processor: its AUDIT_ARCH constant and the numbers of the calls that we name."""

    audit: int
    numbers: Mapping[str, int]


_COLUMNS: Mapping[str, tuple[int | None, int | None]] = {
    # call: (x86-64, aarch64); None where the processor has no such call
    "access": (21, None), "arch_prctl": (158, None), "brk": (12, 214), "clock_getres": (229, 114),
    "clock_gettime": (228, 113), "clock_nanosleep": (230, 115), "close": (3, 57), "dup": (32, 23),
    "dup2": (33, None), "dup3": (292, 24), "execve": (59, 221), "exit": (60, 93), "exit_group": (231, 94),
    "faccessat": (269, 48), "faccessat2": (439, 439), "fadvise64": (221, 223), "fcntl": (72, 25),
    "fstat": (5, 80), "futex": (202, 98), "getcwd": (79, 17), "getdents64": (217, 61), "getegid": (108, 177),
    "geteuid": (107, 175), "getgid": (104, 176), "getpid": (39, 172), "getppid": (110, 173),
    "getrandom": (318, 278), "getrlimit": (97, 163), "gettid": (186, 178), "gettimeofday": (96, 169),
    "getuid": (102, 174), "ioctl": (16, 29), "lseek": (8, 62), "lstat": (6, None), "madvise": (28, 233),
    "mmap": (9, 222), "mprotect": (10, 226), "mremap": (25, 216), "munmap": (11, 215),
    "nanosleep": (35, 101), "newfstatat": (262, 79), "openat": (257, 56), "poll": (7, None),
    "ppoll": (271, 73), "prctl": (157, 167), "pread64": (17, 67), "prlimit64": (302, 261), "read": (0, 63),
    "readlink": (89, None), "readlinkat": (267, 78), "readv": (19, 65), "rseq": (334, 293),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123), "sched_yield": (24, 124), "seccomp": (317, 277),
    "set_robust_list": (273, 99), "set_tid_address": (218, 96), "sigaltstack": (131, 132), "stat": (4, None),
    "statx": (332, 291), "sysinfo": (99, 179), "uname": (63, 160), "wait4": (61, 260), "write": (1, 64),
    "writev": (20, 66),
}  # fmt: skip

MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(0xC000003E, {name: row[0] for name, row in _COLUMNS.items() if row[0] is not None}),
    "aarch64": Machine(0xC00000B7, {name: row[1] for name, row in _COLUMNS.items() if row[1] is not None}),
}

THREADS: Mapping[str, tuple[int, int]] = {"clone": (56, 220), "clone3": (435, 435)}
"""Answered as if the kernel had none: a library that would use threads does without, and does not fail."""

WORKING = frozenset(
    {"brk", "clock_getres", "clock_gettime", "close", "exit", "exit_group", "fstat", "futex", "getpid"}
    | {"getrandom", "gettid", "gettimeofday", "lseek", "madvise", "mmap", "mprotect", "mremap", "munmap"}
    | {"poll", "ppoll", "read", "readv", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_yield"}
    | {"sigaltstack", "write", "writev"}
)
"""Memory, its own pipes, the clock, and the end."""

STARTING = frozenset(_COLUMNS)
"""What the dynamic linker, the interpreter and the first process of bubblewrap need, too."""

_NEVER_EXECUTABLE = frozenset({"mmap", "mprotect"})
"""While working, memory that is mapped by these must not be executable: their third argument is looked at."""


def program(machine: str, allowed: frozenset[str], *, executable: bool) -> bytes:
    """The filter as an array of ``struct sock_filter``. ``executable`` lets memory be mapped executable.

    ``machine`` is as `platform.machine` names it. Raises `UnknownMachine`.
    """
    if machine not in MACHINES:
        raise UnknownMachine(f"no filter of system calls is written for the processor {machine}")
    return b"".join(_instructions(MACHINES[machine], allowed, executable))


def _instructions(machine: Machine, allowed: frozenset[str], executable: bool) -> Iterator[bytes]:
    yield _step(_LOAD, _ARCHITECTURE)
    yield _step(_EQUAL, machine.audit, yes=1)
    yield _step(_RETURN, KILL)
    yield _step(_LOAD, _NUMBER)
    yield _step(_AT_LEAST, X32, no=1)
    yield _step(_RETURN, KILL)
    for numbers in THREADS.values():
        yield _step(_EQUAL, numbers[machine is MACHINES["aarch64"]], no=1)
        yield _step(_RETURN, ABSENT)
    for name in sorted(allowed & machine.numbers.keys()):
        looked_at = not executable and name in _NEVER_EXECUTABLE
        yield _step(_EQUAL, machine.numbers[name], no=4 if looked_at else 1)
        if looked_at:
            yield _step(_LOAD, _ARGUMENTS + 2 * 8)
            yield _step(_ANY_BIT, EXECUTABLE, no=1)
            yield _step(_RETURN, REFUSE)
        yield _step(_RETURN, ALLOW)
    yield _step(_RETURN, REFUSE)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)
