"""What processes write to their log: one JSON object a line, with identifiers and never with content.

An exception is written as its type and where it was raised. Its words are left out: they quote what somebody
typed, or a row. A row is written as which it is, and whatever stands under the name of a column that is not
public is withheld (`secure_access.data_classes`).
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from portal.settings import Settings
from secure_access import db

OURS = ("portal", "evaluator", "secure_access", "infra")
_FRAMES = 12
WITHHELD = "withheld"


def configure(settings: Settings, process: str) -> None:
    """Send the log of this process to ``settings.log``; our own from level info on, of others warnings."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
        _without_words,
        _withhold(db.never_public()),
    ]
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _handler(settings.log)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)


def _handler(target: str) -> logging.Handler:
    if target == "-":
        return logging.StreamHandler(sys.stderr)
    path = Path(target)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    # Opened again when it was rotated away. Several processes append; a line is written in one piece.
    return WatchedFileHandler(path)


def _name_process(process: str) -> Processor:
    def name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "process": process, "pid": os.getpid()}

    return name


def _without_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    raised = event.pop("exc_info", None)
    record = event.get("_record")
    if record is not None:
        # A foreign record: the standard formatter would append the traceback with its words.
        raised, record.exc_info, record.exc_text = raised or record.exc_info, None, None
    error = _exception(raised)
    if error is not None:
        if record is not None:
            event["event"] = str(record.msg)  # not filled in: what fills it quotes the exception
        event["raised"] = [_told(link) for link in _chain(error)]
    return event


def _withhold(names: frozenset[str]) -> Processor:
    """Leave out what stands under one of these names, however deep, and of a row all but which it is."""

    def told(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: WITHHELD if key in names else told(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [told(inner) for inner in value]
        return repr(value) if isinstance(value, db.Table) else value

    def withhold(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        ours = {key: event[key] for key in event if key.startswith("_")}  # structlog's own
        return {**told({key: event[key] for key in event if key not in ours}), **ours}

    return withhold


def _exception(raised: Any) -> BaseException | None:
    if isinstance(raised, BaseException):
        return raised
    if isinstance(raised, tuple):
        return raised[1] if isinstance(raised[1], BaseException) else None
    return sys.exc_info()[1] if raised else None


def _chain(error: BaseException) -> Iterable[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _told(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"type": f"{type(error).__module__}.{type(error).__qualname__}", "at": where}
