"""What a developer is told before sealing: each section's faults, and drift from the public outline."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from secure_access.custodian.checking import check
from secure_access.custodian.oscal import Reading, SchemaState
from secure_access.custodian.oscal.formats import BYTES
from secure_access.custodian.register import VERSION, Register
from secure_access.custodian.sections import look, media_type_of
from tests.fixtures.oscal import as_json, as_xml, as_yaml, tree

ACTOR = {
    "name": "Rival",
    "kind": "competitor",
    "capability": "high",
    "asset": "Weights",
    "tier": "7",
    "controls": ["AC-2"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    broken = tree()
    broken["system-security-plan"]["surprise"] = 1
    for name, content in {
        "plan.json": as_json(tree()),
        "plan.yaml": as_yaml(tree()),
        "plan.xml": as_xml(tree()),
        "broken.json": as_json(broken),
        "new.json": as_json(tree(version="1.2.2")),
        "bomb.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "actors.json": json.dumps({"v": VERSION, "actors": [ACTOR]}).encode(),
        "actors.csv": b"name,kind,capability,asset,tier,controls\nOther,insider,low,Weights,1,ac-2\n",
        "wrong.csv": b"name\nA\n",
        "wrong.json": json.dumps({"v": VERSION, "actors": [{}]}).encode(),
        "text.pdf": b"%PDF-1.7",
        "empty.pdf": b"",
        "list.json": b"[]",
    }.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_good_delivery_has_no_fault_and_no_drift(folder: Path) -> None:
    report = check(
        {
            "access": folder / "plan.json",
            "insiders": folder / "text.pdf",
            "threat-actors": folder / "actors.json",
        },
        {"access": "We meet AC-2.", "insiders": "We screen."},
    )
    assert report.sound
    assert report.lines == (
        "access (plan.json): a system security plan of 2 controls. Valid by NIST's schema of OSCAL 1.1.2.",
        "insiders (text.pdf): not looked into here; the custodian opens it after delivery.",
        "threat-actors (actors.json): a threat-actor register of 1 actors.",
        "Outline, sections, controls and register agree.",
    )


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("plan.json", ()),
        ("plan.yaml", ()),
        ("plan.xml", ()),
        ("actors.csv", ()),
        ("text.pdf", ()),
        ("new.json", ("Write it in a version of OSCAL whose schema is installed.",)),
        ("list.json", ("The file is not an OSCAL system security plan.",)),
        (
            "bomb.xml",
            ("The file declares a document type or entities. OSCAL needs none, and none is read.",),
        ),
        (
            "wrong.csv",
            ("The first line names these columns: name, kind, capability, asset, tier, controls.",),
        ),
        ("empty.pdf", ("The file is empty.",)),
        ("absent.pdf", ("The file cannot be read: No such file or directory.",)),
    ],
)
def test_faults_of_a_section(folder: Path, name: str, faults: tuple[str, ...]) -> None:
    report = check({"access": folder / name}, None)
    assert report.sections[0].faults == faults
    assert report.sound is not bool(faults)
    assert report.drift is None
    assert report.lines[-1] == "No outline was given, so nothing was compared with it."


def test_every_fault_of_a_plan_and_a_register_is_a_line(folder: Path) -> None:
    report = check({"a": folder / "broken.json", "b": folder / "wrong.json"}, None)
    assert [line for line in report.lines if line.startswith("  ")] == [
        "  system-security-plan: Additional properties are not allowed ('surprise' was unexpected)",
        *(f"  Actor 1 lacks “{key}”." for key in ("name", "kind", "capability", "asset", "tier", "controls")),
    ]


def test_drift_is_told_and_is_no_fault(folder: Path) -> None:
    sections = {
        "access": folder / "plan.xml",
        "threat-actors": folder / "actors.json",
        "more": folder / "actors.csv",
    }
    report = check(sections, {"access": "AC-6", "insiders": ""}, tiers={"1"})
    assert report.sound
    assert report.drift
    assert report.drift.actors == 2
    assert report.lines[3:] == (
        "Compared with the public outline, findings: 4.",
        "  Section without detail: The outline has “insiders”; no section “insiders” is delivered.",
        "  Section not in the outline: Section “more” is delivered; the public outline has no such heading.",
        "  Control absent: “access” of the outline claims AC-6 (Least Privilege); the plan does not have it.",
        "  Tier unknown: “Rival” counts from risk tier “7”, which does not exist.",
    )


def test_a_file_that_is_too_large_is_not_read_to_its_end(folder: Path) -> None:
    large = folder / "large.json"
    with large.open("wb") as file:
        file.truncate(BYTES * 64)  # a gibibyte of nothing
    assert check({"a": large}, None).sections[0].faults == ("The file has more than 16 MiB.",)


def test_the_media_type_decides_how_bytes_are_read() -> None:
    content = as_json(tree())
    found = look(content, "application/json").content
    assert isinstance(found, Reading)
    assert look(content, "application/json").schema is SchemaState.VALID
    assert isinstance(look(as_xml(tree()), "application/oscal+xml").content, Reading)
    assert isinstance(
        look(json.dumps({"v": VERSION, "actors": []}).encode(), "application/json").content, Register
    )
    assert look(b"%PDF", "application/pdf") == look(b"", "image/png")
    assert look(b"%PDF", "application/pdf").schema is None
    assert look(content, "application/xml").problems


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.JSON", "application/json"),
        ("b.yml", "application/yaml"),
        ("c.csv", "text/csv"),
        ("d.pdf", ""),
        ("e", ""),
    ],
)
def test_the_media_type_of_a_name(name: str, media_type: str) -> None:
    assert media_type_of(name) == media_type


def test_the_sandbox_loads_neither_ledger_nor_keys_nor_database() -> None:
    asked = "import sys; from secure_access.custodian import sections, typeset; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    ours = (
        "secure_access.ledger",
        "secure_access.keys",
        "secure_access.db",
        "secure_access.sealing",
        "portal",
    )
    theirs = ("sqlalchemy", "cryptography", "flask")
    assert [name for name in answer.stdout.split() if name.startswith(ours + theirs)] == []
    assert "secure_access.custodian.sections" in answer.stdout.split()
