"""Vendored files are the ones that were reviewed, and static files may be cached for ever."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask

from portal import ui

AXE = Path(__file__).resolve().parents[2] / "web" / "vendor" / "axe"


@pytest.mark.parametrize("folder", [ui.STATIC / "vendor", AXE], ids=["vendor", "axe"])
def test_vendored_files_match_their_manifest(folder: Path) -> None:
    lines = (folder / "MANIFEST.sha256").read_text().splitlines()
    listed = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "MANIFEST.sha256"
    }
    assert found == listed


def test_licences_stand_beside_the_files() -> None:
    assert "OFL" in (ui.STATIC / "vendor" / "uswds" / "LICENSE.md").read_text()
    assert "Mozilla Public License" in (AXE / "LICENSE").read_text()


def test_fonts_for_letters_are_there() -> None:
    assert sorted(path.name.split("-")[1] for path in ui.FONTS.glob("*.ttf")) == ["bold", "italic", "regular"]


def test_own_css_names_only_fonts_and_tokens_that_exist() -> None:
    css = (ui.STATIC / "own.css").read_text()
    assert set(re.findall(r"var\((--[\w-]+)", css)) <= set(re.findall(r"(--[\w-]+):", css))
    assert "url(" not in css
    assert "@import" not in css


def test_a_static_file_is_served_for_ever(gallery: Flask) -> None:
    client = gallery.test_client()
    address = ui.static("own.css")
    response = client.get(address)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.mimetype == "text/css"
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == response.data
    assert (
        client.get(ui.static("vendor/uswds/fonts/roboto-mono/roboto-mono-v5-latin-regular.woff2")).status_code
        == 200
    )


def test_a_relative_link_of_the_stylesheet_stays_inside_one_version(gallery: Flask) -> None:
    css = ui.static("vendor/uswds/css/uswds.min.css")
    assert (
        gallery.test_client().get(css.replace("css/uswds.min.css", "img/usa-icons/search.svg")).status_code
        == 200
    )


@pytest.mark.parametrize(
    "path",
    [
        "/static/0000000000000000/own.css",
        "/static/{}/none.css",
        "/static/{}/../__init__.py",
        "/static/{}/vendor",
    ],
)
def test_anything_else_is_not_found(gallery: Flask, path: str) -> None:
    assert gallery.test_client().get(path.format(ui.static_digest())).status_code == 404


def test_a_template_cannot_name_a_file_that_is_not_there() -> None:
    with pytest.raises(LookupError, match="none"):
        ui.static("none.css")
