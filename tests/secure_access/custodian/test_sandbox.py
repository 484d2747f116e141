"""The sandbox: what a child cannot do, and that the self-test tells when it can."""

from __future__ import annotations

import os
import shutil
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secure_access.custodian import sandbox, wire
from secure_access.custodian.sandbox import Broken, CannotSandbox, Child, Limits, Sandbox, Spare, TooSlow
from secure_access.custodian.self_test import SelfTest, self_test
from tests.fixtures import hostile, pdfs

PDF = "application/pdf"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "ring.json"
    path.write_text("a key")
    path.chmod(0o600)
    return path


@pytest.fixture
def instead(tmp_path: Path) -> Callable[[str], Sandbox]:
    """A sandbox whose bubblewrap is a Python script, given as its body."""

    def make(body: str, **limits: float) -> Sandbox:
        script = tmp_path / "bwrap"
        head = f"#!{sys.executable}\nimport os, sys\nargs = sys.argv[1:]\nreal = {shutil.which('bwrap')!r}\n"
        script.write_text(head + body)
        script.chmod(0o700)
        return Sandbox(str(script), Limits(**limits))  # type: ignore[arg-type]

    return make


@pytest.fixture
def child() -> Iterator[Child]:
    with Sandbox().prepare() as made:
        yield made


SLEEPS = "import time; time.sleep(60)"
NONE_AT_ALL = f"""
env = {{"PYTHONPATH": {str(ROOT)!r} + os.pathsep + os.pathsep.join(sys.path[1:]), "TOKEN": "x"}}
command = args[args.index("--") + 1 :]
os.execve(command[0], [command[0]] + command[2:] , env)
"""


def test_this_machine_is_ready(secret: Path) -> None:
    found = self_test([secret, ROOT / "pyproject.toml", Path("/etc/passwd")])
    assert found.faults == ()
    assert found.ready
    assert bool(found.notes) == (os.geteuid() == 0)


def test_without_bubblewrap() -> None:
    assert self_test([], Sandbox(bwrap="")).faults == ("bubblewrap (bwrap) is not installed.",)
    assert "cannot be started" in self_test([], Sandbox(bwrap="/nowhere/bwrap")).faults[0]


def test_without_user_namespaces(instead: Callable[[str], Sandbox]) -> None:
    box = instead("sys.exit('bwrap: No permissions to create new namespace')")
    assert "gives no user namespaces" in self_test([], box).faults[0]


def test_a_child_that_does_not_start(instead: Callable[[str], Sandbox]) -> None:
    assert "did not start. It said: odd" in self_test([], instead("sys.exit('odd')")).faults[0]


def test_every_leak_is_a_sentence_of_its_own(secret: Path, instead: Callable[[str], Sandbox]) -> None:
    """bubblewrap exchanged for something that confines nothing."""
    faults = " ".join(self_test([secret], instead(NONE_AT_ALL)).faults)
    for words in (
        f"can read {secret}", "can open a socket", "environment is not empty: TOKEN", "(seccomp) is in force",
        "sees a /proc", "runs as user ",
    ):  # fmt: skip
        assert words in faults


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("'--ro-bind', {secret!r}, {secret!r}", "can read {secret}"),
        ("'--setenv', 'TOKEN', 'x'", "environment is not empty: TOKEN"),
        ("'--proc', '/proc'", "sees a /proc"),
        ("'--ro-bind', '/tmp', '/home'", "under /home"),
        ("'--bind', {folder!r}, '/tmp'", "can write in /tmp"),
    ],
)
def test_one_leak(secret: Path, instead: Callable[[str], Sandbox], option: str, words: str) -> None:
    folder = secret.parent / "shared"
    folder.mkdir()
    names = {"secret": str(secret), "folder": str(folder)}
    inserted = option.format(**names)
    before = "--seccomp" if "'--bind'" in option or "'--setenv'" in option else "--remount-ro"
    box = instead(f"at = args.index({before!r})\nos.execv(real, [real, *args[:at], {inserted}, *args[at:]])")
    (fault,) = self_test([secret], box).faults
    assert words.format(**names) in fault


def test_without_the_first_filter(instead: Callable[[str], Sandbox]) -> None:
    box = instead("at = args.index('--seccomp')\nos.execv(real, [real, *args[:at], *args[at + 2 :]])")
    faults = self_test([], box).faults
    assert faults[0] == "A child in the sandbox can open a socket."
    assert "(seccomp) is in force" in faults[1]


def test_a_fault_is_not_ready() -> None:
    assert not SelfTest(("anything",)).ready


