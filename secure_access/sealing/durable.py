"""A file that is there whole or not at all, and that never takes the place of another."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from secure_access.sealing.chunked import Buffer, SealingError

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""What file systems answer that know no hard links, such as those of memory sticks."""


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
        _put(part, path)
    except FileExistsError:
        raise AlreadyThere(f"{path} is there already, and is not overwritten") from None
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _put(part: Path, path: Path) -> None:
    """Gives the finished file its name. Raises ``FileExistsError``."""
    try:
        os.link(part, path)
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        # Then the name is taken first, empty, and the file put in its place.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        os.replace(part, path)


def _write(descriptor: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(descriptor, rest) :]
