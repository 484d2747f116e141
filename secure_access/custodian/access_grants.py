"""Access grants: what two approvers sign and the custodian enforces, read from the bytes they sign. Pure.

A grant names one reader, the passkeys of that reader, sections by the digest of their sealed files, dates and
a number of pages. It may ask for less than the approved request allowed, never for more, and says why.
Source: docs/reference/protocol.md, “Access grant”.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from secure_access.custodian import forms
from secure_access.custodian.enrolment import Enrolment, Person, Role
from secure_access.custodian.forms import Form, Malformed
from secure_access.custodian.plan_manifests import PlanManifest

FORMAT = "assay.access-grant/v1"
BREAK_GLASS = "BG-"
LONGEST = timedelta(days=30)
FURTHEST = timedelta(days=90)
"""How long before it begins a grant may be offered and approved: what is signed now is meant for now."""
LONGEST_SITTING = 15
"""Minutes."""
APPROVERS = 2
MOST_PAGES = 100_000
BREAK_GLASS_PAGES, BREAK_GLASS_LONGEST = 20, timedelta(hours=4)
TERMS = ("readers", "sections", "dates", "pages")
"""What the approved request said and a grant may narrow; dates may move, because delivery does."""
_KEYS = (
    *("reference", "request", "developer", "model", "manifest", "sections", "reader", "credentials"),
    *("purpose", "legal_basis", "handling", "not_before", "not_after", "pages", "pages_per_hour"),
    *("sitting_minutes", "requester", "asked", "changes", "nonce"),
)
_ASKED = ("at", "readers", "sections", "not_before", "not_after", "pages")


class NotGranted(Exception):
    """A grant, or the approval of one, is refused; the message is a sentence that a person can act on."""


@dataclass(frozen=True)
class GrantedSection:
    """A section that may be read: its key, its title, and the SHA-256 in hex of its sealed file."""

    section: str
    title: str
    sha256: str


@dataclass(frozen=True)
class Asked:
    """What the approved request said, and when it was approved."""

    at: datetime
    readers: tuple[str, ...]
    sections: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    pages: int


@dataclass(frozen=True)
class AccessGrant:
    """The permission of one reader. ``developer`` is an organisation's id; the end of the dates is shut."""

    reference: str
    request: str
    developer: str
    model: str
    manifest: str
    sections: tuple[GrantedSection, ...]
    reader: str
    credentials: tuple[bytes, ...]
    purpose: str
    legal_basis: str
    handling: str
    not_before: datetime
    not_after: datetime
    pages: int
    pages_per_hour: int
    sitting_minutes: int
    requester: str
    asked: Asked
    changes: Mapping[str, str]
    nonce: str
    digest: str
    encoded: bytes = field(repr=False)

    @property
    def break_glass(self) -> bool:
        """Whether this is an emergency, which other rules bound."""
        return self.reference.startswith(BREAK_GLASS)

    def section(self, key: str) -> GrantedSection | None:
        """The granted section of that key."""
        return next((one for one in self.sections if one.section == key), None)

    @property
    def differing(self) -> tuple[str, ...]:
        """The terms in which this grant differs from the approved request."""
        differs = {
            "readers": self.asked.readers != (self.reader,),
            "sections": set(self.asked.sections) != {one.section for one in self.sections},
            "dates": (self.asked.not_before, self.asked.not_after) != (self.not_before, self.not_after),
            "pages": self.asked.pages != self.pages,
        }
        return tuple(term for term in TERMS if differs[term])


def parse(encoded: bytes) -> AccessGrant:
    """Read the bytes of a grant. Raises `Malformed` for another form, and for terms out of their bounds."""
    form = forms.document(encoded, FORMAT, _KEYS)
    changes = form.each("changes", ("term", "why"), lambda one: (one.text("term"), one.text("why")))
    found = AccessGrant(
        reference=form.identifier("reference"),
        request=form.identifier("request"),
        developer=form.identifier("developer"),
        model=form.text("model"),
        manifest=form.hexadecimal("manifest", 32),
        sections=form.each("sections", ("section", "title", "sha256"), _section),
        reader=form.identifier("reader"),
        credentials=form.texts("credentials", 1023),
        purpose=form.text("purpose"),
        legal_basis=form.text("legal_basis"),
        handling=form.text("handling", empty=True),
        not_before=form.instant("not_before"),
        not_after=form.instant("not_after"),
        pages=form.number("pages", 1, MOST_PAGES),
        pages_per_hour=form.number("pages_per_hour", 1, MOST_PAGES),
        sitting_minutes=form.number("sitting_minutes", 1, LONGEST_SITTING),
        requester=form.identifier("requester"),
        asked=_asked(form.one("asked", _ASKED)),
        changes=dict(changes),
        nonce=form.hexadecimal("nonce", 16),
        digest=forms.digest(encoded),
        encoded=encoded,
    )
    _check_terms(found)
    if len(found.changes) != len(changes) or not found.changes.keys() <= set(TERMS):
        raise Malformed("changes: a term is unknown or stands twice")
    return found


def _check_terms(grant: AccessGrant) -> None:
    if not grant.sections or len({one.section for one in grant.sections}) != len(grant.sections):
        raise Malformed("sections: none, or one twice")
    if grant.not_after <= grant.not_before:
        raise Malformed("not_after: dates end after they begin")
    if grant.not_after - grant.not_before > LONGEST:
        raise Malformed(f"not_after: a grant lasts at most {LONGEST.days} days")
    if not grant.break_glass:
        return
    if grant.not_after - grant.not_before > BREAK_GLASS_LONGEST:
        raise Malformed("not_after: break-glass lasts at most 4 hours")
    if grant.pages > BREAK_GLASS_PAGES:
        raise Malformed(f"pages: break-glass opens at most {BREAK_GLASS_PAGES} pages")


