"""What the portal tells the custodian and asks of it, every few seconds, in this order:

every grant that ended, then the lines of the log, then its sign of life: it says that nothing ended of which
the custodian was not told, and that this is the log that was taken in. Then plan keys that are wanted, and
grants that are to be offered. A custodian that is silent changes nothing here.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from portal import mail
from portal.custodian import Custodian, NotFound, Refused, Silent
from portal.review import custody_lines, plan_grants, plans
from portal.review.custody_lines import NotContinued
from portal.review.tables import PlanRequest
from portal.review.workflow import DELIVERED, OWED
from secure_access import grants, identity, jobs, ledger
from secure_access.clock import Clock
from secure_access.custodian import enrolment
from secure_access.custodian.enrolment import Enrolment
from secure_access.db import Database, Session, col, select
from secure_access.grants import AccessGrant, Standing
from secure_access.sealing.plans import PlanKey, PlanManifest
from secure_access.workflow import Role

log = structlog.get_logger(__name__)

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
        self.end_what_fell()
        self.tell_ends()
        state = self.custodian.ask("state")
        try:
            while self.take_lines():
                pass
        except NotContinued as other:
            self._problem(f"The custodian’s log is not the one that was taken in: {other}.")
            raise
        self.custodian.ask("heard")
        overdue = self.custodian.ask("recertifications")["overdue"]
        self._answered(str(state["custody"]), json.dumps(overdue))
        self.meet()
        self.want_keys()
        self.draw_up()
        self.offer()

    def end_what_fell(self) -> None:
        """End the grants of who is no reader any more, or has declared a conflict."""
        with self.database.write() as session:
            for grant in grants.live(session):
                if grant.ended_at is None and not _still_reads(session, grant):
                    grants.end(session, grant=grant, by=None, now=self.clock.now())

    def tell_ends(self) -> None:
        """Tell the custodian of every grant that ended here; its line says that it knows."""
        with self.database.read() as session:
            ended = [one for one in grants.live(session) if one.to_be_ended]
        for grant in ended:
            if grant.standing is Standing.DRAWN_UP:
                self._settle(grant.id, Standing.ENDED, "")
                continue
            try:
                self.custodian.ask("end", grant=grant.digest)
            except NotFound:
                self._settle(grant.id, Standing.ENDED, "")

    def take_lines(self) -> bool:
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
        listed = any(line.type == "enrolment.accepted" for line in lines)
        found = base64.b64decode(self.custodian.ask("listed")["list"]) if listed else b""
        with self.database.write() as session:
            custody_lines.take_in(session, lines, files, now=self.clock.now())
            if found:
                _listed(session, found)
        return True

    def _files(self, plan: str) -> custody_lines.Files:
        """The sealed files of the newest delivery to a plan key, by the digest of its manifest."""
        told = self.custodian.ask("manifest", plan=plan)
        manifest = PlanManifest.parse(base64.b64decode(told["manifest"]))
        return {manifest.digest: {str(one["section"]): str(one["sha256"]) for one in told["sections"]}}

    def meet(self) -> None:
        """Let deliveries count that came while an objection was open, once it has its answer."""
        with self.database.write() as session:
            query = select(PlanRequest).where(
                col(PlanRequest.state).in_(OWED), col(PlanRequest.manifest).is_not(None)
            )
            for request in session.exec(query):
                if request.state not in DELIVERED:
                    custody_lines.meet(session, request, at=self.clock.now(), now=self.clock.now())

    def want_keys(self) -> None:
        """Have a key pair made for each request that was put to a developer and has none."""
        with self.database.read() as session:
            query = select(PlanRequest).where(
                col(PlanRequest.state).in_(OWED), col(PlanRequest.plan_key).is_(None)
            )
            wanted = list(session.exec(query))
        problems: list[str] = []
        for request in wanted:
            try:
                made = self.custodian.ask(
                    "make_plan_key", request=request.reference, developer=str(request.developer_id)
                )
                key = self.custodian.ask("plan_key", plan=made["fingerprint"])["key"]
                with self.database.read() as session:
                    outline = plans.outline_texts(session, request)
                self.custodian.ask("outline", plan=made["fingerprint"], outline=outline)
            except Refused as refused:
                problems.append(f"{request.reference} has no plan key: {refused}")
                continue
            self._keep_key(request.id, str(made["fingerprint"]), str(key))
        if problems:
            self._problem(" ".join(problems))

    def _keep_key(self, request_id: uuid.UUID, fingerprint: str, key: str) -> None:
        published = PlanKey.parse(key.encode())
        with self.database.write() as session:
            request = session.get_one(PlanRequest, request_id, with_for_update=True)
            if published.fingerprint != fingerprint or published.request != request.reference:
                raise Silent("The custodian told the key of another request.")
            if request.plan_key is None:
                plans.keep_key(session, request, fingerprint, key, now=self.clock.now())

    def draw_up(self) -> None:
        """Draw up a grant for each reader of what was delivered whom the custodian has enrolled."""
        with self.database.write() as session:
            listed = custody_lines.listed_in(session)
            query = select(PlanRequest).where(col(PlanRequest.state).in_(DELIVERED))
            for request in session.exec(query):
                if not plan_grants.too_late(request, self.clock.now()):
                    self._draw_up(session, request, listed)

    def _draw_up(self, session: Session, request: PlanRequest, listed: Enrolment | None) -> None:
        now = self.clock.now()
        for reader in request.readers:
            sections = plan_grants.lacking(session, request, uuid.UUID(reader))
            if not sections or plan_grants.obstacle(listed, reader, str(request.developer_id), now):
                continue
            assert listed is not None
            person = listed.person(reader, now)
            assert person is not None
            plan_grants.draw_up(session, request, person, sections, now=now)

    def offer(self) -> None:
        """Offer what was drawn up. A grant that the custodian does not take says why on its page."""
        with self.database.read() as session:
            drawn = [one for one in grants.live(session) if one.standing is Standing.DRAWN_UP][:AT_ONCE]
        for grant in drawn:
            if grant.ended_at is not None or grant.statement is None:
                continue
            try:
                self.custodian.ask("offer", grant=base64.b64encode(grant.statement.encode()).decode())
            except Refused as refused:
                self._settle(grant.id, Standing.NOT_OFFERED, str(refused))

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
            state.answered_at, state.custody, state.problem = self.clock.now(), custody, ""
            state.overdue = overdue
            session.add(state)

    def _problem(self, words: str) -> None:
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


def _still_reads(session: Session, grant: AccessGrant) -> bool:
    """Whether the portal would name this reader today: the role, and no conflict with the developer."""
    developer = next((one for one in grant.about if one.startswith("developer:")), "")
    known = identity.people_with(
        session, Role.PLAN_READER, developer_id=uuid.UUID(developer.partition(":")[2])
    )
    return any(person.id == grant.reader_id for person in known)
