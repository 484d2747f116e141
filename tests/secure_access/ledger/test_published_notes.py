"""Every case of published suites for signed notes, checkpoints and tiles, and a proof of a log that runs.

Inputs and outcomes are those of golang.org/x/mod sumdb/note/note_test.go and
sumdb/tlog/{note,tlog,tile}_test.go (BSD-3-Clause, The Go Authors), transparency-dev/formats
log/checkpoint_test.go (Apache-2.0, Google LLC) and sigstore-python
test/assets/staging-rekor-v2.txt.sigstore.json (Apache-2.0). Where this code refuses more than
they do, the case says so.
"""

import base64
import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_access.keys import SigningKey
from secure_access.ledger import merkle, note, tiles
from secure_access.ledger.note import Checkpoint, NoteError, VerifierKey
from secure_access.ledger.tiles import Tile

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
BY_PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ryy"
    "BwJnAM=\n"
)
BY_ENOCH = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc"
    "+QQ=\n"
)


def spoilt(line: str) -> str:
    """Upstream's way to spoil a signature: four more letters after byte 60 of the line."""
    raw = line.encode()
    return (raw[:60] + b"ABCD" + raw[60:]).decode()


def peter() -> SigningKey:
    return SigningKey("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PETER_SEED))


# Verifier keys and signing


def test_a_key_and_every_mangling_of_it() -> None:
    assert str(VerifierKey.parse(PETER)) == PETER
    manglings = [PETER[i:j] for i in range(len(PETER)) for j in range(i + 1, len(PETER) + 1)]
    manglings.remove(PETER)
    manglings += [PETER[:i] + chr(ord(PETER[i]) + 1) + PETER[i + 1 :] for i in range(len(PETER))]
    manglings += [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ]
    assert len(manglings) > 2000
    for text in manglings:
        with pytest.raises(NoteError):
            VerifierKey.parse(text)


def test_a_signature_is_theirs_byte_for_byte() -> None:
    assert str(note.sign(TEXT, peter())) == f"{TEXT}\n{BY_PETER}"
    known = VerifierKey("PeterNeumann", peter().public)
    assert str(known) == PETER
    signature = peter().sign(b"hi")
    assert known.verifies("hi", signature)
    assert not known.verifies("hi", bytes([(signature[0] + 1) % 256]) + signature[1:])
    assert not known.verifies("ii", signature)


@pytest.mark.parametrize(("text", "name"), [("abc", ""), (TEXT, "bad name")])
def test_what_is_not_signed(text: str, name: str) -> None:
    with pytest.raises(NoteError):
        note.sign(text, peter(), name)


# Opening a note


@pytest.mark.parametrize(
    ("signatures", "keys", "signed"),
    [
        (BY_PETER + BY_ENOCH, [PETER], ["PeterNeumann"]),
        (BY_PETER + BY_ENOCH, [PETER, ENOCH], ["PeterNeumann", "EnochRoot"]),
        (BY_PETER, [ENOCH, PETER, ENOCH], ["PeterNeumann"]),
        (BY_PETER * 2 + BY_ENOCH * 2 + spoilt(BY_ENOCH), [PETER], ["PeterNeumann"]),
        # Upstream calls a key that is listed twice ambiguous; here the same key is the same key.
        (BY_ENOCH, [ENOCH, PETER, ENOCH], ["EnochRoot"]),
    ],
)
def test_opened(signatures: str, keys: list[str], signed: list[str]) -> None:
    opened = note.parse(f"{TEXT}\n{signatures}")
    assert opened.text == TEXT
    found = opened.verified([VerifierKey.parse(key) for key in keys])
    assert [key.name for key in found] == signed


@pytest.mark.parametrize(
    ("message", "keys", "why"),
    [
        (f"{TEXT}\n{BY_PETER}{BY_ENOCH}", [], "no known key"),
        (f"{TEXT}\n{BY_PETER * 101}", [PETER], "at most"),
        (f"{TEXT}\n{BY_PETER * 101}", [], "at most"),
        (f"{TEXT}\n{spoilt(BY_PETER)}", [PETER], "false"),
        (TEXT, [PETER], "signature lines"),
        (f"{TEXT}\n", [PETER], "signature"),
        (f"{TEXT}\n{BY_PETER[:-1]}", [PETER], "signature lines"),
        (f"\x01{TEXT}\n{BY_PETER}", [PETER], "control"),
        # The octet 0xff, as Python holds it in a text.
        (f"\udcff{TEXT}\n{BY_PETER}", [PETER], "control"),
        (f"{TEXT}\n{BY_PETER.replace('PeterNeumann', 'Bad Name')[:-1]}", [PETER], "signature lines"),
        (f"{TEXT}\n{BY_PETER}Unexpected line.\n", [PETER], "malformed"),
        (f"{TEXT}\n{BY_PETER.replace('PeterNeumann', 'CarmenSandiego')}", [PETER], "no known key"),
        (f"{TEXT}\n{BY_PETER.replace('x08g', 'xxxx')}", [PETER], "no known key"),
    ],
)
def test_not_opened(message: str, keys: list[str], why: str) -> None:
    with pytest.raises(NoteError, match=why):
        note.parse(message).verified([VerifierKey.parse(key) for key in keys])


# Checkpoints

HELLO = merkle.leaf_hash(b"hello world")
GO = "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n"


def test_the_checkpoint_of_go() -> None:
    assert Checkpoint("go.sum database tree", 123456789012, HELLO).text == GO
    for more in ("", "JOE\n", "JOE\n" * 1000):
        assert Checkpoint.parse(GO + more) == Checkpoint("go.sum database tree", 123456789012, HELLO)


@pytest.mark.parametrize(
    "text",
    [
        GO.replace("123456789012", "0xabcdef"),
        GO.replace("b0=", "TOOBIG="),
        # Upstream's parser takes a rest without a newline; no signed note has one, and it is refused here.
        GO + "JOE",
    ],
)
def test_not_the_checkpoint_of_go(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_the_origin_is_part_of_a_checkpoint() -> None:
    """Go's parser knows one origin and refuses another; here a verifier looks its key up by the origin."""
    assert Checkpoint.parse("not-" + GO).origin == "not-go.sum database tree"


@pytest.mark.parametrize(
    ("origin", "size", "root", "text"),
    [
        ("Log", 123, b"bananas", "Log\n123\nYmFuYW5hcw==\n"),
        (
            "Banana",
            9944,
            b"the view from the tree tops is great!",
            "Banana\n9944\ndGhlIHZpZXcgZnJvbSB0aGUgdHJlZSB0b3BzIGlzIGdyZWF0IQ==\n",
        ),
        ("Moon Log", 4027504, b"it's a root hash", "Moon Log\n4027504\naXQncyBhIHJvb3QgaGFzaA==\n"),
    ],
)
def test_written_as_published(origin: str, size: int, root: bytes, text: str) -> None:
    """Upstream's roots are texts of any length. They are written alike; only one of 32 bytes is read."""
    assert Checkpoint(origin, size, root).text == text
    with pytest.raises(NoteError, match="32 bytes"):
        Checkpoint.parse(text)


ROOT = base64.b64encode(b"the view from the tree is great!").decode()


@pytest.mark.parametrize(
    ("text", "origin", "size"),
    [
        (f"Log\n123\n{ROOT}\n", "Log", 123),
        (f"Banana\n9944\n{ROOT}\n", "Banana", 9944),
        (f"Log\n9944\n{ROOT}\nHere's some associated data.\n", "Log", 9944),
        (f"Log\n9944\n{ROOT}\nlots\nof\nlines\n", "Log", 9944),
        (f"Moon Log\n4027504\n{ROOT}\n6086d1a9\nWaxing gibbous\n", "Moon Log", 4027504),
    ],
)
def test_read_as_published(text: str, origin: str, size: int) -> None:
    assert Checkpoint.parse(text) == Checkpoint(origin, size, base64.b64decode(ROOT))


@pytest.mark.parametrize(
    "text",
    [
        "Head\n9944\n",
        f"\n9944\n{ROOT}\n",
        f"Log\n123\n{ROOT}",
        f"Log\nbananas\n{ROOT}\n",
        f"Log\n-34\n{ROOT}\n",
        f"Log\n3438945738945739845734895735\n{ROOT}\n",
        "Log\n123\nThisIsn'tBase64\n",
        # Upstream's parser takes empty lines at the end; in C2SP an extension line is not empty.
        f"Log\n9944\n{ROOT}\n\n\n\n",
    ],
)
def test_not_read(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


# Tiles

PATHS = [
    # Go's paths begin with the height, which is 8 everywhere in C2SP tlog-tiles and not written there.
    ("tile/0/001", (0, 1, 256)),
    ("tile/0/001.p/5", (0, 1, 5)),
    ("tile/5/x123/x456/078", (5, 123456078, 256)),
    ("tile/5/x123/x456/078.p/2", (5, 123456078, 2)),
    ("tile/0/x003/x057/500", (0, 3057500, 256)),
    ("tile/63/000", (63, 0, 256)),
]


def parsed(path: str) -> Tile | None:
    """The tile of a path, as the address of a request is read: a level by itself, then the rest."""
    match = re.fullmatch(r"tile/(0|[1-9]\d?)/(.+)", path, re.ASCII)
    return Tile.parse(int(match[1]), match[2]) if match else None


@pytest.mark.parametrize(("path", "tile"), PATHS)
def test_a_tile_has_one_path(path: str, tile: tuple[int, int, int]) -> None:
    assert f"tile/{tile[0]}/{Tile(*tile).address}" == path
    assert parsed(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/5/123/456/078",
        "tile/-1/123/456/078",
        "tile/data/x003/x057/500",
        "tile/0/1",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/64/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/05",
        "tile/0/x٠٠١/001",
        "tile/0/001/",
        "/tile/0/001",
        "tile/0/" + "x999/" * 7 + "999",
    ],
)
def test_what_is_no_path_of_a_tile(path: str) -> None:
    assert parsed(path) is None


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (1, 1, 0),
        (100, 101, 1),
        (1023, 1025, 3),
        (1024, 1030, 1),
        (1030, 2000, 1),
        (1030, 10000, 10),
        (49516517, 49516586, 3),
    ],
)
def test_how_many_tiles_change(monkeypatch: pytest.MonkeyPatch, old: int, new: int, changed: int) -> None:
    """Go counts for tiles of height 10."""
    monkeypatch.setattr(tiles, "HEIGHT", 10)
    monkeypatch.setattr(tiles, "WIDTH", 1 << 10)
    assert len(tiles.grow(lambda _level, _number: bytes(32 << 10), old, [bytes(32)] * (new - old))) == changed


