"""Inclusion proofs as text: C2SP tlog-proof, https://c2sp.org/tlog-proof. Pure.

The record hash of an entry is made with a salt, so the salt stands in the ``extra`` line: with
the exact bytes of the entry and this file alone, another tool finds its place in the log. As the format says,
``extra`` is not authenticated: a wrong salt leads to a hash that is not in the log.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

HEADER = "c2sp.org/tlog-proof@v1"
HASH_SIZE = 32
LONGEST_LINE = 64 * 1024
LARGEST_INDEX = 2**64
MEDIA_TYPE = "text/plain"
ENDING = ".tlog-proof"


class BadProof(ValueError):
    """The bytes are no tlog-proof; the message says what is wrong with them."""


@dataclass(frozen=True)
class TlogProof:
    """Where an entry is in the log. ``hashes`` go from the leaf's sibling up; ``checkpoint`` is the note
    as it is. ``extra`` is ``None`` where there is no such line.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def marshal(self) -> str:
        """The file, as text. Raises `BadProof` for what `parse` would refuse."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [_base64(node) for node in self.hashes]
        text = "\n".join(lines) + "\n\n" + self.checkpoint
        if self.parse(text) != self:
            raise BadProof("what is written does not read as what was given")
        return text

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        """The proof in a file. Raises `BadProof`."""
        lines = text.split("\n")
        if any(len(line) > LONGEST_LINE for line in lines):
            raise BadProof(f"a line is longer than {LONGEST_LINE} characters")
        if lines[0] != HEADER:
            raise BadProof(f"the first line is not {HEADER}")
        at, extra = 1, None
        if lines[at : at + 1] and lines[at].startswith("extra "):
            extra, at = _unbase64(lines[at][6:], "extra"), at + 1
        index = _index(lines[at] if at < len(lines) else "")
        try:
            blank = lines.index("", at + 1)
        except ValueError:
            raise BadProof("no empty line stands before the checkpoint") from None
        hashes = tuple(_hash(line) for line in lines[at + 1 : blank])
        checkpoint = "\n".join(lines[blank + 1 :])
        if not checkpoint:
            raise BadProof("there is no checkpoint")
        return cls(index, hashes, checkpoint, extra)


def _index(line: str) -> int:
    if not line.startswith("index "):
        raise BadProof("the index is missing")
    if not re.fullmatch(r"0|[1-9][0-9]{0,19}", line[6:], re.ASCII) or int(line[6:]) >= LARGEST_INDEX:
        raise BadProof("the index is not a number of 64 bits without sign and leading zeros")
    return int(line[6:])


def _hash(line: str) -> bytes:
    node = _unbase64(line, "a hash")
    if len(node) != HASH_SIZE:
        raise BadProof(f"a hash has {len(node)} bytes, not {HASH_SIZE}")
    return node


def _unbase64(text: str, what: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadProof(f"{what} is not base64") from None
    if _base64(found) != text:
        raise BadProof(f"{what} is not base64 in its one form")
    return found


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
