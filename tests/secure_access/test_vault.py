"""The vault on both stores: what goes in comes out, nothing lies there in plaintext or half."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.formparser import parse_form_data
from werkzeug.test import EnvironBuilder

from secure_access.keys import FileRing
from secure_access.sealing import CHUNK, sealed_size
from secure_access.vault import Damaged, LocalStore, Missing, S3Store, Sink, Store, Stored, StoreFailed, Vault
from secure_access.vault.stores import PART

MIB = 1024 * 1024
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * MIB + 5]


def content(size: int, seed: str = "vault") -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)


def pieces(data: bytes, step: int) -> Iterator[bytes]:
    for at in range(0, len(data), step):
        yield data[at : at + step]


def objects(store: Store) -> list[str]:
    """Everything a store holds, finished or not."""
    if isinstance(store, LocalStore):
        return sorted(path.name for path in store._path.rglob("*") if path.is_file())
    assert isinstance(store, S3Store)
    listed = store._client.list_objects_v2(Bucket=store._bucket).get("Contents", [])
    unfinished = store._client.list_multipart_uploads(Bucket=store._bucket).get("Uploads", [])
    return sorted([row["Key"] for row in listed] + ["upload of " + row["Key"] for row in unfinished])


def _store_whole(store: Store, name: str, data: bytes) -> None:
    sink = store.create(name)
    try:
        sink.write(data)
        sink.commit()
    except StoreFailed:
        sink.abort()
        raise


@pytest.mark.parametrize("size", SIZES)
def test_round_trip(vault: Vault, size: int) -> None:
    data = content(size)
    stored = vault.put(pieces(data, 100_000), context="document:1")
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert stored.key_id == "documents/1"
    assert b"".join(vault.chunks(stored, context="document:1")) == data


def test_what_lies_in_the_store_is_sealed(vault: Vault, store: Store) -> None:
    data = b"a sentence that nobody else may read " * 3000
    stored = vault.put([data], context="document:1")
    raw = b"".join(store.read(stored.name, 0, 10**9))
    assert len(raw) == store.size(stored.name) == sealed_size(len(data))
    assert b"sentence" not in raw
    assert objects(store) == [stored.name]


def test_ranges(vault: Vault) -> None:
    data = content(3 * MIB + 5)
    stored = vault.put([data], context="document:1")
    for start in [-4, 0, 17, CHUNK - 1, CHUNK, 3 * MIB - 1, 3 * MIB, 3 * MIB + 5, 9 * MIB]:
        for length in [-1, 0, 2, CHUNK, 2 * MIB, 3 * MIB + 4, None]:
            begin = max(start, 0)
            end = len(data) if length is None else begin + max(length, 0)
            read = vault.read(stored, context="document:1", start=start, length=length)
            assert read == data[begin:end], f"{length} from {start}"


def test_several_parts(vault: Vault, store: Store) -> None:
    """More than one S3 part, and ending exactly at the end of one."""
    for size in (2 * PART + 7, PART):
        stored = vault.put(pieces(content(size), 3 * MIB), context="document:1")
        sha = hashlib.sha256()
        for block in vault.chunks(stored, context="document:1"):
            assert len(block) <= MIB + CHUNK
            sha.update(block)
        assert sha.hexdigest() == stored.sha256 == hashlib.sha256(content(size)).hexdigest()


def test_s3_object_that_fills_its_last_part_exactly(s3_client: Any, s3_bucket: str) -> None:
    store = S3Store(s3_client, s3_bucket)
    sink = store.create("ab" * 16)
    sink.write(bytes(PART))
    sink.commit()
    assert store.size("ab" * 16) == PART


def test_another_documents_context_does_not_open(vault: Vault) -> None:
    stored = vault.put([b"secret"], context="document:1")
    with pytest.raises(Damaged):
        vault.read(stored, context="document:2")


def test_an_object_under_another_name_does_not_open(vault: Vault) -> None:
    one = vault.put([b"one..."], context="document:1")
    two = vault.put([b"two..."], context="document:1")
    with pytest.raises(Damaged):
        vault.read(replace(one, name=two.name), context="document:1")
    with pytest.raises(Damaged, match="size"):
        vault.read(replace(one, size=7), context="document:1")


def test_a_changed_byte_is_seen(local_vault: Vault, tmp_path: Path) -> None:
    stored = local_vault.put([content(2 * MIB)], context="document:1")
    place = tmp_path / "vault" / stored.name[:2] / stored.name
    raw = bytearray(place.read_bytes())
    raw[MIB + MIB // 2] ^= 1
    place.write_bytes(raw)
    with pytest.raises(Damaged):
        local_vault.read(stored, context="document:1")
    assert local_vault.read(stored, context="document:1", length=CHUNK) == content(2 * MIB)[:CHUNK]
    place.write_bytes(raw[:-1])
    with pytest.raises(Damaged):
        local_vault.read(stored, context="document:1", length=1)


def test_delete_twice_then_missing(vault: Vault, store: Store) -> None:
    stored = vault.put([b"x"], context="document:1")
    vault.delete(stored.name)
    vault.delete(stored.name)
    assert objects(store) == []
    with pytest.raises(Missing):
        vault.read(stored, context="document:1")
    with pytest.raises(Missing):
        b"".join(store.read(stored.name, 0, 10))


def test_everything_that_lies_there_is_listed_with_its_time(vault: Vault, store: Store) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    made = {vault.put([b"x"], context=f"document:{n}").name for n in range(3)}
    unfinished = store.create("e" * 32)
    unfinished.write(b"x")
    listed = dict(vault.every())
    unfinished.abort()
    assert set(listed) == made
    assert all(before <= since <= datetime.now(UTC) + timedelta(seconds=2) for since in listed.values())
    assert all(vault.holds(name) for name in made)
    vault.delete(min(made))
    assert not vault.holds(min(made))
    assert set(dict(vault.every())) == made - {min(made)}


@pytest.mark.parametrize(
    "name", ["../" + "a" * 29, "", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", "/etc/passwd"]
)
def test_a_name_is_never_a_path(store: Store, name: str) -> None:
    for act in (store.create, store.size, store.delete, lambda n: list(store.read(n, 0, 1))):
        with pytest.raises(Missing):
            act(name)


def test_an_object_is_never_overwritten(store: Store) -> None:
    name = "0123456789abcdef" * 2
    first, second = store.create(name), store.create("f" * 32)
    second.abort()
    first.write(b"first")
    first.commit()
    with pytest.raises(StoreFailed):
        _store_whole(store, name, b"second")
    assert b"".join(store.read(name, 0, 10)) == b"first"
    assert objects(store) == [name]


def test_s3_large_object_is_never_overwritten(s3_client: Any, s3_bucket: str) -> None:
    store = S3Store(s3_client, s3_bucket)
    for size in (5, PART + 1):
        sink = store.create("cd" * 16)
        sink.write(bytes(size))
        if size == 5:
            sink.commit()
            continue
        with pytest.raises(StoreFailed, match="PreconditionFailed"):
            sink.commit()
        sink.abort()
    assert store.size("cd" * 16) == 5
    assert objects(store) == ["cd" * 16]


class TestWriter:
    def test_close_twice_and_discard_after_close(self, vault: Vault, store: Store) -> None:
        writer = vault.writer(context="document:1")
        assert writer.write(b"some bytes") == 10
        stored = writer.close()
        assert writer.close() is stored
        assert writer.size == 10
        writer.discard()
        writer.discard()
        assert objects(store) == []
        with pytest.raises(StoreFailed):
            writer.close()

    def test_discard_leaves_nothing(self, vault: Vault, store: Store) -> None:
        writer = vault.writer(context="document:1")
        writer.write(content(PART + 2 * MIB))
        writer.discard()
        assert objects(store) == []
        for size in (1, 2 * MIB):
            with pytest.raises(StoreFailed):
                writer.write(content(size))

    @pytest.mark.parametrize("step", [1000, 65536, 300_000, MIB, 5 * MIB])
    def test_any_division_into_writes(self, local_vault: Vault, step: int) -> None:
        data = content(5 * MIB + 3)
        stored = local_vault.put(pieces(data, step), context="document:1")
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert local_vault.read(stored, context="document:1") == data

    def test_the_callers_buffer_may_be_reused(self, local_vault: Vault) -> None:
        buffer, expected, writer = (
            bytearray(2 * MIB),
            hashlib.sha256(),
            local_vault.writer(context="document:1"),
        )
        for turn in range(4):
            buffer[:] = bytes([turn]) * len(buffer)
            expected.update(buffer)
            writer.write(memoryview(buffer))
        stored = writer.close()
        read = hashlib.sha256(local_vault.read(stored, context="document:1"))
        assert stored.sha256 == expected.hexdigest() == read.hexdigest()

    def test_takes_an_upload_from_werkzeug_without_a_spool_file(
        self, local_vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_spooling(*_: object, **__: object) -> None:
            raise AssertionError("a plaintext temporary file")

        monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", no_spooling)
        data = content(3 * MIB)
        environ = EnvironBuilder(method="POST", data={"file": (BytesIO(data), "a.pdf")}).get_environ()
        factory: Any = lambda *_, **__: local_vault.writer(context="document:1")  # noqa: E731
        _, _, files = parse_form_data(environ, stream_factory=factory)
        stored = files["file"].stream.close()
        assert isinstance(stored, Stored)
        assert local_vault.read(stored, context="document:1") == data


class FailingStore:
    """A store that fails at the given step of its work, counted from one."""

    def __init__(self, store: Store, fail_at: int) -> None:
        self.store = store
        self.left = fail_at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise StoreFailed("the disk is gone")

    def create(self, name: str) -> Sink:
        self.step()
        return FailingSink(self, self.store.create(name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class FailingSink:
    def __init__(self, owner: FailingStore, sink: Sink) -> None:
        self.owner, self.sink = owner, sink

    def write(self, data: Any) -> None:
        self.owner.step()
        self.sink.write(data)

    def commit(self) -> None:
        self.owner.step()
        self.sink.commit()

    def abort(self) -> None:
        self.sink.abort()


def test_a_store_that_fails_at_any_step_leaves_nothing(store: Store, ring: FileRing) -> None:
    data, failures = content(PART + 3 * MIB), 0
    for fail_at in range(1, 100):
        failing: Any = FailingStore(store, fail_at)
        try:
            stored = Vault(failing, ring).put(pieces(data, MIB), context="document:1")
        except StoreFailed:
            failures += 1
            assert objects(store) == [], f"failed at step {fail_at}"
        else:
            break
    # Create, header, eleven blocks, the empty rest, the last chunk, commit.
    assert failures == 16
    assert objects(store) == [stored.name]


def test_a_source_that_breaks_off_leaves_nothing(vault: Vault, store: Store) -> None:
    def source() -> Iterator[bytes]:
        yield content(2 * MIB)
        raise ConnectionResetError("the sender is gone")

    with pytest.raises(ConnectionResetError):
        vault.put(source(), context="document:1")
    assert objects(store) == []


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "mkdir"])
def test_an_operating_system_that_fails_leaves_nothing(
    tmp_path: Path, ring: FileRing, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Every system call of a local put fails once, at its first, second, ... use."""
    store = LocalStore(tmp_path / "vault")
    real: Callable[..., Any] = getattr(os, call)
    failures: list[str] = []
    for fail_at in range(1, 50):
        left = [fail_at]

        def broken(*arguments: Any, left: list[int] = left, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(28, "No space left on device")
            return real(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, broken)
            try:
                stored = Vault(store, ring).put(pieces(content(2 * MIB + 9), MIB), context="document:1")
            except StoreFailed as error:
                failures.append(str(error))
            else:
                break
        assert objects(store) == []
    assert failures
    assert set(failures) == {"the store failed: No space left on device"}
    assert objects(store) == [stored.name]


class LosingClient:
    """An S3 client whose named call is lost: before it was sent, or on the way back."""

    def __init__(self, client: Any, call: str, *, done: bool) -> None:
        self._client, self._call, self._done = client, call, done

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name != self._call:
            return real

        def lost(**named: Any) -> Any:
            if self._done:
                real(**named)
            raise ConnectionError("the answer was lost")

        return lost


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(
    "call", ["put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload"]
)
def test_a_lost_answer_of_s3_leaves_no_object(
    s3_client: Any, s3_bucket: str, ring: FileRing, call: str, done: bool
) -> None:
    store = S3Store(LosingClient(s3_client, call, done=done), s3_bucket)
    size = 1000 if call == "put_object" else PART + 5
    with pytest.raises(StoreFailed, match="ConnectionError"):
        Vault(store, ring).put([content(size)], context="document:1")
    left = objects(S3Store(s3_client, s3_bucket))
    if call == "create_multipart_upload" and done:
        # Nobody learnt the upload's id; the bucket's lifecycle rule removes it.
        assert all(entry.startswith("upload of ") for entry in left)
    else:
        assert left == []


def test_local_store_is_private_and_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "vault")
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700
    abandoned = store.create(uuid.uuid4().hex)
    abandoned.write(b"half")
    now = datetime.now(UTC)
    assert store.sweep(now - timedelta(hours=1)) == 0
    assert store.sweep(now + timedelta(hours=1)) == 1
    assert objects(store) == []


def test_local_folder_sync_that_fails_takes_the_object_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path / "vault")
    sink = store.create("ef" * 16)
    sink.write(b"x")
    (tmp_path / "vault" / "ef").mkdir()
    seen: list[int] = []

    def second_fails(descriptor: int) -> None:
        seen.append(descriptor)
        if len(seen) == 2:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", second_fails)
    with pytest.raises(StoreFailed):
        sink.commit()
    sink.abort()
    sink.abort()
    assert objects(store) == []


def test_rewrap_leaves_the_bytes(vault: Vault, ring: FileRing) -> None:
    stored = vault.put([b"kept"], context="document:1")
    ring.add(now=datetime(2027, 10, 1, tzinfo=UTC))
    moved = vault.rewrap(stored, context="document:1")
    ring.destroy(1)
    assert (moved.name, moved.key_id) == (stored.name, "documents/2")
    assert vault.read(moved, context="document:1") == b"kept"
    with pytest.raises(Damaged):
        vault.read(stored, context="document:1")
