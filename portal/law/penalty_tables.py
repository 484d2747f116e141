"""The steps that read a table: band, size, class with a range, rate, greatest of several, points, range."""

from __future__ import annotations

import re
from decimal import Decimal

from portal.law.facts import FactError, Facts
from portal.law.methods import Row, Step, Table
from portal.law.money import plain, rounded
from portal.law.penalty_facts import HUNDRED
from portal.law.penalty_inputs import absent, needed_text, stated, whole
from portal.law.penalty_maximum import BASE, usual_basis
from portal.law.penalty_part import Part
from portal.law.penalty_turnover import turnover

_LETTER = re.compile(r"\(?([a-z])\)?(?:\(|$)")


def _table(part: Part, key: str) -> Table:
    case, method = part.case, part.rules.method
    found = method.table(key, case.conduct_end if case.violations else case.on)
    if case.violations and found is not method.table(key, case.conduct_start):
        part.sheet.warn(
            f"{method.id} {key}: it changed during the conduct; the last day of conduct picks it."
        )
    if not found.verified:
        part.sheet.warn(f"{part.rules.method.id} {key} ({found.citation}) is not verified in a source.")
    return found


def _named(part: Part, table: Table, name: str, path: str) -> Row:
    row = table.named(name)
    if row is None:
        known = ", ".join(row.name for row in table.rows)
        raise FactError(path, f"{name!r} is not known here", f"Use one of: {known}.")
    _verified(part, table, row)
    return row


def _verified(part: Part, table: Table, row: Row) -> None:
    if not row.verified and table.verified:
        method, name = part.rules.method.id, row.name or row.at
        part.sheet.warn(f"{method} {table.key} {name} ({table.citation}) is not verified in a source.")


def _within(percent: Decimal, rows: tuple[Row, ...], path: str) -> None:
    """The percentage lies in one of the rows' ranges, or in the union where they overlap."""
    if not any(row.figures[0] <= percent <= row.figures[1] for row in rows):
        spans = " or ".join(f"{plain(row.figures[0])} to {plain(row.figures[1])}" for row in rows)
        names = " or ".join(row.name for row in rows)
        raise FactError(path, f"{plain(percent)} is outside {names}", f"Use a value from {spans}.")


def band(part: Part, step: Step) -> None:
    """A share of the maximum within the band of a named class."""
    if absent(part, step):
        return
    item = part.case.inputs.child(step.text("input"), ("band", "percent"))
    table = _table(part, step.text("table"))
    row = _named(part, table, needed_text(item, "band"), item.at("band"))
    percent = item.needed("percent")
    _within(percent, (row,), item.at("percent"))
    maximum = part.figure("maximum")
    how = f"{part.sheet.money(rounded(maximum, part.sheet.currency))} × {plain(percent / HUNDRED)}"
    label = f"{step.text('label')}: {row.name}, {plain(percent)} % of the maximum"
    part.move(maximum * percent / HUNDRED, step, "start", plain(percent), label=label, how=how)


def size(part: Part, step: Step) -> None:
    """A share within the bracket that turnover gives; none above the top bracket."""
    table = _table(part, step.text("table"))
    rows = _brackets(part, table)
    if absent(part, step):
        if rows and all(row.low is not None for row in rows):
            part.sheet.warn(
                f"inputs.{step.text('input')} is not stated; the amount is not adjusted for size."
            )
        return
    item = part.case.inputs.child(step.text("input"), ("percent", "tier"))
    tier = item.text("tier")
    if tier is not None:
        named = _named(part, table, tier, item.at("tier"))
        if rows and named not in rows:
            raise FactError(
                item.at("tier"), f"turnover lies in {rows[0].name}", "Leave out tier where turnover is known."
            )
        rows = (named,)
    percent = item.needed("percent", high=HUNDRED)
    ranged = tuple(row for row in rows if row.low is not None)
    if rows and not ranged:
        raise FactError(item.path, f"there is no adjustment for size {rows[0].name}", "Leave out size.")
    if not rows:
        part.sheet.warn(f"{item.path}: no turnover in {table.unit} and no tier; the bracket is not checked.")
    else:
        _within(percent, ranged, item.at("percent"))
        for row in ranged:
            _verified(part, table, row)
    how = f"{part.sheet.money(part.amount)} × {plain(percent / HUNDRED)}"
    label = f"{step.text('label')}: {' or '.join(row.name for row in ranged) or 'bracket not checked'}"
    part.move(part.exact * percent / HUNDRED, step, "multiply", plain(percent), label=label, how=how)


def _brackets(part: Part, table: Table) -> tuple[Row, ...]:
    """The brackets of the turnover; none where it is not known in the table's currency."""
    if not part.case.revenue or table.unit != part.sheet.currency:
        return ()
    base = part.rules.choices.get(BASE, "undertaking")
    return table.around(turnover(part, base, table.citation, usual_basis(part)))


def lookup(part: Part, step: Step) -> None:
    """The amount of a class with its range; a reasoned move to the next class."""
    if absent(part, step):
        return
    table, inputs = _table(part, step.text("table")), part.case.inputs
    key = step.text("input")
    row = _named(part, table, needed_text(inputs, key), inputs.at(key))
    reason = ""
    for higher in step.texts("inputs"):
        if stated(part, higher):
            reason = needed_text(inputs.child(higher, ("because",)), "because")
            place = table.rows.index(row) + 1
            if place == len(table.rows):
                raise FactError(inputs.at(higher), f"there is no class after {row.name}", "Leave it out.")
            row = table.rows[place]
            _verified(part, table, row)
    if row.amount is None:
        raise FactError(inputs.at(key), f"{row.name} has no amount of its own", "State another class.")
    part.limits = row.figures
    low, high = (part.sheet.money(figure) for figure in row.figures)
    label = f"{step.text('label')} {row.name}"
    rest = {"how": f"Range {low} to {high}", "reason": reason}
    part.move(part.exact + row.amount, step, "start", row.name, label=label, **rest)


