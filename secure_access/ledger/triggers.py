"""What the databases themselves refuse: changing, deleting or replacing rows of append-only tables.

Triggers stop mistakes and an application that was broken into; the owner of the database can drop them, and
only the signed tree head shows that. Batch migrations on SQLite drop triggers silently, so all of them are
listed here, made again after each migration (`create_all`) and compared after each step (`compare`).

SQLite needs a third trigger: UPDATE and DELETE triggers do not fire for INSERT OR REPLACE (measured).
PostgreSQL needs one for TRUNCATE, and ENABLE ALWAYS, or ``session_replication_role`` would switch them off.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text


@dataclass(frozen=True)
class Trigger:
    """One trigger, as each database is to hold it.

    A text is empty where a database needs no such trigger. ``body`` is the body of the PostgreSQL function,
    which has the trigger's name. The texts are in the databases' own spelling, so that they can be compared.
    """

    name: str
    table: str
    sqlite: str
    postgresql: str
    body: str

    @property
    def postgresql_statements(self) -> tuple[str, ...]:
        """Everything that makes the trigger on PostgreSQL, in order."""
        if not self.postgresql:
            return ()
        return (
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $body${self.body}$body$",
            f"DROP TRIGGER IF EXISTS {self.name} ON {self.table}",
            self.postgresql,
            f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {self.name}",
        )


def _refuse(table: str) -> str:
    return f" BEGIN RAISE EXCEPTION '{table} is append-only'; END "


def _trigger(table: str, event: str, when: str = "", body: str = "") -> Trigger:
    """The trigger of ``table`` for ``event``; ``when`` limits it on SQLite, ``body`` on PostgreSQL.

    PostgreSQL needs none for INSERT: its primary keys refuse a row that is there already.
    """
    name = f"{table}_{event.lower()}"
    condition = f" WHEN {when}" if when else ""
    level = "STATEMENT" if event == "TRUNCATE" else "ROW"
    sqlite = (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table}{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )
    postgresql = f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {level} EXECUTE FUNCTION {name}()"
    return Trigger(
        name=name,
        table=table,
        sqlite="" if event == "TRUNCATE" else sqlite,
        postgresql="" if event == "INSERT" else postgresql,
        body=body or _refuse(table),
    )


def _append_only(table: str, key: str) -> tuple[Trigger, ...]:
    """All triggers of a table whose rows never change; ``key`` is the condition that finds a row again."""
    return (
        _trigger(table, "UPDATE"),
        _trigger(table, "DELETE"),
        _replace(table, key),
        _trigger(table, "TRUNCATE"),
    )


def _replace(table: str, key: str) -> Trigger:
    """Against INSERT OR REPLACE on SQLite."""
    return _trigger(table, "INSERT", f"EXISTS (SELECT 1 FROM {table} WHERE {key})")  # noqa: S608 - our names


# Every column of an entry but its leaf index: an entry is given its place once, its content may be removed
# once, and nothing else ever changes.
_FIXED = (
    *("number", "id", "log", "type", "entry", "salt", "record_salt", "leaf", "audience"),
    *("recorded_at", "person_id"),
)
_HYPHENS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
_SEQUENCED = "OLD.leaf_index IS NULL AND NEW.leaf_index IS NOT NULL"
# What removal empties, and only where an entry of a person says so, after an act that another person
# proposed: see `secure_access.ledger.removal`. Which act that was, the audit reads.
_CONTENT = ("entry", "salt", "record_salt")
_STONE = (
    "EXISTS (SELECT 1 FROM ledger_entry_about a JOIN ledger_entry e ON e.number = a.entry_number"
    " JOIN ledger_entry p ON p.type = 'act.proposed' AND p.number < e.number AND p.person_id <> e.person_id"
    " WHERE e.type = 'entry.removed' AND a.subject = 'entry:' || {entry})"
)
KEPT_TYPES = (
    *("entry.removed", "ledger.", "security_log.", "act.", "administrator.", "sign_in_policy."),
    *("step_up.", "credential.", "person.role", "authority.", "delegation.", "recusal.", "conflict."),
    *("plan.", "grant.", "custodian.", "alert.", "document.opened", "engagement.filing_read"),
)
"""How types of entries begin whose content is never removed: `secure_access.ledger.removal.KEPT`."""
_KEPT = " OR ".join(f"substr(OLD.type, 1, {len(start)}) = '{start}'" for start in KEPT_TYPES)
_REMOVABLE = (
    f"OLD.leaf_index IS NOT NULL AND OLD.audience = 'parties' AND OLD.entry <> {{empty}} AND NOT ({_KEPT})"
)


def _same(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"NEW.{column} IS OLD.{column}" for column in columns)


# SQLite keeps an identifier without its hyphens.
_PARTS = "||'-'||".join(f"substr(OLD.id, {start}, {length})" for start, length in _HYPHENS)
_ENTRY_SQLITE = (
    f"NOT ({_SEQUENCED} AND {_same(_FIXED)})"
    f" AND NOT ({_REMOVABLE.format(empty='x' + chr(39) * 2)}"
    f" AND {' AND '.join(f'length(NEW.{column}) = 0' for column in _CONTENT)}"
    f" AND {_same(tuple(c for c in (*_FIXED, 'leaf_index') if c not in _CONTENT))}"
    f" AND {_STONE.format(entry=_PARTS)})"
)
_WITHOUT = "".join(f" - '{column}'" for column in _CONTENT)
_ENTRY_BODY = (
    f" BEGIN IF {_SEQUENCED} AND to_jsonb(NEW) - 'leaf_index' = to_jsonb(OLD) - 'leaf_index'"
    " THEN RETURN NEW; END IF;"
    f" IF {_REMOVABLE.format(empty=chr(39) * 2)}"
    f" AND {' AND '.join(f'length(NEW.{column}) = 0' for column in _CONTENT)}"
    f" AND to_jsonb(NEW){_WITHOUT} = to_jsonb(OLD){_WITHOUT}"
    f" AND {_STONE.format(entry='OLD.id::text')} THEN RETURN NEW; END IF;"
    + _refuse("ledger_entry").removeprefix(" BEGIN")
)
_FORWARD = "NEW.log = OLD.log AND NEW.size > OLD.size"
_HEAD_BODY = f" BEGIN IF {_FORWARD} THEN RETURN NEW; END IF;" + _refuse("ledger_head").removeprefix(" BEGIN")

_LISTED = (
    _trigger("ledger_entry", "UPDATE", _ENTRY_SQLITE, _ENTRY_BODY),
    _trigger("ledger_entry", "DELETE"),
    _replace(
        "ledger_entry",
        "number = NEW.number OR id = NEW.id OR (log = NEW.log AND leaf_index = NEW.leaf_index)",
    ),
    _trigger("ledger_entry", "TRUNCATE"),
    *_append_only("ledger_entry_about", "entry_number = NEW.entry_number AND position = NEW.position"),
    *_append_only("ledger_checkpoint", "log = NEW.log AND size = NEW.size"),
    *_append_only(
        "ledger_cosignature",
        "log = NEW.log AND size = NEW.size AND name = NEW.name AND key = NEW.key",
    ),
    *_append_only("ledger_timestamp", "log = NEW.log AND size = NEW.size"),
    *_append_only("security_log", "number = NEW.number"),
    *_append_only("statute_text", "digest = NEW.digest"),
    *_append_only("sign_in_policy", "id = NEW.id OR number = NEW.number"),
    _trigger("ledger_head", "UPDATE", f"NOT ({_FORWARD})", _HEAD_BODY),
    _trigger("ledger_head", "DELETE"),
    _replace("ledger_head", "log = NEW.log"),
    _trigger("ledger_head", "TRUNCATE"),
)
TRIGGERS: dict[str, Trigger] = {trigger.name: trigger for trigger in _LISTED}


def create_all(connection: Connection) -> None:
    """Make every trigger whose table exists, in place of what stands under its name."""
    drop_all(connection)
    sqlite = connection.dialect.name == "sqlite"
    for trigger in _present(connection):
        statements = (trigger.sqlite,) if sqlite else trigger.postgresql_statements
        for statement in filter(None, statements):
            connection.exec_driver_sql(statement)


def drop_all(connection: Connection) -> None:
    """Remove every listed trigger, for the length of a migration."""
    if connection.dialect.name == "sqlite":
        for name in TRIGGERS:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        return
    for trigger in TRIGGERS.values():
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {trigger.name}() CASCADE")


def compare(connection: Connection) -> list[str]:
    """How the database differs from this list: missing, changed, disabled, unknown triggers on our tables."""
    found = _on_sqlite(connection) if connection.dialect.name == "sqlite" else _on_postgresql(connection)
    expected = {trigger.name: _expected(connection, trigger) for trigger in _present(connection)}
    differences = [
        f"trigger {name} is missing" for name, want in expected.items() if want and name not in found
    ]
    for name, have in sorted(found.items()):
        if name not in expected:
            differences.append(f"trigger {name} is not one of ours")
        elif have != expected[name]:
            differences.append(f"trigger {name} is not as it was made")
    return differences


def _expected(connection: Connection, trigger: Trigger) -> tuple[str, ...]:
    if connection.dialect.name == "sqlite":
        return (trigger.sqlite,) if trigger.sqlite else ()
    return (trigger.postgresql, trigger.body, "A") if trigger.postgresql else ()


def table_names(connection: Connection) -> set[str]:
    """The tables that the database has."""
    return set(inspect(connection).get_table_names())


def _present(connection: Connection) -> list[Trigger]:
    tables = table_names(connection)
    return [trigger for trigger in TRIGGERS.values() if trigger.table in tables]


def _on_sqlite(connection: Connection) -> dict[str, tuple[str, ...]]:
    guarded = {trigger.table for trigger in TRIGGERS.values()}
    rows = connection.exec_driver_sql("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {name: (sql,) for name, table, sql in rows if table in guarded}


def _on_postgresql(connection: Connection) -> dict[str, tuple[str, ...]]:
    rows = connection.execute(
        text(
            "SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid, true), p.prosrc, t.tgenabled::text"
            " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
            " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
        )
    )
    guarded = {trigger.table for trigger in TRIGGERS.values()}
    return {name: tuple(rest) for name, table, *rest in rows if table in guarded}
