"""The documentation: every link leads somewhere, every command that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from portal.cli import main

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = sorted([DOCS / "README.md", *DOCS.glob("how-to/*.md"), *DOCS.glob("explanation/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page: Path) -> None:
    for words in re.findall(r"\bassay ((?:[a-z][a-z-]* ?){1,2})", " ".join(_code(page.read_text()))):
        command: click.Command | None = main
        for word in words.split():
            if isinstance(command, click.Group):
                command = command.get_command(click.Context(command), word)
                assert command is not None, words


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    for page in PAGES[1:]:
        if page.name != "README.md":
            assert page.relative_to(DOCS).as_posix() in index


def _code(text: str) -> list[str]:
    fenced = re.findall(r"```\n(.*?)```", text, flags=re.DOTALL)
    return [*fenced, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
