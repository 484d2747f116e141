"""Files of the demonstration, made here so that nothing is copied into the project."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime

import typst


def pdf(title: str, pages: list[tuple[str, str]], at: datetime) -> bytes:
    """A PDF with a page for each heading and text. Texts are passed as values and never read as markup."""
    source = """
#let told = json(bytes(sys.inputs.told))
#set document(title: told.title, date: none)
#set page(paper: "a4", margin: 24mm, footer: context align(right, text(9pt)[#counter(page).display()]))
#set text(size: 11pt, lang: "en")
#text(18pt, weight: "bold", told.title)
#for (index, page) in told.pages.enumerate() {
  if index > 0 { pagebreak() }
  heading(level: 1, page.at(0))
  for line in page.at(1).split("\\n") { par(line) }
}
"""
    told = json.dumps({"title": title, "pages": pages})
    made = typst.compile(source.encode(), sys_inputs={"told": told}, timestamp=int(at.timestamp()))
    assert isinstance(made, bytes)
    return made


def broken_pdf() -> bytes:
    """A file that begins like a PDF and is cut off: kept as evidence, cannot be shown."""
    return (
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0"
    )


def evaluation_log(*, task: str, model: str, samples: int, accuracy: float, at: datetime) -> bytes:
    """An Inspect log as a tool would write it: the header and one file for each sample, in a zip."""
    created = at.isoformat()
    header = {
        "version": 2,
        "status": "success",
        "eval": {
            "created": created,
            "task": task,
            "task_id": "demonstration",
            "run_id": "demonstration",
            "model": model,
            "dataset": {"name": task, "samples": samples},
            "config": {},
        },
        "plan": {"name": "plan", "steps": []},
        "results": {
            "total_samples": samples,
            "completed_samples": samples,
            "scores": [
                {
                    "name": "solved",
                    "scorer": "solved",
                    "metrics": {"accuracy": {"name": "accuracy", "value": accuracy}},
                }
            ],
        },
        "stats": {"started_at": created, "completed_at": created},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2, "eval": header["eval"]}))
        for number in range(1, samples + 1):
            sample = {"id": number, "epoch": 1, "input": f"Task {number}", "target": "", "messages": []}
            archive.writestr(f"samples/{number}_epoch_1.json", json.dumps(sample))
        archive.writestr("header.json", json.dumps(header))
    return file.getvalue()
