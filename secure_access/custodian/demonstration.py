"""Demonstration custody: the officers' keys lie in the core's own home, and enrol whoever asks, at once.

That is the opposite of what officers are for: whoever reaches the page or the machine can be anybody on the
list. The settings refuse it wherever core and front are two users (`process.Settings`).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from secure_access.custodian import enrolment, forms, list_draft, officer_keys, private_files
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.enrolment import Enrolment, SignedList
from secure_access.custodian.forms import Form
from secure_access.custodian.officer_keys import OfficerKeys
from secure_access.custodian.questions import Done, Question
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp

FOLDER, PASSPHRASE = "demonstration-officers", "passphrase"
OFFICERS = {"demonstration-a": "board", "demonstration-b": "board", "demonstration-c": "court"}
"""Officers with their groups. The first and the last sign."""
_SIGN = ("demonstration-a", "demonstration-c")


class Officers:
    """The officers of a demonstration, in the home of its core. Their files are those of the ceremony."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._lock = threading.Lock()
        self._signing: tuple[OfficerKeys, ...] = ()

    def make(self) -> tuple[enrolment.Officer, ...]:
        """Fresh keys for all of them, under a passphrase that lies beside; their public halves."""
        private_files.folder(self._folder)
        passphrase = "-".join(secrets.token_hex(4) for _ in range(6))
        private_files.write(self._folder / PASSPHRASE, passphrase.encode())
        made = [
            officer_keys.make(officer, f"Demonstration officer {officer[-1].upper()}", group)
            for officer, group in OFFICERS.items()
        ]
        for one in made:
            private_files.write(self._folder / f"{one.id}.keys", officer_keys.lock(one, passphrase))
        self._signing = tuple(one for one in made if one.id in _SIGN)
        return tuple(officer_keys.read_public(one.public) for one in made)

    def sign(self, encoded: bytes) -> bytes:
        """A list as two of them sign it, unread. Raises ``OSError``, `UnsafeFile`, `WrongPassphrase`."""
        lines = tuple((one.id, one.signature(encoded)) for one in self._unlocked())
        return list_draft.joined(SignedList(encoded, lines))

    def _unlocked(self) -> Sequence[OfficerKeys]:
        """Those who sign. Opening their files takes half a second each, once."""
        with self._lock:
            if not self._signing:
                passphrase = private_files.read(self._folder / PASSPHRASE).decode()
                files = (private_files.read(self._folder / f"{one}.keys") for one in _SIGN)
                self._signing = tuple(officer_keys.unlock(file, passphrase) for file in files)
            return self._signing


def with_passkey(encoded: bytes, person: str, passkey: enrolment.Credential, now: datetime) -> bytes:
    """The list that follows these bytes: one passkey more for a person. Raises `Malformed`, `LookupError`."""
    value: Any = canonical.decode(encoded)
    found = next((one for one in value["people"] if one["person"] == person), None)
    if found is None:
        raise LookupError(person)
    found["credentials"].append(list_draft.credential(passkey))
    return _next(value, encoded, now)


def without_passkeys(encoded: bytes, now: datetime) -> bytes:
    """The list that follows these bytes, with the same people and no passkey. Raises `Malformed`."""
    value: Any = canonical.decode(encoded)
    for person in value["people"]:
        person["credentials"] = []
    return _next(value, encoded, now)


def _next(value: dict[str, Any], before: bytes, now: datetime) -> bytes:
    number = {"version": value["version"] + 1, "previous": forms.digest(before), "made_at": timestamp(now)}
    made = canonical.encode({**value, **number})
    enrolment.parse(made)
    return made


def questions(home: Path) -> Mapping[str, Question]:
    """What the front of a demonstration asks more: who is on the list, and to be one of them."""
    officers = Officers(home)

    def people(core: Core, _form: Form) -> Done:
        return {"people": _people(core.custody.enrolment)}

    def enrol(core: Core, form: Form) -> Done:
        person = form.identifier("person")
        passkey = enrolment.Credential(
            form.raw("credential", *enrolment.ID_BYTES),
            form.raw("public_key", *enrolment.KEY_BYTES),
            form.text("device"),
        )
        custody = core.custody
        with custody.lock:
            before = custody.parts.kept.get(custody.enrolment.digest)
            try:
                made = with_passkey(before, person, passkey, custody.now())
            except LookupError:
                raise Refused(Why.UNKNOWN, "The enrolment list names no such person.") from None
            except forms.Malformed as problem:
                raise Refused(Why.NOT_ALLOWED, f"This passkey cannot be enrolled: {problem}.") from None
            core.enrol(officers.sign(made))
            listed = custody.enrolment.listed(person)
            assert listed is not None
            return {"name": listed.name, "version": custody.enrolment.version}

    asked = ("person", "credential", "public_key", "device")
    return {"demonstration.people": Question((), people), "demonstration.enrol": Question(asked, enrol)}


def _people(listed: Enrolment) -> list[Any]:
    return [
        {
            "person": one.person,
            "name": one.name,
            "roles": [*sorted(role.label for role in one.roles)],
            "team": one.team,
            "organisation": listed.name_of(one.organisation),
            "passkeys": len(one.credentials),
        }
        for one in sorted(listed.people, key=lambda one: (*sorted(one.roles), one.name))
    ]
