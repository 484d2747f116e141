"""The core: who may do what with a sealed plan. A passkey confirms each act, and its line comes first.

It knows no network, no files but through its parts. What is not yours answers like what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from secure_access.custodian import access_grants, enrolment, forms
from secure_access.custodian.access_grants import AccessGrant, NotGranted
from secure_access.custodian.acts import Act, Confirmed, Nonces, Statement
from secure_access.custodian.custody import Custody, Refused, Why
from secure_access.custodian.custody_log import Line
from secure_access.custodian.deliveries import Deliveries
from secure_access.custodian.destruction import Destructions
from secure_access.custodian.enrolment import NotEnrolled, Person, Role, Told, officer_of
from secure_access.custodian.forms import Malformed
from secure_access.custodian.notes import Notes
from secure_access.custodian.plan_manifests import PlanManifest
from secure_access.custodian.quotations import Quotations
from secure_access.custodian.reading import Reading, Sitting, SittingNow
from secure_access.custodian.state import Given, Standing
from secure_access.custodian.telling import Telling
from secure_access.custodian.visits import Visits, sees
from secure_access.ledger.canonical import Json
from secure_access.workflow import NotFound


class Core:
    """The custodian's verbs. All raise `Refused`; those with an assertion also `NotConfirmed`, `NotFound`."""

    def __init__(self, custody: Custody) -> None:
        self.custody = custody
        self._reading = Reading(custody)
        self.visits = Visits(custody)
        self.telling = Telling(custody)
        self.deliveries = Deliveries(custody)
        self.notes = Notes(custody, self._reading)
        self.quotations = Quotations(custody, self._reading)
        self.destructions = Destructions(custody, self.notes.wipe)

    @property
    def state_of_log(self) -> int:
        """How many lines the log has."""
        return self.custody.parts.log.size

    def start(self) -> None:
        """Tell of a line that a crash cut, and finish what it interrupted."""
        custody = self.custody
        if custody.parts.log.cut:
            custody.write("log.cut", "", {"bytes": custody.parts.log.cut})
        self.finish()

    def finish(self) -> None:
        """Finish what a crash or a fault interrupted after its line: destructions, and recovery copies."""
        custody = self.custody
        with custody.lock:
            self.destructions.finish()
            if custody.state.unsealed:
                self._reseal()

    def heard(self, at: datetime | None = None) -> None:
        """A sign of life of the portal: it would tell of a revocation.

        ``at`` is when the portal said it, if not now: what was held back on its way is as old as it is.
        """
        custody = self.custody
        with custody.lock:
            now = custody.now()
            said = min(at or now, now)
            custody.heard_at = max(custody.heard_at or said, said)

    def ask(self, act: Act, about: str, by: str) -> Statement:
        """What a passkey has to confirm. Whoever asks gets one: who is enrolled is not told to strangers."""
        custody = self.custody
        known = custody.enrolment.person(by, custody.now()) is not None
        return (custody.nonces if known else Nonces()).ask(act, about, by, custody.now())

    def enrol(self, encoded: bytes) -> tuple[Told, ...]:
        """Take in a signed enrolment list; who is to be told of it."""
        custody = self.custody
        with custody.lock:
            before = custody.state.enrolment
            try:
                signed = enrolment.read_signed(encoded)
                new = (
                    enrolment.first(signed, custody.rules.pinned)
                    if before is None
                    else enrolment.follow(signed, before)
                )
                if new.custodian != custody.rules.origin:
                    raise NotEnrolled("the list is for another custodian")
            except (NotEnrolled, Malformed) as problem:
                custody.stranger("enrolment.refused", "", {"signed": forms.digest(encoded)})
                raise Refused(Why.MALFORMED, f"The enrolment list is refused: {problem}.") from None
            kept = custody.parts.kept
            fields = {"list": kept.put(signed.encoded), "signed": kept.put(encoded)}
            custody.write("enrolment.accepted", "", {"version": new.version, **fields})
            if custody.state.unsealed:
                self._reseal()
            return enrolment.changed_for(before, new)

    def _reseal(self) -> None:
        """New recovery copies of every plan key for the officers of now; then the line that says so."""
        custody = self.custody
        pairs = list(custody.enrolment.pairs())
        for plan in custody.state.plans.values():
            if not plan.destroying:
                custody.parts.keys.reseal(plan.fingerprint, pairs)
        custody.write("recovery.resealed", "", {"version": custody.enrolment.version})

    def make_plan_key(self, request: str, developer: str) -> str:
        """A key pair for a plan request of a developer (id of an organisation); its fingerprint."""
        custody = self.custody
        with custody.lock:
            if developer not in custody.enrolment.organisations:
                raise Refused(Why.UNKNOWN, "The enrolment list does not name this developer.")
            if custody.state.plan_of_request(request) is not None:
                raise Refused(Why.WRONG_STATE, "This plan request has a key already.")
            pairs = list(custody.enrolment.pairs())
            made = custody.parts.keys.make(request, custody.rules.origin, custody.now(), pairs)
            custody.write("plan.key_made", made, {"request": request, "developer": developer})
            return made

    def deliver(self, encoded: bytes, nonce: str, answer: str) -> PlanManifest:
        """Take in what a developer's officer sealed, as `Deliveries.take`."""
        return self.deliveries.take(encoded, nonce, answer)

    def offer(self, encoded: bytes) -> AccessGrant:
        """Put an access grant before the approvers. It allows nothing yet."""
        custody = self.custody
        with custody.lock:
            now = custody.now()
            try:
                grant = access_grants.parse(encoded)
                plan = custody.state.plan_of_request(grant.request)
                if plan is None or not plan.deliveries or plan.developer != grant.developer:
                    raise NotGranted("Nothing was delivered for this request and developer.")
                delivery = plan.delivery(grant.manifest)
                if delivery is None:
                    raise NotGranted("The grant is about another delivery than those that are here.")
                access_grants.check_offered(grant, custody.enrolment, delivery, now)
                if grant.digest in custody.state.grants:
                    raise NotGranted("This access grant is here already.")
                if any(given.grant.reference == grant.reference for given in custody.state.grants.values()):
                    raise NotGranted("Another access grant has this reference.")
            except (Malformed, NotGranted) as problem:
                custody.stranger("grant.not_offered", "", {"grant": forms.digest(encoded)})
                raise Refused(Why.NOT_ALLOWED, str(problem)) from None
            custody.parts.kept.put(encoded)
            custody.write(
                "grant.offered",
                plan.fingerprint,
                {"grant": grant.digest, "reference": grant.reference, "reader": grant.reader},
            )
            return grant

    def approve(self, nonce: str, answer: str) -> Standing:
        """One of two approvals. After the second of break-glass the developer is told first (`Telling`)."""
        custody = self.custody
        with custody.lock:
            done = custody.confirmed(nonce, answer, Act.APPROVE, Act.BREAK_GLASS)
            given = self._decidable(done)
            if (done.statement.act is Act.BREAK_GLASS) != given.grant.break_glass:
                raise custody.denied(done, Why.WRONG_ACT, "This was confirmed for another kind of grant.")
            self._check_approvable(done, given)
            custody.write("grant.approved", given.plan, {"grant": given.grant.digest, **custody.by(done)})
            return given.standing

    def _check_approvable(self, done: Confirmed, given: Given) -> None:
        custody, now = self.custody, self.custody.now()
        custody.plan(given.plan)
        delivery = custody.state.delivery_of(given)
        try:
            access_grants.check_offered(given.grant, custody.enrolment, delivery, now)
            access_grants.check_approver(
                given.grant,
                done.person,
                self._still(given, now),
                now=now,
                break_glass=custody.rules.break_glass,
            )
        except NotGranted as problem:
            raise custody.denied(done, Why.NOT_ALLOWED, str(problem)) from None

    def _still(self, given: Given, now: datetime) -> list[Person]:
        """Who approved before. Raises `NotGranted` for one who could not approve it today."""
        listed = self.custody.enrolment
        return [
            person
            for one in given.approvals
            for person in access_grants.still_approves(given.grant, listed, one.person, one.team, now)
        ]

    def refuse(self, nonce: str, answer: str, reason: str = "") -> None:
        """An approver says no, for good: another grant has to be offered. The reason is kept."""
        custody = self.custody
        with custody.lock:
            done = custody.confirmed(nonce, answer, Act.REFUSE)
            given = self._decidable(done)
            if Role.APPROVER not in done.person.roles:
                raise custody.denied(done, Why.NOT_ALLOWED, "Only an enrolled approver can refuse a grant.")
            said: dict[str, Json] = {"reason": custody.parts.kept.put(reason.encode())} if reason else {}
            custody.write(
                "grant.refused", given.plan, {"grant": given.grant.digest, **custody.by(done), **said}
            )

    def revoke(self, nonce: str, answer: str) -> None:
        """An approver, or an officer of the developer, ends a grant at once. Nothing stands against it."""
        custody = self.custody
        with custody.lock:
            done = custody.confirmed(nonce, answer, Act.REVOKE)
            given = self._seen(done)
            if Role.APPROVER not in done.person.roles and not officer_of(given.grant.developer, done.person):
                raise custody.denied(done, Why.NOT_ALLOWED, "Only an approver or the developer revokes it.")
            if given.over is None:
                custody.write("grant.revoked", given.plan, {"grant": given.grant.digest, **custody.by(done)})

    def end(self, digest: str) -> None:
        """The portal says that a reading has ended, or was withdrawn. It can only take away."""
        custody = self.custody
        with custody.lock:
            given = custody.state.grants.get(digest)
            if given is None:
                raise NotFound
            if given.over is None:
                custody.write("grant.ended", given.plan, {"grant": digest})

    def pause(self, nonce: str, answer: str) -> None:
        """An officer of the developer stops every reading of a plan, at once."""
        self._set_paused(nonce, answer, Act.PAUSE)

    def resume(self, nonce: str, answer: str) -> None:
        """An officer of the developer lets readings go on."""
        self._set_paused(nonce, answer, Act.RESUME)

    def _set_paused(self, nonce: str, answer: str, act: Act) -> None:
        custody = self.custody
        with custody.lock:
            done = custody.confirmed(nonce, answer, act)
            plan = custody.state.plans.get(done.statement.object)
            if plan is None or plan.destroying or not officer_of(plan.developer, done.person):
                custody.act_refused(done.statement, Why.UNKNOWN)
                raise NotFound
            kind = "access.paused" if act is Act.PAUSE else "access.resumed"
            custody.write(kind, plan.fingerprint, custody.by(done))

    def open_sitting(self, nonce: str, answer: str) -> Sitting:
        """A sitting of at most 15 minutes for the reader of a grant."""
        return self._reading.open(nonce, answer)

    def close_sitting(self, token: str) -> None:
        """The reader leaves."""
        self._reading.close(token)

    def release(self, token: str, section: str, page: int, zoom: int = 10) -> bytes:
        """A page, after its line is on disk."""
        return self._reading.release(token, section, page, zoom)

    def release_text(self, token: str, section: str, page: int) -> str:
        """The words of a page, after its line is on disk."""
        return self._reading.release_text(token, section, page)

    def tidy(self) -> None:
        """Wipe what is open of sittings that are over."""
        self._reading.tidy()

    def sitting(self, token: str) -> SittingNow:
        """How much is left of a sitting. Raises `Refused` when no page would be released."""
        return self._reading.now(token)

    def destroy(self, nonce: str, answer: str) -> bytes:
        """As `Destructions.approve`."""
        return self.destructions.approve(nonce, answer)

    def lines(self, after: int = 0) -> Iterator[Line]:
        """The lines of the log with numbers above ``after``: what the ledger takes in."""
        return self.custody.parts.log.lines(after)

    def _seen(self, done: Confirmed) -> Given:
        """The grant that an act is about, if this person may know of it. Raises `NotFound`."""
        given = self.custody.state.grants.get(done.statement.object)
        if given is None or not sees(given, done.person):
            self.custody.act_refused(done.statement, Why.UNKNOWN)
            raise NotFound
        return given

    def _decidable(self, done: Confirmed) -> Given:
        given = self._seen(done)
        if given.standing is not Standing.WAITING:
            raise self.custody.denied(done, Why.WRONG_STATE, "This access grant was decided already.")
        return given
