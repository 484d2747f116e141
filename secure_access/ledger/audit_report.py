"""What an audit of the ledger says: what was read, and each thing that does not match."""

from __future__ import annotations

from dataclasses import dataclass, field

from secure_access.db import Table
from secure_access.ledger import records


@dataclass(frozen=True)
class Problem:
    """One thing that does not match: in which table, which row, and what about it."""

    table: str
    row: str
    reason: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}: {self.reason}"


@dataclass
class Report:
    """What was checked, and what does not match."""

    entries: int = 0
    waiting: int = 0
    removed: int = 0
    """Entries whose content was removed, each with the entry that says so."""
    rows: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    witnessed: dict[str, int] = field(default_factory=dict)
    """Up to which size a witness whose key is known has signed, by log."""
    stamped: dict[str, int] = field(default_factory=dict)
    """Up to which size an authority whose root is known has time stamped, by log."""
    told: list[str] = field(default_factory=list)
    """Who else told what they know of a log: the database was compared with it."""
    unasked: list[str] = field(default_factory=list)
    """Who could have told, and why they were not asked: what they have seen may be more than there is."""
    unseen_rows: int = 0
    """Rows of record that are held by `unseen_entries`, which no known witness has seen yet."""
    unseen_entries: int = 0
    unknown_witnesses: int = 0
    """Cosignatures of witnesses whose key is not known: of these the form alone was checked."""
    opened: int | None = None
    """How many documents were opened in the vault and compared; ``None`` where the vault was left out."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.problems

    def add(self, kind: type[Table] | str, row: object, reason: str) -> None:
        """Report a mismatch."""
        table = kind if isinstance(kind, str) else records.sql_table(kind).name
        self.problems.append(Problem(table, str(row), reason))
