"""``assay seal`` and ``assay seal-manifest``, as a developer types them."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from portal.cli import main
from secure_access.custodian import register
from secure_access.sealing import plans, sections
from secure_access.sealing.plans import PlanKey, PlanManifest, new_plan_key
from tests.fixtures import oscal

MIB = 1024 * 1024
PEAK = 96 * MIB
"""Bytes that the command may take, whatever the size of the file."""


class Key(NamedTuple):
    path: Path
    public: PlanKey
    private: bytes


@pytest.fixture
def key(tmp_path: Path) -> Key:
    now = datetime.now(UTC)
    public, private = new_plan_key(
        "https://custodian.example",
        "PR-2027-001",
        now=now - timedelta(minutes=1),
        not_after=now + timedelta(days=1),
    )
    public.write(tmp_path / "KEY.pub")
    return Key(tmp_path / "KEY.pub", public, private)


def assay(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def pdf(folder: Path, length: int = 100_000, name: str = "plan.pdf") -> Path:
    path = folder / name
    path.write_bytes(b"%PDF-1.7\n" + os.urandom(length))
    return path


def told(said: Result, name: str) -> str:
    found = re.search(rf"^{name} +(.+)$", said.output, re.MULTILINE)
    assert found, said.output
    return found[1]


def test_seals_and_says_what_was_made(key: Key, tmp_path: Path) -> None:
    plan = pdf(tmp_path)
    said = assay("seal", plan, "--section", "access-control", "--to", key.path)
    assert said.exit_code == 0, said.output
    target = tmp_path / "plan.pdf.sealed"
    encoded = target.read_bytes()
    assert told(said, "fingerprint") == key.public.fingerprint
    assert told(said, "custodian") == "https://custodian.example"
    assert told(said, "request") == "PR-2027-001"
    assert told(said, "section") == "access-control"
    assert told(said, "file") == str(target)
    assert int(told(said, "size")) == len(encoded)
    assert told(said, "SHA-256") == hashlib.sha256(encoded).hexdigest()
    found = sections.open_section([encoded], key.private, key=key.public, section="access-control")
    assert (found.content.name, found.content.media_type) == ("plan.pdf", "application/pdf")
    assert b"".join(found.blocks()) == plan.read_bytes()
    assert target.stat().st_mode & 0o077 == 0


def test_refuses_to_overwrite(key: Key, tmp_path: Path) -> None:
    plan, out = pdf(tmp_path), tmp_path / "out"
    out.write_bytes(b"something of mine")
    said = assay("seal", plan, "--section", "access-control", "--to", key.path, "--out", out)
    assert said.exit_code == 1
    assert "is there already, and is not overwritten" in said.output
    assert out.read_bytes() == b"something of mine"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 a document of an office program", "PDF, PNG, JPEG, OSCAL"),
        (b"", "PDF, PNG, JPEG, OSCAL"),
        (b"<html>", "none of them"),
    ],
)
def test_refuses_other_types_in_words(content: bytes, words: str, key: Key, tmp_path: Path) -> None:
    (tmp_path / "plan.pdf").write_bytes(content)
    said = assay("seal", tmp_path / "plan.pdf", "--section", "access-control", "--to", key.path)
    assert said.exit_code == 1
    assert words in said.output
    assert sorted(one.name for one in tmp_path.iterdir()) == ["KEY.pub", "plan.pdf"]


def test_refuses_what_is_missing_or_not_in_order(key: Key, tmp_path: Path) -> None:
    plan = pdf(tmp_path)
    (tmp_path / "bad.pub").write_bytes(key.public.encode() + b"\n")
    late, _ = new_plan_key(
        "https://custodian.example",
        "PR-2027-001",
        now=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2020, 2, 1, tzinfo=UTC),
    )
    late.write(tmp_path / "late.pub")
    large = pdf(tmp_path, name="large.pdf")
    with large.open("r+b") as file:
        file.truncate(plans.MAX_FILE + 1)
    for words, given in {
        "No such file": (tmp_path / "no.pdf", "access-control", key.path),
        "none.pub: No such file": (plan, "access-control", tmp_path / "none.pub"),
        "canonical form": (plan, "access-control", tmp_path / "bad.pub"),
        "is good from 2020-01-01": (plan, "access-control", tmp_path / "late.pub"),
        "is not the key of a section": (plan, "Access control", key.path),
        "has at most 536870912": (large, "access-control", key.path),
    }.items():
        path, section, public = given
        said = assay("seal", path, "--section", section, "--to", public)
        assert (said.exit_code, words in said.output) == (1, True), said.output
    assert not list(tmp_path.glob("*.sealed"))


def sealed(key: Key, folder: Path, section: str) -> Path:
    out = folder / f"{section}.sealed"
    said = assay("seal", pdf(folder), "--section", section, "--to", key.path, "--out", out)
    assert said.exit_code == 0, said.output
    return out


def test_writes_the_manifest_in_the_order_given(key: Key, tmp_path: Path) -> None:
    files = [sealed(key, tmp_path, section) for section in ("insider-threat", "access-control")]
    out = tmp_path / "manifest.json"
    said = assay("seal-manifest", *files, "--to", key.path, "--out", out)
    assert said.exit_code == 0, said.output
    manifest = PlanManifest.parse(out.read_bytes())
    assert told(said, "digest") == manifest.digest == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (manifest.key, manifest.request) == (key.public.fingerprint, "PR-2027-001")
    assert [(one.section, one.size, one.sha256) for one in manifest.sections] == [
        (path.stem, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files
    ]
    again = assay("seal-manifest", *files, "--to", key.path, "--out", out)
    assert again.exit_code == 1
    assert PlanManifest.parse(out.read_bytes()) == manifest


def test_a_manifest_names_only_whole_files_of_its_key(key: Key, tmp_path: Path) -> None:
    one = sealed(key, tmp_path, "access-control")
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_bytes(one.read_bytes()[:-1])
    long.write_bytes(one.read_bytes() + bytes(16))
    huge = tmp_path / "huge"
    huge.write_bytes(one.read_bytes())
    with huge.open("r+b") as file:
        file.truncate(plans.MAX_SEALED + 1)
    other, _ = new_plan_key(
        "https://custodian.example",
        "PR-2027-001",
        now=datetime.now(UTC),
        not_after=datetime.now(UTC) + timedelta(days=1),
    )
    other.write(tmp_path / "other.pub")
    for words, files, public in [
        ("another plan key", [one], tmp_path / "other.pub"),
        ("bytes long", [short], key.path),
        ("bytes long", [long], key.path),
        ("no sealed section has", [huge], key.path),
        ("one section twice", [one, one], key.path),
        ("this is not assay.sealed-section/v1", [tmp_path / "plan.pdf"], key.path),
    ]:
        said = assay("seal-manifest", *files, "--to", public, "--out", tmp_path / "manifest.json")
        assert (said.exit_code, words in said.output) == (1, True), said.output
    assert not (tmp_path / "manifest.json").exists()


def test_takes_no_more_memory_for_a_larger_file(key: Key, tmp_path: Path) -> None:
    plan = pdf(tmp_path, 0, "large.pdf")
    with plan.open("r+b") as file:
        file.truncate(64 * MIB)
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from secure_access.custodian.seal_cli import seal\n"
        "seal(sys.argv[1:], standalone_mode=False)\n"
        "print('peak', re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])\n"
    )
    command = [sys.executable, "-c", code, plan, "--section", "access-control", "--to", key.path]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    peak = re.search(r"^peak (\d+)$", said, re.MULTILINE)
    assert peak
    assert int(peak[1]) * 1024 < PEAK


CSV = b"name,kind,capability,asset,tier,controls\nRival,competitor,high,Weights,2,AC-2(1); SC-7\n"


def test_a_register_in_csv_is_sealed_as_the_json_that_it_says(tmp_path: Path, key: Key) -> None:
    actors, out = tmp_path / "actors.csv", tmp_path / "actors.sealed"
    actors.write_bytes(CSV)
    made = assay("seal", actors, "--section", "threat-actors", "--to", key.path, "--out", out)
    assert made.exit_code == 0, made.output
    opened = sections.open_section([out.read_bytes()], key.private, key=key.public, section="threat-actors")
    content = b"".join(bytes(block) for block in opened.blocks())
    assert (opened.content.name, opened.content.media_type) == ("actors.json", "application/oscal+json")
    [actor] = register.from_json(content).actors
    assert (actor.name, actor.controls) == ("Rival", register.from_csv(CSV).actors[0].controls)
    actors.write_bytes(b"name\nRival\n")
    refused = assay("seal", actors, "--section", "threat-actors", "--to", key.path, "--out", tmp_path / "no")
    assert refused.exit_code == 1
    assert "The first line names these columns" in refused.output
    assert not (tmp_path / "no").exists()


def test_a_plan_is_looked_at_with_its_outline_before_it_is_sealed(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(oscal.as_json(oscal.tree()))
    (tmp_path / "actors.csv").write_bytes(CSV)
    (tmp_path / "outline.json").write_text('{"access-control": "We claim AC-2 and PE-3.", "other": "Told."}')
    named = (f"access-control={tmp_path / 'plan.json'}", f"threat-actors={tmp_path / 'actors.csv'}")
    said = assay("seal-check", *named, "--outline", tmp_path / "outline.json")
    assert said.exit_code == 0, said.output
    for words in ("a system security plan of", "a threat-actor register of 1 actors", "PE-3", "other"):
        assert words in said.output
    assert "No outline was given" in assay("seal-check", *named).output
    broken = oscal.tree()
    broken["system-security-plan"]["surprise"] = 1
    (tmp_path / "plan.json").write_bytes(oscal.as_json(broken))
    assert assay("seal-check", *named).exit_code == 1
    for wrong in (("plan.json",), (named[0], named[0]), ("=plan.json",)):
        assert assay("seal-check", *wrong).exit_code == 2
    (tmp_path / "outline.json").write_text("[]")
    refused = assay("seal-check", *named, "--outline", tmp_path / "outline.json")
    assert (refused.exit_code, "texts by section" in refused.output) == (1, True)
