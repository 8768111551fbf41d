"""Malformed Message-ID and References; the standard library raises IndexError on the first."""

from __future__ import annotations

from mailhub.message import limits, parse
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_a_broken_id_is_still_an_id() -> None:
    """A Message-ID of brackets is kept as an id of one word, so that the mail can be told from others."""
    assert parse.parse(b"Message-ID: <[[[[\r\n\r\n").message_id == "[[[["


def test_references_are_read_once() -> None:
    """References that never close cost one pass."""
    read_linearly(hostile_mails.message_ids)


def test_references_are_bounded() -> None:
    """The last limits.MESSAGE_IDS references count: the nearest ancestors."""
    raw = b"References: " + b"".join(b"<%d@a.example> " % number for number in range(2_000)) + b"\r\n\r\n"
    read = parse.parse(raw)
    assert len(read.references) == limits.MESSAGE_IDS
    assert read.references[-1] == "1999@a.example"
