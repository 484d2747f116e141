"""The enrolment list: whom the custodian believes. Pure.

Custody officers sign it offline; the portal carries it and cannot change it, so that a forged row of a
portal's database is worth nothing here. Each list names its predecessor by digest, has the next number, and
is signed by officers of the predecessor. Source: docs/reference/protocol.md, “Sealed plans”.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from webauthn.helpers.decode_credential_public_key import (
    DecodedEC2PublicKey,
    DecodedOKPPublicKey,
    DecodedRSAPublicKey,
    decode_credential_public_key,
)

from secure_access import keys
from secure_access.custodian import forms
from secure_access.custodian.forms import Form, Malformed

FORMAT = "assay.enrolment/v1"
DOMAIN = FORMAT.encode() + b"\0"
NO_PREVIOUS = "0" * 64
FEWEST_OFFICERS, FEWEST_SIGNATURES, FEWEST_GROUPS = 3, 2, 2
SIGN_SIZE, OPEN_SIZE = 32, 1216
"""Bytes of an Ed25519 and of an X-Wing public key."""
ID_BYTES, KEY_BYTES = (16, 1023), (32, 4096)
"""Fewest and most bytes of the id of a passkey, and of its public key (COSE)."""
_KEYS = (
    *("version", "previous", "made_at", "custodian", "rp_id", "needed"),
    *("organisations", "officers", "people"),
)
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_OFFICER = ("id", "name", "group", "sign", "open")
_PERSON = (
    *("person", "name", "title", "organisation", "employer", "team", "roles", "conflicts", "credentials"),
    *("text", "not_before", "not_after"),
)


class NotEnrolled(ValueError):
    """A list is not believed; the message says which rule it breaks."""


class Role(StrEnum):
    """What a person may do at the custodian."""

    APPROVER = "approver"
    READER = "reader"
    DEVELOPER_OFFICER = "developer_officer"

    @property
    def label(self) -> str:
        """The role as the screen says it."""
        return {"developer_officer": "developer's officer"}.get(self.value, self.value)


@dataclass(frozen=True)
class Officer:
    """A custody officer: ``sign`` is an Ed25519 key, ``open`` an X-Wing key, both public."""

    id: str
    name: str
    group: str
    sign: bytes = field(repr=False)
    open: bytes = field(repr=False)


@dataclass(frozen=True)
class Credential:
    """A passkey: its id, its public key (COSE), and the name of the device that holds it."""

    id: bytes
    public_key: bytes = field(repr=False)
    device: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody who may act. ``organisation``, ``employer`` and ``conflicts`` are ids of organisations.

    ``text``: as a reader, this person gets pages as text too. The end of the dates is shut.
    """

    person: str
    name: str
    title: str
    organisation: str
    employer: str
    team: str
    roles: frozenset[Role]
    conflicts: frozenset[str]
    credentials: tuple[Credential, ...]
    text: bool
    not_before: datetime
    not_after: datetime

    def current(self, now: datetime) -> bool:
        """Whether the dates hold now."""
        return self.not_before <= now < self.not_after

    def key(self, credential: bytes) -> Credential | None:
        """The passkey of this person with that id."""
        return next((key for key in self.credentials if key.id == credential), None)

    def conflicted_with(self, organisation: str) -> str:
        """Why this person may not decide about an organisation, in words; empty when nothing does."""
        if organisation in self.conflicts:
            return "declared a conflict of interest with this developer"
        if organisation in (self.employer, self.organisation):
            return "works for this developer"
        return ""


@dataclass(frozen=True)
class Enrolment:
    """One version of the list. ``digest`` is the SHA-256 in hex of its bytes."""

    version: int
    previous: str
    made_at: datetime
    custodian: str
    rp_id: str
    needed: int
    organisations: Mapping[str, str]
    notices: Mapping[str, str]
    """Of a developer, by id, the address at which it is told of break-glass."""
    officers: tuple[Officer, ...]
    people: tuple[Person, ...]
    digest: str

    def listed(self, person: str) -> Person | None:
        """The person of that id, whatever the dates."""
        return next((one for one in self.people if one.person == person), None)

    def person(self, person: str, now: datetime) -> Person | None:
        """The person of that id, if enrolled now."""
        found = self.listed(person)
        return found if found is not None and found.current(now) else None

    def credential(self, credential: bytes, now: datetime) -> tuple[Person, Credential] | None:
        """Whose passkey this is, among those enrolled now."""
        for person in self.people:
            key = person.key(credential)
            if key is not None and person.current(now):
                return person, key
        return None

    def officer(self, officer: str) -> Officer | None:
        """The custody officer of that id."""
        return next((one for one in self.officers if one.id == officer), None)

    def name_of(self, organisation: str) -> str:
        """The name of an organisation as the officers signed it; its id, where they list none."""
        return self.organisations.get(organisation, organisation)

    def pairs(self) -> Iterator[tuple[Officer, Officer]]:
        """Each pair of officers of different groups, once: to whom recovery copies are sealed."""
        for number, first in enumerate(self.officers):
            for second in self.officers[number + 1 :]:
                if first.group != second.group:
                    yield first, second


