"""Whether this machine can open sealed plans safely: a child tries to get out of the sandbox; the verdict."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_access.custodian import sandbox
from secure_access.custodian.sandbox import CannotSandbox, Sandbox

SECONDS = 20
_LARGEST_ANSWER = 1 << 16
_WORDS_OF_NAMESPACES = ("namespace", "userns", "uid map", "Operation not permitted")


@dataclass(frozen=True)
class SelfTest:
    """What the self-test found, in sentences for the operator."""

    faults: tuple[str, ...]
    """Each is a reason not to open a sealed plan on this machine."""
    notes: tuple[str, ...] = ()
    """Weaker than it could be, and said."""

    @property
    def ready(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def self_test(secrets: Sequence[Path], box: Sandbox | None = None) -> SelfTest:
    """Tries everything that a child must not be able to do. ``secrets`` are files that it must not read."""
    box = box or Sandbox()
    try:
        found = _probed(box, secrets)
    except CannotSandbox as problem:
        return SelfTest((str(problem),))
    return SelfTest(tuple(_faults(found)), tuple(_notes()))


def _probed(box: Sandbox, secrets: Sequence[Path]) -> dict[str, Any]:
    asked = {
        "secrets": [str(path.resolve()) for path in secrets],
        "program": sandbox.working_filter().hex(),
        "column": 0 if platform.machine() == "x86_64" else 1,
    }
    process = box.spawn(sandbox.PROBING, errors=subprocess.PIPE)
    try:
        out, errors = process.communicate(json.dumps(asked).encode() + b"\n", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotSandbox(f"The child that tests the sandbox did not answer within {SECONDS} s.") from None
    finally:
        process.kill()
        process.wait()
    try:
        found = json.loads(out[:_LARGEST_ANSWER])
    except ValueError:
        raise CannotSandbox(_why_not(errors.decode(errors="replace"))) from None
    assert isinstance(found, dict)
    return found


def _why_not(errors: str) -> str:
    said = (errors.strip().splitlines() or ["nothing"])[-1][:200]
    if any(word in errors for word in _WORDS_OF_NAMESPACES):
        return (
            "This machine gives no user namespaces (see user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone and AppArmor's restriction of them). "
            f"bubblewrap said: {said}"
        )
    return f"The child in the sandbox did not start. It said: {said}"


_SENTENCES = {
    "readable": "A child in the sandbox can read {}.",
    "socket": "A child in the sandbox can open a socket.",
    "environment": "The child's environment is not empty: {}.",
    "unfiltered": "No filter of system calls (seccomp) is in force when a child starts.",
    "refused": "The kernel does not take the stricter filter of system calls (seccomp) of a working child.",
    "allowed": "A working child is not refused: {}.",
    "user": "A child runs as user {}.",
    "processes": "A child sees a /proc, which it has no use for.",
    "homes": "A child sees the folders of users under /home.",
    "files": "A child inherits open files: {}.",
    "writable": "A child can write in {}.",
}
"""One for each thing that must not have been possible, by what the probe calls it."""


def _faults(found: dict[str, Any]) -> Iterator[str]:
    for name, sentence in _SENTENCES.items():
        what = found[name]
        if what:
            yield sentence.format(", ".join(map(str, what)) if isinstance(what, list) else what)


def _notes() -> Iterator[str]:
    if os.geteuid() == 0:
        yield (
            "The core runs as root, so that outside of its namespaces the child is root without rights. "
            "Run the core as a user of its own."
        )
