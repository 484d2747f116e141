"""The threat-actor register of a plan: who might attack what, and the controls that answer them. Pure.

The format is our own, ``assay.threat-actors/v1``, as JSON or as CSV; `docs/reference/protocol.md` has it.
Kinds of actors and levels of capability are those of NIST SP 800-30 Rev. 1, tables D-2 and D-3.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secure_access import canonical
from secure_access.canonical import Json
from secure_access.custodian import controls
from secure_access.custodian.oscal.formats import NotReadable, json_tree

VERSION = "assay.threat-actors/v1"
ACTORS = 2_000
LONGEST = 300
COLUMNS = ("name", "kind", "capability", "asset", "tier", "controls")
_CONTROL = re.compile(r"[a-z_][a-z0-9._-]{0,79}")
_PROBLEMS = 100


class Kind(StrEnum):
    """What an actor is (SP 800-30, table D-2)."""

    OUTSIDER = "outsider"
    INSIDER = "insider"
    TRUSTED_INSIDER = "trusted insider"
    PRIVILEGED_INSIDER = "privileged insider"
    AD_HOC_GROUP = "ad hoc group"
    ESTABLISHED_GROUP = "established group"
    COMPETITOR = "competitor"
    SUPPLIER = "supplier"
    PARTNER = "partner"
    CUSTOMER = "customer"
    NATION_STATE = "nation-state"


class Capability(StrEnum):
    """What an actor can do (SP 800-30, table D-3)."""

    VERY_LOW = "very low"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    VERY_HIGH = "very high"


class RegisterRefused(ValueError):
    """A register that is not read. ``problems`` say each error and where it stands."""

    def __init__(self, problems: Sequence[str]) -> None:
        """The message is all problems, a line each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Actor:
    """A threat actor, what it is after, the risk tier from which it counts, the controls that answer it."""

    name: str
    kind: Kind
    capability: Capability
    asset: str
    tier: str
    controls: tuple[str, ...]


@dataclass(frozen=True)
class Register:
    """The actors in the order of the file."""

    actors: tuple[Actor, ...]


def is_register(tree: object) -> bool:
    """Whether a JSON value says that it is a register, of this version or another."""
    return isinstance(tree, Mapping) and str(tree.get("v", "")).startswith("assay.threat-actors/")


def from_json(content: bytes) -> Register:
    """Reads a register in JSON. Raises `RegisterRefused` with every problem found."""
    try:
        tree = json_tree(content)
    except NotReadable as error:
        raise RegisterRefused([str(error)]) from None
    return from_tree(tree)


def from_tree(tree: Any) -> Register:
    """Reads a register that is a JSON value already. Raises as `from_json`."""
    if not isinstance(tree, dict) or tree.get("v") != VERSION:
        raise RegisterRefused([f"A register says what it is: “v” is “{VERSION}”."])
    _keys(tree, ("v", "actors"), "The register")
    rows = tree["actors"]
    if not isinstance(rows, list):
        raise RegisterRefused(["“actors” is a list."])
    return _read([(f"Actor {number}", row) for number, row in enumerate(rows, 1)])


def from_csv(content: bytes) -> Register:
    """Reads a register in CSV: the first line names the columns, spaces or semicolons part controls.

    Raises as `from_json`.
    """
    try:
        text = content.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(reader.line_num, line) for line in reader if line]
    except UnicodeDecodeError:
        raise RegisterRefused(["The file is not UTF-8 text."]) from None
    except csv.Error as problem:
        raise RegisterRefused([f"The file is not CSV: {problem}."]) from None
    if not lines or sorted(lines[0][1]) != sorted(COLUMNS):
        raise RegisterRefused([f"The first line names these columns: {', '.join(COLUMNS)}."])
    names = lines[0][1]
    wrong = [
        f"Line {at}: {len(line)} columns in place of {len(names)}."
        for at, line in lines[1:]
        if len(line) != len(names)
    ]
    if wrong:
        raise RegisterRefused(wrong[:_PROBLEMS])
    return _read([(f"Line {at}", _row(dict(zip(names, line, strict=True)))) for at, line in lines[1:]])


def as_json(register: Register) -> bytes:
    """A register as canonical JSON: the form in which it is sealed."""
    actors: list[Json] = [
        {
            "name": one.name,
            "kind": one.kind.value,
            "capability": one.capability.value,
            "asset": one.asset,
            "tier": one.tier,
            "controls": [*one.controls],
        }
        for one in register.actors
    ]
    return canonical.encode({"v": VERSION, "actors": actors})


def _row(cells: dict[str, str]) -> dict[str, object]:
    found = {name: cell.strip() for name, cell in cells.items()}
    return {**found, "controls": [part for part in re.split(r"[;\s]+", found["controls"]) if part]}


def _keys(row: Mapping[str, object], wanted: Sequence[str], who: str) -> None:
    missing, extra = [key for key in wanted if key not in row], sorted(set(row) - set(wanted))
    problems = [f"{who} lacks “{key}”." for key in missing]
    problems += [f"{who} has “{key[:40]}”, which the format has not." for key in extra]
    if problems:
        raise RegisterRefused(problems)


def _read(rows: Sequence[tuple[str, object]]) -> Register:
    if len(rows) > ACTORS:
        raise RegisterRefused([f"The register has more than {ACTORS:,} actors."])
    problems: list[str] = []
    actors: list[Actor] = []
    seen: set[str] = set()
    for who, row in rows:
        found = list(_problems(who, row, seen))
        problems += found
        if not found and isinstance(row, dict):
            actors.append(_actor(row))
            seen.add(actors[-1].name.casefold())
    if problems:
        raise RegisterRefused(problems[:_PROBLEMS])
    return Register(tuple(actors))


def _problems(who: str, row: object, seen: set[str]) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{who} is not an object."
        return
    try:
        _keys(row, COLUMNS, who)
    except RegisterRefused as refused:
        yield from refused.problems
        return
    for key in COLUMNS[:-1]:
        if problem := _text_problem(row[key]):
            yield f"{who}: “{key}” {problem}."
    yield from _choice(who, "kind", row["kind"], Kind)
    yield from _choice(who, "capability", row["capability"], Capability)
    if isinstance(row["name"], str) and row["name"].strip().casefold() in seen:
        yield f"{who}: “{row['name'].strip()[:80]}” is in the register already."
    yield from _control_problems(who, row["controls"])


def _text_problem(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "is a text, and not empty"
    return f"has more than {LONGEST} characters" if len(value) > LONGEST else ""


def _choice(who: str, key: str, value: object, choices: type[StrEnum]) -> Iterator[str]:
    if isinstance(value, str) and value.strip() and value.strip() not in tuple(choices):
        yield f"{who}: “{key}” is one of {', '.join(choices)}."


def _control_problems(who: str, value: object) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{who}: “controls” is a list of identifiers, such as AC-2(1) or ac-2.1."
        return
    named = [controls.normalised(item) if isinstance(item, str) else "" for item in value]
    for item, identifier in zip(value, named, strict=True):
        if not _CONTROL.fullmatch(identifier):
            yield f"{who}: “{str(item)[:40]}” is no identifier of a control, such as AC-2(1) or ac-2.1."
    if len(set(named)) != len(named):
        yield f"{who} names a control twice."


def _actor(row: Mapping[str, Any]) -> Actor:
    return Actor(
        name=row["name"].strip(),
        kind=Kind(row["kind"].strip()),
        capability=Capability(row["capability"].strip()),
        asset=row["asset"].strip(),
        tier=row["tier"].strip(),
        controls=tuple(controls.normalised(item) for item in row["controls"]),
    )
