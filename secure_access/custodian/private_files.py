"""Files of the core's home: mode 0600, written whole or not at all, on disk when the call returns.

`Kept` holds documents by their digest: what the log names, and what can be removed without touching the log.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from secure_access.custodian import forms

_DIGEST = re.compile(r"[0-9a-f]{64}")


class UnsafeFile(Exception):
    """A file is readable by others, belongs to someone else, is not plain, or was changed."""


class Disk:
    """What is asked of the operating system when something is written; tests make each call fail."""

    def write(self, descriptor: int, content: bytes) -> int:
        """Some bytes of ``content``; says how many."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """On disk when it returns."""
        os.fsync(descriptor)

    def rename(self, part: Path, path: Path) -> None:
        """``part`` becomes ``path``."""
        os.replace(part, path)

    def unlink(self, path: Path) -> None:
        """``path`` is gone from its folder."""
        path.unlink()

    def truncate(self, descriptor: int, size: int) -> None:
        """The file ends after ``size`` bytes."""
        os.ftruncate(descriptor, size)


DISK = Disk()


def folder(path: Path) -> Path:
    """A folder that only this user enters, made where it is missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write(path: Path, content: bytes, disk: Disk = DISK) -> None:
    """``path`` holds ``content``, or what it held before. Raises ``OSError``."""
    part = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        os.unlink(part)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, content, disk)
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
        disk.rename(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
    sync_folder(path.parent, disk)


def write_all(descriptor: int, content: bytes, disk: Disk) -> None:
    """Every byte of ``content``: the operating system may take fewer at a time."""
    rest = content
    while rest:
        rest = rest[disk.write(descriptor, rest) :]


def read(path: Path) -> bytes:
    """The content of a file that only this user can read. Raises `UnsafeFile`, ``FileNotFoundError``."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise UnsafeFile(f"{path} cannot be opened: {problem.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise UnsafeFile(f"{path} is not a plain file")
        if facts.st_uid != os.geteuid():
            raise UnsafeFile(f"{path} belongs to another user")
        if facts.st_mode & 0o077:
            raise UnsafeFile(f"{path} can be read by others: chmod 600 {path}")
        return file.read()


def remove(path: Path, disk: Disk = DISK) -> None:
    """``path`` is gone, also after a power cut. One that is not there is no error."""
    with suppress(FileNotFoundError):
        disk.unlink(path)
    sync_folder(path.parent, disk)


def clear(path: Path, disk: Disk = DISK) -> None:
    """Remove from a folder what a crash left of files that were being written."""
    left = list(path.glob(".*.part"))
    for part in left:
        disk.unlink(part)
    if left:
        sync_folder(path, disk)


def sync_folder(path: Path, disk: Disk = DISK) -> None:
    """The names in a folder are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


class Kept:
    """Documents by the SHA-256 of their bytes: lists, manifests, grants, the evidence of acts."""

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self._path, self._disk = folder(path), disk

    def put(self, content: bytes) -> str:
        """Keep ``content``, on disk when it returns; its digest. Raises ``OSError``."""
        name = forms.digest(content)
        if not (self._path / name).exists():
            write(self._path / name, content, self._disk)
        return name

    def remove(self, digests: Iterable[str]) -> None:
        """The documents of these digests are gone, also after a power cut; one not there is no error."""
        for digest in digests:
            with suppress(FileNotFoundError):
                self._disk.unlink(self._path / digest)
        sync_folder(self._path, self._disk)

    def get(self, digest: str) -> bytes:
        """The document of that digest. Raises ``LookupError``, and `UnsafeFile` where it was changed."""
        if not _DIGEST.fullmatch(digest):
            raise LookupError("a document is named by SHA-256 in hex")
        try:
            content = read(self._path / digest)
        except FileNotFoundError:
            raise LookupError("there is no such document") from None
        if forms.digest(content) != digest:
            raise UnsafeFile(f"{self._path / digest} was changed")
        return content
