"""What of the public log everybody may fetch: C2SP tlog-tiles and public entries, served and as a mirror.

A mirror is a folder with the same files as the portal serves, so that a plain web server serves the log. Log
and mirror have one origin: a successor has addresses of its own, and a mirror of its own. A mirror
is checked while it is written: the tiles against the leaves, the leaves against the signed root, the bytes of
entries against their leaves. The custody log is never in one.
"""

from __future__ import annotations

import base64
import fcntl
import html
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, func, select, text

from secure_access.db import Database, Session, col, reads_public_columns
from secure_access.ledger import commitment, merkle, note, tiles, verify_log, verify_receipt, witnesses
from secure_access.ledger.note import Checkpoint, NoteError
from secure_access.ledger.sequencer import latest, origin_of
from secure_access.ledger.tables import Audience, LedgerCheckpoint, LedgerEntry, LedgerTile, Log
from secure_access.ledger.tiles import Tile
from secure_access.workflow import NotFound

_TOLD = text("SELECT assay_leaves(:first, :until)")
_CHUNK = 1000
RECEIPT_VERIFIER, LOG_VERIFIER = Path(verify_receipt.__file__), Path(verify_log.__file__)
"""Programs of one file that outsiders check with: a receipt, and the log itself."""
_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mirror of {origin}</title>
<h1>A mirror of the log {origin}</h1>
<p>A copy of the public transparency log, with {size} entries. It is served as plain files (C2SP tlog-tiles),
so that the log can be checked without asking the portal that keeps it.</p>
<ul>
<li><a href="checkpoint">checkpoint</a>: the signed head, with the cosignatures of witnesses</li>
<li><a href="tile/0/">tile/</a>: the hashes of the tree; tile/entries/: its leaves</li>
<li><a href="entry/">entry/</a>: bytes and salt of the entries that are for everybody</li>
<li><a href="policy.txt">policy.txt</a>: the keys, as the portal states them; compare with another source</li>
<li><a href="verify_receipt.py">verify_receipt.py</a>: verifies a receipt, offline</li>
<li><a href="verify_log.py">verify_log.py</a>: checks this whole mirror, and a checkpoint that you kept</li>
</ul>
<p>A leaf says nothing without the bytes and the salt of its entry. Entries that only parties may read are
here as leaves, and as nothing else.</p>
</html>
"""


class MirrorError(RuntimeError):
    """The log cannot be mirrored or rebuilt as it is; the message names the first thing that does not fit."""


@dataclass(frozen=True)
class Mirrored:
    """What an export came to: leaves in the log, public entries, files written and files kept."""

    size: int
    entries: int
    written: int
    kept: int


def newest_of(session: Session, origin: str) -> LedgerCheckpoint | None:
    """The newest checkpoint that the public log of this origin signed, of those that are here."""
    query = (
        select(LedgerCheckpoint)
        .where(col(LedgerCheckpoint.log) == Log.PUBLIC, _is_of(origin))
        .order_by(col(LedgerCheckpoint.size).desc())
        .limit(1)
    )
    found: LedgerCheckpoint | None = session.execute(query).scalars().first()
    return found


def _is_of(origin: str) -> ColumnElement[bool]:
    return col(LedgerCheckpoint.note).startswith(f"{origin}\n", autoescape=True)


def tile(session: Session, wanted: Tile, origin: str) -> bytes:
    """The hashes of a tile of the public log of this origin.

    Raises `NotFound` unless a checkpoint that this log signed requires it.
    """
    _check_required(session, wanted, origin)
    row = session.get(LedgerTile, (Log.PUBLIC, wanted.level, wanted.number))
    wide = wanted.width * merkle.HASH_SIZE
    if row is None or len(row.hashes) < wide:
        raise NotFound
    return row.hashes[:wide]


def bundle(session: Session, wanted: Tile, origin: str) -> bytes:
    """The leaves of a tile of level 0, each behind its length. Raises `NotFound` as `tile` does."""
    _check_required(session, wanted, origin)
    first = wanted.number * tiles.WIDTH
    leaves = list(leaves_of(session, Log.PUBLIC, first, first + wanted.width))
    if len(leaves) != wanted.width:
        raise NotFound
    return bundled(leaves)


def bundled(leaves: list[bytes]) -> bytes:
    """An entry bundle of C2SP tlog-tiles: a big-endian uint16 length before each leaf."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def public_entry(session: Session, index: int, origin: str = "") -> LedgerEntry:
    """The entry for everybody at a place of the public log, of this origin where one is named.

    Raises `NotFound` alike for an entry that only parties may read, one that no checkpoint holds, and none.
    """
    query = select(LedgerEntry).where(
        col(LedgerEntry.log) == Log.PUBLIC,
        col(LedgerEntry.audience) == Audience.PUBLIC,
        col(LedgerEntry.leaf_index) == index,
    )
    newest = newest_of(session, origin) if origin else latest(session, Log.PUBLIC)
    if newest is None or index >= newest.size:
        raise NotFound
    found: LedgerEntry | None = session.execute(query).scalars().first()
    if found is None:
        raise NotFound
    return found