@dataclass(frozen=True)
class SignedList:
    """A list as it comes: its bytes, and each officer's signature over them."""

    encoded: bytes
    signatures: tuple[tuple[str, bytes], ...]


def officer_of(developer: str, person: Person) -> bool:
    """Whether this person acts for the developer, an organisation by its id."""
    return Role.DEVELOPER_OFFICER in person.roles and person.organisation == developer


def read_signed(encoded: bytes) -> SignedList:
    """The bytes and signatures of a list. Nothing of it is verified here. Raises `Malformed`."""
    outer = forms.plain(encoded, ("list", "signatures"))
    signatures = outer.each(
        "signatures",
        ("officer", "signature"),
        lambda line: (line.identifier("officer"), line.raw("signature", 64)),
    )
    return SignedList(outer.raw("list", 1, forms.LONGEST), signatures)


def parse(encoded: bytes) -> Enrolment:
    """Read the bytes of a list. Raises `Malformed`, also for officers too few or a key of two people."""
    form = forms.document(encoded, FORMAT, _KEYS)
    organisations = form.each("organisations", ("id", "name"), _organisation, ("notice",))
    found = Enrolment(
        version=form.number("version", 1, 2**31),
        previous=form.hexadecimal("previous", 32),
        made_at=form.instant("made_at"),
        custodian=form.text("custodian"),
        rp_id=form.text("rp_id"),
        needed=form.number("needed", FEWEST_SIGNATURES, 100),
        organisations={one: name for one, name, _ in organisations},
        notices={one: notice for one, _, notice in organisations if notice},
        officers=form.each("officers", _OFFICER, _officer),
        people=form.each("people", _PERSON, _person),
        digest=forms.digest(encoded),
    )
    _in_order([one[0] for one in organisations], "organisations")
    _in_order([one.id for one in found.officers], "officers")
    _in_order([one.person for one in found.people], "people")
    _check_origin(found)
    _check_officers(found)
    _check_people(found)
    return found


def first(signed: SignedList, pinned: str) -> Enrolment:
    """The first list, pinned by its digest when the custodian is set up.

    Its own officers sign it too, which shows that they hold their keys. Raises `NotEnrolled`, `Malformed`.
    """
    if forms.digest(signed.encoded) != pinned:
        raise NotEnrolled("this is not the list that was pinned when the custodian was set up")
    found = parse(signed.encoded)
    if (found.version, found.previous) != (1, NO_PREVIOUS):
        raise NotEnrolled("the first list has the number 1 and no predecessor")
    _check_signatures(signed, found)
    return found


def follow(signed: SignedList, before: Enrolment) -> Enrolment:
    """The list that follows ``before``. Raises `NotEnrolled`, `Malformed`."""
    found = parse(signed.encoded)
    if found.previous != before.digest:
        raise NotEnrolled("the list does not name the one before it")
    if found.version != before.version + 1:
        raise NotEnrolled(f"after version {before.version} comes {before.version + 1}")
    if found.made_at < before.made_at:
        raise NotEnrolled("the list was made before the one that it follows")
    if found.custodian != before.custodian or found.rp_id != before.rp_id:
        raise NotEnrolled("the list is for another custodian")
    _check_signatures(signed, before)
    return found


@dataclass(frozen=True)
class Told:
    """Somebody who is told of a new version: id, name, and what it means for this one."""

    id: str
    name: str
    change: str


def changed_for(previous: Enrolment | None, new: Enrolment) -> tuple[Told, ...]:
    """Who is to be told of ``new``: everyone listed in it or in the one before, people and officers.

    ``change`` is ``added``, ``removed``, ``changed`` or ``none``.
    """
    return (
        *_told(
            {one.person: one for one in previous.people} if previous else {},
            {one.person: one for one in new.people},
        ),
        *_told(
            {one.id: one for one in previous.officers} if previous else {},
            {one.id: one for one in new.officers},
        ),
    )


def _told(
    old: Mapping[str, Person] | Mapping[str, Officer], new: Mapping[str, Person] | Mapping[str, Officer]
) -> Iterator[Told]:
    for one in sorted({*old, *new}):
        before, after = old.get(one), new.get(one)
        someone = after or before
        assert someone is not None
        if before is None:
            change = "added"
        elif after is None:
            change = "removed"
        else:
            change = "none" if before == after else "changed"
        yield Told(one, someone.name, change)


def _organisation(form: Form) -> tuple[str, str, str]:
    notice = form.text("notice") if form.has("notice") else ""
    if notice and not _MAIL.fullmatch(notice):
        raise form.wrong("notice", "one mail address, such as security@developer.example")
    return form.identifier("id"), form.text("name"), notice


