"""A core with real log and documents, and with fakes for keys, witnesses, pages and mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secure_access.clock import FixedClock
from secure_access.custodian import forms
from secure_access.custodian.access_grants import GrantedSection
from secure_access.custodian.acts import Act
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Custody, NoSuchPage, Parts, Release, Rules
from secure_access.custodian.custody_log import CustodyLog, Line
from secure_access.custodian.enrolment import Officer
from secure_access.custodian.findings import Told
from secure_access.custodian.forms import Form
from secure_access.custodian.page_questions import PAGES
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection
from secure_access.custodian.private_files import Kept
from secure_access.custodian.reading import Sitting
from secure_access.custodian.state import Standing
from secure_access.ledger import canonical
from secure_access.sealing.plans import new_plan_key
from tests.fixtures.enrolled import DEVELOPER, NOW, ORIGIN, REQUEST, Enrolled, grant, manifest, signed


@dataclass
class Keys:
    """Keys in memory, and what was asked of them."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    fails: bool = False
    made: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def make(self, request: str, custodian: str, now: Any, pairs: list[tuple[Officer, Officer]]) -> str:
        assert custodian == ORIGIN
        self.asked.append(("make", request))
        key, private = new_plan_key(custodian, request, now=now, not_after=now + timedelta(days=180))
        self.made[key.fingerprint] = key.encode(), private
        return key.fingerprint

    def public(self, fingerprint: str) -> bytes:
        return self.made[fingerprint][0]

    def private(self, fingerprint: str) -> bytes:
        return self.made[fingerprint][1]

    def reseal(self, fingerprint: str, pairs: list[tuple[Officer, Officer]]) -> None:
        self.asked.append(("reseal", fingerprint))

    def destroy(self, fingerprint: str, now: Any) -> bytes:
        if self.fails:
            raise OSError("no power")
        self.asked.append(("destroy", fingerprint))
        self.made.pop(fingerprint, None)
        return b"certificate of " + fingerprint.encode()


@dataclass
class Outside:
    """What the core meets: witnesses, what renders and opens, mail. Each can be made to fail."""

    stale: str = ""
    rendered: list[tuple[str, int, Release]] = field(default_factory=list)
    inspected: list[PlanManifest] = field(default_factory=list)
    prepared: list[tuple[str, int, str]] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    report: SealedSection | None = None
    problem: Exception | None = None
    meanwhile: Any = None

    def refusal(self, _now: Any) -> str:
        return self.stale

    def render(self, section: GrantedSection, page: int, release: Release) -> bytes:
        self._fail()
        if page > 9:
            raise NoSuchPage
        self.rendered.append((section.section, page, release))
        if self.meanwhile is not None:
            self.meanwhile()
        return f"{section.title} {page} no. {release.number}".encode()

    def prepare(self, section: GrantedSection, page: int, release: Release) -> None:
        self.prepared.append((section.section, page, release.sitting))

    def text(self, _section: GrantedSection, page: int, _release: Release) -> str:
        return f"words of page {page}"

    def compare(self, _found: PlanManifest, outline: Mapping[str, str]) -> SealedSection | None:
        assert outline == {"weight_storage": "We claim AC-2."}
        return self.report

    def keep(self, sittings: Collection[str]) -> None:
        self.kept = set(sittings)

    def inspect(self, found: PlanManifest) -> dict[str, Told]:
        self._fail()
        self.inspected.append(found)
        return {one.section: Told(True, 9, None) for one in found.sections}

    def _fail(self) -> None:
        if self.problem is not None:
            raise self.problem


