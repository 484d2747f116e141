"""What the portal tells the custodian and asks of it, every few seconds, in this order:

every grant that ended, then the lines of the log, then its sign of life: it says that nothing ended of which
the custodian was not told, and that this is the log that was taken in. Then plan keys that are wanted, and
grants that are to be offered. A custodian that is silent changes nothing here.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from portal import mail
from portal.custodian import Custodian, NotFound, Refused, Silent
from portal.review import custody_lines, plan_grants, plans
from portal.review.custody_lines import NotContinued
from portal.review.tables import PlanRequest
from portal.review.workflow import DELIVERED, OWED
from secure_access import grants, jobs, ledger
from secure_access.clock import Clock
from secure_access.custodian import enrolment
from secure_access.custodian.custody import Why
from secure_access.custodian.enrolment import Enrolment
from secure_access.custodian.forms import Malformed
from secure_access.db import Database, Session, col, select
from secure_access.grants import AccessGrant, Standing
from secure_access.sealing.plans import PlanKey, PlanManifest

log = structlog.get_logger(__name__)

_FOR_GOOD = frozenset({Why.NOT_ALLOWED, Why.MALFORMED})
"""Why a grant as it stands will never be taken; of anything else it is offered again."""
AT_ONCE = 50
"""Grants offered in one round: the ends of the next must not wait for long."""


@dataclass(frozen=True)
class Round:
    """One round with a custodian."""

    database: Database
    custodian: Custodian
    clock: Clock

    def go(self) -> None:
        """All of it; what is done by the time that something fails stays done.

        Raises `Silent` where the custodian does not answer, `Refused` where it does not do what it must, and
        `NotContinued` where its log is not the one that was taken in, which then has no sign of life.
        """
        try:
            self._go()
        except (Silent, Refused, NotContinued):
            raise
        except Exception as fault:
            self._say(f"A round with the custodian failed ({type(fault).__name__}); the log has the rest.")
            raise

    def _go(self) -> None:
        problems: list[str] = []
        self.end_what_fell()
        try:
            self.tell_ends()
            state = self.custodian.ask("state")
            while self.take_lines(problems):
                pass
            # What ended while lines were taken in, or was offered before it ended, is told too.
            self.tell_ends()
        except NotContinued as other:
            self._say(f"The custodian’s log is not the one that was taken in: {other}.")
            raise
        self.custodian.ask("heard")
        overdue = self.custodian.ask("recertifications")["overdue"]
        self._answered(str(state["custody"]), json.dumps(overdue))
        self.meet()
        self.draw_up(problems)
        self.offer(problems)
        self.want_keys(problems)
        self._say(" ".join(problems))

    def end_what_fell(self) -> None:
        """End the grants of who is no reader any more, or has declared a conflict; and of ended requests."""
        now = self.clock.now()
        with self.database.write() as session:
            for grant in grants.live(session):
                stands = grant.ended_at is None and now < grant.not_after
                if stands and not (
                    plans.is_open(session, grant.subject) and plans.still_reads(session, grant)
                ):
                    grants.end(session, grant=grant, by=None, now=now)

    def tell_ends(self) -> None:
        """Tell the custodian of every grant that ended here; its line says that it knows.

        Raises `NotContinued` where it does not know one that its log had.
        """
        with self.database.read() as session:
            ended = [one for one in grants.live(session) if one.to_be_ended]
        for grant in ended:
            try:
                self.custodian.ask("end", grant=grant.digest)
            except NotFound:
                if grant.standing is not Standing.DRAWN_UP:
                    raise NotContinued(f"it has no access grant {grant.reference}") from None
                self._settle(grant.id, Standing.ENDED, "")

    def take_lines(self, problems: list[str]) -> bool:
        """Take in what the log has after the last line; whether there may be more. Raises `NotContinued`."""
        with self.database.read() as session:
            taken = custody_lines.link(session)
        told = self.custodian.ask("lines", after=max(taken.number - 1, 0))["lines"]
        lines = custody_lines.following(taken, [str(line).encode() for line in told])
        if not lines:
            return False
        files: dict[str, Mapping[str, str]] = {}
        for plan in custody_lines.deliveries(lines):
            files |= self._files(plan)
        beside = custody_lines.Beside(files, self._lost(custody_lines.offered(lines)))
        lists = [str(line.fields["list"]) for line in lines if line.type == "enrolment.accepted"]
        found = [base64.b64decode(self.custodian.ask("listed", list=one)["list"]) for one in lists]
        with self.database.write() as session:
            problems += custody_lines.take_in(session, lines, beside, now=self.clock.now())
            for encoded in found:
                _listed(session, encoded)
        return True

    def _files(self, plan: str) -> Mapping[str, Mapping[str, str]]:
        """The sealed files of the newest delivery to a plan key, by the digest of its manifest."""
        try:
            told = self.custodian.ask("manifest", plan=plan)
        except NotFound:
            return {}
        manifest = PlanManifest.parse(base64.b64decode(told["manifest"]))
        return {manifest.digest: {str(one["section"]): str(one["sha256"]) for one in told["sections"]}}

    def _lost(self, offered: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of those grants that are not on record here."""
        with self.database.read() as session:
            lost = [one for one in offered if not grants.known(session, one)]
        return {one: base64.b64decode(self.custodian.ask("grant", grant=one)["grant"]) for one in lost}

    def meet(self) -> None:
        """Let deliveries count that came while an objection was open, once it has its answer."""
        with self.database.write() as session:
            query = select(PlanRequest).where(
                col(PlanRequest.state).in_(OWED), col(PlanRequest.manifest).is_not(None)
            )
            for request in session.exec(query):
                if request.state not in DELIVERED:
                    custody_lines.meet(session, request, at=self.clock.now(), now=self.clock.now())

    def want_keys(self, problems: list[str]) -> None:
        """Have a key pair made for each request that was put to a developer and has none."""
        with self.database.read() as session:
            owed = col(PlanRequest.state).in_(OWED)
            known = col(PlanRequest.state).in_(DELIVERED) & col(PlanRequest.plan_key).is_not(None)
            query = select(PlanRequest).where(col(PlanRequest.plan_key_text).is_(None), owed | known)
            wanted = list(session.exec(query))
        for request in wanted:
            try:
                made = self.custodian.ask(
                    "make_plan_key", request=request.reference, developer=str(request.developer_id)
                )
                key = self.custodian.ask("plan_key", plan=made["fingerprint"])["key"]
                with self.database.read() as session:
                    outline = plans.outline_texts(session, request)
                self.custodian.ask("outline", plan=made["fingerprint"], outline=outline)
                self._keep_key(request.id, str(made["fingerprint"]), str(key))
            except (Refused, Silent) as problem:
                problems.append(f"{request.reference} has no plan key: {problem}")

    def _keep_key(self, request_id: uuid.UUID, fingerprint: str, key: str) -> None:
        published = PlanKey.parse(key.encode())
        with self.database.write() as session:
            request = session.get_one(PlanRequest, request_id, with_for_update=True)
            if published.fingerprint != fingerprint or published.request != request.reference:
                raise Silent("The custodian told the key of another request.")
            if request.plan_key not in (None, fingerprint):
                raise Silent("The custodian told another key than its log names.")
            if request.plan_key_text is None:
                plans.keep_key(session, request, fingerprint, key, now=self.clock.now())

    def draw_up(self, problems: list[str]) -> None:
        """Draw up a grant for each reader of what was delivered whom the custodian has enrolled."""
        with self.database.read() as session:
            query = select(PlanRequest.id, PlanRequest.reference).where(col(PlanRequest.state).in_(DELIVERED))
            open_ = list(session.exec(query))
        for request_id, reference in open_:
            try:
                with self.database.write() as session:
                    # Looked at again under its lock: it may have ended, and another round may be at it.
                    request = session.get_one(PlanRequest, request_id, with_for_update=True)
                    self._draw_up(session, request, custody_lines.listed_in(session))
            except Malformed as problem:
                problems.append(f"No access grant can be drawn up for {reference}: {problem}.")

    def _draw_up(self, session: Session, request: PlanRequest, listed: Enrolment | None) -> None:
        now = self.clock.now()
        if plan_grants.out_of_time(request, now):
            return
        for reader in request.readers:
            sections = plan_grants.lacking(session, request, uuid.UUID(reader), now)
            if not sections or plan_grants.obstacle(listed, reader, str(request.developer_id), now):
                continue
            assert listed is not None
            person = listed.person(reader, now)
            assert person is not None
            plan_grants.draw_up(session, request, person, sections, now=now)

    def offer(self, problems: list[str]) -> None:
        """Offer what was drawn up. A grant that the custodian does not take says why on its page."""
        with self.database.read() as session:
            drawn = [one.id for one in grants.live(session) if one.standing is Standing.DRAWN_UP][:AT_ONCE]
        for grant_id in drawn:
            with self.database.read() as session:
                grant = session.get_one(AccessGrant, grant_id)
            if grant.ended_at is not None or grant.statement is None:
                continue
            try:
                self.custodian.ask("offer", grant=base64.b64encode(grant.statement.encode()).decode())
            except Refused as refused:
                if refused.why in _FOR_GOOD:
                    self._settle(grant.id, Standing.NOT_OFFERED, str(refused))
                else:
                    problems.append(f"{grant.reference} is not offered yet: {refused}")

    def _settle(self, grant_id: uuid.UUID, standing: Standing, why: str) -> None:
        """What the custodian says of a grant that no line tells."""
        with self.database.write() as session:
            grant = session.get_one(AccessGrant, grant_id, with_for_update=True)
            grant.standing, grant.obstacle = standing, why[:2000] or None
            grant.ended_at = grant.ended_at or self.clock.now()
            session.add(grant)
            fields = {"reader": str(grant.reader_id)}
            ledger.append(
                session,
                "grant.ended",
                fields,
                by=None,
                now=self.clock.now(),
                about=grant.about,
                records=(grant,),
            )

    def _answered(self, custody: str, overdue: str) -> None:
        with self.database.write() as session:
            state = custody_lines.link(session, for_update=True)
            state.answered_at, state.custody, state.overdue = self.clock.now(), custody, overdue
            session.add(state)

    def _say(self, words: str) -> None:
        """What stands in the way now, for the pages of officials; empty where nothing does."""
        with self.database.read() as session:
            if custody_lines.link(session).problem == words[:1000]:
                return
        if words:
            log.warning("custodian.problem", words=words)
        with self.database.write() as session:
            state = custody_lines.link(session, for_update=True)
            state.problem = words[:1000]
            session.add(state)


def _listed(session: Session, encoded: bytes) -> None:
    """Keep the enrolment list that is in force now, and have everybody told who is or was on it."""
    before, new = custody_lines.listed_in(session), enrolment.parse(encoded)
    state = custody_lines.link(session, for_update=True)
    state.enrolment, state.version = encoded.decode(), new.version
    session.add(state)
    for one in enrolment.changed_for(before, new):
        if _is_of_the_portal(one.id):
            jobs.add(session, mail.ENROLMENT, f"{new.version}:{one.change}:{one.id}")


def _is_of_the_portal(person: str) -> bool:
    """Whether an identifier of the list is one of the portal's people; a custody officer has another."""
    try:
        return str(uuid.UUID(person)) == person
    except ValueError:
        return False
