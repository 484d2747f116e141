"""What enforcement does: alleges, attaches revenue, calculates, has a second person approve, sends."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from playwright.sync_api import expect

from tests.fixtures.browser import Visitor
from tests.web.acting import fill, tick, wait_for, write_date

LATE_INCIDENT = "Safety incident reported late"
BREACH = "Condition of a decision not met"


def allege(ines: Visitor, title: str, case: str, days: tuple[date, date]) -> str:
    """Make a suggestion of this case an allegation; the violation's reference."""
    page = ines.open("/penalties/")
    wait_for(ines, case)
    row = page.locator("tr").filter(has_text=case).filter(has_text=title)
    ines.look("penalties")
    ines.go(row.get_by_role("link", name=title))
    for box in page.locator('input[name="evidence"]').all():
        if not box.is_checked():
            page.locator(f'label[for="{box.get_attribute("id")}"]').click()
    write_date(page, "occurred_from", days[0])
    write_date(page, "occurred_to", days[1])
    fill(page, "Why this is alleged", "The period ran out, and nothing excuses it.")
    ines.look("violation")
    ines.press("Allege the violation")
    ines.reads("is alleged.")
    return page.url.rpartition("/")[2]


def attach_revenue(ines: Visitor, violation: str, document: Path) -> None:
    """Real figures, borrowed as a sample, with the document that shows them."""
    page = ines.open(f"/penalties/violations/{violation}/figures")
    revenue = page.locator("form").filter(has=page.get_by_role("button", name="Attach the revenue"))
    revenue.get_by_label("Company", exact=True).fill("Tessaly Intelligence")
    write_date(page, "period_start", date(2025, 11, 1))
    write_date(page, "period_end", date(2026, 10, 30))
    revenue.get_by_label("Revenue", exact=True).fill("402836000000")
    revenue.get_by_label("Currency").select_option("USD")
    revenue.get_by_label("Source", exact=True).fill("Consolidated accounts, year to 30 October 2026")
    revenue.get_by_label("Sample figures of").fill("Alphabet Inc.")
    revenue.get_by_label("Document").set_input_files(document)
    ines.press("Attach the revenue")
    ines.reads("Sample figures of Alphabet Inc., no allegation")
    ines.reads("daily rates")
    ines.look("figures-of-the-developer")


def calculate(ines: Visitor, violation: str) -> str:
    """Open the worksheet; its reference."""
    page = ines.open(f"/penalties/violations/{violation}/worksheet")
    page.locator('label[for^="gravity"]').filter(visible=True).nth(1).click()
    fill(page, "Why it has this gravity", "Late, and nobody outside was told.")
    if page.get_by_label("Negligent", exact=True).count():
        tick(page, "Negligent")
    ines.look("worksheet-form")
    ines.press("Calculate the penalty")
    expect(page.locator("h1")).to_contain_text("Penalty worksheet")
    return page.url.rpartition("/")[2]


def change_factor(ines: Visitor, worksheet: str) -> None:
    """Change a factor with a reason: the next version, compared with the one before."""
    page = ines.open(f"/penalties/worksheets/{worksheet}/change")
    box = page.locator('input[type=checkbox][name^="factor-"]').first
    name = box.get_attribute("name")
    page.locator(f'label[for="{box.get_attribute("id")}"]').click()
    page.locator(f'[name="{name}-reason"]').fill("The record of the case shows it.")
    fill(page, "Why the worksheet changes", "A factor was left out.")
    ines.press("Calculate version 2")
    ines.reads("Version 2 is calculated.")
    ines.look("worksheet")
    ines.follow("Compare with version 1")
    ines.look("versions-compared")
    page.go_back()


def approve(ines: Visitor, tomasz: Visitor, worksheet: str) -> None:
    """One prepares, another approves."""
    ines.open(f"/penalties/worksheets/{worksheet}")
    ines.press("Prepare ")
    ines.reads("waits for the head of enforcement.")
    tomasz.open(f"/penalties/worksheets/{worksheet}")
    tomasz.look("worksheet-to-approve")
    tomasz.press("Approve ")
    tomasz.reads("is approved.")


def send(tomasz: Visitor, kind: str) -> Path:
    """Open what was written, download it as PDF and send it; the file."""
    wait_for(tomasz, kind)
    tomasz.follow(kind)
    path = tomasz.download(".pdf")
    tomasz.look(f"notice-{kind.split(maxsplit=1)[0].lower()}")
    tomasz.press("Send ")
    tomasz.reads("is sent to")
    return path
