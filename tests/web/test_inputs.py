"""Which files the journey hands in is said in the output of the run."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.web.inputs import MadeInputs, gather


def test_made_files_are_named_in_a_warning(tmp_path: Path) -> None:
    missing = tmp_path / "shared"
    with pytest.warns(MadeInputs, match="made here: there is no"):
        made = gather(missing, tmp_path / "made")
    assert made.log.is_file()
    missing.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gather(missing, tmp_path / "real").log.is_relative_to(missing)
