"""Uploads of sealed sections: resumed where the disk has them, bounded, named only when they are whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_access.custodian import sealed_store
from secure_access.custodian.private_files import Disk
from secure_access.custodian.sealed_store import (
    OPEN_LIFE,
    WHOLE_LIFE,
    NotHere,
    NoUpload,
    SealedStore,
    TooMuch,
    Upload,
    UploadRefused,
)
from secure_access.sealing.plans import MAX_SEALED
from tests.fixtures.enrolled import NOW, REQUEST

CONTENT = b"sealed " * 1000


def upload(content: bytes = CONTENT, section: str = "weights", request: str = REQUEST) -> Upload:
    return Upload(request, section, len(content), hashlib.sha256(content).hexdigest(), NOW)


def fine(_upload: Upload, _file: BinaryIO) -> None:
    """Every file is of its request."""


@pytest.fixture
def store(tmp_path: Path) -> SealedStore:
    return SealedStore(tmp_path / "sealed")


def taken(store: SealedStore, made: Upload, content: bytes = CONTENT) -> str:
    store.begin(made)
    assert store.part(made.token, 0, content, NOW) == (True, len(content))
    store.end(made.token, fine)
    return made.sha256


def test_a_whole_file_gets_its_name(store: SealedStore, tmp_path: Path) -> None:
    name = taken(store, upload())
    path = tmp_path / "sealed" / name
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with store.opened(name) as file:
        assert file.read() == CONTENT
    assert store.begin(upload()) == len(CONTENT)
    assert store.end(upload().token, fine) == upload()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), st.integers(1, 60), st.booleans()), max_size=12))
def test_any_order_of_parts_and_restarts(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, int, bool]]
) -> None:
    """What is on disk is always a beginning of the file, and only the right offset is taken."""
    content = bytes(range(100))
    home = tmp_path_factory.mktemp("store")
    store, made, at = SealedStore(home), upload(content), 0
    assert store.begin(made) == 0
    for offset, size, restart in asked:
        part = content[offset : offset + size]
        if part:
            took, place = store.part(made.token, offset, part, NOW)
            assert took == (offset == at)
            at = at + len(part) if took else at
            assert place == at
        if restart:
            store = SealedStore(home)
            assert store.begin(made) == at
    assert (home / "uploads" / f"{made.token}.sealed").exists() == (at > 0)
    if at < len(content):
        store.part(made.token, at, content[at:], NOW)
    store.end(made.token, fine)
    assert (home / made.sha256).read_bytes() == content


def test_what_is_not_what_was_told_is_thrown_away(store: SealedStore) -> None:
    made = upload()
    store.begin(made)
    with pytest.raises(UploadRefused, match="not whole"):
        store.end(made.token, fine)
    with pytest.raises(UploadRefused, match="longer than was told"):
        store.part(made.token, 0, CONTENT + b"x", NOW)
    store.part(made.token, 0, CONTENT[:-1] + b"x", NOW)
    with pytest.raises(UploadRefused, match="another SHA-256"):
        store.end(made.token, fine)
    assert store.begin(made) == 0
    store.part(made.token, 0, CONTENT, NOW)

    def other(_upload: Upload, file: BinaryIO) -> None:
        assert file.read(6) == CONTENT[:6]
        raise UploadRefused("of another request")

    with pytest.raises(UploadRefused, match="of another request"):
        store.end(made.token, other)
    assert store.begin(made) == 0
    assert not store.has(made.sha256)
    with pytest.raises(UploadRefused, match="at most"):
        store.begin(replace(made, size=MAX_SEALED + 1))


@pytest.mark.parametrize("token", ["0" * 64, "../../etc/passwd", ""])
def test_what_was_never_begun(store: SealedStore, token: str) -> None:
    with pytest.raises(NoUpload):
        store.part(token, 0, b"x", NOW)
    with pytest.raises(NotHere), store.opened(token):
        pass
    assert not store.has(token)


def test_one_request_has_only_so_much(store: SealedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_store, "MOST_FILES", 2)
    for section in ("a", "b"):
        store.begin(upload(section=section))
    with pytest.raises(TooMuch, match="Too many files"):
        store.begin(upload(section="c"))
    store.begin(upload(section="a"))
    store.begin(upload(section="c", request="PR-2"))
    monkeypatch.setattr(sealed_store, "MOST_FILES", 9)
    monkeypatch.setattr(sealed_store, "MOST_BYTES", 2 * len(CONTENT))
    with pytest.raises(TooMuch):
        store.begin(upload(section="c"))


def test_one_request_takes_only_so_much_in_an_hour(
    store: SealedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed_store, "MOST_AN_HOUR", 100)
    made = upload()
    store.begin(made)
    store.part(made.token, 0, CONTENT[:90], NOW)
    with pytest.raises(TooMuch, match="in an hour"):
        store.part(made.token, 90, CONTENT[90:120], NOW + timedelta(minutes=59))
    assert store.part(made.token, 90, CONTENT[90:120], NOW + timedelta(hours=1)) == (True, 120)


def test_what_took_too_long_and_what_nobody_delivered_goes(store: SealedStore, tmp_path: Path) -> None:
    open_, whole, named = upload(b"open"), upload(b"whole"), upload(b"named")
    store.begin(open_)
    store.part(open_.token, 0, b"op", NOW)
    for content, made in ((b"whole", whole), (b"named", named)):
        taken(store, made, content)
    report = store.keep(b"a report")
    delivered = {named.sha256, report}
    assert store.sweep(delivered, NOW + OPEN_LIFE - timedelta(seconds=1)) == 0
    assert store.begin(open_) == 2
    assert store.sweep(delivered, NOW + OPEN_LIFE) == 1
    with pytest.raises(NoUpload):
        store.of(open_.token)
    assert store.has(whole.sha256)
    assert store.sweep(delivered, NOW + WHOLE_LIFE) == 1
    assert [store.has(one) for one in (whole.sha256, named.sha256, report)] == [False, True, True]
    assert list((tmp_path / "sealed" / "uploads").iterdir()) == []
    assert store.sweep((), NOW + WHOLE_LIFE) == 2


class Full(Disk):
    """A disk that takes half of a part."""

    def write(self, descriptor: int, content: bytes) -> int:
        if len(content) < 50:
            raise OSError(28, "No space left on device")
        return super().write(descriptor, content[: len(content) // 2])


class NoSync(Disk):
    def sync(self, descriptor: int) -> None:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("disk", [Full, NoSync])
def test_a_disk_that_fails_leaves_a_beginning(tmp_path: Path, disk: Callable[[], Disk]) -> None:
    home, made = tmp_path / "sealed", upload()
    SealedStore(home).begin(made)
    failing = SealedStore(home, disk())
    with pytest.raises(OSError, match=r"No space|Input/output"):
        failing.part(made.token, 0, CONTENT, NOW)
        failing.end(made.token, fine)
    again = SealedStore(home)
    assert not again.has(made.sha256)
    at = again.begin(made)
    if at < len(CONTENT):
        again.part(made.token, at, CONTENT[at:], NOW)
    again.end(made.token, fine)
    assert again.has(made.sha256)
