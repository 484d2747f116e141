"""Where the demonstration is played: each act at its own moment, with the jobs it causes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from evaluator.tables import Engagement
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, Incident
from portal.review.tables import Case, Decision, InformationRequest, PlanRequest
from portal.upload import Upload
from portal.web import Wired
from portal.worker import run_due
from secure_access import documents
from secure_access.clock import FixedClock
from secure_access.db import Session, Table, select
from secure_access.documents import Accepted
from secure_access.identity import Organisation
from secure_access.ledger import sequencer

Made = TypeVar("Made")


class Stage:
    """An instance whose clock stands where the story is."""

    def __init__(self, wired: Wired) -> None:
        self.real = wired
        self.clock = FixedClock(datetime(2027, 5, 3, 8, 0, tzinfo=UTC))
        self.wired = replace(wired, clock=self.clock)

    def at(self, moment: str) -> Stage:
        """Move on to a moment such as ``2027-07-05 14:32`` (UTC). A story never goes back in time."""
        to = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        assert to >= self.clock.at, f"{moment} lies before what was already told"
        self.clock.at = to
        return self

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def act(self, verb: Callable[..., Made], **arguments: Any) -> Made:
        """One act in one transaction, then the jobs it caused, then its place in the ledger.

        A row among the arguments is loaded again, so that the verb sees it as it stands.
        """
        with self.wired.database.write() as session:
            fresh = {name: _again(session, value) for name, value in arguments.items()}
            made = verb(session, now=self.now, **fresh)
        run_due(self.wired)
        self.sequence()
        return made

    def sequence(self) -> None:
        """Give what was recorded its place in the ledger."""
        assert self.wired.signer is not None
        sequencer.sequence(self.wired.database, self.wired.signer, self.now)

    def upload(self, name: str, content: bytes) -> Upload:
        """A file that has arrived in the vault."""
        upload = Upload(self.wired.vault, name)
        upload.write(content)
        upload.seek(0)
        return upload

    def file(self, name: str, content: bytes) -> Accepted:
        """A file that has arrived and is of a kind that is taken."""
        upload = self.upload(name, content)
        return documents.accept(self.wired.vault, upload.claim(), document_id=upload.document_id, name=name)


@dataclass
class Told:
    """What the story makes, act by act; a name is there once its act has been played."""

    version: ModelVersion
    filings: dict[str, Filing] = field(default_factory=dict)
    case: Case = field(init=False)
    request: InformationRequest = field(init=False)
    plan: PlanRequest = field(init=False)
    refused_at: datetime = field(init=False)
    incident: Incident = field(init=False)
    engagement: Engagement = field(init=False)
    decision: Decision = field(init=False)


def already_loaded(wired: Wired) -> bool:
    """Whether somebody is there already."""
    with wired.database.read() as session:
        return session.exec(select(Organisation)).first() is not None


def _again(session: Session, value: Any) -> Any:
    return session.get_one(type(value), value.id) if isinstance(value, Table) else value  # type: ignore[attr-defined]
