"""What an evaluator does: declares, reads, tests, says what was found and what cannot be ruled out."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.fixtures.browser import Visitor
from tests.web.acting import fill, tick, wait_for

ROWS = ("cyber.safeguards-on", "cyber.safeguards-off", "cbrn")


def declare(petra: Visitor) -> None:
    """Declare that there is no conflict; before that nothing can be read."""
    petra.follow("Engagements")
    petra.go(petra.page.locator("main table a"))
    petra.look("engagement")
    tick(petra.page, "No conflict of interest", exact=False)
    petra.press("Record the declaration")
    petra.reads("Your declaration is recorded.")


def read_filing(petra: Visitor) -> None:
    """Read the accepted filing; the reading is recorded."""
    petra.follow("Read the filing")
    petra.reads("this reading is recorded")
    petra.reads("Worst credible scenario")
    petra.look("filing-under-assessment")
    petra.page.go_back()


def assess(petra: Visitor, log: Path, *, model: str) -> None:
    """Write the assessment with a real evaluation log, which the portal reads, and submit it."""
    page = petra.follow("Begin the assessment")
    for row in ROWS:
        page.locator(f'[name="{row}/at_least"]').select_option("3" if row.endswith("off") else "1")
        page.locator(f'[name="{row}/at_most"]').select_option("3" if row.endswith("off") else "2")
        page.locator(f'[name="{row}/confidence"]').select_option("moderate")
        page.locator(f'[name="{row}/basis"]').fill("range-42, n = 120")
        page.locator(f'[name="{row}/method"]').fill("Agent scaffold, ten attempts a task.")
        page.locator(f'[name="{row}/limits"]').fill("No run of more than ten hours.")
    fill(page, "Access", "Sampling, with and without safeguards, from 4 October.")
    page.locator('input[name="evidence"]').set_input_files(log)
    fill(page, "What it is", "Log of the first run")
    petra.press("Save the draft")
    petra.reads("Only your organisation can read this draft.")
    wait_for(petra, model)
    tick(page, "Release with conditions")
    with petra.refused(422):
        petra.press("Submit the assessment")
        petra.reads("Write a summary that can be published.")
    fill(page, "Summary that can be published", "Tier 3 in cyber offence with safeguards off.")
    petra.look("assessment-form")
    petra.press("Submit the assessment")
    petra.reads("is submitted. It cannot be changed any more.")
    expect(page.get_by_role("button", name="Save the draft")).to_have_count(0)
    petra.look("assessment")
