"""A plugin for mutation testing: nothing of the law is remembered from one run of the tests to the next.

All runs are forks of one process, in which the packs have been read already: a mutant in the code that reads
them would never be executed. While it is recorded which test calls which function, each test reads the packs
itself.
"""

from __future__ import annotations

import gc
import os
import sys


def forget() -> None:
    """Empty every cache of a function of the law."""
    for name, module in list(sys.modules.items()):
        if name.startswith("portal.law."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def pytest_sessionstart() -> None:
    forget()


def pytest_runtest_setup() -> None:
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        forget()


def pytest_unconfigure() -> None:
    """What has been imported stays: it need not be looked through again after each mutant."""
    gc.freeze()
