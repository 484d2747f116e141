"""What a developer does: registers, files, certifies, reports, answers, delivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.fixtures.browser import Visitor
from tests.web.acting import answer_all, fill, reach, tick, wait_for, write_date

SENTENCE = "Sentinel 2 is a language model with tool use. This answer was written for this walk."
SCENARIO = " ".join(["A skilled group uses many accounts to chain unknown weaknesses in software."] * 8)
MODEL, VERSION = "Sentinel 2", "2.0"
FILED = {
    "planned_release": date(2027, 11, 15),
    "released_on": date(2027, 11, 15),
    "period_start": date(2027, 1, 1),
    "period_end": date(2027, 6, 30),
    "channels": "api",
}
REPORT: dict[str, Any] = {
    **FILED,
    "trigger": "release",
    **{f"{key}.scenario": SCENARIO for key in ("cyber", "cbrn", "sabotage", "manipulation")},
    **{f"{key}.owner": "Marit Solheim" for key in ("cyber", "cbrn", "sabotage", "manipulation")},
    **{f"{key}.tier": "2" for key in ("cyber", "cbrn", "sabotage")},
    "cyber.variants": "two",
    "cyber.off.tier": "2",
    "manipulation.tier": "not_tiered",
}
AFTER_SAVING = ("form/cyber", "form/manipulation")
"""Pages that ask more once their first answers are kept."""


@dataclass(frozen=True)
class Attached:
    """A file to attach, with its label and what the page says of it in the end."""

    path: Path
    label: str
    says: str


def register(jonas: Visitor) -> None:
    """A model with parameters × tokens, and what the four laws make of it."""
    page = jonas.follow("Models")
    jonas.follow("Register a model version")
    with jonas.refused(422):
        jonas.press("Register the version")
        expect(page.get_by_role("alert")).to_be_focused()
    fill(page, "Model", MODEL)
    fill(page, "Version", VERSION)
    fill(page, "Snapshot", "sentinel-2-20270920")
    fill(page, "Parameters", "6e11")
    fill(page, "Training tokens", "3e13")
    for words in ("API", "European Union", "California", "New York"):
        tick(page, words)
    write_date(page, "planned_release", date(2027, 11, 15))
    jonas.press("Show the arithmetic")
    expect(page.locator("#arithmetic")).to_contain_text("1.08")
    jonas.look("register-a-model")
    jonas.press("Register the version")
    jonas.reads("Which laws would cover")
    jonas.press("Assess coverage")
    jonas.reads("Missing:")


def state_figures(jonas: Visitor) -> None:
    """Revenue and research spending with their source; then the coverage again."""
    page = jonas.follow("Models")
    jonas.follow("State figures of a period")
    write_date(page, "period_start", date(2026, 1, 1))
    write_date(page, "period_end", date(2026, 12, 31))
    fill(page, "Gross revenue", "1200000000")
    fill(page, "Revenue from AI", "900000000")
    fill(page, "Spending on AI research and development", "1100000000")
    tick(page, "Yes")
    fill(page, "Source", "Annual report 2026, page 12 (invented)")
    jonas.look("figures")
    jonas.press("Keep these figures")
    jonas.follow("Coverage of Sentinel 2 2.0")
    jonas.press("Assess coverage again")
    for law in ("Anthropic proposal", "California", "New York", "EU"):
        jonas.reads(law)
    jonas.look("coverage")


AMERICAN, EUROPEAN = "Tessaly Intelligence, PBC", "Tessaly Intelligence Europe B.V."
"""Legal entities of the developer; of the laws in force only the European one asks for a risk report."""


def draft(jonas: Visitor, kind: str, given: Mapping[str, Any], attached: Sequence[Attached] = ()) -> str:
    """Write a filing page by page and send it for certification; the address of its signature page."""
    page = jonas.open("/filings/new")
    tick(page, kind, exact=False)
    page.get_by_label("Model version").select_option(index=1)
    jonas.press("Begin the draft")
    while "/form/" in page.url:
        answer_all(page, given, "Save and continue", SENTENCE)
        if page.url.endswith(AFTER_SAVING):
            jonas.press("Save and stay here")
            answer_all(page, given, "Save and continue", SENTENCE)
            if page.url.endswith("cyber"):
                jonas.look("report-a-category")
        jonas.press("Save and continue")
    for file in attached:
        attach(jonas, file)
    if attached:
        jonas.look("attachments")
    return send_for_certification(jonas, EUROPEAN if "risk report" in kind else AMERICAN)


def attach(jonas: Visitor, file: Attached) -> None:
    """Attach a file and wait until it was opened in a process of its own."""
    page = jonas.page
    fill(page, "What it is", file.label)
    page.get_by_label("File", exact=True).set_input_files(file.path)
    jonas.press("Attach the file")
    wait_for(jonas, file.says, within=page.locator("li").filter(has_text=file.label).first)


def send_for_certification(jonas: Visitor, entity: str) -> str:
    """Say which legal entity files, give every reason that is asked, then send."""
    page = jonas.follow("Check and certify")
    listed = page.get_by_label("Legal entity that files")
    listed.select_option(listed.locator("option").filter(has_text=entity).get_attribute("value"))
    jonas.press("Keep who files")
    jonas.reads(f"filed by {entity}")
    while page.get_by_role("button", name="Keep the reason").count():
        page.get_by_label("Reason, kept with your name").first.fill("Checked, and meant as it stands.")
        jonas.press("Keep the reason")
    jonas.look("check-and-certify")
    page.get_by_label("Certifying officer").select_option(index=1)
    jonas.press("Send for certification")
    jonas.reads("Waiting for Amara Diallo")
    return page.url


def certify(amara: Visitor, address: str) -> str:
    """Read what is signed, sign it; the reference of the filing."""
    page = amara.open(address)
    amara.reads("What stands below is exactly what is signed")
    amara.look("sign")
    amara.press("Sign and submit")
    expect(page.locator("h1")).to_contain_text("Receipt for")
    return amara.title().removeprefix("Receipt for ").strip()


def prove(amara: Visitor) -> None:
    """Download the receipt and verify it on the command line, without the portal."""
    wait_for(amara, "In the log as entry")
    amara.look("receipt")
    path = amara.download("Download the receipt")
    policy = path.with_name("policy.txt")
    policy.write_text(amara.instance.assay("ledger", "policy"))
    # Status 3: signed by the log, witnessed by nobody, as on every instance without witnesses.
    said = amara.instance.assay("receipt", "verify", str(path), "--policy", str(policy), status=3)
    assert "not witnessed" in said
    reference = path.stem.removeprefix("receipt-")
    path.write_text(path.read_text().replace(reference, f"{reference[:-1]}9"))
    amara.instance.assay("receipt", "verify", str(path), "--policy", str(policy), status=1)


def report_incident(jonas: Visitor) -> str:
    """The form of an incident by keyboard alone, twelve days late; its reference."""
    page, keyboard = jonas.open("/incidents/new"), jonas.page.keyboard
    reach(page, 'textarea[name="what_happened"]')
    keyboard.type("A build server received a copy of the weights without the second approval.")
    for name, text in (("day", "17"), ("month", "9"), ("year", "2027"), ("time", "08:30")):
        reach(page, f'[name="aware_at-{name}"]')
        keyboard.type(text)
    reach(page, '[name="kinds"][value="cybersecurity"]')
    keyboard.press("Space")
    reach(page, '[name="version"]')
    keyboard.type(MODEL)
    reach(page, '[name="internal_use"]')
    keyboard.press("ArrowDown")
    keyboard.press("ArrowUp")
    reach(page, '[name="contact"]')
    keyboard.type("Jonas Eide, +1 555 0199")
    jonas.look("incident-form")
    reach(page, "main button[type=submit]")
    keyboard.press("Enter")
    jonas.reads("Reported late")
    jonas.look("incident")
    return page.url.rpartition("/")[2]


def answer_request(jonas: Visitor) -> None:
    """Answer what the authority asks."""
    page = jonas.follow("Requests")
    jonas.look("asked")
    jonas.go(page.locator("main table a"))
    page.get_by_label("Your answer to item 1").fill("Two accounts, both closed within a day.")
    with jonas.refused(422):
        jonas.press("Send the complete answer")
        jonas.reads("Only a complete answer ends the request.")
    page.get_by_label("Your answer to item 2").fill("On 3 September 2027, for two days.")
    jonas.look("answer")
    jonas.press("Send the complete answer")
    jonas.reads("is sent. The authority reads it now.")


def see_what_is_asked_of_the_plan(amara: Visitor) -> None:
    """See who asks and why, and where it is delivered: sealed, at the custodian, and nowhere else."""
    page = amara.follow("Requests")
    amara.go(page.locator("main section").nth(1).locator("table a"))
    amara.reads("Mira Lindqvist")
    amara.reads("Seal and deliver one file for each section")
    expect(page.locator("input[type=file]")).to_have_count(0)
    amara.look("deliver-the-plan")


def reply_to_flag(jonas: Visitor, case: str) -> None:
    """Say what the developer thinks of a gap."""
    page = jonas.open(f"/cases/{case}/flags")
    page.get_by_label("Your reply to F-1").fill("We judged the model as deployed, with safeguards on.")
    jonas.look("flags-of-the-developer")
    jonas.press("Send the reply")
    jonas.reads("is with the authority")
