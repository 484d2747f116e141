"""A system security plan as the custodian shows and compares it, in the order of the document. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from secure_access.custodian import controls
from secure_access.custodian.oscal.nodes import Node, Passage

NOT_IN_PLACE = frozenset({"planned", "not-applicable", "not-implemented"})
"""States of a control that does nothing yet, or never will; the last is not OSCAL's own, and is in use."""

_TOLD = frozenset(
    {"uuid", "description", "component-uuid", "implementation-status", "set-parameter", "remarks"}
)
_STATUS = "implementation-status"
_PART = re.compile(r"[^_]*_st?mt(?:\.(?P<part>.+))?|")


@dataclass(frozen=True)
class Parameter:
    """A value that the plan sets where the control leaves one open."""

    identifier: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """How one component meets a control, or a statement of it: the text is the plan's, as data."""

    component: str
    status: str
    text: str
    parameters: tuple[Parameter, ...]
    remarks: str
    others: tuple[Passage, ...]


@dataclass(frozen=True)
class Statement:
    """A lettered part of a control (``ac-2_smt.a``) and the answers to it; without identifier, the whole."""

    identifier: str
    answers: tuple[Answer, ...]
    remarks: str
    others: tuple[Passage, ...]

    @property
    def part(self) -> str:
        """Which part people call it: ``a.1`` for ``ac-2_smt.a.1``; empty for the whole."""
        found = _PART.fullmatch(self.identifier)
        return self.identifier if found is None else found["part"] or ""


@dataclass(frozen=True)
class SystemControl:
    """A control that the plan answers. ``statuses`` are all that are told of it, once, in order."""

    identifier: str
    title: str
    statuses: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    statements: tuple[Statement, ...]
    remarks: str
    others: tuple[Passage, ...]

    @property
    def status(self) -> str:
        """The statuses in words."""
        return ", ".join(self.statuses) or "not stated"

    @property
    def in_place(self) -> bool:
        """Whether anything of it is more than planned. A control without a status is taken at its text."""
        return not self.statuses or not NOT_IN_PLACE.issuperset(self.statuses)


@dataclass(frozen=True)
class SystemPlan:
    """A system security plan. ``others`` is every text of the file that is not in ``controls``."""

    title: str
    version: str
    oscal_version: str
    system: str
    controls: tuple[SystemControl, ...]
    others: tuple[Passage, ...]


def plan_of(root: Node) -> SystemPlan:
    """The plan below its root; what the schema would not allow is left out, or reads as empty."""
    metadata, implementation = root.one("metadata"), root.one("control-implementation")
    components = {
        component.text("uuid"): component.text("title")
        for component in root.one("system-implementation").every("component")
    }
    others = [
        *metadata.passages(frozenset({"title", "version", "oscal-version"}), "metadata"),
        *root.passages(frozenset({"uuid", "metadata", "control-implementation"})),
        *implementation.passages(frozenset({"implemented-requirement"}), "control-implementation"),
    ]
    return SystemPlan(
        title=metadata.text("title"),
        version=metadata.text("version"),
        oscal_version=metadata.text("oscal-version"),
        system=root.one("system-characteristics").text("system-name"),
        controls=tuple(
            _control(node, components) for node in implementation.every("implemented-requirement")
        ),
        others=tuple(others),
    )


def _control(node: Node, components: dict[str, str]) -> SystemControl:
    own = [part.text("value") for part in node.every("prop") if part.text("name") == _STATUS]
    whole = tuple(_answer(answer, components) for answer in node.every("by-component"))
    statements = [Statement("", whole, "", ())] if whole else []
    statements += [_statement(statement, components) for statement in node.every("statement")]
    told = [answer.status for statement in statements for answer in statement.answers]
    identifier = controls.normalised(node.text("control-id"))
    known = {"control-id", "statement", "by-component", "set-parameter", "uuid", "remarks"}
    return SystemControl(
        identifier=identifier,
        title=controls.title_of(identifier),
        statuses=tuple(dict.fromkeys(status for status in (*own, *told) if status)),
        parameters=_parameters(node),
        statements=tuple(statements),
        remarks=node.text("remarks"),
        others=tuple(node.passages(frozenset(known))),
    )


def _statement(node: Node, components: dict[str, str]) -> Statement:
    known = frozenset({"statement-id", "uuid", "by-component", "remarks"})
    return Statement(
        identifier=node.text("statement-id"),
        answers=tuple(_answer(answer, components) for answer in node.every("by-component")),
        remarks=node.text("remarks"),
        others=tuple(node.passages(known)),
    )


def _answer(node: Node, components: dict[str, str]) -> Answer:
    named = node.text("component-uuid")
    state = node.one(_STATUS)
    return Answer(
        component=components.get(named) or f"component {named}",
        status=state.text("state"),
        text=node.text("description"),
        parameters=_parameters(node),
        remarks=node.text("remarks"),
        others=(*node.passages(_TOLD), *state.passages(frozenset({"state"}), _STATUS)),
    )


def _parameters(node: Node) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(part.text("param-id"), part.texts("value")) for part in node.every("set-parameter")
    )
