"""One line per unit of work on standard output, JSON outside a terminal; never a payload or a secret."""

import logging
import sys

import structlog


def configure() -> None:
    """Send every log line to standard output, in the shape that whoever reads it wants."""
    shape: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer()
        if sys.stdout.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    # The libraries tell of every lost connection in paragraphs; the kit and the server tell it in one line.
    for name in ("aio_pika", "aiormq", "httpx", "uvicorn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
