"""Results in full, as text: what a person would read of them, to the last word.

A record is a text file beside the cases. It says how each of them comes out, so that a change of a figure,
a citation or a word is seen as a difference, and is either meant or a fault. Digests of packs and the
edition of the calendars are left out: they change without the result. ``ASSAY_WRITE_RECORDS=1 pytest
tests/law`` writes the records again; what that changed is read before it is committed.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases"
_CHANGING = re.compile(r"(?<=holidays )[\d.]+\d|(?<=sha256:)[0-9a-f]+")


def plain(value: object) -> Any:
    """A result as mappings, lists and texts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if not str(key).endswith("digest")}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    return value


def text(value: object) -> str:
    """One value as it is read; nothing is a dash, a space at the end a dot, which no editor takes away."""
    if value is None or value == "":
        return "-" if value is None else '""'
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return re.sub(" $", "·", _CHANGING.sub("N", str(value)))


def lines(name: str, value: Any, depth: int = 0) -> Iterator[str]:
    """A value and all that is in it; a list of like objects is a table."""
    start = "  " * depth
    if isinstance(value, dict):
        yield f"{start}{name}:"
        for key, item in value.items():
            if not key.endswith("digest"):
                yield from lines(key, item, depth + 1)
    elif isinstance(value, list) and value and all(_flat(item) for item in value):
        yield f"{start}{name}: {' | '.join(value[0])}"
        yield from (f"{start}  {' | '.join(map(text, item.values()))}" for item in value)
    elif isinstance(value, list):
        yield f"{start}{name}: {'' if value else 'none'}".rstrip()
        for item in value:
            yield from lines("-", item, depth + 1) if isinstance(item, dict) else [f"{start}  - {text(item)}"]
    else:
        yield f"{start}{name}: {text(value)}"


def _flat(value: object) -> bool:
    return isinstance(value, dict) and not any(isinstance(item, dict | list) for item in value.values())


def record(name: str, value: object) -> str:
    """A section of a record."""
    return "\n".join(lines(f"# {name}", plain(value))) + "\n"


def kept(file: str) -> dict[str, str]:
    """The sections of a record by their names."""
    whole = (FOLDER / file).read_text(encoding="utf-8") if (FOLDER / file).exists() else ""
    return {
        part.partition(":\n")[0]: f"# {part.rstrip()}\n" for part in re.split("^# ", whole, flags=re.M)[1:]
    }


def matches(file: str, name: str, value: object) -> None:
    """Fail where a section differs; where the environment asks for it, write it instead."""
    found, sections = record(name, value), kept(file)
    if os.environ.get("ASSAY_WRITE_RECORDS"):
        sections[name] = found
        (FOLDER / file).write_text("\n".join(sections.values()), encoding="utf-8")
    assert found == sections.get(name, "")
