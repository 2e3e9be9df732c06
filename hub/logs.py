"""Structured logs: one line per unit of work, JSON outside a terminal, never a payload or a secret."""

import logging
import sys
from typing import Final, Literal

import structlog

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(log_format: Literal["auto", "json", "console"], level: str) -> None:
    """Send every log line to standard output, in the shape that whoever reads it wants."""
    is_console = log_format == "console" or (log_format == "auto" and sys.stdout.isatty())
    shape: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
        if is_console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    # The client library tells of every lost connection in paragraphs; the links tell it in one line.
    for name in ("aio_pika", "aiormq", "asyncpg", "uvicorn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