def test_first_answer_and_a_page(child: Child) -> None:
    child.give(pdfs.plain(3), PDF)
    assert child.answer(100) == (wire.Kind.COUNT, struct.pack(">I", 3))
    child.send(wire.REQUEST.pack(wire.Act.PAGE, 2, 10))
    kind, answer = child.answer(1 << 24)
    assert kind == wire.Kind.PAGE
    assert wire.SIZE.unpack_from(answer) == (1240, 1860)


def test_what_is_larger_than_asked_for_ends_the_child(child: Child) -> None:
    child.give(pdfs.plain(3), PDF)
    with pytest.raises(Broken, match="must not"):
        child.answer(3)
    with pytest.raises(Broken, match="stopped"):
        child.send(b"x")


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"\x09\0\0\0\x01x", "must not"),
        (b"\x01\xff\xff\xff\xff", "must not"),
        (b"\x01\0\0", "stopped"),
        (b"", "stopped"),
    ],
)
def test_a_child_that_answers_what_it_must_not(
    instead: Callable[[str], Sandbox], says: bytes, words: str
) -> None:
    box = instead(f"sys.stdin.readline()\nos.write(1, {says!r})")
    with box.prepare() as made, pytest.raises(Broken, match=words):
        made.answer(1000)


def test_the_bound_on_all_output(instead: Callable[[str], Sandbox]) -> None:
    box = instead("os.write(1, b'\\x01\\0\\0\\0\\x04abcd' * 9)\nsys.stdin.read()", output_bytes=45)
    with box.prepare() as made:
        for _ in range(5):
            made.answer(4)
        with pytest.raises(Broken, match="must not"):
            made.answer(4)


@pytest.mark.parametrize("body", [SLEEPS, "while True: pass"])
def test_a_child_that_does_not_answer(instead: Callable[[str], Sandbox], body: str) -> None:
    with instead(body, request_seconds=0.3).prepare() as made:
        with pytest.raises(TooSlow):
            made.answer(10)
        assert made._process.wait(5) != 0


def test_a_child_that_does_not_read(instead: Callable[[str], Sandbox]) -> None:
    with (
        instead(SLEEPS, request_seconds=0.3).prepare() as made,
        pytest.raises(TooSlow),
    ):
        made.give(bytes(1 << 20), PDF)


def test_the_end_of_a_sitting(instead: Callable[[str], Sandbox]) -> None:
    with (
        instead(SLEEPS, sitting_seconds=0.2).prepare() as made,
        pytest.raises(TooSlow),
    ):
        made.answer(10)


def test_processor_time_is_limited() -> None:
    box = Sandbox(limits=Limits(processor_seconds=1))
    with box.prepare() as made:
        made.give(hostile.slow(), PDF)
        assert made.answer(4)[0] == wire.Kind.COUNT
        made.send(wire.REQUEST.pack(wire.Act.PAGE, 1, 10))
        with pytest.raises(Broken, match="stopped"):
            made.answer(1 << 24)


def test_a_section_that_is_too_large(instead: Callable[[str], Sandbox]) -> None:
    with Sandbox(limits=Limits(section_bytes=10)).prepare() as made, pytest.raises(Broken, match="larger"):
        made.give(bytes(11), PDF)


def test_a_child_outlives_the_thread_that_asked_for_it() -> None:
    made: list[Child] = []
    thread = threading.Thread(target=lambda: made.append(Sandbox().prepare()))
    thread.start()
    thread.join()
    with made[0] as kept:
        kept.give(pdfs.plain(), PDF)
        assert kept.answer(4)[0] == wire.Kind.COUNT
        time.sleep(0.3)
        assert kept.alive


def test_a_spare_is_ready_and_followed_by_another() -> None:
    spare = Spare(Sandbox())
    try:
        with spare.prepare() as one, spare.prepare() as other:
            assert one.alive
            assert other.alive
            assert one is not other
        dead = spare._next.result()
        dead.close()
        with spare.prepare() as another:
            another.give(pdfs.plain(), PDF)
            assert another.answer(4)[0] == wire.Kind.COUNT
    finally:
        spare.close()


def test_no_file_of_the_machine_is_opened(tmp_path: Path) -> None:
    """A PDF that names a file of the machine draws the same as one that names a file that is not there."""
    named = tmp_path / "named"
    named.write_bytes(b"ff" * 400)
    answers = []
    for path in (str(named), "/etc/passwd", "/nowhere"):
        with Sandbox().prepare() as made:
            made.give(hostile.naming_a_file(path), PDF)
            made.answer(4)
            made.send(wire.REQUEST.pack(wire.Act.PAGE, 1, 10))
            answers.append(made.answer(1 << 24))
    assert answers[0] == answers[1] == answers[2]


def test_the_starting_filter_needs_a_known_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "m68k")
    with pytest.raises(CannotSandbox, match="m68k"):
        Sandbox().spawn(sandbox.RENDERING)
