"""Files that people of the story hand in: real ones where they lie beside the checkout, else made here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.seed import files
from tests.fixtures import pdfs


class MadeInputs(UserWarning):
    """The journey ran without the real files."""


@dataclass(frozen=True)
class Inputs:
    """A report with its number of pages, a locked and a damaged PDF, a plan, a log, accounts."""

    report: Path
    report_pages: str
    locked: Path
    damaged: Path
    plan: Path
    log: Path
    log_model: str
    accounts: Path


def gather(shared: Path, folder: Path) -> Inputs:
    """The inputs; what is made is written to ``folder``, and a warning says so at the end of the run."""
    folder.mkdir(parents=True, exist_ok=True)
    damaged = _written(folder / "tables.pdf", pdfs.circular())
    if not shared.is_dir():
        warnings.warn(MadeInputs(f"the journey hands in files made here: there is no {shared}"), stacklevel=2)
        return _made(folder, damaged)
    return Inputs(
        report=shared / "data" / "pdf" / "granite-3.0_paper.pdf",
        report_pages="46 pages",
        locked=shared / "data" / "pdf" / "pypdf__r3-user-password.pdf",
        damaged=damaged,
        plan=shared / "data" / "pdf" / "sample__pdflatex-4-pages.pdf",
        log=shared / "data" / "inspect_logs" / "data_arc_sonnet.json",
        log_model="anthropic/claude-sonnet-4-0",
        accounts=shared / "data" / "finance" / "sec_10k_annual_facts.csv",
    )


def _made(folder: Path, damaged: Path) -> Inputs:
    log = files.evaluation_log(
        task="range-42",
        model="tessaly/sentinel-2",
        samples=3,
        accuracy=0.5,
        at=datetime(2027, 10, 1, tzinfo=UTC),
    )
    return Inputs(
        report=_written(folder / "report.pdf", pdfs.plain(12)),
        report_pages="12 pages",
        locked=_written(folder / "locked.pdf", pdfs.locked()),
        damaged=damaged,
        plan=_written(folder / "plan.pdf", pdfs.plain(4)),
        log=_written(folder / "run.eval", log),
        log_model="tessaly/sentinel-2",
        accounts=_written(folder / "accounts.csv", b"entity,year,revenue\nAlphabet Inc.,2025,402836000000\n"),
    )


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