def rate(part: Part, step: Step) -> None:
    """A share of a saved figure for each violation, by the name of its severity."""
    table = _table(part, step.text("table"))
    base = part.figure(step.text("of"))
    for number, violation in part.violations:
        path = f"{violation.path}.severity"
        if violation.severity is not None:
            raise FactError(
                f"{violation.path}.severity_percent", "this method asks for severity", "State severity."
            )
        if violation.level is None:
            raise FactError(path, "the value is missing", f"State {path}.")
        row = _named(part, table, violation.level, path)
        percent = row.amount or Decimal(0)
        label = f"{step.text('label')}, {violation.provision}: {row.name.replace('_', ' ')}"
        how = f"{part.sheet.money(rounded(base, part.sheet.currency))} × {plain(percent / HUNDRED)}"
        to = part.exact + base * percent / HUNDRED
        part.move(to, step, "start", plain(percent), label=label, how=how, violation=number)


def greatest(part: Part, step: Step) -> None:
    """The greatest of several figures, each read from a table or as stated."""
    inputs = part.case.inputs
    exclusive = [key for key in step.texts("exclusive") if stated(part, key)]
    if len(exclusive) > 1:
        raise FactError(inputs.at(exclusive[1]), f"it is stated beside {exclusive[0]}", "Keep one.")
    found: list[tuple[Decimal, str]] = []
    for candidate in step.raw["candidate"]:
        key = candidate["input"]
        if not stated(part, key):
            continue
        value = _candidate(part, candidate, key)
        found.append((value, candidate["label"]))
        shown = rounded(value, part.sheet.currency)
        part.tell(step, "given", plain(value), label=candidate["label"], amount=shown, how="Candidate")
    if not found:
        keys = ", ".join(candidate["input"] for candidate in step.raw["candidate"])
        raise FactError(inputs.path, "no base is stated", f"State one of: {keys}.")
    value, name = max(found, key=lambda pair: pair[0])
    part.named[step.text("save")] = value
    part.tell(step, "greatest", name, amount=rounded(value, part.sheet.currency), how=f"The greatest: {name}")


def _candidate(part: Part, candidate: dict[str, str], key: str) -> Decimal:
    if "table" in candidate:
        level = whole(part.case.inputs.raw(key), part.case.inputs.at(key), 0, 100)
        table = _table(part, candidate["table"])
        return table.at(level).amount or Decimal(0)
    return part.case.inputs.needed(key) * Decimal(candidate.get("percent", "100")) / HUNDRED


def points(part: Part, step: Step) -> None:
    """A score: as stated, or the sum of points, of each code the greatest only."""
    listed, score = step.texts("inputs")
    inputs = part.case.inputs
    if stated(part, listed) == stated(part, score):
        both = stated(part, listed)
        why = f"it is stated beside {listed}" if both else f"neither it nor {listed} is stated"
        raise FactError(inputs.at(score), why, "State one of the two.")
    if stated(part, score):
        part.score = whole(inputs.raw(score), inputs.at(score), -100, 100)
        part.tell(step, "points", str(part.score), how="As stated")
        return
    table = _table(part, step.text("table"))
    best: dict[str, int] = {}
    for item in inputs.children(listed, ("code", "points", "reason")):
        code, value = _point(part, table, item)
        if code in best:
            part.sheet.warn(f"{item.path}: of several points of {code} the greatest counts.")
        best[code] = max(best.get(code, value), value, key=abs)
    if step.text("start") not in best:
        part.sheet.warn(f"{inputs.at(listed)} has no {step.text('start')}; its points are not added.")
    part.score = sum(best.values())
    how = " ".join(f"{code} {value:+d}" for code, value in best.items())
    part.tell(step, "points", str(part.score), how=how)


def _point(part: Part, table: Table, item: Facts) -> tuple[str, int]:
    code = needed_text(item, "code")
    value = whole(item.needed("points", Decimal(-100), Decimal(100)), item.at("points"), -100, 100)
    letter = _LETTER.match(code)
    row = table.named(code) or (table.named(letter[1]) if letter else None)
    if row is None:
        part.sheet.warn(f"{item.at('code')}: {code} is no code of {table.citation}; check it.")
        return code, value
    low, high = row.figures
    if not low <= value <= high:
        fix = f"Use a value from {plain(low)} to {plain(high)}."
        raise FactError(item.at("points"), f"{value} is out of bounds for {code}", fix)
    return row.name, value


def multiplied(part: Part, step: Step) -> None:
    """A range: a saved figure times the two multipliers of the score, which may have a floor."""
    table = _table(part, step.text("table"))
    low, high = table.at(part.score or 0).figures
    least = step.bound("least", Decimal(0))
    if stated(part, step.text("least_with")):
        low, high = max(low, least), max(high, least)
    base = part.figure(step.text("of"))
    part.limits = (rounded(base * low, part.sheet.currency), rounded(base * high, part.sheet.currency))
    first, last = (part.sheet.money(value) for value in part.limits)
    shown = part.sheet.money(rounded(base, part.sheet.currency))
    how = f"{shown} × {plain(low)} to {plain(high)}: {first} to {last}"
    part.tell(step, "range", f"{plain(low)}-{plain(high)}", how=how)
