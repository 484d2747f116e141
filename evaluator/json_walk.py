"""Walks a JSON text of any size one value at a time: a log of gigabytes needs the memory of one sample.

Stricter than `json.loads`: a key said twice, a number beyond a float's range and bytes that are not UTF-8
are refused. NaN and Infinity, which Inspect writes although RFC 8259 has none, come back as their names.
"""

import codecs
import io
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from evaluator.evidence import LIMITS, BadEvidence, Limits

_FIRST_READ = 1 << 16
# A value cut by the end of what was read so far fails within this many characters of it ("-Infinit").
_CUT_ZONE = 16
_SPACE = " \t\r\n"
_COPY_AGAIN = "Copy the log again from where Inspect wrote it, and compare the size of both."
_REWRITE = "Write the log again with `inspect log convert`, unchanged by other tools."


class ByteSource(Protocol):
    """Anything that gives bytes until it gives none."""

    def read(self, size: int = -1, /) -> bytes: ...


class Pieces(io.RawIOBase):
    """Successive pieces of a file as something with `read`, which cannot seek."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)

    def read(self, size: int = -1, /) -> bytes:
        """The next piece that holds anything, whatever its size."""
        return next((piece for piece in self._pieces if piece), b"")


class Walker:
    """A cursor over one JSON text. `label` names the text in refusals ("The file", "header.json")."""

    def __init__(self, source: ByteSource, *, label: str, limits: Limits = LIMITS) -> None:
        self._source = source
        self._label = label
        self._limits = limits
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._ended = False
        self._bytes = 0
        self._json = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._float,
            parse_constant=str,
        )

    def members(self) -> Iterator[str]:
        """The keys of the object here; the caller takes each key's value before the next key."""
        seen: set[str] = set()
        self._take("{")
        if self._peek() == "}":
            self._take("}")
            return
        while True:
            if not self.opens('"'):
                raise self._broken("a name in quotes is missing") if self._peek() else self._cut_off()
            key: str = self.value()
            if key in seen:
                raise self._twice(key)
            seen.add(key)
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return

    def elements(self) -> Iterator[Any]:
        """The values of the array here, decoded one at a time."""
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        while True:
            yield self.value()
            if self._take(",]") == "]":
                return

    def value(self) -> Any:
        """The value here, decoded whole. Raises `BadEvidence` where there is none or it is too large."""
        self._peek()
        while True:
            try:
                found, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or not self._may_be_cut(error):
                    raise self._not_json(error) from error
            except RecursionError as error:
                raise BadEvidence(f"{self._label} is nested too deeply to be a log.", _REWRITE) from error
            else:
                # "12" at the end of a read may be the start of "123": what follows must be a delimiter.
                if self._ended or (end < len(self._text) and self._text[end] in _SPACE + ",:]}"):
                    self._hold(end - self._at)
                    self._at = end
                    return found
            self._more()

    def opens(self, character: str) -> bool:
        """Whether the next value begins with `character`."""
        return self._peek() == character

    def finish(self) -> None:
        """Nothing but white space may follow."""
        if self._peek() != "":
            raise self._broken("something follows its end")

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if self._ended:
                return ""
            self._more()

    def _take(self, allowed: str) -> str:
        found = self._peek()
        if found == "":
            raise self._cut_off()
        if found not in allowed:
            raise self._broken(f"{' or '.join(allowed)} is missing")
        self._at += 1
        return found

    def _more(self) -> None:
        # Reading as much again as is held keeps repeated decoding of a long value within twice its length.
        rest = self._text[self._at :]
        self._hold(len(rest))
        block = self._source.read(max(_FIRST_READ, len(rest)))
        self._ended = not block
        self._bytes += len(block)
        if self._bytes > self._limits.total:
            raise BadEvidence(f"{self._label} is larger than {self._limits.total:,} bytes.", _REWRITE)
        try:
            self._text = rest + self._utf8.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            raise BadEvidence(f"{self._label} is not text in UTF-8.", _REWRITE) from error
        self._at = 0

    def _hold(self, characters: int) -> None:
        if characters > self._limits.value:
            most = f"{self._limits.value:,} characters"
            raise BadEvidence(f"{self._label} has a value of more than {most}.", _REWRITE)

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _CUT_ZONE

    def _not_json(self, error: json.JSONDecodeError) -> BadEvidence:
        # Only the end of the file is left to explain an error there, unless the log has its last brace.
        text = self._text.rstrip()
        if self._may_be_cut(error) and (error.pos >= len(text) or not text.endswith("}")):
            return self._cut_off()
        return self._broken(error.msg[0].lower() + error.msg[1:])

    def _cut_off(self) -> BadEvidence:
        return BadEvidence(f"{self._label} is cut off: it ends before the log does.", _COPY_AGAIN)

    def _broken(self, what: str) -> BadEvidence:
        return BadEvidence(f"{self._label} is not valid JSON: {what}.", _REWRITE)

    def _twice(self, key: str) -> BadEvidence:
        return BadEvidence(f"{self._label} gives {json.dumps(key[:60])} twice in one object.", _REWRITE)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            raise self._twice(next(key for key in keys if keys.count(key) > 1))
        return made

    def _integer(self, text: str) -> int:
        if len(text) > self._limits.digits:
            raise BadEvidence(f"{self._label} has a whole number of {len(text)} characters.", _REWRITE)
        return int(text)

    def _float(self, text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise BadEvidence(f"{self._label} has a number too large to compare: {text[:40]}.", _REWRITE)
        return number
