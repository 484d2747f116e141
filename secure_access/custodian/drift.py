"""Where the public outline of a plan, what was delivered and the register of actors do not agree. Pure.

The report is made from what is sealed, so it is sealed itself and stays with the custodian. What the portal
is told of a section is `Told` and nothing more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from secure_access.canonical import encode
from secure_access.custodian import controls
from secure_access.custodian.findings import (
    REGISTER,
    REPORT,
    DriftReport,
    Finding,
    FindingKind,
    OutlineSection,
    Told,
)
from secure_access.custodian.oscal.plan import SystemControl, SystemPlan
from secure_access.custodian.register import Actor, Register

__all__ = [
    "REGISTER",
    "REPORT",
    "VERSION",
    "DriftReport",
    "Finding",
    "FindingKind",
    "OutlineSection",
    "Told",
    "compare",
    "digest",
    "encoded",
]

VERSION = "assay.drift-report/v1"


def compare(
    outline: Sequence[OutlineSection],
    delivered: Sequence[str],
    plans: Sequence[SystemPlan],
    register: Register | None,
    *,
    tiers: Collection[str] | None,
) -> DriftReport:
    """Every disagreement, in the order of outline, plan and register.

    ``delivered`` are the keys of the sections, ``plans`` those of them that are OSCAL, ``tiers`` the names
    of the risk tiers that exist (None where they are not known here: then no tier is called unknown).
    """
    inside = _inside(plans)
    findings = list(_sections(outline, delivered))
    claimed = _claimed(outline)
    if plans:
        found = (
            _claim(identifier, where, inside.get(identifier, ())) for identifier, where in claimed.items()
        )
        findings += [finding for finding in found if finding]
    elif asked := len({*claimed, *(name for actor in _of(register) for name in actor.controls)}):
        words = f"No section is an OSCAL plan: {asked} controls of outline and register were not looked for."
        findings.append(Finding(FindingKind.CONTROLS_NOT_COMPARED, "", words))
    if register is None:
        words = "No section is a threat-actor register, so no actor was compared with the controls."
        findings.append(Finding(FindingKind.NO_REGISTER, REGISTER, words))
    for actor in _of(register):
        findings += _actor(actor, inside if plans else None)
        if tiers is not None and actor.tier not in tiers:
            words = f"“{actor.name}” counts from risk tier “{actor.tier}”, which does not exist."
            findings.append(Finding(FindingKind.TIER_UNKNOWN, actor.name, words))
    return DriftReport(
        outline=digest(outline),
        sections=tuple(delivered),
        controls=len(inside),
        actors=len(_of(register)),
        findings=tuple(findings),
    )


def encoded(report: DriftReport) -> bytes:
    """The canonical JSON of a report, which is sealed; the same for the same report."""
    findings = [{"kind": each.kind, "about": each.about, "words": each.words} for each in report.findings]
    return encode(
        {
            "v": VERSION,
            "outline": report.outline,
            "sections": report.sections,
            "controls": report.controls,
            "actors": report.actors,
            "findings": findings,
        }
    )


def digest(outline: Sequence[OutlineSection]) -> str:
    """SHA-256 in hex of the canonical JSON of an outline's sections, each ``key``, ``title``, ``text``."""
    sections = [{"key": each.key, "title": each.title, "text": each.text} for each in outline]
    return hashlib.sha256(encode(sections)).hexdigest()


def _inside(plans: Sequence[SystemPlan]) -> dict[str, list[SystemControl]]:
    found: dict[str, list[SystemControl]] = {}
    for plan in plans:
        for control in plan.controls:
            found.setdefault(control.identifier, []).append(control)
    return found


def _sections(outline: Sequence[OutlineSection], delivered: Sequence[str]) -> Iterator[Finding]:
    for section in outline:
        if section.key not in delivered:
            words = f"The outline has “{section.title}”; no section “{section.key}” is delivered."
            yield Finding(FindingKind.SECTION_WITHOUT_DETAIL, section.key, words)
    known = {section.key for section in outline} | {REGISTER, REPORT}
    for key in delivered:
        if key not in known:
            words = f"Section “{key}” is delivered; the public outline has no such heading."
            yield Finding(FindingKind.SECTION_NOT_IN_OUTLINE, key, words)


def _claimed(outline: Sequence[OutlineSection]) -> dict[str, str]:
    """Every control that the outline names, with the title of the section that names it first."""
    found: dict[str, str] = {}
    for section in outline:
        for identifier in controls.mentions(section.text):
            found.setdefault(identifier, section.title)
    return found


def _of(register: Register | None) -> tuple[Actor, ...]:
    return register.actors if register else ()


def _claim(identifier: str, where: str, found: Sequence[SystemControl]) -> Finding | None:
    said = f"“{where}” of the outline claims {_named(identifier)}"
    known = controls.titles()
    if identifier in known.withdrawn and not found:
        return Finding(FindingKind.CONTROL_WITHDRAWN, identifier, f"{said}, which NIST has withdrawn.")
    if identifier not in known.current and not found:
        return Finding(
            FindingKind.CONTROL_UNKNOWN, identifier, f"{said}; {known.publication} has no such control."
        )
    if not found:
        return Finding(FindingKind.CONTROL_ABSENT, identifier, f"{said}; the plan does not have it.")
    if not any(control.in_place for control in found):
        words = f"{said}; in the plan it is {_statuses(found)}."
        return Finding(FindingKind.CONTROL_NOT_IN_PLACE, identifier, words)
    if not any(control.statuses for control in found):
        words = f"{said}; the plan does not say whether it is in place."
        return Finding(FindingKind.CONTROL_WITHOUT_STATUS, identifier, words)
    return None


def _actor(actor: Actor, inside: Mapping[str, Sequence[SystemControl]] | None) -> Iterator[Finding]:
    if not actor.controls:
        words = f"No control answers “{actor.name}”, which is after: {actor.asset}."
        yield Finding(FindingKind.ACTOR_WITHOUT_CONTROL, actor.name, words)
    if inside is None:
        return
    for identifier in actor.controls:
        found = inside.get(identifier, ())
        said = f"{_named(identifier)} answers “{actor.name}”"
        if not found:
            yield Finding(FindingKind.ACTOR_CONTROL_ABSENT, actor.name, f"{said}; the plan does not have it.")
        elif not any(control.in_place for control in found):
            words = f"{said}; in the plan it is {_statuses(found)}."
            yield Finding(FindingKind.ACTOR_CONTROL_NOT_IN_PLACE, actor.name, words)


def _named(identifier: str) -> str:
    title = controls.title_of(identifier)
    return f"{controls.written(identifier)} ({title})" if title else controls.written(identifier)


def _statuses(found: Sequence[SystemControl]) -> str:
    return ", ".join(dict.fromkeys(status for control in found for status in control.statuses))