class World:
    """A core that has an enrolment list, with everything around it; ``restart`` begins again from disk."""

    def __init__(self, home: Path, **rules: Any) -> None:
        self.home, self.enrolled, self.outside, self.keys = home, Enrolled(), Outside(), Keys()
        self.clock = FixedClock(NOW)
        self.rules = Rules(ORIGIN, self.enrolled.pinned, **rules)
        self.plan = ""
        self.delivered: dict[str, Any] = {}
        self.begin()

    def begin(self) -> None:
        outside = self.outside
        self.log = CustodyLog(self.home / "log")
        parts = Parts(
            log=self.log,
            kept=Kept(self.home / "kept"),
            keys=self.keys,
            fresh=outside,
            clock=self.clock,
            render=outside.render,
            inspect=outside.inspect,
            prepare=outside.prepare,
            text=outside.text,
            keep=outside.keep,
            compare=outside.compare,
        )
        self.custody = Custody(parts, self.rules)
        self.core = Core(self.custody)
        self.core.start()

    def restart(self) -> None:
        self.log.close()
        self.begin()

    def later(self, **span: float) -> None:
        self.clock.at += timedelta(**span)
        self.core.heard()

    def act(self, act: Act, about: str, by: str, **told: Any) -> tuple[str, str]:
        """Nonce and answer of a person who confirms an act."""
        made = self.core.ask(act, about, by)
        return made.nonce, self.enrolled.answer(by, made.challenge, **told)

    def enrol(self) -> None:
        self.core.enrol(signed(self.enrolled.value))
        self.core.heard()

    def deliver(self, **changes: Any) -> None:
        """A plan key, and a plan sealed to it."""
        if not self.plan:
            self.plan = self.core.make_plan_key(REQUEST, DEVELOPER)
        self.delivered = {**manifest(self.plan), **changes}
        encoded = canonical.encode(self.delivered)
        self.core.deliver(encoded, *self.act(Act.DELIVER, forms.digest(encoded), "tess"))

    def deliver_more(self, section: str = "zone_plan", **changes: Any) -> None:
        """What was delivered, with one section more."""
        added = {"section": section, "size": 70_000, "sha256": forms.digest(section.encode())}
        sections = [*self.delivered["sections"], added]
        self.deliver(**{"sections": sections, "nonce": "08" * 16, **changes})

    def enter(self, by: str) -> str:
        """The secret of a visit of this person."""
        made = self.core.visits.ask()
        return self.core.visits.enter(made.nonce, self.enrolled.answer(by, made.challenge)).token

    def page(self, digest: str, by: str) -> dict[str, Any]:
        """The page of a grant, as this person sees it. Raises `NotFound`."""
        told = Form({"visit": self.enter(by), "grant": digest}, ("visit", "grant"))
        return PAGES["page.grant"].answer(self.core, told)

    def offer(self, **changes: Any) -> str:
        """A grant before the approvers; its digest."""
        value = {**grant(self.enrolled, self.delivered), "requester": "julien", **changes}
        return self.core.offer(canonical.encode(value)).digest

    def granted(self, **changes: Any) -> str:
        """A grant with its two approvals."""
        digest = self.offer(**changes)
        assert self.core.approve(*self.act(Act.APPROVE, digest, "henrike")) is Standing.WAITING
        assert self.core.approve(*self.act(Act.APPROVE, digest, "oskar")) is Standing.APPROVED
        return digest

    def sit(self, digest: str, by: str = "ada") -> Sitting:
        return self.core.open_sitting(*self.act(Act.OPEN, digest, by))

    def change_list(self, change: Any, by: tuple[str, str] = ("officer-a", "officer-c")) -> None:
        """The next enrolment list, taken in."""
        value = self.enrolled.next()
        change(value)
        self.core.enrol(signed(value, by))
        self.enrolled.value = value

    def lines(self, kind: str = "") -> list[Line]:
        return [line for line in self.core.lines() if kind in ("", line.type)]

    def last(self) -> Line:
        assert self.log.last is not None
        return self.log.last


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A core with an enrolment list and a delivered plan."""
    made = World(tmp_path)
    made.enrol()
    made.deliver()
    return made


@pytest.fixture
def emergency(tmp_path: Path) -> World:
    """The same where the deployment allows break-glass."""
    made = World(tmp_path)
    made.rules = replace(made.rules, break_glass=True)
    made.restart()
    made.enrol()
    made.deliver()
    return made
