"""What every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

# Fixture modules import each other: all of them are marked before the first is imported.
pytest.register_assert_rewrite("tests.fixtures")

pytest_plugins = [
    "tests.fixtures.app",
    "tests.fixtures.databases",
    "tests.fixtures.filing",
    "tests.fixtures.review",
    "tests.fixtures.enforcement",
    "tests.fixtures.evaluator",
    "tests.fixtures.s3",
    "tests.fixtures.instance",
    "tests.fixtures.browser",
]

# Plain lines: a traceback in colour with every local variable takes seconds to draw.
structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()])

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real inputs beside the checkout; a test that needs it skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real inputs (../shared) is not beside this checkout")
    return SHARED
