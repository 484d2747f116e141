"""Any order of acts: a page leaves exactly when a model, which knows only the rules, says that it may."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from secure_access.custodian.acts import Act, NotConfirmed
from secure_access.custodian.custody import Refused
from secure_access.custodian.reading import Sitting
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import NOW, PEOPLE
from tests.secure_access.custodian.conftest import World

TEAMS = {name: told[2] for name, told in PEOPLE.items()}
APPROVERS, PAGES, IN_AN_HOUR = ("henrike", "oskar", "pia"), 6, 4
EXPLAINED = [{"term": term, "why": "x"} for term in ("readers", "sections", "pages")]
REFUSALS = (Refused, NotConfirmed, NotFound)


class Custodian(RuleBasedStateMachine):
    """One grant, six people, a clock, a portal that may fall silent, and a core that may start again."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.world.enrol()
        self.world.deliver()
        self.grant = self.world.offer(pages=PAGES, pages_per_hour=IN_AN_HOUR, changes=EXPLAINED)
        self.approved: list[str] = []
        self.over = self.paused = False
        self.passkey = self.fresh = True
        self.heard = NOW
        self.sitting: Sitting | None = None
        self.until = NOW
        self.pages: list[datetime] = []
        self.notes: list[str] = []

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.log.close()
            self.folder.cleanup()

    @property
    def now(self) -> datetime:
        return self.world.clock.at

    def stands(self) -> bool:
        """Whether the rules let the reader read at all now."""
        return (
            len(self.approved) == 2
            and not self.over
            and not self.paused
            and self.passkey
            and self.fresh
            and self.now - self.heard <= timedelta(seconds=30)
            and self.now < NOW + timedelta(days=14)
        )

    def tried(self, act: Act, by: str, verb: Any, about: str = "") -> bool:
        """Whether the core let this person do it."""
        with suppress(*REFUSALS):
            verb(*self.world.act(act, about or self.grant, by))
            return True
        return False

    @rule(by=st.sampled_from(sorted(PEOPLE)))
    def approve(self, by: str) -> None:
        may = by in APPROVERS and not self.over and len(self.approved) < 2 and self.passkey
        may = may and self.now < NOW + timedelta(days=14)
        may = may and TEAMS[by] not in [TEAMS[one] for one in self.approved]
        assert self.tried(Act.APPROVE, by, self.world.core.approve) is may
        self.approved += [by] if may else []

    @rule(by=st.sampled_from(sorted(PEOPLE)))
    def revoke(self, by: str) -> None:
        may = by in (*APPROVERS, "tess")
        assert self.tried(Act.REVOKE, by, self.world.core.revoke) is may
        self.over = self.over or may
        self.read("weight_storage")

    @rule(by=st.sampled_from(["tess", "tess", "ada", "pia"]), pausing=st.booleans())
    def pause(self, by: str, pausing: bool) -> None:
        act, verb = (Act.PAUSE, self.world.core.pause) if pausing else (Act.RESUME, self.world.core.resume)
        assert self.tried(act, by, verb, self.world.plan) is (by == "tess")
        self.paused = pausing if by == "tess" else self.paused
        self.read("weight_storage")

    @rule()
    def change_passkeys(self) -> None:
        kept = self.world.enrolled.one("ada")["credentials"]
        self.kept = kept or self.kept

        def change(value: dict[str, Any]) -> None:
            self.world.enrolled.one("ada", value)["credentials"] = [] if kept else self.kept

        self.world.change_list(change)
        self.passkey = not kept
        self.read("weight_storage")

    @rule()
    def witness(self) -> None:
        self.fresh = not self.fresh
        self.world.outside.stale = "" if self.fresh else "no witness"

    @rule()
    def portal_is_heard(self) -> None:
        self.world.core.heard()
        self.heard = self.now

    @rule(seconds=st.sampled_from([1, 29, 31, 899, 901, 3600, 86_400 * 5]), heard=st.booleans())
    def time_goes_on(self, seconds: int, heard: bool) -> None:
        self.world.clock.at += timedelta(seconds=seconds)
        if heard:
            self.portal_is_heard()
        self.read("weight_storage")

    @rule()
    def start_again(self) -> None:
        self.world.restart()
        self.sitting, self.heard = None, NOW - timedelta(days=1)

    @rule(by=st.sampled_from(["ada", "ada", "ada", "julien", "oskar"]))
    def sit(self, by: str) -> None:
        may = by == "ada" and self.stands()
        try:
            opened = self.world.core.open_sitting(*self.world.act(Act.OPEN, self.grant, by))
        except REFUSALS:
            assert not may
            return
        assert may
        self.sitting, self.until = opened, min(self.now + timedelta(minutes=15), NOW + timedelta(days=14))

    @rule(section=st.sampled_from(["weight_storage", "weight_storage", "key_ceremony"]))
    def read(self, section: str) -> None:
        recent = [at for at in self.pages if at > self.now - timedelta(hours=1)]
        may = (
            self.sitting is not None
            and self.now < self.until
            and self.stands()
            and section == "weight_storage"
            and len(self.pages) < PAGES
            and len(recent) < IN_AN_HOUR
        )
        try:
            self.world.core.release(self.sitting.token if self.sitting else "", section, 1)
        except REFUSALS:
            assert not may
            assert self.world.last().type == "page.refused"
            return
        assert may
        self.pages.append(self.now)
        assert self.world.last().fields["release"] == len(self.pages)

    @rule()
    def write_beside_a_page(self) -> None:
        """A note is taken and read back exactly where a page would be released, were pages left."""
        may = self.sitting is not None and self.now < self.until and self.stands()
        token, text = self.sitting.token if self.sitting else "", f"note {len(self.notes)}"
        try:
            self.world.core.notes.write(token, "weight_storage", 1, text)
        except REFUSALS:
            assert not (may and self.pages)
        else:
            assert may
            assert self.pages
            self.notes.append(text)
        try:
            found = [one.text for one in self.world.core.notes.of(token)]
        except REFUSALS:
            assert not may
            return
        assert may
        assert found == self.notes

    @rule()
    def all_of_it(self) -> None:
        """What has to come together for a page, so that chance finds the rest."""
        for by in ("henrike", "oskar"):
            self.approve(by)
        self.portal_is_heard()
        self.sit("ada")
        self.read("weight_storage")
        self.write_beside_a_page()

    @invariant()
    def every_page_has_its_line(self) -> None:
        if hasattr(self, "world"):
            assert len(self.world.lines("page.released")) == len(self.pages)
            assert len(self.world.lines("note.written")) == len(self.notes)


TestCustodian = Custodian.TestCase
TestCustodian.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
