"""What every test may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

# Tests start hundreds of programs; without bytecode on disk each compiles all libraries anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Fixture modules import each other: all of them are marked before the first is imported.
pytest.register_assert_rewrite("tests.fixtures")

pytest_plugins = [
    "tests.deep.examples",
    "tests.fixtures.access",
    "tests.fixtures.app",
    "tests.fixtures.databases",
    "tests.fixtures.filing",
    "tests.fixtures.named",
    "tests.fixtures.people",
    "tests.fixtures.review",
    "tests.fixtures.enforcement",
    "tests.fixtures.legal",
    "tests.fixtures.evaluator",
    "tests.fixtures.s3",
    "tests.fixtures.instance",
    "tests.fixtures.browser",
    "tests.fixtures.passkeys",
    "tests.fixtures.provider",
    "tests.fixtures.roles",
]

# Plain lines: a traceback in colour with every local variable takes seconds to draw.
structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()])

IN_ONE_PROCESS = ("tests/web/test_every_page.py",)
"""Files whose tests share an instance and what they have seen of it."""


class Scheduling(LoadScopeScheduling):
    """Test by test, but some files whole. pytest 9.2 loses the suffix by which xdist 3.8 keeps a group."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in IN_ONE_PROCESS else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """The scheduling of ``--dist loadgroup``."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real inputs beside the checkout; a test that needs it skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real inputs (../shared) is not beside this checkout")
    return SHARED
