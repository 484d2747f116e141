"""Who may ever see a column: every column of every table is declared in one of three classes.

A class is the widest circle that a value may reach. Who within it reads which row is the workflows' matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class DataClass(StrEnum):
    """The widest circle that a value of a column may reach."""

    PUBLIC = "public"
    """Everybody, once its row is published."""
    RESTRICTED = "restricted"
    """Whoever the policy lets read its row: on their pages and in their exports. Never a log or an error."""
    SECRET = "secret"  # noqa: S105 - a name
    """Nobody: the server alone uses it. It stands on no page, in no export, in no log and in no error."""


Classes = Mapping[str, DataClass]
"""Names of columns with the class of each."""


def classes(*, public: str = "", restricted: str = "", secret: str = "") -> Classes:
    """The classes of a table's columns, from their names with spaces between.

    Raises ``ValueError`` for a column that is named twice.
    """
    found: dict[str, DataClass] = {}
    for kind, names in zip(DataClass, (public, restricted, secret), strict=True):
        for name in names.split():
            if found.setdefault(name, kind) is not kind or names.split().count(name) > 1:
                raise ValueError(f"the class of column {name} is declared twice")
    return found
