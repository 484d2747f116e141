"""`assay ledger export` and `rebuild`: a mirror for plain web servers, and tiles made again of leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, update

from portal.cli import main
from secure_access.db import Session, col, select
from secure_access.ledger import mirror, receipts
from secure_access.ledger.tables import LedgerEntry, LedgerTile, Log
from secure_access.ledger.triggers import drop_all
from tests.fixtures import long_log
from tests.fixtures.app import World, build
from tests.fixtures.log_client import Get, LogClient


@pytest.fixture
def kept(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An instance with a log of several tiles, as the command line finds it."""
    (tmp_path / "assay.db").write_bytes(pristine.read_bytes())
    world = build(tmp_path / "home", f"sqlite:///{tmp_path / 'assay.db'}")
    long_log.lengthen(world, (1, 200, 300))
    monkeypatch.setenv("ASSAY_DATABASE", world.wired.settings.database_url)
    monkeypatch.setenv("ASSAY_HOME", str(world.wired.settings.home))
    yield world
    world.wired.database.dispose()


def assay(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["ledger", *arguments])


@contextmanager
def served(folder: Path) -> Iterator[Get]:
    """The folder behind `python -m http.server`, on loopback."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().split(" port ")[1].split()[0]

    def get(path: str) -> bytes | None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
                return bytes(answer.read())
        except HTTPError as error:
            if error.code == 404:
                return None
            raise

    try:
        yield get
    finally:
        process.terminate()
        process.wait(timeout=10)


def policy(world: World) -> str:
    return receipts.policy_text(world.wired.log_keys.of(Log.PUBLIC))


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_a_plain_web_server_serves_the_log(kept: World, tmp_path: Path) -> None:
    done = assay("export", str(tmp_path / "mirror"))
    assert done.exit_code == 0, done.output
    assert "300 leaves and 43 public entries" in done.output
    with served(tmp_path / "mirror") as get:
        long_log.check(LogClient(get, policy(kept)), (1, 200, 300))
        assert get("policy.txt") == policy(kept).encode()
        assert b"def verify" in (get("verify_receipt.py") or b"")
        assert b"300 entries" in (get("") or b"")


def test_every_file_is_what_the_portal_serves(kept: World, tmp_path: Path) -> None:
    assay("export", str(tmp_path / "mirror"))
    client = kept.client("public")
    for name, content in files(tmp_path / "mirror").items():
        if name.startswith(("tile/", "entry/", "checkpoint")):
            assert client.get(f"/ledger/{name}").data == content, name


def test_run_again_it_adds_what_is_new(kept: World, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    assay("export", str(folder))
    before = {one: one.stat().st_ino for one in folder.rglob("entry/*")}
    long_log.lengthen(kept, (350, 600))
    done = assay("export", str(folder))
    assert done.exit_code == 0, done.output
    assert all(one.stat().st_ino == inode for one, inode in before.items())
    assert f"{len(before) + 2} kept" not in done.output  # the narrow tiles of 300 went, two full tiles stayed
    assert {"tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"} <= set(files(folder))
    with served(folder) as get:
        long_log.check(LogClient(get, policy(kept)), (1, 200, 300, 350, 600))
    again = assay("export", str(folder))
    assert "4 files written" in again.output  # checkpoint, policy, verifier, page
    assert [one.name for one in tmp_path.glob("mirror*")] in (
        ["mirror", "mirror.lock"],
        ["mirror.lock", "mirror"],
    )


def test_a_mirror_holds_nothing_of_the_parties(kept: World, tmp_path: Path) -> None:
    assay("export", str(tmp_path / "mirror"))
    for name, content in files(tmp_path / "mirror").items():
        assert long_log.SECRET.encode() not in content, name
        assert long_log.READING.encode() not in content, name
        assert b"custody" not in content or name == "verify_receipt.py", name


@contextmanager
def damage(world: World) -> Iterator[Session]:
    """Somebody who owns the database and dropped its triggers."""
    with world.wired.database.write() as session:
        drop_all(session.connection())
        yield session


def test_it_is_whole_or_not_at_all(kept: World, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    assay("export", str(folder))
    before = files(folder)
    long_log.lengthen(kept, (310,))
    with damage(kept) as session:
        session.connection().execute(
            update(LedgerEntry).where(col(LedgerEntry.leaf_index) == 7).values(salt=bytes(32))
        )
    done = assay("export", str(folder))
    assert done.exit_code == 1
    assert "Nothing was exported: the bytes of entry 7 are not those of its leaf" in done.output
    assert files(folder) == before
    assert not folder.with_name("mirror.part").exists()


@pytest.mark.parametrize(
    ("column", "words"), [("leaf", "the leaves do not have the root"), ("tile", "differs from the leaves")]
)
def test_what_does_not_fit_the_signed_root_is_not_exported(
    kept: World, tmp_path: Path, column: str, words: str
) -> None:
    with damage(kept) as session:
        if column == "leaf":
            change = update(LedgerEntry).where(col(LedgerEntry.leaf_index) == 9).values(leaf=bytes(32))
        else:
            change = update(LedgerTile).where(col(LedgerTile.level) == 1).values(hashes=bytes(32))
        session.connection().execute(change)
    done = assay("export", str(tmp_path / "mirror"))
    assert done.exit_code == 1
    assert words in done.output
    assert not (tmp_path / "mirror").exists()


def test_a_mirror_of_another_history_is_evidence_and_stays(kept: World, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    assay("export", str(folder))
    (folder / "tile/0/000").write_bytes(bytes(8192))
    done = assay("export", str(folder))
    assert done.exit_code == 1
    assert "tile/0/000 differs from the log" in done.output
    assert (folder / "tile/0/000").read_bytes() == bytes(8192)


def test_a_log_that_was_rolled_back_does_not_overwrite_its_mirror(kept: World, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    database = Path(kept.wired.settings.database_url.removeprefix("sqlite:///"))
    kept.wired.database.dispose()
    before = database.read_bytes()
    long_log.lengthen(kept, (320,))
    assay("export", str(folder))
    kept.wired.database.dispose()
    database.with_name("assay.db-wal").unlink(missing_ok=True)
    database.write_bytes(before)
    done = assay("export", str(folder))
    assert done.exit_code == 1
    assert "the mirror has 320 entries and the log 300: it was rolled back" in done.output


def test_a_folder_that_is_no_mirror_is_left_alone(kept: World, tmp_path: Path) -> None:
    (tmp_path / "home-page").mkdir()
    (tmp_path / "home-page" / "letter.txt").write_text("mine")
    done = assay("export", str(tmp_path / "home-page"))
    assert done.exit_code == 1
    assert "is there and is no mirror" in done.output
    assert files(tmp_path / "home-page") == {"letter.txt": b"mine"}


def test_an_export_that_ended_between_the_renamings_goes_on(kept: World, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    assay("export", str(folder))
    folder.rename(folder.with_name("mirror.before"))
    folder.with_name("mirror.part").mkdir()
    done = assay("export", str(folder))
    assert done.exit_code == 0, done.output
    assert "4 files written" in done.output


def test_one_export_at_a_time(kept: World, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    with mirror._part(folder.with_name("mirror.part"), folder):
        done = assay("export", str(folder))
    assert done.exit_code == 1
    assert "another export" in done.output


def test_before_the_first_checkpoint_there_is_nothing_to_mirror(
    kept: World, tmp_path: Path, pristine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.db").write_bytes(pristine.read_bytes())
    monkeypatch.setenv("ASSAY_DATABASE", f"sqlite:///{tmp_path / 'empty.db'}")
    done = assay("export", str(tmp_path / "mirror"))
    assert done.exit_code == 1
    assert "no checkpoint is signed yet" in done.output
    assert "Tiles of the public log: 0 right, 0 written, 0 taken out" in assay("rebuild").output


def tiles_of(world: World) -> dict[tuple[str, int, int], bytes]:
    with world.wired.database.read() as session:
        return {(r.log, r.level, r.number): r.hashes for r in session.exec(select(LedgerTile))}


def test_tiles_are_made_again_byte_for_byte(kept: World) -> None:
    whole = tiles_of(kept)
    assert "Tiles of the public log: 3 right, 0 written, 0 taken out" in assay("rebuild").output
    with damage(kept) as session:
        session.connection().execute(delete(LedgerTile).where(col(LedgerTile.level) == 1))
        session.connection().execute(
            update(LedgerTile).where(col(LedgerTile.number) == 1).values(hashes=bytes(64))
        )
        session.add(LedgerTile(log=Log.PUBLIC, level=0, number=9, hashes=bytes(32)))
    assert tiles_of(kept) != whole
    done = assay("rebuild")
    assert done.exit_code == 0, done.output
    assert "Tiles of the public log: 1 right, 2 written, 1 taken out" in done.output
    assert tiles_of(kept) == whole


@pytest.mark.parametrize("change", ["leaf", "missing"])
def test_leaves_that_do_not_have_the_root_of_the_head_change_nothing(kept: World, change: str) -> None:
    with damage(kept) as session:
        mine = col(LedgerEntry.leaf_index) == 5, col(LedgerEntry.log) == Log.PUBLIC
        values = {"leaf": bytes(32)} if change == "leaf" else {"leaf_index": None}
        session.connection().execute(update(LedgerEntry).where(*mine).values(**values))
        session.connection().execute(update(LedgerTile).where(col(LedgerTile.level) == 1).values(hashes=b""))
    before = tiles_of(kept)
    done = assay("rebuild")
    assert done.exit_code == 1
    assert "Nothing was rebuilt" in done.output
    assert tiles_of(kept) == before
