"""What waits for a person, gathered from the packages whose workflows wait, in the order of its due times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from evaluator.web import tasks as evaluator_tasks
from portal.accounts import tasks as accounts_tasks
from portal.disclosure import tasks as disclosure_tasks
from portal.enforcement import tasks as enforcement_tasks
from portal.filing import tasks as filing_tasks
from portal.legal import tasks as legal_tasks
from portal.review import tasks as review_tasks
from portal.ui.formats import day, due, in_words, urgency
from portal.ui.tasks import Task
from secure_access.db import Session
from secure_access.identity import Actor

SOURCES: tuple[Callable[..., list[Task]], ...] = (
    filing_tasks.tasks,
    evaluator_tasks.tasks,
    review_tasks.tasks,
    disclosure_tasks.tasks,
    enforcement_tasks.tasks,
    legal_tasks.tasks,
    accounts_tasks.tasks,
)
"""Each gives the tasks of its own workflows, and nothing to whoever has no part in them."""


@dataclass(frozen=True)
class Waiting:
    """One row of the list: what the macro `must` draws."""

    what: str
    url: str
    about: str
    kind: str
    words: str
    when: str
    otherwise: str
    act: str


def tasks(session: Session, *, by: Actor, now: datetime) -> list[Task]:
    """Everything that waits for this person; what has no due time stands last."""
    found = [task for source in SOURCES for task in source(session, by=by, now=now)]
    return sorted(found, key=lambda task: (task.due is None, task.due or now))


def row(task: Task, now: datetime) -> Waiting:
    """A task as a row."""
    kind, words = urgency(task.due, now) if task.due else ("neutral", "No date set")
    when = _when(task.due) if task.due else ""
    return Waiting(task.what, task.link, task.detail, kind, words, when, task.consequence, task.act)


def _when(at: datetime) -> str:
    """A day where the whole of it may be used, else the minute."""
    return day(at) if (at.hour, at.minute) == (23, 59) else due(at)


def summary(found: list[Task], now: datetime) -> str:
    """One line: ``Four tasks are yours; one is due today.`` Empty for no task."""
    if not found:
        return ""
    line = f"{in_words(len(found))} {'task is' if len(found) == 1 else 'tasks are'} yours"
    late = sum(task.due is not None and task.due < now for task in found)
    today = sum(task.due is not None and task.due >= now and task.due.date() == now.date() for task in found)
    told = [(late, "late"), (today, "due today")]
    parts = [f"{in_words(n).lower()} {'is' if n == 1 else 'are'} {words}" for n, words in told if n]
    return f"{line}{'; ' if parts else ''}{' and '.join(parts)}."
