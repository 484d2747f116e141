"""The ledger: durable appends, proofs and their verification, bytes a leaf; beside pymerkle. Prints tables.

Appends are the product's: `secure_access.ledger.append` and `append_many` in a transaction that is synced to
disk, with the triggers of the ledger, and the sequencer after it; `SPAN` says what is measured. PostgreSQL is
the server of the tests, in a schema of its own; without one that column is left out. So is pymerkle (GPL),
which nothing here requires: install it by hand, ``pip install --target FOLDER pymerkle`` and
``PYTHONPATH=FOLDER``.

What is in memory is compared with what is in memory, and what is stored with what is stored:
`merkle.from_leaves` with pymerkle's ``InmemoryTree``, tiles read from SQLite, as a receipt reads them, with
its ``SqliteTree``.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from sqlalchemy.exc import OperationalError

try:
    import pymerkle
except ImportError:
    pymerkle = None

from secure_access import ledger
from secure_access.db import Database
from secure_access.keys import SigningKey
from secure_access.ledger import merkle, sequencer, tables, tiles, triggers
from secure_access.ledger.signer import KeptSigner
from secure_access.ledger.tables import Log

NOW = datetime(2027, 10, 1, tzinfo=UTC)
POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/postgres"
BATCH = 1000
BEST = "1,000 a transaction, one call"
AIM_BATCHED = 10_000
"""Durable appends a second in batches."""
SPAN = """\
Measured from before the transaction is opened until its commit has returned, which is after the fsync: SQLite
in WAL mode with synchronous=FULL, PostgreSQL with
{settings}.
Inside are making the fields, canonical JSON, salt and commitment of each entry, and the INSERT with all
indexes, constraints and triggers. The last two rows are the sequencer's: places, tiles and head in a
transaction for each 1,000, then the signed head in one of its own, with the fsync of the signer's memory. In
the very last that is done after each 1,000 recorded, and recording them counts too.
"""
AIM_STORED = 1000
"""Stored proofs a second over those of pymerkle's stored tree, at a million leaves."""

ledger.declare("bench.recorded", ("reference",))
NAME = "bench.example/ledger"
KEYS = (
    SigningKey(NAME, Ed25519PrivateKey.from_private_bytes(bytes(32))),
    SigningKey(NAME, MLDSA44PrivateKey.from_seed_bytes(bytes(32))),
)
TABLES = (
    tables.LedgerEntry,
    tables.LedgerAbout,
    tables.LedgerHead,
    tables.LedgerCheckpoint,
    tables.LedgerTile,
    tables.SecurityLogRow,
)


def opened(url: str) -> Database:
    """An empty ledger."""
    database = Database(url)
    with database.engine.connect() as connection, connection.begin():
        for kind in TABLES:
            kind.__table__.create(connection)  # type: ignore[attr-defined]
        triggers.create_all(connection)
    return database


@contextmanager
def postgresql() -> Iterator[Database | None]:
    """A ledger in a schema of its own, which is dropped afterwards; ``None`` without a server."""
    address = os.environ.get("ASSAY_TEST_POSTGRES", POSTGRES)
    admin = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT")
    schema = f"bench_{uuid.uuid4().hex[:12]}"
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    except OperationalError:
        yield None
        return
    url = admin.url.update_query_dict({"options": f"-csearch_path={schema}"})
    database = opened(url.render_as_string(hide_password=False))
    try:
        yield database
    finally:
        database.dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        admin.dispose()


@dataclass(frozen=True)
class Rate:
    """How many a second on the wall, and a second of this process's processor time."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:,.0f} ({self.processor:,.0f})"


def rate(count: int, act: Callable[[], object]) -> Rate:
    """How many a second."""
    began, used = time.perf_counter(), time.process_time()
    act()
    return Rate(count / (time.perf_counter() - began), count / (time.process_time() - used))


# Appends


def singly(database: Database, count: int) -> None:
    """Each in a transaction of its own."""
    for number in range(count):
        with database.write() as session:
            ledger.append(session, "bench.recorded", {"reference": f"R-{number}"}, by=None, now=NOW)


def batched(database: Database, count: int) -> None:
    """A thousand in a transaction, one call each."""
    for start in range(0, count, BATCH):
        with database.write() as session:
            for number in range(start, start + BATCH):
                ledger.append(session, "bench.recorded", {"reference": f"R-{number}"}, by=None, now=NOW)


def at_once(database: Database, count: int, about: Sequence[str] = ()) -> None:
    """A thousand in a transaction, by one call."""
    for start in range(0, count, BATCH):
        with database.write() as session:
            many = [{"reference": f"R-{number}"} for number in range(start, start + BATCH)]
            ledger.append_many(session, "bench.recorded", many, by=None, now=NOW, about=about)


def sequenced(database: Database, signer: KeptSigner) -> None:
    """Give all of them their place, and sign."""
    sequencer.sequence(database, signer, NOW)


def signed(database: Database, signer: KeptSigner, count: int) -> None:
    """A thousand in a transaction, by one call, and each thousand under a signed head before the next."""
    for _ in range(0, count, BATCH):
        at_once(database, BATCH)
        sequenced(database, signer)


def appends(database: Database, count: int) -> dict[str, Rate]:
    """Appends a second, in each way, and the sequencer's rate alone."""
    signer = KeptSigner(KEYS, Path(tempfile.mkdtemp(prefix="assay-bench-signer-")))
    found = {"one a transaction": rate(min(count, 500), lambda: singly(database, min(count, 500)))}
    found["1,000 a transaction, one call each"] = rate(count, lambda: batched(database, count))
    sequenced(database, signer)
    found[BEST] = rate(count, lambda: at_once(database, count))
    sequenced(database, signer)
    subjects = ("plan:bench", "case:bench")
    found[f"{BEST}, about two subjects"] = rate(count, lambda: at_once(database, count, subjects))
    found["given their place, 1,000 a transaction"] = rate(count, lambda: sequenced(database, signer))
    found[f"{BEST}, given their place and signed"] = rate(count, lambda: signed(database, signer, count))
    return found


