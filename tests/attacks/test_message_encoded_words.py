"""Encoded words without end, and encoded words that never end."""

from __future__ import annotations

from mailhub.message import limits, parse
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_encoded_words_stop_at_their_bound() -> None:
    """The first limits.ENCODED_WORDS words are decoded, the rest stays as written and is flagged."""
    read = read_linearly(hostile_mails.encoded_words)
    assert "encoded-words" in read.flags
    assert read.subject.startswith("a" * limits.ENCODED_WORDS)


def test_words_that_never_end_are_text() -> None:
    """Words that begin and never end cost a bounded number of looks."""
    read = read_linearly(hostile_mails.broken_words)
    assert "?q?" in read.subject


def test_a_word_cannot_smuggle_a_line() -> None:
    """An encoded word that decodes to CR LF and another field stays one value."""
    raw = b"Subject: =?utf-8?q?a=0D=0ABcc:_x@y.example=00?=\r\n\r\n"
    assert parse.parse(raw).subject == "a Bcc: x@y.example"
