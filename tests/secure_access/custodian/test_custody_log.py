"""The custodian's log: chained, counted, on disk before it returns, and stopped by damage."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from secure_access.custodian.custody_log import FILE, CustodyLog, Damaged, GrowingTree, Line, NotWritten
from secure_access.custodian.private_files import Disk
from secure_access.ledger import canonical, merkle, note
from tests.fixtures.enrolled import NOW

PLAN, OTHER = "ab" * 32, "cd" * 32


def filled(home: Path, lines: int = 5) -> CustodyLog:
    log = CustodyLog(home)
    for number in range(lines):
        log.append("page.released", PLAN if number % 2 else OTHER, {"release": number}, NOW)
    return log


def test_a_line_has_the_bytes_of_the_protocol(tmp_path: Path) -> None:
    log = CustodyLog(tmp_path)
    line = log.append("access.paused", PLAN, {"by": "tess"}, NOW)
    assert (tmp_path / FILE).read_bytes() == line.encoded + b"\n"
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    value = canonical.decode(line.encoded)
    assert isinstance(value, dict)
    assert value.pop("salt") != ""
    assert value == {
        "v": "assay.custodian-entry/v1",
        "number": 1,
        "at": "2027-10-04T09:00:00.000000Z",
        "previous": "0" * 64,
        "type": "access.paused",
        "plan": PLAN,
        "count": 1,
        "fields": {"by": "tess"},
    }


def test_it_is_chained_counted_for_each_plan_and_read_again(tmp_path: Path) -> None:
    log = filled(tmp_path)
    written = list(log.lines())
    assert [(line.number, line.count) for line in written] == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)]
    assert [line.number for line in log.lines(after=3)] == [4, 5]
    log.close()
    seen: list[Line] = []
    again = CustodyLog(tmp_path, seen.append)
    assert seen == written
    assert (again.size, again.cut) == (5, 0)
    assert again.append("page.released", PLAN, {}, NOW).count == 3
    assert [[line.number for line in again.lines(after)] for after in (0, 4, 5, 6, 9)] == [
        *([1, 2, 3, 4, 5, 6], [5, 6], [6], [], []),
    ]
    with pytest.raises(NotWritten, match="closed"):
        log.append("page.released", PLAN, {}, NOW)


def test_a_second_process_does_not_open_it(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with pytest.raises(Damaged, match="another process"):
        CustodyLog(tmp_path)
    log.close()
    CustodyLog(tmp_path)


def test_time_never_goes_back(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with pytest.raises(NotWritten, match="set back"):
        log.append("page.released", PLAN, {}, NOW - timedelta(microseconds=1))
    assert log.size == 5


@pytest.mark.parametrize("left", [1, 50, 200])
def test_a_torn_last_line_is_cut_and_told(tmp_path: Path, left: int) -> None:
    filled(tmp_path).close()
    path = tmp_path / FILE
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(whole[: last + left])
    log = CustodyLog(tmp_path)
    assert (log.size, log.cut) == (4, left)
    assert path.read_bytes() == whole[:last]
    assert log.append("log.cut", "", {"bytes": log.cut}, NOW).number == 5
    log.close()
    assert CustodyLog(tmp_path).size == 5


EDITED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "gap": lambda lines: [*lines[:2], *lines[3:]],
    "swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "changed": lambda lines: [*lines[:2], lines[2].replace(b'"release":2', b'"release":9'), *lines[3:]],
    "begins later": lambda lines: lines[1:],
    "twice": lambda lines: [*lines, lines[-1]],
    "no line": lambda lines: [*lines[:2], b"hello", *lines[3:]],
    "empty line": lambda lines: [*lines[:2], b"", *lines[2:]],
}


@pytest.mark.parametrize("edited", EDITED.values(), ids=EDITED)
def test_a_gap_or_a_changed_line_stops_everything(
    tmp_path: Path, edited: Callable[[list[bytes]], list[bytes]]
) -> None:
    filled(tmp_path).close()
    path = tmp_path / FILE
    path.write_bytes(b"".join(line + b"\n" for line in edited(path.read_bytes().splitlines())))
    with pytest.raises(Damaged, match="line"):
        CustodyLog(tmp_path)


def forged(log: CustodyLog, **changes: object) -> bytes:
    """A line that continues the chain and is wrong in one field."""
    assert log.last is not None
    value = canonical.decode(log.append("page.released", PLAN, {}, NOW).encoded)
    assert isinstance(value, dict)
    return canonical.encode({**value, **changes})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"number": 7}, "another number"),
        ({"count": 9}, "another number"),
        ({"at": "2027-10-04T08:59:59.999999Z"}, "earlier"),
        ({"fields": "x"}, "fields"),
        ({"plan": "x"}, "plan"),
    ],
)
def test_a_line_that_continues_the_chain_and_counts_wrong_stops_everything(
    tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    log = filled(tmp_path)
    wrong = forged(log, **changes)
    log.close()
    path = tmp_path / FILE
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + b"\n" for line in [*lines[:-1], wrong]))
    with pytest.raises(Damaged, match=why):
        CustodyLog(tmp_path)


class Faulty(Disk):
    """Fails at the call of one kind, or writes a part of a line first."""

    def __init__(self, failing: str = "", part: int = 0) -> None:
        self.failing, self.part = failing, part

    def write(self, descriptor: int, content: bytes) -> int:
        if "write" in self.failing:
            if self.part:
                written, self.part = os.write(descriptor, content[: self.part]), 0
                return written
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        if "sync" in self.failing:
            raise OSError(errno.EIO, "Input/output error")
        super().sync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        if "truncate" in self.failing:
            raise OSError(errno.EIO, "Input/output error")
        super().truncate(descriptor, size)


@pytest.mark.parametrize("part", [0, 40])
def test_a_full_disk_leaves_no_part_of_a_line_and_it_goes_on_when_there_is_room(
    tmp_path: Path, part: int
) -> None:
    disk = Faulty()
    log = CustodyLog(tmp_path, disk=disk)
    log.append("a.b", PLAN, {}, NOW)
    disk.failing, disk.part = "write", part
    with pytest.raises(NotWritten, match="No space"):
        log.append("a.b", PLAN, {}, NOW)
    disk.failing = ""
    assert log.append("a.b", PLAN, {}, NOW).number == 2
    log.close()
    assert CustodyLog(tmp_path).size == 2


def test_a_disk_that_does_not_confirm_stops_the_log_until_a_restart(tmp_path: Path) -> None:
    disk = Faulty()
    log = CustodyLog(tmp_path, disk=disk)
    disk.failing = "sync"
    with pytest.raises(NotWritten, match="not on disk"):
        log.append("a.b", PLAN, {}, NOW)
    disk.failing = ""
    with pytest.raises(NotWritten, match="start the core again"):
        log.append("a.b", PLAN, {}, NOW)
    log.close()
    assert CustodyLog(tmp_path).size <= 1


def test_a_line_in_part_that_cannot_be_taken_back_stops_the_log(tmp_path: Path) -> None:
    disk = Faulty()
    log = CustodyLog(tmp_path, disk=disk)
    disk.failing, disk.part = "write truncate", 40
    with pytest.raises(NotWritten):
        log.append("a.b", PLAN, {}, NOW)
    disk.failing = ""
    with pytest.raises(NotWritten, match="in part"):
        log.append("a.b", PLAN, {}, NOW)
    log.close()
    again = CustodyLog(tmp_path)
    assert (again.size, again.cut) == (0, 40)


def test_a_line_that_is_too_long_is_not_written(tmp_path: Path) -> None:
    log = CustodyLog(tmp_path)
    with pytest.raises(NotWritten, match="too long"):
        log.append("a.b", PLAN, {"x": "y" * 20_000}, NOW)
    assert (tmp_path / FILE).read_bytes() == b""


def writing_forever(home: Path, told: int) -> int:
    """Another process that appends, and says each number once the log has acknowledged it."""
    child = os.fork()
    if child:
        return child
    try:
        log = CustodyLog(home)
        while True:
            os.write(told, b"%d\n" % log.append("page.released", PLAN, {}, NOW).number)
    finally:
        os._exit(1)


def test_ten_kills_lose_no_line_that_was_acknowledged(tmp_path: Path) -> None:
    told = 0
    for turn in range(10):
        reading, writing = os.pipe()
        child = writing_forever(tmp_path, writing)
        os.close(writing)
        with os.fdopen(reading) as numbers:
            assert int(numbers.readline()) > told
            time.sleep(random.Random(turn).uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
            told = max([told, *(int(line) for line in numbers if line.endswith("\n"))])
        os.waitpid(child, 0)
        log = CustodyLog(tmp_path)
        assert log.size >= told
        log.close()
    assert told > 10


def test_the_tree_is_that_of_the_ledger() -> None:
    tree, leaves = GrowingTree(), []
    for number in range(70):
        leaf = b"leaf %d" % number
        tree.add(leaf)
        leaves.append(merkle.leaf_hash(leaf))
        known = merkle.from_leaves(leaves)
        assert tree.root(len(leaves)) == merkle.root(len(leaves), known)
        for old in (1, len(leaves) // 2 or 1, len(leaves)):
            assert merkle.consistency_proof(old, len(leaves), tree.nodes) == merkle.consistency_proof(
                old, len(leaves), known
            )
    assert note.SIZE.fullmatch(str(tree.size))
