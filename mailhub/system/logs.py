"""Set up the log: structlog for our lines, the same shape for the libraries'. Ids and words only, never personal data.

Written to standard error: JSON, one object a line, or aligned text on a terminal. Loggers known to print addresses
(aiosmtpd's ``mail.log`` prints MAIL FROM and RCPT TO at INFO) are shut off here.
Every error that a stranger or a client hears of in general words has an id (``new_error_id``) that is in the log too.
"""

from __future__ import annotations

import logging
import secrets
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from mailhub.errors import MailhubError

SILENCED = ("mail.log", "uvicorn.access", "aiosmtplib", "apscheduler")
QUIET = ("uvicorn", "uvicorn.error", "sqlalchemy", "asyncio", "concurrent.futures")


def new_error_id() -> str:
    """12 characters that name one error in the log and to the client."""
    return secrets.token_hex(6)


def without_text(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and frames: its text may quote a mail (SQLAlchemy's quote the row).

    The text stays where the exception is ours: a ``MailhubError`` holds no personal data.
    """
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]

    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        if isinstance(error, MailhubError):
            event["error_text"] = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        event["frames"] = [
            f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-12:]
        ]

    return event


def configure(level: str = "info", format_: str = "auto", stream: TextIO | None = None) -> None:
    """Send all logging of the process through structlog; safe to call again (SIGHUP)."""
    target = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_text,
    ]
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(format_, target),
            ],
        )
    )

    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _quieten()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:3],
            *shared[4:],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _renderer(format_: str, target: TextIO) -> Any:
    if format_ == "text" or (format_ == "auto" and target.isatty()):
        return structlog.dev.ConsoleRenderer(colors=target.isatty())
    return structlog.processors.JSONRenderer()


def _quieten() -> None:
    for name in SILENCED:
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