# Proofs


class Contender:
    """A tree that makes proofs: what it is called, and how it proves."""

    def __init__(self, name: str, prove: Callable[[int], object], extend: Callable[[int], object]) -> None:
        self.name, self.prove, self.extend = name, prove, extend


def proofs(contender: Contender, size: int, seconds: float) -> tuple[float, float]:
    """Inclusion and consistency proofs a second, at random places, for about that many seconds each."""
    chance = random.Random(size)

    def sustained(act: Callable[[int], object]) -> float:
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            act(chance.randrange(1, size))
            done += 1
        return done / (time.perf_counter() - began)

    return sustained(contender.prove), sustained(contender.extend)


def ours(name: str, size: int, tree: Callable[[], merkle.Nodes]) -> Contender:
    """A tree of ours; ``tree`` is asked anew for each proof, as each receipt asks."""
    return Contender(
        name,
        lambda index: merkle.inclusion_proof(index, size, tree()),
        lambda old: merkle.consistency_proof(old, size, tree()),
    )


def theirs(name: str, size: int, tree: Any) -> Contender:
    """A tree of pymerkle's, which counts leaves from one."""
    return Contender(
        name,
        lambda index: tree.prove_inclusion(index + 1, size),
        lambda old: tree.prove_consistency(old, size),
    )


def stored_tiles(database: Database, hashes: Sequence[bytes]) -> None:
    """Write the tiles of a tree."""
    with database.write() as session:
        tiles.save(session, Log.PUBLIC, tiles.grow(tiles.nothing, 0, hashes))


def contenders(size: int, folder: Path) -> Iterator[Contender]:
    """Each tree of ``size`` leaves, in memory and on SQLite, one after another."""
    leaves = [number.to_bytes(8, "big") for number in range(size)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    memory = merkle.from_leaves(hashes)
    yield ours("ours, in memory", size, lambda: memory)
    if pymerkle is not None:
        tree = pymerkle.InmemoryTree(algorithm="sha256")
        for leaf in leaves:
            tree.append_entry(leaf)
        assert tree.get_root() == merkle.root(size, memory)
        yield theirs("pymerkle, in memory", size, tree)
        del tree
    database = opened(f"sqlite:///{folder / f'tiles-{size}.db'}")
    stored_tiles(database, hashes)
    with database.read() as session:

        def fresh() -> merkle.Nodes:
            session.expunge_all()
            return tiles.nodes(tiles.stored(session, Log.PUBLIC))

        yield ours("ours, tiles on SQLite", size, fresh)
    database.dispose()
    if pymerkle is not None:
        stored = pymerkle.SqliteTree(str(folder / f"pymerkle-{size}.db"), algorithm="sha256")
        stored.append_entries(leaves, chunksize=100_000)
        yield theirs("pymerkle, on SQLite", size, stored)


def verified(size: int) -> tuple[Rate, Rate]:
    """Verifications of inclusion and of consistency a second."""
    nodes = merkle.from_leaves([merkle.leaf_hash(number.to_bytes(8, "big")) for number in range(size)])
    root = merkle.root(size, nodes)
    chance = random.Random(size)
    places = [chance.randrange(1, size) for _ in range(500)]
    included = [(nodes(0, at), at, size, merkle.inclusion_proof(at, size, nodes), root) for at in places]
    continued = [
        (at, size, merkle.consistency_proof(at, size, nodes), merkle.root(at, nodes), root) for at in places
    ]
    return (
        rate(len(places), lambda: [merkle.verify_inclusion(*one) for one in included]),
        rate(len(places), lambda: [merkle.verify_consistency(*one) for one in continued]),
    )


def verified_by_pymerkle(size: int) -> tuple[Rate, Rate]:
    """The same by pymerkle, of proofs that it made."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(size):
        tree.append_entry(number.to_bytes(8, "big"))
    chance = random.Random(size)
    places, root = [chance.randrange(1, size) for _ in range(500)], tree.get_root()
    included = [(tree.get_leaf(at + 1), root, tree.prove_inclusion(at + 1, size)) for at in places]
    continued = [(tree.get_root(at), root, tree.prove_consistency(at, size)) for at in places]
    return (
        rate(len(places), lambda: [pymerkle.verify_inclusion(*one) for one in included]),
        rate(len(places), lambda: [pymerkle.verify_consistency(*one) for one in continued]),
    )


def appends_by_pymerkle(folder: Path, count: int) -> dict[str, Rate]:
    """Leaves a second into pymerkle's trees, which take bytes as they are: no entry, no commitment."""
    leaves = [number.to_bytes(8, "big") for number in range(count)]
    memory = pymerkle.InmemoryTree(algorithm="sha256")
    single = pymerkle.SqliteTree(str(folder / "pymerkle-single.db"), algorithm="sha256")
    many = pymerkle.SqliteTree(str(folder / "pymerkle-many.db"), algorithm="sha256")
    return {
        "in memory": rate(count, lambda: [memory.append_entry(leaf) for leaf in leaves]),
        "on SQLite, one a transaction": rate(
            500, lambda: [single.append_entry(leaf) for leaf in leaves[:500]]
        ),
        "on SQLite, 1,000 a transaction": rate(count, lambda: many.append_entries(leaves, chunksize=BATCH)),
    }


def on_disk(path: Path) -> int:
    """Bytes of a database that is closed."""
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))


