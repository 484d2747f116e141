"""What the custodian knows, as its log tells it: nothing is remembered that no line says.

A line is written and then taken in here; after a restart every line is taken in again. So what was lived and
what is read again are one. Documents stand beside the log under the digests that the lines name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from secure_access.custodian import access_grants, enrolment, plan_manifests
from secure_access.custodian.access_grants import AccessGrant
from secure_access.custodian.custody_log import Line
from secure_access.custodian.enrolment import Enrolment
from secure_access.custodian.findings import REPORT
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection, WithReport

HOUR = timedelta(hours=1)
APPROVAL_LASTS = timedelta(days=7)
"""After that a first approval of destruction counts no more: whoever comes then is the first again."""


class Standing(StrEnum):
    """Where an access grant stands."""

    WAITING = "waiting"
    TELLING = "telling_the_developer"
    APPROVED = "approved"
    REFUSED = "refused"
    REVOKED = "revoked"
    ENDED = "ended"


@dataclass(frozen=True)
class Approval:
    """Who approved, and of which team at that time."""

    person: str
    team: str
    at: datetime


@dataclass(frozen=True)
class Hold:
    """A legal hold: who asked for it, and why. While it stands, the key of the plan is not destroyed."""

    by: Approval
    reason: str


@dataclass
class Plan:
    """A plan request's key and what was sealed to it. ``developer`` is the id of an organisation."""

    fingerprint: str
    request: str
    developer: str
    deliveries: list[PlanManifest] = field(default_factory=list)
    """What was delivered, each with the custodian's report of it. A later one holds all of the earlier."""
    told: tuple[tuple[str, int, str], ...] = ()
    """Of each delivered section: its key, how many pages it has, what the schema said (empty: no plan)."""
    outline: str = ""
    """SHA-256 of the texts of the public outline that the portal told; empty until then."""
    paused_by: str = ""
    destruction: list[Approval] = field(default_factory=list)
    hold: Hold | None = None
    destroying: bool = False
    destroyed: bool = False
    certificate: str = ""
    """The digest of the certificate of destruction."""

    @property
    def manifest(self) -> PlanManifest | None:
        """The last delivery."""
        return self.deliveries[-1] if self.deliveries else None

    def delivery(self, digest: str) -> PlanManifest | None:
        """The delivery of that digest."""
        return next((one for one in self.deliveries if one.digest == digest), None)


@dataclass(frozen=True)
class Note:
    """The version of a reader's note that stands: beside which page, and the digest of its sealed bytes."""

    note: str
    version: int
    section: str
    page: int
    sealed: str
    at: datetime


@dataclass(frozen=True)
class Quotation:
    """Words that were released: their number for the plan request, and the SHA-256 of the text."""

    number: int
    section: str
    page: int
    sha256: str
    at: datetime


@dataclass
class Given:
    """An access grant with what was decided about it, and when pages were released under it."""

    grant: AccessGrant
    plan: str
    approvals: list[Approval] = field(default_factory=list)
    text: bool = True
    """Whether each approver's list gave the reader text: who gets it later gets none under this grant."""
    told: bool = False
    over: Standing | None = None
    released: list[datetime] = field(default_factory=list)
    decided: Approval | None = None
    """Who refused or revoked it, and when."""
    reason: str = ""
    """Why it was refused, in the words of who did."""
    seen: set[tuple[str, int]] = field(default_factory=set)
    """Section and page of what was released."""
    notes: dict[str, Note] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    """The sealed bytes of every version of every note, by digest; also of notes that were removed."""
    quotations: list[Quotation] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """Where it stands, dates aside."""
        if self.over is not None:
            return self.over
        if len(self.approvals) < access_grants.APPROVERS:
            return Standing.WAITING
        return Standing.TELLING if self.grant.break_glass and not self.told else Standing.APPROVED

    def in_last_hour(self, now: datetime) -> int:
        """How many pages were released in the hour before ``now``."""
        return sum(now - HOUR < at for at in self.released)


