"""Sealed sections as they lie with the core: whole files named by their SHA-256, and uploads on their way.

Only ciphertext comes and lies here. A file gets its name once its size, its digest and its header are those
that were told when it was begun; what broke off goes on at the byte that is on disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from secure_access.custodian import forms, private_files
from secure_access.custodian.private_files import DISK, Disk
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from secure_access.sealing.plans import MAX_SEALED

PART = 1 << 20
"""Most bytes of one part."""
MOST_FILES, MOST_BYTES = 200, 16 << 30
"""Begun and finished uploads of one request until it is delivered, and their bytes as told."""
OPEN_LIFE, WHOLE_LIFE = timedelta(hours=24), timedelta(days=7)
"""How long an upload may take, and how long a whole file waits for its delivery."""
MOST_AN_HOUR = 2 * MOST_BYTES
"""Bytes taken in for one request in an hour, those that were thrown away included."""
_HOUR = timedelta(hours=1)
_FORMAT = "assay.upload/v1"
_NAME = re.compile(r"[0-9a-f]{64}")


class UploadRefused(Exception):
    """The upload is not taken; the message is a sentence for who uploads."""


class TooMuch(UploadRefused):
    """More than one request may have at a time, or in an hour."""


class NoUpload(LookupError):
    """There is no upload of that token."""


class NotHere(LookupError):
    """No whole file of that digest is here."""


@dataclass(frozen=True)
class Upload:
    """What somebody said that they will send: the sealed section of a request, by size and SHA-256."""

    request: str
    section: str
    size: int
    sha256: str
    begun_at: datetime

    @property
    def token(self) -> str:
        """Names the upload: the same again for who begins the same again. It is no secret."""
        told = {"request": self.request, "section": self.section, "size": self.size, "sha256": self.sha256}
        return forms.digest(canonical.encode({"v": _FORMAT, **told}))


class SealedStore:
    """The folder. One process has it, the core; its threads may share it."""

    def __init__(self, home: Path, disk: Disk = DISK) -> None:
        self._whole = private_files.folder(home)
        self._open = private_files.folder(home / "uploads")
        self._disk = disk
        self._lock = threading.RLock()
        self._hours: dict[str, tuple[datetime, int]] = {}
        private_files.clear(self._whole, disk)
        private_files.clear(self._open, disk)

    def begin(self, upload: Upload) -> int:
        """Begin or go on: from which byte. All of its size says that the file is here.

        Raises `UploadRefused`, ``OSError``.
        """
        if not 0 < upload.size <= MAX_SEALED:
            raise UploadRefused(f"A sealed section has at most {MAX_SEALED} bytes.")
        with self._lock:
            if self.has(upload.sha256):
                return upload.size
            if not self._record(upload.token).exists():
                self._check_room(upload)
                private_files.write(self._record(upload.token), _encoded(upload), self._disk)
            return self._size(upload.token)

    def of(self, token: str) -> Upload:
        """What was begun. Raises `NoUpload`."""
        if not _NAME.fullmatch(token):
            raise NoUpload
        try:
            return _decoded(private_files.read(self._record(token)))
        except FileNotFoundError:
            raise NoUpload from None

    def part(self, token: str, offset: int, content: bytes, now: datetime) -> tuple[bool, int]:
        """Take the bytes from ``offset`` on: whether they were taken, and from where to go on.

        Raises `NoUpload`, `UploadRefused`, ``OSError``.
        """
        with self._lock:
            upload, size = self.of(token), self._size(token)
            if offset != size:
                return False, size
            if size + len(content) > upload.size:
                raise UploadRefused("The file is longer than was told when the upload began.")
            self._count(upload.request, len(content), now)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._part(token), flags, 0o600)
            try:
                private_files.write_all(descriptor, content, self._disk)
            except OSError:
                self._disk.truncate(descriptor, size)
                raise
            finally:
                os.close(descriptor)
            return True, size + len(content)

    def end(self, token: str, check: Callable[[Upload, BinaryIO], None]) -> Upload:
        """The file is whole: it gets its name once it is what was told, and ``check`` does not raise.

        What is not what was told is thrown away. Raises `NoUpload`, `UploadRefused`, ``OSError``, and what
        ``check`` raises.
        """
        with self._lock:
            upload, size = self.of(token), self._size(token)
            if self.has(upload.sha256):
                return upload
            if size != upload.size:
                raise UploadRefused(f"The file is not whole: {size} of {upload.size} bytes are here.")
            path = self._part(token)
            try:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != upload.sha256:
                        raise UploadRefused("What came has another SHA-256 than was told. Begin again.")
                    file.seek(0)
                    check(upload, file)
                    self._disk.sync(file.fileno())
            except OSError:
                raise
            except Exception:
                private_files.remove(path, self._disk)
                raise
            self._disk.rename(path, self._whole / upload.sha256)
            private_files.sync_folder(self._whole, self._disk)
            private_files.sync_folder(self._open, self._disk)
            return upload

    def has(self, sha256: str) -> bool:
        """Whether the whole file is here."""
        return bool(_NAME.fullmatch(sha256)) and (self._whole / sha256).is_file()

    @contextmanager
    def opened(self, sha256: str) -> Iterator[BinaryIO]:
        """The whole file, whose bytes are for the caller to hold to the digest. Raises `NotHere`."""
        try:
            if not _NAME.fullmatch(sha256):
                raise FileNotFoundError
            descriptor = os.open(self._whole / sha256, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            raise NotHere("no sealed file of this digest is here") from None
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            yield file

    def keep(self, content: bytes) -> str:
        """A sealed file that the custodian made itself; its digest. Raises ``OSError``."""
        name = forms.digest(content)
        private_files.write(self._whole / name, content, self._disk)
        return name

    def sweep(self, delivered: Collection[str], now: datetime) -> int:
        """Remove uploads that took too long, and whole files that no delivery named; how many files.

        ``delivered`` are the digests that deliveries name.
        """
        with self._lock:
            waiting, gone = set[str](), 0
            for upload in list(self._uploads()):
                whole = self.has(upload.sha256)
                over = now - upload.begun_at >= (WHOLE_LIFE if whole else OPEN_LIFE)
                if over or upload.sha256 in delivered:
                    private_files.remove(self._part(upload.token), self._disk)
                    private_files.remove(self._record(upload.token), self._disk)
                    gone += not whole
                else:
                    waiting.add(upload.sha256)
            for path in list(self._whole.iterdir()):
                if _NAME.fullmatch(path.name) and path.name not in waiting and path.name not in delivered:
                    private_files.remove(path, self._disk)
                    gone += 1
            return gone

    def _check_room(self, upload: Upload) -> None:
        others = [one for one in self._uploads() if one.request == upload.request]
        if len(others) >= MOST_FILES or sum(one.size for one in others) + upload.size > MOST_BYTES:
            raise TooMuch("Too many files are here that were not delivered. Old ones go after a day.")

    def _count(self, request: str, size: int, now: datetime) -> None:
        begun, taken = self._hours.get(request, (now, 0))
        if not begun <= now < begun + _HOUR:
            begun, taken = now, 0
        if taken + size > MOST_AN_HOUR:
            raise TooMuch("Too much was uploaded for this request in an hour.")
        self._hours[request] = begun, taken + size

    def _uploads(self) -> Iterator[Upload]:
        for path in self._open.glob("*.json"):
            yield _decoded(private_files.read(path))

    def _size(self, token: str) -> int:
        try:
            return self._part(token).stat().st_size
        except FileNotFoundError:
            return 0

    def _record(self, token: str) -> Path:
        return self._open / f"{token}.json"

    def _part(self, token: str) -> Path:
        return self._open / f"{token}.sealed"


def _encoded(upload: Upload) -> bytes:
    return canonical.encode({"v": _FORMAT, **vars(upload), "begun_at": timestamp(upload.begun_at)})


def _decoded(encoded: bytes) -> Upload:
    form = forms.document(encoded, _FORMAT, ("request", "section", "size", "sha256", "begun_at"))
    return Upload(
        form.identifier("request"),
        form.identifier("section"),
        form.number("size", 1, MAX_SEALED),
        form.hexadecimal("sha256", 32),
        form.instant("begun_at"),
    )
