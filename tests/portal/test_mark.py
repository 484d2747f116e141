"""The authority's mark: a picture of shapes, served by us; whatever could run, load or link is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from portal.app import create_zones
from portal.mark import LARGEST, BadMark, read
from portal.settings import Settings, SettingsError
from portal.web import HEADERS
from tests.fixtures.app import World

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
SHAPES = (
    '<defs><linearGradient id="a"><stop offset="1"/></linearGradient></defs><path fill="url(#a)" d="M0 0h9"/>'
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def svg(folder: Path, inside: str, head: str = HEAD) -> Path:
    path = folder / "mark.svg"
    path.write_text(f"{head}{inside}</svg>")
    return path


def test_shapes_and_a_png_are_taken(tmp_path: Path) -> None:
    assert read(svg(tmp_path, SHAPES)).media_type == "image/svg+xml"
    (tmp_path / "mark.png").write_bytes(PNG)
    assert read(tmp_path / "mark.png").name.endswith(".png")


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("<g><foreignObject/></g>", "<foreignObject>"),
        ('<image href="a.png"/>', "<image>"),
        ("<style>path{}</style>", "<style>"),
        ("<animate/>", "<animate>"),
        ('<h:script xmlns:h="http://www.w3.org/1999/xhtml"/>', "script>"),
        ('<path onload="x()"/>', "runs a script"),
        ('<path OnLoad="x()"/>', "runs a script"),
        ('<use xlink:href="https://example.org/a.svg#b"/>', "outside the picture"),
        ('<use href="other.svg#b"/>', "outside the picture"),
        ('<path fill="url(https://example.org/a)"/>', "outside the picture"),
        ('<path style="fill: url( //example.org/a )"/>', "outside the picture"),
        ("<path fill=\"url('other.svg#a')\"/>", "outside the picture"),
        ('<path style="background:u\\72l(//example.org)"/>', "outside the picture"),
        ('<path style="@import x"/>', "outside the picture"),
        ("<path>", "neither a PNG nor an SVG"),
    ],
)
def test_what_runs_loads_or_links_is_refused(tmp_path: Path, inside: str, words: str) -> None:
    with pytest.raises(BadMark, match=words):
        read(svg(tmp_path, inside))


def test_what_is_no_mark_is_named_with_the_settings(tmp_path: Path) -> None:
    large, text, page = tmp_path / "large.png", tmp_path / "a.txt", tmp_path / "page.svg"
    large.write_bytes(PNG + bytes(LARGEST))
    text.write_bytes(b"\xff\xfe")
    page.write_text("<html/>")
    bomb = svg(tmp_path, "<g>&a;</g>", '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + HEAD)
    for path, words in (
        (large, "larger than 64 KiB"),
        (text, "neither a PNG nor an SVG"),
        (page, "neither a PNG nor an SVG"),
        (bomb, "document type"),
        (tmp_path / "none.svg", "cannot be read"),
    ):
        with pytest.raises(SettingsError, match="ASSAY_MARK") as refused:
            Settings.from_env({"ASSAY_MARK": str(path)})
        assert words in str(refused.value)
    assert Settings.from_env({}).mark is None


def test_every_zone_shows_it_and_serves_it_under_the_strict_policy(
    sqlite_world: World, tmp_path: Path
) -> None:
    mark = read(svg(tmp_path, SHAPES))
    wired = replace(sqlite_world.wired, settings=replace(sqlite_world.wired.settings, mark=mark))
    for name, zone in create_zones(wired).items():
        client = zone.test_client()
        page = client.get("/" if name == "public" else "/sign-in", base_url="https://localhost")
        assert page.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        assert page.text.count(f'="/mark/{mark.name}"') == 2
        assert "<svg" not in page.text.partition("</header>")[0]
        served = client.get(f"/mark/{mark.name}", base_url="https://localhost")
        assert (served.get_data(), served.mimetype) == (mark.content, "image/svg+xml")
        assert served.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert served.headers["X-Content-Type-Options"] == "nosniff"
        assert client.get("/mark/other.svg", base_url="https://localhost").status_code == 404


def test_without_one_the_neutral_mark_stands(sqlite_world: World) -> None:
    page = sqlite_world.client("public").get("/").text
    assert "/mark.svg" in page
    assert "<svg" in page.partition("</header>")[0]
