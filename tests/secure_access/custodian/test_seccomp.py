"""The filter of system calls, run by an interpreter of its own over made-up calls."""

from __future__ import annotations

import struct

import pytest

from secure_access.custodian import probing, seccomp
from secure_access.custodian.seccomp import ALLOW, KILL, MACHINES, REFUSE, STARTING, WORKING, program


def verdict(filter_: bytes, audit: int, number: int, third: int = 0) -> int:
    """What the kernel would decide (classic BPF, as far as our programs use it)."""
    call = struct.pack("<IIQ6Q", number, audit, 0, 0, 0, third, 0, 0, 0)
    steps = list(struct.iter_unpack("<HBBI", filter_))
    place = held = 0
    while True:
        code, yes, no, value = steps[place]
        place += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (held,) = struct.unpack_from("<I", call, value)
            continue
        met = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
        place += yes if met else no


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("allowed", [WORKING, STARTING])
def test_exactly_the_listed_calls_pass(machine: str, allowed: frozenset[str]) -> None:
    made = program(machine, allowed, executable=True)
    known = MACHINES[machine]
    passing = {number for number in range(600) if verdict(made, known.audit, number) == ALLOW}
    assert passing == {number for name, number in known.numbers.items() if name in allowed}
    assert verdict(made, known.audit, 599) == REFUSE


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_is_killed(machine: str) -> None:
    made = program(machine, WORKING, executable=False)
    assert verdict(made, 0x40000003, MACHINES[machine].numbers["read"]) == KILL
    assert verdict(made, MACHINES["x86_64"].audit, 0x40000000) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ["mmap", "mprotect"])
def test_memory_is_never_made_executable_while_working(machine: str, call: str) -> None:
    made, known = program(machine, WORKING, executable=False), MACHINES[machine]
    number = known.numbers[call]
    assert [verdict(made, known.audit, number, protection) for protection in (0, 3, 4, 7)] == [
        ALLOW, ALLOW, REFUSE, REFUSE,
    ]  # fmt: skip
    assert verdict(program(machine, STARTING, executable=True), known.audit, number, 7) == ALLOW


@pytest.mark.parametrize("column", [0, 1])
def test_what_the_probe_tries_is_on_no_working_list(column: int) -> None:
    machine = list(MACHINES)[column]
    allowed = {MACHINES[machine].numbers[name] for name in WORKING if name in MACHINES[machine].numbers}
    assert not allowed & {numbers[column] for numbers in probing.MUST_FAIL.values()}


def test_an_unknown_processor_is_refused() -> None:
    with pytest.raises(seccomp.UnknownMachine, match="m68k"):
        program("m68k", WORKING, executable=False)
