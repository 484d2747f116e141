"""Between the incident's form and its row; and the picture of its clocks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import BooleanField, StringField, TextAreaField

from portal.filing.incidents import PROPOSED, FirstReport
from portal.filing.registry import ModelVersion
from portal.filing.tables import Incident
from portal.ui.charts import Clock, Clocks
from portal.ui.fields import MemorableMomentField, Needed, RadioField, SelectField, SelectMultipleField
from portal.ui.formats import plural
from portal.ui.forms import Form
from secure_access import identity
from secure_access.db import Session
from secure_access.identity.tables import LegalEntity

KINDS = {
    "critical_infrastructure": "Critical infrastructure disrupted",
    "cybersecurity": "Serious cybersecurity breach, weights taken or leaving by themselves included",
    "death": "Death",
    "serious_harm": "Serious harm to health, rights, property or environment",
}


class FirstReportForm(Form):
    """What has to be known in the first minutes. Only the first two are needed."""

    what_happened = TextAreaField(
        "What happened",
        [Needed("Say in a sentence what happened; the rest can follow.")],
        description="A short, plain statement. You can add to it at any time.",
    )
    aware_at = MemorableMomentField(
        "When did you become aware of it",
        [Needed("Say when you became aware; clocks start there.")],
        description="Date and time in UTC.",
    )
    belief_at = MemorableMomentField(
        "When did you have facts enough for a reasonable belief",
        description="If it was at another time. New York counts from the earlier one.",
    )
    imminent_danger = BooleanField("There is imminent danger of death or serious injury")
    version = SelectField("Model", choices=[])
    entity = SelectField(
        "Legal entity that reports", choices=[], description="The report does not wait for it."
    )
    kinds = SelectMultipleField("What kind", choices=list(KINDS.items()))
    internal_use = RadioField(
        "Did it come from internal use",
        choices=[("yes", "Yes"), ("no", "No"), ("not_known", "Not known yet")],
        default="not_known",
    )
    told = StringField(
        "Who has been told", description="For example police, a hospital, another authority, with time."
    )
    contact = StringField("Whom can the authority reach now", description="Name and telephone.")

    def first_report(self, version: ModelVersion | None, entity_id: uuid.UUID | None) -> FirstReport:
        """What was typed, as the verb takes it. Call it after ``validate()``."""
        assert self.aware_at.data
        return FirstReport(
            what_happened=self.what_happened.data or "",
            aware_at=self.aware_at.data,
            version=version,
            entity_id=entity_id,
            kinds=self.kinds.data or [],
            belief_at=self.belief_at.data,
            imminent_danger=bool(self.imminent_danger.data),
            internal_use={"yes": True, "no": False}.get(self.internal_use.data),
            told=self.told.data or "",
            contact=self.contact.data or "",
        )


class ResolutionForm(Form):
    """When and how an incident was resolved."""

    resolved_at = MemorableMomentField(
        "When was it resolved",
        [Needed("Say when it was resolved; the clock of the final report starts there.")],
        description="Date and time in UTC.",
    )
    how = TextAreaField(
        "How was it resolved",
        [Needed("Say in a sentence what ended it.")],
        description="What was done, and why it will not go on.",
    )


def chart(incident: Incident) -> Clocks:
    """Each law's clock on one axis, to when it was reported."""
    shown = [clock for clock in incident.clocks if clock["governs"]]
    rows = tuple(
        Clock(
            name=clock["name"],
            note=_note(clock),
            start=_local(clock, "starts_at"),
            due=_local(clock, "due_at"),
            done=incident.reported_at,
            source=clock["citation"] + ("" if clock["verified"] else " (not verified)"),
        )
        for clock in shown
    )
    in_force = [clock for clock in shown if clock["status"] != PROPOSED]
    late = [clock["name"] for clock in in_force if not clock["on_time"]]
    finding = (
        f"Reported late under {' and '.join(dict.fromkeys(late))}."
        if late
        else f"Reported in time under each of {plural(len(in_force), 'clock')}."
    )
    return Clocks(f"Clocks of {incident.reference}", finding, rows, incident.reported_at)


def _note(clock: dict[str, Any]) -> str:
    proposed = "proposed; " if clock["status"] == PROPOSED and "proposed" not in clock["label"] else ""
    return f"{clock['label']}: {proposed}{clock['rule']}"


def _local(clock: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(clock[name]).astimezone(ZoneInfo("UTC"))


def entity_name(session: Session, incident: Incident) -> str:
    """The legal entity that reported, empty where it was not named."""
    found = session.get(LegalEntity, incident.entity_id) if incident.entity_id else None
    return found.name if found else ""


def kind_words(incident: Incident) -> str:
    """The kinds in words."""
    return "; ".join(KINDS[kind] for kind in incident.kinds if kind in KINDS) or "Not said yet"


def still_missing(incident: Incident) -> list[str]:
    """What the first report left open: items to add, never a reason to refuse it."""
    left = {
        "which model it concerns": incident.model_version_id,
        "what kind of incident it is": incident.kinds,
        "whether it came from internal use": incident.internal_use is not None,
        "whom the authority can reach": incident.contact,
        "when and how it was resolved": incident.resolutions,
    }
    if incident.imminent_danger:
        left["who was told of the danger"] = incident.told
    return [words for words, given in left.items() if not given]


def updates(session: Session, incident: Incident) -> list[dict[str, Any]]:
    """The updates, each with its time, who wrote it, and whether it is the final report."""
    return [
        {**_signed(session, said), "text": said["text"], "final": said.get("final", False)}
        for said in incident.updates
    ]


def resolutions(session: Session, incident: Incident) -> list[dict[str, Any]]:
    """What was said of the resolution, each with its time and who wrote it; the last one counts."""
    return [
        {
            **_signed(session, said),
            "resolved_at": datetime.fromisoformat(said["resolved_at"]),
            "how": said["how"],
        }
        for said in incident.resolutions
    ]


def _signed(session: Session, said: Mapping[str, Any]) -> dict[str, Any]:
    person = session.get(identity.Person, uuid.UUID(said["by"]))
    return {"at": datetime.fromisoformat(said["at"]), "by": person.name if person else ""}
