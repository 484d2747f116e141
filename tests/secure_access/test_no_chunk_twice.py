"""No chunk is ever encrypted twice under one key: a broken upload, two sealers, one salt for all."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from secure_access.sealing import CHUNK, Sealer, chunked
from secure_access.sealing.sections import Changed, seal_file, sealed
from tests.secure_access.test_sealed_sections import KEY, content_of, opened, whole


class Seen:
    """Every key with every nonce under which anything was encrypted."""

    def __init__(self) -> None:
        self.pairs: set[tuple[bytes, bytes]] = set()
        self.keys: set[bytes] = set()
        self.count = 0
        self.repeated = 0

    def watch(self, real: type) -> type:
        seen = self

        class Watched:
            def __init__(self, key: bytes) -> None:
                self._key, self._aead = bytes(key), real(key)

            def encrypt_into(self, nonce: bytes, *rest: Any) -> int:
                pair = (self._key, bytes(nonce))
                seen.repeated += pair in seen.pairs
                seen.pairs.add(pair)
                seen.keys.add(self._key)
                seen.count += 1
                return self._aead.encrypt_into(nonce, *rest)  # type: ignore[no-any-return]

            def decrypt_into(self, *how: Any) -> int:
                return self._aead.decrypt_into(*how)  # type: ignore[no-any-return]

        return Watched


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()
    monkeypatch.setattr(chunked, "AESGCM", found.watch(chunked.AESGCM))
    return found


def test_the_watch_would_see_a_nonce_that_is_used_twice(seen: Seen) -> None:
    for plain in (b"one", b"two"):
        sealer = Sealer(b"k" * 32, b"", salt=b"s" * 24)
        sealer.update(plain)
        sealer.finish()
    assert seen.repeated == 1


def test_a_changed_file_two_sealers_and_the_same_salt_repeat_nothing(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst of a broken random generator: one salt for all. The key of each file still is its own."""
    real = secrets.token_bytes
    monkeypatch.setattr(
        chunked.secrets, "token_bytes", lambda n=None: b"s" * n if n == chunked.SALT else real(n)
    )
    plain = bytearray(b"p" * (3 * CHUNK))
    pieces = (memoryview(plain)[at : at + CHUNK] for at in range(0, len(plain), CHUNK))
    first = sealed(pieces, content_of(bytes(plain)), key=KEY, section="access-control")
    begun = [bytes(next(first)) for _ in range(6)]
    plain[-1] ^= 1
    # The upload broke off, the file changed: sealing it again is another file with another key.
    again = whole(bytes(plain))
    # Two sealers of one content, block by block in turn.
    pair = [
        sealed([bytes(plain)], content_of(bytes(plain)), key=KEY, section="access-control") for _ in range(2)
    ]
    for _ in zip(*pair, strict=True):
        pass
    # And the one that broke off goes on: it refuses the changed file rather than seal it under the old key.
    with pytest.raises(Changed):
        for block in first:
            begun.append(bytes(block))
    assert seen.repeated == 0
    assert len(seen.keys) == 4
    assert seen.count == len(seen.pairs) > 12
    assert opened(again) == bytes(plain)


def test_a_sealer_cannot_be_run_again() -> None:
    once = sealed([b"x"], content_of(b"x"), key=KEY, section="access-control")
    assert list(once)
    assert list(once) == []


@pytest.mark.parametrize("function", [sealed, seal_file])
def test_no_key_and_no_salt_can_be_passed_in(function: Callable[..., object]) -> None:
    names = set(inspect.signature(function).parameters)
    assert names <= {"blocks", "content", "source", "target", "key", "section", "media_type", "now"}
    assert inspect.signature(function).parameters["key"].annotation == "PlanKey"
