"""The whole check of a pack, for `assay law check` and for staged versions: what a parse alone cannot see.

`statute.check` holds names against values, `value_forms` each value against its form. Here: every value and
every provision is used, whatever is told cites something, duties name what exists, coverage asks what can be
answered, and a reading changes a rule that is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from portal.law import calendars, coverage, statute, value_forms
from portal.law.deadlines import KINDS, TRIGGERS
from portal.law.packs import SPANS, PackError
from portal.law.revenue import YEARS
from portal.law.statute import Pack
from portal.law.value_forms import DESIGNATION, INPUTS, READ_BY_CODE, REVENUE, STEPPED

_POINTERS = ("value", "within", "per_day", "threshold", "modifier")
_TOLD = ("name", "short", "label", "citation", "source", "question", "why", "by", "promptly")
"""Keys that a person reads; where one is there, it says something."""
_ANSWERS = ("yes", "no", "maybe", "unknown", "not_in_force")


def check(pack: Pack) -> None:
    """Hold a pack against itself in full.

    Raises:
        PackError: naming the file and the row.
    """
    statute.check(pack)
    _duties(pack)
    _told(pack)
    _periods(pack)
    _used(pack)
    _coverage(pack)
    _readings(pack)
    value_forms.check(pack)
    calendars.of(pack)


def rows(pack: Pack) -> Iterator[Mapping[str, Any]]:
    """Every row that may name a value."""
    for group in (pack.provisions, pack.clocks, pack.periodic, pack.duties, pack.factors, pack.gravity):
        yield from group
    yield from pack.coverage.get("rule", ())


def _owed(pack: Pack) -> tuple[Mapping[str, Any], ...]:
    """Every row that something falls due by."""
    return *pack.clocks, *pack.periodic, *pack.duties


def _told(pack: Pack) -> None:
    """What a person reads is never blank, in no table."""
    raw = {"name": pack.name, "short": pack.short, "citation": pack.citation, "source": pack.source}
    read = [(reading.key, _texts(reading)) for reading in pack.readings.values()]
    read += [(f"{key} {o.name}", _texts(o)) for key, r in pack.readings.items() for o in r.options]
    named = [("pack", raw), ("calendar", pack.calendar), *read]
    named += [(str(_name(row)), row) for row in rows(pack)]
    for at, row in named:
        for key in _TOLD:
            if key in row and not str(row[key]).strip():
                raise PackError(f"{pack.path}: {at}: {key} is empty.")
    for table, texts in (("authorities", pack.authorities), ("labels", pack.labels)):
        for key, words in texts.items():
            if not words.strip():
                raise PackError(f"{pack.path}: {table}: {key} is empty.")


def _texts(row: object) -> dict[str, Any]:
    """The fields of a reading or an option, as a table."""
    return {key: getattr(row, key) for key in _TOLD if hasattr(row, key)}


def _name(row: Mapping[str, Any]) -> object:
    return next(row[key] for key in ("code", "duty", "level", "name") if key in row)


def _used(pack: Pack) -> None:
    named = {row[word] for row in rows(pack) for word in _POINTERS if word in row}
    for key in sorted({value.key for value in pack.values} - named):
        if key not in READ_BY_CODE and not STEPPED.fullmatch(key):
            raise PackError(f"{pack.path}: no rule uses the value {key!r}.")
    codes = [row["code"] for row in pack.provisions]
    if len(set(codes)) != len(codes):
        raise PackError(f"{pack.path}: two provisions have one code.")
    breached = {row["breach"] for row in _owed(pack) if "breach" in row}
    for row in pack.provisions:
        if (row["code"] in breached) == row.get("by_hand", False):
            why = "no duty names it, so it says by_hand" if row["code"] not in breached else "a duty names it"
            raise PackError(f"{pack.path}: provision {row['code']}: {why}.")


def _duties(pack: Pack) -> None:
    keys = {value.key for value in pack.values}
    codes = {row["code"] for row in pack.provisions}
    for row in pack.duties:
        at = f"{pack.path}: duty {row['duty']}"
        if ("value" in row) == ("promptly" in row):
            raise PackError(f"{at} states either a value or, as words, when it is due.")
        if "promptly" in row and not all(row.get(word, "").strip() for word in ("citation", "source")):
            raise PackError(f"{at} cites nothing.")
        if row.get("status", pack.status) not in statute.STATUSES:
            raise PackError(f"{at}: status {row['status']!r} is not one of {', '.join(statute.STATUSES)}.")
        _form(row, at)
        for word in ("value", "within"):
            if word in row and row[word] not in keys:
                raise PackError(f"{at} names the value {row[word]!r}, which does not exist.")
    for row in _owed(pack):
        if "breach" in row and row["breach"] not in codes:
            at = f"{pack.path}: duty {row['duty']}"
            raise PackError(f"{at} names the provision {row['breach']!r}, which does not exist.")


def _form(row: Mapping[str, Any], at: str) -> None:
    """What one key of a duty asks of the others."""
    for word in ("repeats", "may", "within"):
        if row.get(word) and "value" not in row:
            raise PackError(f"{at} has {word} without a period.")
    if row.get("strict") and not (row.get("at_once") and row.get("before")):
        raise PackError(f"{at} is strict, and no act must come before its trigger.")
    if "plan" in row and ("within" not in row or len(row["plan"]) != 2):
        raise PackError(f"{at}: a plan is what is planned within a period, and what it is when it comes.")


def _periods(pack: Pack) -> None:
    """Clocks start and periods pass: each is a span of time of at least one, and some day is no weekend."""
    for row in _owed(pack):
        for word in ("value", "within"):
            for value in pack.history(row.get(word, "")):
                if value.unit not in SPANS or value.number < 1:
                    raise PackError(f"{pack.path}: {row['duty']}: {value.key} is no span of time.")
    for row in pack.clocks if pack.id != statute.OFFICE else ():
        if row["trigger"] not in TRIGGERS or row.get("kind", KINDS[0]) not in KINDS:
            raise PackError(f"{pack.path}: clock {row['duty']} starts with nothing that an incident has.")
    weekends = [pack.calendar["weekend"]] if pack.calendar else []
    weekends += [value.value for value in pack.history("weekend")]
    if any({str(day) for day in weekend} >= set("1234567") for weekend in weekends):
        raise PackError(f"{pack.path}: every day is a weekend.")


def _coverage(pack: Pack) -> None:
    """Who is covered: rules over what the facts can say, each threshold from the first day of the law on."""
    asked = pack.coverage
    if not asked:
        return
    names = {rule["name"] for rule in asked["rule"]}
    if len(names) != len(asked["rule"]):
        raise PackError(f"{pack.path}: two rules of coverage have one name.")
    _boolean(pack, "covered", asked["covered"], names)
    _boolean(pack, "large", asked.get("large", "covered"), {*names, "covered"})
    for rule in asked["rule"]:
        _rule(pack, rule)
    if asked["decisive"] not in coverage.NEXUS:
        why = f"decisive {asked['decisive']!r} is not one of {', '.join(coverage.NEXUS)}"
        raise PackError(f"{pack.path}: coverage: {why}.")
    if not asked["territories"]:
        raise PackError(f"{pack.path}: coverage names no territory.")
    if asked.get("exempt_kinds") and not asked.get("exempt_citation", "").strip():
        raise PackError(f"{pack.path}: coverage: exempt_kinds cite nothing.")
    for name in (*_ANSWERS, *({DESIGNATION} & names and ("designated",))):
        if name not in pack.labels:
            raise PackError(f"{pack.path}: labels: {name} is missing, and coverage answers with it.")


def _rule(pack: Pack, rule: Mapping[str, Any]) -> None:
    at = f"{pack.path}: rule {rule['name']}"
    if rule["input"] not in INPUTS:
        raise PackError(f"{at}: input {rule['input']!r} is not one of {', '.join(INPUTS)}.")
    if rule["input"] in REVENUE and rule.get("period") not in YEARS:
        raise PackError(f"{at}: period {rule.get('period')!r} is not one of {', '.join(YEARS)}.")
    for word in ("threshold", "modifier"):
        begins = pack.history(rule[word])[0].valid_from if word in rule else pack.starts
        if begins > pack.starts:
            raise PackError(f"{at}: {rule[word]} begins on {begins}, after the law ({pack.starts}).")


def _boolean(pack: Pack, at: str, rule: object, names: set[str]) -> None:
    """A rule over inputs in the form that `coverage.combine` evaluates."""
    if isinstance(rule, str):
        if rule not in names:
            raise PackError(f"{pack.path}: {at} names an unknown rule {rule!r}.")
        return
    ((word, parts),) = rule.items() if isinstance(rule, Mapping) and len(rule) == 1 else (("", ()),)
    inner = [parts] if word == "rule" else parts
    if word not in ("all", "any", "rule") or not isinstance(inner, list) or not inner:
        raise PackError(f"{pack.path}: {at}: {rule!r} is not all, any or rule over inputs.")
    for part in inner:
        _boolean(pack, at, part, names)


def _readings(pack: Pack) -> None:
    names = {rule["name"] for rule in pack.coverage.get("rule", ())}
    for reading in pack.readings.values():
        if len({option.name for option in reading.options}) < max(2, len(reading.options)):
            raise PackError(f"{pack.path}: reading {reading.key} needs two options of different names.")
        for option in reading.options:
            if option.rule is not None:
                _boolean(pack, f"reading {reading.key}: {option.name}", option.rule, names)