class State:
    """Everything, from the lines in order. ``document`` gives the bytes of a digest."""

    def __init__(self, document: Callable[[str], bytes]) -> None:
        self._document = document
        self.enrolment: Enrolment | None = None
        self.signers: tuple[str, ...] = ()
        """Names of the officers who signed that list, as the list before names them."""
        self.unsealed = False
        """Whether officers changed, and recovery copies were not all sealed to the new ones since."""
        self.plans: dict[str, Plan] = {}
        self.grants: dict[str, Given] = {}
        self.certified: dict[str, datetime] = {}
        """Of each reader, when somebody last looked at all that they hold: see `recertification`."""
        self.recertified: dict[str, Approval] = {}
        """Of each reader, who recertified them last."""
        self.releases = 0
        """How many pages were ever released: the number of the last."""
        self.quoted: Counter[str] = Counter()
        """How many quotations were released, by the reference of the plan request."""
        self._take: Mapping[str, Callable[[Line], object]] = {
            "enrolment.accepted": self._enrolled,
            "recovery.resealed": self._resealed,
            "plan.key_made": self._key_made,
            "plan.outlined": self._outlined,
            "plan.delivered": self._delivered,
            "grant.offered": self._offered,
            "grant.approved": self._approved,
            "grant.refused": lambda line: self._over(line, Standing.REFUSED),
            "grant.revoked": lambda line: self._over(line, Standing.REVOKED),
            "grant.ended": lambda line: self._over(line, Standing.ENDED),
            "break_glass.told": self._told,
            "access.paused": lambda line: self._paused(line, _text(line, "by")),
            "access.resumed": lambda line: self._paused(line, ""),
            "page.released": self._released,
            "page.text_released": self._released,
            "note.written": self._noted,
            "note.removed": lambda line: self._given(line).notes.pop(_text(line, "note"), None),
            "quotation.released": self._quoted,
            "plan.destruction_approved": self._destruction_approved,
            "plan.held": self._held,
            "plan.hold_released": self._hold_released,
            "plan.destroying": self._destroying,
            "plan.destroyed": self._destroyed,
            "reader.recertified": self._recertified,
        }

    def take(self, line: Line) -> None:
        """Take a line in. Lines that change nothing here (refusals, sittings) are passed over."""
        apply = self._take.get(line.type)
        if apply is not None:
            apply(line)

    def plan_of_request(self, request: str) -> Plan | None:
        """The plan that answers a request and is not destroyed."""
        found = (one for one in self.plans.values() if one.request == request and not one.destroying)
        return next(found, None)

    def held_by(self, reader: str, now: datetime) -> list[Given]:
        """What a reader is recertified for: the grants that stand and whose dates have not passed.

        Break-glass under which a page was released stays here until the next recertification.
        """
        last = self.recertified.get(reader)
        return [
            one
            for one in self.grants.values()
            if one.grant.reader == reader
            and (
                (one.standing is Standing.APPROVED and now < one.grant.not_after)
                or (one.grant.break_glass and one.released and (not last or last.at < one.released[-1]))
            )
        ]

    def delivery_of(self, given: Given) -> PlanManifest:
        """The delivery that a grant is about. It was there when the grant was offered, and stays."""
        found = self.plans[given.plan].delivery(given.grant.manifest)
        assert found is not None
        return found

    def _enrolled(self, line: Line) -> None:
        new = enrolment.parse(self._document(_text(line, "list")))
        signed = enrolment.read_signed(self._document(_text(line, "signed")))
        found = ((self.enrolment or new).officer(officer) for officer, _ in signed.signatures)
        self.signers = tuple(one.name for one in found if one is not None)
        self.unsealed |= self.enrolment is not None and self.enrolment.officers != new.officers
        self.enrolment = new

    def _resealed(self, _line: Line) -> None:
        self.unsealed = False

    def _key_made(self, line: Line) -> None:
        self.plans[line.plan] = Plan(line.plan, _text(line, "request"), _text(line, "developer"))

    def _outlined(self, line: Line) -> None:
        self.plans[line.plan].outline = _text(line, "outline")

    def _delivered(self, line: Line) -> None:
        plan = self.plans[line.plan]
        manifest = plan_manifests.parse(self._document(_text(line, "manifest")))
        told: Any = line.fields["sections"]
        if line.fields["report"]:
            # The custodian's own report is read under a grant like what was delivered.
            report = SealedSection(REPORT, int(str(line.fields["report_size"])), _text(line, "report"))
            manifest = WithReport.of(manifest, report)
        plan.deliveries.append(manifest)
        plan.told = tuple((str(one["section"]), int(one["pages"]), str(one["schema"])) for one in told)

    def _offered(self, line: Line) -> None:
        grant = access_grants.parse(self._document(_text(line, "grant")))
        self.grants[grant.digest] = Given(grant, line.plan)

    def _approved(self, line: Line) -> None:
        given = self._given(line)
        given.approvals.append(_approval(line))
        reader = self.enrolment.listed(given.grant.reader) if self.enrolment else None
        given.text &= reader is not None and reader.text
        self._stands(given, line.at)

    def _stands(self, given: Given, at: datetime) -> None:
        """Two people who approve the only grant of a reader have looked at all that the reader holds."""
        reader = given.grant.reader
        if given.standing is Standing.APPROVED and self.held_by(reader, at) == [given]:
            self.certified[reader] = at

    def _over(self, line: Line, standing: Standing) -> None:
        given = self._given(line)
        given.over = standing
        given.decided = _approval(line) if "by" in line.fields else None
        given.reason = self._document(_text(line, "reason")).decode() if "reason" in line.fields else ""

    def _told(self, line: Line) -> None:
        given = self._given(line)
        given.told = True
        self._stands(given, line.at)

    def _paused(self, line: Line, by: str) -> None:
        self.plans[line.plan].paused_by = by

    def _released(self, line: Line) -> None:
        self.releases += 1
        given = self._given(line)
        given.released.append(line.at)
        given.seen.add(_place(line))

    def _noted(self, line: Line) -> None:
        given, sealed = self._given(line), _text(line, "sealed")
        version = int(str(line.fields["version"]))
        note = Note(_text(line, "note"), version, *_place(line), sealed, line.at)
        given.notes[note.note] = note
        given.written.append(sealed)

    def _quoted(self, line: Line) -> None:
        number = int(str(line.fields["number"]))
        made = Quotation(number, *_place(line), _text(line, "sha256"), line.at)
        self._given(line).quotations.append(made)
        self.quoted[self.plans[line.plan].request] = number

    def _destruction_approved(self, line: Line) -> None:
        self.plans[line.plan].destruction.append(_approval(line))

    def _destroying(self, line: Line) -> None:
        self.plans[line.plan].destroying = True

    def _destroyed(self, line: Line) -> None:
        self.plans[line.plan].destroyed = True
        self.plans[line.plan].certificate = _text(line, "certificate")

    def _held(self, line: Line) -> None:
        plan = self.plans[line.plan]
        plan.hold = Hold(_approval(line), self._document(_text(line, "reason")).decode())
        # Who approved the destruction did not know of what the hold is for.
        plan.destruction.clear()

    def _hold_released(self, line: Line) -> None:
        self.plans[line.plan].hold = None

    def _recertified(self, line: Line) -> None:
        reader = _text(line, "reader")
        self.recertified[reader] = _approval(line)
        self.certified[reader] = line.at

    def _given(self, line: Line) -> Given:
        return self.grants[_text(line, "grant")]


def _approval(line: Line) -> Approval:
    return Approval(_text(line, "by"), _text(line, "team"), line.at)


def _place(line: Line) -> tuple[str, int]:
    return _text(line, "section"), int(str(line.fields["page"]))


def _text(line: Line, key: str) -> str:
    return str(line.fields[key])
