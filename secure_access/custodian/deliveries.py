"""Deliveries: what a developer's officer sealed is taken in once every file was opened, unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

from secure_access.custodian import forms, plan_manifests
from secure_access.custodian.acts import Act, Confirmed
from secure_access.custodian.custody import Custody, NotOpened, NotSetUp, Why
from secure_access.custodian.enrolment import Person, officer_of
from secure_access.custodian.findings import REGISTER, REPORT, Told
from secure_access.custodian.forms import Malformed
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection
from secure_access.custodian.state import Plan
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json
from secure_access.workflow import NotFound


class Deliveries:
    """What was and can be delivered. Those with an assertion raise as the verbs of `core.Core`."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody
        self._one = threading.Lock()
        """Held from the opening of a delivery to its line: what it names must not be removed meanwhile."""

    def take(self, encoded: bytes, nonce: str, answer: str) -> PlanManifest:
        """Take in what a developer's officer sealed, once every file was opened unseen.

        Where the portal told the texts of the public outline, by section, the report is made of where they
        do not agree.
        """
        custody = self._custody
        done = custody.confirmed(nonce, answer, Act.DELIVER)
        with self._one:
            return self._taken(done, encoded)

    def _taken(self, done: Confirmed, encoded: bytes) -> PlanManifest:
        custody = self._custody
        with custody.lock:
            manifest, plan = self._deliverable(done, encoded)
            outline = self._outline(plan)
        try:
            told = custody.parts.inspect(manifest)
            report = custody.parts.compare(manifest, outline) if outline is not None else None
        except NotOpened as problem:
            raise custody.denied(done, Why.MALFORMED, f"{problem} Nothing was received.") from None
        except NotSetUp as problem:
            words = "The custodian opens nothing now, and received nothing: ask its operator."
            raise custody.denied(done, Why.NOT_SET_UP, words) from problem
        except Exception as problem:
            words = "A sealed file does not open, or is not what the manifest says. Nothing was received."
            raise custody.denied(done, Why.MALFORMED, words) from problem
        with custody.lock:
            # Opening took its time: officer, plan and what was delivered meanwhile are looked at again.
            self._deliverable(done, encoded)
            custody.parts.kept.put(encoded)
            fields = self._line(manifest, told, report)
            custody.write("plan.delivered", plan.fingerprint, {**fields, **custody.by(done)})
        return manifest

    def set_outline(self, fingerprint: str, outline: Mapping[str, str]) -> None:
        """Keep the texts of the public outline that a plan will be compared with. Raises `Refused`."""
        custody = self._custody
        with custody.lock:
            plan = custody.plan(fingerprint)
            encoded = canonical.encode(dict(outline))
            if plan.outline != forms.digest(encoded):
                fields: dict[str, Json] = {"outline": custody.parts.kept.put(encoded)}
                custody.write("plan.outlined", plan.fingerprint, fields)

    def missing(self, plan: Plan) -> list[str]:
        """The keys of what was asked for and is not here, as far as the portal told; with the register."""
        here = {one.section for one in plan.manifest.sections} if plan.manifest else set()
        asked = self._outline(plan)
        return [one for one in (*sorted(asked), REGISTER) if one not in here] if asked is not None else []

    def _outline(self, plan: Plan) -> Mapping[str, str] | None:
        """The texts that the portal told, if it did."""
        if not plan.outline:
            return None
        told: Any = canonical.decode(self._custody.parts.kept.get(plan.outline))
        return {str(key): str(text) for key, text in told.items()}

    def _deliverable(self, done: Confirmed, encoded: bytes) -> tuple[PlanManifest, Plan]:
        custody = self._custody
        try:
            manifest = plan_manifests.parse(encoded)
        except Malformed as problem:
            raise custody.denied(done, Why.MALFORMED, f"The plan manifest is refused: {problem}.") from None
        plan = custody.state.plans.get(manifest.key)
        if plan is None or plan.destroying or not self._still_officer(done, plan.developer):
            custody.act_refused(done.statement, Why.UNKNOWN)
            raise NotFound
        if manifest.digest != done.statement.object or manifest.request != plan.request:
            raise custody.denied(done, Why.NOT_ALLOWED, "The manifest is not the one that was confirmed.")
        words = _not_more(plan, manifest)
        if words:
            raise custody.denied(done, Why.WRONG_STATE, words)
        return manifest, plan

    def _still_officer(self, done: Confirmed, developer: str) -> bool:
        """Whether who delivers is an officer of the developer now, with that passkey."""
        officer = self._custody.enrolment.person(done.person.person, self._custody.now())
        return bool(officer and officer.key(done.credential.id) and officer_of(developer, officer))

    def receivable(self, request: str, section: str, officer: Person) -> str:
        """The plan key to which this officer of the developer may still send a section of a request.

        A section that was delivered stands. Raises `NotFound`.
        """
        with self._custody.lock:
            plan = self._custody.state.plan_of_request(request)
            if plan is None or not officer_of(plan.developer, officer):
                raise NotFound
            if plan.manifest is not None and plan.manifest.section(section) is not None:
                raise NotFound
            return plan.fingerprint

    def sweep(self, remove: Callable[[Collection[str]], object]) -> None:
        """Have files removed that no delivery names, while none is on its way to its line."""
        with self._one:
            remove(self.delivered())

    def told(self, fingerprint: str) -> tuple[tuple[str, int, str], ...]:
        """Of each delivered section its key, its pages, what the schema said. Raises `NotFound`."""
        with self._custody.lock:
            plan = self._custody.state.plans.get(fingerprint)
            if plan is not None and plan.manifest is not None:
                return plan.told
        raise NotFound

    def delivered(self) -> frozenset[str]:
        """The digests of all sealed files of plans whose key is not destroyed."""
        with self._custody.lock:
            plans = self._custody.state.plans.values()
            found = [delivery for one in plans if not one.destroying for delivery in one.deliveries]
        return frozenset(file.sha256 for manifest in found for file in manifest.sections)

    def _line(
        self, manifest: PlanManifest, told: Mapping[str, Told], report: SealedSection | None
    ) -> dict[str, Json]:
        sections: list[Json] = [
            {"section": key, "pages": one.pages, "schema": one.schema or ""} for key, one in told.items()
        ]
        made: dict[str, Json] = {"report": "", "report_size": 0}
        if report is not None:
            made = {"report": report.sha256, "report_size": report.size}
        return {"manifest": manifest.digest, "sections": sections, **made}


def _not_more(plan: Plan, manifest: PlanManifest) -> str:
    """Why a later delivery is not what was delivered with more sections, in words; empty when it is."""
    before = plan.manifest
    if before is None:
        return ""
    delivered = [one for one in before.sections if one.section != REPORT]
    for one in delivered:
        if manifest.section(one.section) != one:
            return f"Section {one.section} was delivered: a later delivery has the same file of it."
    return "" if len(manifest.sections) > len(delivered) else "All of this was delivered already."
