"""The whole story as its people walk it, in Chromium: from a developer without a filing to a penalty.

Once on what `make run` starts, with pictures and axe; once on PostgreSQL, S3 and RabbitMQ without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
import sqlalchemy
from playwright.sync_api import Browser, expect

from tests.fixtures.browser import ROOT, SCREENS, Gallery, Visitor
from tests.fixtures.instance import Instance
from tests.web import authority, developer, enforcement, evaluator
from tests.web.acting import wait_for
from tests.web.developer import Attached
from tests.web.inputs import Inputs, gather

pytestmark = pytest.mark.journey


class People:
    """Everybody of the story, each with a browser of their own that stays open."""

    def __init__(self, browser: Browser, instance: Instance, gallery: Gallery) -> None:
        self.browser, self.instance, self.gallery = browser, instance, gallery
        self.here: dict[str, Visitor] = {}

    def __getitem__(self, who: str) -> Visitor:
        if who not in self.here:
            visitor = Visitor(self.browser, self.instance, who=who, gallery=self.gallery)
            self.here[who] = visitor.enter() if who else visitor
        return self.here[who]

    @contextmanager
    def walking(self) -> Iterator[People]:
        """Nothing may have gone wrong in any browser, nor in the instance."""
        yield self
        for visitor in self.here.values():
            visitor.leave()
        wrong = self.gallery.wrong + self.instance.faults()
        assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(900)
def test_the_story_on_embedded_parts(chromium: Browser, embedded_instance: Instance) -> None:
    walk(People(chromium, embedded_instance, Gallery(SCREENS / "journey")))


@pytest.mark.timeout(900)
def test_the_story_on_postgresql_s3_and_rabbitmq(chromium: Browser, large_instance: Instance) -> None:
    walk(People(chromium, large_instance, Gallery()))


def walk(people: People) -> None:
    """The story, act by act."""
    inputs = gather(ROOT.parent / "shared", people.instance.home.parent / "inputs")
    with people.walking():
        developer.register(people["jonas"])
        developer.state_figures(people["jonas"])
        report, others = file_everything(people, inputs)
        incident = developer.report_incident(people["jonas"])
        case = authority.take_case(people["mira"], *others, report)
        authority.ask(people["mira"], case)
        developer.answer_request(people["jonas"])
        ask_for_the_plan(people, case)
        assess_and_decide(people, case, report, inputs)
        penalise(people, case, inputs)
        look_as_the_public(people[""], report, incident)
    find_what_was_changed(people.instance, report)


def file_everything(people: People, inputs: Inputs) -> tuple[str, list[str]]:
    """Five short filings and the risk report; the report's reference and the others'."""
    jonas, amara = people["jonas"], people["amara"]
    kinds = ("Release notification", "Test summary", "Safety framework", "System card", "Security")
    short = [developer.certify(amara, developer.draft(jonas, kind, developer.FILED)) for kind in kinds]
    attached = (
        Attached(inputs.report, "Technical report", inputs.report_pages),
        Attached(inputs.locked, "Locked tables", "Cannot be shown"),
        Attached(inputs.damaged, "Damaged tables", "Cannot be shown"),
    )
    report = developer.certify(
        amara, developer.draft(jonas, "Periodic risk report", developer.REPORT, attached)
    )
    developer.prove(amara)
    return report, short


def ask_for_the_plan(people: People, case: str) -> None:
    """Asked, approved, put to the developer, withdrawn. The custodian has journeys of its own."""
    plan = authority.request_plan(people["mira"], case)
    authority.approve_plan(people["ida"], plan)
    developer.see_what_is_asked_of_the_plan(people["amara"])
    authority.withdraw_plan(people["mira"], plan)


def assess_and_decide(people: People, case: str, report: str, inputs: Inputs) -> None:
    """An independent assessment with a gap, a decision with a condition, and its breach."""
    authority.accredit(people["ruth"])
    authority.appoint(people["mira"], case)
    evaluator.declare(people["petra"])
    evaluator.read_filing(people["petra"])
    evaluator.assess(people["petra"], inputs.log, model=inputs.log_model)
    authority.compare(people["mira"], case)
    developer.reply_to_flag(people["jonas"], case)
    authority.recommend(people["mira"], case, report)
    authority.decide(people["paul"], case)
    authority.find_breach(people["mira"], case)


def penalise(people: People, case: str, inputs: Inputs) -> None:
    """A late incident is referred in New York; a breached condition leads to findings under the EU AI Act."""
    ines, tomasz = people["ines"], people["tomasz"]
    late = enforcement.allege(ines, enforcement.LATE_INCIDENT, case, (date(2027, 9, 20), date(2027, 10, 1)))
    referral = enforcement.calculate(ines, late)
    enforcement.approve(ines, tomasz, referral)
    assert enforcement.send(tomasz, "Referral").read_bytes().startswith(b"%PDF")
    breach = enforcement.allege(ines, enforcement.BREACH, case, (date(2027, 10, 1), date(2027, 10, 1)))
    enforcement.attach_revenue(ines, breach, inputs.accounts)
    worksheet = enforcement.calculate(ines, breach)
    enforcement.change_factor(ines, worksheet)
    enforcement.approve(ines, tomasz, worksheet)
    assert enforcement.send(tomasz, "Preliminary findings").read_bytes().startswith(b"%PDF")


def look_as_the_public(public: Visitor, report: str, incident: str) -> None:
    """What everybody reads: the filing without what is confidential, the decision, no amount."""
    public.open("/register")
    public.look("register")
    public.open(f"/register/filings/{report}")
    public.reads(report)
    expect(public.page.locator("body")).not_to_contain_text("Marit Solheim")
    public.look("public-filing")
    public.open("/register/decisions")
    public.reads("Tessaly Intelligence")
    public.go(public.page.locator("tr").filter(has_text="Tessaly").get_by_role("link"))
    public.look("public-decision")
    public.open("/register/penalties")
    expect(public.page.locator("body")).not_to_contain_text(incident)
    public.look("public-penalties")
    public.open("/ledger")
    wait_for(public, "entries")
    public.look("ledger")


def find_what_was_changed(instance: Instance, report: str) -> None:
    """Everything matches; after a change with an SQL client the row is named."""
    instance.assay("ledger", "verify")
    url = instance.settings.get("ASSAY_DATABASE", f"sqlite:///{instance.home / 'assay.db'}")
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        changed = connection.exec_driver_sql(
            f"UPDATE filing SET state_reason = 'changed by hand' WHERE reference = '{report}'"
        )
        assert changed.rowcount == 1
    engine.dispose()
    said = instance.assay("ledger", "verify", status=1)
    assert "filing" in said
    assert "do not match" in said
