"""The draft of an enrolment list, which people write (TOML), made into the bytes that officers sign. Pure.

A draft says who is enrolled; number, predecessor and time are set here, so that nobody mistypes them. What an
officer signs is told in words from the bytes, never from the draft.
"""

from __future__ import annotations

import base64
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from secure_access.custodian import enrolment
from secure_access.custodian.enrolment import Credential, Enrolment, Officer, SignedList
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json
from secure_access.ledger.records import timestamp

_TOP = {"custodian", "rp_id", "needed", "organisations", "people"}
_PERSON = {
    *("person", "name", "title", "organisation", "employer", "team", "roles", "conflicts", "credentials"),
    *("text", "not_before", "not_after"),
}


_TABLE_OF_PERSON = re.compile(r"\s*\[\[\s*people\s*\]\]\s*(#.*)?")
_OTHER_TABLE = re.compile(r"\s*\[(?!\[\s*people\s*\.)")
"""The head of any table that is no part of a person."""


class BadDraft(ValueError):
    """A draft cannot be made into a list; the message names the place."""


def assemble(draft: str, officers: Sequence[Officer], previous: Enrolment | None, now: datetime) -> bytes:
    """The bytes of the next list. Raises `BadDraft`, `Malformed`."""
    try:
        told = tomllib.loads(draft)
    except ValueError as problem:
        raise BadDraft(f"the draft is not TOML: {problem}") from None
    if told.keys() - _TOP or {"custodian", "rp_id", "needed"} - told.keys():
        raise BadDraft(f"a draft has {', '.join(sorted(_TOP))}, and nothing else")
    made = canonical.encode(
        {
            "v": enrolment.FORMAT,
            "version": previous.version + 1 if previous else 1,
            "previous": previous.digest if previous else enrolment.NO_PREVIOUS,
            "made_at": timestamp(now),
            "custodian": told["custodian"],
            "rp_id": told["rp_id"],
            "needed": told["needed"],
            "organisations": sorted(told.get("organisations", []), key=lambda one: str(one.get("id"))),
            "officers": [officer(one) for one in sorted(officers, key=lambda one: one.id)],
            "people": sorted(
                (_person(one) for one in told.get("people", [])), key=lambda one: str(one["person"])
            ),
        }
    )
    enrolment.parse(made)
    return made


def named(draft: str, person: str) -> str:
    """What the draft calls a person of that id. Raises `BadDraft`."""
    found = next((one for one in _people(draft) if one.get("person") == person), None)
    if found is None:
        raise BadDraft(f"the draft has no person {person}: write their lines first")
    return str(found.get("name"))


def with_passkey(draft: str, person: str, passkey: Credential) -> str:
    """The draft with one passkey more of a person, every other line as it was. Raises `BadDraft`."""
    people, line = _people(draft), credential(passkey)
    if any(key.get("id") == line["id"] for one in people for key in one.get("credentials", [])):
        raise BadDraft("this passkey stands in the draft already")
    named(draft, person)
    place = next(number for number, one in enumerate(people) if one.get("person") == person)
    block = ["[[people.credentials]]", *(f"{key} = {_quoted(text)}" for key, text in line.items()), ""]
    lines = draft.splitlines()
    begins = [number for number, text in enumerate(lines) if _TABLE_OF_PERSON.fullmatch(text)]
    heads = [number for number, text in enumerate(lines) if _OTHER_TABLE.match(text)]
    if place < len(begins):
        end = min((number for number in heads if number > begins[place]), default=len(lines))
        while end > 0 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1  # a remark above the next table belongs to that
        made = "\n".join([*lines[:end], "", *block, *lines[end:]]).rstrip("\n") + "\n"
        people[place].setdefault("credentials", []).append(line)
        try:
            if tomllib.loads(made) == {**tomllib.loads(draft), "people": people}:
                return made
        except ValueError:
            pass  # the draft is written in another way: said below
    raise BadDraft(f"the draft is written in a way that cannot be added to. Add by hand: {' '.join(block)}")


