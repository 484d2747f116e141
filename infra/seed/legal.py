"""A change of the law that waits for its second person: what it changes, and which open cases it touches."""

from __future__ import annotations

from datetime import date

from infra.seed.people import Cast
from infra.seed.stage import Stage
from portal.law import statute
from portal.legal import drafting, versions
from portal.legal.drafting import NewReading

_LIVE = date(2028, 1, 1)


def draft(stage: Stage, cast: Cast, said: dict[str, str]) -> None:
    """Draft a version of the office's own practice from next year on."""
    by = cast["salma"]
    row = stage.at("2027-09-30 15:10").act(
        versions.draft, pack=statute.OFFICE, live_from=_LIVE, why=said["why"], by=by
    )
    adopted = NewReading("penalty.factors", "multiplied", said["by"], date(2027, 9, 28), said["because"])
    stage.at("2027-09-30 15:25").act(
        versions.amend, row=row, edit=lambda text: drafting.with_reading(text, adopted), by=by
    )
