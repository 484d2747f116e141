"""The public log over HTTP: what a client outside can compute of it, and what it cannot learn."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from secure_access import ledger
from secure_access.db import col
from secure_access.ledger import merkle, mirror, rebuilding, sequencer, tiles
from secure_access.ledger.tables import Audience, LedgerEntry, LedgerTile, Log
from tests.fixtures import long_log
from tests.fixtures.app import World, build, without_tokens
from tests.fixtures.log_client import LogClient, address
from tests.fixtures.review import Desk


@pytest.fixture(scope="module")
def long_world(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An instance with a log of several tiles, which these tests only read."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "assay.db").write_bytes(pristine.read_bytes())
    world = build(folder / "home", f"sqlite:///{folder / 'assay.db'}")
    long_log.lengthen(world)
    yield world
    world.wired.database.dispose()


@pytest.fixture
def reader(long_world: World) -> FlaskClient:
    return long_world.client("public")


def getter(client: FlaskClient) -> Callable[[str], bytes | None]:
    def get(path: str) -> bytes | None:
        answer = client.get(f"/ledger/{path}")
        assert answer.status_code in (200, 404)
        return answer.data if answer.status_code == 200 else None

    return get


def test_a_client_that_only_uses_http_proves_whatever_it_wants(reader: FlaskClient) -> None:
    client = LogClient(getter(reader), reader.get("/ledger/policy").text)
    long_log.check(client)


def test_the_client_notices_a_changed_hash_leaf_or_checkpoint(reader: FlaskClient) -> None:
    get = getter(reader)
    policy = reader.get("/ledger/policy").text

    def damaged(part: str) -> Callable[[str], bytes | None]:
        def one(path: str) -> bytes | None:
            found = get(path)
            return bytes([found[40] ^ 1]).join((found[:40], found[41:])) if found and part in path else found

        return one

    for part in ("tile/0/000", "tile/entries/001"):
        with pytest.raises((AssertionError, merkle.ProofError)):
            long_log.check(LogClient(damaged(part), policy))
    with pytest.raises(Exception, match=r"false|policy|KeyError|signed"):
        LogClient(damaged("checkpoint"), policy)


def test_every_tile_is_the_one_in_the_database(reader: FlaskClient, long_world: World) -> None:
    with long_world.wired.database.read() as session:
        rows = session.exec(select(LedgerTile).where(col(LedgerTile.log) == Log.PUBLIC)).scalars().all()
        held = {(row.level, row.number): row.hashes for row in rows}
    assert set(held) == {(0, 0), (0, 1), (0, 2), (1, 0)}
    for size in long_log.SIZES:
        for one in tiles.of_size(size):
            served = reader.get(f"/ledger/tile/{one.level}/{one.address}")
            assert served.data == held[one.level, one.number][: 32 * one.width], one
            assert served.content_type == "application/octet-stream"


def test_only_what_a_checkpoint_requires_is_there(reader: FlaskClient) -> None:
    signed = set(long_log.SIZES)
    for width in sorted({one for one in signed if one < 256} | {4, 50, 99, 101, 254}):
        status = reader.get(f"/ledger/tile/0/000.p/{width}").status_code
        assert status == (200 if width in signed else 404), width
        assert reader.get(f"/ledger/tile/entries/000.p/{width}").status_code == status
    above = {size // 256 for size in signed} - {0}
    assert above == {1, 2}
    for width in (1, 2, 3, 100, 255):
        assert reader.get(f"/ledger/tile/1/000.p/{width}").status_code == (200 if width in above else 404)


@pytest.mark.parametrize(
    "path",
    [
        *("tile/0/002", "tile/0/002.p/0", "tile/0/002.p/89", "tile/0/000.p/256", "tile/0/000.p/300"),
        *("tile/0/000.p/01", "tile/0/0", "tile/0/x000/000", "tile/0/00x", "tile/0/000/000", "tile/00/000"),
        *("tile/64/000", "tile/-1/000", "tile/0x/000", "tile/1/000", "tile/63/x999/x999/x999/x999/x999/999"),
        *("tile/0/x999/x999/x999/x999/x999/999.p/1", "tile/0/x1/x1/x1", "tile/٠/000", "tile/entries/002"),
        *("tile/entries/000.p/0", "tile/entries/x000/000", "custody/checkpoint", "custody/tile/0/000"),
        *("tile/custody/000", "entry/-1", "entry/600", "entry/99999999999999999999", "entry/00x"),
    ],
)
def test_what_is_no_tile_of_this_log_is_not_there(reader: FlaskClient, path: str) -> None:
    assert reader.get(f"/ledger/{path}").status_code == 404


def test_addresses_are_those_of_the_specification() -> None:
    one = tiles.Tile(0, 1234067)
    assert one.address == address(1234067) == "x001/x234/067"
    assert tiles.Tile.parse(0, "x001/x234/067.p/5") == tiles.Tile(0, 1234067, 5)
    size = 70_000
    made = [(tile.level, tile.width) for tile in tiles.of_size(size)]
    assert made.count((0, 256)) == 273
    assert [(level, width) for level, width in made if (level, width) != (0, 256)] == [
        *((0, 112), (1, 256), (1, 17), (2, 1))
    ]


def test_caches_keep_tiles_for_ever_and_the_checkpoint_for_seconds(reader: FlaskClient) -> None:
    for path in ("tile/0/000", "tile/1/000.p/2", "tile/entries/000"):
        answer = reader.get(f"/ledger/{path}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    answer = reader.get("/ledger/checkpoint")
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    assert answer.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/000", "entry/0"])
def test_no_cookie_head_and_what_is_known_already(reader: FlaskClient, path: str) -> None:
    answer = reader.get(f"/ledger/{path}")
    assert answer.status_code == 200
    for headers in (answer.headers, reader.get(f"/ledger/{path}", headers={"Cookie": "x=y"}).headers):
        assert "Set-Cookie" not in headers
        assert "Cookie" not in headers.get("Vary", "")
    head = reader.head(f"/ledger/{path}")
    assert head.status_code == 200
    assert head.data == b""
    assert head.headers["Content-Length"] == str(len(answer.data))
    assert head.headers["ETag"] == answer.headers["ETag"]
    known = reader.get(f"/ledger/{path}", headers={"If-None-Match": answer.headers["ETag"]})
    assert known.status_code == 304
    assert known.data == b""
    assert known.headers["Cache-Control"] == answer.headers["Cache-Control"]
    other = reader.get(f"/ledger/{path}", headers={"If-None-Match": '"another"'})
    assert other.data == answer.data


def test_bundles_are_compressed_for_who_takes_that(reader: FlaskClient) -> None:
    plain = reader.get("/ledger/tile/entries/000")
    assert "Content-Encoding" not in plain.headers
    packed = reader.get("/ledger/tile/entries/000", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    refused = reader.get("/ledger/tile/entries/000", headers={"Accept-Encoding": "gzip;q=0"})
    assert refused.data == plain.data


def test_an_entry_of_the_parties_answers_as_none_does(reader: FlaskClient, long_world: World) -> None:
    with long_world.wired.database.read() as session:
        every = session.exec(select(LedgerEntry).where(col(LedgerEntry.log) == Log.PUBLIC)).scalars().all()
        places = {row.leaf_index: row.audience for row in every}
    missing = reader.get("/ledger/entry/600")
    for index in range(50):
        audience = places[index]
        answer = reader.get(f"/ledger/entry/{index}")
        if audience is Audience.PUBLIC:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 404
            assert without_tokens(answer.text) == without_tokens(missing.text)
            assert dict(answer.headers) == dict(missing.headers)


def test_nothing_is_served_of_what_is_not_signed_yet(public: FlaskClient, fresh_desk: Desk) -> None:
    database, now = fresh_desk.world.wired.database, fresh_desk.world.clock.now()
    fresh_desk.world.run_jobs()
    signed = LogClient(getter(public), public.get("/ledger/policy").text).size
    with database.write() as session:
        for n in range(5):
            fields = {"reference": f"A-{n}"}
            ledger.append(session, "accreditation.suspended", fields, by=None, now=now)
    assert sequencer._assign(database, Log.PUBLIC, now) == 5
    assert public.get(f"/ledger/tile/0/000.p/{signed}").status_code == 200
    for path in (f"tile/0/000.p/{signed + 5}", f"tile/entries/000.p/{signed + 5}", f"entry/{signed}"):
        assert public.get(f"/ledger/{path}").status_code == 404
    fresh_desk.world.run_jobs()
    for path in (f"tile/0/000.p/{signed + 5}", f"tile/entries/000.p/{signed + 5}", f"entry/{signed}"):
        assert public.get(f"/ledger/{path}").status_code == 200


def test_served_mirrored_and_rebuilt_alike_on_each_database(world: World, tmp_path: Path) -> None:
    with world.wired.database.write() as session:
        for n in range(9):
            name, fields = "accreditation.suspended", {"reference": f"A-{n}"}
            ledger.append(session, name, fields, by=None, now=world.clock.now())
    world.run_jobs()
    reader = world.client("public")
    policy = reader.get("/ledger/policy").text
    client = LogClient(getter(reader), policy)
    hashes = [merkle.leaf_hash(leaf) for leaf in client.leaves()]
    assert merkle.root(client.size, client.hash) == merkle.root(client.size, merkle.from_leaves(hashes))
    assert merkle.root(client.size, client.hash) == client.root
    assert reader.get("/ledger").status_code == 200
    made = mirror.export(world.wired.database, tmp_path / "mirror", policy)
    assert made.size == client.size
    last = max((tmp_path / "mirror" / "entry").iterdir(), key=lambda file: int(file.name))
    assert last.read_bytes() == reader.get(f"/ledger/entry/{last.name}").data
    done = rebuilding.rebuild(world.wired.database)
    assert not any(done.written.values())
    assert not any(done.removed.values())
    assert done.right[Log.PUBLIC] >= len(list(tiles.of_size(client.size)))
