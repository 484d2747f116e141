"""Where sealed bytes lie: a directory, or a bucket of an S3 service.

The contract of a store, relied on by the vault: an object appears whole and durable when ``commit`` returns,
or not at all; an object once there is never overwritten; ``abort`` leaves nothing. Stores see ciphertext
only and are trusted for nothing but keeping it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from secure_access.sealing import SEALED_CHUNK, Buffer

BLOCK = 64 * SEALED_CHUNK
"""Bytes read from a store at a time."""
PART = 8 * 1024 * 1024
"""Bytes of one part of an S3 upload; an object may have 10,000 of them."""


class VaultError(Exception):
    """The vault cannot do what was asked. The root of the vault's errors."""


class Missing(VaultError):
    """There is no object of that name."""


class StoreFailed(VaultError):
    """The store refused or broke off; what was being written is not there."""


class Sink(Protocol):
    """One object being written to a store."""

    def write(self, data: Buffer) -> None:
        """Adds bytes, which the caller may change afterwards. Raises `StoreFailed`."""
        ...

    def commit(self) -> None:
        """Makes the object appear, whole and durable. Raises `StoreFailed`."""
        ...

    def abort(self) -> None:
        """Leaves nothing behind. Never raises for something that is not there."""
        ...


class Store(Protocol):
    """Named objects, each written once. Names are 32 hexadecimal digits, chosen by the vault."""

    def create(self, name: str) -> Sink:
        """Begins an object. Raises `StoreFailed`, also where there is one of that name."""
        ...

    def size(self, name: str) -> int:
        """Its length in bytes. Raises `Missing`, `StoreFailed`."""
        ...

    def read(self, name: str, start: int, length: int) -> Iterator[bytes]:
        """``length`` bytes from ``start``, in blocks. Raises `Missing`, `StoreFailed`."""
        ...

    def delete(self, name: str) -> None:
        """Removes it if it is there. Raises `StoreFailed`."""
        ...

    def every(self) -> Iterator[tuple[str, datetime]]:
        """The name of everything that lies there, and since when, in UTC. Raises `StoreFailed`.

        Also of what is no object of a vault. What is still being written is left out.
        """
        ...


def _checked(name: str) -> str:
    """A name that cannot be a path. Raises `Missing`: no object has another name."""
    if not re.fullmatch(r"[0-9a-f]{32}", name):
        raise Missing("no object has such a name")
    return name


@contextmanager
def _failing(absent: type[VaultError] = StoreFailed) -> Iterator[None]:
    """Turns an operating system's refusal into the store's error; ``absent`` is that for a missing file."""
    try:
        yield
    except FileNotFoundError as error:
        raise absent("there is no such object in the store") from error
    except OSError as error:
        raise StoreFailed(f"the store failed: {error.strerror or error}") from error


