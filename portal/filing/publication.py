"""A filing in canonical form, and its public twin. Pure.

`canonical_form` is what the certifying officer signs and what `Filing.digest` digests. `public_version` is
the same filing for everybody: a confidential answer becomes the reason why it is withheld and a keyed digest
of what it says, so that it can be shown later that nothing was changed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from portal.filing import checks, forms, outline, risk_form
from portal.filing.forms import CONFIDENTIAL, Kind, Question, Section
from portal.filing.tables import Filing, FilingKind
from portal.law import statute
from secure_access.ledger import canonical

FORMAT = "assay.filing/v2"
STATEMENT = "certification/2027-2"

_READ = (
    "I have read this filing as it stands on this page. "
    "To the best of my knowledge, after reasonable inquiry, it is true, complete and not misleading."
)
_STATEMENTS = {
    "certification/2027-1": "I am authorised to certify for {organisation}. " + _READ,
    STATEMENT: "I am authorised to certify for {entity}, the legal entity of {organisation} that files this. "
    + _READ,
}
_WITHHELD = (
    "{count} of its answers are declared confidential; they are true and complete too, and the reasons given "
    "for withholding them are the real ones."
)
_FIXED = {
    FilingKind.RELEASE_NOTIFICATION: forms.RELEASE_NOTIFICATION,
    FilingKind.TEST_SUMMARY: forms.TEST_SUMMARY,
    FilingKind.SAFETY_FRAMEWORK: forms.SAFETY_FRAMEWORK,
    FilingKind.SYSTEM_CARD: forms.SYSTEM_CARD,
    FilingKind.SECURITY_OUTLINE: outline.SECURITY_OUTLINE,
}


class AttachedFile(Protocol):
    """What the canonical form says of an attachment."""

    @property
    def file_name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def media_type(self) -> str: ...


class FilingEntity(Protocol):
    """What the canonical form says of the legal entity that files."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def jurisdiction(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def regimes(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class FiledBy:
    """The legal entity that files, in words: its name, its entry in a register, the laws it answers for."""

    name: str
    registered: str
    laws: str


def sections(filing: Filing) -> tuple[Section, ...]:
    """The pages of a filing's form."""
    if filing.kind == FilingKind.RISK_REPORT:
        return risk_form.sections(filing.taxonomy)
    return _FIXED[FilingKind(filing.kind)]


def answers(filing: Filing) -> dict[str, Any]:
    """Every answer by the name of its question, those in columns included."""
    found = dict(filing.content)
    for section in sections(filing):
        for question in section.questions:
            if question.column:
                value = getattr(filing, question.column)
                found[question.name] = value.isoformat() if isinstance(value, date) else (value or "")
    return found


def asked(filing: Filing) -> list[tuple[Section, Question, Any]]:
    """The questions that are asked, given the answers, each with its answer (``""`` where there is none)."""
    given = answers(filing)
    return [
        (section, question, given.get(question.name, ""))
        for section in sections(filing)
        for question in section.questions
        if question.asked(given)
    ]


def statement(version: str, *, organisation: str, entity: str, withheld: int) -> str:
    """The words that are signed; confidential answers change them. ``KeyError`` for an unknown version."""
    words = _STATEMENTS[version].format(organisation=organisation, entity=entity)
    return f"{words} {_WITHHELD.format(count=withheld)}" if withheld else words


def canonical_form(
    filing: Filing,
    *,
    developer: str,
    attached: Sequence[tuple[AttachedFile, str]],
    entity: FilingEntity | None = None,
    version: str = STATEMENT,
) -> dict[str, Any]:
    """The filing as one JSON object: who files, answers, audiences, reasons given, attachments by digest,
    statement.

    ``attached`` are the files with the audience of each. What is not asked is left out.
    """
    withheld = 0
    said: dict[str, Any] = {}
    for _, question, answer in asked(filing):
        if _unanswered(answer):
            continue
        audience, why = checks.audience_of(filing.audiences, question)
        withheld += audience == CONFIDENTIAL
        said[question.name] = {"answer": answer, "audience": audience, **({"why": why} if why else {})}
    whole: dict[str, Any] = {
        "v": FORMAT,
        "filing": str(filing.id),
        "kind": filing.kind,
        "developer": developer,
        "answers": said,
        "explanations": {
            key: {"reason": given["reason"], "name": given["name"]}
            for key, given in filing.explanations.items()
        },
        "attachments": [
            {
                "name": file.file_name,
                "sha256": file.sha256,
                "size": file.size,
                "type": file.media_type,
                "audience": audience,
            }
            for file, audience in attached
        ],
        "statement": {
            "version": version,
            "words": statement(
                version,
                organisation=developer,
                entity=entity.name if entity else "(not named yet)",
                withheld=withheld,
            ),
        },
    }
    if entity is not None:
        whole["entity"] = {
            "id": str(entity.id),
            "name": entity.name,
            "jurisdiction": entity.jurisdiction,
            "number": entity.number,
            "regimes": sorted(entity.regimes),
        }
    for name, value in (("model_version", filing.model_version_id), ("supersedes", filing.supersedes_id)):
        if isinstance(value, uuid.UUID):
            whole[name] = str(value)
    return whole


