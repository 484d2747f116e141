"""Deliveries: what a developer's officer sealed is taken in once every file was opened, unseen."""

from __future__ import annotations

from collections.abc import Mapping

from secure_access.custodian import plan_manifests
from secure_access.custodian.acts import Act, Confirmed
from secure_access.custodian.custody import Custody, NotOpened, NotSetUp, Why
from secure_access.custodian.enrolment import Person, Role
from secure_access.custodian.findings import Told
from secure_access.custodian.forms import Malformed
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection
from secure_access.custodian.state import Plan
from secure_access.ledger.canonical import Json
from secure_access.workflow import NotFound


class Deliveries:
    """What was and can be delivered. Those with an assertion raise as the verbs of `core.Core`."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody

    def take(
        self, encoded: bytes, nonce: str, answer: str, outline: Mapping[str, str] | None = None
    ) -> PlanManifest:
        """Take in what a developer's officer sealed, once every file was opened unseen.

        With the texts of the public outline by section, the report of where they do not agree is made.
        """
        custody = self._custody
        done = custody.confirmed(nonce, answer, Act.DELIVER)
        manifest, plan = self._deliverable(done, encoded)
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
            custody.plan(plan.fingerprint)
            custody.parts.kept.put(encoded)
            fields = self._line(manifest, told, report)
            custody.write("plan.delivered", plan.fingerprint, {**fields, **custody.by(done)})
        return manifest

    def _deliverable(self, done: Confirmed, encoded: bytes) -> tuple[PlanManifest, Plan]:
        custody = self._custody
        try:
            manifest = plan_manifests.parse(encoded)
        except Malformed as problem:
            raise custody.denied(done, Why.MALFORMED, f"The plan manifest is refused: {problem}.") from None
        plan = custody.state.plans.get(manifest.key)
        if plan is None or plan.destroying or not officer_of(plan.developer, done.person):
            custody.act_refused(done.statement, Why.UNKNOWN)
            raise NotFound
        if manifest.digest != done.statement.object or manifest.request != plan.request:
            raise custody.denied(done, Why.NOT_ALLOWED, "The manifest is not the one that was confirmed.")
        return manifest, plan

    def receivable(self, request: str) -> str:
        """The plan key to which a request still waits for its delivery. Raises `NotFound`."""
        with self._custody.lock:
            plan = self._custody.state.plan_of_request(request)
            if plan is None or plan.manifest is not None:
                raise NotFound
            return plan.fingerprint

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
            found = [one.manifest for one in plans if one.manifest and not one.destroying]
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


def officer_of(developer: str, person: Person) -> bool:
    """Whether this person acts for the developer, an organisation by its id."""
    return Role.DEVELOPER_OFFICER in person.roles and person.organisation == developer
