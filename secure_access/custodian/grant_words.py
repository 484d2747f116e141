"""An access grant in sentences, for the page on which it is approved. Pure: nothing here decides anything.

Everything is said from the bytes that are signed, with names that custody officers signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secure_access.custodian.access_grants import TERMS, AccessGrant, GrantedSection
from secure_access.custodian.enrolment import Enrolment
from secure_access.custodian.plan_manifests import PlanManifest

NO_CHANGE = "No change"
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Row:
    """One line of the table of changes: term, what the request said, what this grant says, why."""

    term: str
    request: str
    grant: str
    why: str


@dataclass(frozen=True)
class PlainWords:
    """What an approver reads: who may read what, within which bounds, why; and what changed since."""

    who: str
    bounds: str
    purpose: str
    emergency: str
    asked_at: str
    changes: tuple[Row, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The paragraphs in order, without those that say nothing."""
        return tuple(text for text in (self.emergency, self.who, self.bounds, self.purpose) if text)


def plain_words(grant: AccessGrant, enrolment: Enrolment, plan: PlanManifest) -> PlainWords:
    """The grant as a person reads it. The plan says how much of it the grant leaves shut."""
    return PlainWords(
        who=_who(grant, enrolment, plan),
        bounds=_bounds(grant, enrolment),
        purpose=f"The purpose: {grant.purpose} The legal basis: {grant.legal_basis} "
        f"Asked for by: {_name(grant.requester, enrolment)}.",
        emergency=_emergency(grant),
        asked_at=day(grant.asked.at),
        changes=() if grant.break_glass else _changes(grant, enrolment),
    )


def _who(grant: AccessGrant, enrolment: Enrolment, plan: PlanManifest) -> str:
    reader = enrolment.listed(grant.reader)
    if reader is None:
        named = f"{grant.reader}, whom the enrolment list does not name,"
    else:
        employer = enrolment.name_of(reader.employer)
        named = f"{reader.name}, {reader.title}, employed by {employer} in the team {reader.team},"
    titles = [_titled(one) for one in grant.sections]
    listed = " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))
    return (
        f"You allow {named} to read {count(len(titles), 'section')} of {count(len(plan.sections))} of the "
        f"security plan of {enrolment.name_of(grant.developer)} for {grant.model}: {listed}."
    )


def _bounds(grant: AccessGrant, enrolment: Enrolment) -> str:
    reader = enrolment.listed(grant.reader)
    devices = count(len(grant.credentials), "enrolled device")
    said = (
        f"From {minute(grant.not_before)} to {minute(grant.not_after)}, at most "
        f"{count(grant.pages, 'page')}, {grant.pages_per_hour} in an hour, on {devices}, in sittings of "
        f"{count(grant.sitting_minutes, 'minute')}. Every page carries the reader's name."
    )
    if reader is not None and reader.text:
        said += " This reader gets pages as text too."
    return f"{said} {grant.handling}".strip()


def _emergency(grant: AccessGrant) -> str:
    if not grant.break_glass:
        return ""
    return (
        "This is break-glass: an emergency access without an approved request. The custodian tells the "
        "developer before anything is opened."
    )


def _changes(grant: AccessGrant, enrolment: Enrolment) -> tuple[Row, ...]:
    asked = grant.asked
    titles = {one.section: _titled(one) for one in grant.sections}
    said = {
        "readers": (
            ", ".join(_name(reader, enrolment) for reader in asked.readers),
            _name(grant.reader, enrolment),
        ),
        "sections": (
            ", ".join(titles.get(section) or _untitled(section) for section in asked.sections),
            ", ".join(titles.values()),
        ),
        "dates": (_dates(asked.not_before, asked.not_after), _dates(grant.not_before, grant.not_after)),
        "pages": (str(asked.pages), str(grant.pages)),
    }
    differing = grant.differing
    rows = [Row(term.capitalize(), *said[term], grant.changes.get(term, "")) for term in differing]
    same = ", ".join(term for term in TERMS if term not in differing)
    return (*rows, *([Row(same.capitalize(), "–", NO_CHANGE, "–")] if same else []))


def _titled(section: GrantedSection) -> str:
    """The title, with the key of what is opened where the title is not that: the portal writes titles."""
    plain = section.title.casefold() == _untitled(section.section).casefold()
    return section.title if plain else f"{section.title} ({section.section})"


def _untitled(section: str) -> str:
    """A section that the grant leaves out, and so gives no title: its key, made readable."""
    return section.replace("_", " ").replace("-", " ").capitalize()


def _name(person: str, enrolment: Enrolment) -> str:
    found = enrolment.listed(person)
    return found.name if found is not None else person


def _dates(begin: datetime, end: datetime) -> str:
    return f"{minute(begin)} to {minute(end)}"


def day(at: datetime) -> str:
    """A day as pages write it."""
    return f"{at.day} {at:%B %Y}"


def minute(at: datetime) -> str:
    """A minute as pages write it."""
    return f"{day(at)}, {at:%H:%M} UTC"


def count(number: int, noun: str = "") -> str:
    """A number with its noun: in words up to ten."""
    said = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    return f"{said} {noun}{'' if number == 1 else 's'}" if noun else said
