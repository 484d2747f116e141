"""A section of a plan, sealed with a plan key: made as a stream, opened as a stream.

The key of a file is made here, for one file and one pass over it, and never passed in: no chunk can be
sealed twice under one key, whatever a caller does. A file that was changed, or an upload that has to begin
anew, is sealed anew. docs/reference/protocol.md, "Sealed plans", fixes every byte.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from secure_access import canonical
from secure_access.sealing import chunked, exact, hpke
from secure_access.sealing.chunked import Buffer, SealingError, Truncated
from secure_access.sealing.durable import write_once
from secure_access.sealing.exact import BadForm, WrongVersion
from secure_access.sealing.hpke import HpkeSuite
from secure_access.sealing.plans import (
    MAX_FILE,
    MAX_SEALED,
    PlanKey,
    SealedSection,
    digest,
    reference,
    section_key,
)

FORMAT = "assay.sealed-section/v1"
CONTENT_FORMAT = "assay.section-content/v1"
TAG_LINE = FORMAT.encode() + b"\n"
KEY_DOMAIN = b"assay.section-key/v1\0"
BODY_DOMAIN = b"assay.section-body/v1\0"
MAX_HEADER = 4096
MAX_CONTENT = 4096
STEP = 65_536
"""The size of what is inside is rounded up to a multiple of this."""
BLOCK = chunked.BATCH
OSCAL_TYPES = frozenset({"application/oscal+json", "application/oscal+yaml", "application/oscal+xml"})
MEDIA_TYPES = frozenset({"application/pdf", "image/png", "image/jpeg"}) | OSCAL_TYPES
"""What a section may be; whether it is that is told by who opens it."""

_UNSEEN = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_file_name = exact.text(rf"[^/\\{_UNSEEN}]{{1,200}}", "a file name of up to 200 visible characters")


class WrongSuite(SealingError):
    """Sealed in another suite than that of the plan key."""


class WrongPlanKey(SealingError):
    """Sealed with another plan key."""


class WrongRequest(SealingError):
    """Sealed for another plan request."""


class WrongSection(SealingError):
    """Another section than the one that was expected."""


class TooLarge(SealingError):
    """The file is larger than what can be sealed."""


class NotAFile(SealingError):
    """What should be sealed is no plain file."""


class Changed(SealingError):
    """The file was changed while it was being sealed; seal it again."""


class ContentDiffers(SealingError):
    """What is inside is not what it says of itself: another size, digest or filling."""


def _named_type(value: object) -> str:
    if not isinstance(value, str) or value not in MEDIA_TYPES:
        raise ValueError("is none of " + ", ".join(sorted(MEDIA_TYPES)))
    return value


_HEADER: dict[str, exact.Reader] = {
    "suite": exact.text(r".{1,40}", "the name of a suite"),
    "key": digest,
    "request": reference,
    "section": section_key,
    "file": exact.hexadecimal(16),
}
_CONTENT: dict[str, exact.Reader] = {
    "name": _file_name,
    "media_type": _named_type,
    "size": exact.integer(0, MAX_FILE),
    "sha256": digest,
}


@dataclass(frozen=True)
class SectionHeader:
    """What stands in the clear before a sealed section."""

    suite: HpkeSuite
    key: str
    request: str
    section: str
    file: str
    """16 random bytes in hex, of this file alone."""

    def encode(self) -> bytes:
        """Its canonical JSON. Raises `BadForm`."""
        said = {**vars(self), "suite": self.suite.name}
        exact.read_object(said, FORMAT, _HEADER)
        return canonical.encode({"v": FORMAT, **said})

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The header of these bytes. Raises `WrongVersion`, `UnknownSuite` or `BadForm`."""
        found = exact.members(encoded, FORMAT, _HEADER)
        return cls(**{**found, "suite": hpke.suite_of(found["suite"])})

    def check_size(self, size: int) -> None:
        """Raises `Truncated` where no section sealed with this header is ``size`` bytes long, `TooLarge`."""
        if size > MAX_SEALED:
            raise TooLarge(f"no sealed section has {size} bytes")
        before = len(TAG_LINE) + 4 + len(self.encode()) + self.suite.overhead() + hpke.SEED
        inside = chunked.plain_size(size - before)
        if not inside or inside % STEP:
            raise Truncated(f"no section sealed with this header is {size} bytes long")

    def check(self, key: PlanKey, section: str) -> None:
        """Raises `WrongSuite`, `WrongPlanKey`, `WrongRequest`, `WrongSection`: one for each that differs."""
        if self.suite != key.suite:
            raise WrongSuite(f"sealed in {self.suite.name}; the plan key has {key.suite.name}")
        if self.key != key.fingerprint:
            raise WrongPlanKey("sealed with another plan key than that of this request")
        if self.request != key.request:
            raise WrongRequest(f"sealed for {self.request}, not for {key.request}")
        if self.section != section:
            raise WrongSection(f"this is the section {self.section}, not {section}")