def _officer(form: Form) -> Officer:
    return Officer(
        id=form.identifier("id"),
        name=form.text("name"),
        group=form.identifier("group"),
        sign=form.raw("sign", SIGN_SIZE),
        open=form.raw("open", OPEN_SIZE),
    )


def _person(form: Form) -> Person:
    roles = form.identifiers("roles")
    if not set(roles) <= {role.value for role in Role}:
        raise form.wrong("roles", "a role that is none")
    person = Person(
        person=form.identifier("person"),
        name=form.text("name"),
        title=form.text("title"),
        organisation=form.identifier("organisation"),
        employer=form.identifier("employer"),
        team=form.text("team"),
        roles=frozenset(Role(role) for role in roles),
        conflicts=frozenset(form.identifiers("conflicts", empty=True)),
        credentials=form.each("credentials", ("id", "public_key", "device"), _credential),
        text=form.truth("text"),
        not_before=form.instant("not_before"),
        not_after=form.instant("not_after"),
    )
    if person.not_after <= person.not_before:
        raise form.wrong("not_after", "dates end after they begin")
    if Role.DEVELOPER_OFFICER in person.roles and len(roles) > 1:
        raise form.wrong("roles", "a developer's officer neither approves nor reads")
    return person


def _credential(form: Form) -> Credential:
    return Credential(form.raw("id", *ID_BYTES), form.raw("public_key", *KEY_BYTES), form.text("device"))


def _in_order(names: list[str], place: str) -> None:
    if names != sorted(set(names)):
        raise Malformed(f"{place}: each stands once, in order")


def _check_origin(found: Enrolment) -> None:
    try:
        address = urlsplit(found.custodian)
    except ValueError:
        raise Malformed("custodian: not an address") from None
    if address.scheme not in ("https", "http") or f"{address.scheme}://{address.netloc}" != found.custodian:
        raise Malformed("custodian: an origin, such as https://custodian.example")
    if address.scheme == "http" and not (address.hostname or "").endswith("localhost"):
        raise Malformed("custodian: without TLS only on this machine")
    if address.hostname != found.rp_id:
        raise Malformed("rp_id: the host of the custodian's origin, exactly")


def _check_officers(found: Enrolment) -> None:
    if len(found.officers) < FEWEST_OFFICERS:
        raise Malformed(f"officers: at least {FEWEST_OFFICERS}")
    if len({one.group for one in found.officers}) < FEWEST_GROUPS:
        raise Malformed(f"officers: of at least {FEWEST_GROUPS} groups")
    if found.needed > len(found.officers):
        raise Malformed("needed: not more than there are officers")
    for kind in ("sign", "open"):
        if len({getattr(one, kind) for one in found.officers}) != len(found.officers):
            raise Malformed("officers: two of them have the same key")


def _check_people(found: Enrolment) -> None:
    held = [key.id for person in found.people for key in person.credentials]
    shown = [_same(key.public_key) for person in found.people for key in person.credentials]
    if len(set(held)) != len(held) or len(set(shown)) != len(shown):
        raise Malformed("people: a passkey belongs to one person, and stands once")
    named = {
        organisation
        for person in found.people
        for organisation in (person.organisation, person.employer, *person.conflicts)
    }
    if not named <= set(found.organisations):
        raise Malformed("people: an organisation is not in the list of organisations")


def _same(public_key: bytes) -> object:
    """What is equal for one key however it is written: COSE has many writings of it, and U2F another.

    One that nobody can read verifies nothing; its bytes stand for it.
    """
    try:
        told = decode_credential_public_key(public_key)
    except Exception:  # whatever the library raises over bytes that somebody made up
        return public_key
    match told:
        case DecodedEC2PublicKey():
            return "ec2", int.from_bytes(told.x), int.from_bytes(told.y)
        case DecodedRSAPublicKey():
            return "rsa", int.from_bytes(told.n), int.from_bytes(told.e)
        case DecodedOKPPublicKey():
            return "okp", told.x
    return "ml-dsa", told.pub


def _check_signatures(signed: SignedList, of: Enrolment) -> None:
    """``needed`` officers of ``of`` signed, each counted once. A false signature refuses the whole list."""
    counted: set[str] = set()
    for name, signature in signed.signatures:
        officer = of.officer(name)
        if officer is None:
            continue
        if not keys.verify(officer.sign, signature, DOMAIN + signed.encoded):
            raise NotEnrolled(f"the signature of {officer.id} is false")
        counted.add(officer.id)
    if len(counted) < of.needed:
        raise NotEnrolled(f"{len(counted)} officers signed, and {of.needed} are needed")
    if len({one.group for one in of.officers if one.id in counted}) < FEWEST_GROUPS:
        raise NotEnrolled("the officers who signed are all of one group")
