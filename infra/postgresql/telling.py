"""What the database tells the public zone of what its role cannot read: functions that run as the owner.

They say again in SQL what `secure_access.ledger.records` and `portal.filing.publication` say in Python, and
tests hold every row of the told case to both. What they give out is public: keyed digests, places in the log,
the answers that everybody may read.
"""

from __future__ import annotations

from dataclasses import dataclass

PROVED = ("condition", "decision", "filing", "independent_assessment", "notice")
"""Tables of which the register proves rows. The key of each is the one column ``id``."""
NOT_OF_RECORD = {"filing": "named_only"}
"""Columns of these that no digest covers: ``__record_except__``."""


@dataclass(frozen=True)
class Telling:
    """A function that runs as the owner, for one role alone. ``body`` is PL/pgSQL."""

    signature: str
    returns: str
    body: str
    role: str = "public"


PURE = {
    # Canonical JSON: no null, keys in order, text in NFC. Keys of ours are ASCII, so bytes order them too.
    "assay_canonical(value jsonb)": (
        "text",
        " BEGIN RETURN CASE jsonb_typeof(value)"
        " WHEN 'object' THEN (SELECT '{' || coalesce(string_agg(to_jsonb(normalize(key))::text || ':'"
        " || assay_canonical(item), ',' ORDER BY key COLLATE \"C\"), '') || '}'"
        " FROM jsonb_each(value) AS each_of(key, item) WHERE item <> 'null')"
        " WHEN 'array' THEN (SELECT '['"
        " || coalesce(string_agg(assay_canonical(item), ',' ORDER BY place), '') || ']'"
        " FROM jsonb_array_elements(value) WITH ORDINALITY AS listed(item, place))"
        " WHEN 'string' THEN to_jsonb(normalize(value #>> '{}'))::text"
        " WHEN 'number' THEN CASE WHEN abs((value #>> '{}')::numeric) >= 9007199254740992"
        " THEN to_jsonb(value #>> '{}')::text ELSE value::text END"
        " ELSE value::text END; END ",
    ),
    "assay_hmac(salt bytea, said bytea)": (
        "bytea",
        " DECLARE inside bytea := salt || decode(repeat('00', 64 - length(salt)), 'hex');"
        " outside bytea := inside;"
        " BEGIN FOR place IN 0..63 LOOP"
        " outside := set_byte(outside, place, get_byte(outside, place) # 92);"
        " inside := set_byte(inside, place, get_byte(inside, place) # 54); END LOOP;"
        " RETURN sha256(outside || sha256(inside || said)); END ",
    ),
}
"""Functions that these ask: signature, type and body. They read nothing."""

_NOT_OF_RECORD = f"({', '.join(map(str, NOT_OF_RECORD.items()))})"
_COLUMNS = (
    "SELECT string_agg(format('%L, ' || CASE atttypid"  # noqa: S608 - our names
    " WHEN 'timestamptz'::regtype"
    " THEN 'to_char(%I AT TIME ZONE ''UTC'', ''YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'')'"
    " WHEN 'bytea'::regtype THEN 'translate(encode(%I, ''base64''), E''\\n'', '''')'"
    " WHEN 'numeric'::regtype THEN 'trim_scale(%I)::text'"
    " WHEN 'json'::regtype THEN '%I::jsonb'"
    " ELSE '%I' END, attname, attname), ', ') FROM pg_attribute"
    " WHERE attrelid = to_regclass(named) AND attnum > 0 AND NOT attisdropped"
    f" AND (named, attname::text) NOT IN {_NOT_OF_RECORD}"
)

