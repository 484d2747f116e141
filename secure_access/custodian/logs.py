"""What the custodian's processes tell their operator: a line of JSON each, never the value of a variable."""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """Send lines to standard error.

    Not as structlog does unasked: where `rich` is installed it prints the variables of every function that a
    fault came through, and those of the core are keys, questions and pages.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
