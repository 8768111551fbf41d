"""The log: one shape for all lines, and nothing personal in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from mailhub.errors import Conflict
from mailhub.system import logs

SECRET = "ana@customer.example wrote: my password"


def fail(error: Exception) -> None:
    """Raise it from a frame of its own."""
    raise error


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A log that is read back; the process's own logging is restored."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    target = io.StringIO()
    logs.configure("info", "json", target)
    yield target
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()
    for name in (*logs.SILENCED, *logs.QUIET):
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate, logger.level = [], True, logging.NOTSET


def test_our_lines_and_the_libraries_have_one_shape(stream: io.StringIO) -> None:
    """Lines by structlog and by the standard library are JSON objects with the same keys."""
    structlog.get_logger("mailhub.x").info("one", id=1)
    logging.getLogger("mailhub.y").warning("two", extra={"id": 2})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["id"], line["level"]) for line in lines] == [
        ("one", 1, "info"),
        ("two", 2, "warning"),
    ]
    assert all({"logger", "timestamp"} <= line.keys() for line in lines)


def test_text_of_a_strange_exception_is_left_out(stream: io.StringIO) -> None:
    """An exception is logged by type and frames: its text may quote a mail."""
    try:
        fail(ValueError(SECRET))
    except ValueError:
        structlog.get_logger("mailhub.x").exception("crashed")
        logging.getLogger("mailhub.y").exception("crashed")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert SECRET not in stream.getvalue()
    assert first["error"] == second["error"] == "ValueError"
    assert first["frames"][-1].endswith(" fail")


def test_text_of_our_own_errors_is_kept(stream: io.StringIO) -> None:
    """An error of ours holds nothing personal, so its text is in the log."""
    try:
        fail(Conflict("the ticket is closed"))
    except Conflict:
        structlog.get_logger("mailhub.x").exception("refused")
    assert json.loads(stream.getvalue())["error_text"] == "the ticket is closed"


@pytest.mark.parametrize("name", logs.SILENCED)
def test_loggers_that_print_addresses_are_shut_off(stream: io.StringIO, name: str) -> None:
    """aiosmtpd's mail.log and the like write nothing."""
    logging.getLogger(name).error(SECRET)
    assert stream.getvalue() == ""


def test_level_is_obeyed(stream: io.StringIO) -> None:
    """Lines below the level are not written."""
    structlog.get_logger("mailhub.x").debug("detail")
    assert stream.getvalue() == ""
