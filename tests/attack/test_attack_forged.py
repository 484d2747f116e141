"""Entries that no verb recorded: what the audit refuses, and what it cannot tell from a true one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from portal.enforcement.tables import AllegedViolation
from portal.filing.tables import Filing
from secure_access.db import Session, Table
from secure_access.ledger import audit, canonical, commitment, entry_rules, recording, records
from secure_access.ledger.tables import Audience, LedgerAbout, LedgerEntry, Log
from tests.attack.conftest import Siege
from tests.attack.test_attack_ledger import damaging, tables, victims

SYSTEM = {"kind": "system"}


def _by(siege: Siege, name: str, **changes: Any) -> dict[str, Any]:
    actor = siege.cast[name]
    return {
        "kind": actor.organisation_kind.value,
        "organisation": str(actor.organisation_id),
        "person": str(actor.person_id),
        "roles": sorted(actor.roles),
        **changes,
    }


def _forge(session: Session, siege: Siege, kind: type[Table], row: Any, **said: Any) -> int:
    """An entry, well formed but for what ``said`` changes, that names a row as it is now; its number."""
    connection, now = session.connection(), siege.world.clock.now()
    entry_id, salt, record_salt = uuid.uuid4(), commitment.fresh_salt(), commitment.fresh_salt()
    stored = records.read(connection, kind, (row["id"],))
    assert stored is not None
    named = {
        "table": records.sql_table(kind).name,
        "id": str(row["id"]),
        "digest": records.digest(record_salt, kind, stored),
    }
    content = {
        "v": recording.FORMAT,
        "id": str(entry_id),
        "log": "public",
        "audience": "parties",
        "type": "filing.withdrawn",
        "at": records.timestamp(now),
        "by": _by(siege, "nadia"),
        "about": [],
        "fields": {"reference": "RR-2027-001"},
        "record_salt": commitment.fingerprint(record_salt),
        "records": [named],
        **said,
    }
    encoded = canonical.encode(content)
    person = content["by"].get("person")
    values = {
        "id": entry_id,
        "log": Log(content["log"]),
        "type": content["type"],
        "entry": encoded,
        "salt": salt,
        "record_salt": record_salt,
        "leaf": commitment.commit(salt, encoded),
        "audience": Audience(content["audience"]),
        "recorded_at": now,
        "person_id": uuid.UUID(person) if person else None,
    }
    entries = records.sql_table(LedgerEntry)
    number = connection.execute(insert(entries).values(values).returning(entries.c.number)).scalar_one()
    for position, subject in enumerate(content["about"]):
        about = {"entry_number": number, "position": position, "subject": subject}
        connection.execute(insert(records.sql_table(LedgerAbout)).values(about))
    return int(number)


def _problems(siege: Siege, session: Session) -> list[str]:
    found = audit.verify(session, audit.verifier_keys(siege.world.wired.log_keys)).problems
    return [str(problem) for problem in found if problem.table != "triggers"]


def _changed(session: Session) -> Any:
    """A filing whose reference somebody has changed."""
    table = records.sql_table(Filing)
    row = victims(session.connection(), Filing)[0]
    session.connection().execute(update(table).where(table.c.id == row["id"]).values(reference="FORGED"))
    return row


NOBODY = str(uuid.UUID(int=7))
FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "a type that nothing declares": (
        {"type": "nothing.declared", "by": SYSTEM, "fields": {}},
        "none that this program declares",
    ),
    "what people do, by nobody": ({"by": SYSTEM}, "nobody is named who did it"),
    "other fields": ({"fields": {"reference": "x", "more": "y"}}, "its fields are not those of"),
    "another log": ({"log": "custody"}, "belongs to the public one"),
    "another audience": ({"audience": "public"}, "its audience is public"),
    "another format": ({"v": "assay.entry/v9"}, "not of the format"),
    "another member": ({"extra": "x"}, "not of the format"),
    "an actor of no kind": ({"by": {"kind": "system", "person": NOBODY}}, "who did it is not said"),
}


@pytest.mark.parametrize("case", FORGED)
def test_an_entry_that_no_version_recorded_is_named_and_not_believed(siege: Siege, case: str) -> None:
    said, reason = FORGED[case]
    with damaging(siege) as session:
        row = _changed(session)
        number = _forge(session, siege, Filing, row, **said)
        problems = _problems(siege, session)
    assert any(one.startswith(f"ledger_entry {number}: ") and reason in one for one in problems), problems
    assert any(one.startswith(f"filing {row['id']}: differs from what entry") for one in problems), problems


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"person": NOBODY}, f"is by the person {NOBODY}, whom no entry names"),
        ({"roles": ["decider"]}, "as decider, which nothing says that they ever were"),
    ],
)
def test_whoever_acts_is_on_record_with_their_roles(
    siege: Siege, changes: dict[str, Any], reason: str
) -> None:
    with damaging(siege) as session:
        number = _forge(session, siege, Filing, _changed(session), by=_by(siege, "nadia", **changes))
        problems = _problems(siege, session)
    assert any(one.startswith(f"ledger_entry {number}: ") and reason in one for one in problems), problems


def test_a_well_formed_entry_is_believed_and_cannot_be_taken_back(copy_of: Callable[[], Siege]) -> None:
    """The limit: who writes the database can say that a person did what they did not. It stays on record."""
    siege = copy_of()
    siege.world.run_jobs()
    engine = siege.world.wired.database.engine.execution_options(assay_mode="write")
    with Session(engine) as session:
        number = _forge(session, siege, Filing, _changed(session))
        session.commit()
    keys = audit.verifier_keys(siege.world.wired.log_keys)
    report = audit.run_verify(siege.world.wired.database, keys)
    assert report.passed, report.problems
    assert report.unseen_rows
    siege.world.run_jobs()  # It gets its place, and the head with it is signed.
    with damaging(siege) as session:
        for table, column in ((LedgerAbout, "entry_number"), (LedgerEntry, "number")):
            statement = f"DELETE FROM {records.sql_table(table).name} WHERE {column} = {number}"
            session.connection().execute(text(statement))
        assert any("ledger_head public" in one for one in _problems(siege, session))


def test_types_that_moved_to_the_custody_log_stay_valid_in_the_public_one(siege: Siege) -> None:
    with damaging(siege) as session:
        row = victims(session.connection(), AllegedViolation)[0]
        fields = {"reference": row["reference"], "regime": row["regime"], "provision": row["provision"]}
        said = {"type": "violation.dropped", "fields": fields, "by": _by(siege, "ines")}
        for log in ("public", "custody"):
            _forge(session, siege, AllegedViolation, row, **said, log=log)
        assert _problems(siege, session) == []


def test_former_keys_and_types_are_of_types_that_are_known() -> None:
    known = recording.declared()
    assert set(entry_rules.FORMER_LOGS) <= set(known)
    assert not set(entry_rules.RETIRED) & set(known)
    ever = {**known, **entry_rules.RETIRED}
    assert set(entry_rules.FORMER_KEYS) <= set(ever)
    for name, log in entry_rules.FORMER_LOGS.items():
        assert known[name].log is not log
    for name, many in entry_rules.FORMER_KEYS.items():
        assert ever[name].keys not in [frozenset(keys) for keys in many]


def _stone(session: Session, siege: Siege, **said: Any) -> int:
    """A tombstone for an allegation, which names the violation anew; the number of the allegation."""
    query = select(LedgerEntry).where(LedgerEntry.type == "violation.alleged")
    entry = session.execute(query).scalars().first()
    assert entry is not None
    rows = victims(session.connection(), AllegedViolation)
    row = next(row for row in rows if str(row["id"]) in entry.entry.decode())
    fields = {
        "entry": str(entry.id),
        "log": entry.log.value,
        "leaf": entry.leaf.hex(),
        "type": entry.type,
        "recorded_at": records.timestamp(entry.recorded_at),
        "basis": "retention_ended",
    }
    about = [f"entry:{entry.id}", *map(str, entry.content["about"])]  # type: ignore[arg-type]
    said = {"type": "entry.removed", "fields": fields, "about": about, **said}
    _forge(session, siege, AllegedViolation, row, **said)
    return int(entry.number or 0)


EMPTY = "UPDATE ledger_entry SET entry = x'', salt = x'', record_salt = x'' WHERE number = :number"


def test_a_forged_tombstone_of_the_system_opens_no_trigger(copy_of: Callable[[], Siege]) -> None:
    siege = copy_of()
    siege.world.run_jobs()
    engine = siege.world.wired.database.engine.execution_options(assay_mode="write")
    with Session(engine) as session:
        number = _stone(session, siege, by=SYSTEM)
        with pytest.raises(DBAPIError, match="append-only"):
            session.connection().execute(text(EMPTY), {"number": number})


@pytest.mark.parametrize("who", ["nobody", "an administrator"])
def test_an_entry_erased_behind_a_forged_tombstone_is_named(siege: Siege, who: str) -> None:
    """Past the triggers, with a tombstone that is well formed in all but the act of two behind it."""
    root = siege.personas["root"][1]
    administrator = _by(siege, "brenner", person=str(root.person_id), roles=["administrator"])
    with damaging(siege) as session:
        number = _stone(session, siege, by=SYSTEM if who == "nobody" else administrator)
        session.connection().execute(text(EMPTY), {"number": number})
        problems = _problems(siege, session)
    if who == "nobody":
        gone = f"ledger_entry {number}: its content is gone, and no entry says that it was removed"
        assert gone in problems, problems
    else:
        (problem,) = problems
        assert "no act of two administrators on record says the same" in problem


SPELLS = {
    "Uuid": 'upper("{0}")',
    "Boolean": 'CASE WHEN "{0}" = 1 THEN 2 ELSE "{0}" END',
    "UtcInstant": "replace(\"{0}\", ' ', 'T')",
    "JSON": "' ' || \"{0}\"",
    "LargeBinary": 'CAST(hex("{0}") AS TEXT)',
    "Text": 'CAST("{0}" AS BLOB)',
    "AutoString": 'CAST("{0}" AS BLOB)',
}
NAMED_COLUMN = re.compile(r"its (\w+) is not written as this program writes it|cannot be read: (\w+): ")


def test_another_spelling_in_any_column_of_any_table_is_named(siege_on: Callable[[str], Siege]) -> None:
    """All columns at once, each by table, row and column: no query of the portal finds such a value."""
    siege = siege_on("sqlite")
    siege.world.run_jobs()
    spelt: set[tuple[str, str]] = set()
    with damaging(siege) as session:
        connection = session.connection()
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        for name, kind in tables().items():
            for column in records.sql_table(kind).columns:
                spell = SPELLS.get(type(column.type).__name__)
                if spell is None or column.name in records.excepted(kind):
                    continue
                own, how = f'"{column.name}"', spell.format(column.name)
                other = f"hex({own}) <> hex({how}) OR typeof({own}) <> typeof({how})"
                change = f"UPDATE {name} SET {own} = {how} WHERE {own} IS NOT NULL AND ({other})"
                if connection.exec_driver_sql(change).rowcount:
                    spelt.add((name, column.name))
        problems = audit.verify(session, audit.verifier_keys(siege.world.wired.log_keys)).problems
        connection.execute(text("PRAGMA ignore_check_constraints = OFF"))
    matches = [(one.table, NAMED_COLUMN.match(one.reason)) for one in problems]
    named = {(table, match[1] or match[2]) for table, match in matches if match}
    assert len(spelt) > 250
    assert spelt - named == set()