class LocalStore:
    """A directory of mode 0700, with one file an object, spread over 256 folders by the name's start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._incoming = path / "incoming"
        with _failing():
            for directory in (path, self._incoming):
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                directory.chmod(0o700)

    def create(self, name: str) -> Sink:
        """Begins a file beside the objects, which `commit` moves to its place."""
        place = self._place(name)
        with _failing():
            if place.exists():
                raise StoreFailed("there is an object of that name already")
            return _LocalSink(self._incoming / name, place)

    def size(self, name: str) -> int:
        """Its length in bytes."""
        with _failing(Missing):
            return self._place(name).stat().st_size

    def read(self, name: str, start: int, length: int) -> Iterator[bytes]:
        """A range of it, fewer bytes where the file ends before."""
        with _failing(Missing), self._place(name).open("rb", buffering=0) as file:
            file.seek(start)
            while length > 0 and (block := file.read(min(BLOCK, length))):
                length -= len(block)
                yield block

    def delete(self, name: str) -> None:
        """Removes the file, durably."""
        place = self._place(name)
        with _failing(), suppress(FileNotFoundError):
            place.unlink()
            _sync_directory(place.parent)

    def every(self) -> Iterator[tuple[str, datetime]]:
        """Every file with its time of change; one that lies where no object does has its path as its name."""
        with _failing():
            for path in sorted(self._path.rglob("*")):
                if path.is_dir() or path.parent == self._incoming:
                    continue
                with suppress(FileNotFoundError):  # removed meanwhile
                    since = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
                    placed = self._path / path.name[:2] / path.name == path
                    yield path.name if placed else f"./{path.relative_to(self._path)}", since

    def sweep(self, before: datetime) -> int:
        """Removes what a killed process left half-written before that time. Returns how many files."""
        with _failing():
            stale = [part for part in self._incoming.iterdir() if part.stat().st_mtime < before.timestamp()]
            for part in stale:
                part.unlink(missing_ok=True)
        return len(stale)

    def _place(self, name: str) -> Path:
        return self._path / _checked(name)[:2] / name


class _LocalSink:
    """A file being written, unseen until it is renamed into place."""

    def __init__(self, part: Path, place: Path) -> None:
        self._part, self._place = part, place
        self._descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, data: Buffer) -> None:
        """Adds bytes to the file."""
        view = memoryview(data)
        with _failing():
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self) -> None:
        """Syncs the file, renames it, syncs the folder: in this order a crash loses all or nothing."""
        folder = self._place.parent
        with _failing():
            os.fsync(self._descriptor)
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
                _sync_directory(folder.parent)
            os.rename(self._part, self._place)
            try:
                _sync_directory(folder)
            except OSError:
                self._place.unlink(missing_ok=True)
                raise
        self._close()

    def abort(self) -> None:
        """Removes the file."""
        self._close()
        with _failing():
            self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class S3Store:
    """A bucket of ``client``, a boto3 client. An object is created only where there is none (If-None-Match).

    What a killed process left of a multipart upload is unseen and costs space: give the bucket a lifecycle
    rule that aborts incomplete uploads after a day.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def create(self, name: str) -> Sink:
        """Begins an upload; up to one part it is kept in memory and sent in one request."""
        return _S3Sink(self._client, {"Bucket": self._bucket, "Key": _checked(name)})

    def size(self, name: str) -> int:
        """Its length in bytes."""
        with _refusals():
            return int(self._client.head_object(Bucket=self._bucket, Key=_checked(name))["ContentLength"])

    def read(self, name: str, start: int, length: int) -> Iterator[bytes]:
        """A range of it, in one request."""
        span = f"bytes={start}-{start + length - 1}"
        with _refusals():
            body = self._client.get_object(Bucket=self._bucket, Key=_checked(name), Range=span)["Body"]
            try:
                yield from body.iter_chunks(BLOCK)
            finally:
                body.close()

    def delete(self, name: str) -> None:
        """Removes it; S3 does not say whether it was there."""
        with _refusals():
            self._client.delete_object(Bucket=self._bucket, Key=_checked(name))

    def every(self) -> Iterator[tuple[str, datetime]]:
        """Every key of the bucket with its time of creation, a thousand in a request."""
        with _refusals():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
                for found in page.get("Contents", ()):
                    yield found["Key"], found["LastModified"].astimezone(UTC)


class _S3Sink:
    """An upload: one request for a small object, parts for a larger one."""

    def __init__(self, client: Any, place: dict[str, str]) -> None:
        self._client, self._place = client, place
        self._buffer = bytearray()
        self._upload: dict[str, str] | None = None
        self._parts: list[dict[str, Any]] = []
        self._unsure = False

    def write(self, data: Buffer) -> None:
        """Adds bytes, and sends what fills a part."""
        view = memoryview(data)
        while view:
            room = PART - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]
            if len(self._buffer) == PART:
                self._send()

    def commit(self) -> None:
        """Completes the upload."""
        if self._upload is None:
            with self._completing():
                self._client.put_object(**self._place, Body=bytes(self._buffer), IfNoneMatch="*")
        else:
            if self._buffer:
                self._send()
            with self._completing():
                parts = {"Parts": self._parts}
                self._client.complete_multipart_upload(**self._upload, MultipartUpload=parts, IfNoneMatch="*")
        self._buffer, self._upload = bytearray(), None

    def abort(self) -> None:
        """Gives the upload up, and removes the object where the answer to its completion was lost."""
        self._buffer = bytearray()
        if self._upload is not None:
            upload, self._upload = self._upload, None
            with suppress(Missing), _refusals():
                self._client.abort_multipart_upload(**upload)
        if self._unsure:
            self._unsure = False
            with _refusals():
                self._client.delete_object(**self._place)

    @contextmanager
    def _completing(self) -> Iterator[None]:
        """A completion may have happened although it failed; only "there is one already" is certain."""
        self._unsure = True
        try:
            with _refusals():
                yield
        except StoreFailed as error:
            self._unsure = _code(error.__cause__) != "PreconditionFailed"
            raise
        self._unsure = False

    def _send(self) -> None:
        with _refusals():
            if self._upload is None:
                begun = self._client.create_multipart_upload(**self._place)
                self._upload = {**self._place, "UploadId": begun["UploadId"]}
            number = len(self._parts) + 1
            sent = self._client.upload_part(**self._upload, PartNumber=number, Body=bytes(self._buffer))
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._buffer = bytearray()


@contextmanager
def _refusals() -> Iterator[None]:
    """Turns what boto3 raises into the store's errors."""
    try:
        yield
    except VaultError:
        raise
    except Exception as error:
        if _code(error) in {"404", "NoSuchKey", "NoSuchUpload"}:
            raise Missing("there is no such object in the store") from error
        raise StoreFailed(f"the store failed: {type(error).__name__} {_code(error)}".rstrip()) from error


def _code(error: BaseException | None) -> str:
    """The code of an S3 answer, or nothing if there was no answer."""
    response = getattr(error, "response", None)
    return str(response["Error"]["Code"]) if response else ""
