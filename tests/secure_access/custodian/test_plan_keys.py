"""Plan keys: kept, moved, recovered by two officers, destroyed, and never half-written."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_access.custodian import certificate_cli, forms, key_copies, private_files
from secure_access.custodian.certificate_cli import certificate_command
from secure_access.custodian.enrolment import Officer
from secure_access.custodian.epochs import BACKUP_WINDOW, NEVER, Epochs
from secure_access.custodian.key_copies import CannotOpen
from secure_access.custodian.plan_keys import (
    BadCertificate,
    Certificate,
    KeptPlanKeys,
    NoSuchKey,
    read_certificate,
)
from secure_access.custodian.private_files import Disk, UnsafeFile
from secure_access.keys import SigningKey
from secure_access.ledger.note import VerifierKey
from secure_access.sealing import hpke
from tests.fixtures.enrolled import NOW, ORIGIN, REQUEST

SEEDS = {name: bytes([number]) * 32 for number, name in enumerate(("officer-a", "officer-c"), 80)}
OFFICERS = {
    name: Officer(name, name, name, bytes(32), hpke.public_of(hpke.XWING, seed))
    for name, seed in SEEDS.items()
}
PAIRS = [(OFFICERS["officer-a"], OFFICERS["officer-c"])]
SIGNS = SigningKey("custodian.example/destruction", Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32))
NEXT_MONTH = datetime(2027, 11, 2, tzinfo=UTC)


def keys_in(home: Path, disk: Disk = private_files.DISK) -> KeptPlanKeys:
    return KeptPlanKeys(home, SIGNS, disk=disk)


def made(keys: KeptPlanKeys, request: str = REQUEST) -> str:
    return keys.make(request, ORIGIN, NOW, PAIRS)


def test_the_published_half_is_that_of_the_protocol_and_opens_with_the_private(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    fingerprint = made(keys)
    public = forms.plain(
        keys.public(fingerprint), ("v", "suite", "custodian", "request", "public", "made_at", "not_after")
    )
    assert fingerprint == hashlib.sha256(keys.public(fingerprint)).hexdigest()
    assert (public.text("v"), public.text("suite")) == ("assay.plan-key/v1", "xwing/v1")
    assert (public.text("custodian"), public.text("request")) == (ORIGIN, REQUEST)
    sealed = hpke.seal(hpke.XWING, public.raw("public", 1216), b"file key", b"info")
    assert hpke.unseal(hpke.XWING, keys_in(tmp_path).private(fingerprint), sealed, b"info") == b"file key"
    assert len(sealed) == 1120 + 8 + 16


def test_files_are_private_and_the_private_half_stands_nowhere_in_the_clear(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    private = keys.private(made(keys))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert all(private not in path.read_bytes() for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "plans", tmp_path / "destroyed"))


def test_a_copy_is_bound_to_its_plan_and_epoch(tmp_path: Path) -> None:
    epoch = bytes(32)
    copy = key_copies.under_epoch(epoch, b"x" * 32, "ab" * 32, "2027-10")
    assert key_copies.from_epoch(epoch, copy, "ab" * 32, "2027-10") == b"x" * 32
    for wrong in (
        lambda: key_copies.from_epoch(epoch, copy, "cd" * 32, "2027-10"),
        lambda: key_copies.from_epoch(epoch, copy, "ab" * 32, "2027-11"),
        lambda: key_copies.from_epoch(b"1" * 32, copy, "ab" * 32, "2027-10"),
        lambda: key_copies.from_epoch(epoch, copy[:5], "ab" * 32, "2027-10"),
    ):
        with pytest.raises(CannotOpen):
            wrong()


def test_recovery_takes_both_officers_in_order(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    fingerprint = made(keys)
    first, second = (("officer-a", SEEDS["officer-a"]), ("officer-c", SEEDS["officer-c"]))
    keys.drill(fingerprint, first, second)
    [copy] = keys.recovery(fingerprint)
    assert key_copies.recover(copy.copy, fingerprint, first, second) == keys.private(fingerprint)
    wrong: list[Callable[[], object]] = [
        lambda: key_copies.recover(copy.copy, fingerprint, second, first),
        lambda: key_copies.recover(copy.copy, fingerprint, first, first),
        lambda: key_copies.recover(copy.copy, "ab" * 32, first, second),
        lambda: key_copies.recover(copy.copy, fingerprint, ("officer-b", first[1]), second),
        lambda: keys.drill(fingerprint, first, ("officer-c", bytes(32))),
    ]
    for attempt in wrong:
        with pytest.raises(CannotOpen):
            attempt()
    with pytest.raises(NoSuchKey, match="in this order"):
        keys.drill(fingerprint, second, first)


def test_a_copy_of_another_key_fails_the_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = keys_in(tmp_path)
    fingerprint = made(keys)
    monkeypatch.setattr(keys, "private", lambda _fingerprint: bytes(32))
    with pytest.raises(CannotOpen, match="another key"):
        keys.drill(fingerprint, *((name, SEEDS[name]) for name in SEEDS))


def test_new_officers_get_new_copies_and_the_old_are_gone(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    fingerprint = made(keys)
    new = replace(OFFICERS["officer-c"], id="officer-d")
    keys.reseal(fingerprint, [(OFFICERS["officer-a"], new)])
    assert [(one.first, one.second) for one in keys.recovery(fingerprint)] == [("officer-a", "officer-d")]
    keys.drill(fingerprint, ("officer-a", SEEDS["officer-a"]), ("officer-d", SEEDS["officer-c"]))


def test_a_new_month_moves_every_key_and_the_old_epoch_dies_after_the_backup_window(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    plans = [made(keys), made(keys, "PR-2")]
    private = [keys.private(plan) for plan in plans]
    assert keys.rotate(NOW) == 0
    assert keys.rotate(NEXT_MONTH) == 2
    assert keys.rotate(NEXT_MONTH) == 0
    again = keys_in(tmp_path)
    assert [again.private(plan) for plan in plans] == private
    old, new = again.epochs.all
    assert (old.epoch, old.retired_at, new.epoch, new.retired_at) == ("2027-10", NEXT_MONTH, "2027-11", NEVER)
    again.rotate(NEXT_MONTH + timedelta(days=20))
    assert again.epochs.all[0].secret
    again.rotate(NEXT_MONTH + BACKUP_WINDOW)
    assert not again.epochs.all[0].secret
    assert again.epochs.all[0].destroyed_at == NEXT_MONTH + BACKUP_WINDOW
    with pytest.raises(LookupError, match="2027-10"):
        again.epochs.of("2027-10")
    assert [keys_in(tmp_path).private(plan) for plan in plans] == private


def test_an_epoch_that_a_plan_still_needs_is_not_destroyed(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path / "epochs.json")
    epochs.current(NOW)
    epochs.current(NEXT_MONTH)
    far = NEXT_MONTH + timedelta(days=400)
    assert epochs.destroy_old(far, frozenset({"2027-10", "2027-11"})) == []
    assert epochs.destroy_old(far, frozenset({"2027-11"})) == ["2027-10"]
    assert epochs.current(NOW).epoch == "2027-11"


def test_destruction_removes_the_key_and_certifies_when_backups_are_dead(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    fingerprint = made(keys)
    keys.rotate(NEXT_MONTH)
    encoded = keys.destroy(fingerprint, NEXT_MONTH)
    found = read_certificate(encoded, SIGNS.public)
    assert (found.plan, found.request, found.destroyed_at) == (fingerprint, REQUEST, NEXT_MONTH)
    assert found.last_backup_ends == datetime(2027, 12, 1, tzinfo=UTC) + BACKUP_WINDOW
    for gone in (keys.private, keys.public, keys.recovery):
        with pytest.raises(NoSuchKey):
            gone(fingerprint)
    assert keys.destroy(fingerprint, NEXT_MONTH + timedelta(days=1)) == encoded
    with pytest.raises(NoSuchKey):
        keys.destroy("ab" * 32, NOW)
    for odd in ("../epochs", "", "x" * 65):
        with pytest.raises(NoSuchKey):
            keys.destroy(odd, NOW)
    with pytest.raises(BadCertificate):
        read_certificate(encoded, bytes(32))
    assert list((tmp_path / "plans").iterdir()) == []


def test_a_certificate_is_verified_offline(tmp_path: Path) -> None:
    keys = keys_in(tmp_path / "keys")
    fingerprint = made(keys)
    (tmp_path / "later").write_bytes(keys.destroy(fingerprint, NOW))
    (tmp_path / "long").write_bytes(b" " * 2_000_000)

    def verified(name: str, key: str) -> tuple[int, str]:
        done = CliRunner().invoke(certificate_command, [str(tmp_path / name), "--key", key])
        return done.exit_code, done.output

    status, said = verified("later", keys.certificate_key)
    assert status == 0
    assert f"Proved: the key of the plan for {REQUEST} was destroyed on" in said
    assert fingerprint in said
    assert "Until then it could be brought back" in said
    other = SigningKey("test/other", Ed25519PrivateKey.generate()).verifier
    assert verified("later", other) == (1, "Not proved: it is not signed with this key.\n")
    changed = (tmp_path / "later").read_bytes().replace(b'"signature":"', b'"signature":"A')
    (tmp_path / "changed").write_bytes(changed)
    cosigns = str(VerifierKey("test/cosigner", bytes(32), 4))
    for name, key, why in (
        ("later", "no key", "the form name+id+key"),
        ("later", cosigns, "no Ed25519 key"),
        ("changed", keys.certificate_key, "cannot be verified"),
        ("long", keys.certificate_key, "longer than any certificate"),
    ):
        status, said = verified(name, key)
        assert (status, why in said) == (2, True), said


def test_a_certificate_says_that_the_last_backup_has_ended() -> None:
    found = Certificate("ab" * 32, REQUEST, NOW, NEXT_MONTH)
    ended = "ended on 2 November 2027"
    assert ended in certificate_cli._words(found, NEXT_MONTH)
    assert ended not in certificate_cli._words(found, NOW)


class Faulty(Disk):
    """Fails at the n-th call of any kind, and says how many there were."""

    def __init__(self, fails_at: int = 0) -> None:
        self.calls, self.fails_at = 0, fails_at

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise OSError(errno.EIO, "Input/output error")

    def write(self, descriptor: int, content: bytes) -> int:
        self._count()
        return super().write(descriptor, content[: max(1, len(content) // 2)])

    def sync(self, descriptor: int) -> None:
        self._count()
        super().sync(descriptor)

    def rename(self, part: Path, path: Path) -> None:
        self._count()
        super().rename(part, path)

    def unlink(self, path: Path) -> None:
        self._count()
        super().unlink(path)


ACTS: dict[str, Callable[[KeptPlanKeys, str], object]] = {
    "make": lambda keys, _: made(keys, "PR-2"),
    "rotate": lambda keys, _: keys.rotate(NEXT_MONTH),
    "reseal": lambda keys, plan: keys.reseal(plan, PAIRS),
    "destroy": lambda keys, plan: keys.destroy(plan, NEXT_MONTH),
    "an old epoch": lambda keys, _: keys.rotate(NEXT_MONTH + BACKUP_WINDOW + timedelta(days=60)),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_wherever_the_disk_fails_nothing_is_half_written(
    tmp_path: Path, act: Callable[[KeptPlanKeys, str], object]
) -> None:
    """Each call fails once: then the key opens as before, or is destroyed; done again, the act succeeds."""
    failures = 0
    while True:
        home = tmp_path / str(failures)
        whole = keys_in(home)
        plan = made(whole)
        private = whole.private(plan)
        disk = Faulty(failures + 1)
        try:
            act(keys_in(home, disk), plan)
        except OSError:
            failures += 1
        else:
            break
        left = keys_in(home)
        if (home / "plans" / f"{plan}.json").exists():
            assert left.private(plan) == private
            assert left.recovery(plan)
        else:
            assert (home / "destroyed" / f"{plan}.json").exists()
        for path in (home / "plans").glob("*.json"):
            assert left.private(path.stem)
        assert not list(home.rglob("*.part"))
        act(left, plan)
    assert failures >= 4


def test_files_that_others_could_have_touched_are_refused(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    fingerprint = made(keys)
    path = tmp_path / "plans" / f"{fingerprint}.json"
    path.chmod(0o640)
    with pytest.raises(UnsafeFile, match="chmod 600"):
        keys.private(fingerprint)
    path.chmod(0o600)
    other = tmp_path / "plans" / f"{'ab' * 32}.json"
    os.link(path, other)
    with pytest.raises(UnsafeFile, match="another plan"):
        keys.private("ab" * 32)
    other.unlink()
    other.symlink_to(path)
    with pytest.raises(UnsafeFile, match="cannot be opened"):
        keys.private("ab" * 32)
    other.unlink()
    os.mkfifo(other, 0o600)
    reading = os.open(other, os.O_RDWR | os.O_NONBLOCK)
    with pytest.raises(UnsafeFile, match="plain file"):
        keys.private("ab" * 32)
    os.close(reading)


def test_an_epoch_file_with_half_a_key_is_malformed(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path / "epochs.json")
    epochs.current(NOW)
    path = tmp_path / "epochs.json"
    text = path.read_text()
    start = text.index('"key":"') + 7
    path.write_text(text[:start] + "AAAA" + text[text.index('"', start) :])
    with pytest.raises(forms.Malformed, match="32 bytes"):
        Epochs(path)


def test_what_a_crash_left_of_a_file_is_removed_at_the_next_start(tmp_path: Path) -> None:
    made(keys_in(tmp_path))
    for folder in (tmp_path, tmp_path / "plans", tmp_path / "destroyed"):
        (folder / ".x.json.part").write_bytes(b"half a key")
    keys_in(tmp_path).tidy()
    assert not list(tmp_path.rglob("*.part"))


def test_a_key_is_restored_from_its_recovery_copy_when_the_epochs_are_lost(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    fingerprint = made(keys)
    private = keys.private(fingerprint)
    (tmp_path / "epochs.json").unlink()
    lost = keys_in(tmp_path)
    with pytest.raises(LookupError):
        lost.private(fingerprint)
    [copy] = lost.recovery(fingerprint)
    found = key_copies.recover(copy.copy, fingerprint, *((name, SEEDS[name]) for name in SEEDS))
    with pytest.raises(CannotOpen, match="not the key of this plan"):
        lost.restore(fingerprint, bytes(32), NEXT_MONTH)
    lost.restore(fingerprint, found, NEXT_MONTH)
    assert keys_in(tmp_path).private(fingerprint) == private


def test_a_key_that_is_destroyed_while_epochs_move_does_not_come_back(tmp_path: Path) -> None:
    """Rotation and destruction take turns, whoever begins."""
    for turn in range(5):
        home = tmp_path / str(turn)
        keys = keys_in(home)
        plans = [made(keys, f"PR-{number}") for number in range(4)]
        rotating = threading.Thread(target=keys.rotate, args=(NEXT_MONTH,))
        rotating.start()
        for plan in plans:
            keys.destroy(plan, NEXT_MONTH)
        rotating.join()
        assert list((home / "plans").iterdir()) == []
