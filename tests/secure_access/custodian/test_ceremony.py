"""The ceremony as officers hold it: keys, draft, signatures, verification; and each mistake in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from secure_access.custodian import enrolment, forms, key_copies, list_draft, officer_keys
from secure_access.custodian.cli import custodian
from secure_access.custodian.forms import Malformed
from secure_access.custodian.list_draft import BadDraft
from secure_access.custodian.officer_keys import WeakPassphrase, WrongPassphrase
from secure_access.ledger import canonical
from tests.fixtures.enrolled import NOW

PASSPHRASE = "correct horse battery staple stands"
OFFICERS = {"officer-a": "board", "officer-b": "board", "officer-c": "court"}
DRAFT = """
custodian = "https://custodian.example"
rp_id = "custodian.example"
needed = 2

[[organisations]]
id = "tessaly"
name = "Tessaly Intelligence"
notice = "security@tessaly.example"

[[organisations]]
id = "authority"
name = "Frontier AI Authority"

[[people]]
person = "ada"
name = "Ada Brenner"
title = "security reviewer"
organisation = "authority"
employer = "authority"
team = "Systems Security"
roles = ["reader"]
conflicts = ["tessaly"]
not_before = 2027-10-01
not_after = 2028-10-01T12:00:00Z
[[people.credentials]]
id = "AAAAAAAAAAAAAAAAAAAAAA=="
public_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
device = "Ada's key"
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with little memory: its cost is measured elsewhere."""
    monkeypatch.setattr(officer_keys, "MEMORY", 1024)


def run(*args: object, told: str = "") -> Result:
    return CliRunner().invoke(custodian, ["ceremony", *map(str, args)], input=told)


def done(*args: object, told: str = "") -> str:
    result = run(*args, told=told)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table with three officers' keys and a draft on it."""
    for officer, group in OFFICERS.items():
        done(
            *(
                "keys",
                "--id",
                officer,
                "--name",
                officer.title(),
                "--group",
                group,
                "--out",
                tmp_path / officer,
            ),
            told=f"{PASSPHRASE}\n{PASSPHRASE}\n",
        )
    (tmp_path / "draft.toml").write_text(DRAFT)
    return tmp_path


def public(table: Path) -> list[Path]:
    return [table / officer / f"{officer}.public" for officer in OFFICERS]


def signed(
    table: Path, name: str, previous: Path | None = None, by: tuple[str, ...] = ("officer-a", "officer-c")
) -> Path:
    """The draft, assembled, signed and joined."""
    by = ("officer-a", "officer-c")
    before = ["--previous", previous] if previous else []
    done("assemble", table / "draft.toml", *public(table), "--out", table / f"{name}.list", *before)
    signatures = [table / f"{name}.{officer}" for officer in by]
    for officer, path in zip(by, signatures, strict=True):
        told = done(
            *("sign", table / f"{name}.list", "--keys", table / officer / f"{officer}.keys", "--out", path),
            *before,
            told=f"y\n{PASSPHRASE}\n",
        )
        assert "Ada Brenner, reader, Systems Security" in told
        assert "Tessaly Intelligence is told of break-glass at security@tessaly.example" in told
    done("join", table / f"{name}.list", *signatures, "--out", table / f"{name}.signed", *before)
    return table / f"{name}.signed"


def test_the_ceremony_from_keys_to_a_second_list(table: Path) -> None:
    first = signed(table, "one")
    digest = enrolment.parse((table / "one.list").read_bytes()).digest
    told = done("verify", first, "--pinned", digest)
    assert "signatures are good" in told
    assert "conflicts: Tessaly Intelligence" in told
    assert "passkey: Ada's key (0000000000000000)" in told
    assert enrolment.first(enrolment.read_signed(first.read_bytes()), digest).version == 1
    (table / "draft.toml").write_text(DRAFT.replace("Systems Security", "Systems Security, Audit"))
    second = signed(table, "two", first)
    told = done("verify", second, "--previous", first)
    assert "Since list 1:\n  changed: Ada Brenner (ada)" in told
    third = signed(table, "three", second)
    assert "As in list 2." in done("verify", third, "--previous", second)
    assert run("verify", third, "--previous", first).exit_code == 1