def digest(form: Mapping[str, Any]) -> str:
    """SHA-256 in hex of the canonical JSON of a form."""
    return hashlib.sha256(canonical.encode(form)).hexdigest()


def public_answers(filing: Filing) -> dict[str, dict[str, Any]]:
    """What everybody may read of the answers, by the name of the question: ``{"answer"}`` as it was given, or
    ``{"withheld", "digest"}`` where it is confidential.

    PostgreSQL makes the same of what was signed, for a role that may not read answers: `infra.postgresql`.
    """
    said: dict[str, dict[str, Any]] = {}
    for _, question, answer in asked(filing):
        if _unanswered(answer):
            continue
        audience, why = checks.audience_of(filing.audiences, question)
        if audience == CONFIDENTIAL:
            said[question.name] = {"withheld": why, "digest": _commitment(filing, question, answer)}
        else:
            said[question.name] = {"answer": answer}
    return said


def signed_entity(filing: Filing) -> FiledBy | None:
    """The legal entity that filed, as it was signed; ``None`` before, and in forms that name none."""
    return filed_by(json.loads(filing.signed)) if filing.signed else None


def public_version(
    filing: Filing, answered: Mapping[str, Mapping[str, Any]], entity: FiledBy | None
) -> dict[str, Any]:
    """A filing as everybody may read it, from its public columns, its `public_answers` and who filed it.

    Returns ``{"reference", "kind", "digest", "filed_by", "answers": [{"section", "name", "label",
    "answer" | "withheld", "digest"}]}``. A confidential answer is ``withheld``: the reason, with HMAC-SHA-256
    of the answer under a salt that is not published, so that a guess at a short answer, such as a risk tier,
    cannot be tested.
    """
    said = []
    for section in sections(filing):
        for question in section.questions:
            if (found := answered.get(question.name)) is None:
                continue
            row: dict[str, Any] = {"section": section.title, "name": question.name, "label": question.label}
            if "answer" in found:
                row["answer"] = shown(question, found["answer"])
            else:
                row |= {"withheld": found["withheld"] or "No reason given", "digest": found["digest"]}
            said.append(row)
    return {
        "reference": filing.reference or "",
        "kind": FilingKind(filing.kind).label,
        "digest": filing.digest,
        "filed_by": entity,
        "answers": said,
    }


def filed_by(form: Mapping[str, Any]) -> FiledBy | None:
    """The legal entity of a canonical form, ``None`` where it names none, as in forms of version 1."""
    said = form.get("entity")
    if said is None:
        return None
    number = f", no. {said['number']}" if said["number"] else ""
    return FiledBy(said["name"], said["jurisdiction"] + number, laws(said["regimes"]))


def laws(regimes: Iterable[str]) -> str:
    """Laws by their short names, in words."""
    known = {pack.id: pack.short for pack in statute.regimes()}
    return ", ".join(known.get(regime, regime) for regime in regimes)


def _commitment(filing: Filing, question: Question, answer: Any) -> str:
    said = canonical.encode({"name": question.name, "answer": answer})
    return hmac.new(bytes.fromhex(filing.withheld_salt), said, hashlib.sha256).hexdigest()


def shown(question: Question, answer: Any) -> str:
    """An answer as a page prints it: options by their labels, dates in words."""
    if _unanswered(answer):
        return ""
    options = {value: (label, more) for value, label, more in question.options}
    if question.kind is Kind.SEVERAL:
        return ", ".join(options[value][0] if value in options else value for value in answer)
    if question.kind is Kind.DATE:
        return _date(str(answer))
    if question.kind is Kind.TIER and answer in options:
        label, more = options[answer]
        return f"{label}: {more}" if answer != risk_form.NOT_TIERED else label
    return options[answer][0] if answer in options else str(answer)


def _date(text: str) -> str:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{found.day} {found:%b %Y}"


def _unanswered(answer: Any) -> bool:
    return answer in (None, "", [])
