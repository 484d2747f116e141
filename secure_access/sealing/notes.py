"""A reader's note, sealed to the plan key like the page that it stands beside.

Whoever has the private half of the plan key opens it, and nobody after that key is destroyed. Who sealed it
is not proved by these bytes: the custodian's line names their digest. docs/reference/protocol.md, "Note",
fixes every byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from secure_access import canonical
from secure_access.sealing import exact, hpke, words
from secure_access.sealing.chunked import SealingError
from secure_access.sealing.exact import BadForm, WrongVersion
from secure_access.sealing.hpke import HpkeSuite
from secure_access.sealing.plans import PlanKey, digest, reference, section_key

FORMAT = "assay.sealed-note/v1"
TAG_LINE = FORMAT.encode() + b"\n"
DOMAIN = b"assay.sealed-note/v1\0"
STEP = 1024
"""The size of what is inside is rounded up to a multiple of this."""
MAX_HEADER = 4096
MAX_SEALED = 32 * 1024
"""More bytes than any sealed note has."""
MOST_VERSIONS = 100_000
_LENGTH = 4


class WrongNote(SealingError):
    """Another note, version or place than the one that was expected, or of another plan key."""


def _suite(value: object) -> HpkeSuite:
    if not isinstance(value, str):
        raise ValueError("is not the name of a suite")
    return hpke.suite_of(value)


_HEADER: dict[str, exact.Reader] = {
    "suite": _suite,
    "key": digest,
    "request": reference,
    "grant": digest,
    "section": section_key,
    "page": exact.integer(1, words.MOST_PAGE),
    "note": exact.hexadecimal(16),
    "version": exact.integer(1, MOST_VERSIONS),
}


@dataclass(frozen=True)
class NoteHeader:
    """What stands in the clear before a sealed note: where it belongs, and nothing of what it says."""

    suite: HpkeSuite
    key: str
    """Fingerprint of the plan key."""
    request: str
    grant: str
    section: str
    page: int
    note: str
    """16 random bytes in hex, the same in all versions of a note."""
    version: int

    @classmethod
    def of(cls, key: PlanKey, grant: str, place: tuple[str, int], note: str, version: int) -> Self:
        """The header of a version of a note beside ``place``, a section and a page. Raises `BadForm`."""
        section, page = place
        made = cls(key.suite, key.fingerprint, key.request, grant, section, page, note, version)
        return cls.parse(made.encode())

    def encode(self) -> bytes:
        """Its canonical JSON."""
        return canonical.encode({"v": FORMAT, **vars(self), "suite": self.suite.name})

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """The header of these bytes. Raises `WrongVersion`, `UnknownSuite` or `BadForm`."""
        return cls(**exact.members(encoded, FORMAT, _HEADER))


def seal(text: str, header: NoteHeader, key: PlanKey) -> bytes:
    """A note, sealed. Raises `BadForm` for a text that is none, `WrongNote` for another key's header."""
    _check_key(header, key)
    if words.note(text) != text:
        raise BadForm(f"{FORMAT}: the text is not in the form of a note")
    encoded, said = header.encode(), text.encode()
    inside = len(said).to_bytes(_LENGTH, "big") + said
    inside += bytes(-len(inside) % STEP)
    sealed = hpke.seal(key.suite, key.public, inside, DOMAIN + encoded)
    return TAG_LINE + len(encoded).to_bytes(_LENGTH, "big") + encoded + sealed


def unseal(sealed: bytes, private: bytes, header: NoteHeader, key: PlanKey) -> str:
    """The text of the note of exactly this header.

    Raises `WrongVersion`, `BadForm`, `UnknownSuite`, `WrongNote`, and `CannotOpen`.
    """
    encoded, body = _parts(sealed)
    if NoteHeader.parse(encoded) != header:
        raise WrongNote("this is another note, or another version of it")
    _check_key(header, key)
    inside = hpke.unseal(key.suite, private, body, DOMAIN + encoded)
    size = int.from_bytes(inside[:_LENGTH], "big")
    said, filling = inside[_LENGTH : _LENGTH + size], inside[_LENGTH + size :]
    if len(said) != size or len(inside) % STEP or len(filling) >= STEP or filling.strip(b"\0"):
        raise BadForm(f"{FORMAT}: the filling is not what it must be")
    try:
        text = said.decode()
    except UnicodeDecodeError:
        raise BadForm(f"{FORMAT}: the note is not UTF-8") from None
    if words.note(text) != text:
        raise BadForm(f"{FORMAT}: the text is not in the form of a note")
    return text


def _parts(sealed: bytes) -> tuple[bytes, bytes]:
    """Header and what follows it."""
    if len(sealed) > MAX_SEALED:
        raise BadForm(f"{FORMAT}: more than {MAX_SEALED} bytes")
    if not sealed.startswith(TAG_LINE):
        raise WrongVersion(f"this is not {FORMAT}")
    begin = len(TAG_LINE) + _LENGTH
    length = int.from_bytes(sealed[len(TAG_LINE) : begin], "big")
    if not 0 < length <= MAX_HEADER or len(sealed) < begin + length:
        raise BadForm(f"{FORMAT}: the header is not as long as it says")
    return sealed[begin : begin + length], sealed[begin + length :]


def _check_key(header: NoteHeader, key: PlanKey) -> None:
    if (header.suite, header.key, header.request) != (key.suite, key.fingerprint, key.request):
        raise WrongNote("this note belongs to another plan key")
