"""Looks at sections as the custodian will, before they are sealed: whoever seals sees its own errors first.

Nothing is sent. The custodian makes the same checks again after delivery, in its sandbox, and believes no
report.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from secure_access.custodian.drift import DriftReport, OutlineSection, compare
from secure_access.custodian.oscal import Reading, SchemaState
from secure_access.custodian.oscal.formats import BYTES
from secure_access.custodian.register import Register
from secure_access.custodian.sections import Looked, look, media_type_of


@dataclass(frozen=True)
class SectionReport:
    """What was found in one section; ``faults`` are what its author should put right before sealing."""

    section: str
    name: str
    words: str
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What a developer reads before sealing; ``drift`` is None where no outline was given."""

    sections: tuple[SectionReport, ...]
    drift: DriftReport | None

    @property
    def sound(self) -> bool:
        """Whether no section has a fault. Drift is none: an outline may say less, and a plan be in parts."""
        return not any(section.faults for section in self.sections)

    @property
    def lines(self) -> tuple[str, ...]:
        """The report as lines of text."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        for section in self.sections:
            yield f"{section.section} ({section.name}): {section.words}"
            for fault in section.faults:
                yield f"  {fault}"
        if self.drift is None:
            yield "No outline was given, so nothing was compared with it."
        elif self.drift.findings:
            yield f"Compared with the public outline, findings: {len(self.drift.findings)}."
            for finding in self.drift.findings:
                yield f"  {finding.kind.capitalize()}: {finding.words}"
        else:
            yield "Outline, sections, controls and register agree."


def check(
    sections: Mapping[str, Path], outline: Mapping[str, str] | None, *, tiers: Collection[str] | None = None
) -> Report:
    """Looks at the file of every section and compares all of them with the public outline.

    ``sections`` are files by the key of their section, ``outline`` texts by the same keys, ``tiers`` the
    names of risk tiers where they are known. A file that cannot be read is a fault in the report. Raises
    `oscal.SchemaDamaged`.
    """
    looked = {key: _look_at(path) for key, path in sections.items()}
    reports = tuple(_reported(key, sections[key].name, found) for key, found in looked.items())
    if outline is None:
        return Report(reports, None)
    contents = [found.content for found in looked.values()]
    plans = [content.plan for content in contents if isinstance(content, Reading)]
    registers = [content for content in contents if isinstance(content, Register)]
    whole = Register(tuple(actor for each in registers for actor in each.actors)) if registers else None
    headings = [OutlineSection(key, key, text) for key, text in outline.items()]
    return Report(reports, compare(headings, tuple(sections), plans, whole, tiers=tiers))


def _look_at(path: Path) -> Looked:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1) if media_type_of(path.name) else file.read(1)
    except OSError as error:
        return Looked(None, (f"The file cannot be read: {error.strerror or 'no reason told'}.",))
    if not content:
        return Looked(None, ("The file is empty.",))
    return look(content, media_type_of(path.name))


def _reported(key: str, name: str, found: Looked) -> SectionReport:
    content = found.content
    if isinstance(content, Reading):
        faults = [f"{error.place}: {error.words}" for error in content.errors]
        if content.state is SchemaState.NOT_INSTALLED:
            faults.append("Write it in a version of OSCAL whose schema is installed.")
        words = f"a system security plan of {len(content.plan.controls)} controls. {content.words}"
        return SectionReport(key, name, words, tuple(faults))
    if isinstance(content, Register):
        return SectionReport(key, name, f"a threat-actor register of {len(content.actors)} actors.", ())
    if found.problems:
        return SectionReport(key, name, "cannot be read as it is.", found.problems)
    return SectionReport(key, name, "not looked into here; the custodian opens it after delivery.", ())