def main() -> int:
    """Runs the benchmark; 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appends", type=int, default=20_000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each rate of proofs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        missed = tell_appends(Path(name), given.appends)
        for size in given.sizes:
            missed += tell_proofs(Path(name), size, given.seconds)
    print(f"\nload of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for miss in missed:
        print(f"MISSED: {miss}")
    return int(bool(missed))


def durability(server: Database) -> str:
    """What PostgreSQL is set to do at a commit."""
    names = ("fsync", "synchronous_commit", "wal_sync_method")
    with server.engine.connect() as connection:
        said = [(name, connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in names]
    return ", ".join(f"{name}={value}" for name, value in said)


def tell_appends(folder: Path, count: int) -> list[str]:
    """Prints appends a second and bytes a leaf; which aims are missed."""
    path = folder / "appends.db"
    database = opened(f"sqlite:///{path}")
    columns = {"SQLite": appends(database, count)}
    database.dispose()
    entries = 4 * count + min(count, 500)
    settings = "nothing: there is no server"
    with postgresql() as server:
        if server is not None:
            columns["PostgreSQL"] = appends(server, count)
            settings = durability(server)
    print(f"{count} durable appends, entries a second (a second of processor in this process)\n")
    print(SPAN.format(settings=settings))
    print(f"| how | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for how in columns["SQLite"]:
        print(f"| {how} | {' | '.join(str(column[how]) for column in columns.values())} |")
    print(f"\n{on_disk(path) / entries:,.0f} bytes an entry on SQLite, a quarter about two subjects\n")
    if pymerkle is not None:
        for how, found in appends_by_pymerkle(folder, count).items():
            print(f"pymerkle, {how}: {found} leaves a second")
        size = on_disk(folder / "pymerkle-many.db") / count
        print(f"pymerkle, on SQLite: {size:,.0f} bytes a leaf of 8 bytes\n")
    return [
        f"{name}: {column[BEST]} durable appends a second in batches, aim {AIM_BATCHED:,}"
        for name, column in columns.items()
        if column[BEST].wall < AIM_BATCHED
    ]


def tell_proofs(folder: Path, size: int, seconds: float) -> list[str]:
    """Prints proofs a second; which aims are missed."""
    print(f"{size:,} leaves, proofs a second\n\n| tree | inclusion | consistency |\n|---|---|---|")
    found = {}
    for contender in contenders(size, folder):
        found[contender.name] = proofs(contender, size, seconds)
        print(f"| {contender.name} | {found[contender.name][0]:,.0f} | {found[contender.name][1]:,.0f} |")
    included, continued = verified(size)
    print(f"\nverified a second: {included.wall:,.0f} of inclusion, {continued.wall:,.0f} of consistency")
    if pymerkle is not None:
        included, continued = verified_by_pymerkle(size)
        print(f"by pymerkle: {included.wall:,.0f} of inclusion, {continued.wall:,.0f} of consistency")
    print()
    missed = []
    with suppress(KeyError):
        for number, what in enumerate(("inclusion", "consistency")):
            if found["ours, in memory"][number] < found["pymerkle, in memory"][number]:
                missed.append(f"{what} proofs in memory at {size:,} leaves are slower than pymerkle's")
        times = found["ours, tiles on SQLite"][0] / found["pymerkle, on SQLite"][0]
        print(f"stored, ours to pymerkle's: {times:,.0f} times\n")
        if size >= 1_000_000 and times < AIM_STORED:
            missed.append(f"stored proofs are {times:,.0f} times pymerkle's, aim {AIM_STORED:,}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
