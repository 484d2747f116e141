"""The second file of Python for outsiders: a whole log is checked, and held to a checkpoint that was kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_access.ledger import merkle, verify_log
from secure_access.ledger.verify_log import NOT_WITNESSED, RIGHT, UNREADABLE, WRONG, Tree
from tests.fixtures import long_log
from tests.fixtures.app import World
from tests.portal.register.test_ledger_mirror import assay, kept, served

__all__ = ["kept"]

# Nothing of Assay can be imported there: only what lies beside the file, and cryptography.
ALONE = """
import runpy, sys
sys.modules["secure_access"] = None
sys.path.insert(0, ".")
sys.argv[0] = "verify_log.py"
runpy.run_path("verify_log.py", run_name="__main__")
"""


@pytest.fixture
def mirror(kept: World, tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    assert assay("export", str(folder)).exit_code == 0
    return folder


def verify(mirror: Path, *words: str) -> tuple[int, str]:
    """What the file that lies in the mirror says, run there by itself."""
    command = [sys.executable, "-c", ALONE, *words, "policy.txt"]
    done = subprocess.run(command, cwd=mirror, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_mirror_is_checked_by_the_files_in_it(mirror: Path) -> None:
    status, said = verify(mirror, "mirror", ".")
    assert (status, said.splitlines()[0]) == (
        NOT_WITNESSED,
        "300 entries, 43 of them public: tiles, entries and root are right",
    ), said


def test_over_http_too(mirror: Path, kept: World) -> None:
    with served(mirror) as get:
        log = verify_log.Log(get, verify_log._policy(str(mirror / "policy.txt")))
        assert (log.size, log.check()) == (300, 43)
    assert verify(mirror, "mirror", "http://127.0.0.1:1/ledger")[0] == UNREADABLE


def flip(file: Path, at: int = 3) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a hash of a tile": (lambda f: flip(f / "tile/0/000"), "tile/0/000 does not hold the hashes"),
    "an upper tile": (lambda f: flip(f / "tile/1/000.p/1"), "tile/1/000.p/1 does not hold"),
    "a leaf": (lambda f: flip(f / "tile/entries/000", 9), "the leaves do not have the root"),
    "a bundle cut short": (
        lambda f: (f / "tile/entries/000").write_bytes((f / "tile/entries/000").read_bytes()[:-34]),
        "does not hold 256 entries",
    ),
    "a tile that is missing": (lambda f: (f / "tile/0/001.p/44").unlink(), "tile/0/001.p/44 is not there"),
    "an entry in another's place": (
        lambda f: (f / "entry/7").write_bytes((f / "entry/0").read_bytes()),
        "entry/7 is not what its leaf commits to",
    ),
    "a checkpoint said otherwise": (
        lambda f: (f / "checkpoint").write_text((f / "checkpoint").read_text().replace("\n300\n", "\n299\n")),
        "is false",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_does_not_fit_is_named(mirror: Path, name: str) -> None:
    change, why = DAMAGE[name]
    change(mirror)
    status, said = verify(mirror, "mirror", ".")
    assert (status, why in said) == (WRONG, True), said


def test_a_kept_checkpoint_is_continued_or_the_fork_is_shown(
    mirror: Path, kept: World, tmp_path: Path
) -> None:
    old, newer = tmp_path / "old", tmp_path / "newer"
    old.write_bytes((mirror / "checkpoint").read_bytes())
    long_log.lengthen(kept, (350, 600))
    assert assay("export", str(mirror)).exit_code == 0
    newer.write_bytes((mirror / "checkpoint").read_bytes())
    status, said = verify(mirror, "consistent", ".", str(old))
    assert (status, "600 entries of today continue the 300" in said) == (NOT_WITNESSED, True), said
    # The log as it was, held to the newer checkpoint: rolled back.
    (mirror / "checkpoint").write_bytes(old.read_bytes())
    assert verify(mirror, "consistent", ".", str(newer))[1].startswith("wrong: it was signed with 600")
    (mirror / "checkpoint").write_bytes(newer.read_bytes())
    flip(mirror / "tile/entries/000", 9)
    assert verify(mirror, "consistent", ".", str(old))[0] == WRONG


def test_what_is_asked_wrongly_is_said(mirror: Path) -> None:
    assert verify(mirror)[0] == UNREADABLE
    (mirror / "policy.txt").write_text("quorum none\n")
    assert "no log key of the policy signed" in verify(mirror, "mirror", ".")[1]


def test_the_tree_is_the_one_of_the_log() -> None:
    """Against the ledger's own tree, at every size to 300."""
    leaves = [merkle.leaf_hash(bytes([n % 256, n // 256])) for n in range(300)]
    tree, nodes = Tree(leaves), merkle.from_leaves(leaves)
    assert all(tree.root(size) == merkle.root(size, nodes) for size in range(301))
    assert RIGHT == 0
