"""A worksheet computed again, years later, from the versions of the law, the practice and the method it used.

The texts are found by the digests that its result carries: shipped still, or kept when it was calculated.
What is proved is said exactly: which texts, and that every line and the total came out the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.enforcement import adoptions, texts
from portal.enforcement.checks import DIGESTS
from portal.enforcement.tables import MethodAdoption, StatuteText, Worksheet
from portal.law import methods, penalties, statute
from portal.law.facts import LawError
from portal.law.methods import Method
from portal.law.statute import Pack
from secure_access.db import Session

_COMPARED = ("total", "maximum", "currency", "lines", "readings", "priors_counted", *DIGESTS)
_ROLES = {
    "statute_digest": "The law",
    "office_digest": "The office's practice",
    "method_digest": "The method",
}


@dataclass(frozen=True)
class Version:
    """A text that a worksheet used: what it is, when it was kept, and whether it is still the one in use."""

    role: str
    id: str
    name: str
    digest: str
    kept_at: datetime | None
    in_use: bool


@dataclass(frozen=True)
class Proof:
    """What computing again gave: ``same`` in everything compared, the amount, and what differs or fails."""

    same: bool
    total: str
    versions: tuple[Version, ...]
    adoption: MethodAdoption | None
    lines: int
    differs: tuple[str, ...] = ()
    failed: str = ""


def prove(session: Session, row: Worksheet) -> Proof:
    """Compute the kept facts with the texts the worksheet used, and hold the result against the kept one."""
    kept = texts.stored(session)
    adoption = session.get(MethodAdoption, row.adoption_id) if row.adoption_id else None
    found: dict[str, Pack | Method] = {}
    try:
        for name in DIGESTS:
            find = methods.version if name == "method_digest" else statute.version
            found[name] = find(row.result.get(name, ""), kept)
        packs = [text for text in found.values() if isinstance(text, Pack)]
        used = [text for text in found.values() if isinstance(text, Method)]
        with statute.using(*packs), methods.using(*used):
            result = penalties.compute(row.facts, adoptions=adoptions.as_law(session, adoption)).as_json()
    except LawError as error:
        return Proof(False, "", _versions(session, found), adoption, 0, failed=str(error))
    differs = tuple(name for name in _COMPARED if name in row.result and result[name] != row.result[name])
    lines = len(result["lines"])
    return Proof(not differs, result["total"], _versions(session, found), adoption, lines, differs)


def _versions(session: Session, found: Mapping[str, Pack | Method]) -> tuple[Version, ...]:
    return tuple(_version(session, role, text) for role, text in found.items())


def _version(session: Session, role: str, text: Pack | Method) -> Version:
    row = session.get(StatuteText, text.digest)
    try:
        now: Any = statute.load(text.id) if isinstance(text, Pack) else methods.load(text.id)
    except LawError:
        now = None
    return Version(
        role=_ROLES[role],
        id=text.id,
        name=text.name,
        digest=text.digest,
        kept_at=row.first_used_at if row else None,
        in_use=now is not None and now.digest == text.digest,
    )
