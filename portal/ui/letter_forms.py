"""What each letter is given: values that are already written out, by the name of its template."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict


class Letter(TypedDict):
    """What every letter has. `demonstration` is the mark of a practice instance; "" for none."""

    reference: str
    authority: str
    entity: str
    demonstration: NotRequired[str]
    language: NotRequired[str]


class Received(TypedDict):
    """A document of a receipt: `size` in bytes as text, `sha256` in hexadecimal."""

    name: str
    size: str
    sha256: str


class Acknowledged(TypedDict):
    """What was recorded later: when, in words, which clock it starts, where it stands in the log."""

    when: str
    what: str
    clock: str
    entry: str


class Signatory(TypedDict):
    """Who signed what part: the act, the title, how, when."""

    act: str
    title: str
    how: str
    when: str


class Receipt(Letter):
    """`receipt`: `proof` says how far the entry is proved ("signed, not witnessed"); `verify` are steps.

    Chart "code" is a QR code that leads to `address`.
    """

    kind: str
    received: str
    received_local: str
    timeliness: str
    on_time: bool
    entry: str
    proof: str
    custody: NotRequired[str]
    documents: Sequence[Received]
    signed: Sequence[Signatory]
    acknowledged: Sequence[Acknowledged]
    content: str
    manifest: str
    verify: Sequence[str]
    address: str


class Line(TypedDict):
    """A line of a copy of record: what it is, what it says; `note` stands below, such as who may read it."""

    label: str
    text: str
    note: str


class Part(TypedDict):
    """A section of a copy of record."""

    title: str
    lines: Sequence[Line]


class EnclosedFile(TypedDict):
    """A file inside a copy of record, with its SHA-256 in hexadecimal and what it is."""

    name: str
    sha256: str
    what: str
    place: str
    media_type: str


class CopyOfRecord(Letter):
    """`copy`: `source` is the SHA-256 of the canonical JSON that is enclosed; `about` and `parts` say it.

    `files` is the heading above `documents`: attachments, or what a decision relied on.
    """

    title: str
    kind: str
    about: Sequence[Line]
    parts: Sequence[Part]
    files: str
    documents: Sequence[Received]
    signed: Sequence[Signatory]
    enclosed: Sequence[EnclosedFile]
    source: str
    entry: str
    verify: Sequence[str]


class Fact(TypedDict):
    """Something that happened, with its source."""

    when: str
    what: str
    source: str


class Provision(TypedDict):
    """A provision of law and what it says."""

    citation: str
    text: str


class SheetLine(TypedDict):
    """A line of a worksheet. `status` is "enacted", "proposed" or "office"; `strong` sets a total."""

    label: str
    how: str
    source: str
    amount: str
    status: NotRequired[str]
    strong: NotRequired[bool]


class Sheet(TypedDict):
    """A worksheet as it is printed."""

    reference: str
    currency: str
    lines: Sequence[SheetLine]


class SheetReading(TypedDict):
    """One reading of the text and the amount it gives."""

    name: str
    amount: str
    why: str
    adopted: bool


class Prior(TypedDict):
    """An earlier violation, and why it counts or does not."""

    decision: str
    final_on: str
    counted: bool
    why: str


class Limit(TypedDict):
    """A time limit, with its zone."""

    what: str
    when: str


class Signature(TypedDict):
    """Who signed, as what, when."""

    name: str
    title: str
    when: str


class Named(TypedDict):
    """A document with its digest."""

    name: str
    sha256: str


class _Penalty(Letter):
    case: str
    subject: str
    provision: str
    amount: str
    state: str
    summary: str
    statute: str
    facts: Sequence[Fact]
    provisions: Sequence[Provision]
    worksheet: Sheet
    readings: Sequence[SheetReading]
    priors: Sequence[Prior]
    warnings: Sequence[str]
    signatures: Sequence[Signature]


class PreliminaryFindings(_Penalty):
    """`preliminary_findings` (EU AI Act Art. 101): `state` as "Proposed, not served"; chart "waterfall"."""

    rights: Sequence[str]
    dates: Sequence[Limit]


class Referral(_Penalty):
    """`referral` (N.Y. Gen. Bus. Law 1427): the authority computes, a court imposes; chart "waterfall"."""

    recipient: str
    duty: str
    penalty_provision: str
    ceiling: str
    documents: Sequence[Named]


class Condition(TypedDict):
    """A condition of a decision."""

    text: str
    due: str
    evidence: str


class ReliedOn(TypedDict):
    """Evidence that a decision relies on."""

    when: str
    what: str
    reference: str


class AnsweredFlag(TypedDict):
    """A gap between developer and evaluator, answered or expressly carried."""

    code: str
    title: str
    answer: str
    carried: bool


class DecisionLetter(Letter):
    """`decision`: `kind` as "no objection, with conditions"; `meaning` says what it does not mean."""

    kind: str
    state: str
    decided: str
    model: str
    case: str
    scope: str
    meaning: str
    basis: str
    recommended_by: str
    decided_by: str
    review: NotRequired[str]
    entry: NotRequired[str]
    conditions: Sequence[Condition]
    reasons: Sequence[str]
    evidence: Sequence[ReliedOn]
    flags: Sequence[AnsweredFlag]
    appeal: str


FORMS: Mapping[str, type] = {
    "receipt": Receipt,
    "preliminary_findings": PreliminaryFindings,
    "referral": Referral,
    "decision": DecisionLetter,
    "copy": CopyOfRecord,
}
