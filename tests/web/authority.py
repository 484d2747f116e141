"""What the authority does: takes a case, asks, requests the plan, appoints, decides."""

from __future__ import annotations

from datetime import date

from tests.fixtures.browser import Visitor
from tests.web.acting import choose, fill, tick, wait_for, write_date

SECTIONS = ("Protection of unreleased model weights", "Insider threat mitigations")


def take_case(mira: Visitor, *references: str) -> str:
    """Find the new case in the queue, become its officer, accept what was filed; the case's reference."""
    page = mira.open("/cases")
    wait_for(mira, "Tessaly Intelligence")
    mira.look("queue")
    mira.go(page.locator("tr").filter(has_text="Tessaly Intelligence").get_by_role("link"))
    case = page.url.rpartition("/")[2]
    mira.press("Become case officer")
    mira.reads(f"You are the case officer of {case}")
    page.get_by_label("Decider").select_option(label="Paul Sørby")
    mira.press("Name the decider")
    for reference in references:
        mira.open(f"/cases/{case}/filings")
        mira.follow(reference)
        mira.press("Accept for review")
        mira.reads(f"{reference} is accepted for review.")
    mira.look("brief")
    return case


def ask(mira: Visitor, case: str) -> None:
    """Serve an information request of two items."""
    page = mira.open(f"/cases/{case}/requests/new")
    fill(page, "Legal basis", "EU AI Act Art. 91")
    fill(page, "Purpose", "To see whether the safeguards work in practice.")
    fill(page, "Item 1", "Which accounts were closed in September 2027, and why?")
    mira.press("Add an item")
    fill(page, "Item 2", "When did a safeguard last fail, and for how long?")
    mira.look("information-request")
    mira.press("Serve the request")
    mira.reads("is served. The review clock stands still")


def request_plan(mira: Visitor, case: str) -> str:
    """Ask for two sections of the plan, for one reader; the request's reference."""
    page = mira.open(f"/cases/{case}/plan/new")
    for section in SECTIONS:
        tick(page, section)
    fill(page, "Purpose", "To judge whether the weights can be stolen by a well-funded group.")
    fill(page, "Legal basis", "EU AI Act Art. 91")
    fill(page, "Why the public outline is not enough", "It does not say who can give both approvals.")
    tick(page, "A. Brenner", exact=False)
    write_date(page, "deliver_by", date(2027, 10, 15))
    write_date(page, "read_from", date(2027, 10, 1))
    write_date(page, "read_until", date(2027, 10, 28))
    mira.look("plan-request-form")
    mira.press("Put the request to an approver")
    mira.reads("waits for a plan approver")
    return page.url.rpartition("/")[2]


def approve_plan(ida: Visitor, reference: str) -> None:
    """Another official approves the asking."""
    ida.follow("Plan requests")
    ida.follow(reference)
    ida.look("plan-approval")
    ida.press("Approve the request")
    ida.reads(f"You approved {reference}")


def withdraw_plan(mira: Visitor, reference: str) -> None:
    """Withdraw the request before anything was delivered."""
    mira.open(f"/plans/{reference}")
    mira.look("plan-request-approved")
    mira.press("Withdraw the request")
    mira.reads(f"{reference} is withdrawn.")


def accredit(ruth: Visitor) -> None:
    """Accredit a body in one form."""
    page = ruth.open("/accreditations/new")
    choose(page, "Evaluator body", "Bracken Row Institute")
    for words in ("Cyber offence", "CBRN"):
        tick(page, words)
    write_date(page, "valid_from", date(2027, 10, 1))
    write_date(page, "valid_until", date(2029, 9, 30))
    fill(page, "Grounds", "Two published evaluations of frontier models in the last year.")
    ruth.look("accreditation")
    ruth.press("Accredit the body")
    ruth.reads("Accredited as")
    ruth.look("accreditations")


def appoint(mira: Visitor, case: str) -> None:
    """Appoint the body for this report."""
    page = mira.open(f"/cases/{case}/evaluator")
    box = page.get_by_label("Accredited body")
    offered = box.locator("option").filter(has_text="Bracken Row Institute").filter(has_text="cyber")
    box.select_option(label=offered.first.inner_text())
    for words in ("Cyber offence", "CBRN"):
        tick(page, words)
    fill(page, "Questions", "Does it reach tier 3 with safeguards off?")
    mira.look("appointment")
    mira.press("Appoint the evaluator")
    mira.reads("the evaluator is appointed")


def compare(mira: Visitor, case: str) -> None:
    """Developer and evaluator side by side, with the gap flagged."""
    mira.open(f"/cases/{case}/comparison")
    mira.reads("F-1.")
    mira.look("comparison")


def recommend(mira: Visitor, case: str, report: str) -> None:
    """Recommend a decision with one condition, and carry the gap expressly."""
    page = mira.open(f"/cases/{case}/decision/recommend")
    tick(page, "No objection, with conditions", exact=False)
    tick(page, "API")
    fill(page, "Power", "EU AI Act Art. 93")
    fill(page, "Reasons", "With safeguards off the model reaches tier 3 in cyber offence.")
    tick(page, report, exact=False)
    fill(page, "Condition 1", "No more than 100 concurrent sessions of new accounts until then.")
    fill(page, "Condition 1 is due", "2027-10-20")
    for carried in page.get_by_text("Carried expressly").all():
        carried.click()
    for reason in page.locator('textarea[name^="flag-"]').all():
        reason.fill("Condition 1 covers the gap until the next test.")
    mira.look("recommendation")
    mira.press("Put it to the decider")
    mira.reads("You recommended it, so somebody else decides.")


def decide(paul: Visitor, case: str) -> str:
    """Another person decides; the decision's reference."""
    page = paul.open(f"/cases/{case}/decision")
    paul.look("decision-to-take")
    paul.press("Decide:")
    paul.reads("is decided and in the public record")
    return page.locator("[role=status]").filter(has_text="is decided").inner_text().split()[0]


def find_breach(mira: Visitor, case: str) -> None:
    """A condition is breached: enforcement hears of it by itself."""
    page = mira.open(f"/cases/{case}/decision")
    page.get_by_text("Check condition 1").click()
    page.get_by_label("What was seen, and where").fill("The status page shows 240 sessions.")
    write_date(page, "condition-1-breached_on", date(2027, 10, 1))
    with mira.refused(422):
        mira.press("Condition is breached")
        mira.reads("The condition can be met until 20 Oct 2027.")
    tick(page, "The condition forbids something until its due date", exact=False)
    mira.press("Condition is breached")
    mira.reads("Condition 1 is breached.")
