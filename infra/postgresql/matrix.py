"""The matrix of rights, read from ``grants.toml``, ``rows.toml`` and ``changes.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from portal import tables
from secure_access import db
from secure_access.data_classes import DataClass

ROLES = ("public", "developer", "evaluator", "government", "worker", "sequencer", "verifier")
ACTS = ("select", "insert", "update", "delete")
PUBLISHED = "published"
"""In ``grants.toml``: reading the columns of a table that are declared public, and no other."""
WRITE = "write"
"""In ``rows.toml``: adding, changing and removing."""
assert tables.MODULES, "they declare the classes of columns"
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

        The context is a query of its own, asked once a statement and not of each row. Of a table without rows
        nothing is asked: `secure_access.db` refuses a transaction that does not say for whom it acts.
        """
        return f"CASE WHEN (SELECT assay_acts_as('{self.role}')) THEN ({self.condition}) ELSE false END"

    @property
    def clause(self) -> str:
        """How a policy takes the condition: an added row has no state before that could be asked."""
        return f"{'WITH CHECK' if self.act == 'insert' else 'USING'} ({self.sql})"


@dataclass(frozen=True)
class ChangeRule:
    """What the roles named may make of a row of a table, as SQL conditions on OLD and NEW."""

    table: str
    conditions: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The name of its trigger and of the trigger's function."""
        return f"assay_changes_{self.table}"

    @property
    def body(self) -> str:
        """The body of the function. The database, which is not known here, names the roles of the server."""
        asked = "".join(
            f" IF current_user = current_database() || '_{role}' AND NOT coalesce({condition}, false) THEN"
            f" RAISE EXCEPTION '{self.table}: this role cannot change a row in this way'; END IF;"
            for role, condition in self.conditions
        )
        return f" BEGIN{asked} RETURN NEW; END "

    @property
    def trigger(self) -> str:
        """The trigger, as the database spells it."""
        return (
            f"CREATE TRIGGER {self.name} BEFORE UPDATE ON {self.table}"
            f" FOR EACH ROW EXECUTE FUNCTION {self.name}()"
        )


def role_name(database: str, role: str) -> str:
    """The name of a role on the server: ``assay_developer`` for the database ``assay``."""
    return f"{database}_{role}"


@cache
def grants() -> frozenset[Grant]:
    """Every right. Raises `MatrixError`."""
    return frozenset(_grants())


def _grants() -> Iterator[Grant]:
    for role, acts in _read("grants.toml").items():
        if role not in ROLES or set(acts) - {*ACTS, PUBLISHED}:
            raise MatrixError(f"grants.toml: [{role}] is no role, or has an act that is none of {ACTS}")
        for act, named in acts.items():
            if act == PUBLISHED:
                for table in named:
                    yield from (Grant(role, "select", table, column) for column in _published(table))
                continue
            for table, columns in map(_parsed, named):
                for column in columns or ("",):
                    yield Grant(role, act, table, column)


def _published(name: str) -> Iterator[str]:
    kinds = {str(kind.__tablename__): kind for kind in db.tables()}
    if name not in kinds:
        raise MatrixError(f"grants.toml: there is no table {name}")
    for column, declared in kinds[name].__classes__.items():
        if declared is DataClass.PUBLIC:
            yield column


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
        beyond = {act: named[act] for act in (*ACTS, WRITE) if act in named}
        seen = {roles: condition for roles, condition in named.items() if roles not in beyond}
        for written, conditions in {"": seen, **beyond}.items():
            for roles, condition in conditions.items():
                for role in roles.split():
                    if role not in ROLES:
                        raise MatrixError(f"rows.toml: [{table}] names the unknown role {role}")
                    for act in ACTS[1:] if written == WRITE else (written,):
                        yield RowRule(table, role, " ".join(condition.split()), act)


@cache
def change_rules() -> tuple[ChangeRule, ...]:
    """Every condition on changes. Raises `MatrixError`."""
    found = []
    for table, named in _read("changes.toml").items():
        if unknown := set(named) - set(ROLES):
            raise MatrixError(f"changes.toml: [{table}] names unknown roles: {', '.join(sorted(unknown))}")
        conditions = tuple((role, " ".join(condition.split())) for role, condition in named.items())
        found.append(ChangeRule(table, conditions))
    return tuple(found)


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
    "assay_begins_with(whole jsonb, part jsonb)": (
        "boolean",
        " BEGIN RETURN (SELECT coalesce(jsonb_agg(item ORDER BY place), '[]')"
        " FROM jsonb_array_elements(whole) WITH ORDINALITY AS listed(item, place)"
        " WHERE place <= jsonb_array_length(part)) = part; END ",
    ),
}
"""Functions that the conditions ask: signature, type, body. Those of the context raise where none is set."""
