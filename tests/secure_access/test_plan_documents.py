"""Plan keys and plan manifests: made, written, read, and every way in which one is not what it should be."""

from __future__ import annotations

import base64
import errno
import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access import canonical
from secure_access.sealing import BadKey, SealingError, exact, hpke, plans
from secure_access.sealing.durable import AlreadyThere, write_once
from secure_access.sealing.exact import BadForm, WrongVersion
from secure_access.sealing.hpke import SUITES, HpkeSuite, UnknownSuite
from secure_access.sealing.plans import OutOfDate, PlanKey, PlanManifest, SealedSection, new_plan_key

NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
Change = Callable[[dict[str, Any]], object]


def made(suite: HpkeSuite = hpke.XWING) -> PlanKey:
    return new_plan_key("https://custodian.example", "PR-2027-001", now=NOW, not_after=LATER, suite=suite)[0]


KEY = made()
MANIFEST = PlanManifest.make(
    KEY,
    [SealedSection("access-control", 67_084, "ab" * 32), SealedSection("insider-threat", 1, "cd" * 32)],
    now=NOW,
)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_a_plan_key_reads_as_it_was_written(suite: HpkeSuite, tmp_path: Path) -> None:
    key = made(suite)
    path = tmp_path / "PR-2027-001.pub"
    key.write(path)
    assert PlanKey.read(path) == key
    assert PlanKey.parse(path.read_bytes()).fingerprint == key.fingerprint
    assert stat.S_IMODE(path.stat().st_mode) & 0o444
    assert [one.name for one in tmp_path.iterdir()] == ["PR-2027-001.pub"]
    with pytest.raises(AlreadyThere):
        made(suite).write(path)
    assert PlanKey.read(path) == key


def test_two_keys_have_two_fingerprints() -> None:
    assert made().fingerprint != made().fingerprint
    assert len(KEY.fingerprint) == 64


@pytest.mark.parametrize(
    ("at", "usable"),
    [
        (NOW, True),
        (LATER, True),
        (NOW - timedelta(microseconds=1), False),
        (LATER + timedelta(microseconds=1), False),
    ],
)
def test_a_key_is_used_in_its_time(at: datetime, usable: bool) -> None:
    if usable:
        KEY.check_usable(at)
    else:
        with pytest.raises(OutOfDate, match="PR-2027-001"):
            KEY.check_usable(at)


def put(name: str, value: object) -> Change:
    return lambda said: said.__setitem__(name, value)


KEY_CHANGES: list[tuple[str, Change, type[SealingError], str]] = [
    ("another version", put("v", "assay.plan-key/v2"), WrongVersion, "plan-key/v1"),
    ("no version", lambda said: said.pop("v"), WrongVersion, "plan-key/v1"),
    ("a manifest", put("v", "assay.plan-manifest/v1"), WrongVersion, "plan-key/v1"),
    ("another suite", put("suite", "xwing/v2"), UnknownSuite, "xwing/v2"),
    ("a suite that is no text", put("suite", 1), BadForm, "suite"),
    ("a member too many", put("note", "x"), BadForm, "unknown member 'note'"),
    ("a member too few", lambda said: said.pop("request"), BadForm, "'request' is missing"),
    ("a public key that is short", put("public", "AAAA"), BadKey, "1216 bytes, not 3"),
    ("a public key of another suite", put("suite", "mlkem1024-p384/v1"), BadKey, "1665"),
    ("a public key that is none", put("public", base64.b64encode(bytes(1216)).decode()), BadKey, "sealed"),
    ("base64 with white space", put("public", "AA AA"), BadForm, "base64"),
    ("base64 with loose bits", put("public", "AB=="), BadForm, "base64"),
    ("base64 that is no text", put("public", 5), BadForm, "base64"),
    ("no origin", put("custodian", "custodian.example"), BadForm, "origin"),
    ("an origin with a path", put("custodian", "https://custodian.example/x"), BadForm, "origin"),
    ("a request of nothing", put("request", ""), BadForm, "reference"),
    ("an instant without microseconds", put("made_at", "2027-10-01T09:00:00Z"), BadForm, "instant"),
    ("an instant of short fraction", put("made_at", "2027-10-01T09:00:00.0Z"), BadForm, "instant"),
    ("an instant that is no text", put("made_at", 7), BadForm, "instant"),
    ("dates the wrong way round", put("not_after", "2027-10-01T09:00:00.000000Z"), BadForm, "not_after"),
]


@pytest.mark.parametrize(
    ("change", "error", "words"), [one[1:] for one in KEY_CHANGES], ids=[one[0] for one in KEY_CHANGES]
)
def test_what_is_no_plan_key(change: Change, error: type[SealingError], words: str) -> None:
    said = json.loads(KEY.encode())
    change(said)
    with pytest.raises(error, match=words):
        PlanKey.parse(canonical.encode(said))


BYTES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("nothing", lambda _: b""),
    ("a newline at the end", lambda said: said + b"\n"),
    ("a second object", lambda said: said + said),
    ("cut off", lambda said: said[:-1]),
    ("white space", lambda said: said.replace(b",", b", ", 1)),
    ("keys in another order", lambda said: json.dumps(dict(reversed(json.loads(said).items()))).encode()),
    ("a key twice", lambda said: said[:-1] + b"," + said[1:]),
    ("too many bytes", lambda said: said + b" " * 65_536),
]


