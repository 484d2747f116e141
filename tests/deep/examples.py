"""A plugin: how many examples a property is tried with, chosen by ``ASSAY_HYPOTHESIS``.

``usual`` is hypothesis's own number, ``deep`` twenty times that, for ``make deep``, ``brief`` a fifth and
the same ones each time, where tests run thousands of times. A number that a property asks for is taken in
proportion. No example has a time limit: a machine with other work would fail a property that holds.
"""

from __future__ import annotations

import os

import hypothesis
import pytest

USUAL = hypothesis.settings.default.max_examples

hypothesis.settings.register_profile("usual", hypothesis.settings.default, deadline=None)
hypothesis.settings.register_profile("deep", max_examples=20 * USUAL, deadline=None)
hypothesis.settings.register_profile(
    "brief", max_examples=USUAL // 5, deadline=None, derandomize=True, database=None
)
hypothesis.settings.load_profile(os.environ.get("ASSAY_HYPOTHESIS", "usual"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Scale the properties with a number of their own, where hypothesis keeps it."""
    profile = hypothesis.settings.default
    if profile.max_examples == USUAL:
        return
    for function in {getattr(item, "obj", None) for item in items}:
        own = getattr(function, "_hypothesis_internal_use_settings", profile)
        if own.max_examples != profile.max_examples:
            number = max(1, own.max_examples * profile.max_examples // USUAL)
            function._hypothesis_internal_use_settings = hypothesis.settings(own, max_examples=number)
