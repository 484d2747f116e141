"""The five doors: what each role does, what it cannot see, and a short walk through the told case."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Stop:
    """One page of a walk: ``page`` names an address of the told case (see `Story`)."""

    title: str
    sentence: str
    page: str


@dataclass(frozen=True)
class Door:
    """One way in."""

    key: str
    name: str
    zone: str
    sentence: str
    cannot_see: str
    enter: str
    walk: tuple[Stop, ...] = field(default=())


DOORS = (
    Door(
        key="case-officer",
        name="Case officer",
        zone="government",
        sentence="Read what developers file, ask what is missing, and prepare the decision.",
        cannot_see="A draft before it is submitted. A sealed plan, unless you are its named reader.",
        enter="Enter as case officer",
        walk=(
            Stop(
                "The queue",
                "Every case with its next act, who owes it, and the days left on the clock.",
                "queue",
            ),
            Stop(
                "A case on one page",
                "What is asked of you stands first; risk tiers, timeline and ledger entries below it.",
                "case",
            ),
            Stop(
                "An information request",
                "Three questions, served and answered; the clock stood still meanwhile.",
                "request",
            ),
            Stop(
                "The comparison",
                "The developer's risk tiers beside the evaluator's. One gap is flagged.",
                "comparison",
            ),
            Stop(
                "The decision", "Recommended by one, decided by another, with one condition.", "decision_work"
            ),
        ),
    ),
    Door(
        key="evaluator",
        name="Evaluator",
        zone="evaluator",
        sentence="Test a model independently, and set your finding beside the developer’s own.",
        cannot_see="Sealed plans. Any engagement but yours.",
        enter="Enter as evaluator",
        walk=(
            Stop(
                "Your engagement",
                "Which model, which categories, until when, and your declaration of no conflict.",
                "engagement",
            ),
            Stop(
                "What you may read",
                "The accepted risk report. Each reading is recorded.",
                "engagement_filing",
            ),
            Stop(
                "Your assessment",
                "At least, at most, cannot rule out; with confidence, basis and a real evaluation log.",
                "assessment",
            ),
        ),
    ),
    Door(
        key="developer",
        name="Developer",
        zone="developer",
        sentence="File reports and incidents, get a receipt for each, and see who opened your security plan.",
        cannot_see="Other developers. Internal notes of the authority.",
        enter="Enter as developer",
        walk=(
            Stop(
                "Which laws would cover you",
                "Four regimes, rule by rule, with citation and arithmetic.",
                "coverage",
            ),
            Stop(
                "The risk report",
                "Category by category, with a named risk owner. Each field is public or not.",
                "filing",
            ),
            Stop("The receipt", "Proof that verifies without this portal.", "receipt"),
            Stop("The incident", "Each regime's clock as a bar. This one was late in New York.", "incident"),
            Stop(
                "Who opened your plan",
                "Who, of which team, which section, when. One reader was refused.",
                "openings",
            ),
        ),
    ),
    Door(
        key="enforcement",
        name="Enforcement",
        zone="government",
        sentence=(
            "Work out a penalty line by line, each with its source, and have a second person approve it."
        ),
        cannot_see="Sealed plans. Filings outside an open case.",
        enter="Enter as enforcement",
        walk=(
            Stop(
                "What may be a violation",
                "A late answer and a late incident, suggested by the system, alleged by a person.",
                "violations",
            ),
            Stop(
                "The worksheet",
                "From turnover to the last cent; the ceiling, and the amount under each other reading.",
                "worksheet",
            ),
            Stop(
                "The referral",
                "New York fines through its courts. The file goes to the Attorney General.",
                "referral",
            ),
        ),
    ),
    Door(
        key="public",
        name="Public",
        zone="public",
        sentence="Read what was filed, found and decided, and check that nothing was changed since.",
        cannot_see="Confidential annexes, proposed penalties, names of private persons.",
        enter="Read the register",
        walk=(
            Stop("The decision", "What was decided, why, and what it does not mean.", "decision"),
            Stop("The report, as published", "What is withheld is named, with the ground.", "public_filing"),
            Stop("The ledger", "The signed checkpoint, and how to check a receipt yourself.", "ledger"),
        ),
    ),
)

FOLLOW = (
    ("Risk report", "filing"),
    ("Information request", "request"),
    ("Security plan", "openings"),
    ("Incident", "incident"),
    ("Independent assessment", "comparison"),
    ("Penalty worksheet", "worksheet"),
    ("Public record", "decision"),
)


@dataclass(frozen=True)
class Story:
    """Where the told case is: addresses and facts by name, and the accounts of the doors. From the seed."""

    pages: dict[str, dict[str, str]]
    accounts: dict[str, str]

    def address(self, page: str) -> str:
        """The address of a page of the told case; empty where the story does not reach it."""
        return self.pages.get(page, {}).get("url", "")

    def fact(self, page: str) -> str:
        """One line about it, such as a date."""
        return self.pages.get(page, {}).get("fact", "")


def story(home: Path) -> Story | None:
    """The told case of a demonstration, or ``None`` where there is none."""
    path = home / "story.json"
    if not path.exists():
        return None
    told: dict[str, Any] = json.loads(path.read_text())
    return Story(told["pages"], told["accounts"])


def door(key: str) -> Door | None:
    """The door with this key."""
    return next((door for door in DOORS if door.key == key), None)