def entry_text(entry: LedgerEntry) -> str:
    """Bytes and salt of a public entry as JSON, with the leaf that they open."""
    made = {
        "index": entry.leaf_index,
        "entry": base64.b64encode(entry.entry).decode(),
        "salt": base64.b64encode(entry.salt).decode(),
        "leaf": base64.b64encode(entry.leaf).decode(),
    }
    return json.dumps(made, indent=2) + "\n"


def export(database: Database, folder: Path, policy: str) -> Mirrored:
    """Write the public log to ``folder``, which is replaced as a whole or not at all.

    ``policy`` is the text that outsiders verify with. Raises `MirrorError`, and ``OSError``; what was in the
    folder is there then as before.
    """
    folder = folder.absolute()
    part = folder.with_name(f"{folder.name}.part")
    with _part(part, folder), database.read() as session:
        newest = latest(session, Log.PUBLIC)
        if newest is None:
            raise MirrorError("no checkpoint is signed yet: there is nothing to mirror")
        checkpoint = witnesses.whole(session, newest)
        _check_signed(checkpoint, newest, policy)
        made = _Writer(folder, part)
        _check_continues(folder, session, newest)
        _write_tiles(session, newest, made)
        entries = _write_entries(session, newest, made)
        head = Checkpoint.parse(note.parse(checkpoint).text)
        for file in (RECEIPT_VERIFIER, LOG_VERIFIER):
            made.replace(file.name, file.read_bytes())
        made.replace("policy.txt", policy.encode())
        made.replace("index.html", _INDEX.format(origin=html.escape(head.origin), size=head.size).encode())
        made.replace("checkpoint", checkpoint.encode())
        _swap(part, folder)
    return Mirrored(newest.size, entries, made.written, made.kept)


def _check_required(session: Session, wanted: Tile, origin: str) -> None:
    """Raises `NotFound` unless this log signed a checkpoint for a tree that has this tile."""
    newest = newest_of(session, origin)
    first, until = wanted.sizes
    if newest is None or newest.size < first:
        raise NotFound
    if until is None or first <= newest.size < until:
        return
    query = select(func.count()).where(
        col(LedgerCheckpoint.log) == Log.PUBLIC,
        _is_of(origin),
        col(LedgerCheckpoint.size) >= first,
        col(LedgerCheckpoint.size) < until,
    )
    if not session.execute(query).scalar():
        raise NotFound


def leaves_of(session: Session, log: Log, first: int, until: int) -> Iterator[bytes]:
    """The leaves of these places, in order."""
    if log is Log.PUBLIC and reads_public_columns(session):
        yield from session.execute(_TOLD, {"first": first, "until": until}).scalars()
        return
    query = (
        select(col(LedgerEntry.leaf))
        .where(
            col(LedgerEntry.log) == log,
            col(LedgerEntry.leaf_index) >= first,
            col(LedgerEntry.leaf_index) < until,
        )
        .order_by(col(LedgerEntry.leaf_index))
    )
    yield from session.execute(query, execution_options={"yield_per": _CHUNK}).scalars()


class _Writer:
    """Writes files of the new mirror; one that the old mirror has already is linked, not written."""

    def __init__(self, old: Path, new: Path) -> None:
        self.old, self.new = old, new
        self.written = self.kept = 0

    def add(self, name: str, content: bytes) -> None:
        """A file that never changes. Raises `MirrorError` where the old mirror has another of that name."""
        before, path = self.old / name, self.new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if before.is_file():
            if before.read_bytes() != content:
                raise MirrorError(f"{before} differs from the log: one of them was changed")
            _link(before, path)
            self.kept += 1
        else:
            self.replace(name, content)

    def replace(self, name: str, content: bytes) -> None:
        """A file that may be another each time."""
        path = self.new / name
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.written += 1


def _link(before: Path, path: Path) -> None:
    """The same file under a second name; a copy where the file system has no second names."""
    try:
        os.link(before, path)
    except OSError:
        shutil.copyfile(before, path)


def _write_tiles(session: Session, newest: LedgerCheckpoint, made: _Writer) -> None:
    """Tiles and bundles, each held to the leaves, and the leaves to the signed root."""
    leaves = list(leaves_of(session, Log.PUBLIC, 0, newest.size))
    if len(leaves) != newest.size:
        raise MirrorError(f"the log was signed with {newest.size} entries, and {len(leaves)} are there")
    built = tiles.grow(tiles.nothing, 0, [merkle.leaf_hash(leaf) for leaf in leaves])
    root = merkle.root(newest.size, tiles.nodes(lambda level, number: built[level, number]))
    if root != newest.root:
        raise MirrorError("the leaves do not have the root that was signed")
    for one in _wanted(session, newest):
        content = built[one.level, one.number][: one.width * merkle.HASH_SIZE]
        row = session.get(LedgerTile, (Log.PUBLIC, one.level, one.number))
        if row is None or row.hashes[: len(content)] != content:
            raise MirrorError(
                f"tile {one.level}/{one.address} differs from the leaves: rebuild the tiles first"
            )
        made.add(f"tile/{one.level}/{one.address}", content)
        if one.level == 0:
            first = one.number * tiles.WIDTH
            made.add(f"tile/entries/{one.address}", bundled(leaves[first : first + one.width]))