@dataclass(frozen=True)
class SectionContent:
    """What a sealed section says of the file inside; ``size`` in bytes."""

    name: str
    media_type: str
    size: int
    sha256: str

    def encode(self) -> bytes:
        """Its canonical JSON. Raises `BadForm`."""
        exact.read_object(vars(self), CONTENT_FORMAT, _CONTENT)
        return canonical.encode({"v": CONTENT_FORMAT, **vars(self)})

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The content of these bytes. Raises `WrongVersion` or `BadForm`."""
        return cls(**exact.members(encoded, CONTENT_FORMAT, _CONTENT))


def sealed(
    blocks: Iterable[Buffer], content: SectionContent, *, key: PlanKey, section: str
) -> Iterator[Buffer]:
    """The sealed form of a file, block by block. A block is good until the next one is asked for.

    Raises `BadForm`, and `Changed` before the last block where ``blocks`` are not what ``content`` says.
    """
    header = SectionHeader(key.suite, key.fingerprint, key.request, section, secrets.token_hex(16)).encode()
    described = content.encode()
    file_key = chunked.new_key()
    yield TAG_LINE + len(header).to_bytes(4, "big") + header
    yield hpke.seal(key.suite, key.public, file_key, KEY_DOMAIN + header)
    sealer = chunked.Sealer(file_key, BODY_DOMAIN + header)
    yield sealer.header
    out = bytearray(sealer.size_of(BLOCK) + chunked.SEALED_CHUNK)
    for block in _inside(described, blocks, content):
        yield memoryview(out)[: sealer.update_into(block, out)]
    yield sealer.finish()


def _inside(described: bytes, blocks: Iterable[Buffer], content: SectionContent) -> Iterator[Buffer]:
    """Length, description, file, filling; in blocks of at most `BLOCK`."""
    start = len(described).to_bytes(4, "big") + described
    yield start
    found, size = hashlib.sha256(), 0
    for block in blocks:
        view = memoryview(block)
        size += len(view)
        if size > content.size:
            break
        found.update(view)
        for at in range(0, len(view), BLOCK):
            yield view[at : at + BLOCK]
    if size != content.size or found.hexdigest() != content.sha256:
        raise Changed("the file was changed while it was being sealed; seal it again")
    yield bytes(-(len(start) + size) % STEP)


def seal_file(
    source: Path, target: Path, *, key: PlanKey, section: str, media_type: str, now: datetime
) -> SealedSection:
    """Seals ``source`` into ``target``, which is complete and on disk on return, or is not there.

    The source is read twice: its digest stands before it. Raises `OutOfDate`, `NotAFile`, `TooLarge` before
    anything is read, and `BadForm`, `Changed`, `AlreadyThere`, ``OSError``.
    """
    key.check_usable(now)
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise NotAFile(f"{source} is not a plain file")
        if facts.st_size > MAX_FILE:
            raise TooLarge(f"{source} has {facts.st_size} bytes; a section has at most {MAX_FILE}")
        found, size = hashlib.sha256(), 0
        for block in _blocks(file.fileno()):
            found.update(block)
            size += len(block)
        content = SectionContent(source.name, media_type, size, found.hexdigest())
        counted = _Counted(sealed(_blocks(file.fileno()), content, key=key, section=section))
        write_once(target, counted)
    return SealedSection(section, counted.size, counted.digest.hexdigest())


def seal_bytes(
    content: bytes, target: Path, *, key: PlanKey, section: str, described: tuple[str, str], now: datetime
) -> SealedSection:
    """Seals ``content``, whose name and media type are ``described``, as `seal_file` does a file."""
    key.check_usable(now)
    name, media_type = described
    said = SectionContent(name, media_type, len(content), hashlib.sha256(content).hexdigest())
    counted = _Counted(sealed([content], said, key=key, section=section))
    write_once(target, counted)
    return SealedSection(section, counted.size, counted.digest.hexdigest())


def _blocks(descriptor: int) -> Iterator[memoryview]:
    """The file from its start, in one buffer that is used again; at most a block more than can be sealed."""
    buffer, at = bytearray(BLOCK), 0
    view = memoryview(buffer)
    while at <= MAX_FILE and (read := os.preadv(descriptor, [buffer], at)):
        yield view[:read]
        at += read


class _Counted:
    """Blocks on their way past, counted and hashed."""

    def __init__(self, blocks: Iterable[Buffer]) -> None:
        self._blocks = blocks
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[Buffer]:
        for block in self._blocks:
            self.size += len(block)
            self.digest.update(block)
            yield block


class _Source:
    """A stream of bytes of which exactly so many can be taken."""

    def __init__(self, blocks: Iterable[Buffer], what: str) -> None:
        self._blocks = iter(blocks)
        self._what = what
        self._rest = memoryview(b"")

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes. Raises `Truncated`."""
        return b"".join(bytes(part) for part in self.pass_on(count))

    def pass_on(self, count: int) -> Iterator[memoryview]:
        """The next ``count`` bytes in blocks as they come. Raises `Truncated`."""
        while count:
            if not self._more():
                raise Truncated(f"{self._what} ends {count} bytes too early")
            part, self._rest = self._rest[:count], self._rest[count:]
            count -= len(part)
            yield part

    def rest(self) -> Iterator[memoryview]:
        """Whatever comes after."""
        while self._more():
            part, self._rest = self._rest, memoryview(b"")
            yield part

    def _more(self) -> bool:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._rest = memoryview(block)
        return True


