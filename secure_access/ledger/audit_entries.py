"""The part of the audit that reads entries: what each says, whether it can be believed, who acted.

An entry is believed only where this program could have recorded it (`entry_rules`), by somebody who is on
record, and a tombstone only where two administrators stand behind it. Somebody who writes the database can
still record an entry that is well formed in all of this; but then it is in a log that they cannot take it
out of again.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from secure_access.ledger import commitment, entry_rules, merkle, records, removal
from secure_access.ledger.audit_report import Report
from secure_access.ledger.canonical import NotCanonical
from secure_access.ledger.records import Row
from secure_access.ledger.tables import Audience, LedgerEntry, Log
from secure_access.workflow import Role

_PERSON = "person"
"""The table of people, and how the types of entries begin that give and take their roles."""


class Named(NamedTuple):
    """What the newest entry says of a row: its number, its record salt, and the member of its list."""

    number: int
    salt: bytes
    said: Mapping[str, Any]


class Anchor(NamedTuple):
    """What an entry says of the end of the security log."""

    number: int
    rows: int
    digest: str


class Stone(NamedTuple):
    """A tombstone: its number, its content."""

    number: int
    content: Mapping[str, Any]


@dataclass
class Read:
    """What the entries say, gathered while they are walked in order of recording."""

    leaves: dict[Log, dict[int, bytes]] = field(default_factory=lambda: {log: {} for log in Log})
    times: dict[Log, dict[int, datetime]] = field(default_factory=lambda: {log: {} for log in Log})
    waiting: dict[Log, int] = field(default_factory=lambda: dict.fromkeys(Log, 0))
    where: dict[int, tuple[Log, int | None]] = field(default_factory=dict)
    about: dict[int, list[str]] = field(default_factory=dict)
    named: dict[tuple[str, str], Named] = field(default_factory=dict)
    places: dict[tuple[str, str, Log], int | None] = field(default_factory=dict)
    anchors: list[Anchor] = field(default_factory=list)
    custody: list[tuple[int, int, bytes]] = field(default_factory=list)
    removed: dict[int, LedgerEntry] = field(default_factory=dict)
    stones: dict[str, Stone] = field(default_factory=dict)
    acts: dict[str, list[tuple[int, Mapping[str, Any]]]] = field(default_factory=dict)
    """Entries of acts of two administrators, by the digest that they stand behind."""
    acted: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    """The first entry of each person with each set of roles; without roles for who acts for another."""
    roles: dict[str, set[str]] = field(default_factory=dict)
    """Every role that a person ever had, as entries tell and rows hold."""


def check(key: str, row: Row, read: Read, report: Report) -> None:
    """Hold one entry to its leaf, its columns and its declaration, and gather what it says."""
    report.entries += 1
    entry, number = LedgerEntry(**row), int(key)
    _check_place(entry, number, read, report)
    if not (entry.entry or entry.salt or entry.record_salt):
        read.removed[number] = entry
        return
    if not commitment.opens(entry.leaf, entry.salt, entry.entry):
        report.add(LedgerEntry, key, "its leaf is not the commitment to its bytes and salt")
    try:
        content: dict[str, Any] = entry.content
        wrong = [
            f"the column for {name} differs from its bytes"
            for name, column in _columns(entry).items()
            if content[name] != column
        ]
        read.about[number] = content["about"]
        refused = list(entry_rules.objections(content))
        if not refused:  # Or else nothing that it says counts.
            _gather(number, entry, content, read)
            wrong += [
                f"is numbered after an entry that the log places later, on {before}"
                for before in _out_of_turn(entry, content, read)
            ]
    except (NotCanonical, KeyError, TypeError, AttributeError, ValueError) as problem:
        report.add(LedgerEntry, key, f"its bytes are not an entry: {problem}")
        return
    for reason in (*wrong, *refused):
        report.add(LedgerEntry, key, reason)


def _check_place(entry: LedgerEntry, number: int, read: Read, report: Report) -> None:
    place, log = entry.leaf_index, Log(entry.log)
    read.where[number] = (log, place)
    if place is None:
        report.waiting += 1
        read.waiting[log] += 1
        return
    if place in read.leaves[log]:
        report.add(LedgerEntry, number, f"has the place {place} of another entry")
    read.leaves[log][place] = merkle.leaf_hash(entry.leaf)
    read.times[log][place] = entry.recorded_at


def _columns(entry: LedgerEntry) -> dict[str, Any]:
    """What the columns say, as the bytes say it."""
    return {
        "id": str(entry.id),
        "log": entry.log,
        "type": entry.type,
        "audience": entry.audience,
        "at": records.timestamp(entry.recorded_at),
        "record_salt": commitment.fingerprint(entry.record_salt),
    }


def _gather(number: int, entry: LedgerEntry, content: dict[str, Any], read: Read) -> None:
    by = content["by"]
    if by.get("person") != (str(entry.person_id) if entry.person_id else None):
        raise NotCanonical("the column for the person differs")
    if "person" in by:
        roles = () if "agent" in by else tuple(by["roles"])
        read.acted.setdefault((by["person"], roles), number)
    for named in content["records"]:
        read.named[named["table"], named["id"]] = Named(number, entry.record_salt, named)
    fields = content["fields"]
    match content["type"]:
        case "security_log.anchored":
            read.anchors.append(Anchor(number, _size(fields["rows"]), fields["digest"]))
        case "entry.removed":
            if fields["entry"] in read.stones:
                raise NotCanonical(f"the entry {fields['entry']} was removed before")
            read.stones[fields["entry"]] = Stone(number, content)
        case "ledger.anchored":
            read.custody.append((number, _size(fields["size"]), base64.b64decode(fields["root"])))
        case "act.proposed" | "act.approved":
            read.acts.setdefault(fields["digest"], []).append((number, content))
        case str() as name if name.startswith(f"{_PERSON}."):
            _gather_roles(content, read)


def _size(said: object) -> int:
    if not isinstance(said, int) or said < 0:
        raise NotCanonical(f"{said!r} is no size")
    return said


def _gather_roles(content: Mapping[str, Any], read: Read) -> None:
    fields = content["fields"]
    given = [*fields.get("roles", ()), *([fields["role"]] if "role" in fields else [])]
    for subject in content["about"]:
        kind, _, person = subject.partition(":")
        if kind == _PERSON:
            read.roles.setdefault(person, set()).update(given)


def _out_of_turn(entry: LedgerEntry, content: dict[str, Any], read: Read) -> Iterator[str]:
    """Rows that an entry with a lower number, and a later place in the same log, names as well.

    Numbers say which entry speaks last of a row, and no signature covers them; places are signed. Entries on
    one row are made one after another, so that the two agree unless somebody changed the numbers.
    """
    for row in content["records"]:
        key = (row["table"], row["id"], entry.log)
        before = read.places.get(key, -1)
        read.places[key] = entry.leaf_index
        if entry.leaf_index is not None and (before is None or before > entry.leaf_index):
            yield f"{row['table']} {row['id']}"


def check_removed(read: Read, report: Report) -> None:
    """An entry without content has a tombstone, which says what its columns say; and the other way round."""
    stones = dict(read.stones)
    for number, entry in read.removed.items():
        stone = stones.pop(str(entry.id), None)
        if stone is None:
            report.add(LedgerEntry, number, "its content is gone, and no entry says that it was removed")
            continue
        report.removed += 1
        read.about[number] = list(stone.content["about"][1:])
        if entry.type.startswith(removal.KEPT) or entry.audience is not Audience.PARTIES:
            report.add(LedgerEntry, number, "its content is gone, and is such as is never removed")
        columns = {
            "log": entry.log,
            "leaf": entry.leaf.hex(),
            "type": entry.type,
            "recorded_at": records.timestamp(entry.recorded_at),
        }
        said = stone.content["fields"]
        for name in [name for name, column in columns.items() if said[name] != column]:
            report.add(
                LedgerEntry,
                number,
                f"the column for {name} differs from what entry {stone.number} says of it",
            )
    for entry_id, stone in stones.items():
        report.add(
            LedgerEntry,
            stone.number,
            f"says that the content of entry {entry_id} was removed, and it is there",
        )
    for stone in read.stones.values():
        if not _approved(stone, read):
            report.add(
                LedgerEntry,
                stone.number,
                "says that content was removed, and no act of two administrators on record says the same",
            )


def _approved(stone: Stone, read: Read) -> bool:
    """Whether one administrator proposed exactly this removal before, and another approved it with it."""
    fields, remover = stone.content["fields"], stone.content["by"].get("person")
    digest = removal.act_digest(fields["entry"], fields["leaf"], fields["basis"])
    acts = read.acts.get(digest, [])
    proposed = [act for number, act in acts if _is(act, "act.proposed", number < stone.number)]
    proposers = {act["by"].get("person") for act in proposed}
    return any(
        act["by"].get("person") == remover
        and act["at"] == stone.content["at"]
        and act["fields"]["proposed_by"] in proposers - {remover, None}
        for number, act in acts
        if _is(act, "act.approved", number > stone.number)
    )


def _is(act: Mapping[str, Any], kind: str, in_turn: bool) -> bool:
    administers = Role.ADMINISTRATOR.value in act["by"].get("roles", ())
    return in_turn and administers and (act["type"], act["fields"]["act"]) == (kind, removal.ACT)


def check_actors(read: Read, people: set[str], report: Report) -> None:
    """Whoever acted is, or was, a person of record, and had the roles with which they acted.

    ``people`` are the rows of people that are there. Roles are not compared for who acts for another, nor
    where the content of an entry on somebody's roles was removed.
    """
    known = set(people) | {row_id for table, row_id in read.named if table == _PERSON}
    if not known:
        return  # A ledger alone, without the tables of people: `verify` names tables that are gone.
    untold = {
        subject.partition(":")[2]
        for number, entry in read.removed.items()
        if entry.type.startswith(f"{_PERSON}.")
        for subject in read.about.get(number, ())
    }
    for (person, roles), number in read.acted.items():
        if person not in known:
            report.add(LedgerEntry, number, f"is by the person {person}, whom no entry names")
        elif person not in untold and (missing := sorted(set(roles) - read.roles.get(person, set()))):
            report.add(
                LedgerEntry,
                number,
                f"is by the person {person} as {', '.join(missing)}, which nothing says that they ever were",
            )


def unseen(read: Read, witnessed: int) -> tuple[int, int]:
    """How many rows of record are held by an entry that no witness has seen, and by how many such entries.

    ``witnessed`` is the size of the public log that a witness has signed. It covers the custody log up to
    the size that the last anchor within it fixes.
    """
    anchored = [
        size
        for number, size, _ in read.custody
        if (place := read.where[number][1]) is not None and place < witnessed
    ]
    limits = {Log.PUBLIC: witnessed, Log.CUSTODY: max(anchored, default=0)}
    held = []
    for named in read.named.values():
        log, place = read.where[named.number]
        if place is None or place >= limits[log]:
            held.append(named.number)
    return len(held), len(set(held))
