"""The log: one JSON object a line, private to the instance, and without what people typed."""

from __future__ import annotations

import json
import logging
import uuid
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from portal import logs
from portal.settings import Settings
from secure_access.identity import Person


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before, configured = (root.handlers[:], root.level), structlog.get_config()
    path = tmp_path / "home" / "log" / "assay.log"
    logs.configure(Settings.from_env({"ASSAY_HOME": str(tmp_path / "home")}), "test")
    yield path
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = before
    for name in logs.OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    structlog.configure(**configured)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def fault() -> None:
    try:
        raise KeyError("jane@example.test")
    except KeyError as error:
        raise ValueError("typed: my secret") from error


def test_a_line_says_what_where_and_when(log: Path) -> None:
    structlog.get_logger("portal.worker").info("job.done", job_id="1")
    (line,) = lines(log)
    assert line.items() >= {"event": "job.done", "job_id": "1", "level": "info", "process": "test"}.items()
    assert line["timestamp"].endswith("Z")
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_an_exception_is_its_types_and_places_without_its_words(log: Path) -> None:
    try:
        fault()
    except ValueError as error:
        structlog.get_logger("portal.worker").error("job.failed", exc_info=error)
        structlog.get_logger("portal.worker").error("job.failed", exc_info=True)
        logging.getLogger("somebody.else").exception("it broke: %s", error)
    assert "secret" not in log.read_text()
    assert "jane" not in log.read_text()
    for line in lines(log):
        assert [link["type"] for link in line["raised"]] == ["builtins.ValueError", "builtins.KeyError"]
        assert line["raised"][0]["at"][-1].endswith(" fault")
    assert lines(log)[-1]["event"] == "it broke: %s"


def test_a_row_and_its_columns_are_withheld(log: Path) -> None:
    created = datetime(2027, 6, 1, tzinfo=UTC)
    person = Person(
        organisation_id=uuid.uuid4(),
        email="jane@example.test",
        name="Jane",
        password_hash="x9f",
        created_at=created,
    )
    logger = structlog.get_logger("portal.worker")
    logger.info("kept", row=person, rows=[person], fields=person.model_dump(mode="json"), email=person.email)
    logger.info("told", nested={"given": {"content": {"tier": "wooden locks"}}, "job_id": "7"})
    logging.getLogger("somebody.else").warning("odd: %s", person)
    written = log.read_text()
    assert not [word for word in ("jane@", "x9f", "wooden") if word in written]
    first, second, foreign = lines(log)
    assert first["row"] == f"Person(id={person.id!r})"
    assert first["rows"] == [first["row"]]
    assert (first["email"], first["fields"]["password_hash"]) == ("withheld", "withheld")
    assert second["nested"] == {"given": {"content": "withheld"}, "job_id": "7"}
    assert str(person.id) in foreign["event"]


def test_of_others_only_warnings_are_kept(log: Path) -> None:
    logging.getLogger("somebody.else").info("chatter")
    logging.getLogger("somebody.else").warning("%d left", 3)
    structlog.get_logger("portal").warning("odd", exc_info=(None, None, None))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("take care", UserWarning, stacklevel=1)
    told = [line["event"] for line in lines(log)]
    assert told[:2] == ["3 left", "odd"]
    assert "take care" in told[2]


def test_it_can_go_to_standard_error(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings.from_env({"ASSAY_LOG": "-"}), "test")
    structlog.get_logger("portal").info("here")
    assert json.loads(capfd.readouterr().err)["event"] == "here"