def test_key_files_are_private_and_hold_nothing_in_the_clear(table: Path) -> None:
    path = table / "officer-a" / "officer-a.keys"
    assert path.stat().st_mode & 0o777 == 0o600
    keys = officer_keys.unlock(path.read_bytes(), PASSPHRASE)
    assert keys.public == (table / "officer-a" / "officer-a.public").read_bytes()
    assert set(json.loads(path.read_bytes())) == {"v", "officer", "salt", "nonce", "sealed"}
    assert "private" not in repr(keys)
    assert keys.open not in path.read_bytes()


MISTAKES: dict[str, tuple[Callable[[Path], Result], str]] = {
    "a short passphrase": (
        lambda table: run(
            *("keys", "--id", "x", "--name", "X", "--group", "g", "--out", table / "x"), told="short\nshort\n"
        ),
        "at least 20 characters",
    ),
    "an id that is none": (
        lambda table: run(
            *("keys", "--id", "a b", "--name", "X", "--group", "g", "--out", table / "x"),
            told=f"{PASSPHRASE}\n{PASSPHRASE}\n",
        ),
        "identifier",
    ),
    "two officers": (
        lambda table: run("assemble", table / "draft.toml", *public(table)[:2], "--out", table / "l"),
        "at least 3",
    ),
    "a file that is there": (
        lambda table: run("assemble", table / "draft.toml", *public(table), "--out", table / "draft.toml"),
        "is there already",
    ),
    "no list before it and no digest": (
        lambda table: run("verify", table / "draft.toml"),
        "Name the list before it",
    ),
    "not a signed list": (
        lambda table: run("verify", table / "draft.toml", "--pinned", "0" * 64),
        "not canonical JSON",
    ),
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_words(table: Path, mistake: Callable[[Path], Result], words: str) -> None:
    result = mistake(table)
    assert result.exit_code in (1, 2)
    assert words in result.output


def test_a_list_is_not_signed_without_a_yes_or_with_a_wrong_passphrase(table: Path) -> None:
    done("assemble", table / "draft.toml", *public(table), "--out", table / "l")
    keys = table / "officer-a" / "officer-a.keys"
    assert run("sign", table / "l", "--keys", keys, "--out", table / "s", told="n\n").exit_code == 1
    wrong = run("sign", table / "l", "--keys", keys, "--out", table / "s", told="y\nanother passphrase\n")
    assert "does not open the file" in wrong.output
    assert not (table / "s").exists()


def test_one_officer_is_not_enough_and_nothing_is_written(table: Path) -> None:
    done("assemble", table / "draft.toml", *public(table), "--out", table / "l")
    keys = table / "officer-a" / "officer-a.keys"
    done("sign", table / "l", "--keys", keys, "--out", table / "s", told=f"y\n{PASSPHRASE}\n")
    result = run("join", table / "l", table / "s", "--out", table / "signed")
    assert "1 officers signed, and 2 are needed" in result.output
    assert not (table / "signed").exists()


def test_two_officers_open_a_recovery_copy_one_after_the_other(table: Path) -> None:
    first, _, second = (officer_keys.read_public(path.read_bytes()) for path in public(table))
    plan, private = "ab" * 32, bytes(range(32))
    (table / "copy").write_bytes(key_copies.for_recovery(private, plan, first, second))
    a, c = (table / name / f"{name}.keys" for name in ("officer-a", "officer-c"))
    told = done(
        *("open-copy", table / "copy", "--plan", plan, "--keys", a, "--out", table / "half"),
        told=f"{PASSPHRASE}\n",
    )
    assert "for the second officer" in told
    wrong = run(
        *("open-copy", table / "half", "--plan", plan, "--keys", a, "--out", table / "no"),
        told=f"{PASSPHRASE}\n",
    )
    assert "does not open this copy" in wrong.output
    told = done(
        *("open-copy", table / "half", "--plan", plan, "--keys", c, "--out", table / "whole"),
        told=f"{PASSPHRASE}\n",
    )
    assert "the plan key itself" in told
    assert (table / "whole").read_bytes() == private


def officers() -> list[enrolment.Officer]:
    made = [officer_keys.make(name, name, group) for name, group in OFFICERS.items()]
    return [officer_keys.read_public(one.public) for one in made]


DRAFTS = {
    "not TOML": ("x = ", "not TOML"),
    "a key too many": (DRAFT.replace("needed = 2", "needed = 2\nversion = 7"), "nothing else"),
    "a key missing": (DRAFT.replace("needed = 2", ""), "nothing else"),
    "an unknown field of a person": (DRAFT.replace("team =", "boss = 'x'\nteam ="), "ada: unknown: boss"),
    "a field missing": (DRAFT.replace('team = "Systems Security"', ""), "ada: missing: team"),
    "a date in quotation marks": (DRAFT.replace("= 2027-10-01", '= "2027-10-01"'), "without quotation marks"),
    "a time without a zone": (DRAFT.replace("12:00:00Z", "12:00:00"), "without quotation marks"),
}


@pytest.mark.parametrize(("draft", "words"), DRAFTS.values(), ids=DRAFTS)
def test_a_draft_that_is_none_is_told_by_its_place(draft: str, words: str) -> None:
    with pytest.raises(BadDraft, match=words):
        list_draft.assemble(draft, officers(), None, NOW)


def test_a_draft_is_put_in_order() -> None:
    made = list_draft.assemble(DRAFT, officers()[::-1], None, NOW)
    found = enrolment.parse(made)
    assert list(found.organisations) == ["authority", "tessaly"]
    assert [one.id for one in found.officers] == list(OFFICERS)
    [ada] = found.people
    assert ada.not_before == datetime(2027, 10, 1, tzinfo=UTC)
    assert ada.not_after == datetime(2028, 10, 1, 12, tzinfo=UTC)
    assert not ada.text


def test_a_key_file_is_bound_to_its_officer_and_passphrase() -> None:
    keys = officer_keys.make("officer-a", "A", "board")
    locked = officer_keys.lock(keys, PASSPHRASE)
    with pytest.raises(WrongPassphrase):
        officer_keys.unlock(locked, PASSPHRASE + " ")
    other = officer_keys.make("officer-b", "B", "board")
    value = canonical.decode(locked)
    assert isinstance(value, dict)
    value["officer"] = canonical.decode(officer_keys.lock(other, PASSPHRASE))["officer"]  # type: ignore[call-overload, index]
    with pytest.raises(WrongPassphrase):
        officer_keys.unlock(canonical.encode(value), PASSPHRASE)
    with pytest.raises(WeakPassphrase):
        officer_keys.lock(keys, "x" * 19)
    with pytest.raises(Malformed):
        officer_keys.unlock(b"{}", PASSPHRASE)
    assert replace(keys, name="Z").public != keys.public


def test_a_file_whose_keys_are_others_than_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = officer_keys.make("officer-a", "A", "board")
    shown = officer_keys.make("officer-a", "A", "board").public
    with monkeypatch.context() as lying:
        lying.setattr(officer_keys.OfficerKeys, "public", property(lambda _self: shown))
        locked = officer_keys.lock(keys, PASSPHRASE)
    with pytest.raises(WrongPassphrase, match="not those that it names"):
        officer_keys.unlock(locked, PASSPHRASE)


def test_the_fingerprint_can_be_read_aloud() -> None:
    groups = forms.fingerprint(b"x").split(" ")
    assert (len(groups), {len(group) for group in groups}) == (16, {4})