def test_every_proof_out_of_tiles_of_height_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go's test of a tree: 100 leaves one by one, each proof at each size, and none with a bit changed."""
    monkeypatch.setattr(tiles, "HEIGHT", 2)
    monkeypatch.setattr(tiles, "WIDTH", 4)
    held: dict[tuple[int, int], bytes] = {}
    leaves = [merkle.leaf_hash(b"leaf %d" % n) for n in range(100)]
    roots: list[bytes] = []
    for size in range(1, 101):
        changed = tiles.grow(lambda *place: held.get(place, b""), size - 1, leaves[size - 1 : size])
        assert all(tile.startswith(held.get(place, b"")) for place, tile in changed.items())
        held.update(changed)
        tree = tiles.nodes(lambda *place: held.get(place, b""))
        roots.append(merkle.root(size, tree))
        for index in range(0, size, 7):
            proof = merkle.inclusion_proof(index, size, tree)
            merkle.verify_inclusion(leaves[index], index, size, proof, roots[-1])
            for place, node in enumerate(proof):
                wrong = [*proof[:place], bytes([node[0] ^ 1]) + node[1:], *proof[place + 1 :]]
                with pytest.raises(merkle.ProofError):
                    merkle.verify_inclusion(leaves[index], index, size, wrong, roots[-1])
        for old in range(1, size + 1, 5):
            proof = merkle.consistency_proof(old, size, tree)
            merkle.verify_consistency(old, size, proof, roots[old - 1], roots[-1])
            for place, node in enumerate(proof):
                wrong = [*proof[:place], bytes([node[0] ^ 1]) + node[1:], *proof[place + 1 :]]
                with pytest.raises(merkle.ProofError):
                    merkle.verify_consistency(old, size, wrong, roots[old - 1], roots[-1])
    assert held == tiles.grow(tiles.nothing, 0, leaves)


# A log that runs


def test_a_proof_of_a_running_log() -> None:
    """An entry of the staging instance of Rekor v2, with the key that its operator publishes."""
    vector = json.loads((Path(__file__).parents[1] / "vectors" / "rekor_v2_staging.json").read_text())
    proof = [base64.b64decode(node) for node in vector["hashes"]]
    leaf = base64.b64decode(vector["leafHash"])
    signed = note.parse(vector["checkpoint"])
    key = VerifierKey(vector["origin"], base64.b64decode(vector["publicKey"])[-32:])
    assert signed.verified([key]) == (key,)
    head = Checkpoint.parse(signed.text)
    assert (head.origin, head.size) == (vector["origin"], 646)
    merkle.verify_inclusion(leaf, vector["logIndex"], head.size, proof, head.root)
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(leaf, vector["logIndex"] - 1, head.size, proof, head.root)
    with pytest.raises(NoteError, match="false"):
        note.parse(vector["checkpoint"].replace("\n646\n", "\n647\n")).verified([key])
