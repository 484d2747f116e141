"""A file that is there whole or not at all, and that never takes the place of another."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from secure_access.sealing.chunked import Buffer, SealingError


class AlreadyThere(SealingError):
    """A file of that name is there, and is not overwritten."""


def write_once(path: Path, blocks: Iterable[Buffer], *, mode: int = 0o600) -> None:
    """Writes the blocks to ``path``, synced to disk on return. Raises `AlreadyThere`, ``OSError``.

    The name appears when everything is written; what ``blocks`` raises leaves nothing behind.
    """
    if path.exists() or path.is_symlink():
        raise AlreadyThere(f"{path} is there already, and is not overwritten")
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for block in blocks:
                _write(file.fileno(), memoryview(block))
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        raise AlreadyThere(f"{path} is there already, and is not overwritten") from None
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(descriptor: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(descriptor, rest) :]
