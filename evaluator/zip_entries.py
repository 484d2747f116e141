"""Reads the entries of a zip one after the other, in memory, within limits; nothing is written to disk.

The index comes from `zipfile`; bodies are unpacked here, because Inspect also writes Zstandard (method 93,
which `zipfile` reads only from Python 3.14) and because the sizes an index states are a claim, not a bound.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, BinaryIO, cast

import zstandard

from evaluator.evidence import LIMITS, BadEvidence, Limits
from evaluator.json_walk import ByteSource, Pieces

_STORED, _DEFLATED, _ZSTANDARD = 0, 8, 93
_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # APPNOTE.TXT 4.3.7
_BLOCK = 1 << 16
_COPY_AGAIN = "Copy the log again from where Inspect wrote it, and compare the size of both."
_AS_WRITTEN = "Send the .eval file as Inspect wrote it, not packed again by another program."
# What `zipfile` raises for damaged indexes, by experiment with every cut and many flips of real logs.
_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, OSError, struct.error, EOFError,
           NotImplementedError, OverflowError, IndexError)  # fmt: skip


class ZipEntries:
    """The entries of the zip in `file` (seekable). Raises `BadEvidence` for what no log would hold."""

    def __init__(self, file: BinaryIO, *, limits: Limits = LIMITS) -> None:
        self._file = _Guarded(file, limits.read)
        self._limits = limits
        self._left = limits.total
        try:
            with zipfile.ZipFile(cast("IO[bytes]", self._file)) as index:
                self._entries = index.infolist()
                self._index_at = index.start_dir
        except _DAMAGE as error:
            reason = "The file is cut off or damaged: a zip without a readable index."
            raise BadEvidence(reason, _COPY_AGAIN) from error
        self._check()

    @property
    def names(self) -> list[str]:
        """Names in the order of the index."""
        return [entry.filename for entry in self._entries]

    def open(self, name: str) -> ByteSource:
        """The unpacked bytes of one entry; the last read checks length and CRC-32."""
        return Pieces(self._blocks(next(entry for entry in self._entries if entry.filename == name)))

    def each(self) -> Iterator[tuple[str, ByteSource]]:
        """Every entry with its unpacked bytes, in the order of the index."""
        for entry in self._entries:
            yield entry.filename, Pieces(self._blocks(entry))

    def _check(self) -> None:
        if not self._entries:
            raise BadEvidence("The file is an empty zip: it holds no log.", _AS_WRITTEN)
        if len(self._entries) > self._limits.entries:
            raise BadEvidence(f"The zip has more than {self._limits.entries:,} entries.", _AS_WRITTEN)
        if len({entry.filename for entry in self._entries}) != len(self._entries):
            raise BadEvidence("The zip has two entries of the same name.", _AS_WRITTEN)
        for entry in self._entries:
            self._check_entry(entry)
        # Entries that share bytes are how a small zip unpacks to petabytes.
        ordered = sorted(self._entries, key=lambda entry: entry.header_offset)
        starts = [entry.header_offset for entry in ordered[1:]] + [self._index_at]
        for entry, following in zip(ordered, starts, strict=True):
            if entry.header_offset + _LOCAL_HEADER.size + entry.compress_size > following:
                raise BadEvidence("Entries of the zip overlap.", _AS_WRITTEN)

    def _check_entry(self, entry: zipfile.ZipInfo) -> None:
        name = _printable(entry.filename)
        if entry.orig_filename.startswith("/") or ".." in entry.orig_filename.replace("\\", "/").split("/"):
            raise BadEvidence(f"The zip names a path outside itself: {name}.", _AS_WRITTEN)
        if entry.header_offset < 0:
            raise BadEvidence(f"{name} is damaged: it is not where the zip's index says.", _COPY_AGAIN)
        if entry.flag_bits & _ENCRYPTED:
            raise BadEvidence(f"{name} is locked with a password.", "Send the log without a password.")
        if entry.compress_type not in (_STORED, _DEFLATED, _ZSTANDARD):
            raise BadEvidence(f"{name} is packed by a method Inspect does not use.", _AS_WRITTEN)
        if entry.file_size > self._limits.entry:
            raise BadEvidence(f"{name} is larger than {self._limits.entry:,} bytes.", _AS_WRITTEN)

    def _blocks(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        name = _printable(entry.filename)
        size = crc = 0
        try:
            for block in _unpack(entry.compress_type, self._packed(entry)):
                size, crc = size + len(block), zlib.crc32(block, crc)
                self._spend(len(block), size, entry)
                yield block
        except (zlib.error, zstandard.ZstdError) as error:
            raise BadEvidence(f"{name} is damaged: it cannot be unpacked.", _COPY_AGAIN) from error
        if (size, crc) != (entry.file_size, entry.CRC):
            reason = f"{name} is damaged: its length or checksum is not what the zip states."
            raise BadEvidence(reason, _COPY_AGAIN)

    def _spend(self, block: int, size: int, entry: zipfile.ZipInfo) -> None:
        self._left -= block
        bomb = size > self._limits.ratio_from and size > self._limits.ratio * entry.compress_size
        if bomb or size > entry.file_size or self._left < 0:
            raise BadEvidence(f"{_printable(entry.filename)} unpacks to more than a log would.", _AS_WRITTEN)

    def _packed(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        name = _printable(entry.filename)
        self._file.seek(entry.header_offset)
        header = self._file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise BadEvidence(f"{name} is damaged: it is not where the zip's index says.", _COPY_AGAIN)
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        written = self._file.read(name_length)
        if written not in (entry.orig_filename.encode("utf-8", "replace"), _cp437(entry.orig_filename)):
            raise BadEvidence(f"{name} has another name inside the zip than in its index.", _AS_WRITTEN)
        at = self._file.seek(extra_length, io.SEEK_CUR)
        left = entry.compress_size
        while left:
            self._file.seek(at)  # another entry may have been read since the last block
            block = self._file.read(min(_BLOCK, left))
            if not block:
                raise BadEvidence(f"{name} is cut off.", _COPY_AGAIN)
            at, left = at + len(block), left - len(block)
            yield block


class _Guarded(io.RawIOBase):
    """The file with every read bounded: `zipfile` reads an index at once, however long it says it is."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        super().__init__()
        self._inner = file
        self._most = most

    def read(self, size: int = -1, /) -> bytes:
        if size > self._most:
            raise BadEvidence(f"The zip's index is larger than {self._most:,} bytes.", _AS_WRITTEN)
        return self._inner.read(size if size >= 0 else self._most)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()


def _unpack(method: int, packed: Iterator[bytes]) -> Iterator[bytes]:
    if method == _STORED:
        yield from packed
    elif method == _DEFLATED:
        yield from _inflate(packed)
    else:
        yield from _unzstd(packed)


def _inflate(packed: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for block in packed:
        left = block
        while left:
            yield inflater.decompress(left, _BLOCK)
            left = inflater.unconsumed_tail
    yield inflater.flush()


def _unzstd(packed: Iterator[bytes]) -> Iterator[bytes]:
    # A frame may ask for a window of gigabytes; 128 MiB is what `zstd --long` needs.
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    source: Any = Pieces(packed)
    with decoder.stream_reader(source, read_across_frames=True, closefd=False) as reader:
        while found := reader.read(_BLOCK):
            yield found


def _cp437(name: str) -> bytes:
    return name.encode("cp437", "replace")


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in name[:120])