def _people(draft: str) -> list[dict[str, Any]]:
    try:
        found = tomllib.loads(draft).get("people", [])
    except ValueError as problem:
        raise BadDraft(f"the draft is not TOML: {problem}") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadDraft("people: each begins with [[people]]")
    return found


def _quoted(text: str) -> str:
    """A text as TOML writes it; the escapes of JSON are among those of TOML."""
    return json.dumps(text, ensure_ascii=False)


def joined(signed: SignedList) -> bytes:
    """The bytes in which a signed list comes; `enrolment.read_signed` reads them."""
    lines: list[Json] = [
        {"officer": officer, "signature": base64.b64encode(signature).decode()}
        for officer, signature in signed.signatures
    ]
    return canonical.encode({"list": base64.b64encode(signed.encoded).decode(), "signatures": lines})


def words(found: Enrolment, previous: Enrolment | None = None) -> Iterator[str]:
    """A list as an officer reads it before signing; with the list before it, what is new."""
    yield f"Enrolment list {found.version} of {found.custodian}, made {found.made_at:%d %B %Y, %H:%M} UTC"
    yield f"SHA-256 {found.digest}"
    yield f"The next list needs {found.needed} of these officers:"
    for holder in found.officers:
        yield f"  {holder.id}: {holder.name}, {holder.group}"
    for organisation, notice in found.notices.items():
        yield f"{found.name_of(organisation)} is told of break-glass at {notice}"
    yield f"{len(found.people)} people:"
    for person in found.people:
        roles = ", ".join(sorted(role.label for role in person.roles))
        employer = found.name_of(person.employer)
        dates = f"{person.not_before:%d %b %Y} to {person.not_after:%d %b %Y}"
        yield f"  {person.person}: {person.name}, {roles}, {person.team}, employed by {employer}, {dates}"
        for key in person.credentials:
            yield f"    passkey: {key.device} ({key.id.hex()[:16]})"
        if person.conflicts:
            yield f"    conflicts: {', '.join(map(found.name_of, sorted(person.conflicts)))}"
    changes = [one for one in enrolment.changed_for(previous, found) if one.change != "none"]
    if previous is not None:
        yield f"Since list {previous.version}:" if changes else f"As in list {previous.version}."
        for one in changes:
            yield f"  {one.change}: {one.name} ({one.id})"


def credential(found: Credential) -> dict[str, str]:
    """A passkey as a list, and its draft, name it."""
    return {
        "id": base64.b64encode(found.id).decode(),
        "public_key": base64.b64encode(found.public_key).decode(),
        "device": found.device,
    }


def _person(told: Mapping[str, Any]) -> dict[str, Any]:
    name = str(told.get("person", "somebody"))
    if told.keys() - _PERSON:
        raise BadDraft(f"{name}: unknown: {', '.join(sorted(told.keys() - _PERSON))}")
    missing = _PERSON - {"conflicts", "credentials", "text"} - told.keys()
    if missing:
        raise BadDraft(f"{name}: missing: {', '.join(sorted(missing))}")
    return {
        **told,
        "roles": sorted(told["roles"]),
        "conflicts": sorted(told.get("conflicts", [])),
        "credentials": told.get("credentials", []),
        "text": told.get("text", False),
        "not_before": _instant(told["not_before"], name),
        "not_after": _instant(told["not_after"], name),
    }


def _instant(told: object, name: str) -> str:
    if isinstance(told, datetime) and told.tzinfo is not None:
        return timestamp(told)
    if isinstance(told, date) and not isinstance(told, datetime):
        return timestamp(datetime(told.year, told.month, told.day, tzinfo=UTC))
    raise BadDraft(f"{name}: a date is written like 2027-10-04, without quotation marks")


def officer(found: Officer) -> dict[str, str]:
    """A custody officer as a list names one."""
    return {
        "id": found.id,
        "name": found.name,
        "group": found.group,
        "sign": base64.b64encode(found.sign).decode(),
        "open": base64.b64encode(found.open).decode(),
    }