TELLINGS = (
    Telling(
        "assay_naming(about text, named text, key text)",
        "TABLE(number bigint, log text, leaf_index bigint, leaf bytea, audience text, recorded text,"
        " now text, opens boolean)",
        " DECLARE entry ledger_entry; said jsonb; columns text; held jsonb;"  # noqa: S608 - our names
        f" BEGIN PERFORM assay_acts_as('public'); IF named NOT IN ({', '.join(map(repr, PROVED))}) THEN"
        " RAISE EXCEPTION 'The register proves no row of %.', named; END IF;"
        " SELECT e.* INTO entry FROM ledger_entry e WHERE e.log = 'public' AND e.number IN"
        " (SELECT a.entry_number FROM ledger_entry_about a WHERE a.subject = about)"
        " AND EXISTS (SELECT 1 FROM jsonb_array_elements(CASE WHEN length(e.entry) > 0"
        " THEN convert_from(e.entry, 'UTF8')::jsonb -> 'records' ELSE '[]' END) r"
        " WHERE r ->> 'table' = named AND r ->> 'id' = key) ORDER BY e.number DESC LIMIT 1;"
        " IF entry.number IS NULL THEN RETURN; END IF;"
        " SELECT r INTO said"
        " FROM jsonb_array_elements(convert_from(entry.entry, 'UTF8')::jsonb -> 'records') r"
        " WHERE r ->> 'table' = named AND r ->> 'id' = key LIMIT 1;"
        f" columns := ({_COLUMNS});"
        " EXECUTE format('SELECT jsonb_build_object(%s) FROM %I WHERE id = $1::uuid', columns, named)"
        " INTO held USING key;"
        " number := entry.number; log := entry.log; leaf_index := entry.leaf_index; leaf := entry.leaf;"
        " audience := entry.audience; recorded := coalesce(said ->> 'digest', '');"
        " now := coalesce(encode(assay_hmac(entry.record_salt, convert_to(assay_canonical(jsonb_build_object("
        "'columns', held, 'table', named, 'v', 'assay.record/v1')), 'UTF8')), 'hex'), '');"
        " IF held IS NULL THEN now := ''; END IF;"
        " opens := assay_hmac(entry.salt, entry.entry) = entry.leaf; RETURN NEXT; END ",
    ),
    Telling(
        "assay_public_answers(wanted uuid)",
        "jsonb",
        " BEGIN PERFORM assay_acts_as('public'); RETURN (SELECT coalesce(jsonb_object_agg(name,"
        " CASE said ->> 'audience' WHEN 'public' THEN jsonb_build_object('answer', said -> 'answer')"
        " ELSE jsonb_build_object('withheld', coalesce(said ->> 'why', ''), 'digest',"
        " encode(assay_hmac(decode(withheld_salt, 'hex'), convert_to(assay_canonical("
        "jsonb_build_object('answer', said -> 'answer', 'name', name)), 'UTF8')), 'hex')) END), '{}')"
        " FROM filing CROSS JOIN LATERAL"
        " jsonb_each(nullif(signed, '')::jsonb -> 'answers') AS answers(name, said)"
        " WHERE id = wanted AND state IN ('accepted', 'superseded') AND accepted_at IS NOT NULL); END ",
    ),
    # Every leaf is public, and of an entry for parties nothing else is.
    Telling(
        "assay_leaves(first bigint, until bigint)",
        "SETOF bytea",
        " BEGIN PERFORM assay_acts_as('public'); RETURN QUERY SELECT e.leaf FROM ledger_entry e"
        " WHERE e.log = 'public' AND e.leaf_index >= first AND e.leaf_index < until"
        " ORDER BY e.leaf_index; END ",
    ),
    # Whether an entry waits for its proof since before; not which, and not how many.
    Telling(
        "assay_waiting(since timestamptz, size bigint)",
        "boolean",
        " BEGIN PERFORM assay_acts_as('public'); RETURN EXISTS (SELECT 1 FROM ledger_entry e"
        " WHERE e.log = 'public' AND e.recorded_at < since"
        " AND (e.leaf_index IS NULL OR e.leaf_index >= size)); END ",
    ),
    Telling(
        "assay_public_entity(wanted uuid)",
        "jsonb",
        " BEGIN PERFORM assay_acts_as('public'); RETURN (SELECT nullif(signed, '')::jsonb -> 'entity'"
        " FROM filing WHERE id = wanted AND state IN ('accepted', 'superseded')"
        " AND accepted_at IS NOT NULL); END ",
    ),
)
"""Functions that read as the owner and say what is public."""
