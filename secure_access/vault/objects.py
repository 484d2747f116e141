"""The vault: bytes in, sealed while they stream; bytes out, each one authentic.

One data key per stored object, wrapped by a key provider for the object's context (the document's id), so
an object put under another document's name does not open. Nothing is ever written in plaintext. What a
store holds is either complete and durable or not there: a failure at any step leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secure_access.keys import CannotUnwrap, KeyProvider
from secure_access.sealing import (
    BATCH,
    CHUNK,
    HEADER,
    SEALED_CHUNK,
    Buffer,
    Opener,
    Sealer,
    SealingError,
    new_key,
    sealed_size,
)
from secure_access.vault.stores import Missing, Sink, Store, StoreFailed, VaultError

THREAD_FROM = 256 * 1024
"""Blocks from this size on are hashed in a second thread; below, waking it costs more than it saves."""


BEHIND = 3
"""Blocks that may wait for their hash: memory for at most that many MiB."""


class Damaged(VaultError):
    """What the store holds is not what was put: altered, cut off, or under another document's name."""


class Kept(Protocol):
    """Whatever remembers where an object lies and how to open it: a `Stored`, or a table row."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def wrapped_key(self) -> bytes: ...


@dataclass(frozen=True)
class Stored:
    """An object in the vault.

    ``name`` is its random name in the store; ``size`` (bytes) and ``sha256`` (hex) are those of the
    plaintext; ``wrapped_key`` opens only with the key provider and the same context; ``key_id`` says which
    of the provider's keys wrapped it.
    """

    name: str
    size: int
    sha256: str
    wrapped_key: bytes
    key_id: str


class Vault:
    """Seals into and opens from one store, with data keys wrapped by ``keys``."""

    def __init__(self, store: Store, keys: KeyProvider) -> None:
        self._store = store
        self._keys = keys

    def put(self, chunks: Iterable[Buffer], *, context: str) -> Stored:
        """Stores ``chunks`` as one object, durable on return. Raises `StoreFailed`; then nothing is left."""
        writer = self.writer(context=context)
        try:
            for chunk in chunks:
                writer.write(chunk)
            return writer.close()
        except BaseException:
            writer.discard()
            raise

    def writer(self, *, context: str) -> Writer:
        """A file to write one object into. Raises `StoreFailed` or a key provider's error."""
        dek = new_key()
        wrapped = self._keys.wrap(dek, context)
        name = secrets.token_hex(16)
        sealer = Sealer(dek, _bound(context))
        return Writer(self._store, name, sealer, wrapped, self._keys.current())

    def chunks(
        self, stored: Kept, *, context: str, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """The plaintext from byte ``start``, ``length`` bytes or to the end, in blocks of up to 1 MiB.

        No block is yielded before it is authenticated. Raises `Damaged`, also after some blocks; `Missing`.
        """
        size = stored.size
        start = min(max(start, 0), size)
        end = size if length is None else min(start + max(length, 0), size)
        try:
            if self._store.size(stored.name) != sealed_size(size):
                raise Damaged("the stored object does not have the size that was recorded")
            dek = self._keys.unwrap(stored.wrapped_key, context)
            yield from self._open(stored.name, dek, _bound(context), (start, end, size))
        except (SealingError, CannotUnwrap) as error:
            raise Damaged(str(error)) from error

    def read(self, stored: Kept, *, context: str, start: int = 0, length: int | None = None) -> bytes:
        """The plaintext of a range at once; for parts known to be small."""
        return b"".join(self.chunks(stored, context=context, start=start, length=length))

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is no error. Raises `StoreFailed`."""
        self._store.delete(name)

    def every(self) -> Iterator[tuple[str, datetime]]:
        """The name of everything that the store holds, and since when. Raises `StoreFailed`."""
        return self._store.every()

    def holds(self, name: str) -> bool:
        """Whether the store has an object of that name now. Raises `StoreFailed`."""
        try:
            self._store.size(name)
        except Missing:
            return False
        return True

    def rewrap(self, stored: Stored, *, context: str) -> Stored:
        """The same object with its key wrapped under the provider's current key. The bytes stay."""
        wrapped = self._keys.rewrap(stored.wrapped_key, context)
        return Stored(stored.name, stored.size, stored.sha256, wrapped, self._keys.current())

    def _open(self, name: str, dek: bytes, context: bytes, span: tuple[int, int, int]) -> Iterator[bytes]:
        start, end, size = span
        header = b"".join(self._store.read(name, 0, HEADER))
        first, total = start // CHUNK, size // CHUNK + 1
        last = total if end == size else -(-end // CHUNK)
        opener = Opener(dek, context, header=header, first=first)
        if start == end < size:
            return
        sealed_start = HEADER + first * SEALED_CHUNK
        sealed_end = min(HEADER + last * SEALED_CHUNK, sealed_size(size))
        skip, left = start - first * CHUNK, end - start
        for plain in self._plain(name, opener, sealed_start, sealed_end, whole=last == total):
            part = bytes(memoryview(plain)[skip : skip + left])
            skip = max(skip - len(plain), 0)
            left -= len(part)
            if part:
                yield part

    def _plain(self, name: str, opener: Opener, start: int, end: int, *, whole: bool) -> Iterator[bytearray]:
        for block in self._store.read(name, start, end - start):
            yield opener.update(block)
        if whole:
            yield opener.finish()


class Writer:
    """One object being written: ``write()``, then ``close()`` for the `Stored`, or ``discard()``.

    Also a stream for Werkzeug's multipart parser, so that an upload goes from the socket into the vault.
    """

    def __init__(self, store: Store, name: str, sealer: Sealer, wrapped_key: bytes, key_id: str) -> None:
        self._store = store
        self._name = name
        self._sealer = sealer
        self._wrapped_key, self._key_id = wrapped_key, key_id
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()
        self._sealed = bytearray()
        self._thread: ThreadPoolExecutor | None = None
        self._hashing: deque[Future[None]] = deque()
        self._stored: Stored | None = None
        self._sink: Sink | None = store.create(name)
        self._safely(lambda sink: sink.write(sealer.header))

    @property
    def size(self) -> int:
        """Bytes of plaintext written so far."""
        return self._size

    def write(self, data: Buffer) -> int:
        """Takes ``data`` and returns its length. After an error the object is gone and every write fails."""
        self._check_open()
        view = memoryview(data)
        lasting = isinstance(data, bytes)
        self._size += len(view)
        if self._pending or len(view) < BATCH:
            room = BATCH - len(self._pending)
            self._pending += view[:room]
            view = view[room:]
            if len(self._pending) >= BATCH:
                batch, self._pending = self._pending, bytearray()
                self._take(batch)
        whole = len(view) - len(view) % BATCH
        for at in range(0, whole, BATCH):
            self._take(view[at : at + BATCH], lasting=lasting)
        self._pending += view[whole:]
        return len(data)

    def close(self) -> Stored:
        """Makes the object durable. A second call returns the same `Stored`. Raises `StoreFailed`."""
        if self._stored is None:
            self._check_open()
            self._take(self._pending)
            self._pending = bytearray()
            self._safely(lambda sink: sink.write(self._sealer.finish()))
            self._safely(lambda sink: sink.commit())
            self._hashed(0)
            self._stored = Stored(
                self._name, self._size, self._sha256.hexdigest(), self._wrapped_key, self._key_id
            )
            self._end()
        return self._stored

    def discard(self) -> None:
        """Leaves nothing of the object, closed or not. A second call does nothing."""
        sink, stored = self._sink, self._stored
        self._end()
        self._stored = None
        if stored is not None:
            self._store.delete(self._name)
        elif sink is not None:
            sink.abort()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Nothing: Werkzeug's parser calls ``seek(0)`` when a part is complete, before anybody reads."""
        return 0

    def _end(self) -> None:
        self._sink = None
        self._pending = self._sealed = bytearray()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _check_open(self) -> None:
        if self._sink is None:
            raise StoreFailed("this object was discarded or is already closed")

    def _safely(self, act: Callable[[Sink], object]) -> None:
        assert self._sink is not None
        try:
            act(self._sink)
        except BaseException:
            self.discard()
            raise

    def _take(self, block: Buffer, *, lasting: bool = True) -> None:
        """Hashes and seals one block; a large one is hashed in a second thread, a little behind.

        ``lasting`` says that nobody changes the block afterwards; another is hashed before this returns.
        """
        if len(block) < THREAD_FROM:
            self._hashed(0)
            self._sha256.update(block)
        else:
            self._hashed(BEHIND)
            self._thread = self._thread or ThreadPoolExecutor(1, "vault-hash")
            self._hashing.append(self._thread.submit(self._sha256.update, block))
        needed = self._sealer.size_of(len(block))
        if len(self._sealed) < needed:
            self._sealed = bytearray(needed)
        size = self._sealer.update_into(block, self._sealed)
        try:
            self._safely(lambda sink: sink.write(memoryview(self._sealed)[:size]))
        finally:
            self._hashed(BEHIND if lasting else 0)

    def _hashed(self, behind: int) -> None:
        """Waits until at most ``behind`` blocks are still to be hashed."""
        while len(self._hashing) > behind:
            self._hashing.popleft().result()


def _bound(context: str) -> bytes:
    return b"assay/vault/v1\0" + context.encode()
