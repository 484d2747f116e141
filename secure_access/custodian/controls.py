"""Controls of NIST SP 800-53 Rev. 5: identifiers as OSCAL writes them, titles, mentions in text. Pure."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).parent / "control_titles.toml"

# AC-2, AC-02, ac-2.1, AC-2(1), AC-2 (1), AC-02(01).
_NAMED = re.compile(
    r"(?<![A-Za-z0-9-])(?P<family>[A-Za-z]{2})-(?P<number>\d{1,2})"
    r"(?:\s?\((?P<bracketed>\d{1,2})\)|\.(?P<dotted>\d{1,2}))?(?![0-9])"
)


@dataclass(frozen=True)
class Titles:
    """Titles by identifier, in the order of the catalogue; NIST no longer asks for those ``withdrawn``."""

    publication: str
    current: dict[str, str]
    withdrawn: dict[str, str]

    @property
    def families(self) -> frozenset[str]:
        """The two letters that identifiers begin with."""
        return frozenset(identifier[:2] for identifier in self.current)


@cache
def titles() -> Titles:
    """The catalogue of Revision 5."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return Titles(table["publication"], table["controls"], table["withdrawn"])


def title_of(identifier: str) -> str:
    """The title of a control, after that of its control for an enhancement; empty if NIST has none."""
    known = titles()
    every = known.current | known.withdrawn if identifier in known.withdrawn else known.current
    own = every.get(identifier)
    if own is None:
        return ""
    parent = identifier.partition(".")[0]
    return own if parent == identifier else f"{_parent(parent)}: {own}"


def _parent(identifier: str) -> str:
    known = titles()
    return known.current.get(identifier) or known.withdrawn[identifier]


def written(identifier: str) -> str:
    """An identifier as people write it: AC-2(1) for ``ac-2.1``. What is not NIST's stays as it is."""
    found = _NAMED.fullmatch(identifier)
    if found is None or found["family"].lower() not in titles().families:
        return identifier
    number = found["bracketed"] or found["dotted"]
    return f"{found['family'].upper()}-{int(found['number'])}" + (f"({int(number)})" if number else "")


def normalised(text: str) -> str:
    """A control as somebody wrote it, in OSCAL's form: ``ac-2.1`` for AC-02(01); else in small letters."""
    found = _NAMED.fullmatch(text.strip())
    return _identifier(found) if found else text.strip().lower()


def mentions(text: str) -> tuple[str, ...]:
    """Every control of a family of NIST's that a text names, once, in order, in OSCAL's form."""
    families = titles().families
    found = (match for match in _NAMED.finditer(text) if match["family"].lower() in families)
    return tuple(dict.fromkeys(_identifier(match) for match in found))


def _identifier(found: re.Match[str]) -> str:
    number = found["bracketed"] or found["dotted"]
    return f"{found['family'].lower()}-{int(found['number'])}" + (f".{int(number)}" if number else "")
