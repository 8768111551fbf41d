"""Lines that look like boundaries, parts without an end of header, headers without one."""

from __future__ import annotations

from mailhub.message import parse, scan
from scripts import hostile_mails
from tests.houses.counted_work import calls_of, read_linearly


def test_look_alikes_are_leapt_over() -> None:
    """Lines of dashes are searched at the speed of C: the calls do not grow with them."""
    once, twice = hostile_mails.dashes(2_000_000), hostile_mails.dashes(4_000_000)
    assert calls_of(lambda: scan.scan(twice)) <= 2.2 * calls_of(lambda: scan.scan(once))
    assert calls_of(lambda: scan.scan(twice)) < len(twice) / 100


def test_a_delimiter_behind_look_alikes_is_found() -> None:
    """A part behind a megabyte of look-alikes is not lost."""
    raw = hostile_mails.dashes(1_000_000) + b"\r\n--b \r\n\r\nfound\r\n--b--\r\n"
    assert parse.parse(raw).text == "found"


def test_headers_that_never_end_are_parts() -> None:
    """Parts whose header block never ends are told apart by their boundaries."""
    read = read_linearly(hostile_mails.bare_parts, 20_000)
    assert "parts" in read.flags


def test_junk_is_passed_once() -> None:
    """A header block of junk is passed line by line, once."""
    read = read_linearly(hostile_mails.junk_header)
    assert read.subject == "x"
