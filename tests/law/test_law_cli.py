"""`assay law` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from portal.law import cli, statute
from portal.law.packs import PackError

COVERAGE = {"on": "2027-10-01", "model": {"training_flop": "2e25"}, "organisation": {}}
PENALTY = {
    "regime": "eu-ai-act",
    "on": "2027-09-01",
    "currency": "EUR",
    "revenue": [
        {
            "entity": "A",
            "amount": "540000000",
            "currency": "USD",
            "rate": "1.1",
            "rate_quote": "revenue currency per penalty currency",
        }
    ],
    "inputs": {"violations": [{"provision": "101(1)(b)", "severity_percent": "20", "items": 2}]},
    "present_in": {"currency": "JPY", "rate": "150", "rate_quote": "presented currency per penalty currency"},
}


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli.law, arguments, input=given)


def write(folder: Path, facts: Any) -> str:
    path = folder / "facts.json"
    path.write_text(json.dumps(facts), encoding="utf-8")
    return str(path)


def test_coverage_as_json_and_text(tmp_path: Path) -> None:
    path = write(tmp_path, COVERAGE)
    result = run("coverage", path, "--format", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["regimes"]["eu-ai-act"]["wording"] == "presumed"
    assert found["training_flop"]["value"] == "2e25"
    text = run("coverage", path).stdout
    assert "Anthropic proposal (June 2026): cannot say (proposed)" in text
    assert "missing organisation.ai_revenue" in text
    assert "Large developer: no" in text
    assert "not stated" in run("coverage", "-", given='{"on": "2026-10-01"}').stdout


def test_flags_and_unverified_values_are_printed(tmp_path: Path) -> None:
    model = {"training_flop": "0.9e25", "parameters": "1e12", "tokens": "1e13"}
    text = run(
        "coverage", write(tmp_path, {"on": "2027-10-01", "regimes": ["eu-ai-act"], "model": model})
    ).stdout
    assert "flag    Two estimates disagree (given and 6ND)" in text


def test_a_list_gives_a_list_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, [COVERAGE, {"id": "x", "facts": {**COVERAGE, "on": "2025-01-01"}}])
    found = json.loads(run("coverage", path, "--format", "json").stdout)
    assert [item["on"] for item in found] == ["2027-10-01", "2025-01-01"]
    assert "starts on 2025-08-02" in run("coverage", path).stdout
    result = run("coverage", write(tmp_path, [COVERAGE, {"on": "never"}]))
    assert result.exit_code == 2
    assert "[1]: on: 'never' is not a date" in result.stderr


def test_penalty_as_json_and_text(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": "x", "facts": PENALTY, "expect": {}})
    found = json.loads(run("penalty", path, "--format", "json").stdout)
    assert (found["total"], found["maximum"], found["converted"]) == ("3000000", "15000000", "450000000")
    assert found["statute_digest"] == statute.load("eu-ai-act").digest
    assert {"step", "label", "citation", "operation", "operand", "amount", "status"} <= set(found["lines"][0])
    text = run("penalty", path).stdout
    assert "Fine EUR 3,000,000.00" in text
    assert "Shown as JPY 450,000,000" in text
    assert "Reading: Each item a breach: EUR 6,000,000.00 (not used)" in text
    assert "Warning: decided_on is not stated" in text
    assert "Shown as" not in run("penalty", write(tmp_path, {**PENALTY, "present_in": None})).stdout


@pytest.mark.parametrize(
    ("command", "facts", "message"),
    [
        ("coverage", b"{", "is not JSON"),
        ("coverage", b"\xff\xfe\xff", "is not text in UTF-8"),
        ("coverage", b"[[]]", "[0]: the facts: an object is expected here"),
        ("penalty", b'{"method": "ec-2006"}', "currency: the currency of the penalty is missing"),
        ("penalty", b'{"surprise": 1}', "surprise: unknown key"),
        ("penalty", b" " * 10_000_001, "larger than 10 MB"),
    ],
)
def test_errors_go_to_stderr_with_status_2(command: str, facts: bytes, message: str) -> None:
    result = run(command, "-", given=facts)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = run("penalty", str(tmp_path / "none.json"))
    assert result.exit_code == 2
    assert "cannot be read. No such file or directory." in result.stderr


def test_check_lists_every_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("check")
    assert result.exit_code == 0
    assert "eu-ai-act.toml: " in result.stdout
    assert "accelerators" in result.stdout

    def broken(pack: statute.Pack) -> None:
        raise PackError(f"{pack.path}: broken")

    monkeypatch.setattr(statute, "check", broken)
    assert run("check").exit_code == 2