def _section(form: Form) -> GrantedSection:
    return GrantedSection(form.identifier("section"), form.text("title"), form.hexadecimal("sha256", 32))


def _asked(form: Form) -> Asked:
    return Asked(
        at=form.instant("at"),
        readers=form.identifiers("readers", empty=True),
        sections=form.identifiers("sections", empty=True),
        not_before=form.instant("not_before"),
        not_after=form.instant("not_after"),
        pages=form.number("pages", 0, MOST_PAGES),
    )


def check_offered(grant: AccessGrant, enrolment: Enrolment, plan: PlanManifest, now: datetime) -> None:
    """What must hold before anybody is asked to approve; it is looked at again with each approval.

    Raises `NotGranted`.
    """
    _check_delivered(grant, plan)
    if now >= grant.not_after:
        raise NotGranted("The dates of this grant have passed.")
    if grant.not_before > now + FURTHEST:
        raise NotGranted(f"This grant begins in more than {FURTHEST.days} days: offer it nearer to that day.")
    if not grant.break_glass:
        _check_asked(grant)
    elif grant.developer not in enrolment.notices:
        raise NotGranted(
            "The enrolment list names no address at which this developer is told of break-glass."
        )
    reader_of(grant, enrolment, now)


def _check_delivered(grant: AccessGrant, plan: PlanManifest) -> None:
    """The grant is about what was delivered, file by file."""
    if grant.manifest != plan.digest or grant.request != plan.request:
        raise NotGranted("The grant is about another delivery than the one that is here.")
    for one in grant.sections:
        sealed = plan.section(one.section)
        if sealed is None or sealed.sha256 != one.sha256:
            raise NotGranted(f"Section {one.section} is not the file that was delivered.")


def _check_asked(grant: AccessGrant) -> None:
    """No wider than the approved request, and each difference explained."""
    asked = grant.asked
    if grant.reader not in asked.readers:
        raise NotGranted("The approved request does not name this reader.")
    if not {one.section for one in grant.sections} <= set(asked.sections):
        raise NotGranted("The approved request does not name every section of this grant.")
    if grant.pages > asked.pages:
        raise NotGranted(f"The approved request allows {asked.pages} pages, and this grant {grant.pages}.")
    unexplained = set(grant.differing) ^ grant.changes.keys()
    if unexplained:
        named = ", ".join(sorted(unexplained))
        raise NotGranted(f"Say why each term differs from the request, and of no other: {named}.")


def reader_of(grant: AccessGrant, enrolment: Enrolment, now: datetime) -> Person:
    """The reader, who has the role, a passkey that the grant names, and no conflict. Raises `NotGranted`.

    Dates are of the enrolment: a grant may begin after ``now``, so who is enrolled is looked at with every
    page.
    """
    reader = enrolment.person(grant.reader, now)
    if reader is None or Role.READER not in reader.roles:
        raise NotGranted("The reader is not enrolled as a reader at this date.")
    if any(reader.key(credential) is None for credential in grant.credentials):
        raise NotGranted("The grant names a passkey that is not enrolled for the reader.")
    conflict = reader.conflicted_with(grant.developer)
    if conflict:
        raise NotGranted(f"The reader {conflict}.")
    return reader


def same_team(one: str, other: str) -> bool:
    """Whether two names of teams are one to who reads them: case, spaces and joiners aside."""
    seen = str.maketrans("", "", forms.JOINERS)
    first, second = (unicodedata.normalize("NFKC", name).translate(seen) for name in (one, other))
    return "".join(first.casefold().split()) == "".join(second.casefold().split())


def still_approves(
    grant: AccessGrant, enrolment: Enrolment, person: str, team: str, now: datetime
) -> tuple[Person, Person]:
    """Who approved before, of the team of that time and of now: the second approver is of neither.

    Raises `NotGranted` for one who could not approve it today.
    """
    found = enrolment.person(person, now)
    if found is None:
        raise NotGranted("The first approver is no longer enrolled: offer another access grant.")
    lost = Role.APPROVER not in found.roles and not grant.break_glass
    if lost or Role.DEVELOPER_OFFICER in found.roles or found.conflicted_with(grant.developer):
        raise NotGranted("The first approver may not approve this any more: offer another access grant.")
    return replace(found, team=team), found


def check_approver(
    grant: AccessGrant, by: Person, earlier: Sequence[Person], *, now: datetime, break_glass: bool = False
) -> None:
    """Whether ``by`` may be the next to approve, after ``earlier``. Raises `NotGranted`.

    ``break_glass`` is whether the deployment allows it; then two enrolled people of the authority's side do.
    """
    if grant.break_glass and not break_glass:
        raise NotGranted("This custodian does not allow break-glass: ask for an access grant.")
    if not by.current(now):
        raise NotGranted("You are not enrolled at this date.")
    if Role.DEVELOPER_OFFICER in by.roles or (Role.APPROVER not in by.roles and not grant.break_glass):
        raise NotGranted("Only an enrolled approver can approve an access grant.")
    if by.person == grant.reader:
        raise NotGranted("You would read under this grant: somebody else approves it.")
    conflict = by.conflicted_with(grant.developer)
    if conflict:
        raise NotGranted(f"Somebody else approves this grant: you are a person who {conflict}.")
    if any(one.person == by.person for one in earlier):
        raise NotGranted("You have approved this grant already: the second approval is another person's.")
    if grant.break_glass:
        return
    if by.person == grant.requester:
        raise NotGranted("You asked for this access: somebody else approves it.")
    if any(same_team(one.team, by.team) for one in earlier):
        raise NotGranted(f"The first approver is of the team {by.team} too: the second is of another team.")