def read_header(blocks: Iterable[Buffer]) -> SectionHeader:
    """The header of a sealed section, for whom has no key.

    Raises `WrongVersion`, `UnknownSuite`, `BadForm`, `Truncated`.
    """
    return SectionHeader.parse(_header(_Source(blocks, "the sealed section")))


def _header(source: _Source) -> bytes:
    if source.take(len(TAG_LINE)) != TAG_LINE:
        raise WrongVersion(f"this is not {FORMAT}")
    length = int.from_bytes(source.take(4), "big")
    if not 0 < length <= MAX_HEADER:
        raise BadForm(f"the header says that it has {length} bytes; it has at most {MAX_HEADER}")
    return source.take(length)


class OpenedSection:
    """A sealed section that opens. What `blocks` yields is authentic; whether it is whole is known last."""

    def __init__(self, header: SectionHeader, content: SectionContent, inside: _Source, before: int) -> None:
        self.header = header
        self.content = content
        self._inside = inside
        self._before = before

    def blocks(self) -> Iterator[memoryview]:
        """The file, once. Raises `Altered`, `Truncated`, `ContentDiffers`, at the latest after all blocks."""
        found = hashlib.sha256()
        for block in self._inside.pass_on(self.content.size):
            found.update(block)
            yield block
        if found.hexdigest() != self.content.sha256:
            raise ContentDiffers("the file inside has another digest than it says")
        filling = -(self._before + self.content.size) % STEP
        size = 0
        for block in self._inside.rest():
            size += len(block)
            if size > filling or bytes(block).strip(b"\0"):
                raise ContentDiffers("after the file stands something else than its filling")
        if size != filling:
            raise ContentDiffers("the filling after the file is too short")


def open_section(blocks: Iterable[Buffer], private: bytes, *, key: PlanKey, section: str) -> OpenedSection:
    """Opens a sealed section as far as what it says of its file; `OpenedSection.blocks` goes on.

    Refuses before anything is opened: `WrongVersion`, `BadForm`, `UnknownSuite`, `WrongSuite`,
    `WrongPlanKey`, `WrongRequest`, `WrongSection`, `Truncated`. Then: `CannotOpen`, `WrongKey`, `Altered`.
    """
    source = _Source(blocks, "the sealed section")
    encoded = _header(source)
    header = SectionHeader.parse(encoded)
    header.check(key, section)
    wrapped = source.take(header.suite.overhead() + hpke.SEED)
    file_key = hpke.unseal(header.suite, private, wrapped, KEY_DOMAIN + encoded)
    inside = _Source(chunked.unseal(source.rest(), file_key, BODY_DOMAIN + encoded), "what is inside")
    length = int.from_bytes(inside.take(4), "big")
    if not 0 < length <= MAX_CONTENT:
        raise BadForm(f"what is said of the file has {length} bytes; it has at most {MAX_CONTENT}")
    content = SectionContent.parse(inside.take(length))
    return OpenedSection(header, content, inside, 4 + length)
