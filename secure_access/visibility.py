"""Who sees which rows: one table of sights for each kind of row.

A sight is a reason to see a row: who, whose rows, in which states. What no sight opens is not there: one
condition answers for a row by a guessed name, for a list, a search and an export alike, so that what is not
yours cannot be told from what does not exist. Acts are the other table, `secure_access.workflow`.

The page ``docs/reference/visibility.md`` is generated from the tables that use this module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, false, not_, or_

from secure_access.actor import Actor, OrganisationKind
from secure_access.db import Session, Table, col, select
from secure_access.workflow import NotFound, Role

Row = TypeVar("Row", bound=Table)

Rule = Callable[[Actor], ColumnElement[bool]]
"""What else must hold of a row for this actor. The first line of its docstring says it in words."""


@dataclass(frozen=True)
class Sight:
    """One reason to see a row.

    Seen by people of organisations of this ``kind`` who hold one of ``roles`` (empty: any role, also none),
    of rows whose column ``own`` names their organisation (empty: of every organisation), in ``states``
    (empty: in every state), where ``besides`` holds too. Who acts under a delegation sees what ``agents``
    opens to them.
    """

    kind: OrganisationKind
    roles: Collection[Role] = ()
    own: str = ""
    states: Collection[StrEnum] = ()
    besides: Rule | None = None
    agents: bool = True

    def opens_to(self, by: Actor) -> bool:
        """Whether this sight is for such a person at all."""
        fits = by.organisation_kind is self.kind and (self.agents or by.agency is None)
        return fits and (not self.roles or bool(by.roles & set(self.roles)))


class Visibility(Generic[Row]):
    """The sights of one table.

    ``about`` is the column of the developer whose matter a row is: for an official who has a conflict with
    that developer no sight opens it.
    """

    def __init__(self, table: type[Row], *sights: Sight, about: str = "developer_id") -> None:
        self.table = table
        self.sights = sights
        self.about = about

    def to(self, by: Actor) -> ColumnElement[bool]:
        """The condition under which a row is there for ``by``; false where nothing opens any row."""
        seen = [self._condition(sight, by) for sight in self.sights if sight.opens_to(by)]
        return or_(false(), *seen)

    def find(self, session: Session, by: Actor, *named: ColumnElement[bool], for_update: bool = False) -> Row:
        """The row of that name, if it is there for ``by``. Raises `NotFound` where it is not.

        ``for_update`` locks it until the transaction ends: for use before a verb.
        """
        query = select(self.table).where(*named, self.to(by))
        if for_update:
            query = query.with_for_update().execution_options(populate_existing=True)
        found = session.exec(query).first()
        if found is None:
            raise NotFound
        return found

    def _condition(self, sight: Sight, by: Actor) -> ColumnElement[bool]:
        held: list[ColumnElement[bool]] = []
        if sight.own:
            held.append(self._column(sight.own) == by.organisation_id)
        if sight.states:
            held.append(self._column("state").in_(sight.states))
        if self.about and by.conflicts:
            held.append(not_(self._column(self.about).in_(by.conflicts)))
        if sight.besides is not None:
            held.append(sight.besides(by))
        return and_(self._column("id").is_not(None), *held)

    def _column(self, name: str) -> Any:
        return col(getattr(self.table, name))