@pytest.mark.parametrize("parse", [PlanKey.parse, PlanManifest.parse], ids=["key", "manifest"])
@pytest.mark.parametrize("change", [one[1] for one in BYTES], ids=[one[0] for one in BYTES])
def test_bytes_that_are_not_canonical(
    parse: Callable[[bytes], object], change: Callable[[bytes], bytes]
) -> None:
    good = (KEY if parse == PlanKey.parse else MANIFEST).encode()
    parse(good)
    with pytest.raises(BadForm):
        parse(change(good))


def test_a_list_is_no_plan_key() -> None:
    with pytest.raises(WrongVersion):
        PlanKey.parse(b"[]")


def test_a_new_key_is_held_to_the_same_form() -> None:
    with pytest.raises(BadForm, match="origin"):
        new_plan_key("custodian", "PR-2027-001", now=NOW, not_after=LATER)
    with pytest.raises(ValueError, match="time zone"):
        new_plan_key("https://custodian.example", "PR", now=NOW.replace(tzinfo=None), not_after=LATER)


def first(name: str, value: object) -> Change:
    return lambda said: said["sections"][0].__setitem__(name, value)


MANIFEST_CHANGES: list[tuple[str, Change, type[SealingError], str]] = [
    ("another version", put("v", "assay.plan-manifest/v2"), WrongVersion, "plan-manifest/v1"),
    ("a member too many", put("x", "y"), BadForm, "unknown"),
    ("a member of a section too many", first("name", "x"), BadForm, "unknown"),
    (
        "a member of a section too few",
        lambda said: said["sections"][0].pop("size"),
        BadForm,
        "'size' is missing",
    ),
    ("no sections", put("sections", []), BadForm, "list of 1 to"),
    ("sections that are no list", put("sections", {}), BadForm, "list of 1 to"),
    ("a section that is no object", put("sections", ["x"]), BadForm, "not an object"),
    (
        "too many sections",
        lambda said: said["sections"].extend(said["sections"] * 50),
        BadForm,
        "list of 1 to",
    ),
    ("one section twice", first("section", "insider-threat"), BadForm, "one section twice"),
    ("one sealed file twice", first("sha256", "cd" * 32), BadForm, "one sealed file twice"),
    ("a size of nothing", first("size", 0), BadForm, "integer from 1"),
    ("a size beyond the limit", first("size", plans.MAX_SEALED + 1), BadForm, "integer from 1"),
    ("a size that is true", first("size", True), BadForm, "integer from 1"),
    ("upper-case hex", first("sha256", "AB" * 32), BadForm, "lower-case hex"),
    ("a short digest", first("sha256", "ab" * 31), BadForm, "lower-case hex"),
    ("a section with a slash", first("section", "../x"), BadForm, "key of a section"),
    ("a short nonce", put("nonce", "00" * 15), BadForm, "16 bytes"),
    ("another kind of key", put("key", "xwing/v1"), BadForm, "32 bytes"),
]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [one[1:] for one in MANIFEST_CHANGES],
    ids=[one[0] for one in MANIFEST_CHANGES],
)
def test_what_is_no_plan_manifest(change: Change, error: type[SealingError], words: str) -> None:
    said = json.loads(MANIFEST.encode())
    change(said)
    with pytest.raises(error, match=words):
        PlanManifest.parse(canonical.encode(said))


def test_a_manifest_reads_as_it_was_made() -> None:
    assert PlanManifest.parse(MANIFEST.encode()) == MANIFEST
    again = PlanManifest.make(KEY, MANIFEST.sections, now=NOW)
    assert (again.key, again.request) == (KEY.fingerprint, "PR-2027-001")
    assert again.digest != MANIFEST.digest, "the nonce of a manifest is its own"
    with pytest.raises(BadForm, match="one section twice"):
        PlanManifest.make(KEY, [*MANIFEST.sections, MANIFEST.sections[0]], now=NOW)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_with_a_reason(encoded: bytes) -> None:
    for parse in (PlanKey.parse, PlanManifest.parse):
        with pytest.raises((BadForm, WrongVersion)):
            parse(encoded)


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_an_instant_reads_as_it_was_written(at: datetime) -> None:
    assert exact.instant(exact.written(at)) == at


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Any:
        yield b"first"
        raise SealingError("broken off")

    with pytest.raises(SealingError, match="broken off"):
        write_once(tmp_path / "file", broken())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AlreadyThere):
        write_once(tmp_path / "link", [b"x"])


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    write_once(tmp_path / "file", [b"whole"])
    assert (tmp_path / "file").read_bytes() == b"whole"
    with pytest.raises(AlreadyThere):
        write_once(tmp_path / "file", [b"other"])

    def late() -> Any:
        (tmp_path / "second").write_bytes(b"the other one")
        yield b"mine"

    with pytest.raises(AlreadyThere):
        write_once(tmp_path / "second", late())
    assert (tmp_path / "second").read_bytes() == b"the other one"
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        write_once(tmp_path / "third", [b"x"])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "second"]


def test_of_two_that_write_one_name_one_is_refused(tmp_path: Path) -> None:
    def late() -> Any:
        (tmp_path / "file").write_bytes(b"the other one")
        yield b"mine"

    with pytest.raises(AlreadyThere):
        write_once(tmp_path / "file", late())
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"the other one"