def _wanted(session: Session, newest: LedgerCheckpoint) -> Iterator[Tile]:
    """Every tile of the newest tree, and the narrower ones at its right edge that older checkpoints need."""
    signed = list(
        session.execute(
            select(col(LedgerCheckpoint.size)).where(
                col(LedgerCheckpoint.log) == Log.PUBLIC,
                col(LedgerCheckpoint.size) <= newest.size,
                _is_of(origin_of(newest)),
            )
        ).scalars()
    )
    for one in tiles.of_size(newest.size):
        if one.width == tiles.WIDTH:
            yield one
            continue
        each, first = tiles.WIDTH**one.level, one.number * tiles.WIDTH
        widths = {other // each - first for other in signed}
        yield from (Tile(one.level, one.number, width) for width in sorted(widths) if width > 0)


def _write_entries(session: Session, newest: LedgerCheckpoint, made: _Writer) -> int:
    """The entries for everybody; how many."""
    query = (
        select(LedgerEntry)
        .where(
            col(LedgerEntry.log) == Log.PUBLIC,
            col(LedgerEntry.audience) == Audience.PUBLIC,
            col(LedgerEntry.leaf_index) < newest.size,
        )
        .order_by(col(LedgerEntry.leaf_index))
    )
    count = 0
    for entry in session.execute(query, execution_options={"yield_per": _CHUNK}).scalars():
        if not commitment.opens(entry.leaf, entry.salt, entry.entry):
            raise MirrorError(f"the bytes of entry {entry.leaf_index} are not those of its leaf")
        made.add(f"entry/{entry.leaf_index}", entry_text(entry).encode())
        count += 1
    return count


def _check_signed(checkpoint: str, newest: LedgerCheckpoint, policy: str) -> None:
    """Raises `MirrorError` unless a log key of the policy signed exactly this head."""
    keys = [
        note.VerifierKey(key.name, key.public, key.type)
        for keys in verify_receipt.Policy.parse(policy).logs.values()
        for key in keys
    ]
    try:
        parsed = note.parse(checkpoint)
        parsed.verified(keys)
        head = Checkpoint.parse(parsed.text)
    except (NoteError, ValueError) as problem:
        raise MirrorError(f"the checkpoint is not signed as the policy says: {problem}") from None
    if (head.size, head.root) != (newest.size, newest.root):
        raise MirrorError("the signed checkpoint is of another head")


def _check_continues(folder: Path, session: Session, newest: LedgerCheckpoint) -> None:
    """Raises `MirrorError` where the mirror that is there has seen another history, or a longer one."""
    path = folder / "checkpoint"
    if not path.is_file():
        return
    try:
        before = Checkpoint.parse(note.parse(path.read_text(encoding="utf-8")).text)
    except ValueError as problem:
        raise MirrorError(f"{path} cannot be read: {problem}") from None
    if before.origin != origin_of(newest):
        raise MirrorError(
            f"the mirror is of {before.origin}, and this log is {origin_of(newest)}, which has a mirror "
            "of its own: keep that one, and name another folder"
        )
    tree = tiles.nodes(tiles.stored(session, Log.PUBLIC))
    if before.size > newest.size:
        raise MirrorError(
            f"the mirror has {before.size} entries and the log {newest.size}: it was rolled back"
        )
    if merkle.root(before.size, tree) != before.root:
        raise MirrorError(f"the log does not continue the checkpoint of {before.size} entries in the mirror")


@contextmanager
def _part(part: Path, folder: Path) -> Iterator[None]:
    """An empty folder to write to, for one export at a time; removed in the end, whatever happens."""
    before = _aside(folder)
    part.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and not (folder / "checkpoint").is_file() and any(folder.iterdir()):
        raise MirrorError(
            f"{folder} is there and is no mirror: name an empty folder, or one that is none yet"
        )
    with part.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MirrorError(f"another export to {folder} is running") from None
        if before.exists() and not folder.exists():
            before.rename(folder)  # An export ended between the two renamings.
        for left in (part, before):
            shutil.rmtree(left, ignore_errors=True)
        part.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _aside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.before")


def _swap(part: Path, folder: Path) -> None:
    before = _aside(folder)
    if folder.exists():
        folder.rename(before)
    part.rename(folder)
    shutil.rmtree(before, ignore_errors=True)
