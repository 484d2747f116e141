"""Check the log of an Assay ledger from outside. One file beside ``verify_receipt.py``, needing no more.

    python verify_log.py mirror FOLDER POLICY.txt
    python verify_log.py consistent FOLDER OLD_CHECKPOINT POLICY.txt

``FOLDER`` is a static mirror (``assay ledger export``, or a copy of the addresses below ``/ledger``), or the
address of the log itself. ``mirror`` builds the whole tree again from the leaves, holds every tile and every
public entry to it, and says whether the root is the signed one. ``consistent`` says whether a checkpoint that
you kept is a past of this log: where it is not, keep both, for the log has shown two histories. Exit status:
0 right; 1 wrong, and what; 2 the input cannot be read; 3 right, and signed by the log alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

try:
    from secure_access.ledger import verify_receipt
except ImportError:  # outside of Assay it lies beside this file
    import verify_receipt  # type: ignore[import-not-found, no-redef]

Get = Callable[[str], bytes | None]
"""The body behind an address below the log's prefix; ``None`` where there is none."""
WIDTH, HASH = 256, 32
RIGHT, WRONG, UNREADABLE, NOT_WITNESSED = range(4)


class Wrong(Exception):
    """The log is not what it says; the message names the first thing that does not fit."""


def address(number: int) -> str:
    """The place of a tile in C2SP tlog-tiles: 1234067 is ``x001/x234/067``."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    return "/".join(parts)


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree of leaf hashes, built from all of them."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._rows = [leaves]
        while len(self._rows[-1]) > 1:
            row = self._rows[-1]
            self._rows.append([node(row[n], row[n + 1]) for n in range(0, len(row) - 1, 2)])

    def root(self, size: int) -> bytes:
        """The root of the first ``size`` leaves (RFC 6962 §2.1)."""
        if size == 0:
            return hashlib.sha256(b"").digest()
        found, left = b"", size
        for level, row in enumerate(self._rows):
            if left >> level & 1:
                full = row[(left >> level) - 1]
                found = node(full, found) if found else full
        return found

    def tile(self, level: int, number: int, width: int) -> bytes:
        """The bytes of a tile of that many hashes."""
        return b"".join(self._rows[8 * level][WIDTH * number : WIDTH * number + width])


class Log:
    """A log that is read by its addresses, at its newest checkpoint.

    Raises `Wrong` where no log key of the policy signed it, and `verify_receipt.BadInput`.
    """

    def __init__(self, get: Get, policy: verify_receipt.Policy) -> None:
        self.get, self.policy = get, policy
        self.note = self.fetch("checkpoint").decode(errors="replace")
        self.size, self.root, self.witnesses = head(self.note, policy)

    def fetch(self, path: str) -> bytes:
        """What is there. Raises `Wrong` where nothing is."""
        found = self.get(path)
        if found is None:
            raise Wrong(f"{path} is not there")
        return found

    def tiles(self, level: int) -> Iterator[tuple[int, int]]:
        """Number and width of each tile of a level."""
        count = self.size >> 8 * level
        for number in range(-(-count // WIDTH)):
            yield number, min(WIDTH, count - WIDTH * number)

    def leaves(self) -> list[bytes]:
        """Every leaf, from the bundles of entries."""
        found: list[bytes] = []
        for number, width in self.tiles(0):
            bundle, at, before = self.fetch(f"tile/entries/{_part(number, width)}"), 0, len(found)
            while at < len(bundle):
                length = int.from_bytes(bundle[at : at + 2], "big")
                found.append(bundle[at + 2 : at + 2 + length])
                at += 2 + length
            if len(found) - before != width or at != len(bundle):
                raise Wrong(f"the bundle tile/entries/{_part(number, width)} does not hold {width} entries")
        return found

    def check(self) -> int:
        """Hold the root, every tile and every public entry to the leaves; how many entries are public."""
        leaves = self.leaves()
        tree = Tree([hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves])
        if tree.root(self.size) != self.root:
            raise Wrong("the leaves do not have the root of the checkpoint")
        level = 0
        while self.size >> 8 * level:
            for number, width in self.tiles(level):
                name = f"tile/{level}/{_part(number, width)}"
                if self.fetch(name) != tree.tile(level, number, width):
                    raise Wrong(f"{name} does not hold the hashes of the leaves")
            level += 1
        return sum(self._entry(index, leaf) for index, leaf in enumerate(leaves))

    def _entry(self, index: int, leaf: bytes) -> bool:
        found = self.get(f"entry/{index}")
        if found is None:
            return False
        told = _json(found, f"entry/{index}")
        entry, salt = (verify_receipt._unbase64(told.get(name), name) for name in ("entry", "salt"))
        if entry and hmac.new(salt, entry, hashlib.sha256).digest() != leaf:
            raise Wrong(f"entry/{index} is not what its leaf commits to")
        return True

    def check_continues(self, old: str) -> int:
        """Hold a kept checkpoint to the leaves; its size. Raises `Wrong` where the log shows another past."""
        size, root, _ = head(old, self.policy)
        if size > self.size:
            raise Wrong(f"it was signed with {size} entries and has {self.size} now: it was rolled back")
        tree = Tree([hashlib.sha256(b"\x00" + leaf).digest() for leaf in self.leaves()])
        if tree.root(self.size) != self.root:
            raise Wrong("the leaves do not have the root of the checkpoint")
        if tree.root(size) != root:
            raise Wrong(f"its first {size} entries are others than those that were signed: two histories")
        return size


def head(checkpoint: str, policy: verify_receipt.Policy) -> tuple[int, bytes, tuple[str, ...]]:
    """Size, root and witnesses of a checkpoint that a log of the policy signed. Raises `Wrong`."""
    text, signatures = verify_receipt._read_note(checkpoint)
    origin, size, root = verify_receipt._read_head(text)
    try:
        signed = [verify_receipt._signed(text, signatures, key) for key in policy.logs.get(origin, [])]
        seen = [
            name for name, key in policy.witnesses.items() if verify_receipt._signed(text, signatures, key)
        ]
    except verify_receipt._Untrue as untrue:
        raise Wrong(str(untrue)) from None
    if not any(signed):
        raise Wrong(f"no log key of the policy signed the checkpoint of {origin}")
    return size, root, tuple(seen)


def opened(where: str) -> Get:
    """A mirror in a folder, or the log at an address."""
    if where.startswith(("http://", "https://")):
        return lambda path: _fetched(f"{where.rstrip('/')}/{path}")
    folder = Path(where)

    def read(path: str) -> bytes | None:
        file = folder / path
        return file.read_bytes() if file.is_file() else None

    return read


def main(arguments: list[str]) -> int:
    """Check what the command line names; the exit status."""
    try:
        match arguments:
            case ["mirror", where, policy]:
                log = Log(opened(where), _policy(policy))
                print(f"{log.size} entries, {log.check()} of them public: tiles, entries and root are right")
            case ["consistent", where, old, policy]:
                log = Log(opened(where), _policy(policy))
                size = log.check_continues(Path(old).read_text(encoding="utf-8"))
                print(f"the {log.size} entries of today continue the {size} that were signed then")
            case _:
                print(__doc__, file=sys.stderr)
                return UNREADABLE
    except Wrong as wrong:
        print(f"wrong: {wrong}")
        return WRONG
    except (OSError, ValueError) as problem:
        print(f"cannot be read: {problem}", file=sys.stderr)
        return UNREADABLE
    if log.policy.reached(set(log.witnesses)):
        print(f"witnessed by {', '.join(log.witnesses)}")
        return RIGHT
    print("signed, not witnessed: the log could still show others something else")
    return NOT_WITNESSED


def _policy(name: str) -> verify_receipt.Policy:
    return verify_receipt.Policy.parse(Path(name).read_text(encoding="utf-8", errors="backslashreplace"))


def _part(number: int, width: int) -> str:
    return address(number) + ("" if width == WIDTH else f".p/{width}")


def _json(text: bytes, what: str) -> dict[str, object]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise Wrong(f"{what} is not an object")
    return found


def _fetched(url: str) -> bytes | None:
    try:
        with urlopen(url, timeout=30) as answer:  # noqa: S310 - an address that the reader typed
            return bytes(answer.read())
    except HTTPError as refused:
        if refused.code == 404:
            return None
        raise
    except URLError as problem:
        raise OSError(f"{url}: {problem.reason}") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
