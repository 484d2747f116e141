"""The matrix of rights, read from ``grants.toml`` and ``rows.toml``. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROLES = ("public", "developer", "evaluator", "government", "worker", "sequencer", "verifier")
ACTS = ("select", "insert", "update", "delete")
_FOLDER = Path(__file__).parent
_NAMED = re.compile(r"([a-z_]+)(?:\(([a-z_, ]+)\))?")


class MatrixError(ValueError):
    """The matrix names what it cannot: an unknown role, act or table. A fault of the release."""


@dataclass(frozen=True, order=True)
class Grant:
    """That a role may do an act with a table, or with one column of it (``""`` for all of them)."""

    role: str
    act: str
    table: str
    column: str = ""

    def __str__(self) -> str:
        on = f"{self.table}({self.column})" if self.column else self.table
        return f"{self.role}: {self.act} {on}"


@dataclass(frozen=True)
class RowRule:
    """Which rows of a table a role can see and write, as an SQL condition.

    With an ``act``, what that act asks of a row beyond this.
    """

    table: str
    role: str
    condition: str
    act: str = ""

    @property
    def name(self) -> str:
        """The name of its policy in the database."""
        return f"{self.role}_{self.act or 'rows'}"

    @property
    def sql(self) -> str:
        """The whole condition. CASE, because AND may ask the cheaper half first and never the context.

        It is asked of each row: of a table without rows nothing is asked, and nothing is told.
        """
        return f"CASE WHEN assay_acts_as('{self.role}') THEN ({self.condition}) ELSE false END"


def role_name(database: str, role: str) -> str:
    """The name of a role on the server: ``assay_developer`` for the database ``assay``."""
    return f"{database}_{role}"


@cache
def grants() -> frozenset[Grant]:
    """Every right. Raises `MatrixError`."""
    return frozenset(_grants())


def _grants() -> Iterator[Grant]:
    for role, acts in _read("grants.toml").items():
        if role not in ROLES or set(acts) - set(ACTS):
            raise MatrixError(f"grants.toml: [{role}] is no role, or has an act that is none of {ACTS}")
        for act, named in acts.items():
            for table, columns in map(_parsed, named):
                for column in columns or ("",):
                    yield Grant(role, act, table, column)


def _parsed(text: str) -> tuple[str, tuple[str, ...]]:
    found = _NAMED.fullmatch(text)
    if found is None:
        raise MatrixError(f"grants.toml: {text!r} is written table or table(column, column)")
    return found[1], tuple(part.strip() for part in (found[2] or "").split(",") if part.strip())


@cache
def row_rules() -> tuple[RowRule, ...]:
    """Every condition on rows. A role without one sees no row of such a table. Raises `MatrixError`."""
    return tuple(_row_rules())


def _row_rules() -> Iterator[RowRule]:
    for table, named in _read("rows.toml").items():
        beyond = {act: named[act] for act in ACTS if act in named}
        seen = {roles: condition for roles, condition in named.items() if roles not in beyond}
        for act, conditions in {"": seen, **beyond}.items():
            for roles, condition in conditions.items():
                for role in roles.split():
                    if role not in ROLES:
                        raise MatrixError(f"rows.toml: [{table}] names the unknown role {role}")
                    yield RowRule(table, role, " ".join(condition.split()), act)


def _read(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads((_FOLDER / name).read_text())


FUNCTIONS = {
    "assay_setting(wanted text)": (
        "text",
        " DECLARE found text := current_setting('assay.' || wanted, true);"
        " BEGIN IF coalesce(current_setting('assay.acts_as', true), '') = '' THEN"
        " RAISE EXCEPTION 'This transaction does not say for whom it acts: set assay.acts_as first.';"
        " END IF; RETURN nullif(found, ''); END ",
    ),
    "assay_acts_as(wanted text)": (
        "boolean",
        " BEGIN IF assay_setting('acts_as') <> wanted THEN"
        " RAISE EXCEPTION 'This role acts as %, not as %.', wanted, assay_setting('acts_as');"
        " END IF; RETURN true; END ",
    ),
    "assay_organisation()": ("uuid", " BEGIN RETURN assay_setting('organisation')::uuid; END "),
}
"""Functions that the conditions ask: signature, type and body. Each raises where no context is set."""
