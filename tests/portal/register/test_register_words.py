"""Four sentences of every kind of decision, and the state of the whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from portal.register import words
from portal.review.public import PublicCondition, PublicDecision
from portal.review.tables import DecisionKind
from portal.review.workflow import ConditionState

AT = datetime(2027, 9, 27, 9, 40, tzinfo=UTC)
TODAY = date(2027, 10, 1)
DECISION = PublicDecision(
    id=uuid4(),
    reference="D-2027-001",
    kind=DecisionKind.NO_OBJECTION,
    developer="Quillmark Systems, Inc.",
    model="Corvane 4",
    decided_at=AT,
    power="EU AI Act Art. 93",
    channels=("API", "Consumer products"),
    until=None,
    reasons="It lies within\nthe tier. A second sentence.",
    conditions=(),
    evidence=(),
    appeals=(),
)


def condition(state: ConditionState) -> PublicCondition:
    return PublicCondition(1, "Limit new accounts", None, state, AT)


@pytest.mark.parametrize(
    ("kind", "until", "sentence"),
    [
        (
            DecisionKind.NO_OBJECTION,
            None,
            "may make Corvane 4 available through API and consumer products. The authority has no objection.",
        ),
        (
            DecisionKind.CONDITIONS,
            None,
            "may make Corvane 4 available through API and consumer products, under one condition.",
        ),
        (
            DecisionKind.DELAY,
            date(2027, 12, 1),
            "may not make Corvane 4 available through API and consumer products before 1 Dec 2027.",
        ),
        (DecisionKind.DELAY, None, "through API and consumer products for now."),
        (DecisionKind.BLOCK, None, "may not make Corvane 4 available through API and consumer products."),
        (DecisionKind.RESTRICT, None, "has to restrict Corvane 4 to API and consumer products."),
        (
            DecisionKind.RESTRICT,
            date(2027, 12, 1),
            "has to restrict Corvane 4 to API and consumer products until 1 Dec 2027.",
        ),
    ],
)
def test_what_was_decided(kind: DecisionKind, until: date | None, sentence: str) -> None:
    made = replace(DECISION, kind=kind, until=until, conditions=(condition(ConditionState.IN_FORCE),))
    said = dict(words.four(made))
    assert said["What was decided"].endswith(sentence)
    assert said["What it does not mean"] == words.LIMITS[kind]
    assert said["Why"] == "It lies within the tier."


def test_without_channels_no_channel_is_named() -> None:
    made = replace(DECISION, channels=())
    assert words.decided(made).startswith("Quillmark Systems, Inc. may make Corvane 4 available. ")
    assert words.channels(replace(DECISION, channels=("In training",))) == "in training"


@pytest.mark.parametrize(
    ("changes", "following", "standing"),
    [
        ({}, "stands until another", ("good", "In force")),
        ({"appeals": (AT,)}, "noted an appeal", ("warn", "In force, appeal noted")),
        (
            {"conditions": (condition(ConditionState.BREACHED),)},
            "was breached",
            ("stop", "In force, a condition breached"),
        ),
        ({"conditions": (condition(ConditionState.IN_FORCE),)}, "checks the evidence", ("good", "In force")),
        ({"conditions": (condition(ConditionState.MET),)}, "stands until", ("good", "In force")),
        (
            {"kind": DecisionKind.DELAY, "until": date(2027, 12, 1)},
            "ends on 1 Dec 2027",
            ("good", "In force"),
        ),
        (
            {"kind": DecisionKind.DELAY, "until": date(2027, 9, 30)},
            "ends on 30 Sep 2027",
            ("neutral", "Time of the delay has passed"),
        ),
    ],
)
def test_what_happens_next_and_where_it_stands(
    changes: dict[str, object], following: str, standing: tuple[str, str]
) -> None:
    made = replace(DECISION, **changes)  # type: ignore[arg-type]
    assert following in words.following(made)
    assert words.standing(made, TODAY) == standing


def test_states_of_conditions() -> None:
    assert words.condition_state(ConditionState.MET, AT) == ("good", "Met on 27 Sep 2027")
    assert words.condition_state(ConditionState.IN_FORCE, AT) == ("neutral", "In force")
    assert words.first_sentence("No full stop") == "No full stop"
